"""Lower a checked world to the typed program: `lower(checked, root) -> ir.Bundle`.

In: a world without errors. Out: the coglets that the root can reach, with all names turned into numbers or keys, mixins
taken in, and a run-time check wherever a type could not be proved. The walk begins at the root and goes depth first:
`Lower` makes the coglets, and `Programs` (`programs.py`) the programs, models, servers and queues, each when it is first referred to;
`Lowering` makes the expressions and statements in them, and comes back to both through the functions of `Tables` for what they refer to.
"""

from __future__ import annotations

import posixpath
import sys
from typing import Any, Literal, cast

import msgspec

from cogc import ir
from cogc.analysis.attribute_check import word_of
from cogc.analysis.bodies import scatters
from cogc.analysis.check import complete
from cogc.analysis.checked import Checked
from cogc.analysis.tables import QUEUE_PORTS, Port
from cogc.checks.common import has_flag
from cogc.desugar.agents import description
from cogc.desugar.exports import part_name
from cogc.diagnostics.source import is_folder
from cogc.language import types
from cogc.language.types import ANY, STRING, ListOf, Type
from cogc.lowering import methods
from cogc.lowering.expressions import Lowering, piped
from cogc.lowering.programs import Programs
from cogc.lowering.queues import claiming, taking
from cogc.lowering.tables import Layout
from cogc.names.headers import headers_of
from cogc.names.world import Member, Shape, Signature, exports_of
from cogc.syntax import nodes, spell as cog


class Lower(Programs):
    """One run of lowering: lowers each thing that is referred to once."""

    __slots__ = ()

    def __init__(self, checked: Checked) -> None:
        super().__init__(checked, self.coglet)

    # ---- exports -------------------------------------------------------------------------------------------

    def exports(self) -> list[ir.Export]:
        """Lower what the first file exports, and return it."""
        world, found = self.tables.world, []
        unit = world.roots[0]
        for declared in exports_of(unit):
            node, name = declared.node, declared.node.name.id
            key = unit.key(part_name(name) if declared.kind == "program" else name)
            doc = description(node) if isinstance(node, nodes.Agent) else node.doc
            kind = cast("Any", declared.kind)  # the grammar exports nothing else
            found.append(ir.Export(name, kind, self.coglet(world.shapes[key]), doc))
        return found

    # ---- coglets -------------------------------------------------------------------------------------------

    def coglet(self, shape: Shape) -> str:
        """Lower a coglet and all that it may create; its key."""
        key = shape.key
        if key not in self.tables.coglets:
            self.tables.coglets[key] = None
            complete(self.tables.checked, shape)
            self.tables.coglets[key] = _Coglet(self, shape).lower()
        return key


