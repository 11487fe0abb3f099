"""Checks tests and scenarios: what they use, script, send, guide, crash and expect.

A test sees the channels and states of its root, and of each child as fields of the child's name. A channel is the list of
the messages sent on it so far. The names of programs, models and agents are records of their `calls`. What a test binds
by `for all` is a name everywhere in it.
"""

from __future__ import annotations

from cogc.analysis import reports
from cogc.analysis.attribute_check import check_block
from cogc.analysis.declarations import check_usable
from cogc.analysis.infer import PURE_EXECUTORS
from cogc.analysis.programs import find_declared
from cogc.analysis.ranges import check_range, known_value
from cogc.analysis.scope import ARTEFACT, Scope
from cogc.diagnostics.problems import Label
from cogc.diagnostics.suggest import did_you_mean
from cogc.language import types
from cogc.language.attributes import MODEL_FAULTS
from cogc.language.closed import assert_never
from cogc.language.texts import MARK, is_internal
from cogc.language.types import ANY, DURATION, FLOAT, INT, STRING, FieldOf, ListOf, RecordOf, Type
from cogc.names.load import import_path
from cogc.names.lower_type import lower_type
from cogc.names.world import Declared, Member, Shape, Signature, Unit, World, default_root
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.analysis.checked import Checked
    from cogc.names.world import DeclaredKind

GENERATORS: dict[str, tuple[tuple[str, ...], Type]] = {
    "ints": (("int", "int"), INT),
    "floats": (("float", "float"), FLOAT),
    "durations": (("duration", "duration"), DURATION),
    "strings": (("int",), STRING),
    "bools": ((), types.BOOL),
    "lists": (("generator", "int"), ANY),
    "one_of": (("list",), ANY),
}
"""The generators of `for all`: what each takes, all of it optional but a generator or a list, and the type of its values."""
_BOUNDS: dict[str, Type] = {"int": INT, "float": FLOAT, "duration": DURATION, "list": ListOf(ANY)}
_NO_MODEL = ("shell", "python", "mcp", "human", *PURE_EXECUTORS)
"""The executors of programs that no model answers."""
_DEPTH = 4
"""How deep a test sees into children of children."""
CALL = RecordOf(
    (
        FieldOf("program", STRING),
        FieldOf("path", STRING),
        FieldOf("at", DURATION),
        FieldOf("id", STRING),
        FieldOf("prompt", STRING),
        FieldOf("system", STRING),
        FieldOf("input", ANY),
    )
)
"""A call, as a test sees it."""
BOARD: dict[str, Type] = {
    "artefacts": ListOf(ARTEFACT),
    "questions": ListOf(ARTEFACT),
    "claims": ListOf(
        RecordOf(
            (
                *(FieldOf(name, STRING) for name in ("id", "artefact", "type", "status", "reason")),
                FieldOf("bids", types.MapOf(STRING)),
            )
        )
    ),
}
"""The view that a test has of the board of a sett."""
SETT_CHANNELS = {"goal": STRING, "answer": STRING}
"""The channel to which a test sends what people post on the board of a sett."""


def check_tests(checked: Checked, unit: Unit) -> None:
    """Check the tests and the scenarios of a file."""
    names: dict[str, nodes.Node] = {}
    for node in unit.tree.declarations:
        if not isinstance(node, nodes.Test | nodes.Scenario):
            continue
        if node.name.value in names:
            related = [Label(unit.span(names[node.name.value]), "first declared here")]
            checked.problems.add("duplicate-name", unit.span(node.name), related=related, name=node.name.value)
        names[node.name.value] = node.name
        if isinstance(node, nodes.Test):
            _Test(checked, unit, node).check()
        else:
            _scenario(checked, unit, node)


