"""The declared type of an answer: its schema for the model, and the value that is read from what the model says.

Models put words and marks around an answer: a byte order mark, thoughts between `<think>` and `</think>`, a fence of Markdown,
a sentence. `Answer.read` looks for the first JSON value that has the declared type: the whole text, then each fenced block,
then whatever begins with a brace or bracket. Only when there is none is the model asked once more.

Each provider takes a part of JSON Schema for structured output (`language/structured.py`). A schema that cannot be made to fit is
written into the system prompt instead, and the answer is read in the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cogc.language import types
from cogc.language.coerce import coerce
from cogc.language.structured import Fitted, fitted, schema_of
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.unit import Unit


_THOUGHTS = r"(?s)<(think|thinking|reasoning)>.*?</\1>"
_FENCED = r"(?s)```[^\n`]*\n(.*?)```"
_MOST_STARTS = 200


class Answer:
    """The declared type of an answer: a schema for the model, and a check of the answer."""

    def __init__(self, unit: Unit, number: int, provider: str = "") -> None:
        self.validators = unit.validators
        self.check = unit.validators.check(number)
        self.type = unit.validators.types[number]
        self.schema, self.wrapped = schema_of(self.type)
        fit = Fitted(None) if self.schema is None else fitted(self.schema, provider)
        self.strict: dict[str, Any] | None = fit.schema
        """The schema as the provider's structured output takes it, or None."""

    def read(self, said: str) -> Any:
        """Return the value of an answer. Raise Failure if the answer does not have the declared type."""
        if self.schema is None:
            return self.check(said)
        wrong: Failure | None = None
        for found in _values(said):
            try:
                return self.checked(self._bare(found))
            except Failure as failure:
                wrong = wrong or failure
        if self.wrapped and wrong is None:  # a word of a union of words, said without quotes
            try:
                return self.check(_plain(said))
            except Failure:
                pass
        raise wrong or Failure("type", f"the answer is no JSON: {_reason(said)}")

    def _bare(self, found: Any) -> Any:
        """Return a value without the record into which the model was told to wrap it."""
        return found["value"] if self.wrapped and type(found) is dict and set(found) == {"value"} else found

    def checked(self, found: Any, number: int | None = None) -> Any:
        """Return a value of the declared type, or of the one with a `number`. Raise Failure if it has another.

        A null in the place of what may be left out counts as left out.
        """
        check, wanted = self.check, self.type
        if number is not None:
            check, wanted = self.validators.check(number), self.validators.types[number]
        try:
            return check(found)
        except Failure:
            bare = _without_nulls(found, wanted)
            if bare == found:
                raise
            return check(bare)


def _without_nulls(value: Any, wanted: types.Type) -> Any:
    """Return a value without the nulls of fields that may be left out, and may not be null."""
    match types.expand(wanted):
        case types.RecordOf(fields) if type(value) is dict:
            known = {f.name: f for f in fields}
            return {
                k: _without_nulls(v, known[k].type) if k in known else v
                for k, v in value.items()
                if not _left_out(v, known.get(k))
            }
        case types.ListOf(item) if type(value) is list:
            return [_without_nulls(v, item) for v in value]
        case types.MapOf(inner) if type(value) is dict:
            return {k: _without_nulls(v, inner) for k, v in value.items()}
        case types.UnionOf() if type(value) in (dict, list):
            for member in types.members(wanted):
                bare = _without_nulls(value, member)
                try:
                    coerce(bare, member)
                except Failure:
                    continue
                return bare
    return value


def _left_out(value: Any, field: types.FieldOf | None) -> bool:
    return value is None and field is not None and field.optional and types.fit(types.NULL, field.type) == types.NO


def _values(said: str) -> Iterator[Any]:
    """Yield the JSON values that stand in a text, the likeliest first."""
    text = _plain(said)
    for part in (text, *re.findall(_FENCED, text)):
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
    return re.sub(_THOUGHTS, "", said.strip().removeprefix("\ufeff")).strip()


def _reason(said: str) -> str:
    """Return why a text is no JSON, as the parser says it."""
    try:
        json.loads(_plain(said))
    except (ValueError, RecursionError) as error:
        return str(error)
    return "nothing in it is a value"
