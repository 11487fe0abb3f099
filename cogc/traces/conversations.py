"""The conversations of a trace: what was asked of models, in turns, with tools, tokens and dollars.

A record of a request does not name its conversation. It follows from the causes: the first request of a conversation has its call as its
cause; each later one is caused by the result of a tool, or by news of another agent, which an earlier reply has led to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cogc import ir
from cogc.kernel.models.budget import cost
from cogc.traces.index import BEGINS, ENDS, Index

_FAR = 64
"""How many causes are followed from a request to its conversation."""


class Turn:
    """One part of a conversation: at a row, by `who` (`user`, `assistant`, `tool`, `thinking`, `error`), with a text. `name` is that of a tool."""

    __slots__ = ("name", "row", "text", "who")

    def __init__(self, row: int, who: str, text: Any, name: str = "") -> None:
        self.row = row
        self.who = who
        self.text = text
        self.name = name


class Conversation:
    """A conversation of the agent or program `name` of the coglet `path`. `usd` is None if the price of its model is not known."""

    def __init__(self, row: int, path: str, name: str, model: str) -> None:
        self.row = row
        self.last = row
        self.path = path
        self.name = name
        self.model = model
        self.turns: list[Turn] = []
        self.requests = 0
        self.open = 0
        self.input = 0
        self.output = 0
        self.usd: float | None = None


class Conversations:
    """The conversations of an index, in the order of their beginnings: `all`. `read` takes what has come since."""

    def __init__(self, index: Index, bundle: ir.Bundle | None = None) -> None:
        self.index = index
        self.prices = {model.name: model.price for model in bundle.models.values()} if bundle is not None else {}
        self._clear()

    def _clear(self) -> None:
        self.generation = self.index.generation
        self.all: list[Conversation] = []
        self._read = 0
        self._of_call: dict[Any, Conversation] = {}
        self._begun: dict[Any, int] = {}

    def read(self) -> None:
        """Read the records that the index has got since."""
        index = self.index
        if self.generation != index.generation:
            self._clear()
        end = index.count
        rows = sorted(row for kind in (*BEGINS, *ENDS) for row in index.of_kind(kind, self._read, end))
        take: dict[str, Callable[[int, dict[str, Any]], None]] = {
            "call": self._call,
            "ask": self._ask,
            "reply": self._reply,
        }
        for row in rows:
            record = index.record(row)
            known = take.get(index.kind(row))
            if known is not None and isinstance(record.get("call"), int):
                known(row, record)
        self._read = end

    def _call(self, row: int, record: dict[str, Any]) -> None:
        self._begun[record["call"]] = row

    def _ask(self, row: int, record: dict[str, Any]) -> None:
        name = str(record.get("program", ""))
        found = self._before(row, name)
        if found is None:
            found = Conversation(row, str(record.get("path", "")), name, str(record.get("model", "")))
            self.all.append(found)
        self._of_call[record["call"]] = found
        found.requests += 1
        found.open += 1
        found.model, found.last = str(record.get("model", "")), row
        data = record.get("data")
        for message in data if isinstance(data, list) else ():
            if isinstance(message, dict):
                self._content(found, row, str(message.get("role", "")), message.get("content"))

    def _reply(self, row: int, record: dict[str, Any]) -> None:
        found = self._of_call.get(record["call"])
        if found is None:
            return
        found.open -= 1
        found.last = row
        data = record.get("data")
        if "error" in record or not isinstance(data, dict):
            found.turns.append(Turn(row, "error", record.get("error", data)))
            return
        self._content(found, row, "assistant", data.get("content"))
        usage = data.get("usage")
        if isinstance(usage, dict):
            tokens: Any = {k: v for k, v in usage.items() if isinstance(v, int)}
            found.input += tokens.get("input", 0) + tokens.get("cache_read", 0) + tokens.get("cache_write", 0)
            found.output += tokens.get("output", 0)
            price = self.prices.get(found.model)
            if price is not None:
                found.usd = (found.usd or 0.0) + cost(tokens, price)

    def _content(self, found: Conversation, row: int, role: str, content: Any) -> None:
        """Add the turns of the content of a message."""
        for part in content if isinstance(content, list) else [content]:
            kind = part.get("type") if isinstance(part, dict) else "text"
            if kind == "tool_use":
                found.turns.append(Turn(row, "call", part.get("input"), str(part.get("name", ""))))
            elif kind == "tool_result":
                found.turns.append(Turn(row, "refused" if part.get("is_error") else "tool", part.get("content")))
            elif kind == "thinking":
                found.turns.append(Turn(row, "thinking", part.get("thinking", part.get("text"))))
            elif isinstance(part, dict) and kind == "text":
                found.turns.append(Turn(row, role, part.get("text")))
            elif part is not None:
                found.turns.append(Turn(row, role, part))

    def _before(self, row: int, name: str) -> Conversation | None:
        """Return the conversation that a request goes on with, or None if it begins one."""
        index = self.index
        for _ in range(_FAR):
            causes = index.causes_of(row)
            if not causes or causes[0] >= row:
                return None
            row = causes[0]
            record, kind = index.record(row), index.kind(row)
            if kind == "call" and record.get("program") == name:
                return None
            if kind == "reply":
                known = self._of_call.get(record.get("call"))
                if known is not None and known.name == name:
                    return known
            if kind == "result":
                row = self._begun.get(record.get("call"), row)
                if index.record(row).get("program") == name:  # an agent that has started itself
                    continue
        return None
