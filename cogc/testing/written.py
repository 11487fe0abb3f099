"""The outcomes of tests as files and for other programs: JSON, JUnit XML, annotations of GitHub."""

from __future__ import annotations

import json
import re
from typing import Any

import cogc.testing.coverage as coverage
from cogc.language.values import plain
from cogc.lowering.tests import Suite
from cogc.testing.coverage import Covered
from cogc.testing.eval_report import case_record, rate_record
from cogc.testing.outcome import Outcome
from cogc.testing.words import again, report, title

Outcomes = list[tuple[Suite, Outcome]]


def as_json(outcomes: Outcomes, seed: int, seconds: float, covered: Covered | None = None) -> str:
    """Return the outcomes as one JSON object: counts, and a list of tests."""
    tests = [_test(s, o, seed) for s, o in outcomes]
    failed = sum(not o.passed for _, o in outcomes)
    whole: dict[str, Any] = {
        "tests": tests,
        "passed": len(tests) - failed,
        "failed": failed,
        "seconds": round(seconds, 6),
        "seed": seed,
    }
    if covered is not None:
        whole["coverage"] = coverage.as_json(covered)
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _test(suite: Suite, outcome: Outcome, seed: int) -> dict[str, Any]:
    """Return one outcome as JSON data."""
    found: dict[str, Any] = {
        "file": suite.path,
        "name": outcome.test.name,
        "line": outcome.test.line,
        "passed": outcome.passed,
        "seconds": round(outcome.seconds, 6),
        "runs": outcome.runs,
    }
    refusal = outcome.refusal
    if refusal is not None:
        line, column = refusal.where
        found["failure"] = {
            "message": refusal.line,
            "line": line,
            "column": column,
            "values": dict(refusal.facts),
            "for": plain(outcome.values),
            "report": report(suite, outcome, seed),
            "again": again(suite, outcome, seed),
        }
    if outcome.rate is not None:
        found["rate"] = rate_record(outcome)
        found["cases"] = [case_record(c) for c in outcome.cases]
    if outcome.sometimes:
        found["sometimes"] = outcome.sometimes
    return found


def github(outcomes: Outcomes, seed: int) -> str:
    """Return a command of GitHub's for each failure, which makes it an annotation of its line."""
    lines = []
    for suite, outcome in outcomes:
        if outcome.refusal is not None:
            line, column = outcome.refusal.where
            where = f"file={_property(suite.path)},line={line},col={column},title={_property(outcome.test.name)}"
            lines.append(f"::error {where}::{_data(chr(10).join(report(suite, outcome, seed)))}")
    return "".join(line + "\n" for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(outcomes: Outcomes, seed: int, seconds: float) -> bytes:
    """Return the outcomes as JUnit XML, a suite for each file."""
    from xml.etree import ElementTree  # for `--junit` alone

    root = ElementTree.Element("testsuites", _counts(outcomes, seconds))
    for path in dict.fromkeys(s.path for s, _ in outcomes):
        own = [(s, o) for s, o in outcomes if s.path == path]
        spent = sum(o.seconds for _, o in own)
        suite = ElementTree.SubElement(root, "testsuite", {"name": _printable(path), **_counts(own, spent)})
        for s, o in own:
            about = {"classname": _printable(path), "name": _printable(o.test.name), "time": f"{o.seconds:.6f}"}
            case = ElementTree.SubElement(
                suite, "testcase", {**about, "file": _printable(path), "line": str(o.test.line)}
            )
            if o.refusal is not None:
                failure = ElementTree.SubElement(case, "failure", {"message": _printable(o.refusal.line)})
                failure.text = _printable("\n".join(report(s, o, seed)))
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _counts(outcomes: Outcomes, seconds: float) -> dict[str, str]:
    failed = sum(not o.passed for _, o in outcomes)
    return {"tests": str(len(outcomes)), "failures": str(failed), "errors": "0", "time": f"{seconds:.6f}"}


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("?", text)


def is_junit(text: str) -> bool:
    """Return whether a text is a report in JUnit XML."""
    return re.match(r"\s*(<\?xml[^>]*\?>\s*)?(<!--.*?-->\s*)*<testsuites?[\s>/]", text, re.DOTALL) is not None


__all__ = ["as_json", "github", "is_junit", "junit", "title"]
