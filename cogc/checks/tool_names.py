"""Tools of an agent that have the name of a tool that the language gives it: the model could not tell the two apart."""

from __future__ import annotations

from cogc.desugar import teams
from cogc.desugar.agents import PLAN_TOOLS, attributes_of
from cogc.diagnostics.problems import Label
from cogc.language.attributes import HAND_OFF, SPAWN_TOOLS
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.analysis.checked import Checked
    from cogc.names.world import Declared, Unit


def tool_names(checked: Checked) -> None:
    """Report the tools of agents that clash with those of their plan and their sub-agents, and with those of their team."""
    for unit in checked.world.roots:
        for declared in unit.declared.values():
            if declared.kind == "agent":
                _agent(checked, declared)
            elif declared.kind == "team":
                _team(checked, unit, declared.of(nodes.Team))


def _tools(checked: Checked, agent: Declared) -> Iterator[tuple[str, str, nodes.Node]]:
    """Yield the name that a model knows each tool of an agent by, the kind of the tool, and its place."""
    tools = attributes_of(agent.of(nodes.Agent)).get("tools")
    for item in tools.value.items if tools is not None and isinstance(tools.value, nodes.ListLiteral) else ():
        name = nodes.qualified_text(item) or ""
        found = checked.world.lookup(agent.unit, name)
        if found is not None:
            yield found.node.name.id, found.kind, item


def _agent(checked: Checked, agent: Declared) -> None:
    tools = list(_tools(checked, agent))
    given: dict[str, str] = {}
    if any(kind == "plan" for _, kind, _ in tools):
        given |= dict.fromkeys(PLAN_TOOLS, "the plan among its tools")
    if "spawn" in attributes_of(agent.of(nodes.Agent)):
        given |= dict.fromkeys(SPAWN_TOOLS, "`spawn`")
    if HAND_OFF in attributes_of(agent.of(nodes.Agent)):
        given[HAND_OFF] = f"`{HAND_OFF}`"
    for name, kind, item in tools:
        if name in given and kind in ("program", "agent"):
            checked.problems.add(
                "tool-clash", agent.unit.span(item), name=name, owner=agent.node.name.id, source=given[name]
            )


def _team(checked: Checked, unit: Unit, team: nodes.Team) -> None:
    for place, agent, leads in teams.named_members(checked.world, unit, team):
        given = teams.tool_names(team, leads)
        for name, kind, item in _tools(checked, agent):
            if name in given and kind in ("program", "agent"):
                checked.problems.add(
                    "tool-clash",
                    unit.span(place),
                    related=[Label(agent.unit.span(item), "it has this tool")],
                    name=name,
                    owner=agent.node.name.id,
                    source=f"team `{team.name.id}`",
                )
