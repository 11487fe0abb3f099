"""Suggestions: the known word that a mistyped one most likely means, or none."""

from __future__ import annotations

import itertools
import random

import pytest

from cogc.diagnostics.suggest import did_you_mean, distance, nearest

KNOWN = ["count", "counter", "total", "on_error", "max_restarts", "x", "Worker"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("cuont", "count"),  # two neighbours swapped
        ("coun", "count"),
        ("counts", "count"),
        ("countr", "count"),
        ("countre", "counter"),
        ("totl", "total"),
        ("Total", "total"),
        ("onerror", "on_error"),
        ("on-error", "on_error"),
        ("max_restart", "max_restarts"),
        ("maxrestarts", "max_restarts"),
        ("worker", "Worker"),
        ("wroker", "Worker"),
        ("y", None),  # one letter means nothing
        ("abc", None),
        ("discounts", None),
        ("", None),
    ],
)
def test_the_nearest_word(word: str, meant: str | None) -> None:
    assert nearest(word, KNOWN) == meant


def test_a_word_is_not_its_own_suggestion_and_the_order_does_not_matter() -> None:
    assert nearest("count", ["count"]) is None
    for order in itertools.permutations(["countx", "county", "countz"]):
        assert nearest("count", order) == "countx"


def _by_a_look_at_each(word: str, known: list[str]) -> str | None:
    """Return what `nearest` is to return, found by counting the edits to each candidate."""
    folded, near = word.lower().replace("-", "_"), []
    for c in set(known) - {word}:
        away = distance(folded, c.lower().replace("-", "_"), 99)
        if away <= max(1, len(word) // 3) and away < max(len(word), len(c)):
            near.append((away, not c.lower().startswith(folded), c))
    begins = [c for c in set(known) if 3 < len(c) >= len(word) - 3 and folded.startswith(c.lower()) and c != word]
    return min(near)[2] if near else begins[0] if len(begins) == 1 else None


def test_the_nearest_word_is_that_of_a_look_at_each() -> None:
    draw = random.Random(1)
    letters = ("abA_-", "abcdefgh", "x1")
    for round in range(600):
        word = "".join(draw.choices(letters[round % 3], k=draw.randrange(14)))
        known = ["".join(draw.choices(letters[round % 3], k=draw.randrange(10))) for _ in range(12)]
        known += [word[: draw.randrange(len(word) + 1)] + draw.choice(("", "s", "ba")) + word[draw.randrange(9) :]]
        assert nearest(word, known) == _by_a_look_at_each(word, known), (word, known)


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [
        ("", "", 0),
        ("abc", "abc", 0),
        ("abc", "", 3),
        ("abc", "abd", 1),
        ("abc", "acb", 1),
        ("abc", "ab", 1),
        ("abc", "xabc", 1),
        ("kitten", "sitting", 3),
        ("abcd", "badc", 2),
    ],
)
def test_edits_are_counted(a: str, b: str, count: int) -> None:
    assert distance(a, b, 99) == distance(b, a, 99) == count
    assert distance(a, b, 2) == min(count, 2)


@pytest.mark.parametrize(
    ("word", "known", "line"),
    [
        ("cuont", KNOWN, "did you mean `count`?"),
        ("zzz", ["b", "a", "b"], "known here: `a`, `b`"),
        ("zzz", [], ""),
        ("zzz", [f"name{i}" for i in range(8)], "known here: " + ", ".join(f"`name{i}`" for i in range(8))),
        ("zzz", [f"name{i}" for i in range(9)], ""),
    ],
)
def test_a_line_of_help(word: str, known: list[str], line: str) -> None:
    assert did_you_mean(word, known) == line


def test_without_a_suggestion_the_other_line_is_given() -> None:
    assert did_you_mean("zzz", [], "declare it") == "declare it"
    assert did_you_mean("zzz", ["a"], "declare it") == "known here: `a`"
