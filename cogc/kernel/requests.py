"""The waits of activities: calls, replies of models, messages, time, each other.

**The model.** A generator yields a record of `waits`, and `carry_out` sets going what the record asks for. The activity
goes on with the answer in a step of its own (`activities.resume`).

**Calls.** A call gets a number, an entry in `State.calls` (whose activity, which coglet asks, the type of the result), and
an effect. `finish_call` removes the entry, checks the result, records it in the trace, and resumes. `State.cancel`
removes the entries of an activity that is over, and tells the shell by `Cancel`; a result that comes nevertheless finds no
entry.

**Awaits.** An `await` looks at the coglet's messages before its reactions do (gate AWAITING). It takes the first that
fits, from the backlog or as it comes. A message that does not fit is handled as if nobody waited.

**A worked example.** `let a = await e.y when message > 5 timeout 10s`, then 3 and 8 on `e.y`.

1. `_await` adds an `Await` to the coglet, sets AWAITING, and arms a timer for 10 s.
2. 3 comes: `awaited` finds that the condition does not hold; the message goes on to the reactions, or to the backlog.
3. 8 comes: the condition holds. The `Await` is removed, the timer cancelled, the message counted as delivered, and a step
   with 8 is queued.
4. The step runs: the activity's turn still fits, and the generator goes on with 8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel import claims, courses
from cogc.kernel.activities import advance, drop_await, interrupt, resume, run_all, start, wake
from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.kernel.models import coglet_tools
from cogc.kernel.objects import AWAITING, Activity, Await, Instance, Waiter
from cogc.kernel.once import Sharer, id_of
from cogc.kernel.permissions import of_criteria
from cogc.kernel.ports import outside_step
from cogc.kernel.program import label, nanos
from cogc.kernel.timers import Timer
from cogc.kernel.waits import (
    AskCoglet,
    AskModel,
    AwaitMessage,
    CallProgram,
    DispatchAgent,
    Limit,
    Request,
    RunAll,
    Sleep,
    StartBeside,
    WaitIn,
)
from cogc.language.closed import assert_never
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Item
    from cogc.kernel.shapes import Progress
    from cogc.kernel.state import State

CALLED = "called"
"""The step of a course in which a call is made that had waited for one of somebody else."""
USED = "used"
"""The step of a course in which a dispatcher reports what its agent has used."""


def carry_out(kernel: State, activity: Activity, request: Request) -> None:
    """Set going what an activity waits for."""
    match request:
        case CallProgram():
            _call(kernel, activity, request)
        case AskModel():
            _ask(kernel, activity, request)
        case DispatchAgent():
            _dispatch(kernel, activity, request)
        case AskCoglet():
            inst = asking_coglet(activity, request)
            resume(kernel, activity, coglet_tools.ask(kernel, inst, request.program, request.input))
        case Sleep(nanos=nanoseconds):
            _sleep(kernel, activity, nanoseconds)
        case WaitIn(waiters=waiters, limit=limit):
            waiters.append(Waiter(activity, activity.turn))
            if limit is not None:
                _sleep(kernel, activity, limit)
        case StartBeside(generator=generator, done=done):
            resume(kernel, activity, start(kernel, activity, asking_coglet(activity, request), generator, done))
        case AwaitMessage():
            _await(kernel, activity, request)
        case RunAll():
            run_all(kernel, activity, asking_coglet(activity, request), request)
        case Limit(due=due, words=words):
            _limit(kernel, activity, due, words)
            advance(kernel, activity, None, None)
        case _:
            assert_never(request)


def asking_coglet(activity: Activity, request: Request) -> Instance:
    """Return the coglet that asks: a hook of a subtree's start asks for its own coglet."""
    return request.owner if isinstance(request.owner, Instance) else activity.inst


def _sleep(kernel: State, activity: Activity, nanoseconds: int) -> None:
    """Let an activity go on after so many nanoseconds."""
    wake_at(kernel, activity, kernel.now + nanoseconds)


def wake_at(kernel: State, activity: Activity, due: int) -> None:
    """Let an activity go on at an instant, unless it goes on before."""
    turn = activity.turn
    what = ("alarm", activity, None)
    activity.alarm = kernel.arm(activity.inst, due, lambda _a, _b: resume(kernel, activity, None, turn), what)


