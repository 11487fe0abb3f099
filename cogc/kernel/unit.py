"""A program compiled once: the functions that any number of kernels share.

A unit holds nothing of any run. Its functions take the coglet that they work for as their first argument, and reach
the services of that coglet's kernel through it (`I.kernel.emit(...)`), so that two kernels may run one unit in turn, and
one kernel may hold coglets of several units. An instance leads to its unit by `inst.code.unit`.

Everything is compiled at its first use. Two sets of functions are kept for coglets: those of a kernel that traces report
each change of a state, those of one that does not call nothing that nobody follows.

A coglet that is open (a Python class whose channels are found while it runs) changes its code in the course of a run, so
each kernel keeps the code of its open coglets for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc import ir
from cogc.desugar.agents import ASK
from cogc.kernel.coder import Coder
from cogc.kernel.program import ChildCode, Handler, awaited, label
from cogc.kernel.validate import Validators
from cogc.language.closed import assert_never
from cogc.language.meter import begin
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.host import Host
    from cogc.language.values import Function, Settings, Value


class CogletCode:
    """The compiled form of one coglet."""

    __slots__ = (
        "children", "coder", "commands", "conversions", "errors", "every", "handlers", "has_hooks", "ir", "joins", "key", "links", "listens", "name", "observers",
        "on_start", "on_stop", "parameters", "routed", "states", "supervision", "ticks", "transmit_names", "unit",
    )  # fmt: skip

    def __init__(self, unit: Unit, coder: Coder, spec: ir.Coglet) -> None:
        self.unit = unit
        self.coder = coder
        self.ir = spec
        self.key = spec.key
        self.name = spec.name
        self.transmit_names = [t.name for t in spec.transmits]
        self.parameters = [
            (coder.validators.check(p.type), None if p.default is None else coder.expression(p.default, []))
            for p in spec.parameters
        ]
        self.states = [coder.expression(s.value, []) for s in spec.states]
        self.conversions = {
            s.name: coder.expression(s.conversion.value, [s.conversion.name])
            for s in spec.states
            if s.conversion is not None
        }
        self.listens = {
            c.name: (None if c.capacity is None else coder.expression(c.capacity, []), c.overflow, c.type)
            for c in spec.listens
        }
        self.children = [ChildCode(coder, c) for c in spec.children]
        self.links = [
            (link, None if link.hash is None else coder.expression(link.hash, ["message"])) for link in spec.links
        ]
        self.supervision = spec.supervision
        self._handlers(coder, spec)
        self.routed: tuple[tuple[str, str], ...] | None = None
        """The channels of children that lead somewhere, by child and channel, once they were looked for (`wiring.py`)."""

    def failure(self, inst: Host | None, error: Exception) -> Failure:
        """Return an exception out of this code, or out of the handling of a coglet that has it, as a Failure."""
        return self.coder.failure(inst, error)

    def _handlers(self, coder: Coder, spec: ir.Coglet) -> None:
        """Return every reaction under each of its triggers, in textual order."""
        self.observers: dict[str, list[Handler]] = {}
        self.joins: list[Handler] = []
        self.every: list[Handler] = []
        self.ticks: list[Handler] = []
        self.on_start: list[Handler] = []
        self.on_stop: list[Handler] = []
        self.errors: dict[str, list[Handler]] = {}
        self.commands: dict[str, list[Handler]] = {}
        lists = {
            "all": self.joins,
            "every": self.every,
            "after": self.every,
            "ticks": self.ticks,
            "start": self.on_start,
            "stop": self.on_stop,
        }
        key = 0
        for reaction in spec.reactions:
            for trigger in reaction.triggers:
                handler = Handler(coder, spec, reaction, trigger, key)
                key += 1
                match trigger.kind:
                    case "port":
                        self.observers.setdefault(label(trigger.ports[0]), []).append(handler)
                    case "error":
                        self.errors.setdefault(trigger.child, []).append(handler)
                    case "command":
                        self.commands.setdefault(trigger.command, []).append(handler)
                    case "all" | "every" | "after" | "ticks" | "start" | "stop":
                        lists[trigger.kind].append(handler)
                    case _:
                        assert_never(trigger.kind)
        self.handlers = key
        for port in awaited(spec):
            self.observers.setdefault(label(port), [])


def unfit(what: str, wrong: Failure) -> Failure:
    """Return the failure for a value that a check refuses: what is wrong with `what`."""
    return Failure("type", f"{what}: {wrong.message}")


class Unit:
    """One compiled program. `texts` keeps the functions of texts that coglets register while they run."""

    __slots__ = (
        "_attributes",
        "_codes",
        "_keeps",
        "_models",
        "_policies",
        "_values",
        "bundle",
        "coder",
        "texts",
        "tracing",
        "validators",
    )

    def __init__(self, bundle: ir.Bundle) -> None:
        self.bundle = bundle
        self.validators = Validators.of(bundle)
        self.coder = Coder(bundle, self.validators)
        self.tracing = self.coder.for_traces()
        self.texts: dict[tuple[str, str, str], Function] = {}
        self._codes: dict[tuple[str, bool], CogletCode] = {}
        self._keeps: dict[str, bool] = {}
        self._attributes: dict[str, Function] = {}
        self._models: dict[str, Settings] = {}
        self._values: dict[int, tuple[ir.Expr, Function]] = {}
        self._policies: dict[tuple[ir.Restart, int, int], ChildCode] = {}
        self.coder.consts()

    def code(self, key: str, traced: bool) -> CogletCode:
        """Return a coglet's code, for kernels that trace or for those that do not."""
        found = self._codes.get((key, traced))
        if found is None:
            found = self._codes[key, traced] = self.fresh(self.bundle.coglets[key], traced)
        return found

    def fresh(self, coglet: ir.Coglet, traced: bool) -> CogletCode:
        """Compile a coglet for one kernel alone."""
        return CogletCode(self, self.tracing if traced else self.coder, coglet)

    def keeps(self, key: str) -> bool:
        """Return whether a coglet, or one that it creates at any depth, has a state that outlives a run."""
        if key not in self._keeps:
            reached, coglets = [key], self.bundle.coglets
            for one in reached:  # grows while it is walked
                reached += {c.coglet for c in coglets[one].children if c.coglet not in reached}
            self._keeps[key] = any(self._keeps_itself(coglets[one]) for one in reached)
        return self._keeps[key]

    def _keeps_itself(self, coglet: ir.Coglet) -> bool:
        """Return whether a coglet has a state that outlives a run, or is an agent with sessions."""
        talk = self.bundle.programs.get(f"{coglet.key}.{ASK}") if coglet.kind == "agent" else None
        sessions = talk is not None and "session" in talk.attributes
        return sessions or any(s.life == "persist" for s in coglet.states)

    def attributes(self, program: ir.Program) -> Function:
        """Return the function of a coglet and a program's arguments that gives the words and attributes of a call."""
        made = self._attributes.get(program.key)
        if made is None:
            made = self._attributes[program.key] = self.coder.attributes(program)
        return made

    def pure(self, program: ir.Program) -> Function:
        """Return the function of a coglet and the arguments of a program that does not wait."""
        found: Function = self.coder.space[self.coder.program(program)]
        return found

    def value(self, node: ir.Expr, inst: Host | None) -> Any:
        """Evaluate an expression of the program in a coglet; its function is kept."""
        known = self._values.get(id(node))
        if known is None:
            known = self._values[id(node)] = node, self.coder.expression(node, [])
        return known[1](inst)

    def evaluate(self, node: ir.Expr) -> Any:
        """Evaluate an expression that stands outside of all coglets, and outside of all steps."""
        begin(object())
        return self.value(node, None)

    def model(self, key: str) -> Settings:
        """Return a model's attributes; a secret in them is still the name of a variable."""
        if key not in self._models:
            attributes = self.bundle.models[key].attributes
            self._models[key] = {k: self.value(e, None) for k, e in attributes.items()}
        return self._models[key]

    def policy(self, restart: ir.Restart, most: int, backoff: int) -> ChildCode:
        """Return how a child of a Python coglet is supervised; children that are supervised alike share it."""
        key = (restart, most, backoff)
        found = self._policies.get(key)
        if found is None:
            spec = ir.ChildDecl("", "", restart=restart, max_restarts=ir.Const(most), backoff=ir.DurationConst(backoff))
            found = self._policies[key] = ChildCode(self.coder, spec)
        return found

    def checked(self, type: int, value: object, what: str) -> Value:
        """Return a value as a type (by its number) wants it, or raise a Failure that says what is wrong with `what`."""
        try:
            return self.validators.check(type)(value)
        except Failure as wrong:
            raise unfit(what, wrong) from None

    def place(self, at: int) -> str:
        """Return a position's number as `path:line:column`; nothing for a position that is not known."""
        if not 0 <= at < len(self.bundle.positions):
            return ""
        path, line, column = self.bundle.positions[at]
        return f"{path}:{line}:{column}"
