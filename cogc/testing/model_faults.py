"""Faults of models by their meaning: a reply, made wrong in one of the ways in which models are wrong.

A reply has the form that a provider gives (`kernel/models/conversation.py`). `spoilt` takes the reply that would have come, the
reply before it, and the declared type of the answer, and gives the reply that comes instead. `slow` is no fault of the reply
itself: whoever calls this lets it come after `late_by`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cogc.kernel.effects import Ask
from cogc.kernel.state import State
from cogc.language import types
from cogc.language.attributes import MODEL_FAULTS
from cogc.language.values import Failure, plain
from cogc.run.scripted import failed
from cogc.testing.calls import result_number, result_of
from cogc.testing.samples import sample_value

Reply = dict[str, Any]
Fits = Callable[[Any], bool]
_UNEXPECTED = {"unexpected": True}
_REFUSED = "I can't help with that."
FAULT = {"message": "a fault of the exploration", "retry": False}


class Faults:
    """The faults of the requests of one run of an exploration, by the path of the coglet and the number of its request, from 1.

    `requests` are the requests that were made, each with the kinds of faults that would change something about it.
    """

    def __init__(self, plan: dict[tuple[str, int], str]) -> None:
        self.plan = plan
        self.requests: list[tuple[str, int, tuple[str, ...]]] = []
        self._asked: dict[str, int] = {}
        self._said: dict[str, Reply] = {}

    def apply(self, ask: Ask, kernel: State, reply: Any, delay: int) -> tuple[Any, int]:
        """Return the reply to a request, and its delay in nanoseconds, under its fault if it has one."""
        if ask.request.get("count"):
            return reply, delay
        number = self._asked[ask.path] = self._asked.get(ask.path, 0) + 1
        type = result_of(ask, kernel)
        self.requests.append((ask.path, number, tuple(k for k in MODEL_FAULTS if has_place(k, type, number))))
        kind = self.plan.get((ask.path, number))
        before = self._said.get(ask.path)
        if kind == "fail":
            return failed(FAULT), delay
        if kind is not None and isinstance(reply, dict):
            with suppress(Failure):  # every answer has the type: there is no such fault
                reply = spoilt(kind, reply, before, type, fitting(ask, kernel))
            delay = max(delay, late_by(ask)) if kind == "slow" else delay
        if isinstance(reply, dict) and "content" in reply:
            self._said[ask.path] = reply
        return reply, delay


def fitting(ask: Ask, kernel: State) -> Fits:
    """Return the function that says whether a value has the type of a request's answer."""
    number = result_number(ask, kernel)

    def fits(value: Any) -> bool:
        if number is None:
            return isinstance(value, str)
        try:
            ask.unit.validators.check(number)(value)
        except Failure:
            return False
        return True

    return fits


def late_by(ask: Ask) -> int:
    """Return after how many nanoseconds a slow answer comes: nine tenths of the time that the call has."""
    return ask.limit * 9 // 10


def has_place(kind: str, type: types.Type, number: int) -> bool:
    """Return whether a fault changes anything for the request of this number of a coglet, counted from 1."""
    if kind == "repeated":
        return number > 1
    return kind != "off_schema" or (types.expand(type) not in (types.STRING, types.ANY))


