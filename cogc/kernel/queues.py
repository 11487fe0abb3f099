"""Queues of values, as the kernel sees them.

Beside a coglet that listens to a queue runs a consumer, an activity of its own. The consumer claims an item (a call
that waits until there is one), puts it into the port of the queue as a message, and waits until the coglet has
settled it by `done` or `back`. Then it claims the next item. So a coglet has at most one unsettled item of a queue, or
as many as the `concurrent` of its reaction says.

An item whose reaction ends in another way goes back too: its coglet has failed in the `else` of the reaction or elsewhere,
has stopped, or was restarted. `State.unsettled` has the items of each coglet that are claimed and not settled, by claim, with
the inbox of each. An item that still
waits in the inbox of a coglet that restarts stays there, and is handled afterwards.
"""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING, Any

from cogc.ir import QUEUE
from cogc.kernel import failing, ports, reactions, requests
from cogc.kernel.effects import Call, Unclaim
from cogc.kernel.objects import Activity, Instance
from cogc.kernel.waits import CallProgram, WaitIn
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Port
    from cogc.kernel.state import State
    from cogc.kernel.unit import Unit
    from cogc.kernel.waits import Talk
    from cogc.language.values import Value


def attend(kernel: State, inst: Instance) -> None:
    """Start the consumers of the queues that a coglet listens to, when the coglet has started."""
    for channel in inst.code.listens:
        if channel.startswith(QUEUE):
            _start(kernel, inst, channel)


def _start(kernel: State, inst: Instance, channel: str) -> None:
    """Start the consumer of one queue."""
    activity = _consumer(kernel, inst, channel, kernel.cause)
    reactions.advance(kernel, activity, None, None)


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
            failing.fail(kernel, inst, value, f"on {channel.removeprefix(QUEUE)}", None)

    activity.done = over
    requests.beside(activity)
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
        kernel.unsettled.setdefault(inst, {})[_claim(claimed)] = channel
        kernel.admit(port, claimed)


def _claim(item: Any) -> tuple[str, int]:
    """Return what names a claim, of an item `[value, id, token]`."""
    _, id, token = item
    return id, token


def aborted(kernel: State, inst: Instance, failed: bool, event: Value = None) -> None:
    """Give back the items on which a coglet was at work. If it has `failed`, that counts as an attempt.

    With several at work, it counts for the item alone that was the `event` of the failure, if it was one of them.
    """
    claims = kernel.unsettled.get(inst)
    if not claims:
        return
    waiting = {_claim(item) for port, item, _ in (*(inst.backlog or ()), *kernel.messages) if _is_of(port, inst)}
    at_work = [c for c in claims if c not in waiting]
    to_blame = [c for c in at_work if isinstance(event, list) and event[1:] == list(c)] or at_work
    for claim in at_work:
        _give_back(kernel, inst, claim, failed and claim in to_blame)


def _is_of(port: Port, inst: Instance) -> bool:
    return port.inst is inst and port.label.startswith(QUEUE)


def forsaken(kernel: State, port: Port, item: Value) -> None:
    """Give back the item of a message that its coglet will not take any more."""
    if _is_of(port, port.inst) and _claim(item) in kernel.unsettled.get(port.inst, {}):
        _give_back(kernel, port.inst, _claim(item), False)


def _give_back(kernel: State, inst: Instance, claim: tuple[str, int], failed: bool) -> None:
    queue = _queue(kernel.unsettled[inst].pop(claim))
    kernel.effects.append(Unclaim(inst.code.unit, queue, [None, *claim], failed))


def orphaned(kernel: State, activity: Activity, value: object) -> None:
    """Give back an item of a queue whose consumer is gone when the item comes."""
    if type(activity.event) is str and activity.event.startswith(QUEUE) and type(value) is list:
        kernel.effects.append(Unclaim(activity.inst.code.unit, _queue(activity.event), value))


def at_work(kernel: State) -> list[tuple[Unit, str, tuple[str, int]]]:
    """Return the items that coglets have claimed and not settled: the unit and key of the queue, and the claim."""
    return [
        (inst.code.unit, _queue(channel), claim)
        for inst, claims in kernel.unsettled.items()
        for claim, channel in claims.items()
    ]


def _queue(channel: str) -> str:
    """Return the key of the queue whose items come into an inbox."""
    return channel.removeprefix(QUEUE).removesuffix(".dead")


def settled(kernel: State, inst: Instance, key: str, arguments: list[Value]) -> None:
    """Take note of a call that says what became of an item. Let the consumer claim the next one when one is done with.

    Who gives an item back fails, and claims again when it restarts.
    """
    name, _, action = key.rpartition(".")
    if action not in ("done", "back"):
        return
    claim: Any = (arguments[0], arguments[1])
    kernel.unsettled.get(inst, {}).pop(claim, None)
    if action == "back":
        return
    for channel in (f"{QUEUE}{name}", f"{QUEUE}{name}.dead"):
        requests.wake(kernel, kernel.settling.get((inst.path, channel), []))
