"""Reports of evaluations: a table for people, and JSON Lines that `cogc eval diff` compares.

The first line of a report is `{"v": 1, "kind": "evaluation", ...}`. Then comes one line for each case, in the order of the runs,
and one line of sums for each test (`kind` is `case` or `test`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cogc.diagnostics.visible import visible_bytes
from cogc.disk.files import refuse_unreadable
from cogc.language.values import plain
from cogc.lowering.tests import Suite
from cogc.testing.outcome import Case, Outcome

VERSION = 1
KIND = "evaluation"
MOST_LINES = 40
"""How many rows the table in a terminal has."""
Outcomes = list[tuple[Suite, Outcome]]


class BadReport(Exception):
    """A file that is no report of evaluations; its text is the reason, for people."""


@dataclass(slots=True)
class ReadCase:
    """A case of a report that was read: the name of its row ("" without rows), the number of its run, and how it ended."""

    row: str
    run: int
    passed: bool
    message: str
    line: int = 0


@dataclass(slots=True)
class ReadReport:
    """A report that was read: for each test, by file and name, its cases."""

    tests: dict[tuple[str, str], list[ReadCase]] = field(default_factory=dict)


# ---- for people ------------------------------------------------------------------------------------------------


def rate_words(outcome: Outcome) -> str:
    """Return the rate of an evaluation in words, with its interval, and what the models have used."""
    rate = outcome.rate
    assert rate is not None
    what = "rows" if outcome.test.rows is not None and all(c.number == 1 for c in outcome.cases) else "runs"
    words = f"{rate.passed} of {rate.runs} {what} passed"
    if rate.runs > 1:
        words += f": {_percent(rate.share)} (95%: {_percent(rate.interval[0])} to {_percent(rate.interval[1])})"
    if rate.needed < 1:
        words += f", {_percent(rate.needed)} needed"
    if outcome.why:
        words += f"; {outcome.why}"
    if outcome.used.calls and any(c.asked for c in outcome.cases):
        words += f"; {outcome.used.calls} requests, {outcome.used.tokens:,} tokens, {cost_words(outcome)}"
    return words


def cost_words(of: Outcome | Case) -> str:
    """Return what models have cost, in words."""
    return f"${of.used.usd:.6f}" if not of.unpriced else f"cost unknown (no price of {', '.join(sorted(of.unpriced))})"


def _dollars(of: Outcome | Case) -> float | None:
    """Return what models have cost, or None if nobody knows the price of one."""
    return round(of.used.usd, 9) if not of.unpriced else None


def _percent(share: float) -> str:
    return f"{share * 100:.1f}%".replace(".0%", "%")


def table(outcome: Outcome) -> list[str]:
    """Return a table of an evaluation's rows, or of its runs where it has none: what failed first, then the rest."""
    groups: dict[str, list[Case]] = {}
    for case in outcome.cases:
        groups.setdefault(case.row.said if case.row is not None else str(case.number), []).append(case)
    ordered = sorted(groups.items(), key=lambda one: all(c.passed for c in one[1]))
    head = ("row" if outcome.test.rows is not None else "run", "passed", "score", "first failure")
    lines = [head, *(_line(name, cases) for name, cases in ordered[:MOST_LINES])]
    scored = any(line[2] for line in lines[1:])
    kept = [0, 1, 2, 3] if scored else [0, 1, 3]
    widths = [max(len(line[i]) for line in lines) for i in kept]
    found = ["  ".join(line[i].ljust(w) for i, w in zip(kept, widths, strict=True)).rstrip() for line in lines]
    return found + (
        [f"and {len(ordered) - MOST_LINES} more, which passed or are alike"] if len(ordered) > MOST_LINES else []
    )


def _line(name: str, cases: list[Case]) -> tuple[str, str, str, str]:
    """Return the line of a row: its name, how often it passed, the mean of its scores, and its first failure."""
    passed = sum(c.passed for c in cases)
    word = f"{passed}/{len(cases)}" if len(cases) > 1 else "yes" if passed else "no"
    scores = [v.score for c in cases for v in c.scores.values()]
    first = next((c.refusal for c in cases if c.refusal is not None), None)
    short = name if len(name) <= 24 else f"{name[:21]}..."
    told = "" if first is None else " ".join([first.line, *(f"{n} = {v}" for n, v in first.facts[:1])])
    return (
        short,
        word,
        f"{sum(scores) / len(scores):.2f}" if scores else "",
        told if len(told) <= 90 else f"{told[:87]}...",
    )


