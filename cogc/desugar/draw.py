"""Declarations that are drawn: text of the language, with parts of the user's own put into its holes.

Teams, plans and definitions of done become coglets by it. A hole is a name of the text; in its place goes a node of the
user's, which keeps its place in the file, or another name. All else stands where the declaration's name stands, so that
a report about it points there.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.record import Record
from cogc.syntax import nodes, parse_cog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Holes = dict[str, nodes.Node | str]


def fill(text: str, words: dict[str, str]) -> str:
    """A text with something in the place of each @WORD@."""
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def string(value: str, at: nodes.Node) -> nodes.Text:
    """A string that is no template, at the place of a node."""
    return nodes.Text(at.start, at.end, value, False, ((0, at.start),))


def plain(text: str) -> str:
    """A name as it may stand inside of a drawn string: what may not has been reported, and is an underscore."""
    return "".join(c if c.isalnum() or c in "_-. " else "_" for c in text)


_parsed: dict[str, nodes.Node] = {}


def draw(text: str, at: nodes.Node, holes: Holes | None = None) -> Any:
    """The one declaration of a text, all of it at the place of `at`."""
    known = _parsed.get(text)
    if known is None:
        problems = Problems()
        tree = parse_cog.parse(Source("drawn", text), problems)
        assert not problems.errors and len(tree.declarations) == 1, [p.message for p in problems.sorted()]
        known = _parsed[text] = tree.declarations[0]
    return moved(known, at.start, at.end, holes or {})


def moved(node: Any, start: int, end: int, holes: Holes) -> Any:
    """A tree whose nodes all stand at one place, its holes filled."""
    if isinstance(node, tuple):
        return tuple(moved(n, start, end, holes) for n in node)
    if not isinstance(node, Record):
        return node
    if isinstance(node, nodes.Name) and node.id in holes:
        filling = holes[node.id]
        return nodes.Name(start, end, filling) if isinstance(filling, str) else filling
    if isinstance(node, nodes.TypeName) and node.name.text in holes:
        filling = holes[node.name.text]
        if not isinstance(filling, str):
            return filling
    if isinstance(node, nodes.Text):
        return nodes.Text(start, end, node.value, node.template, node.segments)
    cls: Any = node.__class__
    given = [moved(getattr(node, f), start, end, holes) for f in cls._fields_]
    places = {"start": start, "end": end}
    return cls(*(places.get(f, v) for f, v in zip(cls._fields_, given, strict=True)))
