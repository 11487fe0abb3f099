"""Small trees for the holes of forms, each at the place of the user's node that it comes from."""

from __future__ import annotations

from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeVar

    T = TypeVar("T")


def name(id: str, at: nodes.Node) -> nodes.Name:
    return nodes.Name(at.start, at.end, id)


def qualified(id: str, at: nodes.Node) -> nodes.Qualified:
    return nodes.Qualified(at.start, at.end, (name(id, at),))


def string(value: str, at: nodes.Node) -> nodes.Text:
    """Return a string that is no template."""
    return nodes.Text(at.start, at.end, value, False, ((0, at.start),))


def integer(value: int, at: nodes.Node) -> nodes.Literal:
    return nodes.Literal(at.start, at.end, "int", value)


def number(value: float, at: nodes.Node) -> nodes.Literal:
    return nodes.Literal(at.start, at.end, "float", value)


def boolean(value: bool, at: nodes.Node) -> nodes.Literal:
    return nodes.Literal(at.start, at.end, "bool", value)


def items(found: Iterable[nodes.Expr], at: nodes.Node) -> nodes.ListLiteral:
    return nodes.ListLiteral(at.start, at.end, tuple(found))


def strings(values: Iterable[str], at: nodes.Node) -> nodes.ListLiteral:
    return items((string(v, at) for v in values), at)


def attribute(key: str, value: nodes.Expr | nodes.TypeExpr, at: nodes.Node) -> nodes.Attribute:
    return nodes.Attribute(at.start, at.end, name(key, at), value)


def literal_types(values: Iterable[str], at: nodes.Node) -> nodes.TypeExpr:
    """Return the type of any of these strings; `string` for no strings."""
    place = (at.start, at.end)
    found = tuple(nodes.LiteralType(*place, string(v, at)) for v in values)
    if not found:
        return nodes.TypeName(*place, qualified("string", at))
    return found[0] if len(found) == 1 else nodes.UnionType(*place, found)


def joined(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    """Return the members or statements of several fragments, one behind the other."""
    return tuple(item for part in parts for item in part)


def free(wanted: str, suffix: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken: the wanted one, with as many suffixes as it needs."""
    known = set(taken)
    while wanted in known:
        wanted += suffix
    return wanted


def words_of(value: nodes.Node) -> list[str]:
    """Return the names in a list of names, or the one name that stands there without brackets."""
    found = value.items if isinstance(value, nodes.ListLiteral) else (value,)
    return [nodes.qualified_text(item) or "" for item in found]


def name_at(node: nodes.Node) -> nodes.Name:
    """Return a name, plain or qualified, as one word at its own place."""
    return nodes.Name(node.start, node.end, nodes.qualified_text(node) or "")


def scattered(text: nodes.Text, at: nodes.Node) -> nodes.Text:
    """Return a string of another file at a place of this file; each of its characters stands where that place begins."""
    segments = tuple((i, at.start) for i in range(len(text.value) + 1)) if text.template else ((0, at.start),)
    return nodes.Text(at.start, at.end, text.value, text.template, segments)
