"""A child's listen channel that nothing is ever sent to, though something reacts to it."""

from __future__ import annotations

from cogc.checks.common import own_shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.check import Checked
    from cogc.world import Shape


def unconnected_channel(checked: Checked) -> None:
    for shape in own_shapes(checked):
        fed = _fed(checked, shape)
        for child, member in shape.children.items():
            if member.target is None or member.owner is not shape:
                continue
            for name in member.target.listens:
                if (child, name) not in fed:
                    checked.problems.add("unconnected-channel", member.span(), name=name, child=child)


def _fed(checked: Checked, shape: Shape) -> set[tuple[str, str]]:
    """The children's channels that a link or a send of this shape reaches."""
    from cogc.resolve import walk

    fed: set[tuple[str, str]] = set()
    for member in (*shape.links, *shape.reactions, *shape.enacts.values()):
        for node in walk(member.node):
            port = checked.bodies.targets.get(id(node))
            if port is not None and port.kind == "child_listen":
                fed.add((port.child, port.name))
    return fed
