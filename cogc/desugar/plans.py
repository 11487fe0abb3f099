"""Plans, expanded: a coglet that keeps the plan, one child for each step, and one for whoever makes or approves of it.

In: a `plan` declaration. Out: its parts, the plan's own coglet first. `stdlib/forms/plan.cog` has what all plans share.

The model. The plan is one record in the state `·plan` of the plan's coglet (`cogc/stores/plans.py` has its fields). Its
steps are records in it, and each of them has a status of its own:

    pending -> in_progress -> completed | failed
       |
       +-----> skipped                            its `when` does not hold, or a step that it comes after has failed

The plan's status:

    draft -----> approved -----> executing -----> completed        every step is completed or skipped
      ^ |            |               |
      | +------------+---------------+----------> cancelled        rejected, cancelled, a step failed, no planner, ...
      +--------------+---------------+                             replan: what is not finished is planned anew

Nothing in the coglet calls anything else: each stage sends itself a message on a channel, and the reaction to that is
the next stage. So a decision of a person, which may take days, holds nothing up. The order of events:

 1. `goal` opens the plan in the store: a new record, or the unfinished one of an earlier run.
 2. A draft without steps goes to `·draft`: the planner makes them, and `std.planning` looks for faults; with faults the
    planner is asked once more.
 3. `·advance` sends a draft to be approved: to a person (`·ask`), to the approver's agent, or straight to `·decided`.
 4. `·decided` takes every decision, whoever made it: approve, reject, replan, cancel, execute, wait.
 5. `·next` marks what has become ready as `in_progress`, saves the plan, and starts those steps. If nothing is ready or
    under way, the plan is over.
 6. A step's end arrives on `·over`; it is saved, and `·next` looks again.
 7. `·ended` cancels the plan for the reason given. `·watch` waits for decisions from other processes.

The invariants:

 - A change of the plan is saved before what follows from it begins: a run that is killed in the middle of a step loses
   no step that was done, and the next run begins only that step again.
 - What a step says counts only while the step is `in_progress`: a child that was cut short may speak once more.
 - A child fails alone: `on error(child)` makes a failed step of it, and the child is restarted for the next attempt.
 - A step's clock is stopped when the step is over, or it would run on into the step's next time.

A step's own coglet (`coglet step` in the form) does the work, tries it again, and verifies the result. It sees the
plan's parameters, `goal`, and the results of the steps that it comes after, each under the step's name:

    step code by Developer after design when feature != "x" { retry: 2 }: "Implement:\n{{ design }}"

becomes the coglet `Api code`, whose reaction begins

    on ·run as ·run concurrent 1 {
      let goal = ·run.goal
      let design = ·run.results["design"]
      if not feature != "x" { ·status = "skipped" }
      for ·attempt in range(1, 2 + 2) { ... worker.task <- str(·task); let ·got = await ·answer ... }

A step that the planner has made is a member of a pool: its task is text, and any of the plan's agents may do it.
"""

from __future__ import annotations

import re
from heapq import heappop, heappush

from cogc.desugar import fill
from cogc.desugar.agents import answering, description
from cogc.desugar.forms import plan as form
from cogc.desugar.parts import Part, borrowed, extended
from cogc.language.texts import MARK
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cogc.names.world import Declared, Unit, World

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
STEPS = 12
REPLANS = 3
PORTS = {"goal", "plan", "step", "result", "failed", "approve", "reject", "replan", "cancel", "execute", "hold"}

"""The documented ports of a plan: a step of such a name has a child with another name."""
_CHILDREN = ("planner", "approver", "made")
ROLE_KEYS = ("planner", "approver", "dod")
"""The attributes of plans and steps that may name a role."""


def attributes_of(node: nodes.Plan) -> dict[str, nodes.Attribute]:
    return {i.key.id: i for i in node.items if isinstance(i, nodes.Attribute)}


def steps_of(node: nodes.Plan) -> list[nodes.Step]:
    return [i for i in node.items if isinstance(i, nodes.Step)]


