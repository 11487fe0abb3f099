"""Suggestions: the known word that a mistyped one most likely means, or none."""

from __future__ import annotations

import itertools

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
