"""Transmit channels on which nothing is ever sent."""

from __future__ import annotations

from cogc.checks.common import keys_of, own_shapes
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked


def silent_transmit(checked: Checked) -> None:
    """Report transmit channels on which nothing is sent."""
    for shape in own_shapes(checked):
        if shape.python is not None or isinstance(shape.node, nodes.Mixin):
            continue
        for name, member in shape.transmits.items():
            if member.owner is not shape:
                continue
            if not any((key, name) in checked.tables.sent for key in keys_of(shape)):
                checked.problems.add("silent-transmit", member.span(), name=name)
