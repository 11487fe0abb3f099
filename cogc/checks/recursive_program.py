"""`expr` programs that call themselves, directly or through others. An expression must end."""

from __future__ import annotations

from cogc.diagnostics.source import Span
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked


def recursive_program(checked: Checked) -> None:
    programs = _programs(checked)
    for node, span in programs.values():
        if _reaches(checked, node, node, set()):
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


def _reaches(checked: Checked, node: nodes.Program, goal: nodes.Program, seen: set[int]) -> bool:
    seen.add(id(node))
    for part in nodes.walk(node):
        symbol = checked.tables.symbols.get(id(part))
        called = symbol.node if symbol is not None and symbol.kind == "program" else None
        if not isinstance(called, nodes.Program) or called.executor.kind.id != "expr":
            continue
        if called is goal or (id(called) not in seen and _reaches(checked, called, goal, seen)):
            return True
    return False
