"""The index of names: what each name of a checked world means, and where each thing is named. Editors ask it.

`index(checked) -> Index`. Nothing is resolved here: the meaning of a name was found by the analysis (`Tables.symbols`,
`targets`, `meant`, `inner`) or is looked up by `World.lookup`, as every stage does. So a name that could not be resolved is
in no index.

**Meanings.** A `Meaning` is one thing that has a name: a declaration, a member of a coglet, a parameter, a local name, a step, a
role, the alias of an import, a field of a named type, a built-in function. Two names with equal `key` mean the same thing. The
key is the place of the declaring name, so that it is the same in every world that has the file. What the compiler has made
itself (the channels of an agent) has a place too, which is that of the declaration it was made of, and is not `own`: it cannot
be renamed.

**Places.** `Use.start` and `Use.end` are those of the word alone, without quotes. In a quoted or folded text of YAML the word is
looked for between the first and last place of its node; a word that does not stand there as it is gets no use.
"""

from __future__ import annotations

from bisect import bisect_right

from cogc.analysis.ports import silenced
from cogc.analysis.scope import Symbol
from cogc.analysis.tables import QUEUE_PORTS
from cogc.analysis.tests import declared_of, parts, scripted
from cogc.desugar import plans
from cogc.desugar.parts import extended
from cogc.diagnostics.source import is_folder
from cogc.language import types
from cogc.language.record import Record
from cogc.names.load import import_path
from cogc.names.world import Declared, Member, Parameter, Shape, Unit, World
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    from cogc.analysis.checked import Checked
    from cogc.analysis.tables import Tables
    from cogc.diagnostics.source import Span
    from cogc.names.world import DeclaredKind

    MeaningKind: TypeAlias = (
        DeclaredKind
        | Literal["listen", "transmit", "enact", "state", "create", "parameter", "local", "step", "role"]
        | Literal["alias", "file", "field", "function", "self"]
    )  # fmt: skip
    Key: TypeAlias = tuple[str, int, str]

_KINDS: dict[type, MeaningKind] = {
    nodes.Const: "const", nodes.TypeDecl: "type", nodes.Model: "model", nodes.ModelList: "model", nodes.Mcp: "mcp",
    nodes.Program: "program", nodes.Coglet: "coglet", nodes.Mixin: "mixin", nodes.Agent: "agent", nodes.Team: "team",
    nodes.Dod: "dod", nodes.Plan: "plan", nodes.Sett: "sett", nodes.Queue: "queue", nodes.Listen: "listen",
    nodes.Transmit: "transmit", nodes.Enact: "enact", nodes.State: "state", nodes.Create: "create",
    nodes.Parameter: "parameter", nodes.Step: "step", nodes.FieldType: "field",
}  # fmt: skip
_LOCALS = (nodes.Let, nodes.For, nodes.On, nodes.Generator)
_BINDERS = (nodes.ForEach, nodes.Conversion, nodes.Handler, nodes.ForAll, nodes.ForRows)


class Meaning(Record):
    """One thing that has a name. `place` is the name where it is declared, in the file `unit`; a built-in has neither, and what a folder of
    Python declares has no place."""

    kind: MeaningKind
    name: str
    unit: Unit | None
    place: nodes.Name | nodes.Text | None
    node: nodes.Node | None = None
    type: types.Type | None = None
    member: Member | None = None

    @property
    def key(self) -> Key:
        if self.unit is None or self.place is None:
            return "" if self.unit is None else self.unit.path, 0, f"{self.kind} {self.name}"
        return self.unit.path, self.place.start, self.name

    @property
    def own(self) -> bool:
        """Return whether the name stands in the text, where it can be renamed."""
        return self.unit is not None and self.place is not None and word(self.unit, self.place, self.name) is not None


class Use(Record):
    """A name in a text, and what it means. `declares` is true where the name is declared, `sets` where its value is set;
    `type` is that of the value at this place."""

    unit: Unit
    start: int
    end: int
    meaning: Meaning
    declares: bool = False
    sets: bool = False
    type: types.Type | None = None


