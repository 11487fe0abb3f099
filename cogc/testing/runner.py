"""Runs many tests: which of them, in this process or in several, and what came of all of them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context
from typing import Any

from cogc.kernel.priorities import ordered
from cogc.lowering.tests import Suite, Test
from cogc.run.settings import Settings
from cogc.testing.coverage import Covered, Marks
from cogc.testing.for_all import run_for_all
from cogc.testing.trial import Outcome, Program, run_test


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tests run, and how."""

    words: tuple[str, ...] = ()
    only: frozenset[str] | None = None
    seed: int = 0
    update: bool = False
    coverage: bool = False

    def takes(self, suite: Suite, test: Test) -> bool:
        """Return whether a test is one of those that run: one that all words are in, and that failed last if asked for."""
        name = f"{suite.path}::{test.name}"
        fits = all(w.casefold() in name.casefold() for w in self.words)
        return fits and (self.only is None or name in self.only)


class Programs:
    """The compiled programs of suites, each compiled at its first use."""

    def __init__(self, settings: Callable[[], Settings], coverage: bool = False) -> None:
        self._settings = settings
        self._coverage = coverage
        self._made: dict[str, Program] = {}

    def of(self, suite: Suite) -> Program:
        found = self._made.get(suite.path)
        if found is None:
            found = self._made[suite.path] = Program.of(suite, self._settings, self._coverage)
        return found


def run_one(program: Program, test: Test, choice: Choice) -> Outcome:
    """Run one test, for all of its values."""

    def once(values: dict[str, Any]) -> Outcome:
        return run_test(
            program, test, seed=choice.seed, values=values, kernel=ordered(choice.seed), update=choice.update
        )

    return run_for_all(program, test, choice.seed, once) if test.binds else once({})


def run_all(
    chosen: list[tuple[Suite, Test]], choice: Choice, settings: Callable[[], Settings], processes: int = 1
) -> Iterator[tuple[Suite, Outcome]]:
    """Run tests, and yield what came of each in their order."""
    if processes <= 1 or len(chosen) <= 1:
        programs = Programs(settings, choice.coverage)
        for suite, test in chosen:
            yield suite, _slim(run_one(programs.of(suite), test, choice))
        return
    _Parts.chosen, _Parts.choice, _Parts.settings = chosen, choice, settings
    with ProcessPoolExecutor(min(processes, len(chosen)), get_context("fork"), _let_die) as pool:
        try:
            for (suite, _), outcome in zip(chosen, pool.map(_part, range(len(chosen))), strict=True):
                yield suite, outcome
        except BaseException:  # a test may go on for ever, and the pool would wait for it
            for process in active_children():
                process.kill()
            raise


def _let_die() -> None:
    """Let an interrupt end a process of the pool without a word: the first process says that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class _Parts:
    """What the processes of one run share: they are forks of this one."""

    chosen: list[tuple[Suite, Test]]
    choice: Choice
    settings: Callable[[], Settings]
    programs: Programs | None = None


def _part(number: int) -> Outcome:
    """Run one test in a process of its own."""
    if _Parts.programs is None:
        _Parts.programs = Programs(_Parts.settings, _Parts.choice.coverage)
    suite, test = _Parts.chosen[number]
    return _slim(run_one(_Parts.programs.of(suite), test, _Parts.choice))


def _slim(outcome: Outcome) -> Outcome:
    """Return an outcome without the system that it was of, and without the records that no report needs."""
    return replace(outcome, kernel=None, records=[] if outcome.passed else outcome.records)


def covered(suites: tuple[Suite, ...], outcomes: list[tuple[Suite, Outcome]]) -> Covered:
    """Return the coverage of the programs of suites by outcomes."""
    goals = {g for s in suites if s.bundle is not None for g in Marks(s.bundle, s.parts).goals}
    reached = {g for _, o in outcomes for g in o.reached}
    shown = {(s.path, name) for s, o in outcomes for name in o.shown}
    scenarios = [(s, c) for s in suites for c in s.scenarios]
    unseen = tuple((s, c) for s, c in scenarios if (s.path, c.name) not in shown)
    return Covered(frozenset(goals), frozenset(reached & goals), unseen, len(scenarios))
