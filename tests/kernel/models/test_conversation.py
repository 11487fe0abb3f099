"""Conversations as a machine: requests go out, replies come in; the requests, the value and the failure are compared."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.language.values import Failure
from support.sim import Sim

SPEC = """
model m = anthropic "claude-sonnet-5-5" { MODEL }
model plain = anthropic "unknown" { capabilities: [] }
type Label = { label: "bug" | "idea", sure: float = 0.5 }
\"\"\"Doubles a number.\"\"\"
program double(n: int) -> int = expr n * 2
program slow(n: int, much: float = 1.5) -> any = shell ["true"]
program quiet() -> string = shell ["true"]
program sulk() -> string = shell ["false"]
program ask(q: string) -> RESULT = llm { model: m, prompt: "Say {{ q }}" PROGRAM }
coglet Main { listen q: string
  transmit out: any
  on q as q { out <- ask(q) } else as e { out <- [e.kind, e.message] } }
"""


def talk(result: str = "string", program: str = "", model: str = "", q: str = "hello", **options: Any) -> Sim:
    """Start a conversation."""
    text = SPEC.replace("RESULT", result).replace("PROGRAM", program and f", {program}").replace("MODEL", model)
    return Sim(text, "Main", **options).send("q", q)


def user(words: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": words}]}


def use(name: str, id: str = "t1", /, **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def asked(sim: Sim, program: str) -> int:
    """Return the place of a program's request among those that wait."""
    return next(i for i, ask in enumerate(sim.asks) if ask.program == program)


def said(sim: Sim, ask: int = 0) -> list[Any]:
    """Return what the last message of a request says: texts, and results of tools with their ids."""
    blocks = sim.asks[ask].request["messages"][-1]["content"]
    return [b["text"] if b["type"] == "text" else (b["tool_use_id"], b["content"], b["is_error"]) for b in blocks]


# ---- the request ---------------------------------------------------------------------------------------------


def test_a_request_has_the_prompt_and_the_usual_settings() -> None:
    (ask,) = talk().asks
    assert ask.request == {"messages": [user("Say hello")], "max_tokens": 4096}
    assert (ask.program, ask.path, ask.limit, ask.streams) == ("ask", "Main", 60_000_000_000, False)


def test_a_tool_must_be_asked_for_before_the_answer() -> None:
    sim = talk(program="tools: [double], tool_choice: any")
    assert sim.asks[0].request["choice"] == "any"
    sim.reply(content=[use("double", n=1)], stop="tool_use")
    assert "choice" not in sim.asks[0].request and sim.asks[0].request["tools"]
    sim.reply("two")
    assert sim.sent("out") == ["two"]


@pytest.mark.parametrize("program", ["tools: [double], tool_choice: auto", "tool_choice: any", "tools: [double]"])
def test_otherwise_the_model_is_free(program: str) -> None:
    assert "choice" not in talk(program=program).asks[0].request


def test_in_the_only_turn_no_tool_must_be_asked_for() -> None:
    (ask,) = talk(program="tools: [double], tool_choice: any, budget: { turns: 1 }").asks
    assert "tools" not in ask.request and "choice" not in ask.request


@pytest.mark.parametrize(
    ("program", "model", "part"),
    [
        ('system: "Be {{ q }}."', "", {"system": "Be hello."}),
        ("max_tokens: 50", "", {"max_tokens": 50}),
        ("", "max_tokens: 70", {"max_tokens": 70}),
        ("max_tokens: 50", "max_tokens: 70", {"max_tokens": 50}),  # the program's own goes ahead
        ("effort: low", "", {"effort": "low"}),
        ("", 'effort: high, capabilities: ["effort"]', {"effort": "high"}),
        ("temperature: 0.5", 'capabilities: ["sampling"]', {"temperature": 0.5}),
        ('thinking: "adaptive"', "", {"thinking": "adaptive"}),
        ("thinking: 2000", 'thinking: "off"', {"thinking": 2000}),
        ("", "max_tokens: 9000, thinking: 8000", {"thinking": 8000, "max_tokens": 9000}),
        (
            'thinking: "off", tools: [double], tool_choice: any',
            'thinking: "adaptive"',
            {"thinking": None, "choice": "any"},
        ),
    ],
)
def test_a_setting_is_in_the_request(program: str, model: str, part: dict[str, Any]) -> None:
    request = talk(program=program, model=model).asks[0].request
    assert {k: request.get(k) for k in part} == part


