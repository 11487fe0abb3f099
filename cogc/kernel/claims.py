"""The items of queues that coglets have claimed and not settled.

`State.unsettled` has the items of each coglet, by claim, with the inbox of each. An item is settled by `done` or `back`. An
item whose reaction ends in another way goes back too: its coglet has failed in the `else` of the reaction or elsewhere, has
stopped, or was restarted. An item that still waits in the inbox of a coglet that restarts stays there, and is handled
afterwards. Nothing here lets a coglet go on: the consumers of `queues.py` do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.ir import QUEUE
from cogc.kernel.effects import Unclaim

if TYPE_CHECKING:
    from cogc.kernel.objects import Activity, Instance, Port, Waiter
    from cogc.kernel.state import State
    from cogc.kernel.unit import Unit
    from cogc.language.values import Failure, Value


def claim_of(item: Any) -> tuple[str, int]:
    """Return what names a claim, of an item `[value, id, token]`."""
    _, id, token = item
    return id, token


def aborted(kernel: State, inst: Instance, failure: Failure | None, event: Value = None) -> None:
    """Give back the items on which a coglet was at work. If it has failed by a `failure`, that counts as an attempt.

    With several at work, it counts for the item alone that was the `event` of the failure, if it was one of them.
    """
    claims = kernel.unsettled.get(inst)
    if not claims:
        return
    waiting = {claim_of(item) for port, item, _ in (*(inst.backlog or ()), *kernel.messages) if _is_of(port, inst)}
    at_work = [c for c in claims if c not in waiting]
    to_blame = [c for c in at_work if isinstance(event, list) and event[1:] == list(c)] or at_work
    for claim in at_work:
        _give_back(kernel, inst, claim, failure if claim in to_blame else None)


def _is_of(port: Port, inst: Instance) -> bool:
    return port.inst is inst and port.label.startswith(QUEUE)


def give_back_untaken(kernel: State, port: Port, item: Value) -> None:
    """Give back the item of a message that its coglet will not take any more."""
    if _is_of(port, port.inst) and claim_of(item) in kernel.unsettled.get(port.inst, {}):
        _give_back(kernel, port.inst, claim_of(item), None)


def _give_back(kernel: State, inst: Instance, claim: tuple[str, int], failure: Failure | None) -> None:
    queue = _queue(kernel.unsettled[inst].pop(claim))
    why: Value = None
    if failure is not None:
        why = {"kind": failure.kind, "message": failure.message, "path": inst.path, "at": kernel.moment(inst)}
    kernel.effects.append(Unclaim(inst.code.unit, queue, [None, *claim], why))


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
    return channel.removeprefix(QUEUE).removesuffix(".dead").removesuffix(".failed")


def settled(kernel: State, inst: Instance, key: str, arguments: list[Value]) -> list[list[Waiter]]:
    """Take note of a call that says what became of an item. Return the lists in which its consumers wait for that: they may claim the next.

    Who gives an item back fails, and claims again when it restarts.
    """
    name, _, action = key.rpartition(".")
    if action not in ("done", "back"):
        return []
    claim: Any = (arguments[0], arguments[1])
    kernel.unsettled.get(inst, {}).pop(claim, None)
    if action == "back":
        return []
    channels = (f"{QUEUE}{name}", f"{QUEUE}{name}.dead", f"{QUEUE}{name}.failed")
    return [kernel.settling.get((inst.path, channel), []) for channel in channels]
