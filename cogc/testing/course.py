"""The course of one run of a test: its values, its scripts and what it expects, whatever it is about.

`Trial` (`trial.py`) runs a system of coglets, `SettTrial` (`sett_trial.py`) a sett. Each says what a name of a condition stands
for, how time passes, and when something has changed that a condition may depend on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, assert_never

from cogc import ir
from cogc.kernel.unit import Unit
from cogc.language.limits import PATIENCE
from cogc.language.meter import begin
from cogc.language.values import Duration, Failure
from cogc.lowering.tests import Advance, Condition, Expect, Run, Suite, Test, Value, Where
from cogc.run.settings import Settings
from cogc.testing.cast import Cast
from cogc.testing.coverage import MARK, Marks
from cogc.testing.outcome import Outcome, Refusal
from cogc.testing.shown import shown

EPOCH = 946_684_800_000_000_000
"""The time at which the clock of a test starts: 2000-01-01T00:00:00Z."""


@dataclass(slots=True)
class Program:
    """The compiled program of a file of tests. `world` remembers the tests that carry calls out for real, each
    with the program of the first such call."""

    suite: Suite
    unit: Unit
    settings: Callable[[], Settings] = Settings
    world: dict[str, ir.Program | None] = field(default_factory=dict)
    marks: Marks | None = None
    """The function that notes the coverage, if it is asked for."""
    judges: dict[tuple[str, ...], Unit] = field(default_factory=dict)
    """The programs of the judges, by their models."""
    _functions: dict[int, tuple[Value, Callable[..., Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, suite: Suite, settings: Callable[[], Settings] = Settings, covered: bool = False) -> Program:
        """Compile the program of a file of tests, with marks for its coverage if that is asked for."""
        assert suite.bundle is not None
        if not covered:
            return cls(suite, Unit(suite.bundle), settings)
        marks = Marks(suite.bundle, suite.parts)
        unit = Unit(marks.marked)
        unit.coder.space[f"f_{MARK}"] = marks.function()
        return cls(suite, unit, settings, marks=marks)

    def function(self, value: Value) -> Callable[..., Any]:
        """Return the function of an expression of a test, compiled at its first use."""
        known = self._functions.get(id(value))
        if known is None:
            function = self.unit.coder.expression(value.value, list(value.names))
            known = self._functions[id(value)] = value, function
        return known[1]


class Refused(Exception):
    """A test has failed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.line)
        self.refusal = refusal


class Course(ABC):
    """One run of a test."""

    def __init__(self, program: Program, test: Test, values: dict[str, Any]) -> None:
        self.program = program
        self.test = test
        self.values = values
        self.cast = Cast(self.value)
        self.outcome = Outcome(test, values=values)
        self.where: Where = (test.line, 1)
        self.nevers = [s for s in test.steps if isinstance(s, Expect) and s.when == "never"]
        self.looked = -1

    @abstractmethod
    def seen(self, name: str) -> Any:
        """Return the value of a name of a condition that the test does not bind itself."""

    @property
    @abstractmethod
    def now(self) -> int:
        """The nanoseconds of the test's clock since its start."""

    @property
    @abstractmethod
    def changes(self) -> int:
        """A number that grows with each change that a condition may depend on."""

    @property
    @abstractmethod
    def quiet(self) -> bool:
        """True if nothing was left to happen when time last passed."""

    @property
    @abstractmethod
    def over(self) -> bool:
        """True if the system has ended."""

    @abstractmethod
    async def play(self, until: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass up to an instant. Return True as soon as `done` holds. Raise Refused for what ends the test."""

    # ---- values --------------------------------------------------------------------------------------------

    def value(self, value: Value) -> Any:
        """Evaluate an expression of the test. Raise Failure if it fails."""
        begin(object())
        return self.program.function(value)(None, *[self._name(n) for n in value.names])

    def _name(self, name: str) -> Any:
        """Return the value of a name of the test."""
        if name in self.values:
            return self.values[name]
        return self.seen(name)

    def nanos(self, value: Value | None) -> int:
        found = None if value is None else self.value(value)
        return found.nanos if isinstance(found, Duration) else PATIENCE

    def holds(self, condition: Condition) -> bool:
        """Return whether a condition holds. One that fails does not hold."""
        found = self.value(condition.test)
        return bool(found) if condition.test.whole else found is True

    def _facts(self, condition: Condition) -> tuple[tuple[str, str], ...]:
        """Return the parts of a condition and what they are."""
        facts = []
        for part in condition.shown:
            try:
                facts.append((part.text, shown(self.value(part))))
            except Failure as failure:
                facts.append((part.text, f"failed: {failure.message}"))
        return tuple(facts)

    # ---- expectations --------------------------------------------------------------------------------------

    async def expect(self, step: Expect) -> None:
        """Carry out an `expect`."""
        match step.when:
            case "":
                self._now(step)
            case "eventually":
                await self.until(step.condition, step.within, "expect eventually")
            case "never":
                self.look()
            case "sometimes":
                text = step.condition.test.text
                held = self.outcome.sometimes.get(text, False)
                self.outcome.sometimes[text] = held or self.holds(step.condition)
            case _:
                assert_never(step.when)

    def _now(self, step: Expect) -> None:
        try:
            holds = self.holds(step.condition)
        except Failure as failure:
            line = f"expect {step.condition.test.text}: {failure.message}"
            raise Refused(Refusal(line, step.where, self._facts(step.condition))) from None
        if not holds:
            line, notes = f"expect {step.condition.test.text}", self._not_run(step)
            raise Refused(Refusal(line, step.where, self._facts(step.condition), notes=notes))

    def _not_run(self, step: Expect) -> tuple[str, ...]:
        """Return the note that no time has passed in front of a step, where that is so."""
        for before in self.test.steps:
            if isinstance(before, Run | Advance) or (isinstance(before, Expect) and before.when == "eventually"):
                return ()
            if before is step:
                break
        return ("nothing has run by then: write `run 1s` before it, or `expect eventually ...`",)

    def look(self) -> None:
        """Look at each `expect never`, if anything has changed since the last time."""
        if self.looked == self.changes:
            return
        self.looked = self.changes
        for step in self.nevers:
            try:
                holds = self.holds(step.condition)
            except Failure:  # such as an index of a list that has no items yet
                continue
            if holds:
                at = Duration(self.now)
                line = f"expect never {step.condition.test.text}: it held at {shown(at)}"
                raise Refused(Refusal(line, step.where, self._facts(step.condition)))

    async def until(self, condition: Condition, within: Value | None, words: str) -> None:
        """Let time pass until a condition holds."""
        begin_at, most = self.now, self.nanos(within)
        looked, last = -1, False

        def done() -> bool:
            nonlocal looked, last
            if looked != self.changes or condition.test.names == ():
                looked = self.changes
                try:
                    last = self.holds(condition)
                except Failure:  # such as an index of a list that has no items yet
                    last = False
            return last

        if await self.play(begin_at + most, done):
            return
        looked = -1
        if done():
            return
        at = shown(Duration(self.now))
        why = f"nothing is left to happen at {at}" if self.quiet else f"not within {shown(Duration(most))}, at {at}"
        if self.over:
            why = f"the system has ended at {at}"
        raise Refused(Refusal(f"{words} {condition.test.text}: {why}", self.where, self._facts(condition)))
