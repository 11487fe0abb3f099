"""Lives: how coglets are started, stopped and restarted.

**The model.** A coglet is created, starts, runs, and stops for good; in between it may fail and be restarted. `creation` makes it, and
`failing` decides what becomes of a failure; this file carries the decision out. What may wait (hooks call programs) is a generator
that runs like a reaction: a *process*. A process belongs to no coglet's turn, so it goes on while its coglets are closed.

**Start** (`begin`). `on start` runs in the order of creation, children before their parent. A coglet is STARTING until
its own hooks have ended; messages wait in its backlog. Its timers run from that moment. A subtree without hooks starts at
once, without a process.

**Stop** (`stop`). Stopping goes the other way: what is under way in the parent is cancelled, its children stop in
reverse order of creation, then its `on stop` hooks run, each within a deadline. Then the coglet is STOPPED: what waits for
it becomes dead letters, senders parked on it go on, joins go on without it, a pool forgets its member.

**Restart** (`restart`). The strategy of the parent ties others to the coglet: none, all, or those created later. In
reverse order each is aborted, its children stop for good, and `on stop` runs unless the coglet has failed. Then, in
order, each gets fresh states (`keep` and `persist` stay) and fresh children (`pools` has those that come back), and starts. Its inbox, its routes from
outside and its name stay, so that nobody else sees the restart but by the time it takes.

**The invariants.**

- The gates STARTING, STOPPING, FAILED and STOPPED change here and in `failing` only, but for a child that a Python class creates:
  it is STARTING until the class begins it (`python`).
- A coglet that is STOPPED never runs again; every other state leads to STOPPED or back to a free coglet.
- Whatever a hook fails with, the siblings of its coglet start or stop all the same.
- A hook asks in the name of its own coglet (`_owned`), though the process is that of the whole subtree.

**A worked example.** `Main` has `a` and `b`, with the strategy `one_for_all`; `a` fails.

1. `failing.fail` aborts `a` and sets FAILED; the policy of `a` allows a restart after a backoff.
2. The timer fires: `restart(a)` starts a process for `[a, b]`.
3. `b` is aborted and its `on stop` runs; `a` has failed, so its hook does not.
4. `a` gets its states anew, its `on start` runs, its backlog is taken; then the same for `b`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel import activities, claims, creation, joins, periods, pools, ports, queues, reactions, wiring
from cogc.kernel.objects import (
    BACKLOG,
    FAILED,
    HELD,
    PARKED,
    STARTING,
    STOPPED,
    STOPPING,
    URGENT,
    Activity,
    Instance,
)
from cogc.kernel.program import Handler, nanos
from cogc.kernel.waits import Limit
from cogc.language.closed import assert_never
from cogc.language.functions import truth
from cogc.language.meter import METER, aside
from cogc.language.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk
    from cogc.language.values import Value

STOP_DEADLINE = 10_000_000_000
"""The nanoseconds that an `on stop` may take."""
OUT_OF_TIME = "`on stop` took longer than 10s"
SPIN = 1000
"""How many restarts of one coglet there may be within SPIN_SPAN, whoever asks for them."""
SPIN_SPAN = 1_000_000_000
"""The span in which such restarts are counted, in nanoseconds."""


# ---- starting ------------------------------------------------------------------------------------------------


def begin(kernel: State, inst: Instance, ended: Callable[[], None] = lambda: None) -> None:
    """Start a subtree: hooks in the order of creation, children before their parent. `ended` is called behind the last of them."""
    order = _post_order(inst)
    if not any(i.code.on_start for i in order):
        for i in order:
            started(kernel, i)
        ended()
        return
    for i in order:
        i.gate |= STARTING
    process(kernel, inst, _starting(kernel, order, ended))


def _post_order(inst: Instance) -> list[Instance]:
    """Return a coglet and all below it, children before their parent."""
    if inst.children is None:
        return [inst]
    found = [one for member in inst.members() for one in _post_order(member)]
    found.append(inst)
    return found


def _starting(kernel: State, order: list[Instance], ended: Callable[[], None] = lambda: None) -> Talk:
    """Run the `on start` hooks of coglets in order, and call `ended` behind the last of them."""
    for inst in order:
        kernel.touch(inst)
        if inst.gate & (STOPPED | STOPPING):
            continue
        for handler in inst.code.on_start:
            try:
                yield from _hook(kernel, inst, handler, None)
            except Exception as error:
                failure = inst.code.failure(inst, error)
                inst.gate &= ~STARTING
                kernel.fail(inst, failure, handler.name, None)
                break
        else:
            started(kernel, inst)
    ended()


def hooks(kernel: State) -> list[str]:
    """Return the hooks under way: of each process the first coglet that it has not started, or not stopped."""
    if kernel.root is None:
        return []
    asking = {asking for _, asking, _ in kernel.calls.values()}
    found = []
    for inst in _post_order(kernel.root):
        if inst in asking or inst.awaits:
            found += [f"{inst.path}: on {word}" for gate, word in _HOOKS if inst.gate & gate]
    return found


_HOOKS = ((STARTING, "start"), (STOPPING, "stop"))


def _hook(kernel: State, inst: Instance, handler: Handler, latest: int | None) -> Talk:
    """Run an `on start` or `on stop`, and its own `else` if it fails; all of it up to the latest instant."""
    arguments = handler.arguments(None)
    METER.step = object()
    try:
        if handler.guard is not None and not truth(handler.guard(inst, *arguments)):
            return
        yield from _owned(inst, bounded(kernel, inst, handler, arguments, latest))
    except Exception as error:
        failure = METER.step = inst.code.failure(inst, error)
        if handler.on_failure is None:
            raise failure from None
        record = failure.record(inst.path, None)
        if latest is not None:
            yield Limit(latest, OUT_OF_TIME)
        yield from _owned(inst, handler.on_failure(inst, *arguments, record))


def bounded(
    kernel: State, inst: Instance, handler: Handler, arguments: tuple[Value, ...], latest: int | None = None
) -> Talk:
    """Run the body of a hook or an `on error` within its timeout, and up to the latest instant."""
    due, words = latest, OUT_OF_TIME
    if handler.timeout is not None:
        own = kernel.now + nanos(handler.timeout(inst), 0)
        if latest is None or own < latest:
            due, words = own, f"`{handler.name}` took longer than its timeout"
    if not handler.waits:
        if due is not None:
            kernel.door.deadline = METER.step, kernel.door.due(kernel.now, due - kernel.now)
        handler.function(inst, *arguments)
        return
    if due is None:
        yield from handler.function(inst, *arguments)
        return
    yield Limit(due, words)
    try:
        yield from handler.function(inst, *arguments)
    except Exception:
        yield Limit(None)
        raise
    yield Limit(None)


def _owned(inst: Instance, generator: Talk) -> Talk:
    """Pass on what a hook asks for as its own coglet's, though the process is that of a whole subtree."""
    resume, value = generator.send, None
    try:
        while True:
            try:
                asked = resume(value)
            except StopIteration:
                return
            asked.owner = inst
            try:
                value = yield asked
                resume = generator.send
            except Failure as failure:
                resume, value = generator.throw, failure
    finally:
        generator.close()


