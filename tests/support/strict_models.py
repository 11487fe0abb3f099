"""What the two APIs of models refuse, as far as it is documented or was reported: a function for each, of a request's body.

`refused_by_messages` and `refused_by_chat` return the reason in words, or None. `parsed` reads a body as strictly as a server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ROOT = ("anyOf", "oneOf", "allOf")
_DEEPEST = 400


class Refused(Exception):
    """A request that a server answers with the status 400. Its text is the reason."""


def _number(word: str) -> Any:
    raise Refused(f"the body is no JSON: {word}")


def parsed(raw: bytes) -> Any:
    """Return a body as data. Raise Refused for what no server of JSON takes."""
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_number)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the body is no JSON: {error}") from None


def refused_by_messages(body: Any) -> str | None:
    """Return why the Messages API refuses a body, or None."""
    return _reason(_messages, body)


def refused_by_chat(body: Any) -> str | None:
    """Return why Chat Completions refuses a body, or None."""
    return _reason(_chat, body)


def _reason(rules: Any, body: Any) -> str | None:
    try:
        _common(body)
        rules(body)
    except Refused as refused:
        return str(refused)
    except (KeyError, TypeError, AttributeError) as error:
        return f"a field is missing or has the wrong type: {error!r}"
    return None


def _need(fits: object, why: str) -> None:
    if not fits:
        raise Refused(why)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield each text in a value of JSON, keys too."""
    _need(depth < _DEEPEST, "the body nests too deep")
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _texts(part, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part, depth + 1)


def _common(body: Any) -> None:
    _need(not any(_HALF.search(t) for t in _texts(body)), "the body is no JSON: half a surrogate pair")
    _need(isinstance(body["model"], str), "model: a text")
    _need(body["messages"], "messages: at least one message is required")


def _tools(offered: list[tuple[str, str, Any]]) -> None:
    """Check tools, each given by name, description and schema."""
    names = [name for name, _, _ in offered]
    _need(len(names) == len(set(names)), "tools: names must be unique")
    for name, about, schema in offered:
        _need(_NAME.fullmatch(name), f"tools: the name {name!r} has the wrong form")
        _need(isinstance(about, str), "tools: a description is a text")
        _need(schema.get("type") == "object", "tools: the root of a schema is an object")
        _need(not set(schema) & set(_ROOT), "tools: no anyOf, oneOf, allOf at the root of a schema")


# ---- the Messages API ----------------------------------------------------------------------------------------


def _messages(body: Any) -> None:
    thinking = body.get("thinking", {"type": "disabled"})
    if thinking["type"] == "enabled":
        most = body.get("max_tokens", 1 << 40)
        _need(1024 <= thinking["budget_tokens"] < most, "thinking.budget_tokens: from 1024, and less than max_tokens")
    _need(thinking["type"] in ("enabled", "adaptive", "disabled"), "thinking.type: enabled, adaptive or disabled")
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
    _need(not forced or thinking["type"] == "disabled", "thinking may not be enabled when tool_choice forces tool use")
    if "max_tokens" in body:  # a request that counts has none
        _need(type(body["max_tokens"]) is int and body["max_tokens"] > 0, "max_tokens: greater than 0")
    for block in body.get("system", []):
        _text(block)
    _tools([(t["name"], t["description"], t["input_schema"]) for t in body.get("tools", [])])
    _need(body["messages"][0]["role"] == "user", "messages: the first one is of the user")
    open_calls: list[str] = []
    seen: set[str] = set()
    for message in body["messages"]:
        content = message["content"]
        _need(isinstance(content, list) and content, "messages: content must not be empty")
        if message["role"] == "user":
            _of_user(content, open_calls)
            open_calls = []
        else:
            _need(message["role"] == "assistant", "messages: a role is user or assistant")
            _need(not open_calls, f"tool_use without tool_result: {open_calls}")
            open_calls = _of_assistant(content, seen)
    _need(not open_calls, f"tool_use without tool_result: {open_calls}")


def _text(block: Any) -> None:
    _need(isinstance(block["text"], str) and block["text"].strip(), "text content blocks must be non-empty")


def _of_user(content: list[Any], open_calls: list[str]) -> None:
    given = [b["tool_use_id"] for b in content if b["type"] == "tool_result"]
    _need(sorted(given) == sorted(open_calls), f"tool_result of {given} for tool_use of {open_calls}")
    kinds = [b["type"] == "tool_result" for b in content]
    _need(kinds == sorted(kinds, reverse=True), "tool_result blocks must come first")
    for block in content:
        if block["type"] == "text":
            _text(block)
        elif block["type"] == "tool_result":
            _result(block["content"])
            _need(
                block["content"] or not block.get("is_error"),
                "tool_result: content cannot be empty if is_error is true",
            )
        else:
            _media(block)


