"""Lower expressions, statements and triggers to IR; `lower.py` lowers the coglets and programs around them.

In: nodes of a checked file, and the tables of the analysis, which have a type for each expression and a meaning for
each name and path. Out: records of `ir.py`. A `Lowering` belongs to one `Place`: a file, the coglet or mixin that
wrote the text, the coglet that the text becomes part of, and the locals that are known there. `inner` makes one with
more locals.

What lowering decides:
- A name becomes a number or a key. A local keeps its name, a parameter or state gets its number in the layout of the
  coglet (`Place.layout`), a const or program the key under which the bundle has it.
- A type that was not proved becomes a check. `checked` wraps a value in `ir.Check` unless the analysis has proved
  that it fits exactly. Where operands are not known, a node says so by `checked=True`: only there the generated code
  takes the slow way.
- A call that waits is marked (`waits`), and with it the reaction (`Waits.found`), which then becomes a generator.
  Sending to a queue and `await` wait too.
- A chain of many operators, or of many `else if`, becomes a list (`ir.Fold`, `ir.Choice`, `ir.Cases`), so that no
  later stage recurses as deep as a chain is long. A short one nests.
- Secrets stay references: `env("NAME")` becomes the constant `{"env": "NAME"}`.

Nothing is reported here. What cannot be lowered has been reported by the check, and is an AssertionError.

An example: in a coglet with `state total: int` and `listen n: any`, `on n as v { total = total + 2; out <- v }` becomes
    Assign(index=0, value=Binary("+", State(0), Const(2)))         both sides are ints: no check
    Emit(port=own_transmit out, value=Check(Local("v"), int))      `v` may be anything: checked at run time
"""

from __future__ import annotations

from itertools import groupby
from typing import cast

from cogc import ir
from cogc.analysis import prompts
from cogc.analysis.attribute_check import kind_type, word_of
from cogc.analysis.bodies import scatters
from cogc.analysis.infer import PURE_EXECUTORS
from cogc.analysis.scope import Symbol
from cogc.analysis.tables import QUEUE_PORTS, Port
from cogc.language import types
from cogc.language.attributes import ATTRIBUTES
from cogc.language.closed import assert_never
from cogc.language.texts import FILE
from cogc.language.types import ANY, EXACT, Type
from cogc.lowering.tables import Place, Tables
from cogc.names.world import Shape, Signature
from cogc.syntax import nodes
from cogc.syntax.depth import spine

_LOGIC = ("and", "or", "??")
_MOST_NESTED = 12  # operators of a chain, or branches of an `else if`, that nest in the IR
_DIRECT = (types.INT, types.FLOAT)


