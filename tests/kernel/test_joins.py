"""`on all`: rounds of several sources, of replicas, and what becomes of them when a source is lost."""

from __future__ import annotations

from typing import Any

import pytest

from support.sim import Sim

SOURCE = """
coglet Source {
  listen x: any
  transmit y: any
  on x as v { if v == "fail" { fail "lost" }
    if v == "stop" { stop self }
    y <- v }
}
"""


def system(members: str, **options: Any) -> Sim:
    body = f"coglet Main {{\n listen a: any\n listen b: any\n transmit seen: any\n {members}\n}}\n"
    return Sim(SOURCE + body, "Main", **options)


TWO = """
create s = Source { POLICY }
create t = Source { POLICY }
link self.a -> s.x
link self.b -> t.x
on all(s.y, t.y) as [l, r] { seen <- [l, r] }
"""


def play(policy: str, *events: tuple[str, Any]) -> Sim:
    sim = system(TWO.replace("POLICY", policy), traced=True)
    for channel, value in events:
        sim.send(channel, value).run(1)
    return sim


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("a", 1)], []),
        ([("a", 1), ("b", 2)], [[1, 2]]),
        ([("b", 2), ("a", 1)], [[1, 2]]),
        ([("a", 1), ("a", 2), ("b", 3), ("b", 4)], [[1, 3], [2, 4]]),
        ([("a", 1), ("a", 2), ("a", 3), ("b", 4)], [[1, 4]]),
        ([("a", None), ("b", None)], [[None, None]]),
    ],
)
def test_a_round_takes_the_first_message_of_each_source(events: list[tuple[str, Any]], expected: list[Any]) -> None:
    assert play("restart: never", *events).sent("seen") == expected


def test_a_source_that_restarts_takes_its_open_rounds_with_it() -> None:
    policy = "restart: on_error, backoff: 1ms"
    sim = play(policy, ("a", 1), ("b", "fail"), ("b", 2), ("a", 3))
    assert sim.sent("seen") == [[3, 2]]
    assert [r["data"] for r in sim.records("dead_letter") if r["reason"] == "gather"] == [1]


def test_rounds_that_do_not_wait_for_the_lost_source_fire_as_ever() -> None:
    policy = "restart: on_error, backoff: 1ms"
    sim = play(policy, ("a", 1), ("b", 2), ("b", "fail"), ("a", 3), ("b", 4))
    assert sim.sent("seen") == [[1, 2], [3, 4]]


def lost(sim: Sim) -> list[Any]:
    """Return the messages that became dead letters of a join."""
    return [r["data"] for r in sim.records("dead_letter") if r["reason"] == "gather"]


def test_a_source_that_stops_for_good_takes_its_open_rounds_with_it() -> None:
    sim = play("restart: never", ("a", 1), ("b", "stop"))
    assert sim.sent("seen") == [] and lost(sim) == [1]


def test_without_one_of_its_sources_no_round_is_complete() -> None:
    sim = play("restart: never", ("b", "stop"), ("a", 1), ("a", 2))
    assert sim.sent("seen") == [] and lost(sim) == [1, 2]


REPLICAS = """
create p = Source * 0..4
on a as v { if v == "grow" { create p() } else { p.x <- v } }
on b as v { p[v.to].x <- v.say }
on all(p.y) as l { seen <- l }
"""


def test_a_round_of_replicas_is_a_list_with_one_of_each_in_the_order_of_indexes() -> None:
    sim = system(REPLICAS)
    for _ in range(3):
        sim.send("a", "grow")
    for to in (2, 0, 1):
        sim.send("b", {"to": to, "say": f"from {to}"})
    assert sim.sent("seen") == [["from 0", "from 1", "from 2"]]


def test_a_member_that_joins_later_belongs_to_the_next_round() -> None:
    sim = system(REPLICAS)
    sim.send("a", "grow").send("a", "grow")
    sim.send("b", {"to": 0, "say": "old"}).send("a", "grow").send("b", {"to": 1, "say": "old"})
    assert sim.sent("seen") == [["old", "old"]]
    assert sim.send("a", "new").sent("seen")[1:] == [["new", "new", "new"]]


def test_a_member_that_stops_is_no_longer_waited_for() -> None:
    sim = system(REPLICAS)
    sim.send("a", "grow").send("a", "grow")
    sim.send("b", {"to": 0, "say": "left"}).send("b", {"to": 1, "say": "stop"})
    assert sim.sent("seen") == [["left"]]


def test_own_channels_and_children_join_together() -> None:
    sim = system("create s = Source\n link self.a -> s.x\n on all(s.y, self.b) as [l, r] { seen <- [l, r] }")
    assert sim.send("b", 2).send("a", 1).sent("seen") == [[1, 2]]


def test_own_channels_of_a_coglet_without_children_join() -> None:
    sim = system("on all(a, b) as [l, r] { seen <- [l, r] }")
    assert sim.send("b", 2).send("b", 3).send("a", 1).send("a", 4).sent("seen") == [[1, 2], [4, 3]]


def test_a_join_that_fails_takes_its_message_with_it() -> None:
    text = TWO.replace("POLICY", "restart: never").replace(
        "seen <- [l, r] }", 'if l == 1 { fail "no" }\n seen <- [l, r] } else as e { seen <- e.message }'
    )
    sim = system(text)
    for channel, value in (("a", 1), ("b", 1), ("a", 2), ("b", 2)):
        sim.send(channel, value)
    assert sim.sent("seen") == ["no", [2, 2]]


def test_messages_of_the_children_before_a_restart_join_none_of_those_behind_it() -> None:
    text = """
coglet Main { listen a: any
  transmit seen: any
  create s = Source
  create t = Source
  link self.a -> s.x, t.x
  on all(s.y, t.y) as [p, q] { if p == 1 { fail "first" }
    seen <- [p, q] } }
coglet Top { listen a: any
  transmit seen: any
  create m = Main { restart: on_error, backoff: 0s }
  link self.a -> m.a
  link m.seen -> self.seen }
"""
    sim = Sim(SOURCE + text, "Top")
    for value in (1, 2, 3):
        sim.kernel.input("a", value)
    sim.settle()
    assert [v for level, v in sim.logs if "a fault" in str(v)] == []
    assert sim.run(1).send("a", 4).sent("seen")[-1:] == [[4, 4]]
