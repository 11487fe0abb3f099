"""The registry of the agents of several runs, on one or more machines, over a store.

A record is `{id, name, role, parent_id, runtime_name, runtime_config, status, budget_limit_usd, metadata}`; the status is idle,
running or stopped. An agent whose process has ended without removing it is shown as stopped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from cogc.kernel.models.registry import STATUSES, AgentRecord
from cogc.stores import open_store
from cogc.stores.base import Store, Tx
from cogc.stores.owner import alive, owner

Record = dict[str, Any]


@asynccontextmanager
async def open_registry(name: str) -> AsyncIterator[AgentRegistry]:
    """Open the registry of a store; raise ConnectionError if there is no such store or it cannot be reached."""
    async with open_store(name, "agents:") as store:
        yield AgentRegistry(store)


class AgentRegistry:
    """A registry over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def register(self, record: Record) -> None:
        """Register an agent; raise ValueError if one with its id has a living process."""
        now = await self.store.now()

        async def work(tx: Tx) -> None:
            known = await tx.get(f"agent:{record['id']}")
            if known is not None and alive(known["owner"], now):
                raise ValueError(f"there is an agent `{record['id']}` already")
            tx.put(f"agent:{record['id']}", {**record, "owner": owner(now)})
            tx.add("agents", record["id"], now)
            tx.publish("agent_events", record["id"])

        await self.store.transact(work)

    async def get(self, id: str) -> Record | None:
        """Return the record of an agent, or None."""
        now = await self.store.now()

        async def work(tx: Tx) -> Record | None:
            return _shown(await tx.get(f"agent:{id}"), now)

        return await self.store.transact(work)

    async def list(self, role: str | None = None, status: str | None = None, parent: str | None = None) -> list[Record]:
        """Return the agents of a role and a status, and those that a `parent` has started, in the order of their registration."""
        now = await self.store.now()

        async def work(tx: Tx) -> list[Record]:
            found = [_shown(await tx.get(f"agent:{id}"), now) for id in await tx.members("agents")]
            known = [r for r in found if r is not None and parent in (None, r["parent_id"])]
            return [r for r in known if role in (None, r["role"]) and status in (None, r["status"])]

        return await self.store.transact(work)

    async def update_status(self, id: str, status: str) -> bool:
        """Change the status of an agent. Return whether there is one; raise ValueError for an unknown status."""
        if status not in STATUSES:
            raise ValueError(f"an agent is {', '.join(STATUSES)}, not {status!r}")
        now = await self.store.now()

        async def work(tx: Tx) -> bool:
            known = await tx.get(f"agent:{id}")
            if known is None:
                return False
            tx.put(f"agent:{id}", {**known, "status": status, "owner": owner(now)})
            tx.publish("agent_events", id)
            return True

        return await self.store.transact(work)

    async def remove(self, id: str) -> bool:
        """Remove an agent. Return whether there was one."""

        async def work(tx: Tx) -> bool:
            known = await tx.get(f"agent:{id}")
            tx.delete(f"agent:{id}")
            tx.remove("agents", id)
            return known is not None

        return await self.store.transact(work)


def _shown(known: Record | None, now: float) -> Record | None:
    """Return the record of an agent without its owner, as stopped if the owner is gone."""
    if known is None:
        return None
    shown = {k: v for k, v in known.items() if k != "owner"}
    return shown if alive(known["owner"], now) else {**shown, "status": "stopped"}


# ---- the conformance suite -----------------------------------------------------------------------------------


async def check_registry(open: Callable[[], AbstractAsyncContextManager[AgentRegistry]]) -> None:
    """Run a registry on an empty store through all cases; an AssertionError names the rule that it breaks."""
    async with open() as registry:
        ann = AgentRecord("a", "Ann", "coder", budget_limit_usd=2.0, metadata={"x": 1}).value()
        await registry.register(ann)
        await registry.register(AgentRecord("b", "Bob", "reviewer", parent_id="a").value())
        try:
            await registry.register(ann)
        except ValueError:
            pass
        else:
            raise AssertionError("an id that is there already is refused")
        assert await registry.get("a") == ann, "an agent is as it was registered"
        assert await registry.get("c") is None, "nothing for an id that is not there"
        assert await registry.update_status("a", "running"), "a status is changed"
        assert not await registry.update_status("c", "idle"), "of one that is not there it is not"
        try:
            await registry.update_status("a", "asleep")
        except ValueError:
            pass
        else:
            raise AssertionError("a status that there is none is refused")
        assert [r["id"] for r in await registry.list()] == ["a", "b"], "all, in order"
        assert [r["id"] for r in await registry.list(role="reviewer")] == ["b"], "those of a role"
        assert [r["id"] for r in await registry.list(status="running")] == ["a"], "those of a status"
        assert [r["id"] for r in await registry.list(parent="a")] == ["b"], "those of a parent"
        assert await registry.list(role="coder", parent="a") == [], "all filters must match"
        assert await registry.remove("a") and not await registry.remove("a"), "one is removed once"
