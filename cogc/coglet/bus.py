"""The channels of one coglet inside of its process: who has subscribed, and what went by.

A value is handed to every subscriber at once and is not copied. A subscriber has a queue of its own without a bound,
so that a slow one holds nobody up. What was sent before a subscription is not seen by it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from cogc.coglet.record import KEPT, WINDOWS, Record
from cogc.coglet.world import current_cause

STAT_WINDOWS = WINDOWS
"""The windows over which messages are counted, in seconds."""
HISTORY_SIZE = KEPT
"""How many messages of a channel are kept."""
_CLOSED = object()
"""The mark that ends the iteration of a subscription whose coglet has stopped."""


def now() -> float:
    """Return seconds on the clock of the loop that runs, or of this machine."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


def wall() -> float:
    """Return seconds since 1970 on the clock of the loop that runs, or of this machine."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return time.time()
    read = getattr(loop, "wall", time.time)
    return float(read())


class ChannelStats:
    """The record of each channel: counts of messages by window, and the last `HISTORY_SIZE` messages."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def record(self, channel: str, data: Any) -> None:
        """Count a message and keep it."""
        if channel not in self._records:
            self._records[channel] = Record(lambda: round(now() * 1e9))
        self._records[channel].note((wall(), data))

    def counts(self, channel: str) -> dict[str, int]:
        """Return the number of messages of a channel in each window."""
        record = self._records.get(channel)
        return dict.fromkeys(STAT_WINDOWS, 0) if record is None else record.counts()

    def history(self, channel: str, n: int | None = None) -> list[dict[str, Any]]:
        """Return the last `n` messages that are kept, as `{"ts", "data"}` with seconds since 1970."""
        record = self._records.get(channel)
        kept = [] if record is None else [value for _, value in record.last]
        return [{"ts": ts, "data": data} for ts, data in (kept if n is None else kept[max(0, len(kept) - n) :])]

    def all_counts(self) -> dict[str, dict[str, int]]:
        """Return the counts of all channels."""
        return {channel: record.counts() for channel, record in self._records.items()}


class _Stream:
    """The base of `Channel` and `ChannelSubscription`: a queue that is read by `get` or by `async for`."""

    def __init__(self, maxsize: int = 0) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=maxsize)

    async def get(self) -> Any:
        """Return the next value. Nothing comes any more once the coglet has stopped."""
        value = await self._taken()
        if value is _CLOSED:
            self._queue.put_nowait(_CLOSED)
            await asyncio.get_running_loop().create_future()
        return value

    async def _taken(self) -> Any:
        return await self._queue.get()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            value = await self._taken()
            if value is _CLOSED:
                self._queue.put_nowait(_CLOSED)
                return
            yield value


class Channel(_Stream):
    """A queue with a name in a bus."""

    async def put(self, data: Any) -> None:
        """Add a value. Wait for room if the channel has a bound."""
        await self._queue.put(data)

    def put_nowait(self, data: Any) -> None:
        """Add a value. Raise asyncio.QueueFull if there is no room."""
        self._queue.put_nowait(data)

    def subscribe(self) -> ChannelSubscription:
        """Return a queue beside the channel's own. `ChannelBus.subscribe` returns one that the bus fills."""
        return ChannelSubscription(self)


class ChannelSubscription(_Stream):
    """The queue of one subscriber. `_causes` has the causes of the values in it (`current_cause`)."""

    def __init__(self, parent: Channel) -> None:
        super().__init__()
        self._parent = parent
        self._causes: deque[int] = deque()

    def _add(self, data: Any) -> None:
        self._causes.append(current_cause.get())
        self._queue.put_nowait(data)

    async def _taken(self) -> Any:
        value = await self._queue.get()
        if self._causes and value is not _CLOSED:
            current_cause.set(self._causes.popleft())
        return value


class ChannelBus:
    """All channels on which a coglet sends or hears, their subscribers, and their statistics."""

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._subscribers: dict[str, list[ChannelSubscription]] = {}
        self.stats = ChannelStats()

    def _ensure_channel(self, name: str) -> Channel:
        if name not in self._channels:
            self._channels[name] = Channel()
            self._subscribers[name] = []
        return self._channels[name]

    async def transmit(self, channel: str, data: Any) -> None:
        """Hand a value to all subscribers of a channel."""
        self.transmit_nowait(channel, data)

    def transmit_nowait(self, channel: str, data: Any) -> None:
        """Hand a value to all subscribers of a channel, outside of a coroutine too."""
        self._ensure_channel(channel)
        self.stats.record(channel, data)
        for subscription in self._subscribers[channel]:
            subscription._add(data)

    def subscribe(self, channel: str) -> ChannelSubscription:
        """Return a queue that gets every value of a channel from now on."""
        made = ChannelSubscription(self._ensure_channel(channel))
        self._subscribers[channel].append(made)
        return made

    def unsubscribe(self, channel: str, subscription: ChannelSubscription) -> None:
        """End a subscription."""
        listed = self._subscribers.get(channel, [])
        if subscription in listed:
            listed.remove(subscription)

    def inherit(self, before: ChannelBus) -> None:
        """Take over the subscribers of the bus that this one replaces."""
        for channel, listed in before._subscribers.items():
            self._ensure_channel(channel)
            self._subscribers[channel] += listed

    def close(self) -> None:
        """End the iterations over all subscriptions: nothing comes any more."""
        for listed in self._subscribers.values():
            for subscription in listed:
                subscription._queue.put_nowait(_CLOSED)
