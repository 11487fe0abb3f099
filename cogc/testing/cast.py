"""The scripts of a test: who answers which call, with what, and which calls were made.

A script stands for a program, a tool, a person, an agent or a model, by its name. The most special name that fits a call
answers it: `Juror.deliberate`, then `deliberate`, then the model. Its answers are used in turn, and the last one again and
again. `fail` and `hang` of a test come before the answers of the script.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cogc import ir
from cogc.kernel.effects import Ask, Call
from cogc.kernel.state import State
from cogc.language.functions import text
from cogc.language.texts import MARK
from cogc.language.values import Duration, Failure
from cogc.lowering.tests import Answer, Script, Value
from cogc.run.scripted import answered, failed

Evaluate: TypeAlias = Callable[[Value], Any]


def is_ours(program: ir.Program) -> bool:
    """Return whether calls of a program are a part of the system itself, and are carried out in a test as in a run.

    These are coglets in Python, queues, stored plans, and the functions of the standard library.
    """
    of_library = program.kind == "python" and str(program.argument).startswith("std.")
    return of_library or program.kind in ("coglet", "queue", "plan store")


@dataclass(frozen=True, slots=True)
class Given:
    """What a script gives for a call: after a delay in nanoseconds a value, `pieces` of it on the way. `hang` gives
    nothing, `real` lets the call be carried out."""

    kind: Literal["value", "hang", "real"]
    delay: int = 0
    value: Any = None
    pieces: tuple[str, ...] = ()


@dataclass(slots=True)
class Part:
    """The answers for one name, and how far they have been used. Each answer has its delays in front of it."""

    answers: list[tuple[list[Value], Answer]] = field(default_factory=list)
    used: int = 0
    disturbed: deque[str] = field(default_factory=deque)
    function: Callable[[dict[str, Any]], Answer] | None = None
    """What answers each call, given as a test sees it, in place of a list of answers."""

    def take(self) -> tuple[list[Value], Answer] | None:
        """Return the next answer, or None if there is none at all."""
        if not self.answers:
            return None
        found = self.answers[min(self.used, len(self.answers) - 1)]
        self.used += 1
        return found


class Cast:
    """All scripts of one run of a test."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.evaluate = evaluate
        self.parts: dict[str, Part] = {}
        self.calls: dict[str, list[dict[str, Any]]] = {}

    def script(self, step: Script) -> None:
        """Let a script answer from now on."""
        answers: list[tuple[list[Value], Answer]] = []
        delays: list[Value] = []
        for answer in step.answers:
            if answer.kind == "delay" and answer.value is not None:
                delays.append(answer.value)
            else:
                answers.append((delays, answer))
                delays = []
        part = self.parts.setdefault(step.name, Part())
        part.answers, part.used = answers, 0

    def disturb(self, name: str, kind: str, count: int) -> None:
        """Let the next calls of a name fail, or hang."""
        self.parts.setdefault(name, Part()).disturbed.extend([kind] * count)

    def given(self, call: Ask | Call, kernel: State) -> Given | None:
        """Note a call, and return what its script gives for it, or None without a script that answers."""
        names = names_of(call, kernel)
        said = self._note(call, kernel, names)
        for name in names:
            part = self.parts.get(name)
            if part is None:
                continue
            if part.disturbed:
                return self._disturbed(part.disturbed.popleft(), name, call)
            found = ([], part.function(said)) if part.function is not None else part.take()
            if found is not None:
                delays, answer = found
                delay = sum(self._nanos(d) for d in delays)
                return self._given(answer, delay, call, said)
        return None

    def _nanos(self, value: Value) -> int:
        found = self.evaluate(value)
        return found.nanos if isinstance(found, Duration) else 0

    def _note(self, call: Ask | Call, kernel: State, names: list[str]) -> dict[str, Any]:
        """Note a call under each of its names, as a test sees it in `calls`."""
        said: dict[str, Any] = {
            "program": names[1],
            "path": call.path,
            "at": Duration(kernel.now),
            "prompt": "",
            "system": "",
            "input": None,
        }
        if isinstance(call, Ask):
            said["prompt"] = prompt_of(call)
            said["system"] = text(call.request.get("system") or "")
        else:
            said["input"] = dict(call.arguments)
        for name in names:
            self.calls.setdefault(name, []).append(said)
        return said

    def _disturbed(self, kind: str, name: str, call: Ask | Call) -> Given:
        if kind == "hang":
            return Given("hang")
        message = f"`{name}` failed, as the test says"
        return Given("value", 0, failed(message) if isinstance(call, Ask) else Failure("program", message))

    def _given(self, answer: Answer, delay: int, call: Ask | Call, said: dict[str, Any]) -> Given:
        """Return what one answer gives for a call."""
        if answer.kind == "hang":
            return Given("hang")
        if answer.kind == "real":
            return Given("real")
        assert answer.value is not None
        value = self.evaluate(answer.value)
        if answer.kind == "fail":
            return Given("value", delay, failed(value) if isinstance(call, Ask) else _failure(value))
        if not isinstance(call, Ask):
            return Given("value", delay, "".join(value) if answer.kind == "stream" else value)
        if answer.kind == "call":
            use = {"type": "tool_use", "id": f"tool_{call.id}", "name": answer.tool, "input": value}
            return Given("value", delay, answered([use], "tool_use"))
        if answer.kind == "stream":
            return Given("value", delay, answered("".join(value)), tuple(value))
        return Given("value", delay, answered(value))


def _failure(value: Any) -> Failure:
    """Return the failure of a program: a message, or a record of `message` and `kind`."""
    if isinstance(value, dict):
        return Failure(text(value.get("kind", "program")), text(value.get("message", "it failed")))
    return Failure("program", text(value))


def prompt_of(ask: Ask) -> str:
    """Return the text of the last message of a request."""
    last = ask.request["messages"][-1]["content"]
    return "\n".join(text(b.get("text", b.get("content", ""))) for b in last)


def names_of(call: Ask | Call, kernel: State) -> list[str]:
    """Return the names under which a call may be scripted, the most special first; the second one is that of its program."""
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
    return [f"{coglet}.{name}", name]
