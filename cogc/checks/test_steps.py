"""Steps of tests that never happen: the test ends before their moment, or nothing runs behind them."""

from __future__ import annotations

from cogc.analysis.ranges import known_value
from cogc.analysis.scope import Scope
from cogc.checks.common import sound_units
from cogc.language.limits import PATIENCE
from cogc.language.texts import duration_text
from cogc.language.values import Duration
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def test_steps(checked: Checked) -> None:
    """Report what a test notes for a moment behind its end, and what it does behind its last run."""
    for unit in sound_units(checked):
        for test in unit.all(nodes.Test):
            runs = [i for i, step in enumerate(test.checks, 1) if _passes_time(step)]
            last = runs[-1] if runs else 0
            _behind_the_last_run(checked, unit, test, last)
            _behind_the_end(checked, unit, test, last)


def _behind_the_last_run(checked: Checked, unit: Unit, test: nodes.Test, runs: int) -> None:
    """Report the first message, command or disturbance behind which no time passes: the system never takes it."""
    for step in test.checks[runs:]:
        if isinstance(step, nodes.Feed | nodes.Order | nodes.Crash | nodes.Disturb):
            behind = "no `run` or `expect eventually` stands behind it" if runs else "the test never runs its system"
            help = "add `run 1s` behind it, or `expect eventually ...`"
            checked.problems.add("no-effect", unit.span(step), help=help, what="this step", why=behind)
            return


def _passes_time(step: nodes.Check) -> bool:
    """Return whether the system runs in a step."""
    return isinstance(step, nodes.Run | nodes.Advance) or (isinstance(step, nodes.Expect) and step.when == "eventually")


def _behind_the_end(checked: Checked, unit: Unit, test: nodes.Test, runs: int) -> None:
    """Report each moment that lies behind all the time that passes in a test, of the steps in front of the end of its last run."""
    end = 0
    for step in test.checks:
        lasts = _lasting(checked, unit, step)
        if lasts is None:
            return
        end += lasts
    for step in test.checks[:runs]:
        at = step.at if isinstance(step, nodes.Feed | nodes.Order | nodes.Crash | nodes.Disturb | nodes.Kill) else None
        moment = None if at is None else _nanos(checked, unit, at)
        if at is not None and moment is not None and moment > end:
            help, why = "let the test run longer, or do it earlier", f"the test ends at {duration_text(end)}"
            checked.problems.add("no-effect", unit.span(at), help=help, what="this step", why=why)


def _lasting(checked: Checked, unit: Unit, step: nodes.Check) -> int | None:
    """Return the nanoseconds that a step takes at most; None if only a run knows."""
    match step:
        case nodes.Run(duration=None):
            return PATIENCE
        case nodes.Expect(when="eventually", within=within):
            return PATIENCE if within is None else _nanos(checked, unit, within)
        case nodes.Run(duration=lasts) | nodes.Advance(duration=lasts) | nodes.Kill(duration=lasts):
            return 0 if lasts is None else _nanos(checked, unit, lasts)
        case _:
            return 0


def _nanos(checked: Checked, unit: Unit, node: nodes.Expr) -> int | None:
    """Return the nanoseconds of a duration that is known before a run."""
    value = known_value(node, Scope(checked.world, unit), checked.inference)
    return value.nanos if isinstance(value, Duration) else None
