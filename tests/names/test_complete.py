"""The members that a coglet gets, its mixins' among them, and the one report for a member that has no place."""

from __future__ import annotations

import pytest

from cogc.language import types
from cogc.names.world import Shape
from support.worlds import completed


def shape(text: str) -> tuple[Shape, list[str]]:
    world, slugs = completed(text)
    return world.shapes["Main"], slugs


@pytest.mark.parametrize(
    ("members", "table", "names"),
    [
        ("listen a: int\nlisten b: int", "listens", ["a", "b"]),
        ("transmit a: int", "transmits", ["a"]),
        ("state n: int = 0", "states", ["n"]),
        ("enact go() { }", "enacts", ["go"]),
        ("create c = Other", "children", ["c"]),
        ("program p() = expr 1", "programs", ["p"]),
        ("const K = 1", "consts", ["K"]),
    ],
)
def test_each_member_is_in_its_table(members: str, table: str, names: list[str]) -> None:
    found, slugs = shape(f"coglet Other {{ }}\ncoglet Main {{ {members} }}")
    assert sorted(getattr(found, table)) == names
    assert sum(len(t) for _, t in found.own()) == len(names)
    assert slugs == []


MIXINS = """
mixin A(size: int = 1) { transmit out: int; state kept: int = 0 }
mixin B with A { listen asked: int }
mixin Both with A { enact go() { } }
"""


@pytest.mark.parametrize(
    ("head", "mixins", "members"),
    [
        ("with A", ["A"], ["out", "kept"]),
        ("with B", ["A", "B"], ["asked", "out", "kept"]),  # in the order of the tables
        ("with A, B", ["A", "B"], ["asked", "out", "kept"]),
        ("with A, A", ["A"], ["out", "kept"]),
        ("with B, Both", ["A", "B", "Both"], ["asked", "out", "go", "kept"]),
    ],
)
def test_a_mixin_counts_once_whichever_ways_lead_to_it(head: str, mixins: list[str], members: list[str]) -> None:
    found, slugs = shape(f"{MIXINS}\ncoglet Main {head} {{ }}")
    assert [m.shape.name for m in found.mixins] == mixins
    assert [name for _, table in found.own() for name in table] == members
    assert slugs == []


def test_a_name_that_stands_twice_is_known_as_both() -> None:
    found, slugs = shape("coglet Other { transmit x: int }\ncoglet Main { transmit a: int; create a = Other }")
    assert slugs == ["duplicate-name"]
    assert "a" in found.children and "a" in found.transmits


def test_a_member_keeps_the_shape_that_wrote_it() -> None:
    found, _ = shape(f"{MIXINS}\ncoglet Main with B {{ listen own: int }}")
    owners = {name: m.owner.name for name, m in {**found.listens, **found.transmits}.items()}
    assert owners == {"own": "Main", "asked": "B", "out": "A"}


@pytest.mark.parametrize(
    ("body", "mixins"),
    [
        ("on start { log info 1 }", ["LogLet"]),
        ("every 2 ticks { }", ["TickLet"]),
        ("on start { log info 1 }; every 2 ticks { }", ["LogLet", "TickLet"]),
        ("every 2s { }", []),
    ],
)
def test_words_that_need_a_mixin_bring_it(body: str, mixins: list[str]) -> None:
    found, slugs = shape(f"coglet Main {{ {body} }}")
    assert [m.shape.name for m in found.mixins] == mixins
    assert slugs == []


_LOGS = "mixin A(n: int) { on start { log info n } }\n"
_GREETS = "mixin A(n: int) { transmit a: int; on start { a <- n } }\nmixin B with A(2) { }\n"


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ("coglet Main { listen a: int; transmit a: int }", []),  # one is read, the other is sent on
        ("coglet Main { listen a: int; listen a: int }", ["duplicate-name"]),
        ("coglet Main { listen a: int; state a: int = 0 }", ["duplicate-name"]),
        ("coglet Main(a: int) { state a: int = 0 }", ["duplicate-name"]),
        ("coglet Main(a: int, a: int) { }", ["duplicate-name"]),
        ("coglet Main { supervise one_for_all; supervise one_for_all }", ["duplicate-name"]),
        ("mixin M { state a: int = 0 }\ncoglet Main with M { state a: int = 0 }", ["mixin-clash"]),
        ("mixin M { state a: int = 0 }\nmixin N { state a: int = 0 }\ncoglet Main with M, N { }", ["mixin-clash"]),
        (f"{_GREETS}coglet Main with B, A(1) {{ }}", ["mixin-clash"]),
        (f"{_GREETS}coglet Main with A(1), B {{ }}", ["mixin-clash"]),
        (f"{_GREETS}coglet Main with A(2), B {{ }}", []),
        (f"{_LOGS}coglet Main with A(1), A(2) {{ }}", ["mixin-clash"]),
        (f"{_LOGS}coglet Main with A(1), A(1) {{ }}", []),
        (f'{_LOGS}coglet Main with LogLet(level: "warn"), A(1) {{ }}', []),
        (f"{_LOGS}const N = 1\nmixin B with A(N) {{ }}\nmixin C with A(N) {{ }}\ncoglet Main with B, C {{ }}", []),
        (f"{_LOGS}mixin B(n: int) with A(n) {{ }}\ncoglet Main(n: int) with A(n), B(2) {{ }}", ["mixin-clash"]),
        ("mixin M with M { }\ncoglet Main with M { }", ["mixin-cycle"]),
        ("mixin M with N { }\nmixin N with M { }\ncoglet Main { }", ["mixin-cycle"]),
        ("coglet Main with Nothing { }", ["unknown-mixin"]),
        ("coglet C { }\ncoglet Main with C { }", ["wrong-kind"]),
        ("coglet Main { create c = Nothing }", ["unknown-coglet"]),
        ("mixin M { }\ncoglet Main { create c = M }", ["wrong-kind"]),
        ("coglet Main { listen start: int }", ["reserved-channel"]),
        ("coglet Main { transmit start: int }", []),
        ("coglet Main { enact go() }", ["no-body"]),
        ("coglet Main { listen a: Nothing }", ["unknown-type"]),
    ],
)
def test_a_member_without_a_place_is_reported_once(text: str, slugs: list[str]) -> None:
    assert shape(text)[1] == slugs


def test_members_have_types_and_children_have_targets() -> None:
    found, _ = shape("coglet Other { }\ncoglet Main { listen a: int; state s: [string] = []; create c = Other * 2 }")
    assert found.listens["a"].type == types.INT
    assert found.states["s"].type == types.ListOf(types.STRING)
    child = found.children["c"]
    assert child.target is not None and child.target.name == "Other"
    assert found.is_pool(child)
