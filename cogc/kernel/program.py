"""A coglet's code: what all its instances share, made from IR when the first of them is created."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cogc import ir
from cogc.kernel.code import Coder
from cogc.language.values import Duration, Failure

if TYPE_CHECKING:
    from cogc.kernel.unit import Unit

DEFAULT_CAPACITY = 64


class Handler:
    """One reaction behind one trigger.

    `simple` is the function to call for a message where there is nothing else to do: no wait, no modifier, no handler of
    failures, no second name. `guard` stands alone only where it is not folded into the function.
    """

    __slots__ = (
        "all_ports", "apart", "batch", "coglet", "concurrent", "debounce", "distinct", "function", "guard", "key", "name",
        "on_failure", "plain", "reaction", "sender", "simple", "throttle", "timeout", "trigger", "waits",
    )  # fmt: skip

    def __init__(self, coder: Coder, coglet: ir.Coglet, reaction: ir.Reaction, trigger: ir.Trigger, key: int) -> None:
        self.coglet = coglet
        self.reaction = reaction
        self.trigger = trigger
        self.key = key
        self.name = reaction.name
        self.waits = reaction.waits
        self.sender = any(t.sender for t in reaction.triggers)
        names = self._names(reaction)
        self.plain = not (
            reaction.debounce or reaction.throttle or reaction.distinct or reaction.batch or reaction.concurrent
        )
        folded = self.plain and not self.waits
        apart = self._apart(reaction)
        self.apart = apart
        arguments = names + (["sender"] if self.sender else [])
        self.function = coder.body(
            reaction.body, arguments, self.waits, coglet, reaction.when if folded else None, apart
        )
        self.guard = self._expression(coder, None if folded else reaction.when, arguments)
        self.on_failure: Callable[..., Any] | None = None
        if reaction.handler is not None:
            self.on_failure = coder.body(reaction.handler, [reaction.error_name], True, coglet)
        simple = folded and self.on_failure is None and len(arguments) == 1
        self.simple = self.function if simple else None
        self.concurrent = self._expression(coder, reaction.concurrent, [])
        self.timeout = self._expression(coder, reaction.timeout, [])
        self.debounce = self._expression(coder, reaction.debounce, [])
        self.throttle = self._pair(coder, reaction.throttle, [])
        self.distinct = self._pair(coder, reaction.distinct, arguments)
        self.batch = self._pair(coder, reaction.batch, [])

    def _names(self, reaction: ir.Reaction) -> list[str]:
        """The names of the function's arguments: what the triggers bind, at least one."""
        if reaction.parameters:
            return [p.name for p in reaction.parameters]
        bound = [t for t in reaction.triggers if t.names]
        if not bound or self._apart(reaction):
            return ["_"]
        return list(dict.fromkeys(n for t in bound for n in t.names))

    def _apart(self, reaction: ir.Reaction) -> list[str] | None:
        for t in reaction.triggers:
            if t.apart and t.names:
                return t.names
        return None

    def _expression(self, coder: Coder, node: ir.Expr | None, names: list[str]) -> Callable[..., Any] | None:
        return None if node is None else coder.expression(node, names, self.coglet)

    def _pair(self, coder: Coder, pair: ir.Pair | None, names: list[str]) -> tuple[Callable[..., Any], ...] | None:
        if pair is None:
            return None
        return coder.expression(pair.value, names, self.coglet), coder.expression(pair.within, [], self.coglet)

    def arguments(self, message: Any, sender: Any = None) -> tuple[Any, ...]:
        """The function's arguments for a message; several triggers bind names of their own, the others are null."""
        names = self._bound()
        if len(names) > 1 and self.trigger.names:
            values = [message if n in self.trigger.names else None for n in names]
        elif len(names) > 1:
            values = [None] * len(names)
        else:
            values = [message]
        return (*values, sender) if self.sender else tuple(values)

    def _bound(self) -> list[str]:
        return self._names(self.reaction)


class ChildCode:
    """How a child is made."""

    __slots__ = ("arguments", "backoff", "each", "hash", "high", "low", "max_restarts", "source", "spec", "within")

    def __init__(self, coder: Coder, spec: ir.ChildDecl) -> None:
        def pure(node: ir.Expr | None, names: list[str] | None = None) -> Callable[..., Any] | None:
            return None if node is None else coder.expression(node, names or [])

        names = [spec.each] if spec.each else []
        self.spec = spec
        self.arguments = [pure(a, names) for a in spec.arguments]
        self.low, self.high = pure(spec.low), pure(spec.high)
        self.source = pure(spec.source)
        self.each = bool(spec.each)
        self.max_restarts, self.within = pure(spec.max_restarts, names), pure(spec.within, names)
        self.backoff = pure(spec.backoff, names)
        self.hash = pure(spec.hash, ["message"])


class CogletCode:
    """The compiled form of one coglet."""

    __slots__ = (
        "children", "coder", "commands", "errors", "every", "handlers", "has_hooks", "ir", "joins", "key", "links", "listens", "name", "observers",
        "on_start", "on_stop", "parameters", "states", "supervision", "ticks", "transmit_names", "unit",
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

    def failure(self, error: BaseException) -> Failure:
        """Return an exception out of this code as a Failure with its place."""
        return self.coder.failure(error)

    def _handlers(self, coder: Coder, spec: ir.Coglet) -> None:
        """Every reaction under each of its triggers, in textual order."""
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
                if trigger.kind == "port":
                    self.observers.setdefault(label(trigger.ports[0]), []).append(handler)
                elif trigger.kind == "error":
                    self.errors.setdefault(trigger.child, []).append(handler)
                elif trigger.kind == "command":
                    self.commands.setdefault(trigger.command, []).append(handler)
                else:
                    lists[trigger.kind].append(handler)
        self.handlers = key
        for port in awaited(spec):
            self.observers.setdefault(label(port), [])


def label(port: ir.Port) -> str:
    """How a source is called inside a coglet: `motion`, `jury.vote`."""
    return f"{port.child}.{port.name}" if port.child else port.name


def awaited(node: Any) -> list[ir.Port]:
    """The ports that anything in a coglet awaits."""
    found: list[ir.Port] = []
    stack: list[Any] = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ir.Await):
            found.append(part.port)
        if isinstance(part, list):
            stack += part
        elif hasattr(part, "__struct_fields__"):
            stack += [getattr(part, f) for f in part.__struct_fields__]
    return found


def nanos(value: Any, default: int) -> int:
    """A duration's nanoseconds, or the default where there is none."""
    return value.nanos if isinstance(value, Duration) else default
