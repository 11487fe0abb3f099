"""Exploration of orders: schedules a second, runs up to a failure, and peers on the same problems where they are installed.

`peers.py` has the peers on the same problems.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import peers
from bench.common import bundle, fixed, row
from cogc.explore.search import Limits, explore
from cogc.explore.shrink import Shrinker
from cogc.explore.systematic import Systematic
from cogc.explore.trial import SpecTrial, Wanted
from cogc.kernel.chains import Book
from cogc.kernel.picking import PickingKernel
from cogc.kernel.priorities import Priorities
from cogc.kernel.unit import Unit

TWENTY = """
coglet W { listen x: int
  transmit y: int
  on x as n { y <- n } }
coglet R { listen x: int
  state n: int = 0
  on x as v { n = n + v } }
coglet Main { listen go: int
  create a = W
  create b = W
  create r = R
  link self.go -> a.x
  link self.go -> b.x
  link a.y -> r.x
  link b.y -> r.x }
"""
"""Four inputs make twenty deliveries."""
BUGS = Path(__file__).parent.parent / "tests" / "explore" / "bugs"
CASES: dict[str, dict[str, Any]] = {
    "lost_update": {"confluent": True},
    "ring_election": {"never": ("leader", 1)},
    "two_phase_commit": {"never": ("done", "committed what was refused"), "faults": 1, "kinds": ("drop",)},
    "bounded_buffer": {"inputs": [(0, "left", 1), (0, "left", 2), (0, "right", 3), (0, "right", 4)]},
    "aba_lease": {"never": ("stolen", 0)},
    "failure_detector": {"never": ("suspect", 0), "inputs": []},
    "gather_restart": {"until": "report", "faults": 1, "kinds": ("crash",)},
    "double_creation": {"never": ("created", 1)},
    "late_acknowledgement": {},
    "stale_read": {},
    "paid_twice": {"never": ("booked", 1), "faults": 1, "kinds": ("duplicate",), "inputs": [(0, "pay", {"id": 1, "sum": 5})]},
}  # fmt: skip
"""The bugs. `never` is a channel, and the most messages that it may have or the one that it must not have."""
DEFAULT = [(0, "go", 1)]


def _never(rule: tuple[str, Any] | None) -> Callable[[dict[str, list[Any]]], bool] | None:
    if rule is None:
        return None
    channel, most = rule
    if isinstance(most, int):
        return lambda outputs: len(outputs.get(channel, [])) > most
    return lambda outputs: most in outputs.get(channel, [])


def _until(channel: str | None) -> Callable[[dict[str, list[Any]]], bool] | None:
    return None if channel is None else lambda outputs: bool(outputs.get(channel))


def _trial(name: str, case: dict[str, Any]) -> SpecTrial:
    wanted = Wanted(never=_never(case.get("never")), until=_until(case.get("until")))
    unit = Unit(bundle((BUGS / f"{name}.cog").read_text(encoding="utf-8"), "Main"))
    return SpecTrial(unit, {}, case.get("inputs", DEFAULT), wanted, stop_at=2_000_000_000)


ROUNDS = 15
BATCH = 100


def _costs(run: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of this process that something takes, and its costs in fixed loops, by medians of turns: A B A B."""
    found, loops = [], []
    for _ in range(ROUNDS):
        loops.append(_seconds(fixed, 10))
        found.append(_seconds(run, BATCH))
    return statistics.median(found), statistics.median(f / loop for f, loop in zip(found, loops, strict=True))


def _seconds(run: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - began) / times


def _speed() -> None:
    """Print schedules a second for a run of twenty deliveries, as the search makes them."""
    trial = SpecTrial(Unit(bundle(TWENTY, "Main")), {}, [(0, "go", n) for n in range(4)], Wanted())
    book = Book()
    assert trial.run(PickingKernel.default, book).events == 20
    searches = [Systematic(trial, book)]

    def systematic() -> None:
        if searches[0].over:
            searches[0] = Systematic(trial, book)
        outcome = searches[0].step()
        if outcome is not None:
            outcome.let_go()

    seeds = iter(range(1 << 60))
    for what, run in (
        ("in order", lambda: trial.run(PickingKernel.default, book).let_go()),
        ("at random", lambda: trial.run(Priorities(next(seeds), length=20), book).let_go()),
        ("systematic", systematic),
    ):
        took, loops = _costs(run)
        row(f"schedules of 20 deliveries a second, {what}", f"{1 / took:,.0f}", 8000 * took, "8,000 a second", 1)
        row("  one of them in fixed loops", f"{loops:.4f}", loops, "a loop", None)


def _bugs() -> None:
    """Print for each bug the runs and the seconds up to the failure, and the races that it is shrunk to."""
    all_runs, all_seconds = [], []
    for name, case in CASES.items():
        trial = _trial(name, case)
        limits = Limits(
            faults=case.get("faults", 0), kinds=case.get("kinds", ("drop",)), confluent=case.get("confluent", False)
        )
        began = time.process_time()
        report = explore(trial, limits)
        took = time.process_time() - began
        assert report.found is not None, name
        shrunk = Shrinker(trial, report.found, limits.observed, limits.confluent).shrink()
        all_runs.append(report.runs)
        all_seconds.append(took)
        size = f"{len(shrunk.case.pairs)} races, {len(shrunk.case.plan)} faults"
        print(f"{'   ' + name:<44} {report.runs:>9} runs   {took * 1000:7.1f} ms   shrunk to {size}", flush=True)
    print(
        f"{'bugs: median':<44} {statistics.median(all_runs):>9.0f} runs   {statistics.median(all_seconds) * 1000:7.1f} ms"
    )


def main() -> None:
    _speed()
    _bugs()
    peers.main()
