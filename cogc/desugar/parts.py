"""The coglets that one declaration is made of."""

from __future__ import annotations

from cogc.desugar.draw import moved
from cogc.language.record import Record
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.names.world import ShapeKind, Unit, World


class Part:
    """A coglet that a declaration is made of: its name, which nobody can write if it has a space, its node, the file it resolves
    in, what it counts as, and how it is called in traces."""

    def __init__(
        self,
        unit: Unit,
        name: str,
        node: nodes.Coglet,
        declared: ShapeKind,
        budget: nodes.Attribute | None = None,
        shown: str = "",
    ) -> None:
        self.unit = unit
        self.name = name
        self.node = node
        self.declared = declared
        self.budget = budget
        self.shown = shown or name


def extended(world: World, unit: Unit, node: Any, kind: str) -> list[tuple[Unit, Any]]:
    """A declaration and those that it extends, with their files, itself first; a cycle ends it."""
    found = [(unit, node)]
    while node.extends is not None:
        declared = world.lookup(unit, node.extends.text)
        if declared is None or declared.kind != kind or any(n is declared.node for _, n in found):
            break
        unit, node = declared.unit, declared.node
        found.append((unit, node))
    return found


def extends_itself(world: World, unit: Unit, node: Any, kind: str) -> bool:
    """Whether the line of what a declaration extends leads back into itself."""
    last_unit, last = extended(world, unit, node, kind)[-1]
    found = None if last.extends is None else world.lookup(last_unit, last.extends.text)
    return found is not None and found.kind == kind


def borrowed(world: World, source: Unit, node: Any, target: Unit, place: nodes.Node, own: set[str]) -> Any:
    """A part of a declaration of `source` for a declaration of `target`, all of it at one place. What it names of its own file
    is known in the other one by a name that nobody can write; `own` are names that are none of those, such as parameters."""
    names: dict[str, str] = {}
    for found in nodes.walk(node):
        if isinstance(found, nodes.Name) and found.id not in own:
            declared = world.lookup(source, found.id)
            if declared is not None:
                names[found.id] = f"{source.id or 'main'} {found.id}".replace(".", "//")  # a dot is for aliases
                target.hidden.setdefault(names[found.id], declared)
    return moved(_renamed(node, names), place.start, place.end, {})


def _renamed(node: Any, names: dict[str, str]) -> Any:
    """A tree in which names that stand for something are others; fields and keys keep theirs."""
    if isinstance(node, tuple):
        return tuple(_renamed(n, names) for n in node)
    if isinstance(node, nodes.Name):
        return nodes.Name(node.start, node.end, names.get(node.id, node.id))
    if not isinstance(node, Record):
        return node
    cls: Any = node.__class__
    parts = {f: getattr(node, f) for f in cls._fields_}
    return cls(
        *(v if f in ("name", "key") and isinstance(v, nodes.Name) else _renamed(v, names) for f, v in parts.items())
    )
