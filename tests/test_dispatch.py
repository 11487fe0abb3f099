"""Dispatchers: real worker processes that answer, fail, die, and are gone when they should be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.build import build_session
from cogc.run.conformance import check_dispatcher
from cogc.run.dispatch import Outcome, ProcessDispatcher, RunSpec
from cogc.run.reaper import descendants
from cogc.run.replay import replay
from cogc.run.session import RunOptions, Session
from cogc.run.settings import Settings
from support.processes import bubblewrap_works, marked, unique_seconds
from support.scripts import of, tool
from support.sessions import session
from support.specs import build

# the worker of a tool, in the words of a shell: above its keeper and the reaper
WORKER = "$(cut -d' ' -f4 /proc/$(cut -d' ' -f4 /proc/$PPID/stat)/stat)"
SPEC = """
model m = scripted "SCRIPT"
program sh(line: string) -> string = shell ["sh", "-c", line] { timeout: 60s }
agent Helper { model: m, tools: [sh], output: { word: string }, timeout: 1m }
agent Agent { model: m, spawn: [Helper] { max_concurrent: 2, dispatch: HOW }, timeout: 1m, budget: { tokens: 100_000 } }
coglet Main { transmit out: any
  create a = Agent
  on start { a.task <- "go" }
  on a.result as r { out <- r }
  on a.failed as f { out <- [f.kind, f.message] } }
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def go(
        script: list[Any], how: str = "process", dispatcher: Any = None, spec: str = SPEC, **options: Any
    ) -> tuple[Session, list[Any]]:
        (tmp_path / "s.yml").write_text(json.dumps(script))
        bundle = build(spec.replace("SCRIPT", str(tmp_path / "s.yml")).replace("HOW", how), "Main")
        records: list[Any] = []
        if dispatcher is None:
            made = session(bundle, Settings(str(tmp_path)), on_records=records.extend, **options)
            return made, records
        made = build_session(Unit(bundle), RunOptions(keep=None, on_records=records.extend), Settings(str(tmp_path)))
        made.dispatchers.made[how] = dispatcher
        trio.run(made.run)
        return made, records

    return go


def spawns(*queries: str, background: bool = False) -> dict[str, Any]:
    return of(
        "Agent", "go", tools=[tool("spawn_agent", agent="Helper", query=q, background=background) for q in queries]
    )


def told(records: list[Any]) -> list[Any]:
    """What the agent heard of its sub-agents, in order."""
    asks = [r for r in records if r["kind"] == "ask" and r["program"] == "Agent"]
    return [
        json.loads(b["content"]) for r in asks for m in r["data"] for b in m["content"] if b["type"] == "tool_result"
    ]


def test_a_worker_process_answers(run: Any) -> None:
    script = [
        spawns("say a", "say b"),
        of("Helper", "say", reply={"word": "hi"}, usage={"input": 5, "output": 2}),
        of("Agent", "", reply="done"),
    ]
    made, records = run(script)
    assert made.outputs["out"] == ["done"]
    first, second = told(records)
    assert first["output"] == second["output"] == {"word": "hi"} and first["tokens_used"] == 7
    assert made.kernel.models.usages["Helper", "m"].calls == 2
    kinds = [r["kind"] for r in records]
    assert kinds.count("dispatch") == 2 and kinds.count("progress") >= 2


def test_a_worker_that_dies_is_noticed_and_its_run_done_once_more(run: Any, tmp_path: Path) -> None:
    line = f"if [ -e {tmp_path}/seen ]; then echo again; else touch {tmp_path}/seen; kill -9 {WORKER}; fi"
    script = [
        spawns("die"), of("Helper", "die", tools=[tool("sh", line=line)]), of("Helper", "again", reply={"word": "alive"}),
        of("Agent", "", reply="done"),
    ]  # fmt: skip
    made, records = run(script)
    assert made.outputs["out"] == ["done"] and told(records)[0]["output"] == {"word": "alive"}
    assert any("code -9" in r["data"].get("message", "") for r in records if r["kind"] == "progress")


def test_a_worker_that_always_dies_is_a_failed_agent(run: Any) -> None:
    script = [
        spawns("die"),
        of("Helper", "die", tools=[tool("sh", line=f"kill -9 {WORKER}")]),
        of("Agent", "", reply="done"),
    ]
    made, records = run(script)
    (result,) = told(records)
    assert (
        made.outputs["out"] == ["done"]
        and not result["success"]
        and "died 2 times; it ended with code -9" in result["error"]
    )


def test_a_run_that_fails_or_does_not_fit_is_a_result(run: Any) -> None:
    script = [
        spawns("ill", "odd"),
        of("Helper", "ill", error="no"),
        of("Helper", "odd", reply={"w": 1}),
        of("Agent", "", reply="done"),
    ]
    made, records = run(script)
    ill, odd = told(records)
    assert "`Helper`: no" in ill["error"] and not odd["success"] and made.outputs["out"] == ["done"]


