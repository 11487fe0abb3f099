"""The bounds of work, strings and lists, and the ranges of attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from cogc.language import functions, meter
from cogc.language.limits import RANGES, outside, outside_pool
from cogc.language.values import Duration, Failure
from support.paths import ROOT


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    before = meter.METER.step
    _clear()
    yield
    _clear()
    meter.begin(before)


def _clear() -> None:
    meter.begin(object())
    meter.METER.window = meter.METER.spent = 0


def test_a_step_may_do_ten_million_units_and_no_more() -> None:
    for _ in range(10):
        meter.spend(1_000_000)
    with pytest.raises(Failure) as failed:
        meter.spend(meter.WINDOW + 1)
    assert failed.value.kind == "bound"
    assert failed.value.message == "the reaction does too much in one step; the limit is 10000000 iterations"


def test_a_new_step_counts_anew() -> None:
    meter.spend(meter.MOST_WORK)
    meter.begin(object())
    meter.spend(meter.MOST_WORK)


def test_the_meter_looks_up_every_few_thousand_units() -> None:
    looks = []
    before, meter.METER.look = meter.METER.look, lambda: looks.append(1)
    try:
        for _ in range(100_000):
            meter.spend(1)
    finally:
        meter.METER.look = before
    assert 20 <= len(looks) <= 25


def test_the_items_of_a_short_list_are_the_list_and_those_of_a_long_one_are_counted_as_they_come() -> None:
    short, long = list(range(10)), list(range(5000))
    assert meter.items(short) is short
    spent = []
    walked = []
    for item in meter.items(long):
        walked.append(item)
        spent.append(meter.METER.window + meter.METER.spent)
    assert walked == long
    assert spent[0] < spent[2000] < spent[-1]


def _looked(spent: int, walk: Callable[[], Iterable[object]]) -> tuple[list[object], list[int], tuple[int, int]]:
    """Walk in a step that has spent something: return the items, how many were walked at each look, and what was spent by the end."""
    _clear()
    meter.spend(spent)
    found: list[object] = []
    looks: list[int] = []
    before, meter.METER.look = meter.METER.look, lambda: looks.append(len(found))
    try:
        found.extend(walk())
    finally:
        meter.METER.look = before
    return found, looks, (meter.METER.spent, meter.METER.window)


@pytest.mark.parametrize("spent", [0, 1, 2000, 4000, meter.WINDOW])
@pytest.mark.parametrize("bounds", [(0, 0), (3, -2), (0, 1), (-5, 40), (0, 1024), (0, 1025), (7, 9000)])
def test_a_loop_over_a_range_is_counted_like_one_over_its_list(spent: int, bounds: tuple[int, int]) -> None:
    made = _looked(spent, lambda: functions.walked(functions.numbers(*bounds)))
    assert _looked(spent, lambda: functions.walked_range(*bounds)) == made
    assert made[0] == list(range(*bounds))


def test_the_first_loop_of_a_step_counts_anew() -> None:
    meter.spend(4000)
    meter.begin(object())
    assert list(functions.walked_range(3)) == [0, 1, 2]
    assert (meter.METER.spent, meter.METER.window) == (0, 6)


@pytest.mark.parametrize("bounds", [(1.5,), (0, "x"), (True,)])
def test_a_loop_over_a_range_takes_ints(bounds: tuple[object, ...]) -> None:
    for function in (functions.walked_range, functions.numbers):
        with pytest.raises(Failure, match="`range` takes ints"):
            function(*bounds)


@pytest.mark.parametrize(
    ("count", "function", "message"),
    [
        (1_000_001, functions.walked_range, "a list of 1000001 items is too large; the limit is 1000000"),
        (1_000_001, meter.parts, "a list of 1000001 items is too large; the limit is 1000000"),
        ((1 << 24) + 1, meter.characters, "a string of 16777217 characters is too long; the limit is 16777216"),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_made(count: int, function: object, message: str) -> None:
    with pytest.raises(Failure) as failed:
        function(count)  # type: ignore[operator]
    assert (failed.value.kind, failed.value.message) == ("bound", message)
    function(count - 1)  # type: ignore[operator]


INSIDE = [
    ("capacity", 1),
    ("retry", 0),
    ("max_restarts", 0),
    ("max_turns", 1),
    ("temperature", 0),
    ("temperature", 2.0),
    ("usd", 0),
    ("timeout", Duration(1)),
    ("backoff", Duration(0)),
    ("after", Duration(0)),
    ("batch", 1),
    ("nothing of the kind", -5),
    ("capacity", "many"),  # another kind of value is no question of range
    ("capacity", True),
]
OUTSIDE = [
    ("capacity", 0, "at least 1"),
    ("capacity", -1, "at least 1"),
    ("retry", -1, "0 or more"),
    ("max_turns", 0, "at least 1"),
    ("temperature", -0.1, "from 0 to 2"),
    ("temperature", 2.1, "from 0 to 2"),
    ("usd", -0.01, "0 or more"),
    ("timeout", Duration(0), "more than 0"),
    ("timeout", Duration(-1), "more than 0"),
    ("every", Duration(0), "more than 0"),
    ("backoff", Duration(-1), "0 or more"),
    ("throttle", 0, "at least 1"),
    ("concurrent", 0, "at least 1"),
]


@pytest.mark.parametrize(("name", "value"), INSIDE)
def test_a_value_inside_of_its_range(name: str, value: object) -> None:
    assert outside(name, value) == ""


@pytest.mark.parametrize(("name", "value", "words"), OUTSIDE)
def test_a_value_outside_of_its_range_is_told_the_range(name: str, value: object, words: str) -> None:
    assert outside(name, value) == words


@pytest.mark.parametrize(
    ("count", "highest", "words"),
    [
        (0, None, ""),
        (1_000_000, None, ""),
        (1_000_001, None, "from 0 to 1000000"),
        (-1, None, "from 0 to 1000000"),
        (0, 10, ""),
        (10, 10, ""),
        (3, 2, "a range of two numbers, the second of which is not below the first: 3 to 2"),
        (-1, 4, "from 0 to 4"),
    ],
)
def test_the_number_of_members_has_a_range(count: int, highest: int | None, words: str) -> None:
    assert outside_pool(count, highest) == words


def test_the_bounds_are_those_of_the_pages() -> None:
    semantics, failures = (
        " ".join((ROOT / "specs" / name).read_text().split()) for name in ("semantics.md", "failures.md")
    )
    assert "limited to 16 Mi characters, and lists to a million items" in semantics
    assert meter.MOST_CHARACTERS == 16 << 20 and meter.MOST_ITEMS == 1_000_000
    assert "at most 10 million iterations" in failures and meter.MOST_WORK == 10_000_000
    assert all(least >= 0 for least, _, _ in RANGES.values())
