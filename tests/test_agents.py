"""Agents: conversations as coglets, as functions, as tools, and as sub-agents of each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.replay import replay
from cogc.run.session import Session
from cogc.run.trace import TraceWriter
from support.scripts import of, tool, when
from support.sessions import session
from support.specs import build, codes

HEAD = """
model m = scripted "SCRIPT"
program lookup(topic: string) -> string = expr "known of " + topic
program slow(topic: string) -> string = shell ["sleep", "9"] { timeout: 20s }
"""
MAIN = """
coglet Main {
  listen task: string
  listen order: { inject?: string, cancel?: bool, pause?: bool, resume?: bool }
  transmit out: any
  create a = Agent
  link self.task -> a.task
  on order as o {
    if o.inject != null { guide a.inject(o.inject) }
    if o.cancel == true { guide a.cancel() }
    if o.pause == true { guide a.pause() }
    if o.resume == true { guide a.resume() }
  }
  on a.result as r { out <- r }
  on a.failed as f { out <- [f.task, f.kind, f.message] }
}
"""


class World:
    """Run a spec with a script; the conversations are read from the trace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: list[dict[str, Any]] = []

    def run(self, spec: str, script: list[Any], *tasks: str, orders: Any = (), **options: Any) -> Session:
        (self.folder / "s.yml").write_text(json.dumps(script))
        bundle = build((HEAD + spec).replace("SCRIPT", str(self.folder / "s.yml")))
        inputs = [("task", t) for t in tasks] + [("order", o) for o in orders]
        self.records.clear()
        return session(bundle, inputs=inputs, sim=True, on_records=self.records.extend, **options)

    def said(self, program: str) -> list[Any]:
        """What was said to the model since its last reply, in pairs of role and text; tool results are texts too."""
        asks = [r for r in self.records if r["kind"] == "ask" and r["program"] == program]
        blocks = [(m["role"], b) for r in asks for m in r["data"] for b in m["content"]]
        return [(role, b.get("text", b.get("content"))) for role, b in blocks]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# ---- as a coglet, as a function ------------------------------------------------------------------------------


def test_an_agent_takes_one_task_after_the_other(world: World) -> None:
    spec = 'agent Agent { model: m, system: "s", tools: [lookup] }' + MAIN
    script = [
        when("one", tools=[tool("lookup", topic="x")]), when("known of x", reply="first", delay="2s"), when("two", reply="second"),
    ]  # fmt: skip
    made = world.run(spec, script, "one", "two")
    assert made.outputs["out"] == ["first", "second"] and made.kernel.now == 2_000_000_000


def test_its_output_has_its_type(world: World) -> None:
    spec = "agent Agent { model: m, output: { n: int } }" + MAIN.replace("out <- r }", "out <- r.n + 1 }")
    assert world.run(spec, [{"reply": {"n": 4}}], "x").outputs["out"] == [5]
    made = world.run(spec, [{"reply": {"n": "four"}}, {"reply": {"n": "five"}}], "x")
    assert made.outputs["out"][0][:2] == ["x", "type"]
    assert codes("model m = scripted \"x\"\nagent A { model: m, output: int }\ncoglet Main { listen t: string\n transmit o: string\n create a = A\n link self.t -> a.task\n link a.result -> self.o\n on a.failed as f { o <- f.message } }") == ["link-type"]  # fmt: skip


def test_a_task_that_fails_is_a_message_and_no_failure(world: World) -> None:
    spec = "agent Agent { model: m }" + MAIN
    made = world.run(spec, [{"error": "broken"}, "fine"], "one", "two")
    assert made.outputs["out"] == [["one", "program", "`Agent`: broken"], "fine"] and made.outcome == "done"


