"""Lower the tests of a file: `lower_tests(checked, unit) -> Suite`.

In: a world without errors. Out: one bundle that has the coglets of all tests of the file, so that they are compiled once,
and for each test its steps with expressions of that bundle. The names in a condition are locals: what a test sees is
handed to it when it is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cogc import ir
from cogc.analysis.attribute_check import word_of
from cogc.analysis.checked import Checked
from cogc.analysis.tests import declared_of, observed, parts, reachable, row_type, shape_of, use_of
from cogc.language import types
from cogc.language.attributes import ATTRIBUTES
from cogc.language.closed import assert_never
from cogc.lowering.expressions import Lowering
from cogc.lowering.lower import Lower
from cogc.lowering.setts import sett_of
from cogc.lowering.tables import Place
from cogc.names.model_lists import models_of
from cogc.names.world import Shape, Signature, Unit
from cogc.syntax import nodes, spell as cog

Where: TypeAlias = tuple[int, int]
"""A line and a column, from 1."""


@dataclass(frozen=True, slots=True)
class Value:
    """An expression, the names that it needs, and its text. `whole` says that a list is true if it is not empty."""

    value: ir.Expr
    names: tuple[str, ...]
    text: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that must hold, and the parts of it that a report shows: both sides of a comparison, and the names in them."""

    test: Value
    shown: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One name of a path to a coglet, and the index of a member of a pool."""

    name: str
    index: Value | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a script. For `call` the value is the record of arguments, and `word` the name of the tool; for `fault`
    it is the kind of the fault."""

    kind: nodes.AnswerKind
    value: Value | None = None
    word: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    where: Where
    name: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Crash:
    where: Where
    path: tuple[Member, ...]
    at: Value | None


@dataclass(frozen=True, slots=True)
class Disturb:
    """`fail` and `hang` are of calls of `port`; `duplicate` and `drop` of messages to or from the port of a coglet."""

    where: Where
    kind: nodes.Disturbance
    path: tuple[Member, ...]
    port: str
    times: Value | None
    at: Value | None


@dataclass(frozen=True, slots=True)
class Kill:
    """The run is killed, and goes on when `down` has passed."""

    where: Where
    down: Value | None
    at: Value | None


@dataclass(frozen=True, slots=True)
class Advance:
    where: Where
    duration: Value


@dataclass(frozen=True, slots=True)
class Run:
    where: Where
    duration: Value | None
    until: Condition | None


@dataclass(frozen=True, slots=True)
class Expect:
    where: Where
    when: nodes.Expected
    condition: Condition
    within: Value | None


@dataclass(frozen=True, slots=True)
class ExpectTrace:
    where: Where
    path: str


@dataclass(frozen=True, slots=True)
class ExpectJudge:
    """`models` are the keys of the models that are asked in their order when the one before cannot answer."""

    where: Where
    models: tuple[str, ...]
    question: Value
    threshold: Value | None
    text: str


@dataclass(frozen=True, slots=True)
class Feed:
    where: Where
    path: tuple[Member, ...]
    port: str
    type: int
    value: Value
    at: Value | None


@dataclass(frozen=True, slots=True)
class Order:
    where: Where
    path: tuple[Member, ...]
    command: str
    arguments: tuple[Value | None, ...]
    at: Value | None


Step: TypeAlias = Script | Crash | Disturb | Kill | Advance | Run | Expect | ExpectTrace | ExpectJudge | Feed | Order


@dataclass(frozen=True, slots=True)
class Generator:
    """The source of the values of a `for all`. `type` is the number of a type, for `type` alone."""

    kind: Literal["ints", "floats", "durations", "strings", "bools", "lists", "one_of", "type"]
    bounds: tuple[Value, ...] = ()
    item: Generator | None = None
    type: int = -1


