"""What conditions tell about types: inside the branch, after it, and no longer than it holds."""

from __future__ import annotations

import pytest

from support.typed import types_sent

COLOURS = '"a" | "b" | "c"'


@pytest.mark.parametrize(
    ("body", "given", "expected"),
    [
        ("if v != null { out <- v } else { out <- v }", "int?", ["int", "null"]),
        ("if v == null { out <- v } else { out <- v }", "int?", ["null", "int"]),
        ("if null != v { out <- v }", "int?", ["int"]),
        ("if not (v == null) { out <- v } else { out <- v }", "int?", ["int", "null"]),
        ('if v == "a" { out <- v } else { out <- v }', COLOURS, ['"a"', '"b" | "c"']),
        ('if v in ["a", "b"] { out <- v } else { out <- v }', COLOURS, ['"a" | "b"', '"c"']),
        ('if v not in ["a", "b"] { out <- v } else { out <- v }', COLOURS, ['"c"', '"a" | "b"']),
        ("if v { out <- v } else { out <- v }", "bool", ["true", "false"]),
        ("if v is int { out <- v } else { out <- v }", "int | string", ["int", "string"]),
        ("if v is int { out <- v } else { out <- v }", "any", ["int", "any"]),
        ("if v != null and v > 1 { out <- v } else { out <- v }", "int?", ["int", "int?"]),
        ("if v == null or v > 1 { out <- v } else { out <- v }", "int?", ["int?", "int"]),
        ("if v.note != null { out <- v.note }", "Point", ["string"]),
        ("for x in v { if x != null { out <- x } }", "[int?]", ["int"]),
        ("if maybe != null { out <- maybe }", "any", ["int"]),
    ],
)
def test_a_branch_knows_its_condition(body: str, given: str, expected: list[str]) -> None:
    assert types_sent(body, given) == (expected, [])


def test_a_branch_that_fails_narrows_what_comes_after_it() -> None:
    assert types_sent('if v == null { fail "none" }\n out <- v', "int?") == (["int"], [])


def test_after_a_branch_the_type_is_the_declared_one_again() -> None:
    assert types_sent("if v != null { out <- v }\n out <- v", "int?") == (["int", "int?"], [])


def test_another_name_for_a_value_narrows_alone() -> None:
    assert types_sent("let w = v\n if w != null { out <- w }\n out <- v", "int?") == (["int", "int?"], [])


def test_a_state_is_forgotten_when_the_reaction_waits() -> None:
    body = 'if maybe != null { out <- maybe\n out <- ask("x")\n out <- maybe }'
    assert types_sent(body) == (["int", "string", "int?"], [])


def test_an_index_is_no_path_that_narrows() -> None:
    assert types_sent("if v[0] != null { out <- v[0] }", "[int?]") == (["int?"], [])


@pytest.mark.parametrize(
    ("expression", "slugs"),
    [
        ("v + 1 if v != null else 0", []),
        ("v == null or v > 1", []),
        ("v != null and v > 1", []),
        ("v > 1 and v != null", ["nullable"]),
        ("v == null and v > 1", ["bad-operands"]),
        ("v != null or v > 1", ["bad-operands"]),
    ],
)
def test_the_right_hand_side_knows_the_left(expression: str, slugs: list[str]) -> None:
    assert types_sent(f"out <- {expression}", "int?")[1] == slugs