def test_what_a_model_cannot_do_is_not_asked_of_it() -> None:
    assert "effort" not in talk(program="effort: low", model="capabilities: []").asks[0].request
    request = talk("Label", model="capabilities: []").asks[0].request
    assert "schema" not in request
    head, _, schema = request["system"].partition("\n")
    assert head == "Answer with one JSON value of this JSON Schema, and nothing else:" and '"enum"' not in schema


@pytest.mark.parametrize(
    ("result", "schema"),
    [
        ("string", None),
        ("int", {"type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"], "additionalProperties": False}),
        ('"a" | "b"', {"type": "object", "properties": {"value": {"anyOf": [{"const": "a"}, {"const": "b"}]}}, "required": ["value"], "additionalProperties": False}),
        ("{ n: int }", {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}),
    ],
)  # fmt: skip
def test_the_type_of_the_result_is_a_schema(result: str, schema: dict[str, Any] | None) -> None:
    assert talk(result).asks[0].request.get("schema") == schema


@pytest.mark.parametrize("result", ["map[int]", "{ n: int, ... }", "[any]"])
def test_a_type_that_structured_output_does_not_take_is_asked_for_in_words(result: str) -> None:
    request = talk(result).asks[0].request
    assert "schema" not in request and "JSON Schema" in request["system"]


def test_a_tool_is_its_parameters_and_its_documentation() -> None:
    double, slow = talk(program="tools: [double, slow]").asks[0].request["tools"]
    assert double == {
        "name": "double",
        "description": "Doubles a number.",
        "schema": {
            "type": "object",
            "properties": {"n": {"type": "integer"}},
            "required": ["n"],
            "additionalProperties": False,
        },
    }
    assert slow["schema"]["properties"] == {"n": {"type": "integer"}, "much": {"type": "number"}}
    assert slow["schema"]["required"] == ["n"]


# ---- the answer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "words", "value"),
    [
        ("string", "plain words", "plain words"),
        ("string", '{"value": 1}', '{"value": 1}'),
        ("int", '{"value": 7}', 7),
        ("int", "7", 7),
        ("float", '{"value": 7}', 7.0),
        ("bool", "true", True),
        ("[int]", '{"value": [1, 2]}', [1, 2]),
        ("[int]", "[1, 2]", [1, 2]),
        ("int?", '{"value": null}', None),
        ('"yes" | "no"', '{"value": "no"}', "no"),
        ('"yes" | "no"', "no", "no"),
        ('"yes" | "no"', " no\n", "no"),
        ("Label", '{"label": "bug"}', {"label": "bug", "sure": 0.5}),
        ("Label", '```json\n{"label": "bug", "sure": 1}\n```', {"label": "bug", "sure": 1.0}),
        ("{ value: int }", '{"value": 3}', {"value": 3}),
        ("duration", '{"value": "1m"}', None),
    ],
)
def test_an_answer_gives_the_value_of_its_type(result: str, words: str, value: Any) -> None:
    sent = talk(result).reply(words).sent("out")
    if result == "duration":
        assert repr(sent) == "[1m]"
    else:
        assert sent == [value] and type(sent[0]) is type(value)


@pytest.mark.parametrize(
    ("result", "words", "reason"),
    [
        ("int", "seven", "the answer is no JSON: "),
        ("int", '{"value": "7"}', 'expected int, got string "7"'),
        ("int", '{"value": 7, "more": 1}', "expected int, got record "),
        ('"yes" | "no"', "maybe", "the answer is no JSON: "),
        ("Label", '{"label": "bag"}', "`label`: expected "),
        ("Label", '{"sure": 1}', "the field `label` is missing"),
        ("Label", "", "the answer is no JSON: "),
    ],
)
def test_an_answer_that_does_not_fit_is_asked_for_once_more_with_the_reason(
    result: str, words: str, reason: str
) -> None:
    sim = talk(result).reply(words)
    (again,) = said(sim)[-1:]
    assert again.startswith(f"That answer does not fit: {reason}")
    assert again.endswith(" Answer again, with nothing but the JSON value.")
    sim.reply(words)
    ((kind, message),) = sim.sent("out")
    assert kind == "type" and message.startswith(f"`ask`: {reason}") and not sim.asks


