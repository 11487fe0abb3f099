"""Systems of several kinds for runs that are killed: each counts in the world what was done, by the id of the call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.anthropic import Behaviour, Server, blocks, reply, use
from support.crashes import World
from support.scripts import rules
from support.specs import build

NOTE = 'shell ["sh", "-c", "echo $COGC_CALL_ID >> ledger; echo {0}"]'


def ledger(world: World) -> Counter[str]:
    """How often each call of a program was made."""
    file = world.folder / "ledger"
    return Counter(file.read_text().split()) if file.exists() else Counter()


# ---- agents with tools, against a real server of models --------------------------------------------------------

AGENTS = """
model m = anthropic "m" {{ base_url: "{url}", api_key: env("COGC_TEST_KEY"), timeout: 1h }}
program look(what: string) -> string = {look}
agent Scout {{ model: m, system: "You scout.", tools: [look], timeout: 1h }}
agent Chief {{ model: m, system: "You lead.", tools: [Scout], timeout: 1h, max_turns: 6 }}
coglet Main {{
  listen q: string
  transmit out: any
  state seen: int = 0
  create a = Chief * 2
  link self.q -> a.task {{ map: round_robin }}
  on a.result as r {{ seen = seen + 1
    out <- r }}
  on a.failed as f {{ out <- [f.kind, f.message] }}
}}
"""


def brain(body: dict[str, Any]) -> Behaviour:
    """Let the chief ask the scout twice, and the scout look once for each question."""
    system = str(body.get("system", ""))
    said = [b for m in body["messages"] for b in m["content"] if isinstance(b, dict)]
    results = sum(b.get("type") == "tool_result" for b in said)
    first = next(b["text"] for b in said if b.get("type") == "text")
    if "scout" in system:
        return blocks(use("look", f"l{first[-1]}", what=first)) if not results else reply(f"saw {first}")
    if results < 2:
        return blocks(use("Scout", f"s{results}", query=f"{first}{results}"))
    return reply(f"done {first}")


def agents(server: Server) -> tuple[Callable[[Path], World], Callable[[World], Counter[str]]]:
    server.brain = brain

    def make(folder: Path) -> World:
        """Return the agents; their limits are so wide that no load of the machine meets them."""
        server.headers.clear()
        text = AGENTS.format(url=server.url, look=NOTE.format("{{ what }}"))
        return World(build(text), folder, [("q", "alpha"), ("q", "beta")])

    def counted(world: World) -> Counter[str]:
        found = Counter({k.lower(): v for k, v in h.items()}.get("idempotency-key", "") for h in server.headers)
        return found + ledger(world)

    return make, counted


# ---- a plan ----------------------------------------------------------------------------------------------------

PLAN = """
program a() -> string = {a}
program b(x: string) -> string = {b}
program c(x: string) -> string = {c}
plan Main {{ goal: "ship it"
  step one: a()
  step two after one: b(one)
  step three after one: c(one)
  step four after two, three: b(two)
}}
"""


def plan(folder: Path) -> World:
    text = PLAN.format(a=NOTE.format("A"), b=NOTE.format("{{ x }}B"), c=NOTE.format("{{ x }}C"))
    made = World(build(text), folder, [("goal", "")], answers={"Main": ["approve"]})
    made.plans = f"sqlite:{folder}/plans.db"
    return made


# ---- a team ----------------------------------------------------------------------------------------------------

TEAM = """
model m = scripted "{folder}/m.yml"
program test(what: string) -> string = {test}
agent Lead {{ model: m, system: "You lead.", output: string }}
agent Developer {{ description: "Writes code.", model: m, tools: [test] }}
agent Reviewer {{ model: m, system: "You review." }}
team Main {{ lead: Lead, workers: [Developer * 2, Reviewer] }}
"""


def _calls(name: str, *inputs: dict[str, Any]) -> dict[str, Any]:
    return {"tools": [{"name": name, "input": i} for i in inputs]}


TEAM_SCRIPT = rules(
    (
        "Build it",
        _calls("delegate", {"worker": "Developer", "task": "job-1"}, {"worker": "Developer", "task": "job-2"}),
    ),
    ("job-1", _calls("test", {"what": "one"})),
    ("job-2", _calls("test", {"what": "two"})),
    ("tested one", {"reply": "did one", "delay": "20ms"}),
    ("tested two", {"reply": "did two", "delay": "30ms"}),
    ("did two", _calls("delegate", {"worker": "Reviewer", "task": "look at it"})),
    ("look at it", "fine"),
    ("fine", "built"),
)


def team(folder: Path) -> World:
    (folder / "m.yml").write_text(TEAM_SCRIPT)
    text = TEAM.format(folder=folder, test=NOTE.format("tested {{ what }}"))
    return World(build(text), folder, [("task", "Build it")], {"sim": True})


# ---- consumers of queues ---------------------------------------------------------------------------------------

QUEUES = """
queue jobs: int = {store} {{ lease: 30s }}
program work(x: int) -> int = shell ["sh", "-c", "echo $COGC_CALL_ID >> ledger; echo {{{{ x * 10 }}}}"] {{ output: json }}
coglet Work {{ transmit out: int
  state done: int = 0 keep
  on jobs as x {{ let r = work(x)
    done = done + 1
    out <- r }} }}
