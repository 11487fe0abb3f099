"""Evaluations: one test, run for each row of a file, and with `--live` many times against real models.

The cases of an evaluation are its rows, times its live runs: run 1 of every row, then run 2 of every row, and so on. What came
of them is one outcome: the test passes if the share of passed cases is at least the rate that is needed. A live evaluation whose
rate was named ends as soon as it is decided (`rates.py`), or when its budget leaves no room for another case.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from cogc.kernel.machine import Kernel
from cogc.kernel.models.budget import Usage
from cogc.language.values import Failure, plain
from cogc.lowering.tests import Test
from cogc.testing.course import Program
from cogc.testing.outcome import Case, Outcome, Refusal, Row
from cogc.testing.rates import Rate, decided
from cogc.testing.recording import Recording
from cogc.testing.rehearsal import Live
from cogc.testing.rows import load_rows
from cogc.testing.trial import run_test

FIRST_FAILURES = 5
"""How many kinds of failures the report of an evaluation names."""


@dataclass(frozen=True, slots=True)
class LiveChoice:
    """The choices for runs against real models: how often each case runs, the rate that is needed, what all may use, and where recordings go."""

    runs: int = 0
    pass_rate: float | None = None
    budget: dict[str, float] = field(default_factory=dict)
    folder: str = ""
    repeat: Recording | None = None


NEVER = LiveChoice()
"""Scripts stand in for models."""


@dataclass(frozen=True, slots=True)
class CaseSettings:
    """The settings with which one case runs: the seed, the kernel, and whether golden traces are written."""

    seed: int
    kernel: Callable[..., Kernel]
    update: bool
    live: LiveChoice


Planned = tuple[Row | None, int]
"""A case: its row, and the number of its run."""
Ran = tuple[Outcome, Case]
Spread = Callable[
    [list[Planned], Callable[[Planned, dict[str, float]], Ran], Callable[[], dict[str, float] | None]], Iterator[Ran]
]
"""Runs cases in their order. The last argument gives what the next case may use, or None when there is no next one."""


def is_evaluation(test: Test, live: LiveChoice) -> bool:
    """Return whether a test runs more than once: for rows, or live. `for all` asks no models: a hundred values would cost too much."""
    return test.rows is not None or (live.runs > 0 and _may_be_live(test))


def _may_be_live(test: Test) -> bool:
    """Return whether a test may ask real models: a sett's clock cannot wait for them."""
    return not test.binds and not test.is_sett


def in_turn(
    planned: list[Planned], run: Callable[[Planned, dict[str, float]], Ran], left: Callable[[], dict[str, float] | None]
) -> Iterator[Ran]:
    """Run cases one after the other."""
    for one in planned:
        budget = left()
        if budget is None:
            return
        yield run(one, budget)


def evaluate(
    program: Program, test: Test, settings: CaseSettings, once: Callable[..., Outcome], spread: Spread = in_turn
) -> Outcome:
    """Run all cases of a test, and return what came of them as one outcome. `once` runs one of them."""
    rows: list[Row | None] = [None]
    if test.rows is not None:
        found = load_rows(program.unit, test.rows, test.path)
        if isinstance(found, Refusal):
            return Outcome(test, found)
        rows = [*found]
    live = settings.live
    runs = live.runs if _may_be_live(test) else 0
    try:
        needed = _needed(program, test, live)
    except Failure as failure:
        return Outcome(test, Refusal(f"the pass rate: {failure.message}", (test.line, 1)))
    planned = [(row, number) for number in range(1, max(1, runs) + 1) for row in rows]
    course = _Course(len(planned), len(rows), runs > 0, needed, live.budget)

    def run(one: Planned, budget: dict[str, float]) -> Ran:
        return run_case(test, settings, once, one, budget)

    try:
        for outcome, case in spread(planned, run, course.left):
            course.take(outcome, case)
            if course.over:
                break
    except (KeyboardInterrupt, OSError, BrokenExecutor) as end:
        if not course.cases:
            raise
        raise Cut(course.cut(test, ended(end)), end) from end
    return course.outcome(test)


