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
        if not reporting or _is_mistyped(checked, shape):
            continue
        heard = _heard(checked, shape)
        for name, member in reporting.items():
            if name not in heard:
                checked.problems.add("unheard-failure", member.span(), name=name)


def _is_mistyped(checked: Checked, shape: Shape) -> bool:
    """Return whether `failed` of a child that there is not is taken; that has been reported, and some child was meant."""
    members = (*shape.links, *shape.reactions, *shape.enacts.values())
    named = (
        n for m in members for n in m.owner.unit.walked(m.node) if isinstance(n, nodes.Field) and n.name.id == "failed"
    )
    bases = (n.base for n in named if id(n) not in checked.tables.targets)
    return any(isinstance(b, nodes.Name) and id(b) not in checked.tables.symbols for b in bases)


def _heard(checked: Checked, shape: Shape) -> set[str]:
    """Return the children whose `failed` a link, a reaction or an `await` of this shape takes."""
    return {name for name in shape.children if _takes(checked, shape, name, "failed", set())}


def _takes(checked: Checked, shape: Shape, child: str, channel: str, seen: set[tuple[int, str]]) -> bool:
    """Return whether anybody takes what a child of a shape sends on a channel.

    A link to a channel of the shape itself takes it where somebody takes that one in turn. What a class in Python takes is
    not known.
    """
    if shape.python is not None:
        return True
    for member in (*shape.links, *shape.reactions, *shape.enacts.values()):
        ports = [checked.tables.targets.get(id(node)) for node in member.owner.unit.walked(member.node)]
        if not any(p is not None and (p.kind, p.child, p.name) == ("child_transmit", child, channel) for p in ports):
            continue
        passed = [p.name for p in ports if p is not None and p.kind == "own_transmit"]
        if not isinstance(member.node, nodes.Link) or len(passed) < len(member.node.targets):
            return True
        if any(_is_passed_on(checked, shape, name, seen) for name in passed):
            return True
    return False


def _is_passed_on(checked: Checked, shape: Shape, channel: str, seen: set[tuple[int, str]]) -> bool:
    """Return whether anybody takes what a shape sends: outside of a root, or in a coglet that creates it."""
    if (id(shape), channel) in seen:
        return False
    seen.add((id(shape), channel))
    creators = [
        (other, name)
        for other in checked.world.shapes.values()
        for name, member in other.children.items()
        if member.target is shape
    ]
    return not creators or any(_takes(checked, other, name, channel, seen) for other, name in creators)
