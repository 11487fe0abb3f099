"""The coglets that one declaration is made of, and how a declaration takes in what another one says."""

from __future__ import annotations

from cogc.desugar.fill import scattered
from cogc.language.record import Record
from cogc.language.texts import MARK
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from cogc.names.world import ShapeKind, Unit, World

    Extending = TypeVar("Extending", nodes.Dod, nodes.Plan)
    Taken = TypeVar("Taken", bound=nodes.Node)
    Tree = TypeVar("Tree")


class Part:
    """One coglet of a declaration.

    `name` is its key in the file that declares it: the declaration's own coglet has the declaration's name, and the others
    have names with a space in them, which nobody can write. `unit` is the file that the names in `node` are looked up in,
    `declared` the kind of declaration, `shown` the name in traces.
    """

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


def extended(world: World, unit: Unit, node: Extending, kind: str) -> list[tuple[Unit, Extending]]:
    """Return a declaration and those that it extends, with their files, itself first; a cycle ends the list."""
    found = [(unit, node)]
    while node.extends is not None:
        declared = world.lookup(unit, node.extends.text)
        if declared is None or declared.kind != kind or any(n is declared.node for _, n in found):
            break
        unit, node = declared.unit, declared.of(type(node))
        found.append((unit, node))
    return found


def extends_itself(world: World, unit: Unit, node: Extending, kind: str) -> bool:
    """Return whether a declaration extends itself, directly or through others; of a circle only the first one does."""
    line = extended(world, unit, node, kind)
    last_unit, last = line[-1]
    found = None if last.extends is None else world.lookup(last_unit, last.extends.text)
    if found is None or found.kind != kind:
        return False
    first = next((i for i, (_, n) in enumerate(line) if n is found.node), len(line))
    circle = line[first:]
    return bool(circle) and min(circle, key=lambda c: (c[0].path, c[1].start))[1] is node


def alias(world: World, source: Unit, id: str, target: Unit) -> str:
    """Return a name by which `target` knows the declaration that `id` stands for in `source`.

    Nobody can write it, so no parameter, port or child can hide what it stands for. A name that stands for nothing
    stays as it is; the resolver has reported it.
    """
    declared = world.lookup(source, id)
    if declared is None:
        return id
    found = f"{MARK}{source.id or 'main'}//{id}".replace(".", "//")  # a dot would be read as an import's
    target.hidden.setdefault(found, declared)
    return found


def borrowed(world: World, source: Unit, node: Taken, target: Unit, place: nodes.Node, own: set[str]) -> Taken:
    """Return a part of a declaration of `source` for a declaration of `target`, all of it at one place of that file.

    What it names of its own file it names by an alias; `own` are names that stand for nothing in that file, such as
    parameters.
    """
    names = {
        found.id: alias(world, source, found.id, target)
        for found in nodes.walk(node)
        if isinstance(found, nodes.Name) and found.id not in own
    }
    return _moved(node, place, names)


def _moved(tree: Tree, place: nodes.Node, names: dict[str, str]) -> Tree:
    """Return a copy of a tree, all of it at one place, with some names replaced; fields and keys keep their names."""
    if isinstance(tree, tuple):
        return tuple(_moved(item, place, names) for item in tree)  # type: ignore[return-value]
    if isinstance(tree, nodes.Name):
        return nodes.Name(place.start, place.end, names.get(tree.id, tree.id))  # type: ignore[return-value]
    if isinstance(tree, nodes.Text):
        return scattered(tree, place)  # type: ignore[return-value]
    if not isinstance(tree, Record):
        return tree
    parts = {f: getattr(tree, f) for f in tree.__class__._fields_} | {"start": place.start, "end": place.end}
    kept = {f: {} if f in ("name", "key") and isinstance(v, nodes.Name) else names for f, v in parts.items()}
    return tree.__class__(*(_moved(v, place, kept[f]) for f, v in parts.items()))
