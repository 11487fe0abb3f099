"""A look at a run as a picture: at most 150 boxes with their places, the edges between them, and what moves along these.

A picture depends on the look, and on what the reader has opened and shut. A pulse is what changes without a new picture: the
states of boxes, and how many messages went along the edges.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any, NamedTuple

from cogc.graph.fold import Drawn, Folded, Tree, fold
from cogc.graph.place import Spacing, place
from cogc.service.page.source import Counted, Look, Seen, State

_CHAR = 7.7
"""About the width of a character of a label."""
_CROWDED = 40
"""From this number of boxes on, boxes are small and labels have no room between them."""
_ORDER = ("failed", "error", "starting", "stopping", "parked", "busy", "running", "idle", "stopped")
"""Statuses, the one that matters most first: a group shows that of its members."""


class Edge(NamedTuple):
    """All flows of one kind from one box to another. `channels` are their names, `counters` count their messages."""

    id: str
    source: str
    target: str
    kind: str
    channels: tuple[str, ...]
    counters: tuple[Counted, ...]

    def messages(self) -> int:
        """Return how many messages have gone along the edge."""
        return sum(counter.count for counter in self.counters)


class Picture(NamedTuple):
    """A picture as JSON data, and what is needed for its pulses: the edges, and which coglets each box stands for (their
    positions in a look)."""

    data: dict[str, Any]
    edges: list[Edge]
    stands_for: dict[str, list[int]]


def picture(look: Look, opened: Set[str], shut: Set[str]) -> Picture:
    """Return the picture of a look."""
    tree = Tree((s.id, s.parent, s.class_name) for s in look.seen)
    folded = fold(tree, opened, shut)
    edges = _edges(look, folded.home)
    spacing = _spacing(folded, look)
    flows = [(e.source, e.target) for e in edges]
    between = {} if len(folded.boxes) > _CROWDED else {(e.source, e.target): _room(e) for e in edges}
    layout = place({box.id: _above(box, folded) for box in folded.boxes}, flows, spacing, between)
    known = {seen.id: seen for seen in look.seen}
    boxes = []
    for box in folded.boxes:
        at = layout.places[box.id]
        boxes.append({**_shown(box, known, tree), "x": at.x, "y": at.y, "rail": at.rail})
    data = {
        "boxes": boxes,
        "edges": [
            {"id": e.id, "from": e.source, "to": e.target, "kind": e.kind, "channels": list(e.channels)} for e in edges
        ],
        "box": {"width": spacing.width, "height": spacing.height, "down": spacing.down},
        "width": layout.width,
        "height": layout.height,
        "total": len(look.seen),
    }
    places = {seen.id: n for n, seen in enumerate(look.seen)}
    stands_for: dict[str, list[int]] = {}
    for box in folded.boxes:
        stands_for[box.id] = [places[m] for m in box.members] if box.members else [places[box.id]]
    return Picture(data, edges, stands_for)


def _above(box: Drawn, folded: Folded) -> str:
    return folded.home[box.parent] if box.parent else ""


def _spacing(folded: Folded, look: Look) -> Spacing:
    """Return the size of the boxes and of the gaps: small ones where there are many."""
    labels = [len(s.label) for s in look.seen if folded.home[s.id] == s.id]
    groups = {box.members[0]: len(box.members) for box in folded.boxes if box.is_group}
    labels += [len(f"{groups[s.id]} × {s.class_name}") + 2 for s in look.seen if s.id in groups]
    if len(folded.boxes) > _CROWDED:
        return Spacing(min(176.0, max(96.0, max(labels, default=0) * _CHAR + 44)), 34.0, 14.0, 36.0, 420.0)
    labels += [len(s.class_name) - 1 for s in look.seen]
    return Spacing(min(240.0, max(140.0, max(labels, default=0) * _CHAR + 48)), 52.0, 30.0, 64.0, 1700.0)


def _room(edge: Edge) -> float:
    """Return the room that the label of an edge needs between two boxes."""
    return min(170.0, 40 + 6.4 * len(", ".join(edge.channels)))


def _shown(box: Drawn, known: dict[str, Seen], tree: Tree) -> dict[str, Any]:
    """Return a box as JSON data, without its place."""
    if box.is_group:
        first = known[box.members[0]]
        alike = all(known[m].class_name == first.class_name for m in box.members)
        return {
            "id": box.id,
            "parent": box.parent,
            "label": f"{len(box.members)} × {first.class_name}" if alike else f"{len(box.members)} more",
            "class_name": "",
            "doc": "",
            "kind": "group",
            "hidden": box.hidden,
            "open": False,
            "foldable": True,
            "group": "",
        }
    seen = known[box.id]
    return {
        "id": box.id,
        "parent": box.parent,
        "label": seen.label,
        "class_name": seen.class_name,
        "doc": seen.doc,
        "kind": seen.kind,
        "hidden": box.hidden,
        "open": box.is_open,
        "foldable": bool(tree.children[box.id]),
        "group": tree.group(box.id),
    }


def _edges(look: Look, home: dict[str, str]) -> list[Edge]:
    """Return the edges between boxes. Flows inside of one box are left out."""
    found: dict[tuple[str, str, str], tuple[dict[str, None], dict[int, Counted]]] = {}
    for flow in look.flows:
        source, target = home.get(flow.source), home.get(flow.target)
        if source is None or target is None or source == target:
            continue
        channels, counters = found.setdefault((source, target, flow.kind), ({}, {}))
        channels[flow.channel] = None
        if flow.counter is not None:
            counters[id(flow.counter)] = flow.counter
    return [
        Edge(f"{source}>{target}>{kind}", source, target, kind, tuple(channels), tuple(counters.values()))
        for (source, target, kind), (channels, counters) in found.items()
    ]


def states(picture: Picture, look: Look) -> dict[str, list[Any]]:
    """Return the states of the boxes: status, filled part of an inbox, restarts."""
    return {id: _merged([look.states[n] for n in places]) for id, places in picture.stands_for.items()}


def _merged(states: list[State]) -> list[Any]:
    """Return the state of what stands for several coglets: the status that matters most."""
    status = min((s.status for s in states), key=lambda s: _ORDER.index(s) if s in _ORDER else 0)
    return [status, round(max(s.fill for s in states), 2), sum(s.restarts for s in states)]
