"""Plans as what they stand for: a coglet that keeps the plan, one child for each step, and one for whoever draws it up.

In: a `plan` declaration. Out: the plan's coglet, and those of its parts: each written step, the steps that a planner may
make, the planner, the approver. What of this is the same for every plan stands here as text; what a plan says itself
goes into the holes. The plan is a record (`cogc/stores/plans.py` has its form), and every change of it is saved before
what follows from it begins, so that a run that is killed in the middle of a step loses no step that was done.
"""

from __future__ import annotations

from cogc.desugar import dods
from cogc.desugar.draw import draw, fill, plain, string
from cogc.desugar.parts import Part, borrowed, extended
from cogc.desugar.plan_texts import (
    APPROVER,
    ASK,
    CHILD,
    CLOCK,
    DOD_CHILD,
    DONE,
    DRAFT,
    LISTEN_TO,
    PLAN,
    PLANNER,
    POOL,
    START_MADE,
    STEP,
    VERIFY,
)
from cogc.syntax import format as cog
from cogc.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.desugar.draw import Holes
    from cogc.names.world import Declared, Unit, World

STEPS = 12
REPLANS = 3
_PORTS = {"goal", "plan", "step", "result", "failed", "approve", "reject", "replan", "cancel", "execute", "hold"}


def attributes_of(node: nodes.Plan) -> dict[str, nodes.Attribute]:
    return {i.key.id: i for i in node.items if isinstance(i, nodes.Attribute)}


def steps_of(node: nodes.Plan) -> list[nodes.Step]:
    return [i for i in node.items if isinstance(i, nodes.Step)]


def before(step: nodes.Step, steps: dict[str, nodes.Step], seen: set[str]) -> set[str]:
    """The steps that a step comes after, directly or not."""
    for name in step.after:
        if name.id in steps and name.id not in seen:
            seen.add(name.id)
            before(steps[name.id], steps, seen)
    return seen


class Written:
    """A step of a plan, its own or one that it takes from the plan that it extends. `who` and `gate` are the names of its agent
    and its definition of done for people; `by` and `dod` those by which the step's own file knows them."""

    def __init__(self, unit: Unit, node: nodes.Step, parameters: tuple[nodes.Parameter, ...]) -> None:
        self.unit = unit
        self.node = node
        self.parameters = parameters
        self.id = node.name.id
        given = {a.key.id: a.value for a in node.attributes}
        self.who = self.by = node.by.text if node.by is not None else ""
        self.gate = self.dod = nodes.qualified_text(given["dod"]) or "" if "dod" in given else ""


class Whole:
    """A plan with all that it takes from those that it extends: steps by their names, attributes, parameters; what its roles stand
    for, and which of them stand for nothing yet; names that a step's file must know the agents of roles by."""

    def __init__(self, world: World, unit: Unit, node: nodes.Plan) -> None:
        self.unit = unit
        self.steps: dict[str, Written] = {}
        self.given: dict[str, nodes.Attribute] = {}
        self.parameters: tuple[nodes.Parameter, ...] = ()
        self.bound: dict[str, tuple[nodes.Name, Declared | None]] = {}
        self.open: list[str] = []
        self.aliases: list[tuple[Unit, str, Declared]] = []
        line = extended(world, unit, node, "plan")
        for u, n in reversed(line):
            self._take(world, u, n, None if u is unit else node.extends)
        self.open = [r for r in self.open if r not in self.bound]
        self.steps = _in_order(self.steps)
        for step in self.steps.values():
            step.who, step.by = self._role(step, step.who, node)
            step.gate, step.dod = self._role(step, step.gate, node)
        for key in ("planner", "approver", "dod"):
            role = nodes.qualified_text(self.given[key].value) if key in self.given else None
            if role in self.bound:
                a = self.given[key]
                self.given[key] = nodes.Attribute(a.start, a.end, a.key, self.bound[role][0], None, ())

    def _take(self, world: World, unit: Unit, node: nodes.Plan, place: nodes.Node | None) -> None:
        """Add what one plan says to what those that it extends say."""
        own = {p.name.id for p in node.parameters} | {"user", "system", "agent"}
        self.parameters = (*(p for p in self.parameters if p.name.id not in own), *node.parameters)
        for key, a in attributes_of(node).items():
            if key != "roles":  # what stands in another file is blamed where it is taken in
                self.given[key] = (
                    a if place is None else borrowed(world, unit, a, self.unit, place, own | set(self.open))
                )
            elif isinstance(a.value, nodes.RecordLiteral):
                for e in a.value.entries:
                    if isinstance(e, nodes.Entry):
                        name = nodes.Name(e.value.start, e.value.end, nodes.qualified_text(e.value) or "")
                        self.bound[e.key.id] = (name, world.lookup(unit, name.id))
            else:
                items = a.value.items if isinstance(a.value, nodes.ListLiteral) else (a.value,)
                self.open += [nodes.qualified_text(i) or "" for i in items]
        for step in steps_of(node):
            self.steps[step.name.id] = Written(unit, step, self.parameters)

    def _role(self, step: Written, name: str, node: nodes.Plan) -> tuple[str, str]:
        """The name of what a role stands for, and the one by which the step's file knows it; any other name is itself."""
        if name not in self.bound:
            return name, name
        shown, declared = self.bound[name]
        alias = f"{node.name.id} {name}"
        if declared is not None:
            self.aliases.append((step.unit, alias, declared))
        return shown.id, alias


