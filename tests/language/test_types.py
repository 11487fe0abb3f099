"""The types as values: which fits which, what unions and fields are, and the texts, schemas and JSON of types."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from cogc.language import types
from cogc.language.types import (
    ANY,
    BOOL,
    COERCED,
    EXACT,
    FLOAT,
    INT,
    MAYBE,
    NEVER,
    NO,
    NULL,
    STRING,
    FieldOf,
    ListOf,
    LiteralOf,
    MapOf,
    RecordOf,
    Ref,
    Type,
    UnionOf,
)
from support.typed import parse_type

FITS = [
    # any is wanted, or given
    ("int", "any", EXACT),
    ("{ a: int }", "any", EXACT),
    ("any", "any", EXACT),
    ("any", "int", MAYBE),
    ("any", "int?", MAYBE),
    ("any", '"a"', MAYBE),
    ("any", "[int]", MAYBE),
    ("any", "Point", MAYBE),
    # primitives
    ("int", "int", EXACT),
    ("int", "float", COERCED),
    ("float", "int", NO),
    ("bool", "int", NO),
    ("int", "bool", NO),
    ("string", "duration", NO),
    ("duration", "time", NO),
    ("null", "int", NO),
    ("int", "null", NO),
    # literals
    ('"a"', "string", EXACT),
    ('"a"', '"a"', EXACT),
    ('"a"', '"b"', NO),
    ("string", '"a"', NO),
    ("1", "int", EXACT),
    ("1", "float", COERCED),
    ("true", "bool", EXACT),
    ("true", "1", NO),
    ("1", "true", NO),
    ('"1"', "1", NO),
    # unions
    ("int", "int?", EXACT),
    ("null", "int?", EXACT),
    ("int", "float?", COERCED),
    ("int?", "int", NO),
    ("int?", "float?", COERCED),
    ("int | string", "string | int", EXACT),
    ("int | string", "string | float", COERCED),
    ("int | string", "int | bool", NO),
    ('"left"', "Side", EXACT),
    ('"up"', "Side", NO),
    ("Side", "string", EXACT),
    ("Side", '"right" | "left" | "up"', EXACT),
    ('"left" | "up"', "Side", NO),
    ("int | [any]", "int | [string]", MAYBE),
    # lists and maps
    ("[int]", "[int]", EXACT),
    ("[int]", "[float]", COERCED),
    ("[int]", "[any]", EXACT),
    ("[any]", "[int]", MAYBE),
    ("[float]", "[int]", NO),
    ("[[int]]", "[[float]]", COERCED),
    ("[int]", "map[int]", NO),
    ("map[int]", "[int]", NO),
    ("map[int]", "map[float]", COERCED),
    ("map[string]", "map[int]", NO),
    ("map[any]", "map[int]", MAYBE),
    # records and maps
    ("{ a: int, b: int }", "map[int]", EXACT),
    ("{ a: int, b: int }", "map[float]", COERCED),
    ("{ a: int, b: string }", "map[int]", NO),
    ("{ a?: int }", "map[int]", EXACT),
    ("{ a: int, ... }", "map[int]", MAYBE),
    ("{ a: string, ... }", "map[int]", NO),
    ("map[int]", "{ a: int }", NO),
    # records
    ("{ a: int }", "{ a: int }", EXACT),
    ("{ a: int }", "{ a: float }", COERCED),
    ("{ a: string }", "{ a: int }", NO),
    ("{ b: int, a: string }", "{ a: string, b: int }", EXACT),
    ("{ a: int, b: int }", "{ a: int }", NO),
    ("{ a: int, b: int }", "{ a: int, ... }", EXACT),
    ("{ a: int }", "{ a: int, b: int }", NO),
    ("{ a: int }", "{ a: int, b?: int }", EXACT),
    ("{ a: int }", "{ a: int, b: int = 1 }", COERCED),
    ("{ a: int, b?: int }", "{ a: int, b?: int }", EXACT),
    ("{ a: int, b?: int }", "{ a: int, b: int }", NO),
    ("{ a: int, b?: int }", "{ a: int, b: int = 1 }", COERCED),
    ("{ a: int, b: int = 1 }", "{ a: int, b: int }", EXACT),
    ("{ a: int, ... }", "{ a: int }", MAYBE),
    ("{ a: int, ... }", "{ a: int, b: int }", MAYBE),
    ("{ a: int, ... }", "{ a: int, ... }", EXACT),
    ("{ a: any }", "{ a: int }", MAYBE),
    ("{ x: int, y: int }", "Point", COERCED),
    ("{ x: int, y: float, note: string }", "Point", EXACT),
    ("{ x: int, y: float, note: string? }", "Point", NO),
    # tagged records
    ('{ k: "a", n: int }', '{ k: "a", n: int } | { k: "b", s: string }', EXACT),
    ('{ k: "b", n: int }', '{ k: "a", n: int } | { k: "b", s: string }', NO),
    # recursion
    ("Tree", "Tree", EXACT),
    ("{ value: int, below: [Tree] }", "Tree", EXACT),
    ("{ value: string, below: [Tree] }", "Tree", NO),
    ("Tree", "{ value: float, below: [any] }", COERCED),
    ("Chain", "{ next: Chain? }", EXACT),
]


@pytest.mark.parametrize(("source", "target", "level"), FITS)
def test_a_type_fits_another_so_far(source: str, target: str, level: int) -> None:
    assert types.fit(parse_type(source), parse_type(target)) == level


@pytest.mark.parametrize("target", ["int", '"a"', "[int]", "map[int]", "Point", "int | string", "Tree"])
def test_a_type_without_values_fits_everything(target: str) -> None:
    assert types.fit(NEVER, parse_type(target)) == EXACT
    assert types.fit(ListOf(NEVER), ListOf(parse_type(target))) == EXACT


def test_two_recursive_types_of_one_form_are_one_type() -> None:
    one: dict[str, Type] = {}
    two: dict[str, Type] = {}
    first, second = Ref("a", "A", one), Ref("b", "B", two)
    one["a"] = RecordOf((FieldOf("n", INT), FieldOf("next", types.optional(first))))
    two["b"] = RecordOf((FieldOf("n", INT), FieldOf("next", types.optional(second))))
    assert types.fit(first, second) == types.fit(second, first) == EXACT
    two["b"] = RecordOf((FieldOf("n", FLOAT), FieldOf("next", types.optional(second))))
    assert types.fit(first, second) == COERCED
    assert types.fit(second, first) == NO


OVERLAPS = [
    ("int", "int", True),
    ("int", "float", True),
    ("int", "string", False),
    ("int", "bool", False),
    ("int?", "string?", True),  # both may be null
    ("int?", "string", False),
    ('"a"', "string", True),
    ('"a"', '"b"', False),
    ("Side", '"right"', True),
    ("Side", '"up"', False),
    ("1", "float", True),
    ("1", "2", False),
    ("true", "bool", True),
    ("true", "false", False),
    ("null", "int", False),
    ("any", "int", True),
    ("[int]", "[string]", True),  # both may be empty
    ("[int]", "map[int]", False),
    ("map[int]", "map[string]", True),
    ("map[int]", "{ a: int }", True),
    ("{ a: int }", "{ b: int }", True),
    ("{ a: int }", "[int]", False),
    ("duration", "int", False),
    ("duration", "duration", True),
    ("time", "duration", False),
]


@pytest.mark.parametrize(("a", "b", "expected"), OVERLAPS)
def test_whether_two_types_may_share_a_value_is_symmetric(a: str, b: str, expected: bool) -> None:
    assert types.overlaps(parse_type(a), parse_type(b)) is expected
    assert types.overlaps(parse_type(b), parse_type(a)) is expected


A, B = LiteralOf("string", "a"), LiteralOf("string", "b")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], NEVER),
        ([INT], INT),
        ([INT, INT], INT),
        ([INT, STRING], UnionOf((INT, STRING))),
        ([INT, NEVER], INT),
        ([NEVER, NEVER], NEVER),
        ([INT, ANY, STRING], ANY),
        ([UnionOf((INT, STRING)), NULL], UnionOf((INT, STRING, NULL))),
        ([UnionOf((INT, STRING)), STRING], UnionOf((INT, STRING))),
        ([A, B], UnionOf((A, B))),
        ([A, STRING], STRING),
        ([A, INT], UnionOf((A, INT))),
        ([LiteralOf("int", 1), FLOAT], UnionOf((LiteralOf("int", 1), FLOAT))),
        ([LiteralOf("int", 1), LiteralOf("bool", True)], UnionOf((LiteralOf("int", 1), LiteralOf("bool", True)))),
        ([ListOf(INT), ListOf(STRING)], UnionOf((ListOf(INT), ListOf(STRING)))),
    ],
)
def test_a_union_is_flat_and_without_repetition(given: list[Type], expected: Type) -> None:
    assert types.union(given) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", "int"),
        ('"a"', "string"),
        ("1", "int"),
        ("true", "bool"),
        ("Side", "string"),
        ('"a" | 1 | null', "string | int | null"),
        ("true | bool", "bool"),
        ('[ "a" ]', '["a"]'),  # what is inside stays
    ],
)
def test_a_type_is_widened_to_the_primitives_of_its_literals(text: str, expected: str) -> None:
    assert types.show(types.widen(parse_type(text))) == expected


@pytest.mark.parametrize(
    ("text", "gone", "expected"),
    [
        ("int?", "null", "int"),
        ("int?", "int", "null"),
        ("int | string | null", "null", "int | string"),
        ("int", "null", "int"),
        ("null", "null", "never"),
        ("Side", '"left"', '"right"'),
        ("any", "null", "any"),
    ],
)
def test_an_alternative_is_taken_away(text: str, gone: str, expected: str) -> None:
    assert types.show(types.without(parse_type(text), parse_type(gone))) == expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("any", "a", "any"),
        ("Point", "x", "int"),
        ("Point", "y", "float"),
        ("Point", "note", "string?"),
        ("Point", "z", None),
        ("{ a: int, ... }", "a", "int"),
        ("{ a: int, ... }", "b", "any"),
        ("map[int]", "a", "int?"),
        ("map[int?]", "a", "int?"),
        ("[int]", "a", None),
        ("int", "a", None),
        ('"a"', "a", None),
        ("Tree", "below", "[Tree]"),
        ("{ a: int } | { a: string }", "a", "int | string"),
        ("{ a: int } | { b: string }", "a", None),
        ("{ a: int } | map[string]", "a", "int | string | null"),
        ("{ a: int }?", "a", None),
    ],
)
def test_a_field_has_its_type_or_none(text: str, name: str, expected: str | None) -> None:
    found = types.field_type(parse_type(text), name)
    assert (None if found is None else types.show(found)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[int]", "int"),
        ("[int?]", "int?"),
        ("any", "any"),
        ("[int] | [string]", "int | string"),
        ("[int] | any", "any"),
        ("[int]?", None),
        ("string", None),
        ("map[int]", None),
        ("Point", None),
    ],
)
def test_the_items_of_a_list_have_their_type(text: str, expected: str | None) -> None:
    found = types.item_type(parse_type(text))
    assert (None if found is None else types.show(found)) == expected


def test_an_empty_list_has_items_of_no_type() -> None:
    assert types.item_type(ListOf(NEVER)) == NEVER
    assert types.item_type(UnionOf((ListOf(NEVER), ListOf(INT)))) == INT


SHOWN = [
    ("int", "int"),
    ('"a"', '"a"'),
    ("1", "1"),
    ("true", "true"),
    ("[int]", "[int]"),
    ("[int?]", "[int?]"),
    ("map[[int]]", "map[[int]]"),
    ("int?", "int?"),
    ("int | null", "int?"),
    ("null | int", "int?"),
    ("int | string | null", "int | string | null"),
    ("Side", "Side"),
    ("{ a: int, b?: string, c: float = 1, ... }", "{ a: int, b?: string, c: float, ... }"),
    ("{ ... }", "{ ... }"),
    ("[Tree]", "[Tree]"),
]


@pytest.mark.parametrize(("text", "expected"), SHOWN)
def test_a_type_is_shown_as_the_language_writes_it(text: str, expected: str) -> None:
    found = parse_type(f"[{text}]")
    assert isinstance(found, ListOf) and types.show(found.item) == expected


def test_names_that_lead_nowhere_are_any() -> None:
    table: dict[str, Type] = {}
    assert types.expand(Ref("gone", "Gone", table)) == ANY
    table["self"] = Ref("self", "Self", table)
    assert types.expand(table["self"]) == ANY


# ---- schemas -------------------------------------------------------------------------------------------------

SCHEMAS: list[tuple[str, dict[str, Any], list[Any], list[Any]]] = [
    ("any", {}, [None, 1, {"a": [1]}], []),
    ("null", {"type": "null"}, [None], [0, ""]),
    ("int", {"type": "integer"}, [1, -3], ["1", 1.5, None]),
    ("float", {"type": "number"}, [1, 1.5], ["1"]),
    ("bool", {"type": "boolean"}, [True], [1, "true"]),
    ('"a"', {"const": "a"}, ["a"], ["b", None]),
    ("[int]", {"type": "array", "items": {"type": "integer"}}, [[], [1]], [["a"], {}]),
    ("map[int]", {"type": "object", "additionalProperties": {"type": "integer"}}, [{}, {"a": 1}], [{"a": "b"}, []]),
    ("int?", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, [1, None], ["a"]),
    (
        "{ a: int, b?: string, c: float = 1.5 }",
        {
            "type": "object",
            "properties": {
                "a": {"type": "integer"},
                "b": {"type": "string"},
                "c": {"type": "number", "default": 1.5},
            },
            "required": ["a"],
            "additionalProperties": False,
        },
        [{"a": 1}, {"a": 1, "b": "x", "c": 2}],
        [{}, {"a": 1, "b": None}, {"a": 1, "d": 1}, []],
    ),
    (
        "{ a?: int, ... }",
        {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True},
        [{}, {"b": 1}],
        [{"a": "x"}],
    ),
]


@pytest.mark.parametrize(("text", "schema", "right", "wrong"), SCHEMAS, ids=[s[0] for s in SCHEMAS])
def test_the_schema_of_a_type_takes_its_values_and_no_others(
    text: str, schema: dict[str, Any], right: list[Any], wrong: list[Any]
) -> None:
    found = types.json_schema(parse_type(text))
    assert found == schema
    validator = jsonschema.Draft202012Validator(found)
    assert [v for v in right if not validator.is_valid(v)] == []
    assert [v for v in wrong if validator.is_valid(v)] == []


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("duration", ["1m30s", "-5ms", "0s", "1.5h"], ["soon", "5", "5x", ""]),
        ("{ at: time }", [{"at": "2026-01-01T00:00:00Z"}], [{"at": 5}]),
    ],
)
def test_texts_stand_for_durations_and_times_in_schemas(text: str, right: list[Any], wrong: list[Any]) -> None:
    validator = jsonschema.Draft202012Validator(types.json_schema(parse_type(text)))
    assert [v for v in right if not validator.is_valid(v)] == []
    assert [v for v in wrong if validator.is_valid(v)] == []


def test_a_recursive_type_has_a_definition_of_its_own() -> None:
    schema = types.json_schema(ListOf(Ref("t", "Tree", {"t": parse_type("Tree")})))
    validator = jsonschema.Draft202012Validator(schema)
    assert list(schema["$defs"]) == ["Tree"]  # type: ignore[call-overload]
    assert validator.is_valid([{"value": 1, "below": [{"value": 2, "below": []}]}])
    assert not validator.is_valid([{"value": 1, "below": [{"value": "2", "below": []}]}])


# ---- JSON ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", "int"),
        ('"a"', ["literal", "string", "a"]),
        ("true", ["literal", "bool", True]),
        ("[int]", ["list", "int"]),
        ("map[string]", ["map", "string"]),
        ("int?", ["union", "int", "null"]),
        (
            "{ a: int, b?: string, c: float = 1, ... }",
            ["record", [["a", "int", False, None], ["b", "string", True, None], ["c", "float", True, "1"]], True],
        ),
    ],
)
def test_a_type_goes_to_json_and_comes_back(text: str, expected: object) -> None:
    found = parse_type(text)
    assert types.to_json(found) == expected
    assert types.from_json(expected, {}) == found


def test_named_types_go_to_json_once_and_come_back_as_a_table() -> None:
    named: dict[str, object] = {}
    tree = Ref("k", "Tree", {})
    tree.table["k"] = RecordOf((FieldOf("below", ListOf(tree)),))
    assert types.to_json(MapOf(tree), named) == ["map", ["ref", "k", "Tree"]]
    assert named == {"k": ["record", [["below", ["list", ["ref", "k", "Tree"]], False, None]], False]}
    table = types.table_from_json(named)
    assert types.fit(Ref("k", "Tree", table), tree) == EXACT


@pytest.mark.parametrize("data", [5, [], ["record"], ["mystery", 1], {"list": "int"}, ["literal", 1, 1]])
def test_what_is_no_type_is_refused(data: object) -> None:
    with pytest.raises(ValueError):
        types.from_json(data, {})


def test_a_bool_is_told_apart_from_a_number_in_literals() -> None:
    one, true = LiteralOf("int", 1), LiteralOf("bool", True)
    assert one != true and types.union([one, true]) == UnionOf((one, true))
    assert types.widen(UnionOf((one, true))) == UnionOf((INT, BOOL))
