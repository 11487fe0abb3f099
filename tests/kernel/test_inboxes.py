"""Inboxes: room and what happens without, parked senders, order, dead letters, and what is counted as lost."""

from __future__ import annotations

from typing import Any

import pytest

from support.sim import Sim

SLOW = """
program slow(n: any) -> any = shell ["true"]
coglet Slow(kind: string = "") { listen x: any { SETTINGS }
  transmit y: any
  on x as v { y <- slow(v) } }
coglet Burst(size: int) { listen go: any
  transmit x: any
  transmit done: any
  on go as v { for i in range(size) { x <- i }
    done <- v } }
"""


def system(settings: str, size: int = 5, more: str = "", link: str = "", **options: Any) -> Sim:
    text = SLOW.replace("SETTINGS", settings) + (
        f"coglet Main {{ listen go: any\n transmit out: any\n transmit done: any\n create b = Burst({size})\n create s = Slow\n"
        f" link self.go -> b.go\n link b.x -> s.x {link}\n link b.done -> self.done\n on s.y as v {{ out <- v }}\n {more} }}"
    )
    return Sim(text, "Main", **options)


def drain(sim: Sim) -> list[Any]:
    """Answer each call with its argument, one after the other, and return what came out."""
    while sim.calls:
        sim.answer(sim.calls[0].arguments["n"])
    return sim.sent("out")


def fill(sim: Sim) -> int:
    return sim.kernel.root.children["s"].only().ports["x"].fill  # type: ignore[union-attr, index]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("capacity: 2, overflow: drop_newest", [0, 1]),  # all five come in one step, before the first is taken
        ("capacity: 2, overflow: drop_oldest", [3, 4]),
        ("capacity: 1, overflow: drop_oldest", [4]),
        ("capacity: 9, overflow: drop_newest", [0, 1, 2, 3, 4]),
        ("capacity: 2", [0, 1, 2, 3, 4]),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_a_full_inbox_keeps_what_its_setting_says(settings: str, expected: list[int], traced: bool) -> None:
    sim = system(settings, traced=traced)
    assert drain(sim.send("go", 0)) == expected
    assert sim.kernel.losses.letters.get("dropped", 0) == 5 - len(expected)


def test_each_drop_is_in_the_trace() -> None:
    sim = system("capacity: 2, overflow: drop_newest", traced=True).send("go", 0)
    drain(sim)
    dropped = [r["data"] for r in sim.records("drop")]
    assert sorted(dropped + sim.sent("out")) == [0, 1, 2, 3, 4] and dropped
    assert {r["reason"] for r in sim.records("drop")} == {"dropped"}


def test_overflow_fail_fails_the_sender_at_the_transmit() -> None:
    sim = system("capacity: 1, overflow: fail").send("go", 0)
    report = sim.kernel.report
    assert report is not None and (report.path, report.failure.kind) == ("Main/b", "overflow")
    assert report.failure.message.startswith("the inbox `x` of `Main/s` is full: 1")


# ---- pressure ------------------------------------------------------------------------------------------------


def test_a_sender_waits_with_its_next_message_until_there_is_room() -> None:
    sim = system("capacity: 2", size=2).send("go", "a").send("go", "b").send("go", "c")
    source = sim.kernel.root.children["b"].only()  # type: ignore[union-attr, index]
    assert source.status() == "parked" and sim.sent("done") != ["a", "b", "c"]
    assert drain(sim) == [0, 1, 0, 1, 0, 1] and sim.sent("done") == ["a", "b", "c"]
    assert source.status() != "parked"


def test_an_inbox_exceeds_its_room_by_one_step_of_the_sender_at_most() -> None:
    sim = system("capacity: 2", size=7)
    for _ in range(3):
        sim.send("go", 0)
    assert fill(sim) <= 2 + 7
    drain(sim)
    assert fill(sim) == 0


def test_a_feedback_link_makes_nobody_wait() -> None:
    sim = system("capacity: 2", size=4, link="{ feedback: true }").send("go", "a").send("go", "b").send("go", "c")
    assert sim.sent("done") == ["a", "b", "c"]
    assert len(drain(sim)) == 12


def test_a_parked_coglet_takes_commands() -> None:
    before = """
    coglet Both { listen go: any
      transmit x: any
      transmit said: any
      on go as v { x <- v
        x <- v }
      enact say() { said <- "here" } }
    """
    text = (
        SLOW.replace("SETTINGS", "capacity: 1")
        + before
        + (
            "coglet Main { listen go: any\n listen ask: any\n transmit out: any\n transmit said: any\n create b = Both\n create s = Slow\n"
            " link self.go -> b.go\n link b.x -> s.x\n link b.said -> self.said\n on s.y as v { out <- v }\n on ask { guide b.say() } }"
        )
    )
    sim = Sim(text, "Main").send("go", 1).send("go", 2).send("ask", 0)
    assert sim.kernel.root.children["b"].only().status() == "parked"  # type: ignore[union-attr, index]
    assert sim.sent("said") == ["here"]


