"""Declarations beside coglets: plans, teams, definitions of done, setts and queues, and the one report for each mistake."""

from __future__ import annotations

import pytest

from support.specs import places

HEAD = """
model m = scripted "m.yml"
program p(n: int) -> int = expr n
agent a { model: m }
agent b { model: m }
dod Fine { tests: on }
"""


def reported(text: str) -> list[tuple[str, str]]:
    return places(HEAD + text, warnings=False)


GOOD = [
    'plan P { goal: "x"\n step one by a: "do {{ goal }}"\n step two by b after one when one != "" { dod: Fine, retry: 1 }: "then {{ one }}" }',
    'plan P(n: int) { goal: "x {{ n }}"\n step one: p(n)\n step two after one: one + 1 }',
    'plan P { goal: "x"\n planner: a\n agents: [a, b]\n max_steps: 3 }',
    "team t { lead: a, workers: [b * 2], mode: delegate, max_workers: 2 }",
    'dod D(n: int = 1) { tests: on, size: p(n) < 3, cmd: shell ["true"] { ok: [0, 1] }, look: judge m "It is good." >= 0.5, fix: a, max_loops: 2 }',
    "dod D = Fine { linters: on }",
    'sett S { agent W { bid: exclusive when artefact.type == "GoalDefined", command: ["./w"] } }',
    "sett S { agent W { bid: exclusive, run: a, produces: [] } }",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_declaration_that_is_right(text: str) -> None:
    assert reported(text) == []


BAD = [
    # plans
    ('plan P { goal: 5\n step one by a: "x" }', [("wrong-type", "5")]),
    ('plan P { goal: "x"\n step one by c: "x" }', [("unknown-name", "c")]),
    ('plan P { goal: "x"\n step one by p: "x" }', [("wrong-kind", "p")]),
    ('plan P { goal: "x"\n step one by a after two: "x" }', [("unknown-name", "two")]),
    ('plan P { goal: "x"\n step one by a when 1: "x" }', [("no-condition", "1")]),
    ('plan P { goal: "x"\n step one by a: "{{ q }}" }', [("unknown-variable", "q")]),
    ('plan P { goal: "x"\n step one by a { retry: 0 - 1 }: "x" }', [("out-of-range", "0 - 1")]),
    ('plan P { goal: "x"\n step one by a { dod: a }: "x" }', [("wrong-kind", "a")]),
    ('plan P { goal: "x"\n approve: nobody\n step one by a: "x" }', [("bad-word", "nobody")]),
    # teams
    ("team t { workers: [b] }", [("missing-attribute", "t")]),
    ("team t { lead: a }", [("missing-attribute", "t")]),
    ("team t { lead: m, workers: [b] }", [("wrong-kind", "m")]),
    ("team t { lead: a, workers: [b], mode: rule }", [("bad-word", "rule")]),
    # definitions of done
    ("dod D { tets: on }", [("unknown-criterion", "tets")]),
    ("dod D { size: p(1) }", [("wrong-type", "p(1)")]),
    ("dod D { size: q(1) < 2 }", [("unknown-name", "q")]),
    ("dod D { tests: on, fix: m }", [("wrong-kind", "m")]),
    ("dod D { tests: on, max_loops: 0 }", [("out-of-range", "0")]),
    ("dod D = Nothing { tests: on }", [("unknown-name", "Nothing")]),
    ('dod D { look: judge q "It is good." >= 0.5 }', [("unknown-name", "q")]),
    ('dod D { look: judge p "It is good." >= 0.5 }', [("wrong-kind", "p")]),
    # setts and queues
    ("sett S { agent W { bid: perhaps, command: [\"./w\"] } }", [("bad-word", "perhaps")]),
    ("sett S { agent W { bid: exclusive when artefact, command: [\"./w\"] } }", [("no-condition", "artefact")]),
    ("sett S { agent W { bid: exclusive when 1, command: [\"./w\"] } }", [("no-condition", "1")]),
    ("sett S { agent W { bid: exclusive, run: m } }", [("wrong-kind", "m")]),
    ("queue q: Nothing = memory", [("unknown-type", "Nothing")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_a_declaration_that_is_wrong_is_reported_once(text: str, expected: list[tuple[str, str]]) -> None:
    assert reported(text) == expected
