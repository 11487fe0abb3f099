"""`expr` programs that call themselves, directly or through others. An expression must end."""

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
    """Return the nodes of a graph that lead back to themselves, by Kosaraju's algorithm."""
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
            found.update(group)
    return [node for node in graph if node in found]
