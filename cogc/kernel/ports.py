"""Ports of the kernel's own: steps that wait in the queue of messages for their turn.

A step is not a message of the program. Its label is a word for traces only: no link, no `await` and no report finds a
step by its label, whatever the channels of a program are called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cogc import ir
from cogc.kernel.objects import STEP, Instance, Out, Port
from cogc.kernel.program import DEFAULT_CAPACITY, Handler, label
from cogc.kernel.unit import CogletCode
from cogc.lowering import methods

if TYPE_CHECKING:
    from cogc.kernel.host import Services
    from cogc.language.values import Target, Value


def step(inst: Instance, label: str, act: Callable[[], object]) -> Port:
    """Return a port whose one message carries out `act` in the turn of a coglet."""
    port = Port(inst, label, STEP)
    port.simple = lambda _inst, _message: act()
    return port


def outside_step(inst: Instance, label: str, act: Callable[[], object]) -> Port:
    """Return a port whose one message carries out `act` for a coglet whose gate may be closed.

    The step has an instance of its own, which is always free. Its parent is the coglet that fails if the step does.
    """
    free = Instance(inst.kernel, inst.code, "", 0, inst, None, [])
    return step(free, label, act)


# ---- inboxes and outputs --------------------------------------------------------------------------------------


def out(inst: Instance, number: int) -> Out:
    """Return an output channel of a coglet, made at its first use."""
    found = inst.outs[number]
    if found is None:
        found = inst.outs[number] = Out(inst, inst.code.transmit_names[number])
        outer = inst.kernel.outer
        if outer.active:
            outer.join(found)
    return found


def out_named(inst: Instance, name: str) -> Out:
    """Return an output channel of a coglet by its name."""
    return out(inst, inst.code.transmit_names.index(name))


def port(inst: Instance, channel: str) -> Port:
    """Return the port of a listen channel of a coglet, made at its first use."""
    if inst.ports is None:
        inst.ports = {}
    found = inst.ports.get(channel)
    if found is None:
        if inst.code.ir.open:
            open_listen(inst.code, channel)
        capacity, overflow, _ = inst.code.listens[channel]
        size = DEFAULT_CAPACITY if capacity is None else max(1, capacity(inst))
        handlers = tuple(inst.code.observers.get(channel, ()))
        found = inst.ports[channel] = Port(inst, channel, handlers, size, overflow)
        outer = inst.kernel.outer
        if outer.active:
            outer.join_listen(inst, channel)
        shortcut(found)
    return found


def shortcut(port: Port) -> None:
    """Set the one function that does all there is to do for a message of a listen channel or of a child's: the function of its only
    reaction, or that of its only forward. Call this whenever one of them may have changed.
    """
    forwards = port.inst.forwards
    forward = None if forwards is None or port.own else forwards.get(port.label)
    port.simple = None
    if port.disturbance is not None:
        return
    if not forward:
        port.simple = port.handlers[0].simple if len(port.handlers) == 1 else None
    elif not port.handlers and len(forward) == 1:
        port.simple = _passing(port.inst.kernel, forward[0])


def _passing(kernel: Services, target: Port | Target) -> Callable[[Instance, Value], object]:
    """Return the function of a port whose messages go to one target."""
    if isinstance(target, Port):
        push = kernel.push
        return lambda _inst, message: push(target, message)
    return lambda _inst, message: target(message)


def observe_port(parent: Instance, member: Instance, channel: str, handlers: tuple[Handler, ...]) -> Port:
    """Return the port on which a parent hears one channel of one child. It stays the same for the life of the child."""
    if parent.ports is None:
        parent.ports = {}
    assert member.slot is not None
    name = label(ir.Port("child_transmit", channel, member.slot.name))
    key = name if member.slot.single else f"{member.slot.name}[{member.index}].{channel}"
    found = parent.ports.get(key)
    if found is None or found.member is not member:
        capacity = next(t.capacity for t in member.code.ir.transmits if t.name == channel)
        size = DEFAULT_CAPACITY if capacity is None else max(1, member.code.unit.value(capacity, member))
        found = parent.ports[key] = Port(parent, name, handlers, size)
        found.member = member
    return found


def add_target(source: Out, target: Port | Target) -> None:
    """Add a target to an output channel."""
    if isinstance(target, Port):
        source.lead_to((*source.targets, target), source.extra)
    else:
        source.lead_to(source.targets, [*(source.extra or ()), target])


# ---- open coglets ---------------------------------------------------------------------------------------------


def open_listen(code: CogletCode, channel: str) -> None:
    """Give an open coglet a listen channel."""
    if channel not in code.listens:
        code.listens[channel] = (None, "block", _anything(code))
        code.observers[channel] = [open_handler(code, methods.hears(code.ir.python, "listen", channel))]


def open_command(code: CogletCode, command: str) -> None:
    """Give an open coglet a command."""
    if command not in code.commands:
        bare = methods.obeys_any(code.ir.python, command, _anything(code))
        code.commands[command] = [open_handler(code, bare)]


def open_out(inst: Instance, channel: str) -> Out:
    """Return an output channel of an open coglet, made at its first use."""
    names = inst.code.transmit_names
    if channel not in names:
        names.append(channel)
    number = names.index(channel)
    while len(inst.outs) <= number:
        inst.outs.append(None)
    return out(inst, number)


def open_handler(code: CogletCode, reaction: ir.Reaction) -> Handler:
    """Return a handler for a reaction that an open coglet gets while it runs."""
    code.handlers += 1
    return Handler(code.coder, code.ir, reaction, reaction.triggers[0], code.handlers)


def opened(code: CogletCode) -> list[tuple[str, str]]:
    """Return the listen channels and commands that an open coglet has got while it ran, in their order."""
    declared = sum(len(reaction.triggers) for reaction in code.ir.reactions)
    tables = {"listen": code.observers, "command": code.commands}
    found = [
        (handler.key, kind, name)
        for kind, table in tables.items()
        for name, handlers in table.items()
        for handler in handlers
        if handler.key > declared
    ]
    return [(kind, name) for _, kind, name in sorted(found)]


def _anything(code: CogletCode) -> int:
    """Return the number of the type `any`, which the calls of an open coglet's methods return."""
    return code.unit.bundle.programs[code.ir.python].result