# ---- JSON ------------------------------------------------------------------------------------------------------


def case_record(case: Case) -> dict[str, Any]:
    """Return one case as JSON data."""
    found: dict[str, Any] = {"run": case.number, "passed": case.passed, "seconds": round(case.seconds, 6)}
    if case.row is not None:
        found["row"] = {"line": case.row.line, "key": case.row.key, "value": plain(case.row.value)}
    if case.refusal is not None:
        line, column = case.refusal.where
        found["failure"] = {
            "message": case.refusal.line,
            "line": line,
            "column": column,
            "values": dict(case.refusal.facts),
        }
    if case.scores:
        found["scores"] = {text: {"score": v.score, "reason": v.reason} for text, v in case.scores.items()}
    found["outputs"] = plain(case.outputs)
    found["used"] = {"requests": case.asked, "tokens": case.used.tokens, "usd": _dollars(case)}
    if case.recording:
        found["recording"] = case.recording
    return found


def rate_record(outcome: Outcome) -> dict[str, Any]:
    """Return the rate of an evaluation as JSON data."""
    rate = outcome.rate
    assert rate is not None
    low, high = rate.interval
    return {
        "passed": rate.passed, "runs": rate.runs, "share": round(rate.share, 6), "low": round(low, 6), "high": round(high, 6),
        "needed": rate.needed, "ended": outcome.why, "tokens": outcome.used.tokens, "usd": _dollars(outcome),
    }  # fmt: skip


def lines(outcomes: Outcomes, seed: int) -> bytes:
    """Return the evaluations among outcomes as JSON Lines."""
    found: list[dict[str, Any]] = [{"v": VERSION, "kind": KIND, "seed": seed}]
    for suite, outcome in outcomes:
        if outcome.rate is None:
            continue
        of = {"file": suite.path, "test": outcome.test.name}
        found += [{"kind": "case", **of, **case_record(c)} for c in outcome.cases]
        found.append(
            {
                "kind": "test",
                **of,
                "line": outcome.test.line,
                "passed": outcome.passed,
                "rate": rate_record(outcome),
            }
        )
    return visible_bytes("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in found).encode())


def is_report(text: str) -> bool:
    """Return whether a text begins like a report of evaluations."""
    try:
        head = json.loads(text.splitlines()[0])
    except (ValueError, IndexError, RecursionError):
        return False
    return isinstance(head, dict) and head.get("kind") == KIND


def is_page(text: str) -> bool:
    """Return whether a text begins like a page of evaluations (`eval_page.py`)."""
    return text.startswith("<!doctype html>") and "<title>Evaluations</title>" in text[:400]


def load(path: str) -> ReadReport:
    """Read a report. Raise BadReport."""
    try:
        refuse_unreadable(path)
        text = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise BadReport((error.strerror or str(error)).lower()) from None
    except UnicodeDecodeError:
        raise BadReport("it is no report of `cogc test --eval`") from None
    if not is_report(text):
        raise BadReport("it is no report of `cogc test --eval`")
    report = ReadReport()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            if given["kind"] == KIND and given["v"] != VERSION:
                raise BadReport(f"it has version {given['v']}, and this cogc reads version {VERSION}")
            if given["kind"] == "case":
                report.tests.setdefault((str(given["file"]), str(given["test"])), []).append(_case(given))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise BadReport(f"line {number} is damaged") from None
    return report


def _case(given: dict[str, Any]) -> ReadCase:
    row, failure = given.get("row") or {}, given.get("failure") or {}
    passed, run = given["passed"], given["run"]
    if not isinstance(passed, bool) or type(run) is not int:
        raise TypeError
    return ReadCase(str(row.get("key", "")), run, passed, str(failure.get("message", "")), int(row.get("line", 0)))
