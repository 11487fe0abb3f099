"""Reactions under way: the modifiers before them, the waits inside them, commands ahead of them, failures out of them.

**The model.** A message on a port meets the port's handlers, one for each reaction behind it, in textual order
(`react`). Each handler passes the message through its modifiers (`modified`) in one fixed order: `on all` gathers,
`debounce`, `batch`, then `when`, `distinct`, `throttle`, `concurrent`. What the modifiers remember is a `Memory` for each
reaction of each coglet; it ends with the coglet's life.

A reaction that does not wait is a function, and it is over when the function returns. A reaction that waits is a generator;
an `Activity` holds it. The activity holds the coglet (gate HELD) unless the reaction is `concurrent`. While it is held,
the coglet takes no other message; the port's other handlers for the same message wait in `Instance.rest`.

**The life of an activity.** `_launch` makes it and calls `advance`. `advance` lets the generator go on to its next
`yield` and hands the request to `requests.carry_out`; `requests.resume` queues the step that calls `advance` again. At the
end `leave` frees the coglet, cancels what is still asked for, and starts what waited behind a `concurrent`. `turn`
counts the waits of an activity: an answer that belongs to an earlier wait is dropped.

**Failures.** An exception in a generator goes to the reaction's own `else` handler, else to the activity that this one
is part of, else to `failing.fail`. An exception in a plain function goes the same way by `failed`. A failure that
`interrupts` (a timeout, a cancellation) is taken by no `try`.

**Commands** are urgent entries: they go ahead of the data that waits, and errors of children go ahead of them. A token in
the message queue gives the coglet its turn; the first turn takes all entries.

**The invariants.**

- `held` counts the activities that hold a coglet; HELD is set exactly while it is not 0.
- An activity is alive from `_enter` to `leave`, and `leave` is called once.
- A step that was put off (`later`) is queued on a port of the kernel's own, so that a closed gate holds it up too.

**A worked example.** `on x as v when v > 0 debounce 1s { let r = ask(v)  y <- r }` hears 1, then 2.

1. 1 comes: `_debounce` keeps it and arms a timer. 2 comes: the timer is cancelled, 1 is dropped as `debounced`.
2. The timer fires: `later` queues a step. In its turn `begin` checks the guard with 2 and launches the generator.
3. The generator yields `CallProgram`; the coglet is HELD. Messages go into its backlog.
4. The result is there: the generator goes on, emits, and ends. `leave` opens the gate and wakes the coglet.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from cogc.kernel import courses, failing, joins, requests
from cogc.kernel.models import agents
from cogc.kernel.namespace import ABSENT, record_of
from cogc.kernel.objects import (
    FAILED,
    HELD,
    STARTING,
    STOPPED,
    STOPPING,
    URGENT,
    Activity,
    ChildFailed,
    Command,
    Instance,
    Port,
    Urgent,
)
from cogc.kernel.ports import step
from cogc.kernel.program import Handler, nanos
from cogc.kernel.timers import Firing, Timer
from cogc.language.closed import assert_never
from cogc.language.functions import stable_key
from cogc.language.meter import METER, Interrupted
from cogc.language.values import Failure, hidden, kind_of

if TYPE_CHECKING:
    from cogc.kernel.effects import Call
    from cogc.kernel.state import State
    from cogc.language.values import Value


# ---- a message and its reactions -----------------------------------------------------------------------------


def react(kernel: State, port: Port, message: Value, position: int) -> None:
    """Run a port's reactions from `position` on; one that holds the coglet puts the others off."""
    inst = port.inst
    for i in range(position, len(port.handlers)):
        handler = port.handlers[i]
        if i > position:
            METER.step = message, i
        try:
            held = modified(kernel, inst, handler, message, port)
        except Exception as error:
            failed(kernel, inst, handler, error, message, handler.nothing())
            return
        if inst.gate & (FAILED | STARTING | STOPPED | STOPPING):
            return
        if held and i + 1 < len(port.handlers):
            if inst.rest is None:
                inst.rest = deque()
            inst.rest.append((port, message, i + 1, kernel.cause))
            return


class Memory:
    """The memory of the modifiers of one reaction of one coglet."""

    __slots__ = ("batch", "count", "latest", "recent", "running", "seen", "timer", "waiting")

    def __init__(self) -> None:
        self.batch: list[Value] = []
        self.latest: Value = None
        self.timer: Timer | None = None
        self.seen: OrderedDict[str, int] = OrderedDict()
        self.recent: deque[int] = deque()
        self.running = 0
        self.waiting: deque[tuple[tuple[Value, ...], Value, int]] = deque()
        self.count = 0


