"""A token too many, and two that have changed places: the report says which, and its edit gives the text that was meant."""

from __future__ import annotations

import pytest

from cogc.diagnostics.edits import apply
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.diagnostics.source import Source
from cogc.syntax import nodes, parse_cog


def read(text: str) -> tuple[nodes.File, list[Diagnostic]]:
    """Return the tree of a text, and its reports."""
    problems = Problems()
    return parse_cog.parse(Source("a.cog", text), problems), problems.found


@pytest.mark.parametrize(
    ("wrong", "right", "help"),
    [
        ("listen x: int\n  } transmit y: int", "listen x: int\n   transmit y: int", "this `}` is one too many: remove it"),
        (
            "listen x: transmit\n  int y: int",
            "listen x: int\n  transmit y: int",
            "`transmit` and `int` have changed places: write `int` first",
        ),
        (
            "on start log { info 1 }",
            "on start { log info 1 }",
            "`log` and `{` have changed places: write `{` first",
        ),
    ],
)  # fmt: skip
def test_the_edit_gives_the_text_that_was_meant(wrong: str, right: str, help: str) -> None:
    texts = [f"coglet Main {{\n  {body}\n}}\ntype T = int\n" for body in (wrong, right)]
    tree, found = read(texts[0])
    assert [d.help for d in found] == [help]
    assert {e.applicability for e in found[0].edits} == {"unsafe"}
    assert apply(texts[0], found[0].edits) == texts[1]
    meant, none = read(texts[1])
    assert none == [] and len(tree.declarations) == len(meant.declarations) == 2
    assert len(list(nodes.walk(tree))) == len(list(nodes.walk(meant)))


def test_two_mistakes_of_one_declaration_are_two_reports() -> None:
    _, found = read("coglet Main {\n  listen x: } int\n  on x as v { log info } 1 }\n}\n")
    assert len(found) > 1


def test_a_long_declaration_is_not_tried_again_and_again() -> None:
    body = "\n".join(f"  on start {{ log info {i} }}" for i in range(2_000))
    _, found = read(f"coglet Main {{\n{body}\n  on }} start {{ log info 1 }}\n}}\n")
    assert found
