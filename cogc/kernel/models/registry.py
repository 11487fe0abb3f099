"""Who there is of agents, and what people do to them while a run goes on.

An agent is registered when its coglet is created, a sub-agent when it is started, and a tool's agent while it works. Its id
is its path; below it stand the ids of its own sub-agents: `Main/chief/Researcher-1`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogc.desugar.agents import ASK
from cogc.kernel import reactions
from cogc.kernel.objects import Instance
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.ir import Program
    from cogc.kernel.machine import Kernel
    from cogc.kernel.models.agents import Roster, SubAgent
    from cogc.kernel.models.conversation import Conversation
    from cogc.kernel.unit import Unit

STATUSES = ("idle", "running", "stopped")


class AgentRecord:
    """One agent. `role` is its declaration's name, `runtime_name` who runs it, `parent_id` the agent that started it."""

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
        runtime_config: dict[str, Any] | None = None,
        status: str = "idle",
        budget_limit_usd: float | None = None,
        metadata: dict[str, Any] | None = None,
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

    def value(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in sorted(self.__slots__)}


class Registry:
    """The agents of a run, by their ids."""

    def __init__(self) -> None:
        self.records: dict[str, AgentRecord] = {}
        self.heard: Callable[[], None] = lambda: None
        """Hears that something has changed."""

    def register(self, record: AgentRecord) -> None:
        """Take in an agent. ValueError if there is one with its id."""
        if record.id in self.records:
            raise ValueError(f"there is an agent `{record.id}` already")
        self.records[record.id] = record
        self.heard()

    def get(self, id: str) -> AgentRecord | None:
        return self.records.get(id)

    def list(self, role: str | None = None, status: str | None = None) -> list[AgentRecord]:
        """Those of a role and a status, in the order of their registration."""
        found = self.records.values()
        return [r for r in found if role in (None, r.role) and status in (None, r.status)]

    def update_status(self, id: str, status: str) -> bool:
        """Whether there is such an agent; ValueError if there is no such status."""
        if status not in STATUSES:
            raise ValueError(f"an agent is {', '.join(STATUSES)}, not {status!r}")
        found = self.records.get(id)
        if found is not None:
            found.status = status
            self.heard()
        return found is not None

    def remove(self, id: str) -> bool:
        """Whether there was such an agent."""
        self.heard()
        return self.records.pop(id, None) is not None


# ---- what is registered --------------------------------------------------------------------------------------


def created(kernel: Kernel, inst: Instance) -> None:
    """An agent's coglet is there."""
    program = inst.code.unit.bundle.programs[f"{inst.code.key}.{ASK}"]
    above = inst.parent
    while above is not None and above.code.ir.kind != "agent":
        above = above.parent
    record = _record(inst.code.unit, inst.path, inst.name, program, above.path if above is not None else None)
    kernel.registry.remove(record.id)  # a member of a pool may have the index of one before it
    kernel.registry.register(record)


def started(talk: Conversation, id: str, program: Program, runtime: str, status: str = "running") -> None:
    """A conversation has started a sub-agent, or asks one as its tool."""
    record = _record(talk.unit, id, id.rpartition("/")[2], program, talk.id)
    record.runtime_name, record.status = runtime, status
    talk.kernel.registry.register(record)


def _record(unit: Unit, id: str, name: str, program: Program, parent: str | None) -> AgentRecord:
    from cogc import ir

    model = unit.bundle.models[program.model]
    budget = program.attributes.get("budget")
    usd = None
    if isinstance(budget, ir.Record):
        usd = next((e.value.value for e in budget.entries if e.name == "usd" and isinstance(e.value, ir.Const)), None)
    config = {"model": model.name, "provider": model.provider}
    return AgentRecord(id, name, program.name, parent, "local", config, budget_limit_usd=usd)


# ---- what people do ------------------------------------------------------------------------------------------


def rosters(kernel: Kernel) -> list[Roster]:
    """Of every conversation under way that has started agents, or may."""
    found: list[Roster] = []
    pending = [kernel.root] if kernel.root is not None else []
    while pending:
        inst = pending.pop(0)
        pending += inst.members()
        for talk in inst.agent.talks if inst.agent is not None else ():
            if talk.roster is not None:
                found.append(talk.roster)
    return found