class Index:
    """The uses of a world, by file in the order of the text."""

    def __init__(self, uses: list[Use]) -> None:
        self._files: dict[str, list[Use]] = {}
        self._starts: dict[str, list[int]] = {}
        best: dict[tuple[str, int, int], Use] = {}
        for use in uses:
            best.setdefault((use.unit.path, use.start, use.end), use)
        for use in sorted(best.values(), key=lambda u: u.start):
            self._files.setdefault(use.unit.path, []).append(use)
            self._starts.setdefault(use.unit.path, []).append(use.start)

    def of_file(self, path: str) -> list[Use]:
        return self._files.get(path, [])

    def at(self, path: str, offset: int) -> Use | None:
        """Return the use of which the word touches a place."""
        uses = self._files.get(path, [])
        i = bisect_right(self._starts.get(path, []), offset)
        return next((u for u in reversed(uses[max(i - 2, 0) : i]) if u.start <= offset <= u.end), None)

    def of(self, key: Key) -> list[Use]:
        """Return every use of one thing, its declaration among them."""
        return [u for uses in self._files.values() for u in uses if u.meaning.key == key]


def index(checked: Checked) -> Index:
    """Return the index of the user's files of a world; names of the standard library and of folders of Python have meanings and no uses."""
    uses: list[Use] = []
    replaced = _replaced(checked.world)
    for unit in checked.world.units.values():
        if (not unit.is_std or unit in checked.world.roots) and not is_folder(unit.path):
            uses += _Reader(checked, unit, replaced).read()
    return Index(uses)


def _replaced(world: World) -> dict[int, Meaning | None]:
    """Return the meanings of steps that stand in the place of those of an extended plan, by them and their names."""
    found: dict[int, Meaning | None] = {}
    for unit in world.units.values():
        for plan in unit.tree.declarations:
            if isinstance(plan, nodes.Plan) and plan.extends is not None:
                first = {
                    s.name.id: meaning_of(u, s)
                    for u, n in extended(world, unit, plan, "plan")[1:]
                    for s in plans.steps_of(n)
                }
                steps = [s for s in plans.steps_of(plan) if s.name.id in first]
                found.update({id(part): first[s.name.id] for s in steps for part in (s, s.name)})
    return found


def word(unit: Unit, node: nodes.Node, name: str) -> tuple[int, int] | None:
    """Return the place of a name inside of its node, without quotes; None if the text spells it otherwise."""
    text = unit.source.text
    if node.end - node.start == len(name) and text.startswith(name, node.start):
        return node.start, node.end
    at = text.find(name, node.start, node.end)
    around = text[at - 1 : at] + text[at + len(name) : at + len(name) + 1]
    if at < 0 or not name or any(c.isalnum() or c == "_" for c in around):
        return None
    return at, at + len(name)


def meaning_of(unit: Unit, node: nodes.Node, member: Member | None = None) -> Meaning | None:
    """Return the meaning of what a node declares."""
    kind = _KINDS.get(type(node))
    place = getattr(node, "key" if kind == "field" else "name", None)
    if kind is None or not isinstance(place, nodes.Name | nodes.Text):
        return None
    name = place.id if isinstance(place, nodes.Name) else place.value
    if is_folder(unit.path):
        place = None  # it stands in the code, and the text of the unit was made of that
    return Meaning(kind, name, unit, place, node, member.type if member is not None else None, member)


