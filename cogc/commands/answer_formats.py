"""The formats in which agents and `llm` programs of a spec ask their models for an answer: the lines of `cogc check --verbose`."""

from __future__ import annotations

from collections.abc import Iterator

from cogc.analysis.attribute_check import word_of
from cogc.analysis.checked import Checked
from cogc.language import types
from cogc.language.attributes import USUAL
from cogc.language.structured import answer_format
from cogc.names.model_lists import models_of
from cogc.names.world import Unit
from cogc.syntax import nodes


def answer_formats(checked: Checked) -> Iterator[str]:
    """Yield a line for each agent and `llm` program of the files, and each of its models."""
    for unit in checked.world.roots:
        for agent in unit.all(nodes.Agent):
            output = next((a.value for a in agent.attributes if a.key.id == "output"), None)
            wanted = types.STRING if output is None else checked.tables.types.get(id(output), types.ANY)
            yield from _lines(checked, unit, f"agent `{agent.name.id}`", agent.attributes, wanted)
        for node in unit.all(nodes.Program):
            if node.executor.kind.id == "llm" and id(node) in checked.world.signatures:
                wanted = checked.world.signatures[id(node)].result
                yield from _lines(checked, unit, f"program `{node.name.id}`", node.executor.attributes, wanted)


def _lines(
    checked: Checked, unit: Unit, what: str, attributes: tuple[nodes.Attribute, ...], wanted: types.Type
) -> Iterator[str]:
    named = next((a.value for a in attributes if a.key.id == "model"), None)
    declared = None if named is None else checked.world.lookup(unit, nodes.qualified_text(named) or "")
    if declared is None or declared.kind != "model":
        return
    for model in models_of(checked.world, declared):
        node = model.of(nodes.Model)
        if node.provider.id in USUAL:
            format = answer_format(wanted, node.provider.id, _capabilities(node))
            yield f"{unit.path}: {what}: model `{node.name.id}`: {format}"


def _capabilities(node: nodes.Model) -> frozenset[str]:
    """Return what a model can do: what the spec says, or else what is usual."""
    for a in node.attributes:
        if a.key.id == "capabilities" and isinstance(a.value, nodes.ListLiteral):
            return frozenset(w for item in a.value.items if (w := word_of(item)) is not None)
    return frozenset(USUAL[node.provider.id])
