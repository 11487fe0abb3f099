"""Declared names: `declare(world, problems)` fills what each file of a loaded world declares and imports.

In: units with trees. Out: the same world, in which each unit has its names, each named type is lowered, and each coglet and
mixin has a `Shape`, still without members. A name that is declared twice keeps its first declaration; the second one is
a problem.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Label, Problems
from cogc.language import types
from cogc.names.load import import_path
from cogc.names.lower_type import lower_type
from cogc.names.world import Declared, Shape, Unit, World
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.names.world import DeclaredKind

_KINDS: dict[type, DeclaredKind] = {
    nodes.Const: "const",
    nodes.TypeDecl: "type",
    nodes.Model: "model",
    nodes.Mcp: "mcp",
    nodes.Program: "program",
    nodes.Coglet: "coglet",
    nodes.Mixin: "mixin",
    nodes.Agent: "agent",
    nodes.Team: "team",
    nodes.Dod: "dod",
    nodes.Plan: "plan",
    nodes.Sett: "sett",
    nodes.Queue: "queue",
}


def declare(world: World, problems: Problems) -> None:
    """Fill the names, the named types, and the shapes of coglets and mixins; what cannot be declared is a problem."""
    units = list(world.units.values())
    for unit in units:
        _names(unit, problems)
    for unit in units:
        _imports(world, unit, problems)
    for unit in units:
        _named_types(world, unit, problems)
    for unit in units:
        for declared in unit.declared.values():
            if isinstance(declared.node, nodes.Coglet | nodes.Mixin):
                shape = Shape(unit, declared.node)
                world.shapes[shape.key] = shape


def _names(unit: Unit, problems: Problems) -> None:
    for node in unit.tree.declarations:
        kind = _KINDS.get(node.__class__)
        if kind is None:
            continue
        word: nodes.Name = node.name  # type: ignore[union-attr, assignment]
        name = word.id
        if kind == "type" and name in types.BUILTIN:
            problems.add("shadowed-name", unit.span(word), name=name, what="the built-in type")
        before = unit.declared.get(name)
        if before is not None:
            related = [Label(before.span(), "first declared here")]
            problems.add("duplicate-name", unit.span(word), related=related, name=name)
            continue
        unit.declared[name] = Declared(unit, node, kind)


def _imports(world: World, unit: Unit, problems: Problems) -> None:
    for node in unit.tree.declarations:
        if not isinstance(node, nodes.Import):
            continue
        other = world.units.get(import_path(unit.path, node.path.value))
        if other is None or other is unit:
            continue
        if node.alias is not None:
            unit.aliases[node.alias.id] = other
            continue
        for name in other.public():
            _bring_in(unit, node, other.declared[name], name, problems)


def _bring_in(unit: Unit, node: nodes.Import, found: Declared, name: str, problems: Problems) -> None:
    clash = unit.declared.get(name) or unit.imported.get(name)
    if clash is None:
        unit.imported[name] = found
    elif clash is not found:
        related = [Label(clash.span(), "one is here"), Label(found.span(), "the other is here")]
        problems.add("import-clash", unit.span(node.path), related=related, name=name)


def _named_types(world: World, unit: Unit, problems: Problems) -> None:
    for declared in unit.declared.values():
        if declared.kind == "type":
            key = unit.key(declared.node.name.id)
            world.named_types[key] = lower_type(world, unit, declared.node.type, problems)
    for declared in unit.declared.values():
        if declared.kind != "type":
            continue
        key = unit.key(declared.node.name.id)
        if _only_itself(world, key, set()):
            problems.add("recursive-type", declared.span(), name=declared.node.name.id)
            world.named_types[key] = types.ANY


def _only_itself(world: World, key: str, seen: set[str]) -> bool:
    """Return whether a named type leads back to itself through names and unions alone."""
    if key in seen:
        return True
    found = world.named_types.get(key, types.ANY)
    parts = found.members if isinstance(found, types.UnionOf) else (found,)
    return any(isinstance(p, types.Ref) and _only_itself(world, p.key, seen | {key}) for p in parts)
