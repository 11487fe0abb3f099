"""Compile one expression or template that is not part of a spec: a condition of the command line, a program given at run time.

In: the text, and the types of the names that it may use. Out: its IR, with types of its own.
"""

from __future__ import annotations

from cogc import ir
from cogc.analysis.checked import Checked, Options
from cogc.analysis.scope import Scope
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language import types
from cogc.lowering.expressions import Lowering
from cogc.lowering.lower import Lower
from cogc.lowering.tables import Place
from cogc.names.world import Unit, World
from cogc.syntax import nodes, parse_cog


class Compiled:
    """An expression's IR, the bundle of the types that it refers to, and the type that was inferred for it."""

    __slots__ = ("bundle", "type", "value")

    def __init__(self, value: ir.Expr, bundle: ir.Bundle, type: types.Type) -> None:
        self.value = value
        self.bundle = bundle
        self.type = type


def compile_text(
    where: str,
    text: str,
    names: dict[str, types.Type],
    problems: Problems,
    wanted: types.Type | None = None,
    template: bool = False,
) -> Compiled | None:
    """Return the IR of an expression or a template over some names, which must be of a type; None if it has problems."""
    source = Source(where, text if template else f"const expression = {text}")
    if template:
        value: nodes.Expr = nodes.Text(0, len(text), text, "{{" in text or "{%" in text, ((0, 0),))
        tree = nodes.File(0, len(text), "", ())
    else:
        tree = parse_cog.parse(source, problems)
        found = tree.declarations[0] if tree.declarations else None
        if problems.errors or not isinstance(found, nodes.Const):
            return None
        value = found.value
    unit = Unit(where, source, tree)
    checked = Checked(World(), problems, Options())
    scope = Scope(checked.world, unit)
    for name, type in names.items():
        scope.bind(name, type)
    inferred = checked.inference.infer(value, scope) if wanted is None else types.ANY
    if wanted is not None:
        checked.inference.check(value, scope, wanted)
    if problems.errors:
        return None
    tables = Lower(checked).tables
    lowering = Lowering(tables, Place(unit, locals=frozenset(names)))
    lowered = lowering.expr(value) if wanted is None else lowering.checked(value, wanted)
    return Compiled(lowered, ir.Bundle(types=tables.types, named=tables.named), inferred)
