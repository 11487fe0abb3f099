"""Replies made sendable: the one step between what a model's server has answered and the history of a conversation.

The history goes back to the server in the next request, and servers refuse what they should never have sent. `sendable` takes
a reply as a provider gives it and returns one whose content any provider takes. The journal keeps the reply as it came, as far as
a journal can hold it (`recordable`), and a replay makes the same of it.

| what comes | what becomes of it |
| --- | --- |
| a text that is empty or blank, a block that is no record, has no type, or nests too deep | left out |
| a block that only a request may have (`tool_result`, `image`, `document`); a thought without its signature | left out |
| the result of a tool of the provider's own without its call | left out |
| a thought at the end, behind which nothing comes | left out |
| half a surrogate pair, anywhere | U+FFFD |
| a tool's input that is no record: broken JSON, `null`, a text, a list | `{}`; the call is answered by an error that says what was wrong |
| a number in an input that JSON does not have (NaN, an infinity) | as an input that is no record |
| an id of a call that is empty, no plain word, or known already | an id of our own |
| a call without the name of a tool | its name is `unnamed`, for which there is no tool |
| a name of a tool with other characters than providers take | `_` in their place, as in the names that are offered |
| the input of a call of a tool of the provider's own that is no record | `{}` |
| calls under a stop reason that ends a turn, or an unknown one | the reason `tool_use` |
| an unknown stop reason without calls | `end_turn` |
| counts of tokens that are no counts | 0 |
| a block of an unknown type | kept as it is: it is the provider's own |
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cogc.language.texts import plain_name
from cogc.language.values import shorten

if TYPE_CHECKING:
    from cogc.kernel.shapes import Block, Message, Reply, Tokens

ENDS = {
    "max_tokens": "the answer was cut off at {most} tokens",
    "refusal": "the model refused",
    "model_context_window_exceeded": "the conversation is longer than the model's window",
}
"""The stop reasons that fail a conversation, with the words for it."""
_ID = r"[A-Za-z0-9_-]{1,64}"
_COMMON = ("text", "tool_use", "tool_result", "image", "document")
_THOUGHTS = ("thinking", "redacted_thinking")
_OF_REQUESTS = ("tool_result", "image", "document")
_COUNTS = ("input", "output", "cache_read", "cache_write", "thinking")
_HALF = "[\ud800-\udfff]"
_DEEPEST = 100
_LARGEST = 1 << 63


class Sendable(NamedTuple):
    """A reply whose content may go back. `wrong` has, by the id of a call, what is wrong with its input."""

    content: list[Block]
    stop: str
    usage: Tokens
    wrong: dict[str, str]
    detail: str


def sendable(reply: Reply, known: set[str]) -> Sendable:
    """Return a reply as it may stand in the history. `known` has the ids of the conversation's calls, and gets the new ones."""
    content: list[Block] = []
    wrong: dict[str, str] = {}
    for block in reply.get("content") or ():
        if not isinstance(block, dict) or not isinstance(block.get("type"), str) or not block["type"]:
            continue
        if not all(holds(v) for k, v in block.items() if k != "input"):
            continue
        if block["type"] == "tool_use":
            content.append(_call(block, known, wrong))
        elif _may_go_back(block, known):
            content.append(_own(block, known))
    while content and content[-1]["type"] in _THOUGHTS:  # servers refuse a message that ends in a thought
        content.pop()
    stop = reply.get("stop")
    if not isinstance(stop, str) or stop not in ENDS:
        usual = "pause_turn" if stop == "pause_turn" else "end_turn"
        stop = "tool_use" if any(b["type"] == "tool_use" for b in content) else usual
    return Sendable(content, stop, usage(reply.get("usage")), wrong, str(reply.get("detail") or ""))


def recordable(reply: dict[str, Any]) -> dict[str, Any]:
    """Return a reply as a journal holds it: a replay must read what the run has read.

    Halves of surrogate pairs are replaced. An input of a tool that no journal holds becomes its text, and any other part null.
    """
    found: dict[str, Any] = {}
    for key, value in reply.items():
        if key == "content" and isinstance(value, list):
            found[key] = [_recordable(block) for block in value]
        else:
            found[key] = value if holds(value) else None
    made: dict[str, Any] = whole(found)
    return made


def _recordable(block: Any) -> Any:
    """Return a block of a reply as a journal holds it."""
    if holds(block):
        return block
    if not isinstance(block, dict):
        return None
    return {k: v if holds(v) else _gist(v) if k == "input" else None for k, v in block.items()}


