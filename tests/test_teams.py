"""Teams: a lead, workers, the bus between them, what they share, and those who look on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cogc.run.control_client import ask
from cogc.run.session import Session
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from support.cli import cogc_here
from support.paths import ROOT
from support.scripts import rules
from support.sessions import session
from support.specs import build, codes
from support.state import state
from support.waiting import DEADLINE, wait_for

HEAD = """
model m = scripted "m.yml"
agent Lead { model: m, system: "You lead.", output: string }
agent Developer { description: "Writes code.", model: m }
agent Reviewer { model: m, system: "You review." }
"""
TEAM = HEAD + "team Crew { lead: Lead, workers: [Developer * 2, Reviewer]\n MORE\n }\n"


def run(folder: Path, text: str, script: str, task: str = "Build it", root: str = "Crew", **more: Any) -> Session:
    (folder / "m.yml").write_text(script)
    bundle = build(text.replace('"m.yml"', f'"{folder}/m.yml"'), root)
    return session(bundle, Settings(str(folder)), **{"inputs": [("task", task)], "sim": True, **more})


def call(name: str, **given: Any) -> dict[str, Any]:
    return {"name": name, "input": given}


def tools(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"tools": list(calls)}


def workers(made: Session, when: int = -1) -> dict[str, str]:
    return {w["name"]: w["state"] for w in made.outputs["status"][when]["workers"]}


# ---- delegate and supervise --------------------------------------------------------------------------------------


def test_the_lead_gives_each_worker_its_own_task_and_they_work_side_by_side(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("delegate", worker="Developer", task="job-1"), call("delegate", worker="Developer", task="job-2"))),
        ("job-1", {"reply": "did one", "delay": "20s"}), ("job-2", {"reply": "did two", "delay": "30s"}),
        ("did two", "built"),
    )  # fmt: skip
    made = run(tmp_path, TEAM.replace("MORE", "mode: delegate"), script)
    assert made.outputs["result"] == ["built"]
    assert 30e9 <= made.kernel.now < 31e9
    assert [s["state"] for s in made.outputs["status"]][-1] == "completed"
    assert workers(made) == {"Developer-1": "completed", "Developer-2": "completed", "Reviewer": "idle"}


def test_no_more_than_max_workers_work_at_a_time_and_the_rest_wait(tmp_path: Path) -> None:
    calls = [call("delegate", worker=w, task=f"task {i}") for i, w in enumerate(("Developer", "Developer", "Reviewer"))]
    script = rules(("Build it", tools(*calls)), ("task", {"reply": "done so", "delay": "10s"}), ("done so", "built"))
    made = run(tmp_path, TEAM.replace("MORE", "max_workers: 1"), script)
    assert made.outputs["result"] == ["built"] and 30e9 <= made.kernel.now < 31e9
    most = max(sum(w["state"] == "running" for w in s["workers"]) for s in made.outputs["status"])
    assert most == 1


def test_a_named_worker_gets_its_task_and_an_unknown_one_is_an_answer(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("delegate", worker="Developer-2", task="job-1"))),
        ("job-1", "x1"), ("x1", tools(call("delegate", worker="Nobody", task="job-2"))),
        ("there is no worker Nobody", "nobody there"),
    )  # fmt: skip
    made = run(tmp_path, TEAM.replace("MORE", ""), script)
    assert made.outputs["result"] == ["nobody there"] and workers(made)["Developer-2"] == "completed"


def test_a_background_worker_tells_when_it_is_done_and_can_be_waited_for(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("delegate", worker="Reviewer", task="inspect", background=True))),
        ("inspect", {"reply": "looked", "delay": "5s"}),
        ('"pending"', tools(call("wait_worker", ticket=1))),
        ('"output": "looked"', tools(call("wait_worker", ticket=7))),
        ("no ticket 7", "fine"),
    )  # fmt: skip
    made = run(tmp_path, TEAM.replace("MORE", ""), script)
    assert made.outputs["result"] == ["fine"]


def test_the_lead_supervises_workers_on_the_same_task(tmp_path: Path) -> None:
    script = rules(("Developer-1 says", "all agreed"), ("Build it", {"reply": "my view", "delay": "9s"}))
    made = run(tmp_path, TEAM.replace("MORE", "mode: supervise"), script)
    assert made.outputs["result"] == ["all agreed"]
    assert set(workers(made).values()) == {"completed"} and 9e9 <= made.kernel.now < 10e9


def test_workers_that_fail_leave_the_team_running(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("delegate", worker="Developer", task="job-1"), call("delegate", worker="Reviewer", task="job-2"))),
        ("job-1", {"error": {"message": "no hands"}}), ("job-2", "seen"), ("no hands", "half built"),
    )  # fmt: skip
    made = run(tmp_path, TEAM.replace("MORE", ""), script)
    assert made.outputs["result"] == ["half built"]
    assert workers(made) == {"Developer-1": "failed", "Developer-2": "idle", "Reviewer": "completed"}


def test_a_lead_that_fails_fails_the_task_and_the_next_one_goes_on(tmp_path: Path) -> None:
    script = rules(("Build it", {"error": {"message": "out"}}), ("Try again", "better"))
    made = run(tmp_path, TEAM.replace("MORE", ""), script, inputs=[("task", "Build it"), ("task", "Try again")])
    assert made.outputs["failed"][0]["message"].count("out") and made.outputs["result"] == ["better"]


def test_what_still_works_when_the_lead_is_done_is_cancelled(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("delegate", worker="Reviewer", task="inspect"))),
        ("inspect", {"reply": "late", "delay": "50s"}),
    )  # fmt: skip
    text = TEAM.replace("MORE", "").replace("output: string }", "output: string, timeout: 5s }")
    made = run(tmp_path, text, script)
    assert "took longer than 5s" in made.outputs["failed"][0]["message"] and made.kernel.now < 6e9
    assert workers(made, -1)["Reviewer"] == "failed" and "background" not in made.outputs


BACKGROUND = ("Build it", tools(call("delegate", worker="Reviewer", task="inspect", background=True)))


def test_work_in_the_background_goes_on_when_the_lead_is_done(tmp_path: Path) -> None:
    script = rules(BACKGROUND, ("inspect", {"reply": "late", "delay": "50s"}), ('"pending"', "no time"))
    made = run(tmp_path, TEAM.replace("MORE", ""), script)
    assert made.outputs["result"] == ["no time"] and 50e9 <= made.kernel.now < 51e9
    assert made.outputs["background"] == [
        {"ticket": 1, "worker": "Reviewer", "task": "inspect", "success": True, "output": "late", "error": None}
    ]


@pytest.mark.parametrize("worker, name", [("Reviewer", "Reviewer"), ("Developer", "Developer-1")])
def test_work_in_the_background_that_fails_when_the_lead_is_done_is_said(
    worker: str, name: str, tmp_path: Path
) -> None:
    begun = ("Build it", tools(call("delegate", worker=worker, task="inspect", background=True)))
    script = rules(begun, ("inspect", {"error": {"message": "oops"}, "delay": "50s"}), ('"pending"', "no time"))
    trace = io.BytesIO()
    writer = TraceWriter(trace)
    made = run(tmp_path, TEAM.replace("MORE", ""), script, trace=writer)
    writer.flush()
    assert made.outputs["result"] == ["no time"] and made.outputs["background"][0]["error"] == f"`{worker}`: oops"
    logged = [r["data"] for r in map(json.loads, trace.getvalue().splitlines()) if r["kind"] == "log"]
    assert logged == [f"{name} failed in the background when the lead was done: `{worker}`: oops"]


def test_the_lead_hears_of_work_in_the_background_with_its_next_task(tmp_path: Path) -> None:
    script = rules(
        ("ticket 1:", "I have heard"), BACKGROUND, ("inspect", {"reply": "late", "delay": "5s"}),
        ('"pending"', "no time"), ("Go on", {"reply": "sure", "delay": "9s"}),
    )  # fmt: skip
    made = run(tmp_path, TEAM.replace("MORE", ""), script, inputs=[("task", "Build it"), ("task", "Go on")])
    assert made.outputs["result"] == ["no time", "I have heard"]
    assert [b["output"] for b in made.outputs["background"]] == ["late"]


def test_workers_that_are_told_the_next_task_end_their_work_in_the_background_first(tmp_path: Path) -> None:
    inspect = tools(call("delegate", worker="Reviewer", task="inspect", background=True))
    script = rules(
        ("ticket 2:", "I have heard"), ("Reviewer says: once", inspect), ("inspect", {"reply": "late", "delay": "5s"}),
        ('"pending"', "no time"), ("Build it", "once"), ("Go on", {"reply": "twice", "delay": "3s"}),
    )  # fmt: skip
    text = TEAM.replace("MORE", "mode: supervise").replace("[Developer * 2, Reviewer]", "[Reviewer]")
    made = run(tmp_path, text, script, inputs=[("task", "Build it"), ("task", "Go on")])
    assert made.outputs["result"] == ["no time", "I have heard"] and 8e9 <= made.kernel.now < 9e9


def test_the_team_is_stopped_with_its_work_in_the_background(tmp_path: Path) -> None:
    calls = [call("delegate", worker="Reviewer", task=f"inspect {i}", background=True) for i in (1, 2)]
    script = rules(
        ("Build it", tools(*calls)), ("inspect", {"reply": "late", "delay": "50s"}), ('"pending"', "no time")
    )
    text = (
        TEAM.replace("MORE", "")
        + """
