"""Lowers programs, consts, models, MCP servers and queues, each when it is first referred to."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import cast

from cogc import ir
from cogc.analysis.attribute_check import word_of
from cogc.analysis.checked import Checked
from cogc.desugar.agents import PLAN_TOOLS
from cogc.language import types
from cogc.language.attributes import INWARD
from cogc.language.closed import assert_never
from cogc.language.texts import REPORT, is_internal, shown
from cogc.language.types import ANY, STRING, ListOf
from cogc.lowering.expressions import Lowering
from cogc.lowering.queues import lower_queue, queue_tools
from cogc.lowering.tables import Place, Tables
from cogc.names.locks import tools_of
from cogc.names.model_lists import models_of
from cogc.names.world import Declared, Shape, Signature, Unit
from cogc.syntax import nodes


class Programs:
    """Lowers programs, consts, models, servers and queues, each once. `coglet` lowers a coglet, and returns its key.

    A const or program that is referred to while another one is lowered is lowered after that one, so that a chain of
    them may have any length.
    """

    __slots__ = ("_coglet", "later", "tables")

    def __init__(self, checked: Checked, coglet: Callable[[Shape], str]) -> None:
        self.tables = Tables(checked, self.program, self.const, self.queue)
        self._coglet = coglet
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
                self._coglet(self.tables.world.shapes[key])
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


def _word_of(attributes: dict[str, ir.Expr], name: str) -> str:
    """Take out an attribute that is a word: it is not evaluated with each call, and no part of its digest."""
    found = attributes.pop(name, None)
    return str(found.value) if isinstance(found, ir.Const) else ""
