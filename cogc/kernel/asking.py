"""Tools of a model that a coglet answers: the question is a message of that coglet's, its answer comes by `reply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.kernel import requests, wiring
from cogc.kernel.code import Request
from cogc.kernel.objects import STOPPED, STOPPING, Activity, Instance
from cogc.kernel.values import Failure

if TYPE_CHECKING:
    from cogc.ir import Program
    from cogc.kernel.machine import Kernel

CHANNEL = "asked_"


def ask(kernel: Kernel, activity: Activity, request: Request) -> None:
    """Put a question to the coglet that a program names, and wait for its reply."""
    program, inst = kernel.bundle.programs[request.program], request.owner or activity.inst
    given, limit = request.arguments
    target = _answerer(kernel, inst, program)
    if target is None:
        failure = Failure("error", f"`{program.name}`: there is nobody here to answer it")
        requests.resume(kernel, activity, failure)
        return
    kernel.asked[kernel.next_call] = (activity, activity.turn)
    message = {"id": kernel.next_call, "by": inst.path, "tool": program.name, "input": given}
    kernel.next_call += 1
    requests.pause(kernel, activity, limit)
    kernel.admit(wiring.port(kernel, target, CHANNEL), message)


def _answerer(kernel: Kernel, inst: Instance, program: Program) -> Instance | None:
    """The coglet that answers: a child of the asking coglet or of one around it, else one around it that listens."""
    around: Instance | None = inst
    while around is not None:
        if around.gate & (STOPPED | STOPPING):
            return None
        slot = (around.children or {}).get(str(program.argument))
        if slot is not None and (child := slot.only()) is not None:
            return child
        if not program.argument and around is not inst and CHANNEL in around.code.listens:
            return around
        around = around.parent
    return None


def reply(kernel: Kernel, id: int, value: Any) -> None:
    """Who asked goes on with the answer; nobody does where it is gone by now."""
    waiting = kernel.asked.pop(id, None)
    if waiting is not None:
        requests.resume(kernel, waiting[0], value, waiting[1])
