"""The world of a check: its files, the names that they declare, and the members of each coglet.

`load`, `declare`, `expand` and `complete` fill it, in this order. No stage behind them changes it: what an analysis finds
out lies in `analysis/tables.py`.
"""

from __future__ import annotations

from bisect import bisect_left

from cogc.diagnostics.source import Source, Span
from cogc.language import types
from cogc.syntax import nodes
from cogc.syntax.parse import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeAlias, TypeVar

    from cogc.diagnostics.problems import Problems
    from cogc.diagnostics.source import Reader
    from cogc.names.catalogue import Catalogue

    N = TypeVar("N", bound=nodes.Node)
    _Flat: TypeAlias = tuple[list[nodes.Node], dict[int, tuple[int, int]]]
    Parser: TypeAlias = Callable[[Source, Problems], nodes.File]
    Holder: TypeAlias = nodes.Coglet | nodes.Mixin
    DeclaredKind: TypeAlias = Literal[
        "const", "type", "model", "mcp", "program", "coglet", "mixin", "agent", "team", "dod", "plan", "sett", "queue"
    ]  # fmt: skip
    DeclaredNode: TypeAlias = (
        nodes.Const | nodes.TypeDecl | nodes.Model | nodes.ModelList | nodes.Mcp | nodes.Program | nodes.Coglet | nodes.Mixin | nodes.Agent
        | nodes.Team | nodes.Dod | nodes.Plan | nodes.Sett | nodes.Queue
    )  # fmt: skip
    ShapeKind: TypeAlias = Literal["coglet", "mixin", "agent", "team", "dod", "plan", "step", "queue", "export"]

ARTICLES: dict[str, str] = {
    "const": "a const",
    "type": "a type",
    "model": "a model",
    "mcp": "an MCP server",
    "program": "a program",
    "coglet": "a coglet",
    "mixin": "a mixin",
    "agent": "an agent",
    "team": "a team",
    "dod": "a dod",
    "plan": "a plan",
    "sett": "a sett",
    "queue": "a queue",
    "listen": "a listen channel",
    "transmit": "a transmit channel",
    "enact": "a command",
    "state": "a state",
    "create": "a child",
    "child": "a child",
    "parameter": "a parameter",
    "function": "a built-in function",
}
"""The words for each kind of declaration, member and name in a diagnostic."""


def hides_self(unit: Unit, name: nodes.Name, problems: Problems) -> None:
    """Report a declaration by the name that each coglet knows itself by."""
    if name.id == "self":
        problems.add("shadowed-name", unit.span(name), name="self", what="the coglet's own record")


