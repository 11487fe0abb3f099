"""Taps: copies of what a run says, for whoever follows it from outside.

A tap has a buffer of its own. When it is full the oldest item is lost and counted, so that a follower that is slow, or
does not read at all, holds no coglet up and takes no more memory. Nothing of a tap is an event: a run goes the same
way with taps and without.

Three things can be followed: the messages of the root's channels, those of any other coglet's, and the records of the
trace. With `keep`, the last messages of each channel of the root stay, so that a follower who was away can go on.

An `Ask` waits for the first message of the root that a message from outside has led to. It follows the causes in the
records of the trace, so it needs a run that is traced. All asks share one table of the records that they have led to (`led`), so that a
record costs the same however many there are.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import msgspec
import trio

from cogc.diagnostics.masks import masked_bytes
from cogc.kernel.effects import Output
from cogc.kernel.machine import Kernel
from cogc.language.values import hidden, plain

ROOM = 256
"""The items that a tap holds."""
LINKS = 300_000
"""The records that are remembered as led to by messages that ask; the oldest ones are forgotten first."""
T = TypeVar("T")


class Said:
    """A message that came out: its number among those of its channel, the channel, and the value as JSON."""

    __slots__ = ("_event", "channel", "data", "number")

    def __init__(self, number: int, channel: str, data: bytes) -> None:
        self.number = number
        self.channel = channel
        self.data = data
        self._event: bytes | None = None

    def event(self, run: bytes) -> bytes:
        """Return the message as a server-sent event, which is made once for all followers. `run` is the id of the run."""
        if self._event is None:
            self._event = event(run, self.number, self.data)
        return self._event


def event(run: bytes, number: int, data: bytes) -> bytes:
    """Return a message as a server-sent event. Its id has the id of the run and the number among those of its channel; 0 is no number."""
    return b"id: %s.%d\ndata: %s\n\n" % (run, number, data) if number else b"data: %s\n\n" % data


class Tap(Generic[T]):
    """The buffer of one follower."""

    def __init__(self, room: int = ROOM) -> None:
        self.items: deque[T] = deque()
        self.room = room
        self.lost = 0
        self.losses = 0
        self.ended = trio.Event()
        self._news = trio.Event()

    @property
    def over(self) -> bool:
        """True if nothing more will come."""
        return self.ended.is_set()

    def put(self, item: T) -> None:
        """Add an item, and lose the oldest one if there is no room."""
        if len(self.items) >= self.room:
            self.items.popleft()
            self.lost += 1
            self.losses += 1
        self.items.append(item)
        self._news.set()

    def end(self) -> None:
        """Say that nothing more will come."""
        self.ended.set()
        self._news.set()

    async def take(self) -> tuple[int, list[T]] | None:
        """Wait for items. Return how many were lost before them, and them; None if nothing more will come."""
        while not self.items and not self.over:
            await self._news.wait()
            self._news = trio.Event()
        if not self.items:
            return None
        lost, self.lost = self.lost, 0
        found = list(self.items)
        self.items.clear()
        if not self.over:
            self._news = trio.Event()
        return lost, found


class Ask:
    """The wait for the first message of the root, or of one of its channels, that has a cause. `led` tells of the records of the trace to
    which asks they lead back; `records` are those of this one."""

    def __init__(self, channel: str | None, led: dict[int, tuple[Ask, ...]]) -> None:
        self.channel = channel
        self.led = led
        self.answer: Said | None = None
        self.over = False
        self.done = trio.Event()
        self.records: dict[int, None] = {}
        self.on_answer: Callable[[Said], object] | None = None

    def begin(self, record: int) -> None:
        """Take note of the record of the message that asks, or of one that it has led to."""
        self.records[record] = None
        self.led[record] = (*self.led.get(record, ()), self)

    def take(self, said: Said) -> None:
        """Take a message of the root, if it is the answer."""
        if self.answer is None and self.channel in (None, said.channel):
            self.answer = said
            self.forget()
            self.done.set()
            if self.on_answer is not None:
                self.on_answer(said)

    def forget(self) -> None:
        """Follow nothing any more."""
        for record in self.records:
            left = tuple(ask for ask in self.led.pop(record, ()) if ask is not self)
            if left:
                self.led[record] = left
        self.records = {}

    def end(self) -> None:
        self.over = True
        self.done.set()


class Taps:
    """The followers of one run. `keep` is how many messages of each channel of the root stay. `listeners` take the records of
    the trace at once."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.keep = 0
        self.counts: Counter[str] = Counter()
        self.kept: dict[str, deque[Said]] = {}
        self.channels: dict[str, list[Tap[Said]]] = {}
        self.tails: list[Tap[dict[str, Any]]] = []
        self.others: list[Tap[Said]] = []
        self.asks: dict[Ask, None] = {}
        self.led: dict[int, tuple[Ask, ...]] = {}
        self.listeners: list[Callable[[list[dict[str, Any]]], object]] = []
        self.losses = 0
        self.over = False

    # ---- what the run says ---------------------------------------------------------------------------------

    def output(self, effect: Output) -> None:
        """Take a message of the root."""
        channel = effect.channel
        self.counts[channel] += 1
        followers = self.channels.get(channel, ())
        if not (followers or self.keep or self.asks):
            return
        said = Said(self.counts[channel], channel, self._json(effect.value))
        if self.keep:
            self.kept.setdefault(channel, deque(maxlen=self.keep)).append(said)
        for tap in followers:
            tap.put(said)
        for ask in self.led.get(effect.seq, ()):
            ask.take(said)

    def records(self, records: list[dict[str, Any]]) -> None:
        """Take records of the trace."""
        for tail in self.tails:
            for record in records:
                tail.put(record)
        if self.led:
            self._lead(records)
        for listen in self.listeners:
            listen(records)

    def _lead(self, records: list[dict[str, Any]]) -> None:
        """Take note of the records to which messages that ask have led."""
        led = self.led
        for record in records:
            found = led.get(record["cause"], ())
            for cause in record.get("causes", ()):
                found += tuple(ask for ask in led.get(cause, ()) if ask not in found)
            for ask in found:
                ask.begin(record["seq"])
        while len(led) > LINKS:
            oldest = next(iter(led))
            for ask in led.pop(oldest):
                ask.records.pop(oldest, None)

    def close(self) -> None:
        """Say to all followers that the run is over."""
        self.over = True
        for tail in self.tails:
            tail.end()
        for tap in [*self.others, *(t for taps in self.channels.values() for t in taps)]:
            tap.end()
        for ask in self.asks:
            ask.end()

    def _json(self, value: Any) -> bytes:
        return masked_bytes(msgspec.json.encode(plain(hidden(value, self.kernel.private))))

    # ---- followers -----------------------------------------------------------------------------------------

    @property
    def followers(self) -> int:
        """The number of those who follow now."""
        return len(self.tails) + len(self.others) + sum(map(len, self.channels.values()))

    @property
    def all_losses(self) -> int:
        """The number of items that followers have lost."""
        taps = [*self.others, *(t for known in self.channels.values() for t in known)]
        return self.losses + sum(t.losses for t in taps) + sum(t.losses for t in self.tails)

    @contextmanager
    def follow(self, channel: str, after: int | None = None) -> Iterator[Tap[Said]]:
        """Yield a tap of a channel of the root. With `after`, it begins with the kept messages behind that number."""
        tap: Tap[Said] = Tap()
        taps = self.channels.setdefault(channel, [])
        kept = [said for said in self.kept.get(channel, ()) if after is not None and said.number > after]
        tap.items.extend(kept)
        tap.room += len(kept)
        if after is not None:
            tap.lost = max(0, self.counts[channel] - after - len(kept))
        if kept or tap.lost:
            tap._news.set()
        with self._open(tap, taps):
            yield tap

    @contextmanager
    def follow_coglet(self, path: str, channel: str) -> Iterator[Tap[Said]]:
        """Yield a tap of a channel of any coglet."""
        tap: Tap[Said] = Tap()
        number = 0

        def take(value: Any) -> None:
            nonlocal number
            number += 1
            tap.put(Said(number, channel, self._json(value)))

        outer = self.kernel.outer
        outer.tap(path, channel, take)
        try:
            with self._open(tap, self.others):
                yield tap
        finally:
            outer.untap(path, channel, take)

    @contextmanager
    def tail(self) -> Iterator[Tap[dict[str, Any]]]:
        """Yield a tap of the trace."""
        tap: Tap[dict[str, Any]] = Tap(5 * ROOM)
        with self._open(tap, self.tails):
            yield tap

    @contextmanager
    def ask(self, channel: str | None) -> Iterator[Ask]:
        """Yield a wait for an answer on a channel of the root, or on any of them."""
        ask = self.begin(channel)
        try:
            yield ask
        finally:
            self.forget(ask)

    def begin(self, channel: str | None) -> Ask:
        """Begin to wait for an answer on a channel of the root, or on any of them, until `forget`."""
        ask = Ask(channel, self.led)
        if self.over:
            ask.end()
        self.asks[ask] = None
        return ask

    def forget(self, ask: Ask) -> None:
        """Wait for an answer no more."""
        ask.forget()
        self.asks.pop(ask, None)

    @contextmanager
    def _open(self, tap: Tap[T], taps: list[Tap[T]]) -> Iterator[None]:
        if self.over:
            tap.end()
        taps.append(tap)
        try:
            yield
        finally:
            taps.remove(tap)
            self.losses += tap.losses
