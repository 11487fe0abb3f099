"""Scopes: the meaning of each name at one place, and the types that conditions have narrowed there."""

from __future__ import annotations

from cogc.language import types
from cogc.language.builtins import FUNCTIONS
from cogc.language.texts import MARK
from cogc.language.types import FieldOf, RecordOf, Type
from cogc.names.world import Member, Shape, Unit, World
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    SymbolKind: TypeAlias = Literal[
        "local", "parameter", "state", "const", "program", "agent", "function", "child", "listen", "transmit", "queue",
        "self", "model",
    ]  # fmt: skip
    _Table: TypeAlias = tuple[SymbolKind, dict[str, Member]]

SELF = RecordOf(
    (
        FieldOf("index", types.INT),
        FieldOf("id", types.STRING),
        FieldOf("name", types.STRING),
        FieldOf("path", types.STRING),
    )
)
SENDER = SELF
FAILURE = RecordOf(
    (
        FieldOf("kind", types.STRING),
        FieldOf("message", types.STRING),
        FieldOf("path", types.STRING),
        FieldOf("event", types.ANY),
        FieldOf("partial", types.STRING),
    )
)
CHILD_FAILURE = RecordOf(
    (
        FieldOf("child", types.STRING),
        FieldOf("index", types.optional(types.INT)),
        *FAILURE.fields[:-1],
        FieldOf("restarts", types.INT),
    )
)
MEMBER_FAILURE = RecordOf(tuple(SELF.fields[0] if f.name == "index" else f for f in CHILD_FAILURE.fields))
"""The failure of a replica or of a member of a pool, which has an index."""
_ARTEFACT_TEXTS = ("id", "logical_id", "type", "produced_by_role", "summary")
_STRUCTURAL = ("Standard", "Review", "Question", "Answer", "Failure", "Terminal")
ARTEFACT = RecordOf(
    (
        *(FieldOf(name, types.STRING) for name in _ARTEFACT_TEXTS),
        FieldOf("structural_type", types.union([types.LiteralOf("string", word) for word in _STRUCTURAL])),
        FieldOf("version", types.INT),
        FieldOf("payload", types.ANY),
        FieldOf("source_artefacts", types.ListOf(types.STRING)),
        FieldOf("created_at", types.FLOAT),
    )
)
"""An artefact as the condition of a bid sees it; `created_at` in seconds."""
CLAIM = RecordOf((FieldOf("id", types.STRING), FieldOf("artefact_id", types.STRING)))
"""A claim as the condition of a bid sees it."""


class Symbol:
    """The meaning of a name: its kind, its type, and the node and the member that declare it; `place` is where a local is bound."""

    __slots__ = ("kind", "member", "name", "node", "place", "type", "unit")

    def __init__(
        self,
        kind: SymbolKind,
        name: str,
        type: Type,
        node: object = None,
        unit: Unit | None = None,
        member: Member | None = None,
        place: nodes.Name | None = None,
    ) -> None:
        self.place = place
        self.kind = kind
        self.name = name
        self.type = type
        self.node = node
        self.unit = unit
        self.member = member


