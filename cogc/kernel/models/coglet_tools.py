"""Tools of a model that a coglet answers, such as `delegate` of a team.

A tool call becomes a message on the internal channel of the answering coglet: `{id, by, tool, input}`. The
conversation gets a `Question` and waits in its list. The coglet answers when it likes, by the program kind `reply`
with the id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel import ports
from cogc.kernel.models.state import Question
from cogc.kernel.objects import STOPPED, STOPPING, Instance
from cogc.language.texts import MARK
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.ir import Program
    from cogc.kernel.objects import Waiter
    from cogc.kernel.state import State
    from cogc.language.values import Value

CHANNEL = f"{MARK}asked"


def ask(kernel: State, inst: Instance, key: str, input: dict[str, Value]) -> Question | Failure:
    """Put a question to the coglet that a program names, by the program's key. Return it, or a Failure if nobody answers."""
    program = inst.code.unit.bundle.programs[key]
    target = _answerer(inst, program)
    if target is None:
        return Failure("error", f"`{program.name}`: no coglet here answers this tool")
    question = kernel.models.questions[kernel.next_call] = Question(kernel.next_call)
    message: Value = {"id": kernel.next_call, "by": inst.path, "tool": program.name, "input": input}
    kernel.next_call += 1
    kernel.admit(ports.port(target, CHANNEL), message)
    return question


def _answerer(inst: Instance, program: Program) -> Instance | None:
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


def reply(kernel: State, id: Value, value: Value) -> list[Waiter]:
    """Put down the answer to a question. Return the list in which the asker waits for it, which is empty if the asker is gone."""
    question = kernel.models.questions.pop(id, None) if isinstance(id, int) else None
    if question is None:
        return []
    question.answer, question.answered = value, True
    return question.waiting
