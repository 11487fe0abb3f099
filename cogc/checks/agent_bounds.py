"""Agents, teams and plans: circles of agents that start each other, workers that write to one workspace at the same time, and
budgets that are smaller than the budget of one agent below."""

from __future__ import annotations

from cogc.desugar import plans, teams
from cogc.names.model_lists import models_of
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.analysis.checked import Checked
    from cogc.names.world import Declared, DeclaredNode, Unit

_MEASURES = ("usd", "tokens", "time")


def agent_bounds(checked: Checked) -> None:
    """Report circles of agents without a budget, workers that share a writable workspace, and budgets that are too
    small."""
    for unit in checked.world.roots:
        for declared in unit.declared.values():
            if declared.kind == "agent":
                _circle(checked, unit, declared)
            elif declared.kind == "team":
                _writers(checked, unit, declared.of(nodes.Team))
            _budget(checked, unit, declared)


def _given(node: DeclaredNode) -> dict[str, nodes.Attribute]:
    """Return the attributes of an agent, a team or a plan."""
    assert isinstance(node, nodes.Agent | nodes.Team | nodes.Plan)
    items = node.items if isinstance(node, nodes.Plan) else node.attributes
    return {a.key.id: a for a in items if isinstance(a, nodes.Attribute)}


def _named(checked: Checked, unit: Unit, attribute: nodes.Attribute | None) -> Iterator[Declared]:
    """Yield the declarations that an attribute names."""
    if attribute is None:
        return
    for item in attribute.value.items if isinstance(attribute.value, nodes.ListLiteral) else (attribute.value,):
        node = item.left if isinstance(item, nodes.Binary) else item
        found = checked.world.lookup(unit, nodes.qualified_text(node) or "")
        if found is not None:
            yield found


def _started(checked: Checked, declared: Declared) -> list[Declared]:
    """Return the agents that an agent may start or use as tools."""
    given = _given(declared.node)
    lists = (given.get("tools"), given.get("spawn"), _block(given).get("tools"))
    found = [d for attribute in lists for d in _named(checked, declared.unit, attribute)]
    return [d for d in found if d.kind == "agent"]


def _block(given: dict[str, nodes.Attribute]) -> dict[str, nodes.Attribute]:
    """Return the attributes in the block of `spawn`, of which the start of a sub-agent may choose."""
    return {a.key.id: a for a in given["spawn"].block} if "spawn" in given else {}


def _circle(checked: Checked, unit: Unit, start: Declared) -> None:
    """Report agents that start each other if none of them has a budget."""
    ways, seen = [[start]], {id(start.node)}
    while ways:
        way = ways.pop(0)
        for further in _started(checked, way[-1]):
            if further.node is start.node:
                if not any("budget" in _given(d.node) for d in way) and way[0].node.name.id == min(
                    d.node.name.id for d in way
                ):
                    names = " -> ".join([*(d.node.name.id for d in way), start.node.name.id])
                    checked.problems.add(
                        "unbounded-loop", unit.span(start.node.name), what=f"agents start each other: {names}"
                    )
                return
            if id(further.node) not in seen:
                seen.add(id(further.node))
                ways.append([*way, further])


def _writers(checked: Checked, unit: Unit, node: nodes.Team) -> None:
    """Report workers of a team that may write to the workspace at the same time."""
    given = _given(node)
    most = given.get("max_workers")
    number = getattr(most.value, "value", 2) if most is not None else 2
    if not isinstance(number, int) or number <= 1:  # one at a time, or a number that is wrong
        return
    writing = [w for w in teams.workers_of(checked.world, unit, node) if _writes(checked, w.declared)]
    several = [w for w in writing if w.count is not None and getattr(w.count, "value", 2) != 1]
    if len(writing) > 1 or several:
        names = " and ".join(f"`{w.role}`" for w in writing) if len(writing) > 1 else f"several `{writing[0].role}`"
        place: nodes.Node = given.get("workers", node)
        checked.problems.add("shared-workspace", unit.span(place), name=node.name.id, who=names)


def _writes(checked: Checked, declared: Declared) -> bool:
    """Return whether an agent's tools may change files: its sandbox is `rw`, or it runs commands without a sandbox."""
    given = _given(declared.node)
    sandbox = nodes.qualified_text(given["sandbox"].value) if "sandbox" in given else "none"
    if sandbox != "none":
        return sandbox == "rw"
    tools = [d for d in _named(checked, declared.unit, given.get("tools")) if d.kind == "program"]
    return any(d.of(nodes.Program).executor.kind.id == "shell" for d in tools)


def _budget(checked: Checked, unit: Unit, declared: Declared) -> None:
    """Report a budget that is smaller than the budget of one agent below it."""
    if declared.kind not in ("agent", "team", "plan"):
        return
    given = _given(declared.node)
    own = _amounts(given.get("budget"))
    if "usd" in own and declared.kind != "agent":
        _priceless(checked, unit, declared, given["budget"])
    for child in _below(checked, unit, declared) if own else ():
        theirs = _amounts(_given(child.node).get("budget"))
        for measure in _MEASURES:
            if measure in own and measure in theirs and own[measure] < theirs[measure]:
                checked.problems.add(
                    "small-budget",
                    unit.span(given["budget"]),
                    name=declared.node.name.id,
                    child=child.node.name.id,
                    what=measure,
                )
                return


def _priceless(checked: Checked, unit: Unit, declared: Declared, budget: nodes.Attribute) -> None:
    """Report a budget in dollars if the price of a model below it is not known."""
    pending, seen, catalogue = [declared], set[int](), checked.world.catalogue
    while pending:
        one = pending.pop(0)
        seen.add(id(one.node))
        pending += [d for d in _below(checked, one.unit, one) if id(d.node) not in seen]
        own = _given(one.node)
        named = [d for a in (own.get("model"), _block(own).get("models")) for d in _named(checked, one.unit, a)]
        for model in (m for d in named for m in models_of(checked.world, d)):
            node = model.of(nodes.Model)
            if not catalogue.knows(node.provider.id, node.argument.value):
                checked.problems.add("no-price", unit.span(budget), name=node.name.id, model=node.argument.value)
                return


def _below(checked: Checked, unit: Unit, declared: Declared) -> list[Declared]:
    node = declared.node
    if declared.kind == "agent":
        return _started(checked, declared)
    given = _given(node)
    keys = ("lead", "workers") if declared.kind == "team" else ("planner", "approver", "agents")
    found = [d for k in keys for d in _named(checked, unit, given.get(k))]
    if isinstance(node, nodes.Plan):
        extended = plans.ExtendedPlan(checked.world, unit, node)
        named = [checked.world.lookup(unit, s.who) for s in extended.steps.values() if s.who]
        found += [d for d in named if d is not None]
    return [d for d in found if d.kind in ("agent", "team")]


def _amounts(attribute: nodes.Attribute | None) -> dict[str, float]:
    """Return the amounts of a budget that are literals, by measure."""
    value = attribute.value if attribute is not None else None
    found = {}
    for e in value.entries if isinstance(value, nodes.RecordLiteral) else ():
        if isinstance(e, nodes.Entry) and isinstance(e.key, nodes.Name) and isinstance(e.value, nodes.Literal):
            in_units = (e.value.kind == "duration") == (e.key.id == "time")  # else it has been reported
            if in_units and isinstance(e.value.value, int | float):
                found[e.key.id] = float(e.value.value)
    return found
