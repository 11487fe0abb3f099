"""Structured output: which part of JSON Schema each provider takes, as data, and schemas made to fit it.

`fitted` takes the schema of an answer and a provider. It gives the schema as the provider takes it, with the words for what was
changed: a default goes into the description of its property, a property that may be left out becomes one that may be null. Where that
does not help (a type that refers to itself, a map, an open record, `any`, too many properties), it gives the reason instead: the
schema is then told in the system prompt. The answer is checked against the type in any case.
"""

from __future__ import annotations

from cogc.language import types
from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Schema = dict[str, Any]


class Subset(Record):
    """The schemas that a provider takes beyond closed objects, arrays, unions and plain values. A bound of 0 is none.

    `recursion`: a definition may refer to itself. `optional`: how many properties need not be required, -1 for any number. `unions`:
    how many places may have one of several types. `depth`: how deep objects and arrays may nest. `properties`: how many there may be.
    `enum`: how many values all lists of values may have together.
    """

    recursion: bool
    optional: int
    unions: int = 0
    depth: int = 0
    properties: int = 0
    enum: int = 0


SUBSETS = {
    "anthropic": Subset(False, 24, 16),
    "openai": Subset(True, 0, 0, 10, 5_000, 1_000),
}
"""By provider, as their documentation says."""


class Fitted(Record):
    """A schema as a provider takes it, and what was changed in it; or None, and the reason."""

    schema: Schema | None
    changed: tuple[str, ...] = ()
    reason: str = ""


def schema_of(wanted: types.Type) -> tuple[Schema | None, bool]:
    """Return the schema of an answer, None for a text, and whether the answer is wrapped into `{value}`."""
    found = types.expand(wanted)
    if found == types.STRING:
        return None, False
    schema: Schema = types.json_schema(found)
    if isinstance(found, types.RecordOf):
        return schema, False
    definitions = schema.pop("$defs", None)
    whole: Schema = {
        "type": "object",
        "properties": {"value": schema},
        "required": ["value"],
        "additionalProperties": False,
    }
    return ({**whole, "$defs": definitions} if definitions else whole), True


def fitted(schema: Schema, provider: str) -> Fitted:
    """Return a schema as a provider takes it, or the reason why it does not."""
    subset = SUBSETS.get(provider)
    if subset is None:
        return Fitted(schema)
    reason = _beyond(schema) or ("" if subset.recursion or not _recursive(schema) else "the type refers to itself")
    if reason:
        return Fitted(None, (), reason)
    changed: dict[str, None] = {}
    left_out = sum(len(_optional(part)) for part in _all(schema))
    nullable = left_out > subset.optional >= 0
    made = _made(schema, nullable, changed)
    reason = _too_much(made, subset)
    return Fitted(None, (), reason) if reason else Fitted(made, tuple(changed))


def answer_format(wanted: types.Type, provider: str, can: frozenset[str]) -> str:
    """Return how an answer of a type is asked for, in words."""
    schema, _ = schema_of(wanted)
    if schema is None:
        return "text"
    if "structured_output" not in can:
        return "system prompt: the model has no structured output"
    found = fitted(schema, provider)
    if found.schema is None:
        return f"system prompt: {found.reason}"
    return "structured output" + (f"; {', '.join(found.changed)}" if found.changed else "")


def _beyond(schema: Schema) -> str:
    """Return what no provider takes in a schema."""
    for part in _all(schema):
        if not part:
            return "a part of it may be anything"
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            return "a map or an open record has names that nobody knows before"
    return ""


def _too_much(schema: Schema, subset: Subset) -> str:
    """Return which bound of a provider a schema exceeds."""
    parts = list(_all(schema))
    unions = sum("anyOf" in part or isinstance(part.get("type"), list) for part in parts)
    properties = sum(len(part.get("properties", ())) for part in parts)
    values = sum(len(part.get("enum", ())) + ("const" in part) for part in parts)
    counts = ((unions, subset.unions, "places with one of several types"), (properties, subset.properties, "fields"), (values, subset.enum, "listed values"))  # fmt: skip
    for count, most, words in counts:
        if most and count > most:
            return f"it has {count:,} {words}; the provider takes {most:,}"
    if subset.depth and (depth := _depth(schema, schema, 0)) > subset.depth:
        return f"it nests {depth} deep; the provider takes {subset.depth}"
    return ""


def _depth(schema: Schema, whole: Schema, named: int) -> int:
    """Return how deep the objects and arrays of a schema nest; names of types are followed a few times."""
    if "$ref" in schema:
        target = whole.get("$defs", {}).get(str(schema["$ref"]).rpartition("/")[2])
        return (
            _depth(target, whole, named + 1) if isinstance(target, dict) and named < 20 and not _recursive(whole) else 0
        )
    inner = [_depth(p, whole, named) for key, p in _parts(schema) if key != "$defs"]
    return max(inner, default=0) + (schema.get("type") in ("object", "array"))


def _optional(schema: Schema) -> set[str]:
    """Return the properties of an object that need not be there."""
    return set(schema.get("properties", ())) - set(schema.get("required", ()))


def _made(schema: Schema, nullable: bool, changed: dict[str, None]) -> Schema:
    """Return a schema with its defaults in words; where `nullable`, with null in the place of what may be left out."""
    found: Schema = {}
    for key, value in schema.items():
        if key == "default":
            import json  # only types with defaults need it

            changed["defaults are told in words"] = None
            found["description"] = f"default: {json.dumps(value, ensure_ascii=False)}"
        elif key in ("properties", "$defs"):
            found[key] = {name: _made(part, nullable, changed) for name, part in value.items()}
        elif key == "anyOf":
            found[key] = [_made(part, nullable, changed) for part in value]
        elif key == "items":
            found[key] = _made(value, nullable, changed)
        else:
            found[key] = value
    left_out = _optional(schema) if nullable else set[str]()
    if left_out:
        changed["what may be left out is null"] = None
        for name in left_out:
            found["properties"][name] = _or_null(found["properties"][name])
        found["required"] = list(found["properties"])
    return found


def _or_null(schema: Schema) -> Schema:
    """Return a schema that null meets too."""
    null = {"type": "null"}
    words = {k: v for k, v in schema.items() if k == "description"}
    bare = {k: v for k, v in schema.items() if k != "description"}
    if set(bare) == {"anyOf"}:
        return {"anyOf": bare["anyOf"] if null in bare["anyOf"] else [*bare["anyOf"], null], **words}
    return {"anyOf": [bare, null], **words}


def _parts(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the schemas inside of a schema, each with the keyword that holds it."""
    for key in ("properties", "$defs"):
        for part in schema.get(key, {}).values():
            yield key, part
    for part in schema.get("anyOf", ()):
        yield "anyOf", part
    if "items" in schema:
        yield "items", schema["items"]


def _all(schema: Schema) -> Iterator[Schema]:
    """Yield a schema and all that are in it."""
    pending = [schema]
    while pending:
        part = pending.pop()
        yield part
        pending += [inner for _, inner in _parts(part)]


def _recursive(schema: Schema) -> bool:
    """Return whether a definition of a schema refers to itself, directly or through others."""
    definitions = schema.get("$defs", {})
    uses = {
        n: {str(p["$ref"]).rpartition("/")[2] for p in _all(part) if "$ref" in p} for n, part in definitions.items()
    }
    for name in uses:
        reached, pending = set[str](), list(uses[name])
        while pending:
            other = pending.pop()
            if other == name:
                return True
            if other not in reached:
                reached.add(other)
                pending += uses.get(other, ())
    return False