coglet Main {{ listen put: int
  transmit out: int
  state sum: int = 0
  create w = Work * 2
  on put as n {{ for i in range(n) {{ jobs <- i }} }}
  on w.out as r {{ sum = sum + r
    out <- r
    if sum >= 60 {{ stop self }} }} }}
"""


def queues(store: str, **options: Any) -> Callable[[Path], World]:
    def make(folder: Path) -> World:
        named = f'sqlite "{folder}/q.db"' if store == "sqlite" else store
        return World(build(QUEUES.format(store=named)), folder, [("put", 4)], dict(options))

    return make


# ---- a service that rests between its messages -----------------------------------------------------------------

SERVICE = """
queue jobs: int = memory { lease: 30s }
program work(x: int) -> int = shell ["sh", "-c", "echo $COGC_CALL_ID >> ledger; echo {{ x * 10 }}"] { output: json }
coglet Work { transmit out: int
  state done: int = 0 keep
  on jobs as x { let r = work(x)
    done = done + 1
    out <- r + done } }
coglet Main { listen put: int
  transmit out: any
  state sum: int = 0
  create w = Work * 2
  on put as n distinct n within 1m { jobs <- n }
  every 200ms { out <- ["tick", sum, random()] }
  on w.out as r debounce 20ms { sum = sum + r
    out <- r } }
"""


def service(folder: Path) -> World:
    later = [(n * 70_000_000, "put", n % 5) for n in range(1, 8)]
    return World(build(SERVICE), folder, [], {"sim": True, "later": later, "stop_at": 800_000_000})


# ---- coglets that wait for people and programs -------------------------------------------------------------------

QUESTIONS = """
queue jobs: int = memory { lease: 30s }
program ask(question: string) -> any = human
program work(x: int) -> int = shell ["sh", "-c", "echo $COGC_CALL_ID >> ledger; echo {{ x * 10 }}"] { output: json }
coglet Clerk { listen x: int
  transmit y: any
  state n: int = 0
  state log: [any] = []
  on x as v when v != 3 timeout 1h {
    n = n + 1
    let a = ask("{{ v }}, {{ n }}?")
    n = n + 10
    y <- ["asked", v, a, n]
    let all = [work(i + n) for i in range(3)]
    log = log + [all]
    let last = try work(n * v) else 0
    if last != 0 { y <- ["worked", v, last, n, log] }
  }
  on x as v { y <- ["heard", v, n] }
  enact bump(by: int) { n = n + by } }
coglet Wide { listen x: int
  transmit y: any
  state n: int = 0
  on x as v concurrent 2 {
    n = n + 1
    let a = work(n * 100 + v)
    n = n + 1000
    let b = work(a + n)
    y <- ["wide", v, a, b, n]
  } }
coglet Desk { transmit y: any
  on jobs as j { let ok = ask("job {{ j }}?")
    y <- ["job", j, ok] } }
coglet Main { listen go: int
  transmit out: any
  state k: int = 0
  create clerk = Clerk
  create wide = Wide
  create desk = Desk * 2
  on go as v {
    k = k + 1
    clerk.x <- v
    wide.x <- v
    wide.x <- v + 10
    jobs <- v
  }
  every 50ms { guide clerk.bump(by: 100) }
  on clerk.y as y { out <- y }
  on wide.y as y { out <- y }
  on desk.y as y { out <- y } }
