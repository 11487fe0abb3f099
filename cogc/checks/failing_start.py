"""Values that fail when a program starts: constants that fail or need themselves, and all that is computed from them.

Nearly every such value is a literal and is recognised here. All others are evaluated by `analysis/starting.py`.
"""

from __future__ import annotations

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.analysis.checked import Checked
    from cogc.names.world import Shape, Unit


def failing_start(checked: Checked) -> None:
    """Report each value of a start that is certain to fail, at the smallest expression that is to blame."""
    units = [u for u in checked.world.units.values() if not u.is_std or u in checked.world.roots]
    known = set(units)
    shapes = [s for s in checked.world.shapes.values() if s.unit in known]
    shapes = [s for s in shapes if s.declared in ("coglet", "mixin")]
    counts = (c.node.count for s in shapes for c in s.children.values() if c.node.count is not None)
    if all(map(_literal, _values(units, shapes))) and all(map(_is_sound, counts)):
        return
    from cogc.analysis.starting import check_consts, check_starts  # start-up: few files compute what they start with

    check_consts(checked, units)
    check_starts(checked, shapes)


def _literal(node: nodes.Expr) -> bool:
    """Return whether an expression is written out, so that its type says everything about it."""
    match node:
        case nodes.Literal():
            return True
        case nodes.Text(template=template):
            return not template
        case nodes.ListLiteral(items=items):
            return all(map(_literal, items))
        case nodes.RecordLiteral(entries=entries):
            return all(isinstance(e, nodes.Entry) and _literal(e.value) for e in entries)
    return False


def _values(units: list[Unit], shapes: list[Shape]) -> Iterator[nodes.Expr]:
    """Yield every expression that is evaluated when a program starts, but for the numbers of members."""
    for unit in units:
        for const in unit.all(nodes.Const):
            yield const.value
    for shape in shapes:
        for p in shape.parameters.values():
            if p.default is not None:
                yield p.default
        for state in shape.states.values():
            yield state.node.value
        for child in shape.children.values():
            yield from _of_child(child.node)
        for use in shape.mixins:
            if use.node is not None:
                yield from (a.value for a in use.node.arguments)
        for reaction in shape.reactions:
            yield from (t.period for t in reaction.node.triggers if isinstance(t, nodes.Every))


def _is_sound(count: nodes.Count) -> bool:
    """Return whether the number of members is written out, and in its range."""
    from cogc.language.limits import outside_pool  # start-up: few children have a number

    low, high = (b.value if isinstance(b, nodes.Literal) else b for b in (count.low, count.high))
    return type(low) is int and (high is None or type(high) is int) and not outside_pool(low, high)


def _of_child(node: nodes.Create) -> Iterator[nodes.Expr]:
    yield from (a.value for a in node.arguments)
    if node.for_each is not None:
        yield node.for_each.source
