"""Functions that several rules share."""

from __future__ import annotations

from cogc.analysis.tables import Port
from cogc.diagnostics.source import is_folder
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.analysis.checked import Checked
    from cogc.names.world import Shape, Unit


def own_shapes(checked: Checked) -> Iterator[Shape]:
    """Yield the coglets and mixins that the user wrote, without the standard library and the coglets that the compiler has made."""
    for shape in checked.world.shapes.values():
        if shape.declared in ("coglet", "mixin") and (not shape.unit.is_std or shape.unit in checked.world.roots):
            yield shape


def sound_units(checked: Checked) -> list[Unit]:
    """Return the files to check that the user wrote and that have no error: what has one is still being written, and the
    spec of a coglet folder is made by the compiler."""
    wrong = {d.span.source.path for d in checked.problems.found if d.severity == "error"}
    wrong = set() if checked.options.hidden else wrong
    return [u for u in checked.world.roots if not u.is_std and u.path not in wrong and not is_folder(u.path)]


def keys_of(shape: Shape) -> list[str]:
    """Return the keys of a shape and of its mixins, under which the tables have what their members do."""
    return [shape.key, *(m.shape.key for m in shape.mixins)]


def links(checked: Checked, shape: Shape) -> Iterator[tuple[nodes.Link, Port, Port, nodes.Expr]]:
    """Yield each wire of a shape: the link, its two ports, and the node of its source."""
    for member in shape.links:
        for source in member.node.sources:
            for target in member.node.targets:
                a, b = checked.tables.targets.get(id(source)), checked.tables.targets.get(id(target))
                if a is not None and b is not None:
                    yield member.node, a, b, source


def has_flag(attributes: tuple[nodes.Attribute, ...], name: str) -> bool:
    """Return whether an attribute is set to true."""
    return any(a.key.id == name and getattr(a.value, "value", None) is True for a in attributes)
