"""What every plan's coglets have in common, as text of the language; `cogc/desugar/plans.py` fills the holes and the @WORDS@."""

from __future__ import annotations

DONE = "{ id: string, status: string, task: any, result: any, error: string, kind: string, attempts: int, findings: [any] }"

STEP = """
coglet _ {
  listen run: { id: string, goal: string, results: any, task: any, by: string, retry: int }
  transmit done: @DONE@

  state error_: string = ""
  state kind_: string = ""
  state task_: any = null
  state result_: any = null
  state findings_: [any] = []
  state attempts_: int = 0
  state status_: any = "in_progress"
  listen answer_: any
  listen verdict_: any
  @CHILDREN@

  on run as run_ concurrent 1 {
    status_ = "in_progress"
    findings_ = []
    error_ = ""
    kind_ = ""
    attempts_ = 0
    result_ = null
    let goal = run_.goal
    @BEFORE@
    for attempt_ in range(1, @RETRY@ + 2) {
      if status_ == "in_progress" {
        attempts_ = attempt_
        @WORK@
        if got_.error != null {
          error_ = "{{ got_.error }}"
          kind_ = got_.kind
        } else {
          result_ = got_.done
          @VERIFY@
        }
      }
    }
    done <- {
      id: run_.id, status: "failed" if status_ == "in_progress" else status_, task: task_, result: result_,
      error: error_, kind: kind_, attempts: attempts_, findings: findings_
    }
  }
}
"""
ASK = """
        worker_hole.task <- "{{ task_ }}"
        let got_ = await answer_
"""
LISTEN_TO = """
  create worker_hole = agent_hole @COUNT@
  on worker_hole.result as r_ { self.answer_ <- { done: r_, error: null, kind: "" } }
  on worker_hole.failed as f_ { self.answer_ <- { done: null, error: f_.message, kind: f_.kind } }
"""
DOD_CHILD = """
  create dod_hole = definition_hole
  on dod_hole.passed as v_ { self.verdict_ <- v_ }
  on dod_hole.failed as v_ { self.verdict_ <- v_ }
"""
VERIFY = """
          dod_hole.verify <- { id: run_.id, task: run_.goal if task_ == "" else str(task_), work: result_ }
          let verdict__ = await verdict_
          findings_ = verdict__.findings
          if verdict__.status == "passed" {
            status_ = "completed"
            result_ = verdict__.work
            error_ = ""
          } else {
            error_ = "its definition of done is not met: " + join(unique([f.criterion for f in verdict__.findings if f.status == "FAIL"]), ", ")
            kind_ = "dod"
          }
"""

