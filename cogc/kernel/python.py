"""Coglets in Python, as the kernel sees them: while a method runs, the shell reports what the method does.

Each report is an event from outside with the number of the method's call, so that a replay needs no Python. What a
class creates is declared nowhere: such a coglet is open, its channels are made when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc import ir
from cogc.kernel import activities, commands, creation, ports, supervision
from cogc.kernel.effects import ChildMessage
from cogc.kernel.objects import STARTING, STOPPED, STOPPING, Instance, Port, Slot
from cogc.kernel.timers import following
from cogc.kernel.unit import CogletCode
from cogc.kernel.waits import AwaitMessage
from cogc.language.values import Failure
from cogc.lowering import methods

if TYPE_CHECKING:
    from cogc.kernel.shapes import Child
    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk
    from cogc.language.values import Function, Value


# ---- what a method reports -----------------------------------------------------------------------------------


def transmit(kernel: State, inst: Instance, call: int, channel: str, value: Value) -> None:
    """Transmit a value for a method. Raise Failure if it does not have the channel's type."""
    if inst.code.ir.open:
        ports.open_out(inst, channel)
        number = inst.code.transmit_names.index(channel)
    elif channel in inst.code.transmit_names:
        number = inst.code.transmit_names.index(channel)
        value = inst.code.unit.checked(inst.code.ir.transmits[number].type, value, f"`{channel}`")
    else:
        raise Failure("type", f"`{inst.code.name}` has no transmit channel `{channel}`")
    emit = kernel.emit if kernel.trace is None else kernel.emit_traced
    emit(inst, number, value)


def log(kernel: State, inst: Instance, call: int, level: str, value: Value) -> None:
    """Log a value for a method."""
    kernel.log(inst, level, value)


def every(kernel: State, inst: Instance, call: int, timers: list[tuple[str, int]]) -> None:
    """Arm the timers of a class's methods: `[[name, nanoseconds]]`."""
    for name, period in timers:
        arm(kernel, inst, name, period, kernel.now + period)


def arm(kernel: State, inst: Instance, name: str, period: int, due: int) -> None:
    """Arm one timer, which arms itself again each time it fires."""

    def fire(_a: object, _b: object) -> None:
        kernel.cause = 0
        kernel.admit(ports.port(inst, ir.TICKS), name)
        arm(kernel, inst, name, period, following(due, period, kernel.now))

    kernel.arm(inst, due, fire, ("python", name, period))


def create(kernel: State, inst: Instance, call: int, made: int, what: Child) -> str:
    """Create a child for a method and return its name. `made` is the number by which the shell knows its class."""
    name, child = what["name"], undeclared(kernel, inst.code, what["name"])
    if inst.children is None:
        inst.children = {}
    policy = inst.code.unit.policy(what["restart"], what["max_restarts"], what["backoff"])
    slot = Slot(_free(kernel, inst, name), len(inst.children), policy, child, True)
    slot.brief, slot.decided = True, bool(what["decided"])
    inst.children[slot.name] = slot
    creation.add_member(kernel, inst, slot, [made]).gate |= STARTING
    return slot.name


def begin(kernel: State, inst: Instance, call: int, children: list[str]) -> None:
    """Start children that a method has created and wired."""
    for name in children:
        child = ((inst.children or {})[name]).only()
        if child is not None and not child.gate & (STOPPED | STOPPING):
            supervision.begin(kernel, child)


def _free(kernel: State, inst: Instance, name: str) -> str:
    """Return a name that no child of this coglet has had: a handle leads to one child for ever."""
    count = kernel.opened.created[inst.path, name] = kernel.opened.created.get((inst.path, name), 0) + 1
    return name if count == 1 else f"{name}-{count}"


def undeclared(kernel: State, maker: CogletCode, name: str) -> CogletCode:
    """Return the code of a class that is declared nowhere, by the coglet that creates a child of it."""
    key = f"{maker.ir.python}.{name}"
    anything = maker.unit.bundle.programs[maker.ir.python].result
    return kernel.open_code(maker.unit, key, lambda: methods.undeclared(name, maker.ir.python, anything))


