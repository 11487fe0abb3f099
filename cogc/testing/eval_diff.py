"""Two reports of evaluations compared: which rows changed, and how much the rate of the second is above that of the first.

Cases are matched by test, by the key of their row, and by the number of their run. A row changed if it passed in another share of
its matched runs. The difference of the rates is that of the matched cases, with an interval for pairs (`rates.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cogc.testing.eval_report import ReadCase, ReadReport
from cogc.testing.rates import Rate, difference

MOST_CHANGED = 50
"""How many changed rows a report for people names, of each test."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that passed in another share of its runs: how many of how many before and after, and the first failure after."""

    row: str
    line: int
    before: int
    after: int
    runs: int
    message: str

    @property
    def is_worse(self) -> bool:
        return self.after < self.before


@dataclass(slots=True)
class TestDiff:
    """The difference of one test between two reports. `pairs` counts matched cases by whether they passed before, and after."""

    __test__ = False  # it is no test of pytest's
    file: str
    name: str
    before: Rate
    after: Rate
    pairs: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    changed: list[Changed] = field(default_factory=list)
    gone: int = 0
    new: int = 0

    @property
    def difference(self) -> tuple[float, float, float]:
        """Return the difference of the rates of matched cases, and the bounds of its interval of 95%."""
        p = self.pairs
        return difference(p[True, True], p[True, False], p[False, True], p[False, False])

    @property
    def is_worse(self) -> bool:
        """Return whether the whole interval lies below 0."""
        return self.difference[2] < 0 and sum(self.pairs.values()) > 0


@dataclass(slots=True)
class Diff:
    """The differences of all tests that both reports have, and the tests that only one has."""

    tests: list[TestDiff] = field(default_factory=list)
    only_before: list[str] = field(default_factory=list)
    only_after: list[str] = field(default_factory=list)


def compare(before: ReadReport, after: ReadReport) -> Diff:
    """Compare two reports. A file may have moved to another folder: the names of its tests then find each other."""
    diff = Diff()
    left = dict(after.tests)
    for of, cases in before.tests.items():
        found = of if of in left else next((k for k in left if k[1] == of[1] and k not in before.tests), None)
        if found is None:
            diff.only_before.append(f"{of[0]}::{of[1]}")
            continue
        diff.tests.append(_test(found, cases, left.pop(found)))
    diff.only_after = [f"{file}::{name}" for file, name in left]
    return diff


def _test(of: tuple[str, str], before: list[ReadCase], after: list[ReadCase]) -> TestDiff:
    made = TestDiff(*of, _rate(before), _rate(after))
    old = {(c.row, c.run): c for c in before}
    new = {(c.row, c.run): c for c in after}
    made.gone, made.new = len(old.keys() - new.keys()), len(new.keys() - old.keys())
    rows: dict[str, list[tuple[ReadCase, ReadCase]]] = {}
    for key, case in new.items():
        if key in old:
            made.pairs[old[key].passed, case.passed] += 1
            rows.setdefault(case.row, []).append((old[key], case))
    for row, pairs in rows.items():
        was, now = sum(a.passed for a, _ in pairs), sum(b.passed for _, b in pairs)
        if was != now:
            message = next((b.message for _, b in pairs if not b.passed), "")
            made.changed.append(Changed(row, pairs[0][1].line, was, now, len(pairs), message))
    made.changed.sort(key=lambda c: (c.after - c.before) / c.runs)
    return made


def _rate(cases: list[ReadCase]) -> Rate:
    return Rate(sum(c.passed for c in cases), len(cases))


# ---- what is printed -------------------------------------------------------------------------------------------


def text(diff: Diff) -> list[str]:
    """Return a comparison for people."""
    lines = []
    for test in diff.tests:
        share, low, high = test.difference
        lines += [f"{test.file}::{test.name}", f"  {_counts(test.before)} -> {_counts(test.after)}"]
        if test.pairs:
            lines.append(f"  difference {share * 100:+.1f} points (95%: {low * 100:+.1f} to {high * 100:+.1f})")
        for c in test.changed[:MOST_CHANGED]:
            word = "worse " if c.is_worse else "better"
            name = c.row or "all runs"
            said = f": {c.message}" if c.message else ""
            lines.append(f"  {word}  {name}  {c.before}/{c.runs} -> {c.after}/{c.runs}{said}")
        if len(test.changed) > MOST_CHANGED:
            lines.append(f"  and {len(test.changed) - MOST_CHANGED} more rows changed")
        if test.gone or test.new:
            lines.append(f"  not compared: {test.gone} gone, {test.new} new")
    lines += [f"gone: {name}" for name in diff.only_before] + [f"new: {name}" for name in diff.only_after]
    worse, better = (sum(c.is_worse is w for t in diff.tests for c in t.changed) for w in (True, False))
    return [*lines, f"{worse} worse, {better} better"]


def _counts(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.passed} of {rate.runs} passed: {rate.share * 100:.1f}% (95%: {low * 100:.1f}% to {high * 100:.1f}%)"


def as_json(diff: Diff) -> dict[str, Any]:
    """Return a comparison as JSON data."""
    tests = []
    for test in diff.tests:
        share, low, high = test.difference
        tests.append({
            "file": test.file, "test": test.name,
            "before": {"passed": test.before.passed, "runs": test.before.runs},
            "after": {"passed": test.after.passed, "runs": test.after.runs},
            "difference": {"share": round(share, 6), "low": round(low, 6), "high": round(high, 6), "pairs": sum(test.pairs.values())},
            "changed": [
                {"row": c.row, "line": c.line, "before": c.before, "after": c.after, "runs": c.runs, "message": c.message} for c in test.changed
            ],
            "gone": test.gone, "new": test.new,
        })  # fmt: skip
    return {"tests": tests, "only_before": diff.only_before, "only_after": diff.only_after}
