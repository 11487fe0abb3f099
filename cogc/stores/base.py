"""The interface of a store, and its transaction model.

A store holds three kinds of data under string keys: records (JSON values), sets of members ordered by a score, and hashes
(fields with string values). Task queues, value queues, plans, registries of agents and blackboards are written against
`Store` and `Tx` alone, so that they obey the same rules in memory, in SQLite and in Redis.

The transaction model
    `transact(work)` runs the coroutine `work` with a `Tx` and commits what it has written.
    Atomic: the writes of a transaction take effect together when `work` returns, or not at all. An exception of `work`
    discards them and is raised to the caller: that is how an operation refuses (`raise ValueError(...)`).
    Isolated: a record that `work` has read by `get` has not changed when the writes take effect. MemoryStore and
    SqliteStore hold a lock around `work`. RedisStore is optimistic: it compares the records at the commit, and runs
    `work` again if another transaction has changed one.
    Therefore `work` may run several times. It must depend on nothing but the `Tx` and values from before the
    transaction, and have no effect but through the `Tx`: no clock, no random id, no I/O. The callers take `now()` and ids
    first, outside.
    A later read of the same transaction may or may not see its writes: read first, then write.
    Sets and hashes are not compared. A transaction that decides by the members of a set must also read a record of the
    member that it decides about, as a claim reads the item that it takes.

Waiting
    `publish(channel, message)` belongs to the transaction: the message goes out if the writes take effect. `wait(seconds)`
    returns after a message, or sooner or later without one: a caller looks again in any case, so a lost message costs
    time and no correctness.

Clocks
    `now()` is the clock that all processes of a store share: that of the server for Redis, otherwise that of the machine
    since its boot (`stores/clock.py`), which nobody sets. Leases are compared with this clock alone.

A worked example: claim the oldest free item
    now = await store.now()

    async def work(tx: Tx) -> str | None:
        for id in await tx.members("items"):
            item = await tx.get(f"item:{id}")
            if item is not None and item["until"] < now:
                tx.put(f"item:{id}", {**item, "until": now + 300})
                tx.publish("item_events", id)
                return id
        return None

    claimed = await store.transact(work)
    Two processes that run this at once both read the item as free. One commits. The other finds at its commit that
    the record has changed, runs `work` again, and takes the next item.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol, TypeVar

T = TypeVar("T")


class StoreLost(ConnectionError):
    """A store that is gone for good: who waits for it would wait for ever."""


class Written(NamedTuple):
    """A write of a transaction: a record, or a `field` of a hash. `before` is the record as the transaction has read it, or None."""

    key: str
    value: Any
    field: str = ""
    before: Any = None


Mirror = Callable[[list[Written]], list[list[str]]]
"""Gives commands for a server that take effect together with what a transaction has written."""


class Tx(Protocol):
    """One transaction: its reads, and the writes that take effect when it commits."""

    async def get(self, key: str) -> Any:
        """Return the JSON value of a record, or None."""
        ...

    def put(self, key: str, value: Any) -> None:
        """Write a record: any JSON value."""
        ...

    def delete(self, key: str) -> None:
        """Remove a record. Nothing happens if there is none."""
        ...

    async def members(self, name: str) -> list[str]:
        """Return the members of a set, the lowest score first."""
        ...

    def add(self, name: str, member: str, score: float) -> None:
        """Put a member into a set with a score, or change its score."""
        ...

    def remove(self, name: str, member: str) -> None:
        """Remove a member from a set. Nothing happens if it is not in there."""
        ...

    async def fields(self, key: str) -> dict[str, str]:
        """Return the fields of a hash."""
        ...

    def set_field(self, key: str, field: str, value: str) -> None:
        """Set a field of a hash. A field that is set keeps its value in Redis, so callers read the fields first."""
        ...

    def publish(self, channel: str, message: str) -> None:
        """Wake the callers that wait, once the transaction has committed."""
        ...


class Store(Protocol):
    """A backend. Every method raises ConnectionError if it cannot be reached."""

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again if another one has changed what it read."""
        ...

    async def wait(self, seconds: float) -> None:
        """Return when something has changed, at the latest after so many seconds."""
        ...

    async def now(self) -> float:
        """Return the time of the clock that all processes of the store share, in seconds. It begins as the time of day, and
        does not jump when the time of day of this machine is set."""
        ...

    async def aclose(self) -> None:
        """Give up the connection to the backend."""
        ...
