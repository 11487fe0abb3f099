"""What Cognitia's own tests say of its queue and its registry of agents, retold on stores in memory and in SQLite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.stores import open_store
from cogc.stores.registry import AgentRegistry
from cogc.tasks import TaskQueue, open_queue, task
from support.cli import cogc_here

STORES = ["memory", "sqlite"]


@pytest.fixture(params=STORES)
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[TaskQueue], Awaitable[None]]], None]:
    """Run a test with an empty queue."""
    store = "memory" if request.param == "memory" else f"sqlite:{tmp_path}/q.db"

    def run(act: Callable[[TaskQueue], Awaitable[None]]) -> None:
        async def main() -> None:
            async with open_queue(store, "tasks") as opened:
                await act(opened)

        trio.run(main)

    return run


def test_put_and_get_gives_the_task_in_progress(queue: Any) -> None:
    async def act(q: TaskQueue) -> None:
        await q.put(task("Research", id="t1"))
        claimed = await q.get()
        assert claimed is not None and (claimed.id, claimed.status) == ("t1", "in_progress")
        assert [t.status for t in await q.list()] == ["in_progress"], "it is kept so"

    queue(act)


def test_get_of_an_empty_queue_is_none(queue: Any) -> None:
    async def act(q: TaskQueue) -> None:
        assert await q.get() is None

    queue(act)


def test_get_takes_the_highest_priority_and_the_oldest_of_it(queue: Any) -> None:
    async def act(q: TaskQueue) -> None:
        for id, priority in [("l", "low"), ("m1", "medium"), ("c", "critical"), ("h", "high"), ("m2", "medium")]:
            await q.put(task(id, priority=priority, id=id))
        order = [t.id for t in [await q.get() for _ in range(5)] if t is not None]
        assert order == ["c", "h", "m1", "m2", "l"]

    queue(act)


def test_without_an_assignee_only_tasks_of_nobody_are_claimed(queue: Any) -> None:
    async def act(q: TaskQueue) -> None:
        await q.put(task("x", priority="critical", assignee="ann", id="hers"))
        await q.put(task("y", id="free"))
        assert [t and t.id for t in (await q.get(), await q.get())] == ["free", None]
        assert [t and t.id for t in (await q.get("bob"), await q.get("ann"))] == [None, "hers"]

    queue(act)


@pytest.mark.parametrize("priority", ["low", "high"])
def test_get_filters_by_priority(queue: Any, priority: str) -> None:
    async def act(q: TaskQueue) -> None:
        for p in ("critical", "high", "low"):
            await q.put(task(p, priority=p, id=p))
        claimed = await q.get(priority=priority)
        assert claimed is not None and claimed.id == priority
        assert await q.get(priority=priority) is None

    queue(act)


@pytest.mark.parametrize(("end", "status"), [("complete", "done"), ("cancel", "cancelled")])
def test_an_end_is_final(queue: Any, end: str, status: str) -> None:
    async def act(q: TaskQueue) -> None:
        await q.put(task("x", id="t"))
        if end == "complete":
            await q.get()
        assert await getattr(q, end)("t")
        assert not await q.complete("t") and not await q.cancel("t")
        assert [t.status for t in await q.list()] == [status] and await q.get() is None

    queue(act)


@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_a_task_that_is_not_there_is_not_ended(queue: Any, end: str) -> None:
    async def act(q: TaskQueue) -> None:
        assert await getattr(q, end)("nothing") is False

    queue(act)


def test_list_filters_by_status_assignee_and_priority(queue: Any) -> None:
    async def act(q: TaskQueue) -> None:
        await q.put(task("a", priority="high", assignee="ann", id="a"))
        await q.put(task("b", priority="high", id="b"))
        await q.put(task("c", id="c"))
        await q.cancel("c")
        assert [t.id for t in await q.list()] == ["a", "b", "c"]
        assert [t.id for t in await q.list(status="cancelled")] == ["c"]
        assert [t.id for t in await q.list(assignee="ann")] == ["a"]
        assert [t.id for t in await q.list(priority="high")] == ["a", "b"]
        assert [t.id for t in await q.list("todo", "ann", "high")] == ["a"]

    queue(act)


def test_an_id_that_is_taken_is_refused(queue: Any) -> None:
    async def act(q: TaskQueue) -> None:
        await q.put(task("x", id="t"))
        with pytest.raises(ValueError, match="there is a task t already"):
            await q.put(task("y", id="t"))

    queue(act)


def test_an_unknown_priority_is_refused() -> None:
    with pytest.raises(ValueError, match="a priority is one of low, medium, high, critical"):
        task("x", priority="urgent")


def test_many_workers_claim_each_task_once(queue: Any) -> None:
    async def act(q: TaskQueue) -> None:
        for i in range(20):
            await q.put(task(str(i), id=str(i)))
        claimed: list[str] = []

        async def worker() -> None:
            while (found := await q.get()) is not None:
                claimed.append(found.id)

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(worker)
        assert sorted(claimed, key=int) == [str(i) for i in range(20)]

    queue(act)


def test_put_takes_an_id_on_the_command_line(tmp_path: Path) -> None:
    words = ["--store", f"sqlite:{tmp_path}/q.db"]
    assert cogc_here("queue", "put", "x", "--id", "t1", *words).stdout == "t1\n"
    again = cogc_here("queue", "put", "x", "--id", "t1", *words)
    assert again.returncode == 2 and "--id: there is a task t1 already" in again.stderr
    wrong = cogc_here("queue", "list", "--id", "t1", *words)
    assert wrong.returncode == 2 and "--id is for `cogc queue put`" in wrong.stderr


# ---- the registry --------------------------------------------------------------------------------------------


@pytest.fixture(params=STORES)
def registry(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[Callable[[AgentRegistry], Awaitable[None]]], None]:
    """Run a test with a registry of three agents: a coder, and a reviewer and a tester that it has started."""
    store = "memory" if request.param == "memory" else f"sqlite:{tmp_path}/r.db"

    def run(act: Callable[[AgentRegistry], Awaitable[None]]) -> None:
        async def main() -> None:
            async with open_store(store, "registry:") as opened:
                agents = AgentRegistry(opened)
                for id, role, parent in [("c", "coder", None), ("r", "reviewer", "c"), ("t", "tester", "c")]:
                    await agents.register(record(id, role, parent))
                await act(agents)

        trio.run(main)

    return run


def record(id: str, role: str, parent: str | None = None) -> dict[str, Any]:
    return {
        "id": id, "name": id.upper(), "role": role, "parent_id": parent, "runtime_name": "local", "runtime_config": {},
        "status": "idle", "budget_limit_usd": None, "metadata": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["c", "r", "t"]), ({"role": "coder"}, ["c"]), ({"parent": "c"}, ["r", "t"]), ({"parent": "c", "role": "tester"}, ["t"]),
        ({"parent": "t"}, []), ({"status": "running"}, []), ({"status": "idle", "parent": "c"}, ["r", "t"]), ({"role": "cook"}, []),
    ],
)  # fmt: skip
def test_list_agents_by_role_status_and_parent(registry: Any, wanted: dict[str, str], found: list[str]) -> None:
    async def act(agents: AgentRegistry) -> None:
        assert [r["id"] for r in await agents.list(**wanted)] == found

    registry(act)


def test_register_get_update_and_remove(registry: Any) -> None:
    async def act(agents: AgentRegistry) -> None:
        assert await agents.get("r") == record("r", "reviewer", "c")
        assert await agents.get("x") is None
        with pytest.raises(ValueError, match="there is an agent `r` already"):
            await agents.register(record("r", "cook"))
        assert await agents.update_status("r", "running") and not await agents.update_status("x", "running")
        assert [r["id"] for r in await agents.list(status="running")] == ["r"]
        assert await agents.remove("r") and not await agents.remove("r")
        assert [r["id"] for r in await agents.list(parent="c")] == ["t"]

    registry(act)
