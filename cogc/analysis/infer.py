"""Types of expressions, and the meaning of the names in them.

`Inference.infer(node, scope, expected)` returns the type of an expression, reports what is wrong in it, and fills the
tables: the type of each expression, the symbol of each name, the calls that wait, the declarations that are used.

**One report for one mistake.** An expression that is wrong is reported where it is wrong, and is `any` to whatever contains
it; `any` fits everywhere, so that no second report follows. Each method therefore returns a type whatever it finds.

**Two questions.** `infer` asks for a type, and `expected` only guides it: the items of a list literal, the fields of a
record literal and the branches of a conditional are inferred with the type that they are going to be needed as.
`check` infers and then requires that the type fits the wanted one (`types.fit`). A type that may fit passes: lowering
adds a check at run time where the analysis could not prove it. What cannot fit is blamed on the smallest part of a literal
that is wrong, a field or an item, not on the literal (`reports.mismatch`).

**Literal types.** `1` has the type of the literal `1`, and `"a"` that of `"a"`, so that a union of literals can be checked;
a const, an operator or a comprehension widens them to `int` and `string`.

**Names.** `Scope.find` gives the meaning of a name, a `Symbol`. A const has the type that it declares, or that of its value,
inferred when it is first needed, in its own file; a const that needs itself is `any`. A program, an agent and a built-in
function are called, and are no values.

**Conditions.** Behind `and`, in the branches of a conditional and in a comprehension the types of paths are narrower:
`narrow.facts` computes them, and they are put into an inner scope.

**Waiting.** A call of a program that is not pure waits. It is allowed where the scope waits (bodies of reactions and
commands), it is noted in `Tables.waiting`, and the narrowed types of states are dropped behind it, since other reactions
may have set the states meanwhile.

**An example.** In `on job as j { result <- ask(j.text) ?? "none" }`, with `program ask(q: string) -> string | null`, the
send wants a `string`. `infer` finds `j.text` a `string`, `ask(...)` a `string | null` that waits, and the whole a `string`.
"""

from __future__ import annotations

import re

from cogc.analysis import narrow, prompts, reports
from cogc.analysis.scope import FAILURE, Scope, Symbol, path_of
from cogc.analysis.tables import Tables
from cogc.diagnostics.problems import Label, Problems
from cogc.language import operators, types
from cogc.language.builtins import FUNCTIONS, RUN_TIME_ONLY
from cogc.language.closed import assert_never
from cogc.language.types import ANY, BOOL, EXACT, NO, NULL, STRING, FieldOf, ListOf, MapOf, RecordOf, Type
from cogc.names.lower_type import lower_type
from cogc.names.world import Parameter, Shape, Signature, Unit, World, hides_self
from cogc.syntax import nodes
from cogc.syntax.depth import spine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeAlias

    _Const: TypeAlias = tuple[nodes.Const, Unit, Shape | None]

PURE_EXECUTORS = ("expr", "template")
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_MOST_PARTS = 500
"""The most parts of the type of a const that is inferred: larger ones are `any`, since each use of them would be compared."""


