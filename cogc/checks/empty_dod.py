"""Definitions of done without a criterion, which take any work as done."""

from __future__ import annotations

from cogc.checks.common import sound_units
from cogc.desugar import dods
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked


def empty_dod(checked: Checked) -> None:
    """Report each definition of done that neither has a criterion nor extends another one, unless its documentation says why."""
    for unit in sound_units(checked):
        for declared in unit.declared.values():
            if declared.kind == "dod":
                node = declared.of(nodes.Dod)
                if node.extends is None and not node.doc and not dods.criteria_of(checked.world, unit, node):
                    checked.problems.add("empty-dod", unit.span(node.name), name=node.name.id)
