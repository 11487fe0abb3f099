"""Links that form a cycle in which every sender waits for a full inbox: once all inboxes are full, no coglet can continue.

Only `link`s are examined. A link with `{ feedback: true }`, or an inbox that drops messages, breaks the cycle.
"""

from __future__ import annotations

from collections import deque

from cogc.checks.common import has_flag, links, own_shapes
from cogc.diagnostics.edits import addition
from cogc.diagnostics.problems import Label
from cogc.language.types import BOOL, NO, fit
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
        edges = _in_cycles(_edges(checked, shape))
        met: set[str] = set()
        for start in sorted(edges):
            cycle = None if start in met else _shortest(start, edges)
            if cycle is None:
                continue
            met |= {a for a, _, _ in cycle}
            names = " -> ".join([a for a, _, _ in cycle] + [cycle[0][0]])
            last = cycle[-1][2]
            others = [Label(shape.unit.span(e[2]), "and this one") for e in cycle[:-1] if e[2] is not last]
            given = tuple((a.start, a.end) for a in last.attributes)
            edits = addition(shape.unit.source, given, last.end, "feedback: true")
            checked.problems.add("blocking-cycle", shape.unit.span(last), related=others, edits=edits, cycle=names)


def _edges(checked: Checked, shape: Shape) -> list[Edge]:
    """Return one edge, from sender to receiver, for each blocking link between children."""
    edges: list[Edge] = []
    for link, source, target, _ in links(checked, shape):
        if source.kind != "child_transmit" or target.kind != "child_listen":
            continue
        if not has_flag(link.attributes, "feedback") and not _drops(target) and not _is_wrong(checked, link):
            edges.append((source.child, target.child, link))
    return edges


def _is_wrong(checked: Checked, link: nodes.Link) -> bool:
    """Return whether a link says of `feedback` what is no bool; it has been reported."""
    said = [checked.tables.types.get(id(a.value), BOOL) for a in link.attributes if a.key.id == "feedback"]
    return any(fit(found, BOOL) == NO for found in said)


def _drops(target: Port) -> bool:
    """Return whether the inbox of a target drops messages, so that no sender waits for it."""
    if target.member is None:
        return False
    words = [getattr(a.value, "id", "") for a in target.member.node.attributes if a.key.id == "overflow"]
    return bool(words) and words[0] != "block"


def _in_cycles(edges: list[Edge]) -> dict[str, list[Edge]]:
    """Return the edges by their start, without those that lead to an end or come from a beginning."""
    for near, far in ((0, 1), (1, 0)):
        at: dict[str, list[Edge]] = {}
        for edge in edges:
            at.setdefault(str(edge[near]), []).append(edge)
        count: dict[str, int] = {}
        for edge in edges:
            count[str(edge[far])] = count.get(str(edge[far]), 0) + 1
        bare = [name for name in at if name not in count]
        gone = set(bare)
        while bare:
            for edge in at.get(bare.pop(), ()):
                name = str(edge[far])
                count[name] -= 1
                if not count[name]:
                    gone.add(name)
                    bare.append(name)
        edges = [e for e in edges if e[0] not in gone and e[1] not in gone]
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(edge[0], []).append(edge)
    return found


def _shortest(start: str, edges: dict[str, list[Edge]]) -> list[Edge] | None:
    """Return the shortest way from a child back to itself."""
    reached: dict[str, Edge] = {}
    pending = deque([start])
    while pending:
        for edge in edges.get(pending.popleft(), ()):
            if edge[1] not in reached:
                reached[edge[1]] = edge
                pending.append(edge[1])
        if start in reached:
            way = [reached[start]]
            while way[0][0] != start:
                way.insert(0, reached[way[0][0]])
            return way
    return None