def test_the_second_answer_may_fit() -> None:
    assert talk("int").reply("seven").reply("7").sent("out") == [7]


def test_a_reply_with_an_unknown_stop_reason_ends_the_turn() -> None:
    assert talk().reply("all of it", stop="mystery").sent("out") == ["all of it"]


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        ("max_tokens", "`ask`: the answer was cut off at 4096 tokens"),
        ("refusal", "`ask`: the model refused"),
        ("model_context_window_exceeded", "`ask`: the conversation is longer than the model's window"),
    ],
)
def test_a_reply_that_stops_for_another_reason_fails_the_call(stop: str, message: str) -> None:
    sim = talk().reply("half of", stop=stop)
    assert sim.sent("out") == [["program", message]] and not sim.asks


def test_the_ends_of_an_answer() -> None:
    assert talk().reply("done", stop="stop_sequence").sent("out") == ["done"]
    assert talk().reply("it was", stop="refusal", detail="too rude").sent("out") == [
        ["program", "`ask`: the model refused (too rude)"]
    ]


def test_a_pause_goes_on_with_what_was_said() -> None:
    sim = talk().reply("first", stop="pause_turn")
    assert [m["role"] for m in sim.asks[0].request["messages"]] == ["user", "assistant"]
    assert sim.reply("second").sent("out") == ["second"]


# ---- tools ---------------------------------------------------------------------------------------------------

TOOLS = "tools: [double, slow]"


def test_tools_of_one_reply_run_side_by_side_and_their_results_stand_in_order() -> None:
    sim = talk(program=TOOLS).reply(
        content=[use("slow", "a", n=1), use("double", "b", n=4), use("slow", "c", n=2, much=3)], stop="tool_use"
    )
    assert not sim.asks and [c.arguments for c in sim.calls] == [{"n": 1, "much": 1.5}, {"n": 2, "much": 3.0}]
    sim.answer("second", 1).answer({"first": True}, 0)
    assert said(sim) == [("a", '{"first": true}', False), ("b", "8", False), ("c", "second", False)]
    assert [m["role"] for m in sim.asks[0].request["messages"]] == ["user", "assistant", "user"]
    assert sim.reply("12").sent("out") == ["12"]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (use("double"), "`double` needs `n`"),
        (use("double", n="4"), '`n`: expected int, got string "4"'),
        (use("double", n=4, m=1), "`double` has no parameter `m`"),
        (use("treble", n=4), "there is no tool `treble`; there is double, slow"),
        (
            {"type": "tool_use", "id": "t1", "name": "double", "input": [4]},
            "the input of `double` is a record, not [4]",
        ),
        (use("double", n=1 << 62), "a number is too large; an int has 64 bits"),
    ],
)
def test_what_is_wrong_with_a_call_is_told_to_the_model(block: dict[str, Any], message: str) -> None:
    sim = talk(program=TOOLS).reply(content=[block], stop="tool_use")
    assert said(sim) == [("t1", message, True)]


def test_a_tool_that_fails_is_a_result() -> None:
    from cogc.language.values import Failure

    sim = talk(program=TOOLS).reply(content=[use("slow", n=1)], stop="tool_use")
    sim.answer(Failure("program", "exit code 1"))
    assert said(sim) == [("t1", "exit code 1", True)] and sim.reply("well").sent("out") == ["well"]


def test_five_equal_calls_with_equal_results_go_in_circles() -> None:
    sim = talk(program=TOOLS)
    for _ in range(4):
        sim.reply(content=[use("double", n=1)], stop="tool_use")
    assert sim.asks
    sim.reply(content=[use("double", n=1)], stop="tool_use")
    assert sim.sent("out") == [["program", "`ask` goes in circles: 5 times the same call of `double`"]]


