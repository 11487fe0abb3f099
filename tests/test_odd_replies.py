"""No reply of a model's server ends a run, nor makes it send what a server refuses: mutated recordings of streams over a real
socket, through the command `cogc run`, and replayed. `make fuzz` runs two thousand of them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from cogc.kernel.models.replies import recordable
from cogc.language.codec import encode, unpacked
from support.odd_replies import Campaign, campaign
from support.replies import CHAT, MESSAGES
from support.strict_models import refused_by_chat, refused_by_messages

pytest.importorskip("openai")


@pytest.fixture(scope="module")
def runs() -> Iterator[Campaign]:
    with campaign() as made:
        yield made


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_malformed_replies_are_borne(runs: Campaign, first: int) -> None:
    for seed in range(first, first + 10):
        assert runs.failure(seed) is None, f"seed {seed}"


def test_the_campaign_reaches_answers_and_failures(runs: Campaign) -> None:
    for seed in range(30):
        runs.failure(seed)
    assert runs.ends["result"] > 5 and len(runs.ends) > 3


def test_what_no_journal_holds_is_no_part_of_a_reply() -> None:
    deep: object = 1
    for _ in range(150):
        deep = {"a": deep}
    use = {"type": "tool_use", "id": "t", "name": "f"}
    wrong = [{**use, "input": v} for v in ({"n": float("nan")}, {"n": 1 << 70}, deep)]
    made = recordable(
        {"content": [{"type": "text", "text": "a\ud83d"}, *wrong, deep], "stop": "a\udc00", "detail": float("inf")}
    )
    assert made["stop"] == "a\ufffd" and made["detail"] is None
    text, *uses, other = made["content"]
    assert text["text"] == "a\ufffd" and other == {"a": None}
    assert all(isinstance(u["input"], str) for u in uses) and uses[0]["input"] == '{"n": null}'
    assert unpacked(msgspec.json.decode(encode(made))) == made


_USE = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
_RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "x"}


@pytest.mark.parametrize(
    ("reply", "next", "why"),
    [
        ([{"type": "text", "text": " "}], [], "non-empty"),
        ([{**_USE, "input": "x"}], [_RESULT], "a record"),
        ([_USE, _USE], [_RESULT, _RESULT], "unique"),
        ([_USE], [{"type": "text", "text": "no result"}], "tool_use"),
        ([{**_USE, "name": "a b"}], [_RESULT], "wrong form"),
        ([{"type": "thinking", "thinking": "hm"}], [], "signature"),
        ([_RESULT], [], "assistant"),
        ([{"type": "text", "text": "\ud800"}], [], "surrogate"),
    ],
)
def test_the_strict_server_refuses(reply: list[object], next: list[object], why: str) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "go"}]}, {"role": "assistant", "content": reply}]
    body = {
        "model": "m",
        "max_tokens": 5,
        "messages": [*messages, *([{"role": "user", "content": next}] if next else [])],
    }
    assert why in (refused_by_messages(body) or "")


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        ([{"id": "", "arguments": "{}"}], "ids"),
        ([{"id": "a", "arguments": "{"}], "no JSON"),
        ([{"id": "a", "arguments": "[]"}], "no object"),
        ([{"id": "a", "arguments": "{}"}], "without a message"),
    ],
)
def test_the_strict_server_of_chat_refuses(calls: list[dict[str, str]], why: str) -> None:
    made = [{"id": c["id"], "type": "function", "function": {"name": "f", "arguments": c["arguments"]}} for c in calls]
    messages = [{"role": "user", "content": "go"}, {"role": "assistant", "content": None, "tool_calls": made}]
    assert why in (refused_by_chat({"model": "m", "max_completion_tokens": 5, "messages": messages}) or "")


def test_recordings_are_what_the_servers_send() -> None:
    assert all(events[0][0] == "message_start" for events in MESSAGES)
    assert all(events[0][1]["object"] == "chat.completion.chunk" for events in CHAT)
