"""How deep a tree nests: `too_deep(tree, source, problems)` reports a tree that later stages cannot walk.

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
_COUNTED = (
    n.Block, n.Attribute, n.ListLiteral, n.Comprehension, n.RecordLiteral, n.RecordComprehension, n.Call, n.Field, n.Index,
    n.Slice, n.Unary, n.Binary, n.TypeTest, n.Conditional, n.Try, n.ListType, n.MapType, n.RecordType, n.UnionType,
    n.OptionalType,
)  # fmt: skip


def too_deep(tree: n.Node, source: Source, problems: Problems) -> bool:
    """Report the first place that nests deeper than the limit; return whether there is one."""
    stack: list[tuple[object, int, int]] = [(tree, 0, 0)]
    while stack:
        item, depth, loops = stack.pop()
        if isinstance(item, tuple):
            stack.extend((part, depth, loops) for part in reversed(item))
        elif isinstance(item, n.Node):
            depth += isinstance(item, _COUNTED)
            loops += isinstance(item, n.For)
            if depth > MAX_DEPTH or loops > MAX_LOOPS:
                limit = MAX_LOOPS if loops > MAX_LOOPS else MAX_DEPTH
                problems.add("too-deep", Span(source, item.start, min(item.end, item.start + 1)), limit=limit)
                return True
            for field in reversed(item.__class__._compared_):
                part = getattr(item, field)
                chained = field == "left" and isinstance(item, n.Binary) and isinstance(part, n.Binary)
                stack.append((part, depth - chained, loops))
    return False
