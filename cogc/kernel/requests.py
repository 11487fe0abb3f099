"""What a reaction waits for: calls, replies of models, other reactions side by side, messages, time, each other.

A compiled reaction or a conversation yields a `Request`; `request` sets it going, `resume` queues what goes on with the
answer. An answer that comes when the reaction has long been waiting for something else is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogc.kernel import queues, reactions
from cogc.kernel.code import Request
from cogc.kernel.models import asking
from cogc.kernel.objects import AWAITING, Activity, Ask, Call, Dispatch, Instance, Port
from cogc.kernel.program import label, nanos
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.machine import Kernel


def request(kernel: Kernel, activity: Activity, asked: Request) -> None:
    """Set going what an activity waits for."""
    match asked.kind:
        case "call":
            _call(kernel, activity, asked)
        case "ask":
            _ask(kernel, activity, asked)
        case "dispatch":
            _dispatch(kernel, activity, asked)
        case "question":
            asking.ask(kernel, activity, asked)
        case "sleep":
            _sleep(kernel, activity, asked.arguments[0])
        case "wait":
            waiting, limit = asked.arguments
            waiting.append((activity, activity.turn))
            if limit is not None:
                _sleep(kernel, activity, limit)
        case "start":
            resume(kernel, activity, start(kernel, activity, *asked.arguments))
        case "await":
            _await(kernel, activity, asked)
        case _:
            _parallel(kernel, activity, asked.arguments)


def _sleep(kernel: Kernel, activity: Activity, nanoseconds: int) -> None:
    turn = activity.turn
    due = kernel.now + nanoseconds
    activity.alarm = reactions.arm(kernel, activity.inst, due, lambda _a, _b: resume(kernel, activity, None, turn))


def wake(kernel: Kernel, waiting: list[tuple[Activity, int]]) -> None:
    """Let all go on that have waited for this."""
    for activity, turn in waiting:
        resume(kernel, activity, None, turn)
    waiting.clear()


def start(kernel: Kernel, activity: Activity, generator: Any, done: Callable[[Any], None]) -> Activity:
    """A generator of its own beside an activity, which does not wait for it; `done` takes its value or Failure."""
    sub = Activity(activity.inst, activity.handler, generator, activity.event, activity.cause, False)
    sub.done = done
    beside(sub)
    reactions.advance(kernel, sub, None, None)
    return sub


def _call(kernel: Kernel, activity: Activity, request: Request) -> None:
    inst, key = request.owner or activity.inst, request.program
    program = inst.code.unit.bundle.programs[key]
    if program.kind == "reply":
        asking.reply(kernel, *request.arguments)
        resume(kernel, activity, None)
        return
    values = inst.code.unit.request(program)(inst, *request.arguments)
    arguments = {p.name: v for p, v in zip(program.parameters, request.arguments, strict=True)}
    call = _called(kernel, activity, inst, program.result)
    if program.kind == "queue" and program.name.endswith((".done", ".back")):
        queues.settled(kernel, inst, key)
    if kernel.trace:
        kernel.trace.record("call", inst, cause=kernel.cause, call=call, program=program.name, data=arguments)
    kernel.effects.append(Call(call, key, arguments, values, inst.path, request.sandbox))


def _ask(kernel: Kernel, activity: Activity, request: Request) -> None:
    body, program, limit, news, streams = request.arguments
    inst = request.owner or activity.inst
    call = _called(kernel, activity, inst, None)
    if kernel.trace and "count" not in body:
        model = inst.code.unit.bundle.models[request.program].name
        kernel.trace.record("ask", inst, call=call, model=model, program=program, data=news)
    kernel.effects.append(Ask(call, request.program, program, body, limit, inst.path, request.at, streams))


def _dispatch(kernel: Kernel, activity: Activity, request: Request) -> None:
    dispatcher, query, background, limit, used = request.arguments
    inst = request.owner or activity.inst
    call = _called(kernel, activity, inst, None)
    kernel.spending[call] = used
    if kernel.trace:
        name = inst.code.unit.bundle.programs[request.program].name
        kernel.trace.record("dispatch", inst, call=call, program=name, dispatcher=dispatcher, data=query)
    kernel.effects.append(
        Dispatch(call, dispatcher, request.program, query, background, limit, inst.path, request.sandbox)
    )


def progress(kernel: Kernel, call: int, event: Any) -> None:
    """What a dispatcher says of a run while it goes on."""
    known = kernel.calls.get(call)
    if known is None:
        return
    if kernel.trace:
        kernel.trace.record("progress", known[1], cause=known[0].cause, call=call, data=event)
    if event.get("event") == "usage":
        kernel.spending[call](event["usage"])


def _called(kernel: Kernel, activity: Activity, inst: Instance, result: int | None) -> int:
    """The number of a call that an activity waits for; its result is checked if it has a type."""
    call, kernel.next_call = kernel.next_call, kernel.next_call + 1
    activity.calls.add(call)
    kernel.calls[call] = (activity, inst, result)
    return call


def finish_call(kernel: Kernel, call: int, value: Any) -> None:
    """A call's result has come: check it, and let the activity go on in its turn."""
    known = kernel.calls.pop(call, None)
    kernel.spending.pop(call, None)
    if known is None or not known[0].alive:
        return
    activity, inst, result = known
    activity.calls.discard(call)
    if result is not None and not isinstance(value, Failure):
        try:
            value = inst.code.unit.validators.check(result)(value)
        except Failure as wrong:
            value = wrong
    if kernel.trace:
        outcome = {"error": value.message, "error_kind": value.kind} if isinstance(value, Failure) else {"data": value}
        kind = "reply" if result is None else "result"
        kernel.cause = kernel.trace.record(kind, inst, cause=activity.cause, call=call, **outcome)
    resume(kernel, activity, value)


