"""The tables that an analysis fills: what was found out about each node, by `id(node)`.

No node is ever changed; whatever a stage finds out about one lies here, for the rules and for lowering. The trees outlive
the tables, so that an id stands for one node.
"""

from __future__ import annotations

from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, TypeAlias

    from cogc.analysis.outcomes import Outcome
    from cogc.analysis.scope import Scope, Symbol
    from cogc.diagnostics.source import Source
    from cogc.language.limits import Extents
    from cogc.language.types import Type
    from cogc.names.world import Declared, Member
    from cogc.syntax import nodes

    PortKind: TypeAlias = Literal[
        "own_transmit", "own_listen", "child_listen", "child_transmit", "queue", "dead_queue", "failed_queue"
    ]  # fmt: skip

QUEUE_PORTS = {"queue": "", "dead_queue": ".dead", "failed_queue": ".failed"}
"""The kinds of port from which items of a queue are taken, and what stands behind its name in the channel of each."""


class Port(Record):
    """One end of a wire: a channel of the coglet itself or of a child, or a queue.

    `child` and `index` name the child that has the channel; `type` is the type of the messages.
    """

    kind: PortKind
    name: str
    type: Type
    child: str = ""
    index: nodes.Expr | None = None
    member: Member | None = None


class Tables:
    """The findings of one analysis."""

    __slots__ = (
        "conditions", "consts", "content", "extents", "fed", "heard", "hopeless_tests", "inferred", "inner", "late", "meant", "parts", "sent", "stage_calls", "statements", "steps", "symbols", "targets", "types", "unknown", "used",
        "waiting", "wanted", "work",
    )  # fmt: skip

    def __init__(self) -> None:
        self.types: dict[int, Type] = {}
        """The type of each expression, of each const, of each local name where it is bound, and of each type expression of a test or an attribute."""
        self.symbols: dict[int, Symbol] = {}
        """The meaning of each name, and of each function that is called."""
        self.meant: dict[int, Declared | Member | nodes.Name] = {}
        """The meaning of a name that is no value: a declaration, a child, a command, a state that is set; for a name that is bound in
        several places, the first of them."""
        self.inner: list[tuple[Source, nodes.Name, Symbol]] = []
        """The names inside of templates, which are no nodes of a tree."""
        self.unknown: list[tuple[nodes.Name, Scope | Type]] = []
        """The names that mean nothing, each with what its place knows: the scope, or the type of which it is no field."""
        self.wanted: dict[int, Type] = {}
        """The type that a record literal is needed as."""
        self.content: set[int] = set()
        """The templates that put an image or document in: in a prompt it stays what it is."""
        self.waiting: set[int] = set()
        """The calls that wait: those of programs that are not pure."""
        self.statements: set[int] = set()
        """The expressions that are whole statements."""
        self.used: set[int] = set()
        """The declarations and members that some expression uses."""
        self.targets: dict[int, Port] = {}
        """The port of each path that is sent to, linked, awaited or reacted to."""
        self.stage_calls: dict[int, nodes.Call] = {}
        """The call that a stage of a pipeline stands for where it names a program alone."""
        self.sent: set[tuple[str, str]] = set()
        """The transmit channels that something sends on: key of the shape, name of the channel."""
        self.conditions: list[tuple[nodes.Expr, Scope]] = []
        """Every condition, with what its names mean."""
        self.hopeless_tests: list[tuple[nodes.Expr, Scope, str, str]] = []
        """The tests for a type that the value cannot have, and for a null that it cannot be, each with its words."""
        self.consts: dict[int, Outcome] = {}
        """The value of each const that was evaluated, or why it has none."""
        self.extents: Extents = {}
        """The sizes of the values that evaluations have made."""
        self.steps = 2_000_000
        self.parts = 10_000_000
        self.work = 20_000_000
        """The rest for all evaluations of this check: steps, parts of values that they make, work of functions."""
        self.late: list[Callable[[], None]] = []
        """The checks that are left until all types are known."""
        self.inferred: set[int] = set()
        """The consts whose types are found out."""
        self.fed: set[tuple[str, str]] = set()
        """The listen channels to which their own coglet sends: key of the shape, name of the channel."""
        self.heard: set[tuple[str, str]] = set()
        """The listen channels that something reads: key of the shape, name of the channel."""
