"""The expressions and statements of the typed program (`ir.py`).

`checked` marks an expression whose operands have types that the compiler does not know: only there the code that is made
of the program checks values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec

PortKind: TypeAlias = Literal[
    "own_listen", "own_transmit", "child_listen", "child_transmit", "queue", "dead_queue", "failed_queue"
]
"""The kinds of ports. Lowering makes an inbox of the coglet itself of a port of a queue; a built program has none."""
Level: TypeAlias = Literal["debug", "info", "warn", "error"]


class Node(msgspec.Struct, frozen=True, tag_field="op", omit_defaults=True):
    """The base of expressions and statements; `op` in the JSON tells which one it is."""


# ---- expressions ---------------------------------------------------------------------------------------------


class Const(Node, tag="const", frozen=True):
    """A JSON value."""

    value: Any = None


class DurationConst(Node, tag="duration", frozen=True):
    nanos: int


class Local(Node, tag="local", frozen=True):
    """A name of the body: a `let`, a pattern, a parameter of a program or command, `message`, `sender`, `it`."""

    name: str


class Parameter(Node, tag="parameter", frozen=True):
    """A parameter of the coglet, by number."""

    index: int
    name: str


class State(Node, tag="state", frozen=True):
    index: int
    name: str


class Global(Node, tag="global", frozen=True):
    """A const, by its key in the program."""

    key: str


class Self(Node, tag="self", frozen=True):
    """The record of the coglet itself (index, id, name, path), or one field of it."""

    field: str = ""


class Text(Node, tag="text", frozen=True):
    """A template: `parts` are its pieces if it has text and values alone, else `jinja` is its source."""

    parts: list[Expr] = []
    jinja: str = ""
    names: list[str] = []
    values: list[Expr] = []


class Builtin(Node, tag="builtin", frozen=True):
    name: str
    arguments: list[Expr] = []


class Call(Node, tag="call", frozen=True):
    """A call of a program. The arguments are in the order of its parameters; `waits` if an executor carries it out."""

    program: str
    arguments: list[Expr | None] = []
    waits: bool = False
    at: int = 0


class Field(Node, tag="field", frozen=True):
    """`required` if the field is always present; `checked` if the base may have no such field."""

    base: Expr
    name: str
    required: bool = False
    checked: bool = False


class Index(Node, tag="index", frozen=True):
    base: Expr
    index: Expr


class Slice(Node, tag="slice", frozen=True):
    base: Expr
    low: Expr | None = None
    high: Expr | None = None


class Unary(Node, tag="unary", frozen=True):
    operator: Literal["not", "-"]
    operand: Expr
    checked: bool = False


class Binary(Node, tag="binary", frozen=True):
    """Arithmetic, comparison and membership."""

    operator: Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "+", "-", "*", "/", "//", "%"]
    left: Expr
    right: Expr
    checked: bool = False


class Logic(Node, tag="logic", frozen=True):
    """`and`, `or`, `??`: the right side is evaluated only if the left one does not decide."""

    operator: Literal["and", "or", "??"]
    left: Expr
    right: Expr
    checked: bool = False


class Step(Node, tag="step", frozen=True):
    """One operator of a `Fold`, with its right side."""

    operator: Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "+", "-", "*", "/", "//", "%"]
    value: Expr


class Fold(Node, tag="fold", frozen=True):
    """A long chain of operators, `a + b - c ...`, applied from left to right."""

    first: Expr
    steps: list[Step]


class Choice(Node, tag="choice", frozen=True):
    """A long chain of `and`, `or` or `??`: values are evaluated until one decides."""

    operator: Literal["and", "or", "??"]
    values: list[Expr]
    checked: bool = False


class Conditional(Node, tag="if", frozen=True):
    condition: Expr
    then: Expr
    otherwise: Expr
    checked: bool = False


class Items(Node, tag="list", frozen=True):
    items: list[Expr] = []


class Comprehension(Node, tag="for", frozen=True):
    """A list, or a record if `key` is given. `names` are those of the pattern; several of them take a list apart."""

    item: Expr
    names: list[str]
    source: Expr
    condition: Expr | None = None
    key: Expr | None = None
    parallel: bool = False
    bound: Expr | None = None


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of a record: a fixed key, a computed key, or neither for a value whose entries are spread in."""

    value: Expr
    name: str | None = None
    key: Expr | None = None


