"""Listen channels that neither a reaction nor a link reads: every message on them is dropped."""

from __future__ import annotations

from cogc.checks.common import keys_of, own_shapes
from cogc.names.complete import HOOKS
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked


def unused_channel(checked: Checked) -> None:
    """Report listen channels that nothing reads."""
    for shape in own_shapes(checked):
        if shape.python is not None or isinstance(shape.node, nodes.Mixin):
            continue
        keys = keys_of(shape)
        for name, member in shape.listens.items():
            if id(member.node) in checked.world.doubled:
                continue  # the other member of the name may be the one that is used
            if name not in HOOKS and not any((key, name) in checked.tables.heard for key in keys):
                checked.problems.add("unused-channel", member.span(), name=name)
