"""Plans: drawn up, approved, carried out along their graph, made anew, and not lost with the run that had them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.peers import Peer
from cogc.run.people import People
from cogc.run.plans import Keeping, PlanQuestion, show
from cogc.run.replay import replay
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from cogc.stores.plans import Held, PlanStore, _apply, changed, open_plans
from support.cli import cogc_here
from support.paths import ROOT
from support.plans import last, run, statuses
from support.processes import unique_seconds
from support.redis import RedisServer, needs_redis
from support.scripts import rules
from support.sessions import session
from support.specs import build, codes
from support.waiting import DEADLINE, wait_for

HEAD = """
model m = scripted "m.yml"
agent Architect { model: m, system: "You design." }
agent Developer { description: "Writes code.", model: m }
agent Reviewer { model: m }
program lint(path: string) -> int = expr len(path)
"""
WRITTEN = (
    HEAD
    + """
plan Api(feature: string = "users") {
  goal: "Build {{ feature }}"
  approve: system
  step design by Architect: "Design {{ goal }}"
  step code by Developer after design: "Implement {{ design }}"
  step docs by Reviewer after design: "Document {{ design }}"
  step release after code, docs: lint(code + docs)
}
"""
)
DRAWN = (
    HEAD
    + """
plan Made {
  goal: "Ship it"
  approve: APPROVE
  planner: Architect
  agents: [Developer, Reviewer]
  max_steps: 3
}
"""
)
PLANNED = {
    "steps": [
        {"id": "a", "task": "do a", "by": "Developer", "after": []},
        {"id": "b", "task": "do b", "by": "Reviewer", "after": ["a"]},
    ]
}


DESIGNED = (("Design Build", "D"), ("Implement D", "C"), ("Document D", "DD"))


# ---- written plans -----------------------------------------------------------------------------------------------


def test_steps_follow_their_graph_and_see_what_came_before(tmp_path: Path) -> None:
    made = run(tmp_path, WRITTEN, rules(*DESIGNED), "Api")
    assert made.outputs["result"] == [{"design": "D", "code": "C", "docs": "DD", "release": 3}]
    assert [p["status"] for p in made.outputs["plan"]] == ["draft", "approved", "executing", "completed"]
    assert last(made)["approval"]["source"] == "system"
    said = [(s["id"], s["status"]) for s in made.outputs["step"]]
    assert said.index(("docs", "in_progress")) < said.index(("code", "completed"))  # side by side
    assert said.index(("release", "in_progress")) > max(
        said.index(("code", "completed")), said.index(("docs", "completed"))
    )


def test_independent_steps_take_the_time_of_the_longest(tmp_path: Path) -> None:
    script = rules(
        ("Design", "D"), ("Implement", {"reply": "C", "delay": "30s"}), ("Document", {"reply": "DD", "delay": "20s"})
    )
    made = run(tmp_path, WRITTEN, script, "Api")
    assert "result" in made.outputs and 30e9 <= made.kernel.now < 31e9


def test_a_goal_from_outside_takes_the_place_of_its_own_and_parameters_are_seen(tmp_path: Path) -> None:
    made = run(tmp_path, WRITTEN, rules(("Design Paint", "P"), ("", "x"), ("", "y")), "Api", "Paint")
    assert last(made)["goal"] == "Paint" and last(made)["status"] == "completed"
    made = run(tmp_path, WRITTEN, rules(*DESIGNED), "Api", parameters={"feature": "billing"})
    assert last(made)["goal"] == "Build billing"


def test_a_step_that_fails_for_good_skips_what_comes_after_and_says_why(tmp_path: Path) -> None:
    text = WRITTEN.replace('after design: "Implement', 'after design { retry: 2 }: "Implement')
    script = rules(("Design", "D"), *[("Implement", {"error": {"message": "no hands"}})] * 3, ("Document", "DD"))
    made = run(tmp_path, text, script, "Api")
    assert statuses(made) == {"design": "completed", "code": "failed", "docs": "completed", "release": "skipped"}
    assert next(s for s in last(made)["steps"] if s["id"] == "code")["attempts"] == 3
    assert (last(made)["status"], last(made)["reason"]) == ("cancelled", "step_failed")
    assert made.outputs["failed"][0]["kind"] == "step_failed" and "no hands" in made.outputs["failed"][0]["message"]


def test_another_attempt_is_told_what_came_before(tmp_path: Path) -> None:
    text = WRITTEN.replace('after design: "Implement', 'after design { retry: 1 }: "Implement')
    script = rules(("Design", "D"), ("attempt 2. The attempt before it failed: `Developer`: no hands", "C"),
                   ("Implement", {"error": {"message": "no hands"}}), ("Document", "DD"))  # fmt: skip
    made = run(tmp_path, text, script, "Api")
    assert next(s for s in last(made)["steps"] if s["id"] == "code")["result"] == "C"


def test_a_retry_that_succeeds_is_enough(tmp_path: Path) -> None:
    once = (
        f'program once() -> string = shell ["sh", "-c", "test -e {tmp_path}/f || {{ touch {tmp_path}/f; exit 1; }}"]\n'
    )
    text = once + WRITTEN.replace("after code, docs: lint(code + docs)", "after code, docs { retry: 1 }: once()")
    made = run(tmp_path, text, rules(*DESIGNED), "Api", sim=False)
    assert last(made)["status"] == "completed" and last(made)["steps"][3]["attempts"] == 2


def test_a_step_without_its_condition_is_skipped_and_what_follows_goes_on(tmp_path: Path) -> None:
    text = WRITTEN.replace(
        "step docs by Reviewer after design:", 'step docs by Reviewer after design when feature == "x":'
    )
    made = run(tmp_path, text.replace("lint(code + docs)", 'lint(code + (docs ?? "none"))'), rules(*DESIGNED), "Api")
    assert statuses(made)["docs"] == "skipped" and made.outputs["result"][0]["release"] == 5


def test_a_step_has_its_own_definition_of_done_and_its_fixer(tmp_path: Path) -> None:
    dod = """
    program fixed(text: string) -> bool = expr text == "better"
    program is_fixed(text: any) -> bool = expr text == "better"
    dod Good { good: shell ["test", "-e", "mended"], fix: Mender, max_loops: 2 }
    program mend() -> string = shell ["touch", "mended"]
    agent Mender { model: m, tools: [mend] }
    """
    text = dod + WRITTEN.replace('after design: "Implement', 'after design { dod: Good }: "Implement')
    mending = ("definition of done", {"tools": [{"name": "mend", "input": {}}]})
    script = rules(mending, *DESIGNED, ("", "mended it"))
    made = run(tmp_path, text, script, "Api", sim=False)
    assert statuses(made)["code"] == "completed"
    assert made.outputs["result"][0]["code"] == "mended it"
    (tmp_path / "mended").unlink()
    text = text.replace(", fix: Mender, max_loops: 2", "")
    made = run(tmp_path, text, script, "Api", sim=False)
    assert made.outputs["failed"][0]["kind"] == "dod" and "good" in made.outputs["failed"][0]["message"]


def test_the_plans_own_definition_is_looked_at_behind_all_steps(tmp_path: Path) -> None:
    text = WRITTEN.replace("approve: system", "approve: system, dod: LocalSett")
    made = run(
        tmp_path, text + 'dod LocalSett { there: shell ["test", "-e", "m.yml"] }', rules(*DESIGNED), "Api", sim=False
    )
    assert list(statuses(made).items())[-1] == ("done", "completed") and "result" in made.outputs
    made = run(tmp_path, text + 'dod LocalSett { there: shell ["false"] }', rules(*DESIGNED), "Api", sim=False)
    assert statuses(made)["done"] == "failed" and made.outputs["failed"][0]["kind"] == "dod"


def test_a_step_that_takes_too_long_is_cut_short(tmp_path: Path) -> None:
    text = WRITTEN.replace('after design: "Implement', 'after design { timeout: 5s }: "Implement')
    script = rules(("Design", "D"), ("Implement", {"reply": "C", "delay": "40s"}), ("Document", "DD"))
    made = run(tmp_path, text, script, "Api")
    code = next(s for s in last(made)["steps"] if s["id"] == "code")
    assert (code["status"], code["kind"]) == ("failed", "timeout") and made.kernel.now < 10e9
    script = rules(
        ("Design", "D"), ("Implement", {"reply": "C", "delay": "4s"}), ("Document", {"reply": "DD", "delay": "9s"})
    )
    assert last(run(tmp_path, text, script, "Api"))["status"] == "completed"


def test_a_plan_lives_on_however_often_its_steps_are_cut_short(tmp_path: Path) -> None:
    text = HEAD + 'plan P { goal: "g", approve: system\n step a by Architect { timeout: 1s }: "x" }\n'
    main = """
    coglet Main {
      transmit out: string
      create p = P
      state times: int = 0
      on start { p.goal <- "" }
      on p.failed as f {
        times = times + 1
        out <- f.message
        if times < 9 { p.goal <- "" }
      }
    }
    """
    (tmp_path / "m.yml").write_text(rules(("", {"reply": "late", "delay": "9s"})))
    bundle = build((text + main).replace('"m.yml"', f'"{tmp_path}/m.yml"'), "Main")
    made = session(bundle, Settings(keeping=Keeping("memory", "me")), sim=True)
    assert made.outcome == "done" and len(made.outputs["out"]) == 9


def test_an_expression_that_fails_fails_its_step_not_the_plan(tmp_path: Path) -> None:
    made = run(tmp_path, WRITTEN.replace("lint(code + docs)", '1 // lint("")'), rules(*DESIGNED), "Api")
    assert statuses(made)["release"] == "failed" and made.outcome == "done"


def test_a_plan_may_have_many_steps(tmp_path: Path) -> None:
    """The work of one step of its coglet grows with the number of steps, or with its square, but no faster."""
    steps = "".join(f"step s{i}{f' after s{i - 1}' if i else ''}: f({i})\n" for i in range(230))
    text = f'program f(x: int) -> int = expr 10 // (40 - x)\nplan P {{ goal: "g"\n approve: system\n {steps} }}'
    made = run(tmp_path, text, "[]", "P")
    assert list(statuses(made).values()) == ["completed"] * 40 + ["failed"] + ["skipped"] * 189


def test_one_budget_holds_all_steps(tmp_path: Path) -> None:
    text = WRITTEN.replace("approve: system", "approve: system, budget: { tokens: 60 }")
    used = {"usage": {"input": 20, "output": 10}}
    script = rules(*[(p, {"reply": r, **used}) for p, r in DESIGNED])
    made = run(tmp_path, text, script, "Api")
    assert made.outputs["failed"][0]["kind"] == "step_failed" and "budget" in {s["kind"] for s in last(made)["steps"]}
    assert last(run(tmp_path, text.replace("60", "6000"), script, "Api"))["status"] == "completed"


# ---- approval ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said, status, kind",
    [("approve", "completed", None), ("reject too dear", "cancelled", "rejected")],
)
def test_a_person_approves_or_rejects(tmp_path: Path, said: str, status: str, kind: str | None) -> None:
    text = WRITTEN.replace("approve: system", "approve: user")
    made = run(tmp_path, text, rules(*DESIGNED), "Api", answers={"Api": [said]})
    assert last(made)["status"] == status
    if kind is None:
        assert last(made)["approval"]["source"] == "user"
    else:
        assert made.outputs["failed"][0]["kind"] == kind and made.outputs["failed"][0]["message"] == "too dear"
        assert not made.outputs.get("step")


def test_what_a_person_may_say() -> None:
    plan: dict[str, Any] = {"id": "x", "name": "x", "goal": "g", "status": "draft", "steps": [], "planner": "P"}
    question = PlanQuestion(plan)
    assert question.value(" YES ")["action"] == "approve"
    assert question.value("replan with tests")["feedback"] == "with tests"
    for wrong in ("", "replan", "approve it all", "what?"):
        with pytest.raises(ValueError, match="approve, reject WHY"):
            question.value(wrong)
    with pytest.raises(ValueError, match="replan HOW, or cancel"):
        PlanQuestion({**plan, "status": "executing"}).value("approve")
    with pytest.raises(ValueError, match="approve, or reject WHY"):
        PlanQuestion({**plan, "planner": ""}).value("replan with tests")


def test_an_agent_approves(tmp_path: Path) -> None:
    text = WRITTEN.replace("approve: system", "approve: agent, approver: Reviewer")
    good = rules(*DESIGNED, ("1. design by Architect", {"reply": {"action": "approve", "feedback": ""}}))
    made = run(tmp_path, text, good, "Api")
    assert last(made)["status"] == "completed"
    assert (last(made)["approval"]["source"], last(made)["approval"]["by"]) == ("agent", "Reviewer")
    bad = rules(("1. design by Architect", {"reply": {"action": "reject", "feedback": "why at all?"}}))
    made = run(tmp_path, text, bad, "Api")
    assert last(made)["reason"] == "rejected" and made.outputs["failed"][0]["message"] == "why at all?"


# ---- drawn up by a planner ---------------------------------------------------------------------------------------


def test_a_planner_draws_the_steps_and_its_agents_do_them(tmp_path: Path) -> None:
    script = rules(("Make a plan", {"reply": PLANNED}), ("do a", "A"), ("do b\n\nWhat was done so far:\na:\nA", "B"))
    made = run(tmp_path, DRAWN.replace("APPROVE", "system"), script, "Made")
    assert made.outputs["result"] == [{"a": "A", "b": "B"}]
    prompt = next(r for r in made.outputs["plan"] if r["steps"])
    assert [s["by"] for s in prompt["steps"]] == ["Developer", "Reviewer"]


def test_a_plan_with_faults_is_drawn_once_more_and_then_given_up(tmp_path: Path) -> None:
    wrong = {"steps": [{**PLANNED["steps"][0], "after": ["b"]}, PLANNED["steps"][1]]}
    text = DRAWN.replace("APPROVE", "system")
    script = rules(
        ("your plan was wrong", {"reply": PLANNED}), ("Make a plan", {"reply": wrong}), ("do a", "A"), ("do b", "B")
    )
    assert last(run(tmp_path, text, script, "Made"))["status"] == "completed"
    script = rules(("Make a plan", {"reply": wrong}), ("Make a plan", {"reply": wrong}))
    made = run(tmp_path, text, script, "Made")
    assert (
        made.outputs["failed"][0]["kind"] == "planner" and "wait for each other" in made.outputs["failed"][0]["message"]
    )


def test_feedback_makes_it_anew_and_what_is_finished_stays(tmp_path: Path) -> None:
    again = {"steps": [{"id": "c", "task": "do c", "by": "Reviewer", "after": ["a"]}]}
    script = rules(
        ("Mind this: use c", {"reply": again}), ("Make a plan", {"reply": PLANNED}), ("do a", "A"),
        ("do b", {"error": {"message": "cannot"}}), ("do c", "C"),
    )  # fmt: skip
    made = run(
        tmp_path, DRAWN.replace("APPROVE", "user"), script, "Made", answers={"Made": ["approve", "replan use c", "yes"]}
    )
    assert made.outputs["result"] == [{"a": "A", "c": "C"}]
    assert last(made)["feedback"] == ["use c"]
    assert sum(s["id"] == "a" and s["status"] == "in_progress" for s in made.outputs["step"]) == 1


def test_an_answer_given_beforehand_is_none_to_another_question(tmp_path: Path) -> None:
    script = rules(("Make a plan", {"reply": PLANNED}), ("do a", {"error": {"message": "cannot"}}))
    made = run(tmp_path, DRAWN.replace("APPROVE", "user"), script, "Made", answers={"Made": ["approve"]})
    assert made.outputs["failed"][0]["kind"] == "step_failed" and last(made)["status"] == "cancelled"


def test_a_plan_with_other_parameters_is_another_plan(tmp_path: Path) -> None:
    text = WRITTEN.replace('"Build {{ feature }}"', '"Build"').replace("approve: system", "approve: user")
    (tmp_path / "spec.cog").write_text(text)
    (tmp_path / "m.yml").write_text(rules(("", "x")))
    for feature in ("a", "b", "b"):
        assert cogc_here("run", "spec.cog", "--set", f"feature={feature}", cwd=tmp_path).returncode == 3
    assert [p["parameters"] for p in plans(tmp_path)] == [{"feature": "a"}, {"feature": "b"}]


def test_without_a_planner_nothing_is_made_anew(tmp_path: Path) -> None:
    main = """
    coglet Main {
      transmit out: any
      create api = Api
      on start { api.goal <- "" }
      on api.plan as p { if p.status == "draft" { guide api.replan("otherwise") } }
      on api.failed as f { out <- [f.kind, f.message] }
    }
    """
    (tmp_path / "m.yml").write_text("[]")
    text = WRITTEN.replace("approve: system", "approve: user").replace('"m.yml"', f'"{tmp_path}/m.yml"') + main
    settings = Settings(str(tmp_path), people=People({"Api": ["approve"]}), keeping=Keeping("memory", "me"))
    made = session(build(text, "Main"), settings, sim=True)
    assert ["replan", "it has no planner that could make it anew"] in made.outputs["out"]


# ---- as a tool ---------------------------------------------------------------------------------------------------


def test_agents_make_look_at_and_carry_out_plans(tmp_path: Path) -> None:
    text = DRAWN.replace("APPROVE", "agent\n  approver: Reviewer") + "agent Chief { model: m, tools: [Made] }\n"
    create = {"name": "plan_create", "input": {"goal": "Sail", "auto_approve": True}}
    script = rules(
        ("Sail home", {"tools": [create]}),
        ('"completed"', "all done"),
        ('"approval"', {"tools": [{"name": "plan_execute", "input": {}}]}),
        ('"approved"', {"tools": [{"name": "plan_status", "input": {}}]}),
        ("in at most 3 steps", {"reply": PLANNED}), ("do a", "A"), ("do b", "B"),
    )  # fmt: skip
    made = run(tmp_path, text, script, "Chief", "Sail home", channel="task")
    assert made.outputs["result"] == ["all done"], made.outputs


def test_an_agent_carries_out_one_step_and_then_the_rest(tmp_path: Path) -> None:
    text = DRAWN.replace("APPROVE", "system") + "agent Chief { model: m, tools: [Made] }\n"
    script = rules(
        ("Sail home", {"tools": [{"name": "plan_create", "input": {"goal": "Sail"}}]}),
        ('"status": "completed", "steps"', "all done"), ('"completed"', {"tools": [{"name": "plan_execute", "input": {}}]}),
        ("no step q", {"tools": [{"name": "plan_execute", "input": {"step": "a"}}]}),
        ('"approved"', {"tools": [{"name": "plan_execute", "input": {"step": "q"}}]}),
        ("in at most 3 steps", {"reply": PLANNED}), ("do a", "A"), ("do b", "B"),
    )  # fmt: skip
    made = run(tmp_path, text, script, "Chief", "Sail home", channel="task")
    assert made.outputs["result"] == ["all done"], made.outputs


@pytest.mark.parametrize("then, said", [("", []), ("design", ["design in_progress", "design completed"])])
def test_a_plan_that_is_held_is_carried_out_step_by_step(then: str, said: list[str], tmp_path: Path) -> None:
    main = """
    coglet Main(then: string) {
      transmit out: string
      create api = Api
      on start {
        guide api.hold()
        api.goal <- "Build users"
      }
      on api.plan as p { if p.status == "approved" and then != "" { guide api.execute(then) } }
      on api.step as s { out <- s.id + " " + s.status }
    }
    """
    (tmp_path / "m.yml").write_text(rules(*DESIGNED))
    bundle = build(WRITTEN.replace('"m.yml"', f'"{tmp_path}/m.yml"') + main, "Main")
    settings = Settings(str(tmp_path), keeping=Keeping("memory", "me"))
    made = session(bundle, settings, parameters={"then": then}, sim=True)
    assert made.outputs.get("out", []) == said


@pytest.mark.parametrize("goal", ["", "  "])
def test_an_empty_goal_of_a_tool_is_refused(tmp_path: Path, goal: str) -> None:
    text = DRAWN.replace("APPROVE", "system") + "agent Chief { model: m, tools: [Made] }\n"
    create = {"name": "plan_create", "input": {"goal": goal}}
    script = rules(("Sail home", {"tools": [create]}), ("the goal is empty", "it has no goal"))
    made = run(tmp_path, text, script, "Chief", "Sail home", channel="task")
    assert made.outputs["result"] == ["it has no goal"], made.outputs


def test_a_tool_does_not_open_the_gate_of_a_person(tmp_path: Path) -> None:
    text = DRAWN.replace("APPROVE", "user") + "agent Chief { model: m, tools: [Made] }\n"
    create = {"name": "plan_create", "input": {"goal": "Sail", "auto_approve": True, "auto_execute": False}}
    script = rules(
        ("Sail home", {"tools": [create]}), ("in at most 3 steps", {"reply": PLANNED}), ("waits_for", "it waits"),
    )  # fmt: skip
    made = run(tmp_path, text, script, "Chief", "Sail home", channel="task")
    assert made.outputs["result"] == ["it waits"], made.outputs


def test_a_plan_as_a_tool_belongs_to_agents_with_a_coglet() -> None:
    text = DRAWN.replace("APPROVE", "system") + "agent Chief { model: m, tools: [Made] }\n"
    main = 'coglet Main { transmit out: string\n on start { out <- Chief("x") } }\n'
    with pytest.raises(AssertionError, match="cannot run yet"):
        build(text + main, "Main")


# ---- plans are coglets -------------------------------------------------------------------------------------------


def test_a_plan_is_a_child_like_any_other(tmp_path: Path) -> None:
    main = """
    coglet Main {
      listen order: string
      transmit out: any
      create api = Api(feature: "x") { restart: on_error }
      link self.order -> api.goal
      on api.result as r { out <- r.release }
      on api.failed as f { out <- f.kind }
    }
    """
    made = run(tmp_path, WRITTEN + main, rules(*DESIGNED), "Main", channel="order")
    assert made.outputs["out"] == [3]


def test_a_second_goal_waits_for_the_first_or_is_refused(tmp_path: Path) -> None:
    made = run(tmp_path, WRITTEN, rules(*DESIGNED), "Api")
    assert "failed" not in made.outputs
    (tmp_path / "m.yml").write_text(rules(*DESIGNED))
    bundle = build(WRITTEN.replace('"m.yml"', f'"{tmp_path}/m.yml"'), "Api")
    both = session(bundle, Settings(keeping=Keeping("memory", "me")), inputs=[("goal", ""), ("goal", "more")], sim=True)
    assert both.outputs["failed"][0]["kind"] == "busy" and last(both)["status"] == "completed"


def test_a_replay_needs_no_store_and_gives_the_same_trace(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(rules(*DESIGNED))
    bundle = build(WRITTEN.replace('"m.yml"', f'"{tmp_path}/m.yml"'), "Api")
    with open(tmp_path / "t", "wb") as trace, open(tmp_path / "j", "wb") as file:
        head = {"run": "r", "seed": 7, "epoch": 1, "program": bundle.hash, "version": journal.VERSION, "budget": {}}
        first = TraceWriter(trace)
        session(
            bundle, Settings(keeping=Keeping("memory", "me")), trace=first, journal=journal.Journal(file, head),
            inputs=[("goal", "")], seed=7, epoch=1, run="r", sim=True,
        )  # fmt: skip
        first.flush()
    from cogc.kernel.machine import Kernel

    kernel = Kernel(Unit(bundle), 7, 1, True, "r", {})
    records: list[Any] = []
    replay(kernel, journal.read(tmp_path / "j")[1], lambda _: records.extend(kernel.trace.take()))  # type: ignore[union-attr]
    again = tmp_path / "again"
    with open(again, "wb") as file:
        writer = TraceWriter(file)
        writer.write(records)
        writer.flush()
    assert again.read_bytes() == (tmp_path / "t").read_bytes()


@pytest.mark.parametrize(
    "change, slug",
    [
        ("by Nobody: ", "unknown-name"), ("by lint: ", "wrong-kind"), ("after nothing: ", "unknown-name"),
        ("{ retrys: 1 }: ", "unknown-attribute"), ("{ dod: lint }: ", "wrong-kind"), ("when 1: ", "no-condition"),
    ],
)  # fmt: skip
def test_mistakes_of_steps_are_found(change: str, slug: str) -> None:
    assert slug in codes(HEAD + f'plan P {{ goal: "g"\n step a {change}"x" }}')


def test_who_decides_must_be_an_agent() -> None:
    step = ' step a by Architect: "x" }'
    assert codes(HEAD + 'plan P { goal: "g", approve: agent\n' + step) == ["missing-attribute"]
    assert codes(HEAD + 'plan P { goal: "g", approve: agent, approver: Nobody\n' + step) == ["unknown-name"]
    assert codes(HEAD + 'plan P { goal: "g", planner: lint }') == ["wrong-kind"]
    assert codes(HEAD + 'plan P { goal: "g", planner: Architect, approve: agent }') == []


def test_a_step_may_be_called_like_the_last_one(tmp_path: Path) -> None:
    text = WRITTEN.replace("approve: system", "approve: system, dod: LocalSett").replace("step release", "step done")
    made = run(tmp_path, text + 'dod LocalSett { a: shell ["true"] }', rules(*DESIGNED), "Api", sim=False)
    assert list(statuses(made))[-2:] == ["done", "done_of_plan"] and last(made)["status"] == "completed"


def test_a_template_sees_the_steps_that_it_comes_after_and_no_others() -> None:
    wrong = WRITTEN.replace("Document {{ design }}", "Document {{ code }}")
    assert codes(wrong) == ["unordered-step"]


# ---- the store ---------------------------------------------------------------------------------------------------


async def _stores(open: Callable[[], AbstractAsyncContextManager[PlanStore]]) -> None:
    async with open() as store:
        base: dict[str, Any] = {
            "name": "P",
            "status": "draft",
            "steps": [],
            "user": "u",
            "topic": "t",
            "goal": "g",
            "spec": "s",
        }
        step = {"id": "a", "task": "x", "by": "", "status": "in_progress", "written": True, "result": None}
        plan, known = await store.begin({**base, "steps": [step], "feedback": []})
        assert not known and (await store.load(plan["id"])) == plan
        other, known = await store.begin({**base, "steps": [step], "feedback": []})
        assert not known and other["id"] != plan["id"]  # a living run has the first
        await store.let_go(plan["id"])
        found, known = await store.begin({**base, "steps": [step], "feedback": []})
        assert known and found["id"] == plan["id"] and found["steps"][0]["status"] == "pending"
        await store.save({**found, "steps": [{**step, "status": "completed"}]})
        assert (await store.load(plan["id"]))["steps"][0]["status"] == "completed"  # type: ignore[index]
        assert [p["id"] for p in await store.list("u", "t")] == [plan["id"], other["id"]]
        assert await store.list("v") == [] and await store.list(status="completed") == []
        told = {"action": "approve", "source": "user", "by": "me", "user": "me"}
        with pytest.raises(Held) as held:  # a living run decides on it
            await store.decide(plan["id"], told)
        assert (held.value.owner["pid"], held.value.owner["door"]) == (os.getpid(), "")
        assert (await store.load(plan["id"]))["status"] == "draft"  # type: ignore[index]
        await store.let_go(plan["id"])
        await store.decide(plan["id"], told)
        assert (await store.load(plan["id"]))["status"] == "approved"  # type: ignore[index]
        with pytest.raises(ValueError, match="approved already"):
            await store.decide(plan["id"], told)
        await store.decide(plan["id"], {**told, "action": "cancel"})
        with pytest.raises(ValueError, match="is cancelled"):
            await store.decide(plan["id"], told)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_every_store_of_plans_obeys_the_same_rules(kind: str, tmp_path: Path) -> None:
    name = "memory" if kind == "memory" else f"sqlite:{tmp_path}/p.db"
    trio.run(_stores, lambda: open_plans(name))


@needs_redis
def test_redis_keeps_plans_too(redis: RedisServer) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[PlanStore]:
        async with open_plans(redis.url) as store:
            yield store

    trio.run(_stores, opened)


def test_changes_before_an_approval_are_put_into_words() -> None:
    steps = [
        {"id": "a", "task": "x", "after": [], "written": False}, {"id": "b", "task": "y", "after": ["a"], "written": False},
    ]  # fmt: skip
    plan = {"id": "p", "steps": steps}
    assert changed(plan, ["b"], {"a": "z"}) == ([{**steps[0], "task": "z"}], ["without b", "a: 'z' in place of 'x'"])
    for drop, tasks, why in (([], {"q": "x"}, "no step q"), (["a"], {}, "b comes after a")):
        with pytest.raises(ValueError, match=why):
            changed(plan, drop, tasks)


# ---- the command line --------------------------------------------------------------------------------------------


def place(folder: Path, text: str, script: str) -> None:
    (folder / "m.yml").write_text(script)
    (folder / "spec.cog").write_text(text)


def plans(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cogc_here("plan", "list", "--json", cwd=folder).stdout.splitlines()]


def test_a_plan_waits_for_its_approval_across_runs(tmp_path: Path) -> None:
    place(
        tmp_path,
        DRAWN.replace("APPROVE", "user"),
        rules(("Make a plan", {"reply": PLANNED}), ("do c", "A"), ("do", "B")),
    )
    done = cogc_here("run", "spec.cog", "--goal", "Fly", "--user", "ann", "--topic", "air", cwd=tmp_path)
    assert done.returncode == 3 and "cogc plan approve Made-" in done.stderr
    (plan,) = plans(tmp_path)
    assert (plan["user"], plan["topic"], plan["goal"], plan["status"]) == ("ann", "air", "Fly", "draft")
    done = cogc_here("plan", "approve", plan["id"], "--by", "Ann", "--drop", "b", "--task", "a=do c", cwd=tmp_path)
    assert (
        done.returncode == 0
        and f"approved by Ann as {Peer.own().name} (user), without b; a: 'do c' in place of 'do a'" in done.stdout
    )
    done = cogc_here(
        "run", "spec.cog", "--goal", "Fly", "--user", "ann", "--topic", "air", "--output", "json", cwd=tmp_path
    )
    assert done.returncode == 0 and '{"channel":"result","data":{"a":"A"},"seq":' in done.stdout
    assert f"continues plan {plan['id']}" in done.stderr
    assert cogc_here("plan", "cancel", plan["id"], cwd=tmp_path).returncode == 2
    assert cogc_here("plan", "list", "--user", "bob", cwd=tmp_path).stdout == ""
    shown = cogc_here("plan", "show", plan["id"], cwd=tmp_path).stdout
    assert "completed    a by Developer: do c" in shown and shown.endswith("--- a\nA\n")


def test_the_exit_code_says_whether_a_step_or_its_definition_failed(tmp_path: Path) -> None:
    text = WRITTEN.replace('after design: "Implement', 'after design { dod: Good }: "Implement')
    place(tmp_path, text + 'dod Good { good: shell ["false"] }', rules(*DESIGNED))
    done = cogc_here("run", "spec.cog", cwd=tmp_path)
    assert done.returncode == 4 and "its definition of done is not met: good" in done.stderr
    place(tmp_path, WRITTEN, rules(("Design", {"error": {"message": "no idea"}})))
    done = cogc_here("run", "spec.cog", cwd=tmp_path)
    assert done.returncode == 3 and "step design failed" in done.stderr and "Traceback" not in done.stderr


def test_a_run_that_is_killed_in_the_middle_of_a_step_loses_no_step_that_was_done(tmp_path: Path) -> None:
    seconds = unique_seconds()
    text = WRITTEN.replace("lint(code + docs)", "slow()")
    slow = f'program slow() -> string = shell ["sh", "-c", "echo x >> log; test -e go || exec sleep {seconds}"] {{ timeout: 5m }}\n'
    place(tmp_path, slow + text, rules(*DESIGNED))
    run = [sys.executable, "-m", "cogc", "run", "spec.cog"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        run, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        try:
            wait_for(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_text())
        finally:
            process.send_signal(signal.SIGKILL)
    subprocess.run(["pkill", "-f", seconds], check=False)
    (plan,) = plans(tmp_path)
    assert [s["status"] for s in plan["steps"]] == ["completed", "completed", "completed", "in_progress"]
    (tmp_path / "go").touch()
    place(tmp_path, slow + text, "[]")  # nothing that was done is asked for again
    done = cogc_here("run", "spec.cog", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"continues plan {plan['id']}, executing, 3 of 4 steps done" in done.stderr
    assert (tmp_path / "log").read_text() == "x\nx\n" and len(plans(tmp_path)) == 1


def test_people_decide_on_a_plan_that_a_run_has(tmp_path: Path) -> None:
    text = DRAWN.replace("APPROVE", "user")
    again = {"steps": [{"id": "c", "task": "do c", "by": "Reviewer", "after": []}]}
    script = rules(
        ("Mind this: shorter", {"reply": again}), ("Make a plan", {"reply": PLANNED}), ("do c", "C"),
        ("do a", {"reply": "A", "delay": "50s"}),
    )  # fmt: skip
    place(tmp_path, text, script)
    run = [sys.executable, "-m", "cogc", "run", "spec.cog", "--questions", "wait", "--output", "json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            (plan,) = wait_for(lambda: [p for p in plans(tmp_path) if p["steps"]])
            assert cogc_here("plan", "approve", plan["id"], cwd=tmp_path).returncode == 0
            wait_for(lambda: plans(tmp_path)[0]["status"] == "executing")
            assert cogc_here("plan", "replan", plan["id"], "shorter", cwd=tmp_path).returncode == 0
            wait_for(lambda: [s["id"] for s in plans(tmp_path)[0]["steps"]] == ["c"])
            assert cogc_here("plan", "approve", plan["id"], cwd=tmp_path).returncode == 0
            out, err = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert '{"channel":"result","data":{"c":"C"},"seq":' in out


def test_the_command_line_refuses_what_is_not_there(tmp_path: Path) -> None:
    for words, why in (
        (["show", "x"], "there is no plan x"), (["approve"], "takes ID"), (["list", "--plans", "memory"], "end with their run"),
        (["list", "--plans", "nosuch:x"], "no store"), (["reject", "x", "--drop", "a"], "--drop is for `cogc plan approve`"), (["list", "--by", "me"], "--by is for"),
    ):  # fmt: skip
        done = cogc_here("plan", *words, cwd=tmp_path)
        assert done.returncode == 2 and why in done.stderr and "Traceback" not in done.stderr
    assert cogc_here("plan", cwd=tmp_path).stdout == ""


def test_a_store_that_is_gone_fails_the_plan_and_says_so(tmp_path: Path) -> None:
    place(tmp_path, WRITTEN, rules(*DESIGNED))
    (tmp_path / "file").write_text("x")
    done = cogc_here("run", "spec.cog", "--plans", "sqlite:file/p.db", cwd=tmp_path)
    assert done.returncode == 3 and "the store of plans" in done.stderr and "Traceback" not in done.stderr


def test_a_budget_in_dollars_needs_the_prices_of_all_models_below_it() -> None:
    plan = 'plan P {{ goal: "g", approve: system, budget: {{ usd: 1.0 }}\n step a by Crew: "x" }}\n'
    text = (
        'model m = anthropic "{0}"\nagent A {{ model: m }}\nagent L {{ model: n }}\nmodel n = anthropic "claude-haiku-5-5"\n'
        "team Crew {{ lead: L, workers: [A] }}\n"
    )
    assert codes((text + plan).format("claude-haiku-5-5")) == []
    assert codes((text + plan).format("of-my-own")) == ["no-price"]


def test_a_plan_in_memory_that_nobody_approves_of_names_the_option(tmp_path: Path) -> None:
    place(tmp_path, WRITTEN.replace("approve: system", "approve: user"), rules(*DESIGNED))
    done = cogc_here("run", "spec.cog", "--sim", cwd=tmp_path)
    assert done.returncode == 3 and "the plan was kept in memory, and is gone: --answer Api=approve" in done.stderr


def test_a_plan_without_a_planner_is_not_made_anew_from_outside(tmp_path: Path) -> None:
    place(tmp_path, WRITTEN.replace("approve: system", "approve: user"), rules(*DESIGNED))
    assert cogc_here("run", "spec.cog", cwd=tmp_path).returncode == 3
    (plan,) = plans(tmp_path)
    done = cogc_here("plan", "replan", plan["id"], "otherwise", cwd=tmp_path)
    assert done.returncode == 2 and "no planner" in done.stderr
    assert cogc_here("plan", "reject", plan["id"], "no", cwd=tmp_path).returncode == 0
    assert plans(tmp_path)[0]["reason"] == "rejected"


def test_a_run_that_is_stopped_leaves_its_plan_to_the_next_one(tmp_path: Path) -> None:
    seconds = unique_seconds()
    slow = f'program slow() -> string = shell ["sh", "-c", "touch begun; test -e go || exec sleep {seconds}"] {{ timeout: 5m }}\n'
    place(tmp_path, slow + WRITTEN.replace("lint(code + docs)", "slow()"), rules(*DESIGNED))
    run = [sys.executable, "-m", "cogc", "run", "spec.cog"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(run, cwd=tmp_path, stdout=-1, stderr=-1, env=environment) as process:
        try:
            wait_for(lambda: (tmp_path / "begun").exists())
            process.send_signal(signal.SIGINT)
            assert process.wait(DEADLINE) == 130
        finally:
            process.kill()
    assert plans(tmp_path)[0]["status"] == "executing"
    (tmp_path / "go").touch()
    done = cogc_here("run", "spec.cog", cwd=tmp_path)
    assert done.returncode == 0 and "3 of 4 steps done" in done.stderr


def test_people_decide_from_outside_after_a_step_has_failed(tmp_path: Path) -> None:
    again = {"steps": [{"id": "c", "task": "do c", "by": "Reviewer", "after": []}]}
    script = rules(
        ("Mind this: shorter", {"reply": again}), ("Make a plan", {"reply": PLANNED}), ("do c", "C"),
        ("do a", {"error": {"message": "cannot"}}),
    )  # fmt: skip
    place(tmp_path, DRAWN.replace("APPROVE", "user"), script)
    run = [sys.executable, "-m", "cogc", "run", "spec.cog", "--questions", "wait", "--output", "json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(run, cwd=tmp_path, stdout=-1, stderr=-1, text=True, env=environment) as process:
        try:
            (plan,) = wait_for(lambda: [p for p in plans(tmp_path) if p["steps"]])
            cogc_here("plan", "approve", plan["id"], cwd=tmp_path)
            wait_for(lambda: plans(tmp_path)[0]["steps"][0]["status"] == "failed")
            assert cogc_here("plan", "replan", plan["id"], "shorter", cwd=tmp_path).returncode == 0
            wait_for(lambda: [s["id"] for s in plans(tmp_path)[0]["steps"]] == ["c"])
            assert plans(tmp_path)[0]["redraw"] is False
            cogc_here("plan", "approve", plan["id"], cwd=tmp_path)
            out, err = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert process.returncode == 0 and '{"channel":"result","data":{"c":"C"},"seq":' in out, err


def test_the_clock_of_a_step_that_was_cut_short_does_not_run_into_the_next_time(tmp_path: Path) -> None:
    text = HEAD + 'plan P { goal: "g", approve: system\n step a by Architect { timeout: 10s }: "x" }\n'
    main = """
    coglet Main {
      transmit out: string
      create p = P
      on start { p.goal <- "" }
      after 1s { guide p.cancel() }
      after 5s { p.goal <- "" }
      on p.result as r { out <- r.a }
      on p.failed as f { out <- f.kind }
    }
    """
    (tmp_path / "m.yml").write_text(rules(("", {"reply": "done", "delay": "8s"})))
    bundle = build((text + main).replace('"m.yml"', f'"{tmp_path}/m.yml"'), "Main")
    made = session(bundle, Settings(keeping=Keeping("memory", "me")), sim=True)
    assert made.outputs["out"] == ["cancelled", "done"]


def test_one_plan_that_ends_leaves_the_other_one_its_rest(tmp_path: Path) -> None:
    """Whoever listens for decisions on the second plan looks now and then, and not all the time."""
    from cogc.run.background import Background
    from cogc.run.plans import Plans

    looked = 0

    async def main() -> None:
        nonlocal looked
        background = Background()
        async with background.open() as nursery:
            made = Plans(Keeping("memory", "me"), People({}), background, lambda _call: None)
            first, second = [await made.call("open", [n, "g", [], {}, ""], 1) for n in ("A", "B")]
            told = made._next

            def counted(id: str) -> Any:
                nonlocal looked
                looked += 1
                return told(id)

            made._next = counted  # type: ignore[method-assign]
            await made.call("save", [{**second, "status": "executing"}], 2)
            nursery.start_soon(made.call, "outside", [second["id"]], 3)
            await made.call("save", [{**first, "status": "completed"}], 4)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert 1 <= looked < 10


def test_a_second_plan_of_a_tool_is_refused_while_one_is_open(tmp_path: Path) -> None:
    text = DRAWN.replace("APPROVE", "system") + "agent Chief { model: m, tools: [Made] }\n"
    create = {"name": "plan_create", "input": {"goal": "Sail"}}
    script = rules(
        ("one goal at a time", "refused"), ("Sail home", {"tools": [create]}), ('"approved"', {"tools": [create]}),
        ("in at most 3 steps", {"reply": PLANNED}),
    )  # fmt: skip
    made = run(tmp_path, text, script, "Chief", "Sail home", channel="task")
    assert made.outputs["result"] == ["refused"], made.outputs


def test_the_time_of_an_approval_from_outside_has_the_form_that_it_has_in_a_run() -> None:
    plan: dict[str, Any] = {"status": "draft", "steps": []}
    _apply(plan, {"action": "approve", "source": "user", "by": "ada", "user": "ada"}, 1.5)
    assert plan["approval"]["at"] == "1970-01-01T00:00:01.5Z"


LOOPS = """
model m = scripted "m.yml"
program bump() -> string = shell ["sh", "-c", "echo x >> FOLDER/tries; echo ok"] { timeout: 5s }
program enough() -> bool = shell ["sh", "-c", "[ $(wc -l < FOLDER/tries) -ge WANTED ] && echo true || echo false"] { output: json }
agent Dev { model: m, tools: [bump] }
dod Ready { enough: enough()
  max_loops: 3
  fix: Dev }
plan P { goal: "x"
  approve: system
  step code by Dev { dod: Ready }: "bump" }
"""


@pytest.mark.parametrize("wanted", [1, 2])
def test_a_plan_that_is_shown_says_where_work_was_not_good_enough_at_first(wanted: int, tmp_path: Path) -> None:
    text = LOOPS.replace("FOLDER", str(tmp_path)).replace("WANTED", str(wanted))
    script = "- tools: [{name: bump, input: {}}]\n- reply: done\n" * 2
    plan = last(run(tmp_path, text, script, "P", sim=False))
    assert plan["status"] == "completed" and plan["steps"][0]["loops"] == wanted
    assert ("not met at first: met in loop 2" in show(plan)) == (wanted == 2)