"""


def questions(folder: Path) -> World:
    """Return coglets of which some wait for an answer nearly always."""
    later = [(n * 60_000_000, "go", n) for n in range(1, 4)]
    answers = {"ask": [f"{i}" for i in range(20)]}
    return World(build(QUESTIONS), folder, [], {"sim": True, "later": later, "stop_at": 250_000_000}, answers)


# ---- an agent that is paused and spoken to, an `else` that waits, effects that are made once --------------------

STEERED = """
model m = scripted "{folder}/m.yml"
program look(what: string) -> string = {look}
program pay(order: string) -> string = {pay} {{ once: "order " + order }}
program ask(question: string) -> any = human
agent Scout {{ model: m, system: "You scout.", tools: [look, pay], timeout: 1h }}
coglet Till {{ listen x: string
  transmit y: any
  on x as v {{ let paid = pay(v)
    if v == "two" {{ fail "no " + paid }}
    y <- [v, paid] }} else as e {{
    let why = ask(e.message)
    y <- [e.message, why, pay(v)] }} }}
coglet Main {{ listen go: string
  transmit out: any
  create scout = Scout
  create till = Till * 2
  on go as v {{
    scout.task <- v
    till[0].x <- v
    till[1].x <- v }}
  every 30ms {{ guide scout.pause() }}
  every 45ms {{ guide scout.inject("mind") }}
  every 50ms {{ guide scout.resume() }}
  on scout.result as r {{ out <- r }}
  on scout.failed as f {{ out <- f.message }}
  on till.y as y {{ out <- y }} }}
"""
STEERED_SCRIPT = rules(
    ("one", _calls("look", {"what": "alpha"}, {"what": "beta"})),
    ("paid two", {**_calls("look", {"what": "delta"}), "delay": "25ms"}),
    ("two", _calls("pay", {"order": "two"})),
    ("gamma", {"reply": "saw all", "delay": "20ms"}),
    ("delta", {"reply": "paid and saw", "delay": "30ms"}),
    ("alpha", {**_calls("look", {"what": "epsilon"}), "delay": "25ms"}),
    ("mind", {**_calls("look", {"what": "gamma"}), "delay": "25ms"}),
)


def steered(folder: Path) -> World:
    """Return an agent that is paused and spoken to in the middle of its tasks, and coglets that pay for the same."""
    (folder / "m.yml").write_text(STEERED_SCRIPT)
    text = STEERED.format(folder=folder, look=NOTE.format("saw {{ what }}"), pay=NOTE.format("paid {{ order }}"))
    later = [(1_000_000, "go", "one"), (40_000_000, "go", "two")]
    answers = {"ask": [f"{i}" for i in range(9)]}
    return World(build(text), folder, [], {"sim": True, "later": later, "stop_at": 300_000_000}, answers)


# ---- a tree with timers, pools, joins and modifiers ------------------------------------------------------------

TREE = """
program note(x: int) -> int = shell ["sh", "-c", "echo $COGC_CALL_ID >> ledger; echo {x}"] { output: json, effects: none }
coglet Leaf(kind: int) {
  listen x: int
  transmit y: int
  state n: int = 0 keep
  on x as v when v % 5 == 4 and n == 0 { n = 1
    fail "once" }
  on x as v { n = n + v
    y <- n * 100 + kind }
}
coglet Main {
  listen go: int
  transmit out: any
  state k: int = 0
  create leaf = Leaf * 0..8 { restart: on_error, backoff: 20ms, map: round_robin }
  create left = Leaf(kind: 1)
  create right = Leaf(kind: 2)
  on go as n {
    for i in range(n) { let made = create leaf(kind: 10 + i) }
  }
  every 40ms when k < 8 {
    k = k + 1
    leaf.x <- k
    left.x <- k
    if k % 2 == 0 { right.x <- k }
    if k == 3 { let r = note(k)
      out <- ["note", r] }
  }
  after 130ms { out <- "after" }
  on leaf.y as y { out <- ["leaf", sender.index, y] }
  on leaf.y as y batch 3 within 1s { out <- ["batch", y] }
  on left.y as y debounce 60ms { out <- ["debounce", y] }
  on leaf.y as y distinct y % 3 within 1m { out <- ["distinct", y] }
  on left.y as y throttle 2 per 200ms { out <- ["throttle", y] }
  on all(left.y, right.y) as [a, b] { out <- ["all", a, b] }
  on left.y as y when y > 1000 { let late = await right.y timeout 70ms
    out <- ["await", late, random()] }
}
"""


def tree(folder: Path) -> World:
    return World(build(TREE.replace("{x}", "{{ x }}")), folder, [("go", 3)], {"sim": True, "stop_at": 700_000_000})
