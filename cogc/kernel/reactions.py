"""Reactions: a message meets the reactions behind its port, and passes the modifiers of each.

**The model.** A message on a port meets the port's handlers, one for each reaction behind it, in textual order
(`react`). Each handler passes the message through its modifiers (`modified`) in one fixed order: `on all` gathers,
`debounce`, `batch`, then `when`, `distinct`, `throttle`, `concurrent`. What the modifiers remember is a `Memory` for each
reaction of each coglet; it ends with the coglet's life.

A reaction that does not wait is a function, and it is over when the function returns. A reaction that waits is a generator,
which becomes an activity (`_launch`; `activities.py` has its life). While the activity holds the coglet, the coglet takes no
other message; the port's other handlers for the same message wait in `Instance.rest`.

**Failures.** An exception in a plain function goes to the reaction's own `else` handler, else to the coglet (`failed`).

**The invariants.**

- A step that was put off (`later`) is queued on a port of the kernel's own, so that a closed gate holds it up too.
- `Memory.running` counts the events that are under way in a `concurrent` reaction: the next one that waits starts when an
  activity ends (`Activity.behind`).

**A worked example.** `on x as v when v > 0 debounce 1s { let r = ask(v)  y <- r }` hears 1, then 2.

1. 1 comes: `_debounce` keeps it and arms a timer. 2 comes: the timer is cancelled, 1 is dropped as `debounced`.
2. The timer fires: `later` queues a step. In its turn `begin` checks the guard with 2 and launches the generator.
3. The generator yields `CallProgram`; the coglet is HELD. Messages go into its backlog.
4. The result is there: the generator goes on, emits, and ends. `leave` opens the gate and wakes the coglet.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from cogc.kernel import courses, joins
from cogc.kernel.activities import advance, enter, interrupt
from cogc.kernel.namespace import record_of
from cogc.kernel.objects import FAILED, STARTING, STOPPED, STOPPING, Activity, Instance, Port
from cogc.kernel.ports import step
from cogc.kernel.program import Handler, nanos
from cogc.kernel.timers import Timer
from cogc.language.functions import stable_key
from cogc.language.meter import METER
from cogc.language.values import Failure, kind_of

if TYPE_CHECKING:
    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk
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

    own.timer = kernel.arm(inst, due, quiet, ("debounce", handler, port))


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
    """Run the reaction with the messages that were collected up to an instant."""
    own = memory(inst, handler)

    def over(_first: object, _second: object) -> None:
        later(kernel, inst, lambda: _flush(kernel, inst, handler, own, port))

    own.timer = kernel.arm(inst, due, over, ("batch", handler, port))


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
    activity = made(kernel, inst, handler, handler.function(inst, *arguments), event, kernel.cause)
    activity.args = arguments
    enter(activity)
    try:
        courses.begin(kernel, activity)
        if handler.timeout is not None:
            span = nanos(handler.timeout(inst), 0)
            activity.deadline = kernel.door.due(kernel.now, span)
            limited(kernel, activity, kernel.now + span)
        advance(kernel, activity, None, None)
    finally:
        courses.over(kernel, activity)
    return activity.alive and activity.holds


def made(kernel: State, inst: Instance, handler: Handler, generator: Talk, event: Value, cause: int) -> Activity:
    """Return the activity of a reaction that may wait, which has not begun. One of a `concurrent` reaction lets the next event begin at its end."""
    activity = Activity(inst, handler, generator, event, cause, handler.concurrent is None)
    if not activity.holds:
        activity.behind = lambda: _next_concurrent(kernel, inst, handler)
    return activity


def limited(kernel: State, activity: Activity, due: int) -> None:
    """Fail a reaction that is not over at an instant."""

    def expired(_first: object, _second: object) -> None:
        if activity.alive:
            activity.timer = None
            assert activity.handler is not None
            interrupt(kernel, activity, Failure("timeout", f"`{activity.handler.name}` took longer than its timeout"))

    activity.timer = kernel.arm(activity.inst, due, expired, ("timeout", activity, None))


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
        generator = handler.on_failure(inst, *arguments, failure.record(inst.path, event))
        activity = Activity(inst, handler, generator, event, kernel.cause, True)
        activity.args, activity.failure = arguments, failure
        enter(activity)
        try:
            courses.begin(kernel, activity)
            advance(kernel, activity, None, None)
        finally:
            courses.over(kernel, activity)
        return
    kernel.fail(inst, failure, handler.name, event)
