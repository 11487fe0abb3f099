"""Trials of a test of a spec: each runs the test once, in one order.

A test that calls the world for real, in place of a script, cannot be explored: its calls would be made in every run.
"""

from __future__ import annotations

from typing import Any

from cogc.explore.trial import Failed, Outcome, Plan, arrange, states
from cogc.kernel.picking import Book, Pick, PickingKernel
from cogc.kernel.unit import Unit
from cogc.lowering.tests import Test
from cogc.testing.trial import Program, run_test


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

    def run(self, pick: Pick, book: Book, plan: Plan = (), without: frozenset[int] = frozenset()) -> Outcome:
        """Run the test once."""
        made: list[PickingKernel] = []

        def kernel(unit: Unit, *arguments: Any) -> PickingKernel:
            new = PickingKernel(unit, *arguments, pick=pick, book=book)
            arrange(new, plan)
            made.append(new)
            return new

        outcome = run_test(self.program, self.test, seed=self.seed, kernel=kernel)
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
        return Outcome(failed, {} if failed else states(found), found.steps, [], found, found.halted)