class Order:
    """The order of the steps of a plan: those that come before each one, directly or through others.

    The steps before each one are the bits of an integer, by the steps' numbers: a plan of 1,000 steps in a row has half a
    million pairs.
    """

    def __init__(self, steps: dict[str, nodes.Step]) -> None:
        self._names = list(steps)
        self._bits = {name: 1 << i for i, name in enumerate(steps)}
        self._after = {name: [a.id for a in step.after if a.id in steps] for name, step in steps.items()}
        self._before: dict[str, int] = {}
        later: dict[str, list[str]] = {name: [] for name in steps}
        for name, after in self._after.items():
            for other in after:
                later[other].append(name)
        missing = {name: len(after) for name, after in self._after.items()}
        ready = [name for name, count in missing.items() if not count]
        while ready:
            name = ready.pop()
            self._before[name] = self._all_of(self._after[name])
            for other in later[name]:
                missing[other] -= 1
                if not missing[other]:
                    ready.append(other)

    def before(self, step: nodes.Step) -> list[str]:
        """Return the names of the steps that a step comes after, in the order of the plan."""
        bits = self._all_of([a.id for a in step.after if a.id in self._bits])
        return [name for name, bit in zip(self._names, reversed(f"{bits:b}"), strict=False) if bit == "1"]

    def is_before(self, first: str, second: str) -> bool:
        """Return whether the second of two steps comes after the first one."""
        return bool(self._of(second) & self._bits[first])

    def _all_of(self, after: list[str]) -> int:
        """Return the bits of some steps, and of those before them."""
        found = 0
        for name in after:
            found |= self._of(name) | self._bits[name]
        return found

    def _of(self, name: str) -> int:
        if name not in self._before:  # a step of a circle, or behind one: such a plan is wrong
            seen: set[str] = set()
            pending = [name]
            while pending:
                more = [other for other in self._after[pending.pop()] if other not in seen]
                seen.update(more)
                pending += more
            self._before[name] = sum(self._bits[other] for other in seen)
        return self._before[name]


def _words_of(step: nodes.Step) -> set[str]:
    """Return the words by which a step may name the results of others, those of templates among them."""
    parts = nodes.walk(step)
    words = {word for part in parts if isinstance(part, nodes.Text) for word in _WORD.findall(part.value)}
    return words.union(part.id for part in parts if isinstance(part, nodes.Name))


class Written:
    """A step of a plan: one of its own, or one of the plan that it extends.

    `who` and `gate` name the step's agent and its definition of done for people; `by` and `dod` are the names by which
    the step's own file knows them.
    """

    def __init__(self, unit: Unit, node: nodes.Step, parameters: tuple[nodes.Parameter, ...]) -> None:
        self.unit = unit
        self.node = node
        self.parameters = parameters
        self.id = node.name.id
        given = {a.key.id: a.value for a in node.attributes}
        self.who = self.by = node.by.text if node.by is not None else ""
        self.gate = self.dod = nodes.qualified_text(given["dod"]) or "" if "dod" in given else ""


class ExtendedPlan:
    """A plan together with what it takes from those that it extends.

    `steps` by their names, `given` attributes, `parameters`; `bound` has what roles stand for, `open` the roles that stand
    for nothing yet, `roles` all roles; `aliases` are the names by which a step's file must know the agents of roles.
    """

    def __init__(self, world: World, unit: Unit, node: nodes.Plan) -> None:
        self.unit = unit
        self.steps: dict[str, Written] = {}
        self.given: dict[str, nodes.Attribute] = {}
        self.parameters: tuple[nodes.Parameter, ...] = ()
        self.bound: dict[str, tuple[nodes.Name, Declared | None]] = {}
        self.open: list[str] = []
        self.roles: list[str] = []
        self.aliases: list[tuple[Unit, str, Declared]] = []
        line = extended(world, unit, node, "plan")
        for u, n in reversed(line):
            self._take(world, u, n, None if u is unit else node.extends)
        self.roles = self.open
        self.open = [r for r in self.open if r not in self.bound]
        self.steps = _in_order(self.steps)
        for step in self.steps.values():
            step.who, step.by = self._role(step, step.who, node)
            step.gate, step.dod = self._role(step, step.gate, node)
        for key in ROLE_KEYS:
            role = nodes.qualified_text(self.given[key].value) if key in self.given else None
            if role in self.bound:
                a = self.given[key]
                self.given[key] = nodes.Attribute(a.start, a.end, a.key, self.bound[role][0], None, ())

    def _take(self, world: World, unit: Unit, node: nodes.Plan, place: nodes.Node | None) -> None:
        """Add what one plan of the line says to what those before it say."""
        own = {p.name.id for p in node.parameters} | {"user", "system", "agent"}
        self.parameters = (*(p for p in self.parameters if p.name.id not in own), *node.parameters)
        for key, a in attributes_of(node).items():
            if key != "roles":  # a mistake in another file is reported where it is taken in
                self.given[key] = (
                    a if place is None else borrowed(world, unit, a, self.unit, place, own | set(self.open))
                )
            elif isinstance(a.value, nodes.RecordLiteral):
                for e in a.value.entries:
                    if isinstance(e, nodes.Entry):
                        name = nodes.Name(e.value.start, e.value.end, nodes.qualified_text(e.value) or "")
                        self.bound[e.key.id] = (name, world.lookup(unit, name.id))
            else:
                self.open += fill.words_of(a.value)
        for step in steps_of(node):
            self.steps[step.name.id] = Written(unit, step, self.parameters)

    def _role(self, step: Written, name: str, node: nodes.Plan) -> tuple[str, str]:
        """Return the name of what a role stands for, and the name by which the step's file knows it; any other name stays."""
        if name not in self.bound:
            return name, name
        shown, declared = self.bound[name]
        known = f"{node.name.id} role {name}"
        if declared is not None:
            self.aliases.append((step.unit, known, declared))
        return shown.id, known