class Unit:
    """One file: its tree, the names it declares, and those it can see."""

    __slots__ = (
        "_indices", "_known", "_nodes", "_ranges", "_walked", "aliases", "declared", "hidden", "id", "imported", "is_std", "looked", "path", "source", "tree",
    )  # fmt: skip

    def __init__(self, path: str, source: Source, tree: nodes.File, id: str = "") -> None:
        self.path = path
        self.is_std = path.startswith("std/")
        """True for a file of the standard library."""
        self.id = id
        self.source = source
        self.tree = tree
        self.declared: dict[str, Declared] = {}
        self.imported: dict[str, Declared] = {}
        self.hidden: dict[str, Declared] = {}
        """The coglets that declarations expand to and what they borrow from other files, under names that no user can write."""
        self.aliases: dict[str, Unit] = {}
        self.looked: dict[str, bytes | None] = {}
        """The files beside specs that the check has looked at, None for what is not there."""
        self._nodes: dict[type, list[Any]] = {}
        self._indices: dict[type, list[int]] | None = None
        """The places of the nodes of each class in the order of the text."""
        self._walked: list[nodes.Node] | None = None
        self._ranges: dict[int, tuple[int, int]] = {}
        self._known: dict[int, _Flat] = {}
        """The nodes of each declaration that has been walked, by its identity."""

    def renew(self, source: Source, tree: nodes.File) -> Unit:
        """Return the unit as it is at the beginning, with another text of the file."""
        known = self._known
        Unit.__init__(self, self.path, source, tree, self.id)
        self._known = {id(d): found for d in tree.declarations if (found := known.get(id(d))) and found[0][0] is d}
        return self

    def all(self, kind: type[N]) -> list[N]:
        """Return all nodes of one class in the file, in the order of the text; the tree is walked once for all callers."""
        found = self._nodes.get(kind)
        if found is None:
            indices = self.kinds().get(kind)
            order = self._order() if indices else []
            found = self._nodes[kind] = [order[i] for i in indices or ()]
        return found

    def within(self, kind: type[N], node: nodes.Node) -> list[N]:
        """Return the nodes of one class that a node is or has below it."""
        order, place = self._order(), self._ranges.get(id(node))
        if place is None:
            return [n for n in nodes.walk(node) if isinstance(n, kind)]
        indices = self.kinds().get(kind)
        if indices is None:
            return []
        found: list[Any] = [order[i] for i in indices[bisect_left(indices, place[0]) : bisect_left(indices, place[1])]]
        return found

    def kinds(self) -> dict[type[nodes.Node], list[int]]:
        """Return the classes of the nodes in the file, and where the nodes of each stand in the order of the text."""
        if self._indices is None:
            self._indices = {}
            for i, node in enumerate(self._order()):
                self._indices.setdefault(node.__class__, []).append(i)
        return self._indices

    def walked(self, node: nodes.Node) -> list[nodes.Node]:
        """Return a node and all nodes below it, as `nodes.walk` does; a declaration or a member of the file is not walked again."""
        order = self._order()
        found = self._ranges.get(id(node))
        return nodes.walk(node) if found is None else order[found[0] : found[1]]

    def _order(self) -> list[nodes.Node]:
        """Return all nodes of the file in the order of the text, and note where those of each declaration and member are."""
        if self._walked is None:
            self._walked = [self.tree]
            for declaration in self.tree.declarations:
                first = len(self._walked)
                found, ranges = self._known.get(id(declaration)) or _flat(declaration)
                self._known[id(declaration)] = found, ranges
                self._walked += found
                self._ranges[id(declaration)] = first, first + len(found)
                for part, (start, end) in ranges.items():
                    self._ranges[part] = first + start, first + end
        return self._walked

    def span(self, node: nodes.Node) -> Span:
        return Span(self.source, node.start, node.end)

    def text(self, node: nodes.Node) -> str:
        """Return the words of a node, as they stand in the file."""
        return self.source.text[node.start : node.end]

    def key(self, name: str) -> str:
        """Return the key of a declaration in a program: its name, behind the name of its file unless that is the first one."""
        return f"{self.id}::{name}" if self.id else name

    def names(self) -> list[str]:
        """Return every name that can be used in the file, for suggestions."""
        return [*self.declared, *self.imported, *(f"{a}.{n}" for a, u in self.aliases.items() for n in u.public())]

    def public(self) -> list[str]:
        return [n for n in self.declared if not n.startswith("_") and n != "Main"]


def _flat(declaration: nodes.Declaration) -> _Flat:
    """Return the nodes of a declaration, and where those of each of its members are among them."""
    if not isinstance(declaration, nodes.Coglet | nodes.Mixin):
        return nodes.walk(declaration), {}
    found: list[nodes.Node] = [declaration]
    ranges: dict[int, tuple[int, int]] = {}
    for part in declaration.__class__._values_(declaration):
        for item in part if part.__class__ is tuple else (part,):
            if isinstance(item, nodes.Node):
                first = len(found)
                found += nodes.walk(item)
                ranges[id(item)] = first, len(found)
    return found, ranges


class Declared:
    """A named declaration and the file it stands in."""

    __slots__ = ("kind", "node", "unit")

    def __init__(self, unit: Unit, node: DeclaredNode, kind: DeclaredKind) -> None:
        self.unit = unit
        self.node = node
        self.kind = kind

    def of(self, kind: type[N]) -> N:
        """Return the node, which is known to be of a class."""
        node: nodes.Node = self.node
        assert isinstance(node, kind)
        return node

    def span(self) -> Span:
        return self.unit.span(self.node.name)


