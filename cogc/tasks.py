"""The task queue: work for agents by priority, claimed by one worker at a time for the length of a lease.

It is written against the store interface (`cogc/stores/base.py`), so that memory, SQLite and Redis obey the same rules and
several processes share a queue. A package that has a queue of its own proves it by `check_queue`.

The model
    A task is a record `task:ID`. Two sets hold its id: `tasks` has all of them, ordered by the time of their creation;
    `open` has those that are not over, ordered by priority and, within it, by time. `_score` makes one number of the
    two, so that one ordered read finds the next task.
    States: `todo` -> `in_progress` -> `done`. `give_back` leads from `in_progress` to `todo`, `cancel` from either of
    them to `cancelled`. `done` and `cancelled` are final.

Claims and leases
    `get` claims the first open task that is free, and writes owner, `until` (the end of the lease, by the clock of the
    store) and `token` in one transaction. A task is free if it is `todo`, or `in_progress` with a lease that is over:
    nothing has to notice that a worker died, the next `get` takes its task.
    `token` counts the claims of a task. A worker holds a claim as long as its token is the task's: `extend`, `give_back`
    and `complete(id, token)` compare it, and return False for a claim that another worker has taken over. So a worker
    that was slow, not dead, cannot finish the task of its successor. `complete(id)` without a token is for people: it
    finishes the task whoever holds it.
    A worker on a long task extends its lease before it ends, say at half of it.
    A task with an assignee is claimed by that assignee alone, one without by a worker that names none.

Invariants
    A task is claimed by at most one worker at any time, of those whose lease is not over.
    Work may be done twice (a worker that outlives its lease has done some of it), but it is finished once.
    Every change publishes on `task_events`, so that `wait` returns in all processes.

A worked example, with a lease of 300 s
    t=0    A: get()          todo         -> in_progress, owner A, until 300, token 1
    t=200  A: extend()       until 500, True
    t=501  B: get()          the lease is over: owner B, until 801, token 2
    t=510  A: complete(id, 1) the token is 2: False, and nothing changes
    t=600  B: complete(id, 2) done, True
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
"""The final statuses."""
LEASE = 300.0
"""Seconds for which a claim holds, unless it is extended."""


class Task(msgspec.Struct):
    """One piece of work. `owner` holds it until `until` (seconds) while it is in progress; `token` counts the claims."""

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
    """Return a new task; raise ValueError for an unknown priority."""
    if priority not in PRIORITIES:
        raise ValueError(f"a priority is one of {', '.join(PRIORITIES)}, not {priority!r}")
    return Task(id or str(uuid.uuid4()), title, description, priority, assignee)


@asynccontextmanager
async def open_queue(name: str, queue: str) -> AsyncIterator[TaskQueue]:
    """Open a queue in a store; raise ConnectionError if there is no such store or it cannot be reached."""
    async with open_store(name, f"queue:{queue}:") as store:
        yield TaskQueue(store)


class IdTaken(ValueError):
    """The queue has a task with this id."""


class TaskQueue:
    """A queue over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def put(self, item: Task) -> Task:
        """Add a task; raise IdTaken if there is one with its id."""
        item = msgspec.structs.replace(item, created_at=item.created_at or await self.store.now())

        async def work(tx: Tx) -> None:
            if await tx.get(f"task:{item.id}") is not None:
                raise IdTaken(f"there is a task {item.id} already")
            _put(tx, item)
            tx.add("tasks", item.id, item.created_at)

        await self.store.transact(work)
        return item

    async def get(
        self,
        assignee: str | None = None,
        owner: str = "",
        lease: float = LEASE,
        priority: str | None = None,
        status: str | None = None,
    ) -> Task | None:
        """Claim the oldest free task of the highest priority, or return None.

        An assignee gets its own tasks alone, a caller without one those that have no assignee. With a `priority` or a `status`
        only tasks of that priority or status count; `in_progress` are those whose claim has lost its lease.
        """
        now = await self.store.now()

        async def work(tx: Tx) -> Task | None:
            for id in await tx.members("open"):
                item = await _get(tx, id)
                if item is None or item.assignee_agent_id != assignee:
                    continue
                if priority not in (None, item.priority) or status not in (None, item.status):
                    continue
                if item.status == "todo" or (item.status == "in_progress" and item.until < now):
                    item.status, item.owner, item.until = "in_progress", owner, now + lease
                    item.token += 1
                    _put(tx, item)
                    return item
            return None

        return await self.store.transact(work)

    async def extend(self, claimed: Task, lease: float = LEASE) -> bool:
        """Extend the lease of a claim. Return False if the claim has ended."""
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
        """End a claim and make its task free. Return False if the claim has ended already."""
        return await self._end(claimed.id, "todo", claimed.token)

    async def complete(self, id: str, token: int | None = None) -> bool:
        """Finish a task. Return False if there is none, it is over, or (with a `token`) the claim has ended."""
        return await self._end(id, "done", token)

    async def cancel(self, id: str) -> bool:
        """Cancel a task. Return False if there is none or it is over."""
        return await self._end(id, "cancelled", None)

    async def _end(self, id: str, status: str, token: int | None) -> bool:
        """Give a task a status. Return False if it is over, or if `token` is not that of its last claim."""

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
        """Return the tasks of a status, an assignee and a priority, the oldest first."""

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
        """Return when something has changed, at the latest after so many seconds."""
        await self.store.wait(seconds)


