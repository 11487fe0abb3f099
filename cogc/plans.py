"""Plans as what they stand for: a coglet that keeps the plan, one child for each step, and one for whoever draws it up.

In: a `plan` declaration. Out: the plan's coglet, and those of its parts: each written step, the steps that a planner may
make, the planner, the approver. What of this is the same for every plan stands here as text; what a plan says itself
goes into the holes. The plan is a record (`cogc/plan_store.py` has its form), and every change of it is saved before
what follows from it begins, so that a run that is killed in the middle of a step loses no step that was done.
"""

from __future__ import annotations

from cogc import dods, nodes
from cogc import format as cog
from cogc.draw import draw
from cogc.parts import Part
from cogc.plan_texts import (
    APPROVER,
    ASK,
    DOD_CHILD,
    DONE,
    DRAFT,
    LISTEN_TO,
    PLAN,
    PLANNER,
    STEP,
    VERIFY,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.draw import Holes
    from cogc.world import Declared, Unit, World

STEPS = 12
REPLANS = 3
_PORTS = {"goal", "plan", "step", "result", "failed"}


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


def agents_of(world: World, unit: Unit, node: nodes.Plan) -> dict[str, Declared]:
    """The agents and teams that a planner may give steps to: those the plan names, else those of its steps, else the file's."""
    given = attributes_of(node).get("agents")
    if given is not None:
        items = given.value.items if isinstance(given.value, nodes.ListLiteral) else (given.value,)
        names = [nodes.qualified_text(i) or "" for i in items]
    else:
        names = [s.by.text for s in steps_of(node) if s.by is not None]
        names = names or [n for n, d in unit.declared.items() if d.kind in ("agent", "team") and " " not in n]
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
        self.steps = {s.name.id: s for s in steps_of(node)}
        self.given = {k: a.value for k, a in attributes_of(node).items()}
        self.agents = agents_of(world, unit, node)
        self.holes: Holes = {"store_hole": "plan store", "reply_hole": "reply"}
        self.children: list[str] = []
        self.starts: list[str] = []
        self.cancels: list[str] = []

    def parts(self) -> list[Part]:
        found = [self._step(s) for s in self.steps.values()]
        if "dod" in self.given:
            found.append(self._last())
        if "planner" in self.given:
            found += [self._made(), *self._agent("planner", _planned_type(list(self.agents)))]
            self.children.append(PLANNER)
            self.holes["planner_hole"] = f"{self.name} planner"
        approve = nodes.qualified_text(self.given["approve"]) if "approve" in self.given else "user"
        if approve == "agent":
            found += self._agent("approver", '{ action: "approve" | "reject" | "replan", feedback: string }')
            self.children.append(APPROVER.replace("@NAME@", self._role("approver")))
            self.holes["approver_hole"] = f"{self.name} approver"
        drawn: nodes.Coglet = draw(self._text(str(approve)), self.node.name, self.holes)
        own = nodes.Coglet(
            self.node.start, self.node.end, self.node.name, self.node.parameters, (), None, drawn.members, self.node.doc
        )
        return [Part(self.unit, self.name, own, "plan", attributes_of(self.node).get("budget")), *found]

    def _role(self, key: str) -> str:
        """The agent that plans or approves; the planner does both where nobody else is named."""
        value = self.given.get(key) or self.given.get("planner")
        return (nodes.qualified_text(value) or "") if value is not None else ""

    def _agent(self, key: str, output: str) -> list[Part]:
        """The planner or approver: the agent, with an answer of its own type."""
        from cogc.agents import answering

        found = self.world.lookup(self.unit, self._role(key))
        if found is None or found.kind != "agent":
            return []
        return [Part(found.unit, f"{self.name} {key}", answering(found.node, f"{self.name} {key}", output), "agent")]

    # ---- steps ---------------------------------------------------------------------------------------------

    def _child(self, step: str) -> str:
        """The name of a step's child: the step's own, where no port has it."""
        taken = _PORTS | {p.name.id for p in self.node.parameters} | {"planner", "approver"}
        return f"{step}_step" if step in taken else step

    def _step(self, step: nodes.Step) -> Part:
        id = step.name.id
        given = {a.key.id: a.value for a in step.attributes}
        holes: Holes = {"task_hole": step.task, "worker_hole": "worker", "dod_hole": "done_"}
        names = sorted(before(step, self.steps, set()))
        lines = [f'let name{i}_hole = run_.results["{n}"]' for i, n in enumerate(names)]
        holes.update({f"name{i}_hole": n for i, n in enumerate(names)})
        children: list[str] = []
        if step.condition is not None:
            holes["when_hole"] = step.condition
            lines.append('if not when_hole { status_ = "skipped" }')
        if step.by is not None:
            holes["agent_hole"] = nodes.Name(step.by.start, step.by.end, step.by.text)
            children.append(LISTEN_TO.replace("@COUNT@", ""))
            work = "task_ = task_hole\n" + ASK
        else:
            work = 'task_ = ""\nlet got_ = try { done: task_hole, error: null, kind: "" } else as e_ { done: null, error: e_.message, kind: e_.kind }'
        verify = 'status_ = "completed"'
        if "dod" in given:
            holes["definition_hole"] = dods.name_at(given["dod"])
            children.append(DOD_CHILD)
            verify = VERIFY
        retry = "0"
        if "retry" in given:
            holes["retry_hole"], retry = given["retry"], "retry_hole"
        self._static(id, step.name, given.get("timeout"))
        return self._part(step.name, f"{self.name} {id}", holes, children, lines, retry, work, verify)

    def _last(self) -> Part:
        """What the whole plan must meet is looked at behind all of its steps, like a step of its own."""
        at = nodes.Name(self.given["dod"].start, self.given["dod"].end, "done")
        holes: Holes = {"dod_hole": "done_", "definition_hole": dods.name_at(self.given["dod"])}
        work = 'task_ = run_.goal\nlet got_ = { done: run_.results, error: null, kind: "" }'
        self._static("done", at, None)
        return self._part(at, f"{self.name} done", holes, [DOD_CHILD], [], "0", work, VERIFY)

    def _made(self) -> Part:
        """A step that the planner has made: any of its agents may do it."""
        holes: Holes = {}
        children, asks = [], []
        for i, name in enumerate(self.agents):
            holes[f"worker{i}_hole"], holes[f"agent{i}_hole"] = name.replace(".", "_"), name
            one = LISTEN_TO.replace("worker_hole", f"worker{i}_hole").replace("agent_hole", f"agent{i}_hole")
            children.append(one.replace("@COUNT@", "* 0..100"))
            asks.append(
                f'if run_.by == "{name}" {{\nlet m_ = create worker{i}_hole()\nworker{i}_hole[m_].task <- "{{{{ task_ }}}}"\n}}'
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
        self.children.append(
            """
  create pool_hole = pool_kind_hole * 0..1000
  on pool_hole.done as d_ {
    self.over_ <- d_
    stop pool_hole[sender.index]
  }
  on error(pool_hole) as e_ {
    let broken_ = [s for s in plan_.steps if s.index == e_.index and s.status == "in_progress"]
    for s in broken_ {
      self.over_ <- { id: s.id, status: "failed", task: s.task, result: null, error: e_.message, kind: e_.kind, attempts: 1, findings: [] }
    }
    stop pool_hole[e_.index ?? 0]
  }
"""
        )
        self.starts.append(
            "let n_ = create pool_hole()\n"
            "plan_ = { ...plan_, steps: [{ ...o, index: n_ } if o.id == s.id else o for o in plan_.steps] }\n"
            "pool_hole[n_].run <- run_"
        )
        self.cancels.append(
            'for s in plan_.steps { if s.status == "in_progress" and s.index >= 0 { stop pool_hole[s.index] } }'
        )
        return self._part(pool, f"{self.name} step", holes, children, [], "run_.retry", work, 'status_ = "completed"')

    def _static(self, id: str, at: nodes.Name, timeout: Any) -> None:
        """The plan's side of a written step: its child, what it hears of it, how it is begun and cut short."""
        child = f"child{len(self.starts)}_hole"
        self.holes[child], self.holes[f"{child}_kind"] = self._child(id), f"{self.name} {id}"
        self.children.append(
            f"""
  create {child} = {child}_kind
  on {child}.done as d_ {{ self.over_ <- d_ }}
  on error({child}) as e_ {{
    self.over_ <- {{ id: "{id}", status: "failed", task: "", result: null, error: e_.message, kind: e_.kind, attempts: 1, findings: [] }}
    restart {child}
  }}
"""
        )
        start = f"{child}.run <- run_"
        if timeout is not None:
            self.holes[f"{child}_timeout"] = timeout
            self.children.append(
                f"""
  listen {child}_clock: any
  on {child}_clock concurrent 4 {{
    let ended__ = await {child}_over timeout {child}_timeout
    if ended__ == null and len([s for s in plan_.steps if s.id == "{id}" and s.status == "in_progress"]) > 0 {{
      self.over_ <- {{ id: "{id}", status: "failed", task: "", result: null, error: "it took longer than " + str({child}_timeout), kind: "timeout", attempts: 1, findings: [] }}
      restart {child}
    }}
  }}
  listen {child}_over: any
"""
            )
            self.holes[f"{child}_clock"], self.holes[f"{child}_over"] = f"{id} clock", f"{id} over"
            start += f"\nself.{child}_clock <- null"
            self.children[-2] = self.children[-2].replace(
                f"on {child}.done as d_ {{", f"on {child}.done as d_ {{ self.{child}_over <- true\n"
            )
        self.starts.append(f'if s.id == "{id}" and s.written {{ {start} }}')
        self.cancels.append(
            f'if len([s for s in plan_.steps if s.id == "{id}" and s.status == "in_progress"]) > 0 {{ restart {child} }}'
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
    ) -> Part:
        filled = {
            "DONE": DONE, "CHILDREN": "\n".join(children), "BEFORE": "\n".join(lines), "RETRY": retry, "WORK": work,
            "VERIFY": verify,
        }  # fmt: skip
        text = STEP
        for key, value in filled.items():
            text = text.replace(f"@{key}@", value)
        drawn: nodes.Coglet = draw(text, at, holes)
        label = nodes.Name(at.start, at.end, name)
        node = nodes.Coglet(at.start, at.end, label, self.node.parameters, (), None, drawn.members)
        return Part(self.unit, name, node, "step")

    # ---- the plan ------------------------------------------------------------------------------------------

    def _text(self, approve: str) -> str:
        at = (self.node.name.start, self.node.name.end)
        can_plan = "planner" in self.given
        self.holes["goal_hole"] = self.given.get("goal") or nodes.Text(*at, "", False, ((0, at[0]),))
        self.holes["replans_hole"] = self.given.get("max_replans") or nodes.Literal(*at, "int", REPLANS)
        self.holes["most_hole"] = self.given.get("max_steps") or nodes.Literal(*at, "int", STEPS)
        self.holes["can_plan_hole"] = nodes.Literal(*at, "bool", can_plan)
        self.holes["steps_hole"] = nodes.ListLiteral(
            *at, tuple(self._record(s) for s in self.steps.values()) + self._final()
        )
        self.holes["last_hole"] = nodes.ListLiteral(*at, self._final())
        self.holes["agents_hole"] = nodes.ListLiteral(
            *at, tuple(nodes.Text(*at, n, False, ((0, at[0]),)) for n in self.agents)
        )
        about = [f"- {n}: {_about(d)}" for n, d in self.agents.items()]
        draft = DRAFT if can_plan else 'log warn "this plan has no planner"'
        if can_plan and not self.steps:
            self.holes["steps_hole"] = nodes.ListLiteral(*at, ())
        start = self.starts[0] if self.starts else ""
        start = " else ".join(
            [
                *(s for s in self.starts if s.startswith("if ")),
                *([f"{{ {s} }}" for s in self.starts if not s.startswith("if ")]),
            ]
        )
        if start.startswith("{"):
            start = f"if true {start}"
        given = ", ".join(f"{p.name.id}: {p.name.id}" for p in self.node.parameters)
        filled = {
            "DONE": DONE,
            "MODE": f'"{approve}"',
            "CHILDREN": "\n".join(self.children),
            "DRAFT": draft,
            "APPROVE": "approver.task <- shown_(plan_)" if approve == "agent" else 'log warn "nobody approves"',
            "CANCEL": "\n".join(self.cancels),
            "START": start or 'log warn "there are no steps"',
            "AGENTS": "\n    ".join(about).replace("{", "(").replace("}", ")").replace('"""', "'''").replace("\\", "/"),
        }
        text = PLAN
        for key, value in filled.items():
            text = text.replace(f"@{key}@", value)
        if given:
            text = text.replace("_kind\n", f"_kind({given})\n").replace(
                "create pool_hole()", f"create pool_hole({given})"
            )
        return text

    def _record(self, step: nodes.Step) -> nodes.RecordLiteral:
        """A written step as the plan's record begins with it."""
        given = {a.key.id: a.value for a in step.attributes}
        dod = nodes.qualified_text(given["dod"]) or "" if "dod" in given else ""
        task = step.task.value if isinstance(step.task, nodes.Text) else cog.expression(step.task)
        return self._entries(
            step.name.id, task, step.by.text if step.by else "", [a.id for a in step.after], dod, False
        )

    def _final(self) -> tuple[nodes.RecordLiteral, ...]:
        if "dod" not in self.given:
            return ()
        return (
            self._entries(
                "done", "the definition of done", "", [], nodes.qualified_text(self.given["dod"]) or "", True
            ),
        )

    def _entries(self, id: str, task: str, by: str, after: list[str], dod: str, last: bool) -> nodes.RecordLiteral:
        holes: Holes = {"task_hole": nodes.Text(0, 0, task, False, ((0, 0),))}
        names = ", ".join(f'"{a}"' for a in after)
        text = (
            f'const c = {{ id: "{id}", task: task_hole, by: "{by}", after: [{names}], dod: "{dod}", retry: 0, '
            f'written: true, last: {str(last).lower()}, status: "pending", result: null, error: "", kind: "", attempts: 0, '
            "findings: [], blocked: false, index: -1 }"
        )
        drawn: nodes.Const = draw(text, self.node.name, holes)
        assert isinstance(drawn.value, nodes.RecordLiteral)
        return drawn.value


def _about(declared: Declared) -> str:
    from cogc.agents import description

    return (
        " ".join((description(declared.node) if declared.kind == "agent" else declared.node.doc).split())
        or declared.kind
    )


def _planned_type(agents: list[str]) -> str:
    names = " | ".join(f'"{a}"' for a in agents) or "string"
    return f"{{ steps: [{{ id: string, task: string, by: {names}, after: [string] }}] }}"
