"""Reactions led along their courses: conversations with models, their tools, the agents that they start, sessions and hand-offs.

A model answers by chance, by the digest of its request. At moments by chance another kernel is made from the snapshot of the first. Both must do the same from there on, effect
for effect. `COGC_EXAMPLES` says how many such runs are tried, `COGC_SEED` with which seed the first is.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from cogc.kernel.activities import interrupt
from cogc.kernel.courses import MOST, WEIGHT
from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.kernel.machine import Kernel
from cogc.kernel.priorities import ordered
from cogc.kernel.restoring import Misfit, restore
from cogc.kernel.snapshot import excess, written
from cogc.kernel.trial import taken
from cogc.kernel.unit import Unit
from cogc.language.codec import decode, encode
from cogc.language.values import Failure
from support.specs import build

EXAMPLES = int(os.environ.get("COGC_EXAMPLES", "2"))
SEED = int(os.environ.get("COGC_SEED", "2"))
AGENTS = """
model m = scripted "m.yml"
model n = scripted "n.yml"
model both = [m, n]
program look(what: string) -> string = shell ["look", what]
program ask(question: string) -> string = human
program pay(order: string) -> string = shell ["pay", order] { once: "o" + order[0] }
agent Scout { model: m, system: "You scout.", tools: [look, pay], timeout: 1h, output: int }
agent Helper { model: n, system: "help " + str(random()), tools: [look], timeout: 2h }
agent Chief {
  model: both
  system: "You lead."
  tools: [Scout, look, ask, pay]
  spawn: [Helper, Scout] { max_concurrent: 2 }
  hand_off: [Talker]
  timeout: 10h
  max_turns: 12
}
agent Talker { model: n, session: query, tools: [look], timeout: 3h, max_result: 20 }
coglet Main {
  listen q: string
  listen w: string
  transmit out: any
  state seen: int = 0
  create a = Chief * 2
  create t = Talker * 1
  create made = Talker * 0..9
  link self.q -> a.task { map: round_robin }
  on w as x concurrent 3 timeout 50s {
    let id = uuid()
    let r = random()
    let at = create made()
    seen = seen + 1
    let both = try parallel 2 [look(x + str(i)) for i in range(3)] else []
    let paid = try pay(x) else "-"
    let say = try ask(x) else "?"
    let heard = await q timeout 5s
    t[0].task <- x
    if seen % 3 == 0 { fail "third " + paid }
    out <- [id, r, now(), both, say, seen, at, heard, paid]
  } else as e {
    let why = try look(e.message) else e.message
    seen = seen + 1
    out <- [e.kind, why, try pay(why) else "?", now(), seen]
  }
  on w as x when [1][seen + 5] == 1 {
    out <- x
  } else as e {
    let again = try ask(e.message) else "none"
    out <- [e.kind, again, random(), seen]
  }
  on a.result as r { seen = seen + 1
    out <- r }
  on a.failed as f { out <- [f.kind, f.message] }
  on t.result as r { out <- r }
  on t.failed as f { out <- [f.kind, f.message] }
}
"""


def answer(ask: Ask, seed: int) -> dict[str, Any]:
    """Return the reply of a model: an error, a text, or calls of tools that there are or are not."""
    body, said = ask.request, json.dumps(ask.request["messages"])
    dice = random.Random(encode([seed, ask.program, ask.model.key, body["messages"], ask.path]))
    usage = {"input": dice.randrange(50), "output": dice.randrange(20)}
    offered = [] if body.get("choice") == "none" else [tool["name"] for tool in body.get("tools", ())]
    chance = dice.random()
    if chance < 0.1:
        return {"error": {"message": "busy", "retry": True}}
    if chance > 0.7 or not offered:
        right = {"value": dice.randrange(100)} if dice.random() < 0.8 else "no"
        text = json.dumps(right) if "schema" in body else f"said {dice.random()}"
        return {"content": [{"type": "text", "text": text}], "stop": "end_turn", "usage": usage}
    known = re.findall(r"(?:Helper|Scout)-\d+", said) or ["x"]
    content: list[dict[str, Any]] = [{"type": "text", "text": "hm"}]
    for _ in range(dice.choice([1, 1, 2, 3])):
        name = dice.choice(offered)
        inputs = {
            "look": {"what": str(dice.random())},
            "pay": {"order": str(dice.randrange(3))},
            "ask": {"question": "q?"},
            "Scout": {"query": str(dice.random())},
            "spawn_agent": {"agent": dice.choice(["Helper", "Scout"]), "query": "h", "background": dice.random() < 0.6},
            "hand_off": {"agent": "Talker"},
            "message_agent": {"id": dice.choice(known), "message": "go on"},
            "list_agents": {},
        }
        input = inputs.get(name, {"id": dice.choice(known)})
        content.append({"type": "tool_use", "id": f"c{dice.randrange(10**9)}", "name": name, "input": input})
    return {"content": content, "stop": "tool_use", "usage": usage}


class Driver:
    """Hands a kernel events that follow from a seed: messages, results in any order, timers."""

    def __init__(self, kernel: Kernel, seed: int, turn: int = 0, calls: list[Any] | None = None) -> None:
        self.kernel, self.seed, self.turn = kernel, seed, turn
        self.open = {call.id: call for call in calls or ()}

    def note(self) -> list[Any]:
        """Take the effects, as what can be compared."""
        effects, self.kernel.effects = self.kernel.effects, []
        self.open |= {e.id: e for e in effects if isinstance(e, Call | Ask | Dispatch)}
        found = []
        for effect in effects:
            names = [n for c in type(effect).__mro__ for n in getattr(c, "__slots__", ())]
            found.append((type(effect).__name__, *[getattr(effect, n) for n in names if n != "unit"]))
        return found

    def _steer(self, dice: random.Random) -> None:
        """Let somebody steer an agent, which may refuse."""
        agent = dice.choice(sorted(self.kernel.models.registry.records))
        action = dice.choice(["pause", "resume", "resume", "send", "send", "spawn", "cancel", "detach"])
        data = {"message": f"mind {self.turn}", "agent": dice.choice(["Helper", "Scout"]), "query": "s"}
        with suppress(Failure):
            self.kernel.steer(action, agent, data)

    def step(self) -> list[Any] | None:
        """Hand in the next event. Return what came of it, or None if nothing can come any more."""
        kernel, self.turn = self.kernel, self.turn + 1
        self.open = {id: call for id, call in self.open.items() if id in kernel.calls}
        dice, due = random.Random(f"{self.seed}/{self.turn}"), kernel.timers.next()
        if self.turn in (1, 3, 5, 9, 14, 40, 60):
            kernel.input(dice.choice("qw"), f"i{self.turn % 4}")
        elif dice.random() < 0.15:
            self._steer(dice)
        elif self.open and dice.random() < 0.93:
            call = self.open.pop(dice.choice(sorted(self.open)))
            luck = Failure("program", "no luck") if dice.random() < 0.1 else f"result {call.id} " * dice.choice([1, 20])
            kernel.result(call.id, answer(call, self.seed) if isinstance(call, Ask) else luck)
        elif due is not None:
            kernel.advance(due if due < kernel.now + 60_000_000_000 or not self.open else kernel.now)
        elif not self.open:
            return None
        kernel.run(7 if self.turn % 5 == 0 else 150)
        while any(port.own for port, _, _ in kernel.messages):  # no snapshot has the steps of the kernel's own
            kernel.run(1)
        return self.note()


def begun(seed: int, order: int = 0) -> Driver:
    kernel = ordered(order)(Unit(build(AGENTS, "Main")), seed, 5, seed % 2 == 1)
    kernel.keeps_courses = True
    kernel.start({})
    kernel.run(150)
    driver = Driver(kernel, seed)
    driver.note()
    return driver


@pytest.mark.parametrize("seed", range(SEED, SEED + EXAMPLES))
def test_conversations_go_on_from_any_moment_as_they_would_have(seed: int) -> None:
    first = begun(seed, seed % 3)
    kernel, moments = first.kernel, 0
    seen: list[list[Any]] = []
    copies: list[tuple[int, Driver]] = []
    while len(seen) < (250 if EXAMPLES > 2 else 120):
        data, obstacle = taken(kernel)
        assert data is not None, obstacle
        moments += 1
        if random.Random(f"{seed} {moments}").random() < 0.3:
            twin = kernel.twin()
            calls = restore(twin, decode(encode(data)))
            assert encode(written(twin)) == encode(data)
            copies.append((len(seen), Driver(twin, seed, first.turn, calls)))
        effects = first.step()
        if effects is None:
            break
        seen.append(effects)
        if kernel.ended:
            break
    assert copies
    for start, copied in copies:
        for number in range(start, len(seen)):
            assert copied.step() == seen[number], f"seed {seed}: from step {start}, step {number} is another one"
        assert encode(written(copied.kernel)) == encode(written(kernel))


def restored(kernel: Kernel, data: Any) -> Kernel:
    """Return another kernel that goes on from a snapshot of a kernel."""
    twin = kernel.twin()
    restore(twin, decode(encode(data)))
    return twin


def waiting() -> Kernel:
    """Return a kernel one of whose agents has asked its model twice."""
    driver = begun(2)
    driver.kernel.input("q", "x")
    for _ in range(2):
        driver.kernel.run()
        driver.note()
        driver.kernel.result(max(driver.open), {"error": {"message": "busy", "retry": True, "after": 0.0}})
        driver.kernel.run()
        driver.kernel.advance(driver.kernel.now)
    driver.kernel.run()
    driver.note()
    return driver.kernel


def test_what_somebody_says_to_a_conversation_is_in_its_course() -> None:
    kernel = waiting()
    kernel.steer("send", "Main/a[0]", {"message": "and mind this"})
    kernel.run()
    kernel.effects = []
    data, why = taken(kernel)
    assert data is not None and why == ""
    [call] = kernel.calls
    tool = {"type": "tool_use", "id": "c", "name": "list_agents", "input": {}}
    for each in (kernel, restored(kernel, data)):
        each.result(call, {"content": [tool], "stop": "tool_use", "usage": {}})
        each.run()
        [ask] = [effect for effect in each.effects if isinstance(effect, Ask)]
        assert ask.request["messages"][-1]["content"][-1]["text"] == "and mind this"


def test_a_snapshot_is_tried_before_it_is_taken() -> None:
    """A course that leads elsewhere is found: an answer is missing, another state was found, something else was told."""
    for change in ("answer", "states", "heard"):
        kernel = waiting()
        inst = kernel.outer.find("Main/a[0]")
        assert inst is not None and inst.activities
        course = inst.activities[0].course
        assert course is not None
        if change == "answer":
            course[1].value = {"content": [{"type": "text", "text": "done"}], "stop": "end_turn", "usage": {}}
        elif change == "states":
            course[-1].now += 1
        else:
            course[0].heard.append(("random", 0.5)) if course[0].heard else course[0].__setattr__("next_call", 99)
        data, why = taken(kernel)
        assert data is None and why, change


def test_a_conversation_that_has_become_another_one_is_refused() -> None:
    data = written(waiting())
    changed = Kernel(Unit(build(AGENTS.replace("You lead.", "You follow."), "Main")))
    with pytest.raises(Misfit, match="`on task` of `Main/a\\[0\\]`, which waits for a call, comes to another one now"):
        restore(changed, data)


def test_a_reaction_that_waits_for_ever_keeps_no_more_than_so_many_steps() -> None:
    text = """program f(x: int) -> int = shell ["f"] { output: json }
      coglet Main { listen go: int
        on go as n { for i in range(n) { let r = f(i) } } }"""
    kernel = Kernel(Unit(build(text, "Main")))
    kernel.keeps_courses = True
    kernel.start({})
    kernel.input("go", MOST + 5)
    kernel.run()
    for call in range(1, MOST + 2):
        kernel.result(call, 1)
        kernel.run()
        kernel.effects = []
    assert taken(kernel) == (None, "`Main` waits in on go, and cannot be led to that wait again")


def growing(steps: int, *, keeps: bool = True) -> Kernel:
    """Return a kernel whose reaction has waited so many times, and has added each answer of 100 characters to its state."""
    text = """program f(x: int) -> string = shell ["f"]
      coglet Main { listen go: int
        listen note: string
        transmit out: any
        state log: [string] = []
        state notes: string = ""
        state other: int = 0
        on go as n concurrent 2 { for i in range(n) { let r = f(i)
            log = log + [r] }
          out <- [len(log), notes] }
        on note as t { notes = notes + t
          other = 1 - other } }"""
    kernel = Kernel(Unit(build(text, "Main")))
    kernel.keeps_courses = keeps
    kernel.start({})
    kernel.input("go", 9999)
    kernel.run()
    go_on(kernel, 1, steps)
    return kernel


def go_on(kernel: Kernel, first: int, last: int, note: str = "") -> None:
    """Answer calls of a kernel that is growing, each perhaps behind a note."""
    for call in range(first, last + 1):
        if note:
            kernel.input("note", note)
        kernel.result(call, "x" * 100)
        kernel.run()
    kernel.effects = [e for e in kernel.effects if not isinstance(e, Call)]


def test_a_course_grows_with_the_answers_and_not_with_the_states_that_the_reaction_makes_of_them() -> None:
    kernel, steps = growing(400), 400
    data, why = taken(kernel)
    assert data is not None and not why
    [root] = kernel.root.activities  # type: ignore[union-attr]
    assert sum(len(given.states) for given in root.course) == 3 and len(root.course) == steps + 1  # those of its begin
    assert len(encode(data)) < 2.5 * steps * 100


def test_what_others_change_meanwhile_is_found_by_the_reaction_that_is_led_again() -> None:
    kernel = growing(5)
    go_on(kernel, 6, 6, "a")
    [root] = kernel.root.activities  # type: ignore[union-attr]
    assert root.course[-1].states == {1: "a", 2: 1}
    kernel.input("note", "b")  # which the reaction has not found yet
    kernel.run()
    kernel.effects = []
    data, why = taken(kernel)
    assert data is not None and not why
    twin = kernel.twin()
    restore(twin, decode(encode(data)))
    for each in (kernel, twin):
        go_on(each, 7, 7, "c")
    assert taken(twin)[1] == "" and encode(written(twin)) == encode(written(kernel))


def test_what_a_snapshot_takes_beside_the_answers_is_known_before() -> None:
    kernel = growing(5)
    kernel.input("go", 1)
    kernel.run()
    assert excess(kernel, 5000) < 20
    go_on(kernel, 6, 6)
    assert (
        1000 < excess(kernel, 5000) < 1100
    )  # twice the 5 answers that the second reaction has found: at its begin, and as it has left them
    assert excess(kernel, 100) > 100


def test_a_course_to_which_others_add_too_much_is_lost() -> None:
    kernel = growing(1)
    [root] = kernel.root.activities  # type: ignore[union-attr]
    for call in range(2, 7):
        assert root.course is not None
        go_on(kernel, call, call, "y" * (WEIGHT // 8))  # 1, 2, 3 and 4 eighths, when the last one is counted
    assert root.course is None and not root.states_left


def test_kernels_of_which_nobody_takes_snapshots_keep_no_course() -> None:
    kernel = growing(20, keeps=False)
    [root] = kernel.root.activities  # type: ignore[union-attr]
    assert root.course is None and not root.states_left
    assert taken(kernel) == (None, "`Main` waits in on go, and cannot be led to that wait again")
    twin = kernel.twin()
    restore(twin, written(growing(20)))
    [root] = twin.root.activities  # type: ignore[union-attr]
    assert root.course is None and not root.states_left


def test_a_conversation_that_has_waited_for_its_session_is_in_a_snapshot() -> None:
    text = """model m = scripted "m.yml"
      agent Scout { model: m, system: "s", session: "all" }
      agent Chief { model: m, system: "c", tools: [Scout], spawn: [Scout] { max_concurrent: 2 } }
      coglet Main { listen go: string
        create a = Chief
        link self.go -> a.task }"""
    kernel = Kernel(Unit(build(text, "Main")))
    kernel.keeps_courses = True
    kernel.start({})
    kernel.input("go", "x")
    for name, inputs in (
        ("spawn_agent", {"agent": "Scout", "query": "one", "background": True}),
        ("Scout", {"query": "two"}),
    ):
        kernel.run()
        tool = {"type": "tool_use", "id": name, "name": name, "input": inputs}
        asks = [effect for effect in kernel.effects if isinstance(effect, Ask)]
        kernel.effects = []
        chief = next(ask for ask in asks if ask.request["system"].startswith("c"))
        scout = next((ask for ask in asks if ask is not chief), None)
        kernel.result(chief.id, {"content": [tool], "stop": "tool_use", "usage": {}})
    kernel.run()
    kernel.effects = []
    data, why = taken(kernel)
    assert scout is not None and data is not None and why == ""
    assert encode(written(restored(kernel, data))) == encode(data)
    kernel.result(scout.id, {"content": [{"type": "text", "text": "done"}], "stop": "end_turn", "usage": {}})
    kernel.run()
    [ask] = [effect for effect in kernel.effects if isinstance(effect, Ask)]
    kernel.effects = []
    assert "two" in str(ask.request) and taken(kernel)[1] == ""
    inst = kernel.outer.find("Main/a")
    assert inst is not None and inst.activities
    assert inst.activities[0].weight > 3 * len(
        'session Scout "all"'
    )  # it stands in three steps, for each session that was busy


def started(text: str, budget: dict[str, Any] | None = None) -> Kernel:
    """Return a kernel that has started a system, and keeps courses."""
    kernel = Kernel(Unit(build(text, "Main")), budget=budget)
    kernel.keeps_courses = True
    kernel.start({})
    kernel.run()
    kernel.effects = []
    return kernel


def goes_on(kernel: Kernel, *events: Callable[[Kernel], object]) -> list[list[Any]]:
    """Hand events to a kernel and to one that is restored from its snapshot, and compare what they do at each. Return that."""
    data, why = taken(kernel)
    assert data is not None, why
    both = [Driver(kernel, 0), Driver(restored(kernel, data), 0)]
    found = []
    for event in events:
        did = []
        for driver in both:
            event(driver.kernel)
            driver.kernel.run()
            did.append(driver.note())
        assert did[0] == did[1]
        assert encode(written(both[0].kernel)) == encode(written(both[1].kernel))
        found.append(did[0])
    return found


PAID = """program pay(order: string) -> string = shell ["pay", order] { once: order }
  coglet Till { listen x: string
    transmit y: string
    on x as v timeout 10s { y <- pay(v) } else as e { y <- e.kind } }
  coglet Main { listen go: string
    transmit out: string
    create till = Till * 3
    on go as v { for i in range(3) { till[i].x <- v } }
    on till.y as y { out <- y } }"""


def test_effects_under_way_are_in_a_snapshot_with_those_that_wait_for_them() -> None:
    kernel = started(PAID)
    kernel.input("go", "a")
    kernel.run()
    assert [type(effect).__name__ for effect in kernel.effects] == ["Call"]
    kernel.effects = []
    paid, again = goes_on(kernel, lambda k: k.result(1, "paid"), lambda k: k.input("go", "a"))
    assert [said[-1] for said in paid] == [said[-1] for said in again] == ["paid"] * 3


def test_an_effect_that_was_given_up_is_made_by_the_next_that_waits_for_it() -> None:
    kernel = started(PAID)
    kernel.input("go", "a")
    kernel.run()
    kernel.effects = []
    inst = kernel.outer.find("Main/till[0]")
    assert inst is not None and inst.activities
    interrupt(kernel, inst.activities[0], Failure("cancelled", "no"))
    kernel.run()
    assert [type(effect).__name__ for effect in kernel.effects] == ["Cancel", "Call", "Output"]
    kernel.effects = []
    [paid] = goes_on(kernel, lambda k: k.result(2, "paid"))
    assert [said[-1] for said in paid] == ["paid"] * 2


def test_agents_of_a_dispatcher_are_in_a_snapshot_with_what_they_have_used() -> None:
    kernel = started("""model m = scripted "m.yml"
      agent Scout { model: m, system: "s" }
      agent Chief { model: m, system: "c", spawn: [Scout] { dispatch: subprocess }, budget: { tokens: 1000 } }
      coglet Main { listen go: string
        transmit out: any
        create a = Chief
        link self.go -> a.task
        on a.result as r { out <- r }
        on a.failed as f { out <- f.message } }""")
    kernel.input("go", "x")
    kernel.run()
    tool = {"type": "tool_use", "id": "t", "name": "spawn_agent", "input": {"agent": "Scout", "query": "q"}}
    kernel.result(*kernel.calls, {"content": [tool], "stop": "tool_use", "usage": {}})
    kernel.run()
    [dispatch] = [effect.id for effect in kernel.effects if isinstance(effect, Dispatch)]
    kernel.effects = []
    used = {"event": "usage", "usage": {"input": 100, "output": 5}}
    kernel.progress(dispatch, used)
    reply = {"output": "found", "usage": [used["usage"], used["usage"]]}
    *_, asked = goes_on(kernel, lambda k: k.progress(dispatch, used), lambda k: k.result(dispatch, reply))
    assert "found" in str(asked) and '"tokens_used": 210' in str(asked)


def test_a_coglet_of_another_unit_that_waits_is_in_a_snapshot() -> None:
    kernel = started("coglet Main { listen go: string }")
    kernel.adopt("digest", Unit(build(PAID, "Main")))
    kernel.order(1, "create", "Main", "digest", "Main", "m", {}, {"restart": "never", "max_restarts": 0, "backoff": 0})
    kernel.order(2, "input", "Main/m", "go", "a")
    kernel.run()
    kernel.effects = []

    def again(each: Kernel) -> None:
        each.order(3, "input", "Main/m", "go", "a")

    goes_on(kernel, again, lambda k: k.result(1, "paid"), again)
    inst = kernel.outer.find("Main/m/till[2]")
    assert inst is not None and inst.outs[0] is not None and inst.outs[0].count == 3


def test_a_conversation_that_waits_for_the_budget_of_another_one_is_in_a_snapshot() -> None:
    kernel = started(
        """model m = scripted "m.yml"
      agent Scout { model: m, system: "s" }
      coglet Main { listen go: string
        transmit out: any
        create a = Scout * 3
        on go as v { for i in range(3) { a[i].task <- v } }
        on a.result as r { out <- r }
        on a.failed as f { out <- f.message } }""",
        {"tokens": 1000},
    )
    kernel.input("go", "x")
    kernel.run()
    kernel.effects = []
    reply = {"content": [{"type": "text", "text": "done"}], "stop": "end_turn", "usage": {"input": 9, "output": 9}}
    events = [lambda k: k.result(*k.calls, reply)] * 3
    assert len(kernel.calls) == 1 and len(kernel.models.waiting) == 2
    done = goes_on(kernel, *events)
    assert [[effect[0] for effect in effects] for effects in done] == [["Ask", "Output"]] * 2 + [["Output"]]


TICKS = """program f(x: int) -> int = shell ["f"] { output: json }
  coglet Main { listen go: int
    transmit out: int
    on go as v { let r = f(v)
      out <- r }
    every 1s { out <- 0 } }"""


def ticks(kernel: Kernel) -> None:
    kernel.advance(kernel.now + 1_000_000_000)


def test_a_tick_that_waits_behind_a_reaction_lets_no_other_one_come() -> None:
    kernel = started(TICKS)
    kernel.input("go", 1)
    kernel.run()
    ticks(kernel)
    kernel.run()
    kernel.effects = []
    _, done = goes_on(kernel, ticks, lambda k: k.result(1, 5))
    assert [said[-1] for said in done] == [5, 0] and kernel.skipped == 1


def test_a_tick_from_before_a_restart_lets_another_one_come() -> None:
    kernel = started("""coglet W { listen x: int
        transmit y: int
        on x as v { fail "no" }
        every 1s { y <- 0 } }
      coglet Main { listen go: int
        transmit out: int
        create w = W { restart: on_error, backoff: 0s }
        link self.go -> w.x
        link w.y -> self.out }""")
    kernel.input("go", 1)
    kernel.run(1)
    ticks(kernel)
    kernel.run(1)
    kernel.advance(kernel.now)
    while any(port.own for port, _, _ in kernel.messages):
        kernel.run(1)
    assert [port.label for port, _, _ in kernel.messages] == ["every 1s"]
    kernel.effects = []
    [said] = goes_on(kernel, ticks)
    assert len(said) == 2 and not kernel.skipped
