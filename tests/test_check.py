"""The checker: independent mistakes give as many reports, one cause gives one, and narrowing is understood."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from cogc.cli import main
from cogc.compile import analyse
from cogc.diagnostics import render
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.kernel.models.roster import Choices, Roster
from cogc.language.attributes import SPAWN_TOOLS
from support.paths import ROOT
from support.specs import check_text, codes

SEEDED = (ROOT / "tests" / "golden" / "check" / "seeded.cog").read_text()


def test_seeded_mistakes_are_all_found_and_said_as_before(golden: object) -> None:
    golden("check/seeded.txt", render.text(check_text(SEEDED, "seeded.cog")[1]))  # type: ignore[operator]


def test_a_mistyped_link_is_one_report() -> None:
    text = """
    coglet A { listen count: int
      on count as v { log info v } }
    coglet B { transmit n: int
      every 1s { n <- 1 } }
    coglet Main { create a = A
      create b = B
      link b.n -> a.cuont }
    """
    assert codes(text) == ["unknown-port"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("if m != null { y <- m }", []),
        ("y <- m", ["nullable"]),
        ("if m == null { fail 1 }\n y <- m", []),
        ("y <- m ?? 0", []),
        ("y <- m if m != null else 0", []),
        ("if not (m == null) and m > 1 { y <- m }", []),
        ("if m is int { y <- m }", []),
        ("for x in [m] { y <- x }", ["nullable"]),
    ],
)
def test_narrowing(body: str, expected: list[str]) -> None:
    text = f"coglet Main {{ listen x: int?\n transmit y: int\n on x as m {{ {body} }} }}"
    assert codes(text) == expected


def test_states_are_narrowed_only_up_to_the_next_call() -> None:
    text = """
    program f() -> int = shell ["true"]
    coglet Main { listen x: int
      transmit y: int
      state s: int? = null
      on x as v { if s != null { y <- s
          let r = f()
          y <- s + r } }
      enact set(to: int) { s = to } }
    """
    assert codes(text) == ["nullable"]


def test_the_standard_library_is_clean() -> None:
    problems = Problems()
    analyse(["std/mixins.cog"], read, problems)
    assert problems.found == []


AGENTS = """
model m = scripted "m.yml"
agent W { model: m, sandbox: ro }
program delegate(x: string) -> string = shell ["a", x]
program spawn_agent(x: string) -> string = shell ["a", x]
program plan_create(x: string) -> string = shell ["a", x]
program send_message(x: string) -> string = shell ["a", x]
agent wait_agent { model: m }
plan P { goal: "g"
  step a by W: "x" }
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("agent L { model: m, tools: [delegate] }\nteam T { lead: L, workers: [W] }", ["tool-clash:L"]),
        ("agent L { model: m, tools: [delegate] }\nteam T { lead: W, workers: [L] }", []),
        ("agent L { model: m, tools: [send_message] }\nteam T { lead: W, workers: [L * 2], max_workers: 1 }", ["tool-clash:L"]),
        ("agent L { model: m, tools: [spawn_agent], spawn: [W] }", ["tool-clash:spawn_agent"]),
        ("agent L { model: m, tools: [spawn_agent, delegate, plan_create] }", []),
        ("agent L { model: m, tools: [wait_agent], spawn: [W] }", ["tool-clash:wait_agent"]),
        ("agent L { model: m, tools: [plan_create, P] }", ["tool-clash:plan_create"]),
    ],
)  # fmt: skip
def test_a_tool_with_the_name_of_a_tool_of_the_languages_own(text: str, expected: list[str]) -> None:
    whole = AGENTS + text
    found = [d for d in check_text(whole)[1] if d.slug not in ("unverified-path", "unbounded-loop")]
    assert [f"{d.slug}:{whole[d.span.start : d.span.end]}" for d in found] == expected


def test_the_names_that_are_taken_are_those_of_the_tools() -> None:
    names = [tool["name"] for tool in Roster.tools(SimpleNamespace(programs={}, choices=Choices({}, {}, False)))]  # type: ignore[arg-type]
    assert names == list(SPAWN_TOOLS)


