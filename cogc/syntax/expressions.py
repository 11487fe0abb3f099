"""The nodes of expressions and types, and `Node`, the base of all nodes (`nodes.py`, which hands these on)."""

from __future__ import annotations

from operator import attrgetter

from cogc.language.record import Record


class Node(Record):
    """A part of the tree, with its place in the file."""

    _unequal_: ClassVar[tuple[str, ...]] = ("start", "end", "segments", "quoted")
    start: int
    end: int


# ---- expressions ---------------------------------------------------------------------------------------------


class Name(Node):
    """A name, where it is declared and where it is used. `quoted` if it was written as a string."""

    id: str
    quoted: bool = False


class Text(Node):
    """A string. `segments` are pairs (offset in the value, offset in the file), one for each piece between escapes."""

    value: str
    template: bool
    segments: tuple[tuple[int, int], ...] = ()


class Literal(Node):
    """A number, duration (in nanoseconds), truth value or null."""

    kind: LiteralKind
    value: int | float | bool | None


class ListLiteral(Node):
    items: tuple[Expr, ...]


class Generator(Node):
    """`for PATTERN in SOURCE if CONDITION` of a comprehension."""

    pattern: Pattern
    source: Expr
    condition: Expr | None


class Comprehension(Node):
    item: Expr
    generator: Generator
    parallel: bool = False
    bound: Expr | None = None


class Entry(Node):
    """`key: value` of a record. The key is a word or a string, with the same meaning."""

    key: Name
    value: Expr


class ComputedEntry(Node):
    key: Expr
    value: Expr


class Spread(Node):
    value: Expr


class RecordLiteral(Node):
    entries: tuple[RecordEntry, ...]


class RecordComprehension(Node):
    key: Expr
    value: Expr
    generator: Generator


class Argument(Node):
    name: Name | None
    value: Expr


class Call(Node):
    function: Expr
    arguments: tuple[Argument, ...]


class Field(Node):
    base: Expr
    name: Name


class Index(Node):
    base: Expr
    index: Expr


class Slice(Node):
    base: Expr
    low: Expr | None
    high: Expr | None


class Unary(Node):
    """`not x` or `-x`."""

    operator: UnaryOperator
    operand: Expr


class Binary(Node):
    """An operator with two sides, `and`, `or`, `??`, `in`, `not in` and the comparisons among them."""

    operator: BinaryOperator
    left: Expr
    right: Expr


class TypeTest(Node):
    value: Expr
    type: TypeExpr


class Conditional(Node):
    """`THEN if CONDITION else OTHERWISE`."""

    then: Expr
    condition: Expr
    otherwise: Expr


class Try(Node):
    """`try VALUE else OTHERWISE`, or `try VALUE else as NAME OTHERWISE`, where the name is bound to the failure."""

    value: Expr
    otherwise: Expr
    name: Name | None = None


class Await(Node):
    channel: Expr
    condition: Expr | None
    timeout: Expr | None


class Grow(Node):
    """`create POOL(arguments)` in a body: make a new member of a pool; its index is the value."""

    pool: Name
    arguments: tuple[Argument, ...]


class Splice(Node):
    """`$...name`: a hole for several parts. Only forms have some, and none is left in an expanded tree."""

    name: str


class Error(Node):
    """A phrase that the parser could not read. It has been reported, so later stages pass over it in silence."""


# ---- types ---------------------------------------------------------------------------------------------------


class Qualified(Node):
    """A name, with the alias of its import in front of it if it has one: `std.strict`."""

    parts: tuple[Name, ...]

    @property
    def text(self) -> str:
        return self.parts[0].id if len(self.parts) == 1 else ".".join([p.id for p in self.parts])


class TypeName(Node):
    name: Qualified


class LiteralType(Node):
    value: Text | Literal


class ListType(Node):
    item: TypeExpr


class MapType(Node):
    head: Qualified
    value: TypeExpr


class FieldType(Node):
    key: Name
    optional: bool
    type: TypeExpr
    default: Expr | None
    private: bool = False


class RecordType(Node):
    fields: tuple[FieldType, ...]
    open: bool


class UnionType(Node):
    members: tuple[TypeExpr, ...]


