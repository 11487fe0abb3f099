"""Trials of a test of a spec: each runs the test once, in one order.

A test that calls the world for real, in place of a script, cannot be explored: its calls would be made in every run.
"""

from __future__ import annotations

from typing import Any

from cogc import ir
from cogc.explore.systematic import Diverged
from cogc.explore.trial import KILL, UNCHANGED, Changes, Failed, Outcome, arrange, of_models, states
from cogc.kernel.chains import Book, Chain
from cogc.kernel.machine import Kernel
from cogc.kernel.picking import Pick, PickingKernel
from cogc.kernel.unit import Unit
from cogc.language.values import Duration
from cogc.lowering.tests import Expect, Kill, Test, Value
from cogc.testing.course import Program
from cogc.testing.model_faults import Faults
from cogc.testing.trial import run_test


class CallsWorld(Exception):
    """A test makes a call that no script answers; its text is one line."""


class Repeating:
    """A pick for the kernels of one run that is killed: each one behind the first repeats what was picked before it."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.picked: list[int] = []

    def __call__(self, kernel: PickingKernel, heads: list[Chain]) -> Chain | None:
        at = kernel.event + 1
        if at < len(self.picked):
            for chain in heads:
                if chain.id == self.picked[at]:
                    return chain
            raise Diverged(f"event {at}")
        chosen = self.pick(kernel, heads)
        if chosen is not None:
            self.picked.append(chosen.id)
        return chosen


class Kills:
    """The kills of one run of an exploration, by their instants: asked at the end of each instant whether the run is killed.

    `places` are the instants at whose end calls were under way, `at` the times of the kills.
    """

    def __init__(self, instants: set[int]) -> None:
        self.instants = instants
        self.places: set[int] = set()
        self.at: dict[int, int] = {}

    def __call__(self, kernel: Kernel) -> bool:
        assert isinstance(kernel, PickingKernel)
        if not kernel.calls or kernel.ended or kernel.halted:
            return False
        instant = kernel.instant
        self.places.add(instant)
        if instant not in self.instants or instant in self.at:
            return False
        self.at[instant] = kernel.now
        return True


class TestTrial:
    """A test, with the program that it is a part of. With `kills` an outcome says where the run could have been killed."""

    __test__ = False  # it is no test of pytest's
    inputs = 0

    def __init__(self, program: Program, test: Test, seed: int = 0, kills: bool = False) -> None:
        self.kills = kills
        self.program = program
        self.test = test
        self.seed = seed
        self.sometimes = {
            step.condition.test.text: f"{test.path}:{step.where[0]}"
            for step in test.steps
            if isinstance(step, Expect) and step.when == "sometimes"
        }
        """The conditions that must hold in one of the runs, and their places."""
        self.killed = any(isinstance(step, Kill) for step in test.steps)
        self.timed: dict[int, tuple[int, str]] = {}
        for number, step in enumerate(test.steps):
            at = getattr(step, "at", None)
            if isinstance(at, Value) and isinstance(found := program.function(at)(None), Duration) and found.nanos:
                self.timed[number] = found.nanos, f"line {step.where[0]}"

    def run(self, pick: Pick, book: Book, changes: Changes = UNCHANGED) -> Outcome:
        """Run the test once."""
        plan = changes.plan
        made: list[PickingKernel] = []
        planned = {f.number for f in plan if f.kind == KILL}
        kills = Kills(planned) if self.kills or planned else None
        if kills is not None or self.killed:
            pick = Repeating(pick)

        def kernel(unit: Unit, *arguments: Any) -> PickingKernel:
            new = PickingKernel(unit, *arguments, pick=pick, book=book)
            arrange(new, plan)
            made.append(new)
            return new

        faults = Faults(of_models(plan))
        outcome = run_test(
            self.program,
            self.test,
            seed=self.seed,
            kernel=kernel,
            faults=faults,
            times=changes.times,
            instant_over=kills,
        )
        if self.test.name in self.program.world:
            why = _why(self.program.world[self.test.name])
            raise CallsWorld(f"the test `{self.test.name}` carries calls out for real{why}")
        found = made[-1]
        if not found.halted:
            found.settle()
        found.learn()
        failed = None
        if outcome.refusal is not None and not found.halted:
            line, _ = outcome.refusal.where
            failed = Failed("expect", outcome.refusal.line, f"{self.test.path}:{line}")
        places = frozenset[int]()
        if kills is not None:
            places, found.killed = frozenset(kills.places), kills.at
        return Outcome(
            failed, {} if failed else states(found), found.steps, faults.requests, found, found.halted, places,
            frozenset(text for text, held in outcome.sometimes.items() if held),
        )  # fmt: skip


def _why(program: ir.Program | None) -> str:
    """Return what is behind the calls of a program that a test carries out for real, and what to do about it if it can be scripted."""
    match program:
        case ir.Program(kind="plan store"):
            return ": its plan is kept in a store outside of the run"
        case ir.Program(kind="queue"):
            return ": its queue lies outside of the run"
        case ir.Program(kind="coglet"):
            return f": `{program.name}` is a coglet in Python, whose code nobody but Python can repeat"
        case ir.Program():
            return f": script `{program.name}` to explore it"
        case None:
            return ""
