"""The line of a script that would answer a call: a value that fits the declared result of its program."""

from __future__ import annotations

from typing import Any

from cogc.kernel.effects import Ask, Call
from cogc.kernel.state import State
from cogc.language import types
from cogc.language.closed import assert_never
from cogc.language.texts import OUTCOMES
from cogc.language.values import Duration
from cogc.testing.calls import names_of, result_of
from cogc.testing.shown import shown

_SAMPLES: dict[str, Any] = {"int": 0, "float": 0.0, "bool": False, "null": None, "duration": Duration(1_000_000_000)}
_OUTCOME = {"code": 0, "stdout": "", "stderr": ""}
"""The value of a command with `output: outcome`, whatever type its program declares."""
_DEPTH = 4


def script_line(call: Ask | Call, kernel: State) -> tuple[str, str]:
    """Return the line of a test that would answer a call, and the name of what was called."""
    name = names_of(call, kernel)[1]
    if isinstance(call, Call) and call.program.kind == "mcp":
        name = names_of(call, kernel)[0]
    answers_whole = isinstance(call, Call) and call.request.get("output") in OUTCOMES
    reply = shown(_OUTCOME) if answers_whole else sample(result_of(call, kernel))
    return f"script {name} {{ reply {reply} }}", name


def sample(type: types.Type) -> str:
    """Return the text of a value of a type."""
    return shown(sample_value(type))


def sample_value(type: types.Type, depth: int = 0) -> Any:
    """Return a value of a type."""
    found = types.expand(type)
    match found:
        case types.LiteralOf(value=value):
            return value
        case types.ListOf():
            return []
        case types.MapOf():
            return {}
        case types.UnionOf():
            return sample_value(types.members(found)[0], depth)
        case types.RecordOf(fields=fields):
            if depth >= _DEPTH:
                return {}
            needed = [f for f in fields if not f.optional and f.default is None]
            return {f.name: sample_value(f.type, depth + 1) for f in needed}
        case types.Primitive(name=name):
            return _SAMPLES.get(name, "...")
        case types.Ref():
            return "..."
        case _:
            assert_never(found)
