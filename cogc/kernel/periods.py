"""Timers of `every` and `after`: a grid from the start of the coglet, or the times of day.

A timer has a port of its own for its messages. A tick is skipped if an earlier one still waits or runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel.objects import Instance, Port
from cogc.kernel.program import Handler, nanos
from cogc.kernel.timers import Timer, following
from cogc.language.limits import outside
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.state import State


def arm(kernel: State, inst: Instance, handler: Handler) -> None:
    """Arm an `every` or `after`: a grid from the coglet's start, or the times of day."""
    assert handler.trigger.value is not None
    given = inst.code.unit.value(handler.trigger.value, inst)
    period = nanos(given, 0)
    once = handler.trigger.kind == "after"
    if not once and (wanted := outside("every", given)):
        raise Failure("error", f"the period of `{handler.name}` must be {wanted}", handler.reaction.at)
    due = kernel.now + max(0, period) if once else _next(kernel, handler, period)
    arm_again(kernel, tick_port(inst, handler), period, due)


def tick_port(inst: Instance, handler: Handler) -> Port:
    """Return a port for the messages of a timer."""
    return Port(inst, handler.name, (handler,), 1 << 60)


def arm_again(kernel: State, port: Port, period: int, due: int) -> None:
    """Arm an `every` or `after` whose period is known, for an instant. `port` takes its messages."""
    inst, handler = port.inst, port.handlers[0]
    once = handler.trigger.kind == "after"
    timer = Timer(None, port, period, ("tick",))

    def fire(port: Port, period: int) -> None:
        if not once:
            kernel.timers.add(_next(kernel, handler, period), timer)
        _tick(kernel, port)

    timer.function = fire
    kernel.timers.add(due, timer)
    if inst.timers is None:
        inst.timers = []
    inst.timers.append(timer)


def follow_clock(kernel: State, before: int) -> None:
    """Arm the timers of times of day anew, after the clock was set: the run began at `before` by the clock as it was.

    A time of day that was passed over is made up, at once. One that comes a second time, since the clock was set back by less than a
    period, is left out.
    """
    armed = [(due, timer) for due, timers in sorted(kernel.timers.buckets.items()) for timer in timers]
    for due, timer in armed:
        if timer.function is None or timer.what != ("tick",) or not timer.first.handlers[0].trigger.time_of_day:
            continue
        if before - kernel.epoch < timer.second:
            again = max(kernel.now, before + due - kernel.epoch)
        else:
            again = _next(kernel, timer.first.handlers[0], timer.second)
        kernel.timers.move(due, again, timer)


def _next(kernel: State, handler: Handler, period: int) -> int:
    """Return the instant at which a timer is due next."""
    if not handler.trigger.time_of_day:
        due = following(kernel.now - kernel.lag, period, kernel.now)
        kernel.skipped += (due - kernel.now + kernel.lag) // period - 1
        return due
    from datetime import timedelta

    from cogc.language.clock import next_at, parse_time_of_day
    from cogc.language.values import Time, moment, time_of

    seconds, zone = parse_time_of_day(handler.trigger.time_of_day)
    after = moment(Time(kernel.epoch + kernel.now))
    days = max(1, round(period / 86_400_000_000_000))
    found = next_at(after, seconds, zone)
    if days > 1 and kernel.now:  # from half a day before, so that a change of clocks does not move it
        found = next_at(found + timedelta(days=days - 1, hours=-12), seconds, zone)
    return time_of(found).nanos - kernel.epoch


def _tick(kernel: State, port: Port) -> None:
    """Queue the message of a timer. The tick is skipped if an earlier one still waits or runs."""
    inst = port.inst
    handler = port.handlers[0]
    running = port.fill
    if not running and handler.waits and handler.concurrent is None and inst.activities:
        running = any(a.handler is handler for a in inst.activities)
    if running:
        kernel.skipped += 1
        if kernel.trace:
            kernel.trace.record("skip", inst, cause=0, port=port.label)
        return
    port.fill = 1
    cause = kernel.trace.record("tick", inst, cause=0, port=port.label) if kernel.trace else 0
    kernel.messages.append((port, None, cause))
