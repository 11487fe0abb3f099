"""Definitions of done, expanded: a coglet that verifies, hands its findings to a fixer, and verifies again.

In: a `dod` declaration. Out: a coglet's node. `stdlib/forms/dod.cog` has what all of them share.

A criterion becomes three things, which `Look` collects: a program or a call of a standard one (most criteria run
something), an expression for what is found, and the word by which `std.criteria` reads it. A criterion's program
has the criterion's name and `MARK` behind it, so that it hides nothing that a criterion may use; traces show the name
alone.

    dod Shippable { tests: on, small: size() < 3, fix: Developer }

becomes, beside the ports that every definition of done has,

    program tests·() -> any = shell ["pytest", "-q"] { output: outcome, timeout: 30m }
    on verify as ·given {
      ...
      ·findings = ·findings + [·finding("tests", "command", try tests·() else as ·error { error: ·error.message }, null)]
      ·findings = ·findings + [·finding("small", "value", try { value: size() < 3 } else ..., null)]
      ...
    }

A failure on the way, of a program or of an expression, is a finding like any other: it never ends the verification.
"""

from __future__ import annotations

from cogc.desugar import fill
from cogc.desugar.fill import name_at
from cogc.desugar.forms import dod as form
from cogc.desugar.parts import alias, borrowed, extended
from cogc.language.attributes import ATTRIBUTES
from cogc.language.closed import assert_never
from cogc.language.record import Record
from cogc.language.texts import MARK
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from cogc.names.world import Unit, World

    Criterion = nodes.Attribute | nodes.Command | nodes.Judge

SETTINGS = ("max_loops", "fix", "judge", "base", "stop_on_failure", "cwd")
COMMANDS = {
    "tests": ("pytest", "-q"),
    "contracts": ("pytest", "-q", "-m", "contract"),
    "integration": ("pytest", "-q", "-m", "integration"),
    "e2e": ("pytest", "-q", "-m", "e2e"),
    "linters": ("ruff", "check", "."),
}
JUDGED = {
    "solid": "The change keeps to the SOLID principles: one reason to change for each part, narrow interfaces, dependencies on abstractions.",
    "dry": "The change repeats nothing that stands elsewhere in it or, as far as it shows, in the project.",
    "kiss": "The change is as simple as the task allows: nothing is built that the task does not need.",
    "architecture": "The change keeps to the architecture around it: layers, direction of dependencies, where things belong.",
}
STANDARD = (*COMMANDS, "tdd", "coverage", *JUDGED)
THRESHOLD = 0.7
LOOPS = 3
MINUTE = 60 * 1_000_000_000


def settings_of(world: World, unit: Unit, node: nodes.Dod) -> dict[str, nodes.Attribute]:
    """Return the settings of a definition of done, with those that it inherits."""
    return {c.key.id: c for c in _written(world, unit, node) if isinstance(c, nodes.Attribute) and c.key.id in SETTINGS}


def criteria_of(world: World, unit: Unit, node: nodes.Dod) -> dict[str, Criterion]:
    """Return the criteria by name, in the order of their verification; own criteria replace inherited ones."""
    return {c.key.id: c for c in _written(world, unit, node) if c.key.id not in SETTINGS}


def place_of(world: World, unit: Unit, node: nodes.Dod, key: str) -> tuple[Unit, nodes.Name]:
    """Return the file in which a criterion is written, and its name there."""
    for u, n in extended(world, unit, node, "dod"):
        for c in n.criteria:
            if c.key.id == key:
                return u, c.key
    return unit, node.name


def parameters_of(world: World, unit: Unit, node: nodes.Dod) -> tuple[nodes.Parameter, ...]:
    """Return the parameters of a definition of done, and the inherited ones that it does not declare anew."""
    own = {p.name.id for p in node.parameters}
    found = [p for u, n in extended(world, unit, node, "dod")[1:] for p in n.parameters if p.name.id not in own]
    return (*node.parameters, *{p.name.id: p for p in found}.values())


def _written(world: World, unit: Unit, node: nodes.Dod) -> list[Criterion]:
    found: dict[str, Criterion] = {}
    for u, n in reversed(extended(world, unit, node, "dod")):
        own = {p.name.id for p in n.parameters} | {"coverage", "human", "on", "off"}
        for c in n.criteria:
            # a mistake in another file is reported where its criterion is taken in
            found[c.key.id] = c if u is unit else borrowed(world, u, c, unit, node.extends or node.name, own)
    return list(found.values())


def word(criterion: Criterion) -> str:
    """Return the kind of a criterion: standard, off, coverage, human, judge, shell, python or expr."""
    match criterion:
        case nodes.Judge():
            return "judge"
        case nodes.Command(executor=executor):
            return executor.kind.id
        case nodes.Attribute(value=nodes.Name(id="off") | nodes.Literal(value=False)):
            return "off"
        case nodes.Attribute(value=nodes.Name(id="on") | nodes.Literal(value=True)):
            return "standard"
        case nodes.Attribute(value=nodes.Name(id="human") | nodes.Call(function=nodes.Name(id="human"))):
            return "human"
        case nodes.Attribute(value=nodes.Binary(operator=">=", left=nodes.Name(id="coverage"))):
            return "coverage"
        case nodes.Attribute():
            return "expr"
        case _:
            assert_never(criterion)


