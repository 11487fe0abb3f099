"""All that is known of one coglet, as the inspector of the page shows it."""

from __future__ import annotations

from typing import Any

from cogc import ir
from cogc.kernel.objects import Instance
from cogc.language import types
from cogc.language.texts import is_internal
from cogc.language.values import hidden
from cogc.run.inspection import inspect_one
from cogc.run.session import Session
from cogc.service import picture
from cogc.service.members import Members
from cogc.service.page.texts import Texts

LAST = 10
"""The last messages of a channel that are shown."""
_MOST_CHILDREN = 200


def details(session: Session, members: Members, inst: Instance, texts: Texts) -> dict[str, Any]:
    """Return what is known of a coglet now, as values of JSON."""
    path, declared = inst.path, inst.code.ir
    now = inspect_one(session.kernel, session.under_way, session.now(), inst)
    inboxes = {box["channel"]: box for box in now["inboxes"]}
    children = members.children(inst)
    return {
        "id": members.id_of(inst),
        "path": path,
        "class_name": inst.code.name,
        "kind": declared.kind,
        "doc": declared.doc or members.marks.doc(path),
        "status": now["status"],
        "failure": _failure(session, inst),
        "mixins": members.mixins(inst),
        "parent": None if members.is_top(inst) or inst.parent is None else members.id_of(inst.parent),
        "children": [
            {
                "id": members.id_of(m),
                "label": m.path.rpartition("/")[2],
                "class_name": m.code.name,
                "status": m.status(),
            }
            for m in children[:_MOST_CHILDREN]
        ],
        "more_children": max(0, len(children) - _MOST_CHILDREN),
        "listens": [_listen(members, inst, name, inboxes) for name in members.listens(inst)],
        "commands": [_command(inst, name) for name in members.commands(inst)],
        "transmits": [_transmit(members, inst, name) for name in members.transmits(inst)],
        "states": now["states"],
        "timers": now["timers"],
        "waits": now["waits"],
        "restarts": now["restarts"],
        "config": {} if inst.slot is None else picture.config(inst.slot.spec.spec),
        "programs": _programs(members, inst),
        "source": texts.place(inst, members.marks),
    }


def _failure(session: Session, inst: Instance) -> dict[str, Any] | None:
    report = inst.failure
    if report is None:
        return None
    message = hidden(report.failure.message, session.kernel.private)
    return {"message": message, "kind": report.failure.kind, "at": report.place, "reaction": report.reaction}


def _type(inst: Instance, number: int) -> str:
    return types.show(inst.code.unit.validators.types[number])


def _listen(members: Members, inst: Instance, name: str, inboxes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a listen channel with its type, its inbox, and its last messages."""
    known = inst.code.listens.get(name)
    typed = known is not None and not inst.code.ir.open
    type = _type(inst, known[2]) if known is not None and typed else "any"
    return {"name": name, "type": type, "inbox": inboxes.get(name), **_messages(members, inst, name)}


def _transmit(members: Members, inst: Instance, name: str) -> dict[str, Any]:
    """Return a transmit channel with its type, its subscribers, and its last messages."""
    known = next((c for c in inst.code.ir.transmits if c.name == name), None)
    out = next((o for o in inst.outs if o is not None and o.name == name), None)
    found: dict[str, Any] = {"name": name, "type": "any" if known is None else _type(inst, known.type)}
    found |= {"subscribers": members.subscribers(inst, name), "count": 0 if out is None else out.count}
    return {**found, **_messages(members, inst, name)}


def _messages(members: Members, inst: Instance, name: str) -> dict[str, Any]:
    record = members.watched.records(inst.path).get(name)
    return {
        "counts": None if record is None else record.counts(),
        "last": members.watched.last(record, LAST),
    }


def _command(inst: Instance, name: str) -> dict[str, Any]:
    """Return a command with the types of its parameters."""
    handlers = inst.code.commands.get(name) or []
    reactions = [
        r for r in inst.code.ir.reactions if any(t.kind == "command" and t.command == name for t in r.triggers)
    ]
    given = [] if not handlers or inst.code.ir.open else [p for r in reactions for p in r.parameters]
    return {"name": name, "parameters": [{"name": p.name, "type": _type(inst, p.type)} for p in given]}


def _programs(members: Members, inst: Instance) -> list[dict[str, Any]]:
    """Return the programs that a coglet calls or has in its table, and what stands for them now."""
    declared, bundle = inst.code.ir, inst.code.unit.bundle
    keys = {p.program: None for p in ir.parts([declared.reactions, declared.states]) if isinstance(p, ir.Call)}
    table = inst.states[declared.registered] if declared.registered >= 0 and inst.states else {}
    found: list[dict[str, Any]] = []
    for key in keys:
        program = bundle.programs.get(key)
        if program is None or is_internal(program.name) or program.kind in ("plan store", "coglet"):
            continue
        model = bundle.models.get(program.model)
        found.append(
            {
                "name": program.name,
                "kind": program.kind,
                "parameters": [{"name": p.name, "type": _type(inst, p.type)} for p in program.parameters],
                "result": _type(inst, program.result),
                "model": "" if model is None else model.name,
                "tools": program.tools,
                "stands_for": members.watched.shown(table.get(program.name)),
            }
        )
    for name, executor in members.marks.programs(inst.path).items():
        found.append(
            {
                "name": name,
                "kind": executor,
                "parameters": [],
                "result": "",
                "model": "",
                "tools": [],
                "stands_for": None,
            }
        )
    return found
