"""Coglets that create themselves without end, directly or through others."""

from __future__ import annotations

from cogc.analysis.ranges import known_value
from cogc.analysis.scope import Scope
from cogc.checks.common import own_shapes
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Member, Shape

_EXPANDED = ("agent", "dod", "plan", "team")
"""The declarations of users that stand for coglets. What these create among themselves is part of a cycle, and has no name to show."""


def endless_creation(checked: Checked) -> None:
    """Report each cycle of unconditional creation once, at its first coglet: of the user's own, or of a plan or agent."""
    reported: set[str] = set()
    own = own_shapes(checked)
    for shape in [*own, *(s for s in checked.world.shapes.values() if s.declared in _EXPANDED)]:
        cycle = _cycle(checked, shape)
        if cycle is None or any(s.key in reported for s in cycle):
            continue
        reported.update(s.key for s in cycle)
        shown = [s.name for s in cycle if s.declared in ("coglet", *_EXPANDED)]
        names = " -> ".join([*shown, shown[0]])
        checked.problems.add("endless-creation", shape.span(), name=shape.name, cycle=names)


def _always(checked: Checked, member: Member) -> bool:
    """Return whether a child is certain to be created.

    A pool that starts empty is not, nor a child for each item of a list that may be empty.
    """
    node = member.node
    if node.for_each is not None:
        scope = Scope(checked.world, member.owner.unit, member.owner, states=False)
        return bool(known_value(node.for_each.source, scope, checked.inference))
    return not (node.count is not None and isinstance(node.count.low, nodes.Literal) and node.count.low.value == 0)


def _cycle(checked: Checked, start: Shape) -> list[Shape] | None:
    """Return a shortest path of creations from a shape back to itself, or None."""
    ways: list[list[Shape]] = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for member in way[-1].children.values():
            target = member.target
            if target is None or not _always(checked, member):
                continue
            if target is start:
                return way
            if target.key not in seen:
                seen.add(target.key)
                ways.append([*way, target])
    return None
