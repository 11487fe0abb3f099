"""The nodes of the syntax tree, which both notations are read into.

Each node carries `start` and `end`, half-open character offsets into its file. They take no part in equality, so that one
program written twice gives equal trees. No later stage changes a node: the results of later stages lie in tables beside
the tree. The unions at the end of the file are closed: a `match` over one of them ends in `assert_never`.
"""

from __future__ import annotations

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
        return ".".join(p.id for p in self.parts)


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


# ---- statements ----------------------------------------------------------------------------------------------


class ListPattern(Node):
    names: tuple[Name, ...]


class Block(Node):
    statements: tuple[Statement, ...]


class Send(Node):
    target: Expr
    value: Expr


class Assign(Node):
    name: Name
    value: Expr


class Let(Node):
    pattern: Pattern
    value: Expr


class Guide(Node):
    """`guide CHILD.COMMAND(arguments)`."""

    target: Expr
    arguments: tuple[Argument, ...]


class Stop(Node):
    target: Expr


class Restart(Node):
    target: Expr


class Escalate(Node):
    pass


class Log(Node):
    level: Name
    value: Expr


class Fail(Node):
    value: Expr


class If(Node):
    condition: Expr
    then: Block
    otherwise: Block | If | None


class For(Node):
    pattern: Pattern
    source: Expr
    body: Block


class Evaluate(Node):
    """An expression as a statement: a call whose result is not used."""

    value: Expr


# ---- members of a coglet -------------------------------------------------------------------------------------


class Parameter(Node):
    name: Name
    type: TypeExpr
    default: Expr | None
    private: bool = False


class Attribute(Node):
    """`key: value`, with an optional `when EXPR` and an optional block of attributes of its own."""

    key: Name
    value: Value
    condition: Expr | None = None
    block: tuple[Attribute, ...] = ()


class Listen(Node):
    name: Name
    type: TypeExpr
    attributes: tuple[Attribute, ...]
    doc: str = ""


class Transmit(Node):
    name: Name
    type: TypeExpr
    attributes: tuple[Attribute, ...]
    doc: str = ""


class State(Node):
    name: Name
    type: TypeExpr
    value: Expr
    life: Life
    doc: str = ""


class Handler(Node):
    """`else as NAME { }` behind a body: the statements that run when the body fails."""

    name: Name
    body: Block


class Modifier(Node):
    """`when`, `concurrent`, `timeout`, `debounce` with one value; `throttle`, `distinct`, `batch` with two."""

    kind: ModifierKind
    value: Expr
    per: Expr | None = None


MODIFIERS: tuple[ModifierKind, ...] = ("when", "concurrent", "timeout", "debounce", "throttle", "distinct", "batch")


class On(Node):
    """`on SOURCE as PATTERN`; the source is a channel, `all(...)`, `error(child)`, `start` or `stop`."""

    source: Expr
    pattern: Pattern | None


class Every(Node):
    """`every PERIOD` on the clock, or `every N ticks` of `tick` commands; `at` fixes the time of day."""

    period: Expr
    ticks: bool
    at: Text | None


class After(Node):
    delay: Expr


class Pipeline(Node):
    stages: tuple[Expr, ...]


class Reaction(Node):
    triggers: tuple[Trigger, ...]
    modifiers: tuple[Modifier, ...]
    body: Body
    handler: Handler | None
    doc: str = ""


