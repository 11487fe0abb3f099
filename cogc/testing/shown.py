"""Values as the language writes them, for people who read the report of a test."""

from __future__ import annotations

from typing import Any

from cogc.language.texts import duration_text
from cogc.language.values import Duration, Time, time_text
from cogc.syntax.spell import text

MOST = 400
"""How many characters of a value a report shows."""


def shown(value: Any, most: int = MOST) -> str:
    """Return a value as the text of an expression, cut off after `most` characters."""
    found = _text(value)
    return found if len(found) <= most else found[: most - 3] + "..."


def _text(value: Any) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return text(value, False)
    if isinstance(value, Duration):
        return duration_text(value.nanos)
    if isinstance(value, Time):
        return f'"{time_text(value)}"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(k)}: {_text(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{ }"
    return str(value)


def _key(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else text(name, False)
