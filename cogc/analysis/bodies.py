"""Bodies of reactions and commands: their triggers, modifiers, statements and pipelines.

`Bodies.reaction` and `Bodies.command` check one member of a coglet. Expressions are left to `Inference`, and the paths of
channels to `ports`; this module adds the calls that stages of a pipeline stand for (`Tables.stage_calls`).

**Scopes.** A member has one scope, which grows from one statement to the next: `let` binds a name, an assignment narrows
the type of its state, a wait drops the narrowed types of all states. A branch or a loop has an inner scope. Behind an `if`
holds what all branches agree on that reach its end; a loop may run after itself, so that its body begins without narrowed
states. A handler (`else as`) sees the scope of before the modifiers, since anything may have failed.

**Reach.** `block` and `statement` return whether their end is reached. `fail`, `escalate` and `stop self` end a body; the
first statement behind one of them is reported, once.

**Triggers.** A trigger binds what comes with it. Where several triggers share a body, a name has the union of the types that
they bind it with, and is nullable if one of them does not bind it. A `batch` makes a list of messages.

**Pipelines.** Each stage takes the value of the one before it, as `it`. A stage that names a program alone stands for a
call of it with `it`; the last stage may be a channel.

**An example.** In `on job as j when j.size < 9 -> parse -> out`, the trigger has the port of the listen channel `job` and
binds `j`; the modifier is a condition over `j`; the stage `parse` stands for the call `parse(it)`, and its type must fit the
transmit channel `out`.
"""

from __future__ import annotations

from cogc.analysis import narrow, ports, reports
from cogc.analysis.infer import Inference
from cogc.analysis.ranges import check_range, known_value
from cogc.analysis.scope import CHILD_FAILURE, FAILURE, MEMBER_FAILURE, SENDER, Scope, Symbol
from cogc.analysis.tables import Port
from cogc.diagnostics.edits import Edit, removal
from cogc.diagnostics.source import Span
from cogc.diagnostics.suggest import did_you_mean, nearest, suggestion
from cogc.language import types
from cogc.language.attributes import LEVELS
from cogc.language.closed import assert_never
from cogc.language.texts import UNITS
from cogc.language.types import ANY, DURATION, INT, NO, NULL, ListOf, Type
from cogc.language.values import Duration
from cogc.names.complete import HOOKS
from cogc.names.world import Member, Shape, Signature
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.diagnostics.problems import Problems
    from cogc.names.world import Unit, World


_OF_COMMANDS = ("when", "distinct", "throttle", "concurrent", "timeout")
"""The modifiers that have an effect on what is no message: a command."""
_OF_QUEUES = ("timeout", "concurrent", "by")
"""The modifiers that a reaction to a queue may have."""
_OF_HOOKS = ("when", "timeout")
"""The modifiers that have an effect on a hook, and on the failure of a child."""


def _is_error(trigger: nodes.Node) -> bool:
    """Return whether a trigger is the failure of a child."""
    source = trigger.source if isinstance(trigger, nodes.On) else None
    return isinstance(source, nodes.Call) and isinstance(source.function, nodes.Name) and source.function.id == "error"


def _takes_alone(trigger: nodes.Node) -> tuple[str, tuple[str, ...]] | None:
    """Return the name of a trigger that takes some modifiers alone, and those; None for one that takes all."""
    match trigger:
        case nodes.On(source=nodes.Name(id="start" | "stop" as name)):
            return f"on {name}", _OF_HOOKS
        case nodes.On(source=nodes.Call(function=nodes.Name(id="error"))):
            return "on error", _OF_HOOKS
        case nodes.Every(ticks=True):
            return "every N ticks", _OF_COMMANDS
        case _:
            return None


def scatters(attributes: tuple[nodes.Attribute, ...]) -> bool:
    """Return whether messages are lists, of which each replica gets an item."""
    return any(a.key.id == "map" and isinstance(a.value, nodes.Name) and a.value.id == "scatter" for a in attributes)


def _giving(world: World, shape: Shape, name: str) -> str | None:
    """Return the help for a command that a standard mixin gives, where a coglet does not take in the mixin."""
    if shape.declared != "coglet" or shape.python is not None or world.prelude is None:
        return None
    mixins = (s for s in world.shapes.values() if s.unit is world.prelude and name in s.enacts)
    return next((f"`{m.name}` gives it: write `coglet {shape.name} with {m.name}`" for m in mixins), None)


