"""Types that a condition narrows: `facts(tables, condition, truth, scope)` gives the narrower types of paths.

The conditions that narrow are `x == null`, `x == literal`, `x in [literals]`, `x is T`, a bool by itself, and `not`, `and`
and `or` of these. Any other condition narrows nothing.
"""

from __future__ import annotations

from cogc.analysis.scope import Scope, path_of
from cogc.language import types
from cogc.language.types import ANY, NULL, LiteralOf, Type
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.tables import Tables


def facts(tables: Tables, node: nodes.Expr, truth: bool, scope: Scope) -> dict[str, Type]:
    """Return the types of paths where the condition `node` is `truth`; its parts have been inferred before."""
    match node:
        case nodes.Unary(operator="not", operand=operand):
            return facts(tables, operand, not truth, scope)
        case nodes.Binary(operator="and" | "or" as operator):
            found = [facts(tables, part, truth, scope) for part in _operands(node)]
            return _all(found) if (operator == "and") == truth else _either(found)
        case nodes.Binary(operator="==" | "!=" as operator, left=left, right=right):
            same = (operator == "==") == truth
            return _equal(tables, left, right, same) or _equal(tables, right, left, same)
        case nodes.Binary(operator="in" | "not in" as operator, left=left, right=nodes.ListLiteral(items=items)):
            return _within(tables, left, items, (operator == "in") == truth)
        case nodes.TypeTest(value=value, type=wanted):
            return _tested(tables, value, tables.types.get(id(wanted), ANY), truth)
        case nodes.Name() | nodes.Field():
            path, found_type = path_of(node), tables.types.get(id(node), ANY)
            if path is not None and types.fit(found_type, types.BOOL) > types.NO and found_type != ANY:
                return {path: LiteralOf("bool", truth)}
            if path is not None and truth and types.without(found_type, NULL) != types.NEVER:
                return {path: types.without(found_type, NULL)}  # reported: a condition is a bool
    return {}


def of_either(first: tuple[nodes.Expr, Type], second: tuple[nodes.Expr, Type]) -> Type:
    """Return the type of one of two values. A record literal that fits the type of the other value has that type: `(x ?? {}).name`."""
    for (node, found), (_, other) in ((second, first), (first, second)):
        if isinstance(node, nodes.RecordLiteral) and other != ANY and types.fit(found, other) == types.EXACT:
            return other
    return types.union((first[1], second[1]))


def _operands(node: nodes.Binary) -> list[nodes.Expr]:
    """Return the parts of a chain of one operator: `a`, `b` and `c` of `a and b and c`."""
    parts = [node.right]
    while isinstance(node.left, nodes.Binary) and node.left.operator == node.operator:
        node = node.left
        parts.append(node.right)
    return [node.left, *reversed(parts)]


def _all(found: list[dict[str, Type]]) -> dict[str, Type]:
    return {path: type for known in found for path, type in known.items()}


def _either(found: list[dict[str, Type]]) -> dict[str, Type]:
    paths = [p for p in found[0] if all(p in known for known in found)]
    return {p: types.union([known[p] for known in found]) for p in paths}


def _equal(tables: Tables, node: nodes.Expr, other: nodes.Expr, same: bool) -> dict[str, Type]:
    path = path_of(node)
    known = tables.types.get(id(node))
    value = tables.types.get(id(other))
    if path is not None and any(name is other for name, _ in tables.unknown):
        return {path: ANY}  # reported; what it was meant to be is not known
    if path is None or known is None or not isinstance(other, nodes.Literal | nodes.Text):
        return {}
    if not isinstance(value, LiteralOf) and value != NULL:
        return {}
    if not same:
        return {path: types.without(known, value)}
    return {path: value if known == ANY or types.fit(value, known) > types.NO else known}


def _within(tables: Tables, node: nodes.Expr, items: tuple[nodes.Expr, ...], inside: bool) -> dict[str, Type]:
    path, known = path_of(node), tables.types.get(id(node), ANY)
    values = [tables.types.get(id(i)) for i in items]
    if path is None or not all(isinstance(v, LiteralOf) or v == NULL for v in values):
        return {}
    if inside:
        return {path: types.union([v for v in values if v is not None])}
    gone = {v for v in values if v is not None}
    return {path: types.union([m for m in types.members(known) if m not in gone])}


def _tested(tables: Tables, node: nodes.Expr, wanted: Type, truth: bool) -> dict[str, Type]:
    path, known = path_of(node), tables.types.get(id(node), ANY)
    if path is None:
        return {}
    if truth:
        inside = [m for m in types.members(known) if types.fit(m, wanted) >= types.COERCED]
        return {path: types.union(inside) if inside and known != ANY else wanted}
    outside = [m for m in types.members(known) if types.fit(m, wanted) < types.COERCED]
    return {path: types.union(outside)} if outside and known != ANY else {}