def memory(inst: Instance, handler: Handler) -> Memory:
    """Return the memory of a reaction's modifiers in a coglet."""
    if inst.extra is None:
        inst.extra = {}
    found = inst.extra.get(handler.key)
    if not isinstance(found, Memory):
        found = inst.extra[handler.key] = Memory()
    return found


def modified(kernel: State, inst: Instance, handler: Handler, message: Value, port: Port | None) -> bool:
    """Pass a message through the modifiers of a reaction. Return whether the reaction holds the coglet now.

    The order is: `on all` gathers, `debounce`, `batch`, `when`, `distinct`, `throttle`, `concurrent`.
    """
    if port is not None and handler.trigger.kind == "all":
        gathered = joins.gather(kernel, port, handler, message)
        return gathered is not None and begin(kernel, inst, handler, gathered, None)
    if handler.debounce is not None:
        _debounce(kernel, inst, handler, message, port)
        return False
    return _behind_debounce(kernel, inst, handler, message, port)


def _behind_debounce(kernel: State, inst: Instance, handler: Handler, message: Value, port: Port | None) -> bool:
    if handler.batch is not None:
        return _batch(kernel, inst, handler, message, port)
    return begin(kernel, inst, handler, message, port)


def _debounce(kernel: State, inst: Instance, handler: Handler, message: Value, port: Port | None) -> None:
    """Keep the last of several messages that come close together, and pass it on when it has been quiet long enough."""
    own = memory(inst, handler)
    if own.timer is not None:
        own.timer.cancel()
        _drop(kernel, inst, handler, own.latest, "debounced")
    own.latest = message
    assert handler.debounce is not None
    debounced(kernel, inst, handler, port, kernel.now + nanos(handler.debounce(inst), 0))


def debounced(kernel: State, inst: Instance, handler: Handler, port: Port | None, due: int) -> None:
    """Pass the message that was kept last on at an instant."""
    own = memory(inst, handler)

    def quiet(_first: object, _second: object) -> None:
        latest, own.latest, own.timer = own.latest, None, None
        later(kernel, inst, lambda: _behind_debounce(kernel, inst, handler, latest, port))

    own.timer = arm(kernel, inst, due, quiet, ("debounce", handler, port))


def _batch(kernel: State, inst: Instance, handler: Handler, message: Value, port: Port | None) -> bool:
    """Collect messages until there are enough, or enough time has passed since the first one."""
    own = memory(inst, handler)
    assert handler.batch is not None
    size, within = handler.batch
    own.batch.append(message)
    if len(own.batch) >= size(inst):
        return _flush(kernel, inst, handler, own, port)
    if len(own.batch) == 1:
        batched(kernel, inst, handler, port, kernel.now + nanos(within(inst), 0))
    return False


def batched(kernel: State, inst: Instance, handler: Handler, port: Port | None, due: int) -> None:
    """Run the reaction for what was collected by an instant."""
    own = memory(inst, handler)

    def over(_first: object, _second: object) -> None:
        later(kernel, inst, lambda: _flush(kernel, inst, handler, own, port))

    own.timer = arm(kernel, inst, due, over, ("batch", handler, port))


def _flush(kernel: State, inst: Instance, handler: Handler, own: Memory, port: Port | None) -> bool:
    """Run the reaction for the collected messages."""
    if own.timer is not None:
        own.timer.cancel()
        own.timer = None
    messages, own.batch = own.batch, []
    return begin(kernel, inst, handler, messages, port) if messages else False


def _drop(kernel: State, inst: Instance, handler: Handler, message: Value, reason: str) -> None:
    """Count a message that a modifier drops."""
    kernel.skipped += 1
    if kernel.trace:
        kernel.trace.record("drop", inst, port=handler.name, reason=reason, data=message)


def later(kernel: State, inst: Instance, act: Callable[[], object]) -> None:
    """Carry out a step of the kernel's own in a coglet's turn."""
    kernel.admit(step(inst, "later", act), None)


def begin(kernel: State, inst: Instance, handler: Handler, message: Value, port: Port | None) -> bool:
    """Run a reaction for a message if its guard and limits allow it. Return whether it holds the coglet now."""
    sender = None
    if handler.sender and port is not None and port.member is not None:
        sender = record_of(port.member)
    try:
        arguments = handler.arguments(message, sender)
    except Failure as failure:
        failed(kernel, inst, handler, failure, message, None if handler.needs_parts else handler.nothing())
        return False
    return begin_with(kernel, inst, handler, arguments, message)


