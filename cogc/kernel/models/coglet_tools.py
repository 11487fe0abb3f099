"""Tools of a model that a coglet answers, such as `delegate` of a team.

A tool call becomes a message on the internal channel of the answering coglet: `{id, by, tool, input}`. The
conversation gets a `Question` and waits in its list. The coglet answers when it likes, by the program kind `reply`
with the id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel import ports, requests
from cogc.kernel.models.state import Question
from cogc.kernel.objects import STOPPED, STOPPING, Activity, Instance
from cogc.kernel.waits import AskCoglet
from cogc.language.texts import MARK
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.ir import Program
    from cogc.kernel.state import State
    from cogc.language.values import Value

CHANNEL = f"{MARK}asked"


def ask(kernel: State, activity: Activity, request: AskCoglet) -> None:
    """Put a question to the coglet that a program names; the activity goes on with the `Question`."""
    inst = requests.asking_coglet(activity, request)
    program = inst.code.unit.bundle.programs[request.program]
    target = _answerer(kernel, inst, program)
    if target is None:
        failure = Failure("error", f"`{program.name}`: no coglet here answers this tool")
        requests.resume(kernel, activity, failure)
        return
    question = kernel.models.questions[kernel.next_call] = Question()
    message: Value = {"id": kernel.next_call, "by": inst.path, "tool": program.name, "input": request.input}
    kernel.next_call += 1
    kernel.admit(ports.port(target, CHANNEL), message)
    requests.resume(kernel, activity, question)


def _answerer(kernel: State, inst: Instance, program: Program) -> Instance | None:
    """Return the coglet that answers: a child of the asking coglet or of one around it, else one around it that
    listens."""
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


def reply(kernel: State, id: Value, value: Value) -> None:
    """Resume the asker with the answer; drop the answer if the asker is gone."""
    question = kernel.models.questions.pop(id, None) if isinstance(id, int) else None
    if question is not None:
        question.answer, question.answered = value, True
        requests.wake(kernel, question.waiting)
