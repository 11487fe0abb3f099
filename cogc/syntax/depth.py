"""The depth of trees: `too_deep(tree, source, problems)` reports a tree that later stages cannot walk.

Blocks, expressions and types count, each inside of another one. What is flat to its reader is flat here too and may have any
length: a chain of operators (`a + b + c`), of `else if`, the items of a list. Python bounds how many loops may nest, so that
bound is lower.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.syntax import nodes as n

MAX_DEPTH = 64
MAX_LOOPS = 12
_COUNTED = frozenset([
    n.Block, n.Attribute, n.ListLiteral, n.Comprehension, n.RecordLiteral, n.RecordComprehension, n.Call, n.Field, n.Index,
    n.Slice, n.Unary, n.Binary, n.TypeTest, n.Conditional, n.Try, n.ListType, n.MapType, n.RecordType, n.UnionType,
    n.OptionalType,
])  # fmt: skip

_LEAVES = frozenset([n.Name, n.Literal, str, bool, int, type(None)])


def too_deep(tree: n.Node, source: Source, problems: Problems) -> bool:
    """Report the first place that nests deeper than the limit; return whether there is one."""
    stack: list[tuple[n.Node, int, int]] = [(tree, 0, 0)]
    while stack:
        item, depth, loops = stack.pop()
        if item.__class__ in _COUNTED:
            depth += 1
        elif item.__class__ is n.For:
            loops += 1
        if depth > MAX_DEPTH or loops > MAX_LOOPS:
            limit = MAX_LOOPS if loops > MAX_LOOPS else MAX_DEPTH
            problems.add("too-deep", Span(source, item.start, min(item.end, item.start + 1)), limit=limit)
            return True
        before = len(stack)
        for field in item.__class__._compared_:
            part = getattr(item, field)
            if part.__class__ is tuple:
                stack += [(p, depth, loops) for p in _inside(part)]
            elif part.__class__ not in _LEAVES and isinstance(part, n.Node):
                chained = part.__class__ is n.Binary and field == "left" and item.__class__ is n.Binary
                stack.append((part, depth - chained, loops))
        stack[before:] = reversed(stack[before:])  # the first place in the text is to be found first
    return False


def _inside(values: tuple[object, ...]) -> list[n.Node]:
    """Return the nodes of a tuple and of the tuples in it."""
    found: list[n.Node] = []
    for value in values:
        if isinstance(value, n.Node):
            found.append(value)
        elif value.__class__ is tuple:
            found += _inside(value)
    return found


def parts(node: n.Expr, operator: str) -> list[n.Expr]:
    """Return what an operator joins, in the order of the text: `a`, `b` and `c` of `a and b and c`; a node of another kind is one part."""
    found: list[n.Expr] = []
    pending: list[n.Expr] = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, n.Binary) and part.operator == operator:
            pending += (part.right, part.left)
        else:
            found.append(part)
    return found


def spine(node: n.Binary) -> list[n.Binary]:
    """Return the operators of a chain, the innermost first: of `a + b + c` those behind `a` and behind `b`.

    A chain may have any length, so nothing that follows its left sides may call itself for each of them.
    """
    found = [node]
    while isinstance(left := found[-1].left, n.Binary):
        found.append(left)
    return found[::-1]
