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
from cogc.language.codec import unpacked
from cogc.language.functions import text
from cogc.language.values import Duration, Failure, plain
from cogc.lowering.tests import Answer, Script, Value
from cogc.run.plans import PlanQuestion
from cogc.run.scripted import answered, failed
from cogc.testing.calls import asks_about_plan, names_of, prompt_of, result_of
from cogc.testing.model_faults import Faults, fitting, late_by, spoilt
from cogc.testing.samples import sample_value

RUN = "test"
"""The id of the run of a test, with which the ids of its calls begin."""
Evaluate: TypeAlias = Callable[[Value], Any]


def is_ours(program: ir.Program) -> bool:
    """Return whether calls of a program are a part of the system itself, and are carried out in a test as in a run.

    These are coglets in Python, queues, stored plans, files that are read, and the functions of the standard library.
    """
    of_library = program.kind == "python" and str(program.argument).startswith("std.")
    return of_library or program.kind in ("coglet", "queue", "plan store", "file")


@dataclass(frozen=True, slots=True)
class Given:
    """The answer of a script to a call: after a delay in nanoseconds a value, `pieces` of it on the way. `hang` gives
    nothing, `real` lets the call be carried out."""

    kind: Literal["value", "hang", "real"]
    delay: int = 0
    value: Any = None
    pieces: tuple[str, ...] = ()


@dataclass(slots=True)
class Part:
    """The answers for one name, and how far they have been used. Each answer has its delays in front of it. `said` is the last reply.
    `disturbed` are the kinds of what befalls the next calls, each with the number of calls that it befalls."""

    answers: list[tuple[list[Value], Answer]] = field(default_factory=list)
    used: int = 0
    disturbed: deque[tuple[str, int]] = field(default_factory=deque)
    said: dict[str, Any] | None = None
    function: Callable[[dict[str, Any]], Answer] | None = None
    """The function that answers each call, given as a test sees it, in place of a list of answers."""

    def take(self) -> tuple[list[Value], Answer] | None:
        """Return the next answer, or None if there is none at all."""
        if not self.answers:
            return None
        found = self.answers[min(self.used, len(self.answers) - 1)]
        self.used += 1
        return found

    def disturbance(self) -> str:
        """Return what befalls the next call, which is over then."""
        kind, left = self.disturbed.popleft()
        if left > 1:
            self.disturbed.appendleft((kind, left - 1))
        return kind

    def next_reply(self) -> Answer | None:
        """Return the answer that a fault spoils: the next one that is no fault, which stays the next one."""
        return next((a for _, a in self.answers[self.used :] if a.kind != "fault"), None)


