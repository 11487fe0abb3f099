"""Places for the boxes of a tree: parents above, children below, and no two boxes in one place.

The layout works from the leaves up. A box with all below it is a block. The blocks of the children stand side by side below
their parent, in the order in which messages flow among them; where that gets too wide, they go on in a further row, as words
of a text do. All boxes have one size. A line from a parent to a child in a further row goes down along a rail at the left of
the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from cogc.graph.order import in_order

ASPECT = 1.7
"""The width of a screen, by its height."""
RAIL = 18.0
_ROWS = 24
"""The most numbers of rows that are tried."""


class Spacing(NamedTuple):
    """The size of a box, and the room between boxes: beside each other, and one above the other. Children that are together no
    wider than `narrow` stay in one row."""

    width: float
    height: float
    across: float
    down: float
    narrow: float


class Place(NamedTuple):
    """The left upper corner of a box. `rail` is where the line from its parent goes down, None if it goes straight."""

    x: float
    y: float
    rail: float | None


class Layout(NamedTuple):
    """The places by the ids of the boxes, and the size of all of it."""

    places: dict[str, Place]
    width: float
    height: float


class _Block:
    """A box with all below it. `x` and `y` are relative to the block above, `box` is where the box itself begins in it."""

    __slots__ = ("below", "box", "height", "id", "rail", "width", "x", "y")

    def __init__(self, id: str, width: float, height: float) -> None:
        self.id = id
        self.width = width
        self.height = height
        self.below: list[_Block] = []
        self.box = self.x = self.y = 0.0
        self.rail: float | None = None


def place(
    parents: Mapping[str, str],
    flows: Sequence[tuple[str, str]],
    spacing: Spacing,
    between: Mapping[tuple[str, str], float] | None = None,
) -> Layout:
    """Return places for boxes. `parents` has the parent of each box (`""` at the top), each behind its parent. `between` is
    the room that a label between two neighbours needs."""
    children: dict[str, list[str]] = {"": []}
    for id, parent in parents.items():
        children[id] = []
        children[parent].append(id)
    order = _sibling_flows(parents, flows)
    blocks: dict[str, _Block] = {}
    for id in [*reversed(list(parents)), ""]:
        below = [blocks[c] for c in in_order(children[id], order.get(id, []))]
        blocks[id] = _block(id, below, spacing, between or {})
    top = blocks[""]
    return Layout(_absolute(top), top.width, top.height)


def _sibling_flows(parents: Mapping[str, str], flows: Sequence[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return the flows among the children of each box; a flow counts for the two siblings under which its ends are."""
    found: dict[str, list[tuple[str, str]]] = {}
    for source, target in flows:
        above = {"": source}
        at = source
        while at:
            above[parents[at]], at = at, parents[at]
        at = target
        while at:
            sibling, at = at, parents[at]
            if at in above:
                if above[at] != sibling and source != at:
                    found.setdefault(at, []).append((above[at], sibling))
                break
    return found


def _block(id: str, below: list[_Block], spacing: Spacing, between: Mapping[tuple[str, str], float]) -> _Block:
    """Return the block of a box, in which the blocks below have their places."""
    width, height = (spacing.width, spacing.height) if id else (0.0, 0.0)
    if not below:
        return _Block(id, width, height)
    rows = _rows(below, spacing, between)
    rail = RAIL if len(rows) > 1 and id else 0.0
    inner = max(_width(row, spacing, between) for row in rows)
    block = _Block(id, max(width, inner + rail), 0.0)
    block.below = below
    shift = (block.width - inner - rail) / 2
    y = height + (spacing.down if id else 0.0)
    for number, row in enumerate(rows):
        x = shift + rail
        for n, one in enumerate(row):
            x += _gap(row[n - 1].id, one.id, spacing, between) if n else 0.0
            one.x, one.y = x, y
            one.rail = shift + RAIL / 2 if number and id else None
            x += one.width
        y += max(one.height for one in row) + spacing.down
    block.height = y - spacing.down
    first, last = rows[0][0], rows[0][-1]
    middle = (first.x + first.box + last.x + last.box) / 2
    block.box = min(max(0.0, middle), block.width - width) if id else 0.0
    return block


def _gap(left: str, right: str, spacing: Spacing, between: Mapping[tuple[str, str], float]) -> float:
    return max(spacing.across, between.get((left, right), 0.0), between.get((right, left), 0.0))


def _width(row: Sequence[_Block], spacing: Spacing, between: Mapping[tuple[str, str], float]) -> float:
    gaps = sum(_gap(a.id, b.id, spacing, between) for a, b in pairwise(row))
    return gaps + sum(one.width for one in row)


def _rows(below: list[_Block], spacing: Spacing, between: Mapping[tuple[str, str], float]) -> list[list[_Block]]:
    """Return blocks in rows, so that all of them are seen as large as possible on a screen."""
    whole = _width(below, spacing, between)
    if whole <= spacing.narrow:
        return [below]
    best, best_size = [below], float("inf")
    for count in range(1, min(len(below), _ROWS) + 1):
        rows = _wrapped(below, whole / count, spacing, between)
        width = max(_width(row, spacing, between) for row in rows)
        height = sum(max(one.height for one in row) + spacing.down for row in rows)
        size = max(width / ASPECT, height)
        if size < best_size * 0.97:
            best, best_size = rows, size
    return best


def _wrapped(
    below: list[_Block], most: float, spacing: Spacing, between: Mapping[tuple[str, str], float]
) -> list[list[_Block]]:
    """Return blocks in rows of about a width."""
    rows: list[list[_Block]] = [[]]
    x = 0.0
    for one in below:
        gap = _gap(rows[-1][-1].id, one.id, spacing, between) if rows[-1] else 0.0
        if rows[-1] and x + gap + one.width > most + spacing.width / 2:
            rows.append([])
            x = gap = 0.0
        rows[-1].append(one)
        x += gap + one.width
    return rows


def _absolute(top: _Block) -> dict[str, Place]:
    """Return the places of all boxes in the picture."""
    found: dict[str, Place] = {}
    pending = [(top, 0.0, 0.0, 0.0)]
    while pending:
        block, x, y, left = pending.pop()
        if block.id:
            rail = None if block.rail is None else left + block.rail
            found[block.id] = Place(x + block.box, y, rail)
        pending += [(one, x + one.x, y + one.y, x) for one in block.below]
    return found
