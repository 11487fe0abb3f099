"""Activities: generators that wait, and the steps by which they go on.

**The model.** A reaction that waits is a generator; so are a hook, a conversation, and the consumer of a queue. An `Activity`
holds it. The activity holds its coglet (gate HELD) unless its reaction is `concurrent`. This file lets activities go on and end. It
does not know what a generator asks for: `advance` hands each request to the machine (`State.carry_out`), and the answer
comes back by `resume`.

**The life of an activity.** Whoever makes one calls `enter` or `beside`, and then `advance`. `advance` lets the generator go on to
its next `yield`. `resume` queues a step that calls `advance` again: the activity goes on in its own turn, never in the middle of
what brought the answer. The step goes ahead even of a closed gate, for the activity is what closed the gate. At the end
`leave` frees the coglet, cancels what is still asked for, and starts what waited behind the activity (`Activity.behind`).

**Turns.** Each time an activity goes on, its `turn` grows by one. `resume` carries the turn that it answers, and the
step compares it again when it runs. So each wait has at most one answer: the timeout of a wait that has its answer,
the reply to a call that was given up, or the second waker of a list are all dropped.

**Side by side.** `run_all` makes one activity for each generator, with the first as their `parent`. The parent goes on
when the last has ended, or with the first failure, which ends the others. `start` makes one that outlives the wait.

**Failures.** An exception in a generator goes to the reaction's own `else` handler, else to the activity that this one
is part of, else to the coglet (`State.fail`). A failure that `interrupts` (a timeout, a cancellation) is taken by no `try`.

**The invariants.**

- `held` counts the activities that hold a coglet; HELD is set exactly while it is not 0.
- An activity is alive from `enter` or `beside` to `leave`, and `leave` is called once.
- `resume` never calls a generator; only a step does.
- What is given up (`interrupt`) can have no answer any more: its turn has passed.
- Every answer that nobody waits for is dropped silently, except an item of a queue, which is given back (`claims.orphaned`).

**A worked example.** `on x as v { let r = ask(v)  y <- r }` hears 1.

1. `reactions` makes the activity. `enter` closes the gate of the coglet. `advance` starts the generator, which yields a
   `CallProgram`; `State.carry_out` puts a `Call` among the effects. The activity is in its turn 1.
2. The result comes. `resume` queues a step for the turn 1.
3. The step runs: the turn fits, and `advance` sends the result to the generator, which emits it and returns.
4. `leave` opens the gate, and the coglet takes what waits in its backlog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel import claims, courses
from cogc.kernel.objects import AWAITING, HELD, Activity, Await, FailureReport, Instance, Queued, Waiter
from cogc.kernel.ports import outside_step
from cogc.language.limits import outside
from cogc.language.meter import METER
from cogc.language.values import Again, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.kernel.state import State
    from cogc.kernel.waits import RunAll, Talk

GIVEN_UP = "given up"
"""The step of a course in which somebody else gives up what a part waits for."""


def enter(activity: Activity) -> None:
    """Add an activity to its coglet, and close the gate if it holds the coglet."""
    inst = activity.inst
    if inst.activities is None:
        inst.activities = []
    inst.activities.append(activity)
    if activity.holds:
        inst.held += 1
        inst.gate |= HELD


def leave(kernel: State, activity: Activity) -> None:
    """End an activity: free its coglet, cancel its calls, and start what waited behind it."""
    inst = activity.inst
    activity.alive = False
    for timer in (activity.timer, activity.alarm):
        if timer is not None:
            timer.cancel()
    kernel.cancel(activity)
    activity.queued = activity.course = None
    activity.states_left = []
    if activity.root is activity:
        activity.root = None  # which would keep it until the collector comes by
    for sub in activity.subs or ():
        if sub.alive:
            sub.generator.close()
            leave(kernel, sub)
    if activity.asks.awaits:
        forget_awaits(activity.asks, activity)
    if inst.activities and activity in inst.activities:
        inst.activities.remove(activity)
    if activity.holds:
        inst.held -= 1
        if not inst.held:
            inst.gate &= ~HELD
            kernel.wake(inst)
    elif activity.behind is not None:
        activity.behind()


def advance(kernel: State, activity: Activity, value: object, failure: Failure | None) -> None:
    """Let an activity go on to its next wait, or to its end."""
    activity.turn += 1
    if activity.deadline is not None:
        kernel.door.deadline = METER.step, activity.deadline
    if activity.alarm is not None:
        activity.alarm.cancel()
        activity.alarm = None
    try:
        if failure is not None:
            request = activity.generator.throw(failure)
        else:
            request = activity.generator.send(value)
    except StopIteration as stop:
        _finished(kernel, activity, stop.value)
        return
    except Exception as error:
        _broken(kernel, activity, error)
        return
    activity.request = request
    try:
        kernel.carry_out(activity, request)
    except Exception as error:
        advance(kernel, activity, None, activity.inst.code.failure(activity.inst, error))


def _finished(kernel: State, activity: Activity, value: object) -> None:
    """End an activity that has returned, and let the one go on that waits for it."""
    parent = activity.parent
    leave(kernel, activity)
    if activity.done is not None:
        activity.done(value)
    if parent is not None and parent.alive:
        parent.results[activity.slot] = value
        parent.left -= 1
        if not parent.left:
            parent.subs = parent.queued = None
            advance(kernel, parent, parent.results, None)
        else:
            fill(kernel, parent)


def _broken(kernel: State, activity: Activity, error: Exception) -> None:
    """End an activity that failed. Its own `else`, the activity that it is part of, or its coglet takes the failure."""
    if isinstance(error, Again) and activity.failure is not None:
        failure = activity.failure
    else:
        failure = activity.inst.code.failure(activity.inst, error)
    parent, handler = activity.parent, activity.handler
    if activity.done is not None:
        leave(kernel, activity)
        activity.done(failure)
        return
    if parent is not None:
        leave(kernel, activity)
        if parent.alive:
            for sub in parent.subs or ():
                if sub.alive:
                    sub.generator.close()
                    leave(kernel, sub)
            parent.subs = parent.queued = None
            advance(kernel, parent, None, failure)
        return
    if handler is not None and handler.on_failure is not None and activity.failure is None:
        kernel.cancel(activity)
        activity.failure = failure
        activity.deadline = None
        METER.step = failure
        record = failure.record(activity.inst.path, activity.event)
        activity.generator = handler.on_failure(activity.inst, *activity.args, record)
        advance(kernel, activity, None, None)
        return
    leave(kernel, activity)
    name, event = handler.name if handler is not None else "lifecycle", activity.event
    report = None
    if handler is not None and handler.trigger.claims and isinstance(event, list):  # a claim, of what a user has put
        place = activity.inst.code.unit.place(failure.at)
        report = FailureReport(failure, activity.inst.path, name, event[0], place)
    kernel.fail(activity.inst, failure, name, event, report)


def interrupt(kernel: State, activity: Activity, failure: Failure) -> None:
    """Give up what an activity waits for, even an answer that is on its way, and fail the activity there."""
    with courses.done_to(kernel, activity, GIVEN_UP):
        give_up(kernel, activity)
    failure.interrupts = True
    resume(kernel, activity, failure)


def give_up(kernel: State, activity: Activity) -> None:
    """Give up what an activity waits for, even an answer that is on its way."""
    activity.turn += 1
    kernel.cancel(activity)
    for sub in activity.subs or ():
        sub.generator.close()
        leave(kernel, sub)
    activity.subs = activity.queued = None
    if activity.asks.awaits:
        forget_awaits(activity.asks, activity)


# ---- answers -------------------------------------------------------------------------------------------------


def resume(kernel: State, activity: Activity, value: object, turn: int = -1) -> None:
    """Queue the continuation of an activity; it goes ahead even of a closed gate, for it is what closed it.

    `turn` is the wait that this answers (by default the present one): the answer to an earlier one is dropped.
    """
    cause = kernel.cause
    turn = activity.turn if turn < 0 else turn
    if turn != activity.turn or not activity.alive:
        return

    def go() -> None:
        if not activity.alive or activity.turn != turn:
            claims.orphaned(kernel, activity, value)
            return
        kernel.cause = cause
        root = activity.root
        if root is not None and root.course is not None:
            courses.note(kernel, root, activity, value)
        try:
            if isinstance(value, Failure):
                advance(kernel, activity, None, value)
            else:
                advance(kernel, activity, value, None)
        finally:
            if root is not None:
                courses.over(kernel, root)
        if kernel.hot:
            kernel.press(activity.inst)

    kernel.admit(outside_step(activity.inst, "result", go), None)


def wake(kernel: State, waiting: list[Waiter]) -> None:
    """Let all go on that wait in a list, and empty it."""
    for activity, turn in waiting:
        resume(kernel, activity, None, turn)
    waiting.clear()


# ---- several activities --------------------------------------------------------------------------------------


def beside(activity: Activity) -> None:
    """Add an activity to its coglet, so that it ends with the coglet."""
    inst = activity.inst
    if inst.activities is None:
        inst.activities = []
    inst.activities.append(activity)


def start(
    kernel: State, activity: Activity, inst: Instance, generator: Talk, done: Callable[[object], None]
) -> Activity:
    """Start a generator of a coglet beside an activity, which does not wait for it; `done` takes its value or Failure."""
    sub = Activity(inst, activity.handler, generator, activity.event, activity.cause, False)
    sub.done = done
    courses.belongs(sub, activity)
    beside(sub)
    advance(kernel, sub, None, None)
    return sub


def run_all(kernel: State, activity: Activity, inst: Instance, request: RunAll) -> None:
    """Run generators of a coglet side by side. The activity goes on with the list of their values."""
    bound = request.bound
    wrong = None if bound is None else outside("parallel", bound)
    if wrong:
        raise Failure("error", f"`parallel` is {wrong}, not {bound}")
    generators = request.generators
    if not generators:
        resume(kernel, activity, [])
        return
    activity.results = [None] * len(generators)
    activity.left = len(generators)
    activity.subs = []
    activity.queued = Queued(inst, list(enumerate(generators))[::-1], len(generators) if bound is None else bound)
    fill(kernel, activity)


def fill(kernel: State, activity: Activity) -> None:
    """Start the generators of an activity that wait for their turn, as many as its bound allows.

    A generator that ends at once leaves its place to the next one in the loop of this function, not in a call of its own.
    """
    queued = activity.queued
    if queued is None or queued.is_filling:
        return
    queued.is_filling = True
    while activity.queued is queued and queued.waiting and activity.left - len(queued.waiting) < queued.bound:
        slot, generator = queued.waiting.pop()
        sub = Activity(queued.inst, activity.handler, generator, activity.event, activity.cause, False)
        sub.parent, sub.slot = activity, slot
        courses.belongs(sub, activity)
        assert activity.subs is not None
        activity.subs.append(sub)
        beside(sub)
        advance(kernel, sub, None, None)
    queued.is_filling = False


# ---- awaits --------------------------------------------------------------------------------------------------


def forget_awaits(inst: Instance, activity: Activity) -> None:
    """Remove the awaits of an activity."""
    for entry in [e for e in inst.awaits or () if e.activity is activity]:
        drop_await(inst, entry)


def drop_await(inst: Instance, entry: Await) -> None:
    """Remove an `await` from its coglet."""
    assert inst.awaits is not None
    inst.awaits.remove(entry)
    if entry.timeout is not None:
        entry.timeout.cancel()
    if not inst.awaits:
        inst.gate &= ~AWAITING
