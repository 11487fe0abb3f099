"""Links that form a cycle in which every sender waits for a full inbox: once all inboxes are full, no coglet can continue.

Only `link`s are examined. A link with `{ feedback: true }`, or an inbox that drops messages, breaks the cycle.
"""

from __future__ import annotations

from cogc.checks.common import has_flag, in_cycles, links, own_shapes, shortest_cycle
from cogc.diagnostics.edits import addition
from cogc.diagnostics.problems import Label
from cogc.diagnostics.suggest import nearest
from cogc.language.types import BOOL, NO, fit
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.analysis.tables import Port
    from cogc.checks.common import Edge
    from cogc.names.world import Shape


def blocking_cycle(checked: Checked) -> None:
    """Report each cycle once, at the link that closes it."""
    for shape in own_shapes(checked):
        edges = in_cycles(_edges(checked, shape))
        met: set[str] = set()
        for start in sorted(edges):
            cycle = None if start in met else shortest_cycle(start, edges)
            if cycle is None:
                continue
            met |= {a for a, _, _ in cycle}
            names = " -> ".join([a for a, _, _ in cycle] + [cycle[0][0]])
            last = cycle[-1][2]
            others = [Label(shape.unit.span(e[2]), "and this one") for e in cycle[:-1] if e[2] is not last]
            given = tuple((a.start, a.end) for a in last.attributes)
            edits = addition(shape.unit.source, given, last.end, "feedback: true")
            checked.problems.add("blocking-cycle", shape.unit.span(last), related=others, edits=edits, cycle=names)


def _edges(checked: Checked, shape: Shape) -> list[Edge[nodes.Link]]:
    """Return one edge, from sender to receiver, for each blocking link between children."""
    edges: list[Edge[nodes.Link]] = []
    for link, source, target, _ in links(checked, shape):
        if source.kind != "child_transmit" or target.kind != "child_listen":
            continue
        if not has_flag(link.attributes, "feedback") and not _drops(target) and not _is_wrong(checked, link):
            edges.append((source.child, target.child, link))
    return edges


def _is_wrong(checked: Checked, link: nodes.Link) -> bool:
    """Return whether the `feedback` of a link is no bool, or misspelt, which has been reported."""
    if any(nearest(a.key.id, ("feedback",)) for a in link.attributes):
        return True
    said = [checked.tables.types.get(id(a.value), BOOL) for a in link.attributes if a.key.id == "feedback"]
    return any(fit(found, BOOL) == NO for found in said)


def _drops(target: Port) -> bool:
    """Return whether the inbox of a target drops messages, so that no sender waits for it."""
    if target.member is None:
        return False
    words = [getattr(a.value, "id", "") for a in target.member.node.attributes if a.key.id == "overflow"]
    return bool(words) and words[0] != "block"
