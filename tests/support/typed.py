"""The type that a check gives an expression, and types by their texts."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from cogc.language import types
from cogc.language.record import Record
from cogc.syntax import nodes
from support.specs import check_text
from support.worlds import declared

SPEC = """
type Point = {{ x: int, y: float = 0, note?: string }}
type Shape = {{ kind: "circle", r: float }} | {{ kind: "square", side: int }}
const LIMIT: int = 5
program ask(q: string) -> string = shell ["true"]
program twice(n: int) -> int = expr n * 2
coglet Main {{
  listen go: {given}
  transmit out: any
  state n: int = 0
  state maybe: int? = null
  state colour: "red" | "blue" = "red"
  on go as v {{
    {body}
  }}
}}
"""


def _walk(node: object) -> Iterator[Any]:
    yield node
    if isinstance(node, tuple | list):
        for part in node:
            yield from _walk(part)
    elif isinstance(node, Record):
        for name in type(node)._fields_:
            yield from _walk(getattr(node, name))


def types_sent(body: str, given: str = "any") -> tuple[list[str], list[str]]:
    """Return the types of the values that a body sends, in textual order, and the slugs of what is reported."""
    checked, found = check_text(SPEC.format(given=given, body=body))
    tree = checked.world.roots[0].tree
    sends = [n for n in _walk(tree) if isinstance(n, nodes.Send)]
    slugs = [d.slug for d in found if d.severity == "error"]
    return [types.show(checked.tables.types[id(s.value)]) for s in sends], slugs


def type_of(expression: str, given: str = "any") -> tuple[str, list[str]]:
    """Return an expression's type and the slugs of what is reported; `v` is of type `given`."""
    (found,), slugs = types_sent(f"out <- {expression}", given)
    return found, slugs


NAMED = """
type Point = { x: int, y: float = 0, note?: string }
type Tree = { value: int, below: [Tree] }
type Chain = { next: Chain? }
type Side = "left" | "right"
"""


@functools.cache
def parse_type(text: str) -> types.Type:
    """Return the type that a text of the language stands for; the names of `NAMED` may stand in it."""
    world, slugs = declared(f"{NAMED}\ntype T = {text}\n")
    assert slugs == [], (text, slugs)
    return world.named_types["T"]