def test_two_calls_in_turn_go_in_circles_too() -> None:
    sim = talk(program=TOOLS + ", budget: { turns: 99 }")
    for n in range(9):
        assert sim.asks
        sim.reply(content=[use("double", n=n % 2)], stop="tool_use")
    assert sim.sent("out") == [["program", "`ask` goes in circles: 5 times the same call of `double`"]]


def test_calls_that_differ_or_give_something_else_go_in_no_circle() -> None:
    sim = talk(program=TOOLS + ", budget: { turns: 99 }")
    for n in range(12):
        sim.reply(content=[use("double", n=n)], stop="tool_use")
    for n in range(12):
        sim.reply(content=[use("slow", n=1)], stop="tool_use").answer(n)
    assert sim.asks and sim.reply("done").sent("out") == ["done"]


# ---- attempts ------------------------------------------------------------------------------------------------

BUSY = {"error": {"message": "overloaded", "retry": True}}


def test_a_request_that_may_succeed_later_is_made_again_after_growing_pauses() -> None:
    sim = talk(program="retry: 5, timeout: 10m")
    asked = []
    for _ in range(5):
        sim.reply(**BUSY)
        assert not sim.asks
        before = sim.kernel.now
        due = sim.kernel.timers.next()
        assert due is not None
        asked.append((due - before) / 1e9)
        sim.run(asked[-1])
    assert all(0.75 * w <= pause <= w for pause, w in zip(asked, [0.5, 1, 2, 4, 8], strict=True))
    sim.reply(**BUSY)
    assert sim.sent("out") == [["program", "`ask`: overloaded (tried 6 times)"]]


def test_without_a_number_there_are_two_more_attempts() -> None:
    sim = talk()
    for _ in range(2):
        sim.reply(**BUSY).run(8)
        assert sim.asks
    assert sim.reply(**BUSY).sent("out") == [["program", "`ask`: overloaded (tried 3 times)"]]


@pytest.mark.parametrize(
    ("error", "program"),
    [
        ({"message": "bad key"}, ""),
        ({"message": "bad key", "retry": False}, ""),
        ({"message": "bad key", "retry": True}, "retry: 0"),
    ],
)
def test_a_request_that_cannot_succeed_later_fails_at_once(error: dict[str, Any], program: str) -> None:
    sim = talk(program=program).reply(error=error)
    assert sim.stamped("out") == [(0, ["program", "`ask`: bad key"])]


@pytest.mark.parametrize(("after", "program", "pause"), [(60, "", "1m"), (5, "timeout: 5s", "5s")])
def test_a_pause_that_would_pass_the_deadline_is_not_begun_and_is_said(after: int, program: str, pause: str) -> None:
    sim = talk(program=program).reply(error={"message": "busy", "retry": True, "after": after})
    message = f"`ask`: busy; the pause of {pause} before a retry is longer than the time that is left"
    assert sim.stamped("out") == [(0, ["program", message])]


def test_the_server_says_how_long_the_pause_is() -> None:
    sim = talk().reply(error={"message": "busy", "retry": True, "after": 7})
    assert not sim.run(6.9).asks and sim.run(0.1).asks


# ---- limits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "seconds"),
    [
        ("", 60),
        ("timeout: 5s", 5),
        ("budget: { time: 7s }", 7),
        ("timeout: 9s, budget: { time: 7s }", 7),
        ("timeout: 2m", 120),
    ],
)
def test_the_time_bounds_the_whole_conversation(program: str, seconds: int) -> None:
    tools = f"tools: [slow]{', ' if program else ''}{program}"
    sim = talk(program=tools)
    assert sim.asks[0].limit == seconds * 10**9
    sim.run(seconds / 2).reply(content=[use("slow", n=1)], stop="tool_use")
    sim.run(seconds / 4).answer("x")
    assert sim.asks[0].limit == seconds * 10**9 // 4
    sim.run(seconds / 4).reply(content=[use("slow", n=2)], stop="tool_use")
    sim.answer("x")
    assert sim.sent("out") == [["timeout", f"program `ask` took longer than {seconds}s"]]