def _scenario(checked: Checked, unit: Unit, node: nodes.Scenario) -> None:
    """Check one scenario: each message belongs to a root of the file's tests; without tests, to any coglet of the file."""
    shapes = [s for t in unit.all(nodes.Test) if (s := shape_of(checked.world, unit, t)) is not None]
    if not unit.all(nodes.Test):
        shapes = [s for s in checked.world.shapes.values() if s.declared != "mixin" and s.unit is unit]
    for happening in node.happenings:
        path = parts(happening.target)
        found = [type for s in shapes if (type := _reached(s, path)) is not None]
        scope = Scope(checked.world, unit)
        scope.bind("message", types.union(found) if found else ANY)
        if happening.condition is not None:
            checked.inference.condition(happening.condition, scope)
        if shapes and not found:
            name, known = ".".join(path), [".".join(p) for s in shapes for p in _channels_of(s, ())]
            help, span = did_you_mean(name, known) or None, unit.span(happening.target)
            checked.problems.add(
                "unknown-port", span, help=help, owner=shapes[0].name, what="transmit channel", name=name, known=""
            )
    if node.within is not None:
        checked.inference.check(node.within, Scope(checked.world, unit), DURATION)


def _reached(shape: Shape, path: list[str]) -> types.Type | None:
    """Return the type of the channel to which a path leads from a root, `any` in children that are not known; None if there is none."""
    for name in path[:-1]:
        child = shape.children.get(name)
        if child is None:
            return None
        if child.target is None:
            return ANY
        shape = child.target
    return shape.transmits[path[-1]].type if path and path[-1] in shape.transmits else None


def _channels_of(shape: Shape, before: tuple[str, ...]) -> list[tuple[str, ...]]:
    found = [(*before, n) for n in shape.transmits if not is_internal(n)]
    if len(before) < 2:
        for name, child in shape.children.items():
            found += _channels_of(child.target, (*before, name)) if child.target is not None else []
    return found


# ---- what a test uses ----------------------------------------------------------------------------------------


def use_of(node: nodes.Test) -> nodes.Use | None:
    """Return the `use` of a test."""
    return next((c for c in node.checks if isinstance(c, nodes.Use)), None)


def declared_of(world: World, unit: Unit, node: nodes.Test) -> Declared | None:
    """Return what a test uses: what its `use` names, else what a run of its file would begin at."""
    used = use_of(node)
    if used is None:
        return _here_or_imported(world, unit, default_root)
    return main_of(world, unit) if used.coglet.text == "Main" else world.lookup(unit, used.coglet.text)


def main_of(world: World, unit: Unit) -> Declared | None:
    """Return the `Main` that a test can use. It is never imported, so that it is looked for in the imported files too."""
    return _here_or_imported(world, unit, lambda u: u.declared.get("Main"))


def _here_or_imported(world: World, unit: Unit, find: Callable[[Unit], Declared | None]) -> Declared | None:
    """Return what is found in a file, else in the only file that it imports in which anything is found."""
    own = find(unit)
    if own is not None:
        return own
    others = [world.units.get(import_path(unit.path, i.path.value)) for i in unit.all(nodes.Import)]
    found = [d for other in others if other is not None and (d := find(other)) is not None]
    return found[0] if len(found) == 1 else None


def shape_of(world: World, unit: Unit, node: nodes.Test) -> Shape | None:
    """Return the shape of the root of a test."""
    found = declared_of(world, unit, node)
    return None if found is None else world.shape(found)


def parts(path: nodes.Expr) -> list[str]:
    """Return the names of a path, without the indexes and without `self`."""
    match path:
        case nodes.Name(id=name):
            return [] if name == "self" else [name]
        case nodes.Field(base=base, name=name):
            return [*parts(base), name.id]
        case nodes.Index(base=base):
            return parts(base)
        case _:
            return []


# ---- what can be scripted ------------------------------------------------------------------------------------


def scripted(world: World, unit: Unit, name: str) -> list[tuple[str, nodes.Node]]:
    """Return what a name in `script` may stand for: a kind and its node; several where coglets have programs of one name.

    A program, a model, an agent or a plan of a file that is imported under a name, or by an imported file, has its plain name too.
    """
    files = _files(world, unit)
    head, _, rest = name.rpartition(".")
    meant = [world.lookup(unit, name)] if world.lookup(unit, name) or head else [f.declared.get(name) for f in files]
    found: list[tuple[str, nodes.Node]] = [
        (d.kind, d.node)
        for d in meant
        if d is not None and d.kind in ("program", "model", "agent", "plan") and not isinstance(d.node, nodes.ModelList)
    ]
    servers = [f.declared.get(head) for f in files] if head else []
    found += [("tool", d.node) for d in servers if d is not None and d.kind == "mcp"]
    for shape in reachable(world, unit):
        if not head or shape.name == head:
            for own in (rest, rest + MARK, MARK + rest):  # those of a definition of done have marks
                if own in shape.programs:
                    found.append(("program", shape.programs[own].node))
    return found


