"""Coglets in Python, as the kernel sees them: while a method runs, its coglet is told what it did.

Each of these is an event from outside with the number of the method's call, so that a replay needs no Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogc.ir import TICKS
from cogc.kernel import reactions, wiring
from cogc.kernel.objects import Instance
from cogc.kernel.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.machine import Kernel


def transmit(kernel: Kernel, call: int, channel: str, value: Any) -> None:
    """A method has sent a value; a Failure if it is not of the channel's type."""
    inst = _caller(kernel, call)
    if inst is None:
        return
    if channel not in inst.code.transmit_names:
        raise Failure("type", f"`{inst.code.name}` has no transmit channel `{channel}`")
    number = inst.code.transmit_names.index(channel)
    checked = kernel.checked(inst.code.ir.transmits[number].type, value, f"`{channel}`")
    emit = kernel.emit if kernel.trace is None else kernel.emit_traced
    emit(inst, number, checked)
    if kernel.hot:
        kernel.press(inst)


def log(kernel: Kernel, call: int, level: str, value: Any) -> None:
    """A method has logged a value."""
    inst = _caller(kernel, call)
    if inst is not None:
        kernel.log(inst, level, value)


def every(kernel: Kernel, call: int, timers: list[list[Any]]) -> None:
    """A class has methods that run so often: `[[name, nanoseconds]]`."""
    inst = _caller(kernel, call)
    for name, period in timers if inst is not None else ():
        assert inst is not None
        _arm(kernel, inst, name, period, kernel.now + period)


def _arm(kernel: Kernel, inst: Instance, name: str, period: int, due: int) -> None:
    def fire(_a: Any, _b: Any) -> None:
        kernel.cause = 0
        kernel.admit(wiring.port(kernel, inst, TICKS), name)
        _arm(kernel, inst, name, period, due + period)

    reactions.arm(kernel, inst, due, fire)


def _caller(kernel: Kernel, call: int) -> Instance | None:
    """The coglet whose method a call is, while it runs."""
    known = kernel.calls.get(call)
    if known is None or not known[0].alive:
        return None
    kernel.cause = known[0].cause
    return known[1]


TOLD: dict[str, Callable[..., None]] = {"transmit": transmit, "log": log, "every": every}
"""What may be told of a method, by the word for it in the journal."""