def started(kernel: State, inst: Instance) -> None:
    """Open the gate of a coglet that has started, and arm its timers."""
    inst.gate &= ~STARTING
    if kernel.trace:
        kernel.trace.record("start", inst)
    for handler in inst.code.every:
        periods.arm(kernel, inst, handler)
    if inst.code.unit.bundle.queues:
        queues.attend(kernel, inst)
    if inst.gate or inst.backlog:
        kernel.wake(inst)
        if inst.gate & URGENT:
            kernel.ready.append(inst)


# ---- processes -----------------------------------------------------------------------------------------------


def process(kernel: State, inst: Instance, generator: Talk) -> Activity:
    """Run a generator of hooks like a reaction that belongs to no coglet's turn."""
    activity = Activity(inst, None, generator, None, kernel.cause, False)
    with aside:
        activities.advance(kernel, activity, None, None)
    return activity


# ---- stopping ------------------------------------------------------------------------------------------------


def stop(kernel: State, inst: Instance) -> None:
    """Stop a coglet for good, children first."""
    if inst.gate & (STOPPED | STOPPING):
        return
    pools.forget(kernel, inst)
    process(kernel, inst, _stopping(kernel, inst, for_good=True))


def _stopping(kernel: State, inst: Instance, for_good: bool) -> Talk:
    """Stop a coglet: cancel what is under way, stop its children, run its `on stop` hooks."""
    if inst.gate & STOPPED:
        return
    kernel.touch(inst)
    inst.gate |= STOPPING
    abort(kernel, inst)
    for member in reversed(inst.members()):
        yield from _stopping(kernel, member, True)
    for handler in inst.code.on_stop:
        yield from _run_on_stop(kernel, inst, handler)
    if for_good:
        stopped(kernel, inst)
    else:
        inst.gate &= ~STOPPING