def test_with_the_run_its_workers_are_gone(run: Any) -> None:
    mark = unique_seconds()
    script = [
        spawns("wait", background=True), of("Helper", "wait", tools=[tool("sh", line=f"sleep {mark}")]),
        of("Agent", "running", tools=[tool("cancel_agent", id="Helper-1")]), of("Agent", "cancelled", reply="done"),
    ]  # fmt: skip
    script[2]["delay"] = "2s"
    made, _ = run(script)
    assert made.outputs["out"] == ["done"] and marked(mark) == []
    below = descendants(os.getpid())  # other tests have workers of their own
    assert not set(marked("cogc.run.worker")) & set(below)


@pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap is not installed, or not allowed")
def test_the_sandbox_of_the_one_that_starts_it_holds_it(tmp_path: Path) -> None:
    line = f"echo x > {tmp_path}/planted; echo x > planted; ls"
    script = [
        spawns("write"), of("Helper", "write", tools=[tool("sh", line=line)]), of("Helper", "", reply={"word": "tried"}),
        of("Agent", "", reply="done"),
    ]  # fmt: skip
    (tmp_path / "s.yml").write_text(json.dumps(script))
    for sandbox in (", sandbox: ro", ""):
        text = SPEC.replace("SCRIPT", str(tmp_path / "s.yml")).replace("HOW", "process")
        text = text.replace("budget: { tokens: 100_000 }", "budget: { tokens: 100_000 }" + sandbox)
        made = session(build(text, "Main"), Settings(str(tmp_path)))
        assert made.outputs["out"] == ["done"] and (tmp_path / "planted").exists() == (not sandbox)


def test_a_dispatcher_that_is_not_there_says_which_are(run: Any) -> None:
    _, records = run([spawns("a"), of("Agent", "", reply="done")], how="moon")
    assert told(records)[0]["error"] == "there is no dispatcher `moon`; there is local, process"


class _Mine:
    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.specs: list[RunSpec] = []

    async def run(self, spec: RunSpec, emit: Any) -> Outcome | None:
        self.specs.append(spec)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome  # type: ignore[no-any-return]


def test_anybodys_dispatcher_runs_hands_back_or_fails(run: Any) -> None:
    script = [spawns("say a"), of("Helper", "say", reply={"word": "local"}), of("Agent", "", reply="done")]
    for outcome, expected in (
        (Outcome(output={"word": "mine"}), {"word": "mine"}), (None, {"word": "local"}), (Outcome(output=3), None), (OSError("down"), None),
    ):  # fmt: skip
        mine = _Mine(outcome)
        _, records = run(script, how="mine", dispatcher=mine)
        assert told(records)[0]["output"] == expected
        assert (mine.specs[0].type, mine.specs[0].task, mine.specs[0].tools) == ("Helper", "say a", ["sh"])
    assert "OSError: down" in told(records)[0]["error"]


def test_the_answer_of_a_worker_is_what_it_was(run: Any) -> None:
    answer = {"word": "hi", "more": {"$duration": 5}}
    script = [spawns("say a"), of("Helper", "say", reply=answer), of("Agent", "", reply="done")]
    _, records = run(script, spec=SPEC.replace("{ word: string }", "{ word: string, more: any }"))
    assert told(records)[0]["output"] == answer


def test_a_dispatched_agent_nests_as_deep_as_its_starter_leaves_it(run: Any) -> None:
    """A worker is told the rest of the depth, obeys it, and one conversation too many there ends those that are around it here."""
    script = [spawns("say a"), of("Agent", "", reply="done")]
    mine = _Mine(Outcome(error="too deep", kind="bound"))
    made, _ = run(script, how="mine", dispatcher=mine)
    assert mine.specs[0].metadata["max_depth"] == 15 and made.outputs["out"] == [["bound", "too deep"]]
    for depth, kind in ((1, "bound"), (2, "program")):  # a process of a name that is not there, or one too many
        made, _ = run([spawns("say a"), of("Agent", "", error="x")], how="moon", max_depth=depth)
        assert made.outputs["out"][0][0] == kind


def test_the_process_dispatcher_conforms() -> None:
    trio.run(check_dispatcher, ProcessDispatcher())


def test_the_suite_finds_what_is_wrong() -> None:
    with pytest.raises(AssertionError, match="an answer, not"):
        trio.run(check_dispatcher, _Mine(Outcome(output=1)))
    trio.run(check_dispatcher, _Mine(None))


def test_a_replay_dispatches_nothing(run: Any, tmp_path: Path) -> None:
    script = [spawns("say a"), of("Helper", "say", reply={"word": "hi"}), of("Agent", "", reply="done")]
    with open(tmp_path / "j", "wb") as file:
        made, _ = run(script, journal=journal.Journal(file, {"run": "r", "seed": 0, "epoch": 0}), seed=1, epoch=1)
    kernel, seen = Kernel(made.kernel.unit, 1, 1), []
    replay(kernel, journal.read(tmp_path / "j")[1], seen.extend)
    assert [e.value for e in seen if type(e).__name__ == "Output"] == ["done"]