def test_turns_bound_the_number_of_requests() -> None:
    sim = talk(program="tools: [double], budget: { turns: 3 }")
    for n in range(3):
        sim.reply(content=[use("double", n=n)], stop="tool_use")
    why = "`ask` has used its 3 turns; `double`, asked for in the last one, was not run"
    assert sim.sent("out") == [["budget", why]]


def test_ten_turns_are_usual() -> None:
    sim = talk(program="tools: [double]")
    for n in range(9):
        sim.reply(content=[use("double", n=n)], stop="tool_use")
    assert sim.asks
    assert sim.reply(content=[use("double", n=9)], stop="tool_use").sent("out")[0][0] == "budget"


def test_tokens_are_counted_before_a_request_and_lower_what_its_answer_may_have() -> None:
    sim = talk(program="tools: [double], budget: { tokens: 1000 }")
    assert sim.asks[0].request["max_tokens"] == 900
    sim.reply(content=[use("double", n=1)], stop="tool_use", usage={"input": 200, "output": 50, "cache_read": 100})
    assert sim.asks[0].request["max_tokens"] == 1000 - 350 - 100
    sim.tokens = 600
    sim.reply(content=[use("double", n=2)], stop="tool_use", usage={"input": 50, "output": 10})
    assert sim.sent("out") == [["budget", "`ask` has 1000 tokens; 410 are used, 600 would be sent"]]


def test_dollars_lower_what_an_answer_may_have() -> None:
    sim = talk(program="budget: { usd: 0.0012 }")  # 100 tokens of input cost 0.0002; the rest are 100 tokens of output
    assert sim.asks[0].request["max_tokens"] in (99, 100)


def test_a_budget_of_the_run_bounds_all_conversations_together() -> None:
    sim = talk(program="max_tokens: 100", budget={"tokens": 500})
    sim.reply("a", usage={"input": 100, "output": 100}).send("q", "again")
    assert sim.asks[0].request["max_tokens"] == 100
    sim.reply("b", usage={"input": 100, "output": 120}).send("q", "again")
    assert sim.sent("out")[2:] == [["budget", "`the run` has 500 tokens; 420 are used, 100 would be sent"]]


def test_a_request_that_does_not_fit_waits_while_others_hold_what_it_needs() -> None:
    text = SPEC.replace("RESULT", "string").replace("PROGRAM", ", max_tokens: 100").replace("MODEL", "")
    text = text.replace("on q as q {", "on q as q concurrent 9 {")
    sim = Sim(text, "Main", budget={"tokens": 390})
    sim.send("q", "one").send("q", "two")
    assert len(sim.asks) == 2 and sim.asks[1].request["max_tokens"] == 90
    sim.send("q", "three")
    assert len(sim.asks) == 2
    sim.reply("1", usage={"input": 20, "output": 20})
    assert [a.request["messages"][0]["content"][0]["text"] for a in sim.asks] == ["Say two", "Say three"]
    assert sim.asks[1].request["max_tokens"] == 60
    sim.reply("2", usage={"input": 20, "output": 20}).reply("3")
    assert sim.sent("out") == ["1", "2", "3"]


def test_without_a_count_the_length_is_the_estimate() -> None:
    sim = talk(program="budget: { tokens: 1000 }", model='capabilities: ["effort"]', q="x" * 400)
    (ask,) = sim.asks
    assert 870 <= ask.request["max_tokens"] <= 880  # four characters are a token, the JSON around the text included


def test_a_conversation_that_fills_the_window_is_summed_up() -> None:
    sim = talk(program="tools: [double]")
    full = {"input": 899_000, "output": 1_001}
    sim.reply(content=[use("double", n=1)], stop="tool_use", usage=full)
    assert said(sim)[-1].startswith("The conversation is about to be cut here.")
    sim.reply("It doubled 1.")
    (only,) = sim.asks[0].request["messages"]
    assert only == user("Say hello\n\nThe conversation so far, summed up:\nIt doubled 1.")
    assert sim.reply("2").sent("out") == ["2"]