def _files(world: World, unit: Unit) -> list[Unit]:
    """Return a file, those that it imports, and those that they import."""
    paths, todo = {unit.path}, [unit]
    for one in todo:  # grows while it is walked
        for node in one.tree.declarations:
            if isinstance(node, nodes.Import):
                other = world.units.get(import_path(one.path, node.path.value))
                if other is not None and other.path not in paths:
                    paths.add(other.path)
                    todo.append(other)
    return todo


def reachable(world: World, unit: Unit) -> list[Shape]:
    """Return the coglets of a file and of those that it imports."""
    return [s for u in _files(world, unit) for d in u.declared.values() if (s := world.shape(d)) is not None]


# ---- what a test sees ----------------------------------------------------------------------------------------


def observed(world: World, unit: Unit, shape: Shape | None, sett: nodes.Sett | None = None) -> dict[str, Type]:
    """Return the names of a test's conditions: calls, children, channels and states, the later ones before the earlier; of a
    sett its agents and what is on its board."""
    calls = RecordOf((FieldOf("calls", ListOf(CALL)),))
    found: dict[str, Type] = {}
    for one in reachable(world, unit):
        found.update({n.strip(MARK): calls for n, m in one.programs.items() if not _is_pure(m.node)})
    for declared in (d for file in reversed(_files(world, unit)) for d in file.declared.values()):
        if isinstance(declared.node, nodes.Model | nodes.Agent | nodes.Plan) or (
            declared.kind == "program" and not _is_pure(declared.node)
        ):
            found[declared.node.name.id] = calls
    if shape is not None:
        record = seen(shape, _DEPTH, False)
        found.update({f.name: f.type for f in record.fields})
    if sett is not None:
        found.update(dict.fromkeys(roles_of(sett), calls))
        found.update(BOARD)
    return found


def roles_of(sett: nodes.Sett) -> list[str]:
    """Return the roles of the agents of a sett."""
    return [item.name.id for item in sett.items if isinstance(item, nodes.Agent)]


def _asks(kind: str, node: nodes.Node) -> bool:
    """Return whether a model answers what a name in a script stands for."""
    return kind in ("model", "agent") or (isinstance(node, nodes.Program) and node.executor.kind.id not in _NO_MODEL)


def row_type(checked: Checked, unit: Unit, node: nodes.ForRows) -> Type:
    """Return the type of the rows of a `for each`, which is `any` if none is written."""
    return ANY if node.type is None else lower_type(checked.world, unit, node.type, checked.problems)


def _is_pure(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Program) and node.executor.kind.id in PURE_EXECUTORS


def seen(shape: Shape, depth: int, several: bool) -> RecordOf:
    """Return the record that a coglet is for a test; for a pool, each state is the list of its members' states."""
    fields: dict[str, Type] = {}
    for name, member in shape.states.items():
        fields[name] = ListOf(member.type) if several else member.type
    for name, member in shape.children.items():
        pool = several or shape.is_pool(member)
        fields[name] = ANY if member.target is None or not depth else seen(member.target, depth - 1, pool)
    for name, member in shape.transmits.items():
        fields[name] = ListOf(member.type)
    known = tuple(FieldOf(n, t) for n, t in fields.items() if not is_internal(n))
    return RecordOf(known, open=shape.python is not None and not shape.transmits)


# ---- one test ------------------------------------------------------------------------------------------------