class _Reader:
    """Reads the uses of one file."""

    def __init__(self, checked: Checked, unit: Unit, replaced: dict[int, Meaning | None]) -> None:
        self.checked = checked
        self.world: World = checked.world
        self.replaced = replaced
        self.tables: Tables = checked.tables
        self.unit = unit
        self.uses: list[Use] = []
        self.shape: Shape | None = None
        self.inside: nodes.Declaration | None = None
        self.test: nodes.Test | None = None
        self.happening = False
        """True in a scenario, the names of which are those of a test."""
        self.parameters = {id(p.name): p for p in unit.all(nodes.Parameter)}
        self.roles: dict[str, Meaning] = {}
        """The open roles of a plan and of those that it extends."""
        self.steps: dict[str, Meaning | None] = {}
        """The steps of a plan and of those that it extends."""

    def read(self) -> list[Use]:
        declarations = self.unit.tree.declarations
        for node in declarations:
            shape = None
            if isinstance(node, nodes.Coglet | nodes.Mixin):
                shape = self.world.shapes.get(self.unit.key(node.name.id))
            self.shape = shape if shape is not None and shape.node is node else None
            self._enter(node)
            if isinstance(node, nodes.Plan):
                self._plan(node)
            self._all(node)
        starts = [d.start for d in declarations]
        for source, name, symbol in self.tables.inner:
            if source is self.unit.source:
                self._enter(declarations[bisect_right(starts, name.start) - 1])
                self._use(name, name.id, self._of_symbol(symbol))
        return self.uses

    def _enter(self, node: nodes.Declaration) -> None:
        """Take note of what names mean in a declaration alone."""
        if node is self.inside:
            return
        self.inside = node
        self.happening = isinstance(node, nodes.Scenario)
        self.test = self._test_of(node)
        self.roles, self.steps = {}, {}
        for unit, plan in extended(self.world, self.unit, node, "plan")[::-1] if isinstance(node, nodes.Plan) else ():
            self.roles.update({r.id: Meaning("role", r.id, unit, r) for r in _roles(plan)})
            self.steps.update({s.name.id: self._meaning_of(unit, s) for s in plans.steps_of(plan)})

    def _plan(self, plan: nodes.Plan) -> None:
        """Note the roles of a plan, those that it declares and those that it fills."""
        for role in _roles(plan):
            self._use(role, role.id, self.roles[role.id], declares=True)
        given = _given_roles(plan)
        for entry in given.entries if isinstance(given, nodes.RecordLiteral) else ():
            if isinstance(entry, nodes.Entry):
                self._use(entry.key, entry.key.id, self.roles.get(entry.key.id))

    def _test_of(self, node: nodes.Declaration) -> nodes.Test | None:
        """Return the test of which a declaration sees the system: it is one, or it is a scenario of its file."""
        if isinstance(node, nodes.Test):
            return node
        return next(iter(self.unit.all(nodes.Test)), None) if isinstance(node, nodes.Scenario) else None

    # ---- one use -------------------------------------------------------------------------------------------

    def _use(
        self,
        node: nodes.Node,
        name: str,
        meaning: Meaning | None,
        declares: bool = False,
        sets: bool = False,
        of: nodes.Node | None = None,
    ) -> None:
        """Note a use, if the name means something; `of` is the expression that the name stands for, if it is not the name itself."""
        place = None if meaning is None else word(self.unit, node, name)
        if place is not None and meaning is not None:
            type = self.tables.types.get(id(of or node), meaning.type)
            self.uses.append(Use(self.unit, *place, meaning, declares, sets, type))

    def _of_symbol(self, symbol: Symbol) -> Meaning | None:
        if symbol.kind == "function" or symbol.kind == "self":
            return Meaning(symbol.kind, symbol.name, None, None, type=symbol.type)
        if symbol.place is not None:
            return self._local(symbol.place, symbol.type)
        if symbol.kind == "local":
            return self.steps.get(symbol.name) or self._observed([symbol.name])
        unit = symbol.unit if symbol.unit is not None else self.unit
        return self._meaning_of(unit, symbol.node, symbol.member) if isinstance(symbol.node, nodes.Node) else None

    def _meaning_of(self, unit: Unit, node: nodes.Node, member: Member | None = None) -> Meaning | None:
        """Return the meaning of what a node declares, that of the first step for one that stands in the place of another."""
        return self.replaced.get(id(node)) or meaning_of(unit, node, member)

    def _local(self, place: nodes.Name, type: types.Type | None = None) -> Meaning | None:
        """Return the meaning of a name that is bound at a place, or of a parameter."""
        parameter = self.parameters.get(id(place))
        if parameter is not None:
            return Meaning("parameter", place.id, self.unit, place, parameter, type)
        if id(place) in self.replaced:
            return self.replaced[id(place)]
        first = self.tables.meant.get(id(place))
        at = first if isinstance(first, nodes.Name) else place
        return Meaning("local", place.id, self.unit, at, type=type)

    def _of_meant(self, node: nodes.Node) -> Meaning | None:
        found = self.tables.meant.get(id(node))
        match found:
            case Member():
                return meaning_of(found.owner.unit, found.node, found)
            case Declared():
                return meaning_of(found.unit, found.node)
            case _:
                return None

    def _declared(self, name: str) -> Meaning | None:
        found = self.world.lookup(self.unit, name)
        return None if found is None else meaning_of(found.unit, found.node)

    def _alias(self, name: nodes.Name) -> None:
        for node in self.unit.tree.declarations:
            if isinstance(node, nodes.Import) and node.alias is not None and node.alias.id == name.id:
                self._use(name, name.id, Meaning("alias", name.id, self.unit, node.alias, node))

    # ---- the tree ------------------------------------------------------------------------------------------

    def _all(self, tree: nodes.Node) -> None:
        """Visit a tree. A handler that returns True has visited all that is below its node."""
        stack: list[object] = [tree]
        while stack:
            item = stack.pop()
            if isinstance(item, nodes.Node):
                handler = _HANDLERS.get(item.__class__)
                if handler is None or not handler(self, item):
                    stack.extend(getattr(item, f) for f in item.__class__._compared_)
            elif isinstance(item, tuple):
                stack.extend(item)

    def _declaration(self, node: nodes.Node) -> bool:
        found = self._meaning_of(self.unit, node, self._member(node))
        if found is not None:
            self._use(getattr(node, "key" if found.kind == "field" else "name"), found.name, found, declares=True)
        if isinstance(node, nodes.Step):
            self._step(node)
        elif isinstance(node, nodes.Dod | nodes.Plan) and node.extends is not None:
            self._qualified(node.extends)
        elif isinstance(node, nodes.Create):
            self._arguments(node.arguments, self._parameters(node.coglet.text))
        return False

    def _member(self, node: nodes.Node) -> Member | None:
        """Return the member of the coglet around a node that the node is."""
        name = getattr(node, "name", None)
        if self.shape is None or not isinstance(name, nodes.Name):
            return None
        return next((m for _, t in self.shape.own() if (m := t.get(name.id)) is not None and m.node is node), None)

    def _import(self, node: nodes.Import) -> bool:
        path = import_path(self.unit.path, node.path.value)
        other = self.world.units.get(path)
        if other is not None:
            self._use(node.path, node.path.value, Meaning("file", path, other, None, node))
        if node.alias is not None:
            alias = Meaning("alias", node.alias.id, self.unit, node.alias, node)
            self._use(node.alias, node.alias.id, alias, declares=True)
        return True

    def _name(self, node: nodes.Name) -> bool:
        symbol, port = self.tables.symbols.get(id(node)), self.tables.targets.get(id(node))
        if symbol is not None:
            found = self._of_symbol(symbol)
        elif port is not None and port.member is not None:
            found = meaning_of(port.member.owner.unit, port.member.node, port.member)
        elif port is not None:
            found = self._declared(node.id)
        else:
            found = self._of_meant(node) or (self._observed([node.id]) if self.happening else None)
        self._use(node, node.id, found)
        return True

    def _text(self, node: nodes.Text) -> bool:
        self._use(node, node.value, self._of_meant(node))
        return True

    def _field(self, node: nodes.Field) -> bool:
        symbol, port = self.tables.symbols.get(id(node)), self.tables.targets.get(id(node))
        meant = self._of_meant(node)
        if meant is not None and meant.kind == "mcp" and node.name.id != meant.name:  # a tool of a server
            server = node.base.name if isinstance(node.base, nodes.Field) else node.base
            self._use(server, meant.name, meant)
            return True
        if symbol is not None or meant is not None:  # a name of an import
            self._use(node.name, node.name.id, self._of_symbol(symbol) if symbol is not None else meant, of=node)
            if isinstance(node.base, nodes.Name):
                self._alias(node.base)
            return True
        if port is not None and port.member is not None:
            self._use(node.name, node.name.id, meaning_of(port.member.owner.unit, port.member.node, port.member))
        elif port is None:
            observed = self._observed(parts(node)) if self.test is not None else None
            known = self._of_meant(node.name) or observed or self._of_type(node)
            self._use(node.name, node.name.id, known, of=node)
        elif QUEUE_PORTS.get(port.kind) and isinstance(node.base, nodes.Name):
            self._use(node.base, node.base.id, self._declared(node.base.id))
        self._all(node.base)
        return True

    def _of_type(self, node: nodes.Field) -> Meaning | None:
        """Return the field of a named type that a value is of."""
        base = self.tables.types.get(id(node.base))
        return None if base is None else field_of(self.world, base, node.name.id)

    @property
    def used(self) -> Declared | None:
        """The declaration that the test uses."""
        return None if self.test is None else declared_of(self.world, self.unit, self.test)

    def _observed(self, path: list[str]) -> Meaning | None:
        """Return what a test sees by a path: a child, a state or a channel of its root, or the calls of a program."""
        if self.test is None or not path:
            return None
        shape = None if self.used is None else self.world.shape(self.used)
        for i, name in enumerate(path):
            if shape is None:
                break
            member = shape.transmits.get(name) or shape.children.get(name) or shape.states.get(name)
            if i == len(path) - 1 and member is not None:
                return meaning_of(member.owner.unit, member.node, member)
            child = shape.children.get(name)
            shape = None if child is None else child.target
        return self._called(path[0]) if len(path) == 1 else None

    def _called(self, name: str) -> Meaning | None:
        """Return what a test scripts, disturbs or counts the calls of: an agent of its sett, or what a model or a program answers."""
        used = self.used
        if used is not None and isinstance(used.node, nodes.Sett):
            for agent in used.node.items:
                if isinstance(agent, nodes.Agent) and agent.name.id == name.removesuffix(".bid"):
                    return meaning_of(used.unit, agent)
        found = scripted(self.world, self.unit, name)
        return self._found_in(found[0][1]) if len(found) == 1 else None

    def _found_in(self, node: nodes.Node) -> Meaning | None:
        """Return the meaning of a declaration or a program, in the file that has it."""
        for unit in self.world.units.values():
            if any(d is node for d in unit.tree.declarations):
                return meaning_of(unit, node)
        for shape in self.world.shapes.values():
            for member in shape.programs.values():
                if member.node is node:
                    return meaning_of(member.owner.unit, node, member)
        return None

    # ---- names of declarations -----------------------------------------------------------------------------

    def _qualified(self, node: nodes.Qualified) -> bool:
        """Note the parts of a name that stands for a declaration, a tool of a server, or a role of a plan."""
        meant = self._of_meant(node) or self._declared(node.text)
        last = node.parts[-1]
        if meant is None and len(node.parts) > 1:  # the tool of a server
            server = self._declared(".".join(p.id for p in node.parts[:-1]))
            meant, last = (server, node.parts[-2]) if server is not None and server.kind == "mcp" else (None, last)
        elif meant is not None and meant.kind == "mcp" and last.id != meant.name:
            last = node.parts[-2] if len(node.parts) > 1 else last
        meant = meant or self.roles.get(node.text)
        if meant is None and self.test is not None:
            meant = self._called(node.text)
            last = next((p for p in node.parts if meant is not None and p.id == meant.name), last)
        self._use(last, last.id, meant)
        if len(node.parts) > 1 and node.parts[0] is not last:
            self._alias(node.parts[0])
        return True

    def _type_name(self, node: nodes.TypeName) -> bool:
        if node.name.text not in types.BUILTIN:
            self._qualified(node.name)
        return True

    def _step(self, node: nodes.Step) -> None:
        for name in node.after:
            self._use(name, name.id, self.steps.get(name.id))

    # ---- names that are bound ------------------------------------------------------------------------------

    def _binds(self, node: nodes.Node) -> bool:
        pattern = getattr(node, "pattern", None) or getattr(node, "name", None)
        names = pattern.names if isinstance(pattern, nodes.ListPattern) else (pattern,)
        for name in names:
            if isinstance(name, nodes.Name):
                self._use(name, name.id, self._local(name), declares=True)
        return False

    def _try(self, node: nodes.Try) -> bool:
        return self._binds(node) if node.name is not None else False

    def _assign(self, node: nodes.Assign) -> bool:
        self._use(node.name, node.name.id, self._of_meant(node.name), sets=True)
        return False

    def _guide(self, node: nodes.Guide | nodes.Order) -> bool:
        name = node.target.name if isinstance(node.target, nodes.Field) else node.target
        found = self.tables.meant.get(id(name))
        if isinstance(found, Member):
            if found.signature is not None:
                self._arguments(node.arguments, (found.owner.unit, found.signature.parameters))
            if isinstance(node.target, nodes.Name):
                self._use(node.target, node.target.id, self._of_meant(node.target))
        for text, _, members in silenced(self.shape, node) if isinstance(node, nodes.Guide) else ():
            member = members.get(text.value)
            if member is not None:
                self._use(text, text.value, meaning_of(member.owner.unit, member.node, member))
        return False

    def _disturb(self, node: nodes.Disturb) -> bool:
        if node.kind in ("fail", "hang") and isinstance(node.target, nodes.Name):
            self._use(node.target, node.target.id, self._called(node.target.id))
            return True
        return False

    # ---- arguments by name ---------------------------------------------------------------------------------

    def _call(self, node: nodes.Call) -> bool:
        symbol = self.tables.symbols.get(id(node.function))
        if symbol is not None and symbol.kind in ("program", "agent") and symbol.unit is not None:
            self._arguments(node.arguments, (symbol.unit, self.checked.inference.signature(symbol).parameters))
        return False

    def _grow(self, node: nodes.Grow) -> bool:
        found = self.tables.meant.get(id(node.pool))
        if isinstance(found, Member) and found.target is not None:
            self._arguments(node.arguments, (found.target.unit, list(found.target.parameters.values())))
        return False

    def _mixin_use(self, node: nodes.MixinUse) -> bool:
        self._arguments(node.arguments, self._parameters(node.name.text))
        return False

    def _used(self, node: nodes.Use) -> bool:
        declared = self.used
        shape = None if declared is None else self.world.shape(declared)
        if declared is not None and shape is not None:
            self._arguments(node.arguments, (shape.unit, list(shape.parameters.values())))
            last = node.coglet.parts[-1]
            self._use(last, last.id, meaning_of(declared.unit, declared.node))
            if len(node.coglet.parts) > 1:
                self._alias(node.coglet.parts[0])
            self._all_of(node.arguments)
            return True
        return False

    def _all_of(self, arguments: tuple[nodes.Argument, ...]) -> None:
        for a in arguments:
            self._all(a)

    def _parameters(self, name: str) -> tuple[Unit, list[Parameter]] | None:
        declared = self.world.lookup(self.unit, name)
        shape = None if declared is None else self.world.shape(declared)
        return None if shape is None else (shape.unit, list(shape.parameters.values()))

    def _arguments(self, given: tuple[nodes.Argument, ...], known: tuple[Unit, list[Parameter]] | None) -> None:
        if known is None:
            return
        unit, parameters = known
        by_name = {p.name: p for p in parameters}
        for a in given:
            p = by_name.get(a.name.id) if a.name is not None else None
            if a.name is not None and p is not None:
                self._use(a.name, a.name.id, Meaning("parameter", p.name, unit, p.node.name, p.node, p.type))

    def _argument(self, node: nodes.Argument) -> bool:
        self._all(node.value)
        return True

    def _entry(self, node: nodes.Entry) -> bool:
        self._all(node.value)
        return True

    def _attribute(self, node: nodes.Attribute) -> bool:
        if node.key.id in plans.ROLE_KEYS and isinstance(node.value, nodes.Name):
            self._use(node.value, node.value.id, self.roles.get(node.value.id))
        for part in (node.value, node.condition, *node.block):
            if part is not None:
                self._all(part)
        return True