def test_a_summary_without_words_fails_the_call() -> None:
    sim = talk(program="tools: [double]")
    sim.reply(content=[use("double", n=1)], stop="tool_use", usage={"input": 999_000})
    assert sim.reply(" ").sent("out") == [["program", "`ask`: the conversation fills the window and has no summary"]]


def test_what_was_used_is_added_up_by_program_and_model() -> None:
    sim = talk(program="tools: [double]")
    sim.reply(content=[use("double", n=1)], stop="tool_use", usage={"input": 1000, "output": 100, "cache_read": 500})
    sim.reply("2", usage={"input": 10, "output": 1})
    used = sim.kernel.models.usage("ask", "m")
    assert (used.calls, used.input, used.output, used.cache_read) == (2, 1010, 101, 500)
    assert used.usd == pytest.approx((1010 * 2 + 101 * 10 + 500 * 0.2) / 1e6)


# ---- the life of the coglet around ---------------------------------------------------------------------------


def test_a_conversation_ends_with_its_coglet_and_its_budget_is_free_again() -> None:
    sim = talk(program="max_tokens: 100", budget={"tokens": 1000})
    assert sim.kernel.models.budget.reserved_tokens == 200
    sim.kernel.stop()
    sim.settle()
    assert not sim.asks and sim.kernel.models.budget.reserved_tokens == 0 and sim.kernel.ended == "stopped"


def test_the_trace_has_what_is_new_of_each_request() -> None:
    sim = talk(program=TOOLS, traced=True)
    sim.reply(content=[use("double", n=4)], stop="tool_use").reply("8")
    assert [[m["role"] for m in r["data"]] for r in sim.records("ask")] == [["user"], ["user"]]
    assert [r["program"] for r in sim.records("call")] == ["ask"]
    assert [r["data"] for r in sim.records("result")] == ["8"]


# ---- agents --------------------------------------------------------------------------------------------------

AGENTS = """
model m = anthropic "claude-sonnet-5-5"
agent Helper { model: m, system: "You help.", output: { answer: string } }
agent Chief { model: m, tools: [Helper], spawn: [Helper] { max_concurrent: 1 }, max_turns: 9 }
coglet Main { listen go: string
  listen order: string
  transmit out: any
  create chief = Chief
  link self.go -> chief.task
  on chief.result as r { out <- r }
  on chief.failed as f { out <- [f.task, f.kind] }
  on order as o { if o == "pause" { guide chief.pause() }
    if o == "resume" { guide chief.resume() }
    if o == "cancel" { guide chief.cancel() }
    if o == "inject" { guide chief.inject("one more thing") } }
}
"""


def agents() -> Sim:
    return Sim(AGENTS, "Main")


def test_an_agent_works_on_one_task_at_a_time() -> None:
    sim = agents().send("go", "a").send("go", "b")
    assert [said(sim) for _ in sim.asks] == [["a"]]
    assert said(sim.reply("A")) == ["b"]
    assert sim.reply("B").sent("out") == ["A", "B"]


def test_a_task_that_fails_leaves_the_agent_at_work() -> None:
    sim = agents().send("go", "a").send("go", "b").reply("half", stop="max_tokens")
    assert sim.sent("out") == [["a", "program"]] and said(sim) == ["b"]


def test_a_pause_holds_the_next_request_and_takes_no_time_of_the_task() -> None:
    sim = agents().send("go", "a").send("order", "pause")
    sim.run(10).reply(content=[use("Helper", query="x")], stop="tool_use")
    assert not sim.asks
    sim.run(500).send("order", "resume")
    assert sim.asks[0].program == "Helper" and sim.sent("out") == []


def test_what_is_injected_is_said_before_the_next_request_or_in_the_next_task() -> None:
    sim = agents().send("go", "a").send("order", "inject")
    sim.reply(content=[use("nothing")], stop="tool_use")
    assert said(sim)[-1] == "one more thing"
    sim.reply("A").send("order", "inject").send("go", "b")
    assert said(sim) == ["b", "one more thing"]