def _call(kernel: State, activity: Activity, request: CallProgram) -> None:
    """Begin the call of a program."""
    inst, key = asking_coglet(activity, request), request.program
    program = inst.code.unit.bundle.programs[key]
    if program.kind == "reply":
        id, answer = request.arguments
        wake(kernel, coglet_tools.reply(kernel, id, answer))
        resume(kernel, activity, None)
        return
    unit = inst.code.unit
    values = unit.attributes(program)(inst, *request.arguments)
    arguments = {p.name: v for p, v in zip(program.parameters, request.arguments, strict=True)}
    once = values.get("once")
    effect = "" if once is None else id_of(program.name, once)
    if effect and kernel.shared(inst, (unit, key, effect), sharer(kernel, activity, request)):
        return
    call = _called(kernel, activity, inst, program.result)
    if effect:
        kernel.once.begun((unit, key, effect), call)
    if program.kind == "queue":
        for waiting in claims.settled(kernel, inst, key, request.arguments):
            wake(kernel, waiting)
    if kernel.trace:
        kernel.trace.record("call", inst, cause=kernel.cause, call=call, program=program.name, data=arguments)
    sandbox = request.sandbox
    if sandbox is None and inst.code.ir.kind == "dod":
        sandbox = of_criteria(inst.code.unit.bundle)
    kernel.effects.append(Call(call, unit, program, arguments, values, inst.path, sandbox, effect))


def under_way(kernel: State, activity: Activity, request: CallProgram, call: int) -> Call:
    """Let an activity wait for the call of a program that is under way already. Return the call, as an effect."""
    inst = activity.inst
    unit = inst.code.unit
    program = unit.bundle.programs[request.program]
    activity.calls.add(call)
    kernel.calls[call] = (activity, inst, program.result)
    values = unit.attributes(program)(inst, *request.arguments)
    arguments = {p.name: v for p, v in zip(program.parameters, request.arguments, strict=True)}
    return Call(call, unit, program, arguments, values, inst.path, request.sandbox, "")


def sharer(kernel: State, activity: Activity, request: CallProgram) -> Sharer:
    """Return an activity as one that may wait for the call of somebody else."""
    turn = activity.turn

    def again() -> None:
        if activity.alive and activity.turn == turn:
            with courses.done_to(kernel, activity, CALLED):
                _call(kernel, activity, request)

    return Sharer(
        Waiter(activity, turn),
        lambda value: resume(kernel, activity, value, turn),
        lambda: kernel.admit(outside_step(activity.inst, "call", again), None),
    )


def _ask(kernel: State, activity: Activity, request: AskModel) -> None:
    """Begin a request to a model."""
    kernel.touch(kernel.models)
    inst = asking_coglet(activity, request)
    call = _called(kernel, activity, inst, None)
    unit = inst.code.unit
    model = unit.bundle.models[request.model] if isinstance(request.model, str) else request.model
    if request.partial is not None:
        kernel.models.partials[call] = request.partial
    if kernel.trace and "count" not in request.body:
        kernel.trace.record("ask", inst, call=call, model=model.name, program=request.program, data=request.news)
    kernel.effects.append(
        Ask(call, unit, model, request.program, request.body, request.limit, inst.path, request.at, request.streams)
    )


def _dispatch(kernel: State, activity: Activity, request: DispatchAgent) -> None:
    """Begin the run of an agent by a dispatcher."""
    kernel.touch(kernel.models)
    inst = asking_coglet(activity, request)
    call = _called(kernel, activity, inst, None)
    kernel.models.spending[call] = request.used
    unit = inst.code.unit
    program = request.program
    if kernel.trace:
        kernel.trace.record(
            "dispatch", inst, call=call, program=program.name, dispatcher=request.dispatcher, data=request.query
        )
    kernel.effects.append(
        Dispatch(
            call,
            unit,
            request.dispatcher,
            program,
            request.query,
            request.background,
            request.limit,
            inst.path,
            request.sandbox,
            request.max_depth,
        )
    )