def _in_order(steps: dict[str, Written]) -> dict[str, Written]:
    """The same steps, none before one that it comes after, else as they were; those of a cycle at the end."""
    found: dict[str, Written] = {}
    left = dict(steps)
    while left:
        free = [s for s in left.values() if all(a.id in found or a.id not in steps for a in s.node.after)]
        for step in free[:1] or list(left.values()):
            found[step.id] = left.pop(step.id)
    return found


def agents_of(world: World, unit: Unit, whole: Whole) -> dict[str, Declared]:
    """The agents and teams that a planner may give steps to: those the plan names, else those of its steps, else the file's."""
    given = whole.given.get("agents")
    if given is not None:
        items = given.value.items if isinstance(given.value, nodes.ListLiteral) else (given.value,)
        names = [nodes.qualified_text(i) or "" for i in items]
        names = [whole.bound[n][0].id if n in whole.bound else n for n in names]
    else:
        names = [s.who for s in whole.steps.values() if s.who]
        names = names or [n for n, d in unit.declared.items() if d.kind in ("agent", "team")]
    found = {n: world.lookup(unit, n) for n in names}
    return {n: d for n, d in found.items() if d is not None and d.kind in ("agent", "team")}


def parts_of(world: World, unit: Unit, node: nodes.Plan) -> list[Part]:
    """The coglets that a plan is: its own first."""
    return _Maker(world, unit, node).parts()


