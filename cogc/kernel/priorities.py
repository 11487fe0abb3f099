"""Random orders: probabilistic concurrency testing (PCT) over coglets.

Each coglet gets a random priority, and of all heads the one whose coglet has the highest is next. At `depth - 1` events,
chosen at random beforehand, the coglet that has just run falls behind all others. An order that needs `d` constraints is
found in one run with a probability of at least 1 / (n * k ** (d - 1)), for `n` coglets and `k` events.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogc.kernel.machine import Kernel
from cogc.kernel.picking import PickingKernel

if TYPE_CHECKING:
    from cogc.kernel.chains import Chain
    from cogc.kernel.machine import Find
    from cogc.kernel.objects import Instance

LENGTH = 64
"""The events among which priorities change, if nobody knows how many events a run has."""


_LOWEST = float("-inf")


def ordered(seed: int) -> Callable[..., Kernel]:
    """Return what makes the kernel of a run whose order of events follows from a seed; seed 0 is the usual order."""
    if not seed:
        return Kernel

    def make(*arguments: Any, **others: Any) -> Kernel:
        return PickingKernel(*arguments, pick=Priorities(seed), records=False, **others)

    return make


class Priorities:
    """A pick by random priorities: the same for the same seed and the same program."""

    def __init__(self, seed: int, depth: int | None = None, length: int = LENGTH) -> None:
        self.random = random.Random(f"orders/{seed}")
        self.levels: dict[Instance, float] = {}
        depth = 1 + seed % 3 if depth is None else depth
        self.changes = {self.random.randrange(1, max(2, length)) for _ in range(depth - 1)}
        self.lowest = 0.0

    def __call__(self, kernel: PickingKernel, heads: list[Chain]) -> Chain:
        if kernel.event + 1 in self.changes and kernel.actor is not None:
            for chain in heads:
                self._level(chain)
            self.lowest -= 1.0
            self.levels[kernel.actor] = self.lowest
        get, best, highest, several = self.levels.get, heads[0], _LOWEST, False
        for chain in heads:
            level = get(chain.inst)
            if level is None:
                level = self._level(chain)
            if level > highest:
                best, highest, several = chain, level, False
            elif chain.inst is best.inst:
                several = True
        return kernel.default([c for c in heads if c.inst is best.inst]) if several else best

    def written(self, find: Callable[[str], Instance | None]) -> Any:
        """Return the state as JSON values. The priorities of coglets that are there no more do not matter."""
        version, numbers, gauss = self.random.getstate()
        there = ((inst.path, inst, level) for inst, level in self.levels.items())
        levels = [[path, level] for path, inst, level in there if find(path) is inst]
        return [[version, list(numbers), gauss], levels, self.lowest]

    def read(self, data: Any, find: Find) -> None:
        """Take up a state that `written` has returned."""
        (version, numbers, gauss), levels, self.lowest = data
        self.random.setstate((version, tuple(numbers), gauss))
        self.levels = {find(path): level for path, level in levels}

    def twin(self) -> Priorities:
        """Return another one of the same seed, which has picked nothing."""
        made = Priorities(0)
        made.changes = self.changes
        return made

    def _level(self, chain: Chain) -> float:
        """Return the priority of the coglet of a chain, which is drawn at its first use."""
        found = self.levels.get(chain.inst)
        if found is None:
            found = self.levels[chain.inst] = self.random.random()
        return found
