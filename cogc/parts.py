"""The coglets that one declaration is made of."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc import nodes
    from cogc.world import Unit


class Part:
    """A coglet that a declaration is made of: its name, which nobody can write if it has a space, its node, the file it resolves
    in, what it counts as, and how it is called in traces."""

    def __init__(
        self,
        unit: Unit,
        name: str,
        node: nodes.Coglet,
        declared: str,
        budget: nodes.Attribute | None = None,
        shown: str = "",
    ) -> None:
        self.unit = unit
        self.name = name
        self.node = node
        self.declared = declared
        self.budget = budget
        self.shown = shown or name
