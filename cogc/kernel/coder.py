"""The functions of a program: written by `code.Writer`, compiled, and kept in one namespace.

**The model.** `Coder._make` compiles the source text of one function. All functions of a program share one namespace
(`Coder.space`). It holds the built-in functions under short names (`f_len`), the operators (`op_3`), constants that have no
source text (`k_17`), the checks of types (`check_5`), and the functions of pure programs (`p_...`). The kernel is reached by
`I.kernel`, where `I` is the coglet, so that any number of kernels share the code of a program.

**Places.** The generated source of each function is kept as a list of position numbers, one for each line. `place`
walks the traceback of an exception and finds the innermost line of such a function: its number leads to a place in
the spec.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING

from cogc import ir
from cogc.kernel import consts
from cogc.kernel.code import Writer
from cogc.kernel.faults import failure_of
from cogc.kernel.namespace import NAMES
from cogc.kernel.validate import Validators
from cogc.language import meter
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.host import Host
    from cogc.language.values import Check, Function, Space, Value


class Coder:
    """Makes the functions of one program. They find the services of a coglet's kernel by the coglet: `I.kernel.emit(...)`."""

    def __init__(self, bundle: ir.Bundle, validators: Validators) -> None:
        self.bundle = bundle
        self.validators = validators
        self.traced = False
        self.space: Space = {
            **NAMES,
            "globals_": {},
            "attempt": self.attempt,
            "attempt_as": self.attempt_as,
            "caught": self.caught,
        }
        self.lines_at: dict[str, list[int]] = {}
        self.unwritten: list[tuple[str, ir.Program]] = []
        self.writing = False

    def for_traces(self) -> Coder:
        """Return a coder of the same program whose code reports each change of a state."""
        found = copy(self)
        found.traced = True
        return found

    # ---- what the kernel asks for --------------------------------------------------------------------------

    def consts(self) -> None:
        """Evaluate the program's consts into the space, each after those that it uses."""
        values = self.space["globals_"]
        for key in consts.in_order(self.bundle):
            meter.begin(object())
            values[key] = self.expression(self.bundle.consts[key], [])(None)

    def expression(self, node: ir.Expr, names: list[str], coglet: ir.Coglet | None = None) -> Function:
        """Return a function of the coglet and the named locals that evaluates a pure expression."""
        writer = Writer(self, coglet)
        value = writer.expr(node)
        arguments = ", ".join(["I", *(f"v_{n}" for n in names)])
        return self._make(f"def f({arguments}):", [*writer.lines, (f"return {value}", -1)])

    def body(
        self,
        statements: list[ir.Statement],
        names: list[str],
        waits: bool,
        coglet: ir.Coglet,
        guard: ir.Expr | None = None,
        apart: list[str] | None = None,
    ) -> Function:
        """Return statements as a function, or as a generator function if they wait.

        `guard` ends it at once where it is false; `apart` are names that take the one argument, a list, apart.
        """
        writer = Writer(self, coglet)
        writer.take_apart(names[0], apart)
        if guard is not None:
            writer.line(f"if not truth({writer.expr(guard)}): return")
        writer.block(statements)
        lines = [*writer.lines, ("if False: yield None", -1)] if waits else writer.lines
        return self._make(f"def f({', '.join(['I', *(f'v_{n}' for n in names)])}):", lines)

    def handler(
        self,
        statements: list[ir.Statement],
        names: list[str],
        error: str,
        coglet: ir.Coglet,
    ) -> Function:
        """Return an `else` as a generator function of the coglet, the arguments of its reaction, and the failure's record."""
        writer = Writer(self, coglet)
        writer.line(f"v_{error} = failure_")
        writer.block(statements)
        head = f"def f({', '.join(['I', *(f'v_{n}' for n in names), 'failure_'])}):"
        return self._make(head, [*writer.lines, ("if False: yield None", -1)])

    def program(self, program: ir.Program) -> str:
        """Return the name of a pure program's function in the namespace."""
        name = f"p_{self._key(program.key)}"
        if name not in self.space:
            self.space[name] = None
            self.unwritten.append((name, program))
            while len(self.unwritten) and not self.writing:  # those that it calls are written after it
                self.writing = True
                try:
                    self._program(*self.unwritten.pop())
                finally:
                    self.writing = False
        return name

    def _program(self, name: str, program: ir.Program) -> None:
        assert program.body is not None
        writer = Writer(self)
        writer.line("spend(1)")
        value = writer.expr(program.body)
        head = f"def f({', '.join(['I', *(f'v_{p.name}' for p in program.parameters)])}):"
        self.space[name] = self._make(head, [*writer.lines, (f"return {value}", -1)])

    def attributes(self, program: ir.Program) -> Function:
        """Return a function of the coglet and a program's arguments that evaluates the words and attributes of a
        call."""
        entries = [ir.Entry(e, name=k) for k, e in program.attributes.items()]
        whole = ir.Record([*entries, ir.Entry(ir.Items(program.words), name="words")])
        return self.expression(whole, [p.name for p in program.parameters])

    def _make(self, head: str, lines: list[tuple[str, int]]) -> Function:
        """Compile a function of the given lines, and keep the position of each line."""
        file = f"<cog {len(self.lines_at)}>"
        source = "\n".join([head, *("    " + text for text, _ in lines)])
        self.lines_at[file] = [-1, *(at for _, at in lines)]
        space: Space = {}
        exec(compile(source, file, "exec"), self.space, space)
        made: Function = space["f"]
        return made

    def _key(self, key: str) -> str:
        """Return the key of a program as a part of an identifier."""
        return "".join(c if c.isalnum() else f"_{ord(c):x}_" for c in key)

    def check(self, number: int) -> str:
        """Return the name of a type's check in the namespace."""
        name = f"check_{number}"
        if name not in self.space:
            self.space[name] = self.validators.check(number)
        return name

    def fits(self, number: int) -> str:
        """Return the name of a type's predicate in the namespace."""
        name = f"fits_{number}"
        if name not in self.space:
            self.space[name] = self.validators.fits(number)
        return name

    def constant(self, value: object) -> str:
        """Return a constant as source text, or the name of one that has none."""
        if value is None or type(value) in (bool, int, str):
            return repr(value)
        return self.kept(value)

    def kept(self, value: object) -> str:
        """Keep a value in the namespace and return its name."""
        name = f"k_{len(self.space)}"
        self.space[name] = value
        return name

    # ---- failures ------------------------------------------------------------------------------------------

    def failure(self, inst: Host | None, error: Exception) -> Failure:
        """Return an exception that left compiled code, or the kernel's handling of a coglet, as a Failure with its place.

        A fault of cogc (`faults.py`) is reported to the people who run the program.
        """
        if isinstance(error, Failure):
            if error.at < 0:
                error.at = self.place(error)
            return error
        failure = failure_of(error, self.place(error))
        if failure.kind == "internal" and inst is not None:
            inst.kernel.report_fault(inst, failure)
        return failure

    def caught(self, inst: Host | None, error: Exception) -> dict[str, Value]:
        """Return the record that `else as e` binds for a failure; raise a failure that no `try` takes."""
        failure = self.failure(inst, error)
        if failure.interrupts:
            raise failure
        return failure.record(inst.path if inst else "", None)

    def attempt(self, inst: Host | None, value: Callable[[], Value], otherwise: Callable[[], Value]) -> Value:
        """Evaluate `try VALUE else OTHERWISE` where nothing in it waits."""
        return self.attempt_as(inst, value, lambda _: otherwise())

    def attempt_as(self, inst: Host | None, value: Callable[[], Value], otherwise: Check) -> Value:
        """Evaluate `try VALUE else as e OTHERWISE` where nothing in it waits."""
        try:
            return value()
        except Exception as error:
            return otherwise(self.caught(inst, error))

    def place(self, error: BaseException) -> int:
        """Return the position number of the statement in which an error arose; -1 if it is not known."""
        found = -1
        trace = error.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            lines = self.lines_at.get(frame.f_code.co_filename) if frame.f_globals is self.space else None
            if lines is not None and 0 < trace.tb_lineno <= len(lines):
                at = lines[trace.tb_lineno - 1]
                found = at if at >= 0 else found
            trace = trace.tb_next
        return found