class Cast:
    """All scripts of one run of a test."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.evaluate = evaluate
        self.parts: dict[str, Part] = {}
        self.faults: Faults | None = None
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
        if count:
            self.parts.setdefault(name, Part()).disturbed.append((kind, count))

    def given(
        self, call: Ask | Call, kernel: State, *, names: list[str] | None = None, scripts: bool = True
    ) -> Given | None:
        """Note a call, and return what its script gives for it, or None without a script that answers.

        `names` are those of the call if they do not follow from it. Without `scripts` only what the test does to the next calls
        counts, and not its scripts.
        """
        names = names or names_of(call, kernel)
        said = self._note(call, kernel, names)
        found = self._answer(call, kernel, names, said, scripts)
        if self.faults is None or not isinstance(call, Ask) or found is None or found.kind != "value":
            return found
        return self._with_fault(call, kernel, found)

    def _answer(
        self, call: Ask | Call, kernel: State, names: list[str], said: dict[str, Any], scripts: bool
    ) -> Given | None:
        """Return what the scripts give for a call, or None without one that answers."""
        for name in names:
            part = self.parts.get(name)
            if part is None:
                continue
            if part.disturbed:
                return self._disturbed(part.disturbance(), name, call)
            if not scripts:
                continue
            found = ([], part.function(said)) if part.function is not None else part.take()
            if found is not None:
                delays, answer = found
                delay = sum(self._nanos(d) for d in delays)
                if answer.kind == "fault":
                    return self._fault(answer.word, part, delay, call, kernel)
                given = self._given(answer, delay, call, said)
                part.said = given.value if isinstance(call, Ask) and given.kind == "value" else part.said
                return given
        return None

    def _with_fault(self, ask: Ask, kernel: State, given: Given) -> Given:
        """Return what a request gets under the faults of an exploration, and note which faults it has a place for."""
        assert self.faults is not None
        reply, delay = self.faults.apply(ask, kernel, given.value, given.delay)
        return Given("value", delay, reply, given.pieces if reply is given.value else ())

    def work(self, name: str, path: str, now: int, asked: Any) -> Given | None:
        """Note a piece of work of a sett's agent, and return what its script gives, or None without a script that answers."""
        said = {
            "program": name,
            "path": path,
            "at": Duration(now),
            "id": "",
            "prompt": "",
            "system": "",
            "input": asked,
        }
        self.calls.setdefault(name, []).append(said)
        part = self.parts.get(name)
        if part is None:
            return None
        if part.disturbed:
            return self._disturbed(part.disturbance(), name, None)
        found = part.take()
        return None if found is None else self._given(found[1], sum(self._nanos(d) for d in found[0]), None, said)

    def _nanos(self, value: Value) -> int:
        found = self.evaluate(value)
        return found.nanos if isinstance(found, Duration) else 0

    def _note(self, call: Ask | Call, kernel: State, names: list[str]) -> dict[str, Any]:
        """Note a call under each of its names, as a test sees it in `calls`."""
        said: dict[str, Any] = {
            "program": names[min(1, len(names) - 1)],
            "path": call.path,
            "at": Duration(kernel.now),
            "id": (isinstance(call, Call) and call.once) or f"{RUN}-{call.id}",
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

    def _disturbed(self, kind: str, name: str, call: Ask | Call | None) -> Given:
        if kind == "hang":
            return Given("hang")
        message = f"`{name}` failed, as the test says"
        return Given("value", 0, failed(message) if isinstance(call, Ask) else Failure("program", message))

    def _fault(self, kind: str, part: Part, delay: int, call: Ask | Call, kernel: State) -> Given:
        """Return an answer of a model with a fault: the next answer of the script, or a sample, spoilt."""
        if not isinstance(call, Ask):
            raise Failure("error", f"`fault {kind}` is a fault of a model, and no model answers `{call.program.name}`")
        answer = part.next_reply()
        base = self._given(answer, 0, call, {}) if answer is not None else None
        reply = (
            base.value if base is not None and base.kind == "value" else answered(sample_value(result_of(call, kernel)))
        )
        reply = spoilt(kind, reply, part.said, result_of(call, kernel), fitting(call, kernel))
        part.said = reply
        return Given("value", late_by(call) if kind == "slow" else delay, reply)

    def _given(self, answer: Answer, delay: int, call: Ask | Call | None, said: dict[str, Any]) -> Given:
        """Return what one answer gives for a call."""
        if answer.kind == "hang":
            return Given("hang")
        if answer.kind == "real":
            return Given("real")
        assert answer.value is not None
        value = self.evaluate(answer.value)
        if answer.kind == "fail":
            return Given("value", delay, failed(value) if isinstance(call, Ask) else _failure(value))
        if isinstance(call, Call) and asks_about_plan(call):
            if answer.kind == "call":
                raise Failure("error", "a person who is asked about a plan calls no tool: write `reply`")
            return Given("value", delay, _decision(call, "".join(value)))
        if not isinstance(call, Ask):
            return Given("value", delay, "".join(value) if answer.kind == "stream" else value)
        if answer.kind == "call":
            use = {"type": "tool_use", "id": f"tool_{call.id}", "name": answer.word, "input": value}
            return Given("value", delay, answered([use], "tool_use"))
        if answer.kind == "stream":
            return Given("value", delay, answered("".join(value)), tuple(value))
        return Given("value", delay, answered(value))


def _decision(call: Call, said: str) -> Any:
    """Return the decision about a plan that a reply stands for, as if a person had said it in the terminal."""
    plan = plain(call.arguments["plan"])
    try:
        return unpacked(PlanQuestion(plan).decision(said, RUN))
    except ValueError as error:
        message = f'`reply "{said}"` is no answer about the plan `{plan["name"]}`: write {error}'
        raise Failure("error", message) from None


def _failure(value: Any) -> Failure:
    """Return the failure of a program: a message, or a record of `message` and `kind`."""
    if isinstance(value, dict):
        return Failure(text(value.get("kind", "program")), text(value.get("message", "it failed")))
    return Failure("program", text(value))