def test_an_answer_to_which_something_was_said_meanwhile_is_not_the_last() -> None:
    sim = agents().send("go", "a").send("order", "inject").reply("too early")
    assert said(sim) == ["one more thing"]
    assert sim.reply("better").sent("out") == ["better"]


def test_a_cancelled_task_fails_as_such() -> None:
    sim = agents().send("go", "a").send("order", "cancel")
    assert sim.sent("out") == [["a", "cancelled"]] and not sim.asks


def test_an_agent_as_a_tool_gives_a_record_of_what_it_found_and_used() -> None:
    sim = agents().send("go", "a").reply(content=[use("Helper", query="x")], stop="tool_use")
    ask = sim.asks[0]
    assert ask.request["system"] == "You help." and said(sim) == ["x"]
    sim.reply('{"answer": "yes"}', usage={"input": 100, "output": 10})
    (_, content, is_error) = said(sim)[0]
    assert not is_error and '"success": true' in content and '"output": {"answer": "yes"}' in content
    assert '"tokens_used": 110' in content and '"cost_usd": 0.0003' in content


def test_an_agent_as_a_tool_that_fails_is_a_record_too() -> None:
    sim = agents().send("go", "a").reply(content=[use("Helper", query="x")], stop="tool_use")
    (_, content, is_error) = said(sim.reply("no", stop="refusal"))[0]
    assert not is_error and '"success": false' in content and "`Helper`: the model refused" in content


def test_an_agent_takes_one_string() -> None:
    sim = agents().send("go", "a").reply(content=[use("Helper", question="x")], stop="tool_use")
    assert said(sim) == [("t1", "the agent `Helper` takes one string, `query`", True)]


def spawn(id: str, background: bool) -> dict[str, Any]:
    return use("spawn_agent", id, agent="Helper", query=id, background=background)


def test_sub_agents_wait_for_their_turn() -> None:
    sim = agents().send("go", "a").reply(content=[spawn("x", False), spawn("y", False)], stop="tool_use")
    assert [a.request["messages"][0] for a in sim.asks] == [user("x")]
    sim.reply('{"answer": "X"}')
    assert [a.request["messages"][0] for a in sim.asks] == [user("y")]
    sim.reply('{"answer": "Y"}')
    assert [r[0] for r in said(sim)] == ["x", "y"]


def test_a_conversation_does_not_end_while_a_background_agent_works_and_hears_of_its_end() -> None:
    sim = agents().send("go", "a").reply(content=[spawn("x", True)], stop="tool_use")
    chief = asked(sim, "Chief")
    ((_, content, _),) = said(sim, chief)
    assert '"state": "running"' in content and '"agent_id": "Helper-1"' in content
    sim.reply("I wait.", chief)
    assert sim.sent("out") == [] and [a.program for a in sim.asks] == ["Helper"]
    sim.reply('{"answer": "X"}')
    assert said(sim)[0].startswith("Agent Helper-1 is completed: ")
    assert sim.reply("done").sent("out") == ["done"]


def test_the_tools_of_sub_agents() -> None:
    sim = agents().send("go", "a").reply(content=[spawn("x", True), spawn("y", True)], stop="tool_use")
    calls = [
        use("agent_status", "1", id="Helper-1"), use("agent_status", "2", id="Helper-2"), use("cancel_agent", "3", id="Helper-2"),
        use("message_agent", "4", id="Helper-1", message="hurry"), use("agent_status", "5", id="Helper-9"), use("message_agent", "6", id="Helper-2", message="x"),
        use("spawn_agent", "7", agent="Nobody", query="x"), use("spawn_agent", "8", agent="Helper"), use("list_agents", "9", all=True),
    ]  # fmt: skip
    sim.reply("", asked(sim, "Chief"), content=calls, stop="tool_use")
    results = {id: (content, is_error) for id, content, is_error in said(sim, asked(sim, "Chief"))}
    assert '"state": "running"' in results["1"][0] and '"state": "pending"' in results["2"][0]
    assert '"state": "cancelled"' in results["3"][0] and not results["4"][1]
    assert results["5"] == ("there is no agent `Helper-9`; there is Helper-1, Helper-2", True)
    assert results["6"] == ("agent `Helper-2` is cancelled: it takes no messages", True)
    assert results["7"] == ("there is no agent `Nobody`; there is Helper", True)
    assert results["8"] == ("`spawn_agent` needs `query`", True)
    assert results["9"] == ("`list_agents` has no parameter `all`", True)


