"""The types of expressions, and the one report that a mistake in them gives."""

from __future__ import annotations

import pytest

from support.typed import type_of


@pytest.mark.parametrize(
    ("expression", "given", "expected"),
    [
        # literals keep their value in their type
        ("1", "any", "1"),
        ('"a"', "any", '"a"'),
        ("1.5", "any", "1.5"),
        ("true", "any", "true"),
        ("null", "any", "null"),
        ("5s", "any", "duration"),
        ("[1, 2.5]", "any", "[1 | 2.5]"),
        ("[]", "any", "[never]"),
        ('{ a: 1, b: "x" }', "any", '{ a: 1, b: "x" }'),
        ("{ ...v, a: 1 }", "{ a: string, b: int }", "{ a: 1, b: int }"),
        ("{ [v]: 1 }", "string", "map[int]"),
        ('{ ...v, ["a"]: 1 }', "any", "map[any]"),  # the fields that are not known may have any type
        ('"{{ v }}"', "int", "string"),
        # lookups
        ("v.x", "Point", "int"),
        ("v.y", "Point", "float"),
        ("v.note", "Point", "string?"),
        ("v.kind", "Shape", '"circle" | "square"'),
        ("v.a", "map[int]", "int?"),
        ("v.a.b", "any", "any"),
        ("v[0]", "[int]", "int"),
        ("v[0]", "string", "string"),
        ("v[1:]", "[int]", "[int]"),
        ("v[:2]", "string", "string"),
        # operators
        ("v + 1", "int", "int"),
        ("v + 1.5", "int", "float"),
        ("v / 2", "int", "float"),
        ("v // 2", "int", "int"),
        ("v % 2", "int", "int"),
        ("v + v", "string", "string"),
        ("v + v", "[int]", "[int]"),
        ("v - v", "time", "duration"),
        ("v + 5s", "time", "time"),
        ("5s * v", "int", "duration"),
        ("v * 5s", "float", "duration"),
        ("v / 5s", "duration", "float"),
        ("v + 1", "any", "any"),
        ("-v", "duration", "duration"),
        ("v == 1", "int", "bool"),
        ("v < 2.5", "int", "bool"),
        ("v in [1]", "int", "bool"),
        ("1 in v", "any", "bool"),
        ("v not in v", "any", "bool"),
        ('"a" in v', "map[int]", "bool"),
        ("v and true", "bool", "bool"),
        ("v is Point", "any", "bool"),
        # choices
        ("v ?? 1", "int?", "int"),
        ("v ?? 1", "int", "int"),
        ('v ?? "x"', "int?", 'int | "x"'),
        ('1 if v else "a"', "bool", '1 | "a"'),
        ("try ask(v) else null", "string", "string?"),
        ("try ask(v) else 1", "string", "string | 1"),
        # comprehensions
        ("[x * 2 for x in v]", "[int]", "[int]"),
        ("[x for x in v if x != null]", "[int?]", "[int]"),
        ("[a for [a, b] in v]", "[any]", "[any]"),
        ("{ [k]: 1 for k in v }", "[string]", "map[int]"),
        # names
        ("LIMIT", "any", "int"),
        ("maybe", "any", "int?"),
        ("colour", "any", '"red" | "blue"'),
        ("ask(v)", "string", "string"),
        ("twice(2)", "any", "int"),
        ("self.index", "any", "int"),
    ],
)
def test_an_expression_has_its_type(expression: str, given: str, expected: str) -> None:
    assert type_of(expression, given) == (expected, [])


@pytest.mark.parametrize(
    ("expression", "given", "slug"),
    [
        ("v.zz", "Point", "unknown-field"),
        ("v.x", "Point?", "nullable"),
        ("v.r", "Shape", "unknown-field"),
        ("v[0]", "int", "bad-index"),
        ("v + 1", "string", "bad-operands"),
        ("-v", "string", "wrong-type"),
        ("v == 1", "string", "never-equal"),
        ('v < "a"', "int", "bad-operands"),
        ("v < null", "int", "bad-operands"),
        ("v in 3", "int", "bad-operands"),
        ("v and 1", "bool", "no-condition"),
        ("not v", "int", "no-condition"),
        ("1 if v else 2", "int", "no-condition"),
        ("[x for x in v]", "int", "not-iterable"),
        ("ask(v)", "int", "wrong-type"),
        ("ask()", "any", "missing-argument"),
        ("zz", "any", "unknown-name"),
        ("zz(1)", "any", "unknown-name"),
        ("zz + 1", "any", "unknown-name"),
        ("zz.a[0] + len(zz.b)", "any", "unknown-name"),
        ("len", "any", "wrong-kind"),
        ("ask", "any", "wrong-kind"),
        ("v()", "any", "not-callable"),
        ("v[1:]", "[int]?", "nullable"),
        ("v[:1]", "string?", "nullable"),
        ("v[:1]", "int", "bad-index"),
    ],
)
def test_a_mistake_is_reported_once_for_each_cause(expression: str, given: str, slug: str) -> None:
    assert set(type_of(expression, given)[1]) == {slug}


def test_a_chain_of_calls_is_one_mistake() -> None:
    assert type_of("v" + ".zz()" * 25, "any")[1] == ["not-callable"]


@pytest.mark.parametrize("expression", ["v.zz + 1", "len(v.zz)", "[v.zz][0].a", '"x" if v.zz else v.zz.y', "-v.zz"])
def test_what_is_wrong_reads_as_any_from_there_on(expression: str) -> None:
    assert set(type_of(expression, "Point")[1]) == {"unknown-field"}
