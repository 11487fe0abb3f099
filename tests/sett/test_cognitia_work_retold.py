"""What Cognitia's own tests say of its message bus, its plans, its definitions of done and its sub-agents, retold.

Each case bears the name of the test there. Nothing here starts a process or waits: the test answers for models, commands and people,
on a virtual clock. `test_cognitia_retold.py` has the queue and the registry.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.commands import team as team_command
from cogc.kernel.models import steering
from cogc.language.values import Failure, plain
from cogc.stores.plans import PlanStore, decided, open_plans
from support.criteria import criteria
from support.plans import last, run, statuses
from support.scripts import rules
from support.sim import Sim
from support.spawning import FIRST, Play
from support.specs import codes

# ---- the bus -------------------------------------------------------------------------------------------------

CREW = """model m = anthropic "claude-haiku-5-5"
agent Lead { model: m, timeout: 1h }
agent Worker { model: m, timeout: 1h }
team Crew { lead: Lead, workers: [Worker * 3] }
"""


class Bus:
    """A team that has been given a task, of which all three workers are at work; and `cogc team`, which looks at it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.sim = Sim(CREW, "Crew").send("task", "go")
        self.uses("Lead", *(("delegate", {"worker": f"Worker-{i}", "task": f"job {i}"}) for i in (1, 2, 3)))
        monkeypatch.setattr(team_command, "socket_of", lambda state, run: Path("door"))
        monkeypatch.setattr(team_command, "ask", self._ask)

    def uses(self, who: str, *calls: tuple[str, dict[str, Any]], ask: int | None = None) -> None:
        """Let a member call tools of the team."""
        at = [a.program for a in self.sim.asks].index(who) if ask is None else ask
        content = [{"type": "tool_use", "id": f"u{i}", "name": n, "input": g} for i, (n, g) in enumerate(calls)]
        self.sim.reply(ask=at, content=content, stop="tool_use")

    def says(self, worker: int, to: Any, message: str) -> None:
        """Let one of the workers send a message."""
        paths = [a.path for a in self.sim.asks]
        self.uses("", ("send_message", {"to": to, "message": message}), ask=paths.index(f"Crew/Worker[{worker - 1}]"))

    def _ask(self, path: Path, request: dict[str, Any]) -> dict[str, Any]:
        """Answer for the run, as its door does."""
        if request["action"] == "teams":
            return {"ok": plain(steering.of_kind(self.sim.kernel, "team"))}
        try:
            done = steering.steer(self.sim.kernel, request["action"], request["id"], request["data"])
        except Failure as failure:
            return {"error": failure.message}
        self.sim.settle()
        return {"ok": done}

    def command(self, *words: str) -> str:
        """Return what `cogc team` prints."""
        parser = ArgumentParser()
        team_command.arguments(parser)
        self.capsys.readouterr()
        assert team_command.run(parser.parse_args(list(words))) == 0
        return self.capsys.readouterr().out

    def inbox(self, member: str) -> list[str]:
        return [json.loads(line)["content"] for line in self.command("inbox", member, "--json").splitlines()]

    def heard(self, worker: int) -> list[str]:
        """Return what a worker is told before its next step."""
        path = f"Crew/Worker[{worker - 1}]"
        self.uses("", ("team_status", {}), ask=[a.path for a in self.sim.asks].index(path))
        (ask,) = [a for a in self.sim.asks if a.path == path]
        return [b["text"] for b in ask.request["messages"][-1]["content"] if b["type"] == "text"]


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bus:
    return Bus(monkeypatch, capsys)


def test_send_and_receive(bus: Bus) -> None:
    bus.command("send", "Worker-1", "begin")
    assert bus.inbox("Worker-1") == ["begin"]


def test_inbox_empty(bus: Bus) -> None:
    assert bus.inbox("Worker-1") == []


def test_multiple_messages(bus: Bus) -> None:
    for to, said in (("Worker-1", "m1"), ("Worker-1", "m2"), ("Worker-2", "m3")):
        bus.command("send", to, said)
    assert (bus.inbox("Worker-1"), bus.inbox("Worker-2")) == (["m1", "m2"], ["m3"])


