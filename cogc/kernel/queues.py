"""Queues of values, as the kernel sees them.

Beside a coglet that listens to a queue runs a consumer, an activity of its own. The consumer claims an item (a call
that waits until there is one), puts it into the port of the queue as a message, and waits until the coglet has
settled it by `done` or `back`. Then it claims the next item. So a coglet has at most one unsettled item of a queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.ir import QUEUE
from cogc.kernel import failing, ports, reactions, requests
from cogc.kernel.effects import Unclaim
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
    """Start the consumer of one queue. If it fails, the coglet fails."""
    activity = Activity(inst, None, _consume(kernel, inst, channel), channel, kernel.cause, False)

    def over(value: object) -> None:
        if isinstance(value, Failure):
            failing.fail(kernel, inst, value, f"on {channel.removeprefix(QUEUE)}", None)

    activity.done = over
    requests.beside(activity)
    reactions.advance(kernel, activity, None, None)


def _consume(kernel: State, inst: Instance, channel: str) -> Talk:
    """Claim items one after the other, and hand each to the coglet."""
    key = channel.removeprefix(QUEUE)
    port = ports.port(inst, channel)
    take = key if key.endswith(".dead") else f"{key}.take"
    while True:
        claimed = yield CallProgram(take, [])
        kernel.admit(port, claimed)
        yield WaitIn(kernel.settling.setdefault((inst.path, channel), []))


def orphaned(kernel: State, activity: Activity, value: object) -> None:
    """Give back an item of a queue whose consumer is gone when the item comes."""
    if type(activity.event) is str and activity.event.startswith(QUEUE) and type(value) is list:
        queue = activity.event.removeprefix(QUEUE).removesuffix(".dead")
        kernel.effects.append(Unclaim(activity.inst.code.unit, queue, value))


def settled(kernel: State, inst: Instance, key: str) -> None:
    """Let the consumer claim the next item when one is done with. Who gives an item back fails, and claims again when it restarts."""
    name = key.rpartition(".")[0]
    for channel in (f"{QUEUE}{name}", f"{QUEUE}{name}.dead"):
        requests.wake(kernel, kernel.settling.get((inst.path, channel), []))