class _Coglet:
    """Lowers one coglet. `queues` are the inboxes of the queues that its reactions listen to."""

    def __init__(self, lower: Lower, shape: Shape) -> None:
        self.run = lower
        self.shape = shape
        self.layout = Layout(shape)
        self.queues: list[str] = []

    def lowering(self, owner: Shape) -> Lowering:
        return Lowering(self.run.tables, self.layout.place(owner))

    def lower(self) -> ir.Coglet:
        shape, run = self.shape, self.run
        assert shape.declared != "mixin"  # its members are in the coglets that take it in
        if self._takes("ProgLet"):  # any of its programs may be given another's name, or its file's
            for member in shape.programs.values():
                run.program(member.owner.unit, member.node, self.layout.place(member.owner))
            for declared in shape.unit.declared.values():
                if declared.kind == "program":
                    run.program(shape.unit, declared.of(nodes.Program), None)
        suppress = [self.layout.states.get(n, -1) for n in ("suppressed_channels", "suppressed_commands")]
        reactions = [
            *(self._reaction(m) for m in shape.reactions),
            *(self._command(m) for m in shape.enacts.values() if m.node.body is not None),
            *self._methods(),
        ]
        return ir.Coglet(
            key=shape.key,
            name=shape.name,
            parameters=self._parameters(),
            own_parameters=len(shape.parameters),
            listens=[*(self._channel(m) for m in shape.listens.values()), *self._ticks(), *self._items()],
            transmits=[self._channel(m) for m in shape.transmits.values()],
            states=[self._state(m) for m in shape.states.values()],
            children=[self._child(m) for m in shape.children.values()],
            links=[link for m in shape.links for link in self._links(m)],
            reactions=reactions,
            supervision=self._supervision(),
            mixins=[m.shape.name for m in shape.mixins],
            doc=shape.node.doc,
            logged_from=self.layout.states.get("logged_from", -1) if self._takes("LogLet") else -1,
            suppressed=suppress if self._takes("SuppressLet") else [],
            registered=self.layout.states.get("registered", -1) if self._takes("ProgLet") else -1,
            kind=shape.declared,
            budget=self._budget(),
            python=f"{shape.key}.{ir.TICKS}" if shape.python is not None else "",
            open=shape.python is not None and is_folder(shape.unit.path),
            at=run.tables.at(shape.unit, shape.node.name),
        )

    def _budget(self) -> ir.Expr | None:
        """Lower the budget that all models below a plan or a team share."""
        if self.shape.budget is None:
            return None
        attribute = (self.shape.budget,)
        return self.lowering(self.shape).attributes(self.shape.declared, attribute)["budget"]

    def _items(self) -> list[ir.ChannelDecl]:
        """Return the inboxes for the queues that the coglet listens to."""
        return [ir.ChannelDecl(channel, self.run.tables.type(ANY)) for channel in self.queues]

    def _ticks(self) -> list[ir.ChannelDecl]:
        return [] if self.shape.python is None else [methods.ticks(self.run.tables.type(STRING))]

    def _methods(self) -> list[ir.Reaction]:
        """Return the reactions of a coglet in Python, and add the program by which they call its object."""
        shape, run = self.shape, self.run
        if shape.python is None:
            return []
        own = [n for n, m in shape.listens.items() if m.owner is shape]
        commands = [m for m in shape.enacts.values() if m.node.body is None]
        key, at = f"{shape.key}.{ir.TICKS}", run.tables.at(shape.unit, shape.python)
        run.tables.programs[key] = ir.Program(
            key=key,
            name=shape.name,
            kind="coglet",
            parameters=[ir.ParameterDecl(n, run.tables.type(ANY)) for n in methods.PARAMETERS],
            result=run.tables.type(ANY),
            argument=shape.python.path.value,
            ports=own,
            commands=[m.node.name.id for m in commands],
            says=list(shape.transmits),
            folder=posixpath.dirname(shape.unit.path),
            open=is_folder(shape.unit.path),
            at=at,
        )
        asked = shape.unit.declared.get(ir.ASKED)
        if asked is not None and isinstance(asked.node, nodes.Model):  # the class asks it by itself
            run.declared_model(asked)
        given = ir.Record([ir.Entry(ir.Parameter(i, name), name=name) for i, name in enumerate(shape.parameters)])
        return [
            *methods.hooks(key, "start", given, at),
            *(methods.hears(key, "listen", n, at) for n in own),
            *(methods.obeys(key, self._command(m), at) for m in commands),
        ]

    def _takes(self, mixin: str) -> bool:
        return any(m.shape.name == mixin and m.shape.unit.is_std for m in self.shape.mixins)

    def _parameters(self) -> list[ir.ParameterDecl]:
        """Lower the parameters of the coglet, then those of its mixins, whose defaults are the arguments of `with M(...)`."""
        run, found = self.run, []
        for p in self.shape.parameters.values():
            default = None if p.default is None else self.lowering(self.shape).checked(p.default, p.type)
            found.append(ir.ParameterDecl(p.name, run.tables.type(p.type), default))
        for use in self.shape.mixins:
            given = use.node.arguments if use.node else ()
            signature = Signature(use.shape.name, list(use.shape.parameters.values()), types.NULL)
            values = self.lowering(use.owner).arguments(given, signature)
            for p, value in zip(use.shape.parameters.values(), values, strict=True):
                if value is None and p.default is not None:
                    value = self.lowering(use.shape).checked(p.default, p.type)
                found.append(ir.ParameterDecl(f"{use.shape.name}.{p.name}", run.tables.type(p.type), value))
        return found

    def _channel(self, member: Member) -> ir.ChannelDecl:
        capacity: ir.Expr | None = None
        overflow: ir.Overflow = "block"
        for a in member.node.attributes:
            if a.key.id == "capacity":
                capacity = self.lowering(member.owner).checked(a.value, types.INT)
            elif a.key.id == "overflow":
                overflow = _kind(a.value)
        headers = headers_of(member.node)
        return ir.ChannelDecl(member.node.name.id, self.run.tables.type(member.type), capacity, overflow, headers)

    def _state(self, member: Member) -> ir.StateDecl:
        value = self.lowering(member.owner).checked(member.node.value, member.type)
        found = ir.StateDecl(member.node.name.id, self.run.tables.type(member.type), value, member.node.life)
        if member.before is None:
            return found
        return msgspec.structs.replace(found, conversion=self._conversion(member, member.before))

    def _conversion(self, member: Member, before: Type) -> ir.Conversion:
        node: nodes.Conversion = member.node.conversion
        type = self.run.tables.type(before)
        if node.name is not None and node.value is not None:
            return ir.Conversion(type, node.name.id, self.lowering(member.owner).inner([node.name.id]).expr(node.value))
        old = ir.Local("old")
        is_text = types.conversion(before, member.type) == "text"
        return ir.Conversion(type, "old", ir.Builtin("str", [old]) if is_text else ir.Items([old]))

    def _child(self, member: Member) -> ir.ChildDecl:
        node: nodes.Create = member.node
        lowering = self.lowering(member.owner)
        at = self.run.tables.at(member.owner.unit, node.name)
        assert member.target is not None
        source = None
        if node.for_each is not None:
            source = lowering.expr(node.for_each.source)
            lowering = lowering.inner([node.for_each.name.id])
        signature = Signature(member.target.name, list(member.target.parameters.values()), types.NULL)
        given = {a.key.id: a.value for a in node.attributes}
        map, hash = self._map(given.get("map"), lowering)
        return ir.ChildDecl(
            name=node.name.id,
            coglet=self.run.coglet(member.target),
            arguments=lowering.arguments(node.arguments, signature),
            low=lowering.checked(node.count.low, types.INT) if node.count else None,
            high=lowering.checked(node.count.high, types.INT) if node.count and node.count.high else None,
            each=node.for_each.name.id if node.for_each else "",
            source=source,
            restart=_kind(given["restart"]) if "restart" in given else "never",
            max_restarts=self._optional(lowering, given.get("max_restarts"), types.INT),
            within=self._optional(lowering, given.get("within"), types.DURATION),
            backoff=self._optional(lowering, given.get("backoff"), types.DURATION),
            map=map,
            hash=hash,
            at=at,
        )

    def _optional(self, lowering: Lowering, node: object, type: Type) -> ir.Expr | None:
        return None if node is None else lowering.checked(node, type)  # type: ignore[arg-type]

    def _map(self, node: nodes.Value | None, lowering: Lowering) -> tuple[ir.Sharing, ir.Expr | None]:
        if isinstance(node, nodes.Call):
            return "hash", lowering.inner(["message"]).expr(node.arguments[0].value)
        return "broadcast" if node is None else _kind(node), None

    def _links(self, member: Member) -> list[ir.LinkDecl]:
        """Lower a link to one wire for each pair of a source and a target."""
        node, lowering = member.node, self.lowering(member.owner)
        given = {a.key.id: a.value for a in node.attributes}
        map: ir.Sharing | Literal[""] = ""
        hash: ir.Expr | None = None
        if "map" in given:
            map, hash = self._map(given["map"], lowering)
        found = []
        for s in node.sources:
            for t in node.targets:
                source, target = self.run.tables.found.targets[id(s)], self.run.tables.found.targets[id(t)]
                wanted = ListOf(target.type) if self._scatters(map, target) else target.type
                proved = types.fit(source.type, wanted) == types.EXACT
                found.append(
                    ir.LinkDecl(
                        source=lowering.port(source),
                        target=lowering.port(target),
                        type=None if proved else self.run.tables.type(wanted),
                        map=map,
                        hash=hash,
                        feedback=has_flag(node.attributes, "feedback"),
                        at=self.run.tables.at(member.owner.unit, node),
                    )
                )
        return found

    def _scatters(self, map: str, target: Port) -> bool:
        """Return whether a link hands each replica of its target an item of a list; its own map goes before the child's."""
        if map or target.kind != "child_listen" or target.index is not None:
            return map == "scatter"
        return scatters(self.shape.children[target.child].node.attributes)

    def _supervision(self) -> ir.Supervision:
        member = self.shape.supervise
        if member is None:
            return ir.Supervision()
        lowering = self.lowering(member.owner)
        given = {a.key.id: a.value for a in member.node.attributes}
        return ir.Supervision(
            _kind(member.node.strategy),
            self._optional(lowering, given.get("max_restarts"), types.INT),
            self._optional(lowering, given.get("within"), types.DURATION),
        )

    # ---- reactions -----------------------------------------------------------------------------------------

    def _reaction(self, member: Member) -> ir.Reaction:
        node, owner = member.node, member.owner
        lowering = self.lowering(owner)
        triggers = [lowering.trigger(t, owner) for t in node.triggers]
        names = [n for t in triggers for n in t.names]
        inner = lowering.inner([*names, *(["sender"] if any(t.sender for t in triggers) else [])])
        return self._finish(node, triggers, inner, owner, _trigger_name(node), [])

    def _command(self, member: Member) -> ir.Reaction:
        node, owner = member.node, member.owner
        assert member.signature is not None
        parameters = self.run.parameters(member.signature, self.layout.place(owner))
        trigger = ir.Trigger("command", command=node.name.id, names=[p.name for p in parameters])
        inner = self.lowering(owner).inner(trigger.names)
        return self._finish(node, [trigger], inner, owner, f"enact {node.name.id}", parameters)

    def _finish(
        self,
        node: nodes.Reaction | nodes.Enact,
        triggers: list[ir.Trigger],
        lowering: Lowering,
        owner: Shape,
        name: str,
        parameters: list[ir.ParameterDecl],
    ) -> ir.Reaction:
        single: dict[str, ir.Expr | None] = {}
        pairs: dict[str, ir.Pair | None] = {}
        for m in node.modifiers:
            value = lowering.expr(m.value)
            if m.per is None:
                single[m.kind] = value
            else:
                pairs[m.kind] = ir.Pair(value, lowering.expr(m.per))
        if isinstance(node.body, nodes.Pipeline):
            body = lowering.pipeline(node.body, triggers)
        else:
            body = lowering.block(node.body) if node.body else []
        handler = None
        if node.handler is not None:
            handler = lowering.inner([node.handler.name.id]).block(node.handler.body)
        beside = isinstance(node.body, nodes.Pipeline) and piped(triggers)
        if isinstance(node.body, nodes.Pipeline) and len(triggers) == 1 and not triggers[0].names:
            triggers = [_with_name(t, "it") for t in triggers if t.kind in ("port", "all", "error")] or triggers
        error_name = node.handler.name.id if node.handler else ""
        taken = next((t.ports[0] for t in triggers if t.ports and t.ports[0].kind in QUEUE_PORTS), None)
        if taken is not None:
            channel = f"{ir.QUEUE}{taken.name}{QUEUE_PORTS[taken.kind]}"
            self.queues.append(channel)
            queue = self.run.tables.queues[taken.name]
            claims = claiming(self.run.tables, queue, channel, triggers[0], single.pop("by", None))
            tables = self.run.tables
            triggers, body, error_name, handler = taking(
                tables, queue, channel, triggers[0], claims, body, error_name, handler
            )
            lowering.waits.found = True
            beside = False
        return ir.Reaction(
            name=name,
            triggers=triggers,
            body=body,
            error_name=error_name,
            handler=handler,
            parameters=parameters,
            waits=lowering.waits.found,
            piped=beside,
            at=self.run.tables.at(owner.unit, node),
            **single,  # type: ignore[arg-type]
            **pairs,  # type: ignore[arg-type]
        )


def _with_name(trigger: ir.Trigger, name: str) -> ir.Trigger:
    return msgspec.structs.replace(trigger, names=[name])


def _kind(node: nodes.Value) -> Any:
    """Return the word of an attribute, which the checker has found among the right ones, as one of the IR's own strings.

    msgspec leaves out a field that is its default, and a decoded program has such strings: both go by identity.
    """
    return sys.intern(word_of(node) or "")


def _trigger_name(node: nodes.Reaction) -> str:
    """Return the name of a reaction in traces: its triggers."""
    words = ", ".join(cog.trigger(t).partition(" as ")[0] for t in node.triggers)
    return f"on {words}" if isinstance(node.triggers[0], nodes.On) else words


def lower(checked: Checked, root: str) -> ir.Bundle:
    """Return the program that starts at the coglet `root`, a key of the world's shapes."""
    run = Lower(checked)
    run.coglet(checked.world.shapes[root])
    return run.tables.bundle(root, {}, run.exports())