def test_broadcast(bus: Bus) -> None:
    bus.says(1, "all", "start")
    assert [bus.inbox(m) for m in ("lead", "Worker-1", "Worker-2", "Worker-3")] == [["start"], [], ["start"], ["start"]]


def test_broadcast_to_recipients(bus: Bus) -> None:
    bus.says(1, ["Worker-2", "lead"], "start")
    assert [bus.inbox(m) for m in ("lead", "Worker-2", "Worker-3")] == [["start"], ["start"], []]
    assert len(bus.command("history").splitlines()) == 1, "one message to two, where the other system kept two"


def test_get_outbox(bus: Bus) -> None:
    bus.says(1, "lead", "the result")
    (sent,) = bus.command("outbox", "Worker-1", "--json").splitlines()
    assert json.loads(sent)["content"] == "the result" and bus.command("outbox", "Worker-2") == ""


def test_history_in_order_and_clear(bus: Bus) -> None:
    bus.says(1, "Worker-2", "1")
    bus.says(2, "Worker-1", "2")
    assert [line.split("  ")[1] for line in bus.command("history").splitlines()] == [
        "Worker-1 -> Worker-2: 1", "Worker-2 -> Worker-1: 2",
    ]  # fmt: skip
    bus.command("clear")
    assert bus.command("history") == "" and bus.inbox("Worker-1") == []


def test_send_message_delivers(bus: Bus) -> None:
    bus.command("send", "Worker-1", "look at the tests")
    assert bus.heard(1) == ["Message from user: look at the tests"] and bus.heard(2) == []


def test_worker_replies_to_lead_and_the_lead_hears_it_before_its_next_step(bus: Bus) -> None:
    bus.says(2, "lead", "done: five")
    for _ in range(3):
        bus.sim.reply("ready", ask=0)
    (ask,) = bus.sim.asks
    assert ask.program == "Lead"
    assert [b["text"] for b in ask.request["messages"][-1]["content"] if b["type"] == "text"] == [
        "Message from Worker-2: done: five"
    ]


def test_message_count_in_status(bus: Bus) -> None:
    bus.command("send", "Worker-1", "a")
    bus.says(1, "lead", "b")
    assert json.loads(bus.command("status", "--json"))["messages"] == 2
    assert bus.sim.sent("message")[-1]["content"] == "b"


def test_worker_specs_advertise_send_message(bus: Bus) -> None:
    for ask in bus.sim.asks:
        assert "send_message" in [t["name"] for t in ask.request["tools"]], ask.path


@pytest.mark.parametrize(
    "words", [("send", "Nobody", "x"), ("pause", "Nobody"), ("resume", "Nobody"), ("inbox", "Nobody")]
)
def test_unknown_agent_is_refused_where_the_other_system_did_nothing(bus: Bus, words: tuple[str, ...]) -> None:
    with pytest.raises(Exception, match="the team has no Nobody; it has lead, Worker-1, Worker-2, Worker-3"):
        bus.command(*words)


def test_pause_and_resume_of_one_worker(bus: Bus) -> None:
    bus.command("pause", "Worker-1")
    at = [a.path for a in bus.sim.asks].index("Crew/Worker[0]")
    bus.uses("", ("team_status", {}), ask=at)
    assert "Crew/Worker[0]" not in [a.path for a in bus.sim.asks], "it is held before its next step"
    assert "Worker-1 running (job 1), paused" in bus.command("status")
    bus.command("resume", "Worker-2")
    assert "Worker-1 running (job 1), paused" in bus.command("status"), "to resume one that is not paused does nothing"
    bus.command("resume", "Worker-1")
    assert "Crew/Worker[0]" in [a.path for a in bus.sim.asks]


def test_team_full_lifecycle_start_to_complete(bus: Bus) -> None:
    assert json.loads(bus.command("status", "--json"))["state"] == "running"
    for _ in range(3):
        bus.sim.reply("done by worker", ask=0)
    bus.sim.reply("all done")
    status = json.loads(bus.command("status", "--json"))
    assert status["state"] == "completed" and {w["state"] for w in status["workers"]} == {"completed"}