def _result(content: Any) -> None:
    if not isinstance(content, str):
        for part in content:
            if part["type"] == "text":
                _text(part)
            else:
                _media(part)


def _media(block: Any) -> None:
    _need(block["type"] in ("image", "document"), f"a user's block has no type {block['type']}")
    _need(block["source"]["type"] in ("base64", "text"), "source: base64 or text")
    _need(isinstance(block["source"]["data"], str) and block["source"]["data"], "source.data: a text")
    _need(isinstance(block["source"]["media_type"], str), "source.media_type: a text")


_STRINGS = {
    "thinking": ("thinking", "signature"),
    "redacted_thinking": ("data",),
    "server_tool_use": ("id", "name"),
}


def _of_assistant(content: list[Any], seen: set[str]) -> list[str]:
    """Check a reply that comes back, and return the ids of its calls."""
    calls = []
    for block in content:
        _need(isinstance(block["type"], str) and block["type"], "a block has a type")
        _need(block["type"] not in ("tool_result", "image", "document"), f"{block['type']} in an assistant's message")
        for key in _STRINGS.get(block["type"], ()):
            _need(isinstance(block[key], str), f"{block['type']}.{key}: a text")
        if block["type"] == "text":
            _text(block)
        elif block["type"] == "tool_use":
            _need(isinstance(block["input"], dict), "tool_use.input: a record")
            _need(_NAME.fullmatch(block["id"]), "tool_use.id: wrong form")
            _need(_NAME.fullmatch(block["name"]), "tool_use.name: wrong form")
            _need(block["id"] not in seen, "tool_use.id: must be unique")
            seen.add(block["id"])
            calls.append(block["id"])
        elif block["type"] == "server_tool_use":
            _need(isinstance(block["input"], dict), "server_tool_use.input: a record")
            seen.add(block["id"])
        elif block["type"].endswith("_tool_result"):
            _need(block["tool_use_id"] in seen, f"{block['type']} without its call")
    last = content[-1]["type"]
    _need(last not in ("thinking", "redacted_thinking"), f"the final block in an assistant message cannot be {last}")
    return calls


# ---- Chat Completions ----------------------------------------------------------------------------------------


def _chat(body: Any) -> None:
    most = body["max_completion_tokens"]
    _need(type(most) is int and most > 0, "max_completion_tokens: greater than 0")
    functions = [t["function"] for t in body.get("tools", [])]
    for function in functions:
        _need(len(function["description"]) <= 1024, "function.description: string too long")
        _need("properties" in function["parameters"], "function.parameters: object schema missing properties")
    _tools([(f["name"], f["description"], f["parameters"]) for f in functions])
    open_calls: list[str] = []
    seen: set[str] = set()
    for message in body["messages"]:
        role, content = message["role"], message.get("content")
        _need(role in ("system", "user", "assistant", "tool"), f"messages: no role {role}")
        if role == "tool":
            _need(message["tool_call_id"] in open_calls, "tool_call_id: no call of the message before")
            open_calls.remove(message["tool_call_id"])
            _need(isinstance(content, str), "content: a text")
            continue
        _need(not open_calls, f"tool_calls without a message of the tool: {open_calls}")
        if role == "assistant" and "tool_calls" in message:
            open_calls = _calls(message["tool_calls"], seen)
        elif isinstance(content, list):
            _parts(role, content)
        else:
            _need(isinstance(content, str), "content: a text")
    _need(not open_calls, f"tool_calls without a message of the tool: {open_calls}")


def _parts(role: str, content: list[Any]) -> None:
    _need(role == "user" and content, "content: parts only of the user")
    for part in content:
        match part["type"]:
            case "text":
                _text(part)
            case "image_url":
                _need(part["image_url"]["url"].startswith("data:"), "image_url: a data URL")
            case "file":
                _need(part["file"]["file_data"].startswith("data:"), "file_data: a data URL")
            case other:
                raise Refused(f"content: no part of type {other}")


def _calls(calls: list[Any], seen: set[str]) -> list[str]:
    """Check the calls of a reply that comes back, and return their ids."""
    _need(calls, "tool_calls: must not be empty")
    ids = []
    for call in calls:
        _need(call["type"] == "function", "tool_calls: the type is function")
        _need(isinstance(call["id"], str) and call["id"] and call["id"] not in seen, "tool_calls: ids must be unique")
        _need(_NAME.fullmatch(call["function"]["name"]), "tool_calls: the name has the wrong form")
        try:
            given = json.loads(call["function"]["arguments"], parse_constant=_number)
        except (ValueError, RecursionError):
            raise Refused("tool_calls: the arguments are no JSON") from None
        _need(isinstance(given, dict), "tool_calls: the arguments are no object")
        seen.add(call["id"])
        ids.append(call["id"])
    return ids
