"""The acts of a test on a coglet of its system: a message and a command, as they come from its parent."""

from __future__ import annotations

from typing import Any

from cogc.kernel import ports, reactions
from cogc.kernel.objects import Instance
from cogc.kernel.state import State


def send(kernel: State, inst: Instance, channel: str, message: Any) -> None:
    """Send a message, which fits its channel, to a listen channel of a coglet."""
    with kernel.door:
        kernel.cause = 0
        if kernel.trace:
            kernel.cause = kernel.trace.record("input", inst, cause=0, channel=channel, data=message)
        kernel.admit(ports.port(inst, channel), message)


def command(kernel: State, inst: Instance, name: str, arguments: list[Any]) -> None:
    """Give a command to a coglet."""
    with kernel.door:
        kernel.cause = 0
        reactions.command(kernel, inst.parent or inst, inst, name, arguments)