def spoilt(kind: str, reply: Reply, before: Reply | None, type: types.Type, fits: Fits) -> Reply:
    """Return a reply with a fault. `fits` says whether a value has the type of the answer. Raise Failure where a fault cannot be."""
    if "content" not in reply:
        return reply
    match kind:
        case "off_schema":
            return _changed(reply, lambda text: _off_schema(text, type, fits), lambda _: dict(_UNEXPECTED))
        case "empty":
            return {**reply, "content": [], "stop": "end_turn"}
        case "truncated":
            cut = _changed(
                reply, lambda text: text[: len(text) // 2], lambda given: _text_of(given)[: len(_text_of(given)) // 2]
            )
            return {**cut, "stop": "max_tokens"}
        case "repeated":
            return reply if before is None else _again(before, reply)
        case "contradicting":
            return _changed(reply, lambda text: _contradicted(text, type), lambda given: given)
        case "slow":
            return reply
        case "refusing":
            return {**reply, "content": [{"type": "text", "text": _REFUSED}], "stop": "refusal"}
        case _:
            raise AssertionError(kind)


def _changed(reply: Reply, text: Callable[[str], str], given: Callable[[Any], Any]) -> Reply:
    """Return a reply with the text of its answer changed, or the inputs of the tools that it asks for."""
    content = []
    for block in reply["content"]:
        if block.get("type") == "tool_use":
            content.append({**block, "input": given(block.get("input"))})
        elif block.get("type") == "text":
            content.append({**block, "text": text(str(block["text"]))})
        else:
            content.append(block)
    return {**reply, "content": content}


def _again(before: Reply, reply: Reply) -> Reply:
    """Return what was said before, with ids of calls that are new."""
    ids = iter([b["id"] for b in reply.get("content", ()) if b.get("type") == "tool_use"])
    content = [
        {**b, "id": next(ids, f"{b['id']}_again")} if b.get("type") == "tool_use" else b
        for b in before.get("content", ())
    ]
    return {**reply, "content": content, "stop": before.get("stop", "end_turn")}


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


# ---- answers that do not fit -----------------------------------------------------------------------------------


def _off_schema(text: str, type: types.Type, fits: Fits) -> str:
    """Return an answer in JSON that does not have the declared type. Raise Failure if every text has it."""
    wanted = types.expand(type)
    value = _value_of(text, wanted)
    if isinstance(wanted, types.RecordOf) and isinstance(value, dict):
        for name in value:
            left = {k: v for k, v in value.items() if k != name}
            if not fits(left):
                return _text_of(left)
    if wanted != types.STRING:
        for wrong in (_UNEXPECTED, [_UNEXPECTED], "unexpected", None):
            if not fits(wrong):
                return _text_of(wrong) if isinstance(wanted, types.RecordOf) else _text_of({"value": wrong})
    raise Failure(
        "error", f"`fault off_schema`: every answer has the type `{types.show(type)}`; declare a narrower one"
    )


def _value_of(text: str, type: types.Type) -> Any:
    """Return the value of an answer; a sample of its type for one that is no JSON."""
    try:
        found = json.loads(text)
    except ValueError:
        return plain(sample_value(type))
    wrapped = isinstance(found, dict) and set(found) == {"value"} and not isinstance(type, types.RecordOf)
    return found["value"] if wrapped else found


# ---- answers that say the opposite -----------------------------------------------------------------------------


def _contradicted(text: str, type: types.Type) -> str:
    """Return an answer of the same type that says the opposite: decisions are turned, else numbers, else words."""
    wanted = types.expand(type)
    if wanted == types.STRING:
        return _denied(text)
    value = _value_of(text, wanted)
    for turn in (_other_choice, _other_number, _other_words):
        changed = _turned(value, wanted, turn)
        if changed != value:
            return _text_of(changed if isinstance(wanted, types.RecordOf) else {"value": changed})
    return text


def _denied(text: str) -> str:
    return f"{text}\n\nNo: the opposite is true."


def _turned(value: Any, type: types.Type, turn: Callable[[Any, types.Type], Any], depth: int = 0) -> Any:
    """Return a value with each of its parts turned by a function of the part and its type."""
    found = types.expand(type)
    if depth > 8:
        return value
    if isinstance(found, types.RecordOf) and isinstance(value, dict):
        kinds = {f.name: f.type for f in found.fields}
        return {k: _turned(v, kinds[k], turn, depth + 1) if k in kinds else v for k, v in value.items()}
    if isinstance(found, types.ListOf) and isinstance(value, list):
        return [_turned(v, found.item, turn, depth + 1) for v in value]
    if isinstance(found, types.MapOf) and isinstance(value, dict):
        return {k: _turned(v, found.value, turn, depth + 1) for k, v in value.items()}
    return turn(value, found)


def _other_choice(value: Any, type: types.Type) -> Any:
    """Return the other truth, or another one of the words of a type."""
    if isinstance(value, bool):
        return not value
    words = [m.value for m in types.members(type) if isinstance(m, types.LiteralOf)]
    others = [w for w in words if w != value]
    return others[0] if value in words and others else value


def _other_number(value: Any, type: types.Type) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(type, types.Primitive) and 0 < value < 1:
        return 1 - value
    return -value if value else 1


def _other_words(value: Any, type: types.Type) -> Any:
    return _denied(value) if isinstance(value, str) and isinstance(type, types.Primitive) else value
