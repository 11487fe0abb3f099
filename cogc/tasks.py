"""The task queue: work for agents by priority, claimed by one at a time, for as long as its lease holds.

It stands on a store (`cogc/stores/`), so that memory, SQLite and Redis obey the same rules, and processes share it.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import trio

from cogc.stores import open_store
from cogc.stores.base import Store, Tx

PRIORITIES = ("low", "medium", "high", "critical")
STATUSES = ("todo", "in_progress", "done", "cancelled")
OVER = ("done", "cancelled")
LEASE = 300.0


class Task(msgspec.Struct):
    """One piece of work. While it is `in_progress` it is its `owner`'s until `until` (seconds); `token` counts the claims."""

    id: str
    title: str
    description: str = ""
    priority: str = "medium"
    assignee_agent_id: str | None = None
    status: str = "todo"
    created_at: float = 0.0
    owner: str = ""
    until: float = 0.0
    token: int = 0


def task(
    title: str, description: str = "", priority: str = "medium", assignee: str | None = None, id: str = ""
) -> Task:
    """A new piece of work. ValueError if there is no such priority."""
    if priority not in PRIORITIES:
        raise ValueError(f"a priority is one of {', '.join(PRIORITIES)}, not {priority!r}")
    return Task(id or str(uuid.uuid4()), title, description, priority, assignee)


@asynccontextmanager
async def open_queue(name: str, queue: str) -> AsyncIterator[TaskQueue]:
    """A queue in a store. ConnectionError where there is no store of this name, or it cannot be reached."""
    async with open_store(name, f"queue:{queue}:") as store:
        yield TaskQueue(store)


class TaskQueue:
    """A queue over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def put(self, item: Task) -> Task:
        """Add a piece of work. ValueError if there is one with its id."""
        item = msgspec.structs.replace(item, created_at=item.created_at or await self.store.now())

        async def work(tx: Tx) -> None:
            if await tx.get(f"task:{item.id}") is not None:
                raise ValueError(f"there is a task {item.id} already")
            _put(tx, item)
            tx.add("tasks", item.id, item.created_at)

        await self.store.transact(work)
        return item

    async def get(self, assignee: str | None = None, owner: str = "", lease: float = LEASE) -> Task | None:
        """Claim the highest priority, the oldest first within it: for an assignee its own work alone, else what is nobody's. Work
        whose lease is over is claimed again."""
        now = await self.store.now()

        async def work(tx: Tx) -> Task | None:
            for id in await tx.members("open"):
                item = await _get(tx, id)
                if item is None or item.assignee_agent_id != assignee:
                    continue
                if item.status == "todo" or (item.status == "in_progress" and item.until < now):
                    item.status, item.owner, item.until = "in_progress", owner, now + lease
                    item.token += 1
                    _put(tx, item)
                    return item
            return None

        return await self.store.transact(work)

    async def extend(self, claimed: Task, lease: float = LEASE) -> bool:
        """Hold claimed work for longer; False if it has become somebody else's."""
        now = await self.store.now()

        async def work(tx: Tx) -> bool:
            item = await _get(tx, claimed.id)
            if item is None or item.status != "in_progress" or item.token != claimed.token:
                return False
            item.until = now + lease
            _put(tx, item)
            return True

        return await self.store.transact(work)

    async def give_back(self, claimed: Task) -> bool:
        """Claimed work is to be done by somebody else; False if it has become somebody else's."""
        return await self._end(claimed.id, "todo", claimed.token)

    async def complete(self, id: str, token: int | None = None) -> bool:
        """Work is done. False if there is none, it is over already, or (with the `token` of a claim) somebody else's by now."""
        return await self._end(id, "done", token)

    async def cancel(self, id: str) -> bool:
        """Work is not to be done. False if there is none, or it is over already."""
        return await self._end(id, "cancelled", None)

    async def _end(self, id: str, status: str, token: int | None) -> bool:
        async def work(tx: Tx) -> bool:
            item = await _get(tx, id)
            if item is None or item.status in OVER or (token is not None and item.token != token):
                return False
            item.status = status
            _put(tx, item)
            return True

        return await self.store.transact(work)

    async def list(
        self, status: str | None = None, assignee: str | None = None, priority: str | None = None
    ) -> list[Task]:
        """Those of a status, an assignee, a priority, the oldest first."""

        async def work(tx: Tx) -> list[Task]:
            found = [await _get(tx, id) for id in await tx.members("tasks")]
            return [
                t
                for t in found
                if t is not None
                and status in (None, t.status)
                and assignee in (None, t.assignee_agent_id)
                and priority in (None, t.priority)
            ]

        return await self.store.transact(work)

    async def wait(self, seconds: float) -> None:
        """Until something has changed, or so long."""
        await self.store.wait(seconds)


