"""The coglets that declarations expand to: which there are, their kinds, and names that no user can write."""

from __future__ import annotations

import pytest

from cogc.names.world import World
from support.worlds import expanded

HEAD = 'model m = anthropic "x"\nagent a { model: m }\nagent b { model: m }\n'


def made(world: World) -> dict[str, str]:
    """Return the kind of each coglet that an expansion has made, by its name for people, agents left out."""
    return {s.name: s.declared for s in world.shapes.values() if s.expanded and s.declared != "agent"}


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("", {}),
        ("coglet Main { }\nmixin M { }", {}),
        ("dod d { tests: on }", {"d": "dod"}),
        ("queue q: int = memory", {"q": "queue"}),
        ("team t { lead: a, workers: [b] }", {"t": "team"}),
        ('plan p { goal: "x"\nstep one by a: "x" }', {"p": "plan", "p one": "step"}),
    ],
)
def test_each_declaration_makes_its_coglets(text: str, shapes: dict[str, str]) -> None:
    assert made(expanded(HEAD + text)) == shapes


def test_an_agent_is_a_coglet_and_a_program() -> None:
    world = expanded(HEAD)
    agents = {s.name for s in world.shapes.values() if s.declared == "agent"}
    assert agents == {"a", "b"}
    assert set(world.agent_programs) == {id(d.node) for d in world.roots[0].declared.values() if d.kind == "agent"}


def test_coglets_without_a_declaration_are_hidden() -> None:
    world = expanded(HEAD + 'plan p { goal: "x"\nstep one by a: "x" }')
    unit = world.roots[0]
    assert list(unit.hidden) == ["p one"]  # a blank is in no name of a user
    assert not set(unit.hidden) & set(unit.declared)


def test_the_places_of_a_made_coglet_are_in_the_users_file() -> None:
    world = expanded(HEAD + "team t { lead: a, workers: [b] }")
    text = world.roots[0].source.text
    for shape in world.shapes.values():
        if shape.expanded and shape.unit is world.roots[0]:
            places = [(shape.node.start, shape.node.end), *((m.start, m.end) for m in shape.node.members)]
            assert all(0 <= start <= end <= len(text) for start, end in places)


def test_an_exported_program_has_a_coglet_for_its_calls_and_a_file_without_coglets_a_root() -> None:
    text = "export program f(a: int) -> int = expr a\nexport agent c { model: m }\n"
    world = expanded(HEAD + text)
    assert made(world) == {"f": "export", "Service": "export"}
    assert made(expanded(HEAD + text + "coglet Main { }")) == {"f": "export"}
    assert set(world.roots[0].hidden) & set(world.roots[0].declared) == set()
