"""The registry of agents.

An agent is registered when its coglet is created, a sub-agent when it is started, and a tool's agent while it works. Its id
is its path; below it stand the ids of its own sub-agents: `Main/chief/Researcher-1`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cogc.desugar.agents import ASK
from cogc.kernel.objects import Instance

if TYPE_CHECKING:
    from cogc.ir import Program
    from cogc.kernel.unit import Unit
    from cogc.language.values import Value

STATUSES = ("idle", "running", "stopped")


class AgentRecord:
    """One agent. `role` is the name of its declaration, `runtime_name` where it runs, `parent_id` the agent that
    started it."""

    __slots__ = (
        "budget_limit_usd", "id", "metadata", "name", "parent_id", "role", "runtime_config", "runtime_name", "status",
    )  # fmt: skip

    def __init__(
        self,
        id: str,
        name: str,
        role: str,
        parent_id: str | None = None,
        runtime_name: str = "local",
        runtime_config: dict[str, Value] | None = None,
        status: str = "idle",
        budget_limit_usd: float | None = None,
        metadata: dict[str, Value] | None = None,
    ) -> None:
        self.id = id
        self.name = name
        self.role = role
        self.parent_id = parent_id
        self.runtime_name = runtime_name
        self.runtime_config = runtime_config or {}
        self.status = status
        self.budget_limit_usd = budget_limit_usd
        self.metadata = metadata or {}

    def value(self) -> dict[str, Value]:
        """Return the agent as a record."""
        return {name: getattr(self, name) for name in sorted(self.__slots__)}


class Registry:
    """The agents of a run, by their ids."""

    def __init__(self) -> None:
        self.records: dict[str, AgentRecord] = {}
        self.on_change: Callable[[], None] = lambda: None
        """Called after each change."""

    def register(self, record: AgentRecord) -> None:
        """Add an agent. Raise ValueError if one with its id is registered."""
        if record.id in self.records:
            raise ValueError(f"there is an agent `{record.id}` already")
        self.records[record.id] = record
        self.on_change()

    def get(self, id: str) -> AgentRecord | None:
        """Return an agent by its id, or None."""
        return self.records.get(id)

    def list(self, role: str | None = None, status: str | None = None, parent: str | None = None) -> list[AgentRecord]:
        """Return the agents of a role and a status, and those that a `parent` has started, in the order of their registration."""
        found = [r for r in self.records.values() if parent in (None, r.parent_id)]
        return [r for r in found if role in (None, r.role) and status in (None, r.status)]

    def update_status(self, id: str, status: str) -> bool:
        """Set the status of an agent. Return whether there is one. Raise ValueError for an unknown status."""
        if status not in STATUSES:
            raise ValueError(f"an agent is {', '.join(STATUSES)}, not {status!r}")
        found = self.records.get(id)
        if found is not None:
            found.status = status
            self.on_change()
        return found is not None

    def remove(self, id: str) -> bool:
        """Remove an agent and tell whether there was one."""
        self.on_change()
        return self.records.pop(id, None) is not None


# ---- what is registered --------------------------------------------------------------------------------------


def created(registry: Registry, inst: Instance) -> None:
    """Register an agent when its coglet is created."""
    program = inst.code.unit.bundle.programs[f"{inst.code.key}.{ASK}"]
    above = inst.parent
    while above is not None and above.code.ir.kind != "agent":
        above = above.parent
    record = _record(inst.code.unit, inst.path, inst.name, program, above.path if above is not None else None)
    registry.remove(record.id)  # a member of a pool may have the index of one before it
    registry.register(record)


def started(
    registry: Registry, unit: Unit, id: str, parent: str, program: Program, runtime: str, status: str = "running"
) -> None:
    """Register a sub-agent that a conversation starts, or an agent that it asks as its tool."""
    record = _record(unit, id, id.rpartition("/")[2], program, parent)
    record.runtime_name, record.status = runtime, status
    registry.register(record)


def _record(unit: Unit, id: str, name: str, program: Program, parent: str | None) -> AgentRecord:
    from cogc import ir

    model = unit.bundle.models[program.model]
    budget = program.attributes.get("budget")
    usd = None
    if isinstance(budget, ir.Record):
        usd = next((e.value.value for e in budget.entries if e.name == "usd" and isinstance(e.value, ir.Const)), None)
    config: dict[str, Value] = {"model": model.name, "provider": model.provider}
    return AgentRecord(
        id, name, program.name, parent, "local", config, budget_limit_usd=usd, metadata=metadata_of(program)
    )


def metadata_of(program: Program) -> dict[str, Value]:
    """Return the texts that an agent's declaration says about it."""
    from cogc import ir

    given = program.attributes.get("metadata")
    entries = given.entries if isinstance(given, ir.Record) else []
    return {str(e.name): e.value.value for e in entries if isinstance(e.value, ir.Const)}
