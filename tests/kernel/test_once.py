"""Effects that a run makes once: `once: EXPR`, on the machine of the kernel."""

from __future__ import annotations

import pytest

from cogc.kernel.once import id_of
from cogc.language.values import Duration, Failure
from support.sim import Sim

SPEC = """
program charge(order: any, cents: int) -> string = shell ["charge"] { once: order, timeout: 10s }
coglet Buyer { listen order: { id: any, cents: int }
  transmit done: any
  on order as o concurrent 9 { done <- charge(o.id, o.cents) } else as e { done <- [e.kind, e.message] } }
coglet Main { listen order: { id: any, cents: int }
  transmit done: any
  create buyer = Buyer { restart: always }
  link self.order -> buyer.order
  link buyer.done -> self.done }
"""


def buy(sim: Sim, id: object, cents: int = 5) -> Sim:
    return sim.send("order", {"id": id, "cents": cents})


def test_what_is_done_is_not_done_again_and_its_result_is_given() -> None:
    sim = buy(Sim(SPEC), "o-1")
    assert [c.once for c in sim.calls] == ["charge:o-1"]
    sim.answer("paid")
    buy(buy(sim, "o-1", 99), "o-2")
    assert [c.once for c in sim.calls] == ["charge:o-2"] and sim.sent("done") == ["paid", "paid"]
    sim.answer("paid too")
    assert sim.sent("done") == ["paid", "paid", "paid too"]


def test_who_asks_meanwhile_waits_and_shares_the_result() -> None:
    sim = buy(buy(buy(Sim(SPEC), "o-1"), "o-1"), "o-1")
    assert len(sim.calls) == 1 and sim.sent("done") == []
    sim.answer("paid")
    assert sim.sent("done") == ["paid"] * 3


def test_what_failed_may_be_done_again() -> None:
    sim = buy(buy(Sim(SPEC), "o-1"), "o-1")
    sim.answer(Failure("program", "declined"))
    assert sim.sent("done") == [["program", "declined"]] * 2
    buy(sim, "o-1").answer("paid")
    assert sim.sent("done")[-1] == "paid" and not sim.calls


def test_a_result_of_the_wrong_type_counts_as_a_failure() -> None:
    sim = buy(Sim(SPEC), "o-1").answer(3)
    assert sim.sent("done")[0][0] == "type"
    buy(sim, "o-1")
    assert len(sim.calls) == 1


GIVEN_UP = """
program charge(order: string) -> string = shell ["charge"] { once: order, timeout: 99s }
coglet Hasty { listen go: string
  transmit done: any
  on go as o timeout 1s { done <- charge(o) } else as e { done <- e.kind } }
coglet Patient { listen go: string
  transmit done: any
  on go as o { done <- charge(o) } }
coglet Main { listen first: string
  listen second: string
  transmit done: any
  create a = Hasty
  create b = Patient
  link self.first -> a.go
  link self.second -> b.go
  link a.done -> self.done
  link b.done -> self.done }
"""


def test_who_waits_for_one_that_is_given_up_makes_the_call() -> None:
    sim = Sim(GIVEN_UP).send("first", "o-1").send("second", "o-1")
    assert len(sim.calls) == 1
    first = sim.calls.pop()
    sim.run(2)
    sim.settle()
    assert sim.cancelled == [first.id] and sim.sent("done") == ["timeout"]
    assert [c.once for c in sim.calls] == ["charge:o-1"]
    sim.answer("paid")
    assert sim.sent("done") == ["timeout", "paid"]


def test_who_is_given_up_while_it_waits_gets_nothing() -> None:
    sim = Sim(GIVEN_UP).send("second", "o-1").send("first", "o-1")
    sim.run(2)
    sim.settle()
    assert sim.sent("done") == ["timeout"] and len(sim.calls) == 1
    sim.answer("paid")
    assert sim.sent("done") == ["timeout", "paid"]


def test_null_is_no_effect() -> None:
    sim = buy(buy(Sim(SPEC), None), None)
    assert [c.once for c in sim.calls] == ["", ""]


@pytest.mark.parametrize(
    ("value", "id"),
    [
        ("o-17", "p:o-17"), (17, "p:17"), ("", None), ("a b", None), ("a\nb", None), ("x" * 121, None), ({"a": 1}, None),
        ("\ud800", None), (Duration(1_000_000_000), "p:1s"), ("\u00e9", None),
    ],
)  # fmt: skip
def test_an_id_is_a_plain_word(value: object, id: str | None) -> None:
    made = id_of("p", value)  # type: ignore[arg-type]
    assert made == id if id is not None else (len(made) == 34 and made.isascii() and made.isprintable())
    assert made == id_of("p", value) != id_of("q", value)  # type: ignore[arg-type]


def test_two_programs_do_not_share_an_effect() -> None:
    two = SPEC.replace(
        "coglet Buyer",
        "program refund(order: any, cents: int) -> string = shell ['x'] { once: order }\ncoglet Buyer".replace(
            "'", '"'
        ),
    )
    two = two.replace("done <- charge(o.id, o.cents)", "done <- charge(o.id, o.cents) + refund(o.id, o.cents)")
    sim = buy(Sim(two), "o-1").answer("paid")
    assert [c.once for c in sim.calls] == ["refund:o-1"]