def begin_with(kernel: State, inst: Instance, handler: Handler, arguments: tuple[Value, ...], event: Value) -> bool:
    """Run a reaction with its arguments if its guard and limits allow it. Return whether it holds the coglet now."""
    try:
        if not _passes(kernel, inst, handler, arguments, event):
            return False
        if handler.concurrent is not None:
            own = memory(inst, handler)
            if own.running >= handler.concurrent(inst):
                own.waiting.append((arguments, event, kernel.cause))
                return False
            own.running += 1
        if not handler.waits:
            if handler.timeout is not None:
                kernel.door.deadline = METER.step, kernel.door.due(kernel.now, nanos(handler.timeout(inst), 0))
            try:
                handler.function(inst, *arguments)
            finally:
                if handler.concurrent is not None:
                    memory(inst, handler).running -= 1
            return False
    except Exception as error:
        failed(kernel, inst, handler, error, event, arguments)
        return False
    return _launch(kernel, inst, handler, arguments, event)


def _passes(kernel: State, inst: Instance, handler: Handler, arguments: tuple[Value, ...], event: Value) -> bool:
    """Return whether guard, `distinct` and `throttle` let an event through."""
    if handler.guard is not None:
        verdict = handler.guard(inst, *arguments)
        if verdict is not True:
            if verdict is not False:
                raise Failure("error", f"a condition is a bool, not {kind_of(verdict)}")
            return False
    if handler.distinct is not None and not _distinct(kernel, inst, handler, arguments):
        _drop(kernel, inst, handler, event, "not_distinct")
        return False
    if handler.throttle is not None and not _throttle(kernel, inst, handler):
        _drop(kernel, inst, handler, event, "throttled")
        return False
    return True


def _distinct(kernel: State, inst: Instance, handler: Handler, arguments: tuple[Value, ...]) -> bool:
    """Return whether no message with the same key came within the span."""
    own = memory(inst, handler)
    assert handler.distinct is not None
    value, within = handler.distinct
    key = stable_key(value(inst, *arguments))
    span = nanos(within(inst), 0)
    while own.seen and next(iter(own.seen.values())) + span <= kernel.now:  # the oldest stands first
        own.seen.popitem(last=False)
    if key in own.seen:
        return False
    own.seen[key] = kernel.now
    return True


def _throttle(kernel: State, inst: Instance, handler: Handler) -> bool:
    """Return whether another message is allowed within the span."""
    own = memory(inst, handler)
    assert handler.throttle is not None
    count, per = handler.throttle
    span = nanos(per(inst), 0)
    while own.recent and own.recent[0] + span <= kernel.now:
        own.recent.popleft()
    if len(own.recent) >= count(inst):
        return False
    own.recent.append(kernel.now)
    return True


# ---- what waits ----------------------------------------------------------------------------------------------


def _launch(kernel: State, inst: Instance, handler: Handler, arguments: tuple[Value, ...], event: Value) -> bool:
    """Start a reaction that may wait. Return whether it holds the coglet now."""
    holds = handler.concurrent is None
    activity = Activity(inst, handler, handler.function(inst, *arguments), event, kernel.cause, holds)
    activity.args = arguments
    activity.course = []
    _enter(kernel, activity)
    if handler.timeout is not None:
        span = nanos(handler.timeout(inst), 0)
        activity.deadline = kernel.door.due(kernel.now, span)
        limited(kernel, activity, kernel.now + span)
    advance(kernel, activity, None, None)
    return activity.alive and holds


def limited(kernel: State, activity: Activity, due: int) -> None:
    """Fail a reaction that is not over at an instant."""
    what = ("timeout", activity, None)
    activity.timer = arm(kernel, activity.inst, due, lambda _a, _b: requests.expire(kernel, activity), what)


def led(kernel: State, inst: Instance, handler: Handler, data: dict[str, Any]) -> Call | None:
    """Let a reaction wait for a call that is under way, as another kernel has written it down (`courses.py`). Return the call, or None if the
    reaction is another one now."""
    found = courses.led(inst, handler, data)
    if found is None:
        return None
    generator, course, request = found
    activity = Activity(inst, handler, generator, data["event"], data["cause"], handler.concurrent is None)
    activity.args, activity.course, activity.request = tuple(data["arguments"]), course, request
    activity.turn, activity.deadline = data["turn"], data["deadline"]
    _enter(kernel, activity)
    return requests.under_way(kernel, activity, request, data["call"])


