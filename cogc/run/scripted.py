"""Scripted models: answers from a YAML file, so that specs run without a key, the same every time.

The file is a list. A plain item is the next reply; `{when, reply}` is a rule that answers whenever it fits. `when` is
a text that the last message holds, or a record of texts by `prompt`, `system`, `program`, `path`, `conversation`. In place of
`reply` may stand `tools` (a list of `{name, input}`) or `error` (a message, or `{message, status, retry, after}`), beside it
`delay`, `times` and `usage`; tokens that no item says are estimated (`kernel/models/counting.py`). Rules go first, in their order, then the plain replies in turn. Items are values of the
language, as if a program had returned them; dates are texts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from cogc.disk.files import read_text
from cogc.kernel.effects import Ask
from cogc.kernel.models.content import media_of
from cogc.language.functions import text
from cogc.language.values import Failure, plain
from cogc.names.scripts import as_item, form_of
from cogc.run.convert import from_python


class _Rule:
    """One item of a script: when it answers, its answer, its delay, and how often it may still be used."""

    __slots__ = ("delay", "item", "left", "number", "usage", "when")

    def __init__(self, item: dict[str, Any], number: int) -> None:
        form = form_of(item)
        self.item = item
        self.number = number
        self.when, self.delay, self.left, self.usage = form.when, form.delay, form.times, form.usage

    def fits(self, facts: dict[str, str]) -> bool:
        """Return whether the rule answers a request."""
        return self.left > 0 and all(str(wanted) in facts.get(key, "") for key, wanted in (self.when or {}).items())

    def answer(self, call: int) -> dict[str, Any]:
        """Return the reply in the form that the kernel takes, and count the use."""
        self.left -= 1
        item = self.item
        if "error" in item:
            return failed(item["error"])
        if "tools" in item:
            content = [
                {"type": "tool_use", "id": f"tool_{call}_{i}", "name": str(t["name"]), "input": t.get("input") or {}}
                for i, t in enumerate(item["tools"])
            ]
            return answered(content, "tool_use", self.usage)
        return answered(item["reply"], usage=self.usage)


def failed(error: Any) -> dict[str, Any]:
    """Return the error of a model: a message, or a record of `message`, `status`, `retry` and `after`."""
    given: dict[str, Any] = error if isinstance(error, dict) else {"message": error}
    status = int(given.get("status", 0))
    again = bool(given.get("retry", status in (408, 409, 429) or status >= 500))
    return {"error": {"message": text(given.get("message", status)), "retry": again, "after": given.get("after")}}


def answered(said: Any, stop: str = "end_turn", usage: dict[str, int] | None = None) -> dict[str, Any]:
    """Return a reply of a model: blocks if it asks for tools, else a text, or a value as JSON."""
    if stop == "tool_use":
        return {"content": said, "stop": stop, "usage": usage or {}}
    shown = said if isinstance(said, str) else msgspec.json.encode(plain(said)).decode()
    return {"content": [{"type": "text", "text": shown}], "stop": stop, "usage": usage or {}}


class ItemError(ValueError):
    """A mistake in an item of a script. `number` counts from 1."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"item {number}: {why}")
        self.number = number


def _rule(item: Any, number: int) -> _Rule:
    """Return the rule of an item; a plain value is a reply."""
    try:
        value = from_python(item, "the item")
        return _Rule(as_item(value), number)
    except ValueError as error:
        raise ItemError(number, str(error)) from None
    except Failure as unfit:
        raise ItemError(number, unfit.message.removeprefix("the item: ")) from None


class Scripted:
    """One script, and how far it has been used."""

    def __init__(self, items: Any, name: str) -> None:
        if not isinstance(items, list):
            raise ValueError("a script is a list of replies")
        self.name = name
        rules = [_rule(item, number) for number, item in enumerate(items, 1)]
        self.rules = [r for r in rules if r.when is not None]
        self.replies = [r for r in rules if r.when is None]
        self.looks_back = any("conversation" in (r.when or ()) for r in self.rules)

    @classmethod
    def load(cls, path: Path) -> Scripted:
        """Read a script. Raise OSError if it cannot be read, and ValueError with the place of a mistake."""
        from cogc.syntax.read_yaml import line_of, values  # with YAML, which the scripts of tests do not need

        source = read_text(str(path))
        try:
            items = values(source)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        try:
            return cls(items, str(path))
        except ItemError as error:
            raise ValueError(f"{path}:{line_of(source, error.number)}: {error}") from None

    @property
    def left(self) -> list[int]:
        """The number of times that each item may still be used, rules first."""
        return [rule.left for rule in (*self.rules, *self.replies)]

    @left.setter
    def left(self, counts: list[int]) -> None:
        rules = [*self.rules, *self.replies]
        if len(rules) == len(counts):
            for rule, count in zip(rules, counts, strict=True):
                rule.left = count

    def answer(self, ask: Ask) -> tuple[int, dict[str, Any]]:
        """Return the delay of the answer to a request in nanoseconds, and the answer."""
        messages = ask.request["messages"]
        prompt = "\n".join(map(_words, messages[-1]["content"]))
        facts = {"prompt": prompt, "system": ask.request.get("system", ""), "program": ask.program, "path": ask.path}
        if self.looks_back:
            facts["conversation"] = "\n".join(_words(block) for message in messages for block in message["content"])
        for rule in (*self.rules, *self.replies):
            if rule.fits(facts):
                return rule.delay, rule.answer(ask.id)
        missing = f"the script {self.name} has no answer left for `{ask.program}`: {prompt[:80]}"
        return 0, {"error": {"message": missing}}


def _words(block: dict[str, Any]) -> str:
    """Return what a block says: a text, the name of an image or document, or the result of a tool."""
    if "media" in block:
        return str(media_of(block))
    inside = block.get("text", block.get("content", ""))
    return "\n".join(map(_words, inside)) if isinstance(inside, list) else text(inside)


def pieces(reply: Any) -> list[tuple[float, str]]:
    """Return the words of a scripted reply as they would stream, each with the share of the delay after which it
    comes."""
    if not isinstance(reply, dict) or "content" not in reply:
        return []
    said = "".join(b.get("text", "") for b in reply["content"])
    words = [w + " " for w in said.split(" ")]
    words[-1] = words[-1][:-1]
    return [((i + 1) / len(words), w) for i, w in enumerate(words) if w]
