"""Graphs as SVG, laid out here, so that no other program is needed.

The layout works from the inside out. The boxes inside of a box are put into layers from left to right by the flows
among them; a flow that closes a cycle is left out of this. A layer of many boxes stands in several columns. Where the columns would get
wider than the page, they go on in a further row, as words of a text do. The box takes the size that its layers need. Only then do boxes get
their places in the picture. Edges are curves between the sides of boxes.
"""

from __future__ import annotations

from html import escape

from cogc.graph.look import COLOURS, MANY, PAGE, Look, among, layers
from cogc.graph.model import Box, Edge, Graph, caption

_TALL = 720.0
"""The height at which the boxes of a layer go on in a further column."""
_CHAR, _LINE, _PAD, _GAP_Y = 7.2, 18.0, 14.0, 26.0
_STYLE = """
  .box { fill: #ffffff; stroke: #57606a; stroke-width: 1.2 }
  .outer { fill: #f6f8fa }
  .agent, .step { fill: #eef6ff } .dod { fill: #eefaf0 } .queue { fill: #fff8e5 } .plan, .sett, .team { fill: #f4f0fb }
  text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }
  .label { font-size: 11px; fill: #0550ae; paint-order: stroke; stroke: #ffffff; stroke-width: 3px }
  .edge { fill: none; stroke: #0969da; stroke-width: 1.4 } .observe { stroke-dasharray: 5 4 } .after { stroke: #8250df }
"""


class _Placed:
    """A box with its size, and its place once its parent has one."""

    __slots__ = ("box", "height", "inner", "width", "x", "y")

    def __init__(self, box: Box, inner: list[_Placed], width: float, height: float) -> None:
        self.box = box
        self.inner = inner
        self.width = width
        self.height = height
        self.x = self.y = 0.0


def svg(graph: Graph, look: Look = Look()) -> str:  # noqa: B008 - frozen
    """Return the picture as one SVG document. What is wider than a page in spite of all, because a box or its label is, is made smaller."""
    most = float("inf") if look.is_wide else PAGE - 2 * _PAD
    placed, width, height = _arrange(list(graph.boxes), list(graph.edges), look, most)
    for p in placed:
        _move(p, _PAD, _PAD)
    by_id: dict[str, _Placed] = {}
    for p in placed:
        _index(p, by_id)
    parts = [_box(p, look) for p in placed]
    parts += [_edge(e, by_id) for e in graph.edges if e.source in by_id and e.target in by_id]
    labels = [_label(e, by_id) for e in graph.edges if e.source in by_id and e.target in by_id and e.label]
    w, h = width + 2 * _PAD, height + 2 * _PAD
    scale = 1.0 if look.is_wide else min(1.0, PAGE / w)
    used = {state.status for state in look.states.values()}
    states = "".join(
        f"  .{s} {{ fill: {fill}; stroke: {frame}; stroke-width: 1.8 }}\n"
        for s, (fill, frame) in COLOURS.items()
        if s in used
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0f} {h:.0f}" width="{w * scale:.0f}" height="{h * scale:.0f}">\n'
        f"<style>{_STYLE}{states}</style>\n"
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#0969da"/></marker></defs>\n' + "\n".join([*parts, *labels]) + "\n</svg>\n"
    )


def _arrange(boxes: list[Box], edges: list[Edge], look: Look, most: float) -> tuple[list[_Placed], float, float]:
    """Return sibling boxes with sizes and places (relative to each other), and the width and height of all of them: `most` wide, if they can be."""
    placed = {b.id: _size(b, edges, look, most) for b in boxes}
    x = y = width = height = 0.0
    for column, gap in _columns(list(placed), edges, placed, look):
        across = max(placed[id].width for id in column)
        if x and x + across > most:
            x, y = 0.0, height + 2 * _GAP_Y
        at = y
        for id in column:
            p = placed[id]
            p.x, p.y = x, at
            at += p.height + _GAP_Y
        width, height = max(width, x + across), max(height, at - _GAP_Y)
        x += across + gap
    return list(placed.values()), width, height


def _columns(
    ids: list[str], edges: list[Edge], placed: dict[str, _Placed], look: Look
) -> list[tuple[list[str], float]]:
    """Return the boxes by columns, each with the room behind it: a column for each layer, and more for one that is too high. Many boxes without flows
    stand behind the others."""
    found: list[tuple[list[str], float]] = []
    flows = among(edges, set(ids))
    linked = {id for flow in flows for id in flow}
    free = [id for id in ids if id not in linked]
    if look.is_wide or not linked or len(free) < MANY:
        free = []
    apart = set(free)
    for layer in [*layers([id for id in ids if id not in apart], flows), *([free] if free else [])]:
        if layer is free:
            found[-1] = found[-1][0], float("inf")  # they stand in rows of their own
        column: list[str] = []
        high = 0.0
        for id in layer:
            if column and high + placed[id].height > _TALL and not look.is_wide:
                found.append((column, _GAP_Y))
                column, high = [], 0.0
            column.append(id)
            high += placed[id].height + _GAP_Y
        found.append((column, _gap(edges, set(layer), set(ids))))
    return found


def _gap(edges: list[Edge], layer: set[str], all_ids: set[str]) -> float:
    """Return the room between two layers: enough for the longest label that starts in the first."""
    longest = max((len(caption(e)) for e in edges if e.source in layer and e.target in all_ids), default=0)
    return 44 + longest * 6.7


