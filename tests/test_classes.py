"""The classes of the first system: what they do with each other, each in a run of its own on a virtual clock."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cogc.coglet import (
    Channel,
    ChannelBus,
    CodeExecutor,
    CogBase,
    Coglet,
    CogletHandle,
    CogletRuntime,
    CogletTrace,
    CogWebRegistry,
    Command,
    Executor,
    GitLet,
    LifeLet,
    LLMExecutor,
    LogLet,
    MulLet,
    ProgLet,
    Program,
    SuppressLet,
    TickLet,
    WebLet,
    enact,
    every,
    listen,
)
from cogc.coglet.record import Record
from support.classes import in_run, result

SAID: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    SAID.clear()


class Doubler(Coglet, LifeLet):
    def __init__(self, factor: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.seen: list[Any] = []

    async def on_start(self) -> None:
        SAID.append(f"start {self.factor}")

    async def on_stop(self) -> None:
        SAID.append(f"stop {self.factor}")

    @listen("number")
    async def double(self, number: Any) -> None:
        if number == 13:
            raise ValueError("unlucky")
        self.seen.append(number)
        await self.transmit("doubled", number * self.factor)

    @listen("plain-one")
    def plain(self, number: Any) -> None:
        self.transmit_sync("doubled", number)

    @enact("set-factor")
    async def set_factor(self, factor: int) -> None:
        self.factor = factor


class Owner(Coglet):
    pass


# ---- creation and the end ------------------------------------------------------------------------------------


def test_create_returns_when_the_start_has_ended_and_raises_what_it_raises() -> None:
    class Slow(Doubler):
        async def on_start(self) -> None:
            await asyncio.sleep(5)
            if self.factor < 0:
                raise RuntimeError("below zero")
            self.ready = True

    class Parent(Owner, LifeLet):
        async def on_start(self) -> None:
            child = await self.create(CogBase(Slow, {"factor": 3}, "a label"))
            assert child.coglet.ready and child.coglet.handle is child
            with pytest.raises(RuntimeError, match="below zero"):
                await self.create(CogBase(cls=Slow, kwargs={"factor": -1}))

    async def main() -> float:
        await CogletRuntime().run(CogBase(Parent))
        return asyncio.get_running_loop().time()

    assert result(main()) == 10.0


def test_shutdown_stops_in_the_reverse_order_of_creation() -> None:
    async def main() -> None:
        runtime = CogletRuntime()
        for factor in (1, 2, 3):
            await runtime.spawn(CogBase(Doubler, {"factor": factor}))
        await runtime.shutdown()
        assert runtime.tree() == "CogletRuntime (empty)"

    result(main())
    assert SAID == ["start 1", "start 2", "start 3", "stop 3", "stop 2", "stop 1"]


class Bad(Doubler):
    async def on_stop(self) -> None:
        SAID.append(f"stop {self.factor}")
        raise RuntimeError(f"no {self.factor}")


def test_a_failure_in_on_stop_keeps_no_other_coglet_from_stopping() -> None:
    logs: list[str] = []

    async def main() -> None:
        runtime = CogletRuntime()
        for factor, cls in ((1, Doubler), (2, Bad), (3, Bad)):
            await runtime.spawn(CogBase(cls, {"factor": factor}))
        with pytest.raises(RuntimeError, match="no 3"):
            await runtime.shutdown()
        assert runtime.tree() == "CogletRuntime (empty)" and not asyncio.all_tasks() - {asyncio.current_task()}
        parent = await runtime.spawn(CogBase(Owner))
        for factor in (4, 5):
            await parent.coglet.create(CogBase(Bad, {"factor": factor}))
        with pytest.raises(RuntimeError, match="no 5"):
            await runtime._stop_coglet(parent.coglet)
        assert runtime._parents == {} and runtime.tree() == "CogletRuntime (empty)"

    result(main(), on_log=lambda line: logs.append(str(line.value)))
    assert [s for s in SAID if s.startswith("stop")] == ["stop 3", "stop 2", "stop 1", "stop 5", "stop 4"]
    assert logs == [f"on_stop failed: RuntimeError: no {n}" for n in (2, 4)]


def test_a_restart_goes_on_although_the_old_object_fails_in_on_stop() -> None:
    logs: list[str] = []

    async def main() -> None:
        runtime = CogletRuntime()
        parent = await runtime.run(CogBase(Restarts))
        child = await runtime.spawn(CogBase(Bad, {"factor": 1}, restart="on_error"), parent=parent.coglet)
        first = child.coglet
        await runtime.handle_child_error(child, RuntimeError("one"))
        assert child.coglet is not first and runtime._coglets == [parent.coglet, child.coglet]

    result(main(), on_log=lambda line: logs.append(str(line.value)))
    assert logs[0] == "on_stop failed: RuntimeError: no 1"


def test_what_a_script_leaves_running_is_stopped_at_its_end() -> None:
    async def main() -> None:
        runtime = CogletRuntime()
        parent = await runtime.spawn(CogBase(Owner))
        await parent.coglet.create(CogBase(Doubler, {"factor": 5}))

    session = in_run(main())
    assert SAID == ["start 5", "stop 5"] and session.outcome == "done"


def test_a_coglet_outside_of_a_runtime_has_no_children() -> None:
    async def main() -> None:
        alone = Owner()
        assert alone.handle is None
        for act in (alone.create(CogBase(Doubler)), alone.send(CogletHandle(Owner()), "x", 1)):
            with pytest.raises(RuntimeError, match="not attached to a runtime"):
                await act
        with pytest.raises(RuntimeError, match="not attached to a runtime"):
            alone.link(CogletHandle(alone), "a", CogletHandle(alone), "b")

    result(main())


def test_the_declaration_of_a_child_has_its_fields_in_order() -> None:
    base = CogBase(Doubler, {"factor": 1}, "Doubles", "on_error", 7, 0.5)
    assert (base.label, base.restart, base.max_restarts, base.backoff_s) == ("Doubles", "on_error", 7, 0.5)
    assert CogBase(Doubler) == CogBase(Doubler, {}, "", "never", 3, 1.0)
    with pytest.raises(ValueError, match="restart='maybe'"):
        CogBase(Doubler, restart="maybe")
    assert Command("a") == Command("a", None)


# ---- messages ------------------------------------------------------------------------------------------------


def test_send_and_guide_return_when_the_method_has_and_raise_its_error() -> None:
    async def main() -> None:
        runtime = CogletRuntime()
        parent = (await runtime.run(CogBase(Owner))).coglet
        child = await parent.create(CogBase(Doubler))
        await parent.send(child, "number", 4)
        assert child.coglet.seen == [4]
        with pytest.raises(ValueError, match="unlucky"):
            await parent.send(child, "number", 13)
        await parent.guide(child, Command("set-factor", 9))
        assert child.coglet.factor == 9

    result(main())


def test_names_without_a_method_are_ignored() -> None:
    async def main() -> None:
        runtime = CogletRuntime()
        child = await runtime.run(CogBase(Doubler))
        await runtime.send(child, "nothing", 1)
        await child.guide(Command("nothing", 1))
        assert [w async for w in _first(child.observe("nothing"), 0)] == []

    result(main())


async def _first(words: Any, most: int) -> Any:
    for _ in range(most):
        yield await anext(words)


def test_an_observation_in_a_hook_gets_its_values_however_many_wait() -> None:
    class Chatty(Coglet):
        @enact("talk")
        async def talk(self, most: int) -> None:
            for i in range(most):
                await self.transmit("word", i)

    class Parent(Owner, LifeLet):
        async def on_start(self) -> None:
            child = await self.create(CogBase(Chatty))
            words = self.observe(child, "word")
            await self.guide(child, Command("talk", 500))
            self.heard = [await anext(words) for _ in range(500)]
            await words.aclose()  # type: ignore[attr-defined]
            assert child.coglet._bus._subscribers["word"] == []

    async def main() -> Any:
        return (await CogletRuntime().run(CogBase(Parent))).coglet.heard

    assert result(main()) == list(range(500))


def test_an_observation_ends_with_its_coglet() -> None:
    async def main() -> Any:
        runtime = CogletRuntime()
        parent = (await runtime.run(CogBase(Owner))).coglet
        child = await parent.create(CogBase(Doubler))
        words, one = child.observe("doubled"), child.observe_one("doubled")
        await parent.send(child, "number", 1)
        await parent.send(child, "number", 2)
        await runtime.shutdown()
        return [w async for w in words], await one

    assert result(main()) == ([2, 4], 2)


def test_links_carry_values_by_reference_also_from_and_to_the_coglet_itself() -> None:
    class Parent(Owner, LifeLet):
        async def on_start(self) -> None:
            self.back: list[Any] = []
            child = await self.create(CogBase(Doubler, {"factor": 1}))
            self.link(self.handle, "out", child, "number")
            await self.link(child, "doubled", self.handle, "back")
            self.link(child, "number", self.handle, "echo")  # from a listen channel

        @listen("back")
        async def hear(self, value: Any) -> None:
            self.back.append(value)

        @listen("echo")
        def echo(self, value: Any) -> None:
            self.back.append(("echo", value))

    async def main() -> None:
        class Thing:
            def __mul__(self, _: object) -> Thing:
                return self

        parent = (await CogletRuntime().run(CogBase(Parent))).coglet
        thing = Thing()
        await parent.transmit("out", thing)
        await asyncio.sleep(0.1)
        assert sorted(parent.back, key=lambda b: isinstance(b, tuple)) == [thing, ("echo", thing)]

    session = in_run(main())
    assert session.kernel.opened.opaque


def test_a_link_goes_on_after_an_error_and_ends_when_it_is_cancelled() -> None:
    logged: list[Any] = []

    async def main() -> Any:
        runtime = CogletRuntime()
        a, b = await runtime.run(CogBase(Owner)), await runtime.run(CogBase(Doubler))
        link = runtime.link(a, "out", b, "number")
        for number in (1, 13, 2):
            await a.coglet.transmit("out", number)
        await asyncio.sleep(1)
        link.cancel()
        await asyncio.sleep(0)
        await a.coglet.transmit("out", 3)
        await asyncio.sleep(1)
        return b.coglet.seen, link.done()

    assert result(main(), on_log=lambda e: logged.append((e.path, e.level, e.value))) == ([1, 2], True)
    assert logged == [("Main/Doubler", "error", "number failed: ValueError: unlucky")]


def test_tasks_on_one_channel_go_on_in_the_order_in_which_they_subscribed() -> None:
    async def main() -> None:
        runtime = CogletRuntime()
        source = await runtime.run(CogBase(Owner))
        for factor in range(8):
            made = await runtime.run(CogBase(Doubler, {"factor": factor}))
            runtime.link(source, "out", made, "number")
            runtime.link(made, "doubled", source, f"said-{factor}")

        async def hear(channel: str, data: Any) -> None:
            SAID.append((channel, data))

        source.coglet._dispatch_listen = hear
        await source.coglet.transmit("out", 1)
        await asyncio.sleep(0.1)

    result(main())
    assert SAID[8:16] == [(f"said-{f}", f) for f in range(8)]


# ---- timers and tasks ----------------------------------------------------------------------------------------


class Clock(Coglet, TickLet, LogLet):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beats = 0

    @every(10, "s")
    async def beat(self) -> None:
        self.beats += 1
        if self.beats == 2:
            raise ValueError("the second beat")

    @every(1, "m")
    def minute(self) -> None:
        SAID.append("minute")

    @every(3, "ticks")
    async def third(self) -> None:
        SAID.append("third")


def test_timers_follow_the_clock_of_the_run_and_survive_an_error() -> None:
    async def main() -> Any:
        runtime = CogletRuntime()
        clock = await runtime.run(CogBase(Clock))
        words = clock.observe("log")
        await asyncio.sleep(65)
        for _ in range(7):
            await clock.coglet.tick()
        return clock.coglet.beats, await anext(words)

    assert result(main()) == (6, {"level": "error", "data": "ticker beat failed: the second beat"})
    assert SAID == ["minute", "third", "third"]


def test_an_error_of_a_timer_may_be_handled_by_the_class() -> None:
    class Careful(Clock):
        async def on_ticker_error(self, method_name: str, error: Exception) -> None:
            SAID.append((method_name, str(error)))

    async def main() -> None:
        await CogletRuntime().run(CogBase(Careful))
        await asyncio.sleep(25)

    result(main())
    assert SAID == [("beat", "the second beat")]


def test_a_task_belongs_to_the_coglet_that_starts_it() -> None:
    class Busy(Coglet, LifeLet):
        async def on_start(self) -> None:
            self.task = asyncio.create_task(self.work())

        async def work(self) -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                SAID.append("cancelled")

    async def main() -> Any:
        runtime = CogletRuntime()
        parent = await runtime.run(CogBase(Owner))
        child = await parent.coglet.create(CogBase(Busy))
        await asyncio.sleep(1)
        await runtime._stop_coglet(child.coglet)
        await asyncio.sleep(0)
        return child.coglet.task.cancelled(), asyncio.get_running_loop().time()

    assert result(main()) == (True, 1.0) and SAID == ["cancelled"]


# ---- supervision ---------------------------------------------------------------------------------------------


class Restarts(Owner):
    async def on_child_error(self, handle: CogletHandle, error: Exception) -> str:
        SAID.append(str(error))
        return "restart"


def test_a_restart_puts_a_new_object_behind_the_handle_after_pauses_that_double() -> None:
    async def main() -> None:
        runtime = CogletRuntime()
        parent = await runtime.run(CogBase(Restarts))
        base = CogBase(Doubler, restart="on_error", max_restarts=2, backoff_s=1.0)
        child = await runtime.spawn(base, parent=parent.coglet)
        clock, first = asyncio.get_running_loop().time, child.coglet
        words = child.observe("doubled")
        await runtime.handle_child_error(child, RuntimeError("one"))
        assert child.coglet is not first and clock() == 1.0
        await runtime.handle_child_error(child, RuntimeError("two"))
        assert clock() == 3.0
        await runtime.send(child, "number", 21)
        assert await anext(words) == 42  # whoever observes stays
        await words.aclose()  # type: ignore[attr-defined]
        assert child.coglet._bus._subscribers["doubled"] == []
        last = child.coglet
        assert runtime._parents == {id(last): parent.coglet}
        await runtime.handle_child_error(child, RuntimeError("three"))
        assert last not in runtime._coglets

    result(main())
    assert [w for w in SAID if " " not in w] == ["one", "two", "three"]


def test_a_failure_behind_a_link_is_supervised_where_restarts_are_allowed() -> None:
    async def main() -> Any:
        runtime = CogletRuntime()
        found = []
        for parent in (Restarts, Owner):  # the second one decides nothing: the CogBase does
            source, above = await runtime.run(CogBase(Owner)), await runtime.run(CogBase(parent))
            child = await above.coglet.create(CogBase(Doubler, restart="on_error", backoff_s=2.0))
            runtime.link(source, "out", child, "number")
            before = child.coglet
            await source.coglet.transmit("out", 13)
            await asyncio.sleep(3)
            await source.coglet.transmit("out", 4)
            await asyncio.sleep(1)
            found.append((child.coglet is not before, child.coglet.seen))
        return found

    assert result(main()) == [(True, [4]), (True, [4])]


def test_escalate_raises_and_the_default_stops() -> None:
    class Escalates(Owner):
        async def on_child_error(self, handle: CogletHandle, error: Exception) -> str:
            return "escalate"

    async def main() -> None:
        runtime = CogletRuntime()
        above = await runtime.run(CogBase(Escalates))
        child = await above.coglet.create(CogBase(Doubler))
        with pytest.raises(KeyError, match="up"):
            await runtime.handle_child_error(child, KeyError("up"))
        above = await runtime.run(CogBase(Owner))
        child = await above.coglet.create(CogBase(Doubler, restart="always"))
        await runtime.handle_child_error(child, KeyError("up"))
        assert above.coglet._children == [] and child.coglet not in runtime._coglets

    result(main())


# ---- mixins --------------------------------------------------------------------------------------------------


def test_a_loglet_filters_by_level() -> None:
    class Talker(Coglet, LogLet):
        pass

    async def main() -> Any:
        child = await CogletRuntime().run(CogBase(Talker, {"log_level": "warn"}))
        words = child.observe("log")
        for level in ("debug", "info", "warn", "error"):
            await child.coglet.log(level, level)
        await child.guide(Command("log_level", "debug"))
        await child.coglet.log("debug", {"n": 1})
        return [(await anext(words))["data"] for _ in range(3)]

    assert result(main()) == ["warn", "error", {"n": 1}]


def test_a_mullet_scatters_and_gathers() -> None:
    class Team(Coglet, MulLet):
        def map(self, event: list[int]) -> list[tuple[int, int]]:
            return list(enumerate(event))

        def reduce(self, results: list[int]) -> int:
            return sum(results)

    async def main() -> Any:
        team = (await CogletRuntime().run(CogBase(Team))).coglet
        await team.create_mul(3, CogBase(Doubler))
        await team.guide_mapped(Command("set-factor", 10))
        gathered = asyncio.create_task(team.gather("doubled"))
        await asyncio.sleep(0)
        await team.scatter("number", [1, 2, 3])
        return len(team._mul_children), await gathered

    assert result(main()) == (3, 60)


def test_a_suppresslet_is_silent_and_deaf_as_told() -> None:
    class Quiet(SuppressLet, Doubler):
        pass

    async def main() -> Any:
        runtime = CogletRuntime()
        child = await runtime.run(CogBase(Quiet))
        words = child.observe("doubled")
        await child.guide(Command("suppress", {"channels": ["doubled"], "commands": ["set-factor"]}))
        await runtime.send(child, "number", 1)
        await runtime.send(child, "plain-one", 1)
        await child.guide(Command("set-factor", 50))
        assert "suppressed: channels=['doubled'], commands=['set-factor']" in runtime.tree()
        await child.guide(Command("unsuppress", {"channels": ["doubled"], "commands": ["set-factor"]}))
        await runtime.send(child, "number", 2)
        return await anext(words)

    assert result(main()) == 4


def test_a_proglet_runs_programs_by_any_executor() -> None:
    class Shouts:
        async def run(self, program: Program, context: Any, invoke: Any) -> Any:
            return f"{await invoke('plain', context)}!"

    class Table(Coglet, ProgLet):
        pass

    async def main() -> Any:
        child = await CogletRuntime().run(CogBase(Table))
        table = child.coglet
        assert isinstance(table.executors["code"], CodeExecutor) and isinstance(Shouts(), Executor)
        table.programs["plain"] = Program("code", fn=lambda x: x + 1)
        await child.guide(Command("register", {"loud": Program(executor="shout")}))
        await child.guide(Command("executor", {"shout": Shouts()}))
        with pytest.raises(KeyError):
            await table.invoke("nothing")
        table.programs["empty"] = Program("code")
        with pytest.raises(TypeError, match="needs a function"):
            await table.invoke("empty")
        return await table.invoke("loud", 4)

    assert result(main()) == "5!"


def test_a_gitlet_works_on_its_repository(tmp_path: Path) -> None:
    class Repo(Coglet, GitLet):
        pass

    async def main() -> Any:
        child = await CogletRuntime().run(CogBase(Repo, {"repo_path": str(tmp_path)}))
        git = child.coglet._git
        await git("init", "-q", "-b", "trunk")
        for key, value in (("user.name", "n"), ("user.email", "n@example.org")):
            await git("config", key, value)
        await git("commit", "-q", "--allow-empty", "-m", "empty")
        patch = "--- /dev/null\n+++ b/a.txt\n@@ -0,0 +1 @@\n+one\n"
        await child.guide(Command("commit", patch))
        assert (tmp_path / "a.txt").read_text() == "one\n"
        await child.coglet.branch("other")
        await child.coglet.revert()
        assert not (tmp_path / "a.txt").exists()
        await child.coglet.checkout("trunk")
        with pytest.raises(RuntimeError, match="git nonsense failed"):
            await git("nonsense")
        with pytest.raises(RuntimeError, match="git apply --index - failed"):
            await child.guide(Command("commit", "no patch"))
        return await git("rev-parse", "--abbrev-ref", "HEAD")

    assert result(main()) == "trunk\n"


# ---- the registry --------------------------------------------------------------------------------------------


class Node(Coglet, WebLet, LifeLet):
    async def on_start(self) -> None:
        await super().on_start()
        if self._cogweb is not None and not self._runtime._parents.get(id(self)):
            await self.create(CogBase(Node, {"cogweb": self._cogweb}, restart="on_error"))


def test_weblets_enter_and_leave_the_registry() -> None:
    async def main() -> None:
        registry, runtime = CogWebRegistry(), CogletRuntime()
        node = await runtime.run(CogBase(Node, {"cogweb": registry}))
        below = node.coglet._children[0]
        await below.guide(Command("cogweb_status", "error"))
        graph = registry.snapshot().to_dict()
        json.dumps(graph)
        above_id, below_id = registry.node_ids
        assert graph["nodes"][above_id]["children"] == [below_id] and graph["nodes"][above_id]["parent_id"] is None
        found = graph["nodes"][below_id]
        assert (found["class_name"], found["parent_id"], found["status"]) == ("Node", above_id, "error")
        assert found["mixins"] == ["WebLet", "LifeLet"] and found["enact_commands"] == ["cogweb_status"]
        assert found["config"] == {"restart": "on_error", "max_restarts": 3, "backoff_s": 1.0}
        assert graph["edges"] == [{"from": above_id, "to": below_id, "channel": "child", "kind": "control"}]
        registry.add_edge(above_id, below_id, "x")
        registry.add_edge(above_id, below_id, "x")
        assert len(registry.snapshot().edges) == 2
        registry.set_status("nobody", "error")
        await runtime.shutdown()
        assert registry.node_ids == [] and registry.snapshot().to_dict() == {"nodes": {}, "edges": []}
        await runtime.run(CogBase(Node))  # without a registry it does nothing

    result(main())


# ---- channels, trace, tree -----------------------------------------------------------------------------------


def test_a_bus_hands_values_to_all_and_keeps_statistics() -> None:
    async def main() -> None:
        bus = ChannelBus()
        await bus.transmit("a", "before")
        one, two = bus.subscribe("a"), bus.subscribe("a")
        thing = object()
        await bus.transmit("a", thing)
        bus.transmit_nowait("a", 2)
        assert [await one.get(), await one.get(), await two.get()] == [thing, 2, thing]
        await asyncio.sleep(30)
        await bus.transmit("a", 3)
        assert bus.stats.counts("a") == {"1s": 1, "5s": 1, "60s": 4, "1h": 4, "24h": 4}
        assert bus.stats.counts("b") == dict.fromkeys(("1s", "5s", "60s", "1h", "24h"), 0)
        assert [m["data"] for m in bus.stats.history("a", 2)] == [2, 3]
        first, last = bus.stats.history("a")[0], bus.stats.history("a")[-1]
        assert last["ts"] - first["ts"] == 30
        assert list(bus.stats.all_counts()) == ["a"]
        for i in range(200):
            bus.transmit_nowait("c", i)
        assert [m["data"] for m in bus.stats.history("c")] == list(range(100, 200))

    result(main())


def test_a_record_stays_small_however_much_goes_over_its_channel() -> None:
    at = 0
    record = Record(lambda: at)
    for second in range(2 * 86_400):
        at = second * 10**9
        record.note(second)
    assert (len(record.last), len(record.fine), len(record.coarse)) == (100, 601, 1441)
    assert record.counts() == {
        "1s": 2,
        "5s": 6,
        "60s": 61,
        "1h": 3660,
        "24h": 86_460,
    }  # spans that have begun count whole
    bus = ChannelBus()
    for _ in range(10_000):
        bus.transmit_nowait("a", 1)
    assert sum(len(spans) for spans in (bus.stats._records["a"].fine, bus.stats._records["a"].coarse)) < 100


def test_a_channel_may_have_a_bound() -> None:
    async def main() -> None:
        channel = Channel(maxsize=1)
        await channel.put(1)
        with pytest.raises(asyncio.QueueFull):
            channel.put_nowait(2)
        assert await channel.get() == 1

    result(main())


def test_the_tree_is_drawn() -> None:
    async def main() -> str:
        runtime = CogletRuntime()
        assert runtime.tree() == "CogletRuntime (empty)"
        one = await runtime.run(CogBase(Owner))
        child = await one.coglet.create(CogBase(Doubler))
        child.observe_one("doubled")
        await one.coglet.create(CogBase(Clock))
        await runtime.run(CogBase(Owner))
        return runtime.tree({id(one.coglet): "owner-1"})

    assert result(main()) == (
        "CogletRuntime\n├── Owner (owner-1)\n│   ├── Doubler [LifeLet]\n│   │   channels: doubled(1 subs)\n"
        "│   └── Clock [TickLet, LogLet]\n└── Owner"
    )


def test_the_trace_of_the_first_system_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"

    async def main() -> None:
        runtime = CogletRuntime(trace=CogletTrace(path))
        child = await runtime.run(CogBase(Doubler))
        await runtime.send(child, "number", 4)
        await asyncio.sleep(2)
        await child.guide(Command("set-factor", 1))
        await child.coglet.transmit("odd", {1, 2})
        await runtime.shutdown()

    result(main())
    found = CogletTrace.load(str(path))
    assert found[:2] == [
        {"t": 0.0, "coglet": "Doubler", "op": "transmit", "target": "doubled", "data": 8},
        {"t": 2.0, "coglet": "Doubler", "op": "enact", "target": "set-factor", "data": 1},
    ]
    assert found[2]["data"] == "{1, 2}"


def test_a_client_of_ones_own_is_asked_itself() -> None:
    class Block:
        def __init__(self, **values: Any) -> None:
            self.__dict__.update(values)

    class Client:
        """Asks for a tool first, and answers then with what the tool has said."""

        def __init__(self) -> None:
            self.messages = self
            self.asked: list[dict[str, Any]] = []

        def create(self, **request: Any) -> Block:
            self.asked.append(request)
            if len(request["messages"]) == 1:
                use = Block(type="tool_use", id="t1", name="add", input={"a": 1})
                return Block(stop_reason="tool_use", content=[use])
            said = request["messages"][-1]["content"][0]["content"]
            return Block(stop_reason="end_turn", content=[Block(type="text", text=f"it is {said}")])

    class Asks(Coglet, ProgLet):
        pass

    async def main() -> Any:
        client = Client()
        made = (await CogletRuntime().run(CogBase(Asks))).coglet
        made.executors["llm"] = LLMExecutor(client)
        made.programs["add"] = Program("code", fn=lambda given: given["a"] + 1)
        made.programs["ask"] = Program(
            "llm", system=lambda context: f"about {context}", tools=["add"], parser=str.upper, config={"max_turns": 3}
        )
        first = await made.invoke("ask", 7)
        made.programs["ask"].config = {"max_turns": 1}
        return first, await made.invoke("ask", 7), client.asked[0]

    said, exhausted, request = result(main())
    assert said == "IT IS 2" and exhausted is None
    assert (request["system"], request["max_tokens"], request["tools"][0]["name"]) == ("about 7", 1024, "add")
