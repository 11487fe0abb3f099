"""The form of an item of a scripted model's file: `form_of(item) -> Form`, for the check of a spec and for its run.

An item is a record of the keys of `KEYS`. `specs/models.md` has the table of them, and `grammar/script.schema.json` is made of
the names here.
"""

from __future__ import annotations

from cogc.diagnostics.suggest import nearest, suggestion
from cogc.language.functions import text
from cogc.language.record import Record
from cogc.language.texts import nanoseconds
from cogc.language.values import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ANSWERS = ("reply", "tools", "error")
KEYS = {"when", "delay", "times", "usage", *ANSWERS}
COUNTS = ("input", "output", "cache_read", "cache_write", "thinking")
"""The tokens that an item may say."""
FACTS = ("conversation", "path", "program", "prompt", "system")
"""The keys that a rule may look at. The conversation are the texts of all messages."""
ERROR: dict[str, Any] = {
    "message": {}, "status": {"type": "integer"}, "retry": {"type": "boolean"}, "after": {"type": ["number", "null"]},
}  # fmt: skip
"""The keys of an error, and the JSON Schema of each."""


class Form(Record):
    """The parts of an item beside its answer: the texts that it looks for, its delay in nanoseconds, how often it answers, its tokens."""

    when: dict[str, str] | None
    delay: int
    times: int
    usage: dict[str, int] | None


def as_item(value: Any) -> Any:
    """Return an item of a script as a record; a plain value is a reply."""
    return value if isinstance(value, dict) and KEYS & set(value) else {"reply": value}


def form_of(item: dict[str, Any]) -> Form:
    """Return the form of an item. Raise ValueError with the reason if it has none."""
    _known(item, "it", sorted(KEYS))
    given = [key for key in ANSWERS if key in item]
    if len(given) > 1:
        raise ValueError(f"it has `{given[0]}` and `{given[1]}`, and needs one of `reply`, `tools` and `error`")
    if not given:
        raise ValueError("it needs one of `reply`, `tools` and `error`")
    when = _conditions(item["when"]) if "when" in item else None
    times = _number(item.get("times", 1 if when is None else 1 << 30), "times")
    if "tools" in item:
        _check_tools(item["tools"])
    if isinstance(item.get("error"), dict):
        _check_error(item["error"])
    return Form(when, _delay(item.get("delay", "0s")), times, _usage(item["usage"]) if "usage" in item else None)


def _known(given: Iterable[Any], owner: str, known: Iterable[str]) -> None:
    """Raise ValueError for a key that is not known, with the one that is near or all that there are."""
    listed = list(known)
    for key in given:
        if key not in listed:
            near = nearest(str(key), listed)
            help = "" if near is None else f" ({suggestion(near)})"
            raise ValueError(f"{owner} has no key `{key}`; its keys are {', '.join(listed)}{help}")


def _conditions(given: Any) -> dict[str, str]:
    """Return the texts that a rule looks for, by what they are looked for in."""
    if not isinstance(given, dict):
        return {"prompt": text(given)}
    _known(given, "`when`", FACTS)
    for key, wanted in given.items():
        if not isinstance(wanted, str):
            raise ValueError(f"`when.{key}` is a text, not {shorten(wanted, 60)}")
    return given


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list):
        raise ValueError(f"`tools` is a list of `{{name, input}}`, not {shorten(tools, 60)}")
    for number, tool in enumerate(tools):
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            raise ValueError(f"`tools` is a list of `{{name, input}}`: `tools[{number}]` is {shorten(tool, 60)}")
        _known(tool, f"`tools[{number}]`", ("input", "name"))


def _check_error(error: dict[str, Any]) -> None:
    fits = {"status": int, "retry": bool, "after": int | float | None}
    _known(error, "`error`", ERROR)
    for key, value in error.items():
        if key in fits and (not isinstance(value, fits[key]) or (isinstance(value, bool) and key != "retry")):
            raise ValueError(f"`error.{key}` is {ERROR[key]['type']}, not {shorten(value, 60)}")


def _delay(given: Any) -> int:
    """Return a delay in nanoseconds."""
    wrong = f"`delay` is a duration such as 2s, not `{given}`"
    try:
        delay = nanoseconds(str(given))
    except ValueError:
        raise ValueError(wrong) from None
    if delay < 0:
        raise ValueError(wrong)
    return delay


def _number(given: Any, key: str) -> int:
    if type(given) is not int or given < 0:
        raise ValueError(f"`{key}` is a number, not `{given}`")
    return given


def _usage(given: Any) -> dict[str, int]:
    """Return the tokens of an item."""
    if not isinstance(given, dict):
        raise ValueError(f"`usage` is a record such as {{input: 10, output: 5}}, not `{given}`")
    _known(given, "`usage`", COUNTS)
    return {"input": 0, **{key: _number(value, f"usage.{key}") for key, value in given.items()}}
