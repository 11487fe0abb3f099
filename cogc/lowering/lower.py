"""Lower a checked world to the typed program: `lower(checked, root) -> ir.Bundle`.

In: a world without errors. Out: the coglets that the root can reach, with all names turned into numbers or keys, mixins
taken in, and a run-time check wherever a type could not be proved. The walk begins at the root and goes depth first:
`Lower` makes the coglets, programs, models, servers and queues, each when it is first referred to; `Lowering` makes the
expressions and statements in them, and comes back to `Lower` through the functions of `Tables` for what they refer to.
"""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec

from cogc import ir
from cogc.analysis.attribute_check import word_of
from cogc.analysis.bodies import scatters
from cogc.analysis.check import complete
from cogc.analysis.checked import Checked
from cogc.analysis.tables import QUEUE_PORTS, Port
from cogc.checks.common import has_flag
from cogc.desugar.agents import PLAN_TOOLS, description
from cogc.desugar.exports import part_name
from cogc.diagnostics.source import is_folder
from cogc.language import types
from cogc.language.attributes import INWARD
from cogc.language.closed import assert_never
from cogc.language.texts import REPORT, is_internal, shown
from cogc.language.types import ANY, STRING, ListOf, Type
from cogc.lowering import methods
from cogc.lowering.expressions import Lowering, piped
from cogc.lowering.queues import claiming, lower_queue, queue_tools, taking
from cogc.lowering.tables import Layout, Place, Tables
from cogc.names.headers import headers_of
from cogc.names.locks import tools_of
from cogc.names.model_lists import models_of
from cogc.names.world import Declared, Member, Shape, Signature, Unit, exports_of
from cogc.syntax import nodes, spell as cog


