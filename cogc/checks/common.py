"""Functions that several rules share."""

from __future__ import annotations

from cogc.analysis.tables import Port
from cogc.diagnostics.source import is_folder
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias, TypeVar

    from cogc.analysis.checked import Checked
    from cogc.names.world import Shape, Unit

    N = TypeVar("N", bound=nodes.Node)
    Edge: TypeAlias = tuple[str, str, N]
    """From where, to where, and what the user has written for it."""


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


def extended_plans_and_dods(checked: Checked) -> set[int]:
    """Return the identities of the plans and definitions of done, as nodes, that another one extends, in whatever file."""
    found = set()
    for unit in checked.world.units.values():
        extends = [*(p.extends for p in unit.all(nodes.Plan)), *(d.extends for d in unit.all(nodes.Dod))]
        for name in extends:
            declared = checked.world.lookup(unit, name.text) if name is not None else None
            if declared is not None:
                found.add(id(declared.node))
    return found


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


def in_cycles(edges: list[Edge[N]]) -> dict[str, list[Edge[N]]]:
    """Return the edges by their start, without those that lead to an end or come from a beginning.

    Of a graph without a cycle nothing is left; of others the cycles, and the ways between two of them.
    """
    for near, far in ((0, 1), (1, 0)):
        at: dict[str, list[Edge[N]]] = {}
        for edge in edges:
            at.setdefault(str(edge[near]), []).append(edge)
        count: dict[str, int] = {}
        for edge in edges:
            count[str(edge[far])] = count.get(str(edge[far]), 0) + 1
        bare = [name for name in at if name not in count]
        gone = set(bare)
        while bare:
            for edge in at.get(bare.pop(), ()):
                name = str(edge[far])
                count[name] -= 1
                if not count[name]:
                    gone.add(name)
                    bare.append(name)
        edges = [e for e in edges if e[0] not in gone and e[1] not in gone]
    found: dict[str, list[Edge[N]]] = {}
    for edge in edges:
        found.setdefault(edge[0], []).append(edge)
    return found


def shortest_cycle(start: str, edges: dict[str, list[Edge[N]]]) -> list[Edge[N]] | None:
    """Return the shortest way over edges, given by their start, from a name back to itself."""
    reached: dict[str, Edge[N]] = {}
    pending = [start]
    for name in pending:  # which grows
        for edge in edges.get(name, ()):
            if edge[1] not in reached:
                reached[edge[1]] = edge
                pending.append(edge[1])
        if start in reached:
            way = [reached[start]]
            while way[-1][0] != start:
                way.append(reached[way[-1][0]])
            return way[::-1]
    return None
