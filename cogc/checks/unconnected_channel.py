"""Listen channels of children that have reactions, and to which nothing is ever sent."""

from __future__ import annotations

from cogc.checks.common import keys_of, own_shapes
from cogc.language.texts import is_internal
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Shape


def unconnected_channel(checked: Checked) -> None:
    """Report listen channels of children to which nothing is sent."""
    for shape in own_shapes(checked):
        if not shape.children:
            continue
        fed, mistyped = _reached(checked, shape)
        for child, member in shape.children.items():
            if member.target is None or member.owner is not shape or member.target is shape:
                continue
            for name in member.target.listens:
                if is_internal(name):
                    continue  # a plan or a team sends messages to itself there
                if any((key, name) in checked.tables.fed for key in keys_of(member.target)):
                    continue
                if (child, name) not in fed and child not in mistyped and not (mistyped - shape.children.keys()):
                    checked.problems.add("unconnected-channel", member.span(), name=name, child=child)


def _reached(checked: Checked, shape: Shape) -> tuple[set[tuple[str, str]], set[str]]:
    """Return the channels of children that a link or a send of a shape reaches, and the children with a link or send to a port that
    they do not have; the inference has reported these."""
    fed: set[tuple[str, str]] = set()
    mistyped: set[str] = set()
    targets = checked.tables.targets
    for member in (*shape.links, *shape.reactions, *shape.enacts.values()):
        for node in member.owner.unit.walked(member.node):
            port = targets.get(id(node))
            if port is not None and port.kind == "child_listen":
                fed.add((port.child, port.name))
            ends = (
                node.targets
                if isinstance(node, nodes.Link)
                else (node.target,)
                if isinstance(node, nodes.Send)
                else node.stages[-1:]
                if isinstance(node, nodes.Pipeline)
                else ()
            )
            for end in ends:
                if id(end) in targets:
                    continue
                if isinstance(end, nodes.Field):
                    base = end.base.base if isinstance(end.base, nodes.Index) else end.base
                    mistyped.add(getattr(base, "id", ""))
                elif isinstance(end, nodes.Name) and end.id in shape.children:  # `child <- v`
                    mistyped.add(end.id)
    return fed, mistyped