@dataclass(frozen=True, slots=True)
class Rows:
    """The file whose rows a test runs for: the name of a row in the test, the number of its type, and the path beside the test."""

    where: Where
    name: str
    type: int
    path: str


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a file, ready to run.

    `root` is the key of the coglet or, with `is_sett`, of the sett that it is about, `arguments` are the parameters that its `use` gives. `limits` are the
    attributes of its `explore`, `live` those of its `live`.
    """

    name: str
    path: str
    line: int
    root: str
    arguments: dict[str, Value]
    binds: dict[str, Generator]
    steps: tuple[Step, ...]
    limits: dict[str, Value] = field(default_factory=dict)
    live: dict[str, Value] = field(default_factory=dict)
    rows: Rows | None = None
    is_sett: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    path: tuple[str, ...]
    condition: Value | None


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    path: str
    line: int
    happenings: tuple[Happening, ...]
    within: Value | None


@dataclass(frozen=True, slots=True)
class Part:
    """A criterion of a definition of done or a step of a plan, for the coverage: whose it is, its name, and its place.

    `skips` says whether a step has a condition that may not hold.
    """

    kind: Literal["criterion", "step"]
    owner: str
    name: str
    path: str
    line: int
    column: int
    skips: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file, with the program that all of them are parts of; `bundle` is None without a test. `parts` are
    what the coverage counts of plans and definitions of done."""

    path: str
    bundle: ir.Bundle | None
    tests: tuple[Test, ...]
    scenarios: tuple[Scenario, ...]
    lines: tuple[str, ...]
    parts: tuple[Part, ...] = ()


def lower_tests(checked: Checked, unit: Unit, whole: bool = False) -> Suite:
    """Return the tests of a file, which has no errors. With `whole` the program has the coglets that no test uses too."""
    run = Lower(checked)
    for shape in reachable(checked.world, unit) if whole else ():
        if shape.declared == "coglet":
            run.coglet(shape)
    lowered = [_Test(run, checked, unit, n) for n in unit.tree.declarations if isinstance(n, nodes.Test)]
    found = [one.lower() for one in lowered]
    scenarios = [_scenario(run, unit, n) for n in unit.tree.declarations if isinstance(n, nodes.Scenario)]
    setts = {sett.key: sett for one in lowered if (sett := one.sett) is not None}
    bundle = run.tables.bundle(found[0].root, setts, []) if found else None
    lines = tuple(unit.source.text.splitlines())
    return Suite(
        unit.path, bundle, tuple(found), tuple(scenarios), lines, tuple(_parts(checked, unit)) if whole else ()
    )


def _parts(checked: Checked, unit: Unit) -> Iterator[Part]:
    """Yield the criteria and the steps that a file and those that it imports declare."""
    for shape in reachable(checked.world, unit):
        declared = checked.world.lookup(shape.unit, shape.name)
        if declared is None or shape.unit.is_std:
            continue
        node, own = declared.node, shape.unit
        if isinstance(node, nodes.Dod):
            for c in node.criteria:
                if c.key.id not in ATTRIBUTES["dod"] and not (
                    isinstance(c, nodes.Attribute) and word_of(c.value) == "off"
                ):
                    yield Part("criterion", shape.name, c.key.id, own.path, *own.source.position(c.start))
        elif isinstance(node, nodes.Plan):
            for step in node.items:
                if isinstance(step, nodes.Step):
                    where = own.source.position(step.start)
                    yield Part("step", shape.name, step.name.id, own.path, *where, step.condition is not None)


def _scenario(run: Lower, unit: Unit, node: nodes.Scenario) -> Scenario:
    made = _Values(run, unit, frozenset(["message"]))
    happenings = tuple(
        Happening(tuple(parts(h.target)), None if h.condition is None else made.value(h.condition))
        for h in node.happenings
    )
    within = None if node.within is None else made.checked(node.within, types.DURATION)
    return Scenario(node.name.value, unit.path, unit.source.position(node.start)[0], happenings, within)


