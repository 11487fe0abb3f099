"""The typed program that the runner takes: names are resolved, types are inferred, and no notation is left.

A program is JSON (`cogc build`), written and read by msgspec from these records (`built.py`); `grammar/ir.schema.json` is its schema.
Source positions stand in a table of their own (`positions`), which an `at` refers to by number. The table takes no part
in the content hash, so both notations of one program give the same hash.

`checked` marks an expression whose operands have types that the compiler does not know: only there the code that is made
of the program checks values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec

VERSION = 1
PortKind: TypeAlias = Literal[
    "own_listen", "own_transmit", "child_listen", "child_transmit", "queue", "dead_queue", "failed_queue"
]
"""The kinds of ports. Lowering makes an inbox of the coglet itself of a port of a queue; a built program has none."""
TriggerKind: TypeAlias = Literal["port", "all", "error", "start", "stop", "every", "ticks", "after", "command"]
ProgramKind: TypeAlias = Literal[
    "expr", "template", "python", "shell", "mcp", "human", "llm", "ask", "reply", "plan store", "queue", "coglet", "file",
]  # fmt: skip
"""The executors of programs. Behind `llm` the compiler makes those of agents, teams, plans, queues and coglets in Python."""
CogletKind: TypeAlias = Literal["coglet", "agent", "team", "dod", "plan", "step", "queue", "export"]
"""The declaration that a coglet was made of."""
Overflow: TypeAlias = Literal["block", "drop_oldest", "drop_newest", "fail"]
Restart: TypeAlias = Literal["never", "on_error", "always"]
Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one"]
Sharing: TypeAlias = Literal["broadcast", "round_robin", "scatter", "idle", "hash"]
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


# ---- coglets -------------------------------------------------------------------------------------------------


class ParameterDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    type: int
    default: Expr | None = None


class ChannelDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    type: int
    capacity: Expr | None = None
    overflow: Overflow = "block"
    headers: dict[str, str] = {}


class Conversion(msgspec.Struct, frozen=True):
    """The conversion of a kept value of another type: the expression in which the value has a name."""

    type: int
    name: str
    value: Expr


class StateDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    type: int
    value: Expr
    life: Literal["", "keep", "persist"] = ""
    conversion: Conversion | None = None


class ChildDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    """A child. `low` and `high` are for replicas and pools, `each` and `source` for one child of each item of a list."""

    name: str
    coglet: str
    arguments: list[Expr | None] = []
    low: Expr | None = None
    high: Expr | None = None
    each: str = ""
    source: Expr | None = None
    restart: Restart = "never"
    max_restarts: Expr | None = None
    within: Expr | None = None
    backoff: Expr | None = None
    map: Sharing = "broadcast"
    hash: Expr | None = None
    at: int = 0


class LinkDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    """A link. `type` is that of the target if the compiler cannot prove that the messages of the source fit it."""

    source: Port
    target: Port
    type: int | None = None
    map: Sharing | Literal[""] = ""
    hash: Expr | None = None
    feedback: bool = False
    at: int = 0


class Trigger(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trigger. `names` are bound by the pattern; `apart` if they take a list apart; `sender` if the record of the member that sent the
    message is bound too. `claims` is the program that claims the items of a queue.
    """

    kind: TriggerKind
    ports: list[Port] = []
    names: list[str] = []
    apart: bool = False
    value: Expr | None = None
    claims: str = ""
    time_of_day: str = ""
    child: str = ""
    command: str = ""
    sender: bool = False


class Pair(msgspec.Struct, frozen=True):
    """The two values of `throttle distinct batch`."""

    value: Expr
    within: Expr


class Reaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reaction. `name` is shown to people.

    `waits` if the body has a call that waits, or an await; `piped` if the body uses the message as `PIPED`, beside the names that the
    triggers bind.
    """

    name: str
    triggers: list[Trigger]
    body: list[Statement] = []
    when: Expr | None = None
    concurrent: Expr | None = None
    timeout: Expr | None = None
    debounce: Expr | None = None
    throttle: Pair | None = None
    distinct: Pair | None = None
    batch: Pair | None = None
    error_name: str = ""
    handler: list[Statement] | None = None
    parameters: list[ParameterDecl] = []
    waits: bool = False
    piped: bool = False
    at: int = 0


class Supervision(msgspec.Struct, frozen=True, omit_defaults=True):
    strategy: Strategy = "one_for_one"
    max_restarts: Expr | None = None
    within: Expr | None = None


class Coglet(msgspec.Struct, frozen=True, omit_defaults=True):
    """A coglet. `parameters` end with those of its mixins, with the arguments of the mixins as defaults.

    `logged_from`, `suppressed` and `registered` are the indexes of the states of LogLet, SuppressLet and ProgLet. `python` is the program that
    calls the object of a coglet in Python; `open` if no spec declares the channels and commands of its class.
    """

    key: str
    name: str
    parameters: list[ParameterDecl] = []
    listens: list[ChannelDecl] = []
    transmits: list[ChannelDecl] = []
    states: list[StateDecl] = []
    children: list[ChildDecl] = []
    links: list[LinkDecl] = []
    reactions: list[Reaction] = []
    supervision: Supervision = Supervision()
    mixins: list[str] = []
    doc: str = ""
    own_parameters: int = 0
    logged_from: int = -1
    suppressed: list[int] = []
    registered: int = -1
    kind: CogletKind = "coglet"
    budget: Expr | None = None
    python: str = ""
    open: bool = False
    at: int = 0


class Agent(msgspec.Struct, frozen=True, omit_defaults=True):
    """The part of an agent beside its program.

    `spawn` and `hand_off` are keys of agents; `dispatch` is `local` for this process. `on_tool` is the key of the program that decides about
    tools, or empty. The start of a sub-agent may choose among `models` (keys of models with their fallbacks, by name) and `tools` (keys of
    programs); `system` tells whether it may give the system text.
    """

    spawn: list[str] = []
    max_concurrent: Expr | None = None
    dispatch: str = "local"
    hand_off: list[str] = []
    on_tool: str = ""
    models: dict[str, list[str]] = {}
    tools: list[str] = []
    system: Expr | None = None


PIPED = "it·"
"""The name of the local for the message that the first stage of a pipeline takes; no user can write it."""
QUEUE = "$queue:"
"""The first part of the name of an inbox for the items of a queue."""
ASKED = "llm"
"""The name of the model that answers the classes of a spec that ask a model by themselves."""
TICKS = "$every"
"""The name of the inbox for the ticks of a Python coglet; no name of the language has a `$`."""


class ItemKey(msgspec.Struct, frozen=True):
    """The key of an item of a queue, by which items are in order: an expression over `names`, which stand for the item or take it apart."""

    names: list[str]
    apart: bool
    value: Expr


class Program(msgspec.Struct, frozen=True, omit_defaults=True):
    """A program.

    `words` are those of a shell command; `argument` is the text of the other executors, or the tool of an MCP server. `fallbacks` are asked
    where `model` cannot answer. `schema` is the input of a tool whose one argument is the whole input. `ports` and `commands` are those that
    the class of a Python coglet must have methods for, `says` the channels that it may transmit on. `by` belongs to a program that claims the
    items of a queue in the order of a key. `on_resume` is "fail", or empty, `effects` is "none", or empty.
    """

    key: str
    name: str
    kind: ProgramKind
    parameters: list[ParameterDecl]
    result: int
    body: Expr | None = None
    argument: Any = None
    words: list[Expr] = []
    attributes: dict[str, Expr] = {}
    model: str = ""
    fallbacks: list[str] = []
    server: str = ""
    schema: dict[str, Any] | None = None
    tools: list[str] = []
    agent: Agent | None = None
    by: ItemKey | None = None
    ports: list[str] = []
    commands: list[str] = []
    says: list[str] = []
    doc: str = ""
    folder: str = ""
    open: bool = False
    on_resume: str = ""
    effects: str = ""
    at: int = 0


class Price(msgspec.Struct, frozen=True, omit_defaults=True):
    """US dollars for a million tokens. The prices of the cache are factors of `input`; `context` is in tokens, 0 if unknown."""

    input: float = 0.0
    output: float = 0.0
    cache_write: float = 1.0
    cache_read: float = 1.0
    above: int = 0
    long_input: float = 0.0
    long_output: float = 0.0
    context: int = 0


class Model(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model. `price` is None if it is not known."""

    key: str
    name: str
    provider: str
    argument: str
    folder: str = ""
    attributes: dict[str, Expr] = {}
    price: Price | None = None
    at: int = 0


class Server(msgspec.Struct, frozen=True, omit_defaults=True):
    """An MCP server: the words of its command, or its address."""

    key: str
    name: str
    transport: str
    argument: Expr
    attributes: dict[str, Expr] = {}
    at: int = 0


class Queue(msgspec.Struct, frozen=True, omit_defaults=True):
    """A queue, with its backend and the place of that.

    Its programs are `KEY.put`, `KEY.take`, `KEY.dead`, `KEY.done` and `KEY.back`, and `KEY.failed` where a reaction takes dead items with
    their failures.
    """

    key: str
    name: str
    type: int
    backend: str
    argument: str = ""
    attributes: dict[str, Expr] = {}
    folder: str = ""
    at: int = 0


class Bid(msgspec.Struct, frozen=True, omit_defaults=True):
    """The bid of an agent of a sett, if the condition over `artefact` and `claim` holds."""

    word: str
    when: Expr | None = None


class SettAgent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One agent of a sett. `run` is the key of the coglet that does its work in place of a command, `judge` of the one that bids for it."""

    role: str
    bids: list[Bid] = []
    attributes: dict[str, Expr] = {}
    run: str = ""
    judge: str = ""
    at: int = 0


class Sett(msgspec.Struct, frozen=True, omit_defaults=True):
    key: str
    name: str
    agents: list[SettAgent] = []
    attributes: dict[str, Expr] = {}
    folder: str = ""
    at: int = 0


class Export(msgspec.Struct, frozen=True, omit_defaults=True):
    """An offer of a service: an agent, team, plan or program, and the key of the coglet in which a call is carried out."""

    name: str
    kind: Literal["agent", "team", "plan", "program"]
    coglet: str
    doc: str = ""


class Bundle(msgspec.Struct, frozen=True, omit_defaults=True):
    """A program with all that it needs.

    `root` is a coglet or a sett. `types` are by number, `named` by the name of their declaration, both as `types.to_json` writes them.
    `secrets` are the variables that `env(...)` reads, `private` the names of fields and parameters that are not shown, `exports` what a
    service offers.
    """

    version: int = VERSION
    root: str = ""
    coglets: dict[str, Coglet] = {}
    programs: dict[str, Program] = {}
    models: dict[str, Model] = {}
    servers: dict[str, Server] = {}
    setts: dict[str, Sett] = {}
    queues: dict[str, Queue] = {}
    consts: dict[str, Expr] = {}
    types: list[Any] = []
    named: dict[str, Any] = {}
    positions: list[tuple[str, int, int]] = []
    secrets: list[str] = []
    private: list[str] = []
    exports: list[Export] = []
    hash: str = ""


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