def _enter(kernel: State, activity: Activity) -> None:
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
    activity.queued = None
    for sub in activity.subs or ():
        if sub.alive:
            sub.generator.close()
            leave(kernel, sub)
    if activity.asks.awaits:
        requests.forget_awaits(activity.asks, activity)
    if inst.activities and activity in inst.activities:
        inst.activities.remove(activity)
    if activity.holds:
        inst.held -= 1
        if not inst.held:
            inst.gate &= ~HELD
            kernel.wake(inst)
    elif activity.handler is not None and activity.handler.concurrent is not None and activity.parent is None:
        _next_concurrent(kernel, inst, activity.handler)


def _next_concurrent(kernel: State, inst: Instance, handler: Handler) -> None:
    """Start the next event that waited for a place of a `concurrent` reaction."""
    own = memory(inst, handler)
    own.running -= 1
    if own.waiting and not inst.gate & (FAILED | STOPPED | STOPPING):
        arguments, event, cause = own.waiting.popleft()

        def start() -> None:
            kernel.cause = cause
            begin_with(kernel, inst, handler, arguments, event)

        later(kernel, inst, start)


def advance(kernel: State, activity: Activity, value: object, failure: Failure | None) -> None:
    """Let an activity go on to its next wait, or to its end."""
    activity.turn += 1
    if activity.course is not None:
        courses.note(activity, value, failure)
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
        requests.carry_out(kernel, activity, request)
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
            requests.fill(kernel, parent)


def _broken(kernel: State, activity: Activity, error: Exception) -> None:
    """End an activity that failed. Its own `else`, the activity that it is part of, or its coglet takes the failure."""
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
    if handler is not None and handler.on_failure is not None and not activity.in_handler:
        kernel.cancel(activity)
        activity.in_handler = True
        activity.deadline = activity.course = None
        METER.step = failure
        record = failure_record(activity.inst, failure, activity.event)
        activity.generator = handler.on_failure(activity.inst, *activity.args, record)
        advance(kernel, activity, None, None)
        return
    leave(kernel, activity)
    name = handler.name if handler is not None else "lifecycle"
    failing.fail(kernel, activity.inst, failure, name, activity.event)


def failure_record(inst: Instance, failure: Failure, event: Value) -> dict[str, Value]:
    """Return a failure as the record that `else as e` and `on error` bind."""
    return failure.record(inst.path, event)


def failed(
    kernel: State,
    inst: Instance,
    handler: Handler,
    error: Exception,
    event: Value,
    arguments: tuple[Value, ...] | None = None,
) -> None:
    """Hand the failure of a reaction that does not wait to the reaction's `else`, or to its coglet.

    `arguments` are those of the reaction; without them no `else` can run.
    """
    failure = inst.code.failure(inst, error)
    if handler.on_failure is not None and arguments is not None:
        METER.step = failure
        generator = handler.on_failure(inst, *arguments, failure_record(inst, failure, event))
        activity = Activity(inst, handler, generator, event, kernel.cause, True)
        activity.in_handler = True
        _enter(kernel, activity)
        advance(kernel, activity, None, None)
        return
    failing.fail(kernel, inst, failure, handler.name, event)


# ---- commands ------------------------------------------------------------------------------------------------


def command(kernel: State, sender: Instance, target: Instance, name: str, arguments: list[Value]) -> None:
    """Give a command: it goes ahead of the data that waits."""
    if target.gate & (STOPPED | STOPPING):
        _lost(kernel, target, Command(name, arguments, kernel.cause), "stopped")
        return
    cause = kernel.cause
    if kernel.trace:
        cause = kernel.trace.record(
            "guide", sender, to=target.path, command=name, data=_given(kernel, target, name, arguments)
        )
    urgent(kernel, target, Command(name, arguments, cause))


def _given(kernel: State, inst: Instance, command: str, arguments: list[Value]) -> list[Value]:
    """Return the arguments of a command for a trace: absent ones as null, private ones hidden."""
    given = [None if a is ABSENT else a for a in arguments]
    if not kernel.private:
        return given
    names = next((h.reaction.parameters for h in inst.code.commands.get(command, ())), ())
    return [hidden({p.name: a}, kernel.private)[p.name] for p, a in zip(names, given, strict=True)] if names else given


