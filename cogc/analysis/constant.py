"""Evaluate expressions whose values are known before a run: constants, and what is computed from them.

The check evaluates with the functions that a run evaluates with (`language/functions.py`, `language/coerce.py`,
`language/rendering.py`), so that both agree on every value and on every failure. An `Evaluator` stands at one place: a
scope for the names, and an environment for the names whose values are known there.

An evaluation has three outcomes. It returns a value. It raises `Unknown`, if the expression needs something that only a
run has: a message, a state, a parameter, the clock, an answer from outside. Or it raises `Wrong`, if the run would fail
at this expression for certain: a division by zero, an index out of range, a constant that needs itself. `Wrong` carries
the smallest expression that is to blame, and the file that it stands in.

**Constants** are evaluated once, and their outcomes kept (`Tables.consts`). One that needs another one which is not known
yet raises `_Needs`; `_constant` then evaluates the other one first, and begins again. So a chain of constants may have any
length, and a circle is a constant that is needed while it is under way.

**Bounds.** An evaluation that takes more than `STEPS` steps, nests deeper than `DEPTH`, walks more than `WALKED` parts of
values or does more than `WORK` units of work (`language/meter.py`) is `Unknown`, and so is each one behind the
`Tables.steps`, `Tables.parts` and `Tables.work` of the whole check: the limits of a run are larger, and are the run's to enforce. A constant that is larger
than any may be (`language/limits.py`) is `Wrong`.

Example: for `const A = 60 / (2 - B)` and `const B = 2` the evaluator finds `B` through the scope, gets 2 - 2 = 0, calls
`OPERATORS["/"](60, 0)`, catches its `Failure`, and raises `Wrong` at the division, with the reason "a division by zero".
"""

from __future__ import annotations

from cogc.analysis import prompts
from cogc.analysis.outcomes import Found, Unknown, Wrong
from cogc.analysis.scope import Scope, Symbol
from cogc.language import types
from cogc.language.builtins import RUN_TIME_ONLY
from cogc.language.closed import assert_never
from cogc.language.functions import (
    FUNCTIONS,
    OPERATORS,
    apart,
    field,
    field_or_null,
    item,
    negate,
    part,
    spread,
    text_of_parts,
    truth,
)
from cogc.language.limits import MOST_PARTS, extent
from cogc.language.meter import METER, begin
from cogc.language.record import Record
from cogc.language.values import Duration, Failure
from cogc.syntax import nodes
from cogc.syntax.depth import spine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.analysis.infer import Inference
    from cogc.analysis.outcomes import Outcome
    from cogc.analysis.tables import Tables
    from cogc.language.types import Type
    from cogc.language.values import Value
    from cogc.names.world import Shape, Unit

    Known = dict[int | str, Value]
    """Values by the `id` of a parameter's node, or by the name of a local."""

STEPS = 20_000
DEPTH = 80
WALKED = 4 * MOST_PARTS
WORK = 3_000_000
_FAILURES = (Failure, ArithmeticError, LookupError, TypeError, ValueError)


class _Const(Record):
    """A constant, its file, and the coglet or mixin that it is a member of."""

    node: nodes.Const
    unit: Unit
    shape: Shape | None


class _Needs(Exception):
    """The evaluation of a constant needs that of another one first."""

    def __init__(self, const: _Const) -> None:
        super().__init__()
        self.const = const