def _sent(unit: Unit, node: nodes.Assign) -> tuple[Edit, ...]:
    """Return the edit that sends a value where it is assigned to a channel."""
    between = unit.source.text[node.name.end : node.value.start]
    place = Span(unit.source, node.name.end, node.value.start)
    return (Edit(place, " <- ", "safe"),) if between.strip() == "=" else ()


def _statement(command: str, child: str) -> str:
    """Return the help for a command that is a statement of its own: `stop self` for `guide self.stop()`; nothing for another one."""
    if command in _STOPPING:
        return f"write `stop {child}`, a statement of its own"
    if command in _RESTARTING:
        return (
            "write `fail`, so that the parent decides"
            if child == "self"
            else f"write `restart {child}`, a statement of its own"
        )
    return 'write `fail "..."`, a statement of its own' if command in _FAILING and child == "self" else ""


_STOPPING = ("stop", "kill", "terminate", "exit", "quit", "shutdown")
_RESTARTING = ("restart", "reboot")
_FAILING = ("fail", "crash")


class Bodies:
    """Checks bodies, and fills the tables of ports."""

    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.problems: Problems = inference.problems
        self.tables = inference.tables
        self.handles = False
        """True in the body of `on error(child)`."""

    # ---- statements ----------------------------------------------------------------------------------------

    def block(self, node: nodes.Block, scope: Scope) -> bool:
        """Check the statements of a block, and return whether its end is reached."""
        reached = True
        reported = False
        for statement in node.statements:
            if not reached and not reported:
                edits = removal(scope.unit.source, statement.start, node.statements[-1].end)
                self.problems.add("unreachable-code", scope.unit.span(statement), edits=edits)
                reported = True
            reached = self.statement(statement, scope) and reached
        return reached

    def statement(self, node: nodes.Statement, scope: Scope) -> bool:
        """Check one statement, and return whether the next one is reached."""
        match node:
            case nodes.Send():
                self._send(node, scope)
            case nodes.Assign():
                self._assign(node, scope)
            case nodes.Let(pattern=pattern, value=value):
                self.inference.bind(pattern, self.value(value, scope), scope)
            case nodes.Guide():
                self._guide(node, scope)
            case nodes.Grow():
                self.value(node, scope)
            case nodes.Stop(target=target) | nodes.Restart(target=target):
                self._lifecycle(node, target, scope)
                return not (isinstance(target, nodes.Name) and target.id == "self" and isinstance(node, nodes.Stop))
            case nodes.Escalate():
                if not self.handles:
                    wrong, right = "has no failure to pass on here", "it may stand in `on error(child)`"
                    self.problems.add("bad-modifier", scope.unit.span(node), name="escalate", wrong=wrong, right=right)
                return not self.handles
            case nodes.Log(level=level, value=value):
                self._level(level, scope)
                self.inference.infer(value, scope)
            case nodes.Fail(value=value):
                self.inference.infer(value, scope)
                return False
            case nodes.If():
                return self._if(node, scope)
            case nodes.For():
                self._for(node, scope)
            case nodes.Evaluate(value=value):
                self.tables.statements.add(id(value))
                self.value(value, scope)
            case nodes.Error():
                pass
            case _:
                assert_never(node)
        return True

    def value(self, node: nodes.Expr, scope: Scope, expected: Type | None = None) -> Type:
        """Infer an expression, an `await` or a `create` as the value of a statement."""
        if isinstance(node, nodes.Await):
            return self._await(node, scope)
        if isinstance(node, nodes.Grow):
            return self._grow(node, scope)
        return self.inference.infer(node, scope, expected)

    def _send(self, node: nodes.Send, scope: Scope) -> None:
        port = ports.port(self.inference, node.target, scope, sending=True)
        found = self.value(node.value, scope, port.type if port else None)
        if port is None:
            return
        wanted = port.type
        if self._scatters(port, scope):
            wanted = ListOf(wanted)
        self.inference.require(node.value, found, wanted, scope)

    def _scatters(self, port: Port, scope: Scope) -> bool:
        """Return whether a send to replicas takes a list with an item for each of them."""
        if port.kind != "child_listen" or port.index is not None or scope.shape is None:
            return False
        return scatters(scope.shape.children[port.child].node.attributes)

    def _assign(self, node: nodes.Assign, scope: Scope) -> None:
        shape, name = scope.shape, node.name.id
        assert shape is not None
        if name not in shape.states:
            self.value(node.value, scope)
            edits: tuple[Edit, ...] = ()
            help = did_you_mean(name, shape.states) or f"declare it with `state {name}: ... = ...`, or use `let`"
            if name in scope.locals:
                help = "a `let` does not change; use a state"
            elif name in shape.transmits:
                help = f"send on a channel with `<-`: `{name} <- ...`"
                self.inference.tables.sent.add((shape.key, name))
                edits = _sent(scope.unit, node)
            self.problems.add("unknown-state", scope.unit.span(node.name), help=help, edits=edits, name=name)
            if scope.find(name) is None:  # so that its uses below are no second mistake
                scope.bind(name, ANY)
            return
        state = self.tables.meant[id(node.name)] = shape.states[name]
        found = self.value(node.value, scope, state.type)
        self.inference.require(node.value, found, state.type, scope)
        scope.forget(name)
        if found != ANY and types.fit(found, state.type) == types.EXACT:
            scope.learn(
                {name: types.widen(found) if not isinstance(types.expand(state.type), types.UnionOf) else found}
            )

    def _await(self, node: nodes.Await, scope: Scope) -> Type:
        port = ports.port(self.inference, node.channel, scope, sending=False)
        ports.no_queue(self.inference, port, node.channel, scope, "in `await`")
        item = port.type if port else ANY
        if node.condition is not None:
            self.inference.condition(node.condition, scope.inner(message=item))
        if node.timeout is not None:
            self._number("await", node.timeout, DURATION, scope)
        if not scope.waits:
            self.problems.add("impure-call", scope.unit.span(node), name="await")
        scope.forget_states()
        return types.optional(item) if node.timeout is not None else item

    def _grow(self, node: nodes.Grow, scope: Scope) -> Type:
        member = ports.child(self.inference, node.pool, scope)
        if member is not None and scope.shape is not None:
            if member.node.count is None or member.node.count.high is None:
                help = f"declare it as a pool: `create {node.pool.id} = {member.node.coglet.text} * 0..N`"
                self.problems.add(
                    "wrong-kind",
                    scope.unit.span(node.pool),
                    help=help,
                    name=node.pool.id,
                    found="one child",
                    wanted="a pool",
                )
            if member.target is not None:
                self._coglet_arguments(node, member.target, node.arguments, member.node.arguments, scope)
        return INT

    def _coglet_arguments(
        self,
        node: nodes.Node,
        target: Shape,
        given: tuple[nodes.Argument, ...],
        before: tuple[nodes.Argument, ...],
        scope: Scope,
    ) -> None:
        """Check the arguments for a new member of a pool; those of its declaration need not be given again."""
        known = {a.name.id for a in before if a.name} | set(
            list(target.parameters)[: sum(1 for a in before if not a.name)]
        )
        parameters = [p for p in target.parameters.values() if p.name not in known or any(
            a.name and a.name.id == p.name for a in given
        )]  # fmt: skip
        self.inference.arguments(
            node, Signature(target.name, parameters, types.NULL, unsure=target.doubled), given, scope
        )

    def _guide(self, node: nodes.Guide, scope: Scope) -> None:
        target = node.target
        assert scope.shape is not None
        if not isinstance(target, nodes.Field):
            text = scope.unit.text(target)
            own = isinstance(target, nodes.Name) and target.id in scope.shape.enacts
            self.problems.add(
                "bad-path",
                scope.unit.span(target),
                what=text,
                wanted="command",
                right=f"write `guide self.{text}(...)`" if own else "write `guide child.command(...)`",
            )
            return
        name = target.name.id
        if isinstance(target.base, nodes.Name) and target.base.id == "self":
            shape: Shape | None = scope.shape
        else:
            member = ports.child(self.inference, target.base, scope)
            if member is None:
                return
            shape = member.target
            if shape is not None and name.startswith("_") and name in shape.enacts:
                self.problems.add("private-command", scope.unit.span(target.name), name=name)
        if shape is None:
            return
        command = shape.enacts.get(name)
        if command is None and shape.lacks_members:
            return
        if command is None or command.signature is None:
            known = [k for k in shape.enacts if shape is scope.shape or not k.startswith("_")]
            listed = "it has no commands" if not known else "it has " + ", ".join(f"`{k}`" for k in known)
            help = _statement(name, scope.unit.text(target.base)) or _giving(self.inference.world, shape, name)
            help = help or did_you_mean(name, known) or listed
            self.problems.add(
                "unknown-command", scope.unit.span(target.name), help=help, owner=shape.name, name=name, known=""
            )
            return
        self.tables.used.add(id(command.node))
        self.tables.meant[id(target.name)] = command
        self.inference.arguments(node, command.signature, node.arguments, scope)

    def _lifecycle(self, node: nodes.Node, target: nodes.Expr, scope: Scope) -> None:
        if isinstance(target, nodes.Name) and target.id == "self":
            if isinstance(node, nodes.Restart):
                self.problems.add(
                    "bad-path",
                    scope.unit.span(target),
                    what="self",
                    wanted="child",
                    right="a coglet is restarted by its parent; `fail` lets the parent decide",
                )
            return
        ports.child(self.inference, target, scope)

    def _level(self, level: nodes.Name, scope: Scope) -> None:
        if level.id not in LEVELS:
            known = ", ".join(f"`{k}`" for k in LEVELS)
            help = did_you_mean(level.id, LEVELS) or None
            self.problems.add(
                "unknown-word", scope.unit.span(level), help=help, what="log level", name=level.id, known=known
            )

    def _if(self, node: nodes.If, scope: Scope) -> bool:
        left: list[Scope] = []  # the ends of the branches behind which the block goes on
        branch: nodes.If | nodes.Block | None = node
        otherwise = scope
        while isinstance(branch, nodes.If):
            outside, then, otherwise = otherwise, otherwise.inner(), otherwise.inner()
            self.inference.condition(branch.condition, outside)
            then.learn(narrow.facts(self.tables, branch.condition, True, outside))
            otherwise.learn(narrow.facts(self.tables, branch.condition, False, outside))
            left += [then] if self.block(branch.then, then) else []
            branch = branch.otherwise
        left += [otherwise] if branch is None or self.block(branch, otherwise) else []
        if len(left) == 1:
            scope.narrowed, scope.below = left[0].narrowed, left[0].below
        elif left:
            scope.narrowed = {}
            scope.learn({p: t for p, t in left[0].narrowed.items() if all(s.narrowed.get(p) == t for s in left)})
        return bool(left)

    def _for(self, node: nodes.For, scope: Scope) -> None:
        source = self.inference.infer(node.source, scope)
        item = self.inference.walked(node.source, source, scope)
        inner = scope.inner()
        inner.forget_states()  # the body may run after itself
        self.inference.bind(node.pattern, item, inner)
        self.block(node.body, inner)
        scope.narrowed = {p: t for p, t in scope.narrowed.items() if p in inner.narrowed}

    # ---- triggers ------------------------------------------------------------------------------------------

    def trigger(self, node: nodes.Trigger, scope: Scope, batched: bool) -> None:
        """Check a trigger of a reaction, and bind the names for what comes with it."""
        match node:
            case nodes.Every(period=period, ticks=ticks, at=at):
                self._number("every", period, INT if ticks else DURATION, scope)
                if at is not None:
                    self._time_of_day(at, scope)
                    self._days(period, scope)
            case nodes.After(delay=delay):
                self._number("after", delay, DURATION, scope)
            case nodes.On(source=source, pattern=pattern):
                self._on(source, pattern, scope, batched)
            case _:
                assert_never(node)

    def _days(self, period: nodes.Expr, scope: Scope) -> None:
        """Check the period of a timer with a time of day: it must be whole days."""
        known = known_value(period, scope, self.inference)
        if isinstance(known, Duration) and (known.nanos % UNITS["d"] or known.nanos < 0):
            wanted = "whole days, since it has a time of day: `every 1d at ...`"
            self.problems.add("out-of-range", scope.unit.span(period), name="every", wanted=wanted)

    def _time_of_day(self, at: nodes.Text, scope: Scope) -> None:
        from cogc.language.clock import parse_time_of_day

        try:
            parse_time_of_day(at.value)
        except ValueError as error:
            self.problems.add(
                "bad-path",
                scope.unit.span(at),
                what=at.value,
                wanted="time of day",
                right=f'{error}; write "08:00" or "08:00 Europe/Vienna"',
            )

    def _on(self, source: nodes.Expr, pattern: nodes.Pattern | None, scope: Scope, batched: bool) -> None:
        parts: list[Type] | None = None
        if isinstance(source, nodes.Name) and source.id in ("start", "stop"):
            if pattern is not None:
                self.problems.add(
                    "bad-modifier",
                    scope.unit.span(pattern),
                    name=source.id,
                    wrong="brings nothing",
                    right="remove `as`",
                )
                self.inference.bind(pattern, ANY, scope)
            return
        if isinstance(source, nodes.Call):
            item, parts = self._special(source, scope) or (ANY, None)
        elif isinstance(source, nodes.Name) and self._is_hook(source, scope):
            item = ANY
        else:
            port = ports.port(self.inference, source, scope, sending=False)
            item = port.type if port else ANY
            if port is not None and port.kind == "child_transmit" and scope.shape is not None:
                if scope.shape.is_pool(scope.shape.children[port.child]):
                    scope.bind("sender", SENDER, "self")
        if batched:
            item, parts = ListOf(item), None
        if pattern is not None:
            self.inference.bind(pattern, item, scope, parts)

    def _special(self, node: nodes.Call, scope: Scope) -> tuple[Type, list[Type] | None] | None:
        """Return the type of what `all(...)` or `error(child)` gives, and the type of each source."""
        name = node.function.id if isinstance(node.function, nodes.Name) else ""
        if name == "error" and len(node.arguments) == 1:
            of = node.arguments[0].value
            if isinstance(of, nodes.Index):
                whole = scope.unit.text(of.base)
                help = f"write `on error({whole}) as e`, and ask for `e.index`"
                self.problems.add("bad-trigger", scope.unit.span(of), help=help)
                return None
            member = ports.child(self.inference, of, scope)
            if member is None or scope.shape is None:
                return None
            return (MEMBER_FAILURE if scope.shape.is_pool(member) else CHILD_FAILURE), None
        if name != "all" or not node.arguments:
            self._called_channel(node, name, scope)
            return None
        parts: list[Type] = []
        for a in node.arguments:
            port = ports.port(self.inference, a.value, scope, sending=False)
            ports.no_queue(self.inference, port, a, scope, "in `all(...)`")
            item = port.type if port else ANY
            pool = port is not None and port.kind == "child_transmit" and scope.shape is not None
            if pool and port is not None and scope.shape and scope.shape.is_pool(scope.shape.children[port.child]):
                if len(node.arguments) == 1:
                    return ListOf(item), None
                item = ListOf(item)
            parts.append(item)
        return ListOf(types.union(parts)), parts

    def _is_hook(self, source: nodes.Name, scope: Scope) -> bool:
        """Report a name that is near to that of a hook, and to no channel's; return False for others."""
        shape = scope.shape
        near = nearest(source.id, HOOKS)
        if near is None or shape is None or shape.lacks_members or source.id in shape.listens:
            return False
        if nearest(source.id, shape.listens) is not None or self.inference.world.lookup(scope.unit, source.id):
            return False
        span, what = scope.unit.span(source), "listen channel"
        self.problems.add("unknown-port", span, help=suggestion(near), owner=shape.name, what=what, name=source.id)
        return True

    def _called_channel(self, node: nodes.Call, name: str, scope: Scope) -> None:
        """Report a trigger that is a call, as in `on x(v)`; its arguments are most likely names for the message."""
        shape, help = scope.shape, None
        names = [a.value for a in node.arguments if isinstance(a.value, nodes.Name)]
        if shape is not None and name in shape.listens:
            self.tables.heard.add((shape.key, name))
            help = f"write `on {name} as {names[0].id if names else 'x'}`"
        elif isinstance(node.function, nodes.Field) and ports.port(self.inference, node.function, scope, sending=False):
            name = scope.unit.text(node.function)
            help = f"write `on {name} as {names[0].id if names else 'x'}`"
        span = scope.unit.span(node)
        near = nearest(name, ("all", "error")) if help is None else None
        if near is not None:
            span, help = scope.unit.span(node.function), suggestion(near)
        edits = (Edit(span, f"{name} as {names[0].id}", "unsafe"),) if help and not near and len(names) == 1 else ()
        for bound in names if help is not None else ():
            scope.bind(bound.id, ANY, place=bound)
        self.problems.add("bad-trigger", span, help=help, edits=edits)

    # ---- reactions and commands ----------------------------------------------------------------------------

    def reaction(self, node: nodes.Reaction, scope: Scope) -> None:
        """Check a reaction: what fires it, its modifiers, its body and its handler of failures."""
        batched = any(m.kind == "batch" for m in node.modifiers)
        patterns = [t for t in node.triggers if isinstance(t, nodes.On) and t.pattern is not None]
        if len(node.triggers) > 1 and patterns:
            self._shared_pattern(node, scope, batched)
        else:
            for trigger in node.triggers:
                self.trigger(trigger, scope, batched)
        self.handles = any(_is_error(t) for t in node.triggers)
        self._rest(node.modifiers, node.body, node.handler, scope, node)
        self.handles = False
        self._effects(node, scope)
        self._of_queues(node, scope)

    def _of_queues(self, node: nodes.Reaction, scope: Scope) -> None:
        """Report what a reaction to a queue cannot have beside it, and `by` where no queue is."""
        sources = [t.source for t in node.triggers if isinstance(t, nodes.On)]
        heard = [self.tables.targets.get(id(source)) for source in sources]
        if len(node.triggers) > 1 or any(m.kind not in _OF_QUEUES for m in node.modifiers):
            for port in heard:
                ports.no_queue(self.inference, port, node, scope, "with other triggers or modifiers")
        if any(port is None or port.kind == "queue" for port in heard):
            return
        for m in node.modifiers:
            if m.kind == "by" and not any(_takes_alone(t) for t in node.triggers):
                wrong, right = (
                    "has an effect on the items of a queue alone",
                    "remove it, or take the items from a queue",
                )
                self.problems.add("bad-modifier", scope.unit.span(m), name=m.kind, wrong=wrong, right=right)

    def _effects(self, node: nodes.Reaction, scope: Scope) -> None:
        """Report modifiers that have no effect on any trigger."""
        plain = [_takes_alone(t) for t in node.triggers]
        for m in node.modifiers:
            if all(taken is not None and m.kind not in taken[1] for taken in plain):
                name = plain[0][0] if plain[0] is not None else ""
                wrong, right = f"has no effect on `{name}`", "remove it"
                self.problems.add("bad-modifier", scope.unit.span(m), name=m.kind, wrong=wrong, right=right)

    def _shared_pattern(self, node: nodes.Reaction, scope: Scope, batched: bool) -> None:
        """Bind the names of several triggers: each has the union of its types, and is nullable if a trigger lacks it."""
        found: dict[str, list[Symbol]] = {}
        for trigger in node.triggers:
            inner = scope.inner()
            before = set(inner.locals)
            self.trigger(trigger, inner, batched)
            for name in set(inner.locals) - before:
                found.setdefault(name, []).append(inner.locals[name])
        for name, bound in found.items():
            parts = [s.type for s in bound]
            first = bound[0].place
            scope.bind(name, types.union([*parts, NULL] if len(parts) < len(node.triggers) else parts), place=first)
            for other in bound[1:]:
                if first is not None and other.place is not None:
                    self.tables.meant[id(other.place)] = first

    def command(self, node: nodes.Enact, scope: Scope, member: Member) -> None:
        assert member.signature is not None
        for p in member.signature.parameters:
            if p.default is not None:
                default_scope = Scope(scope.world, scope.unit, scope.shape, states=False)
                self.inference.check(p.default, default_scope, p.type)
            scope.bind(p.name, p.type, place=p.node.name)
        self._rest(node.modifiers, node.body, node.handler, scope, node)
        for m in node.modifiers:
            if m.kind not in _OF_COMMANDS:
                wrong, right = f"has no effect on `enact {node.name.id}`", "remove it"
                self.problems.add("bad-modifier", scope.unit.span(m), name=m.kind, wrong=wrong, right=right)

    def _rest(
        self,
        modifiers: tuple[nodes.Modifier, ...],
        body: nodes.Block | nodes.Pipeline | None,
        handler: nodes.Handler | None,
        scope: Scope,
        node: nodes.Node,
    ) -> None:
        outside = scope.inner()
        seen: set[str] = set()
        for m in modifiers:
            if m.kind in seen:
                self.problems.add(
                    "bad-modifier", scope.unit.span(m), name=m.kind, wrong="is given twice", right="remove one"
                )
            seen.add(m.kind)
            self._modifier(m, scope)
        scope.waits = True
        if isinstance(body, nodes.Block):
            self.block(body, scope)
        elif isinstance(body, nodes.Pipeline):
            self._pipeline(body, node, scope)
        if handler is not None:
            outside.waits = True
            outside.forget_states()
            self.inference.bind(handler.name, FAILURE, outside)
            self.block(handler.body, outside)

    def _modifier(self, m: nodes.Modifier, scope: Scope) -> None:
        match m.kind:
            case "when":
                self.inference.condition(m.value, scope)
                scope.learn(narrow.facts(self.tables, m.value, True, scope))
            case "throttle" | "batch" if m.per is not None and self._swapped(m, m.per, scope):
                return
            case "concurrent" | "throttle" | "batch":
                self._number(m.kind, m.value, INT, scope)
            case "timeout" | "debounce":
                self._number(m.kind, m.value, DURATION, scope)
            case "distinct":
                self.inference.infer(m.value, scope)
            case "by":  # a store orders the items, which has neither the coglet nor its states
                outside = Scope(scope.world, scope.unit)
                outside.locals = dict(scope.locals)
                self.inference.infer(m.value, outside)
            case _:
                assert_never(m.kind)
        if m.per is not None:
            self._number("per" if m.kind == "throttle" else "within", m.per, DURATION, scope)

    def _swapped(self, m: nodes.Modifier, per: nodes.Expr, scope: Scope) -> bool:
        """Report a number and a duration that stand in each other's place, as in `throttle 1s per 5`."""
        found, other = self.inference.infer(m.value, scope), self.inference.infer(per, scope)
        if types.fit(found, DURATION) != types.EXACT or types.fit(other, INT) != types.EXACT:
            return False
        if ANY in (found, other):
            return False
        word, source = "per" if m.kind == "throttle" else "within", scope.unit.source
        right = f"{m.kind} {scope.unit.text(per)} {word} {scope.unit.text(m.value)}"
        edits = (Edit(Span(source, m.value.start, per.end), right.partition(" ")[2], "safe"),)
        hint, span = f"write `{right}`", scope.unit.span(m.value)
        self.problems.add("wrong-type", span, edits=edits, found=types.show(found), wanted="int", hint=hint)
        return True

    def _number(self, name: str, node: nodes.Expr, wanted: Type, scope: Scope) -> None:
        """Check a number or duration that has a range."""
        self.inference.check(node, scope, wanted)
        check_range(name, node, scope, self.inference, wanted)

    def _pipeline(self, body: nodes.Pipeline, node: nodes.Node, scope: Scope) -> None:
        """Check the stages of a pipeline; each takes the value of the one before it as `it`."""
        value = self._piped(node)
        last = len(body.stages) - 1
        for i, stage in enumerate(body.stages):
            if i == last and self._is_channel(stage, scope):
                port = ports.port(self.inference, stage, scope, sending=True)
                if port is not None and value is not None and types.fit(value, port.type) == NO:
                    reports.mismatch(self.tables, self.problems, stage, value, port.type, scope)
                return
            if isinstance(stage, nodes.Call):
                inner = scope.inner()
                if value is not None:
                    inner.bind("it", value)
                value = self.inference.infer(stage, inner)
                continue
            argument = nodes.Argument(stage.start, stage.end, None, nodes.Name(stage.start, stage.end, "it"))
            call = nodes.Call(stage.start, stage.end, stage, (argument,) if value is not None else ())
            inner = scope.inner()
            if value is not None:
                inner.bind("it", value)
            value = self.inference.infer(call, inner)
            self.tables.stage_calls[id(stage)] = call

    def _piped(self, node: nodes.Node) -> Type | None:
        """Return the type of the message that the first stage takes; None for a timer."""
        if not isinstance(node, nodes.Reaction):
            return None
        parts: list[Type] = []
        for t in node.triggers:
            if isinstance(t, nodes.On):
                port = self.tables.targets.get(id(t.source))
                if port is not None:
                    parts.append(port.type)
                elif not (isinstance(t.source, nodes.Name) and t.source.id in ("start", "stop")):
                    parts.append(ANY)
        if not parts:
            return None
        item = types.union(parts)
        return ListOf(item) if any(m.kind == "batch" for m in node.modifiers) else item

    def _is_channel(self, stage: nodes.Expr, scope: Scope) -> bool:
        assert scope.shape is not None
        if isinstance(stage, nodes.Name):
            if stage.id in scope.shape.programs:
                return False
            declared = scope.world.lookup(scope.unit, stage.id)
            is_queue = declared is not None and declared.kind == "queue"
            return stage.id in scope.shape.transmits or is_queue or declared is None
        return isinstance(stage, nodes.Field) and scope.qualified(stage) is None
