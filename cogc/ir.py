"""The typed program that the runner takes: no names to look up, no types to infer, nothing of the notation left.

A program is JSON (`cogc build`), made and read by msgspec from these records; `grammar/ir.schema.json` is its schema. Two
notations of one program give equal IR: source positions stand in a table of their own (`positions`), by number, and
take no part in the content hash.

Expressions say where a value's type is not known (`checked`), so that the code made from them asks only there.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

VERSION = 1


class Node(msgspec.Struct, frozen=True, tag_field="op", omit_defaults=True):
    """The base of all parts that are told apart by their `op`."""


# ---- expressions ---------------------------------------------------------------------------------------------


class Const(Node, tag="const", frozen=True):
    """A JSON value."""

    value: Any = None


class DurationConst(Node, tag="duration", frozen=True):
    nanos: int


class Local(Node, tag="local", frozen=True):
    """A `let`, a pattern's name, a parameter of a program or command, `message`, `sender`, `it`."""

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
    """The coglet's own record of index, id, name and path; one field of it if `field` is given."""

    field: str = ""


class Text(Node, tag="text", frozen=True):
    """A template: `parts` are text and values in turn where that is all it is, else `jinja` is its source."""

    parts: list[Expr] = []
    jinja: str = ""
    names: list[str] = []
    values: list[Expr] = []


class Builtin(Node, tag="builtin", frozen=True):
    name: str
    arguments: list[Expr] = []


class Call(Node, tag="call", frozen=True):
    """A program by its key. `waits` if it is carried out outside; the arguments are in the order of its parameters."""

    program: str
    arguments: list[Expr | None] = []
    waits: bool = False
    at: int = 0


class Field(Node, tag="field", frozen=True):
    """`required` if it is known to be there; `checked` if it is not known that there may be such a field."""

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
    operator: str
    operand: Expr
    checked: bool = False


class Binary(Node, tag="binary", frozen=True):
    """Arithmetic, comparison, membership; `checked` where the types of the sides are not known."""

    operator: str
    left: Expr
    right: Expr
    checked: bool = False


class Logic(Node, tag="logic", frozen=True):
    """`and`, `or`, `??`: the right side only where it is needed."""

    operator: str
    left: Expr
    right: Expr
    checked: bool = False


class Conditional(Node, tag="if", frozen=True):
    condition: Expr
    then: Expr
    otherwise: Expr
    checked: bool = False


class Items(Node, tag="list", frozen=True):
    items: list[Expr] = []


class Comprehension(Node, tag="for", frozen=True):
    """`key` is given for records; `names` are the pattern's, several take a list apart."""

    item: Expr
    names: list[str]
    source: Expr
    condition: Expr | None = None
    key: Expr | None = None
    parallel: bool = False


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a record: a fixed key, a computed one, or neither: then the value's own entries are spread in."""

    value: Expr
    name: str | None = None
    key: Expr | None = None


class Record(Node, tag="record", frozen=True):
    entries: list[Entry] = []


class TypeTest(Node, tag="is", frozen=True):
    value: Expr
    type: int


class Check(Node, tag="check", frozen=True):
    """A value that must be of a type: the run-time check where the compiler could not know."""

    value: Expr
    type: int


class Try(Node, tag="try", frozen=True):
    """The other value where the first fails; in it, `name` is the failure's record."""

    value: Expr
    otherwise: Expr
    name: str = ""


class Await(Node, tag="await", frozen=True):
    """The first message of a channel that the condition takes, over `message`; null when the time is over."""

    port: Port
    condition: Expr | None = None
    timeout: Expr | None = None


class Grow(Node, tag="grow", frozen=True):
    """A new member of a pool; its index is the value."""

    child: str
    arguments: list[Expr | None] = []
    at: int = 0


Expr: TypeAlias = (
    Const | DurationConst | Local | Parameter | State | Global | Self | Text | Builtin | Call | Field | Index | Slice
    | Unary | Binary | Logic | Conditional | Items | Comprehension | Record | TypeTest | Check | Try | Await | Grow
)  # fmt: skip