class _Test:
    """The check of one test. `scope` has what `for all` binds, `inner` also what the test sees of its system."""

    def __init__(self, checked: Checked, unit: Unit, node: nodes.Test) -> None:
        self.checked = checked
        self.unit = unit
        self.node = node
        self.scope = Scope(checked.world, unit)
        for_all = [c for c in node.checks if isinstance(c, nodes.ForAll)]
        for check in for_all:
            self.scope.bind(check.name.id, self._generator(check.source), place=check.name)
        for rows in (c for c in node.checks if isinstance(c, nodes.ForRows)):
            self.scope.bind(rows.name.id, row_type(checked, unit, rows), place=rows.name)
        self.sett: nodes.Sett | None = None
        self.shape = self._used()
        self.inner = Scope(checked.world, unit)
        for name, type in observed(checked.world, unit, self.shape, self.sett).items():
            self.inner.bind(name, type)
        if self.shape is not None:
            self.inner.listed = tuple(f.name for f in seen(self.shape, 0, False).fields)
        for name, local in self.scope.locals.items():
            self.inner.bind(name, local.type, place=local.place)

    def _used(self) -> Shape | None:
        """Check the `use` of the test, and return the shape of its root."""
        checked, unit = self.checked, self.unit
        used = use_of(self.node)
        found = declared_of(checked.world, unit, self.node)
        if found is None:
            kinds: tuple[DeclaredKind, ...] = ("coglet", "agent", "team", "dod", "plan", "sett", "queue")
            if used is not None:
                find_declared(checked, unit, used.coglet.text, used.coglet, *kinds)
            else:
                checked.problems.add(
                    "no-root", unit.span(self.node.name), known="say what the test is about: `use NAME`"
                )
            return None
        if isinstance(found.node, nodes.Sett):
            checked.tables.used.add(id(found.node))
            self.sett = found.node
            if used is not None:
                checked.inference.arguments(
                    used, Signature(found.node.name.id, [], types.NULL), used.arguments, self.scope
                )
            return None
        if used is not None:
            find_declared(
                checked, found.unit, found.node.name.id, used.coglet, "coglet", "agent", "team", "dod", "plan", "queue"
            )
            check_usable(checked, unit, used.coglet, found)
        shape = checked.world.shape(found)
        if shape is not None and used is not None:
            given = Signature(shape.name, list(shape.parameters.values()), types.NULL, unsure=shape.doubled)
            checked.inference.arguments(used, given, used.arguments, self.scope)
        return shape

    def check(self) -> None:
        """Check each step."""
        uses = [c for c in self.node.checks if isinstance(c, nodes.Use)]
        once: list[tuple[type[nodes.Node], str]] = [
            (nodes.Use, "use"),
            (nodes.ForRows, "for each"),
            (nodes.Live, "live"),
        ]
        for kind, word in once:
            found = [c for c in self.node.checks if isinstance(c, kind)]
            for again in found[1:]:
                related = [Label(self.unit.span(found[0]), "first here")]
                self.checked.problems.add("duplicate-attribute", self.unit.span(again), related=related, name=word)
        if self.shape is None and self.sett is None and uses:
            return  # what it uses is not there: nothing can be said about the rest
        for step in self.node.checks:
            self._step(step)

    def _step(self, step: nodes.Check) -> None:
        inference = self.checked.inference
        if self.sett is not None and self._of_coglets(step):
            word = self.unit.text(step).split()[0]
            self.checked.problems.add(
                "not-yet", self.unit.span(step), what="in a test of a sett, the step", name=word,
                help="agents have `fail ROLE` and `hang ROLE`; the board has `send self.goal <- ...` and `send self.answer <- ...`",
            )  # fmt: skip
            return
        match step:
            case nodes.Crash(target=target, at=at):
                self._coglet(target)
                self._moment(at)
            case nodes.Disturb():
                self._disturb(step)
            case nodes.Kill(duration=duration, at=at):
                self._moment(duration)
                self._moment(at)
            case nodes.Advance(duration=duration):
                inference.check(duration, self.scope, DURATION)
            case nodes.Run(duration=duration, until=until):
                self._moment(duration)
                if until is not None:
                    self._condition(until)
            case nodes.Expect(condition=condition, within=within):
                self._condition(condition)
                self._moment(within)
            case nodes.Feed(target=target, value=value, at=at):
                self._feed(target, value)
                self._moment(at)
            case nodes.Order(target=target, arguments=arguments, at=at):
                self._order(step, target, arguments)
                self._moment(at)
            case nodes.Script():
                self._script(step)
            case nodes.ExpectJudge():
                self._judge(step)
            case nodes.Explore(attributes=attributes):
                check_block(attributes, "explore", step, self.scope, inference)
            case nodes.Live(attributes=attributes):
                check_block(attributes, "live", step, self.scope, inference)
            case nodes.Use() | nodes.ForAll() | nodes.ForRows() | nodes.ExpectTrace() | nodes.Error():
                pass
            case _:
                assert_never(step)

    @staticmethod
    def _of_coglets(step: nodes.Check) -> bool:
        """Return whether a step is about coglets, their channels or their trace, which a sett does not have."""
        if isinstance(step, nodes.Disturb):
            return step.kind in ("duplicate", "drop")
        return isinstance(step, nodes.Crash | nodes.Kill | nodes.Order | nodes.ExpectTrace | nodes.Explore)

    def _moment(self, node: nodes.Expr | None) -> None:
        if node is not None:
            self.checked.inference.check(node, self.scope, DURATION)
            check_range("at", node, self.scope, self.checked.inference, DURATION)

    def _condition(self, node: nodes.Expr) -> None:
        """Check a condition; a list as the whole of it holds if it is not empty."""
        found = self.checked.inference.infer(node, self.inner)
        if types.fit(found, ListOf(ANY)) == types.NO and types.fit(found, types.BOOL) == types.NO:
            reports.no_condition(self.checked.problems, node, found, self.inner)
        self.checked.tables.conditions.append((node, self.inner))

    def _judge(self, step: nodes.ExpectJudge) -> None:
        """Check `expect judge`: a model, what it is asked, and the least score that passes."""
        inference = self.checked.inference
        find_declared(self.checked, self.unit, step.model.text, step.model, "model")
        inference.check(step.question, self.inner, STRING)
        if step.threshold is not None:
            inference.check(step.threshold, self.scope, FLOAT)
            check_range("pass_rate", step.threshold, self.scope, inference, FLOAT)

    # ---- paths ---------------------------------------------------------------------------------------------

    def _reach(self, path: nodes.Expr, shape: Shape | None) -> Shape | None:
        """Return the coglet that a path leads to, or None: it is not known, or there is none, which is reported."""
        if shape is None:
            return None
        match path:
            case nodes.Name(id="self"):
                return shape
            case nodes.Name():
                return self._child(shape, path)
            case nodes.Field(base=base, name=name):
                inner = self._reach(base, shape)
                return None if inner is None else self._child(inner, name)
            case nodes.Index(base=base, index=index):
                self.checked.inference.check(index, self.scope, INT)
                return self._reach(base, shape)
            case _:
                self.checked.problems.add(
                    "unknown-child",
                    self.unit.span(path),
                    help="name a child: `crash worker at 3s`",
                    name="this",
                    known="",
                )
                return None

    def _child(self, shape: Shape, name: nodes.Name) -> Shape | None:
        member = shape.children.get(name.id)
        if member is None:
            help = did_you_mean(name.id, list(shape.children), "it has no children") or None
            self.checked.problems.add("unknown-child", self.unit.span(name), help=help, name=name.id, known="")
            return None
        self.checked.tables.meant[id(name)] = member
        return member.target

    def _coglet(self, path: nodes.Expr) -> None:
        """Check a path to a coglet."""
        self._reach(path, self.shape)

    def _end(self, path: nodes.Expr, what: str) -> tuple[Shape, nodes.Name] | None:
        """Return the coglet and the last name of a path to a port or a command. A name alone is one of the root."""
        match path:
            case nodes.Name(id=name) if name != "self":
                return None if self.shape is None else (self.shape, path)
            case nodes.Field(base=base, name=last):
                shape = self._reach(base, self.shape)
                return None if shape is None else (shape, last)
            case _:
                help = f"name a {what}: `child.{what.split()[0]}`"
                self.checked.problems.add(
                    "unknown-port", self.unit.span(path), help=help, owner="a test", what=what, name="this", known=""
                )
                return None

    def _known(self, shape: Shape, name: nodes.Name, known: dict[str, Member], what: str) -> Member | None:
        """Return a member by its name, or report that there is none."""
        found = known.get(name.id)
        if found is None and shape.lacks_members:
            return None
        if found is None:
            help = did_you_mean(name.id, [n for n in known if not is_internal(n)]) or None
            self.checked.problems.add(
                "unknown-port", self.unit.span(name), help=help, owner=shape.name, what=what, name=name.id, known=""
            )
        else:
            self.checked.tables.meant[id(name)] = found
        return found

    def _feed(self, target: nodes.Expr, value: nodes.Expr) -> None:
        found = self.checked.inference.infer(value, self.scope)
        if self.sett is not None:
            name = ".".join(parts(target))
            if name in SETT_CHANNELS:
                self.checked.inference.require(value, found, SETT_CHANNELS[name], self.scope)
            else:
                help = did_you_mean(name, list(SETT_CHANNELS)) or None
                self.checked.problems.add(
                    "unknown-port", self.unit.span(target), help=help, owner=self.sett.name.id, what="listen channel", name=name, known=""
                )  # fmt: skip
            return
        end = self._end(target, "listen channel")
        if end is not None and (member := self._known(*end, end[0].listens, "listen channel")) is not None:
            self.checked.inference.require(value, found, member.type, self.scope)

    def _order(self, step: nodes.Order, target: nodes.Expr, arguments: tuple[nodes.Argument, ...]) -> None:
        end = self._end(target, "command")
        if end is None:
            return
        shape, name = end
        member = shape.enacts.get(name.id)
        if member is None and shape.lacks_members:
            return
        if member is None:
            help = did_you_mean(name.id, [n for n in shape.enacts if not is_internal(n)]) or None
            self.checked.problems.add(
                "unknown-command", self.unit.span(name), help=help, owner=shape.name, name=name.id, known=""
            )
        elif member.signature is not None:
            self.checked.tables.meant[id(name)] = member
            self.checked.inference.arguments(step, member.signature, arguments, self.scope)

    def _disturb(self, step: nodes.Disturb) -> None:
        """Check `fail` and `hang`, which are of calls, and `duplicate` and `drop`, which are of messages."""
        if step.kind in ("fail", "hang"):
            self._called(".".join(parts(step.target)), step.target)
        else:
            end = self._end(step.target, "channel")
            if end is not None:
                self._known(*end, {**end[0].listens, **end[0].transmits}, "channel")
        if step.times is not None:
            self.checked.inference.check(step.times, self.scope, INT)
            check_range("times", step.times, self.scope, self.checked.inference, INT)
        self._moment(step.at)

    # ---- scripts -------------------------------------------------------------------------------------------

    def _called(self, name: str, place: nodes.Node) -> list[tuple[str, nodes.Node]]:
        """Return what a name of a script stands for, or report that there is no such program."""
        if self.sett is not None and name.removesuffix(".bid") in roles_of(self.sett):
            return [("role", self.sett)]
        found = scripted(self.checked.world, self.unit, name)
        if not found:
            known = list(observed(self.checked.world, self.unit, None, self.sett))
            help = did_you_mean(name, known) or None
            self.checked.problems.add("unknown-name", self.unit.span(place), help=help, name=name)
        return found

    def _script(self, step: nodes.Script) -> None:
        meant = self._called(step.program.text, step.program)
        wanted = self._answers_of(meant)
        for answer in step.answers:
            if answer.value is None:
                continue
            match answer.kind:
                case "delay":
                    self.checked.inference.check(answer.value, self.scope, DURATION)
                case "reply":
                    self.checked.inference.check(answer.value, self.scope, wanted)
                case "stream":
                    self.checked.inference.check(answer.value, self.scope, ListOf(STRING))
                case "call":
                    self._tool_call(answer.value)
                case "fail":
                    self.checked.inference.infer(answer.value, self.scope)
                case "fault":
                    self._fault(answer.value, meant)
                case "hang" | "real":
                    pass
                case _:
                    assert_never(answer.kind)

    def _fault(self, word: nodes.Expr, meant: list[tuple[str, nodes.Node]]) -> None:
        """Check `fault WORD`: a known word, in the script of something that a model answers."""
        name = word.id if isinstance(word, nodes.Name) else ""
        if name not in MODEL_FAULTS:
            help = did_you_mean(name, MODEL_FAULTS) or None
            known = ", ".join(f"`{k}`" for k in MODEL_FAULTS)
            self.checked.problems.add(
                "unknown-word", self.unit.span(word), help=help, what="fault of a model", name=name, known=known
            )
        elif meant and not any(_asks(kind, node) for kind, node in meant):
            self.checked.problems.add(
                "unknown-word", self.unit.span(word), what="fault of a program that asks no model", name=name,
                known="`fail` and `hang`", help="write `fail \"...\"` or `hang`: a model alone has such faults",
            )  # fmt: skip

    def _answers_of(self, meant: list[tuple[str, nodes.Node]]) -> Type:
        """Return the type of the answers of what a script stands for; a model may answer for any program."""
        found: list[Type] = []
        for kind, node in meant:
            if kind == "plan":
                found.append(STRING)  # what a person says of it
                continue
            if kind != "program" or id(node) not in self.checked.world.signatures:
                return ANY
            found.append(self.checked.world.signatures[id(node)].result)
            if isinstance(node, nodes.Program) and node.executor.kind.id == "llm":
                found.append(STRING)  # the text of an answer that does not fit
        return types.union(found or [ANY])

    def _tool_call(self, value: nodes.Expr) -> None:
        """Check `call tool(name: value)`: the arguments have names, as a model gives them."""
        if not isinstance(value, nodes.Call):
            self.checked.problems.add(
                "not-callable",
                self.unit.span(value),
                help='write a call of a tool: `call search(query: "...")`',
                name="this",
            )
            return
        for argument in value.arguments:
            self.checked.inference.infer(argument.value, self.scope)
            if argument.name is None:
                name = ".".join(parts(value.function))
                self.checked.problems.add(
                    "wrong-argument", self.unit.span(argument), help="name it: `call tool(query: ...)`", name=name,
                    argument="(without a name)", known="",
                )  # fmt: skip

    # ---- generators ----------------------------------------------------------------------------------------

    def _generator(self, node: nodes.Expr) -> Type:
        """Return the type of the values of a generator, or report what is none."""
        inference, scope = self.checked.inference, Scope(self.checked.world, self.unit)
        name = nodes.qualified_text(node)
        if isinstance(node, nodes.ListLiteral):
            return types.item_type(inference.infer(node, scope)) or ANY
        if isinstance(node, nodes.Call) and (called := nodes.qualified_text(node.function)) in GENERATORS:
            return self._call(node, str(called), scope)
        if name is not None and (name in types.BUILTIN or self._is_type(name)):
            return self._type(node)
        known = [f"{g}(...)" for g in GENERATORS]
        self.checked.problems.add(
            "unknown-word", self.unit.span(node), what="generator",
            name=self.unit.text(node), known=", ".join(f"`{k}`" for k in known) + ", a type or a list",
        )  # fmt: skip
        return ANY

    def _is_type(self, name: str) -> bool:
        declared = self.checked.world.lookup(self.unit, name)
        return declared is not None and declared.kind == "type"

    def _type(self, node: nodes.Expr) -> Type:
        """Return a type that stands as a generator, and keep it for lowering."""
        names = tuple(nodes.Name(node.start, node.end, p) for p in (nodes.qualified_text(node) or "").split("."))
        written = nodes.TypeName(node.start, node.end, nodes.Qualified(node.start, node.end, names))
        found = lower_type(self.checked.world, self.unit, written, self.checked.problems)
        self.checked.tables.types[id(node)] = found
        return found

    def _call(self, node: nodes.Call, name: str, scope: Scope) -> Type:
        wanted, result = GENERATORS[name]
        inference = self.checked.inference
        if len(node.arguments) > len(wanted):
            inference.problems.add(
                "too-many-arguments", self.unit.span(node.arguments[len(wanted)]), name=name,
                wanted=f"at most {len(wanted)}", found=len(node.arguments),
            )  # fmt: skip
        if wanted[:1] in (("generator",), ("list",)) and not node.arguments:
            inference.problems.add(
                "missing-argument", self.unit.span(node), name=name, argument=wanted[0], type=wanted[0]
            )
        for kind, argument in zip(wanted, node.arguments, strict=False):
            if kind == "generator":
                result = ListOf(self._generator(argument.value))
            else:
                found = inference.check(argument.value, scope, _BOUNDS[kind])
                check_range(name, argument.value, scope, inference, _BOUNDS[kind])
                result = types.item_type(found) or ANY if kind == "list" else result
        if wanted[:2] in (("int", "int"), ("float", "float"), ("duration", "duration")) and len(node.arguments) == 2:
            low, high = (known_value(a.value, scope, inference) for a in node.arguments)
            if type(low) is type(high) and not isinstance(low, str | bool | None) and low > high:
                words = "two bounds, the second of which is not below the first"
                inference.problems.add("out-of-range", self.unit.span(node), name=name, wanted=words)
        return result