def test_in_an_expression_it_is_a_function(world: World) -> None:
    spec = """
    agent Judge(tone: string = "mild") { model: m, system: "Be {{ tone }}.", output: bool }
    coglet Main { listen task: string
      transmit out: any
      on task as t { out <- [Judge(t), Judge(t, tone: "hard")] } else as e { out <- e.kind } }
    """
    script = [{"when": {"system": "mild"}, "reply": True}, {"when": {"system": "hard"}, "reply": False}]
    assert world.run(spec, script, "x").outputs["out"] == [[True, False]]
    assert world.run(spec, [{"error": "no"}], "x").outputs["out"] == ["program"]


@pytest.mark.parametrize("name", ["task", "result", "inject", "listen"])
def test_it_may_have_the_name_of_a_port_or_a_keyword(world: World, name: str) -> None:
    made = world.run(f"agent {name} {{ model: m }}" + MAIN.replace("= Agent", f"= {name}"), ["hello"], "x")
    assert made.outputs["out"] == ["hello"] and ("user", "x") in world.said(name)


def test_it_can_be_the_root(tmp_path: Path, world: World) -> None:
    (tmp_path / "s.yml").write_text('["hello"]')
    bundle = build(f'model m = scripted "{tmp_path}/s.yml"\nagent A {{ model: m }}', "A")
    assert session(bundle, inputs=[("task", "x")]).outputs["result"] == ["hello"]


# ---- what steers it ------------------------------------------------------------------------------------------


STEERED = """
agent Agent { model: m, tools: [lookup], timeout: 1m }
coglet Main {
  listen task: string
  transmit out: any
  create a = Agent
  link self.task -> a.task
  after 1s { guide a.ORDER }
  after 30s { guide a.resume() }
  on a.result as r { out <- r }
  on a.failed as f { out <- [f.kind, f.message] }
}
"""
SLOW = [when("one", tools=[tool("lookup", topic="x")], delay="2s"), when("known", reply="done", delay="3s"), when("two", reply="next")]  # fmt: skip


def test_cancel_ends_the_task_and_the_next_begins(world: World) -> None:
    made = world.run(STEERED.replace("ORDER", "cancel()"), SLOW, "one", "two")
    assert made.outputs["out"] == [["cancelled", "the task was cancelled"], "next"]


def test_pause_holds_it_before_the_next_step_and_loses_nothing(world: World) -> None:
    made = world.run(STEERED.replace("ORDER", "pause()").replace("1m", "20s"), SLOW, "one")
    assert made.outputs["out"] == ["done"] and made.kernel.now == 33_000_000_000


def test_a_pause_counts_once_however_many_sub_agents_wait(world: World) -> None:
    spec = """
    agent Helper { model: m, timeout: 10s }
    agent Agent { model: m, spawn: [Helper], timeout: 10s }
    coglet Main { listen task: string
      transmit out: any
      create a = Agent
      link self.task -> a.task
      after 1s { guide a.pause() }
      after 30s { guide a.resume() }
      on a.result as r { out <- r }
      on a.failed as f { out <- [f.kind, f.message] } }
    """
    script = [
        of("Agent", "go", tools=[tool("spawn_agent", agent="Helper", query=q) for q in "abc"]),
        {"when": {"program": "Helper"}, "tools": [tool("nope")], "delay": "2s", "times": 3},
        {"when": {"program": "Helper"}, "reply": "late", "delay": "9s", "times": 3},
        of("Agent", "late", reply="never"),
    ]
    made = world.run(spec, script, "go")
    assert made.outputs["out"][0][0] == "timeout" and made.kernel.now == 39_000_000_000


def test_what_is_injected_is_said_before_the_next_request(world: World) -> None:
    made = world.run(STEERED.replace("ORDER", 'inject("hurry")'), [*SLOW, when("hurry", reply="ok")], "one")
    assert made.outputs["out"] == ["done"] and ("user", "hurry") in world.said("Agent")


