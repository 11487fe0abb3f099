"""Programs of a coglet that nothing calls. `unused_name` looks at those of a file."""

from __future__ import annotations

from cogc.checks.common import own_shapes
from cogc.diagnostics.edits import removal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked


def unused_program(checked: Checked) -> None:
    """Report programs of a coglet that nothing calls."""
    for shape in own_shapes(checked):
        if any(m.shape.name == "ProgLet" for m in shape.mixins):
            continue
        for name, member in shape.programs.items():
            clashes = any(name in table and table[name] is not member for _, table in shape.own())
            if member.owner is shape and id(member.node) not in checked.tables.used and not clashes:
                node = member.node
                edits = removal(shape.unit.source, node.start, node.end, getattr(node, "doc", ""))
                checked.problems.add("unused-program", member.span(), edits=edits, name=name)