def test_park_and_unpark_are_in_the_trace() -> None:
    sim = system("capacity: 1", size=3, traced=True).send("go", "a").send("go", "b")
    drain(sim)
    parked = sim.records("park")
    assert parked and {r["path"] for r in parked} == {"Main/b"} and parked[0]["ports"] == ["Main/s.x"]
    assert len(sim.records("unpark")) == len(parked)


# ---- order ---------------------------------------------------------------------------------------------------


def test_events_of_one_priority_are_taken_in_the_order_of_their_arrival() -> None:
    text = """
    coglet Main { listen a: any
      listen b: any
      transmit out: any
      on a as v { out <- ["a", v] }
      on b as v { out <- ["b", v] } }
    """
    sim = Sim(text)
    for channel, value in (("a", 1), ("b", 2), ("b", 3), ("a", 4)):
        sim.kernel.input(channel, value)
    sim.settle()
    assert sim.sent("out") == [["a", 1], ["b", 2], ["b", 3], ["a", 4]]


def test_a_message_within_a_step_reaches_each_target_before_the_next_event() -> None:
    text = """
    coglet Echo(name: string) { listen x: any
      transmit y: any
      on x as v { y <- [name, v] } }
    coglet Main { listen go: any
      transmit out: any
      create a = Echo("a")
      create b = Echo("b")
      link self.go -> a.x, b.x
      link a.y, b.y -> self.out }
    """
    sim = Sim(text)
    sim.kernel.input("go", 1)
    sim.kernel.input("go", 2)
    sim.settle()
    assert sim.sent("out") == [["a", 1], ["b", 1], ["a", 2], ["b", 2]]


# ---- what reaches nobody -------------------------------------------------------------------------------------


def test_messages_to_which_nobody_listens_are_counted_by_coglet_and_channel() -> None:
    text = "coglet W { listen x: any\n transmit y: any\n on x as v { y <- v } }\ncoglet Main { listen go: any\n create w = W\n link self.go -> w.x }"
    sim = Sim(text, "Main").send("go", 1).send("go", 2)
    assert sim.kernel.losses.unheard == {"W.y": 2} and sim.kernel.dead_letters == 0


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ("create w = W\n on start { stop w }\n on go as v { w.x <- v }", "stopped"),
        ("create w = W * 0..3\n on go as v { w.x <- v }", "empty_pool"),
        ('create w = W { restart: on_error }\n on go as v { w.x <- "boom" }', "failed"),
        ("create n = N\n link self.go -> n.x\n on error(n) as e { restart n }", None),
    ],
)
def test_a_message_that_cannot_be_delivered_is_a_dead_letter_with_its_reason(members: str, reason: str | None) -> None:
    before = """
    coglet W { listen x: any
      on x as v { if v == "boom" { fail "no" } } }
    coglet N { listen x: int
      on x as v { log info v } }
    """
    sim = Sim(f"{before}coglet Main {{ listen go: any\n {members} }}", "Main", traced=True).send("go", "text")
    if reason is None:  # the link carries the check: a dead letter, and a failure of the coglet that made the link
        assert [r["reason"] for r in sim.records("dead_letter")][:1] == ["type"]
        assert sim.kernel.report is not None and sim.kernel.report.path == "Main"
    else:
        assert [r["reason"] for r in sim.records("dead_letter")] == [reason]
        assert sim.kernel.losses.letters == {reason: 1}


def test_what_waits_when_a_coglet_stops_is_a_dead_letter_and_what_stopping_leaves_is_not_named() -> None:
    sim = system("capacity: 64", size=3, more="enact never() { }", traced=True).send("go", 0)
    sim.kernel.stop()
    sim.settle()
    assert [r["reason"] for r in sim.records("dead_letter")].count("stopped") >= 2
    assert set(sim.kernel.losses.letters) == {"end"}


# ---- inputs --------------------------------------------------------------------------------------------------


def test_an_input_that_does_not_fit_is_refused_and_changes_nothing() -> None:
    from cogc.language.values import Failure

    sim = Sim("coglet Main { listen go: int\n transmit out: any\n on go as v { out <- v } }")
    with pytest.raises(Failure):
        sim.kernel.input("go", "text")
    assert sim.send("go", 1).sent("out") == [1] and sim.kernel.report is None


# ---- streams of random numbers -------------------------------------------------------------------------------

DICE = """
coglet Dice { listen x: any
  transmit y: any
  on x { y <- [random(), uuid()] } }
coglet Main { listen a: any
  listen b: any
  transmit out: any
  create a_ = Dice
  create b_ = Dice
  link self.a -> a_.x
  link self.b -> b_.x
  link a_.y, b_.y -> self.out }
"""


def rolls(seed: int, *channels: str) -> list[Any]:
    sim = Sim(DICE, "Main", seed=seed)
    for channel in channels:
        sim.send(channel, 0)
    return sim.sent("out")


def test_each_coglet_has_a_stream_of_its_own_that_follows_from_the_seed() -> None:
    (a1, a2) = rolls(1, "a", "a")
    assert a1 != a2 and all(0 <= number < 1 for number, _ in (a1, a2))
    assert rolls(1, "a", "b", "a") == [a1, rolls(1, "b")[0], a2]  # the other one's draws do not move it
    assert rolls(2, "a") != [a1]
    assert len(a1[1]) == 36 and a1[1][14] == "4"
