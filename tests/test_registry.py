"""Who there is of agents, and people who see and steer them: in process, over the run's socket, in worker processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import trio

from cogc.kernel.effects import LogLine
from cogc.kernel.machine import Kernel
from cogc.kernel.models.registry import AgentRecord, Registry
from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.build import build_session
from cogc.run.replay import replay
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from cogc.stores.registry import check_registry, open_registry
from support import waiting
from support.cli import cogc, cogc_here
from support.processes import connections
from support.redis import RedisServer, needs_redis
from support.scripts import of, tool
from support.specs import build
from support.state import state

SPEC = """
model m = scripted "SCRIPT"
program slow(word: string) -> string = shell ["sleep", word] { timeout: 60s }
agent Helper { model: m, tools: [slow], budget: { usd: 0.5, time: 1m } }
agent Agent { model: m, spawn: [Helper] { max_concurrent: 2, dispatch: HOW }, timeout: 1m BUDGET }
coglet Main {
  listen go: string
  transmit out: any
  create a = Agent
  link self.go -> a.task
  on a.result as r { out <- r }
  on a.failed as f { out <- [f.kind, f.message] }
}
"""


def test_the_registry_keeps_each_id_once() -> None:
    registry = Registry()
    registry.register(AgentRecord("a", "Ann", "coder", budget_limit_usd=2.0, metadata={"x": 1}))
    registry.register(AgentRecord("b", "Bob", "reviewer", parent_id="a"))
    with pytest.raises(ValueError, match="already"):
        registry.register(AgentRecord("a", "Ann", "coder"))
    assert registry.update_status("a", "running") and not registry.update_status("c", "idle")
    with pytest.raises(ValueError, match="idle, running, stopped"):
        registry.update_status("a", "asleep")
    assert [r.id for r in registry.list()] == ["a", "b"]
    assert [r.id for r in registry.list(role="coder", status="running")] == ["a"]
    assert registry.list(role="coder", status="idle") == []
    found = registry.get("b")
    assert found is not None and found.value() == {
        "budget_limit_usd": None, "id": "b", "metadata": {}, "name": "Bob", "parent_id": "a", "role": "reviewer",
        "runtime_config": {}, "runtime_name": "local", "status": "idle",
    }  # fmt: skip
    assert registry.remove("b") and not registry.remove("b") and registry.get("b") is None


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: list[Any] = []
        self.logs: list[LogLine] = []

    def spec(self, script: list[Any], how: str = "local", budget: str = "") -> str:
        (self.folder / "s.yml").write_text(json.dumps(script))
        text = SPEC.replace("SCRIPT", str(self.folder / "s.yml")).replace("HOW", how)
        return text.replace("BUDGET", f", budget: {budget}" if budget else "")

    def run(
        self, script: list[Any], steer: Callable[[Session], Any], how: str = "local", budget: str = "", **extra: Any
    ) -> Session:
        bundle = build(self.spec(script, how, budget), "Main")
        options = RunOptions(
            keep=None, inputs=[("go", "go")], on_records=self.records.extend, on_log=self.logs.append, seed=1, epoch=1
        )
        made = build_session(Unit(bundle), options, Settings(str(self.folder)), Sinks(**extra))

        async def main() -> None:
            with trio.fail_after(waiting.DEADLINE):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(made.run)
                    await steer(made)

        trio.run(main)
        return made

    def told(self) -> list[Any]:
        asks = [r for r in self.records if r["kind"] == "ask" and r["program"] == "Agent"]
        blocks = [b for r in asks for m in r["data"] for b in m["content"]]
        return [b["content"] if b["type"] == "tool_result" else b["text"] for b in blocks if b["type"] != "tool_use"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def spawns(*queries: str, background: bool = False) -> dict[str, Any]:
    tools = [tool("spawn_agent", agent="Helper", query=q, background=background) for q in queries]
    return of("Agent", "go", tools=tools)


async def until(made: Session, id: str, state: str = "running") -> None:
    """Wait until a sub-agent is in a state."""
    from cogc.kernel.models import steering
    from cogc.language.values import Failure

    def reached() -> bool:
        try:
            return bool(steering.status(made.kernel, id)["state"] == state)
        except (Failure, AttributeError):  # it is not there yet
            return False

    await waiting.until(reached)


def test_agents_are_registered_while_they_are_there(world: World) -> None:
    found: list[Any] = []

    async def steer(made: Session) -> None:
        await until(made, "Main/a/Helper-1")
        found.extend(
            [r.id, r.role, r.parent_id, r.status, r.budget_limit_usd] for r in made.kernel.models.registry.list()
        )
        await made.steer("cancel", "Main/a/Helper-1", {})
        await made.steer("cancel", "Main/a/Helper-2", {})

    script = [
        spawns("a", "b", "c"),
        of("Helper", "c", reply="quick"),
        of("Helper", "", tools=[tool("slow", word="50")]),
        of("Agent", "", reply="done"),
    ]
    made = world.run(script, steer)
    assert found == [
        ["Main/a", "Agent", None, "running", None],
        ["Main/a/Helper-1", "Helper", "Main/a", "running", 0.5],
        ["Main/a/Helper-2", "Helper", "Main/a", "running", 0.5],
        ["Main/a/Helper-3", "Helper", "Main/a", "idle", 0.5],
    ]
    states = [json.loads(t)["error"] for t in world.told()[1:]]
    assert states == ["it was cancelled", "it was cancelled", None]
    assert [(r.id, r.status) for r in made.kernel.models.registry.list()] == [("Main/a", "stopped")]


def test_an_agent_in_the_foreground_is_detached_into_the_background(world: World, tmp_path: Path) -> None:
    async def steer(made: Session) -> None:
        await until(made, "Main/a/Helper-1")
        assert (await made.steer("detach", "Main/a/Helper-1", {}))["state"] == "running"
        with pytest.raises(TypeError, match="not in the foreground"):
            await made.steer("detach", "Main/a/Helper-1", {})

    script = [
        spawns("x"),
        of("Helper", "x", tools=[tool("slow", word="0.3")]),
        of("Helper", "", reply="late"),
        of("Agent", "is completed", reply="it came: late"),
        of("Agent", "", reply="meanwhile"),
    ]
    with open(tmp_path / "j", "wb") as file, open(tmp_path / "t1", "wb") as trace:
        made = world.run(
            script, steer, journal=journal.Journal(file, {"run": "r", "seed": 0, "epoch": 0}), trace=TraceWriter(trace)
        )
    assert made.outputs["out"] == ["it came: late"]
    assert json.loads(world.told()[1])["state"] == "running" and "Agent Helper-1 is completed" in world.told()[2]
    kernel, records = Kernel(Unit(build(world.spec(script), "Main")), 1, 1, True), []
    replay(kernel, journal.read(tmp_path / "j")[1], lambda _: records.extend(kernel.trace.take()))  # type: ignore[union-attr]
    with open(tmp_path / "t2", "wb") as trace:
        TraceWriter(trace).write(records)
    assert (tmp_path / "t1").read_bytes() == (tmp_path / "t2").read_bytes()


@pytest.mark.parametrize("answer", ["late", None])
def test_a_detached_agent_outlives_the_one_that_started_it(world: World, answer: str | None) -> None:
    """The next task of the starter begins meanwhile, and a message to the starter is none to the detached agent."""

    async def steer(made: Session) -> None:
        await until(made, "Main/a/Helper-1")
        await made.steer("detach", "Main/a/Helper-1", {})
        await made.steer("cancel", "Main/a", {})
        assert made.kernel.models.registry.get("Main/a/Helper-1").status == "running"  # type: ignore[union-attr]
        await made.steer("send", "Main/a", {"message": "for the next task"})
        await made.steer("send", "Main/a/Helper-1", {"message": "psst"})

    script = [
        spawns("x"),
        of("Helper", "x", tools=[tool("slow", word="0.3")]),
        of("Helper", "for the next task", error="not for me"),
        of("Helper", "psst", **({"reply": answer} if answer else {"error": "ill"})),
        of("Agent", "", reply="never", delay="60s"),
    ]
    made = world.run(script, steer)
    assert made.outputs["out"] == [["cancelled", "the task was cancelled"]]
    said = [(line.level, str(line.value)) for line in world.logs]
    start = "the detached agent `Helper-1` is "
    wanted = ("info", f"{start}completed") if answer else ("error", f"{start}failed: `Helper`: ill")
    assert len(said) == 1 and said[0][0] == wanted[0] and said[0][1].startswith(wanted[1])
    assert made.kernel.losses.failures == (0 if answer else 1)
    assert [r.id for r in made.kernel.models.registry.list()] == ["Main/a"]


def test_a_message_of_a_person_lets_a_completed_agent_go_on_in_the_background(world: World) -> None:
    async def steer(made: Session) -> None:
        await until(made, "Main/a/Helper-1", "completed")
        await made.steer("send", "Main/a/Helper-1", {"message": "more"})

    script = [
        spawns("one", "two"),
        of("Helper", "more", reply="even more"),
        of("Helper", "one", reply="first"),
        of("Helper", "two", tools=[tool("slow", word="0.3")]),
        of("Helper", "", reply="second"),
        of("Agent", "even more", reply="done"),
        of("Agent", "", reply="waits"),
    ]
    assert world.run(script, steer).outputs["out"] == ["done"]


def test_people_start_an_agent_in_a_conversation(world: World) -> None:
    async def steer(made: Session) -> None:
        await until(made, "Main/a/Helper-1")
        assert (await made.steer("spawn", "Main/a", {"agent": "Helper", "query": "mine"}))[
            "agent_id"
        ] == "Main/a/Helper-2"
        with pytest.raises(TypeError, match="there is no agent `Nobody`"):
            await made.steer("spawn", "Main/a", {"agent": "Nobody", "query": "mine"})

    script = [
        spawns("x"),
        of("Helper", "x", tools=[tool("slow", word="0.3")]),
        of("Helper", "mine", reply="done for you"),
        of("Helper", "", reply="late"),
        of("Agent", "", reply="done"),
    ]
    made = world.run(script, steer)
    assert made.outputs["out"] == ["done"] and any("done for you" in t for t in world.told())


@pytest.mark.parametrize("how", ["local", "process"])
def test_something_is_said_to_an_agent_wherever_it_runs(world: World, how: str) -> None:
    async def steer(made: Session) -> None:
        await until(made, "Main/a/Helper-1")
        if how == "process":
            await waiting.until(lambda: any(r["kind"] == "progress" and "usage" in r["data"] for r in world.records))
        await made.steer("send", "Main/a/Helper-1", {"message": "hurry up"})

    script = [
        spawns("x"),
        of("Helper", "hurry up", reply="hurried"),
        of("Helper", "x", tools=[tool("slow", word="0.4")], usage={"input": 5, "output": 5}),
        of("Helper", "", reply="nobody spoke"),
        of("Agent", "", reply="done"),
    ]
    world.run(script, steer, how)
    assert json.loads(world.told()[1])["output"] == "hurried"


def test_what_a_dispatched_agent_spends_counts_at_once(world: World) -> None:
    """Its starter has 100 tokens: the second request takes the last of them, and the agent ends before its tool does."""

    async def steer(made: Session) -> None:
        pass

    script = [
        spawns("x"),
        of("Helper", "x", tools=[tool("slow", word="0")], usage={"input": 40, "output": 10}),
        of("Helper", "", tools=[tool("slow", word="50")], usage={"input": 4990, "output": 10}),
    ]
    made = world.run(script, steer, "process", "{ tokens: 5_000 }")
    (said,) = made.outputs["out"]
    assert said[0] == "budget" and made.kernel.models.usages["Helper", "m"].tokens == 5050


# ---- over the run's socket -----------------------------------------------------------------------------------


@pytest.fixture
def going(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, whose agent waits for one that works for long. Its socket has a path that the kernel shows."""
    with TemporaryDirectory() as home:
        monkeypatch.setenv("XDG_STATE_HOME", home)
        yield from _going(world)


