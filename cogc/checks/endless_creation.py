"""Coglets that create themselves without end, directly or through others."""

from __future__ import annotations

from cogc.analysis.ranges import known_value
from cogc.analysis.scope import Scope
from cogc.checks.common import in_cycles, own_shapes, shortest_cycle
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.checks.common import Edge
    from cogc.names.world import Member, Shape

_EXPANDED = ("agent", "dod", "plan", "team")
"""The declarations of users that stand for coglets. What these create among themselves is part of a cycle, and has no name to show."""


def endless_creation(checked: Checked) -> None:
    """Report each cycle of unconditional creation once, at the child of its first coglet: of the user's own, or of a plan or agent."""
    reported: set[str] = set()
    shapes = checked.world.shapes
    edges = in_cycles([edge for shape in shapes.values() for edge in _edges(checked, shape)])
    for shape in [*own_shapes(checked), *(s for s in shapes.values() if s.declared in _EXPANDED)] if edges else ():
        cycle = None if shape.key in reported else shortest_cycle(shape.key, edges)
        if cycle is None or any(key in reported for key, _, _ in cycle):
            continue
        reported.update(key for key, _, _ in cycle)
        passed = [shapes[key] for key, _, _ in cycle]
        shown = [s.name for s in passed if s.declared in ("coglet", *_EXPANDED)]
        names = " -> ".join([*shown, shown[0]])
        children = [m for m in shape.children.values() if m.node is cycle[0][2]]
        span = children[0].span() if children and shape.declared == "coglet" else shape.span()
        checked.problems.add("endless-creation", span, name=shape.name, cycle=names)


def _edges(checked: Checked, shape: Shape) -> list[Edge[nodes.Create]]:
    """Return one edge for each child that a coglet is certain to create, to the coglet of that child."""
    children = [m for m in shape.children.values() if m.target is not None and _always(checked, m)]
    return [(shape.key, m.target.key, m.node) for m in children if m.target is not None]


def _always(checked: Checked, member: Member) -> bool:
    """Return whether a child is certain to be created.

    A pool that starts empty is not, nor a child for each item of a list that may be empty.
    """
    node = member.node
    if node.for_each is not None:
        scope = Scope(checked.world, member.owner.unit, member.owner, states=False)
        return bool(known_value(node.for_each.source, scope, checked.inference))
    return not (node.count is not None and isinstance(node.count.low, nodes.Literal) and node.count.low.value == 0)
