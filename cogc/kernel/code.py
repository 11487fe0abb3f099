"""IR to Python code: the source text of one function for each reaction, guard, initialiser and program.

**The model.** `Writer` writes the source text of one function, statement by statement; `coder.py` compiles it, and gives names to
what has no source text. In the code, `I` is the coglet and `v_NAME` a local.

**What waits.** A reaction that calls nothing outside is a plain function of the coglet and the message. One that
waits is a generator, which yields the records of `waits.py`. A call cannot stay inside of an expression then: it is
taken out, left to right, in front of the statement. `if else`, `and`, `or`, `??` and comprehensions keep their calls
in the branch that needs them.

**A worked example.** `on n as v when v > 0 { total = total + v; out <- total }` becomes, without traces,

    def f(I, v_v):
        if not truth((v_v > 0)): return
        I.states[0] = (r_ if (r_ := I.states[0] + v_v) < 1073741823 and r_ > -1073741823 else number(r_))
        I.kernel.emit(I, 0, I.states[0])

`number` checks the range of a sum; the comparison in front of it spares most sums the call.
"""

from __future__ import annotations

from typing import Protocol

from cogc import ir
from cogc.kernel.namespace import OPERATORS
from cogc.language.closed import assert_never
from cogc.language.values import Duration

_DIRECT = {"in": "in", "not in": "not in"}
_GROWING = ("+", "-", "*", "/", "//")
_SMALL = (1 << 30) - 1
"""The largest number that CPython compares without a call: one digit of an `int`."""
_INLINED = 10
"""The depth of comprehensions in one function: CPython 3.12 and 3.13 inline them, and crash while they compile twenty or more."""
_OF_THE_RUN = {"now": "moment", "uuid": "uuid", "random": "random"}


def _growth(operator: str, right: ir.Expr) -> int:
    """Return the side on which a sum can leave the range of numbers: 1 above, -1 below, 0 for both.

    A number is within the range before a constant is added to it. Hence it leaves the range only in the constant's direction.
    """
    if operator not in ("+", "-") or not isinstance(right, ir.Const) or right.value.__class__ is not int:
        return 0
    if not 0 < abs(right.value) < _SMALL:
        return 0
    return 1 if (right.value > 0) == (operator == "+") else -1


def _walked(source: ir.Expr, text: str) -> str:
    """Return the text of what a loop walks, from that of its source: no list is made of a `range`."""
    if isinstance(source, ir.Builtin) and source.name == "range":
        return "walked_" + text.removeprefix("f_")
    return f"walked({text})"


def waits(node: object) -> bool:
    """Return whether anything in an expression waits."""
    return any(isinstance(p, ir.Await) or (isinstance(p, ir.Call) and p.waits) for p in ir.parts(node))


class Names(Protocol):
    """The namespace of a program's functions, as their source text needs it: each method returns a name or a literal."""

    bundle: ir.Bundle
    traced: bool

    def check(self, number: int, /) -> str: ...

    def fits(self, number: int, /) -> str: ...

    def constant(self, value: object, /) -> str: ...

    def kept(self, value: object, /) -> str: ...

    def program(self, program: ir.Program, /) -> str: ...