def default_root(unit: Unit) -> Declared | None:
    """Return what a run of a file begins at: `Main`, or the only coglet, or without coglets the only sett, plan, team or agent."""
    coglets = [d for d in unit.declared.values() if d.kind == "coglet"]
    if coglets:
        main = unit.declared.get("Main")
        return main if main in coglets else coglets[0] if len(coglets) == 1 else None
    for kind in ("sett", "plan", "team", "agent"):
        found = [d for d in unit.declared.values() if d.kind == kind]
        if len(found) == 1:
            return found[0]
    return None


def exports_of(unit: Unit) -> list[Declared]:
    """Return the declarations of a file that services offer, in their order."""
    return [d for d in unit.declared.values() if getattr(d.node, "export", False)]


class Parameter:
    __slots__ = ("default", "name", "node", "type")

    def __init__(self, node: nodes.Parameter, type: types.Type) -> None:
        self.node = node
        self.name = node.name.id
        self.type = type
        self.default = node.default


class Signature:
    """The parameters and the result of a program, a command, a coglet or an agent. `doubled` counts the parameters that were declared
    for a second time. `unsure` is true if the name is declared twice, so that the other one may be meant."""

    __slots__ = ("doubled", "name", "parameters", "result", "unsure")

    def __init__(
        self, name: str, parameters: list[Parameter], result: types.Type, doubled: int = 0, unsure: bool = False
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.result = result
        self.doubled = doubled
        self.unsure = unsure


class Member:
    """A member of a coglet and the shape that it was written in: the coglet itself, or a mixin.

    `before` is the type from which kept values of a state are converted, or None.
    """

    __slots__ = ("before", "node", "owner", "signature", "target", "type")

    def __init__(self, node: Any, owner: Shape, type: types.Type = types.ANY) -> None:
        self.node = node
        self.owner = owner
        self.type = type
        self.before: types.Type | None = None
        self.signature: Signature | None = None
        self.target: Shape | None = None

    def span(self) -> Span:
        return self.owner.unit.span(self.node.name)


class MixinUse:
    __slots__ = ("node", "owner", "shape")

    def __init__(self, node: nodes.MixinUse | None, owner: Shape, shape: Shape) -> None:
        self.node = node
        self.owner = owner
        self.shape = shape


class Shape:
    """The parameters and members of a coglet or a mixin, those of its mixins among them.

    `declared` is the kind of declaration that the user wrote: an agent, a dod, a plan and a team stand for coglets.
    """

    __slots__ = (
        "budget", "children", "complete", "consts", "declared", "doubled", "enacts", "expanded", "key", "links", "listens", "mixins", "name", "node", "parameters", "partial",
        "programs", "python", "reactions", "states", "supervise", "transmits", "unit",
    )  # fmt: skip

    def __init__(self, unit: Unit, node: Holder, declared: ShapeKind | None = None) -> None:
        self.declared: ShapeKind = declared or ("coglet" if isinstance(node, nodes.Coglet) else "mixin")
        self.expanded = self.declared not in ("coglet", "mixin")
        """True if the compiler has made the coglet from another declaration."""
        self.unit = unit
        self.node = node
        self.name = node.name.id
        self.key = unit.key(self.name)
        self.python = node.python if isinstance(node, nodes.Coglet) else None
        self.parameters: dict[str, Parameter] = {}
        self.listens: dict[str, Member] = {}
        self.transmits: dict[str, Member] = {}
        self.enacts: dict[str, Member] = {}
        self.states: dict[str, Member] = {}
        self.children: dict[str, Member] = {}
        self.programs: dict[str, Member] = {}
        self.consts: dict[str, Member] = {}
        self.reactions: list[Member] = []
        self.links: list[Member] = []
        self.supervise: Member | None = None
        self.mixins: list[MixinUse] = []
        self.budget: nodes.Attribute | None = None
        self.complete = False
        self.doubled = False
        """True if the name is declared twice, so that the other declaration may be meant."""
        self.partial = False
        """True if a mixin is missing, or the name is declared twice, so that the coglet may have members that are not known."""

    def renew(self) -> Shape:
        """Return the shape as it is at the beginning, without members."""
        Shape.__init__(self, self.unit, self.node)
        return self

    def own(self) -> list[tuple[str, dict[str, Member]]]:
        """Return the tables of named members, with the word for each."""
        return [
            ("listen", self.listens),
            ("transmit", self.transmits),
            ("enact", self.enacts),
            ("state", self.states),
            ("create", self.children),
            ("program", self.programs),
            ("const", self.consts),
        ]

    @property
    def lacks_members(self) -> bool:
        """True if mixins that are not known may have more members for the coglet."""
        return self.partial or any(m.shape.partial for m in self.mixins)

    def span(self) -> Span:
        return self.unit.span(self.node.name)

    def is_pool(self, child: Member) -> bool:
        """Return whether the name of a child stands for several coglets: replicas, a pool, or one for each item."""
        return child.node.count is not None or child.node.for_each is not None


class Kept:
    """The units and shapes of the last analysis of a file, which the next one fills anew: the tables that it takes over refer to them."""

    def __init__(self) -> None:
        self._units: dict[str, Unit] = {}
        self._shapes: dict[int, Shape] = {}

    def take(self, world: World) -> None:
        """Keep the units of a world, and the shapes of what the user has declared."""
        self._units = dict(world.units)
        self._shapes = {id(s.node): s for s in world.shapes.values() if not s.expanded}

    def unit(self, path: str, source: Source, tree: nodes.File, id: str) -> Unit:
        known = self._units.get(path)
        return known.renew(source, tree) if known is not None and known.id == id else Unit(path, source, tree, id)

    def shape(self, unit: Unit, node: Holder) -> Shape:
        known = self._shapes.get(id(node))
        same = known is not None and known.node is node and known.unit is unit
        return known.renew() if known is not None and same else Shape(unit, node)


class World:
    """All files of a check, and the meaning of their declarations."""

    __slots__ = (
        "_catalogue", "agent_programs", "doubled", "ids", "kept", "locks", "named_types", "parse", "prelude", "read", "roots", "shapes", "signatures", "units",
    )  # fmt: skip

    def __init__(self, read: Reader | None = None, trees: Parser = parse, kept: Kept | None = None) -> None:
        self._catalogue: Catalogue | None = None
        self.parse = trees
        self.kept = kept or Kept()
        self.read = read
        self.units: dict[str, Unit] = {}
        self.ids: set[str] = set()
        """The names of the files in a program, each of which one file has."""
        self.roots: list[Unit] = []
        self.prelude: Unit | None = None
        self.shapes: dict[str, Shape] = {}
        self.named_types: dict[str, types.Type] = {}
        self.signatures: dict[int, Signature] = {}
        """The signature of each program, by `id(node)`."""
        self.locks: dict[str, dict[str, Any]] = {}
        self.doubled: set[int] = set()
        """The declarations and members of names that are declared twice, by `id(node)`. Either may be meant by a use of the name, so that
        neither says what is wrong there."""
        self.agent_programs: dict[int, nodes.Program] = {}
        """The program that each declared agent is in an expression, by `id(node)` of the agent."""

    @property
    def catalogue(self) -> Catalogue:
        """The prices and windows of models."""
        if self._catalogue is None:
            from cogc.names.catalogue import Catalogue  # start-up: for files with models

            assert self.read is not None
            self._catalogue = Catalogue(self.read)
        return self._catalogue

    def lookup(self, unit: Unit, name: str) -> Declared | None:
        """Find the declaration that a plain or qualified name stands for in a file."""
        head, _, rest = name.partition(".")
        if rest:
            other = unit.aliases.get(head)
            found = other.declared.get(rest) if other else None
            return None if found is None or rest.startswith("_") else found
        found = unit.declared.get(head) or unit.imported.get(head) or unit.hidden.get(head)
        if found is None and self.prelude is not None and unit is not self.prelude:
            found = self.prelude.declared.get(head)
        return found

    def look(self, unit: Unit, path: str) -> bytes | None:
        """Return what a file beside the specs holds, empty for a folder, or None if there is nothing that can be read."""
        if path not in unit.looked:
            found: bytes | None = None
            try:
                found = self.read(path) if self.read is not None else None
            except IsADirectoryError:
                found = b""
            except (OSError, ValueError):
                pass
            unit.looked[path] = found
        return unit.looked[path]

    def shape(self, declared: Declared) -> Shape | None:
        return self.shapes.get(declared.unit.key(declared.node.name.id))
