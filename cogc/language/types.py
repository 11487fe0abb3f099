"""The types of the language, and `fit`, the relation between them.

Types are structural and gradual. `fit(source, target)` has four answers, so that the compiler leaves out every run-time
check that it can: `NO` the value never fits, `MAYBE` only the value can tell, `COERCED` it fits once defaults and int to
float are applied, `EXACT` it fits as it is. A named type is a `Ref`, resolved through a table when its content is needed,
so that types may be recursive.
"""

from __future__ import annotations

from cogc.language.closed import assert_never
from cogc.language.record import Record

NO, MAYBE, COERCED, EXACT = 0, 1, 2, 3
DEEPEST = 128
"""How deep the types of a program may nest, through the names of types; what is deeper is reported, and is `any`."""
_MOST_PARTS = 2_000
"""The most parts of the type of an answer that count while the answer comes."""
_TEXTS = frozenset(["int", "float", "bool", "duration", "time"])
"""The types that `str` writes so that each of their values has a text of its own."""
_MOST_NAMES = 20_000
"""The most names that stand for each other; `names/declare.py` makes each stand for a type that is none."""


class Primitive(Record):
    """`int float string bool null duration time image document any`, and `never`, the type without values."""

    name: str

    def __eq__(self, other: object) -> bool:  # the comparison that a check makes most often
        return self is other or (other.__class__ is Primitive and self.name == other.name)

    def __hash__(self) -> int:
        return hash(self.name)


class LiteralOf(Record):
    """The type of one string, number or truth value. `kind` keeps `1`, `1.0` and `true` apart."""

    kind: str
    value: str | int | float | bool


class ListOf(Record):
    item: Type


class MapOf(Record):
    value: Type


class FieldOf(Record):
    """A field of a record. `default` is the text of its default as JSON, or None."""

    name: str
    type: Type
    optional: bool = False
    default: str | None = None


class RecordOf(Record):
    fields: tuple[FieldOf, ...]
    open: bool = False

    def field(self, name: str) -> FieldOf | None:
        for f in self.fields:
            if f.name == name:
                return f
        return None


class UnionOf(Record):
    members: tuple[Type, ...]


class Ref(Record):
    """A type that is declared by name; `table` has the types by key."""

    _unequal_: ClassVar[tuple[str, ...]] = ("table", "name")
    key: str
    name: str
    table: dict[str, Type]