class Writer:
    """Writes the lines of one function; each carries the position number of its statement."""

    def __init__(self, names: Names, coglet: ir.Coglet | None = None) -> None:
        self.names = names
        self.coglet = coglet
        self.lines: list[tuple[str, int]] = []
        self.depth = 0
        self.at = -1
        self.temporaries = 0
        self.nested = 0
        self.walked = 0
        self.emit = "emit_traced" if names.traced else "emit"

    def line(self, text: str) -> None:
        self.lines.append(("    " * self.depth + text, self.at))

    def temporary(self) -> str:
        self.temporaries += 1
        return f"t{self.temporaries}"

    # ---- statements ----------------------------------------------------------------------------------------

    def take_apart(self, name: str, names: list[str] | None) -> None:
        """Bind the names of a pattern to the items of a list."""
        if names:
            self.line(f"{', '.join(f'v_{n}' for n in names)}, = apart(v_{name}, {len(names)})")

    def block(self, statements: list[ir.Statement]) -> None:
        for statement in statements:
            self.statement(statement)
        if not statements:
            self.line("pass")

    def statement(self, node: ir.Statement) -> None:
        self.at = node.at
        match node:
            case ir.Emit(port=port, value=value):
                self._emit(port, self.expr(value))
            case ir.Assign(index=index, value=value):
                text = self.expr(value)
                self.line(f"I.states[{index}] = {text}")
                self.line(f"I.kernel.assigned(I, {index})") if self._watched(index) else None
            case ir.Let(names=names, value=value, apart=apart):
                text = self.expr(value)
                if apart:
                    self.line(f"{', '.join(f'v_{n}' for n in names)}, = apart({text}, {len(names)})")
                else:
                    self.line(f"v_{names[0]} = {text}")
            case ir.Guide(child=child, command=command, member=member, arguments=arguments):
                values = ", ".join(self._argument(a) for a in arguments)
                which = "None" if member is None else self.expr(member)
                self.line(f"I.kernel.guide(I, {child!r}, {which}, {command!r}, [{values}])")
            case ir.Lifecycle(action=action, child=child, member=member):
                which = "None" if member is None else self.expr(member)
                self.line(f"I.kernel.lifecycle(I, {action!r}, {child!r}, {which})")
                if action == "escalate" or not child:
                    self.line("return")
            case ir.Log(level=level, value=value):
                self.line(f"I.kernel.log(I, {level!r}, {self.expr(value)})")
            case ir.Fail(value=value, again=again):
                self.line("raise Again" if again else f"fail({self.expr(value)})")
            case ir.If():
                self._if(node)
            case ir.Cases():
                self._cases(node)
            case ir.For(names=names, source=source, body=body, apart=apart):
                self._loop(names, source, apart)
                self.depth += 1
                self.block(body)
                self.depth -= 1
            case ir.Evaluate(value=value):
                self.line(self.expr(value))
            case _:
                assert_never(node)

    def _watched(self, index: int) -> bool:
        """Return whether a change of a state must be reported: to the trace, to the store, or to the kernel itself."""
        coglet = self.coglet
        if self.names.traced or coglet is None:
            return True
        return index in coglet.suppressed or index == coglet.registered or coglet.states[index].life == "persist"

    def _argument(self, node: ir.Expr | None) -> str:
        return "absent" if node is None else self.expr(node)

    def _emit(self, port: ir.Port, value: str) -> None:
        match port.kind:
            case "own_transmit":
                self.line(f"I.kernel.{self.emit}(I, {self._transmit(port.name)}, {value})")
            case "own_listen":
                self.line(f"I.kernel.send_self(I, {port.name!r}, {value})")
            case "child_listen":
                index = "None" if port.member is None else self.expr(port.member)
                self.line(f"I.kernel.send(I, {port.child!r}, {index}, {port.name!r}, {value})")
            case "child_transmit" | "queue" | "dead_queue" | "failed_queue":
                raise AssertionError(port)  # nobody sends there: what goes to a queue is lowered to a call
            case _:
                assert_never(port.kind)

    def _transmit(self, name: str) -> int:
        assert self.coglet is not None
        return [t.name for t in self.coglet.transmits].index(name)

    def _if(self, node: ir.If) -> None:
        condition = self.expr(node.condition)
        self.line(f"if truth({condition}):" if node.checked else f"if {condition}:")
        self.depth += 1
        self.block(node.then)
        self.depth -= 1
        if node.otherwise:
            self.line("else:")
            self.depth += 1
            self.block(node.otherwise)
            self.depth -= 1

    def _cases(self, node: ir.Cases) -> None:
        """Write the cases below each other: Python bounds how deep `else` may nest."""
        open_ = self.temporary()
        self.line(f"{open_} = True")
        for case in node.cases:
            self.at = case.at
            self.line(f"if {open_}:")
            self.depth += 1
            condition = self.expr(case.condition)
            self.line(f"if truth({condition}):" if case.checked else f"if {condition}:")
            self.depth += 1
            self.line(f"{open_} = False")
            self.block(case.then)
            self.depth -= 2
        if node.otherwise:
            self.line(f"if {open_}:")
            self.depth += 1
            self.block(node.otherwise)
            self.depth -= 1

    def _loop(self, names: list[str], source: ir.Expr, apart: bool) -> None:
        text = self.expr(source)
        if apart:
            self.line(f"for x_ in {_walked(source, text)}:")
            self.line(f"    {', '.join(f'v_{n}' for n in names)}, = apart(x_, {len(names)})")
        else:
            self.line(f"for v_{names[0]} in {_walked(source, text)}:")

    # ---- expressions ---------------------------------------------------------------------------------------

    def expr(self, node: ir.Expr) -> str:
        """Return the source text of an expression; what waits in it has been written in front."""
        match node:
            case ir.Const(value=value):
                return self.names.constant(value)
            case ir.DurationConst(nanos=nanos):
                return self.names.kept(Duration(nanos))
            case ir.Local(name=name):
                return f"v_{name}"
            case ir.Parameter(index=index):
                return f"I.parameters[{index}]"
            case ir.State(index=index):
                return f"I.states[{index}]"
            case ir.Global(key=key):
                return f"globals_[{key!r}]"
            case ir.Self(field=field):
                return f"I.{field}" if field else "record_of(I)"
            case ir.Text():
                return self._text(node)
            case ir.Builtin(name=name, arguments=arguments):
                return self._builtin(name, arguments)
            case ir.Call():
                return self._call(node)
            case ir.Field():
                return self._field(node)
            case ir.Index(base=base, index=index):
                return f"item({self.expr(base)}, {self.expr(index)})"
            case ir.Slice():
                return self._slice(node)
            case ir.Unary():
                return self._unary(node)
            case ir.Binary():
                return self._binary(node)
            case ir.Logic():
                return self._logic(node)
            case ir.Fold(first=first, steps=steps):
                return self._fold(first, steps)
            case ir.Choice():
                return self._choice(node)
            case ir.Conditional():
                return self._conditional(node)
            case ir.Items(items=items):
                return "[" + ", ".join(self.expr(i) for i in items) + "]"
            case ir.Record(entries=entries):
                return "{" + ", ".join(self._entry(e) for e in entries) + "}"
            case ir.Comprehension():
                return self._comprehension(node)
            case ir.TypeTest(value=value, type=number):
                return f"{self.names.fits(number)}({self.expr(value)})"
            case ir.Check(value=value, type=number):
                return f"{self.names.check(number)}({self.expr(value)})"
            case ir.Try():
                return self._try(node)
            case ir.Await():
                return self._await(node)
            case ir.Grow(child=child, arguments=arguments):
                given = ", ".join(self._argument(a) for a in arguments)
                return f"I.kernel.grow(I, {child!r}, [{given}])"
            case _:
                assert_never(node)

    def _builtin(self, name: str, arguments: list[ir.Expr]) -> str:
        if name in _OF_THE_RUN:
            return f"I.kernel.{_OF_THE_RUN[name]}(I)"
        return f"f_{name}({', '.join(self.expr(a) for a in arguments)})"

    def _field(self, node: ir.Field) -> str:
        text = self.expr(node.base)
        if node.checked:
            return f"field({text}, {node.name!r})"
        return f"{text}[{node.name!r}]" if node.required else f"{text}.get({node.name!r})"

    def _slice(self, node: ir.Slice) -> str:
        bounds = [self.expr(b) if b is not None else "None" for b in (node.low, node.high)]
        return f"part({self.expr(node.base)}, {bounds[0]}, {bounds[1]})"

    def _unary(self, node: ir.Unary) -> str:
        text = self.expr(node.operand)
        if node.operator == "-":
            return f"negate({text})"
        return f"not_({text})" if node.checked else f"(not {text})"

    def _binary(self, node: ir.Binary) -> str:
        operator, a, b = node.operator, self.expr(node.left), self.expr(node.right)
        if node.checked or operator in _DIRECT:
            return f"{OPERATORS[operator]}({a}, {b})"
        if operator in _GROWING:
            return self._arithmetic(f"{a} {operator} {b}", _growth(operator, node.right))
        return f"({a} {operator} {b})"

    def _arithmetic(self, text: str, growth: int = 0) -> str:
        """Return an operation on two numbers whose result is looked at where it is not small, without a call where it is.

        `growth` tells on which side the result can leave the range: 1 above, -1 below, 0 on both. Each comparison is a
        condition of its own, because CPython 3.11 specializes no chained one. Python allows no `:=` in what a comprehension walks.
        """
        if self.walked:
            return f"number({text})"
        first = f"(r_ := {text})"
        if growth:
            return f"(r_ if {first} {'<' if growth > 0 else '>'} {growth * _SMALL} else number(r_))"
        return f"(r_ if {first} < {_SMALL} and r_ > -{_SMALL} else number(r_))"

    def _source(self, node: ir.Expr) -> str:
        """Return the text of what a comprehension walks."""
        self.walked += 1
        text = self.expr(node)
        self.walked -= 1
        return text

    def _text(self, node: ir.Text) -> str:
        if not node.jinja:
            return "text(" + ", ".join(self._inserted(p) for p in node.parts) + ")"
        from cogc.language import rendering  # start-up: few templates need Jinja

        values = ", ".join(f"{n!r}: {self.expr(v)}" for n, v in zip(node.names, node.values, strict=True))
        return f"{self.names.kept(rendering.Template(node.jinja).render)}({{{values}}})"

    def _inserted(self, node: ir.Expr) -> str:
        """Return the value that a template inserts. As everywhere in templates, a field of null is null."""
        if isinstance(node, ir.Field):
            return f"field_or_null({self._inserted(node.base)}, {node.name!r})"
        return self.expr(node)

    def _entry(self, entry: ir.Entry) -> str:
        value = self.expr(entry.value)
        if entry.name is not None:
            return f"{entry.name!r}: {value}"
        return f"{self.expr(entry.key)}: {value}" if entry.key is not None else f"**spread({value})"

    def _call(self, node: ir.Call) -> str:
        program = self.names.bundle.programs[node.program]
        values = []
        for argument, parameter in zip(node.arguments, program.parameters, strict=True):
            chosen = argument if argument is not None else parameter.default
            values.append("None" if chosen is None else self.expr(chosen))
        given = ", ".join(values)
        has_table = self.coglet is not None and self.coglet.registered >= 0
        if not node.waits:
            function = self.names.program(program)
            if has_table:
                function = f"(I.kernel.rebound(I, {node.program!r}) or {function})"
            return f"{function}(I, {given})"
        held = self.temporary()
        if has_table or program.kind == "llm":
            self.line(f"{held} = yield from I.kernel.perform(I, {node.program!r}, [{given}])")
        else:
            self.line(f"{held} = yield CallProgram({node.program!r}, [{given}])")
        return held

    def _await(self, node: ir.Await) -> str:
        held = self.temporary()
        condition = "None"
        if node.condition is not None:
            inner = Writer(self.names, self.coglet)
            condition = f"lambda v_message: {inner.expr(node.condition)}"
        timeout = "None" if node.timeout is None else self.expr(node.timeout)
        port = self.names.kept(node.port)
        self.line(f"{held} = yield AwaitMessage({port}, {condition}, {timeout})")
        return held

    def _logic(self, node: ir.Logic) -> str:
        if waits(node.right):
            return self._waiting_logic(node)
        left, right = self.expr(node.left), self.expr(node.right)
        if node.operator == "??":
            return f"coalesce({left}, lambda: {right})"
        if node.checked:
            return f"(truth({left}) {node.operator} truth({right}))"
        return f"({left} {node.operator} {right})"

    def _fold(self, first: ir.Expr, steps: list[ir.Step]) -> str:
        found = self.expr(first)
        given = [f"({OPERATORS[s.operator]}, {self.expr(s.value)})" for s in steps]
        return f"folded({found}, {', '.join(given)})"

    def _choice(self, node: ir.Choice) -> str:
        if any(waits(v) for v in node.values[1:]):
            return self._waiting_choice(node)
        values = [self.expr(v) for v in node.values]
        if node.operator == "??":
            return "first_known(" + ", ".join(f"lambda: {v}" for v in values) + ")"
        return "(" + f" {node.operator} ".join(f"truth({v})" if node.checked else v for v in values) + ")"

    def _waiting_choice(self, node: ir.Choice) -> str:
        held = self.temporary()
        self.line(f"{held} = {self.expr(node.values[0])}")
        for value in node.values[1:]:
            self._held(held, node.operator, value)
        return held

    def _held(self, held: str, operator: str, value: ir.Expr) -> None:
        """Write the next value of a chain into `held`, where those before do not decide."""
        tests = {"and": f"truth({held})", "or": f"not truth({held})", "??": f"{held} is None"}
        self.line(f"if {tests[operator]}:")
        self.depth += 1
        self.line(f"{held} = {self.expr(value)}")
        self.depth -= 1

    def _waiting_logic(self, node: ir.Logic) -> str:
        held = self.temporary()
        self.line(f"{held} = {self.expr(node.left)}")
        self._held(held, node.operator, node.right)
        return held

    def _conditional(self, node: ir.Conditional) -> str:
        test = self.expr(node.condition)
        test = f"truth({test})" if node.checked else test
        if not (waits(node.then) or waits(node.otherwise)):
            return f"({self.expr(node.then)} if {test} else {self.expr(node.otherwise)})"
        held = self.temporary()
        for head, value in ((f"if {test}:", node.then), ("else:", node.otherwise)):
            self.line(head)
            self.depth += 1
            self.line(f"{held} = {self.expr(value)}")
            self.depth -= 1
        return held

    def _try(self, node: ir.Try) -> str:
        if not (waits(node.value) or waits(node.otherwise)):
            if node.name:
                otherwise = f"lambda v_{node.name}: {self.expr(node.otherwise)}"
                return f"attempt_as(I, lambda: {self.expr(node.value)}, {otherwise})"
            return f"attempt(I, lambda: {self.expr(node.value)}, lambda: {self.expr(node.otherwise)})"
        held = self.temporary()
        self.line("try:")
        self.depth += 1
        self.line(f"{held} = {self.expr(node.value)}")
        self.depth -= 1
        self.line("except Exception as error_:")
        self.depth += 1
        self.line(f"{f'v_{node.name}' if node.name else '_'} = caught(I, error_)")
        self.line(f"{held} = {self.expr(node.otherwise)}")
        self.depth -= 1
        return held

    def _comprehension(self, node: ir.Comprehension) -> str:
        if waits(node.source):
            held = self.temporary()
            self.line(f"{held} = {self.expr(node.source)}")
            source = f"walked({held})"
        else:
            source = _walked(node.source, self._source(node.source))
        if node.parallel:
            return self._parallel(node, source)
        if waits(node.item) or waits(node.key) or waits(node.condition):
            return self._waiting_comprehension(node, source)
        names, source = self._walk(node.names, source)
        self.nested += 1
        condition = "" if node.condition is None else f" if {self.expr(node.condition)}"
        item = self.expr(node.item) if node.key is None else f"{self.expr(node.key)}: {self.expr(node.item)}"
        self.nested -= 1
        text = f"{item} for {names} in {source}{condition}"
        text = f"[{text}]" if node.key is None else f"{{{text}}}"
        return f"(lambda: {text})()" if self.nested % _INLINED == _INLINED - 1 else text

    def _walk(self, names: list[str], source: str) -> tuple[str, str]:
        if len(names) == 1:
            return f"v_{names[0]}", source
        unpacked = ", ".join(f"v_{n}" for n in names)
        return f"({unpacked})", f"[apart(x_, {len(names)}) for x_ in {source}]"

    def _waiting_comprehension(self, node: ir.Comprehension, source: str) -> str:
        held = self.temporary()
        names, source = self._walk(node.names, source)
        self.line(f"{held} = {'{}' if node.key is not None else '[]'}")
        self.line(f"for {names} in {source}:")
        self.depth += 1
        if node.condition is not None:
            self.line(f"if not ({self.expr(node.condition)}): continue")
        value = self.expr(node.item)
        if node.key is not None:
            self.line(f"{held}[{self.expr(node.key)}] = {value}")
        else:
            self.line(f"{held}.append({value})")
        self.depth -= 1
        return held

    def _parallel(self, node: ir.Comprehension, source: str) -> str:
        """Write the calls of a `parallel` list, each as a generator of its own that the kernel runs beside the
        others."""
        bound = "None"
        if node.bound is not None:
            bound = self.temporary()
            self.line(f"{bound} = {self.expr(node.bound)}")
        made, held = f"g{self.temporary()}", self.temporary()
        names, source = self._walk(node.names, source)
        self.line(f"def {made}({', '.join(f'v_{n}' for n in node.names)}):")
        self.depth += 1
        self.line(f"return {self.expr(node.item)}")
        self.line("yield None")
        self.depth -= 1
        condition = "" if node.condition is None else f" if {self.expr(node.condition)}"
        call = f"{made}({', '.join(f'v_{n}' for n in node.names)})"
        self.line(f"{held} = yield RunAll([{call} for {names} in {source}{condition}], {bound})")
        return held
