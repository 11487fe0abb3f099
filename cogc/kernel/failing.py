"""Failures: how a coglet fails, who decides about it, and what follows if nobody does.

**The model.** A failure takes one way. `fail` cuts the coglet off from its events: everything under way in it is
cancelled, its gate is FAILED, and messages to it wait in its backlog. The failure then stands in `Instance.failure`
as a `FailureReport`, which keeps where it arose while it moves up the tree. It waits there for a decision.

**Who decides**, in this order:

1. the parent's `on error(child)` reactions, one after the other (`decide`), or for a child that a Python class has
   created the class's `on_child_error` (`_judged`). Restart, stop and escalate are decisions; a reaction that does
   nothing of these leaves the decision open;
2. the child's `restart` policy (`policy`): a restart after a backoff, as long as the limits of the child and of its
   supervisor allow one more;
3. the parent, which fails with the same report, and so on up to the root. A failure of the root ends the run.

A body decides by `stop`, `restart` and `escalate` (`lifecycle`). `stop self` is answered by the policy too if that is `always`.

A failure of kind `budget` is never answered by a restart: the restarted coglet would meet the same budget.

**The backoff** doubles with each restart within the limit's span, up to a minute, and is shortened by up to a quarter
at random, from the coglet's own stream of random numbers. A timer carries the restart out. It does nothing if the
coglet was restarted or stopped in the meantime.

**The invariants.**

- A coglet that is FAILED or STOPPED does not fail again: the first report counts.
- A decision is about one report. One that comes late (the child has failed anew, was stopped, came back) is dropped.
- A failure of `on error` itself fails the parent, with both messages.
- `fail` never runs a user's code. `on error` runs in a process of its own, ahead of the parent's data.

**A worked example.** `Main` has `create w = Worker { restart: on_error }` and `on error(w) as e when e.kind ==
"timeout" { restart w }`; `w` fails with kind `program`.

1. `fail` aborts `w`, sets FAILED, and puts a `ChildFailed` ahead of the data of `Main`.
2. In the turn of `Main`, `decide` runs the reaction: its guard does not hold, so nothing is decided.
3. `policy` allows a restart: a timer is set, about 0.1 s ahead.
4. The timer fires: `supervision.restart` gives `w` fresh states and opens its gate. Its backlog is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel import joins, supervision
from cogc.kernel.effects import LogLine
from cogc.kernel.objects import FAILED, STOPPED, STOPPING, ChildFailed, FailureReport, Instance
from cogc.kernel.ports import outside_step
from cogc.kernel.program import ChildCode, Handler, nanos
from cogc.kernel.timers import Timer
from cogc.kernel.waits import CallProgram
from cogc.language.functions import truth
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk
    from cogc.language.values import Function, Value

MAX_RESTARTS = 3
"""How many restarts a child may have within WITHIN, if its declaration does not say."""
WITHIN = 60_000_000_000
"""The span in which restarts are counted, in nanoseconds."""
BACKOFF = 100_000_000
"""The pause before a first restart, in nanoseconds."""
LONGEST_BACKOFF = 60_000_000_000
"""The longest pause before a restart, in nanoseconds."""


def fail(
    kernel: State,
    inst: Instance,
    failure: Failure,
    reaction: str,
    event: Value,
    report: FailureReport | None = None,
) -> None:
    """Fail a coglet: cut it off from its events until its parent, its policy or an ancestor has decided.

    A step that a coglet has outside of its own turn (`outside_step`) fails that coglet.
    """
    if inst.slot is None and inst.parent is not None:
        inst = inst.parent
    if inst.gate & (STOPPED | FAILED):
        return
    kernel.touch(inst)
    report = report or FailureReport(failure, inst.path, reaction, event, inst.code.unit.place(failure.at))
    if kernel.trace:
        what, kind, at = failure.message, failure.kind, report.place
        kernel.cause = kernel.trace.record("fail", inst, error=what, error_kind=kind, reaction=reaction, at=at)
        if report.path == inst.path:
            kernel.trace.record("dead_letter", inst, port=reaction, reason="failed", data=event)
    kernel.lose("failed")
    if kernel.outer.pending:
        kernel.outer.failed(inst, failure, event)
    supervision.abort(kernel, inst, failure, event)
    inst.gate |= FAILED
    inst.failure = report
    kernel.outer.lives("fail", inst)
    if inst.parent is not None:
        kernel.touch(inst.parent)
    joins.source_lost(kernel, inst)
    parent = inst.parent
    if parent is None:
        kernel.report = report
        kernel.ended = "failed"
        return
    if parent.gate & (STOPPED | STOPPING | FAILED):
        return
    report.restarts = len(inst.restarts or ())
    assert inst.slot is not None
    if parent.code.errors.get(inst.slot.name) or inst.slot.decided:
        kernel.put_ahead(parent, ChildFailed(inst, report, kernel.cause), first=True)
    else:
        policy(kernel, inst, report)


def decide(kernel: State, parent: Instance, child: Instance, report: FailureReport) -> None:
    """Run the parent's `on error`; if it decides nothing, the child's policy does."""
    if not child.gate & FAILED or child.failure is not report:
        return
    assert child.slot is not None
    record = {
        "child": child.slot.name,
        "index": None if child.slot.single else child.index,
        "path": report.path,
        "kind": report.failure.kind,
        "message": report.failure.message,
        "event": report.event,
        "restarts": report.restarts,
    }
    supervision.process(kernel, parent, _deciding(kernel, parent, child, report, record))


def _deciding(
    kernel: State, parent: Instance, child: Instance, report: FailureReport, record: dict[str, Value]
) -> Talk:
    """Run the reactions to the failure of a child until one decides; then let the policy decide."""
    assert child.slot is not None
    if child.slot.decided:
        yield from _judged(kernel, parent, child, report, record)
        return
    for handler in parent.code.errors[child.slot.name]:
        parent.failure = report
        arguments = handler.arguments(record)
        try:
            yield from _run_on_error(kernel, parent, handler, arguments, record)
        except Exception as error:
            parent.failure = None
            second = parent.code.failure(parent, error)
            fail(kernel, parent, _both(second, report), handler.name, record)
            return
        finally:
            if parent.failure is report and not parent.gate & FAILED:  # with `escalate` the parent has failed by it
                parent.failure = None
        if _decided(parent, child, report):
            return
    policy(kernel, child, report)


def _run_on_error(
    kernel: State, parent: Instance, handler: Handler, arguments: tuple[Value, ...], record: dict[str, Value]
) -> Talk:
    """Run one `on error`, and its own `else` if it fails."""
    try:
        if handler.guard is not None and not truth(handler.guard(parent, *arguments)):
            return
        yield from supervision.bounded(kernel, parent, handler, arguments)
    except Exception as error:
        failure = parent.code.failure(parent, error)
        if handler.on_failure is None:
            raise failure from None
        yield from handler.on_failure(parent, *arguments, failure.record(parent.path, record))


def _both(second: Failure, report: FailureReport) -> Failure:
    """Return the failure of a coglet that failed while it decided on another one."""
    what = f"{second.message}; while deciding on: {report.failure.message}"
    return Failure(second.kind, what, second.at, second.trace)


def _decided(parent: Instance, child: Instance, report: FailureReport) -> bool:
    """Return whether a failure is decided: the child comes back or stops, or the parent has failed with it."""
    return child.failure is not report or bool(child.gate & (STOPPED | STOPPING) or parent.gate & (FAILED | STOPPED))


def _judged(kernel: State, parent: Instance, child: Instance, report: FailureReport, record: dict[str, Value]) -> Talk:
    """Let the class of a Python coglet decide about a child that it has created."""
    try:
        word = yield CallProgram(parent.code.ir.python, ["error", child.name, record])
        if word == "restart":
            supervision.restart(kernel, child)
        elif word == "stop":
            supervision.stop(kernel, child)
        elif word == "escalate":
            known = child.failure
            assert known is not None
            fail(kernel, parent, known.failure, known.reaction, known.event, known)
    except Failure as second:
        fail(kernel, parent, _both(second, report), "on_child_error", record)
        return
    if not _decided(parent, child, report):
        policy(kernel, child, report)


def policy(kernel: State, inst: Instance, report: FailureReport) -> None:
    """Restart a child after a backoff if its `restart` policy and the limits allow it; else fail the parent."""
    slot, parent = inst.slot, inst.parent
    assert slot is not None and parent is not None
    spec: ChildCode = slot.spec
    if spec.spec.restart != "never" and supervision.is_spinning(kernel, inst):
        fail(kernel, parent, _both(supervision.spinning(inst), report), report.reaction, report.event)
        return
    allowed = spec.spec.restart != "never" and report.failure.kind != "budget" and _within_limits(kernel, inst)
    if slot.alone and (not allowed or inst in kernel.outer.unstarted):
        _stop_alone(kernel, inst, report)
        return
    if not allowed:
        fail(kernel, parent, report.failure, report.reaction, report.event, report)
        return
    count = len(inst.restarts or ())
    base = nanos(_setting(inst, spec.backoff), BACKOFF)
    delay = min(LONGEST_BACKOFF, base << min(count, 20))
    jitter = kernel.stream(inst.path, "backoff").random() / 4
    due = kernel.now + int(delay * (1 - jitter))
    inst.gate |= FAILED
    if kernel.trace:
        kernel.trace.record("backoff", inst, delay=(due - kernel.now) / 1e9)

    def now(_a: object, _b: object) -> None:
        if inst.gate & FAILED and inst.failure is report and not inst.gate & STOPPED:
            supervision.restart(kernel, inst)

    inst.failure = report
    kernel.timers.add(due, Timer(now, inst))


def _stop_alone(kernel: State, inst: Instance, report: FailureReport) -> None:
    """Stop a coglet that has failed, for which nobody above it answers, and say so."""
    said = f"it failed, and is stopped: {report.failure.message}"
    if inst not in kernel.outer.unstarted:  # else whoever has created it is told
        kernel.effects.append(LogLine("error", report.path, said, kernel.now))
    inst.failure = report
    kernel.admit(outside_step(inst, "stop", lambda: supervision.stop(kernel, inst)), None)


def _setting(inst: Instance, value: Function | None) -> Value:
    """Return a setting of a child's `create`, in which the item that the child was made for may be named; None without one."""
    slot = inst.slot
    assert slot is not None
    if value is None:
        return None
    spec: ChildCode = slot.spec
    found: Value = value(inst.parent, slot.items[inst.index]) if spec.each else value(inst.parent)
    return found


