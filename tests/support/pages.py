"""Systems for the tests of the page: of about 10, 100 and 1,000 coglets, with traffic, failures and restarts."""

from __future__ import annotations

TEN = """
"An order as it comes in."
type Order = {id: int, sum: int}

"Takes an order every so often."
coglet Intake {
  transmit orders: Order
  state n: int = 0
  every 200ms {
    n = n + 1
    orders <- {id: n, sum: n * 7 % 100}
  }
}

"Checks orders, and lets the large ones through."
coglet Check {
  listen orders: Order
  transmit good: Order
  transmit refused: string
  state seen: int = 0
  on orders as o {
    seen = seen + 1
    if o.sum > 20 { good <- o } else { refused <- "order {{ o.id }} is too small" }
  }
}

"Fails at each seventh order."
coglet Charge {
  listen orders: Order
  transmit paid: int
  on orders as o {
    if o.id % 7 == 0 { fail "the card of order {{ o.id }} was refused" }
    paid <- o.sum
  }
}

coglet Ledger {
  listen paid: int
  listen refused: string
  transmit total: int
  state sum: int = 0
  state refusals: [string] = []
  on paid as p { sum = sum + p
    total <- sum }
  on refused as r { refusals = [r] }
}

coglet Worker {
  listen job: int
  transmit done: int
  on job as j { done <- j * 2 }
}

"Hands jobs to its workers."
coglet Depot {
  listen job: int
  transmit done: int
  create w = Worker * 3 { map: round_robin }
  on job as j { w.job <- j }
  on w.done as d { done <- d }
}

coglet Main {
  transmit total: int
  create intake = Intake
  create check = Check
  create charge = Charge { restart: on_error, max_restarts: 1000, within: 1s, backoff: 50ms }
  create ledger = Ledger
  create depot = Depot
  link intake.orders -> check.orders
  link check.good -> charge.orders
  link check.refused -> ledger.refused
  link charge.paid -> ledger.paid
  link charge.paid -> depot.job
  link ledger.total -> total
}
"""

_TEAM = """
coglet Worker {
  listen job: int
  transmit done: int
  state last: int = 0
  on job as j { last = j
    done <- j + 1 }
}
coglet Lead {
  listen task: int
  transmit report: int
  on task as t { report <- t }
}
coglet Team {
  listen task: int
  transmit report: int
  create lead = Lead
  create w = Worker * WORKERS { map: round_robin }
  link task -> lead.task
  link lead.report -> w.job
  on w.done as d { report <- d }
}
coglet Source {
  transmit task: int
  state n: int = 0
  every 100ms { n = n + 1
    task <- n }
}
coglet Main {
  transmit report: int
  create source = Source
  create team = Team * TEAMS { map: round_robin }
  link source.task -> team.task
  on team.report as r { report <- r }
}
"""


def teams(count: int, workers: int) -> str:
    """A spec of some teams with some workers each: 2 + count * (2 + workers) coglets."""
    return _TEAM.replace("TEAMS", str(count)).replace("WORKERS", str(workers))


HUNDRED = teams(14, 5)
THOUSAND = teams(90, 9)
