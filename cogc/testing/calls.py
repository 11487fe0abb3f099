"""A call as tests see it: the names under which it may be scripted, what it was asked, and the type of its result."""

from __future__ import annotations

from cogc.kernel.effects import Ask, Call
from cogc.kernel.state import State
from cogc.language import types
from cogc.language.functions import text
from cogc.language.texts import MARK
from cogc.language.values import plain


def prompt_of(ask: Ask) -> str:
    """Return the text of the last message of a request."""
    last = ask.request["messages"][-1]["content"]
    return "\n".join(text(b.get("text", b.get("content", ""))) for b in last)


def asks_about_plan(call: Ask | Call) -> bool:
    """Return whether a call asks a person what is to become of a plan."""
    return isinstance(call, Call) and call.program.kind == "plan store" and call.program.argument == "decide"


def names_of(call: Ask | Call, kernel: State) -> list[str]:
    """Return the names under which a call may be scripted, the most special first; the second one is that of its program.

    A question about a plan has one name, that of the plan.
    """
    known = kernel.calls.get(call.id)
    coglet = known[1].code.name if known is not None else ""
    if isinstance(call, Ask):
        name = call.program.strip(MARK)
        return [f"{coglet}.{name}", name, call.model.name]
    program = call.program
    name = program.name.strip(MARK)
    if program.kind == "mcp":
        server = program.server.rpartition("::")[2]
        return [f"{server}.{program.argument}", name, server]
    if asks_about_plan(call):
        return [text(plain(call.arguments["plan"])["name"])]
    return [f"{coglet}.{name}", name]


def result_of(call: Ask | Call, kernel: State) -> types.Type:
    """Return the declared result of the program of a call."""
    number = result_number(call, kernel)
    return types.STRING if number is None else call.unit.validators.types[number]


def result_number(call: Ask | Call, kernel: State) -> int | None:
    """Return the number of the type of a call's result in its unit; None for a request that no known program makes."""
    if isinstance(call, Call):
        return call.program.result
    coglet = kernel.calls[call.id][1].code.name if call.id in kernel.calls else ""
    wanted = [f"{coglet}.{call.program}", call.program]
    found = [p for p in call.unit.bundle.programs.values() if p.name == call.program]
    own = [p for p in found if p.key.rpartition("::")[2] in wanted] or found
    return own[0].result if own else None