def test_pieces_of_the_answer_go_out_while_it_comes(world: World) -> None:
    spec = "agent Agent { model: m }" + MAIN.replace(
        "on a.result as r", "on a.delta as d { out <- d }\n on a.result as r"
    )
    made = world.run(spec, [{"reply": "one two three", "delay": "3s"}], "x")
    assert made.outputs["out"] == ["one ", "two ", "three", "one two three"]
    assert "delta" not in [
        r.get("channel") for r in world.records if world.run("agent Agent { model: m }" + MAIN, ["a b"], "x")
    ]


# ---- as a tool -----------------------------------------------------------------------------------------------


TOOLS = """
agent Helper { model: m, description: "Helps.", system: "helper", budget: { tokens: 50 } }
agent Agent { model: m, tools: [Helper], budget: { tokens: 1000 } }
"""


def test_as_a_tool_it_gives_a_record(world: World) -> None:
    script = [
        of("Agent", "go", tools=[tool("Helper", query="help me"), tool("Helper", q=1)]),
        of("Helper", "help me", reply="here", usage={"input": 3, "output": 4}),
        of("Agent", "here", reply="thanks"),
    ]
    made = world.run(TOOLS + MAIN, script, "go")
    assert made.outputs["out"] == ["thanks"]
    first, second = [json.loads(t) if t.startswith("{") else t for r, t in world.said("Agent") if r == "user"][1:]
    assert first == {
        "success": True,
        "output": "here",
        "error": None,
        "agent_id": "Helper-3",
        "tokens_used": 7,
        "cost_usd": 0.0,
    }
    assert second == "the agent `Helper` takes one string, `query`"


def test_its_failure_is_a_result_and_what_it_spends_its_caller_spends(world: World) -> None:
    script = [
        of("Agent", "go", tools=[tool("Helper", query="help me")]),
        of("Helper", "help me", error="ill", times=1),
        of("Agent", "ill", tools=[tool("Helper", query="once more")]),
        of("Helper", "once more", reply="x", usage={"input": 900, "output": 95}),
        of("Agent", "1", reply="never"),
    ]
    made = world.run(TOOLS + MAIN, script, "go")
    result = json.loads(world.said("Agent")[1][1])
    assert not result["success"] and "ill" in result["error"]
    assert made.outputs["out"][0][1] == "budget" and "`Agent` has 1000 tokens" in made.outputs["out"][0][2]


# ---- sub-agents ----------------------------------------------------------------------------------------------


SPAWNS = """
agent Helper { model: m, timeout: 1m }
agent Agent { model: m, spawn: [Helper] { max_concurrent: 2 }, timeout: 2m }
"""


def test_in_the_foreground_the_answer_is_the_tools_result(world: World) -> None:
    script = [
        of(
            "Agent",
            "go",
            tools=[tool("spawn_agent", agent="Helper", query="a"), tool("spawn_agent", agent="Nobody", query="b")],
        ),
        of("Helper", "a", reply="A!", delay="5s"),
        of("Agent", "A!", reply="done"),
    ]
    made = world.run(SPAWNS + MAIN, script, "go")
    assert made.outputs["out"] == ["done"] and made.kernel.now == 5_000_000_000
    assert "no agent `Nobody`" in world.said("Agent")[2][1] and json.loads(world.said("Agent")[1][1])["output"] == "A!"


def test_in_the_background_it_is_told_of_and_waited_for(world: World) -> None:
    script = [
        of("Agent", "go", tools=[tool("spawn_agent", agent="Helper", query=q, background=True) for q in "abc"]),
        of("Helper", "a", reply="A!", delay="5s"),
        of("Helper", "b", error="B?", delay="1s"),
        of("Helper", "c", reply="C!", delay="2s"),
        of("Agent", "pending", tools=[tool("list_agents")], times=1),
        of("Agent", "Helper-2 is failed", reply="two is ill"),
        of("Agent", "Helper-3 is completed", reply="three is done"),
        of("Agent", "Helper-1 is completed", reply="all done"),
        of("Agent", "agent_id", reply="let me wait"),
    ]
    made = world.run(SPAWNS + MAIN, script, "go")
    assert made.outputs["out"] == ["all done"] and made.kernel.now == 5_000_000_000
    states = [json.loads(t)["state"] for _, t in world.said("Agent") if t and t.startswith('{"agent_id"')]
    assert states == ["running", "running", "pending"]  # two at a time
    assert [a["state"] for a in json.loads(world.said("Agent")[4][1])] == states


