"""Models over OpenAI's Chat Completions API, on a real socket: the same conversations in other words."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cogc.run.trace import TraceWriter
from support.anthropic import Behaviour, Server, dropped, raw, serve, status
from support.sessions import session
from support.specs import build, codes

pytest.importorskip("openai")

KEY = "sk-canary-0a1"
SPEC = """
model m = openai "gpt-x" {{ base_url: "{url}/v1", api_key: env("COGC_TEST_KEY"){model} }}
program double(n: int) -> int = expr n * 2
agent Agent {{ model: m, system: "s", tools: [double], output: {output}, timeout: 10s }}
coglet Main {{
  listen q: string
  transmit out: any
  create a = Agent
  link self.q -> a.task
  on a.delta as d {{ out <- d }}
  on a.result as r {{ out <- r }}
  on a.failed as f {{ out <- [f.kind, f.message] }}
}}
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("COGC_TEST_KEY", KEY)
    with serve() as made:
        yield made


def chunks(*deltas: dict[str, Any], finish: str | None = "stop", usage: dict[str, Any] | None = None) -> Behaviour:
    """A streamed completion."""
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    found = [{**base, "choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    if finish is not None:
        found.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        used = usage or {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
        found.append({**base, "choices": [], "usage": used})
    body = "".join(f"data: {json.dumps(c)}\n\n" for c in found) + ("data: [DONE]\n\n" if finish is not None else "")
    return raw(body.encode(), "text/event-stream")


def call(index: int, id: str, arguments: str, name: str = "double") -> dict[str, Any]:
    return {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def run(server: Server, output: str = "string", model: str = "") -> Any:
    bundle = build(SPEC.format(url=server.url, output=output, model=model and ", " + model))
    return session(bundle, inputs=[("q", "hello")])


def out(server: Server, output: str = "string", model: str = "") -> list[Any]:
    return run(server, output, model).outputs["out"]  # type: ignore[no-any-return]


def test_a_text_comes_in_pieces(server: Server) -> None:
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 3,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    server.will(chunks({"role": "assistant", "content": "hi "}, {"content": "there"}, usage=usage))
    made = run(server, model='temperature: 0.3, effort: "low", max_tokens: 50')
    assert made.outputs["out"] == ["hi ", "there", "hi there"]
    (request,) = server.requests
    assert request["messages"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "hello"}]
    assert (request["temperature"], request["reasoning_effort"], request["max_completion_tokens"]) == (0.3, "low", 50)
    assert {k.lower(): v for k, v in server.headers[0].items()}["authorization"] == f"Bearer {KEY}"
    used = made.kernel.models.usages["Agent", "m"]
    assert (used.input, used.cache_read, used.output) == (8, 4, 3)


def test_tools_go_out_and_back_in_this_apis_words(server: Server) -> None:
    server.will(
        chunks({"tool_calls": [call(0, "a", '{"n":')]}, {"tool_calls": [{"index": 0, "function": {"arguments": " 4}"}}]},
               {"tool_calls": [call(1, "b", "{broken")]}, finish="tool_calls"),
        chunks({"content": "done"}),
    )  # fmt: skip
    assert out(server)[-1] == "done"
    first, second = server.requests
    assert first["tools"][0]["function"]["name"] == "double"
    assistant, one, two = second["messages"][2:]
    assert assistant["tool_calls"][0]["function"] == {"name": "double", "arguments": '{"n": 4}'}
    assert one == {"role": "tool", "tool_call_id": "a", "content": "8"}
    assert two["tool_call_id"] == "b" and "no JSON object" in two["content"]


@pytest.mark.parametrize(
    "deltas",
    [
        [{"tool_calls": [{**call(0, "a", '{"n": 1}'), "index": None}, {**call(0, "b", '{"n": 2}'), "index": None}]}],
        [{"tool_calls": [call(0, "a", '{"n": 1}')]}, {"tool_calls": [call(0, "b", '{"n": 2}')]}],
        [{"tool_calls": [call(0, "a", '{"n":')]}, {"tool_calls": [call(0, "a", " 1}")]}, {"tool_calls": [call(1, "b", '{"n": 2}')]}],
        [{"tool_calls": [call(0, "", '{"n": 1}'), call(1, "", '{"n": 2}')]}],
        [{"tool_calls": [call(0, "a", {"n": 1}), call(1, "b", {"n": 2})]}],  # type: ignore[arg-type]
    ],
    ids=["no index", "one index for two", "a name in each piece", "no ids", "inputs as records"],
)  # fmt: skip
def test_two_calls_stay_two(server: Server, deltas: list[dict[str, Any]]) -> None:
    server.will(chunks(*deltas, finish="tool_calls"), chunks({"content": "done"}))
    assert out(server)[-1] == "done"
    said = [(m["tool_call_id"], m["content"]) for m in server.requests[1]["messages"] if m["role"] == "tool"]
    assert [content for _, content in said] == ["2", "4"] and len({id for id, _ in said}) == 2


def test_content_may_be_a_list_of_parts(server: Server) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    server.will(chunks({"content": [thought]}, {"content": [{"type": "text", "text": "hi"}]}))
    assert out(server)[-1] == "hi"


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_thoughts_are_in_the_trace_and_in_no_answer(server: Server, key: str) -> None:
    server.will(
        chunks({key: "Let me "}, {key: "see.", "content": ""}, {"tool_calls": [call(0, "a", '{"n": 1}')]}, finish="tool_calls"),
        chunks({key: None, "content": "two"}),
    )  # fmt: skip
    records: list[dict[str, Any]] = []
    bundle = build(SPEC.format(url=server.url, output="string", model=""))
    made = session(bundle, inputs=[("q", "hello")], trace=TraceWriter(io.BytesIO()), on_records=records.extend)
    assert made.outputs["out"] == ["two", "two"]
    sent = next(m for m in server.requests[1]["messages"] if m["role"] == "assistant")
    assert (
        sent.get("reasoning_content") == ("Let me see." if key == "reasoning_content" else None)
        and "reasoning" not in sent
    )
    first, second = [r["data"] for r in records if r["kind"] == "reply"]
    assert first["thought"] == "Let me see." and "thought" not in second


def test_a_count_that_is_none_is_no_reason_to_fail(server: Server) -> None:
    usage: Any = {"prompt_tokens": "12", "completion_tokens": None, "prompt_tokens_details": 4}
    server.will(chunks({"content": "hi"}, usage=usage))
    assert out(server)[-1] == "hi"


def test_what_a_server_does_not_count_is_estimated(server: Server) -> None:
    server.will(chunks({"content": "hi " * 40}, usage={"prompt_tokens": 0, "completion_tokens": 0}))
    used = run(server).kernel.models.usages["Agent", "m"]
    assert used.estimated == used.calls == 1 and used.input > 10 and 30 < used.output < 60


def test_a_tool_that_must_be_used_is_required(server: Server) -> None:
    server.will(chunks({"tool_calls": [call(0, "a", '{"n": 1}')]}, finish="tool_calls"), chunks({"content": "two"}))
    text = SPEC.format(url=server.url, output="string", model="").replace(
        "tools: [double]", "tools: [double], tool_choice: any"
    )
    assert session(build(text), inputs=[("q", "hello")]).outputs["out"][-1] == "two"
    assert [r.get("tool_choice") for r in server.requests] == ["required", None]


def test_a_record_comes_through_structured_output(server: Server) -> None:
    server.will(chunks({"content": '{"n": 3}'}))
    assert out(server, "{ n: int }")[-1] == {"n": 3}
    assert server.requests[0]["response_format"]["json_schema"]["schema"]["required"] == ["n"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (chunks({"content": "half"}, finish="length"), "cut off at 4096 tokens"),
        (chunks({"content": ""}, finish="content_filter"), "the model refused"),
        (chunks({"refusal": "I will not"}), "the model refused (I will not)"),
        (status(401, f"bad key {KEY}"), "said 401: bad key ***"),
        (raw(b"<html>", "text/html"), "Chat Completions API"),
    ],
    ids=["length", "filter", "refusal", "401", "html"],
)
def test_what_is_no_answer_says_so(server: Server, wrong: Behaviour, said: str) -> None:
    server.will(wrong)
    kind, message = next(o for o in out(server) if isinstance(o, list))
    assert kind == "program" and said in message and len(server.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [status(429, "slow", retry_after="0"), status(503), dropped, chunks({"content": "ha"}, finish=None)],
    ids=["429", "503", "dropped", "ends early"],
)
def test_what_may_pass_is_tried_again(server: Server, wrong: Behaviour) -> None:
    server.will(wrong, chunks({"content": "at last"}))
    assert out(server)[-1] == "at last" and len(server.requests) == 2


def test_its_models_sample_and_have_no_price() -> None:
    spec = (
        'model m = openai "gpt-x" { temperature: 0.2 }\nprogram p() -> string = llm { model: m, prompt: "x", BUDGET }'
    )
    assert codes(spec.replace("BUDGET", "temperature: 0.1")) == []
    assert codes(spec.replace("BUDGET", "budget: { usd: 1.0 }")) == ["no-price"]


def test_without_the_extra_it_says_so(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "openai", None)
    monkeypatch.delitem(sys.modules, "cogc.run.openai_model", raising=False)
    assert "pip install 'cogc[openai]'" in out(server)[0][1]


def test_a_long_description_of_a_tool_stands_in_the_system_text(server: Server) -> None:
    server.will(chunks({"content": "two"}))
    about = "Doubles a number. " + "word " * 300
    text = SPEC.format(url=server.url, output="string", model="").replace(
        "program double", f'"""{about.strip()}"""\nprogram double'
    )
    assert session(build(text), inputs=[("q", "hello")]).outputs["out"][-1] == "two"
    (request,) = server.requests
    said = request["tools"][0]["function"]["description"]
    assert len(said) == 1024 and said.startswith("Doubles a number.") and said.endswith("...")
    assert request["messages"][0]["content"].endswith(f"The whole description of the tool `double`:\n{about.strip()}")


def test_the_first_of_several_answers_counts(server: Server) -> None:
    def choice(index: int, said: str) -> dict[str, Any]:
        return {"index": index, "delta": {"content": said}, "finish_reason": "stop"}

    events = [{"choices": [choice(1, "no"), choice(0, "yes")]}, {"choices": [choice(1, " and no")]}, {"choices": []}]
    body = "".join(f"data: {json.dumps(e)}\n\n" for e in events) + "data: [DONE]\n\n"
    server.will(raw(body.encode(), "text/event-stream"))
    assert out(server)[-1] == "yes"


def test_a_model_that_is_not_to_think_is_told_so(server: Server) -> None:
    server.will(chunks({"content": "hi"}))
    assert out(server, model='effort: high, thinking: "off"')[-1] == "hi"
    assert server.requests[0]["reasoning_effort"] == "none"


def test_what_a_server_adds_to_a_call_goes_back_with_it(server: Server) -> None:
    signed = {**call(0, "a", '{"n": 1}'), "extra_content": {"google": {"thought_signature": "s=="}}}
    server.will(
        chunks({"tool_calls": [signed]}, {"tool_calls": [{"index": 0}]}, finish="tool_calls"),
        chunks({"content": "two"}),
    )
    assert out(server)[-1] == "two"
    sent = next(m for m in server.requests[1]["messages"] if m["role"] == "assistant")
    assert sent["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "s=="}}


def whole(message: dict[str, Any], finish: str) -> Behaviour:
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    answer = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
    }
    return raw(json.dumps(answer).encode(), "application/json; charset=utf-8")


def test_a_server_that_does_not_stream_gives_its_reply_at_once(server: Server) -> None:
    asked_for = [{"id": "a", "type": "function", "function": {"name": "double", "arguments": '{"n": 1}'}}]
    server.will(whole({"role": "assistant", "content": None, "tool_calls": asked_for}, "tool_calls"))
    server.will(whole({"role": "assistant", "content": "two"}, "stop"))
    made = run(server)
    assert made.outputs["out"] == ["two", "two"]  # the piece, and the result
    assert made.kernel.models.usages["Agent", "m"].tokens == 20
