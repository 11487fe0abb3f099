"""Inputs of the kernel that are due at a later instant of its clock: messages to the root, scripted replies, their pieces,
sleeps that end, and what a test does.

Inputs of one instant are due in the order in which they were added.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Any

import trio

from cogc.language.record import Record


class Reply(Record):
    """The result of a call."""

    call: int
    value: Any


class Piece(Record):
    """A piece of a model's reply."""

    call: int
    text: str


class SleepOver(Record):
    """The end of a method's sleep."""

    call: int
    over: trio.Event


class Message(Record):
    """A message from outside to a listen channel of the root, which the command line has `given` or a test. It belongs to no call."""

    channel: str
    value: Any
    call: int = 0
    given: bool = False


class Deed(Record):
    """A deed of a test at an instant. It belongs to no call."""

    act: Callable[[], object]
    call: int = 0


Delayed = Message | Reply | Piece | SleepOver | Deed


class Delays:
    """The delayed inputs of a run. Instants are nanoseconds of the kernel's clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Delayed]] = []
        self._added = 0

    def add(self, instant: int, item: Delayed) -> None:
        """Add an input that is due at an instant."""
        self._added += 1
        heapq.heappush(self._heap, (instant, self._added, item))

    def drop(self, call: int) -> None:
        """Forget the inputs of a call."""
        if self._heap:
            self._heap = [entry for entry in self._heap if entry[2].call != call]
            heapq.heapify(self._heap)

    def next(self) -> int | None:
        """Return the instant of the first input, or None if there is none."""
        return self._heap[0][0] if self._heap else None

    def messages(self) -> list[int]:
        """Return the instants of the messages to the root that have not come yet, in order."""
        return sorted(instant for instant, _, item in self._heap if isinstance(item, Message))

    def deeds(self) -> list[tuple[int, Deed]]:
        """Return the deeds that have not come yet with their instants, in order."""
        return [
            (instant, item) for instant, _, item in sorted(self._heap, key=lambda e: e[:2]) if isinstance(item, Deed)
        ]

    def replies(self) -> list[tuple[int, int, Any]]:
        """Return the replies that have not come yet: instant, call, value."""
        return [
            (t, item.call, item.value)
            for t, _, item in sorted(self._heap, key=lambda e: e[:2])
            if isinstance(item, Reply)
        ]

    def due(self, now: int) -> Iterator[Delayed]:
        """Take out the inputs that are due by now, in order."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]