class OptionalType(Node):
    item: TypeExpr


class ListPattern(Node):
    names: tuple[Name, ...]


class Attribute(Node):
    """`key: value`, with an optional `when EXPR` and an optional block of attributes of its own."""

    key: Name
    value: Value
    condition: Expr | None = None
    block: tuple[Attribute, ...] = ()


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Literal as OneOf, TypeAlias

    LiteralKind: TypeAlias = OneOf["int", "float", "duration", "bool", "null"]
    UnaryOperator: TypeAlias = OneOf["not", "-"]
    BinaryOperator: TypeAlias = OneOf[
        "or", "and", "??", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "+", "-", "*", "/", "//", "%"
    ]
    Expr: TypeAlias = (
        Name | Text | Literal | ListLiteral | Comprehension | RecordLiteral | RecordComprehension | Call | Field
        | Index | Slice | Unary | Binary | TypeTest | Conditional | Try | Await | Grow | Error
    )  # fmt: skip
    TypeExpr: TypeAlias = TypeName | LiteralType | ListType | MapType | RecordType | UnionType | OptionalType
    Value: TypeAlias = Expr | TypeExpr  # of an attribute
    RecordEntry: TypeAlias = Entry | ComputedEntry | Spread
    Pattern: TypeAlias = Name | ListPattern


_LEAVES = frozenset([Name, Text, Literal, Splice])
"""The nodes without nodes below them: more than half of a tree."""


def walk(node: Node) -> list[Node]:
    """Return a node and all nodes below it, in the order of the text."""
    found: list[Node] = []
    stack: list[Any] = [node]
    while stack:
        item = stack.pop()
        kind = item.__class__
        if kind in _LEAVES:
            found.append(item)
        elif kind is tuple:
            stack.extend(item[::-1])
        elif isinstance(item, Node):
            found.append(item)
            below = (_BELOW.get(kind) or _below(kind))(item)
            if below.__class__ is tuple:
                stack.extend(below[::-1])
            else:
                stack.append(below)
    return found


_BELOW: dict[type[Node], Callable[[Any], Any]] = {}
"""For each class of nodes what gives the fields in which other nodes can be: the one there is, or a tuple of several."""
_PLAIN = frozenset(["str", "bool", "UnaryOperator", "BinaryOperator"])
"""The types of fields in which no node can be."""


def _below(kind: type[Node]) -> Callable[[Any], Any]:
    """Return what gives those fields of the nodes of a class."""
    written = {f: t for base in kind.__mro__ for f, t in getattr(base, "__annotations__", {}).items()}
    fields = [f for f in kind._compared_ if written[f] not in _PLAIN]
    _BELOW[kind] = attrgetter(*fields) if fields else kind._values_
    return _BELOW[kind]


def bare(node: Node, without: tuple[str, ...] = ()) -> list[object]:
    """Return the class of a node and its fields, but for some; a mark or a count in place of the nodes below."""
    values = [getattr(node, field) for field in type(node)._compared_ if field not in without]
    counted = [len(v) if isinstance(v, tuple) else v for v in values]
    return [type(node), *(None if isinstance(v, Node) else v for v in counted)]


def form(tree: Node) -> tuple[tuple[object, ...], ...]:
    """Return what equal trees have in common, for sets; a tree may be as deep as a long chain of operators is, which its
    `==` and its hash would follow by calling themselves."""
    return tuple(tuple(bare(node)) for node in walk(tree))


def names_of(pattern: Pattern | None) -> tuple[Name, ...]:
    """Return the names that a pattern binds."""
    if pattern is None:
        return ()
    return pattern.names if isinstance(pattern, ListPattern) else (pattern,)


def equal(first: Node, second: Node) -> bool:
    """Return whether two trees are equal."""
    return form(first) == form(second)


def qualified_text(node: Node) -> str | None:
    """Return the name that an expression consists of, plain, quoted or qualified, or None."""
    if isinstance(node, Name):
        return node.id
    if isinstance(node, Text):
        return node.value
    if isinstance(node, Qualified):
        return node.text
    if isinstance(node, Field):
        base = qualified_text(node.base)
        return None if base is None else f"{base}.{node.name.id}"
    return None
