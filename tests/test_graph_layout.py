"""Which boxes of a tree are drawn, and where: never too many, nothing lost, no two in one place, children below their parents."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given, strategies as st

from cogc.graph.fold import MOST, Tree, fold
from cogc.graph.order import in_order
from cogc.graph.place import Spacing, place

SMALL = Spacing(100.0, 30.0, 10.0, 30.0, 400.0)


def tree(children: list[int], classes: list[int]) -> Tree:
    """A tree whose n-th member has the `children[n] % n`-th as its parent; the first has none."""
    names = [f"n{n}" for n in range(len(children))]
    parents = ["", *(names[c % n] for n, c in enumerate(children[1:], 1))]
    return Tree((name, parent, f"C{k % 4}") for name, parent, k in zip(names, parents, classes, strict=False))


TREES = st.lists(st.integers(0, 10_000), min_size=1, max_size=300)


@given(
    TREES,
    TREES,
    st.sets(st.integers(0, 299), max_size=30),
    st.sets(st.integers(0, 299), max_size=30),
    st.integers(2, 60),
)
@example([0, 0, 1], [0], {1}, set(), 2)  # opened, and there is no room
@example([0, 0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 2, 2, 2], {0}, set(), 2)  # more groups than there is room
def test_no_more_boxes_than_may_be_and_no_coglet_without_a_home(
    children: list[int], classes: list[int], opened: set[int], shut: set[int], most: int
) -> None:
    given_tree = tree(children, (classes * 300)[: len(children)])
    folded = fold(given_tree, {f"n{n}" for n in opened}, {f"n{n}" for n in shut}, most)
    ids = {box.id for box in folded.boxes}
    assert len(folded.boxes) == len(ids) <= most
    assert set(folded.home) == set(given_tree.parents) and set(folded.home.values()) <= ids
    assert sum(box.hidden + (not box.is_group) for box in folded.boxes) == len(children)
    places = place({b.id: folded.home[b.parent] if b.parent else "" for b in folded.boxes}, [], SMALL).places
    corners = sorted((p.y, p.x) for p in places.values())
    for (y, x), (other_y, other_x) in pairwise(corners):
        assert y != other_y or other_x - x >= SMALL.width - 0.01
    for box in folded.boxes:
        if box.parent:
            assert places[box.id].y >= places[folded.home[box.parent]].y + SMALL.height


def test_all_are_drawn_where_they_fit() -> None:
    given_tree = tree([0] * MOST, [0] * MOST)
    assert len(fold(given_tree).boxes) == MOST
    assert [(b.id, b.hidden) for b in fold(tree([0] * (MOST + 1), [0] * (MOST + 1))).boxes] == [
        ("n0", 0),
        ("n0*C0", MOST),
    ]


def test_what_the_reader_opens_comes_first_and_what_is_shut_stays_shut() -> None:
    given_tree = tree([0] * 400, [0] * 400)
    opened = fold(given_tree, {"n0*C0"}).boxes
    assert len(opened) == MOST and opened[-1].is_group and opened[-1].hidden == 400 - (MOST - 1)
    assert [b.id for b in fold(given_tree, {"n0*C0"}, {"n0"}).boxes] == ["n0"]


def test_flows_lead_forward_and_to_the_next_box() -> None:
    assert in_order(["a", "b", "c", "d"], [("d", "a"), ("a", "c"), ("c", "d")]) == ["b", "d", "a", "c"]
    assert in_order(["a", "b", "c"], []) == ["a", "b", "c"]
