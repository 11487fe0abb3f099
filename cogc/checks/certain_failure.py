"""Expressions in bodies that fail at every message: a division by a literal zero, an index outside of a literal list or text.

A division by a constant that is zero counts too, where nothing else in the phrase names the constant: a condition on it
would guard the division. `failing_start` evaluates the constants themselves.
"""

from __future__ import annotations

import re
from operator import add, mul, sub

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit

DIVISIONS = ("/", "//", "%")
_EXACT = {"+": add, "-": sub, "*": mul}
_PHRASES = (nodes.Reaction, nodes.Enact, nodes.Program)


def certain_failure(checked: Checked) -> None:
    """Report each expression that is certain to fail, except those inside of a `try`."""
    for unit in checked.world.roots:
        found = {id(n): (n, why) for n, why in _failing(checked, unit)}
        for attempt in unit.all(nodes.Try) if found else ():
            for inner in nodes.walk(attempt.value):
                found.pop(id(inner), None)
        for node, why in found.values():
            checked.problems.add("certain-failure", unit.span(node), reason=why)


def _failing(checked: Checked, unit: Unit) -> list[tuple[nodes.Expr, str]]:
    """Return the divisions and indexes of a file that are certain to fail, each with the reason."""
    found: list[tuple[nodes.Expr, str]] = []
    for node in unit.all(nodes.Binary):
        right = node.right
        if node.operator in DIVISIONS:
            if (isinstance(right, nodes.Literal) and right.kind != "bool" and right.value == 0) or (
                isinstance(right, nodes.Name) and _is_zero(checked, right) and _named_once(unit, right)
            ):
                found.append((node, "a division by zero"))
        elif node.operator in _EXACT:
            left, other = _int(node.left), _int(right)
            if (
                left is not None
                and other is not None
                and not -(1 << 63) <= _EXACT[node.operator](left, other) < 1 << 63
            ):
                found.append((node, "an int has 64 bits"))
    for indexed in unit.all(nodes.Index):
        base = indexed.base
        if isinstance(base, nodes.Name) and _int(indexed.index) is not None and _named_once(unit, base):
            base = _const_value(checked, base) or base
        if isinstance(base, nodes.ListLiteral) or (isinstance(base, nodes.Text) and not base.template):
            size, at = len(base.items if isinstance(base, nodes.ListLiteral) else base.value), _int(indexed.index)
            if at is not None and not -size <= at < size:
                found.append((indexed, f"index {at} is out of range: there are {size}"))
    for reaction in unit.all(nodes.Reaction):
        for trigger in reaction.triggers if len(reaction.triggers) == 1 else ():
            found += _beyond(trigger, reaction)
    return found


def _beyond(trigger: nodes.Trigger, reaction: nodes.Reaction) -> list[tuple[nodes.Expr, str]]:
    """Return the indexes behind the end of what `on all(a.x, b.y) as xs` gives, which has one item for each source."""
    if (
        not isinstance(trigger, nodes.On)
        or not isinstance(trigger.pattern, nodes.Name)
        or any(m.kind == "batch" for m in reaction.modifiers)
    ):
        return []
    source = trigger.source
    if not isinstance(source, nodes.Call) or len(source.arguments) < 2:
        return []
    if not isinstance(source.function, nodes.Name) or source.function.id != "all":
        return []
    size, name = len(source.arguments), trigger.pattern
    inner = list(nodes.walk(reaction))
    if any(isinstance(n, nodes.For | nodes.Generator) and n.pattern == name for n in inner):  # which has been reported
        return []
    found: list[tuple[nodes.Expr, str]] = []
    for n in inner:
        if (
            isinstance(n, nodes.Index)
            and n.base == name
            and (at := _int(n.index)) is not None
            and not -size <= at < size
        ):
            found.append((n, f"index {at} is out of range: there are {size}"))
    return found


def _int(node: nodes.Expr) -> int | None:
    """Return the value of an int that is written out, with its sign."""
    if isinstance(node, nodes.Unary) and node.operator == "-":
        inner = _int(node.operand)
        return None if inner is None else -inner
    return node.value if isinstance(node, nodes.Literal) and type(node.value) is int else None


def _is_zero(checked: Checked, name: nodes.Name) -> bool:
    """Return whether a name stands for a constant that is written as zero."""
    value = _const_value(checked, name)
    return isinstance(value, nodes.Literal) and value.value == 0


def _const_value(checked: Checked, name: nodes.Name) -> nodes.Expr | None:
    """Return what is written as the value of a constant; None for a name of another kind."""
    symbol = checked.tables.symbols.get(id(name))
    const = symbol.node if symbol is not None and symbol.kind == "const" else None
    return const.value if isinstance(const, nodes.Const) else None


def _named_once(unit: Unit, name: nodes.Name) -> bool:
    """Return whether the phrase around a name, a member or a declaration, has the name only there."""
    around = [n for kind in _PHRASES for n in unit.all(kind) if n.start <= name.start and name.end <= n.end]
    innermost = max(around, key=lambda n: n.start, default=None)
    if innermost is None:
        return False
    words = re.findall(r"\w+", unit.text(innermost))
    return words.count(name.id) == 1