class _Work:
    """The state that the evaluators of one evaluation share: what is left of its bounds. `const` says that it is that of a constant."""

    __slots__ = ("const", "depth", "seen", "steps", "tables", "walked", "work")

    def __init__(self, tables: Tables, const: bool = False) -> None:
        begin(self)
        self.tables = tables
        self.steps = STEPS
        self.depth = 0
        self.walked = 0
        self.work = WORK
        self.seen = 0
        self.const = const

    def look(self) -> None:
        """End an evaluation whose functions have done too much."""
        more = METER.spent - self.seen if METER.spent >= self.seen else METER.spent
        self.seen = METER.spent
        self.work -= more
        self.tables.work -= more
        if self.work < 0 or self.tables.work < 0:
            raise Unknown

    def step(self) -> None:
        self.steps -= 1
        self.tables.steps -= 1
        if self.steps < 0 or self.tables.steps < 0 or self.depth > DEPTH:
            raise Unknown

    def made(self, value: Value) -> None:
        """Count the parts of a value that an expression has made; fail if no constant may be so large."""
        if value.__class__ is str:
            size = len(value) >> 4
        elif value.__class__ in (list, dict) and id(value) not in self.tables.extents:
            extent(value, self.tables.extents)
            size = len(value)
        else:
            return
        self.tables.parts -= size
        if self.tables.parts < 0:
            raise Unknown

    def walk(self, *values: Value) -> None:
        """Count the parts of values that a function is about to walk."""
        for value in values:
            self.walked += len(value) >> 4 if isinstance(value, str) else extent(value, self.tables.extents)[0]
        if self.walked > WALKED:
            raise Unknown


