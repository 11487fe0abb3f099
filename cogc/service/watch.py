"""Observers of the channels of a runtime.

The tap of a channel (`kernel/outer.py`) writes to a feed and returns at once, so that nobody who looks on can hold a
sender up.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

import trio

from cogc.coglet.record import Record
from cogc.kernel.machine import Kernel
from cogc.language.values import hidden, plain

BUFFER = 256
"""How many messages an observer may be behind; then it loses the oldest."""
MOST = 20_000
"""How many channels may have their last messages kept; whoever names channels at will cannot fill the memory by that."""


class Feed:
    """The messages that all observers of one channel share: the last messages, and the news of a new one.

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


class Watched:
    """The watched channels of one run: the records of channels, and the feeds of those that somebody observes, each by the path of
    its coglet and then by channel. The channels of the coglet at the path `root` are not recorded by themselves."""

    def __init__(self, kernel: Kernel, root: str = "") -> None:
        self.kernel = kernel
        self.root = root
        self.count = 0
        self._records: dict[str, dict[str, Record]] = {}
        self._feeds: dict[str, dict[str, Feed]] = {}
        self._heard: set[tuple[str, str]] = set()

    def shown(self, value: Any) -> Any:
        """Return a value as JSON data for people, without its private fields."""
        return plain(hidden(value, self.kernel.private))

    # ---- records -------------------------------------------------------------------------------------------

    def records(self, path: str) -> dict[str, Record]:
        """Return the records of the channels of a coglet."""
        return self._records.get(path, {})

    def output(self, path: str, channel: str) -> Callable[[Any], None] | None:
        """Return the tap of an output, which is its record; None if it is not recorded. `Outer.watch` is given this."""
        if path == self.root or (self.count >= MOST and channel not in self.records(path)):
            return None
        return self._record(path, channel).note

    def hear(self, path: str, channel: str) -> None:
        """Keep a record of a channel that somebody has asked about, from now on."""
        if (path, channel) not in self._heard:
            self._heard.add((path, channel))
            self.kernel.outer.tap(path, channel, self._record(path, channel).note)

    def unhear(self, path: str, channel: str) -> None:
        """Keep the record of a channel no longer, if `hear` has begun it."""
        if (path, channel) in self._heard:
            self._heard.discard((path, channel))
            self.count -= 1
            self.kernel.outer.untap(path, channel, self._records[path].pop(channel).note)

    def _record(self, path: str, channel: str) -> Record:
        known = self._records.setdefault(path, {})
        if channel not in known:
            known[channel] = Record(self._now)
            self.count += 1
        return known[channel]

    def _now(self) -> int:
        return self.kernel.now

    def last(self, record: Record | None, most: int) -> list[dict[str, Any]]:
        """Return the last messages of a record, with their instants in seconds since 1970."""
        if record is None or most <= 0:
            return []
        epoch = self.kernel.epoch
        return [{"ts": (epoch + at) / 1e9, "data": self.shown(value)} for at, value in list(record.last)[-most:]]

    # ---- observers -----------------------------------------------------------------------------------------

    def feeds(self, path: str) -> dict[str, Feed]:
        """Return the feeds of the channels of a coglet."""
        return self._feeds.get(path, {})

    def observe(self, path: str, channel: str) -> tuple[Observer, Callable[[], None]]:
        """Return an observer of a channel, and what ends the observation."""
        known = self._feeds.setdefault(path, {})
        feed = known.get(channel)
        if feed is None:
            feed = known[channel] = Feed(self.shown)
            self.kernel.outer.tap(path, channel, feed.take)
        observer = Observer(feed)

        def end() -> None:
            observer.end()
            if not feed.observers and self.feeds(path).get(channel) is feed:
                self._end(path, channel)

        return observer, end

    def _end(self, path: str, channel: str) -> None:
        """End a feed with all who look on."""
        feed = self._feeds[path].pop(channel)
        if not self._feeds[path]:
            del self._feeds[path]
        self.kernel.outer.untap(path, channel, feed.take)
        for observer in list(feed.observers):
            observer.end()

    @property
    def observed(self) -> int:
        """The number of the channels that somebody observes."""
        return sum(map(len, self._feeds.values()))

    # ---- the end -------------------------------------------------------------------------------------------

    def forget(self, path: str) -> None:
        """Forget a coglet that has stopped for good."""
        for channel, record in self._records.pop(path, {}).items():
            self.count -= 1
            if (path, channel) in self._heard:
                self._heard.discard((path, channel))
                self.kernel.outer.untap(path, channel, record.note)
        for channel in list(self.feeds(path)):
            self._end(path, channel)

    def close(self) -> None:
        """End all observations: the run is over."""
        for path in list(self._feeds):
            for channel in list(self.feeds(path)):
                self._end(path, channel)
