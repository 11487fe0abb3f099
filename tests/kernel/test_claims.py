"""Queues as the kernel sees them: claims, what settles an item, and items whose coglet is gone."""

from __future__ import annotations

from typing import Any

from cogc.kernel.effects import Call, Unclaim
from cogc.language.values import Failure, Time
from support.sim import Sim

SPEC = """
queue items: any = memory
program slow(n: any) -> any = shell ["true"]
coglet Work { transmit y: any
  on items as v MODIFIER { if v == "boom" { fail "no" }
    if v == "wait" { slow(v) }
    y <- v } HANDLER }
coglet Main { listen go: any
  transmit out: any
  create w = Work * 2 { restart: on_error, backoff: 1s }
  link w.y -> self.out
  on go as v { items <- v
    out <- "put" } }
"""


def start(modifier: str = "", handler: str = "", text: str = SPEC) -> Sim:
    return Sim(text.replace("MODIFIER", modifier).replace("HANDLER", handler), "Main")


def action(call: Call) -> str:
    return call.program.key.rpartition(".")[2]


def place(sim: Sim, wanted: str) -> int:
    """Return the place of an action among the calls that wait."""
    return next(i for i, call in enumerate(sim.calls) if action(call) == wanted)


def asked(sim: Sim) -> list[tuple[str, list[Any]]]:
    """Return what is asked of the queue: each action with its arguments."""
    return [(action(c), list(c.arguments.values())) for c in sim.calls]


def test_each_member_claims_one_item_when_it_starts() -> None:
    sim = start()
    assert asked(sim) == [("take", []), ("take", [])]
    assert [c.path for c in sim.calls] == ["Main/w[0]", "Main/w[1]"]


def test_an_item_is_done_when_its_reaction_has_ended_and_the_next_one_is_claimed() -> None:
    sim = start().answer(["a", "id1", 7])
    assert sim.sent("out") == ["a"]
    assert asked(sim) == [("take", []), ("done", ["id1", 7]), ("take", [])]
    done = place(sim, "done")
    sim.answer(None, done)
    assert asked(sim) == [("take", []), ("take", [])]


def test_an_item_that_fails_is_given_back_and_its_coglet_fails() -> None:
    sim = start().answer(["boom", "id1", 7])
    why = {"kind": "error", "message": "no", "path": "Main/w[0]", "at": Time(0)}
    assert ("back", ["id1", 7, why]) in asked(sim)
    back = place(sim, "back")
    sim.answer(None, back)
    assert sim.kernel.losses.letters == {"failed": 1} and sim.kernel.report is None
    assert [c.path for c in sim.calls] == ["Main/w[1]"]
    sim.run(1)
    assert asked(sim) == [("take", []), ("take", [])]


def test_an_item_that_an_else_takes_is_done() -> None:
    sim = start(handler="else as e { y <- [e.message, e.event, v] }").answer(["boom", "id1", 7])
    assert sim.sent("out") == [["no", "boom", "boom"]] and ("done", ["id1", 7]) in asked(sim)
    assert "back" not in map(action, sim.calls)


def test_a_timeout_of_the_reaction_gives_the_item_back() -> None:
    sim = start("timeout 5s").answer(["wait", "id1", 7])
    assert ("back", ["id1", 7]) not in asked(sim)
    sim.run(5)
    why = {
        "kind": "timeout",
        "message": "`on items` took longer than its timeout",
        "path": "Main/w[0]",
        "at": Time(5 * 10**9),
    }
    assert ("back", ["id1", 7, why]) in asked(sim)


def test_a_send_to_a_queue_waits_until_the_item_is_stored() -> None:
    sim = start().send("go", {"n": 1})
    put = place(sim, "put")
    assert sim.calls[put].arguments == {"value": {"n": 1}} and sim.sent("out") == []
    assert sim.answer("id", put).sent("out") == ["put"]


def test_a_store_that_cannot_be_used_fails_the_sender() -> None:
    sim = start().send("go", 1)
    put = place(sim, "put")
    sim.answer(Failure("program", "no store"), put)
    assert sim.kernel.report is not None and sim.kernel.report.path == "Main"


def test_a_claim_that_fails_fails_the_coglet() -> None:
    sim = start().answer(Failure("program", "no store"))
    assert sim.kernel.losses.letters == {"failed": 1}


def test_an_item_that_comes_while_its_coglet_stops_is_given_back() -> None:
    sim = start(text=SPEC.replace("on go as v { items <- v", "on go as v { stop w[0]\n items <- v"))
    sim.kernel.input("go", 1)
    sim.kernel.result(sim.calls[0].id, ["late", "id9", 1])
    sim.kernel.run()
    assert [(e.queue, e.item) for e in sim.kernel.effects if isinstance(e, Unclaim)] == [("items", ["late", "id9", 1])]
    sim.settle()
    assert sim.sent("out") == []


def test_dead_items_are_heard_apart() -> None:
    text = SPEC.replace("transmit y: any\n", 'transmit y: any\n  on items.dead as d { y <- ["dead", d] }\n', 1)
    sim = start(text=text)
    assert sorted(map(action, sim.calls)) == ["dead", "dead", "take", "take"]
    dead = place(sim, "dead")
    assert sim.answer(["a", "id1", 3], dead).sent("out") == [["dead", "a"]]
