"""The line of a script that would answer a call: a value that fits the declared result of its program."""

from __future__ import annotations

from cogc.kernel.effects import Ask, Call
from cogc.kernel.state import State
from cogc.language import types
from cogc.language.closed import assert_never
from cogc.testing.cast import names_of
from cogc.testing.shown import shown

_SAMPLES = {"int": "0", "float": "0.0", "string": '"..."', "bool": "false", "any": '"..."', "null": "null"}
_DEPTH = 4


def script_line(call: Ask | Call, kernel: State) -> tuple[str, str]:
    """Return the line of a test that would answer a call, and the name of what was called."""
    name = names_of(call, kernel)[1]
    if isinstance(call, Call) and call.program.kind == "mcp":
        name = names_of(call, kernel)[0]
    found = result_of(call, kernel)
    return f"script {name} {{ reply {sample(found)} }}", name


def result_of(call: Ask | Call, kernel: State) -> types.Type:
    """Return the declared result of the program of a call."""
    bundle = call.unit.bundle
    if isinstance(call, Call):
        number = call.program.result
    else:
        coglet = kernel.calls[call.id][1].code.name if call.id in kernel.calls else ""
        wanted = [f"{coglet}.{call.program}", call.program]
        found = [p for p in bundle.programs.values() if p.name == call.program]
        own = [p for p in found if p.key.rpartition("::")[2] in wanted] or found
        if not own:
            return types.STRING
        number = own[0].result
    return types.from_json(bundle.types[number], types.table_from_json(bundle.named))


def sample(type: types.Type, depth: int = 0) -> str:
    """Return the text of a value of a type."""
    found = types.expand(type)
    match found:
        case types.LiteralOf(value=value):
            return shown(value)
        case types.ListOf():
            return "[]"
        case types.MapOf():
            return "{ }"
        case types.UnionOf():
            return sample(types.members(found)[0], depth)
        case types.RecordOf(fields=fields):
            if depth >= _DEPTH:
                return "{ }"
            needed = [f for f in fields if not f.optional and f.default is None]
            inner = ", ".join(f"{f.name}: {sample(f.type, depth + 1)}" for f in needed)
            return f"{{ {inner} }}" if inner else "{ }"
        case types.Primitive(name=name):
            if name == "duration":
                return "1s"
            return _SAMPLES.get(name, '"..."')
        case types.Ref():
            return '"..."'
        case _:
            assert_never(found)