class Scope:
    """The names at one place. `waits` allows calls that wait, `secrets` allows `env`, `files` allows `file` where nothing waits, `constant` hides all but consts, `later` has parameters that have no values yet."""

    __slots__ = (
        "below",
        "constant",
        "files",
        "later",
        "listed",
        "locals",
        "narrowed",
        "secrets",
        "shape",
        "states",
        "unit",
        "waits",
        "world",
    )

    def __init__(self, world: World, unit: Unit, shape: Shape | None = None, states: bool = True) -> None:
        self.world = world
        self.unit = unit
        self.shape = shape
        self.states = states
        self.waits = False
        self.secrets = False
        self.files = False
        self.constant = False
        self.later: frozenset[str] = frozenset()
        self.listed: tuple[str, ...] = ()
        """The names that a report lists for an unknown one if no name is near; without them all names, if they are few."""
        self.locals: dict[str, Symbol] = {}
        self.narrowed: dict[str, Type] = {}
        self.below: dict[str, set[str]] = {}
        """The paths of fields that are narrowed by their first name, so that forgetting a name costs no look at all others. The
        sets are shared with inner scopes, and may have paths that are not narrowed any more."""

    def inner(self, **locals: Type) -> Scope:
        """Return a scope inside of this one, with more locals; types that are narrowed inside stay narrowed there alone."""
        scope = Scope(self.world, self.unit, self.shape, self.states)
        scope.waits, scope.secrets, scope.constant, scope.later = self.waits, self.secrets, self.constant, self.later
        scope.files, scope.listed = self.files, self.listed
        scope.locals = dict(self.locals)
        scope.narrowed, scope.below = dict(self.narrowed), dict(self.below)
        for name, type in locals.items():
            scope.bind(name, type)
        return scope

    def bind(self, name: str, type: Type, kind: SymbolKind = "local", place: nodes.Name | None = None) -> None:
        self.locals[name] = Symbol(kind, name, type, place=place)
        self.forget(name)

    def learn(self, facts: dict[str, Type]) -> None:
        """Take over narrowed types, by the paths of names and fields."""
        self.narrowed.update(facts)
        for path in facts:
            head, dot, _ = path.partition(".")
            if dot:
                self.below.setdefault(head, set()).add(path)

    def forget(self, name: str) -> None:
        """Drop the narrowed types of a name and of its fields."""
        self.narrowed.pop(name, None)
        for path in self.below.pop(name, ()):
            self.narrowed.pop(path, None)

    def forget_states(self) -> None:
        """Drop the narrowed types of states, which may have changed during a wait."""
        for path in list(self.narrowed):
            symbol = self.find(path.partition(".")[0])
            if symbol is not None and symbol.kind == "state":
                del self.narrowed[path]

    def expanded(self) -> bool:
        """Return whether this place is in a coglet that the compiler has made, whose own names no user can write."""
        return self.shape is not None and self.shape.expanded

    def find(self, name: str) -> Symbol | None:
        """Find the meaning of a plain name: a local, else a member of the coglet, else a declaration of the file."""
        found = self.locals.get(name)
        if found is not None:
            return found
        if self.shape is not None:
            if name == "self" and not self.constant:
                return Symbol("self", "self", SELF)
            member = self._member(self.shape, name)
            if member is not None:
                return member
        declared = self._declared(name)
        if (
            declared is None and name.removeprefix(MARK) in FUNCTIONS
        ):  # a form calls a function by a name that nothing hides
            return Symbol("function", name.removeprefix(MARK), types.ANY)
        return declared

    def _member(self, shape: Shape, name: str) -> Symbol | None:
        parameter = shape.parameters.get(name)
        if parameter is not None and not self.constant and name not in self.later:
            return Symbol("parameter", name, parameter.type, parameter.node, shape.unit)
        pure: tuple[_Table, ...] = (("program", shape.programs), ("const", shape.consts))
        for kind, table in pure:
            if name in table:
                return self._of(kind, table[name])
        if not self.states:
            return None
        if shape.expanded:  # what the user wrote means neither a child nor a channel of it
            return self._of("state", shape.states[name]) if name in shape.states else None
        tables: tuple[_Table, ...] = (
            ("state", shape.states),
            ("child", shape.children),
            ("transmit", shape.transmits),
            ("listen", shape.listens),
        )
        for kind, table in tables:
            if name in table:
                return self._of(kind, table[name])
        return None

    def _of(self, kind: SymbolKind, member: Member) -> Symbol:
        return Symbol(kind, member.node.name.id, member.type, member.node, member.owner.unit, member)

    def _declared(self, name: str) -> Symbol | None:
        declared = self.world.lookup(self.unit, name)
        if declared is None or declared.kind not in ("const", "program", "agent", "queue", "model"):
            return None
        return Symbol(declared.kind, name, types.ANY, declared.node, declared.unit)

    def qualified(self, node: nodes.Field) -> Symbol | None:
        """Find the meaning of `alias.name`, if `alias` is that of an import and has no other meaning here."""
        if not isinstance(node.base, nodes.Name) or node.base.id not in self.unit.aliases:
            return None
        if self.find(node.base.id) is not None:
            return None
        return self._declared(f"{node.base.id}.{node.name.id}")

    def values(self) -> list[str]:
        """Return every name that can be a value here, for suggestions."""
        found = list(self.locals)
        if self.shape is not None:
            found += [
                *(p for p in self.shape.parameters if p not in self.later),
                *self.shape.programs,
                *self.shape.consts,
                "self",
            ]
            if self.states:
                found += [n for n, m in self.shape.states.items() if self.unit.is_std or not m.owner.unit.is_std]
                found += self.shape.children
        found += [n for n in self.unit.names() if self._declared(n) is not None]
        return [*[n for n in found if MARK not in n], *FUNCTIONS]


def path_of(node: nodes.Expr) -> str | None:
    """Return `a.b.c` for a name and its fields, the paths whose types can be narrowed; None for any other expression."""
    if isinstance(node, nodes.Name):
        return node.id
    if isinstance(node, nodes.Field):
        base = path_of(node.base)
        return None if base is None else f"{base}.{node.name.id}"
    return None