def urgent(kernel: State, inst: Instance, entry: Urgent, first: bool = False) -> None:
    """Put something ahead of a coglet's data, and see that its turn comes. Errors of children go first."""
    kernel.touch(inst)
    if inst.urgent is None:
        inst.urgent = deque()
    if first:
        position = sum(1 for e in inst.urgent if isinstance(e, ChildFailed))
        inst.urgent.insert(position, entry)
    else:
        inst.urgent.append(entry)
    inst.gate |= URGENT
    token = Port(inst, "commands", (), 0)
    kernel.messages.append((token, None, 0))


def take_urgent(kernel: State, inst: Instance) -> None:
    """Take all commands and errors that wait, each as a step."""
    while inst.urgent and not inst.gate & (STARTING | FAILED | STOPPING | STOPPED):
        if isinstance(inst.urgent[0], Command) and inst.gate & HELD and inst.code.ir.python:
            return  # methods of one object run one after the other
        entry = inst.urgent.popleft()
        if not inst.urgent:
            inst.gate &= ~URGENT
        kernel.cause = entry.cause
        METER.step = entry
        try:
            _take(kernel, inst, entry)
        except Interrupted as end:
            end.counted = True
            if isinstance(entry, Command) and not was_ended(inst):
                _lost(kernel, inst, entry, "cancelled")
            raise
        if kernel.hot:
            kernel.press(inst)
    if not inst.urgent:
        inst.gate &= ~URGENT


def was_ended(inst: Instance) -> bool:
    """Return whether a reaction of a coglet that waits was ended from outside. The stop of the coglet counts its event."""
    return any(isinstance(a.generator, GeneratorType) and a.generator.gi_frame is None for a in inst.activities or ())


def _take(kernel: State, inst: Instance, entry: Urgent) -> None:
    """Carry out a command, or decide on the failure of a child."""
    match entry:
        case ChildFailed(child=child, report=report):
            failing.decide(kernel, inst, child, report)
        case Command(name=name, arguments=arguments):
            _command(kernel, inst, name, arguments)
        case _:
            assert_never(entry)


def _lost(kernel: State, inst: Instance, command: Command, reason: str) -> None:
    """Count a command that will not be carried out, as a dead letter."""
    kernel.lose(reason)
    if kernel.trace:
        given = _given(kernel, inst, command.name, command.arguments)
        kernel.trace.record("dead_letter", inst, port=command.name, reason=reason, data=given)


def _command(kernel: State, inst: Instance, name: str, arguments: list[Value]) -> None:
    """Carry out a command: run its reactions, and those that count ticks."""
    suppressed = inst.code.ir.suppressed
    if suppressed and name in inst.states[suppressed[1]] and name not in ("suppress", "unsuppress"):
        kernel.skipped += 1
        if kernel.trace:
            kernel.trace.record(
                "drop", inst, port=name, reason="suppressed", data=_given(kernel, inst, name, arguments)
            )
        return
    if kernel.trace:
        kernel.cause = kernel.trace.record(
            "command", inst, cause=kernel.cause, command=name, data=_given(kernel, inst, name, arguments)
        )
    for handler in inst.code.commands.get(name, ()):
        values = []
        for parameter, value in zip(handler.reaction.parameters, arguments, strict=True):
            if value is ABSENT:
                assert parameter.default is not None
                value = inst.code.unit.value(parameter.default, inst)
            values.append(value)
        if inst.code.ir.kind == "agent":
            agents.control(kernel, inst, name, values)
        begin_with(kernel, inst, handler, tuple(values) if values else (None,), dict(zip_names(handler, values)))
    if name == "tick":
        for handler in inst.code.ticks:
            _tick(kernel, inst, handler)


def zip_names(handler: Handler, values: list[Value]) -> list[tuple[str, Value]]:
    return [(p.name, v) for p, v in zip(handler.reaction.parameters, values, strict=True)]


def _tick(kernel: State, inst: Instance, handler: Handler) -> None:
    """Count a tick for a reaction `every N ticks`."""
    own = memory(inst, handler)
    own.count += 1
    period = inst.code.unit.value(handler.trigger.value, inst) if handler.trigger.value else 1
    if own.count >= period:
        own.count = 0
        begin(kernel, inst, handler, None, None)


# ---- timers and the program table ----------------------------------------------------------------------------


def arm(kernel: State, inst: Instance, due: int, function: Firing, what: tuple[Any, ...] | None = None) -> Timer:
    """Arm a timer that dies with its coglet's life."""
    timer = kernel.timers.add(due, Timer(function, inst, None, what))
    if inst.timers is None:
        inst.timers = []
    inst.timers.append(timer)
    if len(inst.timers) > 16:
        inst.timers = [t for t in inst.timers if t.function is not None]
    return timer
