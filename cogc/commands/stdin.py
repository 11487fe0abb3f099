"""`cogc run --stdin [CHANNEL]`: messages for the root, a line of JSON each, while the run goes on.

A thread reads, since a file and a terminal cannot be waited for. The messages enter in the order of the lines; when
the inbox of a channel is full, reading goes on when it has room. The end of the input lets the run end. Nobody is told that a line has
entered, so that none waits for the disk.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from cogc.language.values import Failure
from cogc.run.json_text import read_json
from cogc.run.session import Session

if TYPE_CHECKING:
    from cogc.language.values import Value

LONGEST = 1 << 20
"""The bytes of the longest line."""
_PIECE = 1 << 16
_ROOM = 0.01
"""Seconds after which a full inbox is looked at again."""


def _read() -> bytes:
    """Return what stdin has next; nothing at its end, or if it is lost."""
    try:
        return os.read(0, _PIECE)
    except OSError:
        return b""


class Lines:
    """The lines of stdin for one run. `refused` counts those that were no message."""

    def __init__(self, session: Session, channel: str, strict: bool, stays: bool, say: Callable[[str], object]) -> None:
        self.session = session
        self.channel = channel
        self.strict = strict
        self.stays = stays
        self.say = say
        self.number = 0
        self.refused = 0
        self.rest = b""
        self.too_long = False

    async def read(self) -> None:
        """Hand in lines until the input is over, with which the run may end, unless it stays for other reasons."""
        while True:
            piece = await trio.to_thread.run_sync(_read, abandon_on_cancel=True)
            *lines, self.rest = (self.rest + piece).split(b"\n")
            for line in lines:
                if not await self._line(line):
                    return
            if len(self.rest) > LONGEST:
                self.too_long, self.rest = True, b""
            if not piece:
                break
        if (self.rest or self.too_long) and not await self._line(self.rest):
            return
        if not self.stays:
            self.session.options.stay = False
            self.session.outside.wake()

    async def _line(self, line: bytes) -> bool:
        """Hand in a line. Return whether reading goes on."""
        self.number += 1
        too_long, self.too_long = self.too_long or len(line) > LONGEST, False
        if not too_long and not line.strip():
            return True
        try:
            if too_long:
                raise Failure("error", f"the line has more than {LONGEST} bytes")
            channel, value = self._message(read_json(line, "the line"))
            await self._send(channel, value)
        except Failure as refused:
            if refused.kind == "stopped":
                return False
            self.refused += 1
            self.say(f"cogc: stdin, line {self.number}: {refused.message}\n")
            if self.strict:
                self.session.stop()
                return False
        return True

    def _message(self, found: Value) -> tuple[str, Value]:
        """Return the channel and the value of a line."""
        if self.channel:
            return self.channel, found
        if not isinstance(found, dict) or found.keys() != {"channel", "data"} or not isinstance(found["channel"], str):
            raise Failure("error", 'this is no message: write {"channel": NAME, "data": VALUE}')
        return found["channel"], found["data"]

    async def _send(self, channel: str, value: Value) -> None:
        while True:
            try:
                await self.session.entries.send(channel, value, certain=False)
                return
            except Failure as refused:
                if refused.kind != "full":
                    raise
            await trio.sleep(_ROOM)

    def summary(self) -> str:
        """Return a line about what was refused; nothing if all is well."""
        if not self.refused:
            return ""
        lines = "1 line" if self.refused == 1 else f"{self.refused} lines"
        return f"cogc: stdin: {lines} of {self.number} refused\n"


def is_open() -> bool:
    """Return whether there is a stdin."""
    try:
        os.fstat(0)
    except OSError:
        return False
    return sys.stdin is not None
