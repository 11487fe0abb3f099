"""Coglets that live in the shell's process, as the kernel sees them: it hears what has happened to them.

Each act is an event of its own, `hosted`, with the path of the coglet and the number of the call that it follows from. The
shell has carried the act out; the kernel keeps its tree, its trace and its routes in step. A call that has ended
stays known as a cause for a while (`CAUSES`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.kernel import activities, creation, ports, python, supervision
from cogc.kernel.effects import ChildMessage
from cogc.kernel.models import hosted_ask
from cogc.kernel.objects import STOPPED, STOPPING, Activity, Instance, Slot
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.state import State
    from cogc.kernel.waits import Talk
    from cogc.language.values import Function, Value

CAUSES = 10_000
"""How many calls stay known as causes after their end."""


def hosted(kernel: State, call: int, act: str, path: str, data: tuple[object, ...]) -> None:
    """Take note of an act. One of a coglet that is gone is dropped."""
    inst = _find(kernel, path)
    if inst is None or inst.gate & STOPPED:
        return
    kernel.cause = _cause(kernel, call)
    ACTS[act](kernel, inst, *data)
    if kernel.hot:
        kernel.press(inst)


def _find(kernel: State, path: str) -> Instance | None:
    """Return the coglet at a path, or None."""
    return kernel.opened.hosted.get(path) or kernel.outer.find(path)


def _cause(kernel: State, call: int) -> int:
    """Return the record of the trace from which an act follows."""
    known, causes = kernel.calls.get(call), kernel.opened.causes
    if known is None:
        return causes.get(call, 0)
    causes[call] = known[0].cause
    if len(causes) > CAUSES:
        del causes[next(iter(causes))]
    return known[0].cause


def create(kernel: State, parent: Instance, name: str, kind: str, label: str) -> None:
    """Enter a coglet that was created below another one. It runs from now on."""
    if parent.children is None:
        parent.children = {}
    code = python.undeclared(kernel, parent.code, kind)
    policy = parent.code.unit.policy("never", 0, 0)
    slot = Slot(name, len(parent.children), policy, code, True)
    slot.brief = True
    parent.children[name] = slot
    inst = creation.add_member(kernel, parent, slot, [label])
    kernel.opened.hosted[inst.path] = inst
    supervision.started(kernel, inst)


def transmit(kernel: State, inst: Instance, channel: str, value: Value) -> None:
    """Send a value on a channel to all whom the kernel has linked to it."""
    names, plain = inst.code.transmit_names, channel.replace("-", "_")
    if channel not in names and plain in names:  # as the spec writes it
        channel = plain
    ports.open_out(inst, channel).shared = True
    emit = kernel.emit if kernel.trace is None else kernel.emit_traced
    emit(inst, names.index(channel), value)


def heard(kernel: State, inst: Instance, channel: str, value: Value) -> None:
    """Take note of a message that a coglet has taken."""
    if kernel.trace:
        kernel.cause = kernel.trace.record("deliver", inst, port=channel, data=value)
    if kernel.outer.active:
        ports.port(inst, channel)  # which lays links and taps over it
    for forward in (inst.forwards or {}).get(channel, ()):
        kernel.hand_on(forward, value)


def command(kernel: State, inst: Instance, name: str, data: Value) -> None:
    """Take note of a command that a coglet has taken."""
    if kernel.trace:
        kernel.trace.record("command", inst, command=name, data=data)


def log(kernel: State, inst: Instance, level: str, value: Value) -> None:
    """Log a value."""
    kernel.log(inst, level, value)


def restart(kernel: State, inst: Instance) -> None:
    """Take note that another object has taken the place of a coglet's."""
    kernel.outer.lives("restart", inst)
    if kernel.trace:
        kernel.trace.record("restart", inst)


def stop(kernel: State, inst: Instance) -> None:
    """Close a coglet that has stopped."""
    if not inst.gate & STOPPING:
        for below in reversed(inst.members()):
            stop(kernel, below)
        kernel.opened.hosted.pop(inst.path, None)
        supervision.abort(kernel, inst)
        supervision.stopped(kernel, inst)


def fail(kernel: State, inst: Instance, where: str, message: str) -> None:
    """Let a coglet fail, as its supervisor decides."""
    kernel.fail(inst, Failure("program", f"{inst.code.name} ({where}): {message}"), where, None)


def opaque(kernel: State, inst: Instance, type: str) -> None:
    """Take note that an object went from one coglet to another: the journal does not hold it, so that the run cannot
    be resumed from it."""
    kernel.opened.opaque = True


def ask(kernel: State, inst: Instance, token: int, request: dict[str, Value]) -> None:
    """Ask a model. The reply, or the Failure, goes back by the token."""

    def done(value: object) -> None:
        kernel.effects.append(ChildMessage(token, value))

    around = Activity(inst, None, _nothing(), None, kernel.cause, False)
    activities.start(kernel, around, inst, hosted_ask.asking(kernel, inst, request), done)


def _nothing() -> Talk:
    return
    yield


ACTS: dict[str, Function] = {
    f.__name__: f for f in (create, transmit, heard, command, log, restart, stop, fail, opaque, ask)
}
"""The reports, by the word for it in the journal."""
