"""What every team's coglet has in common, as text of the language; `cogc/desugar/teams.py` fills the holes and the @WORDS@."""

from __future__ import annotations

TEAM = '''
coglet _ {
  listen task: string
  transmit result: any
  transmit failed: { task: string, kind: string, message: string }
  transmit status: { state: string, task: string, workers: [any], messages: int }
  transmit message: { from: string, to: [string], content: string, at: time }
  @SHARED_PORT@

  listen asked_: any
  listen next_: any
  listen done_: any
  listen said_: any
  listen gathered_: any
  listen ended_: any
  state members_: [any] = @MEMBERS@
  state jobs_: [any] = []
  state tickets_: int = 0
  state state_: string = "idle"
  state task_: string = ""
  state messages_: [any] = []
  @SHARED_STATE@

  program reply_(id: int, value: any) -> any = reply_hole
  program brief_(task: string, jobs: [any]) -> string = template """
    {{ task }}
    {% for j in jobs %}

    {{ j.worker }} {{ "says" if j.state == "completed" else "failed" }}: {{ j.output if j.state == "completed" else j.error }}
    {% endfor %}
    """

  create lead = lead_hole { max_restarts: 1_000_000 }
  on lead.result as r_ { self.ended_ <- { ok: true, value: r_, kind: "", message: "" } }
  on lead.failed as f_ { self.ended_ <- { ok: false, value: null, kind: f_.kind, message: f_.message } }
  on error(lead) as e_ {
    self.ended_ <- { ok: false, value: null, kind: e_.kind, message: e_.message }
    restart lead
  }
  @CHILDREN@

  on task as given_ concurrent 1 {
    task_ = given_
    state_ = "running"
    jobs_ = []
    @BEGIN@
    status <- { state: state_, task: task_, workers: members_, messages: len(messages_) }
    let end_ = await ended_
    for j in jobs_ {
      if j.state == "running" { @CANCEL@ }
      if j.asked != null and j.state in ["pending", "running"] { reply_(j.asked, { success: false, error: "the team is done", worker: j.worker }) }
    }
    jobs_ = [{ ...j, state: "cancelled", asked: null } if j.state in ["pending", "running"] else j for j in jobs_]
    state_ = "completed" if end_.ok else "failed"
    status <- { state: state_, task: task_, workers: members_, messages: len(messages_) }
    if end_.ok { result <- end_.value } else { failed <- { task: given_, kind: end_.kind, message: end_.message } }
  }

  on next_ {
    for j in jobs_ {
      let free_ = [m for m in members_ if m.job == 0 and (m.name == j.wanted or m.role == j.wanted)]
      let busy_ = len([m for m in members_ if m.job != 0])
      if j.state == "pending" and len(free_) > 0 and busy_ < most_hole {
        let m_ = free_[0]
        members_ = [{ ...m, job: j.ticket, state: "running", task: j.task } if m.name == m_.name else m for m in members_]
        jobs_ = [{ ...o, state: "running", worker: m_.name } if o.ticket == j.ticket else o for o in jobs_]
        let told_ = j.task
        @SEND@
        status <- { state: state_, task: task_, workers: members_, messages: len(messages_) }
      }
    }
  }

  on done_ as d_ {
    let member_ = [m for m in members_ if m.name == d_.member][0]
    let of_ = [j for j in jobs_ if j.ticket == member_.job]
    members_ = [
      { ...m, job: 0, state: "completed" if d_.ok else "failed", error: d_.error } if m.name == d_.member else m
      for m in members_
    ]
    jobs_ = [
      { ...j, state: "completed" if d_.ok else "failed", output: d_.output, error: d_.error, asked: null } if j.ticket == member_.job else j
      for j in jobs_
    ]
    for j in of_ {
      let answer_ = { success: d_.ok, output: d_.output, error: d_.error, worker: d_.member, ticket: j.ticket }
      if j.asked != null { reply_(j.asked, answer_) } else if j.background and state_ == "running" {
        guide lead.inject("{{ d_.member }} is done with ticket {{ j.ticket }}: {{ answer_ }}")
      }
    }
    status <- { state: state_, task: task_, workers: members_, messages: len(messages_) }
    if len([j for j in jobs_ if j.state in ["pending", "running"]]) == 0 { self.gathered_ <- true }
    self.next_ <- null
  }

  on asked_ as a_ {
    let by_ = [m.name for m in members_ if m.path == a_.by]
    let from_ = by_[0] if len(by_) > 0 else "lead"
    if a_.tool == "delegate" {
      let known_ = [m.name for m in members_ if m.name == a_.input.worker or m.role == a_.input.worker]
      if len(known_) == 0 {
        reply_(a_.id, { success: false, error: "there is no worker " + a_.input.worker + "; there is " + join([m.name for m in members_], ", ") })
      } else {
        tickets_ = tickets_ + 1
        jobs_ = jobs_ + [{
          ticket: tickets_, wanted: a_.input.worker, worker: a_.input.worker, task: a_.input.task, state: "pending", output: null, error: null,
          background: a_.input.background, asked: null if a_.input.background else a_.id
        }]
        if a_.input.background { reply_(a_.id, { ticket: tickets_, worker: a_.input.worker, state: "pending" }) }
        self.next_ <- null
      }
    } else if a_.tool == "wait_worker" {
      let of_ = [j for j in jobs_ if j.ticket == a_.input.ticket]
      if len(of_) == 0 {
        reply_(a_.id, { success: false, error: "there is no ticket " + str(a_.input.ticket) })
      } else if of_[0].state in ["pending", "running"] {
        jobs_ = [{ ...j, asked: a_.id } if j.ticket == a_.input.ticket else j for j in jobs_]
      } else {
        reply_(a_.id, { success: of_[0].state == "completed", output: of_[0].output, error: of_[0].error, worker: of_[0].worker, ticket: of_[0].ticket })
      }
    } else if a_.tool == "send_message" {
      self.said_ <- { from: from_, to: a_.input.to, content: a_.input.message, asked: a_.id }
    } else if a_.tool == "team_status" {
      reply_(a_.id, { task: task_, you: from_, workers: [{ name: m.name, state: m.state, task: m.task, paused: m.paused } for m in members_], messages: len(messages_) })
    } @SHARED_TOOLS@
  }

  on said_ as s_ {
    let everybody_ = ["lead"] + [m.name for m in members_]
    let named_ = s_.to if s_.to is [string] else [s_.to]
    let to_ = [n for n in everybody_ if n != s_.from] if named_ == ["all"] else named_
    let nobody_ = [n for n in to_ if not (n in everybody_)]
    if len(nobody_) > 0 {
      if s_.asked != null { reply_(s_.asked, { sent: false, error: "there is no " + join(nobody_, ", ") + "; there is " + join(everybody_, ", ") }) }
    } else {
      let at_ = now()
      messages_ = messages_ + [{ from: s_.from, to: to_, content: s_.content, at: at_ }]
      message <- { from: s_.from, to: to_, content: s_.content, at: at_ }
      let told_ = "Message from {{ s_.from }}: {{ s_.content }}"
      if "lead" in to_ { guide lead.inject(told_) }
      for m in members_ {
        if m.name in to_ { @INJECT@ }
      }
      if s_.asked != null { reply_(s_.asked, { sent: true, to: to_ }) }
    }
  }

  """Say something to the lead, a worker, or all; `to` may name several."""
  enact send(to: string | [string], message: string, sender: string = "user") {
    self.said_ <- { from: sender, to: to, content: message, asked: null }
  }
  """Hold a member, or all, before the next call of a model or tool."""
  enact pause(member: string = "all") {
    if member in ["all", "lead"] { guide lead.pause() }
    members_ = [{ ...m, paused: true } if member in ["all", m.name, m.role] else m for m in members_]
    for m in members_ { if member in ["all", m.name, m.role] { @PAUSE@ } }
  }
  enact resume(member: string = "all") {
    if member in ["all", "lead"] { guide lead.resume() }
    members_ = [{ ...m, paused: false } if member in ["all", m.name, m.role] else m for m in members_]
    for m in members_ { if member in ["all", m.name, m.role] { @RESUME@ } }
  }
  """Forget all messages."""
  enact clear { messages_ = [] }
  """End the task under way."""
  enact cancel { guide lead.cancel() }
}
'''
SINGLE = """
  create child_hole = kind_hole { max_restarts: 1_000_000 }
  on child_hole.result as r_ { self.done_ <- { member: "@NAME@", ok: true, output: r_, error: null } }
  on child_hole.failed as f_ { self.done_ <- { member: "@NAME@", ok: false, output: null, error: f_.message } }
  on error(child_hole) as e_ {
    self.done_ <- { member: "@NAME@", ok: false, output: null, error: e_.message }
    restart child_hole
  }
"""
SEVERAL = """
  create child_hole = kind_hole * count_hole { max_restarts: 1_000_000 }
  on child_hole.result as r_ { self.done_ <- { member: "@NAME@-" + str(sender.index + 1), ok: true, output: r_, error: null } }
  on child_hole.failed as f_ { self.done_ <- { member: "@NAME@-" + str(sender.index + 1), ok: false, output: null, error: f_.message } }
  on error(child_hole) as e_ {
    self.done_ <- { member: "@NAME@-" + str((e_.index ?? 0) + 1), ok: false, output: null, error: e_.message }
    restart child_hole[e_.index ?? 0]
  }
"""
SUPERVISE = """
    for m in members_ {
      tickets_ = tickets_ + 1
      jobs_ = jobs_ + [{
        ticket: tickets_, wanted: m.name, worker: m.name, task: given_, state: "pending", output: null, error: null, background: false, asked: null
      }]
    }
    self.next_ <- null
    let all_ = await gathered_
    lead.task <- brief_(given_, jobs_)
"""
DELEGATE = "lead.task <- given_"

