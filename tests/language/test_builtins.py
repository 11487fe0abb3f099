"""The types of the built-in functions: the result for each kind of argument, and what is refused."""

from __future__ import annotations

import pytest

from cogc.language.builtins import FUNCTIONS
from support.typed import type_of

ACCEPTED = [
    ("len(v)", "string", "int"),
    ("len(v)", "[int]", "int"),
    ("len(v)", "map[int]", "int"),
    ("len(v)", "Point", "int"),
    ("len(v)", "any", "int"),
    ("sum(v)", "[int]", "int"),
    ("sum(v)", "[float]", "float"),
    ("sum(v)", "[int | float]", "float"),
    ("sum(v)", "[duration]", "duration"),
    ("sum(v)", "[any]", "any"),
    ("sum(v)", "any", "any"),
    ("min(v)", "[int]", "int"),
    ("min(v, 2)", "int", "int"),
    ("min(v, 2.5)", "int", "int | float"),
    ("max(v)", "[time]", "time"),
    ('max(v, "a")', "string", "string"),
    ("round(v)", "float", "int"),
    ("round(v, 1)", "float", "float"),
    ("abs(v)", "int", "int"),
    ("abs(v)", "float", "float"),
    ("abs(v)", "duration", "duration"),
    ("sorted(v)", "[string]", "[string]"),
    ('sort_by(v, "x")', "[Point]", "[Point]"),
    ("keys(v)", "map[int]", "[string]"),
    ("keys(v)", "Point", "[string]"),
    ("values(v)", "map[int]", "[int]"),
    ("values(v)", "Point", "[int | float | string]"),
    ("values(v)", "any", "[any]"),
    ("lower(v)", "string", "string"),
    ("upper(v)", "any", "string"),
    ("split(v)", "string", "[string]"),
    ('split(v, ",")', "string", "[string]"),
    ("join(v)", "[string]", "string"),
    ('join(v, ",")', "[string]", "string"),
    ('contains(v, "a")', "string", "bool"),
    ("contains(v, 1)", "[int]", "bool"),
    ('contains(v, "a")', "map[int]", "bool"),
    ("contains(v, 1)", "any", "bool"),
    ('contains(v, "a")', "any", "bool"),
    ('starts_with(v, "a")', "string", "bool"),
    ("json(v)", "any", "string"),
    ("json(v)", "duration", "string"),
    ("range(v)", "int", "[int]"),
    ("range(1, v)", "int", "[int]"),
    ("unique(v)", "[int]", "[int]"),
    ("first(v)", "[string]", "string"),
    ("last(v)", "[int?]", "int?"),
    ("take(v, 2)", "[int]", "[int]"),
    ("count(v, 1)", "[int]", "int"),
    ('has(v, "a")', "map[int]", "bool"),
    ('has(v, "x")', "Point", "bool"),
    ("has(v, 1)", "[int]", "bool"),
    ("has(v, 1)", "any", "bool"),
    ('remove(v, "a")', "map[int]", "map[int]"),
    ('remove(v, "x")', "Point", "map[any]"),
    ("remove(v, 1)", "[int]", "[int]"),
    ('replace(v, "a", "b")', "string", "string"),
    ("int(v)", "string", "int"),
    ("int(v)", "bool", "int"),
    ("float(v)", "int", "float"),
    ("str(v)", "Point", "string"),
    ("file(v)", "string", "image | document"),
    ('file("a.png")', "any", "image"),
    ('file("a.md")', "any", "document"),
    ("now()", "any", "time"),
    ("uuid()", "any", "string"),
    ("random()", "any", "float"),
]


@pytest.mark.parametrize(("expression", "given", "expected"), ACCEPTED)
def test_a_function_has_the_type_that_its_arguments_give(expression: str, given: str, expected: str) -> None:
    assert type_of(expression, given) == (expected, [])


@pytest.mark.parametrize(
    ("expression", "given"),
    [
        ("len(v)", "int"),
        ("sum(v)", "[string]"),
        ("sum(v)", "int"),
        ("sum(v)", "[int?]"),
        ("min(v)", "int"),
        ("max(v)", "[bool]"),
        ("max(v)", "[Point]"),
        ("round(v)", "string"),
        ("round(v, 1.5)", "float"),
        ("abs(v)", "string"),
        ("sorted(v)", "string"),
        ("sorted(v)", "[bool]"),
        ("sorted(v)", "[Point]"),
        ("sorted(v)", "[[int]]"),
        ("sorted(v)", "[int | string]"),
        ("sorted(v)", "[int?]"),
        ('sort_by(v, "ok")', "[{ ok: bool }]"),
        ('sort_by(v, "z")', "[Point]"),
        ('sort_by(v, "x")', "[int]"),
        ("sort_by(v, 1)", "[Point]"),
        ("keys(v)", "[int]"),
        ("values(v)", "int"),
        ("lower(v)", "int"),
        ("split(v, 1)", "string"),
        ("join(v)", "[int]"),
        ("contains(v, 1)", "string"),
        ("contains(v, 1)", "map[int]"),
        ("contains(v, 1)", "int"),
        ("starts_with(v, 1)", "string"),
        ("range(v)", "float"),
        ("unique(v)", "string"),
        ("first(v)", "string"),
        ("last(v)", "map[int]"),
        ('take(v, "2")', "[int]"),
        ("count(v, 1)", "string"),
        ("has(v, 1)", "Point"),
        ("has(v, 1)", "string"),
        ("remove(v, 1)", "int"),
        ('replace(v, "a", 1)', "string"),
        ("int(v)", "[int]"),
        ("int(v)", "duration"),
        ("float(v)", "Point"),
    ],
)
def test_what_a_function_does_not_take_is_one_wrong_type(expression: str, given: str) -> None:
    assert type_of(expression, given) == ("any", ["wrong-type"])


@pytest.mark.parametrize(("expression", "given"), [("upper(v)", "string?"), ("take(v, 1)", "[int]?")])
def test_an_argument_that_may_be_null_is_the_only_thing_that_is_wrong(expression: str, given: str) -> None:
    assert type_of(expression, given) == ("any", ["nullable"])


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_counts_its_arguments(name: str) -> None:
    least, most, _, _ = FUNCTIONS[name]
    too_many = ", ".join(["v"] * (most + 1))
    assert type_of(f"{name}({too_many})") == ("any", ["too-many-arguments"])
    if least:
        too_few = ", ".join(["v"] * (least - 1))
        assert type_of(f"{name}({too_few})") == ("any", ["too-few-arguments"])


def test_every_function_is_in_the_table() -> None:
    assert {expression.partition("(")[0] for expression, _, _ in ACCEPTED} == set(FUNCTIONS)
