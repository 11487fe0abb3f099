"""The outcome of a test: why it failed, what its models have used, and what its judges have said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cogc.kernel.machine import Kernel
from cogc.kernel.models.budget import Usage
from cogc.lowering.tests import Test, Where
from cogc.testing.coverage import Goal
from cogc.testing.judge import Verdict
from cogc.testing.rates import Rate


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason for which a test failed: a line, the place in its file, and pairs of what was looked at and what it was."""

    line: str
    where: Where
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file of `for each`: its line, its value, and a key that it keeps when other rows come and go: its `id`, or
    a hash of its content if it is not `named`."""

    line: int
    value: Any
    key: str
    named: bool = True

    @property
    def said(self) -> str:
        """Return the row's name for people."""
        return self.key if self.named else f"line {self.line}"


@dataclass(slots=True)
class Case:
    """One run of a test for one row, or one of its live runs. `number` counts the runs of one row, from 1; `asked`
    counts the requests to real models, `recording` is the path of what they answered."""

    row: Row | None
    number: int
    refusal: Refusal | None
    seconds: float
    scores: dict[str, Verdict]
    outputs: dict[str, list[Any]]
    used: Usage
    asked: int = 0
    recording: str = ""
    unpriced: frozenset[str] = frozenset()
    """The models that were used and whose price nobody knows."""

    @property
    def passed(self) -> bool:
        return self.refusal is None


@dataclass(slots=True)
class Outcome:
    """The outcome of one run of a test. `refusal` is None if it passed.

    `values` are those of `for all` and of `for each`, `sometimes` says of each `expect sometimes` whether it held, `scores` what
    the judges said, `kernel` is the system at its end, `records` its trace, `outputs` what its root has sent, and `used` what
    its models have used, judges among them. `rate` and `cases` are of a test that has run many times as one (`evaluation.py`).
    """

    test: Test
    refusal: Refusal | None = None
    values: dict[str, Any] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    sometimes: dict[str, bool] = field(default_factory=dict)
    seconds: float = 0.0
    kernel: Kernel | None = None
    runs: int = 1
    written: list[str] = field(default_factory=list)
    reached: set[Goal] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    """The goals of the coverage and the names of the scenarios that the run has reached."""
    scores: dict[str, Verdict] = field(default_factory=dict)
    outputs: dict[str, list[Any]] = field(default_factory=dict)
    used: Usage = field(default_factory=Usage)
    unpriced: frozenset[str] = frozenset()
    """The models that were used and whose price nobody knows."""
    rate: Rate | None = None
    cases: list[Case] = field(default_factory=list)
    why: str = ""
    """The reason for which a live evaluation has ended early."""

    @property
    def passed(self) -> bool:
        return self.refusal is None
