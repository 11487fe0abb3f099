"""An upper bound on the requests, tokens and dollars of a system, from its program and its tree of coglets alone.

The question
    How much can one event cost at most? The events are the start, a message on each channel of the root, and a tick of
    each timer. `bounds` returns a row for each of them. Nothing is run and no model is asked.

The model
    In: a kernel whose coglets have been created and that is not run, since the number of replicas and the parameters
    are known only then. All replicas of a child are alike: one member stands for its slot, and its bound is multiplied.
    A bound follows a message as the run would. `heard` and `sent` follow a port along links and into the reactions that
    take its messages; `reaction` adds up statements; `program` adds a call, and for an `llm` program its whole
    conversation. Of branches the dearer one counts, in each respect by itself. A handler of failures is added to the
    body: both may run. A share of a message is possible: `on all(a, b)` runs once for a message on each of its ports,
    so a message on one of them costs a fraction.

What makes a bound infinite, each with a reason in `Bound.why`
    messages that lead back to their own port, if a model is asked on the way;
    a loop over a list whose length is not known;
    a tool or a sub-agent that asks models: a model may call it as often as it likes in one turn;
    a model whose window is not known.
    A budget cuts such a bound off again: `_within` for plans and teams, `_conversation` for one conversation.

Memory
    `known` keeps the bound of each port. A port that is being followed counts as nothing (`under_way`). If it is met
    again, it is on a cycle, and its bound is multiplied by infinity when it is complete. Bounds that were found inside
    of a cycle are not kept, because they lack the part of the cycle.

A worked example: `on name as n { greeting <- greet(n) }`, where `greet` is an `llm` program with a result of type
string
    a message on `name`    one run of the reaction: one call of `greet`
    `greet`                without tools, and with text as its result: 1 turn
                           tokens: the window of the model plus `max_tokens`; dollars: their prices
    `greeting <- ...`      goes to the parent's reactions; the root has none: 0
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import inf
from typing import Any

from cogc import ir
from cogc.ir import parts
from cogc.kernel.code import waits
from cogc.kernel.machine import Kernel
from cogc.kernel.models.budget import TURNS
from cogc.kernel.models.conversation import MANY_TURNS
from cogc.kernel.objects import Instance, Slot
from cogc.language.closed import assert_never
from cogc.language.limits import MOST_TOKENS
from cogc.language.texts import is_internal
from cogc.language.values import Failure

_STARTING = ("delegate", "plan_create", "plan_execute")
"""The tools of teams and plans that start the work of other agents."""


class Bound:
    """Upper bounds on requests, tokens and dollars. `usd` is None for an unknown price; `why` has the reasons for
    infinity."""

    __slots__ = ("calls", "tokens", "usd", "why")

    def __init__(
        self,
        calls: float | Fraction = 0,
        tokens: float | Fraction = 0,
        usd: float | None = 0.0,
        why: tuple[str, ...] = (),
    ) -> None:
        self.calls = calls
        self.tokens = tokens
        self.usd = usd
        self.why = why

    def __add__(self, other: Bound) -> Bound:
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        why = tuple(dict.fromkeys((*self.why, *other.why)))
        return Bound(self.calls + other.calls, self.tokens + other.tokens, usd, why)

    def times(self, count: float | Fraction, why: str = "") -> Bound:
        """Return the bound of `count` such events; `why` is the reason if there are infinitely many."""
        if not self.calls:
            return self
        if count == inf:
            return Bound(inf, inf, None if self.usd is None else inf if self.usd else 0.0, (*self.why, why))
        usd = None if self.usd is None else self.usd * float(count)
        return Bound(self.calls * count, self.tokens * count, usd, self.why)

    def or_else(self, other: Bound) -> Bound:
        """Return the greater of two bounds, in each respect by itself."""
        usd = None if self.usd is None or other.usd is None else max(self.usd, other.usd)
        why = tuple(dict.fromkeys((*self.why, *other.why)))
        return Bound(max(self.calls, other.calls), max(self.tokens, other.tokens), usd, why)


def bounds(kernel: Kernel) -> list[tuple[str, Bound]]:
    """Return the rows of the report: the start, each channel of the root, each timer."""
    assert kernel.root is not None
    costs = _Costs()
    rows = [("start", costs.all_of(kernel.root, ("start", "after")))]
    own = kernel.root.code.ir
    for channel in own.listens:
        if is_internal(channel.name):
            continue  # a channel between the parts of a plan or a team
        rows.append((f"a message on `{channel.name}`", costs.heard(kernel.root, channel.name)))
    for inst, count in costs.tree(kernel.root):
        for reaction in inst.code.ir.reactions:
            if any(t.kind in ("every", "ticks") for t in reaction.triggers):
                rows.append((f"each `{reaction.name}` of {_place(inst)}", costs.reaction(inst, reaction).times(count)))
    return rows


def _place(inst: Instance) -> str:
    """Return the path of a coglet without the numbers of replicas: one stands for all."""
    own = inst.name
    return own if inst.parent is None else f"{_place(inst.parent)}/{own}"


class _Costs:
    """Follows messages through one system, and remembers the bound of each port and program."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, str, str], Bound] = {}
        self.under_way: list[tuple[int, str, str]] = []
        self.circles: set[tuple[int, str, str]] = set()
        self.programs: dict[str, Bound] = {}

    def tree(self, inst: Instance, count: int = 1) -> Iterator[tuple[Instance, int]]:
        """Yield one coglet for each child in the tree, and the number of its replicas."""
        yield inst, count
        for slot in (inst.children or {}).values():
            member = _member(slot)
            if member is not None:
                yield from self.tree(member, count * _count(slot))

    def all_of(self, root: Instance, kinds: tuple[str, ...]) -> Bound:
        """Return the bound of all reactions of the given kinds in a tree, such as those to `start`."""
        found = Bound()
        for inst, count in self.tree(root):
            for reaction in inst.code.ir.reactions:
                if any(t.kind in kinds for t in reaction.triggers):
                    found += self.reaction(inst, reaction).times(count)
        return found

    # ---- messages ------------------------------------------------------------------------------------------

    def heard(self, inst: Instance, channel: str) -> Bound:
        """Return the bound of a message on a listen channel."""
        found = self._once(inst, "listen", channel, lambda: self._routed(inst, "own_listen", "", channel))
        return found if inst.code.ir.budget is None else self._within(inst, found)

    def _within(self, inst: Instance, found: Bound) -> Bound:
        """Return a bound within the budget of a plan or a team."""
        assert inst.code.ir.budget is not None
        budget = inst.code.unit.value(inst.code.ir.budget, inst)
        calls = min(found.calls, budget.get("turns") or inf)
        tokens = min(found.tokens, budget.get("tokens") or inf)
        usd = found.usd if found.usd is None or budget.get("usd") is None else min(found.usd, budget["usd"])
        return Bound(calls, tokens, usd, found.why if inf in (calls, tokens, usd) else ())

    def sent(self, inst: Instance, channel: str) -> Bound:
        """Return the bound of a message on a transmit channel, in the parent and beyond."""
        parent = inst.parent
        if parent is None:
            return Bound()
        return self._once(inst, "transmit", channel, lambda: self._routed(parent, "child_transmit", inst.name, channel))

    def _once(self, inst: Instance, kind: str, channel: str, follow: Callable[[], Bound]) -> Bound:
        """Follow a port once. A port that leads back to itself has no bound if anything on the way asks a model."""
        key = (id(inst.slot or inst), kind, channel)
        if key in self.known:
            return self.known[key]
        if key in self.under_way:
            self.circles.add(key)
            return Bound()
        self.under_way.append(key)
        found = follow()
        self.under_way.pop()
        if key in self.circles:
            self.circles.discard(key)
            port = _place(inst) if is_internal(channel) else f"{_place(inst)}.{channel}"
            found = found.times(inf, f"{port}: its messages lead back to it")
        if not self.circles:  # a bound from inside of a cycle is a part of that of the cycle
            self.known[key] = found
        return found

    def _routed(self, holder: Instance, kind: str, child: str, channel: str) -> Bound:
        """Follow the links and reactions of `holder` that take messages from this port."""
        found = Bound()
        code = holder.code.ir
        for link in code.links:
            if (link.source.kind, link.source.child, link.source.name) == (kind, child, channel):
                found += self._into(holder, link.target, link.map)
        for reaction in code.reactions:
            for trigger in reaction.triggers:
                if not any((p.kind, p.child, p.name) == (kind, child, channel) for p in trigger.ports):
                    continue
                share = Fraction(1, self._width(holder, trigger)) if trigger.kind == "all" else Fraction(1)
                found += self.reaction(holder, reaction).times(share)
        return found

    def _width(self, holder: Instance, trigger: ir.Trigger) -> int:
        """Return the number of messages in one round of a reaction on `all`."""
        slots = holder.children or {}
        return max(1, sum(_count(slots[p.child]) if p.child in slots else 1 for p in trigger.ports))

    def _into(self, holder: Instance, port: ir.Port, sharing: str = "") -> Bound:
        """Return the bound of a message that `holder` sends into a port."""
        if port.kind == "own_transmit":
            return self.sent(holder, port.name)
        if port.kind == "own_listen":
            return self.heard(holder, port.name)
        slot = (holder.children or {}).get(port.child)
        member = _member(slot) if slot is not None else None
        if slot is None or member is None:
            return Bound()
        found = self.heard(member, port.name)
        if slot.single or port.member is not None:
            return found
        broadcast = (sharing or slot.spec.spec.map) in ("broadcast", "scatter")
        return found.times(_count(slot) if broadcast else 1)

    # ---- reactions -----------------------------------------------------------------------------------------

    def reaction(self, inst: Instance, reaction: ir.Reaction) -> Bound:
        """Return the bound of one run of a reaction, with its handler of failures."""
        return self._block(inst, reaction.body) + self._block(inst, reaction.handler or [])

    def _block(self, inst: Instance, statements: list[ir.Statement]) -> Bound:
        """Return the bound of statements that run one after the other."""
        found = Bound()
        for statement in statements:
            found += self._statement(inst, statement)
        return found

    def _statement(self, inst: Instance, node: ir.Statement) -> Bound:
        """Return the bound of one statement."""
        match node:
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                branches = self._block(inst, then).or_else(self._block(inst, otherwise))
                return self._expression(inst, condition) + branches
            case ir.Cases(cases=cases, otherwise=otherwise):
                found = self._block(inst, otherwise)
                for case in cases:
                    found = found.or_else(self._block(inst, case.then))
                return self._expression(inst, [case.condition for case in cases]) + found
            case ir.For(source=source, body=body):
                return self._expression(inst, source) + self._many(inst, source, self._block(inst, body))
            case ir.Emit(port=port, value=value):
                return self._expression(inst, value) + self._into(inst, port)
            case ir.Guide():
                return self._expression(inst, node.arguments) + self._commanded(inst, node)
            case ir.Assign() | ir.Let() | ir.Lifecycle() | ir.Log() | ir.Fail() | ir.Evaluate():
                return self._expression(inst, [getattr(node, f) for f in node.__struct_fields__])
            case _:
                assert_never(node)

    def _commanded(self, inst: Instance, node: ir.Guide) -> Bound:
        """Return the bound of a command to a child."""
        slot = (inst.children or {}).get(node.child)
        target = inst if not node.child else _member(slot) if slot is not None else None
        if target is None:
            return Bound()
        found = Bound()
        for reaction in target.code.ir.reactions:
            if any(t.kind == "command" and t.command == node.command for t in reaction.triggers):
                found += self.reaction(target, reaction)
        return found if slot is None or slot.single or node.member is not None else found.times(_count(slot))

    def _many(self, inst: Instance, source: ir.Expr, each: Bound) -> Bound:
        """Return the bound of a loop: the length of its list if that is known, else infinity."""
        if isinstance(source, ir.Items):
            return each.times(len(source.items))
        known = None if waits(source) else self._known(inst, source)
        if known is not None:
            return each.times(len(known))
        return each.times(inf, f"{_place(inst)}: a loop over a list whose length is not known")

    def _known(self, inst: Instance, source: ir.Expr) -> list[Any] | None:
        """Return the list of a source that depends on parameters and constants alone, or None."""
        if any(isinstance(part, ir.Local | ir.State) for part in parts(source)):
            return None
        try:
            found = inst.code.unit.value(source, inst)
        except (Failure, ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
            return None
        return found if isinstance(found, list) else None

    def _expression(self, inst: Instance, node: Any) -> Bound:
        """Return the bound of the calls in an expression."""
        if isinstance(node, list):
            found = Bound()
            for part in node:
                found += self._expression(inst, part)
            return found
        if isinstance(node, ir.Comprehension):
            inner = self._expression(inst, [node.item, node.condition, node.key])
            return self._expression(inst, node.source) + self._many(inst, node.source, inner)
        if not hasattr(node, "__struct_fields__"):
            return Bound()
        found = self._expression(inst, [getattr(node, f) for f in node.__struct_fields__])
        if isinstance(node, ir.Call):
            found += self.program(inst, inst.code.unit.bundle.programs[node.program])
        return found

    # ---- programs ------------------------------------------------------------------------------------------

    def program(self, inst: Instance, program: ir.Program) -> Bound:
        """Return the bound of one call of a program, with its conversation."""
        if program.key not in self.programs:
            if program.kind == "ask" and program.name in _STARTING:
                why = f"{program.name}: a model may start work by it as often as it likes"
                self.programs[program.key] = Bound(inf, inf, inf, (why,))
            elif program.kind != "llm":
                body = [program.body, *program.words]
                self.programs[program.key] = self._expression(inst, body)
            else:
                self.programs[program.key] = Bound(inf, inf, None, (f"{program.name} leads back to itself",))
                self.programs[program.key] = self._conversation(inst, program)
        return self.programs[program.key]

    def _conversation(self, inst: Instance, program: ir.Program) -> Bound:
        """Return the bound of one conversation: its turns, each with a full window, cut off by its budget."""
        budget = self._value(inst, program, "budget") or {}
        holders = _holders(inst, program)
        tools = [key for p in holders for key in (*p.tools, *(p.agent.spawn if p.agent is not None else ()))]
        turns = self._turns(inst, program, budget, bool(tools or len(holders) > 1))
        each = [self._of_model(inst, p, key, turns, budget) for p in holders for key in (p.model, *p.fallbacks)]
        dollars = [b.usd for b in each if b.usd is not None]
        usd = max(dollars) if len(dollars) == len(each) else None
        own = Bound(turns, max(b.tokens for b in each), usd, tuple(w for b in each for w in b.why))
        return own + self._inner(inst, program, tools, budget)

    def _of_model(self, inst: Instance, program: ir.Program, key: str, turns: int, budget: dict[str, Any]) -> Bound:
        """Return the bound of the requests of a conversation, if one model answers all of them."""
        unit = inst.code.unit
        model = unit.bundle.models[key]
        most = self._value(inst, program, "max_tokens") or unit.model(key).get("max_tokens", MOST_TOKENS)
        price = model.price
        window = price.context if price is not None and price.context else inf
        tokens: float = turns * (window + most)
        usd = None if price is None else turns * _dollars(price, window, most)
        if budget.get("tokens") is not None:
            tokens = min(tokens, budget["tokens"])
            if price is not None and usd is not None:
                usd = min(usd, _dearest(price, tokens))
        if budget.get("usd") is not None and usd is not None:
            usd = min(usd, budget["usd"])
        why = () if tokens < inf else (f"{program.name}: the window of model `{model.name}` is not known",)
        return Bound(turns, tokens, usd, why)

    def _inner(self, inst: Instance, program: ir.Program, keys: list[str], budget: dict[str, Any]) -> Bound:
        """Return the bound of the tools that ask models: infinite, except where the budget of the conversation limits it."""
        for key in keys:
            inner = self.program(inst, inst.code.unit.bundle.programs[key])
            if not inner.calls:
                continue
            name = inst.code.unit.bundle.programs[key].name
            why = f"{_place(inst)}.{program.name} -> {name}: a model may call it as often as it likes in a turn"
            within_tokens, within_usd = budget.get("tokens") is not None, budget.get("usd") is not None
            return Bound(inf, 0 if within_tokens else inf, 0.0 if within_usd else inner.times(inf).usd, (why,))
        return Bound()

    def _turns(self, inst: Instance, program: ir.Program, budget: dict[str, Any], tools: bool) -> int:
        """Return the greatest number of requests in a conversation. Without tools it needs one, or two to repair an
        answer."""
        many = MANY_TURNS if program.agent is not None and program.agent.spawn else TURNS
        turns: int = budget.get("turns") or self._value(inst, program, "max_turns") or many
        wants_text = inst.code.unit.bundle.types[program.result] == "string"
        return turns if tools else min(turns, 1 if wants_text else 2)

    def _value(self, inst: Instance, program: ir.Program, name: str) -> Any:
        """Return the value of an attribute, or None if it depends on the arguments of the call."""
        node = program.attributes.get(name)
        if node is None:
            return None
        names = [p.name for p in program.parameters]
        try:
            return inst.code.unit.coder.expression(node, names)(inst, *[None] * len(names))
        except (Failure, ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
            return None


def _holders(inst: Instance, program: ir.Program) -> list[ir.Program]:
    """Return the programs that may hold a conversation: its own, and all to which it may be handed, one after the other."""
    found = {program.key: program}
    pending = [program]
    while pending:
        agent = pending.pop().agent
        for key in agent.hand_off if agent is not None else ():
            if key not in found:
                found[key] = inst.code.unit.bundle.programs[key]
                pending.append(found[key])
    return list(found.values())


def _member(slot: Slot) -> Instance | None:
    """Return one member of a child, which stands for all of them, or None."""
    return next(iter(slot.members.values()), None)


def _count(slot: Slot) -> int:
    """Return the greatest number of members of a child."""
    return max(len(slot.members), slot.highest or 0)


def _dollars(price: ir.Price, before: float, after: float) -> float:
    """Return the greatest price of a request with so many tokens before and after."""
    is_long = bool(price.above) and before > price.above
    each_in, each_out = (price.long_input, price.long_output) if is_long else (price.input, price.output)
    return ((before * each_in * price.cache_write if each_in else 0.0) + after * each_out) / 1e6


def _dearest(price: ir.Price, tokens: float) -> float:
    """Return the greatest price of so many tokens, of whatever kind."""
    return max(_dollars(price, tokens, 0), _dollars(price, 0, tokens))
