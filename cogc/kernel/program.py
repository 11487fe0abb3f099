"""The code of reactions and of children, made from IR when the first coglet that has them is created."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cogc import ir
from cogc.kernel.code import Coder, parts
from cogc.language.values import Duration

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


def label(port: ir.Port) -> str:
    """How a source is called inside a coglet: `motion`, `jury.vote`."""
    return f"{port.child}.{port.name}" if port.child else port.name


def awaited(node: Any) -> list[ir.Port]:
    """Return the ports that anything in a coglet awaits."""
    return [part.port for part in parts(node) if isinstance(part, ir.Await)]


def nanos(value: Any, default: int) -> int:
    """A duration's nanoseconds, or the default where there is none."""
    return value.nanos if isinstance(value, Duration) else default
