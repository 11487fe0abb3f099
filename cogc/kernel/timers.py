"""Timers to come: one bucket for each instant, the instants in a heap.

Many coglets tick at the same instants, so a bucket is found by its time and most timers never see the heap. A timer is
a list `[function, argument, second argument]`; setting its function to None cancels it.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any


class Timers:
    """Timers by the instant (nanoseconds since the run's start) at which they are due."""

    __slots__ = ("buckets", "heap")

    def __init__(self) -> None:
        self.buckets: dict[int, list[list[Any]]] = {}
        self.heap: list[int] = []

    def add(self, when: int, timer: list[Any]) -> list[Any]:
        """Arm a timer; at one instant timers fire in the order in which they were armed."""
        bucket = self.buckets.get(when)
        if bucket is None:
            self.buckets[when] = [timer]
            heappush(self.heap, when)
        else:
            bucket.append(timer)
        return timer

    def next(self) -> int | None:
        """The next instant with a live timer."""
        while self.heap:
            when = self.heap[0]
            if any(t[0] is not None for t in self.buckets[when]):
                return when
            del self.buckets[when]
            heappop(self.heap)
        return None

    def take(self) -> list[list[Any]]:
        """The timers of the first instant, which is gone then."""
        return self.buckets.pop(heappop(self.heap))