PLAN = '''
coglet _ {
  listen goal: string
  transmit plan: any
  transmit step: { id: string, status: string, error: string }
  transmit result: any
  transmit failed: { goal: string, kind: string, message: string, plan: string }

  listen draft_: [string]
  listen advance_: any
  listen ask_: any
  listen decided_: any
  listen next_: any
  listen ended_: any
  listen watch_: any
  listen asked_: any
  listen planned_: any
  listen over_: @DONE@
  state plan_: any = null
  state replans_: int = 0
  state creating_: any = null
  state waiting_: any = null
  state hold_: bool = false
  state only_: string = ""
  state drafted_: any = null
  state wrong_: [string] = []
  state mode_: string = @MODE@
  state granted_: bool = false

  program open_(name: string, goal: string, steps: [any], parameters: any, planner: string) -> any = store_hole "open"
  program save_(plan: any) -> any = store_hole "save"
  program decide_(plan: any) -> any = store_hole "decide"
  program outside_(id: string) -> any = store_hole "outside"
  program reply_(id: int, value: any) -> any = reply_hole
  program faults_(steps: any, agents: [string], finished: [string], most: int) -> [string] = python "std.planning:faults"
  program drawn_(steps: any) -> [any] = python "std.planning:drawn"
  program shown_(plan: any) -> string = template """
    {{ plan.goal }}
    {% for s in plan.steps %}
    {{ loop.index }}. {{ s.id }}{% if s.by %} by {{ s.by }}{% endif %}{% if s.after %} after {{ s.after | join(", ") }}{% endif %}: {{ s.task }}
    {% endfor %}
    """
  program planning_(goal: string, plan: any, feedback: [string], most: int) -> string = template """
    Make a plan that reaches this goal, in at most {{ most }} steps:
    {{ goal }}

    Each step has a short id, a task that says all that its agent needs to know, the agent that does it, and the ids of the
    steps that it comes after; steps that need nothing of each other run side by side. The agents:
    @AGENTS@
    {% for s in plan.steps if s.status == "completed" %}

    Done already, and not to be planned again: {{ s.id }}: {{ s.task }}
    {{ s.result }}
    {% endfor %}
    {% for f in feedback %}

    Mind this: {{ f }}
    {% endfor %}
    """
  @CHILDREN@

  on goal as given_ {
    let goal_ = given_ if given_ != "" else goal_hole
    if plan_ != null and plan_.status in ["draft", "approved", "executing"] {
      failed <- { goal: goal_, kind: "busy", message: "this plan is {{ plan_.status }}: one goal at a time", plan: plan_.id }
    } else {
      replans_ = 0
      only_ = ""
      plan_ = open_(name_hole, goal_, steps_hole, { @PARAMETERS@ }, "@PLANNER@")
      plan <- plan_
      if plan_.status == "draft" and plan_.redraw { self.draft_ <- plan_.feedback } else { self.advance_ <- null }
    }
  } else as e_ {
    failed <- { goal: "", kind: e_.kind, message: e_.message, plan: "" }
    if creating_ != null { reply_(creating_, { error: e_.message }) }
    if waiting_ != null { reply_(waiting_, { error: e_.message }) }
    creating_ = null
    waiting_ = null
  }

  on draft_ as feedback_ concurrent 1 { @DRAFT@ }

  on advance_ {
    if plan_.status == "draft" {
      if mode_ == "user" { self.ask_ <- null } else if mode_ == "agent" and not granted_ { @APPROVE@ } else {
        self.decided_ <- { action: "approve", source: "system", by: "system" }
      }
    } else {
      self.watch_ <- null
      self.next_ <- null
    }
  }

  on ask_ as why_ concurrent 1 {
    let said_ = decide_(plan_)
    self.decided_ <- said_ if why_ == null else { ...said_, kind: why_.kind, feedback: said_.feedback ?? why_.message }
  }

  on decided_ as d_ {
    if plan_ == null or plan_.status in ["completed", "cancelled"] {
      if d_.action != "none" { log warn "nothing is to be decided" }
    } else if d_.action == "approve" and plan_.status == "draft" {
      let approval_ = { source: d_.source, by: d_.by, at: now(), changes: d_.changes ?? [] }
      plan_ = { ...plan_, status: "approved", approval: approval_, steps: d_.steps ?? plan_.steps }
      save_(plan_)
      plan <- plan_
      if creating_ != null {
        reply_(creating_, { id: plan_.id, status: plan_.status, goal: plan_.goal, steps: plan_.steps })
        creating_ = null
      }
      if not hold_ {
        self.watch_ <- null
        self.next_ <- null
      }
    } else if d_.action == "execute" and plan_.status in ["approved", "executing"] {
      if plan_.status == "approved" { self.watch_ <- null }
      hold_ = false
      only_ = d_.step ?? ""
      self.next_ <- null
    } else if d_.action == "replan" {
      if replans_ >= replans_hole or not can_plan_hole {
        self.ended_ <- { kind: "replan", message: "it was made anew {{ replans_ }} times" if can_plan_hole else "it has no planner that could make it anew" }
      } else {
        replans_ = replans_ + 1
        @CANCEL@
        plan_ = { ...plan_, status: "draft", redraw: true, feedback: plan_.feedback + [d_.feedback],
          steps: [s for s in plan_.steps if s.status == "completed"] }
        save_(plan_)
        plan <- plan_
        self.draft_ <- plan_.feedback
      }
    } else if d_.action == "wait" and plan_.status == "draft" {
      let id_ = plan_.id
      let goal_ = plan_.goal
      let asked_by_ = creating_
      failed <- { goal: goal_, kind: "approval", message: "plan {{ id_ }} waits for approval: cogc plan approve {{ id_ }}, and run it again", plan: id_ }
      if asked_by_ != null { reply_(asked_by_, { id: id_, status: "draft", waits_for: "a person", steps: plan_.steps }) }
      creating_ = null
      plan_ = null
    } else if d_.action == "reject" or d_.action == "cancel" or d_.action == "wait" {
      @CANCEL@
      let kind_ = d_.kind ?? ("rejected" if d_.action == "reject" else "step_failed" if d_.action == "wait" else "cancelled")
      self.ended_ <- { kind: kind_, message: d_.feedback ?? "" }
    } else if d_.action != "none" {
      log warn "plan {{ plan_.id }} is {{ plan_.status }}: it cannot {{ d_.action }}"
    }
  }

  on next_ {
    if plan_ != null and plan_.status in ["approved", "executing"] {
      for round_ in plan_.steps {
        plan_ = { ...plan_, steps: [
          { ...s, status: "skipped", blocked: true, error: "a step that it comes after failed" }
          if s.status == "pending" and len([o for o in plan_.steps if (o.status == "failed" or o.blocked) and (o.id in s.after or s.last)]) > 0
          else s for s in plan_.steps
        ] }
      }
      let over_ = [s.id for s in plan_.steps if s.status == "completed" or s.status == "skipped" and not s.blocked]
      let ready_ = [s.id for s in plan_.steps if s.status == "pending" and only_ in ["", s.id] and (
        len([a for a in s.after if not (a in over_)]) == 0 and not s.last or s.last and len(over_) == len(plan_.steps) - 1
      )]
      let before_ = plan_.status
      let busy_ = [s for s in plan_.steps if s.status == "in_progress"]
      plan_ = { ...plan_, status: "executing", steps: [{ ...s, status: "in_progress" } if s.id in ready_ else s for s in plan_.steps] }
      if len(ready_) > 0 {
        save_(plan_)
        if before_ != "executing" { plan <- plan_ }
        let results_ = { [s.id]: s.result for s in plan_.steps }
        for s in plan_.steps {
          if s.id in ready_ {
            step <- { id: s.id, status: "in_progress", error: "" }
            let run_ = { id: s.id, goal: plan_.goal, results: results_, task: s.task, by: s.by, retry: s.retry }
            @START@
          }
        }
      } else if len(busy_) == 0 and only_ != "" and len([s for s in plan_.steps if s.status == "pending"]) > 0 {
        if waiting_ != null { reply_(waiting_, plan_) }
        waiting_ = null
      } else if len(busy_) == 0 {
        let wrong_ = [s for s in plan_.steps if s.status == "failed"]
        if len(wrong_) == 0 {
          plan_ = { ...plan_, status: "completed" }
          save_(plan_)
          plan <- plan_
          result <- { [s.id]: s.result for s in plan_.steps }
          if waiting_ != null { reply_(waiting_, plan_) }
          waiting_ = null
        } else {
          save_(plan_)
          plan <- plan_
          let kind_ = "dod" if len([s for s in wrong_ if s.kind == "dod"]) > 0 else "step_failed"
          let why_ = "step {{ wrong_[0].id }} failed: {{ wrong_[0].error }}"
          if mode_ == "user" and can_plan_hole {
            self.ask_ <- { kind: kind_, message: why_ }
          } else {
            self.ended_ <- { kind: kind_, message: why_ }
          }
        }
      }
    }
  }

  on over_ as d_ {
    if plan_ != null and len([s for s in plan_.steps if s.id == d_.id and s.status == "in_progress"]) > 0 {
      plan_ = { ...plan_, steps: [
        { ...s, status: d_.status, result: d_.result, error: d_.error, kind: d_.kind, attempts: s.attempts + d_.attempts,
          findings: d_.findings, task: s.task if d_.task == null or d_.task == "" else d_.task }
        if s.id == d_.id else s for s in plan_.steps
      ] }
      save_(plan_)
      step <- { id: d_.id, status: d_.status, error: d_.error }
      self.next_ <- null
    }
  }

  on ended_ as end_ {
    if plan_ != null and plan_.status in ["draft", "approved", "executing"] {
      plan_ = { ...plan_, status: "cancelled", reason: end_.kind }
      save_(plan_)
      plan <- plan_
      failed <- { goal: plan_.goal, kind: end_.kind, message: end_.message, plan: plan_.id }
      if waiting_ != null { reply_(waiting_, plan_) }
      if creating_ != null { reply_(creating_, plan_) }
      waiting_ = null
      creating_ = null
    }
  }

  on watch_ concurrent 1 {
    let id_ = plan_.id
    let told_ = outside_(id_)
    if told_ != null {
      self.decided_ <- told_
      if plan_ != null and plan_.status in ["approved", "executing"] { self.watch_ <- null }
    }
  }

  on asked_ as a_ {
    if a_.tool == "plan_status" {
      reply_(a_.id, { status: "none" } if plan_ == null else plan_)
    } else if a_.tool == "plan_create" and plan_ != null and plan_.status in ["draft", "approved", "executing"] {
      reply_(a_.id, { error: "this plan is {{ plan_.status }}: one goal at a time", id: plan_.id, status: plan_.status })
    } else if a_.tool == "plan_create" {
      creating_ = a_.id
      hold_ = not (a_.input.auto_execute ?? false)
      if a_.input.auto_execute ?? false {
        waiting_ = a_.id
        creating_ = null
      }
      granted_ = a_.input.auto_approve ?? false
      self.goal <- a_.input.goal
    } else if plan_ == null or not (plan_.status in ["approved", "executing"]) or waiting_ != null {
      reply_(a_.id, { error: "there is no approved plan that waits to be executed", status: "none" if plan_ == null else plan_.status })
    } else if a_.input.step != "" and len([s for s in plan_.steps if s.id == a_.input.step and s.status == "pending"]) == 0 {
      reply_(a_.id, { error: "there is no step " + a_.input.step + " that waits to be executed", steps: plan_.steps })
    } else {
      waiting_ = a_.id
      self.decided_ <- { action: "execute", step: a_.input.step }
    }
  }

  enact approve(by: string = "system") { self.decided_ <- { action: "approve", source: "system", by: by } }
  enact reject(reason: string = "") { self.decided_ <- { action: "reject", feedback: reason } }
  enact replan(feedback: string) { self.decided_ <- { action: "replan", feedback: feedback } }
  enact cancel(reason: string = "") { self.decided_ <- { action: "cancel", feedback: reason } }
  enact execute(step: string = "") { self.decided_ <- { action: "execute", step: step } }
  enact hold { hold_ = true }
}
'''
DRAFT = """
    let names_ = agents_hole
    drafted_ = null
    wrong_ = []
    for draw_ in [1, 2] {
      if drafted_ == null or len(wrong_) > 0 {
        let more_ = ["your plan was wrong: " + join(wrong_, "; ")] if len(wrong_) > 0 else []
        planner.task <- planning_(plan_.goal, plan_, feedback_ + more_, most_hole)
        let told_ = await planned_
        drafted_ = told_
        wrong_ = faults_(told_.steps, names_, [s.id for s in plan_.steps] + reserved_hole, most_hole) if told_.error == null else []
      }
    }
    if drafted_.error != null or len(wrong_) > 0 {
      self.ended_ <- { kind: drafted_.kind ?? "planner", message: "there is no plan: " + (drafted_.error ?? join(wrong_, "; ")) }
    } else {
      plan_ = { ...plan_, steps: plan_.steps + drawn_(drafted_.steps) + last_hole, redraw: false }
      save_(plan_)
      plan <- plan_
      self.advance_ <- null
    }
"""
PLANNER = """
  create planner = planner_hole
  on planner.result as r_ { self.planned_ <- { steps: r_.steps, error: null, kind: null } }
  on planner.failed as f_ { self.planned_ <- { steps: [], error: f_.message, kind: f_.kind } }
"""
APPROVER = """
  create approver = approver_hole
  on approver.result as r_ { self.decided_ <- { action: r_.action, source: "agent", by: "@NAME@", feedback: r_.feedback } }
  on approver.failed as f_ { self.ended_ <- { kind: "approval", message: f_.message } }
"""
CHILD = """
  create child_hole = kind_hole@GIVEN@ { max_restarts: 1_000_000 }
  on child_hole.done as d_ {
    @OVER@
    self.over_ <- d_
  }
  on error(child_hole) as e_ {
    @OVER@
    self.over_ <- { id: "@ID@", status: "failed", task: "", result: null, error: e_.message, kind: e_.kind, attempts: 1, findings: [] }
    restart child_hole
  }
"""
CLOCK = """
  listen clock_hole: any
  listen ended_hole: any
  on clock_hole concurrent 4 {
    let ended__ = await ended_hole timeout limit_hole
    if ended__ == null and len([s for s in plan_.steps if s.id == "@ID@" and s.status == "in_progress"]) > 0 {
      self.over_ <- {
        id: "@ID@", status: "failed", task: "", result: null, error: "it took longer than " + str(limit_hole), kind: "timeout", attempts: 1, findings: []
      }
      restart child_hole
    }
  }
"""
POOL = """
  create pool_hole = kind_hole * 0..1000
  on pool_hole.done as d_ {
    self.over_ <- d_
    stop pool_hole[sender.index]
  }
  on error(pool_hole) as e_ {
    for s in [s for s in plan_.steps if s.index == e_.index and s.status == "in_progress"] {
      self.over_ <- { id: s.id, status: "failed", task: s.task, result: null, error: e_.message, kind: e_.kind, attempts: 1, findings: [] }
    }
    stop pool_hole[e_.index ?? 0]
  }
"""
START_MADE = """
            let n_ = create pool_hole@GIVEN@
            plan_ = { ...plan_, steps: [{ ...o, index: n_ } if o.id == s.id else o for o in plan_.steps] }
            pool_hole[n_].run <- run_
"""