def _in_order(steps: dict[str, Written]) -> dict[str, Written]:
    """Return the steps, each behind those that it comes after, otherwise in their order; those of a cycle stand at the end."""
    place = {name: i for i, name in enumerate(steps)}
    names = list(steps)
    followers: dict[str, list[str]] = {}
    waits = {}
    for name, step in steps.items():
        earlier = {a.id for a in step.node.after} & steps.keys()
        waits[name] = len(earlier)
        for other in earlier:
            followers.setdefault(other, []).append(name)
    free = [place[name] for name, count in waits.items() if not count]
    found: dict[str, Written] = {}
    while free:
        name = names[heappop(free)]
        found[name] = steps[name]
        for other in followers.get(name, ()):
            waits[other] -= 1
            if not waits[other]:
                heappush(free, place[other])
    return {**found, **{name: s for name, s in steps.items() if name not in found}}


def agents_of(world: World, unit: Unit, extended_plan: ExtendedPlan) -> dict[str, Declared]:
    """Return the agents and teams that a planner may give steps to: those of the plan, else of its steps, else of the file."""
    given = extended_plan.given.get("agents")
    if given is not None:
        names = [extended_plan.bound[n][0].id if n in extended_plan.bound else n for n in fill.words_of(given.value)]
    else:
        names = [s.who for s in extended_plan.steps.values() if s.who]
        names = names or [n for n, d in unit.declared.items() if d.kind in ("agent", "team")]
    found = {n: world.lookup(unit, n) for n in names}
    return {n: d for n, d in found.items() if d is not None and d.kind in ("agent", "team")}


def name_of_last(steps: Iterable[str]) -> str:
    """Return the name of the last step of a plan with a definition of done, which verifies; a step of its own name stays what it is."""
    return fill.free("done", "_of_plan", steps)


def parts_of(world: World, unit: Unit, node: nodes.Plan) -> list[Part]:
    """Return the coglets that a plan becomes, its own first; none for a plan with open roles or with unknown names."""
    return _Expansion(world, unit, node).parts()


