"""Inputs and results of tools of MCP servers, held to the server's own JSON Schemas, by `jsonschema`.

A schema is the word of a server, and may be odd itself: a reference that leads nowhere, a pattern that Python does not know, or one
that would search for ever. What cannot be checked is not checked. References are looked up in the schema alone, never on the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import referencing
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing.exceptions import Unresolvable

from cogc.language.values import shorten

_ENDLESS = re.compile(r"[+*}][^()\[\]]*\)[+*{]")
"""A repeated group that ends in a repetition, such as `(a+)+`: the time to search for it may double with each character."""
_LONGEST = 10_000


class ToolSchemas:
    """The schemas of one tool: `input`, and `output` if the server promises structured results."""

    def __init__(self, input: dict[str, Any], output: dict[str, Any] | None) -> None:
        self._input = _validator(input)
        self._output = None if output is None else _validator(output)

    def fitting(self, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """Return an input as the tool takes it, and what does not fit, empty if all of it does.

        A null for what the server lets be left out is left out, unless the server takes the null.
        """
        wrong = _misfit(self._input, given)
        bare = {k: v for k, v in given.items() if v is not None}
        if wrong and len(bare) < len(given):
            rest = _misfit(self._input, bare)
            return (bare, "") if not rest else (given, rest)
        return given, wrong

    def misfit(self, content: Any) -> str:
        """Return what does not fit in a structured result; empty if all of it does."""
        return "" if self._output is None else _misfit(self._output, content)


def misfit(schema: dict[str, Any], value: Any) -> str:
    """Return the place and the words of what does not fit a schema; empty if all of it does."""
    return _misfit(_validator(schema), value)


def _misfit(validator: Validator | None, value: Any) -> str:
    """Return the place and the words of what does not fit a schema."""
    if validator is None:
        return ""
    try:
        error = best_match(validator.iter_errors(value))
    except (Unresolvable, re.error, RecursionError, TypeError, ValueError, OverflowError):
        return ""  # the schema cannot be used
    if error is None:
        return ""
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
    return f"`{place}`: {_words(error)}" if place else _words(error)


def _words(error: ValidationError) -> str:
    """Return the words of an error, which repeat the whole value where that is short."""
    said = error.message
    return (
        said
        if len(said) <= 200
        else f"{shorten(error.instance, 80)} does not meet {error.validator!r}: {shorten(error.validator_value, 100)}"
    )


def _validator(schema: dict[str, Any]) -> Validator | None:
    """Return the validator of a schema, by the draft that it names; None if it nests too deep."""
    try:
        made: Validator = _bounded(validator_for(schema, default=Draft202012Validator))(
            schema, registry=referencing.Registry()
        )
        return made
    except RecursionError:
        return None


@cache
def _bounded(draft: Any) -> Any:
    """Return a draft's validator whose patterns come to an end."""

    def pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if isinstance(instance, str) and _searchable(pattern, instance) and not re.search(pattern, instance):
            yield ValidationError(f"{shorten(instance, 80)} does not match {pattern!r}")

    return extend(draft, {"pattern": pattern})  # type: ignore[no-untyped-call]


def _searchable(pattern: Any, text: str) -> bool:
    """Return whether a pattern can be searched for in a text."""
    if not isinstance(pattern, str) or len(text) > _LONGEST or _ENDLESS.search(pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