def _run_on_stop(kernel: State, inst: Instance, handler: Handler) -> Talk:
    """Run an `on stop`, for at most 10 s. Its failure is logged, and keeps nothing else from stopping."""
    try:
        yield from _hook(kernel, inst, handler, kernel.now + STOP_DEADLINE)
    except Exception as error:
        failure = inst.code.failure(inst, error)
        if failure.message == OUT_OF_TIME:
            kernel.losses.hooks.append(f"{inst.path}: on stop")
        kernel.log(inst, "error", f"on stop failed: {failure.message}")


def abort(kernel: State, inst: Instance, failure: Failure | None = None, event: Value = None) -> None:
    """Cancel what is under way in a coglet, with its timers. The events at hand become dead letters, and items of queues go back.

    `event` is what the coglet was at when it failed by a `failure`.
    """
    if kernel.unsettled:
        claims.aborted(kernel, inst, failure, event)
    for activity in list(inst.activities or ()):
        if activity.parent is None:
            activity.generator.close()
            activities.leave(kernel, activity)
            if activity.done is not None:  # it handled no event
                continue
            kernel.lose("cancelled")
            if kernel.trace:
                name = activity.handler.name if activity.handler else ""
                kernel.trace.record("dead_letter", inst, port=name, reason="cancelled", data=activity.event)
    inst.activities = None
    kernel.models.abandon(inst)
    for timer in inst.timers or ():
        timer.cancel()
    inst.timers = None
    inst.rest = None
    inst.held = 0
    inst.gate &= ~HELD
    if inst.parked:
        for port in kernel.parked.pop(inst, []):
            if port.waiters and inst in port.waiters:
                port.waiters.remove(inst)
        inst.parked = 0
        inst.gate &= ~PARKED


def stopped(kernel: State, inst: Instance) -> None:
    """Close a coglet for good. What waits for it becomes dead letters; those that wait on it go on."""
    kernel.touch(inst)
    if inst.parent is not None:
        kernel.touch(inst.parent)
    inst.gate = (inst.gate | STOPPED) & ~(STOPPING | STARTING | FAILED | BACKLOG)
    while inst.backlog:
        item = inst.backlog.popleft()
        kernel.discard(item, "stopped")
        if kernel.unsettled:
            claims.give_back_untaken(kernel, item[0], item[1])
    for port in (inst.ports or {}).values():
        if port.waiters:
            port.fill = min(port.fill, port.capacity - 1)
            kernel.release(port)
    if inst.urgent:
        inst.urgent.clear()
        inst.gate &= ~URGENT
    if kernel.trace:
        kernel.trace.record("stop", inst)
        kernel.trace.forget(inst)
    if inst.code.ir.kind == "agent":
        kernel.models.registry.update_status(inst.path, "stopped")
        kernel.models.forget(inst)
    if kernel.outer.active or kernel.outer.pending or kernel.outer.unstarted:
        kernel.outer.gone(inst)
    if inst.parent is None:
        kernel.ended = kernel.ended or "stopped"
        return
    for handler, values in joins.source_stopped(kernel, inst):
        reactions.begin(kernel, inst.parent, handler, values, None)
    assert inst.slot is not None
    if inst.slot.brief:
        _gone(kernel, inst)
        if inst.slot.alone:  # whoever gets this name later is another coglet
            kernel.models.gone(inst.path)
    elif not inst.slot.single:
        inst.slot.members.pop(inst.index, None)
        kernel.models.registry.remove(inst.path)
        if not inst.parent.gate & (STOPPED | STOPPING):
            wiring.rewire(kernel, inst.parent)


