"""Children for the items of a list: what is kept of a child goes with its item when the list changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cogc.run.state import StateStore
from support.sessions import session
from support.specs import build

TEXT = """
coglet Leaf { listen x: int
  transmit y: int
  state m: int = 0 persist
  on x as v { m = m + v
    y <- m } }
coglet C(name: any) { listen x: int
  transmit y: any
  state n: int = 0 persist
  create leaf = Leaf
  on x as v { n = n + v
    leaf.x <- v * 100 }
  on leaf.y as m { y <- [name, n, m] } }
coglet Main { listen x: int
  transmit y: any
  create c = C(name: item) for item in LIST
  link self.x -> c.x { map: broadcast }
  link c.y -> self.y }
"""


def said(folder: Path, items: str, given: int) -> list[Any]:
    """Run an instance once with a list of items; return what each child says when it is given a number."""
    store = StateStore(folder / "state.db")
    try:
        return session(build(TEXT.replace("LIST", items)), inputs=[("x", given)], states=store).outputs.get("y", [])
    finally:
        store.close()


@pytest.mark.parametrize(
    "later, expected",
    [
        ('["a", "b"]', [["a", 2, 200], ["b", 2, 200]]),
        ('["b", "a"]', [["b", 2, 200], ["a", 2, 200]]),
        ('["new", "b"]', [["new", 1, 100], ["b", 2, 200]]),
        ('["b"]', [["b", 2, 200]]),
        ('["x", "a", "a", "b"]', [["x", 1, 100], ["a", 2, 200], ["a", 1, 100], ["b", 2, 200]]),
    ],
)
def test_a_state_goes_with_its_item(later: str, expected: list[Any], tmp_path: Path) -> None:
    said(tmp_path, '["a", "b"]', 1)
    assert said(tmp_path, later, 1) == expected


def test_items_that_change_their_places_in_several_runs_keep_their_own_states(tmp_path: Path) -> None:
    said(tmp_path, "[{ k: 1 }, { k: 2 }, { k: 3 }]", 1)
    said(tmp_path, "[{ k: 3 }, { k: 1 }]", 10)
    said(tmp_path, "[{ k: 2 }, { k: 1 }, { k: 3 }]", 100)
    found = said(tmp_path, "[{ k: 1 }, { k: 2 }, { k: 3 }]", 0)
    assert found == [[{"k": 1}, 111, 11100], [{"k": 2}, 100, 10000], [{"k": 3}, 111, 11100]]
