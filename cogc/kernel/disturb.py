"""Disturbances: what a test or an exploration does to a running system, as events from outside.

`act` does one of them, as the journal of a test has it: a message or a command for any coglet, as it comes from its parent, or one
of the disturbances proper; `spent` counts what judges of the test have used of its models. `crash` fails a coglet as a step of its own would. `arm` lets something befall the next messages of a port or of an output:
they are lost (`drop`), or come twice (`duplicate`), as on a network that promises less than the kernel does.

A disturbed port is off the fast path of the loop (`ports.shortcut`), so that a system without disturbances pays nothing. An output is disturbed by a target that stands in the place of all its targets until the last
disturbance has happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cogc.kernel import commands, ports
from cogc.kernel.models.budget import Usage
from cogc.kernel.namespace import ABSENT
from cogc.kernel.objects import Disturbance
from cogc.language.closed import assert_never
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Instance, Item, Out, Port
    from cogc.kernel.state import State
    from cogc.language.values import Value

Act: TypeAlias = Literal["crash", "arm", "send", "command", "spent"]


def instances(kernel: State, path: list[tuple[str, int | None]]) -> list[Instance]:
    """Return the coglets that a path of names and indexes below the root leads to, the members of a pool in order."""
    found = [] if kernel.root is None else [kernel.root]
    for name, index in path:
        below = []
        for inst in found:
            slot = (inst.children or {}).get(name)
            if slot is None:
                raise Failure("error", f"`{inst.path}` has no child `{name}`")
            below += list(slot.members.values()) if index is None else [slot.member(index)]
        found = below
    return found


def act(kernel: State, what: Act, inst: Instance, *data: Any) -> None:
    """Do something to a coglet. `data` are values that a journal can hold."""
    match what:
        case "crash":
            crash(kernel, inst)
        case "arm":
            arm(kernel, inst, *data)
        case "send":
            send(kernel, inst, *data)
        case "command":
            name, arguments = data
            command(kernel, inst, name, [given[0] if given else ABSENT for given in arguments])
        case "spent":
            for program, model, numbers in data[0]:
                _spent(kernel, program, model, numbers)
        case _:
            assert_never(what)


def send(kernel: State, inst: Instance, channel: str, message: Value) -> None:
    """Send a message, which fits its channel, to a listen channel of a coglet."""
    with kernel.door:
        kernel.cause = 0
        if kernel.trace:
            kernel.cause = kernel.trace.record("input", inst, cause=0, channel=channel, data=message)
        kernel.admit(ports.port(inst, channel), message)


def command(kernel: State, inst: Instance, name: str, arguments: list[Any]) -> None:
    """Give a command to a coglet. An argument that is left out is ABSENT."""
    with kernel.door:
        kernel.cause = 0
        commands.command(kernel, inst.parent or inst, inst, name, arguments)


def crash(kernel: State, inst: Instance) -> None:
    """Fail a coglet, as an error in a step of it would."""
    with kernel.door:
        kernel.fail(inst, Failure("crash", "crashed by the test"), "crash", None)


def _spent(kernel: State, program: str, model: str, numbers: list[float]) -> None:
    """Count what somebody beside the system has used of a model, in the name of the run."""
    used = Usage()
    used.set(numbers)
    kernel.models.usage(program, model).merge(used)
    kernel.models.budget.usage.merge(used)


def arm(kernel: State, inst: Instance, channel: str, twice: bool, count: int) -> None:
    """Let the next messages of a listen or a transmit channel of a coglet get lost, or come twice."""
    if channel in inst.code.listens:
        port = ports.port(inst, channel)
        port.disturbance = Disturbance(twice, count)
        ports.shortcut(port)
    else:
        _arm_out(kernel, ports.out_named(inst, channel), Disturbance(twice, count))


def befalls(kernel: State, item: Item) -> bool:
    """Carry out the disturbance of a port on a message whose turn has come. Return whether the message is gone."""
    port, value, cause = item
    disturbance = port.disturbance
    assert disturbance is not None
    disturbance.left -= 1
    if not disturbance.left:
        port.disturbance = None
    if not disturbance.twice:
        kernel.discard(item, "dropped")
        return True
    port.fill += 1
    kernel.messages.append((port, value, cause))
    return False


def _arm_out(kernel: State, out: Out, disturbance: Disturbance) -> None:
    """Put a target in the place of those of an output, until the disturbance is over."""
    targets, extra = out.targets, out.extra

    def hand_on(value: Value) -> None:
        disturbance.left -= 1
        if not disturbance.left:
            out.lead_to(targets, extra)
        if not disturbance.twice:
            kernel.lose("dropped")
            if kernel.trace:
                kernel.trace.record("drop", out.inst, port=out.name, reason="dropped", data=value)
        else:
            for _ in range(2):
                _send(kernel, targets, value)
                for target in extra or ():
                    target(value)

    out.lead_to((), [hand_on])


def _send(kernel: State, targets: tuple[Port, ...], value: Value) -> None:
    for port in targets:
        kernel.push(port, value)