def _going(world: World) -> Iterator[subprocess.Popen[str]]:
    script = [
        spawns("x"),
        of("Helper", "hurry", reply="hurried"),
        of("Helper", "", tools=[tool("slow", word="30")]),
        of("Agent", "Helper-1", tools=[tool("spawn_agent", agent="Helper", query="y", background=False)]),
        of("Agent", "", reply="done"),
    ]
    (world.folder / "s.cog").write_text(world.spec(script))
    words = [sys.executable, "-m", "cogc", "run", "s.cog", "--input", "go=go", "--control"]
    with subprocess.Popen(words, cwd=world.folder, stdout=-1, stderr=-1, text=True) as process:
        waiting.wait_for(lambda: "Helper-1  Helper  running" in cogc_here("agents", cwd=world.folder).stdout)
        yield process
        process.kill()


def test_agents_are_seen_and_steered_from_another_terminal(going: subprocess.Popen[str], world: World) -> None:
    place = world.folder
    assert cogc_here("agents", cwd=place).stdout == 'Main/a  Agent  running\nMain/a/Helper-1  Helper  running  "x"\n'
    assert (
        cogc_here("agents", "list", "--role", "Helper", cwd=place).stdout == 'Main/a/Helper-1  Helper  running  "x"\n'
    )
    assert cogc_here("agents", "list", "--status", "idle", cwd=place).stdout == "no agents\n"
    status = json.loads(cogc_here("agents", "status", "Main/a/Helper-1", "--json", cwd=place).stdout)
    assert status["parent_id"] == "Main/a" and status["runtime_config"] == {"model": "m", "provider": "scripted"}
    for words, why in [
        (["status", "Main/b"], "there is no agent `Main/b`"),
        (["pause", "Main/a/Helper-1"], "is a sub-agent: it takes cancel, send and detach"),
        (["detach", "Main/a"], "is no sub-agent"),
        (["send", "Main/a"], "takes ID MESSAGE"),
        (["list", "--run", "other"], "there is no run `other`"),
    ]:
        done = cogc_here("agents", *words, cwd=place)
        assert done.returncode == 2 and why in done.stderr
    assert cogc_here("agents", "pause", "Main/a", cwd=place).returncode == 0
    assert "paused" in cogc_here("agents", "status", "Main/a", cwd=place).stdout
    assert cogc_here("agents", "resume", "Main/a", cwd=place).returncode == 0
    (door,) = state(place).glob("runs/*/control")
    waiting.wait_for(lambda: connections(door) == 0)
    waits = subprocess.Popen(
        [sys.executable, "-m", "cogc", "agents", "wait", "Main/a/Helper-1"], cwd=place, stdout=-1, text=True
    )
    waiting.wait_for(lambda: connections(door) == 1)
    assert cogc("agents", "cancel", "Main/a/Helper-1", cwd=place).returncode == 0
    # the run goes on meanwhile, so that it cannot end before it has read the request that waits
    assert waits.communicate(timeout=waiting.DEADLINE)[0].startswith("Main/a/Helper-1  Helper")
    waiting.wait_for(lambda: "Helper-2  Helper  running" in cogc_here("agents", cwd=place).stdout)
    assert cogc("agents", "cancel", "Main/a/Helper-2", cwd=place).returncode == 0
    out, err = going.communicate(timeout=waiting.DEADLINE)
    assert out == "out: done\n", err
    assert cogc_here("agents", cwd=place).stderr == "cogc: there is no run under way here\n"
    assert not list(state(place).glob("runs/*/control"))


