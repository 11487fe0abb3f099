"""The types of operators: for each operator the pairs that it takes with their result, and the reason for every other pair."""

from __future__ import annotations

import itertools

import pytest

from cogc.language import types
from cogc.language.operators import Wrong, result
from cogc.language.types import NEVER, ListOf
from support.typed import parse_type

TAKEN = [
    ("+", "int", "int", "int"),
    ("+", "int", "float", "float"),
    ("+", "float", "float", "float"),
    ("+", "1", "2", "int"),
    ("+", "string", "string", "string"),
    ("+", '"a"', "string", "string"),
    ("+", "[int]", "[int]", "[int]"),
    ("+", "[int]", "[string]", "[int | string]"),
    ("+", "duration", "duration", "duration"),
    ("+", "time", "duration", "time"),
    ("+", "duration", "time", "time"),
    ("+", "int | float", "int", "int | float"),
    ("+", "any", "int", "any"),
    ("+", "string", "any", "any"),
    ("-", "int", "int", "int"),
    ("-", "float", "int", "float"),
    ("-", "time", "time", "duration"),
    ("-", "time", "duration", "time"),
    ("-", "duration", "duration", "duration"),
    ("*", "int", "int", "int"),
    ("*", "int", "float", "float"),
    ("*", "duration", "int", "duration"),
    ("*", "float", "duration", "duration"),
    ("/", "int", "int", "float"),
    ("/", "duration", "duration", "float"),
    ("/", "duration", "int", "duration"),
    ("/", "duration", "float", "duration"),
    ("//", "int", "int", "int"),
    ("//", "float", "int", "float"),
    ("//", "duration", "duration", "int"),
    ("%", "int", "int", "int"),
    ("%", "int", "float", "float"),
    ("%", "duration", "duration", "duration"),
    ("<", "int", "float", "bool"),
    ("<", "string", "string", "bool"),
    ("<=", "duration", "duration", "bool"),
    (">", "time", "time", "bool"),
    (">=", "any", "int", "bool"),
    ("<", "any", "any", "bool"),
    ("==", "int", "float", "bool"),
    ("==", "int?", "null", "bool"),
    ("==", "any", "Point", "bool"),
    ("!=", '"a" | "b"', '"a"', "bool"),
    ("in", "string", "string", "bool"),
    ("in", "string", "map[int]", "bool"),
    ("in", "string", "Point", "bool"),
    ("in", "int", "[int]", "bool"),
    ("in", "int", "[float]", "bool"),
    ("in", "int", "any", "bool"),
    ("not in", '"a"', '["a" | "b"]', "bool"),
]


@pytest.mark.parametrize(("operator", "left", "right", "expected"), TAKEN)
def test_an_operator_has_the_type_that_its_operands_give(operator: str, left: str, right: str, expected: str) -> None:
    found = result(operator, parse_type(left), parse_type(right))
    assert not isinstance(found, Wrong) and types.show(found) == expected


NUMBERS = "numbers go with numbers; `+` also joins strings and lists"
TEXTS = 'convert with `str(...)`, or write a template: "... {{ x }}"'
ORDER = "numbers, strings, durations and times can be ordered, each among themselves"
REFUSED = [
    ("+", "int", "string", "bad-operands", TEXTS),
    ("+", "string", "int?", "bad-operands", TEXTS),
    ("+", "bool", "int", "bad-operands", NUMBERS),
    ("+", "time", "time", "bad-operands", NUMBERS),
    ("+", "[int]", "int", "bad-operands", NUMBERS),
    ("+", "Point", "Point", "bad-operands", NUMBERS),
    ("+", "duration", "int", "bad-operands", NUMBERS),
    ("-", "duration", "time", "bad-operands", NUMBERS),
    ("-", "string", "string", "bad-operands", NUMBERS),
    ("*", "string", "int", "bad-operands", NUMBERS),
    ("*", "duration", "duration", "bad-operands", NUMBERS),
    ("*", "time", "int", "bad-operands", NUMBERS),
    ("/", "int", "duration", "bad-operands", NUMBERS),
    ("//", "duration", "int", "bad-operands", NUMBERS),
    ("%", "duration", "int", "bad-operands", NUMBERS),
    ("<", "bool", "bool", "bad-operands", ORDER),
    ("<", "int", "string", "bad-operands", ORDER),
    ("<", "[int]", "[int]", "bad-operands", ORDER),
    ("<", "any", "bool", "bad-operands", ORDER),
    (">=", "duration", "time", "bad-operands", ORDER),
    ("+", "int?", "int", "nullable", ""),
    ("+", "int", "int?", "nullable", ""),
    ("<", "int?", "int", "nullable", ""),
    ("+", "string?", "string", "nullable", ""),
    ("==", "int", "string", "never-equal", ""),
    ("==", '"a"', '"b"', "never-equal", ""),
    ("!=", "int", "null", "never-equal", ""),
    ("in", "int", "string", "bad-operands", "only a string is in a string"),
    ("in", "int", "map[int]", "bad-operands", "a key is a string"),
    ("in", "int", "int", "bad-operands", "`in` looks into lists, maps, records and strings"),
    ("in", "string", "[int]", "never-equal", ""),
    ("not in", "string", "duration", "bad-operands", "`in` looks into lists, maps, records and strings"),
]


@pytest.mark.parametrize(("operator", "left", "right", "slug", "hint"), REFUSED)
def test_an_operator_that_does_not_take_its_operands_says_why(
    operator: str, left: str, right: str, slug: str, hint: str
) -> None:
    found = result(operator, parse_type(left), parse_type(right))
    assert isinstance(found, Wrong) and (found.slug, found.hint) == (slug, hint)


def test_a_comparison_is_a_bool_even_where_it_is_wrong() -> None:
    for operator in ("<", "<=", ">", ">=", "==", "!=", "in", "not in"):
        found = result(operator, parse_type("Point"), parse_type("int"))
        assert isinstance(found, Wrong) and found.type == types.BOOL


def test_nothing_is_in_an_empty_list_and_that_is_no_mistake() -> None:
    assert result("in", parse_type("int"), ListOf(NEVER)) == types.BOOL


KINDS = ["int", "float", "string", "bool", "null", "duration", "time", "[int]", "map[int]", "Point"]


@pytest.mark.parametrize("operator", ["+", "*", "==", "!="])
def test_operators_that_have_no_direction_take_their_operands_in_either_order(operator: str) -> None:
    for a, b in itertools.combinations(KINDS, 2):
        one, two = (result(operator, parse_type(x), parse_type(y)) for x, y in ((a, b), (b, a)))
        assert isinstance(one, Wrong) == isinstance(two, Wrong), (a, b)
        assert isinstance(one, Wrong) or one == two, (a, b)
