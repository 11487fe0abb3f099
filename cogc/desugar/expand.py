"""Declarations that stand for coglets become shapes: `expand(world)`.

In: a world in which every name is declared. Out: the same world with a `Shape`, still without members, for each agent,
definition of done, plan, team and queue, for the further coglets that a plan or a team is made of, and for the agents
that bid in a sett. Further coglets stand in their unit under names that no user can write.
"""

from __future__ import annotations

from cogc.names.world import Declared, Shape, Unit, World, exports_of
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.desugar.parts import Part


def expand(world: World) -> None:
    """Add the shapes of all declarations that stand for coglets, and the programs that agents are in expressions."""
    for unit in list(world.units.values()):
        for declared in unit.declared.values():
            _agent_or_dod(world, unit, declared)
    for unit in list(world.units.values()):
        _judges(world, unit)
        _parts(world, unit)


def _agent_or_dod(world: World, unit: Unit, declared: Declared) -> None:
    """Add the one shape of an agent or of a definition of done."""
    # the modules of what only some files declare are imported where one does: every check would pay for them
    if declared.kind == "agent":
        from cogc.desugar import agents

        agent = declared.of(nodes.Agent)
        shape = Shape(unit, agents.coglet_of(agent, _plan_of(world, unit, agent)), "agent")
        world.shapes[shape.key] = shape
        world.agent_programs[id(declared.node)] = agents.program_of(agent)
    elif declared.kind == "dod":
        from cogc.desugar import dods

        shape = Shape(unit, dods.coglet_of(world, unit, declared.of(nodes.Dod)), "dod")
        world.shapes[shape.key] = shape


def _plan_of(world: World, unit: Unit, agent: nodes.Agent) -> str:
    """Return the name of the plan that is among an agent's tools; empty if there is none."""
    for a in agent.attributes:
        if a.key.id == "tools" and isinstance(a.value, nodes.ListLiteral):
            for item in a.value.items:
                name = nodes.qualified_text(item) or ""
                found = world.lookup(unit, name)
                if found is not None and found.kind == "plan":
                    return name
    return ""


def _judges(world: World, unit: Unit) -> None:
    """Add an agent for each agent of a sett whose bids a model makes: it makes them."""
    for declared in unit.declared.values():
        for item in declared.node.items if isinstance(declared.node, nodes.Sett) else ():
            if not isinstance(item, nodes.Agent):
                continue
            given = {a.key.id: a.value for a in item.attributes}
            prompts, ran = given.get("prompts"), given.get("run")
            if not isinstance(prompts, nodes.RecordLiteral) or ran is None or "claim" not in _keys(prompts):
                continue
            agent = world.lookup(unit, unit.text(ran))
            if agent is not None and agent.kind == "agent":
                from cogc.desugar import agents

                judge = agents.judge_of(agent.of(nodes.Agent), f"{declared.node.name.id}.{item.name.id}")
                shape = Shape(agent.unit, agents.coglet_of(judge), "agent")
                world.shapes[shape.key] = shape


def _parts(world: World, unit: Unit) -> None:
    """Add the shapes of the coglets that plans, teams, queues and exports are made of."""
    for declared in unit.declared.values():
        found: list[Part] = []
        if declared.kind == "plan":
            from cogc.desugar import plans

            found = plans.parts_of(world, unit, declared.of(nodes.Plan))
        elif declared.kind == "team":
            from cogc.desugar import teams

            found = teams.parts_of(world, unit, declared.of(nodes.Team))
        elif declared.kind == "queue":
            from cogc.desugar import queues

            found = [queues.part_of(world, unit, declared.of(nodes.Queue))]
        for part in found:
            _add(world, unit, part, part.name != declared.node.name.id)
    if exports_of(unit):
        from cogc.desugar import exports

        for part in exports.parts_of(world, unit):
            _add(world, unit, part, True)


def _add(world: World, unit: Unit, part: Part, hidden: bool) -> None:
    """Add the shape of a part. A hidden one has a name that no user can write."""
    shape = Shape(part.unit, part.node, part.declared)
    shape.key, shape.name, shape.budget = unit.key(part.name), part.shown, part.budget
    world.shapes[shape.key] = shape
    if hidden:
        unit.hidden[part.name] = Declared(unit, part.node, "coglet")


def _keys(record: nodes.RecordLiteral) -> list[str]:
    return [e.key.id for e in record.entries if isinstance(e, nodes.Entry)]