def test_status_of_failed_workers_is_told_and_the_lead_decides(bus: Bus) -> None:
    """The other system calls a team failed if all its workers have; here that is an answer to the lead."""
    for _ in range(3):
        bus.sim.reply(ask=0, error={"message": "boom", "retry": False})
    assert {w["state"] for w in json.loads(bus.command("status", "--json"))["workers"]} == {"failed"}
    bus.sim.reply("I did it myself")
    assert bus.sim.sent("result") == ["I did it myself"]


def test_stop_cancels_all(bus: Bus) -> None:
    bus.command("stop")
    assert not bus.sim.asks and bus.sim.sent("failed")[0]["kind"] == "cancelled"


# ---- plans: the store ----------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite"])
def plans(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[PlanStore], Awaitable[None]]], None]:
    """Run a test with a store of plans."""
    name = "memory" if request.param == "memory" else f"sqlite:{tmp_path}/p.db"

    def go(act: Callable[[PlanStore], Awaitable[None]]) -> None:
        async def main() -> None:
            async with open_plans(name) as store:
                await act(store)

        trio.run(main)

    return go


def plan(id: str = "p1", goal: str = "test", user: str = "u1", topic: str = "t1", **more: Any) -> dict[str, Any]:
    steps = [
        {
            "id": s,
            "task": s,
            "by": "Dev",
            "after": [],
            "status": "pending",
            "result": None,
            "written": False,
            "dod": ["criterion A"],
        }
        for s in ("s1", "s2")
    ]
    return {
        "id": id, "name": "P", "goal": goal, "user": user, "topic": topic, "status": "draft", "steps": steps, "approval": None,
        "feedback": [], "created_at": 1.0, "planner": "", **more,
    }  # fmt: skip


APPROVE = {"action": "approve", "source": "user", "by": "ann", "user": "1000"}


def test_save_and_load(plans: Any) -> None:
    async def act(store: PlanStore) -> None:
        await store.save(plan())
        assert await store.load("p1") == plan()

    plans(act)


def test_load_nonexistent(plans: Any) -> None:
    async def act(store: PlanStore) -> None:
        assert await store.load("missing") is None and await store.list() == []

    plans(act)


def test_save_overwrites(plans: Any) -> None:
    async def act(store: PlanStore) -> None:
        await store.save(plan())
        await store.save(plan(status="approved"))
        assert [p["status"] for p in await store.list()] == ["approved"]

    plans(act)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"user": "u1", "topic": "t1"}, ["a", "b"]),
        ({"user": "u2"}, ["c"]),
        ({"user": "u1", "topic": "t2"}, []),
        ({}, ["a", "b", "c"]),
    ],
)
def test_list_plans_by_namespace(plans: Any, wanted: dict[str, str], found: list[str]) -> None:
    async def act(store: PlanStore) -> None:
        for id, user in (("a", "u1"), ("b", "u1"), ("c", "u2")):
            await store.save(plan(id, user=user))
        assert [p["id"] for p in await store.list(**wanted)] == found

    plans(act)


def test_update_step(plans: Any) -> None:
    async def act(store: PlanStore) -> None:
        made = plan()
        await store.save(made)
        await store.save(
            {**made, "steps": [{**made["steps"][0], "status": "completed", "result": "done"}, *made["steps"][1:]]}
        )
        found = await store.load("p1")
        assert found is not None and [s["status"] for s in found["steps"]] == ["completed", "pending"]
        assert found["steps"][0]["result"] == "done" and found["steps"][0]["dod"] == ["criterion A"]

    plans(act)


@pytest.mark.parametrize(("id", "step"), [("missing", "s1"), ("p1", "s999")])
def test_update_step_missing_plan_and_update_step_not_found(plans: Any, id: str, step: str) -> None:
    async def act(store: PlanStore) -> None:
        await store.save(plan())
        asked = {"action": "approve", "source": "user", "by": "me", "user": "me", "tasks": {step: "another task"}}
        with pytest.raises(ValueError, match=f"there is no plan {id}|has no step {step}"):
            await store.decide(id, asked)
        assert await store.load("p1") == plan()

    plans(act)


