"""The additions of orders to a system, as its snapshots have them: units, coglets with their policies, and links.

An order (`orders.py`) creates a coglet of any unit below another one. Its slot is `alone`. So a snapshot has the units that
the kernel holds with their whole texts, the channels and commands that its open coglets have got, and for each slot its unit, its key and its policy: what the order had. An order `call` may be under way: its
coglet is there, and what the coglet says on the channels of the call is its answer, or news of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc import built, ir
from cogc.kernel import orders, ports
from cogc.kernel.objects import Slot
from cogc.kernel.outer import Link
from cogc.kernel.unit import Unit

if TYPE_CHECKING:
    from cogc.kernel.machine import Kernel


def written(kernel: Kernel) -> dict[str, Any]:
    """Return the units that the kernel holds for orders, whether or not a coglet of them is there, what open coglets have got while they ran, and the links."""
    return {
        "units": [[digest, built.encode(unit.bundle).decode()] for digest, unit in kernel.outer.units.items()],
        "opened": [
            [digest(kernel, unit), key, ports.opened(code), list(code.transmit_names)]
            for (unit, key), code in kernel.opened.codes.items()
        ],
        "links": [list(link) for links in kernel.outer.links.values() for link in links],
        "calls": [[number, path, list(channels)] for number, (path, channels) in kernel.outer.calls().items()],
    }


def digest(kernel: Kernel, unit: Unit) -> str:
    """Return the digest by which orders name a unit; an empty text for the unit of the run itself."""
    return next((d for d, known in kernel.outer.units.items() if known is unit), "")


def unit_of(kernel: Kernel, digest: str) -> Unit:
    """Return the unit of a digest."""
    return kernel.outer.units[digest] if digest else kernel.unit


def slot(kernel: Kernel, slot: Slot) -> list[Any]:
    """Return what an order has said of a coglet: the digest of its unit, its key, its number below its parent, and its policy."""
    policy = slot.spec.spec
    assert isinstance(policy.max_restarts, ir.Const) and isinstance(policy.backoff, ir.DurationConst)
    return [
        digest(kernel, slot.code.unit),
        slot.code.key,
        slot.number,
        policy.restart,
        policy.max_restarts.value,
        policy.backoff.nanos,
    ]


def slot_again(
    kernel: Kernel, name: str, digest: str, key: str, number: int, restart: ir.Restart, most: int, backoff: int
) -> Slot:
    """Return the slot of a coglet that an order has created."""
    unit = unit_of(kernel, digest)
    made = Slot(name, number, unit.policy(restart, most, backoff), kernel.code(unit, key), True)
    made.brief = made.alone = True
    return made


def adopt(kernel: Kernel, data: dict[str, Any]) -> None:
    """Let a new kernel hold the units, and give the code of open coglets what it had got."""
    for digest, text in data.get("units", ()):
        if digest not in kernel.outer.units:
            kernel.adopt(digest, Unit(built.decode(text.encode())))
    for digest, key, got, transmits in data.get("opened", ()):
        code = kernel.code(unit_of(kernel, digest), key)
        for kind, name in got:
            (ports.open_listen if kind == "listen" else ports.open_command)(code, name)
        code.transmit_names += [name for name in transmits if name not in code.transmit_names]


def link(kernel: Kernel, data: dict[str, Any]) -> None:
    """Make the links again, and let the calls wait, once the coglets are there."""
    for source, said, target, heard in data.get("links", ()):
        orders.lay(kernel, Link(source, said, target, heard))
    for number, path, channels in data.get("calls", ()):
        inst = kernel.outer.find(path)
        if inst is not None:
            orders.await_answer(kernel, inst, number, channels)