async def _get(tx: Tx, id: str) -> Task | None:
    value = await tx.get(f"task:{id}")
    return None if value is None else msgspec.convert(value, Task)


def _put(tx: Tx, item: Task) -> None:
    """Write a task; `open` is ordered by priority, and within it by time (which has ten digits before its point)."""
    tx.put(f"task:{item.id}", msgspec.to_builtins(item))
    if item.status in OVER:
        tx.remove("open", item.id)
    else:
        tx.add("open", item.id, (len(PRIORITIES) - PRIORITIES.index(item.priority)) * 1e10 + item.created_at)
    tx.publish("task_events", item.id)


# ---- what every queue must do --------------------------------------------------------------------------------


async def check_queue(open: Callable[[], AbstractAsyncContextManager[TaskQueue]]) -> None:
    """Put a queue through all cases; `open()` gives an async context manager of a queue on one empty store each time. An
    AssertionError names what was expected."""
    async with open() as queue:
        await _orders(queue)
        await _ends(queue)
        await _leases(queue)
        await _shares(queue)


async def _orders(queue: TaskQueue) -> None:
    for title, priority in (("a", "low"), ("b", "high"), ("c", "critical"), ("d", "high")):
        await queue.put(task(title, priority=priority))
    mine = await queue.put(task("mine", priority="critical", assignee="me"))
    found = [(await queue.get()) for _ in range(5)]
    assert [t.title if t else None for t in found] == ["c", "b", "d", "a", None], (
        "the highest priority, then the oldest"
    )
    own = await queue.get("me")
    assert own is not None and own.id == mine.id, "an assignee gets its own work alone"
    assert await queue.get("me") is None and await queue.get("you") is None
    try:
        await queue.put(mine)
    except ValueError:
        pass
    else:
        raise AssertionError("an id is there once")
    assert [t.title for t in await queue.list(status="in_progress", assignee="me")] == ["mine"]
    assert [t.title for t in await queue.list(priority="high")] == ["b", "d"]
    for t in await queue.list():
        assert await queue.complete(t.id)


async def _ends(queue: TaskQueue) -> None:
    one = await queue.put(task("one"))
    assert await queue.cancel(one.id) and not await queue.cancel(one.id) and not await queue.complete(one.id)
    assert not await queue.complete("nope") and not await queue.cancel("nope")
    assert await queue.get() is None, "what is over is not claimed"
    two = await queue.put(task("two"))
    assert await queue.complete(two.id) and not await queue.cancel(two.id), "done is done"
    assert {t.status for t in await queue.list() if t.id in (one.id, two.id)} == {"cancelled", "done"}


async def _leases(queue: TaskQueue) -> None:
    await queue.put(task("leased"))
    dead = await queue.get(owner="dead", lease=-1)
    assert dead is not None
    next = await queue.get(owner="next")
    assert next is not None and next.id == dead.id and next.token == dead.token + 1, (
        "a worker that dies gives its item back"
    )
    assert not await queue.extend(dead) and not await queue.complete(dead.id, dead.token), (
        "and can do nothing with it then"
    )
    assert await queue.extend(next) and await queue.give_back(next)
    again = await queue.get(owner="third")
    assert again is not None and await queue.complete(again.id, again.token)


async def _shares(queue: TaskQueue) -> None:
    made = {(await queue.put(task(str(i)))).id for i in range(12)}
    taken: list[str] = []

    async def one() -> None:
        while (found := await queue.get()) is not None:
            taken.append(found.id)
            assert await queue.complete(found.id, found.token)

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    assert sorted(taken) == sorted(made), "each is claimed once"