class _Expansion:
    """Expands one plan, and collects what each step adds to the plan's own coglet."""

    def __init__(self, world: World, unit: Unit, node: nodes.Plan) -> None:
        self.world = world
        self.unit = unit
        self.node = node
        self.at = node.name
        self.name = node.name.id
        self.extended = ExtendedPlan(world, unit, node)
        self.steps = self.extended.steps
        self.order = Order({id: s.node for id, s in self.steps.items()})
        self.given = {k: a.value for k, a in self.extended.given.items()}
        self.agents = agents_of(world, unit, self.extended)
        self.taken = {*PORTS, *_CHILDREN}
        self.last = name_of_last(self.steps)
        self.children: list[tuple[nodes.Member, ...]] = []
        self.starts: list[tuple[nodes.Statement, ...]] = []
        self.cancels: list[tuple[nodes.Statement, ...]] = []

    def parts(self) -> list[Part]:
        if self.extended.open or not self._known():
            return []  # its roles are for others to fill; what is not there has been reported
        for place, known, declared in self.extended.aliases:
            place.hidden[known] = declared
        found = [self._step(s) for s in self.steps.values()]
        if "dod" in self.given:
            found.append(self._last())
        if "planner" in self.given:
            agents = fill.literal_types(self.agents, self.at)
            found += [self._made(), *self._agent("planner", form.planned(self.at, agents=agents))]
            self.children.append(form.planner(self.at, child=self._own("planner"), kind=self._kind("planner")))
        if self._approve() == "agent":
            found += self._agent("approver", form.decision(self.at))
            by = fill.string(self._role("approver"), self.at)
            child, kind = self._own("approver"), self._kind("approver")
            self.children.append(form.approver(self.at, child=child, kind=kind, name=by))
        return [self._plan(), *found]

    def _known(self) -> bool:
        """Return whether all that the steps name is declared and of the right kind."""
        named: list[tuple[Unit, str, tuple[str, ...]]] = []
        named += [(s.unit, s.who, ("agent", "team")) for s in self.steps.values() if s.who and s.by == s.who]
        named += [(s.unit, s.gate, ("dod",)) for s in self.steps.values() if s.gate and s.dod == s.gate]
        deciding = ["planner"] if "planner" in self.given else []
        deciding += ["approver"] if self._approve() == "agent" else []
        named += [(self.unit, self._role(key), ("agent",)) for key in deciding]
        named += [(self.unit, self._done(), ("dod",))] if "dod" in self.given else []
        named += [(self.unit, shown.id, ("agent", "team", "dod")) for shown, _ in self.extended.bound.values()]
        found = [(self.world.lookup(unit, name), kinds) for unit, name, kinds in named]
        return all(d is not None and d.kind in kinds for d, kinds in found)

    def _done(self) -> str:
        """Return the definition of done of the plan itself."""
        return nodes.qualified_text(self.given["dod"]) or ""

    def _approve(self) -> str:
        return (nodes.qualified_text(self.given["approve"]) or "") if "approve" in self.given else "user"

    def _role(self, key: str) -> str:
        """Return the agent that plans or approves; the planner does both if no approver is named."""
        value = self.given.get(key) or self.given.get("planner")
        return (nodes.qualified_text(value) or "") if value is not None else ""

    # ---- children that are no steps ------------------------------------------------------------------------

    def _own(self, key: str) -> nodes.Name:
        """Return the name of the child for the planner, the approver or the pool."""
        return fill.name(key, self.at)

    def _key(self, key: str) -> str:
        """Return the key of a part that is no step: no step can have a name with brackets."""
        return f"{self.name} ({key})"

    def _kind(self, key: str) -> nodes.Qualified:
        return fill.qualified(self._key(key), self.at)

    def _agent(self, key: str, output: nodes.TypeExpr) -> list[Part]:
        """Return the planner or the approver: the agent, with an answer of its own type."""
        found = self.world.lookup(self.unit, self._role(key))
        if found is None or found.kind != "agent":
            return []
        node = answering(found.of(nodes.Agent), self._key(key), output)
        return [Part(found.unit, self._key(key), node, "agent", shown=f"{self.name} {key}")]

    def _made(self) -> Part:
        """Return the step that the planner creates as often as it needs: any of the plan's agents may do it."""
        at = self.at
        children: list[tuple[nodes.Member, ...]] = []
        asks: list[tuple[nodes.Statement, ...]] = []
        taken: list[str] = []
        for name in self.agents:
            taken.append(fill.free(name.replace(".", "_"), "_", taken))
            child = fill.name(taken[-1], at)
            children.append(form.worker_pool(at, child=child, kind=fill.qualified(name, at)))
            asks.append(form.ask_if_by(at, name=fill.string(name, at), child=child, again=form.again(at)))
        pool, given = self._own("made"), _passed(self.extended.parameters, at)
        self.children.append(form.made(at, child=pool, kind=self._kind("steps")))
        self.starts.append(form.start_made(at, child=pool, given=given))
        self.cancels.append(form.cancel_made(at, child=pool))
        members = form.step(
            at,
            children=fill.joined(children),
            before=form.see_goal(at),
            retry=nodes.Field(at.start, at.end, fill.name(f"{MARK}run", at), fill.name("retry", at)),
            work=form.ask_one_of(at, ask=fill.joined(asks)),
            verify=form.complete(at),
        )
        return self._part(self._key("steps"), members, at, self.unit, self.extended.parameters, f"{self.name} step")

    # ---- steps ---------------------------------------------------------------------------------------------

    def _step(self, step: Written) -> Part:
        """Return the coglet of a step that the file declares."""
        at, node = step.node.name, step.node
        given = {a.key.id: a.value for a in node.attributes}
        children, work = self._work(step)
        verify = form.complete(at)
        if "dod" in given:
            more, verify = self._verify(fill.name_at(given["dod"]), step.dod)
            children += more
        timeout = given.get("timeout")
        if timeout is not None and step.unit is not self.unit and self.node.extends is not None:
            own = {p.name.id for p in step.parameters}
            timeout = borrowed(self.world, step.unit, timeout, self.unit, self.node.extends, own)
        self._child(step.id, step.parameters, timeout)
        members = form.step(
            at,
            children=children,
            before=self._before(step),
            retry=given.get("retry") or fill.integer(0, at),
            work=work,
            verify=verify,
        )
        return self._part(f"{self.name} {step.id}", members, at, step.unit, step.parameters)

    def _before(self, step: Written) -> tuple[nodes.Statement, ...]:
        """Return the statements that bind the goal and the earlier results for a step, and then its condition.

        Results that the step does not name are not bound: a long plan would have as many statements as pairs of steps.
        """
        at = step.node.name
        seen = [form.see_goal(at)]
        for name in sorted(_words_of(step.node) & self.steps.keys()):
            if self.order.is_before(name, step.id):
                seen.append(form.see_result(at, name=fill.name(name, at), id=fill.string(name, at)))
        if step.node.condition is not None:
            seen.append(form.skip_unless(at, condition=step.node.condition))
        return fill.joined(seen)

    def _work(self, step: Written) -> tuple[tuple[nodes.Member, ...], tuple[nodes.Statement, ...]]:
        """Return the children and statements that do a step's work: an agent or a team is a child, an expression is evaluated."""
        at, node = step.node.name, step.node
        if node.by is None:
            return (), form.evaluate(at, task=node.task)
        child = fill.name("worker", at)
        children = form.worker(at, child=child, kind=fill.qualified(step.by, node.by))
        return children, form.ask(at, task=node.task, child=child, again=form.again(at))

    def _verify(self, at: nodes.Name, dod: str) -> tuple[tuple[nodes.Member, ...], tuple[nodes.Statement, ...]]:
        """Return the child and the statements that verify a definition of done after the work."""
        child = fill.name("done", at)
        return form.dod_child(at, child=child, kind=fill.qualified(dod, at)), form.verify(at, child=child)

    def _last(self) -> Part:
        """Return the step that verifies the plan's own definition of done after all other steps."""
        at = fill.name_at(self.given["dod"])
        children, verify = self._verify(at, at.id)
        work, retry = form.verify_all(at), fill.integer(0, at)
        members = form.step(at, children=children, before=form.see_goal(at), retry=retry, work=work, verify=verify)
        self._child(self.last, self.extended.parameters, None)
        return self._part(f"{self.name} {self.last}", members, at, self.unit, self.extended.parameters)

    def _child(self, id: str, parameters: tuple[nodes.Parameter, ...], timeout: nodes.Node | None) -> None:
        """Return the plan's side of a step: its child, and the statements that begin and cancel it."""
        at, name = self.at, fill.string(id, self.at)
        child = fill.name(fill.free(id, "_step", (*self.taken, *self.steps)) if id in self.taken else id, at)
        kind = fill.qualified(f"{self.name} {id}", at)
        start_clock: tuple[nodes.Statement, ...] = ()
        stop_clock: tuple[nodes.Statement, ...] = ()
        if timeout is not None:
            clock, ended = fill.name(f"{MARK}{id} clock", at), fill.name(f"{MARK}{id} over", at)
            start_clock, stop_clock = form.start_clock(at, clock=clock), form.stop_clock(at, ended=ended)
            self.children.append(form.clock(at, clock=clock, ended=ended, limit=timeout, id=name, child=child))
        given = _passed(parameters, at)
        self.children.append(form.step_child(at, child=child, kind=kind, given=given, stop_clock=stop_clock, id=name))
        self.starts.append(form.start(at, id=name, child=child, start_clock=start_clock))
        self.cancels.append(form.cancel(at, id=name, stop_clock=stop_clock, child=child))

    def _part(
        self,
        key: str,
        members: tuple[nodes.Member, ...],
        at: nodes.Name,
        unit: Unit,
        parameters: tuple[nodes.Parameter, ...],
        shown: str = "",
    ) -> Part:
        node = nodes.Coglet(at.start, at.end, fill.name(key, at), parameters, (), None, members)
        return Part(unit, key, node, "step", shown=shown)

    # ---- the plan ------------------------------------------------------------------------------------------

    def _plan(self) -> Part:
        """Return the plan's own coglet."""
        at, given, approve = self.at, self.given, self._approve()
        nobody = form.no_approver(at)
        members = form.plan(
            at,
            mode=fill.string(approve, at),
            children=fill.joined(self.children),
            goal=given.get("goal") or fill.string("", at),
            name=fill.string(self.name, at),
            steps=self._records(),
            parameters=_given(self.extended.parameters, at),
            planner=fill.string(self._role("planner"), at),
            draft=self._draft(),
            approve=form.approve(at, child=self._own("approver")) if approve == "agent" else nobody,
            replans=given.get("max_replans") or fill.integer(REPLANS, at),
            can_plan=fill.boolean("planner" in given, at),
            cancel=fill.joined(self.cancels),
            start=fill.joined(self.starts) or form.no_steps(at),
        )
        node = self.node
        own = nodes.Coglet(node.start, node.end, node.name, self.extended.parameters, (), None, members, node.doc)
        return Part(self.unit, self.name, own, "plan", self.extended.given.get("budget"))

    def _draft(self) -> tuple[nodes.Statement, ...]:
        """Return the statements that make the steps: those of the planner, if the plan has one."""
        at = self.at
        if "planner" not in self.given:
            return form.no_planner(at)
        about = "\n".join(f"- {n}: {_about(d)}" for n, d in self.agents.items())
        return form.draft(
            at,
            agents=fill.strings(self.agents, at),
            child=self._own("planner"),
            most=self.given.get("max_steps") or fill.integer(STEPS, at),
            about=fill.string(about, at),
            reserved=fill.strings([self.last] if "dod" in self.given else [], at),
            last=fill.items(self._final(), at),
        )

    def _records(self) -> nodes.ListLiteral:
        """Return the initial steps of the plan's record; without any the planner makes all of them."""
        if "planner" in self.given and not self.steps:
            return fill.items((), self.at)
        return fill.items((*(self._record(s) for s in self.steps.values()), *self._final()), self.at)

    def _record(self, step: Written) -> nodes.Expr:
        task = step.node.task
        text = task.value if isinstance(task, nodes.Text) else _text(task)
        after = [a.id for a in step.node.after]
        return self._entry(step.id, text, step.who, after, step.gate, False)

    def _final(self) -> tuple[nodes.Expr, ...]:
        """Return the record of the last step, which verifies; none if the plan has no definition of done."""
        if "dod" not in self.given:
            return ()
        gate = self._done()
        return (self._entry(self.last, "the definition of done", "", [], gate, True),)

    def _entry(self, id: str, task: str, by: str, after: list[str], dod: str, last: bool) -> nodes.Expr:
        at = self.at
        return form.record(
            at,
            id=fill.string(id, at),
            task=fill.string(task, at),
            by=fill.string(by, at),
            after=fill.strings(after, at),
            dod=fill.string(dod, at),
            last=fill.boolean(last, at),
        )


def _text(task: nodes.Expr) -> str:
    """Return an expression as text, for people."""
    from cogc.syntax import spell as cog  # few plans have such a step, and every check would pay for the import

    return cog.expression(task)


def _passed(parameters: tuple[nodes.Parameter, ...], at: nodes.Node) -> tuple[nodes.Argument, ...]:
    """Return the arguments that pass the parameters of the plan to a child."""
    place = (at.start, at.end)
    return tuple(nodes.Argument(*place, fill.name(p.name.id, at), fill.name(p.name.id, at)) for p in parameters)


def _given(parameters: tuple[nodes.Parameter, ...], at: nodes.Node) -> nodes.RecordLiteral:
    """Return the record of the plan's arguments."""
    place = (at.start, at.end)
    entries = (nodes.Entry(*place, fill.name(p.name.id, at), fill.name(p.name.id, at)) for p in parameters)
    return nodes.RecordLiteral(*place, tuple(entries))


def _about(declared: Declared) -> str:
    """Return the description of an agent or a team for the planner, on one line."""
    about = description(declared.of(nodes.Agent)) if declared.kind == "agent" else declared.node.doc
    return " ".join(about.split()) or declared.kind
