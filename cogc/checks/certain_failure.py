"""Expressions in bodies that fail at every message: a division by a literal zero, an index outside of a literal list.

Constants are not evaluated here, since a condition on the constant may guard the expression; `failing_start` evaluates
the constants themselves.
"""

from __future__ import annotations

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit

DIVISIONS = ("/", "//", "%")


def certain_failure(checked: Checked) -> None:
    """Report each expression that is certain to fail, except those inside of a `try`."""
    for unit in checked.world.roots:
        found = {id(n): (n, why) for n, why in _failing(unit)}
        for attempt in unit.all(nodes.Try) if found else ():
            for inner in nodes.walk(attempt.value):
                found.pop(id(inner), None)
        for node, why in found.values():
            checked.problems.add("certain-failure", unit.span(node), reason=why)


def _failing(unit: Unit) -> list[tuple[nodes.Expr, str]]:
    """Return the divisions and indexes of a file that are certain to fail, each with the reason."""
    found: list[tuple[nodes.Expr, str]] = []
    for node in unit.all(nodes.Binary):
        right = node.right
        if (
            node.operator in DIVISIONS
            and isinstance(right, nodes.Literal)
            and right.kind != "bool"
            and right.value == 0
        ):
            found.append((node, "a division by zero"))
    for indexed in unit.all(nodes.Index):
        if isinstance(indexed.base, nodes.ListLiteral) and isinstance(indexed.index, nodes.Literal):
            size, at = len(indexed.base.items), indexed.index.value
            if type(at) is int and at >= size:
                found.append((indexed, f"index {at} is out of range: there are {size}"))
    return found
