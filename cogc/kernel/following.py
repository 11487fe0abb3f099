"""A reaction that is led along its course, to the wait at which another kernel has written it down.

**The model.** `follow` begins the reaction anew, in the restored kernel itself, and hands it what its course has (`courses.py`), step for step, by the same
`activities.advance` as in a run. So its parts begin, wait for each other and end as they did. Meanwhile the kernel is `alone`, and a `_Following`: what the reaction
says, does or logs reaches nobody, since it has done so already, and what it asks its kernel for is answered by the course. All other
tables that a step could change are set aside and put back. What is left is the reaction with its parts, and the calls for which they wait.

The tables of models are not set aside: conversations hold on to them. Whoever restores a kernel sets their numbers afterwards (`restoring.py`).

**The invariants.**

- A reaction that departs from its course raises Lost: it asks for something else, in another order, or ends.
- The numbers of the calls are those that they had.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from cogc.kernel import activities, courses, reactions, requests
from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.kernel.losses import Losses
from cogc.kernel.machine import Kernel
from cogc.kernel.models import agents, steering
from cogc.kernel.objects import Activity, Standin
from cogc.kernel.once import Once
from cogc.kernel.timers import Timers
from cogc.language.meter import METER, aside
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Given, Instance
    from cogc.kernel.program import Handler

    Outward: TypeAlias = Call | Ask | Dispatch


class Lost(BaseException):
    """A reaction does what its course does not have. No code of a program can take it."""


def _nothing(_kernel: Kernel, *_given: object) -> None:
    """Take what a reaction sends, or does else, once more."""


_silent: Any = _nothing


def _heard(wanted: str) -> Any:
    """Return a method of a kernel that answers by what the course has heard of a kind."""

    def hear(kernel: _Following, *_given: object) -> Any:
        left = kernel.hearing
        if not left or left[0][0] != wanted:
            raise Lost(f"it asks for {wanted}")
        return left.popleft()[1]

    return hear


class _Following:
    """A kernel one of whose reactions follows its course: what the reaction does is done already. `hearing` has what it is still told in this step."""

    __slots__ = ()
    hearing: deque[tuple[str, Any]] | None

    emit = emit_traced = send = send_self = guide = lifecycle = log = assigned = admit = wake = press = output = _silent

    def fail(self, inst: Instance, failure: Failure, *_given: object) -> None:
        raise Lost(f"`{inst.path}` fails: {failure.message}")

    grow, moment, random, shared = _heard("grow"), _heard("now"), _heard("random"), _heard("shared")
    jitter, uuid, answer, kept = _heard("jitter"), _heard("uuid"), _heard("answer"), _heard("kept")


_kinds: dict[type[Kernel], type[Kernel]] = {}


def _following(kind: type[Kernel]) -> type[Kernel]:
    """Return the kind of kernels that follow, for kernels of a kind."""
    found = _kinds.get(kind)
    if found is None:
        found = _kinds[kind] = type(f"Following{kind.__name__}", (_Following, kind), {"__slots__": ()})
    return found


@contextmanager
def alone(kernel: Kernel) -> Iterator[None]:
    """Set aside what reactions that follow their courses could change. They are led one after the other. The calls for which they wait are left."""
    scratch: dict[str, Any] = {
        "effects": [],
        "timers": Timers(),
        "losses": Losses(),
        "persisted": {},
        "unsettled": {},
        "settling": {},
        "handles": {},
        "once": Once(),
        "calls": {},
        "hot": [],
        "trace": None,
        "telling": None,
        "hearing": None,
        "now": kernel.now,
        "next_call": kernel.next_call,
        "cause": kernel.cause,
    }
    before = {name: getattr(kernel, name) for name in scratch}
    for name, value in scratch.items():
        setattr(kernel, name, value)
    kind = type(kernel)
    kernel.__class__ = _following(kind)
    try:
        with aside:
            yield
    finally:
        kernel.__class__ = kind
        waiting = kernel.calls
        for name, value in before.items():
            setattr(kernel, name, value)
        kernel.calls.update(waiting)


def follow(kernel: Kernel, inst: Instance, handler: Handler, data: dict[str, Any]) -> list[Outward]:
    """Lead a reaction of a kernel that is `alone` to its wait, as another kernel has written it down. Return the calls for which it waits. Raise Lost if
    it comes to another one."""
    states, timers = inst.states, inst.timers
    course = courses.read(data, states)
    before, kernel.calls, kernel.effects = kernel.calls, {}, []
    root = _begun(kernel, inst, handler, data, course[0].value)
    root.args, root.root, root.course = tuple(data["arguments"]), root, course
    activities.enter(root)
    family = root.family = {0: root}
    inst.states = list(states)
    try:
        for given in course:
            _step(kernel, root, family, given)
    finally:
        inst.states, inst.timers = states, timers
    calls = [e for e in kernel.effects if isinstance(e, Call | Ask | Dispatch) and e.id in kernel.calls]
    if not root.alive or courses.asked(root) != data["asked"]:
        raise Lost("it comes to another wait")
    for part in family.values():
        part.alarm = None
    root.family, root.deadline = None, data["deadline"]
    root.states_left = list(states)
    for place, value in data["left"]:
        root.states_left[place] = value
    root.weight = sum(courses.weight(course, place) for place in range(len(course) - 1))
    if not kernel.keeps_courses:
        courses.lose(root)
    before.update(kernel.calls)
    kernel.calls = before
    return calls


def _begun(kernel: Kernel, inst: Instance, handler: Handler, data: dict[str, Any], failure: object) -> Activity:
    """Return the activity of a reaction, or of its `else` where it has begun by a failure."""
    arguments, event, cause = data["arguments"], data["event"], data["cause"]
    if not isinstance(failure, Failure):
        return reactions.made(kernel, inst, handler, handler.function(inst, *arguments), event, cause)
    if handler.on_failure is None:
        raise Lost("it has no `else`")
    generator = handler.on_failure(inst, *arguments, failure.record(inst.path, event))
    found = Activity(inst, handler, generator, event, cause, True)
    found.failure = failure
    return found


def _step(kernel: Kernel, root: Activity, family: dict[int, Activity], given: Given) -> None:
    """Let a part of a reaction go on with what it was given, or do to it what somebody has done."""
    inst = root.inst
    for place, state in given.states.items():
        inst.states[place] = state
    kernel.now, kernel.next_call = given.now, given.next_call
    if given.seen is not None:
        kernel.models.show(inst, given.seen)
    kernel.telling, kernel.hearing = root, deque(given.heard)
    METER.step = given
    activity = family.get(given.number)
    if activity is None or not activity.alive:
        raise Lost("a part of it is missing")
    match given.value:
        case Standin(activities.GIVEN_UP):
            activities.give_up(kernel, activity)
        case Standin(requests.CALLED):
            assert activity.request is not None
            kernel.carry_out(activity, activity.request)
        case Standin(requests.USED, usage):
            for call in activity.calls:
                kernel.models.spending[call](usage)
        case Standin(agents.SAID, words):
            agents.say_again(kernel, root, words)
        case Standin(steering.STEERED, what):
            steering.repeat(kernel, root, *what)
        case _:
            _answered(kernel, activity, family, None if given is root.course[0] else given.value)  # type: ignore[index]


def _answered(kernel: Kernel, activity: Activity, family: dict[int, Activity], value: Any) -> None:
    """Let a part of a reaction go on with the answer that it was given."""
    for call in activity.calls:
        kernel.calls.pop(call, None)
        kernel.models.over(call)
    activity.calls.clear()
    activities.forget_awaits(activity.inst, activity)
    match value:
        case Standin("part", number):
            value = family.get(number)
        case Standin("question", number):
            value = kernel.models.questions.get(number)
        case Standin("interrupt", failure):
            value = Failure(failure.kind, failure.message)
            value.interrupts = True
    if isinstance(value, Failure):
        activities.advance(kernel, activity, None, value)
    else:
        activities.advance(kernel, activity, value, None)
