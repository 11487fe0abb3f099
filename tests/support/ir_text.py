"""The typed program as short text, for tables of expected code.

A local name is itself, a constant its JSON, a duration its text, a parameter `$0`, a state `@0`. Every other node is its tag
and its fields in parentheses: `(binary + v 1)`. A flag that is set is the name of its field, a type is written as the
language writes it, `_` is a value that is missing. Places in the source are left out.
"""

from __future__ import annotations

import json

import msgspec

from cogc import ir
from cogc.language import types
from cogc.language.texts import duration_text

_WORDS = {"Entry": "entry", "Port": "port", "Pair": "pair"}


def show(bundle: ir.Bundle, node: object) -> str:
    """Return a node, or a list of nodes, as short text."""
    match node:
        case ir.Const(value=value):
            return json.dumps(value)
        case ir.DurationConst(nanos=nanos):
            return duration_text(nanos)
        case ir.Local(name=name):
            return name
        case ir.Parameter(index=index):
            return f"${index}"
        case ir.State(index=index):
            return f"@{index}"
        case ir.Self(field=field):
            return f"self.{field}" if field else "self"
        case msgspec.Struct():
            return _struct(bundle, node)
        case list():
            return "[" + " ".join(show(bundle, n) for n in node) + "]"
        case None:
            return "_"
    return str(node)


def _struct(bundle: ir.Bundle, node: msgspec.Struct) -> str:
    config = node.__struct_config__
    words = [str(config.tag or _WORDS.get(type(node).__name__, type(node).__name__))]
    for field in msgspec.structs.fields(node):
        value = getattr(node, field.name)
        if field.name == "at" or (value == field.default and not isinstance(value, str | int)):
            continue
        if field.name == "type":
            words.append(type_text(bundle, value))
        elif isinstance(value, bool):
            words += [field.name] if value else []
        elif value != "" or field.required:
            words.append(show(bundle, value))
    return "(" + " ".join(w for w in words if w not in ("[]", "_")) + ")"


def type_text(bundle: ir.Bundle, number: int) -> str:
    """Return the text of a type by its number."""
    return types.show(types.from_json(bundle.types[number], types.table_from_json(bundle.named)))
