"""Conditions of the command line over the outputs of a run: `--until 'verdict'`, `--until 'len(count) == 5'`.

Each transmit channel of the root is a name for the list of the messages sent on it so far. A list as the whole
condition holds if it is not empty. The session keeps the messages of those channels alone that a condition names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cogc import ir
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.kernel.unit import Unit
from cogc.language import types
from cogc.language.meter import begin
from cogc.lowering.compile_text import compile_text


class Condition:
    """A condition over the outputs of a run. `channels` are the channels that it names."""

    def __init__(self, unit: Unit, value: ir.Expr, names: list[str], whole: bool) -> None:
        self.channels = frozenset(_names(msgspec.to_builtins(value))).intersection(names)
        self._names = names
        self._function = unit.coder.expression(value, names)
        self._whole = whole

    def __call__(self, outputs: dict[str, list[Any]]) -> bool:
        """Return whether the condition holds for the messages sent so far, by channel."""
        value = self.value(outputs)
        return bool(value) if self._whole else value is True

    def value(self, outputs: dict[str, list[Any]]) -> Any:
        """Return the value of the expression, whatever its type."""
        begin(object())
        return self._function(None, *(outputs.get(n, []) for n in self._names))


def _names(node: Any) -> Iterator[str]:
    """Yield the names of the locals in an expression's JSON."""
    if isinstance(node, dict):
        if node.get("op") == "local":
            yield node["name"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _names(part)


def until(bundle: ir.Bundle, text: str, problems: Problems) -> Condition | None:
    """Return the condition as a function of the outputs, or None and problems."""
    return _compiled(bundle, text, problems, "--until", True)


def outcome(bundle: ir.Bundle, text: str, problems: Problems) -> Condition | None:
    """Return an expression of any type over the outputs, or None and problems."""
    return _compiled(bundle, text, problems, "--outcome", False)


def _compiled(bundle: ir.Bundle, text: str, problems: Problems, option: str, is_condition: bool) -> Condition | None:
    named = types.table_from_json(bundle.named)
    channels = bundle.coglets[bundle.root].transmits
    names: dict[str, types.Type] = {
        c.name: types.ListOf(types.from_json(bundle.types[c.type], named)) for c in channels
    }
    compiled = compile_text(option, text, names, problems)
    if compiled is None:
        return None
    whole = types.fit(compiled.type, types.ListOf(types.ANY)) > types.NO
    if is_condition and not whole and types.fit(compiled.type, types.BOOL) == types.NO:
        source = Source(option, text)
        problems.add("no-condition", Span(source, 0, len(text)), found=types.show(compiled.type))
        return None
    return Condition(Unit(compiled.bundle), compiled.value, list(names), whole)
