"""Values at run time: equality, order, texts of times, JSON, and the words for kinds."""

from __future__ import annotations

import datetime
import itertools
import math
from typing import Any

import pytest

from cogc.language.coerce import coerce
from cogc.language.types import TIME
from cogc.language.values import (
    Duration,
    Failure,
    Time,
    equal,
    kind_of,
    moment,
    plain,
    shorten,
    time_of,
    time_text,
)

UTC = datetime.UTC
SECOND = 10**9

APART: list[Any] = [
    None, False, True, 0, 1, 1.5, "", "1", "true", [], [0], [None], {}, {"a": 0}, {"a": None}, {"b": 0}, Duration(0), Duration(1), Time(0), Time(1),
]  # fmt: skip


def test_values_of_two_kinds_are_never_equal() -> None:
    for a, b in itertools.combinations(APART, 2):
        assert not equal(a, b) and not equal(b, a), (a, b)
    assert all(equal(v, v) for v in APART)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (0, -0.0),
        (1 << 53, float(1 << 53)),
        ([1, [2]], [1.0, [2.0]]),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}),
        (Duration(5), Duration(5)),
        (Time(5), Time(5)),
    ],
)
def test_equal_values(a: Any, b: Any) -> None:
    assert equal(a, b) and equal(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1 << 53) + 1, float(1 << 53)),
        ([1], [1, 1]),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 1, "b": None}),
        (math.nan, math.nan),
        ([True], [1]),
    ],
)
def test_unequal_values(a: Any, b: Any) -> None:
    assert not equal(a, b) and not equal(b, a)


def test_durations_and_times_have_an_order() -> None:
    for kind in (Duration, Time):
        assert kind(1) < kind(2) and not kind(2) < kind(1)
        assert kind(1) <= kind(1) and not kind(2) <= kind(1)
        assert hash(kind(3)) == hash(kind(3)) and kind(3) != 3
    assert Duration(3) != Time(3)
    assert len({Duration(3), Duration(3), Time(3)}) == 2


TIMES = [
    (0, "1970-01-01T00:00:00Z"),
    (SECOND, "1970-01-01T00:00:01Z"),
    (1, "1970-01-01T00:00:00.000000001Z"),
    (1_500_000_000, "1970-01-01T00:00:01.5Z"),
    (-1, "1969-12-31T23:59:59.999999999Z"),
    (-SECOND, "1969-12-31T23:59:59Z"),
    (951_782_400 * SECOND, "2000-02-29T00:00:00Z"),
    (253_402_300_799 * SECOND, "9999-12-31T23:59:59Z"),
    (-62_135_596_800 * SECOND, "0001-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("nanos", "text"), TIMES)
def test_a_time_is_rfc_3339_in_utc(nanos: int, text: str) -> None:
    assert time_text(Time(nanos)) == repr(Time(nanos)) == text


@pytest.mark.parametrize(("nanos", "text"), [t for t in TIMES if abs(t[0]) != 1])  # Python's times end at microseconds
def test_the_text_of_a_time_reads_as_that_time(nanos: int, text: str) -> None:
    assert coerce(text, TIME) == Time(nanos)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T12:00:00+02:00", "2026-01-01T10:00:00Z"),
        ("2026-01-01T00:30:00-01:00", "2026-01-01T01:30:00Z"),
        ("2026-01-01T00:00:00.25Z", "2026-01-01T00:00:00.25Z"),
    ],
)
def test_a_time_with_another_zone_is_the_same_moment(text: str, expected: str) -> None:
    found = coerce(text, TIME)
    assert isinstance(found, Time) and time_text(found) == expected


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
def test_a_moment_that_has_no_year_of_four_digits_in_utc_is_no_time(text: str) -> None:
    with pytest.raises(Failure, match="expected time, got string"):
        coerce(text, TIME)
    with pytest.raises(ValueError, match="a year from 1 to 9999"):
        time_of(datetime.datetime.fromisoformat(text))


def test_times_and_datetimes_are_converted_both_ways() -> None:
    when = datetime.datetime(2026, 7, 1, 8, 30, 0, 250, tzinfo=UTC)
    assert moment(time_of(when)) == when
    assert time_of(datetime.datetime(1970, 1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))) == Time(0)
    assert moment(Time(1999)) == datetime.datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (1, 1),
        (1.5, 1.5),
        (True, True),
        ("a", "a"),
        (Duration(90 * SECOND), "1m30s"),
        (Time(0), "1970-01-01T00:00:00Z"),
        (math.inf, None),
        (-math.inf, None),
        (math.nan, None),
        ([Duration(0), [Time(0)]], ["0s", ["1970-01-01T00:00:00Z"]]),
        ({"a": {"b": Duration(SECOND)}}, {"a": {"b": "1s"}}),
        ((1, 2), [1, 2]),
    ],
)
def test_a_value_as_json_data(value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "bool"),
        (1, "int"),
        (1.0, "float"),
        ("", "string"),
        ([], "list"),
        ({}, "record"),
        (Duration(0), "duration"),
        (Time(0), "time"),
        (set(), "set"),
    ],
)
def test_each_kind_has_its_word(value: Any, kind: str) -> None:
    assert kind_of(value) == kind


def test_long_values_are_cut_in_reports() -> None:
    assert shorten([1, 2]) == "[1, 2]"
    assert shorten("é") == '"é"'
    assert shorten("x" * 198) == '"' + "x" * 198 + '"'
    assert shorten("x" * 199) == '"' + "x" * 196 + "..."
    assert len(shorten(list(range(1000)), 80)) == 80
    assert shorten({"a": Duration(SECOND)}) == '{"a": "1s"}'


def test_a_failure_knows_its_kind_and_place() -> None:
    failure = Failure("type", "no", 7)
    assert (failure.kind, failure.message, failure.at, failure.interrupts, str(failure)) == (
        "type",
        "no",
        7,
        False,
        "no",
    )