def test_sub_agents_are_waited_for_told_and_cancelled(world: World) -> None:
    script = [
        of("Agent", "go", tools=[tool("spawn_agent", agent="Helper", query=q, background=True) for q in "ab"]),
        of("Helper", "a", tools=[tool("nope")], delay="3s"),
        of("Helper", "psst", reply="A heard"),
        of("Helper", "b", reply="never", delay="30s"),
        of("Agent", "Helper-2", tools=[tool("message_agent", id="Helper-1", message="psst"), tool("cancel_agent", id="Helper-2"), tool("wait_agent", id="Helper-9")], times=1),
        of("Agent", "no agent `Helper-9`", tools=[tool("wait_agent", id="Helper-1"), tool("agent_status", id="Helper-2")]),
        of("Agent", "A heard", reply="done"),
    ]  # fmt: skip
    made = world.run(SPAWNS + MAIN, script, "go")
    assert made.outputs["out"] == ["done"] and made.kernel.now == 3_000_000_000
    assert json.loads(world.said("Agent")[-1][1])["state"] == "cancelled"


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (tool("spawn_agent", agent="Helper"), "`spawn_agent` needs `query`"),
        (tool("spawn_agent", agent="Helper", query="a", x=1), "`spawn_agent` has no parameter `x`"),
        (tool("spawn_agent", agent="Helper", query=3), "`query` of `spawn_agent` is a string, not 3"),
        (tool("spawn_agent", agent="Helper", query="a", background="yes"), "is a boolean, not"),
        (tool("wait_agent", id="Helper-9"), "there is no agent `Helper-9`; there is none"),
    ],
)
def test_what_a_model_gets_wrong_is_told_to_it(world: World, use: dict[str, Any], said: str) -> None:
    made = world.run(SPAWNS + MAIN, [of("Agent", "go", tools=[use]), of("Agent", "", reply="done")], "go")
    assert made.outputs["out"] == ["done"] and said in world.said("Agent")[1][1]


def test_sub_agents_end_with_their_conversation(world: World) -> None:
    script = [
        of("Agent", "go", tools=[tool("spawn_agent", agent="Helper", query="a", background=True)]),
        of("Helper", "a", reply="never", delay="50s"),
        of("Agent", "running", error="the end"),
    ]
    made = world.run(SPAWNS + MAIN, script, "go")
    assert made.outputs["out"][0][2] == "`Agent`: the end" and made.kernel.now == 0 and not made.kernel.calls


def test_a_message_lets_a_completed_agent_go_on_with_its_conversation(world: World) -> None:
    """In the foreground each answer is the result of the tool; the third message finds it at work, and is said to it."""
    script = [
        of("Agent", "go", tools=[tool("spawn_agent", agent="Helper", query="one")]),
        of("Helper", "one", reply="first", delay="40s"),
        of("Agent", "first", tools=[tool("message_agent", id="Helper-1", message="two")]),
        of("Helper", "two", reply="second", delay="40s"),
        of("Agent", "second", tools=[tool("message_agent", id="Helper-1", message=m) for m in ("three", "four")]),
        of("Helper", "four", reply="both", delay="40s"),
        of("Helper", "three", reply="only three", delay="5s"),
        of("Agent", "both", reply="done"),
    ]
    made = world.run(SPAWNS.replace("timeout: 2m", "timeout: 5m") + MAIN, script, "go")
    assert made.outputs["out"] == ["done"]
    told = [json.loads(t) for role, t in world.said("Agent")[1:] if role == "user"]
    assert [t.get("output", t.get("state")) for t in told] == ["first", "second", "both", "running"]
    assert ("user", "two") in world.said("Helper") and len(made.kernel.models.registry.list()) == 1


