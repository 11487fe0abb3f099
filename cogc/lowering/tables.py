"""The tables of a bundle while lowering fills them, and the place at which an expression is lowered.

Lowering goes depth first: where an expression calls a program, the program is lowered at once, with all that it uses, and
the expression keeps the key of the program. Types and source positions get their numbers in that order, so that equal
specs give equal bundles. An expression does not know how programs, constants and queues are lowered: it asks for the key
through the three functions that `Tables` is made with, and `programs.py` sees to it that each thing is lowered once. A thing
that is being lowered stands in its table as None, so that a cycle ends there.

Lowering only reads what the check has found out: it writes neither into the world nor into the analysis, and it reports
nothing. Whatever cannot be lowered has been reported by the check.
"""

from __future__ import annotations

from collections.abc import Callable

from cogc import built, ir
from cogc.analysis.checked import Checked
from cogc.language import types
from cogc.language.texts import FILE
from cogc.language.types import ANY, Type
from cogc.names.world import Shape, Signature, Unit
from cogc.syntax import nodes


class Layout:
    """The numbers of one coglet's parameters and states, which its code refers to."""

    __slots__ = ("parameters", "shape", "states")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.states = {name: i for i, name in enumerate(shape.states)}
        self.parameters: dict[tuple[str, str], int] = {}
        for p in shape.parameters:
            self.parameters[shape.key, p] = len(self.parameters)
        for use in shape.mixins:
            for p in use.shape.parameters:
                self.parameters[use.shape.key, p] = len(self.parameters)

    def place(self, owner: Shape) -> Place:
        """Return the place of the expressions that a shape has written: the coglet itself, or one of its mixins."""
        return Place(owner.unit, owner, self)


class Place:
    """The place of an expression: its file, the coglet or mixin that wrote it, and the coglet that it becomes part of."""

    __slots__ = ("layout", "locals", "owner", "unit")

    def __init__(
        self,
        unit: Unit,
        owner: Shape | None = None,
        layout: Layout | None = None,
        locals: frozenset[str] = frozenset(),
    ) -> None:
        self.unit = unit
        self.owner = owner
        self.layout = layout
        self.locals = locals

    def inner(self, names: list[str]) -> Place:
        return Place(self.unit, self.owner, self.layout, self.locals | set(names))


class Tables:
    """A bundle while it is made. `program`, `const` and `queue` lower a thing that is referred to, and give its key."""

    __slots__ = (
        "checked", "coglets", "const", "consts", "found", "models", "named", "positions", "program", "programs", "queue",
        "queues", "secrets", "servers", "type_numbers", "types", "world",
    )  # fmt: skip

    def __init__(
        self,
        checked: Checked,
        program: Callable[[Unit, nodes.Program, Place | None], str],
        const: Callable[[Unit, nodes.Const, Shape | None], str],
        queue: Callable[[str], None],
    ) -> None:
        self.checked = checked
        self.found = checked.tables
        self.world = checked.world
        self.program = program
        self.const = const
        self.queue = queue
        self.coglets: dict[str, ir.Coglet | None] = {}
        self.programs: dict[str, ir.Program | None] = {}
        self.models: dict[str, ir.Model] = {}
        self.servers: dict[str, ir.Server] = {}
        self.queues: dict[str, ir.Queue] = {}
        self.consts: dict[str, ir.Expr | None] = {}
        self.types: list[object] = []
        self.type_numbers: dict[str, int] = {}
        self.named: dict[str, object] = {}
        self.positions: list[tuple[str, int, int]] = []
        self.secrets: dict[str, None] = {}

    def type(self, type: Type) -> int:
        """Return the number of a type, which the type gets at its first use."""
        data = types.to_json(type, self.named)
        key = repr(data)
        if key not in self.type_numbers:
            self.type_numbers[key] = len(self.types)
            self.types.append(data)
        return self.type_numbers[key]

    def reads_files(self) -> None:
        """Add the program that reads the images and documents of the workspace."""
        if FILE not in self.programs:
            parameter = ir.ParameterDecl("path", self.type(types.STRING))
            result = self.type(types.union([types.IMAGE, types.DOCUMENT]))
            self.programs[FILE] = ir.Program(FILE, "file", "file", [parameter], result)

    def at(self, unit: Unit, node: nodes.Node) -> int:
        """Return the number of a source position."""
        line, column = unit.source.position(node.start)
        self.positions.append((unit.path, line, column))
        return len(self.positions) - 1

    def type_of(self, node: nodes.Node) -> Type:
        """Return the type that the analysis has found for an expression, a const or a type expression."""
        return self.found.types.get(id(node), ANY)

    def signature(self, program: nodes.Program) -> Signature:
        """Return the signature of a program."""
        return self.world.signatures[id(program)]

    def program_of(self, agent: nodes.Agent) -> nodes.Program:
        """Return the program that an agent is in an expression."""
        return self.world.agent_programs[id(agent)]

    def _private(self) -> list[str]:
        """Return the names of all private fields and parameters."""
        units = self.world.units.values()
        found = {f.key.id for unit in units for f in unit.all(nodes.FieldType) if f.private}
        return sorted(found | {p.name.id for unit in units for p in unit.all(nodes.Parameter) if p.private})

    def bundle(self, root: str, setts: dict[str, ir.Sett], exports: list[ir.Export]) -> ir.Bundle:
        """Return everything that was lowered as a program."""
        return built.hashed(
            ir.Bundle(
                root=root,
                setts=setts,
                coglets={k: c for k, c in self.coglets.items() if c is not None},
                programs={k: p for k, p in self.programs.items() if p is not None},
                models=self.models,
                servers=self.servers,
                queues=self.queues,
                consts={k: c for k, c in self.consts.items() if c is not None},
                types=self.types,
                named=self.named,
                positions=self.positions,
                secrets=list(self.secrets),
                private=self._private(),
                exports=exports,
            )
        )
