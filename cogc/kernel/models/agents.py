"""Agents at run time: the commands that steer a conversation, and the sub-agents that one may start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.kernel import ports, requests
from cogc.kernel.objects import Instance
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.state import State


def control(kernel: State, inst: Instance, command: str, arguments: list[Any]) -> None:
    """Carry out one of an agent's own commands: pause, resume, inject or cancel."""
    own = kernel.models.agent(inst)
    talk = own.talk()
    match command:
        case "pause":
            own.paused_at = kernel.now if own.paused_at is None else own.paused_at
        case "resume":
            own.paused_once, own.paused_at = own.paused_for(kernel.now), None
            requests.wake(kernel, own.holding)
        case "inject" if talk is not None:
            talk.say(arguments[0])
        case "inject":
            own.injected.append(arguments[0])
        case "cancel":
            for activity in list(inst.activities or ()):
                if activity.parent is None and activity.done is None and not activity.in_handler:
                    requests.interrupt(kernel, activity, Failure("cancelled", "the task was cancelled"))


def delta(kernel: State, inst: Instance, text: str) -> None:
    """Transmit a piece of an answer on the agent's channel `delta`."""
    emit = kernel.emit if kernel.trace is None else kernel.emit_traced
    emit(inst, inst.code.transmit_names.index("delta"), text)


def listened(inst: Instance) -> bool:
    """Return whether a coglet is an agent whose `delta` has a listener."""
    if inst.code.ir.kind != "agent":
        return False
    number = inst.code.transmit_names.index("delta")
    out = inst.outs[number] or ports.out(inst, number)
    return bool(out.targets or out.extra)
