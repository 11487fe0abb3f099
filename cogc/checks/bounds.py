"""Comparisons that are read together: whether some of them can hold at once, by the ranges of numbers and the words that they name."""

from __future__ import annotations

from cogc.analysis.ranges import known_value
from cogc.language.values import Duration
from cogc.syntax import nodes
from cogc.syntax.depth import parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cogc.analysis.checked import Checked
    from cogc.analysis.scope import Scope

    Range = tuple[float, float, bool, bool]
    Fact = tuple[str, str, float | str, bool]
    """A comparison as it is read: the text of an expression, an operator, the number or text that it is compared with, and whether
    the expression is a length."""
    Compared = tuple[nodes.Binary, str]
    """A comparison, and the operator by which it is read: its own, or the opposite one."""


NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_INFINITE = float("inf")


def all_of(node: nodes.Expr) -> list[Compared]:
    """Return the comparisons that all hold where a condition holds."""
    return [(p, p.operator) for p in parts(node, "and") if isinstance(p, nodes.Binary) and p.operator in NEGATED]


def none_of(node: nodes.Expr) -> list[Compared]:
    """Return the comparisons that all hold, each as its opposite, where a condition does not hold."""
    found = [p for p in parts(node, "or") if isinstance(p, nodes.Binary) and p.operator in NEGATED]
    return [(p, NEGATED[p.operator]) for p in found]


def exclude(checked: Checked, scope: Scope, compared: Iterable[Compared]) -> bool:
    """Return whether comparisons exclude each other."""
    found = [fact for part, operator in compared if (fact := fact_of(checked, scope, part, operator)) is not None]
    return len(found) > 0 and clash(found)


def fact_of(checked: Checked, scope: Scope, part: nodes.Binary, operator: str) -> Fact | None:
    """Return what a comparison says of an expression; None where it compares with no number and no text that is written out."""
    name, value = part.left, part.right
    if isinstance(name, nodes.Literal | nodes.Text) or (_is_const(checked, name) and not _is_const(checked, value)):
        name, operator, value = value, _TURNED[operator], name
    said: float | str | None = None
    if isinstance(value, nodes.Text):
        said = None if value.template or operator not in ("==", "!=") else value.value
    else:
        said = number_of(checked, value, scope)
    if said is None or _is_const(checked, name):
        return None  # a constant is a switch of the file, which somebody may turn
    if isinstance(name, nodes.Name):
        return (name.id, operator, said, False)
    is_length = _is_length(name)
    if not is_length and any(isinstance(n, nodes.Call | nodes.Try) for n in nodes.walk(name)):
        return None
    return (scope.unit.text(name), operator, said, is_length)


def clash(facts: Iterable[Fact]) -> bool:
    """Return whether facts exclude each other: bounds without a number between, two words, a word that is not another."""
    ranges: dict[str, Range] = {}
    words: dict[str, str] = {}
    others: set[tuple[str, str]] = set()
    for key, operator, said, is_length in facts:
        if isinstance(said, str):
            if operator == "!=":
                others.add((key, said))
            elif words.setdefault(key, said) != said:
                return True
            continue
        if operator == "!=":
            continue
        before = ranges.get(key) or (0 if is_length else -_INFINITE, _INFINITE, False, False)
        low, high, above, below = ranges[key] = _narrowed(before, operator, said)
        if low > high or (low == high and (above or below)):
            return True
    return any(pair in others for pair in words.items())


def number_of(checked: Checked, node: nodes.Expr, scope: Scope) -> float | None:
    """Return the number or the duration that an expression is: a literal, or the name of a constant."""
    if isinstance(node, nodes.Unary) and node.operator == "-":
        inner = number_of(checked, node.operand, scope)
        return None if inner is None else -inner
    if isinstance(node, nodes.Literal) and node.kind in ("int", "float", "duration"):
        return node.value  # an int stays one: a float has no room for each of them
    found = known_value(node, scope, checked.inference) if _is_const(checked, node) else None
    if isinstance(found, Duration):
        return found.nanos
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def _is_const(checked: Checked, node: nodes.Expr) -> bool:
    symbol = checked.tables.symbols.get(id(node)) if isinstance(node, nodes.Name | nodes.Field) else None
    return symbol is not None and symbol.kind == "const"


def _is_length(node: nodes.Expr) -> bool:
    """Return whether an expression is `len(x)` of a name or a path, which is never less than 0."""
    is_call = isinstance(node, nodes.Call) and isinstance(node.function, nodes.Name) and node.function.id == "len"
    return is_call and sum(isinstance(n, nodes.Call) for n in nodes.walk(node)) == 1


def _narrowed(before: Range, operator: str, number: float) -> Range:
    """Return a range, as low, high and whether each end is left out, behind one comparison."""
    low, high, above, below = before
    if operator in (">", ">=", "==") and (number > low or (number == low and operator == ">")):
        low, above = number, operator == ">"
    if operator in ("<", "<=", "==") and (number < high or (number == high and operator == "<")):
        high, below = number, operator == "<"
    return low, high, above, below