class Record(Node, tag="record", frozen=True):
    entries: list[Entry] = []


class TypeTest(Node, tag="is", frozen=True):
    value: Expr
    type: int


class Check(Node, tag="check", frozen=True):
    """A value that must be of a type: a run-time check where the compiler does not know the type."""

    value: Expr
    type: int


class Try(Node, tag="try", frozen=True):
    """`value`, or `otherwise` if it fails; there `name` is bound to the record of the failure."""

    value: Expr
    otherwise: Expr
    name: str = ""


class Await(Node, tag="await", frozen=True):
    """The first message of a channel that meets the condition (over `message`), or null after the timeout."""

    port: Port
    condition: Expr | None = None
    timeout: Expr | None = None


class Grow(Node, tag="grow", frozen=True):
    """Make a new member of a pool; its index is the value."""

    child: str
    arguments: list[Expr | None] = []
    at: int = 0


Expr: TypeAlias = (
    Const | DurationConst | Local | Parameter | State | Global | Self | Text | Builtin | Call | Field | Index | Slice
    | Unary | Binary | Logic | Fold | Choice | Conditional | Items | Comprehension | Record | TypeTest | Check | Try | Await | Grow
)  # fmt: skip


# ---- statements ----------------------------------------------------------------------------------------------


class Port(msgspec.Struct, frozen=True, omit_defaults=True):
    """One end of a link: a channel of the coglet itself or of a child; `member` picks one member of a pool."""

    kind: PortKind
    name: str
    child: str = ""
    member: Expr | None = None


class Emit(Node, tag="emit", frozen=True):
    port: Port
    value: Expr
    at: int = 0


class Assign(Node, tag="assign", frozen=True):
    index: int
    name: str
    value: Expr
    at: int = 0


class Let(Node, tag="let", frozen=True):
    names: list[str]
    value: Expr
    apart: bool = False
    at: int = 0


class Guide(Node, tag="guide", frozen=True):
    """Send a command to a child, or to the coglet itself if `child` is empty."""

    child: str
    command: str
    arguments: list[Expr | None] = []
    member: Expr | None = None
    at: int = 0


class Lifecycle(Node, tag="lifecycle", frozen=True):
    """Stop or restart a child or a member, stop the coglet itself (`child` is empty), or escalate."""

    action: Literal["stop", "restart", "escalate"]
    child: str = ""
    member: Expr | None = None
    at: int = 0


class Log(Node, tag="log", frozen=True):
    level: Level
    value: Expr
    at: int = 0


class Fail(Node, tag="fail", frozen=True):
    """`fail e`. In a handler, `again` fails with the failure that is being handled, and the value does not count."""

    value: Expr
    at: int = 0
    again: bool = False


class If(Node, tag="branch", frozen=True):
    condition: Expr
    then: list[Statement] = []
    otherwise: list[Statement] = []
    checked: bool = False
    at: int = 0


class Cases(Node, tag="cases", frozen=True):
    """A long chain of `else if`: the first of `cases` whose condition holds, else `otherwise`. No case has an `otherwise` of its own."""

    cases: list[If]
    otherwise: list[Statement] = []
    at: int = 0


class For(Node, tag="loop", frozen=True):
    names: list[str]
    source: Expr
    body: list[Statement] = []
    apart: bool = False
    at: int = 0


class Evaluate(Node, tag="evaluate", frozen=True):
    value: Expr
    at: int = 0


Statement: TypeAlias = Emit | Assign | Let | Guide | Lifecycle | Log | Fail | If | Cases | For | Evaluate


def parts(node: Any) -> Iterator[Any]:
    """Yield all records in a part of a program, that part itself first."""
    stack: list[Any] = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
        elif hasattr(part, "__struct_fields__"):
            yield part
            stack += [getattr(part, f) for f in part.__struct_fields__]


def uses(statements: list[Statement], names: list[str]) -> bool:
    """Return whether statements use one of these locals."""
    return any(isinstance(p, Local) and p.name in names for p in parts(statements))