def resume(kernel: Kernel, activity: Activity, value: Any, turn: int = -1) -> None:
    """Queue the continuation of an activity; it goes ahead even of a closed gate, for it is what closed it.

    `turn` is the wait that this answers (by default the present one): the answer to an earlier one is dropped.
    """
    cause = kernel.cause
    turn = activity.turn if turn < 0 else turn
    if turn != activity.turn or not activity.alive:
        return

    def go(_inst: Any, _message: Any) -> None:
        if not activity.alive or activity.turn != turn:
            queues.orphaned(kernel, activity, value)
            return
        kernel.cause = cause
        if isinstance(value, Failure):
            reactions.advance(kernel, activity, None, value)
        else:
            reactions.advance(kernel, activity, value, None)
        if kernel.hot:
            kernel.press(activity.inst)

    outside = Instance(kernel, activity.inst.code, "", 0, None, None, [])
    port = Port(outside, "result", ())
    port.simple = go
    port.handlers = (reactions.NO_HANDLER,)
    port.fill = 1
    kernel.queue.append((port, None, cause))


def beside(sub: Activity) -> None:
    """An activity that is part of another one, or beside it, ends with its coglet too."""
    if sub.inst.activities is None:
        sub.inst.activities = []
    sub.inst.activities.append(sub)


def _parallel(kernel: Kernel, activity: Activity, generators: list[Any]) -> None:
    """Run generators side by side; the activity goes on with the list of what they give."""
    if not generators:
        resume(kernel, activity, [])
        return
    activity.results = [None] * len(generators)
    activity.left = len(generators)
    subs = []
    for i, generator in enumerate(generators):
        sub = Activity(activity.inst, activity.handler, generator, activity.event, activity.cause, False)
        sub.parent, sub.slot = activity, i
        subs.append(sub)
    activity.subs = subs
    for sub in subs:
        if activity.subs is subs and sub.alive:
            beside(sub)
            reactions.advance(kernel, sub, None, None)


# ---- await ---------------------------------------------------------------------------------------------------


def _await(kernel: Kernel, activity: Activity, request: Request) -> None:
    port, condition, timeout = request.arguments
    inst = activity.inst
    if inst.awaits is None:
        inst.awaits = []
    entry = [activity, label(port), condition, None]
    inst.awaits.append(entry)
    inst.gate |= AWAITING
    if timeout is not None:
        due = kernel.now + nanos(timeout, 0)
        entry[3] = reactions.arm(kernel, inst, due, lambda _a, _b: _overdue(kernel, inst, entry))
    for item in list(inst.backlog or ()):
        if item[0].label == entry[1] and awaited(kernel, inst, item):
            assert inst.backlog is not None
            inst.backlog.remove(item)
            return


def _overdue(kernel: Kernel, inst: Instance, entry: list[Any]) -> None:
    if inst.awaits and entry in inst.awaits:
        _drop_await(inst, entry)
        resume(kernel, entry[0], None)


def _drop_await(inst: Instance, entry: list[Any]) -> None:
    assert inst.awaits is not None
    inst.awaits.remove(entry)
    if entry[3] is not None:
        entry[3][0] = None
    if not inst.awaits:
        inst.gate &= ~AWAITING


def forget_awaits(inst: Instance, activity: Activity) -> None:
    for entry in [e for e in inst.awaits or () if e[0] is activity]:
        _drop_await(inst, entry)


def awaited(kernel: Kernel, inst: Instance, item: Any) -> bool:
    """Whether an `await` takes this message; it goes on with it at once."""
    port, message, cause = item
    for entry in list(inst.awaits or ()):
        if entry[1] != port.label:
            continue
        try:
            taken = entry[2] is None or entry[2](message) is True
        except Exception as error:
            _drop_await(inst, entry)
            resume(kernel, entry[0], inst.code.failure(error))
            return False
        if taken:
            _drop_await(inst, entry)
            port.fill -= 1
            if port.waiters:
                kernel.release(port)
            kernel.cause = kernel.trace.deliver(port, message, cause) if kernel.trace else cause
            resume(kernel, entry[0], message)
            return True
    return False


def expire(kernel: Kernel, activity: Activity) -> None:
    """A reaction's time is over."""
    if activity.alive:
        activity.timer = None
        assert activity.handler is not None
        interrupt(kernel, activity, Failure("timeout", f"`{activity.handler.name}` took longer than its timeout"))


def interrupt(kernel: Kernel, activity: Activity, failure: Failure) -> None:
    """What an activity waits for is given up, even an answer that is on its way, and it fails where it waits."""
    activity.turn += 1
    kernel.cancel(activity)
    for sub in activity.subs or ():
        sub.generator.close()
        reactions.leave(kernel, sub)
    activity.subs = None
    if activity.inst.awaits:
        forget_awaits(activity.inst, activity)
    failure.interrupts = True
    resume(kernel, activity, failure)
