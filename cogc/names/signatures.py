"""Signatures of programs and commands: `sign(world, problems)` makes that of each program, once."""

from __future__ import annotations

from cogc.diagnostics.problems import Label, Problems
from cogc.diagnostics.suggest import did_you_mean
from cogc.language import types
from cogc.language.attributes import EXECUTORS, INWARD
from cogc.names.lower_type import lower_type
from cogc.names.world import Parameter, Signature, Unit, World, hides_self
from cogc.syntax import nodes


def sign(world: World, problems: Problems) -> None:
    """Fill `World.signatures`: the programs of files, those of coglets and mixins, and those that agents are."""
    for unit in world.units.values():
        for node in unit.tree.declarations:
            if isinstance(node, nodes.Program):
                world.signatures[id(node)] = _program_signature(world, unit, node, problems)
                _doubt(world, node, world.signatures[id(node)])
        for declared in unit.declared.values():
            program = world.agent_programs.get(id(declared.node))
            if program is not None:
                world.signatures[id(program)] = _program_signature(world, unit, program, problems)
                _doubt(world, declared.node, world.signatures[id(program)])
    for shape in world.shapes.values():
        for member in shape.node.members:
            if isinstance(member, nodes.Program):
                world.signatures[id(member)] = _program_signature(world, shape.unit, member, problems)


def _doubt(world: World, node: nodes.Node, found: Signature) -> None:
    """Let the signature of a name that is declared twice take and give anything."""
    if id(node) in world.doubled:
        found.unsure, found.result = True, types.ANY


def signature(
    world: World,
    unit: Unit,
    name: str,
    parameters: tuple[nodes.Parameter, ...],
    result: types.Type,
    problems: Problems,
) -> Signature:
    """Return the signature of a program or command; a parameter that is declared twice is a problem."""
    found: dict[str, Parameter] = {}
    for node in parameters:
        if node.name.id in found:
            related = [Label(unit.span(found[node.name.id].node.name), "first declared here")]
            problems.add("duplicate-name", unit.span(node.name), related=related, name=node.name.id)
            found[node.name.id].type = types.ANY
            continue
        hides_self(unit, node.name, problems)
        found[node.name.id] = Parameter(node, lower_type(world, unit, node.type, problems))
    return Signature(name, list(found.values()), result, len(parameters) - len(found))


def _program_signature(world: World, unit: Unit, node: nodes.Program, problems: Problems) -> Signature:
    """Return the signature of a program. Without a declared result an `expr` gives anything, others a string."""
    kind = node.executor.kind.id
    if kind not in (*EXECUTORS, *INWARD):
        help = did_you_mean(kind, EXECUTORS) or None
        executors = ", ".join(f"`{e}`" for e in EXECUTORS)
        problems.add("unknown-executor", unit.span(node.executor.kind), help=help, name=kind, known=executors)
    if node.result is not None:
        result = lower_type(world, unit, node.result, problems)
    else:
        result = types.ANY if kind in ("expr", "python", "mcp") else types.STRING
    return signature(world, unit, node.name.id, node.parameters, result, problems)