def test_a_completed_agent_of_the_background_is_told_of_again(world: World) -> None:
    script = [
        of("Agent", "go", tools=[tool("spawn_agent", agent="Helper", query="one", background=True), tool("wait_agent", id="Helper-1")]),
        of("Helper", "one", reply="first"),
        of("Agent", "first", tools=[tool("message_agent", id="Helper-1", message="two")]),
        of("Helper", "two", reply="second", delay="5s"),
        of("Agent", "second", reply="done"),
        of("Agent", "", reply="waiting"),
    ]  # fmt: skip
    made = world.run(SPAWNS + MAIN, script, "go")
    assert made.outputs["out"] == ["done"] and made.kernel.now == 5_000_000_000


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_an_agent_that_failed_takes_no_message(world: World, state: str) -> None:
    script: list[Any] = [
        of("Helper", "one", error="ill", delay="1s"),
        of("Agent", "it takes no messages", reply="done"),
        {"tools": [tool("spawn_agent", agent="Helper", query="one", background=True)]},
        {"tools": [tool("cancel_agent" if state == "cancelled" else "wait_agent", id="Helper-1")]},
        {"tools": [tool("message_agent", id="Helper-1", message="two")]},
    ]
    assert world.run(SPAWNS + MAIN, script, "go").outputs["out"] == ["done"]


# ---- bounds --------------------------------------------------------------------------------------------------


def test_in_the_last_turn_no_tool_is_offered_and_none_is_run(world: World) -> None:
    spec = "agent Agent { model: m, tools: [lookup], max_turns: 3 }" + MAIN
    made = world.run(spec, [{"when": "", "tools": [tool("lookup", topic=t) for t in "xy"]}], "go")
    why = "`Agent` has used its 3 turns; `lookup` and `lookup`, asked for in the last one, were not run"
    assert made.outputs["out"] == [["go", "budget", why]]
    assert [said for _, said in world.said("Agent")].count("known of x") == 2


def test_a_conversation_that_ends_in_its_last_turn_has_an_answer(world: World) -> None:
    spec = "agent Agent { model: m, tools: [lookup], max_turns: 2 }" + MAIN
    made = world.run(spec, [when("go", tools=[tool("lookup", topic="x")]), when("", reply="done")], "go")
    assert made.outputs["out"] == ["done"]


def test_a_circle_of_two_inputs_ends(world: World) -> None:
    spec = "agent Agent { model: m, tools: [lookup], max_turns: 50 }" + MAIN
    script = [when("known of x", tools=[tool("lookup", topic="y")]), when("", tools=[tool("lookup", topic="x")])]
    made = world.run(spec, script, "go")
    assert made.outputs["out"] == [["go", "program", "`Agent` goes in circles: 5 times the same call of `lookup`"]]


def test_a_call_that_is_made_again_between_new_ones_is_no_circle(world: World) -> None:
    spec = "agent Agent { model: m, tools: [lookup], max_turns: 50 }" + MAIN
    script: list[Any] = [{"tools": [tool("lookup", topic=t)]} for i in range(8) for t in ("x", str(i))]
    assert world.run(spec, [*script, {"reply": "done"}], "go").outputs["out"] == ["done"]


DEEP = {
    "tools": ("agent Agent { model: m, tools: [B] }\nagent B { model: m, tools: [Agent] }", ("Agent", "B")),
    "spawn": ("agent Agent { model: m, spawn: [B] }\nagent B { model: m, spawn: [Agent] }", ("Agent", "B")),
    "outer": (
        "agent Agent { model: m, tools: [B], max_depth: 5 }\nagent B { model: m, tools: [Agent] }",
        ("Agent", "B"),
    ),
    "inner": ("agent Agent { model: m, tools: [B] }\nagent B { model: m, tools: [B], max_depth: 4 }", ("B", "B")),
}