def _size(box: Box, edges: list[Edge], look: Look, most: float) -> _Placed:
    """Return a box with the size that its title and the boxes inside of it need."""
    words = min(len(look.title(box)) * _CHAR + 2 * _PAD, max(most, 70.0))
    if not box.inner:
        return _Placed(box, [], max(70.0, words), _LINE + _PAD)
    ids = {b.id for b in box.inner}
    own = [e for e in edges if (e.source == box.id and e.target in ids) or (e.target == box.id and e.source in ids)]
    margin = 30 + max((len(caption(e)) for e in own), default=0) * 6.7 if own else _PAD
    margin = min(margin, max(_PAD, most / 4))
    inner, width, height = _arrange(list(box.inner), edges, look, most - 2 * margin)
    for p in inner:
        _move(p, margin, _LINE + 1.6 * _PAD)
    return _Placed(box, inner, max(words, width + 2 * margin), height + _LINE + 2.6 * _PAD)


def _move(placed: _Placed, dx: float, dy: float) -> None:
    """Shift a box. The boxes inside keep their places relative to it."""
    placed.x += dx
    placed.y += dy


def _index(placed: _Placed, by_id: dict[str, _Placed], dx: float = 0.0, dy: float = 0.0) -> None:
    """Make the places of a box and of those inside of it absolute, and list them by id."""
    placed.x += dx
    placed.y += dy
    by_id[placed.box.id] = placed
    for inner in placed.inner:
        _index(inner, by_id, placed.x, placed.y)


def _box(p: _Placed, look: Look) -> str:
    """Return the elements of a box and of those inside of it."""
    outer = " outer" if p.inner else ""
    state = look.states.get(p.box.id)
    kind = p.box.kind if state is None else f"{p.box.kind} {state.status}"
    words, room = look.title(p.box), int((p.width - 1.5 * _PAD) / _CHAR)
    shown = words if len(words) <= room else f"{words[: max(1, room - 1)]}…"
    lines = [
        f'<g><title>{escape(p.box.doc or words)}</title><rect class="box{outer} {kind}" x="{p.x:.1f}" '
        f'y="{p.y:.1f}" width="{p.width:.1f}" height="{p.height:.1f}" rx="6"/>',
        f'<text x="{p.x + _PAD:.1f}" y="{p.y + _LINE + 2:.1f}">{escape(shown)}</text></g>',
    ]
    if p.box.count:
        lines.insert(0, f'<rect class="box" x="{p.x + 5:.1f}" y="{p.y + 5:.1f}" width="{p.width:.1f}" '
                        f'height="{p.height:.1f}" rx="6"/>')  # fmt: skip
    return "\n".join([*lines, *(_box(i, look) for i in p.inner)])


def _ends(e: Edge, by_id: dict[str, _Placed]) -> tuple[float, float, float, float]:
    """Return the two ends of an edge: right side to left side, or the frame for the channels of a parent itself."""
    a, b = by_id[e.source], by_id[e.target]
    if e.target.startswith(e.source + "/"):
        y = b.y + b.height / 2
        return a.x, y, b.x, y
    if e.source.startswith(e.target + "/"):
        y = a.y + a.height / 2
        return a.x + a.width, y, b.x + b.width, y
    if a.x + a.width <= b.x:
        return a.x + a.width, a.y + a.height / 2, b.x, b.y + b.height / 2
    if a.y + a.height <= b.y:  # in a further row
        return a.x + a.width / 2, a.y + a.height, b.x + b.width / 2, b.y
    return a.x + a.width / 2, a.y + a.height, b.x + b.width / 2, b.y + b.height


def _edge(e: Edge, by_id: dict[str, _Placed]) -> str:
    """Return the curve of an edge. An edge that leads back goes below its boxes."""
    x1, y1, x2, y2 = _ends(e, by_id)
    if y2 > y1 and y2 == by_id[e.target].y:
        mid = (y1 + y2) / 2
        path = f"M{x1:.1f},{y1:.1f} C{x1:.1f},{mid:.1f} {x2:.1f},{mid:.1f} {x2:.1f},{y2:.1f}"
    elif by_id[e.source].x + by_id[e.source].width > by_id[e.target].x and not _nested(e):
        low = max(y1, y2) + 22
        path = f"M{x1:.1f},{y1:.1f} C{x1:.1f},{low:.1f} {x2:.1f},{low:.1f} {x2:.1f},{y2:.1f}"
    else:
        mid = (x1 + x2) / 2
        path = f"M{x1:.1f},{y1:.1f} C{mid:.1f},{y1:.1f} {mid:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
    return f'<path class="edge {e.kind}" d="{path}" marker-end="url(#arrow)"/>'


def _nested(e: Edge) -> bool:
    """Return whether an edge leads between a box and one inside of it."""
    return e.target.startswith(e.source + "/") or e.source.startswith(e.target + "/")


def _label(e: Edge, by_id: dict[str, _Placed]) -> str:
    """Return the label of an edge."""
    x1, y1, x2, y2 = _ends(e, by_id)
    y = (y1 + y2) / 2 - 5
    if by_id[e.source].x + by_id[e.source].width > by_id[e.target].x and not _nested(e) and y2 != by_id[e.target].y:
        y = max(y1, y2) + 14
    return f'<text class="label" x="{(x1 + x2) / 2:.1f}" y="{y:.1f}" text-anchor="middle">{escape(caption(e))}</text>'