class Enact(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    modifiers: tuple[Modifier, ...]
    body: Block | None
    handler: Handler | None
    doc: str = ""


class Count(Node):
    """`* N`, or `* LOW..HIGH` for a pool."""

    low: Expr
    high: Expr | None


class ForEach(Node):
    name: Name
    source: Expr


class Create(Node):
    name: Name
    coglet: Qualified
    arguments: tuple[Argument, ...]
    count: Count | None
    for_each: ForEach | None
    attributes: tuple[Attribute, ...]
    doc: str = ""


class Link(Node):
    sources: tuple[Expr, ...]
    targets: tuple[Expr, ...]
    attributes: tuple[Attribute, ...]
    doc: str = ""


class Supervise(Node):
    strategy: Name
    attributes: tuple[Attribute, ...]
    doc: str = ""


# ---- declarations --------------------------------------------------------------------------------------------


class Import(Node):
    path: Text
    alias: Name | None
    doc: str = ""


class Const(Node):
    name: Name
    type: TypeExpr | None
    value: Expr
    doc: str = ""


class TypeDecl(Node):
    name: Name
    type: TypeExpr
    doc: str = ""


class Model(Node):
    name: Name
    provider: Name
    argument: Text
    attributes: tuple[Attribute, ...]
    doc: str = ""


class Mcp(Node):
    name: Name
    transport: Name
    argument: Expr
    attributes: tuple[Attribute, ...]
    doc: str = ""


class Executor(Node):
    """The executor of a program: one of `attributes.EXECUTORS`, and the argument behind it."""

    kind: Name
    argument: Expr | Qualified | None
    attributes: tuple[Attribute, ...]


class Program(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    result: TypeExpr | None
    executor: Executor
    doc: str = ""


class MixinUse(Node):
    name: Qualified
    arguments: tuple[Argument, ...]


class PythonClass(Node):
    kind: Name
    path: Text


class Coglet(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    mixins: tuple[MixinUse, ...]
    python: PythonClass | None
    members: tuple[Member, ...]
    doc: str = ""


class Mixin(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    mixins: tuple[MixinUse, ...]
    members: tuple[Member, ...]
    doc: str = ""


class Agent(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    attributes: tuple[Attribute, ...]
    doc: str = ""


class Team(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    attributes: tuple[Attribute, ...]
    doc: str = ""


class Command(Node):
    """A criterion that runs a command or a function: `tests: shell ["pytest"]`."""

    key: Name
    executor: Executor


class Judge(Node):
    """A criterion that a model judges; `threshold` is the least score that passes."""

    key: Name
    model: Qualified
    question: Text
    threshold: Expr | None


class Dod(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    extends: Qualified | None
    criteria: tuple[Criterion, ...]
    doc: str = ""


class Step(Node):
    name: Name
    by: Qualified | None
    after: tuple[Name, ...]
    condition: Expr | None
    attributes: tuple[Attribute, ...]
    task: Expr


class Plan(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    extends: Qualified | None
    items: tuple[PlanItem, ...]
    doc: str = ""


class Sett(Node):
    name: Name
    items: tuple[SettItem, ...]
    doc: str = ""


class Queue(Node):
    name: Name
    type: TypeExpr
    backend: Name
    argument: Text | None
    attributes: tuple[Attribute, ...]
    doc: str = ""


class Use(Node):
    coglet: Qualified
    arguments: tuple[Argument, ...]


class Crash(Node):
    target: Expr
    at: Expr


class Run(Node):
    """`run 10s`, or `run until EXPR within D`."""

    duration: Expr | None
    until: Expr | None


class Expect(Node):
    condition: Expr


class Feed(Node):
    target: Expr
    value: Expr


class Script(Node):
    program: Qualified
    replies: tuple[Expr, ...]


class Test(Node):
    name: Text
    checks: tuple[Check, ...]
    doc: str = ""


class File(Node):
    """One source file."""

    doc: str
    declarations: tuple[Declaration, ...]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, TypeAlias
    from typing import Literal as OneOf

    LiteralKind: TypeAlias = OneOf["int", "float", "duration", "bool", "null"]
    UnaryOperator: TypeAlias = OneOf["not", "-"]
    BinaryOperator: TypeAlias = OneOf[
        "or", "and", "??", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "+", "-", "*", "/", "//", "%"
    ]
    Life: TypeAlias = OneOf["", "keep", "persist"]
    ModifierKind: TypeAlias = OneOf["when", "concurrent", "timeout", "debounce", "throttle", "distinct", "batch"]
    Expr: TypeAlias = (
        Name | Text | Literal | ListLiteral | Comprehension | RecordLiteral | RecordComprehension | Call | Field
        | Index | Slice | Unary | Binary | TypeTest | Conditional | Try | Await | Grow | Error
    )  # fmt: skip
    TypeExpr: TypeAlias = TypeName | LiteralType | ListType | MapType | RecordType | UnionType | OptionalType
    Value: TypeAlias = Expr | TypeExpr  # of an attribute
    RecordEntry: TypeAlias = Entry | ComputedEntry | Spread
    Pattern: TypeAlias = Name | ListPattern
    Statement: TypeAlias = (
        Send | Assign | Let | Guide | Stop | Restart | Escalate | Log | Fail | If | For | Evaluate | Error
    )  # fmt: skip
    Trigger: TypeAlias = On | Every | After
    Body: TypeAlias = Block | Pipeline  # of a reaction
    Member: TypeAlias = (
        Listen | Transmit | Enact | State | Create | Link | Program | Supervise | Reaction | Const | Error
    )  # fmt: skip
    Criterion: TypeAlias = Attribute | Command | Judge
    PlanItem: TypeAlias = Attribute | Step
    SettItem: TypeAlias = Attribute | Agent
    Declaration: TypeAlias = (
        Import | Const | TypeDecl | Model | Mcp | Program | Coglet | Mixin | Agent | Team | Dod | Plan | Sett | Queue
        | Test | Error
    )  # fmt: skip
    Check: TypeAlias = Use | Crash | Run | Expect | Feed | Script | Error


def walk(node: Node) -> list[Node]:
    """Return a node and all nodes below it, in the order of the text."""
    found: list[Node] = []
    stack: list[object] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, Node):
            found.append(item)
            stack.extend(getattr(item, f) for f in reversed(item.__class__._compared_))
        elif isinstance(item, tuple):
            stack.extend(reversed(item))
    return found


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