class Inference:
    """Infers the expressions of one world, and fills its tables. `bounds` are the numbers of `parallel`, whose range is checked
    when all expressions have their types."""

    __slots__ = ("bounds", "problems", "tables", "world")

    def __init__(self, world: World, problems: Problems, tables: Tables) -> None:
        self.world = world
        self.problems = problems
        self.tables = tables
        self.bounds: list[tuple[nodes.Expr, Scope]] = []

    # ---- entry points --------------------------------------------------------------------------------------

    def infer(self, node: nodes.Expr, scope: Scope, expected: Type | None = None) -> Type:
        """Return the type of an expression; `expected` guides literals and is not required."""
        handler = _HANDLERS.get(node.__class__)
        found = handler(self, node, scope, expected) if handler else ANY
        self.tables.types[id(node)] = found
        return found

    def check(self, node: nodes.Expr, scope: Scope, wanted: Type, hint: str = "") -> Type:
        """Infer an expression, and report it if it cannot be of the wanted type."""
        found = self.infer(node, scope, wanted)
        self.require(node, found, wanted, scope, hint)
        return found

    def require(self, node: nodes.Node, found: Type, wanted: Type, scope: Scope, hint: str = "") -> None:
        if types.fit(found, wanted) != NO:
            return
        reports.mismatch(self.tables, self.problems, node, found, wanted, scope, hint)

    def condition(self, node: nodes.Expr, scope: Scope) -> None:
        """Infer an expression that must be a bool."""
        found = self.infer(node, scope, BOOL)
        if types.fit(found, BOOL) == NO:
            reports.no_condition(self.problems, node, found, scope)
        self.tables.conditions.append((node, scope))

    # ---- names, literals -----------------------------------------------------------------------------------

    def _name(self, node: nodes.Name, scope: Scope, expected: Type | None) -> Type:
        symbol = scope.find(node.id)
        if symbol is None:
            self.tables.unknown.append((node, scope))
            reports.unknown_value(self.problems, node, scope)
            return ANY
        self.tables.symbols[id(node)] = symbol
        self._use(symbol)
        if symbol.kind in ("program", "agent", "function", "child", "listen", "transmit", "queue", "model"):
            reports.no_value(self.problems, node, node.id, symbol, scope)
            return ANY
        if symbol.kind == "const":
            return self.const_type(symbol)
        return scope.narrowed.get(node.id, symbol.type)

    def _use(self, symbol: Symbol) -> None:
        if symbol.node is not None:
            self.tables.used.add(id(symbol.node))

    def const_type(self, symbol: Symbol) -> Type:
        """Return the declared type of a const, or that of its value; a const that needs itself is `any`."""
        node = symbol.node
        assert isinstance(node, nodes.Const) and symbol.unit is not None
        if id(node) in self.tables.types:
            return self.tables.types[id(node)]
        return self.const(node, symbol.unit, symbol.member.owner if symbol.member else None)

    def const(self, node: nodes.Const, unit: Unit, shape: Shape | None = None) -> Type:
        """Check the value of a const, and return the type of the const.

        The consts that it uses are checked first, each after those that it uses itself, so that a chain may have any length.
        """
        pending = [(node, unit, shape)]
        while pending:
            const = pending[-1]
            if id(const[0]) not in self.tables.types:
                self.tables.types[id(const[0])] = ANY  # to those that it needs itself
                pending += [c for c in self._consts_in(*const) if id(c[0]) not in self.tables.types]
            else:
                self._const(*pending.pop())
        return self.tables.types[id(node)]

    def _const(self, node: nodes.Const, unit: Unit, shape: Shape | None) -> None:
        if id(node) in self.tables.inferred:
            return
        self.tables.inferred.add(id(node))
        scope = self._const_scope(unit, shape)
        if node.type is not None:
            found = lower_type(self.world, unit, node.type, self.problems)
            self.check(node.value, scope, found)
        else:
            found = types.widen_deep(self.infer(node.value, scope))
        sure = types.within(found, _MOST_PARTS) and id(node) not in self.world.doubled
        self.tables.types[id(node)] = found if sure else ANY

    def _const_scope(self, unit: Unit, shape: Shape | None) -> Scope:
        scope = Scope(self.world, unit, shape, states=False)
        scope.constant = True
        return scope

    def _consts_in(self, node: nodes.Const, unit: Unit, shape: Shape | None) -> Iterator[_Const]:
        """Yield the consts that the value of a const may use, those that a local name hides among them."""
        if isinstance(node.value, nodes.Literal):
            return
        scope = self._const_scope(unit, shape)
        for part in nodes.walk(node.value):
            match part:
                case nodes.Name(id=name):
                    found = [scope.find(name)]
                case nodes.Field():
                    found = [scope.qualified(part)]
                case nodes.Text(value=text, template=True):
                    found = [scope.find(word) for word in re.findall(_WORD, text)]
                case _:
                    continue
            for symbol in found:
                if symbol is not None and isinstance(symbol.node, nodes.Const) and symbol.unit is not None:
                    yield symbol.node, symbol.unit, symbol.member.owner if symbol.member is not None else None

    def _text(self, node: nodes.Text, scope: Scope, expected: Type | None) -> Type:
        if node.template:
            prompts.check(node, scope, self.tables, self.problems, self.const_type)
            return STRING
        return types.LiteralOf("string", node.value)

    def _literal(self, node: nodes.Literal, scope: Scope, expected: Type | None) -> Type:
        if node.value is None:
            return NULL
        return types.DURATION if node.kind == "duration" else types.LiteralOf(node.kind, node.value)

    def _list(self, node: nodes.ListLiteral, scope: Scope, expected: Type | None) -> Type:
        item = None if expected is None else types.item_type(expected)
        return ListOf(types.union([self.infer(i, scope, item) for i in node.items]))

    def _generator(self, node: nodes.Generator, scope: Scope) -> Scope:
        """Return the scope inside of a comprehension, in which its names are bound."""
        source = self.infer(node.source, scope)
        item = self.walked(node.source, source, scope)
        inner = scope.inner()
        self.bind(node.pattern, item, inner)
        if node.condition is not None:
            self.condition(node.condition, inner)
            inner.learn(narrow.facts(self.tables, node.condition, True, inner))
        return inner

    def walked(self, node: nodes.Expr, source: Type, scope: Scope) -> Type:
        """Return the type of the items of a value, or report that it has none."""
        item = types.item_type(source)
        return reports.no_items(self.problems, node, source, scope) if item is None else item

    def bind(self, pattern: nodes.Pattern, type: Type, scope: Scope, parts: list[Type] | None = None) -> None:
        """Bind the names of a pattern; those of a list pattern get the types of `parts`, or that of the items."""
        if isinstance(pattern, nodes.Name):
            self._bind_name(pattern, type, scope)
            return
        item = types.item_type(type)
        if item is None:
            help = "a pattern takes a list apart; write one name"
            self.problems.add("not-iterable", scope.unit.span(pattern), help=help, found=types.show(type))
            item = ANY
        if parts is not None and len(parts) != len(pattern.names):
            self.problems.add(
                "wrong-type",
                scope.unit.span(pattern),
                found=f"a pattern of {len(pattern.names)}",
                wanted=f"one of {len(parts)}",
                hint="one name for each source",
            )
            parts = None
        for i, name in enumerate(pattern.names):
            self._bind_name(name, parts[i] if parts else item, scope)

    def _bind_name(self, name: nodes.Name, type: Type, scope: Scope) -> None:
        """Bind a name, and report one that hides another: where a local hides a state, an assignment would leave the state unset unnoticed."""
        hides_self(scope.unit, name, self.problems)
        hidden = None if scope.expanded() or name.id == "self" else scope.find(name.id)
        if hidden is not None and hidden.kind in ("local", "parameter", "state", "const"):
            what = {"local": "a local", "const": "a const"}.get(hidden.kind, f"the {hidden.kind}")
            related = []
            if isinstance(hidden.node, nodes.Node) and hidden.unit is not None and hidden.kind != "local":
                related = [Label(hidden.unit.span(hidden.node), "it is declared here")]
            self.problems.add("shadowed-name", scope.unit.span(name), related=related, name=name.id, what=what)
            type = ANY  # behind it the name may mean either
        self.tables.types[id(name)] = type
        scope.bind(name.id, type, place=name)

    def _comprehension(self, node: nodes.Comprehension, scope: Scope, expected: Type | None) -> Type:
        if node.bound is not None:
            self.check(node.bound, scope, types.INT)
            self.bounds.append((node.bound, scope))
        inner = self._generator(node.generator, scope)
        item = None if expected is None else types.item_type(expected)
        return ListOf(
            types.widen(self.infer(node.item, inner, item)) if item is None else self.infer(node.item, inner, item)
        )

    # ---- records -------------------------------------------------------------------------------------------

    def _record(self, node: nodes.RecordLiteral, scope: Scope, expected: Type | None) -> Type:
        fields: dict[str, FieldOf] = {}
        computed: list[Type] = []
        open = False
        places: dict[str, nodes.Node] = {}
        if expected is not None:
            self.tables.wanted[id(node)] = expected
        target = None if expected is None else reports.one_record(expected)
        wanted_fields = {f.name: f for f in target.fields} if target else {}
        whole = types.expand(expected or ANY)
        value_expected = whole.value if isinstance(whole, MapOf) else None
        for entry in node.entries:
            match entry:
                case nodes.Entry(key=key, value=value):
                    if key.id in places:
                        related = [Label(scope.unit.span(places[key.id]), "first here")]
                        self.problems.add("duplicate-key", scope.unit.span(key), related=related, name=key.id)
                    wanted = wanted_fields.get(key.id)
                    found = self.infer(value, scope, wanted.type if wanted else value_expected)
                    fields[key.id] = FieldOf(key.id, ANY if key.id in places else found)
                    places[key.id] = key
                case nodes.ComputedEntry(key=key, value=value):
                    self.check(key, scope, STRING, "a key is a string; convert it with `str(...)`")
                    computed.append(self.infer(value, scope, value_expected))
                case nodes.Spread(value=value):
                    open = self._spread(value, scope, fields, computed) or open
                case _:
                    assert_never(entry)
        if computed:
            parts = computed if value_expected is not None else [types.widen(c) for c in computed]
            rest = [ANY] if open else []  # the fields that are not known
            return MapOf(types.union([*parts, *(f.type for f in fields.values()), *rest]))
        return RecordOf(tuple(fields.values()), open)

    def _spread(self, node: nodes.Expr, scope: Scope, fields: dict[str, FieldOf], computed: list[Type]) -> bool:
        """Add the fields of a spread value; return True if it may hold others."""
        found = types.expand(self.infer(node, scope))
        match found:
            case RecordOf():
                fields.update({f.name: f for f in found.fields})
                return found.open
            case MapOf(value):
                computed.append(value)
                return False
            case types.Primitive("any"):
                return True
            case types.Primitive() | types.LiteralOf() | ListOf() | types.UnionOf() | types.Ref():
                pass
            case _:
                assert_never(found)
        self.problems.add(
            "wrong-type",
            scope.unit.span(node),
            found=types.show(found),
            wanted="a record or map",
            hint="spread a record",
        )
        return True

    def _record_comprehension(self, node: nodes.RecordComprehension, scope: Scope, expected: Type | None) -> Type:
        inner = self._generator(node.generator, scope)
        self.check(node.key, inner, STRING, "a key is a string; convert it with `str(...)`")
        wanted = types.expand(expected) if expected else None
        return MapOf(types.widen(self.infer(node.value, inner, wanted.value if isinstance(wanted, MapOf) else None)))

    def _field(self, node: nodes.Field, scope: Scope, expected: Type | None) -> Type:
        qualified = scope.qualified(node)
        if qualified is not None:
            self.tables.symbols[id(node)] = qualified
            self._use(qualified)
            if qualified.kind == "const":
                return self.const_type(qualified)
            reports.no_value(self.problems, node, node.name.id, qualified, scope)
            return ANY
        if isinstance(node.base, nodes.Name) and reports.not_in_import(self.problems, node.base, node.name, scope):
            return ANY
        return self._field_of(node, self.infer(node.base, scope), scope)

    def _field_of(self, node: nodes.Field, base: Type, scope: Scope) -> Type:
        """Return the type of a field of a value, or report that the value does not have it."""
        path = path_of(node)
        if path is not None and path in scope.narrowed:
            return scope.narrowed[path]
        found = types.field_type(base, node.name.id)
        if found is not None:
            return found
        reports.no_field(self.problems, node, base, scope)
        return ANY

    def _index(self, node: nodes.Index, scope: Scope, expected: Type | None) -> Type:
        base, index = self.infer(node.base, scope), self.infer(node.index, scope)
        parts: list[Type] = []
        for m in types.members(base):
            match m:
                case ListOf(item) if types.fit(index, types.INT) > NO:
                    parts.append(item)
                case MapOf(value) if types.fit(index, STRING) > NO:
                    parts.append(types.optional(value))
                case RecordOf() if types.fit(index, STRING) > NO:
                    key = types.expand(index)
                    name = str(key.value) if isinstance(key, types.LiteralOf) else None
                    parts.append((name and types.field_type(m, name)) or ANY)
                case types.Primitive("string") | types.LiteralOf("string") if types.fit(index, types.INT) > NO:
                    parts.append(STRING)
                case types.Primitive("any"):
                    parts.append(ANY)
                case (
                    types.Primitive()
                    | types.LiteralOf()
                    | ListOf()
                    | MapOf()
                    | RecordOf()
                    | types.UnionOf()
                    | types.Ref()
                ):
                    span = scope.unit.span(node)
                    if m == NULL:
                        rest = types.without(base, NULL)
                        self.problems.add("nullable", span, found=types.show(base), wanted=types.show(rest))
                    else:
                        self.problems.add("bad-index", span, found=types.show(base), index=types.show(index))
                    return ANY
                case _:
                    assert_never(m)
        return types.union(parts)

    def _slice(self, node: nodes.Slice, scope: Scope, expected: Type | None) -> Type:
        base = self.infer(node.base, scope)
        for bound in (node.low, node.high):
            if bound is not None:
                self.check(bound, scope, types.INT)
        if types.fit(base, STRING) > NO:
            return types.widen(base)
        item = types.item_type(base)
        if item is not None:
            return ListOf(item)
        reports.no_slice(self.problems, node, base, scope)
        return ANY

    # ---- operators -----------------------------------------------------------------------------------------

    def _unary(self, node: nodes.Unary, scope: Scope, expected: Type | None) -> Type:
        if node.operator == "not":
            self.condition(node.operand, scope)
            return BOOL
        found = types.widen(self.infer(node.operand, scope))
        if any(types.fit(found, t) > NO for t in (types.FLOAT, types.DURATION)):
            return found
        span, hint = scope.unit.span(node), "`-` negates numbers"
        self.problems.add("wrong-type", span, found=types.show(found), wanted="a number", hint=hint)
        return ANY

    def _binary(self, node: nodes.Binary, scope: Scope, expected: Type | None) -> Type:
        """Return the type of a chain of operators, from its innermost left side on."""
        chain = spine(node)
        wanted: list[Type | None] = [expected]  # behind each operator, from the outermost in
        for operation in reversed(chain):
            wanted.append(wanted[-1] if operation.operator == "??" else None)
        hoped = wanted.pop()
        left = self.infer(chain[0].left, scope, BOOL if chain[0].operator in ("and", "or") else hoped)
        known: dict[str, Type] = {}
        before = ""
        for operation in chain:
            hoped = wanted.pop()
            if operation.operator in ("and", "or"):
                truth = operation.operator == "and"
                if operation.operator != before:
                    known = narrow.facts(self.tables, operation.left, truth, scope)
                left = self._logic(operation, left, known, scope)
                known.update(narrow.facts(self.tables, operation.right, truth, scope))
            elif operation.operator == "??":
                rest = types.without(left, NULL)
                reports.never_null(self.tables, operation.left, left, scope)
                right = operation.right
                left = narrow.of_either((operation.left, rest), (right, self.infer(right, scope, hoped or rest)))
            else:
                left = self._operation(operation, left, self.infer(operation.right, scope), scope)
            before = operation.operator
            self.tables.types[id(operation)] = left
        return left

    def _logic(self, node: nodes.Binary, left: Type, known: dict[str, Type], scope: Scope) -> Type:
        """Check both sides of `and` or `or`; the right one is evaluated where `known` holds."""
        right = scope.inner()
        right.learn(known)
        if types.fit(left, BOOL) == NO:  # `text or "none"` is one mistake
            reports.no_condition(self.problems, node.left, left, scope, node)
            self.infer(node.right, right)
            return ANY
        self.condition(node.right, right)
        return BOOL

    def _operation(self, node: nodes.Binary, left: Type, right_: Type, scope: Scope) -> Type:
        """Return the type of one operator's result, and report operands that do not go together."""
        result = operators.result(node.operator, left, right_)
        if isinstance(result, operators.Wrong):
            span = scope.unit.span(node)
            if result.slug == "nullable":
                blamed = node.left if types.without(left, NULL) != left else node.right
                type = left if blamed is node.left else right_
                rest = types.show(types.without(type, NULL))
                self.problems.add("nullable", scope.unit.span(blamed), found=types.show(type), wanted=rest)
            else:
                a, b = types.show(left), types.show(right_)
                help = reports.near_side(left, right_) if result.slug == "never-equal" else None
                self.problems.add(
                    result.slug, span, help=help, hint=result.hint, left=a, right=b, operator=node.operator
                )
            return ANY if result.type is None else result.type
        if node.operator in ("in", "not in") and isinstance(node.right, nodes.ListLiteral):
            self._among(node.right, left, scope)
        return result

    def _among(self, listed: nodes.ListLiteral, left: Type, scope: Scope) -> None:
        """Report the items of a list that a value is never equal to."""
        for item in listed.items:
            type = self.tables.types[id(item)]
            if isinstance(operators.result("==", left, type), operators.Wrong):
                span, help = scope.unit.span(item), reports.near_side(left, type)
                self.problems.add("never-equal", span, help=help, left=types.show(left), right=types.show(type))

    def _type_test(self, node: nodes.TypeTest, scope: Scope, expected: Type | None) -> Type:
        found = self.infer(node.value, scope)
        wanted = self.tables.types[id(node.type)] = lower_type(self.world, scope.unit, node.type, self.problems)
        if not any(types.fit(m, wanted) != NO or types.fit(wanted, m) != NO for m in types.members(found)):
            what = f"a test of `{types.show(found)}` for `{types.show(wanted)}`"
            self.tables.hopeless_tests.append((node, scope, what, "false"))
        elif found != ANY and types.fit(found, wanted) == EXACT:
            what = f"a test of `{types.show(found)}` for `{types.show(wanted)}`"
            self.tables.hopeless_tests.append((node, scope, what, "true"))
        return BOOL

    def _conditional(self, node: nodes.Conditional, scope: Scope, expected: Type | None) -> Type:
        self.condition(node.condition, scope)
        then, otherwise = scope.inner(), scope.inner()
        then.learn(narrow.facts(self.tables, node.condition, True, scope))
        otherwise.learn(narrow.facts(self.tables, node.condition, False, scope))
        first = self.infer(node.then, then, expected)
        return narrow.of_either((node.then, first), (node.otherwise, self.infer(node.otherwise, otherwise, expected)))

    # ---- calls ---------------------------------------------------------------------------------------------

    def _call(self, node: nodes.Call, scope: Scope, expected: Type | None) -> Type:
        symbol = self._called(node.function, scope, node)
        if symbol is None:
            if scope.secrets and isinstance(node.function, nodes.Name) and node.function.id == "env":
                reports.variable(self.problems, node, scope)
                return ANY
            for a in node.arguments:
                if not reports.passed_over(self.tables, a.value, scope):
                    self.infer(a.value, scope)
            return ANY
        self.tables.symbols[id(node.function)] = symbol
        self._use(symbol)
        if symbol.kind == "function":
            return self._function(node, symbol.name, scope)
        if isinstance(symbol.node, nodes.Agent) and symbol.unit is not None:
            reports.no_plan(self.world, self.problems, symbol.unit, symbol.node, scope.unit.span(node.function))
        signature = self.signature(symbol)
        self.arguments(node, signature, node.arguments, scope)
        pure = symbol.kind == "program" and symbol.node.executor.kind.id in PURE_EXECUTORS  # type: ignore[attr-defined]
        if not pure:
            self.tables.waiting.add(id(node))
            if not scope.waits:
                self.problems.add("impure-call", scope.unit.span(node.function), name=symbol.name)
            scope.forget_states()
        return signature.result

    def _called(self, function: nodes.Expr, scope: Scope, call: nodes.Call) -> Symbol | None:
        """Find the program, agent or function that is called, or report that there is none."""
        name: str = "this"
        if isinstance(function, nodes.Name):
            symbol = scope.find(function.id)
            name = function.id
            if name == "env" and symbol is None:
                return self._env(function, scope)
        elif isinstance(function, nodes.Field):
            symbol, name = scope.qualified(function), function.name.id
            if symbol is None and isinstance(function.base, nodes.Name):
                found = scope.find(function.base.id)
                if found is not None and found.kind in ("child", "self"):
                    hint = f"a command is given by `guide {function.base.id}.{name}(...)`"
                    self.problems.add("not-callable", scope.unit.span(function), help=hint, name=name)
                    return None
                if found is not None and reports.sent_by_method(
                    self.tables, self.problems, found, function, call, scope
                ):
                    return None
                if reports.not_in_import(self.problems, function.base, function.name, scope):
                    return None
            if symbol is None:  # a value, whose base is inferred once: a chain of calls nests as deep as it is long
                base = self.infer(function.base, scope)
                if reports.method(self.problems, call, function, base, scope):
                    return None
                self.tables.types[id(function)] = self._field_of(function, base, scope)
        else:
            self.infer(function, scope)
            symbol, name = None, scope.unit.text(function)
        if symbol is None:
            if isinstance(function, nodes.Name):
                self.tables.unknown.append((function, scope))
                reports.unknown_function(self.tables, self.problems, function, call, scope)
            elif not self._is_wrong(function) and not reports.has_unknown_field(self.problems, function, scope):
                self.problems.add("not-callable", scope.unit.span(function), name=name)
            return None
        if symbol.kind not in reports.CALLABLE:
            if id(symbol.node) not in self.world.doubled:
                help = reports.hidden(self.world, symbol, name, scope) or reports.sent(self.tables, symbol, name, scope)
                self.problems.add("not-callable", scope.unit.span(function), help=help, name=name)
            return None
        return symbol

    def _is_wrong(self, function: nodes.Expr) -> bool:
        """Return whether a path begins with a name, or with a call, that has been reported."""
        while isinstance(function, nodes.Field):
            function = function.base
        if isinstance(function, nodes.Call):
            return id(function.function) not in self.tables.symbols
        return isinstance(function, nodes.Name) and id(function) not in self.tables.symbols

    def _env(self, function: nodes.Name, scope: Scope) -> Symbol | None:
        if not scope.secrets:
            self.problems.add("secret-outside", scope.unit.span(function))
        return None

    def signature(self, symbol: Symbol) -> Signature:
        """Return the signature of a program or an agent."""
        node = self.world.agent_programs[id(symbol.node)] if isinstance(symbol.node, nodes.Agent) else symbol.node
        return self.world.signatures[id(node)]

    def _function(self, node: nodes.Call, name: str, scope: Scope) -> Type:
        least, most, result, takes = FUNCTIONS[name]
        given = [self.infer(a.value, scope) for a in node.arguments]
        span = scope.unit.span(node)
        named = [a for a in node.arguments if a.name is not None]
        if named and named[0].name is not None:
            self.problems.add(
                "wrong-argument",
                scope.unit.span(named[0].name),
                help="built-in functions take their arguments by position",
                name=name,
                argument=named[0].name.id,
            )
            return ANY
        if not least <= len(given) <= most:
            reports.wrong_count(self.problems, span, name, len(given), least, most, takes)
            return ANY
        if scope.constant and name in RUN_TIME_ONLY:
            self.problems.add("impure-call", span, help="a const is the same in every run", name=name)
        if name == "file":
            self._file(node, scope)
        found = result(given)
        if found is None:
            blamed = reports.wrong_argument_of(self.problems, node, given, result, scope)
            if not blamed:
                words = ", ".join(types.show(g) for g in given)
                self.problems.add("wrong-type", span, found=words, wanted=takes, hint=f"`{name}` takes {takes}")
            return ANY
        return found

    def _file(self, node: nodes.Call, scope: Scope) -> None:
        """Note that `file` waits where it stands; report a name that stands for nothing that models take."""
        path = node.arguments[0].value
        if isinstance(path, nodes.Text) and not path.template:
            reports.file_name(self.problems, scope.unit.span(path), path.value)
        if scope.waits:
            self.tables.waiting.add(id(node))
            scope.forget_states()
        elif not scope.files and not scope.constant:
            self.problems.add("impure-call", scope.unit.span(node.function), name="file")

    def arguments(
        self, node: nodes.Node, signature: Signature, given: tuple[nodes.Argument, ...], scope: Scope
    ) -> None:
        """Check a call's arguments against the parameters: by position first, then by name."""
        if signature.unsure:
            for a in given:
                self.infer(a.value, scope)
            return
        parameters = signature.parameters
        by_name = {p.name: p for p in parameters}
        taken: dict[str, nodes.Node] = {}
        placed: list[tuple[nodes.Expr, Type, Parameter]] = []
        unknown = False
        for i, a in enumerate(given):
            if a.name is None:
                if i >= len(parameters):
                    if i >= len(parameters) + signature.doubled:
                        span, wanted = scope.unit.span(a), reports.counted(len(parameters))
                        self.problems.add(
                            "too-many-arguments", span, name=signature.name, wanted=wanted, found=len(given)
                        )
                    self.infer(a.value, scope)
                    continue
                parameter: Parameter | None = parameters[i]
            else:
                parameter = by_name.get(a.name.id)
                if parameter is None:
                    reports.wrong_argument(self.problems, a.name, signature, scope)
                    unknown = True
            if parameter is None:
                self.infer(a.value, scope)
                continue
            if parameter.name in taken:
                related = [Label(scope.unit.span(taken[parameter.name]), "first here")]
                self.problems.add("duplicate-argument", scope.unit.span(a), related=related, argument=parameter.name)
            taken[parameter.name] = a
            placed.append((a.value, self.infer(a.value, scope, parameter.type), parameter))
        reports.misplaced(self.tables, self.problems, placed, scope)
        if not unknown:  # an argument by a wrong name is most likely the one that is missing
            reports.missing_arguments(self.problems, node, signature, taken, scope)

    def _try(self, node: nodes.Try, scope: Scope, expected: Type | None) -> Type:
        value = self.infer(node.value, scope, expected)
        inner = scope
        if node.name is not None:
            inner = scope.inner()
            self._bind_name(node.name, FAILURE, inner)
        return narrow.of_either((node.value, value), (node.otherwise, self.infer(node.otherwise, inner, expected)))


_HANDLERS: dict[type, Callable[[Inference, Any, Scope, Type | None], Type]] = {
    nodes.Name: Inference._name,
    nodes.Text: Inference._text,
    nodes.Literal: Inference._literal,
    nodes.ListLiteral: Inference._list,
    nodes.Comprehension: Inference._comprehension,
    nodes.RecordLiteral: Inference._record,
    nodes.RecordComprehension: Inference._record_comprehension,
    nodes.Call: Inference._call,
    nodes.Field: Inference._field,
    nodes.Index: Inference._index,
    nodes.Slice: Inference._slice,
    nodes.Unary: Inference._unary,
    nodes.Binary: Inference._binary,
    nodes.TypeTest: Inference._type_test,
    nodes.Conditional: Inference._conditional,
    nodes.Try: Inference._try,
}
