"""Recordings of replies of models as they stream, for both APIs: lists of events, each with its name and its data."""

from __future__ import annotations

from typing import Any, TypeAlias

from support.anthropic import events, use

Recording: TypeAlias = list[tuple[str, Any]]


def _message(*blocks: dict[str, Any], stop: str = "end_turn", **extra: Any) -> Recording:
    return [(e["type"], e) for e in events(list(blocks), stop, {}, **extra)]


def _text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def _block(index: int, block: dict[str, Any], *deltas: dict[str, Any]) -> Recording:
    """The events of one block of any type."""
    found = [{"type": "content_block_start", "index": index, "content_block": block}]
    found += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
    found.append({"type": "content_block_stop", "index": index})
    return [(str(e["type"]), e) for e in found]


def _with(*blocks: Recording, stop: str) -> Recording:
    """A message of blocks that are given as events."""
    whole = _message(stop=stop)
    return [*whole[:1], ("ping", {"type": "ping"}), *(e for block in blocks for e in block), *whole[1:]]


_SEARCH = _with(
    _block(0, {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
           {"type": "input_json_delta", "partial_json": '{"query": '}, {"type": "input_json_delta", "partial_json": '"tide"}'}),
    _block(1, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1",
               "content": [{"type": "web_search_result", "url": "https://a.example", "title": "A", "encrypted_content": "e"}]}),
    _block(2, {"type": "text", "text": "", "citations": None}, {"type": "text_delta", "text": "The tide "},
           {"type": "citations_delta", "citation": {"type": "web_search_result_location", "url": "https://a.example"}},
           {"type": "text_delta", "text": "turns."}),
    _block(3, {"type": "tool_use", "id": "toolu_9", "name": "double", "input": {}},
           {"type": "input_json_delta", "partial_json": ""}, {"type": "input_json_delta", "partial_json": '{"n": 4}'}),
    stop="tool_use",
)  # fmt: skip
_THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}

MESSAGES: list[Recording] = [
    _message(_text("hello")),
    _message(_text('{"label": "bug", "sure": 0.5}')),
    _message(_text('{"value": [1, 2, 3]}')),
    _message(_text("<think>a?</think>\n```json\n\"a\"\n```")),
    _message(_text("Let me see."), use("double", "toolu_1", n=3), stop="tool_use"),
    _message(use("double", "toolu_2", n=3), use("note", "toolu_3", text="x", about={"a": [1, "\u00e9"]}), stop="tool_use"),
    _message(_THOUGHT, use("note", "toolu_4", text="deep"), stop="tool_use"),
    _message(_THOUGHT, {"type": "text", "text": "so"}, stop="pause_turn"),
    _message(_text("half"), stop="max_tokens"),
    _message(_text("no"), stop="refusal", stop_details={"type": "refusal", "category": "cyber"}),
    _with(_block(0, {"type": "redacted_thinking", "data": "ZGF0YQ=="}), _block(1, use("double", "toolu_5"),
          {"type": "input_json_delta", "partial_json": '{"n": 5}'}), stop="tool_use"),
    _SEARCH,
    [*_message(_text("busy"))[:3], ("error", {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})],
]  # fmt: skip


def _chunks(*deltas: dict[str, Any], finish: str = "stop") -> Recording:
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": "f"}
    choices: list[dict[str, Any]] = [{"index": 0, "delta": d, "logprobs": None, "finish_reason": None} for d in deltas]
    choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish})
    usage = {
        "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }  # fmt: skip
    found: list[Any] = [{**base, "choices": [c]} for c in choices]
    return [("", c) for c in [*found, {**base, "choices": [], "usage": usage}, "[DONE]"]]


def _call(index: int, id: str | None, arguments: str, name: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"tool_calls": [{"index": index, **({"id": id, "type": "function"} if id else {}), "function": function}]}


CHAT: list[Recording] = [
    _chunks({"role": "assistant", "content": ""}, {"content": "hel"}, {"content": "lo"}),
    _chunks({"content": '{"label": "bug", '}, {"content": '"more": []}'}),
    _chunks({"content": '{"value": [1, 2, 3]}'}),
    _chunks({"role": "assistant", "content": None, "reasoning_content": "hm"}, {"content": "b"}),
    _chunks({"content": None}, _call(0, "call_a", "", "double"), _call(0, None, '{"n":'), _call(0, None, " 4}"), finish="tool_calls"),
    _chunks(_call(0, "call_b", '{"n": 1}', "double"), _call(1, "call_c", '{"text": "x", "about": [1]}', "note"), finish="tool_calls"),
    _chunks({"content": "See."}, _call(0, "call_d", '{"text": "\u00e9"}', "note"), finish="stop"),
    _chunks({"content": "half"}, finish="length"),
    _chunks({"refusal": "I will "}, {"refusal": "not"}),
    _chunks({"content": ""}, finish="content_filter"),
    [*_chunks({"content": "x"})[:1], ("", {"error": {"message": "busy", "type": "server_error", "code": "overloaded"}})],
]  # fmt: skip


def message_text(said: str) -> Recording:
    """A text over the Messages API."""
    return _message(_text(said))


def chat_text(said: str) -> Recording:
    """A text over Chat Completions."""
    return _chunks({"content": said})