LEAD_TOOLS = '''
coglet _ {
  """Give a worker a task and wait for what comes of it; in the background the answer is a ticket, and what comes of it is said to you
  later. A role stands for any worker of it that is free. Ask several in one turn and they work side by side. The workers: @ABOUT@"""
  program delegate(worker: string, task: string, background: bool = false) -> any = ask_hole ""

  """Wait for a worker who works in the background."""
  program wait_worker(ticket: int) -> any = ask_hole ""
}
'''
TOOLS = '''
coglet _ {
  """Say something to others of the team: to one (lead, or a worker's name), to several, or to all. They hear it before their next step."""
  program send_message(to: string | [string], message: string) -> any = ask_hole ""

  """Who is in the team, and what they are at."""
  program team_status() -> any = ask_hole ""
}
'''
SHARED_TOOLS = '''
coglet _ {
  """The record that the team shares, and its version."""
  program read_shared() -> any = ask_hole ""

  """Propose changes to fields of the shared record; the version is the one that you have read."""
  program propose(changes: any, version: int, reason: string = "") -> any = ask_hole ""
}
'''
DECIDE_TOOL = '''
coglet _ {
  """Accept or refuse a proposal that was put to you."""
  program decide(proposal: int, accept: bool, reason: string = "") -> any = ask_hole ""
}
'''
SHARED_STATE = """
  state shared_: type_hole = initial_hole
  state version_: int = 1
  state proposals_: [any] = []
  program checked_(value: any) -> type_hole = expr value
  listen change_: any
  on change_ as c_ {
    let made_ = try { value: checked_({ ...shared_, ...c_.changes }), error: null } else as e_ { value: null, error: e_.message }
    let stale_ = c_.version != version_
    if stale_ or made_.error != null {
      let why_ = "it is at version {{ version_ }} by now" if stale_ else made_.error
      reply_(c_.asked, { accepted: false, reason: why_, version: version_, value: shared_ })
    } else {
      shared_ = made_.value ?? shared_
      version_ = version_ + 1
      shared <- { value: shared_, version: version_, by: c_.from, reason: c_.reason }
      reply_(c_.asked, { accepted: true, version: version_, value: shared_ })
    }
  }
"""
SHARED_PORT = "transmit shared: { value: type_hole, version: int, by: string, reason: string }"
SHARED_ASKED = """else if a_.tool == "read_shared" {
      reply_(a_.id, { version: version_, value: shared_ })
    } else if a_.tool == "propose" {
      if decides_hole and from_ != "lead" {
        let number_ = len(proposals_) + 1
        proposals_ = proposals_ + [{ number: number_, from: from_, changes: a_.input.changes, version: a_.input.version, reason: a_.input.reason, open: true }]
        guide lead.inject("Proposal {{ number_ }} by {{ from_ }}, to version {{ a_.input.version }}: {{ a_.input.changes }} {{ a_.input.reason }}")
        reply_(a_.id, { proposal: number_, state: "pending" })
      } else {
        self.change_ <- { asked: a_.id, from: from_, changes: a_.input.changes, version: a_.input.version, reason: a_.input.reason }
      }
    } else if a_.tool == "decide" {
      let of_ = [p for p in proposals_ if p.number == a_.input.proposal and p.open]
      if len(of_) == 0 {
        reply_(a_.id, { error: "there is no open proposal " + str(a_.input.proposal) })
      } else {
        proposals_ = [{ ...p, open: false } if p.number == a_.input.proposal else p for p in proposals_]
        self.said_ <- { from: "lead", to: of_[0].from, asked: null,
          content: "proposal {{ a_.input.proposal }} was {{ 'accepted' if a_.input.accept else 'refused' }}. {{ a_.input.reason }}" }
        if a_.input.accept {
          self.change_ <- { asked: a_.id, from: of_[0].from, changes: of_[0].changes, version: of_[0].version, reason: of_[0].reason }
        } else {
          reply_(a_.id, { accepted: false, version: version_ })
        }
      }
    }"""
