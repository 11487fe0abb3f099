"""Whatever a model's server answers, what stands in the history may be sent back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cogc.kernel.models.replies import sendable


def call(**more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 1}, **more}


def made(*blocks: Any, stop: Any = "end_turn", **more: Any) -> Any:
    return sendable({"content": list(blocks), "stop": stop, "usage": {}, **more}, set())


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": ""},
        {"type": "text", "text": " \n"},
        {"type": "text"},
        {"type": "text", "text": 3},
        {"text": "x"},
        "x",
        None,
        {"type": 3},
    ],
)
def test_blocks_that_say_nothing_are_left_out(block: Any) -> None:
    assert made(block, {"type": "text", "text": "hi"}).content == [{"type": "text", "text": "hi"}]


def test_blocks_of_a_provider_are_kept_with_all_that_they_hold() -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "new_kind", "data": [1, {"x": None}]}]
    assert made(*blocks).content == blocks


@pytest.mark.parametrize(
    ("given_input", "words"),
    [
        (None, "not null"), ("", "the text"), ("{city: x}", "no JSON object"), ([1], "not [1]"), (3, "not 3"), (True, "not true"),
        ({"n": float("nan")}, "a number that JSON does not have"), ({"n": [{"m": float("inf")}]}, "a number that JSON does not have"),
    ],
)  # fmt: skip
def test_an_input_that_is_no_record_becomes_an_empty_one_and_is_told(given_input: Any, words: str) -> None:
    reply = made(call(input=given_input))
    assert reply.content[0]["input"] == {} and words in reply.wrong["t1"]


def test_an_input_that_nests_too_deep_is_told() -> None:
    value: Any = 1
    for _ in range(10_000):
        value = [value]
    assert "nests too deep" in made(call(input={"n": value})).wrong["t1"]


def test_an_input_that_fits_is_kept() -> None:
    reply = made(call(input={"n": [1, 2.5, None, "é"]}))
    assert reply.content[0]["input"] == {"n": [1, 2.5, None, "é"]} and not reply.wrong


@pytest.mark.parametrize("id", ["", None, 7, "a b", "x" * 200, "ü"])
def test_an_id_that_is_no_plain_word_is_replaced(id: Any) -> None:
    assert made(call(id=id)).content[0]["id"] == "call_1"


def test_ids_are_unique_in_the_whole_conversation() -> None:
    known: set[str] = set()
    ids = []
    for _ in range(3):
        reply = sendable({"content": [call(), call(), call(id="call_2")], "stop": "tool_use", "usage": {}}, known)
        ids += [b["id"] for b in reply.content]
    assert len(ids) == len(set(ids)) == 9 and ids[0] == "t1"


def test_halves_of_surrogate_pairs_are_replaced_everywhere() -> None:
    reply = made(
        {"type": "text", "text": "a\ud83d"},
        call(input={"\udc00k": ["\ud800"]}, name="f\ud800"),
        {"type": "other", "x": "\ud800"},
    )
    json.dumps(reply.content, ensure_ascii=False).encode()
    assert reply.content[1]["input"] == {"\ufffdk": ["\ufffd"]}


@pytest.mark.parametrize("stop", ["tool_use", "end_turn", "stop", "length?", None, 3, "stop_sequence", "pause_turn"])
def test_calls_count_whatever_the_stop_reason_says(stop: Any) -> None:
    assert made(call(), stop=stop).stop == "tool_use"


@pytest.mark.parametrize(
    ("stop", "kept"),
    [
        ("tool_use", "end_turn"),
        ("eos", "end_turn"),
        (None, "end_turn"),
        ("pause_turn", "pause_turn"),
        ("refusal", "refusal"),
        ("max_tokens", "max_tokens"),
    ],
)
def test_stop_reasons_without_calls(stop: Any, kept: str) -> None:
    assert made({"type": "text", "text": "x"}, stop=stop).stop == kept


@pytest.mark.parametrize("usage", [None, [], {"input": -1}, {"input": "9"}, {"input": True}, {"other": 3}])
def test_counts_that_are_no_counts_are_zero(usage: Any) -> None:
    assert sendable({"content": [], "stop": "end_turn", "usage": usage}, set()).usage == {}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_BLOCK = _JSON | st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "thinking", "odd"]) | _JSON},
    optional={"text": _JSON, "id": _JSON | st.sampled_from(["a", "b"]), "name": _JSON, "input": _JSON},
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # the first example loads tables of characters
@given(
    st.lists(
        st.fixed_dictionaries(
            {"content": st.lists(_BLOCK, max_size=4) | st.none(), "stop": _JSON}, optional={"usage": _JSON}
        ),
        max_size=3,
    )
)
def test_whatever_comes_may_be_sent(replies: list[dict[str, Any]]) -> None:
    known: set[str] = set()
    ids: list[str] = []
    for reply in replies:
        found = sendable(reply, known)
        for block in found.content:
            assert isinstance(block["type"], str)
            if block["type"] == "text":
                assert block["text"].strip()
            if block["type"] == "tool_use":
                assert block["name"] and isinstance(block["input"], dict)
                ids.append(block["id"])
        text = json.dumps([b for b in found.content if b["type"] in ("text", "tool_use")], ensure_ascii=False)
        text.encode()
        assert (found.stop == "tool_use") == (
            found.stop not in ("max_tokens", "refusal") and any(b["type"] == "tool_use" for b in found.content)
        )
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "kind", [{"type": "thinking", "thinking": "", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}]
)
def test_a_thought_stays_in_front_of_what_it_leads_to_and_nowhere_else(kind: Any) -> None:
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    assert [b["type"] for b in made(kind, call, kind, {"type": "text", "text": " "}).content] == [
        kind["type"],
        "tool_use",
    ]
    assert made(kind).content == []
