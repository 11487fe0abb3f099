"""Syntax trees as short text, for tables of expected trees.

A name is itself, a number or word its value, a duration its text, a string its JSON (with `t` before a template). Every
other node is its class and its parts in parentheses, the parts that are missing or empty left out: `(Binary + a 1)`.
"""

from __future__ import annotations

import json

from cogc.language.record import Record
from cogc.language.texts import duration_text
from cogc.syntax import nodes


def show(node: object) -> str:
    """Return a node, or a tuple of nodes, as short text."""
    match node:
        case nodes.Name(id=id, quoted=quoted):
            return f"'{id}'" if quoted else id
        case nodes.Text(value=value, template=template):
            return ("t" if template else "") + json.dumps(value)
        case nodes.Literal(kind="duration", value=value):
            return duration_text(int(value or 0))
        case nodes.Literal(value=value):
            return json.dumps(value)
        case nodes.Qualified():
            return node.text
        case Record():
            parts = [getattr(node, f) for f in type(node)._fields_ if f not in ("start", "end", "segments")]
            words = [f for f in map(show, parts) if f not in ("", "[]")]
            return "(" + " ".join([type(node).__name__, *words]) + ")"
        case tuple():
            return "[" + " ".join(map(show, node)) + "]"
        case None | False:
            return ""
    return str(node).lower() if node is True else str(node)