def follow(kernel: State, inst: Instance, call: int, child: str, channel: str, method: str) -> None:
    """Observe a child's channel for another method, or (where `method` is empty) for the method itself."""
    member, label = _child(inst, child), f"{child}.{channel}"
    if inst.ports is None:
        inst.ports = {}
    port = inst.ports.get(label)
    if port is None:
        port = inst.ports[label] = Port(inst, label, ())
        port.member = member
        source = ports.open_out(member, channel) if member.code.ir.open else ports.out_named(member, channel)
        ports.add_target(source, port)
    if method:
        reaction = methods.hears(inst.code.ir.python, "follow", label, method=method)
        port.handlers = (*port.handlers, ports.open_handler(inst.code, reaction))


def next(kernel: State, inst: Instance, call: int, child: str, channel: str, token: int) -> None:
    """Wait for the next value on a child's channel; the value is delivered to the method by a token."""
    member = inst.children.get(child) if inst.children is not None else None
    if member is None or child not in inst.children:  # type: ignore[operator]
        kernel.effects.append(ChildMessage(token, None, True))
        return

    def waiting() -> Talk:
        return (yield AwaitMessage(ir.Port("child_transmit", channel, child), None, None))

    def done(value: object) -> None:
        kernel.effects.append(ChildMessage(token, value, isinstance(value, Failure)))

    kernel.opened.listeners[token] = activities.start(kernel, kernel.calls[call][0], inst, waiting(), done)


def forget(kernel: State, inst: Instance, call: int, token: int) -> None:
    """Give up a method's wait."""
    waiting = kernel.opened.listeners.pop(token, None)
    if waiting is not None and waiting.alive:
        waiting.generator.close()
        activities.leave(kernel, waiting)


def guide(kernel: State, inst: Instance, call: int, child: str, command: str, data: Value) -> None:
    """Give a child a command for a method. It goes ahead of other data, but not ahead of what methods have sent to the child."""
    target = _child(inst, child)
    ports.open_command(target.code, command)

    def give() -> None:
        commands.command(kernel, inst, target, command, [data])

    waiting = kernel.opened.sent[target] = [p for p in kernel.opened.sent.pop(target, ()) if p.fill]
    if waiting:
        kernel.admit(ports.step(target, "command", give), None)
    else:
        del kernel.opened.sent[target]
        give()


def send(kernel: State, inst: Instance, call: int, child: str, channel: str, value: Value) -> None:
    """Send a child a message for a method."""
    target = ports.port(_child(inst, child), channel)
    if kernel.trace:
        kernel.cause = kernel.trace.record("send", inst, to=f"{child}.{channel}", data=value)
    kernel.push(target, value)
    waiting = kernel.opened.sent.setdefault(target.inst, [])
    if target not in waiting:
        waiting.append(target)


def link(kernel: State, inst: Instance, call: int, source: str, said: str, target: str, heard: str) -> None:
    """Link a channel of a child to one of another for a method."""
    out = ports.open_out(_child(inst, source), said)
    ports.add_target(out, ports.port(_child(inst, target), heard))


def stop(kernel: State, inst: Instance, call: int, child: str) -> None:
    """Stop a child for a method."""
    supervision.stop(kernel, _child(inst, child))


def _child(inst: Instance, name: str) -> Instance:
    """Return a child by its name. Raise Failure if it has stopped."""
    slot = (inst.children or {}).get(name)
    found = slot.only() if slot is not None else None
    if found is None:
        raise Failure("error", f"`{inst.path}/{name}` has stopped")
    return found


REPORTS: dict[str, Function] = {
    f.__name__: f for f in (transmit, log, every, create, begin, follow, next, forget, guide, send, link, stop)
}
"""The reports of methods, by the word for it in the journal."""


def reported(kernel: State, call: int, kind: str, data: tuple[object, ...]) -> object:
    """Take what a method reports while its call runs. Raise Failure to refuse it."""
    known = kernel.calls.get(call)
    if known is None or not known[0].alive:
        return None
    activity, inst, _ = known
    kernel.cause = activity.cause
    answer = REPORTS[kind](kernel, inst, call, *data)
    if kernel.hot:
        kernel.press(inst)
    return answer
