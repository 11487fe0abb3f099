"""Tools of a model that a coglet answers: the question is a message of that coglet's, its answer comes by `reply`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.kernel import requests, wiring
from cogc.kernel.objects import STOPPED, STOPPING, Activity, Instance
from cogc.kernel.waits import AskCoglet, Waiter
from cogc.language.texts import MARK
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.ir import Program
    from cogc.kernel.machine import Kernel

CHANNEL = f"{MARK}asked"


class Question:
    """What was asked, until it is answered; those who wait for that."""

    __slots__ = ("answer", "answered", "waiting")

    def __init__(self) -> None:
        self.answer: Any = None
        self.answered = False
        self.waiting: list[Waiter] = []


def ask(kernel: Kernel, activity: Activity, request: AskCoglet) -> None:
    """Put a question to the coglet that a program names; the activity goes on with the `Question`."""
    inst = request.owner or activity.inst
    program = inst.code.unit.bundle.programs[request.program]
    target = _answerer(kernel, inst, program)
    if target is None:
        failure = Failure("error", f"`{program.name}`: there is nobody here to answer it")
        requests.resume(kernel, activity, failure)
        return
    question = kernel.asked[kernel.next_call] = Question()
    message = {"id": kernel.next_call, "by": inst.path, "tool": program.name, "input": request.input}
    kernel.next_call += 1
    kernel.admit(wiring.port(kernel, target, CHANNEL), message)
    requests.resume(kernel, activity, question)


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
    question = kernel.asked.pop(id, None)
    if question is not None:
        question.answer, question.answered = value, True
        requests.wake(kernel, question.waiting)
