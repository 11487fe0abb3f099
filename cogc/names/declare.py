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
from cogc.names.world import Declared, Unit, World, hides_self
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.names.world import DeclaredKind

_KINDS: dict[type, DeclaredKind] = {
    nodes.Const: "const",
    nodes.TypeDecl: "type",
    nodes.Model: "model",
    nodes.ModelList: "model",
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
        _names(world, unit, problems)
    for unit in units:
        _imports(world, unit, problems)
    for unit in units:
        _named_types(world, unit, problems)
    _sound_types(world, problems)
    for unit in units:
        for declared in unit.declared.values():
            if isinstance(declared.node, nodes.Coglet | nodes.Mixin):
                shape = world.kept.shape(unit, declared.node)
                world.shapes[shape.key] = shape


def _names(world: World, unit: Unit, problems: Problems) -> None:
    for node in unit.tree.declarations:
        if isinstance(node, nodes.Import | nodes.Test | nodes.Scenario | nodes.Error):
            continue
        kind, word = _KINDS[node.__class__], node.name
        name = word.id
        if kind == "type" and name in types.BUILTIN:
            problems.add("shadowed-name", unit.span(word), name=name, what="the built-in type")
        hides_self(unit, word, problems)
        before = unit.declared.get(name)
        if before is not None:
            related = [Label(before.span(), "first declared here")]
            problems.add("duplicate-name", unit.span(word), related=related, name=name)
            world.doubled |= {id(before.node), id(node)}
            continue
        unit.declared[name] = Declared(unit, node, kind)


def _imports(world: World, unit: Unit, problems: Problems) -> None:
    aliases: dict[str, nodes.Name] = {}
    for node in unit.tree.declarations:
        if not isinstance(node, nodes.Import):
            continue
        other = world.units.get(import_path(unit.path, node.path.value))
        if other is None or other is unit:
            continue
        if node.alias is not None:
            before = aliases.setdefault(node.alias.id, node.alias)
            if before is not node.alias and unit.aliases.get(before.id, other) is not other:
                related = [Label(unit.span(before), "first declared here")]
                problems.add("duplicate-name", unit.span(node.alias), related=related, name=before.id)
                continue
            clash = unit.declared.get(node.alias.id)
            if clash is not None and clash.kind == "const":  # `NAME.x` would be a field of the const
                first, second = sorted((unit.span(node.alias), clash.span()), key=lambda span: span.start)
                problems.add(
                    "duplicate-name", second, related=[Label(first, "first declared here")], name=node.alias.id
                )
                world.doubled.add(id(clash.node))
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
        files = "this file and by one that it imports" if clash.unit is unit else "two imported files"
        problems.add("import-clash", unit.span(node.path), related=related, name=name, files=files)


def _named_types(world: World, unit: Unit, problems: Problems) -> None:
    for declared in unit.declared.values():
        if declared.kind == "type":
            key = unit.key(declared.node.name.id)
            found = lower_type(world, unit, declared.of(nodes.TypeDecl).type, problems)
            world.named_types[key] = types.ANY if id(declared.node) in world.doubled else found


def _sound_types(world: World, problems: Problems) -> None:
    """Report the named types that contain nothing but themselves and those that nest too deep; both become `any`."""
    places = {
        unit.key(d.node.name.id): d for unit in world.units.values() for d in unit.declared.values() if d.kind == "type"
    }
    named = world.named_types
    for key in _circles({k: [p.key for p in _alternatives(t)] for k, t in named.items()}):
        problems.add("recursive-type", places[key].span(), name=places[key].node.name.id)
        named[key] = types.ANY
    for key in _circles({k: [p.key for p in _needed(t)] for k, t in named.items()}):
        help = "no value ends: write `NAME?: TYPE` for one of the fields that lead back, or a list"
        problems.add("recursive-type", places[key].span(), help=help, name=places[key].node.name.id)
        named[key] = types.ANY
    for key in named:
        _shorten(named, key)
    reported: set[Unit] = set()
    for key in _too_deep(named):
        named[key] = types.ANY
        if places[key].unit not in reported:
            help = "make it of fewer types inside of each other"
            problems.add("too-deep", places[key].span(), help=help, limit=types.DEEPEST)
        reported.add(places[key].unit)


def _alternatives(type: types.Type) -> list[types.Ref]:
    """Return the named types that a type stands for, or that are alternatives of it."""
    return [p for p in (type.members if isinstance(type, types.UnionOf) else (type,)) if isinstance(p, types.Ref)]


def _needed(type: types.Type) -> list[types.Ref]:
    """Return the named types of which each value of a type holds one: those of the fields that a record must have."""
    if isinstance(type, types.Ref):
        return [type]
    fields = type.fields if isinstance(type, types.RecordOf) else ()
    return [ref for f in fields if not f.optional and f.default is None for ref in _needed(f.type)]


def _circles(graph: dict[str, list[str]]) -> list[str]:
    """Return the first name of each circle; once these lead nowhere, no name leads back to itself."""
    done: set[str] = set()
    found: dict[str, None] = {}
    for start in graph:
        path: dict[str, list[str]] = {}
        pending = [start]
        while pending:
            key = pending[-1]
            if key not in path and key not in done:
                path[key] = list(graph.get(key, ()))
            further = path[key].pop() if path.get(key) else None
            if further in path:
                found[further] = None
            elif further is not None and further not in done:
                pending.append(further)
            elif further is None:
                path.pop(key, None)
                done.add(key)
                pending.pop()
    return list(found)


def _shorten(named: dict[str, types.Type], key: str) -> None:
    """Make each name of a chain `type A = B`, `type B = C` stand for the last one of the chain."""
    chain: list[str] = []
    last: types.Type = types.ANY
    while isinstance(found := named.get(key), types.Ref):
        last = found
        chain.append(key)
        key = found.key
    for name in chain:
        named[name] = last


def _too_deep(named: dict[str, types.Type]) -> list[str]:
    """Return the named types to cut, so that none nests deeper than the limit; a type that contains itself ends there."""
    heights: dict[str, int] = {}
    cut: list[str] = []
    for start in named:
        pending = [start]
        while pending:
            key = pending[-1]
            inner = _named_parts(named[key]) if key in named else []
            if key not in heights:
                heights[key] = 0
                pending += [n for n, _ in inner if n and n not in heights]
                continue
            pending.pop()
            height = max((depth + heights.get(name, 0) for name, depth in inner), default=0)
            heights[key] = max(heights[key], height)
            if heights[key] > types.DEEPEST:
                cut.append(key)
                heights[key] = 0
    return cut


def _named_parts(type: types.Type) -> list[tuple[str, int]]:
    """Return the named types in a type, each with its depth there; and how deep the type itself is, under no name."""
    found: list[tuple[str, int]] = []
    pending = [(type, 1)]
    while pending:
        part, depth = pending.pop()
        found.append((part.key if isinstance(part, types.Ref) else "", depth))
        pending += [(p, depth + 1) for p in types.parts_of(part)]
    return found
