"""Names of `for` that the loop does not use: of a statement, of a comprehension, and of children that are created for each item."""

from __future__ import annotations

from cogc.checks.common import sound_units
from cogc.checks.words import words_of
from cogc.diagnostics.edits import Edit
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.checks.words import Words
    from cogc.names.world import Unit


def unused_loop_name(checked: Checked) -> None:
    """Report each name of a `for` that stands nowhere else in its loop, unless it begins with `_`. A loop over `range` may only repeat."""
    for unit in sound_units(checked):
        loops: list[tuple[nodes.Node, tuple[nodes.Name, ...]]] = [
            *((loop, _names(loop.pattern, loop.source)) for loop in unit.all(nodes.For)),
            *((made, _names(made.generator.pattern, made.generator.source)) for made in unit.all(nodes.Comprehension)),
            *(
                (made, _names(made.generator.pattern, made.generator.source))
                for made in unit.all(nodes.RecordComprehension)
            ),
            *(
                (c, _names(c.for_each.name, c.for_each.source))
                for c in unit.all(nodes.Create)
                if c.for_each is not None
            ),
        ]
        if any(names for _, names in loops):
            words = words_of(unit)
            for owner, names in loops:
                _look(checked, unit, words, owner, names)


def _names(pattern: nodes.Pattern, source: nodes.Expr) -> tuple[nodes.Name, ...]:
    """Return the names that a loop gives to its items, none for one that counts."""
    if isinstance(source, nodes.Call) and isinstance(source.function, nodes.Name) and source.function.id == "range":
        return ()
    return nodes.names_of(pattern)


def _look(checked: Checked, unit: Unit, words: Words, owner: nodes.Node, names: tuple[nodes.Name, ...]) -> None:
    for name in names:
        if not name.id.startswith("_") and words.count(name.id, owner) == 1:
            span = unit.span(name)
            edits = (Edit(span, f"_{name.id}"),)
            checked.problems.add("unused-loop-name", span, edits=edits, name=name.id)