coglet Main {
  listen task: string
  transmit result: any
  transmit background: any
  create crew = Crew
  link self.task -> crew.task
  link crew.background -> self.background
  on crew.result as r { result <- r; guide crew.stop() }
}
"""
    )
    made = run(tmp_path, text, script, root="Main")
    assert made.outputs["result"] == ["no time"] and made.kernel.now < 1e9
    ended = {b["ticket"]: (b["success"], b["error"]) for b in made.outputs["background"]}
    assert ended == {1: (False, "the task was cancelled"), 2: (False, "the work was cancelled before it began")}


def test_a_cancelled_task_leaves_the_work_in_the_background_alone(tmp_path: Path) -> None:
    script = rules(
        BACKGROUND, ("inspect", {"reply": "late", "delay": "50s"}), ('"pending"', {"error": {"message": "x"}})
    )
    made = run(tmp_path, TEAM.replace("MORE", ""), script)
    assert len(made.outputs["failed"]) == 1 and [b["output"] for b in made.outputs["background"]] == ["late"]


@pytest.mark.parametrize("word", ["cancel", "stop"])
def test_a_task_is_cancelled_before_the_lead_is_told_what_its_workers_say(word: str, tmp_path: Path) -> None:
    text = (
        TEAM.replace("MORE", "mode: supervise, max_workers: 2")
        + """
