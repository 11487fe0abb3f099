"""Questions of MCP servers to a person: the form that a server sends is asked field by field, through the run's questions.

A form has fields of plain types, with titles, choices and ranges. Each field is one question; `decline` and `cancel` in the place of an
answer end the form, and the server hears of it. A form without fields, and an address to open, are answered by yes or no. An answer
that does not meet the schema of its field is asked for again, as with every question.

While a person is asked, the time limits of the call stand still (`Caller.asking`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeAlias

import trio

from cogc.run.people import People, Question
from cogc.run.questions import read_answer

Action: TypeAlias = Literal["accept", "decline", "cancel"]
_MOST_FIELDS = 50
_TYPES = {"string": "string", "boolean": "bool", "integer": "int", "number": "float"}


class Answered(NamedTuple):
    """The answer of a person to a form, and the values of its fields."""

    action: Action
    content: dict[str, Any] | None = None


class Caller:
    """A call of a tool, in whose name its server may ask a person. `scopes` are the time limits of the call, `handle` names
    the task that an earlier process has begun for it."""

    def __init__(
        self, server: str, path: str, call: int, people: People, scopes: list[trio.CancelScope], handle: str = ""
    ) -> None:
        self.handle = handle
        self.server = server
        self.path = path
        self.call = call
        self.people = people
        self.scopes = scopes

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Let the time limits of the call stand still."""
        left = [(scope, scope.deadline - trio.current_time()) for scope in self.scopes]
        for scope, _ in left:
            scope.deadline = float("inf")
        try:
            yield
        finally:
            for scope, seconds in left:
                scope.deadline = trio.current_time() + seconds

    async def ask(self, question: Question) -> Any:
        """Return a person's answer. Raise Failure if there is nobody to ask."""
        with self.asking():
            return await self.people.ask(question, self.call)


class _Ended(Exception):
    """A person has ended a form."""

    def __init__(self, action: Action) -> None:
        self.action = action


class _Asked(Question):
    """One question of a server. `schema` is that of its field; an `optional` one may stay empty."""

    def __init__(self, caller: Caller, text: str, schema: dict[str, Any], optional: bool = False) -> None:
        self.program = caller.server
        self.path = caller.path
        self.text = f"the MCP server `{caller.server}` asks: {text}"
        self.schema = schema
        self.optional = optional
        self.choices = [] if schema.get("type") == "array" else [str(c) for c in _choices(schema)]
        self.type = _TYPES.get(str(schema.get("type")), "any")

    def value(self, said: str) -> Any:
        """Return the value that an answer stands for: an `_Ended` for the words that end a form, None for a field left empty."""
        said = said.strip()
        if said in ("decline", "cancel") and said not in self.choices:
            return _Ended("decline" if said == "decline" else "cancel")
        if self.optional and not said:
            return None
        if self.schema.get("type") == "array" and not said.startswith("["):
            value: Any = [part.strip() for part in said.split(",") if part.strip()]
        else:
            value = read_answer(said, self.choices, self.type)
        from cogc.run.tool_schemas import misfit  # its library is slow to import

        wrong = misfit(self.schema, value)
        if wrong:
            raise ValueError(f"an answer that fits: {wrong}")
        return value


def _choices(schema: dict[str, Any]) -> list[Any]:
    """Return the values that a field may have, if they are listed: by `enum`, or with titles by `oneOf`."""
    named = schema.get("oneOf") if isinstance(schema.get("oneOf"), list) else None
    if named is not None:
        return [one["const"] for one in named if isinstance(one, dict) and "const" in one]
    listed = schema.get("enum")
    return listed if isinstance(listed, list) else []


async def form(caller: Caller, message: str, schema: dict[str, Any]) -> Answered:
    """Ask a person to fill in a form. Raise Failure if there is nobody to ask."""
    properties = schema.get("properties")
    fields = dict(list(properties.items())[:_MOST_FIELDS]) if isinstance(properties, dict) else {}
    needed = schema.get("required") or ()
    found: dict[str, Any] = {}
    try:
        if not fields:
            return await _confirmed(caller, message)
        for number, (name, field) in enumerate(fields.items()):
            field = field if isinstance(field, dict) else {}
            about = ": ".join(str(field[k]) for k in ("title", "description") if field.get(k)) or name
            optional = name not in needed
            text = f"{message} " if not number else ""
            text += f"({about}{', may stay empty' if optional else ''}; `decline` to refuse)"
            value = await _one(caller, _Asked(caller, text, field, optional))
            if value is not None:
                found[name] = value
    except _Ended as ended:
        return Answered(ended.action)
    return Answered("accept", found)


async def address(caller: Caller, message: str, url: str) -> Answered:
    """Ask a person to open an address, and to say that it is done."""
    try:
        return await _confirmed(caller, f"{message} Open {url}; is it done?")
    except _Ended as ended:
        return Answered(ended.action)


async def _confirmed(caller: Caller, message: str) -> Answered:
    agreed = await _one(caller, _Asked(caller, message, {"type": "boolean"}))
    return Answered("accept", {}) if agreed else Answered("decline")


async def _one(caller: Caller, question: _Asked) -> Any:
    value = await caller.ask(question)
    if isinstance(value, _Ended):
        raise value
    return value
