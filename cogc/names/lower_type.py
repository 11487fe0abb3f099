"""Type expressions to types: `lower_type(world, unit, node, problems) -> types.Type`."""

from __future__ import annotations

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Label, Problems
from cogc.diagnostics.suggest import did_you_mean
from cogc.language import types
from cogc.language.closed import assert_never
from cogc.language.texts import MARK
from cogc.names.world import ARTICLES, Unit, World
from cogc.syntax import nodes


def lower_type(world: World, unit: Unit, node: nodes.TypeExpr, problems: Problems) -> types.Type:
    """Return the type that a type expression stands for; a part that is wrong is a problem, and `any`."""
    match node:
        case nodes.TypeName(name=name):
            return _named(world, unit, name, problems)
        case nodes.LiteralType(value=value):
            return _literal(value)
        case nodes.ListType(item=item):
            return types.ListOf(lower_type(world, unit, item, problems))
        case nodes.MapType(head=head, value=value) if head.text == f"{MARK}delta":
            return types.delta(lower_type(world, unit, value, problems))
        case nodes.MapType(head=head, value=value):
            if head.text != "map":
                from cogc.diagnostics.habits import TYPES

                help = TYPES.get(head.text) or did_you_mean(
                    head.text, ["map"], "only `map[T]` takes a type in brackets"
                )
                edits = _generic(unit, node)
                problems.add("unknown-type", unit.span(head), help=help, edits=edits, name=head.text)
            of = lower_type(world, unit, value, problems)
            return types.MapOf(of) if head.text == "map" else types.ANY
        case nodes.OptionalType(item=item):
            return types.optional(lower_type(world, unit, item, problems))
        case nodes.UnionType(members=members):
            return types.union([lower_type(world, unit, m, problems) for m in members])
        case nodes.RecordType():
            return _record(world, unit, node, problems)
        case _:
            return assert_never(node)


def _generic(unit: Unit, node: nodes.MapType) -> tuple[Edit, ...]:
    """Return the edit that writes `List[T]` and its kin as here."""
    from cogc.syntax.rewrites import named  # for mistakes only

    text = unit.source.text
    inner = text[node.value.start : node.value.end]
    made = named(node.head.text, [inner])
    is_here = text[node.start : node.end].startswith(node.head.text) and text[node.start : node.end].endswith("]")
    return (Edit(unit.span(node), made[0], "safe"),) if made is not None and is_here else ()


def _literal(value: nodes.Text | nodes.Literal) -> types.Type:
    if isinstance(value, nodes.Text):
        return types.LiteralOf("string", value.value)
    if value.value is None:
        return types.NULL
    return types.LiteralOf(value.kind, value.value)


def _named(world: World, unit: Unit, name: nodes.Qualified, problems: Problems) -> types.Type:
    text = name.text
    builtin = types.BUILTIN.get(text)
    if builtin is not None:
        return builtin
    if text == f"{MARK}content":
        return types.CONTENT
    declared = world.lookup(unit, text)
    if declared is not None and declared.kind == "type":
        return types.Ref(declared.unit.key(declared.node.name.id), text, world.named_types)
    if text in types.MEDIA:
        return types.MEDIA[text]
    if declared is not None:
        related = [Label(declared.span(), "declared here")]
        found = ARTICLES[declared.kind]
        problems.add("wrong-kind", unit.span(name), related=related, name=text, found=found, wanted="a type")
        return types.ANY
    known = [*types.BUILTIN, *types.MEDIA, *(n for n in unit.names() if _is_type(world, unit, n))]
    from cogc.diagnostics.habits import TYPES

    help = TYPES.get(text) or did_you_mean(text, known) or None
    problems.add("unknown-type", unit.span(name), help=help, name=text)
    return types.ANY


def _is_type(world: World, unit: Unit, name: str) -> bool:
    found = world.lookup(unit, name)
    return found is not None and found.kind == "type"


def _record(world: World, unit: Unit, node: nodes.RecordType, problems: Problems) -> types.Type:
    fields: dict[str, types.FieldOf] = {}
    places: dict[str, nodes.Name] = {}
    for f in node.fields:
        name = f.key.id
        if name in fields:
            related = [Label(unit.span(places[name]), "first here")]
            problems.add("duplicate-key", unit.span(f.key), related=related, name=name)
            fields[name] = types.FieldOf(name, types.ANY, True)
            continue
        places[name] = f.key
        type = lower_type(world, unit, f.type, problems)
        default = None
        if f.default is not None:
            default = _default(unit, f.default, type, problems)
        fields[name] = types.FieldOf(name, type, f.optional or f.default is not None, default)
    return types.RecordOf(tuple(fields.values()), node.open)


class _NotConstant(Exception):
    """A default is not a constant."""


def _default(unit: Unit, node: nodes.Expr, type: types.Type, problems: Problems) -> str:
    """Return the default of a record's field as JSON text; that of null for one that is no constant, which has been reported."""
    import json

    try:
        value = _constant(node)
    except _NotConstant:
        problems.add("bad-default", unit.span(node))
        return "null"
    found = literal_type(node)
    if types.fit(found, type) == types.NO:
        problems.add(
            "wrong-type",
            unit.span(node),
            found=types.show(found),
            wanted=types.show(type),
            hint="change the default or the field's type",
        )
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _constant(node: nodes.Expr) -> object:
    from cogc.language.texts import duration_text

    match node:
        case nodes.Literal(kind="duration", value=value):
            return duration_text(int(value or 0))
        case nodes.Literal(value=value):
            return value
        case nodes.Text(value=text, template=False):
            return text
        case nodes.ListLiteral(items=items):
            return [_constant(i) for i in items]
        case nodes.RecordLiteral(entries=entries) if all(isinstance(e, nodes.Entry) for e in entries):
            return {e.key.id: _constant(e.value) for e in entries}  # type: ignore[union-attr]
    raise _NotConstant


def literal_type(node: nodes.Expr) -> types.Type:
    """Return the type of a constant, without regard to where it stands."""
    match node:
        case nodes.Literal(kind="duration"):
            return types.DURATION
        case nodes.Literal(value=None):
            return types.NULL
        case nodes.Literal(kind=kind, value=value) if value is not None:
            return types.LiteralOf(kind, value)
        case nodes.Text(value=text):
            return types.LiteralOf("string", text)
        case nodes.ListLiteral(items=items):
            return types.ListOf(types.union([literal_type(i) for i in items]))
        case nodes.RecordLiteral(entries=entries):
            named = [e for e in entries if isinstance(e, nodes.Entry)]
            return types.RecordOf(tuple(types.FieldOf(e.key.id, literal_type(e.value)) for e in named))
    return types.ANY