def field_of(world: World, base: types.Type, name: str) -> Meaning | None:
    """Return the field of a named type among the alternatives of a type, if one of them has it."""
    for part in base.members if isinstance(base, types.UnionOf) else (base,):
        declared = _type_declaration(world, part) if isinstance(part, types.Ref) else None
        found = None if declared is None else _field_node(declared.of(nodes.TypeDecl).type, name)
        if declared is not None and found is not None:
            return meaning_of(declared.unit, found)
    return None


def type_places(world: World, type: types.Type) -> list[Span]:
    """Return the places of the named types among the alternatives of a type, or of its items."""
    found: list[Span] = []
    pending = [type]
    while pending:
        part = pending.pop(0)
        if isinstance(part, types.Ref):
            declared = _type_declaration(world, part)
            found += [] if declared is None else [declared.span()]
        elif isinstance(part, types.UnionOf | types.ListOf | types.MapOf):
            pending += types.parts_of(part)
    return found


def _type_declaration(world: World, type: types.Ref) -> Declared | None:
    """Return the declaration of a named type."""
    for unit in world.units.values():
        for declared in unit.declared.values():
            if declared.kind == "type" and unit.key(declared.node.name.id) == type.key:
                return declared
    return None


def _field_node(node: nodes.TypeExpr, name: str) -> nodes.FieldType | None:
    match node:
        case nodes.RecordType(fields=fields):
            return next((f for f in fields if f.key.id == name), None)
        case nodes.OptionalType(item=item):
            return _field_node(item, name)
        case nodes.UnionType(members=members):
            return next((f for m in members if (f := _field_node(m, name)) is not None), None)
        case _:
            return None


