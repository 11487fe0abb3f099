"""What a spec may cost: bounds that follow from it, and the edges at which there is none."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

import pytest

from cogc.cost import Bound, bounds
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from support.cli import cogc_here
from support.specs import build

HEAD = """
model m = anthropic "claude-opus-5-5"
model free = scripted "x.yml"
program ask(q: string) -> string = llm { model: m, prompt: "{{ q }}", max_tokens: 100, budget: { tokens: 2_000 } }
program pick(q: string) -> bool = llm { model: m, prompt: "{{ q }}", max_tokens: 100, budget: { tokens: 2_000 } }
program tool(q: string) -> string = llm { model: m, prompt: "{{ q }}", tools: [plain], budget: { tokens: 9_000, turns: 4 } }
program deep(q: string) -> string = llm { model: m, prompt: "{{ q }}", tools: [ask], budget: { usd: 0.5, turns: 4 } }
program wide(q: string) -> string = llm { model: m, prompt: "{{ q }}", max_tokens: 1000 }
program plain(q: string) -> string = expr q
coglet A { listen q: string
  transmit y: string
  on q as q { y <- ask(q) }
  enact go { log info ask("x") } }
"""


def cost(body: str) -> dict[str, Bound]:
    kernel = Kernel(Unit(build(HEAD + "coglet Main { listen q: string\n transmit out: string\n" + body + "\n}")))
    kernel.start({})
    return dict(bounds(kernel))


@pytest.mark.parametrize(
    ("body", "calls", "tokens"),
    [
        ("on q as x { out <- plain(x) }", 0, 0),
        ("on q as x { out <- ask(x) }", 1, 2000),
        ("on q as x { out <- ask(ask(x)) }", 2, 4000),
        ("on q as x { if pick(x) { out <- ask(x) } else { out <- ask(ask(x)) } }", 4, 6000),
        ("on q as x { out <- tool(x) }", 4, 9000),
        ("on q as x { out <- wide(x) }", 1, 1_001_000),
        ("on q as x { for y in [x, x, x] { out <- ask(y) } }", 3, 6000),
        ("on q as x { let l = parallel [ask(y) for y in [x, x]]\n out <- l[0] }", 2, 4000),
        ("create a = A\n link self.q -> a.q\n on a.y as y { out <- ask(y) }", 2, 4000),
        ("create a = A * 3\n link self.q -> a.q", 3, 6000),
        ("create a = A * 3 { map: round_robin }\n link self.q -> a.q", 1, 2000),
        ("create a = A * 3\n link self.q -> a.q\n on all(a.y) as l { out <- ask(l[0]) }", 4, 8000),
        ("create a = A * 2\n on q { guide a.go() }", 2, 4000),
        ("on q as x { out <- ask(x) } else as e { out <- ask(e.message) }", 2, 4000),
        ("create a = A\n on q as x { a.q <- x }\n on a.y as y { out <- y }", 1, 2000),
    ],
)
def test_what_a_message_may_cost(body: str, calls: int, tokens: int) -> None:
    found = cost(body)["a message on `q`"]
    assert (found.calls, found.tokens, found.why) == (calls, tokens, ())
    assert found.usd is not None and found.usd <= tokens * 20e-6


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("create a = A\n link self.q -> a.q\n link a.y -> a.q { feedback: true }", "its messages lead back to it"),
        ("on q as x { for y in split(x) { out <- ask(y) } }", "a loop over a list"),
        ("on q as x { out <- deep(x) }", "deep -> ask: a model may call it as often as it likes"),
    ],
)
def test_what_has_no_bound_is_named(body: str, why: str) -> None:
    found = cost(body)["a message on `q`"]
    assert found.calls == inf and any(why in w for w in found.why)


def test_a_budget_of_dollars_bounds_what_tools_cost_too() -> None:
    assert cost("on q as x { out <- deep(x) }")["a message on `q`"].usd == 0.5


def test_circles_without_a_model_cost_nothing() -> None:
    body = 'create b = B\n link self.q -> b.q\n link b.y -> b.q { feedback: true }\n on start { out <- ask("x") }'
    kernel = Kernel(Unit(build(HEAD + "coglet B { listen q: string\n transmit y: string\n on q as q { y <- q } }\ncoglet Main { listen q: string\n transmit out: string\n" + body + "\n}")))  # fmt: skip
    kernel.start({})
    rows = dict(bounds(kernel))
    assert rows["start"].calls == 1 and rows["a message on `q`"].calls == 0


def test_timers_have_rows_of_their_own() -> None:
    rows = cost('every 1m { out <- ask("x") }\n after 2s { out <- wide("x") }')
    assert rows["each `every 1m` of Main"].calls == 1 and rows["start"].calls == 1


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text("- reply: x\n")
    (tmp_path / "c.cog").write_text(
        HEAD + "coglet Main { listen q: string\n transmit out: string\n on q as x { out <- deep(x) } }"
    )
    said = cogc_here("cost", "c.cog", cwd=tmp_path).stdout
    assert "unbounded: Main.deep -> ask" in said and "$0.500000" in said
    rows = json.loads(cogc_here("cost", "c.cog", "--format", "json", cwd=tmp_path).stdout)
    assert rows[1]["calls"] is None and rows[1]["usd"] == 0.5
    assert cogc_here("cost", "c.cog", "--set", "x=1", cwd=tmp_path).returncode == 2
    assert cogc_here("cost", "nope.cog", cwd=tmp_path).returncode == 1
    bound = cogc_here("cost", "c.cog", "--model", "m=scripted:x.yml", cwd=tmp_path).stdout
    assert "$0.000000" in bound


def test_a_budget_bounds_a_plan_and_its_own_channels_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text(
        'model m = anthropic "claude-haiku-5-5"\nagent A { model: m }\n'
        'plan P { goal: "g", approve: system, budget: { usd: 0.5, tokens: 9_000, turns: 4 }\n step a by A: "x" }\n'
        'team T { lead: A, workers: [A] }\ndod D { a: shell ["true"], b: judge m "Is it?", fix: A, max_loops: 2 }\n'
    )
    done = cogc_here("cost", "s.cog", "--root", "P", "--format", "json", cwd=tmp_path)
    rows = {r["what"]: r for r in json.loads(done.stdout)}
    assert set(rows) == {"start", "a message on `goal`"}
    assert (rows["a message on `goal`"]["calls"], rows["a message on `goal`"]["tokens"]) == (4, 9000)
    shown = cogc_here("cost", "s.cog", "--root", "D", cwd=tmp_path).stdout
    assert "unbounded" not in shown and "a message on `verify`" in shown
    assert "unbounded: " in cogc_here("cost", "s.cog", "--root", "T", cwd=tmp_path).stdout
    (tmp_path / "q.cog").write_text(
        'model m = scripted "x.yml"\nagent A { model: m }\nplan P { goal: "g"\n step a by A: "x" }\n'
    )
    loops = cogc_here("cost", "q.cog", cwd=tmp_path).stdout
    assert "unbounded: P: its messages lead back to it\n" in loops and "\u00b7" not in loops
