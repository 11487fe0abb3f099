"""Agents at run time: the commands that steer a conversation, and the sub-agents that one may start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from cogc.kernel import activities, courses, ports
from cogc.kernel.models.partial import NOTHING
from cogc.kernel.objects import Activity, Instance
from cogc.language.closed import assert_never
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.state import State
    from cogc.language.values import Value


AgentCommand: TypeAlias = Literal["pause", "resume", "inject", "cancel"]
COMMANDS: dict[str, AgentCommand] = {"pause": "pause", "resume": "resume", "inject": "inject", "cancel": "cancel"}
"""The commands of an agent that steer its conversation, by their names."""

SAID = "said"
"""The step of a course in which somebody says something to a conversation."""


def control(kernel: State, inst: Instance, command: str, arguments: list[Value]) -> None:
    """Carry out one of an agent's own commands: pause, resume, inject or cancel."""
    known = COMMANDS.get(command)
    if known is None:
        return
    own = kernel.models.agent(inst)
    talk = own.talk()
    match known:
        case "pause":
            own.paused_at = kernel.now if own.paused_at is None else own.paused_at
        case "resume":
            own.paused_once, own.paused_at = own.paused_for(kernel.now), None
            activities.wake(kernel, own.holding)
        case "inject" if talk is not None:
            with courses.done_to(kernel, talk.root, SAID, arguments[0]):
                talk.say(str(arguments[0]))
        case "inject":
            own.injected.append(str(arguments[0]))
        case "cancel":
            for activity in list(inst.activities or ()):
                if activity.parent is None and activity.done is None and activity.failure is None:
                    activities.interrupt(kernel, activity, Failure("cancelled", "the task was cancelled"))
        case _:
            assert_never(known)


def say_again(kernel: State, root: Activity, words: Value) -> None:
    """Say to the conversation of a reaction that is led along its course what somebody has said to it."""
    talk = next(t for t in kernel.models.agent(root.inst).talks if t.outermost and t.root is root)
    talk.say(str(words))


def heard(kernel: State, call: int, inst: Instance, piece: str) -> None:
    """Take a piece of an answer: a text is sent on, of any other answer the value so far if it has changed."""
    kernel.models.heard.setdefault(call)
    partial = kernel.models.partials.get(call)
    value = piece if partial is None else partial.add(piece)
    if value is not NOTHING:
        delta(kernel, inst, value)


def begin_anew(kernel: State) -> None:
    """Tell those who listen to answers that were coming in that these begin anew: the requests are made again."""
    models = kernel.models
    for call in models.heard:
        partial, (_, inst, _) = models.partials.get(call), kernel.calls[call]
        if partial is not None:
            partial.restart()
        delta(kernel, inst, "" if partial is None else None)
    models.heard.clear()


def delta(kernel: State, inst: Instance, value: Value) -> None:
    """Transmit a piece of an answer, or the value so far, on the agent's channel `delta`."""
    emit = kernel.emit if kernel.trace is None else kernel.emit_traced
    emit(inst, inst.code.transmit_names.index("delta"), value)


def delta_type(inst: Instance) -> int:
    """Return the number of the type of an agent's channel `delta`."""
    return inst.code.ir.transmits[inst.code.transmit_names.index("delta")].type


def listened(inst: Instance) -> bool:
    """Return whether a coglet is an agent whose `delta` has a listener."""
    if inst.code.ir.kind != "agent":
        return False
    number = inst.code.transmit_names.index("delta")
    out = inst.outs[number] or ports.out(inst, number)
    return bool(out.targets or out.extra)
