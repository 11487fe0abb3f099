"""The types of the results of a plan: of each of its steps, as the others see it, and of the whole."""

from __future__ import annotations

from cogc.analysis.attribute_check import word_of
from cogc.analysis.scope import Symbol
from cogc.desugar import plans
from cogc.language import types
from cogc.language.types import ANY
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.diagnostics.problems import Problems
    from cogc.names.world import Shape, World


def step_results(world: World, plan: nodes.Plan, extended: plans.ExtendedPlan) -> dict[str, Symbol]:
    """Return the names by which steps know the results of others, with their types."""
    own = {s.name.id: s.name for s in plans.steps_of(plan)}
    unsure = _compared_with_null(plan)
    if "planner" in extended.given:  # it may draw up other steps of these names
        unsure |= extended.steps.keys()
    found = {id: ANY if id in unsure else _result(world, s) for id, s in extended.steps.items()}
    return {id: Symbol("local", id, type, place=own.get(id)) for id, type in found.items()}


def result_type(world: World, problems: Problems, shape: Shape) -> types.Type:
    """Return the type of what a plan gives at its end: the results of its steps by their names, and that of its definition of done.

    A planner may draw up other steps, and a person who approves may drop some.
    """
    declared = shape.unit.declared.get(shape.name)
    if declared is None or declared.kind != "plan":
        return ANY
    plan = declared.of(nodes.Plan)
    extended = plans.ExtendedPlan(world, shape.unit, plan)
    if "planner" in extended.given or any(d.source is shape.unit.source for d in problems.dropped):
        return ANY
    approve = extended.given.get("approve")
    is_sure = approve is not None and word_of(approve.value) == "system"
    results = step_results(world, plan, extended)
    fields = [types.FieldOf(id, symbol.type if is_sure else ANY) for id, symbol in results.items()]
    if "dod" in extended.given:
        fields.append(types.FieldOf(plans.name_of_last(extended.steps), ANY))
    return types.RecordOf(tuple(fields))


def _compared_with_null(plan: nodes.Plan) -> set[str]:
    """Return the names that a plan compares with null: who does so need not know that a step has a result once it is over."""
    found = set()
    for node in nodes.walk(plan):
        if isinstance(node, nodes.Binary) and isinstance(node.left, nodes.Name):
            is_null = isinstance(node.right, nodes.Literal) and node.right.value is None
            if node.operator == "??" or (is_null and node.operator in ("==", "!=")):
                found.add(node.left.id)
    return found


def _result(world: World, step: plans.Written) -> types.Type:
    """Return the type of what a step gives: that of its agent or program, where nothing else may take its place.

    A step with a condition may give null, and one with a definition of done what its fixer says. A result is kept as JSON, in which a
    duration is a text.
    """
    node = step.node
    if node.condition is not None or any(a.key.id == "dod" for a in node.attributes):
        return ANY
    name = node.by if node.by is not None else node.task.function if isinstance(node.task, nodes.Call) else None
    declared = None if name is None else world.lookup(step.unit, nodes.qualified_text(name) or "")
    if declared is None or declared.kind not in ("agent", "program"):
        return ANY
    if isinstance(declared.node, nodes.Agent) and any(a.key.id == "hand_off" for a in declared.node.attributes):
        return ANY
    signed = world.signatures.get(id(world.agent_programs.get(id(declared.node), declared.node)))
    return ANY if signed is None or types.holds(signed.result, (types.DURATION, types.TIME)) else signed.result