def progress(kernel: State, call: int, event: Progress) -> None:
    """Take a report about a call under way: of a dispatcher about an agent, or of a tool that goes on elsewhere under a handle."""
    known = kernel.calls.get(call)
    if known is None:
        return
    if kernel.trace:
        kernel.trace.record("progress", known[1], cause=known[0].cause, call=call, data=event)
    if event.get("event") == "task":
        kernel.handles[call] = event["handle"]
    if event.get("event") == "usage":
        with courses.done_to(kernel, known[0], USED, event["usage"]):
            kernel.models.spending[call](event["usage"])


def _called(kernel: State, activity: Activity, inst: Instance, result: int | None) -> int:
    """Return the number of a new call, for which an activity waits. Its result is checked if it has a type."""
    call, kernel.next_call = kernel.next_call, kernel.next_call + 1
    activity.calls.add(call)
    kernel.calls[call] = (activity, inst, result)
    return call


def finish_call(kernel: State, call: int, value: object) -> None:
    """Take the result of a call: check it, and let the activity go on in its turn."""
    known = kernel.calls.pop(call, None)
    kernel.models.over(call)
    kernel.handles.pop(call, None)
    if known is None:
        return
    activity, inst, result = known
    activity.calls.discard(call)
    if result is not None and not isinstance(value, Failure):
        try:
            value = inst.code.unit.validators.check(result)(value)
        except Failure as wrong:
            value = wrong
    kernel.once.finished(call, value)
    if not activity.alive:
        return
    if kernel.trace:
        outcome = {"error": value.message, "error_kind": value.kind} if isinstance(value, Failure) else {"data": value}
        kind = "reply" if result is None else "result"
        kernel.cause = kernel.trace.record(kind, inst, cause=activity.cause, call=call, **outcome)
    resume(kernel, activity, value)


# ---- await ---------------------------------------------------------------------------------------------------


def _await(kernel: State, activity: Activity, request: AwaitMessage) -> None:
    """Wait for a message on a port: take one from the backlog if it fits, else watch the messages to come."""
    port, condition, timeout = request.port, request.condition, request.timeout
    inst = activity.asks = asking_coglet(activity, request)
    if inst.awaits is None:
        inst.awaits = []
    entry = Await(activity, label(port), condition)
    inst.awaits.append(entry)
    inst.gate |= AWAITING
    if timeout is not None:
        overdue_at(kernel, entry, kernel.now + nanos(timeout, 0))
    for item in list(inst.backlog or ()):
        if item[0].label == entry.label and awaited(kernel, inst, item):
            assert inst.backlog is not None
            inst.backlog.remove(item)
            return


def overdue_at(kernel: State, entry: Await, due: int) -> None:
    """Arm the timeout of an `await`."""
    inst = entry.activity.asks
    what = ("await", entry.activity, None)
    entry.timeout = kernel.arm(inst, due, lambda _a, _b: _overdue(kernel, inst, entry), what)


def _overdue(kernel: State, inst: Instance, entry: Await) -> None:
    """End an `await` whose timeout is over."""
    if inst.awaits and entry in inst.awaits:
        drop_await(inst, entry)
        resume(kernel, entry.activity, None)


def awaited(kernel: State, inst: Instance, item: Item) -> bool:
    """Return whether an `await` takes this message. The activity then goes on with it."""
    port, message, cause = item
    for entry in list(inst.awaits or ()):
        if entry.label != port.label or port.own:
            continue
        try:
            taken = entry.condition is None or entry.condition(message) is True
        except Exception as error:
            drop_await(inst, entry)
            resume(kernel, entry.activity, inst.code.failure(inst, error))
            return False
        if taken:
            drop_await(inst, entry)
            port.fill -= 1
            if port.waiters:
                kernel.release(port)
            kernel.cause = kernel.trace.deliver(port, cause) if kernel.trace else cause
            resume(kernel, entry.activity, message)
            return True
    return False


def _limit(kernel: State, activity: Activity, due: int | None, words: str) -> None:
    """Bound an activity from now on, or take its bound away."""
    if activity.timer is not None:
        activity.timer.cancel()
        activity.timer = None
    activity.deadline = None if due is None else kernel.door.due(kernel.now, due - kernel.now)
    if due is None:
        return

    def expired(_first: object, _second: object) -> None:
        activity.timer = None
        interrupt(kernel, activity, Failure("timeout", words))

    activity.timer = kernel.timers.add(due, Timer(expired, activity.inst))