@pytest.mark.parametrize(
    ("helper", "block", "expected"),
    [
        ("temperature: 0.5", "models: [warm]", []),
        ("temperature: 0.5", "models: [warm, cold]", ["no-sampling:cold"]),
        ("budget: { usd: 1.0 }", "models: [cold, warm]", []),
        ("budget: { usd: 1.0 }", "models: [own]", ["no-price:own"]),
        ("budget: { tokens: 9 }", "models: [own]", []),
        ("max_turns: 3", "tools: [Chief]", ["unbounded-loop:Chief"]),
        ("max_turns: 3", "tools: [draw]", ["media-from-model:draw"]),
    ],
)
def test_what_the_start_of_a_sub_agent_may_choose_is_looked_at(helper: str, block: str, expected: list[str]) -> None:
    whole = f"""
model warm = anthropic "claude-haiku-5-5" {{ capabilities: ["sampling"] }}
model cold = anthropic "claude-opus-5"
model own = openai "my-own" {{ base_url: "http://127.0.0.1:1/v1" }}
program draw(picture: image) -> string = expr "x"
agent Helper {{ model: warm, {helper} }}
agent Chief {{ model: warm, spawn: [Helper] {{ {block} }} }}
"""
    found = [d for d in check_text(whole)[1] if d.slug not in ("unused-name", "unlistened-failure")]
    assert [f"{d.slug}:{whole[d.span.start : d.span.end]}" for d in found] == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("coglet Main(self: int) { }", "self"),
        ("coglet Main { state self: int = 1 }", "self"),
        ("coglet Main { listen x: int\n on x as self { log info 1 } }", "self"),
        ("program p(self: int) -> int = expr 1\ncoglet Main { on start { log info p(1) } }", "self"),
        ("const A = [self for self in [1]]", "self"),
        ("const self = 1", "self"),
        (AGENTS + 'plan Q(goal: int) { goal: "g"\n step a by W: "x" }', "goal"),
        (AGENTS + 'plan Q { goal: "g"\n step self by W: "x" }', "self"),
        ("dod D(on: int) { tests: on }", "on"),
        ("dod D(human: bool) { sure: human }", "human"),
        ("dod D(coverage: int) { coverage: coverage >= 3 }", "coverage"),
        ('dod D(work: duration) { a: python "m:f" { timeout: work } }', "work"),
    ],
)
def test_a_name_that_would_be_hidden(text: str, place: str) -> None:
    found = [d for d in check_text(text)[1] if d.severity == "error"]
    assert [(d.slug, text[d.span.start : d.span.end]) for d in found] == [("shadowed-name", place)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coglet Main { listen x: int\n listen y: int\n on y as v { log info v }\n on x as v { self.y <- v } }", []),
        ("coglet C { listen y: int\n on y as v { log info v }\n on start { self.y <- 1 } }\ncoglet Main { create c = C }", []),
        ("coglet C { listen y: int\n on y as v { log info v } }\ncoglet Main { create c = C }", ["unconnected-channel"]),
        ("coglet Main { listen start: int }", ["reserved-channel"]),
    ],
)  # fmt: skip
def test_channels_to_which_their_own_coglet_sends(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


@pytest.mark.parametrize("name", ["agent", "dod", "plan", "queue", "team"])
def test_the_forms_of_the_standard_library_are_no_specs(name: str) -> None:
    [found] = check_text(f'import "std/forms/{name}.cog"\ncoglet Main {{ }}')[1]
    assert found.slug == "unreadable-file" and found.help == f"declare `{name} NAME`, which needs no import"


OPEN = 'plan O { roles: [dev]\n step a by dev: "x" }\n'
JUDGED = "dod J { solid: on }\n"
WORKS = 'model m = scripted "m.yml"\nagent W { model: m }\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (WORKS + OPEN + 'plan P = O { goal: "g" }', "P"),
        (WORKS + 'import "std/workflows.cog" as std\nplan P = std.development { goal: "g" }', "P"),
        (OPEN + 'test "a plan" { use O\n run 1s }', "O"),
        (WORKS + OPEN + "agent A { model: m, tools: [O] }", "A"),
        (WORKS + JUDGED + OPEN.replace('dev: "x"', 'dev { dod: done }: "x"').replace("[dev]", "[dev, done]")
         + 'plan P = O { goal: "g"\n roles: { dev: W, done: J } }', "J"),
        (JUDGED, "solid"),
        (WORKS + "dod J { solid: on, fix: W }", "solid"),
        ('import "std/dod.cog" as std\ndod J = std.strict { }', "J"),
        (JUDGED + 'test "a dod" { use J\n run 1s }', "J"),
    ],
)  # fmt: skip
def test_what_is_open_is_found_where_nobody_can_fill_it(text: str, place: str) -> None:
    found = [d for d in check_text(text)[1] if d.severity == "error"]
    assert [(d.slug, text[d.span.start : d.span.end]) for d in found] == [("missing-attribute", place)]


@pytest.mark.parametrize(
    ("text", "others"),
    [
        (OPEN, {}),
        (WORKS + OPEN + 'plan P = O { goal: "g" }\nplan Q = P { roles: { dev: W } }', {}),
        (WORKS + OPEN + "plan P = O { approve: system }", {}),
        (JUDGED + 'dod K = J { judge: m }\nmodel m = scripted "m.yml"', {}),
        (JUDGED + "coglet Main { }", {}),
        ('import "o.cog"\ncoglet Main { }', {"o_cog": JUDGED}),
        (WORKS + 'import "o.cog"\nplan Q = P { roles: { dev: W } }', {"o_cog": OPEN + 'plan P = O { goal: "g" }'}),
    ],
)
def test_what_is_there_to_be_extended_is_silent(text: str, others: dict[str, str]) -> None:
    assert [d.message for d in check_text(text, **others)[1] if d.severity == "error"] == []


@pytest.mark.parametrize(("root", "code"), [("P", 1), ("J", 1), ("X", 1), ("Main", 0), ("W", 0), ("m", 1)])
def test_a_check_of_a_root_finds_what_a_run_would_refuse(
    root: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yml").write_text("- reply: x\n")
    Path("a.cog").write_text(WORKS + JUDGED + OPEN.replace("plan O", "plan P") + "coglet Main { }")
    assert main(["check", "a.cog"]) == 0
    assert main(["check", "--root", root, "a.cog"]) == code
    said = capsys.readouterr().out
    assert (("[COG" in said) == (code == 1) and "a.cog:" in said) or code == 0


def test_an_agent_whose_tool_is_the_plan_that_it_works_for_creates_itself_for_ever() -> None:
    text = """
model m = scripted "m.yml"
agent P { model: m, tools: [Pl] }
plan Pl { goal: "g"
  approve: system
  step a by P: "do it" }
coglet Main { create plan = Pl
  transmit out: any
  on plan.result as r { out <- r }
  on plan.failed as f { out <- f } }
"""
    found = [d for d in check_text(text)[1] if d.slug == "endless-creation"]
    assert [d.message for d in found] == ["`P` creates itself for ever: P -> Pl -> P"]
