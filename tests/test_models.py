"""Models over a real socket: what is asked, what comes back, and everything that a server can do wrong."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from cogc.kernel.models.budget import Usage
from cogc.run import report
from cogc.run.session import Session
from support.anthropic import (
    Behaviour,
    Server,
    blocks,
    broken_off,
    dropped,
    error_event,
    events,
    raw,
    reply,
    serve,
    silent,
    status,
    use,
)
from support.cli import cogc_here
from support.sessions import session
from support.sim import Sim
from support.specs import build

SPEC = """
model m = anthropic "claude-sonnet-5-5" {{ base_url: "{url}", api_key: env("COGC_TEST_KEY"){model} }}
type Label = {{ label: "bug" | "idea", sure: float = 0.5 }}
\"\"\"Doubles a number.\"\"\"
program double(n: int) -> int = expr n * 2
program slow(n: int) -> int = shell ["sh", "-c", "echo {{{{ n }}}}"] {{ output: json, timeout: 5s }}
program broken(n: int) -> int = shell ["false"] {{ timeout: 5s }}
program ask(q: string) -> {result} = llm {{ model: m, prompt: "{{{{ q }}}}"{program} }}
coglet Main {{
  listen q: string
  transmit out: any
  on q as q {{ out <- ask(q) }} else as e {{ out <- [e.kind, e.message] }}
}}
"""
KEY = "sk-canary-7d1f"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("COGC_TEST_KEY", KEY)
    with serve() as made:
        yield made


def run(
    server: Server, result: str = "string", program: str = "", model: str = "", q: str = "hello", **o: Any
) -> Session:
    text = SPEC.format(url=server.url, result=result, program=program and ", " + program, model=model and ", " + model)
    return session(build(text), inputs=[("q", q)], **o)


def out(server: Server, *arguments: str, **options: Any) -> Any:
    return run(server, *arguments, **options).outputs["out"][0]


# ---- a server that does not stream ---------------------------------------------------------------------------


def test_a_whole_reply_is_taken_as_a_stream_of_it_would_be(server: Server) -> None:
    def whole(content: Any, stop: str) -> Behaviour:
        usage = {"input_tokens": 7, "output_tokens": 3}
        message = {"type": "message", "role": "assistant", "content": content, "stop_reason": stop, "usage": usage}
        return raw(json.dumps(message).encode(), "application/json")

    server.will(whole([use("double", n=21)], "tool_use"), whole([{"type": "text", "text": "42"}], "end_turn"))
    made = run(server, "int", "tools: [double]")
    assert made.outputs["out"] == [42] and made.kernel.models.usages["ask", "m"].tokens == 20
    server.will(whole("text", "end_turn"))
    kind, said = out(server)
    assert kind == "program" and "no reply of the Messages API" in said


# ---- thoughts ------------------------------------------------------------------------------------------------

THOUGHT = {"type": "thinking", "thinking": "First double it.", "signature": "sig=="}


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ('thinking: "adaptive"', {"type": "adaptive", "display": "summarized"}),
        ("thinking: 2_000", {"type": "enabled", "budget_tokens": 2000, "display": "summarized"}),
        ('thinking: "off"', {"type": "disabled"}),
        ("max_tokens: 9000", None),
    ],
)
def test_a_model_thinks_as_it_is_told_and_its_thoughts_go_back_as_they_came(
    server: Server, model: str, sent: Any
) -> None:
    server.will(blocks(THOUGHT, use("double", n=21)), blocks(THOUGHT, stop="end_turn"), reply("42"))
    records: list[Any] = []
    made = run(server, "int", "tools: [double]", model, on_records=records.extend)
    assert made.outputs["out"] == [42]
    assert [r.get("thinking") for r in server.requests] == [sent] * 3
    assert server.requests[1]["messages"][1]["content"][0] == THOUGHT
    assert "First double it." in json.dumps([r["data"]["content"] for r in records if r["kind"] == "reply"])


def test_a_budget_leaves_room_for_thoughts_or_none_are_asked_for(server: Server) -> None:
    server.tokens = 400
    server.will(reply("a"), reply("b"))
    run(server, "string", "thinking: 3_000, budget: { tokens: 2_000 }")
    run(server, "string", "thinking: 3_000, budget: { tokens: 900 }")
    first, second = server.requests
    assert server.counted[0]["thinking"]["type"] == "enabled"
    assert first["thinking"]["budget_tokens"] < first["max_tokens"] <= 1600 and second["thinking"] == {
        "type": "disabled"
    }


# ---- what is asked -------------------------------------------------------------------------------------------


def test_a_text_is_asked_for_and_given(server: Server) -> None:
    server.will(reply("hi there"))
    made = run(server, "string", 'system: "Be brief.", max_tokens: 99')
    assert made.outputs["out"] == ["hi there"]
    (request,) = server.requests
    assert request["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    assert request["max_tokens"] == 99 and request["stream"] is True and request["model"] == "claude-sonnet-5-5"
    assert request["system"] == [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    usage = made.kernel.models.usages["ask", "m"]
    assert (usage.calls, usage.input, usage.output) == (1, 10, 5) and usage.usd == pytest.approx(70e-6)


def test_a_record_comes_through_structured_output_and_is_checked(server: Server) -> None:
    server.will(reply('{"label": "bug"}'))
    assert out(server, "Label") == {"label": "bug", "sure": 0.5}
    schema = server.requests[0]["output_config"]["format"]["schema"]
    assert schema["properties"]["label"] == {"anyOf": [{"const": "bug"}, {"const": "idea"}]}


def test_what_is_no_record_is_wrapped(server: Server) -> None:
    server.will(reply('{"value": [1, 2]}'), reply("```json\n[3]\n```"))
    assert out(server, "[int]") == [1, 2]
    assert out(server, "[int]") == [3]
    assert server.requests[0]["output_config"]["format"]["schema"]["required"] == ["value"]


def test_a_server_without_structured_output_is_told_the_schema(server: Server) -> None:
    server.will(reply('{"label": "idea", "sure": 1}'))
    assert out(server, "Label", "", 'capabilities: ["sampling"], temperature: 0.2') == {"label": "idea", "sure": 1.0}
    (request,) = server.requests
    assert "output_config" not in request and request["temperature"] == 0.2
    assert '"label"' in request["system"][0]["text"] and "cache_control" not in request["system"][0]


def test_an_answer_that_does_not_fit_is_sent_back_once(server: Server) -> None:
    server.will(reply('{"label": "rant"}'), reply('{"label": "bug"}'), reply("what?"), reply("{}"))
    assert out(server, "Label")["label"] == "bug"
    assert "does not fit" in server.requests[1]["messages"][2]["content"][0]["text"]
    kind, message = out(server, "Label")
    assert kind == "type" and "`ask`" in message and len(server.requests) == 4


def test_a_tool_that_must_be_used_is_asked_for_as_any(server: Server) -> None:
    server.will(blocks(use("double", n=1)), reply("two"))
    assert out(server, "string", "tools: [double], tool_choice: any") == "two"
    assert [r.get("tool_choice") for r in server.requests] == [{"type": "any"}, None]


# ---- tools ---------------------------------------------------------------------------------------------------


def test_tools_run_side_by_side_and_their_results_go_back(server: Server) -> None:
    server.will(
        blocks(
            {"type": "thinking", "thinking": "hm", "signature": "s1g"},
            use("double", "a", n=4), use("slow", "b", n=7), use("broken", "c", n=1), use("nope", "d"), use("double", "e", n="x"),
        ),
        reply("done"),
    )  # fmt: skip
    assert out(server, "string", "tools: [double, slow, broken]") == "done"
    first, second = server.requests
    assert first["tools"][0] == {
        "name": "double", "description": "Doubles a number.",
        "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False},
    }  # fmt: skip
    assistant, results = second["messages"][1:]
    assert assistant["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "s1g"}
    said = {r["tool_use_id"]: (r["content"], r["is_error"]) for r in results["content"]}
    assert said["a"] == ("8", False) and said["b"] == ("7", False) and said["c"][1] and "no tool `nope`" in said["d"][0]
    assert "`n`: expected int" in said["e"][0] and results["content"][-1]["cache_control"] == {"type": "ephemeral"}


def test_turns_end(server: Server) -> None:
    server.will(*[blocks(use("double", n=1))] * 9)
    kind, message = out(server, "string", "tools: [double], budget: { turns: 3 }")
    assert kind == "budget" and message.startswith(
        "`ask` has used its 3 turns; `double`, asked for in the last one, was"
    )
    assert [r.get("tool_choice") for r in server.requests] == [None, None, {"type": "none"}]
    assert "tools" in server.requests[2]


def test_a_full_window_is_summed_up(server: Server) -> None:
    server.will(
        lambda h: h.stream(events([use("double", n=1)], "tool_use", {"input": 950_000})),
        reply("we doubled 1"),
        reply("two"),
    )
    assert out(server, "string", "tools: [double]", q="double it") == "two"
    assert "about to be cut" in server.requests[1]["messages"][-1]["content"][-1]["text"]
    (only,) = server.requests[2]["messages"]
    assert only["content"][0]["text"] == "double it\n\nThe conversation so far, summed up:\nwe doubled 1"


# ---- how a reply may end -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("max_tokens", "cut off at 4096 tokens"),
        ("refusal", "the model refused"),
        ("model_context_window_exceeded", "longer than the model's window"),
    ],
)
def test_stops_that_are_no_answer(server: Server, stop: str, said: str) -> None:
    server.will(reply("half", stop))
    kind, message = out(server)
    assert kind == "program" and said in message


def test_stops_that_are_an_answer_or_go_on(server: Server) -> None:
    server.will(reply("a", "stop_sequence"), reply("so far", "pause_turn"), reply("b"))
    assert out(server) == "a" and out(server) == "b"
    assert server.requests[2]["messages"][1] == {"role": "assistant", "content": [{"type": "text", "text": "so far", "cache_control": {"type": "ephemeral"}}]}  # fmt: skip


# ---- attempts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        status(429, "slow down", "rate_limit_error", retry_after="0"),
        status(500),
        status(529, "overloaded", "overloaded_error", retry_after_ms="5"),
        error_event("overloaded_error"),
        broken_off("hal"),
        dropped,
    ],
    ids=["429", "500", "529", "error event", "ends early", "dropped"],
)
def test_what_may_pass_is_tried_again(server: Server, wrong: Any) -> None:
    server.will(wrong, reply("at last"))
    assert out(server) == "at last" and len(server.requests) == 2


def test_attempts_end(server: Server) -> None:
    server.will(*[status(503, "down", retry_after="0")] * 9)
    assert out(server, "string", "retry: 3") == ["program", "`ask`: the model's server said 503: down (tried 4 times)"]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413])
def test_what_will_not_pass_is_not_tried_again(server: Server, code: int) -> None:
    server.will(status(code, f"bad key {KEY}"))
    assert out(server) == ["program", f"`ask`: the model's server said {code}: bad key ***"]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [raw(b"<html>hello</html>", "text/html"), raw(b'{"a": 1}', "application/json")],
    ids=["html", "json"],
)
def test_what_is_no_reply_says_so(server: Server, wrong: Any) -> None:
    server.will(wrong)
    kind, message = out(server, "string", "retry: 0")
    assert kind == "program" and "Messages API" in message


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the reply is empty"),
        (b"event: message_start\ndata: {\n\n", "the reply is garbled"),
        (
            b'event: message_start\ndata: {"type": "message_start"}\n\n',
            "the reply is garbled: an event has no `message`",
        ),
        (b"event: message_start\ndata: []\n\n", "the reply is garbled"),
    ],
    ids=["empty", "no JSON", "a field is missing", "no record"],
)
def test_a_stream_that_is_spoilt_is_asked_for_again(server: Server, body: bytes, why: str) -> None:
    server.will(raw(body, "text/event-stream"), reply("at last"))
    assert out(server) == "at last" and len(server.requests) == 2
    server.will(raw(body, "text/event-stream"))
    kind, message = out(server, "string", "retry: 0")
    assert kind == "program" and why in message


def test_a_server_that_is_not_there(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server.server_address = ("127.0.0.1", port)
    kind, message = out(server, "string", "retry: 0")
    assert kind == "program" and "the connection to 127.0.0.1 failed" in message


def test_a_wait_that_would_pass_the_deadline_is_not_begun(server: Server) -> None:
    server.will(status(429, "later", retry_after="3600"))
    assert out(server, "string", "timeout: 5s") == [
        "program",
        "`ask`: the model's server said 429: later; the pause of 1h before a retry is longer than the time that is left",
    ]


def test_a_silent_server_is_left_at_the_deadline(server: Server) -> None:
    server.will(silent)
    kind, message = out(server, "string", "timeout: 200ms")
    assert kind == "timeout" and "`ask`" in message


def test_a_missing_key_is_a_clear_failure(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COGC_TEST_KEY")
    assert out(server) == ["program", "the environment has no `COGC_TEST_KEY`"]


# ---- budgets -------------------------------------------------------------------------------------------------


def test_tokens_are_counted_before_they_are_spent(server: Server) -> None:
    server.tokens = 600
    server.will(reply("ok"))
    assert out(server, "string", "budget: { tokens: 1000 }") == "ok"
    assert server.requests[0]["max_tokens"] == 400 and len(server.counted) == 1
    kind, message = out(server, "string", "budget: { tokens: 600 }")
    assert kind == "budget" and "600 would be sent" in message and len(server.requests) == 1


def test_dollars_bound_the_answer(server: Server) -> None:
    server.tokens = 1000
    server.will(reply("ok", cache_read_input_tokens=500))
    assert out(server, "string", "budget: { usd: 0.003 }") == "ok"
    assert server.requests[0]["max_tokens"] == 100  # $0.002 of input leave $0.001, at $10 for a million
    assert out(server, "string", "budget: { usd: 0.0001 }")[0] == "budget"


def test_a_run_has_a_budget_for_all_its_conversations(server: Server) -> None:
    server.tokens = 100
    server.will(reply("one"), reply("two"))
    text = SPEC.format(url=server.url, result="string", program=", max_tokens: 50", model="")
    made = session(build(text), inputs=[("q", "a"), ("q", "b")], budget={"tokens": 110})
    assert made.outputs["out"][0] == "one" and made.outputs["out"][1][0] == "budget"
    assert "`the run` has 110 tokens; 15 are used" in made.outputs["out"][1][1]
    assert len(server.requests) == 1 and server.requests[0]["max_tokens"] == 10


def test_what_is_asked_side_by_side_is_reserved(server: Server) -> None:
    server.tokens = 100
    server.will(*[reply("ok")] * 6)
    text = SPEC.format(url=server.url, result="string", program=", max_tokens: 50", model="").replace(
        "out <- ask(q)", "out <- parallel [try ask(x) else null for x in [q, q, q]]"
    )
    made = session(build(text), inputs=[("q", "a")], budget={"tokens": 170})
    assert made.outputs["out"] == [["ok", "ok", "ok"]]  # one after the other: 150 are reserved, 15 used, each time
    made = session(build(text), inputs=[("q", "a")], budget={"tokens": 120})
    assert made.outputs["out"][0].count("ok") >= 1 and made.outputs["out"][0].count(None) >= 1
    assert made.kernel.models.budget.usage.tokens <= 120


def test_what_the_cache_took_costs_less() -> None:
    from cogc.disk.files import read
    from cogc.names.catalogue import Catalogue

    usage, price = Usage(), Catalogue(read).price("anthropic", "claude-haiku-5-5")
    usage.add({"input": 100, "cache_read": 1000, "cache_write": 100, "output": 10}, price)
    assert usage.usd == pytest.approx((100 + 100 + 125) * 0.1e-6 + 10 * 0.5e-6) and usage.tokens == 1210
    usage.add({"input": 200_000, "output": 10}, price)
    assert usage.usd == pytest.approx((325 * 0.1 + 10 * 0.5) * 1e-6 + (200_000 * 0.5 + 10 * 2.5) * 1e-6)


# ---- scripts, in the kernel's own time -----------------------------------------------------------------------


SCRIPTED = """
model m = scripted "s.yml"
program double(n: int) -> int = expr n * 2
program ask(q: string) -> string = llm { model: m, prompt: "{{ q }}", tools: [double], timeout: 30s }
coglet Main {
  listen q: string
  transmit out: any
  on q as q { out <- ask(q) } else as e { out <- [e.kind, e.message] }
}
"""


def scripted(tmp_path: Any, script: Any, **options: Any) -> Session:
    (tmp_path / "s.yml").write_text(json.dumps(script))
    bundle = build(SCRIPTED.replace("s.yml", str(tmp_path / "s.yml")))
    return session(bundle, inputs=[("q", "one")], sim=True, **options)


def test_scripts_ask_for_tools_and_fail(tmp_path: Any) -> None:
    script = [
        {"when": "one", "tools": [{"name": "double", "input": {"n": 21}}], "usage": {}},
        {"when": "42", "reply": "it is 42", "usage": {"input": 3, "output": 4}},
    ]
    made = scripted(tmp_path, script)
    assert made.outputs["out"] == ["it is 42"] and made.kernel.models.usages["ask", "m"].tokens == 7
    assert scripted(tmp_path, [{"error": "tired"}]).outputs["out"] == [["program", "`ask`: tired"]]


def test_tokens_that_a_script_does_not_say_are_estimated(tmp_path: Any) -> None:
    made = scripted(tmp_path, ["four words of text"])
    used = made.kernel.models.usages["ask", "m"]
    assert (used.calls, used.estimated) == (1, 1) and used.input > 10 and 4 < used.output < 40
    assert report.usage(made.kernel) == ""  # all of it is a guess, and costs nothing
    bounded = scripted(tmp_path, [{"reply": "x" * 4_000, "times": 9}], budget={"tokens": 900})
    used = bounded.kernel.models.usages["ask", "m"]
    assert 0 < used.tokens <= 900  # an answer has no more tokens than the request allows
    spent = [{"when": "", "tools": [{"name": "double", "input": {"n": 21}}]}]
    ((kind, said),) = scripted(tmp_path, spent, budget={"tokens": 300}).outputs["out"]
    assert kind == "budget" and "300 tokens" in said


def test_what_is_estimated_is_marked_in_the_table(tmp_path: Any) -> None:
    (tmp_path / "s.cog").write_text(
        SPEC.format(url="http://127.0.0.1:9", result="string", program=", budget: { usd: 0.01 }", model="")
    )
    (tmp_path / "a.yml").write_text(
        "- times: 1\n  when: ''\n  reply: bound\n  usage: {input: 1000, output: 100}\n- bound\n"
    )
    words = ["run", "s.cog", "--root", "Main", "--input", "q=x", "--model", "m=scripted:a.yml"]
    done = cogc_here(*words, cwd=tmp_path)
    assert "cogc: models\n" in done.stderr and "$0.003000" in done.stderr and "~" not in done.stderr
    (tmp_path / "a.yml").write_text("[bound]")
    done = cogc_here(*words, cwd=tmp_path)
    assert "cogc: models (~ tokens and cost are estimated: nobody has counted them)\n" in done.stderr
    assert re.search(r"ask +m +1 +~\d+ +0 +~\d+ +~\$0\.000\d+", done.stderr), done.stderr


def test_a_hook_converses_as_its_own_coglet(tmp_path: Any) -> None:
    (tmp_path / "s.yml").write_text(json.dumps([
        {"when": {"prompt": "one", "path": "Main/child"}, "tools": [{"name": "double", "input": {"n": i}} for i in (1, 2)]},
        {"when": "4", "reply": "done", "delay": "1s"},
    ]))  # fmt: skip
    text = (
        SCRIPTED.replace("coglet Main", "coglet Child")
        .replace("listen q: string\n", "")
        .replace("on q as q { out <- ask(q) }", 'on start { out <- ask("one") }')
    )
    text += "coglet Main { transmit out: any\n create child = Child\n on child.out as o { out <- o } }"
    records: list[Any] = []
    made = session(build(text.replace("s.yml", str(tmp_path / "s.yml")), "Main"), sim=True, on_records=records.extend)
    assert made.outputs["out"] == ["done"]
    assert {r["path"] for r in records if r["kind"] in ("call", "ask", "reply", "result")} == {"Main/child"}


def test_pauses_and_delays_pass_on_the_virtual_clock(tmp_path: Any) -> None:
    late = {"error": {"message": "busy", "status": 529, "after": 7}}
    made = scripted(tmp_path, [late, {"reply": "ok", "delay": "20s"}])
    assert made.outputs["out"] == ["ok"] and made.kernel.now == 27_000_000_000
    assert scripted(tmp_path, [{"reply": "ok", "delay": "31s"}]).outputs["out"][0][0] == "timeout"


def test_a_conversation_is_in_the_trace() -> None:
    sim = Sim(SCRIPTED, traced=True)
    sim.send("q", "one")
    kinds = [r["kind"] for r in sim.kernel.trace.records]  # type: ignore[union-attr]
    assert kinds[-2:] == ["call", "ask"]


# ---- recording, replay, what is said at the end --------------------------------------------------------------


def test_a_recording_needs_no_server_and_holds_no_secret(server: Server, tmp_path: Any) -> None:
    spec = tmp_path / "s.cog"
    text = SPEC.format(url=server.url, result="string", program=', tools: [double, slow], system: "s"', model="")
    spec.write_text(text)
    server.will(
        status(529, f"busy {KEY}", retry_after="0"),
        blocks(use("double", "a", n=1), use("slow", "b", n=2)),
        reply("fine"),
    )
    options = ["--root", "Main", "--input", "q=hello", "--output", "json"]
    first = cogc_here("run", "s.cog", *options, "--trace=t1.jsonl", "--record", "j.jsonl", cwd=tmp_path)
    assert first.returncode == 0 and json.loads(first.stdout)["data"] == "fine", first.stderr
    assert "$0.00" in first.stderr and "ask" in first.stderr
    asked = len(server.requests)
    again = cogc_here(
        "run", "s.cog", *options, "--trace=t2.jsonl", "--replay", "j.jsonl", cwd=tmp_path, COGC_TEST_KEY=""
    )
    assert again.stdout == first.stdout and len(server.requests) == asked == 3
    assert again.stderr.startswith("cogc: models") and first.stderr.endswith(again.stderr)
    assert (tmp_path / "t1.jsonl").read_bytes() == (tmp_path / "t2.jsonl").read_bytes()
    everything = first.stdout + first.stderr + "".join(p.read_text() for p in tmp_path.iterdir())
    assert KEY not in everything

    spec.write_text(text.replace('system: "s"', 'system: "another"'))
    other = cogc_here("run", "s.cog", *options, "--replay", "j.jsonl", cwd=tmp_path)
    assert other.returncode == 3
    for words in ("departs", "expected  `ask: m` of Main", "came      `ask: m` of Main", "at        s.cog:8:1"):
        assert words in other.stderr


def test_models_are_bound_on_the_command_line(server: Server, tmp_path: Any) -> None:
    (tmp_path / "s.cog").write_text(SPEC.format(url="http://127.0.0.1:9", result="string", program="", model=""))
    (tmp_path / "a.yml").write_text("[bound]")
    words = ["run", "s.cog", "--root", "Main", "--input", "q=x", "--output", "json", "--model"]
    done = cogc_here(*words, "m=scripted:a.yml", cwd=tmp_path)
    assert json.loads(done.stdout)["data"] == "bound" and done.stderr.count("\n") == 3
    over = cogc_here(*words, "m=scripted:a.yml", "--budget", "tokens=1", cwd=tmp_path)
    assert "budget" in over.stdout
    assert cogc_here(*words, "m=scripted:a.yml", "--budget", "eggs=1", cwd=tmp_path).returncode == 2
    for wrong, said in (
        ("m=oracle:x", "a provider is"),
        ("n=scripted:a.yml", "has no model `n`; it has `m`"),
        ("m", "write"),
    ):
        done = cogc_here(*words, wrong, cwd=tmp_path)
        assert done.returncode == 2 and said in done.stderr
