"""Routes between coglets: the maps of pools, pools that grow and shrink, links of a coglet's own channels."""

from __future__ import annotations

import pytest

from cogc.kernel import disturb
from support.sim import Sim

ECHO = "coglet Echo { listen x: any\n transmit y: any\n on x as v { y <- v } }\n"


def system(members: str, before: str = ECHO, traced: bool = False) -> Sim:
    body = f"coglet Main {{\n listen go: any\n listen order: string\n transmit seen: any\n {members}\n}}\n"
    return Sim(before + body, "Main", traced=traced)


def receivers(pool: str, *values: object) -> list[list[object]]:
    """Send values to a pool of three; return the index and the value of each message, in order."""
    sim = system(
        f"create p = Echo * 3 {{ map: {pool} }}\n on go as v {{ p.x <- v }}\n on p.y as v {{ seen <- [sender.index, v] }}"
    )
    for value in values:
        sim.send("go", value)
    return sim.sent("seen")


def test_broadcast_gives_every_member_every_message() -> None:
    assert receivers("broadcast", "a", "b") == [[0, "a"], [1, "a"], [2, "a"], [0, "b"], [1, "b"], [2, "b"]]


def test_round_robin_takes_the_members_in_turn() -> None:
    assert receivers("round_robin", *"abcde") == [[0, "a"], [1, "b"], [2, "c"], [0, "d"], [1, "e"]]


def test_idle_prefers_the_first_member_that_has_nothing_to_do() -> None:
    assert receivers("idle", "a", "b") == [[0, "a"], [0, "b"]]


def test_idle_goes_round_a_member_that_is_busy() -> None:
    before = 'program f(v: any) -> any = shell ["true"]\ncoglet Slow { listen x: any\n transmit y: any\n on x as v { y <- f(v) } }\n'
    sim = system(
        "create p = Slow * 2 { map: idle }\n on go as v { p.x <- v }\n on p.y as v { seen <- sender.index }", before
    )
    for v in "abc":
        sim.send("go", v)
    sim.answer("a").answer("b").answer("c")
    assert sorted(sim.sent("seen")) == [0, 0, 1]


def test_hash_gives_equal_keys_to_the_same_member() -> None:
    found = receivers("hash(message.k)", *({"k": k, "n": n} for n in range(2) for k in ("a", "b", "c", 1, None, [1])))
    by_key: dict[str, set[object]] = {}
    for index, value in found:
        by_key.setdefault(str(value["k"]), set()).add(index)  # type: ignore[index]
    assert len(found) == 12 and all(len(indexes) == 1 for indexes in by_key.values())
    assert len({index for index, _ in found}) > 1


def test_hash_does_not_see_the_order_of_fields() -> None:
    first, second = receivers("hash(message)", {"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert first[0] == second[0]


def test_scatter_gives_each_member_one_item() -> None:
    assert receivers("scatter", ["a", "b", "c"]) == [[0, "a"], [1, "b"], [2, "c"]]


SCATTER = "`scatter` to 3 members of `p` takes as many items, not "


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["a"], SCATTER + "1"),
        ([], SCATTER + "0"),
        ("abc", 'expected [any], got string "abc"'),
        ({"a": 1}, 'expected [any], got record {"a": 1}'),
    ],
)
def test_scatter_takes_a_list_of_as_many_items_as_there_are_members(value: object, expected: str) -> None:
    sim = system("create p = Echo * 3 { map: scatter }\n on go as v { p.x <- v } else as e { seen <- e.message }")
    (message,) = sim.send("go", value).sent("seen")
    assert message == expected


def test_a_link_may_have_a_map_of_its_own() -> None:
    sim = system(
        "create p = Echo * 2 { map: broadcast }\n link self.go -> p.x { map: round_robin }\n on p.y as v { seen <- [sender.index, v] }"
    )
    for v in "abc":
        sim.send("go", v)
    assert sim.sent("seen") == [[0, "a"], [1, "b"], [0, "c"]]


# ---- pools that change ---------------------------------------------------------------------------------------

POOL = """
create p = Echo * 0..3 { map: MAP }
on order as o {
  if o == "grow" { create p() }
  if o == "first" { stop p[0] }
  if o == "second" { stop p[1] }
}
link self.go -> p.x
on p.y as v { seen <- sender.index }
"""