coglet Main {
  listen task: string
  transmit failed: any
  create crew = Crew
  link self.task -> crew.task
  link crew.failed -> self.failed
  on crew.status as s {
    if len([w for w in s.workers if w.state == "running"]) == 2 { guide crew.WORD() }
  }
}
""".replace("WORD", word)
    )
    made = run(tmp_path, text, rules(("Build it", {"reply": "late", "delay": "50s"})), root="Main")
    assert made.outputs["failed"] == [{"task": "Build it", "kind": "cancelled", "message": "the task was cancelled"}]
    assert made.kernel.now < 1e9


# ---- the bus -----------------------------------------------------------------------------------------------------


def test_messages_go_to_one_to_several_and_to_all(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("delegate", worker="Reviewer", task="inspect"))),
        ("inspect", tools(call("send_message", to="lead", message="m1"), call("send_message", to=["Developer-1", "Developer-2"], message="m2"),
                       call("send_message", to="all", message="m3"), call("send_message", to="Nobody", message="m4"))),
        ("there is no Nobody", "looked"), ("Message from Reviewer: m1", "heard"), ("looked", "not heard"),
    )  # fmt: skip
    made = run(tmp_path, TEAM.replace("MORE", ""), script)
    assert [(m["from"], m["to"], m["content"]) for m in made.outputs["message"]] == [
        ("Reviewer", ["lead"], "m1"),
        ("Reviewer", ["Developer-1", "Developer-2"], "m2"),
        ("Reviewer", ["lead", "Developer-1", "Developer-2"], "m3"),
    ]
    assert made.outputs["result"] == ["heard"] and made.outputs["status"][-1]["messages"] == 3


def test_a_message_to_one_who_has_nothing_to_do_is_heard_with_the_next_task(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("send_message", to="Reviewer", message="be strict"))),
        ('"sent"', tools(call("delegate", worker="Reviewer", task="inspect"))),
        ("Message from lead: be strict", "strictly"), ("inspect", "kindly"), ("strictly", "S"), ("kindly", "K"),
    )  # fmt: skip
    made = run(tmp_path, TEAM.replace("MORE", ""), script)
    assert made.outputs["result"] == ["S"]


def test_a_pause_takes_no_time_from_what_a_lead_waits_for(tmp_path: Path) -> None:
    main = """
    coglet Main {
      transmit out: any
      create crew = Crew
      on start { crew.task <- "Build it" }
      after 50s { guide crew.pause() }
      after 100s { guide crew.resume() }
      on crew.result as r { out <- r }
      on crew.failed as f { out <- f.message }
    }
    """
    script = rules(
        ('"you": "Reviewer"', {"reply": "seen", "delay": "15s"}),
        ("seen", "built"),
        ("Build it", tools(call("delegate", worker="Reviewer", task="inspect"))),
        ("inspect", {**tools(call("team_status")), "delay": "40s"}),
    )
    (tmp_path / "m.yml").write_text(script)
    bundle = build((TEAM.replace("MORE", "") + main).replace('"m.yml"', f'"{tmp_path}/m.yml"'), "Main")
    made = session(bundle, Settings(str(tmp_path)), sim=True)
    assert made.outputs["out"] == ["built"]


def test_members_ask_who_is_there(tmp_path: Path) -> None:
    script = rules(('"you": "lead"', "me"), ("Build it", tools(call("team_status"))))
    assert run(tmp_path, TEAM.replace("MORE", ""), script).outputs["result"] == ["me"]


# ---- a shared record ---------------------------------------------------------------------------------------------

SHARED = "type Board = { design: string, files: [string] = [] }\n" + TEAM.replace(
    "MORE", 'shared: Board, initial: { design: "none" }\n MORE'
)


def test_members_read_and_change_the_shared_record_and_stale_or_wrong_changes_are_refused(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("propose", changes={"design": "A"}, version=1))),
        ('"accepted": true', tools(call("propose", changes={"design": "B"}, version=1))),
        ("at version 2 by now", tools(call("propose", changes={"design": 7}, version=2))),
        ('"accepted": false', tools(call("read_shared"))),
        ('"version": 2', "enough"),
    )  # fmt: skip
    made = run(tmp_path, SHARED.replace("MORE", ""), script)
    assert made.outputs["result"] == ["enough"]
    assert [(s["value"], s["version"], s["by"]) for s in made.outputs["shared"]] == [
        ({"design": "A", "files": []}, 2, "lead")
    ]


def test_the_lead_decides_on_what_workers_propose(tmp_path: Path) -> None:
    script = rules(
        ("Build it", tools(call("delegate", worker="Reviewer", task="inspect"))),
        ("inspect", tools(call("propose", changes={"files": ["a"]}, version=1, reason="seen"))),
        ('"state": "pending"', "proposed"),
        ("Proposal 1 by Reviewer", tools(call("decide", proposal=1, accept=True))),
        ('"accepted": true', tools(call("decide", proposal=1, accept=True))),
        ("no open proposal", "decided"),
    )  # fmt: skip
    made = run(tmp_path, SHARED.replace("MORE", "accept: lead"), script)
    assert made.outputs["result"] == ["decided"]
    assert [(s["value"]["files"], s["by"], s["reason"]) for s in made.outputs["shared"]] == [
        (["a"], "Reviewer", "seen")
    ]
    assert made.outputs["message"][0]["to"] == ["Reviewer"]


def test_mistakes_of_teams_are_found() -> None:
    assert codes(HEAD + "team T { lead: Lead }") == ["missing-attribute"]
    assert codes(HEAD + "team T { lead: Lead, workers: [Nobody] }") == ["unknown-name"]
    assert codes(HEAD + "team T { lead: m, workers: [Reviewer] }") == ["wrong-kind"]
    assert codes(HEAD + "team T { lead: Lead, workers: [Reviewer], mode: boss }") == ["bad-word"]
    assert codes(HEAD + "team T { lead: Lead, workers: [Reviewer], max_workers: 0 }") == ["out-of-range"]
    assert "wrong-type" in codes(SHARED.replace('{ design: "none" }', "{ design: 1 }").replace("MORE", ""))


# ---- coglets, budgets, plans -------------------------------------------------------------------------------------


def test_a_team_is_a_child_like_any_other_and_takes_steps_of_plans(tmp_path: Path) -> None:
    text = (
        TEAM.replace("MORE", "")
        + 'plan P { goal: "g", approve: system\n step a by Crew: "Build it"\n step b by Crew after a: "More {{ a }}" }\n'
    )
    script = rules(("Build it", "built"), ("More built", "done"))
    made = run(tmp_path, text, script, "", "P", inputs=[("goal", "")])
    assert made.outputs["result"] == [{"a": "built", "b": "done"}]


def test_one_budget_holds_the_whole_team(tmp_path: Path) -> None:
    used = {"usage": {"input": 40, "output": 20}}
    script = rules(
        ("Build it", {**tools(call("delegate", worker="Developer", task="job-1")), **used}),
        ("job-1", {"reply": "did one", **used}), ("did one", {"reply": "built", **used}),
    )  # fmt: skip
    text = TEAM.replace("MORE", "budget: { tokens: 100 }")
    made = run(tmp_path, text, script)
    assert made.outputs["failed"][0]["kind"] == "budget"
    assert run(tmp_path, text.replace("100", "10_000"), script).outputs["result"] == ["built"]
    made = run(tmp_path, TEAM.replace("MORE", "budget: { turns: 2 }"), script)
    assert made.outputs["failed"][0]["kind"] == "budget" and "2 turns" in made.outputs["failed"][0]["message"]
    slow = script.replace('"reply": "did one"', '"reply": "did one", "delay": "9s"')
    made = run(tmp_path, TEAM.replace("MORE", "budget: { time: 5s }"), slow)
    assert "failed" in made.outputs and made.kernel.now <= 5.1e9


# ---- from outside ------------------------------------------------------------------------------------------------


def test_people_see_and_steer_a_team_that_is_at_work(tmp_path: Path) -> None:
    script = rules(
        ("looked fast", "built"), ("Build it", tools(call("delegate", worker="Reviewer", task="inspect"))),
        ("Message from user: hurry", "looked fast"), ("inspect", tools(call("nap"))), ("rested", tools(call("nap"))),
    )  # fmt: skip
    nap = 'program nap() -> string = shell ["sh", "-c", "sleep 0.3; echo rested $(date +%N)"]\n'
    text = nap + TEAM.replace("MORE", "").replace(
        'agent Reviewer { model: m, system: "You review." }',
        "agent Reviewer { model: m, tools: [nap], max_turns: 500 }",
    )
    (tmp_path / "m.yml").write_text(script)
    (tmp_path / "spec.cog").write_text(text)
    words = [sys.executable, "-m", "cogc", "run", "spec.cog", "--goal", "Build it", "--control", "--output", "json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            wait_for(lambda: "Reviewer running (inspect)" in cogc_here("team", cwd=tmp_path).stdout)
            assert cogc_here("team", "pause", "Reviewer", cwd=tmp_path).returncode == 0
            assert "Reviewer running (inspect), paused" in cogc_here("team", "status", cwd=tmp_path).stdout
            assert cogc_here("team", "send", "Reviewer", "hurry", cwd=tmp_path).returncode == 0
            assert process.poll() is None
            shown = cogc_here("team", "inbox", "Reviewer", cwd=tmp_path).stdout
            assert (
                shown.endswith("user -> Reviewer: hurry\n")
                and shown == cogc_here("team", "history", cwd=tmp_path).stdout
            )
            assert json.loads(cogc_here("team", "outbox", "user", "--json", cwd=tmp_path).stdout)["content"] == "hurry"
            assert cogc_here("team", "outbox", "Reviewer", cwd=tmp_path).stdout == ""
            for wrong, why in (
                (["send", "Nobody", "x"], "has no Nobody"),
                (["send", "lead"], "takes TO MESSAGE"),
                (["--team", "x"], "no team x"),
            ):
                done = cogc_here("team", *wrong, cwd=tmp_path)
                assert done.returncode == 2 and why in done.stderr
            (door,) = state(tmp_path).glob("runs/*/control")
            for data, why in (
                ({}, "no command"),
                ({"command": "send", "to": "lead"}, "needs `message`"),
                ({"command": "send", "to": 7, "message": "", "sender": ""}, "`to`"),
            ):
                assert why in ask(door, {"action": "guide", "id": "Crew", "data": data})["error"]
            assert cogc_here("team", "clear", cwd=tmp_path).returncode == 0
            assert cogc_here("team", "history", cwd=tmp_path).stdout == ""
            assert cogc_here("team", "resume", cwd=tmp_path).returncode == 0
            out, err = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert '{"channel":"result","data":"built","seq":' in out
    assert "there is no run under way" in cogc_here("team", cwd=tmp_path).stderr


def test_cancelling_a_team_ends_its_task_with_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(rules(("Build it", {"reply": "x", "delay": "50s"})))
    (tmp_path / "spec.cog").write_text(TEAM.replace("MORE", ""))
    words = [sys.executable, "-m", "cogc", "run", "spec.cog", "--goal", "Build it", "--control"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            wait_for(lambda: cogc_here("team", cwd=tmp_path).returncode == 0)
            assert cogc_here("team", "cancel", cwd=tmp_path).returncode == 0
            _, err = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert process.returncode == 3 and "the team failed" in err


@pytest.mark.parametrize("more", ["mode: delegate", "mode: supervise, max_workers: 2", "budget: { usd: 1.0 }"])
def test_the_example_of_the_language_is_accepted(more: str) -> None:
    text = TEAM.replace("MORE", more).replace('scripted "m.yml"', 'anthropic "claude-haiku-5-5"')
    assert codes(text) == []