class _Values:
    """Lowers expressions of a test, in which some names are locals."""

    def __init__(self, run: Lower, unit: Unit, names: frozenset[str]) -> None:
        self.names = names
        self.unit = unit
        self.tables = run.tables
        self.lowering = Lowering(run.tables, Place(unit, locals=names))

    def value(self, node: nodes.Expr) -> Value:
        """Lower an expression of any type."""
        return self._made(node, self.lowering.expr(node))

    def checked(self, node: nodes.Expr, wanted: types.Type) -> Value:
        """Lower an expression whose value must be of a type."""
        return self._made(node, self.lowering.checked(node, wanted))

    def condition(self, node: nodes.Expr) -> Condition:
        """Lower a condition, with the parts that a report shows."""
        whole = types.fit(self.tables.type_of(node), types.ListOf(types.ANY)) > types.NO
        test = self.value(node)
        shown = [self.value(n) for n in _shown(node, self.names)]
        return Condition(Value(test.value, test.names, test.text, whole), tuple(shown))

    def _made(self, node: nodes.Expr, value: ir.Expr) -> Value:
        used = {n.id for n in nodes.walk(node) if isinstance(n, nodes.Name)} & self.names
        used |= {
            n
            for n in self.names
            if any(isinstance(t, nodes.Text) and t.template and n in t.value for t in nodes.walk(node))
        }
        return Value(value, tuple(sorted(used)), cog.expression(node))


def _shown(node: nodes.Expr, names: frozenset[str]) -> list[nodes.Expr]:
    """Return the parts of a condition that a report shows: the sides of its comparisons, and the names in them."""
    sides: list[nodes.Expr] = []
    todo = [node]
    for one in todo:  # grows while it is walked
        match one:
            case nodes.Binary(operator="and" | "or", left=left, right=right):
                todo += [left, right]
            case nodes.Unary(operator="not", operand=operand):
                todo.append(operand)
            case nodes.Binary(left=left, right=right):
                sides += [left, right]
            case _:
                sides.append(one)
    patterns = [g.pattern for s in sides for g in nodes.walk(s) if isinstance(g, nodes.Generator)]
    bound = {n.id for p in patterns for n in nodes.walk(p) if isinstance(n, nodes.Name)}
    found: dict[str, nodes.Expr] = {}
    for side in sides:
        if _depends(side, names):
            found.setdefault(cog.expression(side), side)
    for side in sides:
        for part in _paths(side):
            root = parts(part)
            if root and root[0] in names and root[0] not in bound:
                found.setdefault(cog.expression(part), part)
    return list(found.values())


def _depends(node: nodes.Expr, names: frozenset[str]) -> bool:
    """Return whether the value of an expression depends on what happens: a constant needs no showing."""
    return any(
        isinstance(n, nodes.Call | nodes.Generator)
        or (isinstance(n, nodes.Name) and n.id in names)
        or (isinstance(n, nodes.Text) and n.template)
        for n in nodes.walk(node)
    )


def _paths(node: nodes.Expr) -> list[nodes.Expr]:
    """Return the longest paths of names in an expression."""
    found: list[nodes.Expr] = []
    stack: list[Any] = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, nodes.Name) or (isinstance(one, nodes.Field) and _is_path(one)):
            found.append(one)
        elif isinstance(one, nodes.Call):
            stack += [a.value for a in one.arguments]
        elif isinstance(one, nodes.Node):
            stack += [getattr(one, f) for f in reversed(one.__class__._compared_)]
        elif isinstance(one, tuple):
            stack += reversed(one)
    return found


def _is_path(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Name) or (isinstance(node, nodes.Field) and _is_path(node.base))


