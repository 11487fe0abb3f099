"""The courses of reactions that wait, by which another kernel is led to the same wait.

**The model.** A reaction that waits is a suspended generator, which is no data. Neither are its *parts*: the conversations with models that it holds, the calls
of their tools side by side, the agents that they have started. But what all of them do follows from what they were given: the arguments, and each time
that one of them went on the answer, the states of the coglet that others had changed, the time, the number of the next call, and what stood in the budgets around.
The reaction has all that as its *course* (`Activity.course`), one `Given` for each step, whichever of its parts it was for. A step may go on in several parts: the last
result of calls side by side lets the reaction go on. That follows from the step, and has no `Given` of its own.
What the reaction itself assigns to the states follows from its steps too, and is not noted. So a course grows with the answers, and with what others do to
the states meanwhile (`Activity.weight`), not with the states.
What the generators ask their kernel for within a step (a random number, an id, a new member of a pool, a session) is noted with it (`Given.heard`).

`following.py` leads a new generator of the same reaction along a course. It comes to the same waits, with the same locals, the same
parts, and the same numbers of calls.

Only kernels of which somebody takes snapshots note courses (`State.keeps_courses`): in others, old values need not stay.

What somebody else does to a reaction while it waits is a step of its course too (`done_to`): it is given up, its agent is told something or steered, a
call that it has waited for is made after all. The `else` of a reaction follows from its failure; one that begins without a body has the failure as its first answer.

**What has no course.** A reaction that has waited more than `MOST` times, or whose course takes more than `WEIGHT` bytes beside the answers. One whose coglet was given
another parameter. `lose` ends the course there; the next reaction has one again.

**The invariants.**

- Values of the language never change, so that a state that is the same object has the same value.
- Only `note` adds to a course: at the begin of a reaction, in each step of `activities.resume`, and in `done_to`. `over` follows at the end of the step.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from operator import is_
from typing import TYPE_CHECKING, Any

from cogc.kernel.models.state import Question
from cogc.kernel.objects import Activity, Given, Standin
from cogc.kernel.program import label
from cogc.kernel.waits import AskModel, AwaitMessage, CallProgram, DispatchAgent, RunAll, Sleep, WaitIn
from cogc.language.codec import encode
from cogc.language.values import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.kernel.objects import Instance
    from cogc.kernel.state import State
    from cogc.kernel.waits import Request

MOST = 5_000
"""How many steps of a reaction are kept."""
WEIGHT = 1 << 20
"""How many bytes the course of a reaction may take for what others have changed in the states, and what it has found among kept values."""
_NO_VALUES = (Activity, Question, Failure)
_LED = CallProgram | AskModel | DispatchAgent | AwaitMessage | RunAll | Sleep | WaitIn
"""The waits to which a reaction can be led again."""


def begin(kernel: State, activity: Activity) -> None:
    """Begin the course of a reaction, or of its `else`, if somebody wants it. That of a coglet in Python is not known here."""
    if kernel.keeps_courses and not activity.inst.code.ir.python:
        activity.root, activity.course = activity, []
        note(kernel, activity, activity, activity.failure)


def belongs(part: Activity, activity: Activity) -> None:
    """Make an activity a part of the reaction that another one is part of."""
    root = part.root = activity.root
    if root is not None:
        part.number = root.born
        root.born += 1
        if root.family is not None:
            root.family[part.number] = part


def note(kernel: State, root: Activity, activity: Activity, value: object) -> None:
    """Note what a part of a reaction is given when it goes on."""
    course, inst = root.course, root.inst
    assert course is not None
    if course:
        root.weight += weight(course, len(course) - 1)
        if len(course) >= MOST or root.weight > WEIGHT:
            lose(root)
            return
        states = _changed(root.states_left, inst.states)
    else:
        states = dict(enumerate(inst.states))
    if isinstance(value, _NO_VALUES):
        value = _standin(value)
    seen = kernel.models.seen(inst) if inst.code.unit.bundle.models else None
    course.append(Given(activity.number, value, states, kernel.now, kernel.next_call, seen))
    kernel.telling = root


@contextmanager
def done_to(kernel: State, part: Activity | None, kind: str, what: object = None) -> Iterator[None]:
    """Note what somebody does to a part of a reaction while it waits. What the reaction does to its own parts follows from its step."""
    root, before = None if part is None else part.root, kernel.telling
    if part is None or root is None or root.course is None or before is root:
        yield
        return
    note(kernel, root, part, Standin(kind, what))
    try:
        yield
    finally:
        over(kernel, root)
        kernel.telling = before


def over(kernel: State, root: Activity) -> None:
    """End a step of a reaction that was noted, even one that was given up."""
    kernel.telling = None
    if root.course is not None:
        root.states_left = list(root.inst.states)


def _changed(before: list[Any], states: list[Any]) -> dict[int, Any]:
    """Return the states that are not as they were, by their places."""
    if all(map(is_, before, states)):
        return {}
    return {i: value for i, (old, value) in enumerate(zip(before, states, strict=True)) if not _is_same(old, value)}


def _is_same(old: Any, value: Any) -> bool:
    """Return whether a state has kept its value. A list or record that was made anew counts as another one: to compare it may take as long as to write it."""
    if old is value:
        return True
    if type(old) is not type(value):
        return False
    return bool(old == value) if isinstance(value, str | int) else isinstance(value, float) and repr(old) == repr(value)


def weight(course: list[Given], place: int) -> int:
    """Return about how many bytes a step of a course takes beside its answer. The states with which the course begins do not count."""
    given = course[place]
    values = [value for kind, value in given.heard if kind == "kept"] if given.heard else []
    if place:
        values += given.states.values()
    if given.seen is not None and given.seen[1] is not None:
        values += given.seen[1]  # with the names of all sessions whose tasks are under way
    return size(values)


def size(values: list[Any], most: int = WEIGHT) -> int:
    """Return about how many bytes values take in a snapshot, or more than `most` if it is more."""
    found, left = 0, values
    while left and found <= most:
        value = left.pop()
        if isinstance(value, str | bytes):
            found += len(value) + 3
        elif isinstance(value, list):
            found += 2
            left += value
        elif isinstance(value, dict):
            found += 2
            left += value
            left += value.values()
        elif value is None or isinstance(value, int | float):
            found += 4
        else:
            found += len(encode(value))
    return found


def excess(root: Activity, most: int) -> int:
    """Return about how many bytes a snapshot takes for a reaction beside its answers, or more than `most` if it is more."""
    course, states = root.course, root.inst.states
    assert course is not None
    begun = [value for i, value in course[0].states.items() if not _is_same(value, states[i])]
    return root.weight + size(begun + [root.states_left[i] for i in _changed(root.states_left, states)], most)


def _standin(value: Activity | Question | Failure) -> object:
    """Return what stands in a course for something that is no value of the language."""
    if isinstance(value, Activity):
        return Standin("part", value.number)
    if isinstance(value, Question):
        return Standin("question", value.id)
    return Standin("interrupt", value) if value.interrupts else value


def lose(activity: Activity) -> None:
    """End the course of a reaction that does what a course does not have."""
    if activity.root is not None:
        activity.root.course, activity.root.states_left = None, []


def lose_all(inst: Instance) -> None:
    """End the courses of all reactions of a coglet: somebody else has changed what they go on with."""
    for activity in inst.activities or ():
        lose(activity)


def obstacle(activity: Activity) -> str:
    """Return what keeps an activity from being led to its wait by another kernel, or nothing."""
    root = activity.root
    if root is None or root.course is None:
        return "cannot be led to that wait again"
    if (
        not isinstance(activity.request, _LED)
        or activity.request.owner is not None
        or activity.asks is not activity.inst
    ):
        return "waits for something else than calls, messages and times"
    return ""


def roots(inst: Instance) -> list[Activity]:
    """Return the reactions of a coglet that wait."""
    return [a for a in inst.activities or () if a.root is a]


def parts(root: Activity) -> dict[int, Activity]:
    """Return the parts of a reaction that wait, itself among them, by their numbers."""
    return {a.number: a for a in root.inst.activities or () if a.root is root}


def asked(root: Activity) -> list[list[Any]]:
    """Return the calls and messages for which a reaction waits: the number of each call, and what it asks for."""
    found: list[list[Any]] = []
    for part in parts(root).values():
        if isinstance(part.request, AwaitMessage):
            found.append([-part.number, "await", label(part.request.port)])
        elif isinstance(part.request, CallProgram) and not part.calls:
            found.append([-part.number, "once", part.request.program])
        for call in part.calls:
            assert part.request is not None
            found.append([call, *_words(part.request)])
    return sorted(found, key=lambda words: words[0])


def _words(request: Request) -> Iterator[Any]:
    """Yield what tells a call from another one."""
    if isinstance(request, CallProgram):
        yield from (request.program, request.arguments)
    elif isinstance(request, AskModel):
        model = request.model if isinstance(request.model, str) else request.model.key
        yield from (model, hashlib.sha256(encode([request.program, request.body])).hexdigest()[:16])
    elif isinstance(request, DispatchAgent):
        yield from (request.program.key, request.query)


def written(root: Activity) -> dict[str, Any]:
    """Return a reaction that waits as data."""
    handler, course, now = root.handler, root.course, root.inst.states
    assert handler is not None and course is not None
    found: list[list[Any]] = []
    before: Given | None = None
    for given in course:
        states = [
            [i, value]
            for i, value in given.states.items()
            if before is not None or not _is_same(value, now[i])  # the others at the begin are those that there are now
        ]
        seen = None if before is not None and before.seen == given.seen else given.seen
        value = list(given.value) if isinstance(given.value, Standin) else ["value", given.value]
        heard = [list(told) for told in given.heard]
        found.append([given.number, value, states, given.now, given.next_call, seen, heard])
        before = given
    return {
        "reaction": [handler.key, handler.name],
        "arguments": list(root.args),
        "event": root.event,
        "cause": root.cause,
        "deadline": root.deadline,
        "asked": asked(root),
        "course": found,
        "left": [[i, root.states_left[i]] for i in _changed(root.states_left, now)],
    }


def read(data: dict[str, Any], present: list[Any]) -> list[Given]:
    """Return the course in what `written` has returned. `present` are the states of the coglet."""
    course: list[Given] = []
    for number, (kind, value), states, now, next_call, seen, heard in data["course"]:
        before = course[-1] if course else None
        given = Given(
            number,
            value if kind == "value" else Standin(kind, value),
            dict(states) if before is not None else {**dict(enumerate(present)), **dict(states)},
            now,
            next_call,
            before.seen if seen is None and before is not None else seen,
        )
        given.heard = [(kind, value) for kind, value in heard]
        course.append(given)
    return course


def of_form_2(data: dict[str, Any]) -> dict[str, Any]:
    """Return a reaction of a snapshot of the form 2 in the present form: it has no parts, and has asked its kernel for nothing. The number of its call is that
    of the next call at its last step."""
    course = [
        [0, ["value", answer], [*enumerate(states or ())], 0, data["call"], None, []]
        for answer, states in data["course"]
    ]
    return {**data, "course": course, "left": [], "asked": [[data["call"], *data["asked"]]]}
