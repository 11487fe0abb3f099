"""Hooks that wait: while one does, no snapshot of a durable run is written, and a resume replays what has happened since the last one."""

from __future__ import annotations

from cogc.checks.common import own_shapes
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked

_HOOKS = ("start", "stop", "error")


def no_snapshot(checked: Checked) -> None:
    """Report each hook that waits, if a check is about durable runs."""
    if not checked.options.durable:
        return
    for shape in own_shapes(checked):
        for member in shape.reactions:
            hook = _hook(member.node) if member.owner is shape else ""
            if hook and any(_waits(checked, node) for node in nodes.walk(member.node)):
                checked.problems.add(
                    "no-snapshot", shape.unit.span(member.node.triggers[0]),
                    when=f"while `{hook}` of `{shape.name}` waits", what="what happens meanwhile",
                )  # fmt: skip


def _hook(node: nodes.Reaction) -> str:
    """Return the words of a hook; nothing for a reaction to messages."""
    for trigger in node.triggers:
        if isinstance(trigger, nodes.On):
            source = trigger.source.function if isinstance(trigger.source, nodes.Call) else trigger.source
            if isinstance(source, nodes.Name) and source.id in _HOOKS:
                return f"on {source.id}"
    return ""


def _waits(checked: Checked, node: nodes.Node) -> bool:
    """Return whether a phrase of a body waits for somebody: a call of a program that is not pure, or an `await`."""
    tables = checked.tables
    return (
        isinstance(node, nodes.Await)
        or id(node) in tables.waiting
        or id(tables.stage_calls.get(id(node))) in tables.waiting
    )
