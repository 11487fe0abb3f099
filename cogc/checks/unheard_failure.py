"""Children that are agents, teams, plans or definitions of done, and to whose `failed` nothing in their coglet listens."""

from __future__ import annotations

from cogc.checks.common import own_shapes
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Shape

_REPORTING = ("agent", "team", "plan", "dod")


def unheard_failure(checked: Checked) -> None:
    """Report children to whose `failed` nothing listens."""
    for shape in own_shapes(checked):
        if shape.python is not None or isinstance(shape.node, nodes.Mixin):
            continue
        reporting = {
            name: member
            for name, member in shape.children.items()
            if member.target is not None and member.target.declared in _REPORTING
        }
        heard = _heard(checked, shape) if reporting else set()
        for name, member in reporting.items():
            if name not in heard:
                checked.problems.add("unheard-failure", member.span(), name=name)


def _heard(checked: Checked, shape: Shape) -> set[str]:
    """Return the children whose `failed` a link, a reaction or an `await` of this shape takes."""
    heard: set[str] = set()
    for member in (*shape.links, *shape.reactions, *shape.enacts.values()):
        for node in nodes.walk(member.node):
            port = checked.tables.targets.get(id(node))
            if port is not None and port.kind == "child_transmit" and port.name == "failed":
                heard.add(port.child)
    return heard