class Cut(Exception):
    """An evaluation that ended before its cases had run: by an interrupt, by a recording that could not be written, by the death
    of a process. `outcome` has the cases that had run, `end` is what was raised."""

    def __init__(self, outcome: Outcome, end: KeyboardInterrupt | OSError | BrokenExecutor) -> None:
        super().__init__(outcome.why)
        self.outcome = outcome
        self.end = end


def ended(end: BaseException) -> str:
    """Return the words for what has ended the tests before their time."""
    match end:
        case OSError():
            return f"cannot write `{end.filename}`: {str(end.strerror).lower()}"
        case BrokenExecutor():
            return "a process of the tests was killed"
        case _:
            return "interrupted"


def _needed(program: Program, test: Test, live: LiveChoice) -> float | None:
    """Return the rate that is needed, or None if nobody has named one."""
    if live.pass_rate is not None:
        return live.pass_rate
    if live.runs and "pass_rate" in test.live:
        rate = float(program.function(test.live["pass_rate"])(None))
        if not 0 <= rate <= 1:
            raise Failure("error", f"{rate:g} is not from 0 to 1")
        return rate
    return None


def run_case(
    test: Test, settings: CaseSettings, once: Callable[..., Outcome], one: Planned, budget: dict[str, float]
) -> Ran:
    """Run one case, and write its recording."""
    row, number = one
    values = {} if row is None or test.rows is None else {test.rows.name: row.value}
    live = None
    if settings.live.runs and _may_be_live(test):
        about = {"file": test.path, "test": test.name, "seed": settings.seed, "run": number}
        if row is not None:
            about["row"] = {"line": row.line, "key": row.key, "value": plain(row.value)}
        live = Live(Recording(about), budget=budget)
    outcome = once(values, live)
    if live is not None and outcome.refusal is not None:
        told = [f"a model gave no answer: {why}" for why in live.recording.failures()]
        outcome.refusal = replace(outcome.refusal, notes=(*outcome.refusal.notes, *told))
    place = ""
    if live is not None and live.asked and settings.live.folder:
        place = os.path.join(settings.live.folder, _file_name(test, row, number))
        with open(place, "wb") as file:
            file.write(live.recording.lines())
    asked = live.asked if live is not None else 0
    case = Case(
        row, number, outcome.refusal, outcome.seconds, outcome.scores, outcome.outputs, outcome.used, asked, place,
        outcome.unpriced,
    )  # fmt: skip
    return outcome, case


def _file_name(test: Test, row: Row | None, number: int) -> str:
    """Return the name of the file of a recording."""
    words = [test.name] if row is None else [test.name, f"line {row.line}"]
    plain_words = [re.sub(r"[^A-Za-z0-9]+", "-", w).strip("-")[:60] for w in words]
    return "-".join([*filter(None, plain_words), str(number)]) + ".jsonl"


