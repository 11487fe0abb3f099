"""What is watched of the channels of a runtime: the last messages, counts by time, and observers.

The tap of a channel (`kernel/outer.py`) writes to these records and returns at once, so that nobody who looks on can hold
a sender up.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

import trio

KEPT = 100
"""How many of the last messages of a channel are kept."""
BUFFER = 256
"""How many messages an observer may be behind; then it loses the oldest."""
WINDOWS = {"1s": 1, "5s": 5, "60s": 60, "1h": 3600, "24h": 86400}
"""The windows of counts, in seconds."""
_FINE, _COARSE = 100_000_000, 60_000_000_000
"""The spans of the counts, in nanoseconds: fine ones for the last minute, coarse ones for the last day."""


class Record:
    """The last messages of one channel with their instants, and how many there were in each span of time."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.last: deque[tuple[int, Any]] = deque(maxlen=KEPT)
        self.fine: deque[list[int]] = deque(maxlen=60_000_000_000 // _FINE + 1)
        self.coarse: deque[list[int]] = deque(maxlen=86_400_000_000_000 // _COARSE + 1)

    def note(self, value: Any) -> None:
        """Note a message."""
        now = self.now()
        self.last.append((now, value))
        _count(self.fine, now // _FINE)
        _count(self.coarse, now // _COARSE)

    def counts(self) -> dict[str, int]:
        """Return the number of messages in each window, up to the present."""
        now = self.now()
        return {
            name: _sum(self.fine, now - s * 10**9, _FINE) if s <= 60 else _sum(self.coarse, now - s * 10**9, _COARSE)
            for name, s in WINDOWS.items()
        }


def _count(spans: deque[list[int]], span: int) -> None:
    """Count a message in a span of time."""
    if spans and spans[-1][0] == span:
        spans[-1][1] += 1
    else:
        spans.append([span, 1])


def _sum(spans: deque[list[int]], since: int, length: int) -> int:
    """Return the messages in the spans that end behind an instant."""
    total = 0
    for span, count in reversed(spans):
        if (span + 1) * length <= since:
            break
        total += count
    return total


class Feed:
    """What all observers of one channel share: the last messages, and the news of a new one.

    A sender pays for one entry, however many look on. `total` counts the messages; the buffer ends with the latest.
    """

    def __init__(self, shown: Callable[[Any], Any]) -> None:
        self.shown = shown
        self.buffer: deque[_Entry] = deque(maxlen=BUFFER)
        self.total = 0
        self.observers: list[Observer] = []
        self.news = trio.Event()

    def take(self, value: Any) -> None:
        """Take in a message; the oldest one goes if the buffer is full."""
        self.buffer.append(_Entry(value))
        self.total += 1
        self.wake()

    def wake(self) -> None:
        """Let those look who wait."""
        if self.news.statistics().tasks_waiting:
            self.news.set()
            self.news = trio.Event()


class _Entry:
    """A message, and its text as JSON, which is made when the first observer wants it."""

    __slots__ = ("text", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.text: str | None = None


class Observer:
    """Somebody who looks on at a channel. `lost` counts the messages that came faster than they were taken."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.seen = feed.total
        self.lost = 0
        self.ended = False
        feed.observers.append(self)

    def end(self) -> None:
        """Look on no more. Whoever waits for the next message is told that none will come."""
        if not self.ended:
            self.ended = True
            self.feed.observers.remove(self)
            self.feed.wake()

    async def next(self) -> list[str]:
        """Return the messages that have come, as JSON; wait for one if there is none. The list is empty at the end."""
        feed = self.feed
        while feed.total == self.seen and not self.ended:
            await feed.news.wait()
        behind = feed.total - self.seen
        self.seen = feed.total
        self.lost += max(0, behind - len(feed.buffer))
        first = max(0, len(feed.buffer) - behind)
        found = []
        for entry in islice(feed.buffer, first, None):
            if entry.text is None:
                entry.text = json.dumps(feed.shown(entry.value))
            found.append(entry.text)
        return found