# ---- statements ----------------------------------------------------------------------------------------------


class Port(msgspec.Struct, frozen=True, omit_defaults=True):
    """One end of a wire: an own channel (`own_transmit`, `own_listen`), or a child's (`child_transmit`,
    `child_listen`); `member` picks one of a pool."""

    kind: str
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
    """A command for a child, or for the coglet itself (`child` is empty)."""

    child: str
    command: str
    arguments: list[Expr | None] = []
    member: Expr | None = None
    at: int = 0


class Lifecycle(Node, tag="lifecycle", frozen=True):
    """`stop` or `restart` a child or a member, `stop` the coglet itself (`child` is empty), or `escalate`."""

    action: str
    child: str = ""
    member: Expr | None = None
    at: int = 0


class Log(Node, tag="log", frozen=True):
    level: str
    value: Expr
    at: int = 0


class Fail(Node, tag="fail", frozen=True):
    value: Expr
    at: int = 0


class If(Node, tag="branch", frozen=True):
    condition: Expr
    then: list[Statement] = []
    otherwise: list[Statement] = []
    checked: bool = False
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


Statement: TypeAlias = Emit | Assign | Let | Guide | Lifecycle | Log | Fail | If | For | Evaluate


# ---- coglets -------------------------------------------------------------------------------------------------


class ParameterDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    type: int
    default: Expr | None = None


class ChannelDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    type: int
    capacity: Expr | None = None
    overflow: str = "block"


class StateDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str
    type: int
    value: Expr
    life: str = ""


class ChildDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    """`low` and `high` for replicas and pools; `each` and `source` for one child an item."""

    name: str
    coglet: str
    arguments: list[Expr | None] = []
    low: Expr | None = None
    high: Expr | None = None
    each: str = ""
    source: Expr | None = None
    restart: str = "never"
    max_restarts: Expr | None = None
    within: Expr | None = None
    backoff: Expr | None = None
    map: str = "broadcast"
    hash: Expr | None = None
    at: int = 0


class LinkDecl(msgspec.Struct, frozen=True, omit_defaults=True):
    """`type` is that of the target where the compiler could not prove that the source's fits."""

    source: Port
    target: Port
    type: int | None = None
    map: str = ""
    hash: Expr | None = None
    feedback: bool = False
    at: int = 0


class Trigger(msgspec.Struct, frozen=True, omit_defaults=True):
    """`kind`: port all error start stop every ticks after command. `names` are what the pattern binds; `apart` if
    they take a list apart; `sender` if a member's own record is bound too."""

    kind: str
    ports: list[Port] = []
    names: list[str] = []
    apart: bool = False
    value: Expr | None = None
    time_of_day: str = ""
    child: str = ""
    command: str = ""
    sender: bool = False


class Pair(msgspec.Struct, frozen=True):
    """The two values of `throttle distinct batch`."""

    value: Expr
    within: Expr


class Reaction(msgspec.Struct, frozen=True, omit_defaults=True):
    """`name` is for people; `waits` if a call, an await or a growing pool stands in the body."""

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
    at: int = 0


class Supervision(msgspec.Struct, frozen=True, omit_defaults=True):
    strategy: str = "one_for_one"
    max_restarts: Expr | None = None
    within: Expr | None = None


class Coglet(msgspec.Struct, frozen=True, omit_defaults=True):
    """`parameters` end with those of its mixins, whose defaults are their arguments. `logged_from`, `suppressed` and
    `registered` are the numbers of the states that LogLet, SuppressLet and ProgLet keep theirs in. `python` is the program
    that calls the object of one in Python; `open` says that no spec declares what such a class hears, says and obeys."""

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
    kind: str = "coglet"
    budget: Expr | None = None
    python: str = ""
    open: bool = False
    at: int = 0


