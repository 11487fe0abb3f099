"""The nodes of the syntax tree, which both notations are read into.

Each node carries `start` and `end`, half-open character offsets into its file. They take no part in equality, so that one
program written twice gives equal trees. No later stage changes a node: the results of later stages lie in tables beside
the tree. The unions at the end of the file are closed: a `match` over one of them ends in `assert_never`.
"""

from __future__ import annotations

from cogc.syntax.expressions import (
    Argument as Argument,
    Attribute as Attribute,
    Await as Await,
    Binary as Binary,
    Call as Call,
    Comprehension as Comprehension,
    ComputedEntry as ComputedEntry,
    Conditional as Conditional,
    Entry as Entry,
    Error as Error,
    Field as Field,
    FieldType as FieldType,
    Generator as Generator,
    Grow as Grow,
    Index as Index,
    ListLiteral as ListLiteral,
    ListPattern as ListPattern,
    ListType as ListType,
    Literal as Literal,
    LiteralType as LiteralType,
    MapType as MapType,
    Name as Name,
    Node as Node,
    OptionalType as OptionalType,
    Qualified as Qualified,
    RecordComprehension as RecordComprehension,
    RecordLiteral as RecordLiteral,
    RecordType as RecordType,
    Slice as Slice,
    Splice as Splice,
    Spread as Spread,
    Text as Text,
    Try as Try,
    TypeName as TypeName,
    TypeTest as TypeTest,
    Unary as Unary,
    UnionType as UnionType,
    bare as bare,
    equal as equal,
    form as form,
    names_of as names_of,
    qualified_text as qualified_text,
    walk as walk,
)
from cogc.syntax.trials import (
    EXPECTED as EXPECTED,
    Advance as Advance,
    Answer as Answer,
    Crash as Crash,
    Disturb as Disturb,
    Expect as Expect,
    ExpectJudge as ExpectJudge,
    ExpectTrace as ExpectTrace,
    Explore as Explore,
    Feed as Feed,
    ForAll as ForAll,
    ForRows as ForRows,
    Happening as Happening,
    Kill as Kill,
    Live as Live,
    Order as Order,
    Run as Run,
    Scenario as Scenario,
    Script as Script,
    Test as Test,
    Use as Use,
)

# ---- statements ----------------------------------------------------------------------------------------------


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


class Conversion(Node):
    """`from T as NAME = EXPR` behind `persist`: another type that a kept value may have, and what becomes of such a value."""

    type: TypeExpr
    name: Name | None
    value: Expr | None


class State(Node):
    name: Name
    type: TypeExpr
    value: Expr
    life: Life
    conversion: Conversion | None
    doc: str = ""


class Handler(Node):
    """`else as NAME { }` behind a body: the statements that run when the body fails."""

    name: Name
    body: Block


class Modifier(Node):
    """`when`, `by`, `concurrent`, `timeout`, `debounce` with one value; `throttle`, `distinct`, `batch` with two."""

    kind: ModifierKind
    value: Expr
    per: Expr | None = None


MODIFIERS: tuple[ModifierKind, ...] = (
    "when",
    "by",
    "concurrent",
    "timeout",
    "debounce",
    "throttle",
    "distinct",
    "batch",
)


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


class ModelList(Node):
    """Models that are asked in their order, when the one before cannot answer."""

    name: Name
    models: tuple[Qualified, ...]
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
    export: bool = False


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
    export: bool = False


class Team(Node):
    name: Name
    parameters: tuple[Parameter, ...]
    attributes: tuple[Attribute, ...]
    doc: str = ""
    export: bool = False


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
    export: bool = False


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


class File(Node):
    """One source file."""

    doc: str
    declarations: tuple[Declaration, ...]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal as OneOf, TypeAlias

    from cogc.syntax.expressions import (
        BinaryOperator as BinaryOperator,
        Expr as Expr,
        LiteralKind as LiteralKind,
        Pattern as Pattern,
        RecordEntry as RecordEntry,
        TypeExpr as TypeExpr,
        UnaryOperator as UnaryOperator,
        Value as Value,
    )
    from cogc.syntax.trials import (
        AnswerKind as AnswerKind,
        Check as Check,
        Disturbance as Disturbance,
        Expected as Expected,
    )

    Life: TypeAlias = OneOf["", "keep", "persist"]
    ModifierKind: TypeAlias = OneOf["when", "by", "concurrent", "timeout", "debounce", "throttle", "distinct", "batch"]
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
        Import | Const | TypeDecl | Model | ModelList | Mcp | Program | Coglet | Mixin | Agent | Team | Dod | Plan | Sett | Queue
        | Test | Scenario | Error
    )  # fmt: skip