@pytest.mark.parametrize(
    ("map", "orders", "expected"),
    [
        ("broadcast", [], []),
        ("broadcast", ["grow"], [0]),
        ("broadcast", ["grow", "grow"], [0, 1]),
        ("broadcast", ["grow", "grow", "first"], [1]),
        ("broadcast", ["grow", "grow", "first", "grow"], [1, 2]),
        ("broadcast", ["grow", "first"], []),
        ("round_robin", ["grow", "grow", "first"], [1]),
        ("round_robin", ["grow", "first", "grow"], [1]),
        ("idle", ["grow", "grow", "first"], [1]),
        ("hash(message)", ["grow", "grow", "second"], [0]),
    ],
)
def test_a_link_to_a_pool_follows_its_members(map: str, orders: list[str], expected: list[int]) -> None:
    sim = system(POOL.replace("MAP", map))
    for order in orders:
        sim.send("order", order)
    assert sim.send("go", "x").sent("seen") == expected
    assert sim.kernel.dead_letters == (0 if expected else 1)


def test_a_pool_that_is_full_fails_the_one_who_grows_it() -> None:
    sim = system(POOL.replace("MAP", "broadcast"))
    for _ in range(3):
        sim.send("order", "grow")
    assert sim.kernel.ended is None
    sim.send("order", "grow")
    assert sim.kernel.ended == "failed" and sim.kernel.report is not None and "3" in sim.kernel.report.failure.message


def test_a_member_is_sent_to_by_its_index() -> None:
    sim = system(
        "create p = Echo * 3\n on go as v { p[v].x <- v } else as e { seen <- e.kind }\n on p.y as v { seen <- [sender.index, v] }"
    )
    for v in (2, 0, 7):
        sim.send("go", v)
    assert sim.sent("seen") == [[2, 2], [0, 0], "error"]


# ---- links of a coglet's own channels ------------------------------------------------------------------------


def test_a_coglet_relays_what_its_child_transmits() -> None:
    before = (
        ECHO
        + "coglet Outer { listen a: any\n transmit b: any\n create e = Echo\n link self.a -> e.x\n link e.y -> self.b }\n"
    )
    sim = system("create o = Outer\n link self.go -> o.a\n link o.b -> self.seen", before)
    assert sim.send("go", 1).send("go", [2]).sent("seen") == [1, [2]]


def test_one_channel_leads_to_several_and_several_to_one() -> None:
    sim = system(
        "create a = Echo\n create b = Echo\n link self.go -> a.x, b.x\n link a.y -> self.seen\n link b.y -> self.seen"
    )
    assert sim.send("go", 1).sent("seen") == [1, 1]


def test_what_does_not_fit_at_a_link_is_a_dead_letter_and_a_failure_of_the_one_who_made_the_link() -> None:
    before = ECHO + "coglet Ints { listen x: int\n transmit y: int\n on x as v { y <- v } }\n"
    sim = system(
        "create a = Echo\n create b = Ints\n link self.go -> a.x\n link a.y -> b.x\n link b.y -> self.seen",
        before,
        traced=True,
    )
    sim.send("go", 1).send("go", "x")
    assert sim.sent("seen") == [1] and sim.kernel.ended == "failed"
    assert (
        sim.kernel.report is not None and sim.kernel.report.path == "Main" and sim.kernel.report.failure.kind == "type"
    )
    assert next(r["reason"] for r in sim.records("dead_letter")) == "type"


def test_a_feedback_link_never_makes_its_sender_wait() -> None:
    before = "coglet Loop { listen x: int { capacity: 1 }\n transmit y: int\n on x as v { if v > 0 { y <- v - 1\n y <- v - 1 } } }\n"
    sim = system("create l = Loop\n on go { l.x <- 5 }\n link l.y -> l.x { feedback: true }", before).send("go", 1)
    assert sim.kernel.ended is None and not sim.kernel.busy


@pytest.mark.parametrize("traced", [False, True])
def test_a_listen_channel_that_only_leads_on_leads_to_the_child_that_a_restart_has_made(traced: bool) -> None:
    before = (
        ECHO
        + "coglet Outer { listen a: any\n listen bad: any\n transmit b: any\n create e = Echo\n link self.a -> e.x\n link e.y -> self.b\n"
        ' on bad { fail "no" } }\n'
    )
    sim = system(
        "create o = Outer { restart: on_error, backoff: 1ms }\n link self.go -> o.a\n link o.b -> self.seen\n on order { o.bad <- 1 }",
        before,
        traced=traced,
    )
    sim.send("go", 1).send("order", "break").run(1)
    assert sim.send("go", 2).sent("seen") == [1, 2]


def test_an_inbox_stays_disturbed_when_its_routes_are_made_anew() -> None:
    sim = system(
        "create p = Echo * 1..3\n on p.y as v { seen <- v }\n on go as v { seen <- v }\n on order { create p() }"
    )
    root = sim.kernel.root
    assert root is not None
    disturb.arm(sim.kernel, root, "go", False, 1)
    sim.send("order", "another")
    assert sim.send("go", 1).send("go", 2).sent("seen") == [2]