@dataclass(slots=True)
class _Course:
    """The progress of an evaluation."""

    most: int
    rows: int
    live: bool
    needed: float | None
    budget: dict[str, float]
    cases: list[Case] = field(default_factory=list)
    passed: int = 0
    used: Usage = field(default_factory=Usage)
    dearest: Usage = field(default_factory=Usage)
    last: Outcome | None = None
    failed: Outcome | None = None
    over: bool = False
    is_cut: bool = False
    why: str = ""

    def take(self, outcome: Outcome, case: Case) -> None:
        """Take in a case, and see whether the evaluation is over."""
        self.cases.append(case)
        self.passed += case.passed
        self.used.merge(case.used)
        self.dearest.input = max(self.dearest.input, case.used.tokens)
        self.dearest.usd = max(self.dearest.usd, case.used.usd)
        if self.last is not None:
            outcome.reached |= self.last.reached
            outcome.shown |= self.last.shown
        self.last = outcome
        if self.failed is None and not case.passed:
            self.failed = outcome
        if not self.live:
            return
        if case.unpriced and "usd" in self.budget:
            self.over, self.why = True, f"nobody knows the price of `{min(case.unpriced)}`: bound its tokens"
            self.is_cut = True
            return
        done = len(self.cases)
        if done >= self.rows and done % self.rows == 0 and not any(c.asked for c in self.cases):
            self.over, self.why = True, "it asks no model"
        elif (
            self.needed is not None
            and done < self.most
            and decided(self.passed, done, self.most, self.needed) is not None
        ):
            self.over, self.why = True, f"decided after {done} of {self.most}"

    def left(self) -> dict[str, float] | None:
        """Return what the next case may use, or None if that is less than the dearest one so far has used."""
        if self.over:
            return None
        left: dict[str, float] = {}
        for name, most in self.budget.items():
            spent, once = (
                (self.used.usd, self.dearest.usd) if name == "usd" else (self.used.tokens, self.dearest.tokens)
            )
            left[name] = most - spent
            if left[name] <= 0 or left[name] < once:
                self.over, self.why = True, "the budget has no room for another run"
                return None
        return left

    def outcome(self, test: Test) -> Outcome:
        """Return the outcome of the whole evaluation."""
        rate = Rate(self.passed, len(self.cases), 1.0 if self.needed is None else self.needed)
        last = self.failed or self.last
        made = Outcome(test, records=last.records if last is not None else [])
        if self.last is not None:
            made.reached, made.shown = self.last.reached, self.last.shown
        made.rate, made.cases, made.used, made.why = rate, self.cases, self.used, self.why
        made.runs = len(self.cases)
        made.seconds = sum(c.seconds for c in self.cases)
        made.unpriced = frozenset(model for c in self.cases for model in c.unpriced)
        if self.is_cut:
            made.refusal = Refusal(self.why, test.rows.where if test.rows is not None else (test.line, 1))
            return made
        held = rate.holds
        if self.why.startswith("decided"):
            held = decided(rate.passed, rate.runs, self.most, rate.needed) is True
        if not held:
            made.refusal = self._refusal(test, rate)
        return made

    def cut(self, test: Test, words: str) -> Outcome:
        """Return the outcome of the cases that have run, for an evaluation that ends here."""
        what = "rows" if test.rows is not None and not self.live else "runs"
        self.is_cut, self.why = True, f"{words} after {len(self.cases)} of {self.most} {what}"
        self.passed = sum(c.passed for c in self.cases)  # the end may have come between two counts
        return self.outcome(test)

    def _refusal(self, test: Test, rate: Rate) -> Refusal:
        """Return why an evaluation failed: the rate, and the failures that came most often."""
        if not rate.runs:
            return Refusal("the budget leaves no room for a run", (test.line, 1))
        first = next(c.refusal for c in self.cases if c.refusal is not None)
        if rate.runs == 1:
            return first
        notes = []
        counted: dict[tuple[str, tuple[int, int]], list[Case]] = {}
        for case in self.cases:
            if case.refusal is not None:
                counted.setdefault((case.refusal.line, case.refusal.where), []).append(case)
        for (line, where), cases in sorted(counted.items(), key=lambda one: -len(one[1]))[:FIRST_FAILURES]:
            notes.append(f"{len(cases)} x line {where[0]}: {line}")
            refusal = cases[0].refusal
            assert refusal is not None
            of = f" ({cases[0].row.said})" if cases[0].row is not None else ""
            notes += [f"    {name} = {value}{of}" for name, value in refusal.facts]
            notes += [f"    {note.strip()}" for note in refusal.notes]
        where = test.rows.where if test.rows is not None else (test.line, 1)
        what = "rows" if test.rows is not None and not self.live else "runs"
        line = f"{rate.passed} of {rate.runs} {what} passed"
        if rate.needed < 1:
            line += f"; {rate.needed:.0%} are needed"
        return Refusal(line, where, notes=tuple(notes))


def run_once(program: Program, test: Test, settings: CaseSettings) -> Callable[[dict[str, Any], Live | None], Outcome]:
    """Return the function that runs a test once with some values."""

    def once(values: dict[str, Any], live: Live | None = None) -> Outcome:
        if test.is_sett:
            from cogc.testing.sett_trial import run_sett_test  # start-up: few tests are about setts

            return run_sett_test(program, test, seed=settings.seed, values=values)
        return run_test(
            program, test, seed=settings.seed, values=values, kernel=settings.kernel, update=settings.update, live=live
        )

    return once
