"""The built-in functions as functions of values: results, edges, and the failures that name what was given."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cogc.language.builtins import FUNCTIONS as TYPES, RUN_TIME_ONLY
from cogc.language.functions import FUNCTIONS, OPERATORS, field, field_or_null, item, part, spread, text, walked
from cogc.language.values import Duration, Failure, Time

SECOND = Duration(1_000_000_000)
MINUTE = Duration(60_000_000_000)
EPOCH = Time(0)
LATER = Time(60_000_000_000)
INFINITY = math.inf
NAN = math.nan

VALUES = [
    ("len", [""], 0),
    ("len", ["héé"], 3),
    ("len", ["👩‍🚀"], 3),
    ("len", [[]], 0),
    ("len", [{"a": 1, "b": None}], 2),
    ("sum", [[]], 0),
    ("sum", [[1, 2, 3]], 6),
    ("sum", [[1, 0.5]], 1.5),
    ("sum", [[SECOND]], SECOND),
    ("sum", [[SECOND, MINUTE]], Duration(61_000_000_000)),
    ("min", [[3, 1, 2]], 1),
    ("min", [3, 1.5], 1.5),
    ("min", ["b", "a"], "a"),
    ("min", [[MINUTE, SECOND]], SECOND),
    ("max", [[3, 1, 2]], 3),
    ("max", [LATER, EPOCH], LATER),
    ("max", ["a", "á"], "á"),
    ("max", [[7]], 7),
    ("round", [2.5], 2),
    ("round", [3.5], 4),
    ("round", [-2.5], -2),
    ("round", [7], 7),
    ("round", [1.25, 1], 1.2),
    ("round", [1234, -2], 1200.0),
    ("round", [1.5, 9999], 1.5),
    ("round", [1.5, -9999], 0.0),
    ("abs", [-3], 3),
    ("abs", [-0.5], 0.5),
    ("abs", [Duration(-5)], Duration(5)),
    ("sorted", [[]], []),
    ("sorted", [[3, 1.5, 2]], [1.5, 2, 3]),
    ("sorted", [["b", "B", "a"]], ["B", "a", "b"]),
    ("sorted", [[MINUTE, SECOND]], [SECOND, MINUTE]),
    ("sort_by", [[{"n": 2}, {"n": 1}], "n"], [{"n": 1}, {"n": 2}]),
    ("sort_by", [[{"n": 1, "k": "x"}, {"n": 1, "k": "a"}], "n"], [{"n": 1, "k": "x"}, {"n": 1, "k": "a"}]),
    ("sort_by", [[], "n"], []),
    ("keys", [{"b": 1, "a": 2}], ["b", "a"]),
    ("keys", [{}], []),
    ("values", [{"b": 1, "a": None}], [1, None]),
    ("lower", ["ÀB"], "àb"),
    ("upper", ["straße"], "STRASSE"),
    ("split", [" a  b "], ["a", "b"]),
    ("split", [""], []),
    ("split", ["", ","], [""]),
    ("split", ["a,,b", ","], ["a", "", "b"]),
    ("split", ["añ", ""], ["a", "ñ"]),
    ("join", [[]], ""),
    ("join", [["a", "b"]], "ab"),
    ("join", [["a", "b"], ", "], "a, b"),
    ("contains", ["abc", ""], True),
    ("contains", ["abc", "bc"], True),
    ("contains", [[1, 2], 1.0], True),
    ("contains", [[True], 1], False),
    ("contains", [{"a": None}, "a"], True),
    ("contains", [{"a": 1}, "b"], False),
    ("starts_with", ["abc", ""], True),
    ("starts_with", ["abc", "abcd"], False),
    ("json", [{"é": [1, 2.0, None, True]}], '{"é": [1, 2.0, null, true]}'),
    ("json", [[MINUTE, EPOCH]], '["1m", "1970-01-01T00:00:00Z"]'),
    ("json", [INFINITY], "null"),
    ("json", ['a"b'], '"a\\"b"'),
    ("range", [3], [0, 1, 2]),
    ("range", [0], []),
    ("range", [-3], []),
    ("range", [2, 5], [2, 3, 4]),
    ("range", [-2, 1], [-2, -1, 0]),
    ("range", [5, 2], []),
    ("unique", [[]], []),
    ("unique", [[3, 1, 3, 2, 1]], [3, 1, 2]),
    ("unique", [[{"a": 1, "b": 2}, {"b": 2, "a": 1}]], [{"a": 1, "b": 2}]),
    ("unique", [[1, 1.0]], [1, 1.0]),
    ("unique", [[1, True]], [1, True]),
    ("unique", [["1m", MINUTE]], ["1m", MINUTE]),
    ("unique", [[None, INFINITY]], [None, INFINITY]),
    ("unique", [[[1], [1], []]], [[1], []]),
    ("first", [[None, 1]], None),
    ("last", [[1, 2]], 2),
    ("take", [[1, 2, 3], 2], [1, 2]),
    ("take", [[1, 2, 3], 9], [1, 2, 3]),
    ("take", [[1, 2, 3], 0], []),
    ("take", [[1, 2, 3], -1], []),
    ("count", [[1, 1.0, True, "1"], 1], 2),
    ("count", [[], None], 0),
    ("has", [{"a": None}, "a"], True),
    ("has", [{"1": 1}, 1], False),
    ("has", [[[1]], [1.0]], True),
    ("remove", [{"a": 1, "b": 2}, "a"], {"b": 2}),
    ("remove", [{"a": 1}, "z"], {"a": 1}),
    ("remove", [[1, 2, 1.0], 1], [2]),
    ("replace", ["aaa", "a", "b"], "bbb"),
    ("replace", ["aaa", "", "b"], "aaa"),
    ("replace", ["abc", "b", ""], "ac"),
    ("int", ["12"], 12),
    ("int", [" -7 "], -7),
    ("int", [2.9], 2),
    ("int", [-2.9], -2),
    ("int", [True], 1),
    ("float", ["1.5"], 1.5),
    ("float", [3], 3.0),
    ("float", [False], 0.0),
    ("str", ["a"], "a"),
    ("str", [1], "1"),
    ("str", [1.0], "1.0"),
    ("str", [None], "null"),
    ("str", [True], "true"),
    ("str", [MINUTE], "1m"),
    ("str", [["a", 1]], '["a", 1]'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "expected"), VALUES)
def test_a_function_gives_its_value(name: str, arguments: list[Any], expected: Any) -> None:
    found = FUNCTIONS[name](*arguments)
    assert found == expected and type(found) is type(expected)


FAILURES = [
    ("len", [1], "`len` takes a string, list, map or record, not int"),
    ("len", [None], "`len` takes a string, list, map or record, not null"),
    ("sum", ["ab"], "`sum` takes a list, not string"),
    ("sum", [[1, "a"]], "`+` does not take int and string"),
    ("sum", [[SECOND, 1]], "`+` does not take duration and int"),
    ("min", [[]], "`min` of an empty list"),
    ("min", [1], "`min` takes a list, not int"),
    ("max", [[1, "a"]], "`<` does not take int and string"),
    ("max", [[True, False]], "`<` does not take bool and bool"),
    ("max", [SECOND, EPOCH], "`<` does not take duration and time"),
    ("round", ["1"], "`round` takes a number, not string"),
    ("round", [True], "`round` takes a number, not bool"),
    ("round", [INFINITY], "`round` of inf"),
    ("round", [NAN], "`round` of nan"),
    ("abs", ["1"], "`abs` takes a number, not string"),
    ("sorted", [[1, "a"]], "these values cannot be ordered among themselves"),
    ("sorted", [[None]], "these values cannot be ordered among themselves"),
    ("sorted", [[SECOND, EPOCH]], "these values cannot be ordered among themselves"),
    ("sorted", [{}], "`sorted` takes a list, not record"),
    ("sort_by", [[{"n": 1}, {}], "n"], "these values cannot be ordered among themselves"),
    ("sort_by", [[1], "n"], "int has no field `n`"),
    ("keys", [[]], "`keys` takes a map or record, not list"),
    ("values", ["x"], "`values` takes a map or record, not string"),
    ("lower", [1], "`lower` takes a string, not int"),
    ("upper", [None], "`upper` takes a string, not null"),
    ("split", [1], "`split` takes a string, not int"),
    ("split", [1, ""], "`split` takes a string, not int"),
    ("split", ["a", 1], "`split` takes a string, not int"),
    ("join", [["a", 1]], "`join` takes a string, not int"),
    ("join", [["a"], 1], "`join` takes a string, not int"),
    ("contains", ["a", 1], "`in` takes a string, not int"),
    ("contains", [1, 1], "`in` takes a list, not int"),
    ("starts_with", ["a", None], "`starts_with` takes a string, not null"),
    ("range", [1.5], "`range` takes ints"),
    ("range", [True], "`range` takes ints"),
    ("unique", ["aa"], "`unique` takes a list, not string"),
    ("first", [[]], "`first` of an empty list"),
    ("first", ["ab"], "`first` takes a list, not string"),
    ("last", [[]], "`last` of an empty list"),
    ("take", ["abc", 1], "`take` takes a list, not string"),
    ("take", [[1], "1"], "`take` takes a number, not string"),
    ("count", ["aa", "a"], "`count` takes a list, not string"),
    ("has", ["a", "a"], "`has` takes a list, not string"),
    ("remove", [1, 1], "`remove` takes a list, not int"),
    ("replace", ["a", 1, "b"], "`replace` takes a string, not int"),
    ("int", ["1.5"], '"1.5" is no int'),
    ("int", [""], '"" is no int'),
    ("int", [[1]], "[1] is no int"),
    ("int", [None], "null is no int"),
    ("int", [NAN], "null is no int"),
    ("float", ["x"], '"x" is no float'),
    ("float", [{}], "{} is no float"),
]


@pytest.mark.parametrize(("name", "arguments", "message"), FAILURES)
def test_a_function_fails_with_the_reason(name: str, arguments: list[Any], message: str) -> None:
    with pytest.raises(Failure) as failed:
        FUNCTIONS[name](*arguments)
    assert failed.value.kind == "error" and failed.value.message == message


def test_a_long_string_is_no_int_and_is_cut_in_the_message() -> None:
    with pytest.raises(Failure) as failed:
        FUNCTIONS["int"]("9" * 101)
    assert failed.value.message == '"' + "9" * 56 + "... is no int"


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (FUNCTIONS["join"], ["$LONG", "y"], "a string of 20004000 characters is too long; the limit is 16777216"),
        (FUNCTIONS["replace"], ["a" * 5000, "a", "b" * 5000], "a string of 25000000 characters is too long; the limit is 16777216"),
        (FUNCTIONS["range"], [1_000_001], "a list of 1000001 items is too large; the limit is 1000000"),
        (FUNCTIONS["int"], [1e300], "a number is too large; an int has 64 bits"),
        (FUNCTIONS["float"], ["1e999"], "a number is too large for a float"),
        (OPERATORS["*"], [1 << 32, 1 << 32], "a number is too large; an int has 64 bits"),
        (OPERATORS["+"], [1e308, 1e308], "a number is too large for a float"),
    ],
)  # fmt: skip
def test_what_is_too_large_is_counted_before_it_is_made(function: Any, arguments: list[Any], message: str) -> None:
    given = [["x" * 5000] * 4000 if a == "$LONG" else a for a in arguments]
    with pytest.raises(Failure) as failed:
        function(*given)
    assert failed.value.kind == "bound" and failed.value.message == message


def test_every_function_has_types_and_a_value() -> None:
    assert set(FUNCTIONS) == set(TYPES) - RUN_TIME_ONLY
    assert {name for name, _, _ in VALUES} == set(FUNCTIONS)


# ---- operators -----------------------------------------------------------------------------------------------

OPERATIONS = [
    ("+", 1, 2.5, 3.5),
    ("+", "a", "b", "ab"),
    ("+", [1], [2], [1, 2]),
    ("+", SECOND, SECOND, Duration(2_000_000_000)),
    ("+", EPOCH, MINUTE, LATER),
    ("+", MINUTE, EPOCH, LATER),
    ("-", 1, 2, -1),
    ("-", LATER, EPOCH, MINUTE),
    ("-", LATER, MINUTE, EPOCH),
    ("-", SECOND, MINUTE, Duration(-59_000_000_000)),
    ("*", 3, 4, 12),
    ("*", SECOND, 60, MINUTE),
    ("*", 0.5, MINUTE, Duration(30_000_000_000)),
    ("/", 1, 2, 0.5),
    ("/", MINUTE, SECOND, 60.0),
    ("/", MINUTE, 60, SECOND),
    ("//", 7, 2, 3),
    ("//", -7, 2, -4),
    ("//", MINUTE, Duration(7_000_000_000), 8),
    ("%", -7, 3, 2),
    ("%", MINUTE, Duration(7_000_000_000), Duration(4_000_000_000)),
    ("==", 1, 1.0, True),
    ("==", 1, True, False),
    ("==", "1m", MINUTE, False),
    ("==", [1, [2]], [1.0, [2.0]], True),
    ("==", {"a": 1}, {"a": 1, "b": None}, False),
    ("==", NAN, NAN, False),
    ("!=", None, False, True),
    ("<", 1, 1.5, True),
    ("<", "Z", "a", True),
    ("<", EPOCH, LATER, True),
    ("<=", 1, 1.0, True),
    (">", MINUTE, SECOND, True),
    (">=", 1, 2, False),
    ("<", NAN, 1, False),
    ("<=", NAN, 1, False),
    (">", NAN, 1, False),
    (">=", NAN, 1, False),
    ("in", "b", "abc", True),
    ("in", "a", {"a": None}, True),
    ("in", 1, {"1": 2}, False),
    ("in", 1.0, [1], True),
    ("not in", 2, [1], True),
]


@pytest.mark.parametrize(("operator", "left", "right", "expected"), OPERATIONS)
def test_an_operator_gives_its_value(operator: str, left: Any, right: Any, expected: Any) -> None:
    found = OPERATORS[operator](left, right)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("operator", "left", "right", "message"),
    [
        ("+", 1, "a", "`+` does not take int and string"),
        ("+", EPOCH, EPOCH, "`+` does not take time and time"),
        ("+", True, 1, "`+` does not take bool and int"),
        ("-", MINUTE, EPOCH, "`-` does not take duration and time"),
        ("-", "a", "a", "`-` does not take string and string"),
        ("*", SECOND, SECOND, "`*` does not take duration and duration"),
        ("*", "a", 3, "`*` does not take string and int"),
        ("/", 1, 0, "a division by zero"),
        ("/", MINUTE, 0, "a division by zero"),
        ("/", MINUTE, Duration(0), "a division by zero"),
        ("/", 1, SECOND, "`/` does not take int and duration"),
        ("//", 1.5, 0.0, "a division by zero"),
        ("//", MINUTE, 2, "`//` does not take duration and int"),
        ("%", 1, 0, "a division by zero"),
        ("<", None, 1, "`<` does not take null and int"),
        ("<=", "a", 1, "`<=` does not take string and int"),
        (">=", [1], [1], "`>=` does not take list and list"),
        ("in", 1, "1", "`in` takes a string, not int"),
        ("not in", 1, 1, "`in` takes a list, not int"),
    ],
)
def test_an_operator_names_the_kinds_that_it_does_not_take(operator: str, left: Any, right: Any, message: str) -> None:
    with pytest.raises(Failure) as failed:
        OPERATORS[operator](left, right)
    assert failed.value.message == message


def test_fields_and_items_are_looked_up_and_nothing_else() -> None:
    assert field({"a": 1}, "a") == 1 and field({"a": 1}, "b") is None
    assert field_or_null(None, "a") is None
    assert item([1, 2], -1) == 2 and item("añ", 1) == "ñ" and item({"a": 1}, "b") is None
    assert part([1, 2, 3], 1, None) == [2, 3] and part("abc", None, -1) == "ab" and part([1], 5, 9) == []
    assert spread({"a": 1}) == {"a": 1} and walked([1]) == [1]


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (field, ["x", "upper"], "string has no field `upper`"),
        (field, [[], "append"], "list has no field `append`"),
        (item, [[1], 1], "index 1 is out of range: there are 1"),
        (item, [[1], -2], "index -2 is out of range: there are 1"),
        (item, [[1], True], "a list is indexed with an int, not bool"),
        (item, ["a", "0"], "a string is indexed with an int, not string"),
        (item, [{"a": 1}, 0], "`[]` takes a string, not int"),
        (item, [1, 0], "int cannot be indexed"),
        (part, [{"a": 1}, 0, 1], "record cannot be sliced"),
        (spread, [[1]], "`...` takes a map or record, not list"),
        (walked, ["ab"], "`for` walks a list, not string"),
    ],
)
def test_a_lookup_fails_with_the_reason(function: Any, arguments: list[Any], message: str) -> None:
    with pytest.raises(Failure) as failed:
        function(*arguments)
    assert failed.value.message == message


def test_a_string_is_its_own_text_and_everything_else_is_json() -> None:
    assert [text(v) for v in ("a", 1, True, None, [1], {"a": "b"})] == ["a", "1", "true", "null", "[1]", '{"a": "b"}']