@pytest.mark.parametrize("source", ["user", "agent", "system"])
def test_approve_by_user_agent_and_system_persists(plans: Any, source: str) -> None:
    async def act(store: PlanStore) -> None:
        await store.save(plan())
        await store.decide("p1", {**APPROVE, "source": source})
        found = await store.load("p1")
        assert found is not None and found["status"] == "approved"
        assert (found["approval"]["source"], found["approval"]["by"]) == (source, "ann")

    plans(act)


def test_approve_nonexistent(plans: Any) -> None:
    async def act(store: PlanStore) -> None:
        with pytest.raises(ValueError, match="there is no plan missing"):
            await store.decide("missing", APPROVE)

    plans(act)


def test_cancel_plan_is_saved(plans: Any) -> None:
    async def act(store: PlanStore) -> None:
        await store.save(plan())
        assert (await store.decide("p1", {"action": "cancel"}))["status"] == "cancelled"
        found = await store.load("p1")
        assert found is not None and found["status"] == "cancelled"

    plans(act)


@pytest.mark.parametrize(
    ("status", "action", "why"),
    [
        ("approved", "approve", "is approved already"),
        ("executing", "approve", "is executing already"),
        ("completed", "approve", "is completed"),
        ("completed", "cancel", "is completed"),
        ("cancelled", "approve", "is cancelled"),
        ("draft", "replan", "no planner"),
    ],
)
def test_approve_non_draft_raises(status: str, action: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decided(plan(status=status), {**APPROVE, "action": action})


@pytest.mark.parametrize("status", ["draft", "approved", "executing"])
def test_cancel_plan_from_any_open_status(status: str) -> None:
    assert decided(plan(status=status), {"action": "cancel"})["action"] == "cancel"


# ---- plans: carried out, and as tools ------------------------------------------------------------------------

PLANNED = """
model m = scripted "m.yml"
agent Architect { model: m, system: "You design." }
agent Developer { description: "Writes code.", model: m }
plan Made { goal: "Ship it", approve: APPROVE, planner: Architect, agents: [Developer] }
agent Chief { model: m, tools: [Made] }
"""
DRAWN = (
    "Make a plan",
    {"reply": {"steps": [{"id": s, "task": f"do {s}", "by": "Developer", "after": []} for s in ("s1", "s2")]}},
)


def carried_out(folder: Path, *answers: tuple[str, Any], approve: str = "system", **more: Any) -> Any:
    return run(folder, PLANNED.replace("APPROVE", approve), rules(DRAWN, *answers), "Made", **more)


def test_create_plan_waits_as_a_draft(tmp_path: Path) -> None:
    made = carried_out(tmp_path, approve="user")
    assert last(made)["status"] == "draft" and last(made)["goal"] == "Ship it" and len(last(made)["steps"]) == 2


def test_create_auto_approve_and_execute_plan(tmp_path: Path) -> None:
    made = carried_out(tmp_path, ("do s1", "A"), ("do s2", "B"))
    assert [p["status"] for p in made.outputs["plan"]][-3:] == ["approved", "executing", "completed"]
    assert made.outputs["result"] == [{"s1": "A", "s2": "B"}] and last(made)["approval"]["source"] == "system"


def test_step_start_complete_and_fail(tmp_path: Path) -> None:
    made = carried_out(
        tmp_path, ("do s1", "A"), ("do s2", {"error": {"message": "API is down"}}), answers={"Made": ["cancel"]}
    )
    assert statuses(made) == {"s1": "completed", "s2": "failed"}
    told = [(s["id"], s["status"]) for s in made.outputs["step"]]
    assert told.index(("s1", "in_progress")) < told.index(("s1", "completed"))
    assert "API is down" in next(s for s in last(made)["steps"] if s["id"] == "s2")["error"]
    assert made.outputs["failed"][0]["kind"] == "step_failed"


def as_tool(folder: Path, *answers: tuple[str, Any], approve: str = "agent, approver: Architect") -> Any:
    text = PLANNED.replace("APPROVE", approve)
    return run(folder, text, rules(*answers, DRAWN, ("do s", "did it")), "Chief", "Go", channel="task")


def uses(name: str, **given: Any) -> dict[str, Any]:
    return {"tools": [{"name": name, "input": given}]}


def test_plan_tools_create_auto_execute_and_status(tmp_path: Path) -> None:
    made = as_tool(
        tmp_path, ("Go", uses("plan_create", goal="Ship", auto_approve=True, auto_execute=True)),
        ('"completed"', "all done"), ('"goal": "Ship"', uses("plan_status")),
    )  # fmt: skip
    assert made.outputs["result"] == ["all done"]


def test_plan_tools_create_empty_goal(tmp_path: Path) -> None:
    made = as_tool(tmp_path, ("Go", uses("plan_create", goal="")), ("the goal is empty", "refused"))
    assert made.outputs["result"] == ["refused"]


@pytest.mark.parametrize("tool", ["plan_status", "plan_execute"])
def test_plan_tools_status_empty_and_execute_missing(tmp_path: Path, tool: str) -> None:
    made = as_tool(tmp_path, ("Go", uses(tool)), ('"status": "none"', "there is none"), approve="system")
    assert made.outputs["result"] == ["there is none"]


# ---- definitions of done -------------------------------------------------------------------------------------

DOD = """model m = anthropic "claude-haiku-5-5"
agent Dev { model: m, timeout: 1h }
dod Done { lint: shell ["lint"], cover: shell ["cover"], fix: Dev, max_loops: 3 }
dod Empty { max_loops: 3 }
"""


def verified(root: str = "Done", *codes: int) -> tuple[dict[str, Any], Sim]:
    """Let a definition of done verify a work, its commands ending with these exit codes; return its verdict."""
    sim, left = Sim(DOD, root), list(codes)
    sim.send("verify", {"task": "Fix it", "work": "w0"})
    while sim.calls or sim.asks:
        if not sim.calls:
            sim.reply(f"w{len(sim.sent('report'))}")
        elif sim.calls[0].program.kind == "python":
            sim.answer(criteria.finding(**sim.calls[0].arguments))
        else:
            sim.answer({"code": left.pop(0), "stdout": "", "stderr": "why"})
    (verdict,) = sim.sent("passed") + sim.sent("failed")
    assert not left
    return verdict, sim


def test_dod_pass_first_try() -> None:
    verdict, _ = verified("Done", 0, 0)
    assert (verdict["status"], verdict["loops"], len(verdict["log"])) == ("passed", 1, 1)
    assert [f["status"] for f in verdict["findings"]] == ["PASS", "PASS"]


def test_dod_fail_then_retry_pass() -> None:
    verdict, _ = verified("Done", 1, 0, 0, 0)
    assert (verdict["status"], verdict["loops"], verdict["work"]) == ("passed", 2, "w1")
    assert [[f["status"] for f in loop] for loop in verdict["log"]] == [["FAIL", "PASS"], ["PASS", "PASS"]]


def test_dod_max_loops_exceeded() -> None:
    verdict, sim = verified("Done", 1, 0, 1, 0, 1, 0)
    assert (verdict["status"], verdict["loops"]) == ("max_loops_exceeded", 3) and len(sim.sent("failed")) == 1


def test_dod_empty_criteria_passes_immediately() -> None:
    verdict, _ = verified("Empty")
    assert (verdict["status"], verdict["findings"]) == ("passed", [])


@pytest.mark.parametrize(
    ("criterion", "report"),
    [
        ("coverage 95%", "unexpected-token"),
        ("lintres: on", "unknown-criterion"),
        ("tests: off", "hopeless-dod"),
        ("integration: off, linters: off", "hopeless-dod"),
    ],
)
def test_dod_unknown_criterion_does_not_pass(criterion: str, report: str) -> None:
    """The other system skips it while it runs; here the check refuses it, and a definition of skips alone."""
    assert report in codes(f"dod D {{ {criterion} }}")


WORKFLOW = """model m = scripted "m.yml"
agent Developer { model: m }
dod Good { right: python "checks:right", fix: Developer, max_loops: 2 }
plan Code { goal: "Fix the bug", approve: system
  step code by Developer { dod: Good }: "Implement {{ goal }}" }
"""


@pytest.mark.parametrize(
    ("answers", "status", "loops"),
    [
        ((("Implement", "well tested"),), "completed", 1),
        ((("FAIL right", "now tested"), ("Implement", "untried")), "completed", 2),
        ((("FAIL right", "still untried"), ("Implement", "untried")), "failed", None),
    ],
    ids=["workflow_engine_full_run", "code_workflow_dod_retry_then_pass", "workflow_engine_dod_not_met"],
)
def test_workflow_engine(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: tuple[tuple[str, Any], ...],
    status: str,
    loops: int | None,
) -> None:
    (tmp_path / "checks.py").write_text("def right(work):\n    return 'tested' in work\n")
    monkeypatch.chdir(tmp_path)
    made = run(tmp_path, WORKFLOW, rules(*answers), "Code")
    (step,) = last(made)["steps"]
    assert step["status"] == status and (loops is None or step["loops"] == loops)


# ---- sub-agents ----------------------------------------------------------------------------------------------


def test_spawn_returns_id() -> None:
    assert Play().spawns(background=True).told()["agent_id"] == "Explorer-1"


def test_spawn_and_wait() -> None:
    play = Play().spawns("task", background=True)
    play.says("Explorer", "output text").uses("wait_agent", of="Explorer-1")
    assert (play.told()["output"], play.told()["success"]) == ("output text", True)


def test_list_active_empty_while_it_works_and_after_complete() -> None:
    play = Play().uses("list_agents", "u1")
    assert play.heard() == ["[]"]
    play.spawns(background=True, id="s1").uses("list_agents", "u2")
    assert [a["state"] for a in json.loads(play.heard()[-1])] == ["running"]
    play.says("Explorer", "done").uses("list_agents", "u3")
    assert [a["state"] for a in json.loads(play.heard()[0])] == ["completed"]


@pytest.mark.parametrize("tool", ["agent_status", "wait_agent", "cancel_agent"])
def test_status_wait_and_cancel_of_an_unknown_agent(tool: str) -> None:
    """The other system calls it pending, or does nothing; here the model hears that there is none."""
    assert Play().uses(tool, of="nonexistent").heard() == ["there is no agent `nonexistent`; there is none"]


def test_cancel_running() -> None:
    play = Play().spawns("slow", background=True).uses("cancel_agent", "c", of="Explorer-1")
    assert [a.program for a in play.asks] == ["Parent"]
    assert play.uses("agent_status", of="Explorer-1").told()["state"] == "cancelled"


def test_max_concurrent_respected() -> None:
    """The other system refuses the third; here it waits for its turn."""
    play = Play("max_concurrent: 2")
    for i in range(3):
        play.spawns(f"task{i}", background=True, id=f"s{i}")
    assert [a.program for a in play.asks].count("Explorer") == 2 and play.told()["state"] == "pending"
    play.reply("done", ask=[a.program for a in play.asks].index("Explorer"))
    assert [a.program for a in play.asks].count("Explorer") == 2, "its turn comes, though its starter waits for a model"


def test_crash_does_not_affect_parent_and_the_error_is_told() -> None:
    play = Play().spawns("trigger").says("Explorer", error={"message": "LLM API connection failed", "retry": False})
    assert not play.told()["success"] and "LLM API connection failed" in play.told()["error"]
    assert play.says("Parent", "I go on").sent("out") == ["I go on"]


def test_tools_are_those_of_the_agent_and_are_called() -> None:
    play = Play().spawns("use it").uses("echo", who="Explorer", text="x")
    assert play.heard("Explorer") == ["echo x"] and play.says("Explorer", "Used it").told()["output"] == "Used it"


def test_status_from_outside_of_each_state() -> None:
    play = Play("max_concurrent: 1").spawns("a", background=True).spawns("b", background=True, id="s2")
    ids = (FIRST, "Main/a/Explorer-2")
    assert [steering.status(play.kernel, i)["state"] for i in ids] == ["running", "pending"]
    play.says("Explorer", "done").says("Parent", "so").says("Explorer", error={"message": "ill", "retry": False})
    assert [steering.status(play.kernel, i)["state"] for i in ids] == ["completed", "failed"]