ANY = Primitive("any")
NEVER = Primitive("never")
INT, FLOAT, STRING, BOOL = Primitive("int"), Primitive("float"), Primitive("string"), Primitive("bool")
NULL, DURATION, TIME = Primitive("null"), Primitive("duration"), Primitive("time")
IMAGE, DOCUMENT = Primitive("image"), Primitive("document")
_PART = UnionOf((STRING, IMAGE, DOCUMENT))
CONTENT = UnionOf((STRING, IMAGE, DOCUMENT, ListOf(_PART)))
"""The content of a message to a model: a text, an image, a document, or a list of them."""
BUILTIN: dict[str, Type] = {t.name: t for t in (INT, FLOAT, STRING, BOOL, NULL, DURATION, TIME, ANY)}
MEDIA: dict[str, Type] = {"image": IMAGE, "document": DOCUMENT, "content": CONTENT}
"""Types by names that a declaration may take away: specs had them before they were built in."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import ClassVar, Literal, TypeAlias

    _Assumed: TypeAlias = dict[tuple[object, object], int]
    Type: TypeAlias = Primitive | LiteralOf | ListOf | MapOf | RecordOf | UnionOf | Ref
else:
    Type = object


def dead_item(item: Type) -> Type:
    """Return the type of what `on QUEUE.failed as f` binds: a dead item, and how its last attempt failed."""
    texts = tuple(FieldOf(name, STRING) for name in ("kind", "message", "path"))
    numbers = tuple(FieldOf(name, INT) for name in ("attempts", "redriven"))
    return RecordOf((FieldOf("item", item), *texts, FieldOf("at", TIME), *numbers))


def expand(type: Type) -> Type:
    """Return the type that a name stands for; `any` for a name that is declared nowhere or by itself."""
    seen = 0
    while isinstance(type, Ref):
        type = type.table.get(type.key, ANY)
        seen += 1
        if seen > _MOST_NAMES:
            return ANY
    return type


def members(type: Type) -> tuple[Type, ...]:
    """Return the alternatives of a type: the members of a union, or the type itself."""
    found = expand(type)
    if not isinstance(found, UnionOf):
        return (found,)
    alternatives: dict[Type, None] = {}
    _alternatives(found, alternatives, set())
    return tuple(alternatives)


def _alternatives(union: UnionOf, found: dict[Type, None], seen: set[str]) -> None:
    """Add the alternatives of a union; each named type among them is looked at once."""
    for member in union.members:
        if isinstance(member, Ref):
            if member.key in seen:
                continue
            seen.add(member.key)
        alternative = expand(member)
        if isinstance(alternative, UnionOf):
            _alternatives(alternative, found, seen)
        else:
            found[alternative] = None


def within(type: Type, parts: int) -> bool:
    """Return whether a type nests no deeper than `DEEPEST` and has at most so many parts; a named type is one part."""
    pending = [(type, 1)]
    while pending:
        part, depth = pending.pop()
        parts -= 1
        if depth > DEEPEST or parts < 0:
            return False
        pending += [(p, depth + 1) for p in parts_of(part)]
    return True


def parts_of(type: Type) -> tuple[Type, ...]:
    """Return the types that a type is made of: items, fields, alternatives; a named type has none."""
    match type:
        case ListOf(item):
            return (item,)
        case MapOf(value):
            return (value,)
        case UnionOf(found):
            return found
        case RecordOf(fields):
            return tuple(f.type for f in fields)
        case Primitive() | LiteralOf() | Ref():
            return ()
        case _:
            assert_never(type)


def union(types: list[Type] | tuple[Type, ...]) -> Type:
    """Return the union of types, flat and without repetition. `any` absorbs the others, `never` is left out."""
    flat: dict[Type, None] = {}
    for t in types:
        for m in t.members if isinstance(t, UnionOf) else (t,):
            if m == ANY:
                return ANY
            if m != NEVER:
                flat[m] = None
    found = [m for m in flat if not (isinstance(m, LiteralOf) and Primitive(m.kind) in flat)]
    if not found:
        return NEVER
    return found[0] if len(found) == 1 else UnionOf(tuple(found))


def optional(type: Type) -> Type:
    return union((type, NULL))


def widen(type: Type) -> Type:
    """Return a type with each literal replaced by its primitive."""
    type = expand(type)
    if isinstance(type, LiteralOf):
        return Primitive(type.kind)
    if isinstance(type, UnionOf):
        return union([widen(m) for m in type.members])
    return type


def widen_deep(type: Type) -> Type:
    """Return a type without literal types, in the items of lists too."""
    found = expand(type)
    return ListOf(widen_deep(found.item)) if isinstance(found, ListOf) else widen(type)


def without(type: Type, gone: Type) -> Type:
    """Return a type without the alternative `gone`."""
    return union([m for m in members(type) if m != gone])


def fit(source: Type, target: Type, assumed: _Assumed | None = None) -> int:
    """Return how well a value of type `source` fits where `target` is wanted.

    `assumed` has the answers for pairs of named types. While a pair is being compared it fits, so that a pair that comes
    up inside of itself ends there.
    """
    if source is target or source == NEVER:
        return EXACT
    if isinstance(source, Ref) or isinstance(target, Ref):
        if source == target:
            return EXACT
        key = (_pair_key(source), _pair_key(target))
        assumed = {} if assumed is None else assumed
        if key not in assumed:
            assumed[key] = EXACT
            assumed[key] = fit(expand(source), expand(target), assumed)
        return assumed[key]
    if target == ANY:
        return EXACT
    if source == ANY:
        return MAYBE
    if isinstance(source, UnionOf):
        return _fit_union(source, target, assumed)
    if isinstance(target, UnionOf):
        return max(fit(source, m, assumed) for m in target.members)
    match target:
        case LiteralOf():
            return EXACT if source == target else NO
        case Primitive(name):
            return _fit_primitive(source, name)
        case ListOf(item):
            return fit(source.item, item, assumed) if isinstance(source, ListOf) else NO
        case MapOf(value):
            return _fit_map(source, value, assumed)
        case RecordOf():
            return _fit_record(source, target, assumed) if isinstance(source, RecordOf) else NO
        case _:
            assert_never(target)


def _pair_key(type: Type) -> tuple[int, str] | int:
    return (id(type.table), type.key) if isinstance(type, Ref) else id(type)


def _fit_primitive(source: Type, name: str) -> int:
    given = source.kind if isinstance(source, LiteralOf) else source.name if isinstance(source, Primitive) else ""
    return EXACT if given == name else COERCED if (given, name) == ("int", "float") else NO


def _fit_map(source: Type, value: Type, assumed: _Assumed | None) -> int:
    """Return how well a map or a record fits a map of `value`; a field that is not known may not fit."""
    if isinstance(source, MapOf):
        return fit(source.value, value, assumed)
    if not isinstance(source, RecordOf):
        return NO
    inner = min((fit(f.type, value, assumed) for f in source.fields), default=EXACT)
    return min(inner, MAYBE) if source.open else inner


def _fit_union(source: UnionOf, target: Type, assumed: _Assumed | None) -> int:
    """Return how well the alternative that fits worst fits. Those that the target has too are passed over first."""
    known = frozenset(target.members if isinstance(target, UnionOf) else ())
    level = EXACT
    for m in source.members:
        if m not in known and not (isinstance(m, LiteralOf) and Primitive(m.kind) in known):
            level = min(level, fit(m, target, assumed))
        if level == NO:
            break
    return level


def _fit_record(source: RecordOf, target: RecordOf, assumed: _Assumed | None) -> int:
    """Return how well a record fits another: field by field, then the fields that only the source has."""
    level = EXACT
    fields = {f.name: f for f in source.fields}
    for f in target.fields:
        given = fields.pop(f.name, None)
        if given is None:
            if source.open:
                level = min(level, MAYBE)
            elif f.default is not None:
                level = min(level, COERCED)
            elif not f.optional:
                return NO
            continue
        level = min(level, fit(given.type, f.type, assumed))
        absent = given.optional and given.default is None
        if absent and f.default is not None:
            level = min(level, COERCED)
        elif absent and not f.optional:
            return NO
    if not target.open:
        if fields:
            return NO
        if source.open:
            level = min(level, MAYBE)
    return level


def delta(answer: Type) -> Type:
    """Return the type of what is known of an answer while it comes: pieces of a text, or the value so far; null says that it begins anew."""
    return STRING if expand(answer) == STRING else optional(so_far(answer))


def so_far(whole: Type) -> Type:
    """Return the type of the beginnings of a value, as they are read from JSON that breaks off: a field may be missing, a list or text be
    shorter. A type that refers to itself, or has very many parts, is `any` from there on."""
    left = _MOST_PARTS

    def beginning(type: Type, inside: frozenset[str]) -> Type:
        nonlocal left
        left -= 1
        if left < 0:
            return ANY
        match type:
            case Ref(key):
                return ANY if key in inside else beginning(expand(type), inside | {key})
            case Primitive("duration" | "time") | LiteralOf("string"):
                return STRING
            case Primitive() | LiteralOf():
                return type
            case ListOf(item):
                return ListOf(beginning(item, inside))
            case MapOf(value):
                return MapOf(beginning(value, inside))
            case UnionOf(parts):
                return union([beginning(p, inside) for p in parts])
            case RecordOf(fields, open):
                return RecordOf(tuple(FieldOf(f.name, beginning(f.type, inside), True) for f in fields), open)
        assert_never(type)

    return beginning(whole, frozenset())


def overlaps(a: Type, b: Type) -> bool:
    """Return whether some value may be of both types; if none is, a comparison of them is a mistake."""
    others = members(b)
    if not frozenset(members(a)).isdisjoint(others):
        return True
    for x in members(a):
        for y in others:
            if max(fit(x, y), fit(y, x)) > NO:
                return True
            numbers = ("int", "float")
            if isinstance(x, LiteralOf | Primitive) and isinstance(y, LiteralOf | Primitive):
                kinds = [getattr(t, "kind", None) or getattr(t, "name", "") for t in (x, y)]
                if all(k in numbers for k in kinds) and not (isinstance(x, LiteralOf) and isinstance(y, LiteralOf)):
                    return True
                if all(k in numbers for k in kinds) and x.value == y.value:  # type: ignore[union-attr]
                    return True
            if isinstance(x, RecordOf) and isinstance(y, RecordOf | MapOf):
                return True
            if isinstance(x, MapOf) and isinstance(y, RecordOf | MapOf):
                return True
            if isinstance(x, ListOf) and isinstance(y, ListOf):
                return True
    return False


def conversion(before: Type, wanted: Type) -> Literal["text", "item"] | None:
    """Return the one way in which each value of a type becomes one of another without a loss: as its text, or as the item of a list.

    None says that there is no such way, or that there are two.
    """
    odd = [m for m in members(before) if fit(m, wanted) < COERCED]
    kinds = {m.kind if isinstance(m, LiteralOf) else m.name if isinstance(m, Primitive) else "" for m in odd}
    has_text = fit(STRING, wanted) == EXACT and kinds <= _TEXTS
    items = [m.item for m in members(wanted) if isinstance(m, ListOf)]
    is_item = any(all(fit(m, item) >= COERCED for m in odd) for item in items)
    if has_text == is_item:
        return None
    return "text" if has_text else "item"


def field_type(base: Type, name: str) -> Type | None:
    """Return the type of `base.name`, or None if there can be no such field. A field that may be absent may be null."""
    base = expand(base)
    match base:
        case Primitive("any"):
            return ANY
        case MapOf(value):
            return optional(value)
        case RecordOf():
            found = base.field(name)
            if found is None:
                return ANY if base.open else None
            return optional(found.type) if found.optional and found.default is None else found.type
        case UnionOf():
            parts = [field_type(m, name) for m in members(base)]
            return None if None in parts else union([p for p in parts if p is not None])
        case Primitive() | LiteralOf() | ListOf() | Ref():
            return None
        case _:
            assert_never(base)


def item_type(base: Type) -> Type | None:
    """Return the type of the items of a list, or None for a type that is no list."""
    parts: list[Type] = []
    for m in members(base):
        match m:
            case Primitive("any"):
                parts.append(ANY)
            case ListOf(item):
                parts.append(item)
            case Primitive("never"):
                pass
            case Primitive() | LiteralOf() | MapOf() | RecordOf() | UnionOf() | Ref():
                return None
            case _:
                assert_never(m)
    return union(parts)


def show(type: Type) -> str:
    """Return the text of a type in the language."""
    match type:
        case Primitive(name):
            return name
        case LiteralOf(kind, value):
            return '"' + str(value) + '"' if kind == "string" else str(value).lower()
        case ListOf(item):
            return f"[{show(item)}]"
        case MapOf(value):
            return f"map[{show(value)}]"
        case Ref(_, name):
            return name
        case UnionOf(parts):
            if type == CONTENT:
                return "content"
            if NULL in parts and len(parts) == 2:
                other = next(p for p in parts if p != NULL)
                return f"{show(other)}?"
            return " | ".join(show(p) for p in parts)
        case RecordOf(fields, open):
            words = [f"{f.name}{'?' if f.optional and f.default is None else ''}: {show(f.type)}" for f in fields]
            return "{ " + ", ".join(words + ["..."] * open) + " }" if words or open else "{}"
    assert_never(type)


def holds(type: Type, kinds: tuple[Type, ...], seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a value of a type may be of one of these primitive types, or hold one that is."""
    if isinstance(type, Ref):
        return type.key not in seen and holds(expand(type), kinds, seen | {type.key})
    return type in kinds or any(holds(p, kinds, seen) for p in parts_of(type))


