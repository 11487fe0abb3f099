"""The syntax tree: what a file says, before anybody asks what it means.

Both notations are read into these nodes. Each carries `start` and `end`, half-open character offsets into its file,
which take no part in equality, so that one program written twice gives equal trees. No later stage changes a node;
what is found out about one lies in tables beside the tree.
"""

from __future__ import annotations

from cogc.language.record import Record


class Node(Record):
    """Anything with a place in a file."""

    _unequal_: ClassVar[tuple[str, ...]] = ("start", "end", "segments", "quoted")
    start: int
    end: int


# ---- expressions ---------------------------------------------------------------------------------------------


class Name(Node):
    """A word: a name where it is declared, and where it is used."""

    id: str
    quoted: bool = False


class Text(Node):
    """A string. `segments` are (offset in value, offset in file) pairs: where its pieces stand in the source."""

    value: str
    template: bool
    segments: tuple[tuple[int, int], ...] = ()


class Literal(Node):
    """A number, duration (in nanoseconds), truth value or null; `kind` is its type's name."""

    kind: str
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


class Entry(Node):
    """`key: value` of a record; the key is a word or a string, both mean the same."""

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

    operator: str
    operand: Expr


class Binary(Node):
    """Every operator with two sides, `and`, `or`, `??`, `in`, `not in` and comparisons among them."""

    operator: str
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
    """`try VALUE else OTHERWISE`, or `else as NAME OTHERWISE`, in which the name is what went wrong."""

    value: Expr
    otherwise: Expr
    name: Name | None = None


class Await(Node):
    channel: Expr
    condition: Expr | None
    timeout: Expr | None


class Grow(Node):
    """`create POOL(arguments)` in a body: a new member, whose index is the value."""

    pool: Name
    arguments: tuple[Argument, ...]


class Splice(Node):
    """`$...name`: a hole for several parts. Only forms have some, and none is left in an expanded tree."""

    name: str


class Error(Node):
    """Where the parser gave up and went on; whatever meets one stays silent."""


# ---- types ---------------------------------------------------------------------------------------------------


class Qualified(Node):
    """A name with its import alias before it: `std.strict`."""

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
    """An expression as a statement: a call whose result nobody wants."""

    value: Expr


# ---- members of a coglet -------------------------------------------------------------------------------------


class Parameter(Node):
    name: Name
    type: TypeExpr
    default: Expr | None


class Attribute(Node):
    """`key: value`, with what may follow it: `when EXPR` and a block of its own."""

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
    life: str
    doc: str = ""


class Handler(Node):
    """`else as NAME { }` behind a body."""

    name: Name
    body: Block


class Modifier(Node):
    """`when concurrent timeout debounce` with one value; `throttle distinct batch` with two."""

    kind: str
    value: Expr
    per: Expr | None = None


class On(Node):
    """A channel, `all(...)`, `error(child)`, `start` or `stop`, and the name for what comes."""

    source: Expr
    pattern: Pattern | None


class Every(Node):
    """A period on the clock, or so many `tick` commands; `at` fixes the time of day."""

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
    """How a program is carried out: `kind` is one of the seven, `argument` what stands behind it."""

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
    """A criterion that runs something: `tests: shell ["pytest"]`."""

    key: Name
    executor: Executor


class Judge(Node):
    """A criterion that a model judges, with the least score that passes."""

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
    """One source file, read."""

    doc: str
    declarations: tuple[Declaration, ...]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar, TypeAlias

    # the closed unions; a `match` over one of them ends in `assert_never`
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
    """A node and all nodes below it, in the order of the text."""
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
    """The name that an expression is, plain, quoted or qualified; None for any other."""
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