class _Maker:
    def __init__(self, world: World, unit: Unit, node: nodes.Plan) -> None:
        self.world = world
        self.unit = unit
        self.node = node
        self.name = node.name.id
        self.whole = Whole(world, unit, node)
        self.steps = self.whole.steps
        self.graph = {id: s.node for id, s in self.steps.items()}
        self.given = {k: a.value for k, a in self.whole.given.items()}
        self.agents = agents_of(world, unit, self.whole)
        self.holes: Holes = {"store_hole": "plan store", "reply_hole": "reply"}
        self.children: list[str] = []
        self.starts: list[str] = []
        self.start_made = ""
        self.last = "done" if "done" not in self.steps else "done_of_plan"
        self.cancels: list[str] = []

    def parts(self) -> list[Part]:
        if self.whole.open or not self._known():
            return []  # its roles are for others to fill; what is not there has been reported
        for place, alias, declared in self.whole.aliases:
            place.hidden[alias] = declared
        found = [self._step(s) for s in self.steps.values()]
        if "dod" in self.given:
            found.append(self._last())
        if "planner" in self.given:
            found += [self._made(), *self._agent("planner", _planned_type(list(self.agents)))]
            self.children.append(PLANNER)
            self.holes["planner_hole"] = f"{self.name} planner"
        approve = self._approve()
        if approve == "agent":
            found += self._agent("approver", '{ action: "approve" | "reject" | "replan", feedback: string }')
            self.children.append(APPROVER.replace("@NAME@", plain(self._role("approver"))))
            self.holes["approver_hole"] = f"{self.name} approver"
        drawn: nodes.Coglet = draw(self._text(approve), self.node.name, self.holes)
        own = nodes.Coglet(
            self.node.start,
            self.node.end,
            self.node.name,
            self.whole.parameters,
            (),
            None,
            drawn.members,
            self.node.doc,
        )
        return [Part(self.unit, self.name, own, "plan", self.whole.given.get("budget")), *found]

    def _known(self) -> bool:
        """Whether all that its steps name is there and can do what is asked of it."""
        named: list[tuple[Unit, str, tuple[str, ...]]] = []
        named += [(s.unit, s.who, ("agent", "team")) for s in self.steps.values() if s.who and s.by == s.who]
        named += [(s.unit, s.gate, ("dod",)) for s in self.steps.values() if s.gate and s.dod == s.gate]
        deciding = ["planner"] if "planner" in self.given else []
        deciding += ["approver"] if self._approve() == "agent" else []
        named += [(self.unit, self._role(key), ("agent",)) for key in deciding]
        named += [(self.unit, shown.id, ("agent", "team", "dod")) for shown, _ in self.whole.bound.values()]
        found = [(self.world.lookup(unit, name), kinds) for unit, name, kinds in named]
        return all(d is not None and d.kind in kinds for d, kinds in found)

    def _approve(self) -> str:
        return (nodes.qualified_text(self.given["approve"]) or "") if "approve" in self.given else "user"

    def _role(self, key: str) -> str:
        """The agent that plans or approves; the planner does both where nobody else is named."""
        value = self.given.get(key) or self.given.get("planner")
        return (nodes.qualified_text(value) or "") if value is not None else ""

    def _agent(self, key: str, output: str) -> list[Part]:
        """The planner or approver: the agent, with an answer of its own type."""
        from cogc.desugar.agents import answering

        found = self.world.lookup(self.unit, self._role(key))
        if found is None or found.kind != "agent":
            return []
        return [Part(found.unit, f"{self.name} {key}", answering(found.node, f"{self.name} {key}", output), "agent")]

    # ---- steps ---------------------------------------------------------------------------------------------

    def _child(self, step: str) -> str:
        """The name of a step's child: the step's own, where no port has it."""
        taken = _PORTS | {p.name.id for p in self.whole.parameters} | {"planner", "approver"}
        return f"{step}_step" if step in taken else step

    def _step(self, written: Written) -> Part:
        id, step = written.id, written.node
        given = {a.key.id: a.value for a in step.attributes}
        holes: Holes = {"task_hole": step.task, "worker_hole": "worker", "dod_hole": "done_"}
        names = sorted(before(step, self.graph, set()))
        lines = [f'let name{i}_hole = run_.results["{n}"]' for i, n in enumerate(names)]
        holes.update({f"name{i}_hole": n for i, n in enumerate(names)})
        children: list[str] = []
        if step.condition is not None:
            holes["when_hole"] = step.condition
            lines.append('if not when_hole { status_ = "skipped" }')
        if step.by is not None:
            holes["agent_hole"] = nodes.Name(step.by.start, step.by.end, written.by)
            children.append(LISTEN_TO.replace("@COUNT@", ""))
            work = "task_ = task_hole\n" + ASK
        else:
            work = 'task_ = ""\nlet got_ = try { done: task_hole, error: null, kind: "" } else as e_ { done: null, error: e_.message, kind: e_.kind }'
        verify = 'status_ = "completed"'
        if "dod" in given:
            holes["definition_hole"] = nodes.Name(given["dod"].start, given["dod"].end, written.dod)
            children.append(DOD_CHILD)
            verify = VERIFY
        retry = "0"
        if "retry" in given:
            holes["retry_hole"], retry = given["retry"], "retry_hole"
        timeout = given.get("timeout")
        if timeout is not None and written.unit is not self.unit and self.node.extends is not None:
            own = {p.name.id for p in written.parameters}
            timeout = borrowed(self.world, written.unit, timeout, self.unit, self.node.extends, own)
        self._static(id, written.parameters, timeout)
        name = f"{self.name} {id}"
        return self._part(step.name, name, holes, children, lines, retry, work, verify, written)

    def _last(self) -> Part:
        """What the whole plan must meet is looked at behind all of its steps, like a step of its own."""
        at = nodes.Name(self.given["dod"].start, self.given["dod"].end, self.last)
        holes: Holes = {"dod_hole": "done_", "definition_hole": dods.name_at(self.given["dod"])}
        work = 'task_ = run_.goal\nlet got_ = { done: run_.results, error: null, kind: "" }'
        self._static(self.last, self.whole.parameters, None)
        return self._part(at, f"{self.name} {self.last}", holes, [DOD_CHILD], [], "0", work, VERIFY)

    def _made(self) -> Part:
        """A step that the planner has made: any of its agents may do it."""
        holes: Holes = {}
        children, asks = [], []
        for i, name in enumerate(self.agents):
            holes[f"worker{i}_hole"], holes[f"agent{i}_hole"] = name.replace(".", "_"), name
            one = LISTEN_TO.replace("worker_hole", f"worker{i}_hole").replace("agent_hole", f"agent{i}_hole")
            children.append(one.replace("@COUNT@", "* 0..100"))
            asks.append(
                f'if run_.by == "{plain(name)}" {{\nlet m_ = create worker{i}_hole()\nworker{i}_hole[m_].task <- "{{{{ task_ }}}}"\n}}'
            )
        before_ = "[k for k in keys(run_.results) if run_.results[k] != null]"
        told = f'join([k + ":\\n" + str(run_.results[k]) for k in {before_}], "\\n\\n")'
        work = (
            f"task_ = run_.task\nlet told_ = {told}\n"
            'task_ = run_.task if told_ == "" else "{{ run_.task }}\\n\\nWhat was done so far:\\n{{ told_ }}"\n'
            + " else ".join(asks or ["if false { }"])
            + "\nlet got_ = await answer_"
        )
        own = self.node.name
        pool = nodes.Name(own.start, own.end, "step")
        self.holes["pool_hole"], self.holes["pool_kind_hole"] = "made", f"{self.name} step"
        self.children.append(POOL.replace("kind_hole", "pool_kind_hole"))
        self.start_made = START_MADE.replace("@GIVEN@", _passed(self.whole.parameters) or "()")
        self.cancels.append(
            'for s in plan_.steps { if s.status == "in_progress" and s.index >= 0 { stop pool_hole[s.index] } }'
        )
        return self._part(pool, f"{self.name} step", holes, children, [], "run_.retry", work, 'status_ = "completed"')

    def _static(self, id: str, parameters: tuple[nodes.Parameter, ...], timeout: Any) -> None:
        """The plan's side of a written step: its child, what it hears of it, how it is begun and cut short."""
        n = len(self.starts)
        names = {f"{what}_hole": f"{what}{n}_hole" for what in ("child", "kind", "clock", "ended", "limit")}
        child, clock, ended = names["child_hole"], names["clock_hole"], names["ended_hole"]
        self.holes[child], self.holes[names["kind_hole"]] = self._child(id), f"{self.name} {id}"
        text, start, over = CHILD, f"{child}.run <- run_", ""
        if timeout is not None:
            self.holes[clock], self.holes[ended], self.holes[names["limit_hole"]] = f"{id} clock", f"{id} over", timeout
            text, over = CHILD + CLOCK, f"self.{ended} <- true"  # or its clock would run on into the next time
            start += f"\nself.{clock} <- null"
        for name, own in names.items():
            text = text.replace(name, own)
        self.children.append(text.replace("@OVER@", over).replace("@ID@", id).replace("@GIVEN@", _passed(parameters)))
        self.starts.append(f'if s.id == "{id}" and s.written {{ {start} }}')
        self.cancels.append(
            f'if len([s for s in plan_.steps if s.id == "{id}" and s.status == "in_progress"]) > 0 {{\n{over}\nrestart {child}\n}}'
        )

    def _part(
        self,
        at: nodes.Name,
        name: str,
        holes: Holes,
        children: list[str],
        lines: list[str],
        retry: str,
        work: str,
        verify: str,
        written: Written | None = None,
    ) -> Part:
        parameters = written.parameters if written is not None else self.whole.parameters
        filled = {
            "DONE": DONE, "CHILDREN": "\n".join(children), "BEFORE": "\n".join(lines), "RETRY": retry, "WORK": work,
            "VERIFY": verify,
        }  # fmt: skip
        drawn: nodes.Coglet = draw(fill(STEP, filled), at, holes)
        label = nodes.Name(at.start, at.end, name)
        node = nodes.Coglet(at.start, at.end, label, parameters, (), None, drawn.members)
        return Part(self.unit if written is None else written.unit, name, node, "step")

    # ---- the plan ------------------------------------------------------------------------------------------

    def _text(self, approve: str) -> str:
        at = (self.node.name.start, self.node.name.end)
        can_plan = "planner" in self.given
        self.holes["goal_hole"] = self.given.get("goal") or string("", self.node.name)
        self.holes["replans_hole"] = self.given.get("max_replans") or nodes.Literal(*at, "int", REPLANS)
        self.holes["most_hole"] = self.given.get("max_steps") or nodes.Literal(*at, "int", STEPS)
        self.holes["can_plan_hole"] = nodes.Literal(*at, "bool", can_plan)
        self.holes["steps_hole"] = nodes.ListLiteral(
            *at, tuple(self._record(s) for s in self.steps.values()) + self._final()
        )
        self.holes["last_hole"] = nodes.ListLiteral(*at, self._final())
        self.holes["agents_hole"] = nodes.ListLiteral(*at, tuple(string(n, self.node.name) for n in self.agents))
        reserved = (string(self.last, self.node.name),) if "dod" in self.given else ()
        self.holes["reserved_hole"] = nodes.ListLiteral(*at, reserved)
        about = [f"- {n}: {_about(d)}" for n, d in self.agents.items()]
        draft = (
            DRAFT
            if can_plan
            else 'self.ended_ <- { kind: "replan", message: "it has no planner that could make it anew" }'
        )
        if can_plan and not self.steps:
            self.holes["steps_hole"] = nodes.ListLiteral(*at, ())
        starts = [*self.starts, *([f"if not s.written {{ {self.start_made} }}"] if self.start_made else [])]
        self.holes["name_hole"] = string(self.name, self.node.name)
        filled = {
            "PARAMETERS": ", ".join(f"{p.name.id}: {p.name.id}" for p in self.whole.parameters),
            "DONE": DONE,
            "PLANNER": plain(self._role("planner")),
            "MODE": f'"{approve}"',
            "CHILDREN": "\n".join(self.children),
            "DRAFT": draft,
            "APPROVE": "approver.task <- shown_(plan_)" if approve == "agent" else 'log warn "nobody approves"',
            "CANCEL": "\n".join(self.cancels),
            "START": " else ".join(starts) or 'log warn "there are no steps"',
            "AGENTS": "\n    ".join(about).replace("{", "(").replace("}", ")").replace('"""', "'''").replace("\\", "/"),
        }
        return fill(PLAN, filled)

    def _record(self, written: Written) -> nodes.RecordLiteral:
        """A written step as the plan's record begins with it."""
        step = written.node
        task = step.task.value if isinstance(step.task, nodes.Text) else cog.expression(step.task)
        return self._entries(written.id, task, written.who, [a.id for a in step.after], written.gate, False)

    def _final(self) -> tuple[nodes.RecordLiteral, ...]:
        if "dod" not in self.given:
            return ()
        return (
            self._entries(
                self.last, "the definition of done", "", [], nodes.qualified_text(self.given["dod"]) or "", True
            ),
        )

    def _entries(self, id: str, task: str, by: str, after: list[str], dod: str, last: bool) -> nodes.RecordLiteral:
        holes: Holes = {"task_hole": nodes.Text(0, 0, task, False, ((0, 0),))}
        by, dod = plain(by), plain(dod)
        names = ", ".join(f'"{a}"' for a in after)
        text = (
            f'const c = {{ id: "{id}", task: task_hole, by: "{by}", after: [{names}], dod: "{dod}", retry: 0, '
            f'written: true, last: {str(last).lower()}, status: "pending", result: null, error: "", kind: "", attempts: 0, '
            "findings: [], blocked: false, index: -1 }"
        )
        drawn: nodes.Const = draw(text, self.node.name, holes)
        assert isinstance(drawn.value, nodes.RecordLiteral)
        return drawn.value


def _passed(parameters: tuple[nodes.Parameter, ...]) -> str:
    """The arguments by which a child is given what the plan was given."""
    return f"({', '.join(f'{p.name.id}: {p.name.id}' for p in parameters)})" if parameters else ""


def _about(declared: Declared) -> str:
    from cogc.desugar.agents import description

    return (
        " ".join((description(declared.node) if declared.kind == "agent" else declared.node.doc).split())
        or declared.kind
    )


def _planned_type(agents: list[str]) -> str:
    names = " | ".join(f'"{plain(a)}"' for a in agents) or "string"
    return f"{{ steps: [{{ id: string, task: string, by: {names}, after: [string] }}] }}"