def json_schema(type: Type, definitions: dict[str, object] | None = None) -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of a type; the schemas of named types are put into `definitions`."""
    import json  # too slow to import on the path of `check`

    own = definitions is None
    definitions = {} if definitions is None else definitions

    def schema(t: Type) -> dict[str, object]:
        match t:
            case Primitive("any") | Primitive("never"):
                return {}
            case Primitive("duration"):
                return {"type": "string", "pattern": "^-?([0-9.]+(ms|s|m|h|d|w))+$"}
            case Primitive("time"):
                return {"type": "string", "format": "date-time"}
            case Primitive("image") | Primitive("document"):
                return {"not": {}}
            case Primitive(name):
                return {"type": {"int": "integer", "float": "number", "bool": "boolean"}.get(name, name)}
            case LiteralOf(_, value):
                return {"const": value}
            case ListOf(item):
                return {"type": "array", "items": schema(item)}
            case MapOf(value):
                return {"type": "object", "additionalProperties": schema(value)}
            case UnionOf(parts):
                return {"anyOf": [schema(p) for p in parts]}
            case Ref(_, name):
                if name not in definitions:
                    definitions[name] = {}
                    definitions[name] = schema(expand(t))
                return {"$ref": f"#/$defs/{name}"}
            case RecordOf(fields, open):
                properties = {
                    f.name: {**schema(f.type), **({"default": json.loads(f.default)} if f.default else {})}
                    for f in fields
                }
                required = [f.name for f in fields if not f.optional and f.default is None]
                result: dict[str, object] = {"type": "object", "properties": properties}
                return {**result, **({"required": required} if required else {}), "additionalProperties": open}
        assert_never(t)

    result = schema(type)
    return {**result, "$defs": definitions} if own and definitions else result


def to_json(type: Type, named: dict[str, object] | None = None) -> object:
    """Return a type as JSON arrays, its head first; the types that it names are put into `named`."""
    match type:
        case Primitive(name):
            return name
        case LiteralOf(kind, value):
            return ["literal", kind, value]
        case ListOf(item):
            return ["list", to_json(item, named)]
        case MapOf(value):
            return ["map", to_json(value, named)]
        case UnionOf(parts):
            return ["union", *(to_json(p, named) for p in parts)]
        case Ref(key, name):
            if named is not None and key not in named:
                named[key] = None
                named[key] = to_json(expand(type), named)
            return ["ref", key, name]
        case RecordOf(fields, open):
            words = [[f.name, to_json(f.type, named), f.optional, f.default] for f in fields]
            return ["record", words, open]
    assert_never(type)


def table_from_json(named: Mapping[str, object]) -> dict[str, Type]:
    """Return the named types of a program by key; they may refer to each other."""
    table: dict[str, Type] = {}
    table.update({key: from_json(data, table) for key, data in named.items()})
    return table


def from_json(data: object, table: dict[str, Type]) -> Type:
    """Return the type that `to_json` has written; named types are looked up in `table`, which may be filled later."""
    if isinstance(data, str):
        return Primitive(data)
    if not isinstance(data, list) or not data:
        raise ValueError("a type is a word or a list")
    match data:
        case ["literal", str(kind), value]:
            return LiteralOf(kind, value)
        case ["list", item]:
            return ListOf(from_json(item, table))
        case ["map", value]:
            return MapOf(from_json(value, table))
        case ["union", *parts]:
            return UnionOf(tuple(from_json(p, table) for p in parts))
        case ["ref", str(key), str(name)]:
            return Ref(key, name, table)
        case ["record", list(fields), bool(open)]:
            return RecordOf(tuple(FieldOf(n, from_json(t, table), o, d) for n, t, o, d in fields), open)
    raise ValueError(f"there is no type `{data[0]}`")
