"""A store in the memory of this process, which ends with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import trio

from cogc.stores.base import Tx
from cogc.stores.clock import SteadyClock

T = TypeVar("T")


class MemoryStore:
    """Keeps records as JSON text, so that no caller holds a part of a stored value. `clock` gives the seconds of `now`."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.clock = clock or SteadyClock().now
        self.records: dict[str, bytes] = {}
        self.sets: dict[str, dict[str, float]] = {}
        self.hashes: dict[str, dict[str, str]] = {}
        self.changed = trio.Event()
        self._one = trio.Lock()

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` under a lock, then make its writes."""
        async with self._one:
            tx = _MemoryTx(self)
            result = await work(tx)
            for write in tx.writes:
                write()
            if tx.news:
                self.changed.set()
                self.changed = trio.Event()
            return result

    async def wait(self, seconds: float) -> None:
        """Return after a change, at the latest after so many seconds."""
        with trio.move_on_after(seconds):
            await self.changed.wait()

    async def now(self) -> float:
        return self.clock()

    async def aclose(self) -> None:
        self.changed.set()


class _MemoryTx:
    """Collects the writes; the store runs them when `work` has returned."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.writes: list[Callable[[], object]] = []
        self.news = False

    async def get(self, key: str) -> Any:
        value = self.store.records.get(key)
        return None if value is None else msgspec.json.decode(value)

    def put(self, key: str, value: Any) -> None:
        data = msgspec.json.encode(value)
        self.writes.append(lambda: self.store.records.__setitem__(key, data))

    def delete(self, key: str) -> None:
        self.writes.append(lambda: self.store.records.pop(key, None))

    async def members(self, name: str) -> list[str]:
        found = self.store.sets.get(name, {})
        return sorted(found, key=lambda m: (found[m], m))

    def add(self, name: str, member: str, score: float) -> None:
        self.writes.append(lambda: self.store.sets.setdefault(name, {}).__setitem__(member, score))

    def remove(self, name: str, member: str) -> None:
        self.writes.append(lambda: self.store.sets.get(name, {}).pop(member, None))

    async def fields(self, key: str) -> dict[str, str]:
        return dict(self.store.hashes.get(key, {}))

    def set_field(self, key: str, field: str, value: str) -> None:
        self.writes.append(lambda: self.store.hashes.setdefault(key, {}).__setitem__(field, value))

    def publish(self, channel: str, message: str) -> None:
        self.news = True