def test_a_run_that_was_killed_leaves_no_door_that_opens(going: subprocess.Popen[str], world: World) -> None:
    going.kill()
    going.wait()
    done = cogc_here("agents", cwd=world.folder)
    assert done.returncode == 2 and "there is no run" in done.stderr


def test_a_request_that_is_none_is_answered_as_such(going: subprocess.Popen[str], world: World) -> None:
    from cogc.run.control_client import ask

    (door,) = state(world.folder).glob("runs/*/control")
    assert ask(door, {"action": "dance"})["error"] == "there is no action 'dance'"
    assert "'action'" in ask(door, {})["error"]


def helper_running(listed: str) -> str:
    """Return a list of agents once the helper is in it, else nothing."""
    return listed if "Helper-1  Helper  running" in listed else ""


# ---- shared registries -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_every_shared_registry_obeys_the_same_rules(kind: str, tmp_path: Path) -> None:
    name = "memory" if kind == "memory" else f"sqlite:{tmp_path}/r.db"
    trio.run(check_registry, lambda: open_registry(name))


@needs_redis
def test_redis_keeps_a_registry_too(redis: RedisServer) -> None:
    trio.run(check_registry, lambda: open_registry(redis.url))


def test_a_run_shows_its_agents_to_others_and_takes_them_back(world: World) -> None:
    words = [sys.executable, "-m", "cogc", "run", "s.cog", "--input", "go=go", "--registry", "sqlite:shared.db"]
    script = [
        {"when": {"prompt": "go"}, "tools": [tool("spawn_agent", agent="Helper", query="x", background=True)]},
        {"when": {"prompt": "x"}, "tools": [tool("slow", word="30")]},
        {"when": {"prompt": ""}, "reply": "done"},
    ]
    (world.folder / "s.cog").write_text(world.spec(script))
    shared = ("agents", "list", "--registry", "sqlite:shared.db")
    with subprocess.Popen(words, cwd=world.folder, stdout=-1, stderr=-1, text=True) as process:
        try:
            seen = waiting.wait_for(lambda: helper_running(cogc_here(*shared, cwd=world.folder).stdout))
            assert ":Main/a  Agent  running" in seen
            assert "Helper-1" not in cogc_here(*shared, "--role", "Agent", cwd=world.folder).stdout
            process.kill()
            process.wait()
            assert "Helper-1  Helper  stopped" in cogc_here(*shared, cwd=world.folder).stdout
        finally:
            process.kill()
    assert cogc_here("agents", "status", "x", "--registry", "sqlite:shared.db", cwd=world.folder).returncode == 2
    assert cogc_here("agents", "--registry", "nosuch:x", cwd=world.folder).returncode == 2


def test_a_run_that_ends_leaves_nobody_in_the_registry(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text("- {when: {prompt: hello}, reply: hi}\n")
    (tmp_path / "s.cog").write_text('model m = scripted "m.yml"\nagent A { model: m }\n')
    done = cogc_here("run", "s.cog", "--goal", "hello", "--registry", "sqlite:r.db", cwd=tmp_path)
    assert done.stdout == "delta: hi\nresult: hi\n" or done.stdout.endswith("result: hi\n")
    assert cogc_here("agents", "--registry", "sqlite:r.db", cwd=tmp_path).stdout == "no agents\n"
    done = cogc_here("run", "s.cog", "--goal", "hello", "--registry", "sqlite:/proc/none/r.db", cwd=tmp_path)
    assert done.returncode == 0 and "warning: the registry sqlite:/proc/none/r.db" in done.stderr