class Waits:
    """A flag that all scopes of one reaction share: `found` if anything in the reaction waits."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        self.found = False


class Lowering:
    """Lowers the expressions, statements and triggers of one place."""

    def __init__(self, tables: Tables, place: Place, waits: Waits | None = None) -> None:
        self.tables = tables
        self.place = place
        self.waits = waits or Waits()

    def inner(self, names: list[str]) -> Lowering:
        """Return a lowering of the same place with more locals."""
        return Lowering(self.tables, self.place.inner(names), self.waits)

    def type_of(self, node: nodes.Expr) -> Type:
        return self.tables.type_of(node)

    def checked(self, node: nodes.Expr, wanted: Type) -> ir.Expr:
        """Lower an expression whose value must be of a type, with a check at run time if the type was not proved."""
        value = self.value(node)
        if isinstance(node, nodes.Await | nodes.Grow) or types.fit(self.type_of(node), wanted) == EXACT:
            return value
        return ir.Check(value, self.tables.type(wanted))

    def value(self, node: nodes.Expr) -> ir.Expr:
        """Lower the value of a statement: an `await`, a growing pool, or any other expression."""
        match node:
            case nodes.Await():
                return self._await(node)
            case nodes.Grow():
                return self._grow(node)
        return self.expr(node)

    # ---- expressions ---------------------------------------------------------------------------------------

    def expr(self, node: nodes.Expr) -> ir.Expr:
        """Lower an expression that waits for nothing by itself."""
        match node:
            case nodes.Literal(kind="duration", value=value):
                return ir.DurationConst(int(value or 0))
            case nodes.Literal(value=value):
                return ir.Const(value)
            case nodes.Text():
                return self._text(node)
            case nodes.Name():
                return self.name(node.id)
            case nodes.ListLiteral(items=items):
                return ir.Items([self.expr(i) for i in items])
            case nodes.Comprehension() | nodes.RecordComprehension():
                return self._comprehension(node)
            case nodes.RecordLiteral(entries=entries):
                return ir.Record([self._entry(e) for e in entries])
            case nodes.Call():
                return self._call(node)
            case nodes.Field():
                return self._field(node)
            case nodes.Index(base=base, index=index):
                return ir.Index(self.expr(base), self.expr(index))
            case nodes.Slice(base=base, low=low, high=high):
                return ir.Slice(self.expr(base), self._maybe(low), self._maybe(high))
            case nodes.Unary(operator=operator, operand=operand):
                return ir.Unary(operator, self.expr(operand), self._unsure(operand))
            case nodes.Binary():
                return self._binary(node)
            case nodes.TypeTest(value=value, type=wanted):
                return ir.TypeTest(self.expr(value), self.tables.type(self.tables.type_of(wanted)))
            case nodes.Conditional(then=then, condition=condition, otherwise=otherwise):
                return ir.Conditional(
                    self.expr(condition), self.expr(then), self.expr(otherwise), self._unsure(condition)
                )
            case nodes.Try(value=value, otherwise=otherwise, name=name):
                if name is None:
                    return ir.Try(self.expr(value), self.expr(otherwise))
                return ir.Try(self.expr(value), self.inner([name.id]).expr(otherwise), name.id)
            case nodes.Await() | nodes.Grow() | nodes.Error():
                raise AssertionError(node)  # `value` lowers the first two; a mistake of syntax is never lowered
        assert_never(node)

    def _maybe(self, node: nodes.Expr | None) -> ir.Expr | None:
        return None if node is None else self.expr(node)

    def _unsure(self, node: nodes.Expr) -> bool:
        """Return whether the type of an expression is not known, so that a run checks its value."""
        found = types.widen(self.type_of(node))
        return any(m == ANY for m in types.members(found))

    def name(self, name: str) -> ir.Expr:
        """Lower a name that is a value: a local, a parameter, a state, a const or `self`."""
        place = self.place
        if name in place.locals:
            return ir.Local(name)
        owner, layout = place.owner, place.layout
        if owner is not None:
            if name == "self":
                return ir.Self()
            if layout is not None and (owner.key, name) in layout.parameters:
                return ir.Parameter(layout.parameters[owner.key, name], name)
            if name in owner.consts:
                return ir.Global(self.tables.const(owner.consts[name].owner.unit, owner.consts[name].node, owner))
            if layout is not None and name in layout.states:
                return ir.State(layout.states[name], name)
        declared = self.tables.world.lookup(place.unit, name)
        if declared is not None and declared.kind == "const":
            return ir.Global(self.tables.const(declared.unit, declared.of(nodes.Const), None))
        raise AssertionError(name)

    def _text(self, node: nodes.Text) -> ir.Expr:
        """Lower a string: a template that only inserts values becomes a list of parts, any other one keeps its Jinja
        source."""
        if not node.template:
            return ir.Const(node.value)
        parts = prompts.simple_parts(node.value)
        if parts is not None:
            return ir.Text(parts=[ir.Const(p.text) if not p.path else self._path(p.path) for p in parts])
        names = sorted(n for n in prompts.names(node.value) if n != "range")
        return ir.Text(jinja=node.value, names=names, values=[self.name(n) for n in names])

    def _path(self, path: tuple[str, ...]) -> ir.Expr:
        """Lower a path of a template. A field of a value that may lack it is checked at run time."""
        found = self.name(path[0])
        for word in path[1:]:
            found = ir.Self(word) if isinstance(found, ir.Self) else ir.Field(found, word, checked=True)
        return found

    def _entry(self, entry: nodes.RecordEntry) -> ir.Entry:
        match entry:
            case nodes.Entry(key=key, value=value):
                return ir.Entry(self.expr(value), name=key.id)
            case nodes.ComputedEntry(key=key, value=value):
                return ir.Entry(self.expr(value), key=self.checked(key, types.STRING))
            case nodes.Spread(value=value):
                return ir.Entry(self.expr(value))
            case _:
                assert_never(entry)

    def _comprehension(self, node: nodes.Comprehension | nodes.RecordComprehension) -> ir.Expr:
        names = _names(node.generator.pattern)
        source = self.expr(node.generator.source)
        inner = self.inner(names)
        condition = inner._maybe(node.generator.condition)
        if isinstance(node, nodes.RecordComprehension):
            key = inner.checked(node.key, types.STRING)
            return ir.Comprehension(inner.expr(node.value), names, source, condition, key)
        item = inner.expr(node.item)
        bound = None if node.bound is None else self.checked(node.bound, types.INT)
        return ir.Comprehension(item, names, source, condition, None, node.parallel, bound)

    def _field(self, node: nodes.Field) -> ir.Expr:
        symbol = self.tables.found.symbols.get(id(node))
        if symbol is not None and symbol.kind == "const":
            assert symbol.unit is not None
            return ir.Global(self.tables.const(symbol.unit, symbol.node, None))  # type: ignore[arg-type]
        if isinstance(node.base, nodes.Name) and node.base.id == "self" and "self" not in self.place.locals:
            return ir.Self(node.name.id)
        base = types.expand(self.type_of(node.base))
        found = base.field(node.name.id) if isinstance(base, types.RecordOf) else None
        required = found is not None and (not found.optional or found.default is not None)
        known = found is not None or isinstance(base, types.MapOf)
        return ir.Field(self.expr(node.base), node.name.id, required, not known)

    def _binary(self, node: nodes.Binary) -> ir.Expr:
        chain = spine(node)
        found = self.expr(chain[0].left)
        for _, group in groupby(chain, lambda b: b.operator if b.operator in _LOGIC else ""):
            found = self._chain(found, list(group))
        return found

    def _chain(self, first: ir.Expr, chain: list[nodes.Binary]) -> ir.Expr:
        """Lower operators that follow each other: a few nest, many are a list, which may have any length."""
        if len(chain) <= _MOST_NESTED:
            for node in chain:
                first = self._operation(node, first)
            return first
        operator = chain[0].operator
        if operator == "and" or operator == "or" or operator == "??":
            unsure = operator != "??" and any(self._unsure(b.left) or self._unsure(b.right) for b in chain)
            return ir.Choice(operator, [first, *(self.expr(b.right) for b in chain)], unsure)
        steps = [s for b in chain if isinstance(s := self._operation(b, ir.Const(None)), ir.Binary)]
        return ir.Fold(first, [ir.Step(s.operator, s.right) for s in steps])

    def _operation(self, node: nodes.Binary, left: ir.Expr) -> ir.Binary | ir.Logic:
        """Lower one operator with its left side."""
        right, operator = self.expr(node.right), node.operator
        if operator == "and" or operator == "or" or operator == "??":
            unsure = operator != "??" and (self._unsure(node.left) or self._unsure(node.right))
            return ir.Logic(operator, left, right, unsure)
        return ir.Binary(operator, left, right, not self._plain(node))

    def _plain(self, node: nodes.Binary) -> bool:
        """Return whether Python's own operator gives the right result for the types of the two sides."""
        a, b = types.widen(self.type_of(node.left)), types.widen(self.type_of(node.right))
        numbers = a in _DIRECT and b in _DIRECT
        if node.operator in ("==", "!="):
            return numbers or (a == b and a in (types.STRING, types.DURATION, types.TIME, types.BOOL))
        if node.operator in ("<", "<=", ">", ">="):
            return numbers or (a == b and a in (types.STRING, types.DURATION, types.TIME))
        if node.operator in ("+", "-", "*"):
            return numbers and not (node.operator == "*" and (a, b) == (types.INT, types.INT) and _both_vary(node))
        if node.operator in ("%", "//", "/"):
            divisor = self.type_of(node.right)
            return numbers and isinstance(divisor, types.LiteralOf) and bool(divisor.value)
        return False

    # ---- calls ---------------------------------------------------------------------------------------------

    def _call(self, node: nodes.Call) -> ir.Expr:
        symbol = self.tables.found.symbols.get(id(node.function))
        assert symbol is not None
        if symbol.kind == "function" and symbol.name == "file":
            return self._file(node)
        if symbol.kind == "function":
            return ir.Builtin(symbol.name, [self.expr(a.value) for a in node.arguments])
        return self.call(symbol, node)

    def _file(self, node: nodes.Call) -> ir.Expr:
        """Lower `file(PATH)`: a call that waits, or in a prompt the name of a file that the conversation reads."""
        path = self.checked(node.arguments[0].value, types.STRING)
        self.tables.reads_files()
        if id(node) not in self.tables.found.waiting:
            return ir.Builtin("file", [path])
        self.waits.found = True
        return ir.Call(FILE, [path], True, self.tables.at(self.place.unit, node))

    def content(self, node: nodes.Text) -> ir.Expr:
        """Lower the template of a prompt in which images and documents stay what they are: a list of its parts."""
        found: list[ir.Expr] = []
        for part in prompts.simple_parts(node.value) or ():
            if part.file:
                self.tables.reads_files()
                found.append(ir.Builtin("file", [ir.Const(part.file)]))
            else:
                found.append(self._path(part.path) if part.path else ir.Const(part.text))
        return ir.Items(found)

    def call(self, symbol: Symbol, node: nodes.Call) -> ir.Expr:
        """Lower a call of a program or an agent, and the program with it."""
        assert symbol.unit is not None
        program = self.tables.program_of(symbol.node) if isinstance(symbol.node, nodes.Agent) else symbol.node
        assert isinstance(program, nodes.Program)
        arguments = self.arguments(node.arguments, self.tables.signature(program))
        at = self.tables.at(self.place.unit, node)
        place = None
        if symbol.member is not None and self.place.layout is not None:
            place = self.place.layout.place(symbol.member.owner)
        waits = program.executor.kind.id not in PURE_EXECUTORS
        if waits:
            self.waits.found = True
        return ir.Call(self.tables.program(symbol.unit, program, place), arguments, waits, at)

    def arguments(self, given: tuple[nodes.Argument, ...], signature: Signature) -> list[ir.Expr | None]:
        """Lower the arguments of a call in the order of the parameters; None for a parameter that keeps its default."""
        found: dict[str, ir.Expr] = {}
        by_name = {p.name: p for p in signature.parameters}
        for i, a in enumerate(given):
            parameter = by_name.get(a.name.id) if a.name else signature.parameters[i]
            if parameter is not None:
                found[parameter.name] = self.checked(a.value, parameter.type)
        return [found.get(p.name) for p in signature.parameters]

    def attributes(self, owner: str, attributes: tuple[nodes.Attribute, ...]) -> dict[str, ir.Expr]:
        """Lower the attributes that are values, and leave out those of other kinds."""
        found: dict[str, ir.Expr] = {}
        for a in attributes:
            kind = ATTRIBUTES[owner].get(a.key.id, "")
            if kind.startswith("word"):
                found[a.key.id] = ir.Const(word_of(a.value))
            elif kind == "secrets" and a.key.id == "env" and word_of(a.value) == "inherit":
                found[a.key.id] = ir.Const("inherit")
            elif kind.startswith("secret"):
                found[a.key.id] = self.secret(a.value)  # type: ignore[arg-type]
            elif kind.startswith("type "):
                wanted = kind_type(self.tables.world, kind.removeprefix("type ").removesuffix("!").strip())
                if (
                    isinstance(a.value, nodes.Text)
                    and id(a.value) in self.tables.found.content
                    and wanted == types.CONTENT
                ):
                    found[a.key.id] = self.content(a.value)
                    continue
                found[a.key.id] = self.checked(a.value, wanted)  # type: ignore[arg-type]
        return found

    def secret(self, node: nodes.Expr) -> ir.Expr:
        """Lower an attribute that may hold `env("NAME")`. The secret stays a reference: its value never enters the program."""
        match node:
            case nodes.Call(function=nodes.Name(id="env"), arguments=(first,)) if isinstance(first.value, nodes.Text):
                self.tables.secrets[first.value.value] = None
                return ir.Const({"env": first.value.value})
            case nodes.RecordLiteral(entries=entries):
                return ir.Record(
                    [
                        ir.Entry(self.secret(e.value), name=e.key.id) if isinstance(e, nodes.Entry) else self._entry(e)
                        for e in entries
                    ]
                )
        return self.expr(node)

    # ---- statements ----------------------------------------------------------------------------------------

    def block(self, block: nodes.Block) -> list[ir.Statement]:
        """Lower statements; a `let` is known to those behind it."""
        inner = Lowering(self.tables, self.place, self.waits)
        found = []
        for node in block.statements:
            statement = inner.statement(node)
            found.append(statement)
            if isinstance(statement, ir.Let):
                inner.place = inner.place.inner(statement.names)
        return found

    def statement(self, node: nodes.Statement) -> ir.Statement:
        """Lower one statement."""
        at = self.tables.at(self.place.unit, node)
        match node:
            case nodes.Send(target=target, value=value):
                return self._send(target, value, at)
            case nodes.Assign(name=name, value=value):
                layout = self.place.layout
                assert layout is not None
                state = layout.shape.states[name.id]
                return ir.Assign(layout.states[name.id], name.id, self.checked(value, state.type), at)
            case nodes.Let(pattern=pattern, value=value):
                return ir.Let(_names(pattern), self.value(value), isinstance(pattern, nodes.ListPattern), at)
            case nodes.Guide():
                return self._guide(node, at)
            case nodes.Grow():
                return ir.Evaluate(self._grow(node), at)
            case nodes.Stop(target=target) | nodes.Restart(target=target):
                child, member = self._child(target)
                return ir.Lifecycle("stop" if isinstance(node, nodes.Stop) else "restart", child, member, at)
            case nodes.Escalate():
                return ir.Lifecycle("escalate", at=at)
            case nodes.Log(level=level, value=value):
                return ir.Log(cast("ir.Level", level.id), self.expr(value), at)
            case nodes.Fail(value=value):
                return ir.Fail(self.expr(value), at)
            case nodes.If():
                return self._if(node, at)
            case nodes.For(pattern=pattern, source=source, body=body):
                names, apart = _names(pattern), isinstance(pattern, nodes.ListPattern)
                return ir.For(names, self.expr(source), self.inner(names).block(body), apart, at)
            case nodes.Evaluate(value=value):
                return ir.Evaluate(self.value(value), at)
            case nodes.Error():
                raise AssertionError(node)  # a mistake of syntax is never lowered
        assert_never(node)

    def _if(self, node: nodes.If, at: int) -> ir.If | ir.Cases:
        """Lower an `if` with all its `else if`."""
        branches = [node]
        while isinstance(branches[-1].otherwise, nodes.If):
            branches.append(branches[-1].otherwise)
        last = branches[-1].otherwise
        otherwise = self.block(last) if isinstance(last, nodes.Block) else []
        cases = [
            ir.If(self.expr(b.condition), self.block(b.then), [], self._unsure(b.condition), self._at(b, at, node))
            for b in branches
        ]
        if len(cases) > _MOST_NESTED:
            return ir.Cases(cases, otherwise, at)
        for case in reversed(cases):
            found = ir.If(case.condition, case.then, otherwise, case.checked, case.at)
            otherwise = [found]
        return found

    def _at(self, branch: nodes.If, at: int, first: nodes.If) -> int:
        return at if branch is first else self.tables.at(self.place.unit, branch)

    def _send(self, target: nodes.Expr, value: nodes.Expr, at: int) -> ir.Statement:
        """Lower a send. To replicas that share by `scatter` it takes a list of messages."""
        port = self.tables.found.targets[id(target)]
        wanted = port.type
        owner = self.place.owner
        if port.kind == "child_listen" and port.index is None and owner is not None:
            if scatters(owner.children[port.child].node.attributes):
                wanted = types.ListOf(wanted)
        return self._emit(port, self.checked(value, wanted), at)

    def _emit(self, port: Port, value: ir.Expr, at: int) -> ir.Statement:
        """Lower a send. A send to a queue is a call, which waits until the item is stored."""
        found = self.port(port)
        if port.kind != "queue":
            return ir.Emit(found, value, at)
        self.waits.found = True
        return ir.Evaluate(ir.Call(f"{port.name}.put", [value], True, at), at)

    def port(self, port: Port) -> ir.Port:
        """Lower one end of a link, a send or a trigger, and the queue with it."""
        if port.kind in QUEUE_PORTS:
            self.tables.queue(port.name)
        return ir.Port(port.kind, port.name, port.child, None if port.index is None else self.expr(port.index))

    def _child(self, node: nodes.Expr) -> tuple[str, ir.Expr | None]:
        """Return the child that a statement names, and the index of the member; both are empty for the coglet
        itself."""
        if isinstance(node, nodes.Index):
            return node.base.id, self.expr(node.index)  # type: ignore[union-attr]
        assert isinstance(node, nodes.Name)
        return ("", None) if node.id == "self" else (node.id, None)

    def _guide(self, node: nodes.Guide, at: int) -> ir.Statement:
        """Lower a command to a child, or to the coglet itself."""
        assert isinstance(node.target, nodes.Field) and self.place.owner is not None
        child, member = self._child(node.target.base)
        shape = self.place.layout.shape if not child and self.place.layout else None
        if child:
            shape = self.place.owner.children[child].target
        command = node.target.name.id
        arguments: list[ir.Expr | None] = []
        if shape is not None and (signature := shape.enacts[command].signature) is not None:
            arguments = self.arguments(node.arguments, signature)
        return ir.Guide(child, command, arguments, member, at)

    def _await(self, node: nodes.Await) -> ir.Await:
        """Lower an `await`, which makes the reaction wait."""
        self.waits.found = True
        port = self.tables.found.targets[id(node.channel)]
        condition = None if node.condition is None else self.inner(["message"]).expr(node.condition)
        timeout = None if node.timeout is None else self.expr(node.timeout)
        return ir.Await(self.port(port), condition, timeout)

    def _grow(self, node: nodes.Grow) -> ir.Grow:
        """Lower the creation of a member of a pool."""
        owner = self.place.owner
        assert owner is not None
        target = owner.children[node.pool.id].target
        arguments: list[ir.Expr | None] = []
        if target is not None:
            signature = Signature(target.name, list(target.parameters.values()), types.NULL)
            arguments = self.arguments(node.arguments, signature)
        return ir.Grow(node.pool.id, arguments, self.tables.at(self.place.unit, node))

    # ---- triggers ------------------------------------------------------------------------------------------

    def trigger(self, node: nodes.Trigger, owner: Shape) -> ir.Trigger:
        """Lower a trigger of a reaction."""
        match node:
            case nodes.Every(period=period, ticks=True):
                return ir.Trigger("ticks", value=self.expr(period))
            case nodes.Every(period=period, at=at):
                return ir.Trigger("every", value=self.expr(period), time_of_day=at.value if at else "")
            case nodes.After(delay=delay):
                return ir.Trigger("after", value=self.expr(delay))
            case nodes.On(source=nodes.Name(id="start" | "stop" as hook)):
                return ir.Trigger(hook)
            case nodes.On():
                return self._on(node, owner)
            case _:
                assert_never(node)

    def _on(self, node: nodes.On, owner: Shape) -> ir.Trigger:
        names, apart = _names(node.pattern), isinstance(node.pattern, nodes.ListPattern)
        source = node.source
        if isinstance(source, nodes.Call):
            if source.function.id == "error":  # type: ignore[union-attr]
                return ir.Trigger("error", child=source.arguments[0].value.id, names=names)  # type: ignore[union-attr]
            ports = [self._source(a.value) for a in source.arguments]
            return ir.Trigger("all", ports=ports, names=names, apart=apart)
        port = self.tables.found.targets[id(source)]
        sender = port.kind == "child_transmit" and owner.is_pool(owner.children[port.child])
        return ir.Trigger("port", ports=[self._source(source)], names=names, apart=apart, sender=sender)

    def _source(self, node: nodes.Expr) -> ir.Port:
        return self.port(self.tables.found.targets[id(node)])

    def pipeline(self, body: nodes.Pipeline, triggers: list[ir.Trigger]) -> list[ir.Statement]:
        """Lower each stage of a pipeline to a `let`, and the last stage to a send or a call."""
        statements: list[ir.Statement] = []
        value = _message(triggers)
        for i, stage in enumerate(body.stages):
            at = self.tables.at(self.place.unit, stage)
            port = self.tables.found.targets.get(id(stage))
            if port is not None and i == len(body.stages) - 1:
                assert value is not None
                found = self._piped(body, i)
                checked = (
                    value if types.fit(found, port.type) == EXACT else ir.Check(value, self.tables.type(port.type))
                )
                return [*statements, self._emit(port, checked, at)]
            call = stage if isinstance(stage, nodes.Call) else self.tables.found.stage_calls[id(stage)]
            inner = self.inner(["it"])
            result = inner.expr(call)
            if value is not None and value != ir.Local("it"):
                statements.append(ir.Let(["it"], value, at=at))
            statements.append(ir.Let(["it"], result, at=at))
            value = ir.Local("it")
        return statements

    def _piped(self, body: nodes.Pipeline, index: int) -> Type:
        """Return the type of the value that a stage takes."""
        if index == 0:
            return ANY
        before = body.stages[index - 1]
        call = before if isinstance(before, nodes.Call) else self.tables.found.stage_calls[id(before)]
        return self.type_of(call)


def piped(triggers: list[ir.Trigger]) -> bool:
    """Return whether a pipeline needs the message beside the names that the triggers bind."""
    return _message(triggers) == ir.Local(ir.PIPED)


def _message(triggers: list[ir.Trigger]) -> ir.Expr | None:
    """Return the value that the first stage of a pipeline takes; None behind timers and hooks."""
    if not any(t.kind in ("port", "all", "error") for t in triggers):
        return None
    names = triggers[0].names
    if len(triggers) > 1 or triggers[0].apart:
        return ir.Local(ir.PIPED)
    return ir.Local(names[0] if names else "it")


def _names(pattern: nodes.Pattern | None) -> list[str]:
    """Return the names that a pattern binds."""
    return [name.id for name in nodes.names_of(pattern)]


def _both_vary(node: nodes.Binary) -> bool:
    """Return whether a product could grow without bound: neither side is a literal."""
    return not isinstance(node.left, nodes.Literal) and not isinstance(node.right, nodes.Literal)
