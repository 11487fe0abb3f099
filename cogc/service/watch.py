"""Observers of the channels of a runtime.

The tap of a channel (`kernel/outer.py`) writes to a feed and returns at once, so that nobody who looks on can hold a
sender up.

A message has a number among those of its channel, by which an observer goes on where it was. In a durable run the numbers mean
the same after a resume: the replay makes the records again (`record.py`), since the kernel says the same messages again. The
record of a listen channel begins when somebody asks for it, so that this is noted in the journal. Snapshots have the records. And an observer hears a
message when all that led to it is on disk, and not before: what was heard cannot come otherwise again.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import trio

from cogc.coglet.record import Record
from cogc.kernel.machine import Kernel
from cogc.language.values import hidden, plain
from cogc.run.carrying import Table
from cogc.run.session import Session
from cogc.run.taps import event

BUFFER = 256
"""How many messages an observer may be behind; then it loses the oldest."""
MOST = 20_000
"""How many channels may have their last messages kept; whoever names channels at will cannot fill the memory by that."""


class Heard:
    """A message that observers hear: its number among those of its channel, and its text as JSON. The number is 0 if the
    channel has no record."""

    __slots__ = ("_event", "number", "text")

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text
        self._event: bytes | None = None

    def event(self, run: bytes) -> bytes:
        """Return the message as a server-sent event, which is made once for all observers. `run` is the id of the run."""
        if self._event is None:
            self._event = event(run, self.number, self.text.encode())
        return self._event


class Feed:
    """The messages that all observers of one channel share: the last messages, and the news of a new one.

    A sender pays for one entry, however many look on. `total` counts the messages, as the `record` of the channel does if there is one; the
    buffer ends with the latest. `certain` counts those that may be heard; `changed` is told of each message.
    """

    def __init__(
        self, shown: Callable[[Any], Any], record: Callable[[], Record | None], changed: Callable[[Feed], None]
    ) -> None:
        self.shown = shown
        self.record = record
        self.changed = changed
        self.buffer: deque[_Entry] = deque(maxlen=BUFFER)
        self.total = self.certain = 0
        self.observers: list[Observer] = []
        self.news = trio.Event()

    def begin(self) -> None:
        """Take in what the record of the channel has."""
        record = self.record()
        if record is not None and record.total:
            self.buffer.extend(_Entry(value) for _, value in list(record.last)[-record.total :])
            self.total = record.total
            self.changed(self)

    @property
    def is_numbered(self) -> bool:
        """True if the numbers of the messages are those of a record, and so mean the same for every observer."""
        record = self.record()
        return record is not None and record.total == self.total

    def take(self, value: Any) -> None:
        """Take in a message; the oldest one goes if the buffer is full."""
        self.buffer.append(_Entry(value))
        self.total += 1
        self.changed(self)

    def reach(self, total: int) -> None:
        """Let the messages up to a number be heard."""
        self.certain = total
        self.wake()

    def wake(self) -> None:
        """Let those look who wait."""
        if self.news.statistics().tasks_waiting:
            self.news.set()
            self.news = trio.Event()


class _Entry:
    """A message, and what observers hear of it, which is made when the first of them wants it."""

    __slots__ = ("heard", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.heard: Heard | None = None


class Observer:
    """Somebody who looks on at a channel: at what comes, or at all behind the message number `after`. `lost` counts the messages that
    are no longer there, and those that came faster than they were taken."""

    def __init__(self, feed: Feed, after: int | None = None) -> None:
        self.feed = feed
        self.seen = feed.total if after is None else after if after <= feed.total else 0
        self.lost = 0
        self.over = trio.Event()
        feed.observers.append(self)

    @property
    def ended(self) -> bool:
        """True if it looks on no more."""
        return self.over.is_set()

    def end(self) -> None:
        """Stop watching, and tell those who wait for the next message that none will come."""
        if not self.ended:
            self.over.set()
            self.feed.observers.remove(self)
            self.feed.wake()

    async def next(self) -> list[Heard]:
        """Return the messages that have come; wait for one if there is none. The list is empty at the end."""
        feed = self.feed
        while feed.certain <= self.seen and not self.ended:
            await feed.news.wait()
        before = feed.total - len(feed.buffer)
        first = max(before, self.seen)
        self.lost += first - self.seen
        numbered = feed.is_numbered
        found = []
        for i, entry in enumerate(islice(feed.buffer, first - before, max(0, feed.certain - before)), first + 1):
            if entry.heard is None:
                entry.heard = Heard(i if numbered else 0, json.dumps(feed.shown(entry.value)))
            found.append(entry.heard)
        self.seen = max(first, feed.certain)
        return found


class Watched(Table):
    """The watched channels of one run: the records of channels, and the feeds of those that somebody observes, each by the path of
    its coglet and then by channel. The channels of the coglet at the path `root` are not recorded by themselves. `observers` counts those
    who look on."""

    def __init__(self, session: Session, root: str = "") -> None:
        self.session = session
        self.kernel: Kernel = session.kernel
        self.root = root
        self._batch: list[Callable[[], None]] | None = None
        self._changed: dict[Feed, int] = {}
        self.count = 0
        self.observers = 0
        self._records: dict[str, dict[str, Record]] = {}
        self._feeds: dict[str, dict[str, Feed]] = {}
        self._heard: set[tuple[str, str]] = set()
        self._brief: set[tuple[str, str]] = set()
        session.notes["heard"] = self._hear
        session.tables["channels"] = self

    def shown(self, value: Any) -> Any:
        """Return a value as JSON data for people, without its private fields."""
        return plain(hidden(value, self.kernel.private))

    # ---- records -------------------------------------------------------------------------------------------

    def records(self, path: str) -> dict[str, Record]:
        """Return the records of the channels of a coglet."""
        return self._records.get(path, {})

    def total(self, path: str, channel: str) -> int | None:
        """Return how many messages the record of a channel has counted; None if there is no record."""
        record = self.records(path).get(channel)
        return None if record is None else record.total

    def output(self, path: str, channel: str) -> Callable[[Any], None] | None:
        """Return the tap of an output, which is its record; None if it is not recorded. `Outer.watch` is given this."""
        if path == self.root or (self.count >= MOST and channel not in self.records(path)):
            return None
        return self._record(path, channel).note

    def keep(self, path: str, channel: str) -> None:
        """Keep a record of a channel from the start of the run. Whoever starts the run again names it again, so that the journal does
        not have it."""
        self._hear(path, channel)

    def hear(self, path: str, channel: str) -> None:
        """Keep a record of a channel that somebody has asked about, from now on."""
        if (path, channel) not in self._heard or (path, channel) in self._brief:
            self.session.remember("heard", path, channel)
            self._hear(path, channel)

    def _hear(self, path: str, channel: str) -> None:
        key, record = (path, channel), self._record(path, channel)
        if key not in self._heard:
            self._heard.add(key)
            self.kernel.outer.tap(path, channel, record.note)
        self._brief.discard(key)
        record.total = 0  # what was recorded for a while has no numbers

    def hear_briefly(self, path: str, channel: str) -> None:
        """Keep a record of a channel until `unhear`, unless somebody asks for it by then."""
        if (path, channel) not in self._heard:
            self._hear(path, channel)
            self._brief.add((path, channel))

    def unhear(self, path: str, channel: str) -> None:
        """Keep the record of a channel no longer that is kept briefly."""
        if (path, channel) in self._brief:
            self._brief.discard((path, channel))
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

    # ---- snapshots -----------------------------------------------------------------------------------------

    def written(self) -> list[list[Any]]:
        """Return the records, but for those that are kept briefly: path, channel, whether somebody has asked about it, and what it has."""
        return [
            [path, channel, (path, channel) in self._heard, *record.written()]
            for path, records in self._records.items()
            for channel, record in records.items()
            if (path, channel) not in self._brief
        ]

    def take_up(self, data: list[list[Any]]) -> None:
        """Make the records of a snapshot again."""
        for path, channel, heard, *kept in data:
            record = self._record(path, channel)
            record.take_up(*kept)
            if heard and (path, channel) not in self._heard:
                self._heard.add((path, channel))
                self.kernel.outer.tap(path, channel, record.note)

    # ---- observers -----------------------------------------------------------------------------------------

    def feeds(self, path: str) -> dict[str, Feed]:
        """Return the feeds of the channels of a coglet."""
        return self._feeds.get(path, {})

    def observe(self, path: str, channel: str, after: int | None = None) -> tuple[Observer, Callable[[], None]]:
        """Return an observer of a channel, and what ends the observation. With `after`, it begins with the messages behind that
        number, as far as they are kept."""
        known = self._feeds.setdefault(path, {})
        feed = known.get(channel)
        if feed is None:
            feed = known[channel] = Feed(self.shown, lambda: self.records(path).get(channel), self._certain_soon)
            self.kernel.outer.tap(path, channel, feed.take)
            feed.begin()
            self.session.outside.wake()  # what has come by now may wait for the disk
        observer = Observer(feed, after)
        self.observers += 1

        def end() -> None:
            self.observers -= 1
            observer.end()
            if not feed.observers and self.feeds(path).get(channel) is feed:
                self._end(path, channel)

        return observer, end

    def _certain_soon(self, feed: Feed) -> None:
        """Let the messages of a feed be heard: at once, or in a durable run when what led to them is on disk."""
        outside = self.session.outside
        if outside.told is None:
            feed.reach(feed.total)
            return
        if self._batch is not outside.told:  # the first message since the last write
            self._batch, self._changed = outside.told, {}
            outside.acknowledge(partial(_reach, self._changed))
        self._changed[feed] = feed.total

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


def _reach(totals: dict[Feed, int]) -> None:
    """Let the messages of feeds be heard up to their numbers."""
    for feed, total in totals.items():
        feed.reach(total)
