"""Evaluate expressions whose values are known before a run: constants, and what is computed from them.

The check evaluates with the functions that a run evaluates with (`language/functions.py`, `language/coerce.py`), so that
both agree on every value and on every failure. An `Evaluator` stands at one place: a scope for the names, and an
environment for the names whose values are known there.

An evaluation has three outcomes. It returns a value. It raises `Unknown`, if the expression needs something that only a
run has: a message, a state, a parameter, the clock, an answer from outside. Or it raises `Wrong`, if the run would fail
at this expression for certain: a division by zero, an index out of range, a constant that needs itself. `Wrong` carries
the smallest expression that is to blame, and the file that it stands in.

Work is bounded. An evaluation that takes more than `STEPS` steps, nests deeper than `DEPTH`, or makes a value of more
than `LARGEST` parts is `Unknown`: the limits of a run are larger, and are the run's to enforce.

Example: for `const A = 60 / (2 - B)` and `const B = 2` the evaluator finds `B` through the scope, gets 2 - 2 = 0, calls
`OPERATORS["/"](60, 0)`, catches its `Failure`, and raises `Wrong` at the division, with the reason "a division by zero".
"""

from __future__ import annotations

from cogc.analysis import prompts
from cogc.analysis.scope import Scope, Symbol
from cogc.language import types
from cogc.language.builtins import RUN_TIME_ONLY
from cogc.language.closed import assert_never
from cogc.language.coerce import coerce
from cogc.language.functions import FUNCTIONS, OPERATORS, apart, field, item, negate, part, spread, text_of_parts, truth
from cogc.language.meter import begin
from cogc.language.values import Duration, Failure
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.analysis.infer import Inference
    from cogc.language.types import Type
    from cogc.language.values import Value
    from cogc.names.world import Unit

    Known = dict[int | str, Value]
    """Values by the `id` of a parameter's node, or by the name of a local."""

STEPS = 20_000
DEPTH = 60
LARGEST = 100_000
_FAILURES = (Failure, ArithmeticError, LookupError, TypeError, ValueError)


class Unknown(Exception):
    """The value is known only in a run."""


class Wrong(Exception):
    """The run fails at this expression. `cycle` names the constants that need each other, if that is the reason."""

    def __init__(self, node: nodes.Node, unit: Unit, reason: str, cycle: tuple[nodes.Const, ...] = ()) -> None:
        super().__init__(reason)
        self.node = node
        self.unit = unit
        self.reason = reason
        self.cycle = cycle


class _Work:
    """The state that the evaluators of one evaluation share: the steps left, and the constants being evaluated."""

    __slots__ = ("consts", "depth", "steps")

    def __init__(self) -> None:
        begin(self)
        self.steps = STEPS
        self.depth = 0
        self.consts: list[nodes.Const] = []


class Evaluator:
    """Evaluates expressions at one place."""

    __slots__ = ("inference", "known", "scope", "work")

    def __init__(
        self, inference: Inference, scope: Scope, known: Known | None = None, work: _Work | None = None
    ) -> None:
        self.inference = inference
        self.scope = scope
        self.known = known or {}
        self.work = work or _Work()

    def value(self, node: nodes.Expr, wanted: Type = types.ANY) -> Value:
        """Return the value of an expression, converted to the type `wanted`."""
        found = self._value(node)
        fit = types.fit(self.inference.tables.types.get(id(node), types.ANY), wanted)
        if fit == types.EXACT:
            return found
        try:
            return coerce(found, wanted)
        except Failure as failure:
            raise Wrong(node, self.scope.unit, failure.message) from None

    def _value(self, node: nodes.Expr) -> Value:
        self.work.steps -= 1
        self.work.depth += 1
        if self.work.steps < 0 or self.work.depth > DEPTH:
            raise Unknown
        try:
            found = self._evaluated(node)
        except _FAILURES as error:
            raise Wrong(node, self.scope.unit, _reason(error)) from None
        finally:
            self.work.depth -= 1
        if found.__class__ in (str, list, dict) and len(found) > LARGEST:
            raise Unknown
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
        scope = Scope(self.inference.world, symbol.unit, shape, states=False)
        scope.constant = True
        return Evaluator(self.inference, scope, None, self.work).const(symbol.node)

    def const(self, node: nodes.Const) -> Value:
        """Return the value of a constant; the scope of this evaluator is that of the constant."""
        under_way = self.work.consts
        if node in under_way:
            cycle = tuple(under_way[under_way.index(node) :])
            raise Wrong(node, self.scope.unit, "it needs itself", cycle)
        under_way.append(node)
        wanted = self.inference.tables.types.get(id(node), types.ANY) if node.type is not None else types.ANY
        try:
            return self.value(node.value, wanted)
        finally:
            under_way.pop()

    def _field(self, node: nodes.Field) -> Value:
        qualified = self.scope.qualified(node)
        if qualified is not None:
            return self._symbol(qualified)
        return field(self._value(node.base), node.name.id)

    def _text(self, node: nodes.Text) -> str:
        if not node.template:
            return node.value
        parts = prompts.simple_parts(node.value)
        if parts is None:  # Jinja's own language is left to the run
            raise Unknown
        return text_of_parts(*(self._path(p.path) if p.path else p.text for p in parts))

    def _path(self, path: tuple[str, ...]) -> Value:
        found = self._name(path[0])
        for word in path[1:]:
            found = field(found, word)
        return found

    # ---- records, lists, operators -------------------------------------------------------------------------

    def _key(self, node: nodes.Expr) -> str:
        key = self.value(node, types.STRING)
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
        chain = nodes.spine(node)
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
                return OPERATORS[node.operator](left, self._value(node.right))
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
            if symbol.name == "range" and any(abs(n) > LARGEST for n in given if n.__class__ is int):
                raise Unknown
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
                inner.known[p.name] = self.value(argument, p.type)
            elif p.default is not None:
                inner.known[p.name] = inner.value(p.default, p.type)
            else:
                raise Unknown
        return inner.value(body, signature.result)


def _reason(error: Exception) -> str:
    """Return the words of a failure, as a run shows them."""
    if isinstance(error, OverflowError):
        return "a number is too large for a float"
    return error.message if isinstance(error, Failure) else str(error)
