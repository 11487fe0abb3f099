"""`expr` programs that call themselves, directly or through others, since an expression must end; `llm` programs that are tools of themselves."""

from __future__ import annotations

from cogc.diagnostics.source import Span
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked


def recursive_program(checked: Checked) -> None:
    """Report each circle of `expr` programs once."""
    programs = _programs(checked)
    calls = {id: [c for c in _called(checked, node) if c in programs] for id, (node, _) in programs.items()}
    for id in _in_circles(calls):
        node, span = programs[id]
        checked.problems.add("recursive-program", span, name=node.name.id)
    _own_tools(checked)


def _own_tools(checked: Checked) -> None:
    """Report each program that may ask its model to call it, without a budget to end that."""
    for unit in checked.world.roots:
        for node in unit.all(nodes.Program):
            given = {a.key.id: a.value for a in node.executor.attributes}
            tools = given.get("tools") if node.executor.kind.id == "llm" and "budget" not in given else None
            items = tools.items if isinstance(tools, nodes.ListLiteral) else ()
            if any(isinstance(i, nodes.Name) and i.id == node.name.id for i in items):
                what = f"`{node.name.id}` is a tool of itself"
                checked.problems.add("unbounded-loop", unit.span(node.name), what=what)


def _programs(checked: Checked) -> dict[int, tuple[nodes.Program, Span]]:
    found = {}
    for unit in checked.world.units.values():
        if unit is checked.world.prelude and unit not in checked.world.roots:
            continue
        for node in unit.all(nodes.Program):
            if node.executor.kind.id == "expr":
                found[id(node)] = (node, unit.span(node.name))
    return found


def _called(checked: Checked, node: nodes.Program) -> list[int]:
    """Return the programs that a program calls, by the `id` of their nodes."""
    symbols = [checked.tables.symbols.get(id(part)) for part in nodes.walk(node)]
    return [id(s.node) for s in symbols if s is not None and s.kind == "program"]


def _in_circles(graph: dict[int, list[int]]) -> list[int]:
    """Return the first node of each circle of a graph, by Kosaraju's algorithm."""
    order: list[int] = []
    seen: set[int] = set()
    for start in graph:
        pending = [(start, False)]
        while pending:
            node, left = pending.pop()
            if left:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                pending.append((node, True))
                pending += [(n, False) for n in graph[node] if n not in seen]
    callers: dict[int, list[int]] = {node: [] for node in graph}
    for node, called in graph.items():
        for other in called:
            callers[other].append(node)
    found: set[int] = set()
    place = {node: i for i, node in enumerate(graph)}
    seen.clear()
    for start in reversed(order):
        group: list[int] = []
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                group.append(node)
                waiting += callers[node]
        if len(group) > 1 or start in graph[start]:
            found.add(min(group, key=place.__getitem__))
    return [node for node in graph if node in found]
