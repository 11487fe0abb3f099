"""The agents of a run, listed in a registry that other processes read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import trio

from cogc.kernel.models.registry import Registry
from cogc.stores.owner import LEASE
from cogc.stores.registry import AgentRegistry, open_registry

if TYPE_CHECKING:
    from cogc.language.values import Value


class Mirror:
    """Keeps a shared registry equal to that of the run, and removes its entries at the end. Ids begin with the id of
    the run."""

    def __init__(self, registry: Registry, store: str, run: str) -> None:
        self.registry = registry
        self.store = store
        self.run_id = run
        self.changed = trio.Event()
        self.known: dict[str, dict[str, Any]] = {}
        registry.on_change = lambda: self.changed.set()

    async def run(self) -> None:
        """Write changes until cancelled. If the store cannot be reached, warn once and let the run go on."""
        try:
            async with open_registry(self.store) as shared:
                try:
                    while True:
                        await self._write(shared)
                        with trio.move_on_after(LEASE / 3):
                            await self.changed.wait()
                            self.changed = trio.Event()
                            continue
                        for id, record in self.known.items():  # this process still lives
                            await shared.update_status(id, str(record["status"]))
                finally:
                    with trio.move_on_after(2, shield=True):
                        for id in self.known:
                            await shared.remove(id)
        except ConnectionError as error:
            sys.stderr.write(f"cogc: warning: the registry {self.store}: {error}\n")

    async def _write(self, shared: AgentRegistry) -> None:
        """Write what has changed since the last time."""
        now: dict[str, dict[str, Value]] = {}
        for agent in self.registry.list():
            value = agent.value()
            parent = None if value["parent_id"] is None else f"{self.run_id}:{value['parent_id']}"
            id = f"{self.run_id}:{agent.id}"
            now[id] = {**value, "id": id, "parent_id": parent, "metadata": {**agent.metadata, "run": self.run_id}}
        for id in self.known.keys() - now.keys():
            await shared.remove(id)
        for id, record in now.items():
            if id not in self.known:
                await shared.register(record)
            elif self.known[id] != record:
                await shared.update_status(id, str(record["status"]))
        self.known = now
