"""Judges of tests: a model gives what came of a test a score from 0 to 1.

`stdlib/judge.cog` is a system of its own, with one conversation: so a judge has the retries, the checks of answers and the
budgets that any request to a model has. It runs beside the system of the test, on a clock of its own, and its requests are
answered by the scripts of the test under the name of its model.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cogc import ir
from cogc.diagnostics.problems import Problems
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.loading import bundle_of
from cogc.lowering.tests import ExpectJudge

if TYPE_CHECKING:
    from cogc.testing.rehearsal import Rehearsal

SPEC = "std/judge.cog"
ROOT = "Judge"
LEAST = 0.7
"""The least score that passes where a test does not say one."""
PATIENCE = 3_600_000_000_000
"""How long a judge may take, in nanoseconds of its own clock; its timeout comes first."""


class Verdict(NamedTuple):
    """The verdict of a judge: a score from 0 to 1, and why."""

    score: float
    reason: str


@cache
def _bundle() -> ir.Bundle:
    """Return the program of the judge, whose model is a placeholder."""
    problems = Problems()
    found = bundle_of(SPEC, ROOT, frozenset(), problems)
    assert found is not None, problems.sorted()
    return found


def unit_of(test: Unit, step: ExpectJudge) -> Unit:
    """Return the program of a judge that asks the models of a step, which are those of a test's program."""
    bundle = _bundle()
    models = {
        key: msgspec.structs.replace(
            test.bundle.models[key],
            attributes={name: ir.Const(value) for name, value in test.model(key).items()},
            at=-1,
        )
        for key in step.models
    }
    first, *others = step.models
    programs = {
        key: msgspec.structs.replace(p, model=first, fallbacks=others) if p.kind == "llm" else p
        for key, p in bundle.programs.items()
    }
    return Unit(msgspec.structs.replace(bundle, models=models, programs=programs, secrets=test.bundle.secrets))


async def verdict(judge: Rehearsal, question: str) -> Verdict:
    """Let a judge answer. Raise Failure if it cannot, and whatever a session of a test raises."""
    judge.options.keep = None
    judge.begin()
    judge.kernel.input("question", question)
    await judge.play(PATIENCE, lambda: bool(judge.last))
    if "failed" in judge.last:
        raise Failure("program", f"the judge gave no verdict: {judge.last['failed']}")
    found = judge.last.get("verdict")
    if not isinstance(found, dict):
        raise Failure("program", "the judge gave no verdict: its model never answers")
    score = float(found["score"])
    if not 0 <= score <= 1:
        raise Failure("program", f"the judge's score is {score:g}, not from 0 to 1")
    return Verdict(score, str(found["reason"]))