def _gone(kernel: State, child: Instance) -> None:
    """Forget a child that is not created again, and end the waits of its parent for it."""
    assert child.parent is not None and child.parent.children is not None
    child.parent.children.pop(child.name, None)
    kernel.opened.sent.pop(child, None)
    for entry in list(child.parent.awaits or ()):
        if entry.label.partition(".")[0] == child.name:
            activities.interrupt(kernel, entry.activity, Failure("stopped", f"`{child.path}` has stopped"))


# ---- restarting ---------------------------------------------------------------------------------------------


def restart(kernel: State, inst: Instance) -> None:
    """Restart a coglet, and those that its parent's strategy ties to it."""
    parent = inst.parent
    if parent is None or inst.gate & STOPPED:
        raise Failure("error", f"`{inst.path}` has stopped; it cannot be restarted")
    if is_spinning(kernel, inst):
        raise spinning(inst)
    if inst.restarts is None:
        inst.restarts = []
    inst.restarts.append(kernel.now)
    if inst.gate & FAILED:
        kernel.losses.restarts[inst.path] += 1
    members = parent.members()
    match parent.code.supervision.strategy:
        case "one_for_one":
            tied = [inst]
        case "one_for_all":
            tied = members
        case "rest_for_one":
            tied = members[members.index(inst) :]
        case never:
            assert_never(never)
    process(kernel, inst, _restarting(kernel, [m for m in tied if not m.gate & STOPPED]))


def is_spinning(kernel: State, inst: Instance) -> bool:
    """Return whether a coglet has been restarted so often in so short a time that it would go on for ever."""
    restarts = inst.restarts or ()
    return len(restarts) >= SPIN and restarts[-SPIN] > kernel.now - SPIN_SPAN


def spinning(inst: Instance) -> Failure:
    """Return the failure of a coglet whose child is restarted without end."""
    return Failure("bound", f"`{inst.path}` was restarted {SPIN} times within a second")


def revive(kernel: State, inst: Instance) -> None:
    """Restart a coglet whose object was lost with the process that had it. This counts as no restart."""
    inst.gate |= FAILED  # no `on stop`: what it would be called on is gone
    process(kernel, inst, _restarting(kernel, [inst]))


def _restarting(kernel: State, tied: list[Instance]) -> Talk:
    """Stop the coglets that restart, in reverse order; then start each with fresh states and children."""
    for inst in reversed(tied):
        kernel.touch(inst)
        inst.gate |= STARTING
        failed_already = inst.gate & FAILED
        abort(kernel, inst)
        for child in reversed(inst.members()):
            yield from _stopping(kernel, child, True)
        if not failed_already:
            inst.gate |= STOPPING
            for handler in inst.code.on_stop:
                yield from _run_on_stop(kernel, inst, handler)
            inst.gate &= ~STOPPING
    for inst in tied:
        inst.gate &= ~FAILED
        inst.failure = None
        inst.forwards = None
        _forget(inst)
        joins.source_lost(kernel, inst)
        kernel.outer.lives("restart", inst)
        if kernel.trace:
            kernel.trace.record("restart", inst, restarts=len(inst.restarts or ()))
            kernel.trace.forget(inst)
        try:
            creation.fill(kernel, inst)
            if kernel.outer.active:
                kernel.outer.join_listens(inst)
        except Exception as error:
            inst.gate &= ~STARTING
            kernel.fail(inst, inst.code.failure(inst, error), "restart", None)
            continue
        order = _post_order(inst)
        for i in order:
            i.gate |= STARTING
        yield from _starting(kernel, order)


def _forget(inst: Instance) -> None:
    """Clear the memory of a coglet's modifiers and joins at the end of its life; keep its inbox."""
    inst.extra = None
    inst.awaits = None
    if inst.ports:
        inst.ports = {k: p for k, p in inst.ports.items() if p.member is None}
        for port in inst.ports.values():
            ports.shortcut(port)