def own_words(criterion: Criterion) -> list[nodes.Name]:
    """Return the names in a criterion that mean something of its own there, whatever parameters there are."""
    match criterion:
        case nodes.Command(executor=nodes.Executor(kind=nodes.Name(id="python"), attributes=attributes)):
            found = [n for a in attributes for n in nodes.walk(a.value)]
            return [n for n in found if isinstance(n, nodes.Name) and n.id == "work"]
        case nodes.Attribute(value=nodes.Binary(left=nodes.Name() as name)) if word(criterion) == "coverage":
            return [name]
        case nodes.Attribute(value=nodes.Call(function=nodes.Name() as name)) if word(criterion) == "human":
            return [name]
        case nodes.Attribute(value=nodes.Name() as name) if word(criterion) in ("standard", "off", "human"):
            return [name]
    return []


def hides_work(world: World, unit: Unit, parameters: Container[str]) -> bool:
    """Return whether `work` is not the work in the expressions of a definition of done, since something else has that name."""
    return "work" in parameters or world.lookup(unit, "work") is not None


class Look(Record):
    """The verification of one criterion: the value found, the value wanted, and the kind by which `std.criteria` compares them."""

    found: nodes.Expr
    kind: str
    wanted: nodes.Expr


def coglet_of(world: World, unit: Unit, node: nodes.Dod) -> nodes.Coglet:
    """Return the coglet that a definition of done becomes."""
    members = _Expansion(world, unit, node).members()
    parameters = parameters_of(world, unit, node)
    return nodes.Coglet(node.start, node.end, node.name, parameters, (), None, members, node.doc)


