"""The declared type of an answer: its schema for the model, and the value that is read from what the model says.

Models put words and marks around an answer: a byte order mark, thoughts between `<think>` and `</think>`, a fence of Markdown,
a sentence. `Answer.read` looks for the first JSON value that has the declared type: the whole text, then each fenced block,
then whatever begins with a brace or bracket. Only when there is none is the model asked once more.

Each provider takes a part of JSON Schema for structured output (`SUBSETS`). A schema that goes beyond it is written into the
system prompt instead, and the answer is read in the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cogc.language import types
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.unit import Unit


class Subset(NamedTuple):
    """What a provider's structured output takes beyond closed objects, arrays, unions and plain values."""

    recursion: bool
    optional: bool


SUBSETS = {"anthropic": Subset(recursion=False, optional=True), "openai": Subset(recursion=True, optional=False)}
"""By provider. `recursion`: a definition may refer to itself. `optional`: a property need not be required."""
_ANY = Subset(recursion=True, optional=True)
_THOUGHTS = re.compile(r"<(think|thinking|reasoning)>.*?</\1>", re.DOTALL)
_FENCED = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
_MOST_STARTS = 200


class Answer:
    """The declared type of an answer: a schema for the model, and a check of the answer."""

    def __init__(self, unit: Unit, number: int, provider: str = "") -> None:
        self.check = unit.validators.check(number)
        wanted = types.expand(unit.validators.types[number])
        self.schema: dict[str, Any] | None = None
        self.wrapped = not isinstance(wanted, types.RecordOf)
        if wanted != types.STRING:
            self.schema = types.json_schema(wanted)
            if self.wrapped:
                definitions = self.schema.pop("$defs", None)
                self.schema = {
                    "type": "object", "properties": {"value": self.schema}, "required": ["value"], "additionalProperties": False
                }  # fmt: skip
                if definitions:
                    self.schema["$defs"] = definitions
        self.strict = self.schema is not None and takes(SUBSETS.get(provider, _ANY), self.schema)

    def read(self, said: str) -> Any:
        """Return the value of an answer. Raise Failure if the answer does not have the declared type."""
        if self.schema is None:
            return self.check(said)
        wrong: Failure | None = None
        for found in _values(said):
            try:
                return self._checked(found)
            except Failure as failure:
                wrong = wrong or failure
        if self.wrapped and wrong is None:  # a word of a union of words, said without quotes
            try:
                return self.check(_plain(said))
            except Failure:
                pass
        raise wrong or Failure("type", f"the answer is no JSON: {_reason(said)}")

    def _checked(self, found: Any) -> Any:
        if self.wrapped and type(found) is dict and set(found) == {"value"}:
            found = found["value"]
        return self.check(found)


def takes(subset: Subset, schema: dict[str, Any]) -> bool:
    """Return whether a provider's structured output takes a schema: every object is closed, and no place is untyped."""
    return _takes(subset, schema) and (subset.recursion or not _recursive(schema))


def _takes(subset: Subset, schema: Any) -> bool:
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return False
    if not subset.optional and set(schema.get("properties", ())) - set(schema.get("required", ())):
        return False
    return all(part != {} and _takes(subset, part) for part in _parts(schema))


def _parts(schema: dict[str, Any]) -> list[Any]:
    """Return the schemas inside of a schema."""
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", [])]
    return [*inner, schema["items"]] if "items" in schema else inner


def _recursive(schema: dict[str, Any]) -> bool:
    """Return whether a definition of a schema refers to itself, directly or through others."""
    definitions = schema.get("$defs", {})
    uses = {name: set(_references(part)) for name, part in definitions.items()}
    for name in uses:
        reached, pending = set[str](), list(uses[name])
        while pending:
            other = pending.pop()
            if other == name:
                return True
            if other not in reached:
                reached.add(other)
                pending += uses.get(other, ())
    return False


def _references(schema: Any) -> Iterator[str]:
    """Yield the names of the definitions that a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield str(schema["$ref"]).rpartition("/")[2]
        for part in _parts(schema):
            yield from _references(part)


def _values(said: str) -> Iterator[Any]:
    """Yield the JSON values that stand in a text, the likeliest first."""
    text = _plain(said)
    for part in (text, *_FENCED.findall(text)):
        try:
            yield json.loads(part)
        except (ValueError, RecursionError):
            continue
    decoder = json.JSONDecoder()
    at = 0
    for _ in range(_MOST_STARTS):
        start = _next_start(text, at)
        if start < 0:
            return
        try:
            found, at = decoder.raw_decode(text, start)
            yield found
        except (ValueError, RecursionError):
            at = start + 1


def _next_start(text: str, at: int) -> int:
    """Return where the next object or array may begin; -1 if nowhere."""
    starts = [i for i in (text.find("{", at), text.find("[", at)) if i >= 0]
    return min(starts, default=-1)


def _plain(said: str) -> str:
    """Return a text without a byte order mark, thoughts, and space around it."""
    return _THOUGHTS.sub("", said.strip().removeprefix("\ufeff")).strip()


def _reason(said: str) -> str:
    """Return why a text is no JSON, as the parser says it."""
    try:
        json.loads(_plain(said))
    except (ValueError, RecursionError) as error:
        return str(error)
    return "nothing in it is a value"
