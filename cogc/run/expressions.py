"""Expressions of the command line over what a run puts out: `--until 'verdict'`, `--until 'len(count) == 5'`.

Each transmit channel of the root is a name for the list of the messages sent on it so far; a list as the whole
condition asks whether it has anything in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cogc import ir, nodes, parse_cog, types
from cogc.check import Checked, Options
from cogc.diagnostics import Problems
from cogc.kernel.code import Coder
from cogc.kernel.validate import Validators
from cogc.lower import Lower
from cogc.lower_expressions import Lowering, Place
from cogc.scope import Scope
from cogc.source import Source
from cogc.world import Unit, World


def until(bundle: ir.Bundle, text: str, problems: Problems) -> Callable[[dict[str, list[Any]]], bool] | None:
    """The condition as a function of the outputs, or None and problems."""
    source = Source("--until", f"const condition = {text}")
    tree = parse_cog.parse(source, problems)
    if problems.errors or not tree.declarations or not isinstance(tree.declarations[0], nodes.Const):
        return None
    unit = Unit("--until", source, tree)
    checked = Checked(World(), problems, Options())
    scope = Scope(checked.world, unit)
    named: dict[str, types.Type] = {}
    named.update({k: types.from_json(t, named) for k, t in bundle.named.items()})
    names = []
    for channel in bundle.coglets[bundle.root].transmits:
        names.append(channel.name)
        scope.bind(channel.name, types.ListOf(types.from_json(bundle.types[channel.type], named)))
    value = tree.declarations[0].value
    found = checked.inference.infer(value, scope)
    if problems.errors:
        return None
    run = Lower(checked)
    lowered = Lowering(run, Place(unit, None, None, frozenset(names))).expr(value)
    small = ir.Bundle(types=run.types, named=run.named)
    table: dict[str, types.Type] = {}
    coder = Coder(small, Validators([types.from_json(t, table) for t in run.types]), {}, False)
    function = coder.expression(lowered, names)
    whole = types.fit(found, types.ListOf(types.ANY)) > types.NO

    def met(outputs: dict[str, list[Any]]) -> bool:
        value = function(None, *(outputs.get(n, []) for n in names))
        return bool(value) if whole else value is True

    return met