class _Expansion:
    """Expands one definition of done, and collects the programs that its criteria need."""

    def __init__(self, world: World, unit: Unit, node: nodes.Dod) -> None:
        self.world = world
        self.unit = unit
        self.at = node.name
        self.criteria = criteria_of(world, unit, node)
        self.parameters = {p.name.id for p in parameters_of(world, unit, node)}
        self.settings = {k: a.value for k, a in settings_of(world, unit, node).items()}
        self.programs: dict[str, tuple[nodes.Member, ...]] = {}
        cwd = self.settings.get("cwd")
        self.cwd = () if cwd is None else (fill.attribute("cwd", cwd, cwd),)

    def members(self) -> tuple[nodes.Member, ...]:
        at, fixer = self.at, self.settings.get("fix")
        most: nodes.Node = fill.integer(1, at)
        repair = form.give_up(at)
        if fixer is not None:
            most = self.settings.get("max_loops") or fill.integer(LOOPS, at)
            self.programs["fix"] = form.fix(at)
            repair = form.repair(at, most=most, fixer=self._declared(fixer))
        criteria = [self._criterion(key, c) for key, c in self.criteria.items()]
        if "changes" in self.programs:
            since = self.settings.get("base") or fill.string("HEAD", at)
            criteria.insert(0, form.look_at_changes(at, since=since))
        return form.dod(
            at,
            programs=fill.joined(self.programs.values()),
            most=most,
            criteria=fill.joined(criteria),
            empty=fill.boolean(not self.criteria, at),
            repair=repair,
        )

    def _declared(self, value: nodes.Node) -> nodes.Name:
        """Return the declaration that a setting names, by a name that no parameter of the definition of done hides."""
        found = name_at(value)
        return fill.name(alias(self.world, self.unit, found.id, self.unit), found)

    def _criterion(self, key: str, criterion: Criterion) -> tuple[nodes.Statement, ...]:
        """Return the statements that add the finding of one criterion."""
        look = self._look(key, criterion)
        name, kind = fill.string(key, self.at), fill.string(look.kind, self.at)
        stop = self.settings.get("stop_on_failure")
        if stop is None:
            return form.look(self.at, criterion=name, kind=kind, found=look.found, wanted=look.wanted)
        return form.look_unless_failed(
            self.at, stop=stop, criterion=name, kind=kind, found=look.found, wanted=look.wanted
        )

    def _look(self, key: str, criterion: Criterion) -> Look:
        nothing = form.nothing(self.at)
        if _malformed(key, criterion):
            return Look(nothing, "off", nothing)
        match criterion:
            case nodes.Command(executor=executor):
                return self._python(key, executor) if executor.kind.id == "python" else self._shell(key, executor)
            case nodes.Judge(model=model, question=question, threshold=threshold):
                return self._judge(key, name_at(model), question, threshold or fill.number(THRESHOLD, model))
            case nodes.Attribute():
                return self._attribute(key, criterion)
            case _:
                assert_never(criterion)

    def _attribute(self, key: str, criterion: nodes.Attribute) -> Look:
        """Verify a standard criterion, one that a person answers, a coverage, or a value."""
        nothing = form.nothing(self.at)
        kind = word(criterion)
        if kind == "standard":
            return self._standard(key)
        if kind == "human":
            return self._human(key, criterion.value)
        if kind == "coverage":
            assert isinstance(criterion.value, nodes.Binary)
            self.programs["coverage"] = form.coverage(self.at, cwd=self.cwd)
            return Look(form.covered(self.at), "coverage", criterion.value.right)
        if kind == "expr":
            return Look(self._value(criterion.value), "value", nothing)
        return Look(nothing, "off", nothing)

    def _value(self, value: nodes.Node) -> nodes.Expr:
        """Return what an expression finds, which may name the work."""
        if hides_work(self.world, self.unit, self.parameters) or not any(_names_work(n) for n in nodes.walk(value)):
            return form.value(self.at, value=value)
        return form.value_of_work(self.at, value=value, work=fill.name("work", self.at))

    def _name(self, key: str) -> nodes.Name:
        """Return the name of a criterion's program."""
        return fill.name(key + MARK, self.at)

    def _standard(self, key: str) -> Look:
        nothing = form.nothing(self.at)
        if key == "tdd":
            return self._tdd()
        if key in COMMANDS:
            timeout = fill.attribute(
                "timeout", nodes.Literal(self.at.start, self.at.end, "duration", 30 * MINUTE), self.at
            )
            self._run(key, fill.strings(COMMANDS[key], self.at), (timeout, *self.cwd))
            return Look(form.ran(self.at, program=self._name(key)), "command", nothing)
        model = self.settings.get("judge")
        if model is None:
            return Look(form.no_judge(self.at), "value", nothing)
        question = fill.string(JUDGED[key], self.at)
        return self._judge(key, name_at(model), question, fill.number(THRESHOLD, self.at))

    def _tdd(self) -> Look:
        base = self.settings.get("base")
        self.programs["tdd"] = form.tdd(self.at, cwd=self.cwd)
        range = form.unpushed(self.at) if base is None else form.behind_base(self.at, base=base)
        return Look(form.history(self.at, range=range), "tdd", form.nothing(self.at))

    def _run(self, key: str, words: nodes.ListLiteral, attributes: tuple[nodes.Attribute, ...]) -> None:
        self.programs[key + MARK] = form.shell_criterion(
            self.at, name=self._name(key), words=words, attributes=attributes
        )

    def _shell(self, key: str, executor: nodes.Executor) -> Look:
        known = ATTRIBUTES["shell criterion"]
        given = {a.key.id: a for a in executor.attributes if a.key.id in known}
        ok = given.pop("ok", None)
        attributes = tuple(given.values())
        if "timeout" not in given:
            limit = nodes.Literal(self.at.start, self.at.end, "duration", 10 * MINUTE)
            attributes += (fill.attribute("timeout", limit, self.at),)
        if "cwd" not in given:
            attributes += self.cwd
        assert isinstance(executor.argument, nodes.ListLiteral)
        self._run(key, executor.argument, attributes)
        wanted = form.nothing(self.at) if ok is None else ok.value
        return Look(form.ran(self.at, program=self._name(key)), "command", wanted)  # type: ignore[arg-type]

    def _python(self, key: str, executor: nodes.Executor) -> Look:
        timeout = tuple(a for a in executor.attributes if a.key.id == "timeout")
        assert isinstance(executor.argument, nodes.Text)
        function = fill.string(executor.argument.value, executor.argument)
        self.programs[key + MARK] = form.python_criterion(
            self.at, name=self._name(key), function=function, attributes=timeout
        )
        return Look(form.python_value(self.at, program=self._name(key)), "value", form.nothing(self.at))

    def _human(self, key: str, value: nodes.Node) -> Look:
        question: nodes.Expr = fill.string(f"Is this done: {key}?", self.at)
        if isinstance(value, nodes.Call) and value.arguments:
            question = value.arguments[0].value
        self.programs[key + MARK] = form.human_criterion(self.at, name=self._name(key))
        found = form.answered(self.at, program=self._name(key), question=question)
        return Look(found, "value", form.nothing(self.at))

    def _judge(self, key: str, model: nodes.Name, question: nodes.Text, threshold: nodes.Expr) -> Look:
        self.programs["changes"] = form.changes(self.at, cwd=self.cwd)
        self.programs[key + MARK] = form.judge(self.at, name=self._name(key), model=self._declared(model))
        return Look(form.judged(self.at, program=self._name(key), question=question), "judge", threshold)


def _names_work(node: nodes.Node) -> bool:
    """Return whether a name, or a text that may be a template, names the work."""
    return (isinstance(node, nodes.Name) and node.id == "work") or (
        isinstance(node, nodes.Text) and "work" in node.value
    )


def _malformed(key: str, criterion: Criterion) -> bool:
    """Return whether a criterion is malformed, which the checker reports, so that nothing is made of it."""
    match criterion:
        case nodes.Command(executor=nodes.Executor(argument=nodes.ListLiteral(items=items))):
            return not items
        case nodes.Command(executor=nodes.Executor(argument=nodes.Text(value=value))):
            return ":" not in value
        case nodes.Command():
            return True
        case nodes.Attribute() | nodes.Judge():
            return word(criterion) == "standard" and (key not in STANDARD or key == "coverage")
        case _:
            assert_never(criterion)