def _gist(value: Any) -> str:
    """Return the beginning of a value as text."""
    try:
        return shorten(value)
    except RecursionError:
        return "..."


def portable(messages: list[Message]) -> list[Message]:
    """Return a conversation as another model takes it: without the blocks that are the own ones of a provider."""
    found: list[Message] = []
    for message in messages:
        content = [_plain_call(b) for b in message["content"] if b["type"] in _COMMON]
        if content and found and found[-1]["role"] == message["role"]:
            content = [*found.pop()["content"], *content]
        if content:
            found.append({"role": message["role"], "content": content})
    return found


def _plain_call(block: Block) -> Block:
    """Return a block without what a provider has added to a call."""
    if block["type"] != "tool_use":
        return block
    made: Any = {key: block[key] for key in ("type", "id", "name", "input")}
    return cast("Block", made)


def call_ids(messages: list[Message]) -> set[str]:
    """Return the ids of all calls of tools in a conversation."""
    return {b["id"] for m in messages for b in m["content"] if b["type"].endswith("tool_use")}


def usage(given: object) -> Tokens:
    """Return the counts of tokens of a reply."""
    found = given if isinstance(given, dict) else {}
    counts = {k: n for k in _COUNTS if isinstance(n := found.get(k), int) and not isinstance(n, bool) and n > 0}
    return cast("Tokens", {**counts, "estimated": True} if found.get("estimated") is True else counts)


def tokens_of(usage: Tokens) -> int:
    """Return how many tokens of the model's window a request and its reply have filled."""
    return usage.get("input", 0) + usage.get("cache_read", 0) + usage.get("cache_write", 0) + usage.get("output", 0)


def whole(value: Any) -> Any:
    """Return a value of JSON without halves of surrogate pairs, which no request can hold."""
    if isinstance(value, str):
        return re.sub(_HALF, "\ufffd", value)
    if isinstance(value, dict):
        return {whole(k): whole(v) for k, v in value.items()}
    return [whole(v) for v in value] if isinstance(value, list) else value


def _may_go_back(block: Block, known: set[str]) -> bool:
    """Return whether a block that is no call of our tools may stand in the history."""
    kind = block["type"]
    if kind == "text":
        return isinstance(block.get("text"), str) and bool(block["text"].strip())
    if kind.endswith("_tool_result"):
        return block.get("tool_use_id") in known
    texts = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",)}.get(kind, ())
    if kind.endswith("_tool_use"):
        texts = ("id", "name")
    return kind not in _OF_REQUESTS and all(isinstance(block.get(key), str) for key in texts)


def _own(block: Block, known: set[str]) -> Block:
    """Return a block of the provider's own as it goes back: as it is, but for what no server takes."""
    if block["type"].endswith("_tool_use"):
        known.add(block["id"])
        if _unusable(block.get("input")):
            block = {**block, "input": {}}
    made: Block = whole(block)
    return made


def _call(block: Block, known: set[str], wrong: dict[str, str]) -> Block:
    """Return the block of a call with an id of its own and a record as its input."""
    id, name, given = block.get("id"), block.get("name"), block.get("input")
    if not isinstance(id, str) or re.fullmatch(_ID, id) is None or id in known:
        id = f"call_{len(known) + 1}"
        while id in known:
            id += "_"
    known.add(id)
    reason = _unusable(given)
    if reason:
        wrong[id] = reason
    made: Block = whole({k: v for k, v in block.items() if k != "input"})
    made["id"] = id
    made["name"] = plain_name(name) if isinstance(name, str) and name else "unnamed"
    made["input"] = {} if reason else whole(given)
    return made


def _unusable(given: Any) -> str:
    """Return what is wrong with the input of a call, as the end of a sentence; empty if it can be used."""
    if isinstance(given, str):
        return f"is no JSON object, but the text {shorten(given)}"
    if not isinstance(given, dict):
        return f"is a record, not {shorten(given)}"
    return "" if holds(given) else "holds a number that JSON does not have or 64 bits do not hold, or nests too deep"


def holds(value: Any, deepest: int = _DEEPEST) -> bool:
    """Return whether requests and journals hold a value: its numbers are those of JSON, of 64 bits, and it nests no deeper."""
    if isinstance(value, float):
        return value - value == 0
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    if not isinstance(value, dict | list):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return deepest > 0 and all(holds(v, deepest - 1) for v in parts)
