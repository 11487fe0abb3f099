"""A kernel that goes back to its beginning makes the same run as a new one, event by event."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given

from cogc.explore.trial import Changes, Fault, Outcome, Plan, SpecTrial, Wanted
from cogc.kernel.chains import Book
from cogc.kernel.priorities import Priorities
from cogc.kernel.unit import Unit
from support.specs import build
from support.systems import of_systems, systems

HERE = Path(__file__).parent
SPECS = sorted([*(HERE / "systems").glob("*.cog"), *(HERE / "bugs").glob("*.cog")])
INPUTS: dict[str, list[tuple[int, str, Any]]] = {
    "bounded_buffer": [(0, "left", 1), (0, "left", 2), (0, "right", 3), (0, "right", 4)],
    "failure_detector": [],
    "paid_twice": [(0, "pay", {"id": 1, "sum": 5}), (1_000_000_000, "pay", {"id": 1, "sum": 5})],
}
GO = [(0, "go", 1), (0, "go", 2), (1_000_000_000, "go", 1)]
COUNT = int(os.environ.get("COGC_REWINDS", "6"))


def trial(text: str, inputs: list[tuple[int, str, Any]]) -> SpecTrial:
    return SpecTrial(Unit(build(text, "Main")), {}, inputs, Wanted(), seed=3, stop_at=4_000_000_000)


def plan(outcome: Outcome, seed: int) -> Plan:
    """Some faults for a run that is like another one: none, a crash, a message that is lost, one that comes twice."""
    kernel = outcome.kernel
    assert kernel is not None
    below = [i.path for i in kernel.all()[1:]]
    chains = [c.id for c in kernel.chains.values() if c.port is not None and c.gated and not c.port.own and c.taken]
    if seed % 4 == 1 and below:
        return (Fault("crash", below[seed % len(below)], seed % 3),)
    if seed % 4 > 1 and chains:
        return (Fault("drop" if seed % 4 == 2 else "duplicate", chains[seed % len(chains)], 1),)
    return ()


def shown(outcome: Outcome) -> tuple[object, ...]:
    kernel = outcome.kernel
    assert kernel is not None
    own = sorted(
        (k, c.taken, c.guards, len(c.items)) for k, c in ((kernel.book.names[c.id], c) for c in kernel.chains.values())
    )
    return (
        kernel.done, kernel.missed, outcome.final, outcome.failed, outcome.events, kernel.crashed, kernel.skipped,
        dict(kernel.losses.letters), kernel.now, own, kernel.deadlock(),
    )  # fmt: skip


def compare(text: str, inputs: list[tuple[int, str, Any]], runs: int) -> int:
    """Compare runs; return how many of them began with a kernel that went back."""
    again, one, other = trial(text, inputs), Book(), Book()
    faults: Plan = ()
    back = 0
    for seed in range(runs):
        before = again.beginning
        mine = again.run(Priorities(seed), one, Changes(faults))
        back += before is not None and again.beginning is before
        fresh = SpecTrial(again.unit, {}, inputs, again.wanted, again.seed, again.epoch, again.stop_at)
        theirs = fresh.run(Priorities(seed), other, Changes(faults))
        assert shown(mine) == shown(theirs), f"seed {seed}, faults {faults}"
        assert (one.bits, one.names, one.guarded) == (other.bits, other.names, other.guarded)
        faults = plan(theirs, seed)
        mine.let_go()
        theirs.let_go()
    return back


@pytest.mark.parametrize("path", SPECS, ids=[p.stem for p in SPECS])
def test_a_kernel_that_went_back_makes_the_run_of_a_new_one(path: Path) -> None:
    compare(path.read_text(encoding="utf-8"), INPUTS.get(path.stem, GO), 12)


@of_systems(COUNT)
@given(systems())
def test_a_kernel_of_a_small_system_goes_back_to_its_beginning(text: str) -> None:
    try:
        trial(text, GO)
    except AssertionError:  # the check refuses it
        assume(False)
    compare(text, GO, 10)


PLAIN = """
coglet W { listen x: int
  transmit y: int
  every 1s { y <- 9 }
  on x as n { y <- n } }
coglet R { listen x: int { capacity: 2, overflow: drop_oldest }
  state n: [int] = []
  on x as v { n = n + [v] } }
coglet Main { listen go: int
  create p = W * 2 { map: round_robin }
  create r = R { restart: on_error }
  link self.go -> p.x
  link p.y -> r.x }
"""


def test_the_kernel_of_a_plain_system_goes_back_for_every_run() -> None:
    assert compare(PLAIN, GO, 20) >= 17  # the first runs find out which inboxes are guarded
