"""MCP programs compared with the lock file: the server has the tool, and the tool takes the parameters."""

from __future__ import annotations

from cogc.diagnostics.suggest import did_you_mean, nearest
from cogc.language import types
from cogc.names.locks import path_of, tools_of
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit


def mcp_tools(checked: Checked) -> None:
    """Report MCP programs that do not fit the lock file of their server."""
    if not checked.world.locks:
        return
    for unit in checked.world.units.values():
        for node in unit.all(nodes.Program):
            if isinstance(node.executor.argument, nodes.Qualified):
                _program(checked, unit, node, node.executor.argument)
        for attribute in unit.all(nodes.Attribute):
            if attribute.key.id == "tools" and isinstance(attribute.value, nodes.ListLiteral):
                for item in attribute.value.items:
                    _whole_server(checked, unit, item)


def _whole_server(checked: Checked, unit: Unit, item: nodes.Expr) -> None:
    """Report a server among the tools of a model if the lock file does not list its tools."""
    declared = checked.world.lookup(unit, unit.text(item))
    if declared is None or declared.kind != "mcp":
        return
    name = declared.node.name.id
    if tools_of(checked.world, declared.unit, name) is None and not _is_broken(checked, path_of(declared.unit)):
        checked.problems.add("no-lock", unit.span(item), name=name)


def _is_broken(checked: Checked, path: str) -> bool:
    """Return whether a lock has been reported: its tools are not known for that reason."""
    return any(d.slug == "unreadable-file" and d.span.source.path == path for d in checked.problems.found)


def _program(checked: Checked, unit: Unit, node: nodes.Program, name: nodes.Qualified) -> None:
    declared = checked.world.lookup(unit, ".".join(p.id for p in name.parts[:-1]))
    if declared is None or declared.kind != "mcp":
        return
    tools = tools_of(checked.world, declared.unit, declared.node.name.id)
    if tools is None:
        return
    tool = tools.get(name.parts[-1].id)
    if tool is None:
        help = did_you_mean(name.parts[-1].id, tools) or None
        known = ", ".join(f"`{t}`" for t in tools) or "none"
        server = declared.node.name.id
        checked.problems.add(
            "unknown-tool", unit.span(name), help=help, server=server, name=name.parts[-1].id, known=known
        )
        return
    _parameters(checked, unit, node, tool.get("input", {}), name.parts[-1].id)


def _parameters(checked: Checked, unit: Unit, node: nodes.Program, schema: dict[str, Any], tool: str) -> None:
    properties: dict[str, Any] = schema.get("properties", {})
    signature = checked.world.signatures.get(id(node))
    if signature is None:  # the program of a coglet that is declared twice
        return
    given = {p.name: p for p in signature.parameters}

    def wrong(place: nodes.Node, problem: str, help: str | None = None) -> None:
        checked.problems.add("tool-mismatch", unit.span(place), help=help, tool=tool, wrong=problem)

    meant: set[str | None] = set()  # a mistyped parameter is not missing besides
    for name, parameter in given.items():
        if name not in properties and schema.get("additionalProperties") is not True:
            near = nearest(name, properties)
            meant.add(near)
            if near is not None:
                _calls_by(checked, node.name.id, near, name)
            wrong(parameter.node, f"has no parameter `{name}`", did_you_mean(name, properties) or None)
        elif not _may_fit(types.json_schema(parameter.type), properties.get(name, {})):
            wanted = properties[name].get("type")
            wrong(parameter.node, f"wants `{name}` as {wanted}, not {types.show(parameter.type)}")
    for name in schema.get("required", []):
        if name not in given and name not in meant:
            wrong(node.name, f"needs `{name}`")


def _calls_by(checked: Checked, program: str, right: str, mistyped: str) -> None:
    """Take back the reports of calls that name a parameter as the tool does, where its declaration has it mistyped."""
    words, help = f"`{program}` has no parameter `{right}`", f"did you mean `{mistyped}`?"
    checked.problems.take_out(0, lambda d: d.slug == "wrong-argument" and d.message == words and d.help == help)


def _may_fit(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Return whether some value may meet both schemas; only plain types that differ exclude each other."""
    a, b = ours.get("type"), theirs.get("type")
    if not isinstance(a, str) or not isinstance(b, str):
        return True
    return a == b or {a, b} == {"integer", "number"}