def _roles(plan: nodes.Plan) -> list[nodes.Name]:
    """Return the open roles that a plan declares."""
    given = _given_roles(plan)
    return [i for i in given.items if isinstance(i, nodes.Name)] if isinstance(given, nodes.ListLiteral) else []


def _given_roles(plan: nodes.Plan) -> nodes.Node | None:
    """Return the value of the attribute `roles` of a plan: a list of open roles, or a record of what fills them."""
    return next((a.value for a in plan.items if isinstance(a, nodes.Attribute) and a.key.id == "roles"), None)


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_HANDLERS: dict[type, Callable[[_Reader, Any], bool]] = {
    **dict.fromkeys(_KINDS, _Reader._declaration),
    **dict.fromkeys(_LOCALS, _Reader._binds),
    **dict.fromkeys(_BINDERS, _Reader._binds),
    nodes.Import: _Reader._import,
    nodes.Name: _Reader._name,
    nodes.Text: _Reader._text,
    nodes.Field: _Reader._field,
    nodes.Qualified: _Reader._qualified,
    nodes.TypeName: _Reader._type_name,
    nodes.Try: _Reader._try,
    nodes.Assign: _Reader._assign,
    nodes.Guide: _Reader._guide,
    nodes.Order: _Reader._guide,
    nodes.Disturb: _Reader._disturb,
    nodes.Call: _Reader._call,
    nodes.Grow: _Reader._grow,
    nodes.MixinUse: _Reader._mixin_use,
    nodes.Use: _Reader._used,
    nodes.Argument: _Reader._argument,
    nodes.Entry: _Reader._entry,
    nodes.Attribute: _Reader._attribute,
}
