"""The parts that the benchmarks share: programs from text, runs in turn, rows with ratios."""

from __future__ import annotations

import gc
import resource
import statistics
import time
from collections.abc import Callable

from cogc.compile import analyse, program
from cogc.diagnostics.problems import Problems
from cogc.disk.files import read
from cogc.ir import Bundle
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit

ROUNDS = 5


def bundle(text: str, root: str | None = None) -> Bundle:
    """Return the program of a text."""

    def reader(path: str) -> bytes:
        return read(path) if path.startswith("std/") or path.endswith(".py") else text.encode()

    problems = Problems()
    made = program(analyse(["bench.cog"], reader, problems), root)
    assert made is not None, [d.message for d in problems.found]
    return made


def kernel(text: str, traced: bool = False) -> Kernel:
    """Return a started system."""
    made = Kernel(Unit(bundle(text)), traced=traced)
    made.start({})
    made.run()
    return made


def seconds(action: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def cpu(action: Callable[[], object]) -> float:
    """Return the seconds of this process and of those that it has waited for, which do not grow with what else the machine does."""

    def used() -> float:
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    gc.collect()
    began = used()
    action()
    return used() - began


def fixed() -> None:
    """Do a fixed piece of work in plain Python, about two milliseconds of it: a measure of the machine at this moment."""
    found: dict[int, int] = {}
    for i in range(20_000):
        found[i & 255] = i * 3 ^ found.get((i + 1) & 255, 0)


def alternate(rounds: int, *actions: Callable[[], float]) -> list[float]:
    """Return the median of each action, run in turns: A B A B."""
    found: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for i, action in enumerate(actions):
            found[i].append(action())
    return [statistics.median(f) for f in found]


def row(what: str, ours: str, ratio: float, peer: str, goal: float | None, unit: str = "x") -> None:
    """Print a row: the measure, its value, its ratio to a peer, the goal and whether it is met."""
    verdict = "" if goal is None else f"   goal {goal:g}{unit} {'met' if ratio <= goal else 'MISSED'}"
    print(f"{what:<44} {ours:>14}   {ratio:7.2f}{unit} of {peer:<22}{verdict}", flush=True)
