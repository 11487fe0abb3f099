"""Expressions of the command line over what a run puts out: `--until 'verdict'`, `--until 'len(count) == 5'`.

Each transmit channel of the root is a name for the list of the messages sent on it so far; a list as the whole
condition asks whether it has anything in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cogc import ir
from cogc.diagnostics.problems import Problems
from cogc.kernel.unit import Unit
from cogc.language import types
from cogc.language.meter import begin
from cogc.lowering.compile_text import compile_text


def until(bundle: ir.Bundle, text: str, problems: Problems) -> Callable[[dict[str, list[Any]]], bool] | None:
    """The condition as a function of the outputs, or None and problems."""
    named = types.table_from_json(bundle.named)
    channels = bundle.coglets[bundle.root].transmits
    names: dict[str, types.Type] = {
        c.name: types.ListOf(types.from_json(bundle.types[c.type], named)) for c in channels
    }
    compiled = compile_text("--until", text, names, problems)
    if compiled is None:
        return None
    function = Unit(compiled.bundle).coder.expression(compiled.value, list(names))
    whole = types.fit(compiled.type, types.ListOf(types.ANY)) > types.NO

    def met(outputs: dict[str, list[Any]]) -> bool:
        begin(object())
        value = function(None, *(outputs.get(n, []) for n in names))
        return bool(value) if whole else value is True

    return met
