"""Urgent entries: commands, and errors of children.

An urgent entry goes ahead of the data that waits for its coglet, and errors of children go ahead of commands (`State.put_ahead`). A token in
the message queue gives the coglet its turn; the first turn takes all entries.
"""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING

from cogc.kernel import failing
from cogc.kernel.models import agents
from cogc.kernel.namespace import ABSENT
from cogc.kernel.objects import (
    FAILED,
    HELD,
    STARTING,
    STOPPED,
    STOPPING,
    URGENT,
    ChildFailed,
    Command,
    Instance,
    Urgent,
)
from cogc.kernel.program import Handler
from cogc.kernel.reactions import begin, begin_with, memory
from cogc.language.closed import assert_never
from cogc.language.meter import METER, Interrupted
from cogc.language.values import hidden

if TYPE_CHECKING:
    from cogc.kernel.state import State
    from cogc.language.values import Value


def command(kernel: State, sender: Instance, target: Instance, name: str, arguments: list[Value]) -> None:
    """Give a command: it goes ahead of the data that waits."""
    if target.gate & (STOPPED | STOPPING):
        _lost(kernel, target, Command(name, arguments, kernel.cause), "stopped")
        return
    cause = kernel.cause
    if kernel.trace:
        cause = kernel.trace.record(
            "guide", sender, to=target.path, command=name, data=_given(kernel, target, name, arguments)
        )
    kernel.put_ahead(target, Command(name, arguments, cause))


def _given(kernel: State, inst: Instance, command: str, arguments: list[Value]) -> list[Value]:
    """Return the arguments of a command for a trace: absent ones as null, private ones hidden."""
    given = [None if a is ABSENT else a for a in arguments]
    if not kernel.private:
        return given
    names = next((h.reaction.parameters for h in inst.code.commands.get(command, ())), ())
    return [hidden({p.name: a}, kernel.private)[p.name] for p, a in zip(names, given, strict=True)] if names else given


def take_urgent(kernel: State, inst: Instance) -> None:
    """Take all commands and errors that wait, each as a step."""
    while inst.urgent and not inst.gate & (STARTING | FAILED | STOPPING | STOPPED):
        if isinstance(inst.urgent[0], Command) and inst.gate & HELD and inst.code.ir.python:
            return  # methods of one object run one after the other
        entry = inst.urgent.popleft()
        if not inst.urgent:
            inst.gate &= ~URGENT
        kernel.cause = entry.cause
        METER.step = entry
        try:
            _take(kernel, inst, entry)
        except Interrupted as end:
            end.counted = True
            if isinstance(entry, Command) and not was_ended(inst):
                _lost(kernel, inst, entry, "cancelled")
            raise
        if kernel.hot:
            kernel.press(inst)
    if not inst.urgent:
        inst.gate &= ~URGENT


def was_ended(inst: Instance) -> bool:
    """Return whether a reaction of a coglet that waits was ended from outside. The stop of the coglet counts its event."""
    return any(isinstance(a.generator, GeneratorType) and a.generator.gi_frame is None for a in inst.activities or ())


def _take(kernel: State, inst: Instance, entry: Urgent) -> None:
    """Carry out a command, or decide on the failure of a child."""
    match entry:
        case ChildFailed(child=child, report=report):
            failing.decide(kernel, inst, child, report)
        case Command(name=name, arguments=arguments):
            _command(kernel, inst, name, arguments)
        case _:
            assert_never(entry)


def _lost(kernel: State, inst: Instance, command: Command, reason: str) -> None:
    """Count a command that will not be carried out, as a dead letter."""
    kernel.lose(reason)
    if kernel.trace:
        given = _given(kernel, inst, command.name, command.arguments)
        kernel.trace.record("dead_letter", inst, port=command.name, reason=reason, data=given)


def _command(kernel: State, inst: Instance, name: str, arguments: list[Value]) -> None:
    """Carry out a command: run its reactions, and those that count ticks."""
    suppressed = inst.code.ir.suppressed
    if suppressed and name in inst.states[suppressed[1]] and name not in ("suppress", "unsuppress"):
        kernel.skipped += 1
        if kernel.trace:
            kernel.trace.record(
                "drop", inst, port=name, reason="suppressed", data=_given(kernel, inst, name, arguments)
            )
        return
    if kernel.trace:
        kernel.cause = kernel.trace.record(
            "command", inst, cause=kernel.cause, command=name, data=_given(kernel, inst, name, arguments)
        )
    for handler in inst.code.commands.get(name, ()):
        values = []
        for parameter, value in zip(handler.reaction.parameters, arguments, strict=True):
            if value is ABSENT:
                assert parameter.default is not None
                value = inst.code.unit.value(parameter.default, inst)
            values.append(value)
        if inst.code.ir.kind == "agent":
            agents.control(kernel, inst, name, values)
        begin_with(kernel, inst, handler, tuple(values) if values else (None,), dict(zip_names(handler, values)))
    if name == "tick":
        for handler in inst.code.ticks:
            _tick(kernel, inst, handler)


def zip_names(handler: Handler, values: list[Value]) -> list[tuple[str, Value]]:
    return [(p.name, v) for p, v in zip(handler.reaction.parameters, values, strict=True)]


def _tick(kernel: State, inst: Instance, handler: Handler) -> None:
    """Count a tick for a reaction `every N ticks`."""
    own = memory(inst, handler)
    own.count += 1
    period = inst.code.unit.value(handler.trigger.value, inst) if handler.trigger.value else 1
    if own.count >= period:
        own.count = 0
        begin(kernel, inst, handler, None, None)
