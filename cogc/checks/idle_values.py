"""Values that are computed for nothing: a call without an effect whose result is dropped, `parallel`
around what does not wait, a criterion that every work meets."""

from __future__ import annotations

from cogc.analysis.infer import PURE_EXECUTORS
from cogc.checks.common import extended_plans_and_dods, sound_units
from cogc.desugar import dods
from cogc.language.builtins import RUN_TIME_ONLY
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def idle_values(checked: Checked) -> None:
    """Report values that change nothing."""
    extended = extended_plans_and_dods(checked)
    for unit in sound_units(checked):
        for block in unit.all(nodes.Block):
            for statement in block.statements:
                if isinstance(statement, nodes.Evaluate) and isinstance(statement.value, nodes.Call):
                    _dropped(checked, unit, statement.value)
        for listed in unit.all(nodes.Comprehension):
            calls = [n for n in nodes.walk(listed.item) if isinstance(n, nodes.Call)]
            if listed.parallel and not any(id(c) in checked.tables.waiting for c in calls):
                why = "no call of its item waits"
                checked.problems.add("no-effect", unit.span(listed), what="`parallel`", why=why)
        for dod in unit.all(nodes.Dod):
            for criterion in dod.criteria if id(dod) not in extended else ():
                _met(checked, unit, criterion)


def _dropped(checked: Checked, unit: Unit, call: nodes.Call) -> None:
    """Report a call that only computes a value, which nothing takes."""
    symbol = checked.tables.symbols.get(id(call.function))
    if symbol is None or any(id(n) in checked.tables.waiting for n in nodes.walk(call)):
        return
    computes = symbol.kind == "function" and symbol.name not in RUN_TIME_ONLY
    if isinstance(symbol.node, nodes.Program):
        computes = symbol.node.executor.kind.id in PURE_EXECUTORS
    if computes:
        what, why = f"this call of `{symbol.name}`", "it only computes a value, and nothing takes it"
        checked.problems.add("no-effect", unit.span(call), what=what, why=why)


def _met(checked: Checked, unit: Unit, criterion: dods.Criterion) -> None:
    """Report a threshold that every work reaches."""
    least: nodes.Node | None = None
    if isinstance(criterion, nodes.Judge):
        least = criterion.threshold
    elif isinstance(criterion, nodes.Attribute) and dods.word(criterion) == "coverage":
        least = getattr(criterion.value, "right", None)
    if isinstance(least, nodes.Literal) and least.value == 0 and not isinstance(least.value, bool):
        checked.problems.add("one-outcome", unit.span(criterion), what="this criterion", outcome="met")