async def _get(tx: Tx, id: str) -> Task | None:
    value = await tx.get(f"task:{id}")
    return None if value is None else msgspec.convert(value, Task)


def _put(tx: Tx, item: Task) -> None:
    """Write a task, and keep the set `open` in step with its status."""
    tx.put(f"task:{item.id}", msgspec.to_builtins(item))
    if item.status in OVER:
        tx.remove("open", item.id)
    else:
        tx.add("open", item.id, _score(item))
    tx.publish("task_events", item.id)


def _score(item: Task) -> float:
    """Return the place of a task among the open ones: priority, then time, which has ten digits in front of its point."""
    return (len(PRIORITIES) - PRIORITIES.index(item.priority)) * 1e10 + item.created_at


# ---- the conformance suite -----------------------------------------------------------------------------------


async def check_queue(open: Callable[[], AbstractAsyncContextManager[TaskQueue]]) -> None:
    """Run a queue through all cases; `open()` returns an async context manager of a queue on an empty store.

    An AssertionError names the rule that the queue breaks.
    """
    async with open() as queue:
        await _orders(queue)
        await _ends(queue)
        await _leases(queue)
        await _shares(queue)


async def _orders(queue: TaskQueue) -> None:
    """Check the order of claims, and that an assignee gets its own tasks alone."""
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
    except IdTaken:
        pass
    else:
        raise AssertionError("an id is there once")
    assert [t.title for t in await queue.list(status="in_progress", assignee="me")] == ["mine"]
    assert [t.title for t in await queue.list(priority="high")] == ["b", "d"]
    for t in await queue.list():
        assert await queue.complete(t.id)


async def _ends(queue: TaskQueue) -> None:
    """Check that a task that is over stays over."""
    one = await queue.put(task("one"))
    assert await queue.cancel(one.id) and not await queue.cancel(one.id) and not await queue.complete(one.id)
    assert not await queue.complete("nope") and not await queue.cancel("nope")
    assert await queue.get() is None, "what is over is not claimed"
    two = await queue.put(task("two"))
    assert await queue.complete(two.id) and not await queue.cancel(two.id), "done is done"
    assert {t.status for t in await queue.list() if t.id in (one.id, two.id)} == {"cancelled", "done"}


async def _leases(queue: TaskQueue) -> None:
    """Check that a task whose lease is over is claimed again, and that the first claim has ended then."""
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
    """Check that several workers at once claim each task once."""
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
