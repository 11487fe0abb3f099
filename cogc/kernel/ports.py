"""Ports of the kernel's own: steps that wait in the queue of messages for their turn.

A step is not a message of the program. Its label is a word for traces only: no link, no `await` and no report finds a
step by its label, whatever the channels of a program are called.
"""

from __future__ import annotations

from collections.abc import Callable

from cogc.kernel.objects import STEP, Instance, Port


def step(inst: Instance, label: str, act: Callable[[], object]) -> Port:
    """Return a port whose one message carries out `act` in the turn of a coglet."""
    port = Port(inst, label, STEP)
    port.simple = lambda _inst, _message: act()
    return port