class Lower:
    """One run of lowering: lowers each thing that is referred to once.

    A const or program that is referred to while another one is lowered is lowered after that one, so that a chain of
    them may have any length.
    """

    __slots__ = ("later", "tables")

    def __init__(self, checked: Checked) -> None:
        self.tables = Tables(checked, self.program, self.const, self.queue)
        self.later: list[Callable[[], None]] | None = None

    def _in_turn(self, lower: Callable[[], None]) -> None:
        """Lower a thing, and then those that it refers to; or leave it to the call for the thing that refers to it."""
        if self.later is not None:
            self.later.append(lower)
            return
        self.later = [lower]
        while self.later:
            self.later.pop()()
        self.later = None

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

    def queue(self, key: str) -> None:
        """Lower a queue, and the programs by which coglets use it."""
        if key not in self.tables.queues:
            lower_queue(self.tables, key)

    def const(self, unit: Unit, node: nodes.Const, shape: Shape | None) -> str:
        key = f"{shape.key}.{node.name.id}" if shape else unit.key(node.name.id)
        if key not in self.tables.consts:
            self.tables.consts[key] = None
            self._in_turn(lambda: self._const(key, unit, node, shape))
        return key

    def _const(self, key: str, unit: Unit, node: nodes.Const, shape: Shape | None) -> None:
        lowering = Lowering(self.tables, Place(unit, shape))
        self.tables.consts[key] = lowering.checked(node.value, self.tables.type_of(node))

    def program(self, unit: Unit, node: nodes.Program, place: Place | None) -> str:
        """Lower a program once for a file, or once for each coglet that holds it; its key."""
        holder = place.layout if place is not None else None
        name = shown(node.name.id)
        key = f"{holder.shape.key}.{name}" if holder else unit.key(name)
        if key not in self.tables.programs:
            self.tables.programs[key] = None
            inner = Place(unit, place.owner if place else None, holder)
            self._in_turn(lambda: self._program(key, unit, node, inner))
        return key

    def _program(self, key: str, unit: Unit, node: nodes.Program, place: Place) -> None:
        self.tables.programs[key] = self._lowered(key, unit, node, place)

    def _lowered(self, key: str, unit: Unit, node: nodes.Program, place: Place) -> ir.Program:
        signature = self.tables.signature(node)
        parameters = self.parameters(signature, place)
        lowering = Lowering(self.tables, place.inner([p.name for p in signature.parameters]))
        executor = node.executor
        kind = cast("ir.ProgramKind", INWARD.get(executor.kind.id, executor.kind.id))  # checked against EXECUTORS
        argument = executor.argument
        body, words, text, server = None, [], "", ""
        match kind:
            case "expr":
                body = lowering.checked(argument, signature.result)  # type: ignore[arg-type]
            case "template":
                body = lowering.expr(argument)  # type: ignore[arg-type]
            case "shell":
                words = [self._word(lowering, i) for i in argument.items]  # type: ignore[union-attr]
            case "python":
                text = str(argument.value)  # type: ignore[union-attr]
            case "plan store" | "ask" if argument is not None:
                text = str(argument.value)  # type: ignore[union-attr]
            case "agent":
                return self._agent(key, unit, node, place, parameters)
            case "mcp":
                text = argument.parts[-1].id  # type: ignore[union-attr]
                server = self.server(unit, ".".join(p.id for p in argument.parts[:-1]))  # type: ignore[union-attr]
            case "plan store" | "ask" | "reply" | "human" | "llm" | "coglet" | "queue" | "file":
                pass
            case _:
                assert_never(kind)
        attributes: dict[str, ir.Expr] = {}
        models, tools = list[str](), list[str]()
        if executor.kind.id not in INWARD:
            attributes, models, tools = self._executor_attributes(lowering, unit, executor)
        if kind == "shell" and is_internal(node.name.id) and "output" in attributes:
            attributes["output"] = ir.Const(REPORT)
        resumed, effects = (_word_of(attributes, name) for name in ("on_resume", "effects"))
        return ir.Program(
            key=key,
            name=shown(node.name.id),
            kind=kind,
            parameters=parameters,
            result=self.tables.type(signature.result),
            body=body,
            argument=text,
            words=words,
            attributes=attributes,
            model=models[0] if models else "",
            fallbacks=models[1:],
            server=server,
            tools=tools,
            doc=node.doc,
            folder=posixpath.dirname(unit.path),
            on_resume=resumed if resumed != "retry" else "",
            effects=effects if effects != "some" else "",
            at=self.tables.at(unit, node),
        )

    def _agent(
        self, key: str, unit: Unit, node: nodes.Program, place: Place, parameters: list[ir.ParameterDecl]
    ) -> ir.Program:
        """Lower the conversation of an agent: an `llm` program whose prompt is the query."""
        lowering = Lowering(self.tables, place.inner([p.name for p in parameters]))
        given = {a.key.id: a for a in node.executor.attributes}
        name = place.layout.shape.name if place.layout is not None else node.name.id
        attributes, models, tools = self._executor_attributes(lowering, unit, node.executor)
        attributes["prompt"] = ir.Local(parameters[0].name)
        return ir.Program(
            key=key,
            name=name,
            kind="llm",
            parameters=parameters,
            result=self.tables.type(self.tables.signature(node).result),
            attributes=attributes,
            model=models[0] if models else "",
            fallbacks=models[1:],
            tools=tools,
            agent=self._agent_part(lowering, unit, given),
            doc=node.doc,
            folder=posixpath.dirname(unit.path),
            at=self.tables.at(unit, node),
        )

    def _agent_part(self, lowering: Lowering, unit: Unit, given: dict[str, nodes.Attribute]) -> ir.Agent:
        """Lower what an agent has beside its conversation."""
        others = given.get("hand_off")
        hand_off = [] if others is None else self._tools(unit, others.value, lowering.place)
        gate = given.get("on_tool")
        on_tool = "" if gate is None else self._gate(unit, gate.value, lowering.place)
        attribute = given.get("spawn")
        if attribute is None:
            return ir.Agent(hand_off=hand_off, on_tool=on_tool)
        block = {a.key.id: a.value for a in attribute.block}
        most = lowering.checked(block["max_concurrent"], types.INT) if "max_concurrent" in block else None  # type: ignore[arg-type]
        system = lowering.checked(block["system"], types.BOOL) if "system" in block else None  # type: ignore[arg-type]
        word = block.get("dispatch")
        dispatch = "local" if word is None else word_of(word) or str(getattr(word, "value", ""))
        models = self._named_models(unit, block["models"]) if "models" in block else {}
        tools = self._tools(unit, block["tools"], lowering.place) if "tools" in block else []
        spawn = self._tools(unit, attribute.value, lowering.place)
        if dispatch != "local":  # elsewhere an agent runs as the root of a program of its own
            for key in spawn:
                self.coglet(self.tables.world.shapes[key])
        return ir.Agent(spawn, most, dispatch, hand_off, on_tool, models, tools, system)

    def _gate(self, unit: Unit, value: nodes.Expr | nodes.TypeExpr, place: Place) -> str:
        """Return the key of the program that decides about an agent's calls of tools."""
        one = nodes.ListLiteral(value.start, value.end, (value,))  # type: ignore[arg-type]
        return self._tools(unit, one, place)[0]

    def _word(self, lowering: Lowering, node: nodes.Expr) -> ir.Expr:
        """Lower a word of a command: a list gives several words, a number becomes text."""
        found = self.tables.type_of(node)
        if types.fit(found, types.union([STRING, ListOf(STRING), types.INT, types.FLOAT])) >= types.COERCED:
            return lowering.expr(node)
        return lowering.checked(node, types.union([STRING, ListOf(STRING)]))

    def _executor_attributes(
        self, lowering: Lowering, unit: Unit, executor: nodes.Executor
    ) -> tuple[dict[str, ir.Expr], list[str], list[str]]:
        """Return the attributes that are values, the keys of the models, and the keys of the tools."""
        models: list[str] = []
        tools: list[str] = []
        for a in executor.attributes:
            if a.key.id == "model":
                models = self._models(unit, a.value)
            elif a.key.id == "tools":
                tools = self._tools(unit, a.value, lowering.place)
        kind = INWARD.get(executor.kind.id, executor.kind.id)
        return lowering.attributes(kind, executor.attributes), models, tools

    def _tools(self, unit: Unit, value: nodes.Expr | nodes.TypeExpr, place: Place) -> list[str]:
        """Return the keys of the programs that a list of tools names; the programs of the coglet go before those of the file."""
        found = []
        for item in value.items if isinstance(value, nodes.ListLiteral) else ():
            name = nodes.qualified_text(item) or ""
            member = place.layout.shape.programs.get(name) if place.layout is not None else None
            declared = self.tables.world.lookup(unit, name)
            if member is not None:
                assert place.layout is not None
                found.append(self.program(member.owner.unit, member.node, place.layout.place(member.owner)))
            elif declared is not None and declared.kind == "program":
                found.append(self.program(declared.unit, declared.of(nodes.Program), None))
            elif declared is not None and declared.kind == "queue":
                self.queue(declared.unit.key(declared.node.name.id))
                found += queue_tools(self.tables, declared.unit.key(declared.node.name.id))
            elif declared is not None and declared.kind == "plan" and place.layout is not None:
                own = place.layout.shape.programs
                tools = [own[t] for t in PLAN_TOOLS if t in own]
                found += [self.program(m.owner.unit, m.node, place.layout.place(m.owner)) for m in tools]
            elif declared is not None and declared.kind == "mcp":
                found += self._server_tools(declared)
            elif declared is not None and declared.kind == "agent":
                found.append(self.program(declared.unit, self.tables.program_of(declared.of(nodes.Agent)), None))
            else:
                raise AssertionError(f"`{name}` is no tool, which the check reports")
        return found

    def _models(self, unit: Unit, value: nodes.Expr | nodes.TypeExpr) -> list[str]:
        """Return the keys of the models that an attribute names, in the order in which they are asked."""
        declared = self.tables.world.lookup(unit, nodes.qualified_text(value) or "")
        return [self.declared_model(d) for d in models_of(self.tables.world, declared)] if declared is not None else []

    def _named_models(self, unit: Unit, value: nodes.Expr | nodes.TypeExpr) -> dict[str, list[str]]:
        """Return the keys of the models that a list names, by the name of each item."""
        items = value.items if isinstance(value, nodes.ListLiteral) else (value,)
        return {nodes.qualified_text(item) or "": self._models(unit, item) for item in items}

    def declared_model(self, declared: Declared) -> str:
        """Lower a model, and return its key."""
        node: nodes.Model = declared.of(nodes.Model)
        key = declared.unit.key(node.name.id)
        if key not in self.tables.models:
            self.tables.models[key] = ir.Model(
                key=key,
                name=node.name.id,
                provider=node.provider.id,
                argument=node.argument.value,
                folder=posixpath.dirname(declared.unit.path),
                attributes=Lowering(self.tables, Place(declared.unit)).attributes(
                    f"model {node.provider.id}", node.attributes
                ),
                price=self.tables.world.catalogue.price(node.provider.id, node.argument.value),
                at=self.tables.at(declared.unit, node),
            )
        return key

    def _server_tools(self, declared: Declared) -> list[str]:
        """Return all tools of a server as programs, as the lock file describes them."""
        name = declared.node.name.id
        server = self.server(declared.unit, name)
        found = []
        for tool, about in (tools_of(self.tables.world, declared.unit, name) or {}).items():
            key = f"{server}.{tool}"
            found.append(key)
            self.tables.programs[key] = ir.Program(
                key=key,
                name=tool,
                kind="mcp",
                parameters=[ir.ParameterDecl("input", self.tables.type(ANY))],
                result=self.tables.type(ANY),
                argument=tool,
                server=server,
                schema=about.get("input", {}),
                doc=about.get("description", ""),
                at=self.tables.at(declared.unit, declared.node),
            )
        return found

    def server(self, unit: Unit, name: str) -> str:
        """Lower an MCP server once, and return its key."""
        declared = self.tables.world.lookup(unit, name)
        if declared is None:
            return ""
        node: nodes.Mcp = declared.of(nodes.Mcp)
        key = declared.unit.key(node.name.id)
        if key not in self.tables.servers:
            lowering = Lowering(self.tables, Place(declared.unit))
            self.tables.servers[key] = ir.Server(
                key=key,
                name=node.name.id,
                transport=node.transport.id,
                argument=lowering.expr(node.argument),
                attributes=lowering.attributes(f"mcp {node.transport.id}", node.attributes),
                at=self.tables.at(declared.unit, node),
            )
        return key

    def parameters(self, signature: Signature, place: Place) -> list[ir.ParameterDecl]:
        """Lower the parameters of a program or command, with their defaults."""
        lowering = Lowering(self.tables, place)
        return [
            ir.ParameterDecl(
                p.name, self.tables.type(p.type), None if p.default is None else lowering.checked(p.default, p.type)
            )
            for p in signature.parameters
        ]


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


def _word_of(attributes: dict[str, ir.Expr], name: str) -> str:
    """Take out an attribute that is a word: it is not evaluated with each call, and no part of its digest."""
    found = attributes.pop(name, None)
    return str(found.value) if isinstance(found, ir.Const) else ""


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
