"""Conversations beyond one task and one agent: sessions, hand-offs, bounds on tools side by side."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.run.journal import Journal
from cogc.run.state import StateStore
from cogc.run.trace import TraceWriter
from support.anthropic import Server, blocks, reply, serve, status, use
from support.sessions import repeated, session
from support.sim import Sim, main_of
from support.specs import build, codes
from support.strict_models import refused_by_chat, refused_by_messages
from test_openai import chunks

MAIN = main_of("Desk")
DESK = 'agent Desk { model: m, system: "I am the desk.", session: first(split(query, ":"))MORE }'


def desk(more: str = "", **options: Any) -> Sim:
    return Sim(
        'model m = anthropic "claude-sonnet-5-5"\n' + DESK.replace("MORE", more and f", {more}") + MAIN,
        "Main",
        **options,
    )


def said(sim: Sim, ask: int = 0) -> list[tuple[str, list[Any]]]:
    """Return the messages of a request that waits, each with its role and its texts."""
    messages = sim.asks[ask].request["messages"]
    return [(m["role"], [b.get("text", b.get("content", b.get("name"))) for b in m["content"]]) for m in messages]


# ---- sessions ------------------------------------------------------------------------------------------------


def test_tasks_with_one_key_go_on_with_one_conversation() -> None:
    sim = desk(traced=True).send("task", "ann: hello").reply("hi").send("task", "bob: hello").reply("you too")
    sim.send("task", "ann: and now?")
    assert said(sim) == [("user", ["ann: hello"]), ("assistant", ["hi"]), ("user", ["ann: and now?"])]
    sim.reply("still here")
    assert sim.sent("out") == ["hi", "you too", "still here"]
    assert [r["session"] for r in sim.records("call")] == ["ann", "bob", "ann"]
    assert [m["role"] for m in sim.records("ask")[-1]["data"]] == ["user"], "only what is new is traced"


def test_without_a_session_each_task_begins_anew() -> None:
    sim = Sim('model m = anthropic "x"\nagent Desk { model: m }' + MAIN, "Main")
    sim.send("task", "one").reply("1").send("task", "two")
    assert said(sim) == [("user", ["two"])]


def test_a_key_of_null_is_no_session() -> None:
    sim = Sim('model m = anthropic "x"\nagent Desk { model: m, session: null }' + MAIN, "Main")
    sim.send("task", "one").reply("1").send("task", "two")
    assert said(sim) == [("user", ["two"])]


def test_keys_of_other_types_are_other_sessions() -> None:
    spec = """
    model m = anthropic "x"
    agent Desk(key: any) { model: m, session: key }
    coglet Main { listen go: any
      transmit out: any
      on go as k { out <- Desk("hello", key: k) } }
    """
    sim = Sim(spec, "Main")
    for key in (1, "1", [1], {"a": 1}, "x" * 500):
        sim.send("go", key).reply(f"for {key}")
        assert sim.asks == []
    sim.send("go", {"a": 1})
    assert said(sim) == [("user", ["hello"]), ("assistant", ["for {'a': 1}"]), ("user", ["hello"])]


def test_a_task_that_fails_leaves_the_conversation_as_it_was() -> None:
    sim = desk().send("task", "a: one").reply("1")
    sim.send("task", "a: two").reply("cut", stop="max_tokens")
    sim.send("task", "a: three")
    assert said(sim) == [("user", ["a: one"]), ("assistant", ["1"]), ("user", ["a: three"])]


def test_tasks_of_one_session_follow_each_other_in_an_expression() -> None:
    spec = """
    model m = anthropic "x"
    agent Desk { model: m, session: "all" }
    coglet Main { listen go: int
      transmit out: any
      on go { out <- parallel [Desk(x) for x in ["one", "two", "three"]] } else as e { out <- e.message } }
    """
    sim = Sim(spec, "Main").send("go", 1)
    assert len(sim.asks) == 1 and said(sim) == [("user", ["one"])]
    sim.reply("1")
    assert len(sim.asks) == 1 and said(sim)[-2:] == [("assistant", ["1"]), ("user", ["two"])]
    sim.reply("2").reply("3")
    assert sim.sent("out") == [["1", "2", "3"]]


def test_waiting_for_a_session_counts_as_time() -> None:
    spec = """
    model m = anthropic "x"
    agent Desk(wait: duration) { model: m, session: "all", timeout: wait }
    coglet Main { listen go: int
      transmit out: any
      on go { out <- parallel [try Desk("a", wait: d) else as e (e.message) for d in [1m, 5s]] } }
    """
    sim = Sim(spec, "Main").send("go", 1).run(6)
    assert len(sim.asks) == 1
    sim.reply("a")
    assert sim.sent("out") == [["a", "the session `all` was busy with another task for too long"]]


def test_a_cancelled_task_lets_the_next_one_in() -> None:
    spec = MAIN.replace("on a.result", "after 1s { guide a.cancel() }\n on a.result")
    sim = Sim('model m = anthropic "x"\nagent Desk { model: m, session: "all" }' + spec, "Main")
    sim.send("task", "one").send("task", "two").run(2)
    assert said(sim) == [("user", ["two"])]


def test_turns_and_ids_of_calls_count_for_each_task_anew() -> None:
    more = (
        ', tools: [double], tool_choice: any }\nprogram double(n: int) -> int = expr n * 2\nmodel other = scripted "x'
    )
    sim = Sim('model m = anthropic "x"\n' + DESK.replace("MORE }", f'{more}"') + MAIN, "Main")
    call = {"type": "tool_use", "id": "t1", "name": "double", "input": {"n": 2}}
    for task in ("a: one", "a: two"):
        sim.send("task", task)
        assert sim.asks[0].request["choice"] == "any"
        sim.reply(content=[call], stop="tool_use").reply("4")
    sim.send("task", "a: three")
    ids = [b["id"] for m in sim.asks[0].request["messages"] for b in m["content"] if b["type"] == "tool_use"]
    assert len(set(ids)) == 2


def test_a_coglet_keeps_a_thousand_sessions() -> None:
    sim = desk()
    for number in range(1001):
        sim.send("task", f"{number}:").reply("yes")
    sim.send("task", "0:")
    assert said(sim) == [("user", ["0:"])]
    sim.reply("new").send("task", "2:")
    assert len(said(sim)) == 3


def test_sessions_outlive_a_restart_and_a_run(tmp_path: Path) -> None:
    script = tmp_path / "s.yml"
    script.write_text(json.dumps(["one", "two"]))
    bundle = build(f'model m = scripted "{script}"\n' + DESK.replace("MORE", "") + MAIN, "Main")

    def run(task: str) -> tuple[Any, Any]:
        states, trace, journal = StateStore(tmp_path / "state.db"), io.BytesIO(), io.BytesIO()
        recorded = Journal(journal, {"run": "r", "seed": 0, "epoch": 0})
        writer = TraceWriter(trace)
        made = session(
            bundle, inputs=[("task", task)], sim=True, states=states, trace=writer, journal=recorded, run="r"
        )
        writer.flush()
        states.close()
        asks = [r for r in map(json.loads, trace.getvalue().splitlines()) if r["kind"] == "ask"]
        return made, (asks, journal.getvalue(), trace.getvalue())

    run("ann: one")
    script.write_text(json.dumps([{"when": {"prompt": "ann: again"}, "reply": "with history"}]))
    made, (_, journal, trace) = run("ann: again")
    assert made.outputs["out"] == ["with history"]
    kept = made.kernel.persisted["Main/a", 'session Desk "ann"']
    assert [m["role"] for m in kept["messages"]] == ["user", "assistant", "user", "assistant"]
    assert repeated(bundle, journal, tmp_path)[2] == trace


def test_what_is_kept_of_a_session_is_checked() -> None:
    sim = desk()
    sim.kernel.persisted["Main/a", 'session Desk "ann"'] = {"messages": 5}
    sim.send("task", "ann: hi")
    assert sim.sent("out") == [["kept", "what `Main/a` has kept of the session `ann` is no conversation"]]


# ---- hand-offs -----------------------------------------------------------------------------------------------

TEAM = """
model m = anthropic "claude-sonnet-5-5"
model other = anthropic "claude-haiku-5-5"
program bill(user: string) -> int = expr 42
\"\"\"Knows all bills.\"\"\"
agent Billing { model: other, system: "I do bills.", tools: [bill], hand_off: [Desk], max_turns: 3 }
agent Desk { model: m, system: "I am the desk.", hand_off: [Billing]MORE }
"""


def hand(agent: str, id: str = "h1", **more: Any) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": id, "name": "hand_off", "input": {"agent": agent, **more}}]


def team(more: str = "", **options: Any) -> Sim:
    return Sim(TEAM.replace("MORE", more and f", {more}") + MAIN, "Main", **options).send("task", "my bill?")


def test_another_agent_goes_on_with_the_whole_conversation() -> None:
    sim = team(traced=True)
    (tool,) = sim.asks[0].request["tools"]
    assert tool["name"] == "hand_off" and "Billing: Knows all bills." in tool["description"]
    sim.reply(content=hand("Billing", reason="bills"), stop="tool_use")
    ask = sim.asks[0]
    assert (ask.program, ask.model.name, ask.request["system"]) == ("Billing", "other", "I do bills.")
    assert [t["name"] for t in ask.request["tools"]] == ["bill", "hand_off"]
    assert said(sim)[-1] == ("user", ["`Billing` goes on with this conversation."])
    sim.reply("42 dollars")
    assert sim.sent("out") == ["42 dollars"]
    assert ("info", "`Desk` hands the conversation to `Billing`") in sim.logs
    assert [(r["program"], r["to"]) for r in sim.records("hand_off")] == [("Desk", "Billing")]


def test_it_may_come_back_and_the_turns_of_the_first_bound_it_all() -> None:
    sim = Sim(TEAM.replace("MORE", ", max_turns: 4").replace("max_turns: 3", "max_turns: 9") + MAIN, "Main")
    sim.send("task", "my bill?")
    for id, (agent, name) in enumerate((("Billing", "Desk"), ("Desk", "Billing"), ("Billing", "Desk"))):
        assert sim.asks[0].program == name
        sim.reply(content=hand(agent, f"h{id}"), stop="tool_use")
    assert sim.asks[0].program == "Billing" and sim.asks[0].request["choice"] == "none", "the last turn"
    sim.reply(content=hand("Desk", "h9"), stop="tool_use")
    assert sim.sent("out") == [
        ["budget", "`Desk` has used its 4 turns; `hand_off`, asked for in the last one, was not run"]
    ]


def test_the_turns_of_the_next_one_bound_its_part() -> None:
    sim = team().reply(content=hand("Billing"), stop="tool_use")
    for id in range(3):
        sim.reply(
            content=[{"type": "tool_use", "id": f"b{id}", "name": "bill", "input": {"user": f"u{id}"}}], stop="tool_use"
        )
    assert sim.sent("out")[0][1].startswith("`Billing` has used its 3 turns")


def test_the_answer_has_the_type_of_the_first() -> None:
    sim = team("output: { sum: int }").reply(content=hand("Billing"), stop="tool_use")
    assert sim.asks[0].request["schema"]["required"] == ["sum"]
    sim.reply('{"sum": 42}')
    assert sim.sent("out") == [{"sum": 42}]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"agent": "Nobody"}, "one of Billing"), ({}, "one of Billing"), ({"agent": 5}, "one of Billing"),
        ({"agent": "Billing", "why": 1}, "takes `agent`"), ({"agent": ["Billing"]}, "one of Billing"),
    ],
)  # fmt: skip
def test_an_odd_hand_off_is_told_to_the_model(given: Any, why: str) -> None:
    sim = team().reply(content=[{"type": "tool_use", "id": "h", "name": "hand_off", "input": given}], stop="tool_use")
    block = sim.asks[0].request["messages"][-1]["content"][0]
    assert block["is_error"] and why in block["content"] and sim.asks[0].program == "Desk"


def test_two_hand_offs_in_one_reply_are_one() -> None:
    sim = team().reply(content=[*hand("Billing", "a"), *hand("Billing", "b")], stop="tool_use")
    first, second = sim.asks[0].request["messages"][-1]["content"]
    assert not first["is_error"] and second["is_error"] and sim.asks[0].program == "Billing"


def test_agents_that_work_in_the_background_come_first() -> None:
    sim = team("spawn: [Billing]")
    spawn = {
        "type": "tool_use",
        "id": "s",
        "name": "spawn_agent",
        "input": {"agent": "Billing", "query": "q", "background": True},
    }
    sim.reply(content=[spawn], stop="tool_use")
    at = next(i for i, ask in enumerate(sim.asks) if ask.program == "Desk")
    sim.reply(ask=at, content=hand("Billing"), stop="tool_use")
    last = next(a for a in sim.asks if a.program == "Desk").request["messages"][-1]["content"]
    assert any("still work" in str(b.get("content")) for b in last)


def test_a_session_remembers_who_holds_it() -> None:
    sim = team('session: "all"').reply(content=hand("Billing"), stop="tool_use").reply("42")
    sim.send("task", "and last month?")
    assert sim.asks[0].program == "Billing" and len(said(sim)) == 5
    sim.reply("7")
    assert sim.sent("out") == ["42", "7"]


def test_a_clash_of_names_and_other_mistakes_are_reported() -> None:
    head = 'model m = scripted "x"\nagent B { model: m }\nprogram hand_off() -> int = expr 1\n'
    main = "\ncoglet Main { transmit o: any\n create a = A\n on start { a.task <- \"x\" }\n on a.result as r { o <- r }\n on a.failed as f { o <- f } }"  # fmt: skip
    assert codes(head + "agent A { model: m, hand_off: [B], tools: [hand_off] }" + main) == ["tool-clash"]
    assert codes(head.replace("hand_off()", "h()") + "agent A { model: m, hand_off: [h], tools: [h] }" + main) == [
        "wrong-kind"
    ]
    assert (
        codes(head.replace("hand_off()", "h()") + "agent A { model: m, hand_off: [C], tools: [h] }" + main)[0]
        == "unknown-name"
    )
    assert codes(head.replace("hand_off()", "h()") + "agent A { model: m, hand_off: [B], max_parallel: 0, tools: [h] }" + main) == ["out-of-range"]  # fmt: skip


# ---- side by side --------------------------------------------------------------------------------------------


def test_max_parallel_bounds_the_tools_of_one_reply() -> None:
    spec = 'model m = anthropic "x"\nprogram slow(n: int) -> int = shell ["x"]\nagent Desk { model: m, tools: [slow], max_parallel: 2 }'
    sim = Sim(spec + MAIN, "Main").send("task", "go")
    calls = [{"type": "tool_use", "id": f"t{i}", "name": "slow", "input": {"n": i}} for i in range(5)]
    sim.reply(content=calls, stop="tool_use")
    assert [c.arguments["n"] for c in sim.calls] == [0, 1]
    sim.answer(10)
    assert [c.arguments["n"] for c in sim.calls] == [1, 2]
    for _ in range(4):
        sim.answer(1)
    results = sim.asks[0].request["messages"][-1]["content"]
    assert [r["tool_use_id"] for r in results] == ["t0", "t1", "t2", "t3", "t4"], "in the order of the calls"


# ---- over real sockets, with the real SDKs -------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("COGC_TEST_KEY", "sk-canary-3")
    with serve() as found:
        yield found


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_both_providers_take_what_a_session_and_a_hand_off_send(server: Server, provider: str) -> None:
    url = server.url + ("/v1" if provider == "openai" else "")
    at = f'{{ base_url: "{url}", api_key: env("COGC_TEST_KEY") }}'
    spec = TEAM.replace("MORE", ', session: \"all\"').replace(
        'anthropic "claude-sonnet-5-5"', f'{provider} "a" {at}'
    ).replace('anthropic "claude-haiku-5-5"', f'{provider} "b" {at}')  # fmt: skip
    if provider == "openai":
        call = {"id": "h1", "index": 0, "function": {"name": "hand_off", "arguments": '{"agent": "Billing"}'}}
        server.will(
            chunks({"tool_calls": [call]}, finish="tool_calls"), chunks({"content": "42"}), chunks({"content": "7"})
        )
    else:
        server.will(blocks(use("hand_off", "h1", agent="Billing")), reply("42"), status(529), reply("7"))
    made = session(build(spec + MAIN, "Main"), inputs=[("task", "one"), ("task", "two")], sim=True)
    assert made.outputs["out"] == ["42", "7"]
    refused = refused_by_chat if provider == "openai" else refused_by_messages
    assert [refused(r) for r in server.requests if refused(r)] == []
    assert next(r["model"] for r in server.requests if "messages" in r) == "a" and server.requests[-1]["model"] == "b"
