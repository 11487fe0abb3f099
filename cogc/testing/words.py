"""The words about a test for people: a line for each outcome, and the report of a failure."""

from __future__ import annotations

import shlex

from cogc.diagnostics.visible import shown_line
from cogc.lowering.tests import Suite
from cogc.testing.diagram import draw
from cogc.testing.outcome import Outcome
from cogc.testing.shown import shown


def title(suite: Suite, outcome: Outcome) -> str:
    """Return the name of a test with its file."""
    return f"{suite.path}::{outcome.test.name}"


def place(suite: Suite, outcome: Outcome) -> str:
    """Return the place at which a test failed, as `path:line:column`."""
    line, column = outcome.refusal.where if outcome.refusal is not None else (outcome.test.line, 1)
    return f"{shown_line(suite.path)}:{line}:{column}"


def again(suite: Suite, outcome: Outcome, seed: int) -> str:
    """Return the command that runs one test again."""
    words = ["cogc", "test", suite.path, "-k", outcome.test.name]
    return shlex.join(words + (["--seed", str(seed)] if seed else []))


def report(suite: Suite, outcome: Outcome, seed: int) -> list[str]:
    """Return the lines about a failure: what was expected, what was there instead, the way there, the command."""
    refusal = outcome.refusal
    assert refusal is not None
    lines = [f"{place(suite, outcome)}: {refusal.line}"]
    source = suite.lines[refusal.where[0] - 1].strip() if refusal.where[0] <= len(suite.lines) else ""
    if source and source != refusal.line:
        lines.append(f"  | {source}")
    width = max((len(name) for name, _ in refusal.facts), default=0)
    lines += [f"  {name.ljust(width)} = {value}" for name, value in refusal.facts]
    lines += [f"  {note}" for note in refusal.notes]
    for name, value in outcome.values.items():
        found = ", the smallest that was found" if name in outcome.test.binds else ""
        lines.append(f"  for {name} = {shown(value)}{found}")
    diagram = draw(outcome.records)
    if diagram:
        lines += ["  the last messages:", *(f"    {line}" for line in diagram)]
    kept = [c.recording for c in outcome.cases if c.recording and not c.passed]
    if kept:
        more = f" (or one of {len(kept) - 1} more recordings beside it)" if len(kept) > 1 else ""
        return [*lines, f"  again: {shlex.join(['cogc', 'test', suite.path, '--replay', kept[0]])}{more}"]
    return [*lines, f"  again: {again(suite, outcome, seed)}"]
