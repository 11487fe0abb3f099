"""The commands by which people steer agents and teams while a run goes on.

An agent is named by its id: the path of its coglet, or that of a sub-agent below it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cogc.kernel import commands, courses
from cogc.kernel.models.conversation import Conversation
from cogc.kernel.models.roster import Roster, SubAgent
from cogc.kernel.objects import Activity, Instance
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.state import State
    from cogc.language.values import Value


STEERED = "steered"
"""The step of a course in which somebody steers the agents that a conversation has started."""
_OF_SUB_AGENTS = ("cancel", "send", "detach")
PARAMETER = "parameter"
"""The act by which a run that is forked goes on with another parameter. No door takes it."""


def rosters(kernel: State) -> list[Roster]:
    """Return the roster of every conversation that has started agents which still work, or may start some."""
    found: list[Roster] = []
    pending = [kernel.root] if kernel.root is not None else []
    while pending:
        inst = pending.pop(0)
        pending += inst.members()
        found += _rosters(kernel, inst)
    return found


def _rosters(kernel: State, inst: Instance) -> list[Roster]:
    """Return the rosters of one agent: those of its conversations, then those of agents that were detached from earlier ones."""
    own = kernel.models.known_agent(inst)
    if own is None:
        return []
    found = [t.roster for t in own.talks if isinstance(t, Conversation) and t.roster is not None]
    return found + [r for r in own.detached if isinstance(r, Roster)]


def find(kernel: State, id: str) -> Instance | tuple[Roster, SubAgent]:
    """Find an agent by its id: a coglet, or a sub-agent and its roster; a Failure if there is none."""
    for roster in rosters(kernel):
        for agent in roster.agents.values():
            if roster.id_of(agent) == id:
                return roster, agent
    inst = at(kernel, id)
    if inst is None or inst.code.ir.kind != "agent":
        raise Failure("error", f"there is no agent `{id}`")
    return inst


def at(kernel: State, path: str) -> Instance | None:
    """Return the coglet at a path, or None."""
    inst = kernel.root
    while inst is not None and inst.path != path:
        inst = next((m for m in inst.members() if path == m.path or path.startswith(f"{m.path}/")), None)
    return inst


def of_kind(kernel: State, kind: str) -> list[dict[str, Value]]:
    """Return the coglets that a kind of declaration stands for, with their states by name."""
    found: list[dict[str, Value]] = []
    pending = [kernel.root] if kernel.root is not None else []
    while pending:
        inst = pending.pop(0)
        pending += inst.members()
        if inst.code.ir.kind == kind:
            states: Value = {s.name: v for s, v in zip(inst.code.ir.states, inst.states, strict=True)}
            found.append({"path": inst.path, "name": inst.code.name, "states": states})
    return found


def status(kernel: State, id: str) -> dict[str, Value]:
    """Return the record of an agent, and for a sub-agent its state and result."""
    record = kernel.models.registry.get(id)
    found = find(kernel, id)
    value = record.value() if record is not None else {}
    if isinstance(found, tuple):
        return {**value, **found[1].summary(), "agent_id": id, "result": found[1].result}
    own = kernel.models.known_agent(found)
    paused = own is not None and own.paused_at is not None
    return {**value, "state": "paused" if paused else value.get("status", "")}


def steer(kernel: State, action: str, id: str, data: dict[str, Value]) -> dict[str, Value]:
    """Carry out what a person asks of an agent: cancel, send, pause, resume, detach or spawn; of a team: guide; of a run that is forked: parameter.

    Return the status of the agent. Raise Failure if it refuses.
    """
    if action == "guide":
        return _guide(kernel, id, data)
    if action == PARAMETER:
        return _set_parameter(kernel, id, data)
    found = find(kernel, id)
    if isinstance(found, Instance):
        if action == "spawn":
            return _spawn(kernel, found, data)
        command = {"send": "inject"}.get(action, action)
        if command not in found.code.commands:
            raise Failure("error", f"`{id}` is no sub-agent: it takes cancel, pause, resume, send and spawn")
        values = [data["message"]] if command == "inject" else []
        commands.command(kernel, found, found, command, values)
        return status(kernel, id)
    if action not in _OF_SUB_AGENTS:
        raise Failure("error", f"`{id}` is a sub-agent: it takes cancel, send and detach")
    roster, agent = found
    with courses.done_to(kernel, roster.talk.root, STEERED, [action, id, data]):
        return _sub_agent(roster, agent, action, id, data)


def _sub_agent(roster: Roster, agent: SubAgent, action: str, id: str, data: dict[str, Value]) -> dict[str, Value]:
    """Carry out what a person asks of a sub-agent. Return its status. Raise Failure if it refuses."""
    if action == "cancel":
        roster.cancel(agent)
    elif action == "send":
        roster.tell(agent, str(data["message"]))
    else:
        roster.detach(agent)
    return {**agent.summary(), "agent_id": id}


def _guide(kernel: State, path: str, data: dict[str, Value]) -> dict[str, Value]:
    """Give a team a command, with its arguments by name."""
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
    commands.command(kernel, inst, inst, str(command), values)
    return {"path": path}


def _set_parameter(kernel: State, path: str, data: dict[str, Value]) -> dict[str, Value]:
    """Give a coglet another value of a parameter, from now on."""
    inst = at(kernel, path)
    if inst is None:
        raise Failure("error", f"there is no coglet `{path}`")
    names, name = [p.name for p in inst.code.ir.parameters[: inst.code.ir.own_parameters]], str(data["name"])
    if name not in names:
        raise Failure("error", f"`{inst.code.name}` has no parameter `{name}`")
    number = names.index(name)
    courses.lose_all(inst)
    inst.parameters[number] = inst.code.parameters[number][0](data["value"])
    return {"path": path}


def _spawn(kernel: State, inst: Instance, data: dict[str, Value]) -> dict[str, Value]:
    """Let a conversation of an agent start another one in the background."""
    roster = next((r for r in _rosters(kernel, inst) if not r.closed), None)
    if roster is None:
        raise Failure("error", f"`{inst.path}` has no conversation under way that starts agents")
    with courses.done_to(kernel, roster.talk.root, STEERED, ["spawn", inst.path, data]):
        return _spawned(roster, data)


def _spawned(roster: Roster, data: dict[str, Value]) -> dict[str, Value]:
    """Let a conversation start another one. Return its status. Raise Failure if it starts none of that name."""
    agent = roster.add(str(data["agent"]), str(data["query"]), True)
    roster.stir()
    return {**agent.summary(), "agent_id": roster.id_of(agent)}


def repeat(kernel: State, root: Activity, action: str, id: str, data: dict[str, Value]) -> None:
    """Do to the conversations of a reaction that is led along its course (`following.py`) what somebody has done to them."""
    with suppress(Failure):  # it was refused at that time, too
        for roster in _rosters(kernel, root.inst):
            if roster.talk.root is not root:
                continue
            if action == "spawn" and not roster.closed:
                _spawned(roster, data)
                return
            for agent in list(roster.agents.values()):
                if roster.id_of(agent) == id:
                    _sub_agent(roster, agent, action, id, data)