class Evaluator:
    """Evaluates expressions at one place."""

    __slots__ = ("inference", "known", "scope", "work")

    def __init__(
        self, inference: Inference, scope: Scope, known: Known | None = None, work: _Work | None = None
    ) -> None:
        self.inference = inference
        self.scope = scope
        self.known = known or {}
        self.work = work or _Work(inference.tables)

    def value(self, node: nodes.Expr, wanted: Type = types.ANY) -> Value:
        """Return the value of an expression, converted to the type `wanted`."""
        before, METER.look = METER.look, self.work.look
        try:
            return self._converted(node, wanted)
        finally:
            METER.look = before

    def _converted(self, node: nodes.Expr, wanted: Type) -> Value:
        found = self._value(node)
        fit = types.fit(self.inference.tables.types.get(id(node), types.ANY), wanted)
        if fit == types.EXACT:
            return found
        from cogc.language.coerce import coerce  # start-up: most values have the wanted type

        try:
            self.work.walk(found)
            return coerce(found, wanted)
        except Failure as failure:
            raise Wrong(node, self.scope.unit, failure.message) from None

    def _value(self, node: nodes.Expr) -> Value:
        work = self.work
        work.step()
        work.depth += 1
        try:
            found = self._evaluated(node)
            work.made(found)
        except _FAILURES as error:
            raise Wrong(node, self.scope.unit, _reason(error)) from None
        finally:
            work.depth -= 1
        return found

    def _evaluated(self, node: nodes.Expr) -> Value:
        match node:
            case nodes.Literal(kind="duration", value=nanos):
                return Duration(int(nanos or 0))
            case nodes.Literal(value=value):
                return value
            case nodes.Text():
                return self._text(node)
            case nodes.Name(id=name):
                return self._name(name, self.inference.tables.symbols.get(id(node)))
            case nodes.ListLiteral(items=items):
                return [self._value(i) for i in items]
            case nodes.RecordLiteral(entries=entries):
                return self._record(entries)
            case nodes.Comprehension(item=result, generator=generator):
                return [inner._value(result) for inner in self._walk(generator)]
            case nodes.RecordComprehension(key=key, value=result, generator=generator):
                return {inner._key(key): inner._value(result) for inner in self._walk(generator)}
            case nodes.Call():
                return self._call(node)
            case nodes.Field():
                return self._field(node)
            case nodes.Index(base=base, index=index):
                return item(self._value(base), self._value(index))
            case nodes.Slice(base=base, low=low, high=high):
                bounds = [None if bound is None else self._value(bound) for bound in (low, high)]
                return part(self._value(base), *bounds)
            case nodes.Unary(operator=operator, operand=operand):
                of = self._value(operand)
                return not truth(of) if operator == "not" else negate(of)
            case nodes.Binary():
                return self._binary(node)
            case nodes.TypeTest() | nodes.Await() | nodes.Grow() | nodes.Error():
                raise Unknown
            case nodes.Conditional(then=then, condition=condition, otherwise=otherwise):
                return self._value(then if truth(self._value(condition)) else otherwise)
            case nodes.Try(value=value, otherwise=otherwise, name=name):
                return self._try(value, otherwise, name)
            case _:
                assert_never(node)

    # ---- names ---------------------------------------------------------------------------------------------

    def _name(self, name: str, symbol: Symbol | None = None) -> Value:
        if name in self.known:
            return self.known[name]
        return self._symbol(symbol or self.scope.find(name))

    def _symbol(self, symbol: Symbol | None) -> Value:
        if symbol is None:
            raise Unknown
        if symbol.kind == "parameter" and id(symbol.node) in self.known:
            return self.known[id(symbol.node)]
        if symbol.kind != "const" or symbol.unit is None or not isinstance(symbol.node, nodes.Const):
            raise Unknown
        shape = symbol.member.owner if symbol.member is not None else None
        return self.const(symbol.node, symbol.unit, shape)

    def const(self, node: nodes.Const, unit: Unit, shape: Shape | None) -> Value:
        """Return the value of a constant."""
        outcome = self.inference.tables.consts.get(id(node))
        if outcome is None:
            if self.work.const:
                raise _Needs(_Const(node, unit, shape))
            outcome = _constant(self.inference, _Const(node, unit, shape))
        if isinstance(outcome, Found):
            return outcome.value
        raise outcome.with_traceback(None)

    def _field(self, node: nodes.Field) -> Value:
        qualified = self.scope.qualified(node)
        if qualified is not None:
            return self._symbol(qualified)
        return field(self._value(node.base), node.name.id)

    def _text(self, node: nodes.Text) -> str:
        if not node.template:
            return node.value
        parts = prompts.simple_parts(node.value)
        if parts is None:
            return self._rendered(node.value)
        values = [self._path(p.path) if p.path else p.text for p in parts]
        self.work.walk(*values)
        return text_of_parts(*values)

    def _rendered(self, template: str) -> str:
        """Return the text of a template that needs Jinja."""
        from cogc.language.rendering import Template  # start-up: few constants are such templates

        try:
            render = Template(template).render
            names = prompts.names(template) - {"range"}
        except Exception as error:  # Jinja's own faults and its errors; the check of the template has reported them
            raise Unknown from error
        values = {name: self._name(name) for name in sorted(names)}
        self.work.walk(*values.values())
        return render(values)

    def _path(self, path: tuple[str, ...]) -> Value:
        found = self._name(path[0])
        for word in path[1:]:
            found = field_or_null(found, word)
        return found

    # ---- records, lists, operators -------------------------------------------------------------------------

    def _key(self, node: nodes.Expr) -> str:
        key = self._converted(node, types.STRING)
        assert isinstance(key, str)
        return key

    def _record(self, entries: tuple[nodes.RecordEntry, ...]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for entry in entries:
            match entry:
                case nodes.Entry(key=key, value=value):
                    found[key.id] = self._value(value)
                case nodes.ComputedEntry(key=computed, value=value):
                    found[self._key(computed)] = self._value(value)
                case nodes.Spread(value=value):
                    found |= spread(self._value(value))
                case _:
                    assert_never(entry)
        return found

    def _walk(self, generator: nodes.Generator) -> Iterator[Evaluator]:
        """Yield an evaluator for each item that meets the condition of a generator."""
        for value in self._list(generator.source):
            inner = self.with_(self._bound(generator.pattern, value))
            if generator.condition is None or truth(inner._value(generator.condition)):
                yield inner

    def _list(self, node: nodes.Expr) -> list[Value]:
        found = self._value(node)
        if found.__class__ is not list:
            raise Unknown
        return found

    def _bound(self, pattern: nodes.Pattern, value: Value) -> Known:
        if isinstance(pattern, nodes.Name):
            return {pattern.id: value}
        return {n.id: v for n, v in zip(pattern.names, apart(value, len(pattern.names)), strict=True)}

    def with_(self, known: Known) -> Evaluator:
        """Return an evaluator of the same place with more known names."""
        return Evaluator(self.inference, self.scope, {**self.known, **known}, self.work)

    def _binary(self, node: nodes.Binary) -> Value:
        chain = spine(node)
        left = self._value(chain[0].left)
        for operation in chain:
            left = self._operation(operation, left)
        return left

    def _operation(self, node: nodes.Binary, left: Value) -> Value:
        match node.operator:
            case "and":
                return truth(left) and truth(self._value(node.right))
            case "or":
                return truth(left) or truth(self._value(node.right))
            case "??":
                return self._value(node.right) if left is None else left
            case "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" | "+" | "-" | "*" | "/" | "//" | "%":
                right = self._value(node.right)
                self.work.walk(left, right)
                return OPERATORS[node.operator](left, right)
            case _:
                assert_never(node.operator)

    def _try(self, value: nodes.Expr, otherwise: nodes.Expr, name: nodes.Name | None) -> Value:
        try:
            return self._value(value)
        except Wrong as wrong:
            if wrong.cycle or name is not None:  # a cycle is reported at the constant; a failure's record is the run's
                raise Unknown from None
            return self._value(otherwise)

    # ---- calls ---------------------------------------------------------------------------------------------

    def _call(self, node: nodes.Call) -> Value:
        symbol = self.inference.tables.symbols.get(id(node.function))
        if symbol is None:
            raise Unknown
        if symbol.kind == "function":
            if symbol.name in RUN_TIME_ONLY:
                raise Unknown
            given = [self._value(a.value) for a in node.arguments]
            self.work.walk(*given)
            return FUNCTIONS[symbol.name](*given)
        if symbol.kind == "program" and isinstance(symbol.node, nodes.Program):
            return self._program(symbol, symbol.node, node.arguments)
        raise Unknown

    def _program(self, symbol: Symbol, program: nodes.Program, given: tuple[nodes.Argument, ...]) -> Value:
        """Return the value of a call of an `expr` or `template` program."""
        body = program.executor.argument
        if program.executor.kind.id not in ("expr", "template") or body is None or isinstance(body, nodes.Qualified):
            raise Unknown
        assert symbol.unit is not None
        shape = symbol.member.owner if symbol.member is not None else None
        scope = Scope(self.inference.world, symbol.unit, shape, states=False)
        signature = self.inference.world.signatures[id(program)]
        by_parameter = {id(p.node): p for p in shape.parameters.values()} if shape is not None else {}
        inner = Evaluator(self.inference, scope, {k: v for k, v in self.known.items() if k in by_parameter}, self.work)
        named = {a.name.id: a.value for a in given if a.name is not None}
        by_position = [a.value for a in given if a.name is None]
        for i, p in enumerate(signature.parameters):
            argument = by_position[i] if i < len(by_position) else named.get(p.name)
            if argument is not None:
                inner.known[p.name] = self._converted(argument, p.type)
            elif p.default is not None:
                inner.known[p.name] = inner._converted(p.default, p.type)
            else:
                raise Unknown
        return inner._converted(body, signature.result)


def _constant(inference: Inference, wanted: _Const) -> Outcome:
    """Evaluate a constant and, before it, those that it needs; return the outcome, which is kept like those of the others."""
    known = inference.tables.consts
    under_way = {id(wanted.node): wanted}
    while under_way:
        const = next(reversed(under_way.values()))
        if id(const.node) not in known:
            try:
                known[id(const.node)] = _own(inference, const)
            except _Needs as needs:
                other = needs.const
                if id(other.node) in under_way:
                    line = list(under_way)
                    cycle = tuple(under_way[i].node for i in line[line.index(id(other.node)) :])
                    known[id(other.node)] = Wrong(other.node, other.unit, "it needs itself", cycle)
                else:
                    under_way[id(other.node)] = other
                continue
        del under_way[id(const.node)]
    return known[id(wanted.node)]


def _own(inference: Inference, const: _Const) -> Outcome:
    """Evaluate one constant, all others that it needs being known."""
    scope = Scope(inference.world, const.unit, const.shape, states=False)
    scope.constant = True
    work = _Work(inference.tables, const=True)
    node = const.node
    wanted = inference.tables.types.get(id(node), types.ANY) if node.type is not None else types.ANY
    try:
        return Found(Evaluator(inference, scope, None, work).value(node.value, wanted))
    except (Unknown, Wrong) as outcome:
        return outcome


def _reason(error: Exception) -> str:
    """Return the words of a failure, as a run shows them."""
    if isinstance(error, OverflowError):
        return "a number is too large for a float"
    return error.message if isinstance(error, Failure) else str(error)
