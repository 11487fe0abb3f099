"""Check that numbers and durations lie in their ranges, where their values are known before a run."""

from __future__ import annotations

from cogc.analysis import reports
from cogc.analysis.scope import Scope
from cogc.language.limits import RECORDS, outside, outside_pool
from cogc.language.types import ANY, INT
from cogc.language.values import Duration
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.analysis.infer import Inference
    from cogc.language.types import Type

_GUARDED = frozenset(["await", "parallel"])
"""The places in bodies, where a condition may guard it."""


def known_value(node: nodes.Expr, scope: Scope, inference: Inference) -> Any:
    """Return the value of an expression; None where only a run knows it, or where the evaluation fails."""
    if isinstance(node, nodes.Literal):
        return Duration(int(node.value or 0)) if node.kind == "duration" else node.value
    from cogc.analysis.constant import Evaluator
    from cogc.analysis.outcomes import Unknown, Wrong  # start-up: most values are literals

    try:
        return Evaluator(inference, scope).value(node)
    except (Unknown, Wrong):
        return None


def check_range(name: str, node: nodes.Expr, scope: Scope, inference: Inference, wanted: Type = ANY) -> None:
    """Report a value that lies outside of the range of `name`; of a record, its fields.

    A value that has to be evaluated is looked at when all types are known; `wanted` is its type.
    """
    if isinstance(node, nodes.Literal):
        _outside(name, node, scope, inference)
        return

    def look() -> None:
        if _evaluated(node, scope, inference, wanted, fails=name not in _GUARDED):
            _outside(name, node, scope, inference)

    inference.tables.late.append(look)


def check_count(node: nodes.Expr, scope: Scope, inference: Inference) -> None:
    """Report a number of replicas that no child can have."""
    inference.check(node, scope, INT)

    def look() -> None:
        count = known_value(node, scope, inference) if _evaluated(node, scope, inference, INT) else None
        if type(count) is int and (wanted := outside_pool(count, None)):
            inference.problems.add("out-of-range", scope.unit.span(node), name=f"* {count}", wanted=wanted)

    inference.tables.late.append(look)


def _evaluated(node: nodes.Expr, scope: Scope, inference: Inference, wanted: Type, fails: bool = True) -> bool:
    """Evaluate a value; return False if that fails, and report it if it `fails` whenever it is reached."""
    if isinstance(node, nodes.Literal):
        return True
    from cogc.analysis.constant import Evaluator  # start-up: most values are literals
    from cogc.analysis.outcomes import Unknown, Wrong

    try:
        Evaluator(inference, scope).value(node, wanted)
    except Unknown:
        pass
    except Wrong as wrong:
        if fails:
            reports.failing(inference.world, inference.problems, wrong)
        return False
    return True


def _outside(name: str, node: nodes.Expr, scope: Scope, inference: Inference) -> None:
    if name in RECORDS and isinstance(node, nodes.RecordLiteral):
        for entry in node.entries:
            if isinstance(entry, nodes.Entry):
                _outside(entry.key.id, entry.value, scope, inference)
        return
    value = known_value(node, scope, inference)
    wrong = {n: outside(n, v) for n, v in value.items()} if name in RECORDS and isinstance(value, dict) else {}
    wrong[name] = outside(name, value)
    for key, wanted in wrong.items():
        if wanted:
            help = None if isinstance(node, nodes.Literal) else f"it is `{value!r}` here"
            inference.problems.add("out-of-range", scope.unit.span(node), help=help, name=key, wanted=wanted)
