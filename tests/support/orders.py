"""Give orders to a kernel, and read how they end."""

from __future__ import annotations

from typing import Any

from cogc.kernel.effects import OrderDone
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import Instance
from cogc.kernel.unit import Unit

POLICY = {"restart": "on_error", "max_restarts": 3, "backoff": 100_000_000}


def guest(kernel: Kernel, unit: Unit, name: str = "guest", number: int = 1, **parameters: Any) -> Instance:
    """Create the root coglet of a unit below the root of a kernel, and return it."""
    assert kernel.root is not None
    kernel.adopt(unit.bundle.hash + str(id(unit)), unit)
    digest, key = unit.bundle.hash + str(id(unit)), unit.bundle.root
    kernel.order(number, "create", kernel.root.path, digest, key, name, parameters, POLICY)
    found = kernel.outer.find(f"{kernel.root.path}/{name}")
    assert found is not None
    return found


def done(kernel: Kernel) -> dict[int, Any]:
    """Run a kernel until it has nothing to do. Return how the orders have ended, by their numbers."""
    kernel.run()
    ended = {e.number: e.answer for e in kernel.effects if isinstance(e, OrderDone)}
    kernel.effects = [e for e in kernel.effects if not isinstance(e, OrderDone)]
    return ended
