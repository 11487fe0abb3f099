"""The typed program that the runner takes: names are resolved, types are inferred, and no notation is left.

A program is JSON (`cogc build`), written and read by msgspec from these records (`built.py`); `grammar/ir.schema.json` is its schema.
Source positions stand in a table of their own (`positions`), which an `at` refers to by number. The table takes no part
in the content hash, so both notations of one program give the same hash.

The expressions and statements are in `ir_code.py`, and have their names here too.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from cogc.ir_code import (
    Assign as Assign,
    Await as Await,
    Binary as Binary,
    Builtin as Builtin,
    Call as Call,
    Cases as Cases,
    Check as Check,
    Choice as Choice,
    Comprehension as Comprehension,
    Conditional as Conditional,
    Const as Const,
    DurationConst as DurationConst,
    Emit as Emit,
    Entry as Entry,
    Evaluate as Evaluate,
    Expr as Expr,
    Fail as Fail,
    Field as Field,
    Fold as Fold,
    For as For,
    Global as Global,
    Grow as Grow,
    Guide as Guide,
    If as If,
    Index as Index,
    Items as Items,
    Let as Let,
    Level as Level,
    Lifecycle as Lifecycle,
    Local as Local,
    Log as Log,
    Logic as Logic,
    Node as Node,
    Parameter as Parameter,
    Port as Port,
    PortKind as PortKind,
    Record as Record,
    Self as Self,
    Slice as Slice,
    State as State,
    Statement as Statement,
    Step as Step,
    Text as Text,
    Try as Try,
    TypeTest as TypeTest,
    Unary as Unary,
    parts as parts,
    uses as uses,
)

VERSION = 1
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
