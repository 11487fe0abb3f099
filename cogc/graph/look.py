"""The look of a graph: whether it keeps to the width of a page, and the states of its boxes at a moment of a run.

What a colour says is said by words too: each state has a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cogc.graph.model import Box, Edge, Graph, title
from cogc.graph.order import acyclic

PAGE = 960.0
"""The width of a page, in pixels of an SVG."""
COLUMNS = 100
"""The width of a page of text."""
INCHES = 10
"""The width of a page of Graphviz."""
DEEP = 5
"""The most layers that stand beside each other on a page. What has more goes downwards."""
ACROSS = 4
"""How many boxes without flows among them stand beside each other."""
MANY = 8
"""How many of them there must be for that."""
COLOURS = {
    "failed": ("#ffebe9", "#cf222e"),
    "waiting": ("#fff8c5", "#9a6700"),
    "parked": ("#fff8c5", "#9a6700"),
    "restarted": ("#fff1e5", "#bc4c00"),
    "busy": ("#ddf4ff", "#0969da"),
    "running": ("#ddf4ff", "#0969da"),
    "starting": ("#ddf4ff", "#0969da"),
    "done": ("#dafbe1", "#1a7f37"),
    "idle": ("#dafbe1", "#1a7f37"),
    "stopped": ("#eaeef2", "#8c959f"),
    "absent": ("#ffffff", "#d0d7de"),
}
"""The fill and the frame of each state, the most urgent ones first."""


class BoxState(NamedTuple):
    """The state of a box: one of COLOURS, and words for people."""

    status: str
    words: str


class Look(NamedTuple):
    """The look of a picture: `is_wide` if it may be wider than a page, and the states by the ids of boxes."""

    is_wide: bool = False
    states: Mapping[str, BoxState] = {}

    def title(self, box: Box) -> str:
        """Return the text of a box, with its state."""
        state = self.states.get(box.id)
        return title(box) if state is None else f"{title(box)} [{state.words}]"

    def line(self, text: str) -> str:
        """Return a line of text, cut where the page ends."""
        return text if self.is_wide or len(text) <= COLUMNS else f"{text[: COLUMNS - 1]}…"


def layers(ids: Sequence[str], flows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return boxes by layers: a box is one layer behind the last box that has a flow to it. Flows that close a circle do not count."""
    depth = dict.fromkeys(ids, 0)
    after: dict[str, list[str]] = {id: [] for id in ids}
    missing = dict.fromkeys(ids, 0)
    for a, b in acyclic(ids, list(flows)):
        after[a].append(b)
        missing[b] += 1
    ready = [id for id in ids if not missing[id]]
    for id in ready:  # grows meanwhile
        for b in after[id]:
            depth[b] = max(depth[b], depth[id] + 1)
            missing[b] -= 1
            if not missing[b]:
                ready.append(b)
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for id in ids:
        found[depth[id]].append(id)
    return found


def siblings(graph: Graph) -> list[tuple[list[str], list[tuple[str, str]]]]:
    """Return each group of boxes with one parent, with the flows among them."""
    found = []
    pending = [list(graph.boxes)]
    while pending:
        boxes = pending.pop()
        ids = {box.id for box in boxes}
        found.append(([box.id for box in boxes], among(graph.edges, ids)))
        pending += [list(box.inner) for box in boxes if box.inner]
    return found


def among(edges: Iterable[Edge], ids: set[str]) -> list[tuple[str, str]]:
    """Return the flows among some boxes."""
    return [(e.source, e.target) for e in edges if e.source in ids and e.target in ids and e.source != e.target]


def is_deep(graph: Graph) -> bool:
    """Return whether some boxes have more layers than fit beside each other."""
    return any(len(layers(ids, flows)) > DEEP for ids, flows in siblings(graph) if flows)


def strands(graph: Graph, downwards: bool) -> list[tuple[str, str]]:
    """Return pairs of boxes of which the second one shall stand behind the first, so that many boxes without flows stand in a grid."""
    found: list[tuple[str, str]] = []
    for ids, flows in siblings(graph):
        linked = {id for flow in flows for id in flow}
        free = [id for id in ids if id not in linked]
        if len(free) < MANY:
            continue
        length = -(-len(free) // ACROSS) if downwards else ACROSS
        found += [(a, b) for n, (a, b) in enumerate(pairwise(free), 1) if n % length]
    return found