def find(kernel: Kernel, id: str) -> Instance | tuple[Roster, SubAgent]:
    """An agent by its id: a coglet, or a sub-agent and its roster; a Failure if there is none."""
    for roster in rosters(kernel):
        for agent in roster.agents.values():
            if roster.id_of(agent) == id:
                return roster, agent
    inst = at(kernel, id)
    if inst is None or inst.code.ir.kind != "agent":
        raise Failure("error", f"there is no agent `{id}`")
    return inst


def at(kernel: Kernel, path: str) -> Instance | None:
    """The coglet of a path."""
    inst = kernel.root
    while inst is not None and inst.path != path:
        inst = next((m for m in inst.members() if path == m.path or path.startswith(f"{m.path}/")), None)
    return inst


def of_kind(kernel: Kernel, kind: str) -> list[dict[str, Any]]:
    """The coglets that a kind of declaration stands for, with their states by name."""
    found, pending = [], [kernel.root] if kernel.root is not None else []
    while pending:
        inst = pending.pop(0)
        pending += inst.members()
        if inst.code.ir.kind == kind:
            states = {s.name: v for s, v in zip(inst.code.ir.states, inst.states, strict=True)}
            found.append({"path": inst.path, "name": inst.code.name, "states": states})
    return found


def status(kernel: Kernel, id: str) -> dict[str, Any]:
    """All that is known of an agent: its record, and for a sub-agent how it is doing."""
    record = kernel.registry.get(id)
    found = find(kernel, id)
    value = record.value() if record is not None else {}
    if isinstance(found, tuple):
        return {**value, **found[1].summary(), "agent_id": id, "result": found[1].result}
    paused = found.agent is not None and found.agent.paused_at is not None
    return {**value, "state": "paused" if paused else value.get("status", "")}


def steer(kernel: Kernel, action: str, id: str, data: dict[str, Any]) -> dict[str, Any]:
    """What a person asks for: cancel, send, pause, resume, detach, spawn; guide, of a team. An agent's status, or a Failure."""
    if action == "guide":
        return _guide(kernel, id, data)
    found = find(kernel, id)
    if isinstance(found, Instance):
        if action == "spawn":
            return _spawn(kernel, found, data)
        command = {"send": "inject"}.get(action, action)
        if command not in found.code.commands:
            raise Failure("error", f"`{id}` is no sub-agent: it takes cancel, pause, resume, send and spawn")
        values = [data["message"]] if command == "inject" else []
        reactions.command(kernel, found, found, command, values)
        return status(kernel, id)
    roster, agent = found
    if action == "cancel":
        roster.cancel(agent)
    elif action == "send":
        roster.say(agent, data["message"])
    elif action == "detach":
        roster.detach(agent)
    else:
        raise Failure("error", f"`{id}` is a sub-agent: it takes cancel, send and detach")
    return {**agent.summary(), "agent_id": id}


def _guide(kernel: Kernel, path: str, data: dict[str, Any]) -> dict[str, Any]:
    """A command for a team: its name, and its arguments by name."""
    inst = at(kernel, path)
    if inst is None or inst.code.ir.kind != "team":
        raise Failure("error", f"there is no team `{path}`")
    command = data.get("command")
    reaction = next((r for r in inst.code.ir.reactions if command and r.triggers[0].command == command), None)
    if reaction is None:
        raise Failure("error", f"`{path}` has no command `{command}`")
    missing = [p.name for p in reaction.parameters if p.name not in data]
    if missing:
        raise Failure("error", f"`{command}` needs `{missing[0]}`")
    values = [inst.code.unit.checked(p.type, data[p.name], f"`{p.name}`") for p in reaction.parameters]
    reactions.command(kernel, inst, inst, str(command), values)
    return {"path": path}


def _spawn(kernel: Kernel, inst: Instance, data: dict[str, Any]) -> dict[str, Any]:
    for talk in inst.agent.talks if inst.agent is not None else ():
        if talk.roster is not None:
            agent = talk.roster.add(data["agent"], data["query"], True)
            talk.roster.stir()
            return {**agent.summary(), "agent_id": talk.roster.id_of(agent)}
    raise Failure("error", f"`{inst.path}` has no conversation under way that starts agents")
