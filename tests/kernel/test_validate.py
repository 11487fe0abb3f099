"""The checks of types at run time: for each type the values that pass, those that are made to fit, and the reasons."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.kernel.validate import Validators, coerce
from cogc.language.types import (
    ANY,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STRING,
    TIME,
    FieldOf,
    ListOf,
    LiteralOf,
    MapOf,
    RecordOf,
    Ref,
    Type,
    optional,
    union,
)
from cogc.language.values import Duration, Failure, Time

MINUTE = Duration(60_000_000_000)
EPOCH = Time(0)
COLOUR = union([LiteralOf("string", "red"), LiteralOf("string", "blue")])
POINT = RecordOf((FieldOf("x", INT), FieldOf("y", FLOAT, default="0"), FieldOf("note", STRING, optional=True)))
OPEN = RecordOf((FieldOf("x", INT),), open=True)
CIRCLE = RecordOf((FieldOf("kind", LiteralOf("string", "circle")), FieldOf("r", FLOAT)))
SQUARE = RecordOf((FieldOf("kind", LiteralOf("string", "square")), FieldOf("side", INT)))
SHAPE = union([CIRCLE, SQUARE])
TABLE: dict[str, Type] = {}
TREE = Ref("tree", "Tree", TABLE)
TABLE["tree"] = RecordOf((FieldOf("label", STRING), FieldOf("below", ListOf(TREE), default="[]")))

AS_IT_IS = [
    (ANY, None),
    (ANY, {"a": [1]}),
    (NULL, None),
    (BOOL, False),
    (INT, 0),
    (INT, 1 << 200),
    (FLOAT, 0.5),
    (STRING, ""),
    (DURATION, MINUTE),
    (TIME, EPOCH),
    (LiteralOf("string", "red"), "red"),
    (LiteralOf("int", 1), 1),
    (LiteralOf("bool", True), True),
    (COLOUR, "blue"),
    (optional(INT), None),
    (optional(INT), 3),
    (union([INT, STRING]), "3"),
    (ListOf(INT), []),
    (ListOf(INT), [1, 2]),
    (ListOf(ANY), [1, "a", None]),
    (ListOf(ListOf(INT)), [[], [1]]),
    (MapOf(INT), {}),
    (MapOf(INT), {"a": 1, "": 2}),
    (POINT, {"x": 1, "y": 0.5}),
    (POINT, {"note": "n", "y": 0.5, "x": 1}),
    (OPEN, {"x": 1, "more": [None]}),
    (SHAPE, {"kind": "square", "side": 2}),
    (TREE, {"label": "a", "below": [{"label": "b", "below": []}]}),
]


@pytest.mark.parametrize(("wanted", "value"), AS_IT_IS)
def test_a_value_that_fits_is_given_back_as_it_is(wanted: Type, value: Any) -> None:
    checks = Validators([wanted])
    assert checks.fits(0)(value) is True
    assert checks.check(0)(value) is value


MADE_TO_FIT = [
    (FLOAT, 1, 1.0),
    (ListOf(FLOAT), [1, 2.5], [1.0, 2.5]),
    (MapOf(FLOAT), {"a": 1}, {"a": 1.0}),
    (optional(FLOAT), 1, 1.0),
    (LiteralOf("float", 1.0), 1, 1.0),
    (DURATION, "1m", MINUTE),
    (TIME, "1970-01-01T00:00:00Z", EPOCH),
    (TIME, "1970-01-01T01:00:00+01:00", EPOCH),
    (POINT, {"x": 1}, {"x": 1, "y": 0.0}),
    (POINT, {"x": 1, "y": 2}, {"x": 1, "y": 2.0}),
    (RecordOf((FieldOf("x", FLOAT),), open=True), {"more": 1, "x": 2}, {"x": 2.0, "more": 1}),
    (CIRCLE, {"kind": "circle", "r": 2}, {"kind": "circle", "r": 2.0}),
    (SHAPE, {"kind": "circle", "r": 2}, {"kind": "circle", "r": 2.0}),
    (union([INT, FLOAT]), 1, 1),
    (union([FLOAT, INT]), 1, 1),
    (union([DURATION, STRING]), "1m", "1m"),
    (TREE, {"label": "a", "below": [{"label": "b"}]}, {"label": "a", "below": [{"label": "b", "below": []}]}),
]


@pytest.mark.parametrize(("wanted", "value", "expected"), MADE_TO_FIT)
def test_defaults_and_conversions_are_applied(wanted: Type, value: Any, expected: Any) -> None:
    found = Validators([wanted]).check(0)(value)
    assert found == expected and repr(found) == repr(expected)
    assert repr(coerce(value, wanted)) == repr(expected)


REFUSED = [
    (NULL, 0, "expected null, got int 0"),
    (BOOL, 1, "expected bool, got int 1"),
    (INT, True, "expected int, got bool true"),
    (INT, 1.0, "expected int, got float 1.0"),
    (INT, "1", 'expected int, got string "1"'),
    (FLOAT, True, "expected float, got bool true"),
    (STRING, None, "expected string, got null null"),
    (DURATION, "soon", 'expected duration, got string "soon"'),
    (DURATION, 5, "expected duration, got int 5"),
    (TIME, "2026-01-01T00:00:00", 'expected time, got string "2026-01-01T00:00:00"'),
    (TIME, "today", 'expected time, got string "today"'),
    (NEVER, None, "expected never, got null null"),
    (LiteralOf("int", 1), True, "expected 1, got bool true"),
    (COLOUR, "green", 'expected "red" | "blue", got string "green"'),
    (ListOf(INT), {}, "expected [int], got record {}"),
    (ListOf(INT), [1, "a"], '`[1]`: expected int, got string "a"'),
    (ListOf(ListOf(INT)), [[], [1, None]], "`[1][1]`: expected int, got null null"),
    (MapOf(INT), [], "expected map[int], got list []"),
    (MapOf(INT), {"a": "b"}, '`a`: expected int, got string "b"'),
    (POINT, [], "expected { x: int, y: float, note?: string }, got list []"),
    (POINT, {"y": 1.0}, "the field `x` is missing"),
    (POINT, {"x": "1"}, '`x`: expected int, got string "1"'),
    (POINT, {"x": 1, "note": None}, "`note`: expected string, got null null"),
    (POINT, {"x": 1, "z": 1}, "there is no field `z` in { x: int, y: float, note?: string }"),
    (OPEN, {"more": 1}, "the field `x` is missing"),
    (SHAPE, {"kind": "circle", "r": "x"}, '`r`: expected float, got string "x"'),
    (SHAPE, {"kind": "circle"}, "the field `r` is missing"),
    (SHAPE, {"kind": "oval"}, '`kind`: expected "circle", got string "oval"'),
    (TREE, {"label": "a", "below": [{"label": 1}]}, "`below[0].label`: expected string, got int 1"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "value", "message"), REFUSED)
def test_a_value_that_cannot_fit_is_refused_with_its_path(wanted: Type, value: Any, message: str) -> None:
    checks = Validators([wanted])
    assert checks.fits(0)(value) is False
    with pytest.raises(Failure) as failed:
        checks.check(0)(value)
    assert (failed.value.kind, failed.value.message) == ("type", message)


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(Failure) as failed:
        coerce("x" * 1000, INT)
    assert failed.value.message == 'expected int, got string "' + "x" * 76 + "..."


def test_a_value_nested_without_end_is_refused() -> None:
    value: dict[str, Any] = {"label": "a"}
    for _ in range(20_000):
        value = {"label": "a", "below": [value]}
    with pytest.raises(Failure, match="the value is nested too deep"):
        coerce(value, TREE)


def test_a_check_does_not_change_the_value_that_it_is_given() -> None:
    value = {"x": 1}
    assert coerce(value, POINT) == {"x": 1, "y": 0.0} and value == {"x": 1}
