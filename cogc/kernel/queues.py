"""The consumers of queues.

Beside a coglet that listens to a queue runs a consumer, an activity of its own. The consumer claims an item (a call
that waits until there is one), puts it into the port of the queue as a message, and waits until the coglet has
settled it by `done` or `back`. Then it claims the next item. So a coglet has at most one unsettled item of a queue, or
as many as the `concurrent` of its reaction says. `claims.py` keeps the items that are claimed and not settled.
"""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING

from cogc.ir import QUEUE
from cogc.kernel import activities, ports, requests
from cogc.kernel.claims import claim_of
from cogc.kernel.effects import Call
from cogc.kernel.objects import Activity, Instance
from cogc.kernel.waits import CallProgram, WaitIn
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk


def attend(kernel: State, inst: Instance) -> None:
    """Start the consumers of the queues that a coglet listens to, when the coglet has started."""
    for channel in inst.code.listens:
        if channel.startswith(QUEUE):
            _start(kernel, inst, channel)


def _start(kernel: State, inst: Instance, channel: str) -> None:
    """Start the consumer of one queue."""
    activity = _consumer(kernel, inst, channel, kernel.cause)
    activities.advance(kernel, activity, None, None)


def attend_again(kernel: State, inst: Instance, channel: str, call: int, cause: int) -> Call | None:
    """Start the consumer of one queue where it waits: for an item, by a call that is under way, or until one is settled. Return the call."""
    activity = _consumer(kernel, inst, channel, cause)
    activity.turn = 1
    request = next(activity.generator)
    if isinstance(request, CallProgram):
        return requests.under_way(kernel, activity, request, call)
    requests.carry_out(kernel, activity, request)
    return None


def is_consumer(activity: Activity) -> bool:
    """Return whether an activity is the consumer of a queue."""
    generator = activity.generator
    return isinstance(generator, GeneratorType) and generator.gi_code is _consume.__code__


def _consumer(kernel: State, inst: Instance, channel: str, cause: int) -> Activity:
    """Return a consumer of one queue that has not begun. If it fails, the coglet fails."""
    activity = Activity(inst, None, _consume(kernel, inst, channel), channel, cause, False)

    def over(value: object) -> None:
        if isinstance(value, Failure):
            kernel.fail(inst, value, f"on {channel.removeprefix(QUEUE)}", None)

    activity.done = over
    activities.beside(activity)
    return activity


def _consume(kernel: State, inst: Instance, channel: str) -> Talk:
    """Claim items one after the other, and hand each to the coglet."""
    port = ports.port(inst, channel)
    handler = port.handlers[0]
    while True:
        most = 1 if handler.concurrent is None else handler.concurrent(inst)
        while list(kernel.unsettled.get(inst, {}).values()).count(channel) >= max(most, 1):
            yield WaitIn(kernel.settling.setdefault((inst.path, channel), []))
        claimed = yield CallProgram(handler.trigger.claims, [])
        kernel.unsettled.setdefault(inst, {})[claim_of(claimed)] = channel
        kernel.admit(port, claimed)
