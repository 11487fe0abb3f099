"""Settings without an effect, since another one that they belong to is not there: `accept` without `shared`, `max_steps` without `planner`."""

from __future__ import annotations

from cogc.analysis.attribute_check import word_of
from cogc.checks.common import extended_plans_and_dods, sound_units
from cogc.desugar import dods, plans
from cogc.diagnostics.edits import removal
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.names.world import Unit

    Given = dict[str, nodes.Attribute]

_OF_TOOLS = ("tool_choice", "max_parallel", "max_result")
_OF_PLANNERS = ("max_steps", "max_replans", "agents")


def idle_settings(checked: Checked) -> None:
    """Report attributes that change nothing as the declaration is."""
    extended = extended_plans_and_dods(checked)
    in_teams = _in_teams(checked)
    for unit in sound_units(checked):
        for executor in unit.all(nodes.Executor):
            _executor(checked, unit, executor)
        for team in unit.all(nodes.Team):
            given = _given(team.attributes)
            if "shared" not in given:
                _report(checked, unit, given, ("accept",), "without `shared` there is no record that is changed")
            _workers(checked, unit, given)
        in_setts = {id(item) for sett in unit.all(nodes.Sett) for item in sett.items}
        for one in unit.all(nodes.Agent):
            _agent(checked, unit, one, in_teams)
            if id(one) not in in_setts:
                _sandbox(checked, unit, one.attributes, "the tools of the agent run in no `sandbox`")
        for mcp in unit.all(nodes.Mcp):
            _sandbox(checked, unit, mcp.attributes, "the server runs in no `sandbox`")
        for plan in unit.all(nodes.Plan):
            if id(plan) not in extended:
                _plan(checked, unit, plan)
        for dod in unit.all(nodes.Dod):
            if id(dod) not in extended:
                _judge(checked, unit, dod)
        for queue in unit.all(nodes.Queue):
            if queue.backend.id == "memory" and queue.argument is not None:
                why = "a queue in memory has no other place"
                edits = removal(unit.source, queue.argument.start, queue.argument.end)
                checked.problems.add("no-effect", unit.span(queue.argument), edits=edits, what="this name", why=why)
        for sett in unit.all(nodes.Sett):
            for agent in sett.items:
                if isinstance(agent, nodes.Agent):
                    _bidder(checked, unit, agent)


def _given(attributes: tuple[nodes.Attribute, ...]) -> Given:
    return {a.key.id: a for a in attributes}


def _report(checked: Checked, unit: Unit, given: Given, keys: tuple[str, ...], why: str) -> None:
    for key in keys:
        if key in given:
            a = given[key]
            edits = removal(unit.source, a.start, a.end)
            checked.problems.add("no-effect", unit.span(a.key), edits=edits, what=f"`{key}`", why=why)


def _in_teams(checked: Checked) -> set[int]:
    """Return the identities of the agents, as nodes, that are members of a team, which gives them tools."""
    found = set()
    for unit in checked.world.units.values():
        for team in unit.all(nodes.Team):
            for name in (n for a in team.attributes if a.key.id in ("lead", "workers") for n in nodes.walk(a.value)):
                declared = checked.world.lookup(unit, nodes.qualified_text(name) or "")
                if declared is not None:
                    found.add(id(declared.node))
    return found


def _agent(checked: Checked, unit: Unit, agent: nodes.Agent, in_teams: set[int]) -> None:
    """Report what says how an agent uses its tools where it has none: neither its own nor those of sub-agents or of a team."""
    given = _given(agent.attributes)
    if given.keys().isdisjoint(("tools", "spawn", "hand_off", "run", "command")) and id(agent) not in in_teams:
        _report(checked, unit, given, ("tool_choice", "max_parallel", "on_tool"), "the agent has no `tools`")


def _sandbox(checked: Checked, unit: Unit, attributes: tuple[nodes.Attribute, ...], why: str) -> None:
    """Report the settings of a sandbox that an agent does not have."""
    given = _given(attributes)
    if "sandbox" not in given or word_of(given["sandbox"].value) == "none":
        _report(checked, unit, given, ("network", "limits"), why)


def _workers(checked: Checked, unit: Unit, given: Given) -> None:
    """Report a bound of workers that a team with numbers written out never reaches."""
    workers, most = given.get("workers"), given.get("max_workers")
    if workers is None or most is None or not isinstance(workers.value, nodes.ListLiteral):
        return
    count = 0
    for item in workers.value.items:
        times = item.right if isinstance(item, nodes.Binary) and item.operator == "*" else None
        if times is not None and (not isinstance(times, nodes.Literal) or times.value == 0):
            return
        count += times.value if isinstance(times, nodes.Literal) and isinstance(times.value, int) else 1
    bound = most.value.value if isinstance(most.value, nodes.Literal) else None
    if isinstance(bound, int) and bound > count:
        what, why = f"`max_workers: {bound}`", f"the team has {count} workers"
        checked.problems.add("no-effect", unit.span(most), what=what, why=why)


def _executor(checked: Checked, unit: Unit, executor: nodes.Executor) -> None:
    given = _given(executor.attributes)
    if executor.kind.id == "llm" and "tools" not in given:
        _report(checked, unit, given, _OF_TOOLS, "there are no `tools`")


def _plan(checked: Checked, unit: Unit, plan: nodes.Plan) -> None:
    """Report what bounds a planner in a plan that has none. A plan that extends another one, or has roles, may be given one.

    A plan that another one extends is not asked here: what it says may be for the planner of the other one.
    """
    given = _given(tuple(i for i in plan.items if isinstance(i, nodes.Attribute)))
    if plan.extends is None and "planner" not in given and "roles" not in given and plans.steps_of(plan):
        _report(checked, unit, given, _OF_PLANNERS, "there is no `planner`")


def _judge(checked: Checked, unit: Unit, dod: nodes.Dod) -> None:
    """Report the judge of a definition without a standard criterion that is judged; no other one extends it."""
    given = _given(tuple(c for c in dod.criteria if isinstance(c, nodes.Attribute)))
    if "judge" not in given:
        return
    criteria = dods.criteria_of(checked.world, unit, dod)
    if not any(key in dods.JUDGED for key in criteria):
        judged = ", ".join(f"`{j}`" for j in dods.JUDGED)
        _report(checked, unit, given, ("judge",), f"it decides about {judged}, and none of them is here")


def _bidder(checked: Checked, unit: Unit, agent: nodes.Agent) -> None:
    """Report the worker of an agent that is no controller, and bids behind one that always holds."""
    given = _given(agent.attributes)
    if "worker" in given and "mode" not in given:
        _report(checked, unit, given, ("worker",), "without `mode: controller` the agent works itself")
    certain = False
    for a in agent.attributes:
        if a.key.id == "bid" and certain:
            edits, why = removal(unit.source, a.start, a.end), "the bid before it has no condition, and always holds"
            checked.problems.add("no-effect", unit.span(a), edits=edits, what="this bid", why=why)
        certain = certain or (a.key.id == "bid" and a.condition is None)