class _Test(_Values):
    """Lowers one test."""

    def __init__(self, run: Lower, checked: Checked, unit: Unit, node: nodes.Test) -> None:
        self.run = run
        self.node = node
        self.checked_world = checked
        self.shape = shape_of(checked.world, unit, node)
        self.declared = declared_of(checked.world, unit, node)
        bound = [c.name.id for c in node.checks if isinstance(c, nodes.ForAll | nodes.ForRows)]
        self.sett: ir.Sett | None = None
        of_sett = (
            self.declared.node if self.declared is not None and isinstance(self.declared.node, nodes.Sett) else None
        )
        seen = observed(checked.world, unit, self.shape, of_sett)
        super().__init__(run, unit, frozenset([*bound, *seen]))
        self.given = _Values(run, unit, frozenset(bound))

    def lower(self) -> Test:
        shape = self.shape
        if shape is not None:
            root = self.run.coglet(shape)
        else:
            assert self.declared is not None
            self.sett = sett_of(self.run, self.declared)
            root = self.sett.key
        steps, binds, limits, live = list[Step](), dict[str, Generator](), dict[str, Value](), dict[str, Value]()
        rows = None
        for check in self.node.checks:
            if isinstance(check, nodes.ForAll):
                binds[check.name.id] = self._generator(check.source)
            elif isinstance(check, nodes.ForRows):
                number = self.tables.type(row_type(self.checked_world, self.unit, check))
                rows = Rows(self.unit.source.position(check.start), check.name.id, number, check.path.value)
            elif isinstance(check, nodes.Explore):
                limits = {a.key.id: self.given.checked(a.value, types.INT) for a in check.attributes}  # type: ignore[arg-type]
            elif isinstance(check, nodes.Live):
                live = {a.key.id: self.given.checked(a.value, types.FLOAT) for a in check.attributes}  # type: ignore[arg-type]
            elif (step := self._step(check)) is not None:
                steps.append(step)
        line = self.unit.source.position(self.node.start)[0]
        name, path = self.node.name.value, self.unit.path
        given = {} if shape is None else self._arguments(shape)
        return Test(name, path, line, root, given, binds, tuple(steps), limits, live, rows, self.sett is not None)

    def _arguments(self, shape: Shape) -> dict[str, Value]:
        used = use_of(self.node)
        by_name = {p.name: p for p in shape.parameters.values()}
        found = {}
        for i, a in enumerate(used.arguments if used is not None else ()):
            parameter = by_name[a.name.id] if a.name else list(by_name.values())[i]
            found[parameter.name] = self.given.checked(a.value, parameter.type)
        return found

    def _step(self, node: nodes.Check) -> Step | None:
        where = self.unit.source.position(node.start)
        match node:
            case nodes.Script(program=program, answers=answers):
                return Script(where, self._name(program.text), tuple(self._answer(a) for a in answers))
            case nodes.Crash(target=target, at=at):
                return Crash(where, self._path(target), self._moment(at))
            case nodes.Disturb(kind=kind, target=target, times=times, at=at):
                often = None if times is None else self.given.checked(times, types.INT)
                if kind in ("fail", "hang"):
                    return Disturb(where, kind, (), self._name(".".join(parts(target))), often, self._moment(at))
                *path, last = self._path(target)
                return Disturb(where, kind, tuple(path), last.name, often, self._moment(at))
            case nodes.Kill(duration=duration, at=at):
                return Kill(where, self._moment(duration), self._moment(at))
            case nodes.Advance(duration=duration):
                return Advance(where, self.given.checked(duration, types.DURATION))
            case nodes.Run(duration=duration, until=until):
                return Run(where, self._moment(duration), None if until is None else self.condition(until))
            case nodes.Expect(when=when, condition=condition, within=within):
                return Expect(where, when, self.condition(condition), self._moment(within))
            case nodes.ExpectTrace(path=path):
                return ExpectTrace(where, path.value)
            case nodes.ExpectJudge():
                return self._judge(where, node)
            case nodes.Feed(target=target, value=value, at=at):
                return self._feed(where, target, value, at)
            case nodes.Order():
                return self._order(where, node)
            case nodes.Use() | nodes.ForAll() | nodes.ForRows() | nodes.Explore() | nodes.Live():
                return None
            case nodes.Error():
                raise AssertionError(node)  # the check reports it
            case _:
                assert_never(node)

    def _judge(self, where: Where, node: nodes.ExpectJudge) -> ExpectJudge:
        declared = self.tables.world.lookup(self.unit, node.model.text)
        assert declared is not None
        models = tuple(map(self.run.declared_model, models_of(self.tables.world, declared)))
        least = None if node.threshold is None else self.given.checked(node.threshold, types.FLOAT)
        return ExpectJudge(where, models, self.checked(node.question, types.STRING), least, cog.check(node))

    def _name(self, text: str) -> str:
        """Return the name of a program or model without that of the file's import."""
        head, _, rest = text.partition(".")
        return rest if head in self.unit.aliases else text

    def _moment(self, node: nodes.Expr | None) -> Value | None:
        return None if node is None else self.given.checked(node, types.DURATION)

    def _answer(self, node: nodes.Answer) -> Answer:
        if node.value is None:
            return Answer(node.kind)
        if isinstance(node.value, nodes.Name) and node.kind == "fault":
            return Answer("fault", word=node.value.id)
        if node.kind == "delay":
            return Answer("delay", self._moment(node.value))
        if node.kind == "call" and isinstance(node.value, nodes.Call):
            call = node.value
            entries = tuple(nodes.Entry(a.start, a.end, a.name, a.value) for a in call.arguments if a.name is not None)
            record = self.given.value(nodes.RecordLiteral(call.start, call.end, entries))
            return Answer("call", record, ".".join(parts(call.function)))
        return Answer(node.kind, self.given.value(node.value))

    # ---- paths ---------------------------------------------------------------------------------------------

    def _path(self, node: nodes.Expr) -> tuple[Member, ...]:
        """Return the names of a path below the root."""
        match node:
            case nodes.Name(id="self"):
                return ()
            case nodes.Name(id=name):
                return (Member(name, None),)
            case nodes.Field(base=base, name=name):
                return (*self._path(base), Member(name.id, None))
            case nodes.Index(base=base, index=index):
                *before, last = self._path(base)
                return (*before, Member(last.name, self.given.checked(index, types.INT)))
            case _:
                raise AssertionError(node)  # the check reports it

    def _reached(self, path: tuple[Member, ...]) -> Shape | None:
        """Return the coglet at a path, or None where a coglet in Python creates what it likes."""
        shape = self.shape
        for member in path:
            if shape is None:
                return None
            shape = shape.children[member.name].target
        return shape

    def _feed(self, where: Where, target: nodes.Expr, value: nodes.Expr, at: nodes.Expr | None) -> Feed:
        *path, last = self._path(target)
        shape = self._reached(tuple(path))
        wanted = (
            types.STRING if self.sett is not None else types.ANY if shape is None else shape.listens[last.name].type
        )
        number = self.tables.type(wanted)
        return Feed(where, tuple(path), last.name, number, self.given.checked(value, wanted), self._moment(at))

    def _order(self, where: Where, node: nodes.Order) -> Order:
        *path, last = self._path(node.target)
        shape = self._reached(tuple(path))
        signature: Signature | None = None if shape is None else shape.enacts[last.name].signature
        if signature is None:
            arguments: tuple[Value | None, ...] = tuple(self.given.value(a.value) for a in node.arguments)
            return Order(where, tuple(path), last.name, arguments, self._moment(node.at))
        by_name = {p.name: p for p in signature.parameters}
        given: dict[str, Value] = {}
        for i, a in enumerate(node.arguments):
            parameter = by_name[a.name.id] if a.name else signature.parameters[i]
            given[parameter.name] = self.given.checked(a.value, parameter.type)
        arguments = tuple(given.get(p.name) for p in signature.parameters)
        return Order(where, tuple(path), last.name, arguments, self._moment(node.at))

    # ---- generators ----------------------------------------------------------------------------------------

    def _generator(self, node: nodes.Expr) -> Generator:
        if isinstance(node, nodes.ListLiteral):
            return Generator("one_of", (self.given.value(node),))
        if not isinstance(node, nodes.Call):
            return Generator("type", type=self.tables.type(self._type_of(node)))
        kind: Any = nodes.qualified_text(node.function)
        arguments = [a.value for a in node.arguments]
        item = self._generator(arguments.pop(0)) if kind == "lists" else None
        return Generator(kind, tuple(self.given.value(a) for a in arguments), item)

    def _type_of(self, node: nodes.Expr) -> types.Type:
        return self.tables.type_of(node)
