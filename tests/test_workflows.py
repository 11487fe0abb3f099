"""Plans that others fill with agents of their own, and the example that takes a repository from red to green."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cogc.graph.model import graph
from cogc.graph.write import text as drawn
from cogc.syntax.format import written
from support.cli import cogc
from support.console import commands
from support.paths import ROOT
from support.plans import last, run, statuses
from support.processes import QUICK
from support.scripts import rules
from support.specs import build, check_text, codes

HEAD = """
import "std/workflows.cog" as std
model m = scripted "m.yml"
agent Scout { model: m }
agent Chief { model: m }
agent Dev { model: m }
agent Critic { model: m }
dod Done { fine: shell ["true"] }
"""
ROLES = "roles: { researcher: Scout, architect: Chief, developer: Dev, reviewer: Critic, done: Done }"
PIPELINE = HEAD + f'plan Mine = std.pipeline {{\n goal: "Sail"\n approve: system\n {ROLES}\n MORE\n}}\n'
SAID = (
    ("Find out", "R"), ("What is known:\nR", "P"), ("The plan:\nP", "E"), ("What was done:\nE", "V"),
)  # fmt: skip


def test_the_example_takes_a_repository_from_a_failing_test_to_a_green_one(tmp_path: Path) -> None:
    place = tmp_path / "examples" / "feature"
    shutil.copytree(ROOT / "examples" / "feature", place, ignore=shutil.ignore_patterns("work", ".cogc"))
    run, verify = [shlex.split(c)[1:] for c in commands("README.md") if "examples/feature" in c]
    done = cogc(*run, "--output", "json", cwd=tmp_path, **QUICK)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    plan = [m["data"] for m in said if m["channel"] == "plan"][-1]
    assert plan["status"] == "completed"
    assert [s["id"] for s in plan["steps"]] == ["checkout", "research", "plan", "execute", "review", "verify"]
    findings = {f["criterion"]: f["status"] for f in plan["steps"][-1]["findings"]}
    assert findings == {"tests": "PASS", "linters": "PASS", "tdd": "PASS", "coverage": "PASS"}
    assert "Fraction" in (place / "work" / "discount.py").read_text()  # the second attempt: the first one was wrong
    assert not (place / "shop" / "discount.py").exists()
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        cwd=place / "work",
        env={**os.environ, **QUICK},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout
    gate = cogc(*verify, cwd=tmp_path, **QUICK)
    assert gate.returncode == 0 and "Shippable is met: 4 of 4 criteria" in gate.stdout
    (place / "work" / "discount.py").write_text("def discounted(basket, code):\n    return 0\n")
    assert cogc(*verify, cwd=tmp_path, **QUICK).returncode == 4


def test_a_pipeline_is_filled_with_agents_of_ones_own(tmp_path: Path) -> None:
    made = run(tmp_path, PIPELINE.replace("MORE", ""), rules(*SAID), "Mine", sim=False)
    assert made.outputs["result"] == [
        {"research": "R", "plan": "P", "execute": "E", "review": "V", "verify": {"work": "E", "review": "V"}}
    ]
    assert [s["by"] for s in last(made)["steps"]] == ["Scout", "Chief", "Dev", "Critic", ""]


def test_steps_of_ones_own_are_added_and_take_the_place_of_others(tmp_path: Path) -> None:
    more = 'step first: 1 + 1\n step research by Chief after first: "Find out {{ first }}"\n step last after verify: len(review)'
    made = run(tmp_path, PIPELINE.replace("MORE", more), rules(*SAID), "Mine", sim=False)
    assert list(statuses(made)) == ["first", "research", "plan", "execute", "review", "verify", "last"]
    assert made.outputs["result"][0]["last"] == 1


def test_the_code_workflow_does_what_its_parameters_say(tmp_path: Path) -> None:
    text = (
        HEAD
        + f"""
    plan Mine(commit: bool = true) = std.code {{
      goal: "Sail"
      approve: system
      {ROLES.replace("researcher: Scout, ", "tester: Dev, ")}
    }}
    """
    )
    for words in (["init", "-q"], ["config", "user.name", "a"], ["config", "user.email", "a@example.org"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "x.py").write_text("x=1\n")
    script = rules(("Say how", "P"), ("The plan:\nP", "E"))
    made = run(tmp_path, text, script, "Mine", sim=False, parameters={"format": True, "lint": True})
    assert statuses(made) == {
        "plan": "completed", "execute": "completed", "tidy": "completed", "look": "completed", "probe": "skipped", "criticise": "skipped",
        "verify": "completed", "keep": "completed",
    }  # fmt: skip
    assert (tmp_path / "x.py").read_text() == "x = 1\n"
    log = subprocess.run(["git", "log", "--format=%s"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert log.stdout == "Sail\n"


@pytest.mark.parametrize(
    "name, skipped, approve",
    [
        ("code", {"tidy", "look", "probe", "criticise", "keep"}, "user"), ("code_light", {"probe", "criticise", "keep"}, "user"),
        ("code_full", set(), "user"), ("development", {"probe", "criticise", "keep"}, "system"), ("production", set(), "user"),
    ],
)  # fmt: skip
def test_the_presets_say_what_goes_by_itself(name: str, skipped: set[str], approve: str, tmp_path: Path) -> None:
    for words in (["init", "-q"], ["config", "user.name", "a"], ["config", "user.email", "a@example.org"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    roles = ROLES.replace("researcher: Scout, ", "tester: Dev, ")
    text = HEAD + f'plan Mine = std.{name} {{ goal: "Sail"\n {roles} }}\n'
    script = rules(("Say how", "P"), ("The plan:\nP", "E"), ("Review", "fine"), ("Run the tests", "ran"))
    made = run(tmp_path, text, script, "Mine", sim=False, answers={"Mine": ["approve"]})
    assert last(made)["approval"]["source"] == approve
    assert {s for s, status in statuses(made).items() if status == "skipped"} == skipped
    assert last(made)["status"] == "completed"


def test_what_is_wrong_with_roles_is_found() -> None:
    missing = PIPELINE.replace("researcher: Scout, ", "").replace("MORE", "")
    _, found = check_text(missing)
    assert [d.slug for d in found] == ["missing-attribute"] and "researcher" in found[0].message
    assert codes(PIPELINE.replace("researcher: Scout", "researcher: Nobody").replace("MORE", "")) == ["unknown-name"]
    assert "wrong-kind" in codes(PIPELINE.replace("researcher: Scout", "researcher: m").replace("MORE", ""))
    assert codes(HEAD + 'plan A = B { goal: "g", planner: Chief }\nplan B = A { }\n') == ["extends-itself"]
    assert "wrong-kind" in codes(HEAD + 'plan A = Done { goal: "g", planner: Chief }\n')


def test_a_plan_with_roles_checks_and_does_not_run_by_itself() -> None:
    assert codes('plan P {\n roles: [who]\n step a by who: "x"\n}') == []
    checked, _ = check_text('plan P {\n roles: [who]\n step a by who: "x"\n}\n')
    from cogc.compile import program

    assert program(checked, "P") is None and checked.problems.errors


def test_both_notations_hold_plans_that_extend_others(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(PIPELINE.replace("MORE", "step last after verify: 1"))
    yaml = cogc("convert", "a.cog", cwd=tmp_path)
    assert yaml.returncode == 0, yaml.stderr
    (tmp_path / "b.yml").write_text(yaml.stdout)
    assert "extends: std.pipeline" in yaml.stdout and "researcher: Scout" in yaml.stdout
    back = cogc("convert", "b.yml", cwd=tmp_path)
    checked, found = check_text(back.stdout)
    assert not found and written(checked.world.roots[0].tree) == written(
        check_text((tmp_path / "a.cog").read_text())[0].world.roots[0].tree
    )


def test_graphs_show_plans_teams_and_what_is_behind_them() -> None:
    checked, _ = check_text(
        PIPELINE.replace("MORE", "dod: Done")
        + "team Crew { lead: Chief, workers: [Dev * 2, Critic], mode: supervise }\n"
    )
    text = drawn(graph(checked))
    for line in (
        "Mine: plan", "├─ execute\n│  └─ Dev: agent", "Mine/plan -> Mine/execute   (after)", "Mine/verify -> Mine/verify.dod   (after)",
        "Mine/verify.dod -> Mine/.dod   (after)", "Crew: team", "├─ lead: Chief", "├─ Dev ×2", "Crew/lead -> Crew/Dev  supervise (send)",
    ):  # fmt: skip
        assert line in text, text
    assert "Crew" not in drawn(graph(checked, "Mine"))


def test_children_that_are_plans_are_drawn_with_their_steps() -> None:
    text = PIPELINE.replace("MORE", "") + "coglet Main { create mine = Mine\n on mine.result as r { log info r } }\n"
    shown = drawn(graph(check_text(text)[0], "Main"))
    assert "mine: Mine" in shown and "execute\n   │  └─ Dev: agent" in shown


def bundle_has_no_internal_names(found: Any) -> bool:
    return all(" " not in c.name for c in found.coglets.values() if c.kind in ("plan", "team"))


def test_names_that_nobody_can_write_stay_inside() -> None:
    assert bundle_has_no_internal_names(build(PIPELINE.replace("MORE", ""), "Mine"))
    _, found = check_text(PIPELINE.replace("MORE", "") + "coglet Main { create x = Mime }\n")
    assert [d.help for d in found if d.slug == "unknown-coglet"] and all(" by" not in d.help for d in found)


LIBRARY = """
model m = scripted "m.yml"
agent A { model: m }
agent B { model: m }
const LIMIT = 3
program half(x: int) -> int = expr x // 2
dod Fine(n: int = 4) { ok: half(n) < LIMIT, there: shell ["true"], fix: B }
team Crew { lead: A, workers: [B * 2] }
plan Api(n: int = 2) {
  goal: "Go {{ n }}"
  approve: system
  planner: A
  step a by A { dod: Fine }: "do {{ n }}"
  step b by Crew after a: "then {{ a }}"
  step c after b: half(n) + LIMIT
}
"""
USING = """
import "lib.cog" as lib
dod Mine = lib.Fine { extra: shell ["true"] }
plan Other = lib.Api {
  goal: "other"
  step d after c: 7
}
coglet Main {
  transmit out: any
  create p = lib.Api(n: 8)
  create t = lib.Crew
  create d = lib.Fine
  on start { p.goal <- ""; t.task <- "x"; d.verify <- {} }
  on p.result as r { out <- ["p", r.c] }
  on p.failed, t.failed, d.failed { out <- "failed" }
  on t.result as r { out <- ["t", r] }
  on d.passed as v { out <- ["d", v.status] }
}
"""


def test_what_is_declared_in_another_file_brings_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text('- {when: {prompt: ""}, reply: ok}\n')
    (tmp_path / "lib.cog").write_text(LIBRARY)
    (tmp_path / "main.cog").write_text(USING)
    assert cogc("check", "main.cog", cwd=tmp_path).stdout == "no problems in 1 file\n"
    done = cogc("run", "main.cog", "--output", "json", cwd=tmp_path)
    said = sorted(str(json.loads(line)["data"]) for line in done.stdout.splitlines())
    assert said == ["['d', 'passed']", "['p', 7]", "['t', 'ok']"], done.stderr
    done = cogc("run", "main.cog", "--root", "Other", "--output", "json", cwd=tmp_path)
    assert '{"channel":"result","data":{"a":"ok","b":"ok","c":4,"d":7},"seq":' in done.stdout, done.stderr
    assert cogc("verify", "main.cog", "--dod", "Mine", cwd=tmp_path).stdout == "Mine is met: 3 of 3 criteria\n"
    assert cogc("verify", "main.cog", "--dod", "Mine", "--set", "n=9", cwd=tmp_path).returncode == 4
