"""Plans: steps without a worker, steps that wait for each other or never begin, and paths around the definition of done."""

from __future__ import annotations

from collections import deque

from cogc.desugar import plans
from cogc.diagnostics.suggest import nearest
from cogc.language.attributes import ATTRIBUTES
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.analysis.checked import Checked
    from cogc.diagnostics.source import Span
    from cogc.names.world import Unit


def plan_flow(checked: Checked) -> None:
    """Report mistakes in the order and in the workers of a plan's steps."""
    for unit in checked.world.roots:
        for declared in unit.declared.values():
            if declared.kind == "plan":
                _Plan(checked, unit, declared.of(nodes.Plan)).look()


class _Plan:
    def __init__(self, checked: Checked, unit: Unit, node: nodes.Plan) -> None:
        self.checked = checked
        self.problems = checked.problems
        self.unit = unit
        self.node = node
        self.name = node.name.id
        self.extended = plans.ExtendedPlan(checked.world, unit, node)
        self.steps = {id: s.node for id, s in self.extended.steps.items()}
        self.given = self.extended.given

    def look(self) -> None:
        near = {nearest(r, self.extended.open) for r in self.extended.bound if r not in self.extended.roles}
        if self.extended.bound and set(self.extended.open) - near:
            owner = f"plan `{self.name}`, in `roles`,"
            self.problems.add(
                "missing-attribute",
                self.unit.span(self.node.name),
                owner=owner,
                name=next(r for r in self.extended.open if r not in near),
            )
        approve = nodes.qualified_text(self.given["approve"].value) if "approve" in self.given else ""
        if approve == "agent" and not {"approver", "planner"} & self.given.keys():
            span = self.unit.span(self.given["approve"])
            self.problems.add(
                "missing-attribute", span, owner=f"plan `{self.name}`, which an agent approves,", name="approver"
            )
        if not self.steps and "planner" not in self.given and self._is_read():
            self.problems.add("empty-plan", self.unit.span(self.node.name), name=self.name)
        for step in self.steps.values():
            if step.by is None and isinstance(step.task, nodes.Text):
                self.problems.add("step-without-agent", self._place(step), name=step.name.id)
        stuck = self._cycles()
        self._unreachable()
        if not stuck:
            self._unverified()

    def _is_read(self) -> bool:
        """Return whether what the plan says is known: all of it was read, and the plan that it extends was found."""
        extends = self.node.extends
        if extends is not None:
            found = self.checked.world.lookup(self.unit, extends.text)
            if found is None or found.kind != "plan" or found.node is self.node:
                return False
        read = all(isinstance(i, nodes.Step | nodes.Attribute) for i in self.node.items)
        dropped = any(
            d.source is self.unit.source and self.node.start <= d.start < self.node.end for d in self.problems.dropped
        )
        unknown = any(isinstance(i, nodes.Attribute) and i.key.id not in ATTRIBUTES["plan"] for i in self.node.items)
        return read and not dropped and not unknown

    def _place(self, step: nodes.Step) -> Span:
        """Return the place of a step's name; what is taken from another file is blamed on the plan that takes it."""
        own = self.extended.steps[step.name.id].unit is self.unit
        return self.unit.span(step.name if own else self.node.name)

    def _after(self, step: nodes.Step) -> list[nodes.Step]:
        return [self.steps[a.id] for a in step.after if a.id in self.steps]

    def _cycles(self) -> set[str]:
        """Return the steps that wait for themselves; each cycle is reported once."""
        stuck: set[str] = set()
        written = [i.name.id for i in self.node.items if isinstance(i, nodes.Step)]
        for name, step in self._waiting().items():
            way = [] if name in stuck or written.count(name) > 1 else self._way_back(step)
            if way:
                stuck.update(way)
                self.problems.add("step-cycle", self._place(step), name=name, cycle=" after ".join([*way, way[0]]))
        return stuck

    def _waiting(self) -> dict[str, nodes.Step]:
        """Return the steps that never begin because of what they come after: those of cycles and those behind them."""
        ready: set[str] = set()
        for name, step in self.steps.items():
            if all(e.name.id in ready for e in self._after(step)):
                ready.add(name)
        return {name: step for name, step in self.steps.items() if name not in ready}

    def _way_back(self, start: nodes.Step) -> list[str]:
        """Return a shortest path from a step, over the steps that it comes after, back to itself."""
        led: dict[str, nodes.Step] = {}
        pending = deque([start])
        while pending:
            at = pending.popleft()
            for earlier in self._after(at):
                if earlier is start:
                    way = [at.name.id]
                    while way[0] != start.name.id:
                        way.insert(0, led[way[0]].name.id)
                    return way
                if earlier.name.id not in led:
                    led[earlier.name.id] = at
                    pending.append(earlier)
        return []

    def _unreachable(self) -> None:
        """Report steps that can never begin: those whose condition is the literal `false`. What stands behind a cycle has its report there."""
        for name, step in self.steps.items():
            if isinstance(step.condition, nodes.Literal) and step.condition.value is False:
                self.problems.add("unreachable-step", self._place(step), name=name, why="its condition is false")

    def _unverified(self) -> None:
        """Report a path from a first step to a last one on which no definition of done is certain to be evaluated."""
        if "dod" in self.given or not any(self._dod(s) for s in self.steps.values()):
            return
        if any(a.id not in self.steps for s in self.steps.values() for a in s.after):
            return  # reported; the order of the steps is not known
        followed = {a.id for s in self.steps.values() for a in s.after}
        for name, step in self.steps.items():
            way = [] if name in followed else self._past(step)
            if way:
                path = " -> ".join(
                    f"{n}, which may be skipped," if self._dod(self.steps[n]) else n for n in reversed(way)
                )
                self.problems.add("unverified-path", self._place(step), name=self.name, path=path)
                return

    def _past(self, last: nodes.Step) -> list[str]:
        """Return a path of steps without a certain definition of done, from a last step back to a first one."""
        led: dict[str, nodes.Step] = {}
        pending = deque([] if self._sure(last) else [last])
        while pending:
            at = pending.popleft()
            earlier = self._after(at)
            if not earlier:
                way = [at.name.id]
                while way[-1] in led:
                    way.append(led[way[-1]].name.id)
                return way[::-1]
            for step in earlier:
                if step.name.id not in led and step is not last and not self._sure(step):
                    led[step.name.id] = at
                    pending.append(step)
        return []

    def _dod(self, step: nodes.Step) -> bool:
        return any(a.key.id == "dod" for a in step.attributes)

    def _sure(self, step: nodes.Step) -> bool:
        """Return whether the definition of done of a step is evaluated in every run of the plan that ends."""
        return self._dod(step) and step.condition is None