def _within_limits(kernel: State, inst: Instance) -> bool:
    """Return whether the child's own limit and its supervisor's allow one more restart."""
    slot, parent = inst.slot, inst.parent
    assert slot is not None and parent is not None
    spec: ChildCode = slot.spec
    given = _setting(inst, spec.max_restarts)
    most = given if isinstance(given, int) else MAX_RESTARTS
    within = nanos(_setting(inst, spec.within), WITHIN)
    inst.restarts = [t for t in inst.restarts or () if t > kernel.now - within]
    if len(inst.restarts) >= most:
        return False
    rule = parent.code.supervision
    if rule.max_restarts is None:
        return True
    unit = parent.code.unit
    limit = unit.value(rule.max_restarts, parent)
    span = nanos(unit.value(rule.within, parent), WITHIN) if rule.within else WITHIN
    recent = [t for m in parent.members() for t in m.restarts or () if t > kernel.now - span]
    return bool(len(recent) < limit)


# ---- what a body decides ----------------------------------------------------------------------------------------


def lifecycle(kernel: State, inst: Instance, action: str, child: str, index: int | None) -> None:
    """Carry out `stop`, `restart` or `escalate` of a body."""
    if action == "escalate":
        deciding = inst.failure
        if deciding is not None:
            inst.failure = None
            fail(kernel, inst, deciding.failure, deciding.reaction, deciding.event, deciding)
        else:
            raise Failure("error", "escalated")
        return
    if not child:
        _stop_self(kernel, inst)
        return
    assert inst.children is not None
    slot = inst.children[child]
    deciding = inst.failure
    targets = list(slot.members.values())
    if index is not None:
        targets = [slot.member(index)]
    elif action == "restart" and deciding is not None and not slot.single:
        failed_ones = [m for m in targets if m.failure is deciding]
        targets = failed_ones or targets
    for target in targets:
        if action == "stop":
            supervision.stop(kernel, target)
        else:
            supervision.restart(kernel, target)


def _stop_self(kernel: State, inst: Instance) -> None:
    """Carry out `stop self`: end the reaction first, then the coglet. With `restart: always` it comes back."""
    kernel.touch(inst)
    inst.gate |= STOPPING

    def go() -> None:
        inst.gate &= ~STOPPING
        slot = inst.slot
        if slot is not None and slot.spec.spec.restart == "always":
            policy(kernel, inst, FailureReport(Failure("stopped", "it stopped itself"), inst.path, "", None, ""))
        else:
            supervision.stop(kernel, inst)

    kernel.admit(outside_step(inst, "stop", go), None)
