"""Trials of a test of a spec: each runs the test once, in one order.

A test that calls the world for real, in place of a script, cannot be explored: its calls would be made in every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cogc.explore.trial import NO_TIMES, Failed, Outcome, Plan, arrange, of_models, states
from cogc.kernel.picking import Book, Pick, PickingKernel
from cogc.kernel.unit import Unit
from cogc.language.values import Duration
from cogc.lowering.tests import Test, Value
from cogc.testing.course import Program
from cogc.testing.model_faults import Faults
from cogc.testing.trial import run_test


class CallsWorld(Exception):
    """A test makes a call that no script answers; its text is one line."""


class TestTrial:
    """A test, with the program that it is a part of."""

    __test__ = False  # it is no test of pytest's
    inputs = 0

    def __init__(self, program: Program, test: Test, seed: int = 0) -> None:
        self.program = program
        self.test = test
        self.seed = seed
        self.timed: dict[int, tuple[int, str]] = {}
        for number, step in enumerate(test.steps):
            at = getattr(step, "at", None)
            if isinstance(at, Value) and isinstance(found := program.function(at)(None), Duration) and found.nanos:
                self.timed[number] = found.nanos, f"line {step.where[0]}"

    def run(
        self,
        pick: Pick,
        book: Book,
        plan: Plan = (),
        without: frozenset[int] = frozenset(),
        times: Mapping[int, int] = NO_TIMES,
    ) -> Outcome:
        """Run the test once."""
        made: list[PickingKernel] = []

        def kernel(unit: Unit, *arguments: Any) -> PickingKernel:
            new = PickingKernel(unit, *arguments, pick=pick, book=book)
            arrange(new, plan)
            made.append(new)
            return new

        faults = Faults(of_models(plan))
        outcome = run_test(self.program, self.test, seed=self.seed, kernel=kernel, faults=faults, times=times)
        if self.test.name in self.program.world:
            raise CallsWorld(f"the test `{self.test.name}` carries calls out for real: script them to explore it")
        (found,) = made
        if not found.halted:
            found.settle()
        found.learn()
        failed = None
        if outcome.refusal is not None and not found.halted:
            line, _ = outcome.refusal.where
            failed = Failed("expect", outcome.refusal.line, f"{self.test.path}:{line}")
        return Outcome(failed, {} if failed else states(found), found.steps, faults.requests, found, found.halted)
