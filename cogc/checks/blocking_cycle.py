"""Links that form a cycle in which every sender waits for a full inbox: once all inboxes are full, no coglet can continue.

Only `link`s are examined. A link with `{ feedback: true }`, or an inbox that drops messages, breaks the cycle.
"""

from __future__ import annotations

from cogc.checks.common import has_flag, links, own_shapes
from cogc.diagnostics.problems import Label
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.analysis.tables import Port
    from cogc.names.world import Shape

    Edge = tuple[str, str, nodes.Link]


def blocking_cycle(checked: Checked) -> None:
    """Report each cycle once, at the link that closes it."""
    for shape in own_shapes(checked):
        edges = _edges(checked, shape)
        found: set[frozenset[str]] = set()
        for start in sorted({a for a, _, _ in edges}):
            cycle = _shortest(start, edges)
            if cycle is None or frozenset(a for a, _, _ in cycle) in found:
                continue
            found.add(frozenset(a for a, _, _ in cycle))
            names = " -> ".join([a for a, _, _ in cycle] + [cycle[0][0]])
            last = cycle[-1][2]
            others = [Label(shape.unit.span(e[2]), "and this one") for e in cycle[:-1] if e[2] is not last]
            checked.problems.add("blocking-cycle", shape.unit.span(last), related=others, cycle=names)


def _edges(checked: Checked, shape: Shape) -> list[Edge]:
    """Return one edge, from sender to receiver, for each blocking link between children."""
    edges: list[Edge] = []
    for link, source, target, _ in links(checked, shape):
        if source.kind != "child_transmit" or target.kind != "child_listen":
            continue
        if not has_flag(link.attributes, "feedback") and not _drops(target):
            edges.append((source.child, target.child, link))
    return edges


def _drops(target: Port) -> bool:
    """Return whether the inbox of a target drops messages, so that no sender waits for it."""
    if target.member is None:
        return False
    words = [getattr(a.value, "id", "") for a in target.member.node.attributes if a.key.id == "overflow"]
    return bool(words) and words[0] != "block"


def _shortest(start: str, edges: list[Edge]) -> list[Edge] | None:
    ways: list[list[Edge]] = [[e] for e in edges if e[0] == start]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        at = way[-1][1]
        if at == start:
            return way
        if at not in seen:
            seen.add(at)
            ways += [[*way, e] for e in edges if e[0] == at]
    return None
