"""The courses of reactions that wait for a call, by which another kernel is led to the same wait.

**The model.** A reaction that waits is a suspended generator, which is no data. But what it does follows from what it was given: its
arguments, the states that it has found each time it went on, and the answers that it got. This is its *course*
(`Activity.course`), and `activities.advance` keeps it. A new generator of the same reaction that is given the same course comes to the same
wait, with the same locals. Meanwhile its coglet has another kernel (`_Silent`), so that nothing which the reaction does reaches anybody.

**What has no course.** Reactions that have asked for the time, a random number or an id, have made a coglet, or have talked to a model: the course does
not have what they were told. An `else`. A reaction that has waited more than `MOST` times. What waits for something else than
one call: a message, a time, several calls side by side. `obstacle` tries whether a course leads to the wait, so that a snapshot never has one that does not.

**The invariants.**

- `obstacle` changes nothing: states and kernel of the coglet are put back, whatever the reaction does.
- Values of the language never change, so that a list of the states is enough to find them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from cogc.kernel import programs
from cogc.kernel.waits import CallProgram
from cogc.language.meter import aside
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Activity, Instance
    from cogc.kernel.program import Handler
    from cogc.kernel.waits import Request, Talk
    from cogc.language.values import Function, Value

MOST = 100
"""How many answers of a reaction are kept."""
Course = list[tuple[Any, list[Any]]]
"""The answers that a reaction was given, or Failures in their places, each with the states that it found then. The first answer is null."""


class _Lost(BaseException):
    """A reaction does what its course does not have. No code of a program can take it."""


class _Silent:
    """The kernel of a coglet whose reaction follows its course: what the reaction does is done already."""

    def emit(self, *_given: object) -> None:
        """Take what a reaction sends, or does else, once more."""

    emit_traced = send = send_self = guide = lifecycle = log = assigned = emit

    def rebound(self, inst: Instance, key: str) -> Function | None:
        return programs.rebound(inst, key)

    def __getattr__(self, name: str) -> NoReturn:
        raise _Lost(name)


_SILENT: Any = _Silent()


def note(activity: Activity, value: object, failure: Failure | None) -> None:
    """Note what a reaction is given when it goes on."""
    course = activity.course
    assert course is not None
    if len(course) > MOST:
        activity.course = None
    else:
        course.append((value if failure is None else failure, list(activity.inst.states)))


def obstacle(activity: Activity) -> str:
    """Return what keeps a reaction from being led to its wait by another kernel, or nothing."""
    handler, course, inst = activity.handler, activity.course, activity.inst
    if handler is None or course is None or activity.parent is not None or activity.done is not None:
        return "it has no course"
    if len(activity.calls) != 1 or activity.subs or activity.alarm is not None or activity.asks is not inst:
        return "it waits for something else than one call"
    asked = activity.request
    if (
        not isinstance(asked, CallProgram)
        or asked.owner is not None
        or inst.code.ir.python
        or inst.code.ir.kind == "dod"
    ):
        return "it waits for something else than the call of a program"
    states = inst.states
    try:
        _, request = _follow(inst, handler, activity.args, course)
    except _Lost as lost:
        return f"its course does not have {lost}"
    except Exception:
        return "its course leads elsewhere"
    finally:
        inst.states = states
    if not _is_same(request, asked.program, asked.arguments):
        return "its course leads elsewhere"
    return ""


def _is_same(request: Request, program: str, arguments: list[Value]) -> bool:
    return isinstance(request, CallProgram) and request.program == program and request.arguments == arguments


def _follow(inst: Instance, handler: Handler, arguments: tuple[Value, ...], course: Course) -> tuple[Talk, Request]:
    """Return a generator of a reaction that has followed a course, and what it asks for then. The states of the coglet are left as the
    reaction leaves them."""
    kernel, inst.kernel = inst.kernel, _SILENT
    try:
        with aside:
            generator: Talk = handler.function(inst, *arguments)
            for answer, states in course:
                inst.states = list(states)
                request = generator.throw(answer) if isinstance(answer, Failure) else generator.send(answer)
    finally:
        inst.kernel = kernel
    return generator, request


def written(activity: Activity) -> dict[str, Any]:
    """Return a reaction that waits as data."""
    handler, course, asked = activity.handler, activity.course, activity.request
    assert handler is not None and course is not None and isinstance(asked, CallProgram)
    found: list[list[Any]] = []
    before: list[Any] | None = None
    for answer, states in course:
        found.append([answer, None if before is not None and all(map(_is, before, states)) else states])
        before = states
    return {
        "call": next(iter(activity.calls)),
        "reaction": [handler.key, handler.name],
        "arguments": list(activity.args),
        "event": activity.event,
        "cause": activity.cause,
        "turn": activity.turn,
        "deadline": activity.deadline,
        "asked": [asked.program, asked.arguments],
        "course": found,
    }


def _is(a: object, b: object) -> bool:
    return a is b


def led(inst: Instance, handler: Handler, data: dict[str, Any]) -> tuple[Talk, Course, CallProgram] | None:
    """Return a generator that has followed the course of a reaction, the course, and the call that it asks for. None if the course leads elsewhere:
    the reaction is another one now."""
    course: Course = []
    for answer, states in data["course"]:
        course.append((answer, course[-1][1] if states is None else states))
    now = inst.states
    try:
        generator, request = _follow(inst, handler, tuple(data["arguments"]), course)
    except (_Lost, Exception):
        return None
    finally:
        inst.states = now
    if isinstance(request, CallProgram) and _is_same(request, *data["asked"]):
        return generator, course, request
    return None
