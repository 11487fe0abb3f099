"""An edit of the parser is called safe only where the declaration can be read with it."""

from __future__ import annotations

import pytest

from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.diagnostics.source import Source
from cogc.syntax import parse_cog


def reported(text: str) -> list[Diagnostic]:
    """Return the reports of a text."""
    problems = Problems()
    parse_cog.parse(Source("a.cog", text), problems)
    return problems.found


def certain(text: str) -> list[str]:
    """Return the replacements of the safe edits of a text."""
    return [e.replacement for d in reported(text) for e in d.edits if e.applicability == "safe"]


@pytest.mark.parametrize(
    "text",
    [
        "coglet A { listen x x: int }",
        'agent A { model: m, system"s" : }',
        'type T = "a" | | "b"',
        'test test "t" { use A }',
        "coglet A { transmit x: int\n  on start { x <- [1, 2][v v] } }",
        "coglet A { on on start { log info 1 } }",
        "coglet A { on start start { log info 1 } }",
        "coglet A { on start { log info } }",
        "model m = scripted\n",
        'sett S { agent A { bid: claim when artefact.type "Goal" } }',
        "dod = minimal { max_loops: 5 }",
        "test \"t\" { expect contains(reply[].text, \"a\") }",
        "const A = {\n  a: len(x\n  b: 2\n}",
    ],
)  # fmt: skip
def test_an_edit_that_leaves_the_mistake_is_not_safe(text: str) -> None:
    found = reported(text)
    assert len(found) == 1
    assert certain(text) == []


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        ("type T = { state int, on bool }", ["state:"]),
        ('agent A { model: m, system "s" }', ["system:"]),
        ("coglet A { on start { log f() } }", ["log info"]),
        ('plan P { goal: "g"\n  facts by A: "x" }', ["step facts"]),
        ("coglet A { listen x: int\n  on x v { log info v } }", ["as v"]),
    ],
)
def test_an_edit_that_mends_a_declaration_is_safe(text: str, edits: list[str]) -> None:
    assert certain(text) == edits


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("const A = {\n  a: len(x\n  b: 2\n}", "put `)` where it ends"),
        ('test "t" {\n  expect len(x == 0\n  expect len(y) == 1\n}', "put `)` where it ends"),
        ("coglet A { on start { log info } }", "a value is missing: `log info VALUE`"),
        ("const A = x[] + 1", "an index stands between the brackets: `x[0]`"),
        ("dod = minimal { max_loops: 5 }", "a name is missing: `dod NAME = ...`"),
        ("coglet A { listen x x: int }", "expected `:`"),
    ],
)
def test_the_help_says_what_is_missing(text: str, help: str) -> None:
    assert [d.help for d in reported(text)] == [help]
