"""Runs many tests: which of them, in this process or in several, and what came of all of them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from cogc.kernel.priorities import ordered
from cogc.language.values import Failure
from cogc.lowering.tests import Suite, Test
from cogc.run.convert import from_python
from cogc.run.settings import Settings
from cogc.testing import forks
from cogc.testing.course import Program
from cogc.testing.coverage import Covered, Marks
from cogc.testing.evaluation import (
    NEVER,
    CaseSettings,
    Cut,
    LiveChoice,
    Planned,
    Ran,
    evaluate,
    in_turn,
    is_evaluation,
    run_once,
)
from cogc.testing.for_all import run_for_all
from cogc.testing.outcome import Outcome, Refusal
from cogc.testing.recording import Recording
from cogc.testing.rehearsal import Live

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor


@dataclass(frozen=True, slots=True)
class Choice:
    """The choice of tests, and how they run. Of the `words`, those in `exact` are the whole name of a test."""

    words: tuple[str, ...] = ()
    exact: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    seed: int = 0
    update: bool = False
    coverage: bool = False
    live: LiveChoice = NEVER

    def takes(self, suite: Suite, test: Test) -> bool:
        """Return whether a test is one of those that run: one that all words are in, and that failed last if asked for. A word
        that is the whole name of a test stands for this test alone."""
        name = f"{suite.path}::{test.name}"
        fits = all(w == test.name if w in self.exact else w.casefold() in name.casefold() for w in self.words)
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


def run_one(program: Program, test: Test, choice: Choice, processes: int = 1) -> Outcome:
    """Run one test: for all of its values, for each of its rows, and as often as a live run wants."""
    settings = CaseSettings(choice.seed, ordered(choice.seed), choice.update, choice.live)
    single = run_once(program, test, settings)
    recording = choice.live.repeat
    if recording is not None:
        try:
            values = _recorded_row(program, test, recording)
        except Failure as failure:
            return Outcome(test, Refusal(failure.message, (test.line, 1)))
        return single(values, Live(recording, repeats=True))

    def once(values: dict[str, Any], live: Live | None = None) -> Outcome:
        if not test.binds:
            return single(values, live)
        return run_for_all(program, test, choice.seed, lambda found: single({**values, **found}, None))

    if not is_evaluation(test, choice.live):
        return once({})
    spread = in_turn if processes <= 1 or not choice.live.runs else partial(_side_by_side, processes)
    return evaluate(program, test, settings, once, spread)


def _recorded_row(program: Program, test: Test, recording: Recording) -> dict[str, Any]:
    """Return the row that a recorded run was for, by its name in the test. Raise Failure if it does not fit the test any more."""
    row = recording.about.get("row")
    if test.rows is None or not isinstance(row, dict):
        return {}
    what = "the row of the recording"
    return {test.rows.name: program.unit.checked(test.rows.type, from_python(row.get("value"), what), what)}


def _side_by_side(
    processes: int,
    planned: list[Planned],
    run: Callable[[Planned, dict[str, float]], Ran],
    left: Callable[[], dict[str, float] | None],
) -> Iterator[Ran]:
    """Run cases in processes of their own, and yield their outcomes in the order of the cases.

    As many are under way as there are processes, so that a bound on dollars may be passed by that many.
    """
    _Cases.run, _Cases.planned = run, planned
    with _pool(min(processes, len(planned))) as pool:
        waiting: deque[Future[Ran]] = deque()
        following = iter(range(len(planned)))
        try:
            while True:
                while len(waiting) < processes and (budget := left()) is not None:
                    number = next(following, None)
                    if number is None:
                        break
                    waiting.append(pool.submit(_case, number, budget))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:  # cases that nobody waits for any more may have long to go
            forks.end()


def _pool(processes: int) -> ProcessPoolExecutor:
    """Return a pool of processes, which are forks of this one."""
    from concurrent.futures import ProcessPoolExecutor  # both for `-n` alone
    from multiprocessing import get_context

    return ProcessPoolExecutor(processes, get_context("fork"), forks.begin, (os.getpid(),))


class _Cases:
    """The state that the processes of one evaluation share: they are forks of this one."""

    run: Callable[[Planned, dict[str, float]], Ran]
    planned: list[Planned]


def _case(number: int, budget: dict[str, float]) -> Ran:
    """Run one case in a process of its own."""
    outcome, case = _Cases.run(_Cases.planned[number], budget)
    return _slim(outcome), case


def run_all(
    chosen: list[tuple[Suite, Test]], choice: Choice, settings: Callable[[], Settings], processes: int = 1
) -> Iterator[tuple[Suite, Outcome]]:
    """Run tests, and yield what came of each in their order. Several processes share tests, or the cases of a live test.

    Raise Cut for an evaluation that could not be brought to its end.
    """
    if processes <= 1 or len(chosen) <= 1 or choice.live.runs:
        programs = Programs(settings, choice.coverage)
        for suite, test in chosen:
            try:
                outcome = run_one(programs.of(suite), test, choice, processes)
            except Cut as cut:
                cut.outcome = _slim(cut.outcome)
                raise
            yield suite, _slim(outcome)
        return
    _Parts.chosen, _Parts.choice, _Parts.settings = chosen, choice, settings
    with _pool(min(processes, len(chosen))) as pool:
        try:
            for (suite, _), outcome in zip(chosen, pool.map(_part, range(len(chosen))), strict=True):
                yield suite, outcome
        except BaseException:  # a test may go on for ever, and the pool would wait for it
            forks.end()
            raise


class _Parts:
    """The state that the processes of one run share: they are forks of this one."""

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
