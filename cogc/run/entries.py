"""Messages from outside to the root: checked first, then an event of the journal, then a message of the kernel.

What is refused leaves no trace: neither journal nor kernel see it. What is taken has a number, which counts the
messages from outside in the order in which they entered, those of the command line too. A message that brings a key
enters once (`keys.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from cogc.kernel import ports
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import STOPPED, STOPPING
from cogc.language.texts import is_internal
from cogc.language.values import Failure
from cogc.run.journal import Event
from cogc.run.json_text import read_words
from cogc.run.keys import Entered, Key, Keys
from cogc.run.outside import Notice, Outside

ENDING = "the run is ending"


class Entries:
    """The messages from outside of one run. `event` writes to its journal. `counts` has the messages of each channel, and `given` counts those that the
    command line has given."""

    def __init__(self, kernel: Kernel, outside: Outside, event: Callable[..., None], keys: Keys) -> None:
        self.kernel = kernel
        self.keys = keys
        self.outside = outside
        self.event = event
        self.seq = self.given = 0
        self.counts: Counter[str] = Counter()
        self.waiting: list[Notice] = []
        self.closed = False

    async def send(
        self,
        channel: str,
        value: Any,
        entered: Callable[[Entered], object] | None = None,
        key: Key | None = None,
        certain: bool = True,
    ) -> Entered:
        """Hand in a message. `entered` is called before anything can come of it. If one with the same key has entered, return that.

        In a durable run this waits until the message is on disk, unless nobody is told that it is (not `certain`).
        Raise Failure if it is refused: of kind `missing` for a channel that is not there, `type` for a value that does not
        fit, `full` for a full inbox, `stopped` for a run that is ending, `key` for the key of another message.
        """
        if self.closed:
            raise Failure("stopped", ENDING)
        notice = self.outside.notify(0, "input", channel, value, entered, key, certain)
        self.waiting.append(notice)
        await notice
        if isinstance(notice.answer, Failure):
            raise notice.answer
        found: Entered = notice.answer
        return found

    def take(self, notice: Notice) -> None:
        """Take a message that was handed in, or refuse it."""
        channel, value, entered, key, certain = notice.data
        try:
            known = None if key is None else self.keys.find(channel, key, self.kernel.now)
            if known is None:
                self.check(channel, value)
                self._room(channel)
                known = self.enter(channel, value, key=key)
                if entered is not None:
                    entered(known)
            notice.answer = known
        except Failure as refused:
            notice.answer = refused
        self.waiting.remove(notice)
        (self.outside.acknowledge if certain else self.outside.release)(notice.taken.set)

    def enter(self, channel: str, value: Any, given: bool = False, key: Key | None = None) -> Entered:
        """Hand a message to the root: one that the command line has `given`, or another. Raise Failure if it does not fit."""
        written = [] if key is None else [key.text, key.digest, key.reply]
        self.event("input", channel, value, *([given] if given or key else []), *written)
        record = self.kernel.input(channel, value)
        self._count(channel, given)
        if key is None:
            return Entered(self.seq, record)
        return self.keys.add(channel, key, self.seq, record, self.kernel.now)

    def entered_before(self, record: int, event: Event) -> None:
        """Take note of a message that had entered before the run was resumed: its record in the trace, and its event."""
        channel = event[3]
        self._count(channel, len(event) > 5 and event[5])
        if len(event) > 6:
            self.keys.add(channel, Key(*event[6:]), self.seq, record, self.kernel.now)

    def _count(self, channel: str, given: bool) -> None:
        """Count a message that has entered. Its number is `seq`."""
        self.seq += 1
        self.given += given
        self.counts[channel] += 1

    def check(self, channel: str, value: Any) -> None:
        """Refuse a message that the root cannot take, by a Failure."""
        root = self.kernel.root
        if root is None or self.kernel.ended or root.gate & (STOPPING | STOPPED):
            raise Failure("stopped", ENDING)
        code = root.code
        code.unit.checked(self.type_of(channel), value, f"the input `{channel}`")

    def type_of(self, channel: str) -> int:
        """Return the number of a listen channel's type. Raise Failure if the root has no such channel."""
        root = self.kernel.unit.bundle.coglets[self.kernel.first]
        known = {c.name: c.type for c in root.listens if not is_internal(c.name)}
        if channel not in known:
            names = ", ".join(f"`{name}`" for name in known) or "nothing"
            raise Failure("missing", f"`{root.name}` has no listen channel `{channel}`: it listens to {names}")
        return known[channel]

    def read(self, channel: str, text: str) -> Any:
        """Return the value that a person has written for a channel: the text itself for a string, else JSON, else the text.
        Raise Failure for JSON that the language cannot hold."""
        if self.kernel.unit.bundle.types[self.type_of(channel)] == "string":
            return text
        return read_words(text, f"the input `{channel}`")

    def _room(self, channel: str) -> None:
        """Refuse a message for an inbox that is full and drops nothing."""
        assert self.kernel.root is not None
        port = ports.port(self.kernel.root, channel)
        if port.fill >= port.capacity and port.overflow in ("block", "fail"):
            raise Failure("full", f"the inbox `{channel}` is full: {port.capacity}")

    def close(self) -> None:
        """Refuse the messages that are left: the run is over."""
        self.closed = True
        for notice in self.waiting:
            notice.answer = Failure("stopped", ENDING)
            self.outside.acknowledge(notice.taken.set)
        self.waiting.clear()
