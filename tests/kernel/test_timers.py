"""Timers: their order, `every` and `after` on their grids, times of day, ticks that are skipped, and the end of timers with their coglet."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from cogc.kernel.timers import Timer, Timers
from support.sim import Sim

# ---- the table of timers -------------------------------------------------------------------------------------


def fire(timers: Timers) -> list[str]:
    """Fire all timers in their order, and return what they were called with."""
    fired: list[str] = []
    while timers.next() is not None:
        for timer in timers.take():
            if timer.function is not None:
                fired.append(timer.first)
    return fired


def armed(*entries: tuple[int, str]) -> tuple[Timers, dict[str, Timer]]:
    timers = Timers()
    return timers, {name: timers.add(when, Timer(lambda _a, _b: None, name)) for when, name in entries}


@pytest.mark.parametrize(
    ("entries", "order"),
    [
        ([], []),
        ([(5, "a")], ["a"]),
        ([(5, "a"), (3, "b")], ["b", "a"]),
        ([(5, "a"), (5, "b"), (5, "c")], ["a", "b", "c"]),
        ([(5, "a"), (3, "b"), (5, "c"), (3, "d")], ["b", "d", "a", "c"]),
        ([(0, "a"), (1 << 62, "b")], ["a", "b"]),
    ],
)
def test_timers_fire_by_instant_and_then_in_the_order_of_arming(
    entries: list[tuple[int, str]], order: list[str]
) -> None:
    assert fire(armed(*entries)[0]) == order


def test_an_instant_whose_timers_are_all_cancelled_is_passed_over() -> None:
    timers, by_name = armed((1, "a"), (2, "b"), (2, "c"), (3, "d"))
    by_name["a"].cancel()
    assert timers.next() == 2
    by_name["b"].cancel()
    assert timers.next() == 2 and fire(timers) == ["c", "d"]
    assert timers.next() is None and not timers.buckets and not timers.heap


def test_an_instant_may_be_used_again_after_it_was_taken() -> None:
    timers, _ = armed((1, "a"))
    assert [t.first for t in timers.take()] == ["a"]
    timers.add(1, Timer(lambda _a, _b: None, "b"))
    assert fire(timers) == ["b"]


# ---- every and after -----------------------------------------------------------------------------------------


def main(members: str, before: str = "", **options: Any) -> Sim:
    return Sim(f"{before}\ncoglet Main {{ listen go: any\n transmit out: any\n {members} }}", "Main", **options)


@pytest.mark.parametrize(
    ("members", "seconds", "instants"),
    [
        ("every 10s { out <- 1 }", 35, [10, 20, 30]),
        ("every 10s { out <- 1 }", 30, [10, 20, 30]),  # up to and at the end
        ("every 10s { out <- 1 }", 29.999, [10, 20]),
        ("every 500ms { out <- 1 }", 1.6, [0.5, 1, 1.5]),
        ("after 10s { out <- 1 }", 100, [10]),
        ("after 0s { out <- 1 }", 100, [0]),
        ("every 7s { out <- 1 }\n every 10s { out <- 1 }", 21, [7, 10, 14, 20, 21]),
        ("const P = 4s\n every P { out <- 1 }", 9, [4, 8]),
        ("every 10s when len(str(now())) > 0 { out <- 1 }", 20, [10, 20]),
        ("state n: int = 0\n every 10s when n > 0 { out <- 1 }\n after 15s { n = 1 }", 40, [20, 30, 40]),
        ("every 10s throttle 1 per 25s { out <- 1 }", 65, [10, 40]),
    ],
)
def test_timers_of_a_coglet_fire_at_their_instants(members: str, seconds: float, instants: list[float]) -> None:
    assert [t for t, _ in main(members).run(seconds).stamped("out")] == instants


def test_a_timer_that_has_several_triggers_fires_for_each() -> None:
    sim = main("every 4s, after 6s, go { out <- now() }")
    assert [t for t, _ in sim.play((1, "go", 0)).run(8).stamped("out")] == [1, 4, 6, 8]


def test_a_period_is_a_parameter_of_the_coglet() -> None:
    sim = main(
        "create w = W(p: 3s)\n on w.y as v { out <- v }",
        "coglet W(p: duration) { transmit y: int\n every p { y <- 1 }\n after p { y <- 2 } }",
    )
    assert sim.run(6).stamped("out") == [(3, 1), (3, 2), (6, 1)]


SLOW = 'program slow(n: int) -> int = shell ["true"]\n'


def test_a_tick_that_finds_its_last_one_running_is_skipped_and_the_grid_stays() -> None:
    sim = main("state n: int = 0\n every 10s { n = n + 1\n out <- slow(n) }", SLOW, traced=True)
    sim.run(12)
    assert [c.arguments["n"] for c in sim.calls] == [1]
    sim.run(13)  # at 20 the first one still runs
    sim.answer(5).run(10)
    assert [c.arguments["n"] for c in sim.calls] == [2]
    assert len(sim.records("skip")) >= 1
    assert [round(r["t"]) for r in sim.records("tick")] == [10, 30]


def test_ticks_of_two_timers_do_not_skip_each_other() -> None:
    sim = main("every 10s concurrent 1 { out <- slow(1) }\n every 10s { out <- 2 }", SLOW)
    assert sim.run(30).sent("out") == [2, 2, 2]


def test_a_restart_begins_a_new_grid() -> None:
    sim = main(
        "create w = W { restart: on_error, backoff: 0s }\n link self.go -> w.x\n on w.y as v { out <- v }",
        'coglet W { listen x: any\n transmit y: int\n every 10s { y <- 1 }\n on x { fail "no" } }',
    )
    assert [t for t, _ in sim.play((14, "go", 0)).run(21).stamped("out")] == [10, 24, 34]


def test_timers_end_with_their_coglet() -> None:
    sim = main(
        "create w = W\n on w.y as v { out <- v }\n on go { stop w }",
        "coglet W { transmit y: int\n every 10s { y <- 1 }\n after 25s { y <- 2 } }",
    )
    assert sim.play((22, "go", 0)).run(100).stamped("out") == [(10, 1), (20, 1)]
    assert sim.kernel.timers.next() is None


def test_a_tick_command_drives_what_counts_ticks() -> None:
    sim = main(
        "create w = W\n on w.y as v { out <- v }\n on go { guide w.tick() }",
        "coglet W { transmit y: int\n state n: int = 0\n every 3 ticks { n = n + 1\n y <- n }\n every 2 ticks { y <- 0 - 1 } }",
    )
    for _ in range(6):
        sim.send("go", 0)
    assert sim.sent("out") == [-1, 1, -1, 2, -1]


# ---- times of day --------------------------------------------------------------------------------------------


def moments(trigger: str, epoch: str, days: float) -> list[str]:
    """Return the moments at which a timer fires, in UTC, of a run that starts at `epoch`."""
    start = datetime.datetime.fromisoformat(epoch)
    sim = main(f"{trigger} {{ out <- now() }}", epoch=round(start.timestamp() * 1e9)).run(days * 86_400)
    return [(start + datetime.timedelta(seconds=t)).isoformat()[:16] for t, _ in sim.stamped("out")]


@pytest.mark.parametrize(
    ("trigger", "epoch", "days", "expected"),
    [
        ('every 1d at "08:00"', "2026-01-01T07:00Z", 2.5, ["2026-01-01T08:00", "2026-01-02T08:00", "2026-01-03T08:00"]),
        ('every 1d at "08:00"', "2026-01-01T08:00Z", 1, ["2026-01-02T08:00"]),
        ('every 1d at "08:00 Europe/Vienna"', "2026-01-01T00:00Z", 1.5, ["2026-01-01T07:00", "2026-01-02T07:00"]),
        # the clocks of Vienna go forward in the night to 29 March 2026, and back in the night to 25 October
        ('every 1d at "08:00 Europe/Vienna"', "2026-03-28T00:00Z", 2, ["2026-03-28T07:00", "2026-03-29T06:00"]),
        ('every 1d at "08:00 Europe/Vienna"', "2026-10-24T00:00Z", 2, ["2026-10-24T06:00", "2026-10-25T07:00"]),
        ('every 2d at "08:00 Europe/Vienna"', "2026-03-27T00:00Z", 5, ["2026-03-27T07:00", "2026-03-29T06:00", "2026-03-31T06:00"]),
        ('every 2d at "08:00 Europe/Vienna"', "2026-10-23T00:00Z", 5, ["2026-10-23T06:00", "2026-10-25T07:00", "2026-10-27T07:00"]),
        ('every 1w at "00:00"', "2026-01-01T12:00Z", 15, ["2026-01-02T00:00", "2026-01-09T00:00", "2026-01-16T00:00"]),
    ],
)  # fmt: skip
def test_a_time_of_day_is_kept_by_the_clocks_of_its_zone(
    trigger: str, epoch: str, days: float, expected: list[str]
) -> None:
    assert moments(trigger, epoch, days) == expected
