"""The code of reactions and of children, made from IR when the first coglet that has them is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc import ir
from cogc.kernel.coder import Coder
from cogc.language.functions import apart
from cogc.language.values import Duration

if TYPE_CHECKING:
    from cogc.language.values import Function, Value

DEFAULT_CAPACITY = 64


class Handler:
    """One reaction behind one trigger.

    `simple` is the function to call for a message where there is nothing else to do: no wait, no modifier, no handler of
    failures, no second name. `guard` stands alone only where it is not folded into the function.
    """

    __slots__ = (
        "batch", "coglet", "concurrent", "debounce", "distinct", "entire", "function", "guard", "key", "name", "names",
        "needs_parts", "on_failure", "plain", "reaction", "sender", "simple", "throttle", "timeout", "trigger", "waits",
    )  # fmt: skip

    def __init__(self, coder: Coder, coglet: ir.Coglet, reaction: ir.Reaction, trigger: ir.Trigger, key: int) -> None:
        self.coglet = coglet
        self.reaction = reaction
        self.trigger = trigger
        self.key = key
        self.name = reaction.name
        self.waits = reaction.waits
        self.names = self._names(reaction)
        self.sender = any(t.sender for t in reaction.triggers)
        self.plain = not (
            reaction.debounce or reaction.throttle or reaction.distinct or reaction.batch or reaction.concurrent
        )
        folded = self.plain and not self.waits
        arguments = [*self.names, *(["sender"] if self.sender else []), *([ir.PIPED] if reaction.piped else [])]
        single = folded and reaction.handler is None and not reaction.parameters and len(reaction.triggers) == 1
        apart = self.names if single and trigger.apart and len(arguments) == len(self.names) else None
        self.entire = apart is not None or self.names == ["_"]
        taken = ["_"] if apart else arguments
        self.function = coder.body(reaction.body, taken, self.waits, coglet, reaction.when if folded else None, apart)
        self.guard = self._expression(coder, None if folded else reaction.when, arguments)
        self.on_failure: Function | None = None
        self.needs_parts = False
        if reaction.handler is not None:
            self.on_failure = coder.handler(reaction.handler, arguments, reaction.error_name, coglet)
            self.needs_parts = trigger.apart and ir.uses(reaction.handler, trigger.names)
        simple = folded and self.on_failure is None and len(taken) == 1
        self.simple = self.function if simple else None
        self.concurrent = self._expression(coder, reaction.concurrent, [])
        self.timeout = self._expression(coder, reaction.timeout, [])
        self.debounce = self._expression(coder, reaction.debounce, [])
        self.throttle = self._pair(coder, reaction.throttle, [])
        self.distinct = self._pair(coder, reaction.distinct, arguments)
        self.batch = self._pair(coder, reaction.batch, [])

    def _names(self, reaction: ir.Reaction) -> list[str]:
        """Return the names that the parameters of a command or the triggers bind; `_` if they bind none."""
        if reaction.parameters:
            return [p.name for p in reaction.parameters]
        return list(dict.fromkeys(n for t in reaction.triggers for n in t.names)) or ["_"]

    def _expression(self, coder: Coder, node: ir.Expr | None, names: list[str]) -> Function | None:
        return None if node is None else coder.expression(node, names, self.coglet)

    def _pair(self, coder: Coder, pair: ir.Pair | None, names: list[str]) -> tuple[Function, ...] | None:
        if pair is None:
            return None
        return coder.expression(pair.value, names, self.coglet), coder.expression(pair.within, [], self.coglet)

    def arguments(self, message: Value, sender: Value = None) -> tuple[Value, ...]:
        """Return the arguments of the function for a message. Names that another trigger binds are null."""
        values = [message] if self.entire else self._bound(message)
        if self.sender:
            values.append(sender)
        if self.reaction.piped:
            values.append(message)
        return tuple(values)

    def _bound(self, message: Value) -> list[Value]:
        """Return the values of the names that the triggers bind."""
        own = self.trigger.names
        given = apart(message, len(own)) if self.trigger.apart else [message] * len(own)
        bound = dict(zip(own, given, strict=True))
        return [bound.get(n) for n in self.names]

    def nothing(self) -> tuple[Value, ...]:
        """Return the arguments of the function for a message that cannot be taken apart."""
        return (None,) * (len(self.names) + self.sender + self.reaction.piped)


class ChildCode:
    """The code of one `create`: arguments, number, and policy of a child."""

    __slots__ = ("arguments", "backoff", "each", "hash", "high", "low", "max_restarts", "source", "spec", "within")

    def __init__(self, coder: Coder, spec: ir.ChildDecl) -> None:
        def pure(node: ir.Expr | None, names: list[str] | None = None) -> Function | None:
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
    """Return the name of a source inside of a coglet: `motion`, `jury.vote`."""
    return f"{port.child}.{port.name}" if port.child else port.name


def awaited(node: object) -> list[ir.Port]:
    """Return the ports that anything in a coglet awaits."""
    return [part.port for part in ir.parts(node) if isinstance(part, ir.Await)]


def nanos(value: object, default: int) -> int:
    """Return the nanoseconds of a duration, or a default if the value is none."""
    return value.nanos if isinstance(value, Duration) else default
