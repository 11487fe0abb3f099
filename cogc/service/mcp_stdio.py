"""MCP over stdin and stdout: a client starts the process, and its tools are there until the client closes stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server

LONGEST = 4 << 20
"""The bytes of the longest line that is read."""
_PIECE = 1 << 16
PATIENCE = 2.0
"""Seconds that a client which has closed stdin has to read on, before what it does not read is given up."""


class Wire:
    """The descriptor that a server writes to, as good as a file of anyio. A client that does not read holds nothing up. When it is lost, `on_lost` gets the
    reason, `closed` is called, and what is written afterwards is dropped."""

    def __init__(self, number: int, on_lost: Callable[[OSError], object]) -> None:
        self.number = number
        self.on_lost = on_lost
        self.closed: Callable[[], object] = lambda: None
        self._lost = False
        self._waits = False
        self._written = 0

    async def write(self, text: str) -> None:
        data = text.encode()
        while data and not self._lost:
            try:
                self._waits = True
                written = await trio.to_thread.run_sync(os.write, self.number, data, abandon_on_cancel=True)
                self._written += written
                data = data[written:]
            except OSError as error:
                self._lost = True
                self.on_lost(error)
                self.closed()
            finally:
                self._waits = False

    async def flush(self) -> None:
        """Do nothing: `write` keeps nothing back."""

    async def stuck(self) -> None:
        """Return when the reader has taken nothing for `PATIENCE` seconds, while there was something for it."""
        while True:
            before = self._written
            await trio.sleep(PATIENCE)
            if self._waits and self._written == before:
                return


def claim_stdout(on_lost: Callable[[OSError], object]) -> Wire:
    """Return a wire of the protocol's own. Whatever is printed from now on, by any code, goes to stderr."""
    sys.stdout.flush()
    wire = os.dup(1)
    os.dup2(2, 1)
    return Wire(wire, on_lost)


@asynccontextmanager
async def over_stdio(
    server: Server[Any], wire: Wire, closed: Callable[[], object], begun: trio.Event
) -> AsyncIterator[None]:
    """Serve over stdin and a wire while the body runs, from `begun` on. `closed` is called when the client is gone: it has closed stdin,
    and has read all answers or reads no more of them, or it has closed its end of the wire."""
    wire.closed = closed
    lines = _Lines()
    async with trio.open_nursery() as nursery:

        async def served() -> None:
            await begun.wait()
            async with stdio_server(lines, wire) as (read, write):  # type: ignore[arg-type]  # as good as files of anyio
                await server.run(read, write, server.create_initialization_options())
            closed()

        async def left() -> None:
            await lines.over.wait()
            await wire.stuck()
            closed()

        nursery.start_soon(served)
        nursery.start_soon(left)
        yield
        nursery.cancel_scope.cancel()


class _Lines:
    """The lines of stdin. A read that waits does not hold the end of the process up, and a line that is too long is none."""

    def __init__(self) -> None:
        self.data = b""
        self.skips = False
        self.over = trio.Event()

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> str:
        while True:
            line, newline, rest = self.data.partition(b"\n")
            if newline:
                self.data = rest
                if not self.skips:
                    return line.decode("utf-8", "replace")
                self.skips = False
                return "a line that is too long"
            if len(self.data) > LONGEST:
                self.data, self.skips = b"", True
            more = await trio.to_thread.run_sync(_read, abandon_on_cancel=True)
            if not more:
                self.over.set()
                raise StopAsyncIteration
            self.data += more


def _read() -> bytes:
    """Return what stdin has next; nothing at its end, or if it is lost."""
    try:
        return os.read(0, _PIECE)
    except OSError:
        return b""
