"""`on_tool`: a program that allows, refuses or changes each call of a tool of an agent, and of those that work for it; `metadata`."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.language.values import Failure
from support.sim import Sim, main_of
from support.specs import check_text, codes

HEAD = """model m = anthropic "claude-sonnet-5-5"
program look(topic: string) -> string = expr "known of " + topic
program gate(agent: string, tool: string, input: any) -> { allow: bool, why: string = "", input: any = null } = GATE
"""
MAIN = main_of("Chief")
ASKED = 'shell ["gate"] { output: json }'


def chief(agents: str = "agent Chief { model: m, tools: [look], on_tool: gate }", gate: str = ASKED) -> Sim:
    return Sim(HEAD.replace("GATE", gate) + agents + MAIN, "Main", traced=True).send("task", "go")


def use(name: str, id: str = "t1", **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def asks(sim: Sim, *uses: dict[str, Any], ask: int = 0) -> Sim:
    return sim.reply(ask=ask, content=list(uses), stop="tool_use")


def heard(sim: Sim, ask: int = 0) -> list[tuple[str, bool]]:
    """Return the results of tools that the model has just heard, each with whether it is a failure."""
    return [
        (b["content"], b["is_error"])
        for b in sim.asks[ask].request["messages"][-1]["content"]
        if b["type"] == "tool_result"
    ]


def test_a_call_that_is_allowed_is_made() -> None:
    sim = asks(chief(), use("look", topic="bees"))
    (call,) = sim.calls
    assert call.arguments == {"agent": "Main/a", "tool": "look", "input": {"topic": "bees"}}
    assert heard(sim.answer({"allow": True, "why": "", "input": None})) == [("known of bees", False)]


@pytest.mark.parametrize(("why", "said"), [("", ""), ("bees are private", ": bees are private")])
def test_a_call_that_is_refused_is_not_made_and_the_model_hears_why(why: str, said: str) -> None:
    sim = asks(chief(), use("look", topic="bees")).answer({"allow": False, "why": why, "input": None})
    assert heard(sim) == [(f"`gate` has refused the call{said}", True)]


def test_a_gate_changes_the_arguments_and_these_are_checked() -> None:
    sim = asks(chief(), use("look", topic="bees")).answer({"allow": True, "why": "", "input": {"topic": "wasps"}})
    assert heard(sim) == [("known of wasps", False)]
    sim = asks(sim, use("look", "t2", topic="bees")).answer({"allow": True, "why": "", "input": {"subject": "x"}})
    assert heard(sim) == [("`look` has no parameter `subject`", True)]
    sim = asks(sim, use("look", "t3", topic="bees")).answer({"allow": True, "why": "", "input": "wasps"})
    assert heard(sim) == [("`gate` gives an input that is no record, and the call was not made", True)]


def test_a_gate_that_fails_lets_nothing_through() -> None:
    sim = asks(chief(), use("look", topic="bees")).answer(Failure("program", "no rules here"))
    assert heard(sim) == [("`gate` could not decide, and the call was not made: no rules here", True)]
    sim = asks(chief(gate="expr { allow: input.nothing > 0 }"), use("look", topic="bees"))
    ((said, failed),) = heard(sim)
    assert failed and said.startswith("`gate` could not decide, and the call was not made")


def test_a_gate_is_an_expression_over_agent_tool_and_input() -> None:
    sim = chief(gate='expr { allow: input.topic != "bees", why: agent + " may not " + tool }')
    sim = asks(sim, use("look", topic="bees"), use("look", "t2", topic="wasps"))
    assert heard(sim) == [("`gate` has refused the call: Main/a may not look", True), ("known of wasps", False)]


def test_a_person_decides() -> None:
    sim = asks(chief(gate="human { timeout: 1h }"), use("look", topic="bees"))
    (call,) = sim.calls
    assert call.program.kind == "human" and call.arguments["tool"] == "look"
    assert heard(sim.answer({"allow": False, "why": "not today", "input": None})) == [
        ("`gate` has refused the call: not today", True)
    ]


SUB = """agent Helper { model: m, tools: [look] }
agent Chief { model: m, spawn: [Helper], tools: [Helper], on_tool: gate }
"""


@pytest.mark.parametrize("way", ["asked", "started"])
def test_the_gate_of_an_agent_holds_those_that_work_for_it(way: str) -> None:
    begin = use("Helper", query="q") if way == "asked" else use("spawn_agent", agent="Helper", query="q")
    sim = asks(chief(SUB), begin)
    assert sim.calls[0].arguments["tool"] == begin["name"]
    sim.answer({"allow": True, "why": "", "input": None})
    asks(sim, use("look", topic="bees"))
    (call,) = sim.calls
    assert call.arguments["agent"].startswith("Main/a/Helper-") and call.arguments["tool"] == "look"
    assert heard(sim.answer({"allow": False, "why": "no", "input": None})) == [
        ("`gate` has refused the call: no", True)
    ]


def test_a_sub_agent_that_is_refused_is_not_started() -> None:
    sim = asks(chief(SUB), use("spawn_agent", agent="Helper", query="q")).answer(
        {"allow": False, "why": "", "input": None}
    )
    assert heard(sim) == [("`gate` has refused the call", True)] and len(sim.asks) == 1


def test_both_gates_must_allow_and_the_outer_one_sees_what_the_inner_one_has_changed() -> None:
    own = 'program own(agent: string, tool: string, input: any) -> { allow: bool, input: any = null } = expr { allow: true, input: { topic: "wasps" } }\n'
    helper = "agent Helper { model: m, tools: [look], on_tool: own }\nagent Chief { model: m, tools: [Helper], on_tool: gate }"
    sim = asks(chief(own + helper), use("Helper", query="q")).answer({"allow": True, "why": "", "input": None})
    asks(sim, use("look", topic="bees"))
    (call,) = sim.calls
    assert call.arguments["input"] == {"topic": "wasps"}
    assert heard(sim.answer({"allow": True, "why": "", "input": None})) == [("known of wasps", False)]


def test_the_gate_goes_on_to_hold_after_the_conversation_was_handed_on() -> None:
    agents = "agent Desk { model: m, tools: [look] }\nagent Chief { model: m, hand_off: [Desk], on_tool: gate }"
    sim = asks(chief(agents), use("hand_off", agent="Desk")).answer({"allow": True, "why": "", "input": None})
    asks(sim, use("look", topic="bees"))
    assert sim.calls[0].arguments["tool"] == "look"


def test_an_agent_under_a_gate_is_not_dispatched_elsewhere() -> None:
    agents = "agent Helper { model: m, tools: [look] }\nagent Chief { model: m, spawn: [Helper] { dispatch: process }, on_tool: gate }"
    sim = asks(chief(agents), use("spawn_agent", agent="Helper", query="q")).answer(
        {"allow": True, "why": "", "input": None}
    )
    assert [a.program for a in sim.asks] == ["Helper"]


@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        ("program gate(tool: string) -> { allow: bool } = expr { allow: true }", "takes other parameters"),
        (
            "program gate(agent: int, tool: string, input: any) -> { allow: bool } = expr { allow: true }",
            "takes `agent` and `tool` as `string`",
        ),
        (
            "program gate(agent: string, tool: string, input: any) -> bool = expr true",
            "gives no record with `allow: bool`",
        ),
        (
            'program gate(agent: string, tool: string, input: any) -> { allow: bool } = llm { model: m, prompt: "?" }',
            "asks a model",
        ),
    ],
)
def test_a_program_that_cannot_decide_is_reported(program: str, wrong: str) -> None:
    spec = f'model m = anthropic "claude-sonnet-5-5"\n{program}\nagent Chief {{ model: m, on_tool: gate }}{MAIN}'
    found = [d for d in check_text(spec)[1] if d.slug == "bad-executor"]
    assert len(found) == 1 and wrong in found[0].message and "allow: bool" in found[0].help


def test_a_gate_is_a_program() -> None:
    spec = 'model m = anthropic "claude-sonnet-5-5"\nagent Other { model: m }\nagent Chief { model: m, on_tool: Other }'
    assert "wrong-kind" in codes(spec + MAIN)


# ---- metadata ------------------------------------------------------------------------------------------------


def test_metadata_reaches_the_registry() -> None:
    sim = chief('agent Chief { model: m, tools: [look], metadata: { team: "billing", cost: "low" } }')
    (record,) = [r for r in sim.kernel.models.registry.list() if r.role == "Chief"]
    assert record.value()["metadata"] == {"team": "billing", "cost": "low"}


@pytest.mark.parametrize("given", ["{ team: 1 }", '"billing"', "[1]"])
def test_metadata_are_texts(given: str) -> None:
    spec = f'model m = anthropic "claude-sonnet-5-5"\nagent Chief {{ model: m, metadata: {given} }}'
    assert "bad-executor" in codes(spec + MAIN)
