"""The conformance suite of dispatchers: `await check_dispatcher(MyDispatcher())`.

Each case runs an agent with a scripted model and raises an AssertionError that names what was expected.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import trio

from cogc.built import encode
from cogc.compile import analyse, program
from cogc.diagnostics.problems import Problems
from cogc.disk.resources import folder as resource
from cogc.run.dispatch import Dispatcher, Outcome, RunSpec

_SPEC = """
model m = scripted "script.yml"
program slow(word: string) -> string = shell ["sleep", "60"] { timeout: 90s }
agent Agent { model: m, tools: [slow], output: { word: string }, timeout: 90s }
"""
_SCRIPT: list[dict[str, Any]] = [
    {"when": {"prompt": "hello"}, "reply": {"word": "hello to you"}, "usage": {"input": 7, "output": 3}},
    {"when": {"prompt": "fail"}, "error": "it is ill"},
    {"when": {"prompt": "slow"}, "tools": [{"name": "slow", "input": {"word": "x"}}]},
]


async def check_dispatcher(dispatcher: Dispatcher) -> None:
    """Run a dispatcher through all cases. It may hand every run back; a run that it does itself must end as
    specified."""
    with tempfile.TemporaryDirectory() as folder:
        for case in (_answers, _fails, _runs_side_by_side, _is_cancelled):
            await case(dispatcher, Path(folder))


def _run_spec(folder: Path, task: str) -> RunSpec:
    (folder / "script.yml").write_text(json.dumps(_SCRIPT))
    path = str(folder / "agent.cog")

    def reader(name: str) -> bytes:
        return _SPEC.encode() if name == path else (resource("stdlib") / name.removeprefix("std/")).read_bytes()

    problems = Problems()
    built = program(analyse([path], reader, problems), "Agent")
    assert built is not None, problems.found
    return RunSpec(
        id=f"Agent-{task}", type="Agent", task=task, system_prompt="", model="script.yml", temperature=None, tools=["slow"],
        background=False, timeout=60.0, program=encode(built).decode(),
        metadata={"workspace": str(folder), "allow_imports": [], "sandboxed": True},
    )  # fmt: skip


async def _run(dispatcher: Dispatcher, folder: Path, task: str) -> tuple[Outcome | None, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    with trio.fail_after(60):
        return await dispatcher.run(_run_spec(folder, task), events.append), events


async def _answers(dispatcher: Dispatcher, folder: Path) -> None:
    outcome, events = await _run(dispatcher, folder, "hello")
    if outcome is None:
        return
    assert outcome.error is None and outcome.output == {"word": "hello to you"}, f"an answer, not {outcome}"
    assert outcome.usage == [{"input": 7, "output": 3}], f"the tokens of each request, not {outcome.usage}"
    assert [m["role"] for m in outcome.conversation] == ["user", "assistant"], f"a conversation: {outcome.conversation}"
    assert events and events[0]["event"] == "running", f"`running` before all else, not {events[:1]}"


async def _fails(dispatcher: Dispatcher, folder: Path) -> None:
    outcome, _ = await _run(dispatcher, folder, "fail")
    assert outcome is None or (outcome.error is not None and "it is ill" in outcome.error), f"an error, not {outcome}"


async def _runs_side_by_side(dispatcher: Dispatcher, folder: Path) -> None:
    found: list[Outcome | None] = []

    async def one() -> None:
        found.append((await _run(dispatcher, folder, "hello"))[0])

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    assert all(o is None or o.error is None for o in found), f"four answers, not {found}"


async def _is_cancelled(dispatcher: Dispatcher, folder: Path) -> None:
    began = trio.current_time()
    with trio.move_on_after(2):
        await _run(dispatcher, folder, "slow")
    assert trio.current_time() - began < 20, "a run that is cancelled ends soon"