# ---- long results --------------------------------------------------------------------------------------------

LONG = "\n".join(f"line {i}" for i in range(1, 2001))


def read(sim: Sim, **input: Any) -> str:
    """Have the model read on, and return what it is told."""
    sim.reply(content=[use("read_result", f"r{len(sim.asks[0].request['messages'])}", **input)], stop="tool_use")
    return str(said(sim)[-1][1])


def long_result(program: str = "tools: [slow], max_result: 100") -> Sim:
    sim = talk(program=program).reply(content=[use("slow", n=1)], stop="tool_use")
    sim.answer(LONG)
    return sim


def test_a_long_result_is_cut_in_the_middle_and_can_be_read_on() -> None:
    sim = long_result()
    told = str(said(sim)[-1][1])
    assert len(told) < 600 and told.startswith("line 1\n") and told.endswith("line 2000")
    assert f"{len(LONG) - 400:,} characters are left out here" in told and 'read_result(id: "r1", from: 27)' in told
    assert [t["name"] for t in sim.asks[0].request["tools"]] == ["slow", "read_result"]
    assert read(sim, id="r1", **{"from": 500, "lines": 2}).startswith(
        "line 500\nline 501\n[... 1,499 lines follow, from 502 ...]"
    )
    assert len(read(sim, id="r1")) < 500


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"id": "r9"}, "there is no result `r9`; there is r1"), ({"id": "r1", "from": 0}, "`from` is an int, at least 1"),
        ({"id": "r1", "lines": "all"}, "`lines` is an int, at least 1"), ({"id": "r1", "from": 9999}, "the result has 2,000 lines"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(given: dict[str, Any], message: str) -> None:
    assert read(long_result(), **given) == message


def test_without_a_bound_a_tenth_of_the_window_is_told() -> None:
    sim = talk(program="tools: [slow]").reply(content=[use("slow", n=1)], stop="tool_use")
    sim.answer("x" * 5_000_000)
    (told,) = said(sim)
    assert 390_000 < len(told[1]) < 401_000


def test_a_line_without_end_is_read_in_pieces() -> None:
    sim = talk(program="tools: [slow], max_result: 1000").reply(content=[use("slow", n=1)], stop="tool_use")
    sim.answer("".join(f"{i:05d}" for i in range(2000)))
    assert read(sim, id="r1", **{"from": 3, "lines": 1}).startswith("00800")


@pytest.mark.parametrize("said", ["", " \n"])
def test_a_result_that_says_nothing_is_told_as_empty(said: str) -> None:
    sim = talk(program="tools: [quiet, sulk]")
    sim.answers["quiet"] = said
    sim.answers["sulk"] = Failure("program", said)
    sim.reply(content=[use("quiet"), use("sulk", "t2")], stop="tool_use")
    results = sim.asks[0].request["messages"][-1]["content"]
    assert [(r["content"], r["is_error"]) for r in results] == [("(empty)", False), ("it failed", True)]


@pytest.mark.parametrize("id", [[], {}, 5, None, "r2"])
def test_a_result_that_was_not_kept_cannot_be_read_on(id: Any) -> None:
    sim = talk(program="tools: [slow], max_result: 10")
    sim.answers["slow"] = "x" * 100
    sim.reply(content=[use("slow", n=1)], stop="tool_use")
    sim.reply(content=[{"type": "tool_use", "id": "t2", "name": "read_result", "input": {"id": id}}], stop="tool_use")
    (result,) = sim.asks[0].request["messages"][-1]["content"]
    assert result["is_error"] and result["content"].startswith("there is no result ")