class Agent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent has beside a program that asks a model: the keys of the agents that it may start, how many at once, and
    who runs them: `local` in this process, else the name of a dispatcher."""

    spawn: list[str] = []
    max_concurrent: Expr | None = None
    dispatch: str = "local"


QUEUE = "$queue:"
"""What the name of the inbox of a queue's items begins with."""
TICKS = "$every"
"""The inbox of a Python coglet's ticks; no name of the language is one like it."""


class Program(msgspec.Struct, frozen=True, omit_defaults=True):
    """A program. `schema` is that of a tool which takes its one argument as its whole input; `ports` and
    `commands` are those that the class of a Python coglet must have methods for, `says` what it may transmit. `words` are those of a shell command; `argument` the text of the others, the tool of an MCP server."""

    key: str
    name: str
    kind: str
    parameters: list[ParameterDecl]
    result: int
    body: Expr | None = None
    argument: Any = None
    words: list[Expr] = []
    attributes: dict[str, Expr] = {}
    model: str = ""
    server: str = ""
    schema: dict[str, Any] | None = None
    tools: list[str] = []
    agent: Agent | None = None
    ports: list[str] = []
    commands: list[str] = []
    says: list[str] = []
    doc: str = ""
    folder: str = ""
    at: int = 0


class Price(msgspec.Struct, frozen=True, omit_defaults=True):
    """US dollars for a million tokens; what the cache takes, as factors of `input`; `context` is in tokens, 0 for unknown."""

    input: float = 0.0
    output: float = 0.0
    cache_write: float = 1.0
    cache_read: float = 1.0
    above: int = 0
    long_input: float = 0.0
    long_output: float = 0.0
    context: int = 0


class Model(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model; None as `price` says that it is not known."""

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
    """A queue: what holds it, and where. Its programs are `KEY.put`, `KEY.take`, `KEY.dead`, `KEY.done` and `KEY.back`."""

    key: str
    name: str
    type: int
    backend: str
    argument: str = ""
    attributes: dict[str, Expr] = {}
    folder: str = ""
    at: int = 0


class Bid(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent of a sett bids where the condition over `artefact` and `claim` holds."""

    word: str
    when: Expr | None = None


class SettAgent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One agent of a sett. `run` is the agent that does its work in place of a command, `judge` the one that bids for it: keys
    of coglets."""

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


class Bundle(msgspec.Struct, frozen=True, omit_defaults=True):
    """A whole program. `root` is a coglet or a sett. `types` by number, `named` the types that are declared by name; both as `types.to_json`."""

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
    hash: str = ""


def encode(bundle: Bundle) -> bytes:
    """The program as JSON, indented, with its content hash."""
    return msgspec.json.format(msgspec.json.encode(hashed(bundle)), indent=1) + b"\n"


def decode(data: bytes) -> Bundle:
    """A program from JSON; ValueError says what is wrong with it."""
    try:
        bundle = msgspec.json.decode(data, type=Bundle)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if bundle.version != VERSION:
        raise ValueError(f"it is of version {bundle.version}, this is version {VERSION}")
    if hashed(bundle).hash != bundle.hash:
        raise ValueError("its content does not match its hash")
    return bundle


def hashed(bundle: Bundle) -> Bundle:
    """The program with the hash of its content: everything but source positions."""
    import hashlib

    bare = msgspec.structs.replace(bundle, positions=[], hash="")
    digest = hashlib.sha256(msgspec.json.encode(bare, order="deterministic")).hexdigest()
    return msgspec.structs.replace(bundle, hash=digest)


def schema() -> bytes:
    """The JSON Schema of a built program."""
    from inspect import cleandoc

    document = msgspec.json.schema(Bundle)
    for part in document["$defs"].values():  # from 3.13 on Python takes the indentation out of docstrings itself
        if "description" in part:
            part["description"] = cleandoc(part["description"])
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    document["title"] = "A program built by cogc"
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1) + b"\n"
