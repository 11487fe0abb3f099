"""Timers to come: one bucket for each instant, the instants in a heap.

Many coglets tick at the same instants, so a bucket is found by its time, and most timers never touch the heap.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeAlias

Firing: TypeAlias = Callable[[Any, Any], object]
"""The function that a timer calls with its `first` and `second`."""


class Timer:
    """A timer that is armed: it calls `function(first, second)` unless it is cancelled before.

    `what` names its kind, and what belongs to it, where another kernel could arm it again (`snapshot.py`).
    """

    __slots__ = ("first", "function", "second", "what")

    def __init__(
        self, function: Firing | None, first: Any = None, second: Any = None, what: tuple[Any, ...] | None = None
    ) -> None:
        self.function = function
        self.first = first
        self.second = second
        self.what = what

    def cancel(self) -> None:
        """Keep the timer from firing; the timer stays in its bucket until its instant."""
        self.function = None


def following(due: int, period: int, now: int) -> int:
    """Return the next instant after `now` of a grid that has `due` on it."""
    return due + period * max(1, (now - due) // period + 1)


class Timers:
    """Timers by the instant (nanoseconds since the run's start) at which they are due."""

    __slots__ = ("buckets", "heap")

    def __init__(self) -> None:
        self.buckets: dict[int, list[Timer]] = {}
        self.heap: list[int] = []

    def add(self, when: int, timer: Timer) -> Timer:
        """Arm a timer; at one instant timers fire in the order in which they were armed."""
        bucket = self.buckets.get(when)
        if bucket is None:
            self.buckets[when] = [timer]
            heappush(self.heap, when)
        else:
            bucket.append(timer)
        return timer

    def move(self, before: int, when: int, timer: Timer) -> None:
        """Arm a timer for another instant than `before`."""
        self.buckets[before].remove(timer)
        self.add(when, timer)

    def next(self) -> int | None:
        """Return the next instant with a timer that is not cancelled."""
        while self.heap:
            when = self.heap[0]
            if any(t.function is not None for t in self.buckets[when]):
                return when
            del self.buckets[when]
            heappop(self.heap)
        return None

    def take(self) -> list[Timer]:
        """Remove the first instant, and return its timers."""
        return self.buckets.pop(heappop(self.heap))
