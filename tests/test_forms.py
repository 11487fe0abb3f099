"""Forms: what the compiler makes of them is fresh, and no name of theirs meets a name of the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogc.desugar import forms
from cogc.syntax import nodes
from grammar import make_forms


@pytest.mark.parametrize("name", make_forms.NAMES)
def test_what_was_made_of_a_form_is_fresh(name: str) -> None:
    made = Path(str(forms.__file__)).parent / f"{name}.py"
    assert made.read_text() == make_forms.make(name), "run `make schemas`"


def test_every_form_is_made() -> None:
    assert sorted(p.stem for p in (make_forms.folder("stdlib") / "forms").glob("*.cog")) == sorted(make_forms.NAMES)


def bindings(tree: nodes.Node) -> list[str]:
    """The names that a form binds for itself: all but its ports, its children and the parameters of programs."""
    found: list[str] = []
    for node in nodes.walk(tree):
        match node:
            case nodes.State(name=name) | nodes.Handler(name=name):
                found.append(name.id)
            case nodes.Let(pattern=nodes.Name(id=id)) | nodes.For(pattern=nodes.Name(id=id)):
                found.append(id)
            case nodes.Generator(pattern=nodes.Name(id=id)) | nodes.On(pattern=nodes.Name(id=id)):
                found.append(id)
            case nodes.Try(name=nodes.Name(id=id)):
                found.append(id)
    return found


def test_a_form_binds_only_names_of_its_own() -> None:
    # a step sees the plan's goal by that name: specs/plans.md
    plain = {n: [b for b in bindings(make_forms.read(n)) if b[0] != "$" and b[-1] != "_"] for n in make_forms.NAMES}
    assert plain == {"agent": [], "dod": [], "plan": ["goal"], "queue": [], "team": []}


def test_a_template_of_a_form_sees_only_the_parameters_of_its_program() -> None:
    for name in make_forms.NAMES:
        tree = make_forms.read(name)
        texts = {id(n) for n in nodes.walk(tree) if isinstance(n, nodes.Text) and n.template}
        inside = [n for p in nodes.walk(tree) if isinstance(p, nodes.Program) for n in nodes.walk(p)]
        assert texts <= {id(n) for n in inside}
