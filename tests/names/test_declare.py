"""The names that a file declares and imports, and the one report for a name that cannot be declared."""

from __future__ import annotations

import pytest

from cogc.language import types
from support.worlds import declared


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", {}),
        ("const A = 1", {"A": "const"}),
        ("type T = int", {"T": "type"}),
        ('model m = anthropic "x"', {"m": "model"}),
        ('mcp s = stdio ["x"]', {"s": "mcp"}),
        ("program p() = expr 1", {"p": "program"}),
        ("coglet C { }\nmixin M { }", {"C": "coglet", "M": "mixin"}),
        ("agent a { }\nteam t { }\ndod d { }", {"a": "agent", "t": "team", "d": "dod"}),
        ("plan p { }\nqueue q: int = memory", {"p": "plan", "q": "queue"}),
        ('test "x" { }', {}),  # a test has a text, and no name
    ],
)
def test_each_declaration_has_its_name_and_kind(text: str, kinds: dict[str, str]) -> None:
    world, slugs = declared(text)
    assert {name: d.kind for name, d in world.roots[0].declared.items()} == kinds
    assert slugs == []


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ("const A = 1\nconst A = 2", ["duplicate-name"]),
        ("const A = 1\ntype A = int\ncoglet A { }", ["duplicate-name", "duplicate-name"]),
        ("type string = int", ["shadowed-name"]),
        ("const string = 1", []),  # a const and a type are told apart by their places
        ("type T = T", ["recursive-type"]),
        ("type A = B\ntype B = A", ["recursive-type"]),
        ("type A = B | int\ntype B = A", ["recursive-type"]),
        ("type Tree = { left?: Tree, right?: Tree }", []),
        ("type Many = [Many]", []),
        ("type T = Nothing", ["unknown-type"]),
    ],
)
def test_a_name_that_cannot_be_declared_is_reported(text: str, slugs: list[str]) -> None:
    assert declared(text)[1] == slugs


def test_the_first_of_two_declarations_stays() -> None:
    world, _ = declared("const A = 1\ntype A = int")
    assert world.roots[0].declared["A"].kind == "const"


def test_a_recursive_type_is_any() -> None:
    world, _ = declared("type T = T")
    assert world.named_types["T"] == types.ANY


OTHER = "const A = 1\nconst _hidden = 2\ncoglet Main { }\ntype T = int"


@pytest.mark.parametrize(
    ("text", "imported", "aliases"),
    [
        ('import "other.cog"', ["A", "T"], []),
        ('import "other.cog" as o', [], ["o"]),
        ('import "other.cog"\nimport "other.cog"', ["A", "T"], []),
        ('import "other.cog"\nimport "other.cog" as o', ["A", "T"], ["o"]),
    ],
)
def test_an_import_brings_public_names_or_an_alias(text: str, imported: list[str], aliases: list[str]) -> None:
    world, slugs = declared(text, other=OTHER)
    assert (sorted(world.roots[0].imported), sorted(world.roots[0].aliases)) == (imported, aliases)
    assert slugs == []


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ('import "other.cog"\nconst A = 3', ["import-clash"]),
        ('import "other.cog"\nimport "third.cog"', ["import-clash"]),
        ('import "other.cog"\nimport "third.cog" as t', []),
        ('import "none.cog"', ["unreadable-file"]),
    ],
)
def test_names_of_imports_that_clash(text: str, slugs: list[str]) -> None:
    assert declared(text, other=OTHER, third="const A = 4")[1] == slugs


@pytest.mark.parametrize(
    ("name", "found"),
    [("A", "const"), ("o.T", "type"), ("o._hidden", None), ("o.Nothing", None), ("Nothing", None), ("Main", "coglet")],
)
def test_lookup_of_plain_and_qualified_names(name: str, found: str | None) -> None:
    world, _ = declared('import "other.cog"\nimport "other.cog" as o\ncoglet Main { }', other=OTHER)
    result = world.lookup(world.roots[0], name)
    assert (None if result is None else result.kind) == found
