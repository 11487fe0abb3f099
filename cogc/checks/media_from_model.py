"""Images and documents where a model would have to make one: in the type of an answer, or in a parameter of a tool."""

from __future__ import annotations

from cogc.language import types
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def media_from_model(checked: Checked) -> None:
    """Report answers, and parameters of tools, that hold images or documents."""
    for unit in checked.world.roots:
        for node in unit.all(nodes.Program):
            if node.executor.kind.id == "llm" and node.result is not None and id(node) in checked.world.signatures:
                result = checked.world.signatures[id(node)].result
                _report(checked, unit, node.result, "the answer", result)
        for attribute in unit.all(nodes.Attribute):
            if attribute.key.id == "output" and id(attribute.value) in checked.tables.types:
                _report(checked, unit, attribute.value, "the answer", checked.tables.types[id(attribute.value)])
            elif attribute.key.id == "tools" and isinstance(attribute.value, nodes.ListLiteral):
                for item in attribute.value.items:
                    _tool(checked, unit, item)


def _tool(checked: Checked, unit: Unit, item: nodes.Expr) -> None:
    """Report a program among the tools whose parameters hold an image or document and have no default."""
    found = checked.world.lookup(unit, nodes.qualified_text(item) or "")
    if found is None or found.kind != "program" or id(found.node) not in checked.world.signatures:
        return
    for p in checked.world.signatures[id(found.node)].parameters:
        if p.default is None:
            _report(checked, unit, item, f"`{p.name}` of the tool `{found.node.name.id}`", p.type)


def _report(checked: Checked, unit: Unit, place: nodes.Node, what: str, type: types.Type) -> None:
    if types.holds(type, (types.IMAGE, types.DOCUMENT)):
        checked.problems.add("media-from-model", unit.span(place), what=what, type=types.show(type))