@pytest.mark.parametrize(("kind", "depth"), [("tools", 16), ("spawn", 16), ("outer", 5), ("inner", 5)])
def test_agents_that_ask_each_other_nest_so_deep_at_most(world: World, kind: str, depth: int) -> None:
    spec, (first, second) = DEEP[kind]
    ask = {
        n: tool("spawn_agent", agent=n, query="go") if kind == "spawn" else tool(n, query="go") for n in (first, second)
    }
    script = [of("Agent", "", tools=[ask[second]]), of("B", "", tools=[ask[first]])]
    made = world.run(spec + MAIN, script, "go")
    (said,) = made.outputs["out"]
    assert said[1] == "bound" and f"allows: {depth} conversations" in said[2]
    assert len([r for r in world.records if r["kind"] == "ask"]) == depth
    assert not made.kernel.calls and len(made.kernel.models.registry.list()) == 1


def test_a_conversation_that_goes_in_circles_ends(world: World) -> None:
    spec = "agent Agent { model: m, tools: [lookup], max_turns: 50 }" + MAIN
    made = world.run(spec, [{"when": "", "tools": [tool("lookup", topic="x")]}], "go")
    assert made.outputs["out"] == [["go", "program", "`Agent` goes in circles: 5 times the same call of `lookup`"]]


def test_an_agent_without_a_model_is_a_mistake() -> None:
    spec = 'agent A { system: "x" }\ncoglet Main { create a = A }'
    with pytest.raises(AssertionError, match="needs the attribute `model`|model"):
        build(spec)


def test_a_replay_gives_the_same_trace(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text(json.dumps([
        of("Agent", "go", tools=[tool("spawn_agent", agent="Helper", query=q, background=True) for q in "ab"]),
        of("Helper", "a", reply="A one two", delay="3s"), of("Helper", "b", error={"message": "busy", "status": 503}, times=1), of("Helper", "b", reply="B"),
        of("Agent", "running", reply="wait"), of("Agent", "Helper-2 is", reply="wait"), of("Agent", "Helper-1 is", reply="all in one", delay="1s"),
    ]))  # fmt: skip
    spec = (
        (HEAD + SPAWNS + MAIN)
        .replace("SCRIPT", str(tmp_path / "s.yml"))
        .replace("on a.result", "on a.delta as d { out <- d }\n on a.result")
    )
    bundle = build(spec)
    records: list[dict[str, Any]] = []
    with open(tmp_path / "j", "wb") as file, open(tmp_path / "t1", "wb") as trace:
        made = session(
            bundle,
            inputs=[("task", "go")],
            sim=True,
            seed=3,
            epoch=5,
            journal=journal.Journal(file, {"run": "r", "seed": 0, "epoch": 0}),
            trace=TraceWriter(trace),
        )
    assert made.outputs["out"][-1] == "all in one" and "in " in made.outputs["out"]
    from cogc.kernel.machine import Kernel

    kernel = Kernel(Unit(bundle), 3, 5, True)
    replay(kernel, journal.read(tmp_path / "j")[1], lambda _: records.extend(kernel.trace.take()))  # type: ignore[union-attr]
    with open(tmp_path / "t2", "wb") as trace:
        TraceWriter(trace).write(records)
    assert (tmp_path / "t1").read_bytes() == (tmp_path / "t2").read_bytes() and records


def test_tools_have_names_that_providers_take_and_that_differ(world: World) -> None:
    from cogc.ir import Program
    from cogc.kernel.models.tools import named

    made = [
        Program(key=k, name=n, kind="mcp", parameters=[], result=0) for k, n in (("a", "fs.read"), ("b", "fs/read"))
    ]
    long = Program(key="c", name="x" * 90, kind="mcp", parameters=[], result=0)
    assert [(n, p.key) for n, p in named([*made, long]).items()] == [
        ("fs_read", "a"),
        ("fs_read_2", "b"),
        ("x" * 60, "c"),
    ]
