"""Waits: calls and their results, awaits, calls side by side, and what happens to answers that nobody waits for."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.language.values import Failure
from support.sim import Sim

HEAD = """
program slow(n: any) -> any = shell ["true"]
program whole(n: int = 4, much: float = 1) -> int = shell ["true"]
type Point = { x: int, y: float = 0 }
program point(n: int) -> Point = shell ["true"]
"""


def main(members: str, before: str = "", **options: Any) -> Sim:
    head = "listen go: any\n listen other: any\n listen third: any\n transmit out: any"
    return Sim(f"{HEAD}{before}\ncoglet Main {{ {head}\n on third {{ }}\n {members} }}", "Main", **options)


# ---- calls ---------------------------------------------------------------------------------------------------


def test_a_call_is_an_effect_with_its_arguments_by_name_and_its_defaults() -> None:
    sim = main("on go { whole(1)\n whole()\n whole(much: 2) }\n on other { }").send("go", 0)
    seen = []
    while sim.calls:
        seen.append(sim.calls[0].arguments)
        sim.answer(0)
    assert seen == [{"n": 1, "much": 1.0}, {"n": 4, "much": 1.0}, {"n": 4, "much": 2.0}]
    assert all(type(a["much"]) is float for a in seen)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"x": 1}, {"x": 1, "y": 0.0}),
        ({"x": 1, "y": 2}, {"x": 1, "y": 2.0}),
        ({"x": "1"}, ["type", '`x`: expected int, got string "1"']),
        ("text", ["type", 'expected Point, got string "text"']),
        (None, ["type", "expected Point, got null null"]),
        (Failure("program", "exit code 1"), ["program", "exit code 1"]),
    ],
)
def test_a_result_is_checked_against_its_type(answer: Any, expected: Any) -> None:
    sim = main("on go { out <- point(1) } else as e { out <- [e.kind, e.message] }\n on other { }").send("go", 0)
    assert sim.answer(answer).sent("out") == [expected]


def test_calls_have_numbers_and_results_may_come_in_any_order() -> None:
    sim = main("on go as v concurrent 9 { out <- [v, slow(v)] }\n on other { }")
    for value in "abc":
        sim.send("go", value)
    assert len({c.id for c in sim.calls}) == 3
    sim.answer(3, 2).answer(1, 0).answer(2, 0)
    assert sim.sent("out") == [["c", 3], ["a", 1], ["b", 2]]


@pytest.mark.parametrize("number", [0, 99, -1])
def test_a_result_for_a_call_that_nobody_made_is_dropped(number: int) -> None:
    sim = main("on go { out <- slow(1) }\n on other { }").send("go", 0)
    sim.kernel.result(number, "stray")
    sim.settle()
    assert sim.sent("out") == [] and sim.answer("right").sent("out") == ["right"]


def test_a_result_that_comes_twice_counts_once() -> None:
    sim = main("on go { out <- slow(1)\n out <- slow(2) }\n on other { }").send("go", 0)
    first = sim.calls[0].id
    sim.answer("a")
    sim.kernel.result(first, "again")
    sim.settle()
    assert sim.sent("out") == ["a"] and sim.answer("b").sent("out") == ["a", "b"]


def test_now_stands_still_within_a_step_and_goes_on_behind_a_wait() -> None:
    sim = main("on go { let a = now()\n let b = now()\n slow(1)\n out <- [b - a, now() - a] }\n on other { }")
    sim.send("go", 0).run(7)
    (found,) = sim.answer(0).sent("out")
    assert [repr(d) for d in found] == ["0s", "7s"]


# ---- calls in expressions ------------------------------------------------------------------------------------

ORDER = [
    ("[slow(1), slow(2)]", [1, 2]),
    ("{ a: slow(1), b: slow(2) }", [1, 2]),
    ("slow(1) + slow(2)", [1, 2]),
    ("slow(slow(1))", [1, 10]),
    ("slow(1) if slow(2) == 20 else slow(3)", [2, 1]),
    ("slow(1) if slow(2) == 0 else slow(3)", [2, 3]),
    ("slow(1) == 10 and slow(2) == 20", [1, 2]),
    ("slow(1) == 0 and slow(2) == 20", [1]),
    ("slow(1) == 10 or slow(2) == 20", [1]),
    ("slow(1) ?? slow(2)", [1]),
    ("null_() ?? slow(2)", [2]),
    ("[slow(x) for x in [1, 2] if slow(x + 5) > 60]", [6, 7, 2]),
    ("[slow(1), 2][0]", [1]),
    ("len([slow(1)])", [1]),
    ("slow(1) in [slow(2)]", [1, 2]),
    ("try slow(1) else slow(2)", [1]),
]


@pytest.mark.parametrize(("expression", "calls"), ORDER)
def test_calls_are_made_from_left_to_right_and_only_where_they_are_needed(expression: str, calls: list[int]) -> None:
    made: list[int] = []

    def answer(n: int) -> int:
        made.append(n)
        return n * 10

    sim = main(f"on go {{ out <- {expression} }}\n on other {{ }}", "program null_() -> any = expr null\n")
    sim.answers["slow"] = answer
    sim.send("go", 0)
    assert made == calls and len(sim.sent("out")) == 1 and sim.kernel.report is None


# ---- side by side --------------------------------------------------------------------------------------------


def test_parallel_calls_are_made_at_once_and_their_results_keep_their_order() -> None:
    sim = main("on go as v { out <- parallel [slow(x) for x in v] }\n on other { }").send("go", [1, 2, 3])
    assert [c.arguments["n"] for c in sim.calls] == [1, 2, 3]
    assert sim.answer("c", 2).answer("a", 0).sent("out") == []
    assert sim.answer("b").sent("out") == [["a", "b", "c"]]


def test_parallel_over_nothing_is_an_empty_list() -> None:
    assert main("on go as v { out <- parallel [slow(x) for x in v] }\n on other { }").send("go", []).sent("out") == [[]]


@pytest.mark.parametrize("bound", ["2", "two", "(len(v) - 2)"])
def test_a_bound_of_parallel_calls_makes_so_many_at_a_time(bound: str) -> None:
    sim = main(f"on go as v {{ let two = 2\n out <- parallel {bound} [slow(x) for x in v] }}\n on other {{ }}")
    sim.send("go", [1, 2, 3, 4])
    asked = []
    for answered in (1, 0, 0, 0):  # the second call is answered first
        asked.append([c.arguments["n"] for c in sim.calls])
        sim.answer(sim.calls[answered].arguments["n"] * 10, answered)
    assert asked == [[1, 2], [1, 3], [3, 4], [4]] and sim.sent("out") == [[10, 20, 30, 40]]


def test_parallel_calls_that_wait_for_their_turn_end_with_the_others() -> None:
    body = "out <- parallel 1 [slow(x) for x in v] } else as e { out <- e.message"
    sim = main(f"on go as v {{ {body} }}\n on other {{ }}").send("go", [1, 2, 3])
    sim.answer(Failure("program", "no"))
    assert sim.sent("out") == ["no"] and sim.calls == [] and sim.cancelled == []
    timed = main(
        "on go as v timeout 2s { out <- parallel 1 [slow(x) for x in v] } else as e { out <- 0 }\n on other { }"
    )
    timed.send("go", [1, 2, 3]).run(3)
    assert timed.sent("out") == [0] and len(timed.calls) == 1
    assert timed.answer(1).sent("out") == [0] and timed.calls == []


def test_parallel_calls_that_end_at_once_leave_their_places_without_nesting() -> None:
    sim = main("on go as v { out <- len(parallel 2 [if x < 0 then slow(x) else x for x in v]) }\n on other { }".replace(
        "if x < 0 then slow(x) else x", "slow(x) if x < 0 else x"))  # fmt: skip
    assert sim.send("go", list(range(20_000))).sent("out") == [20_000]


@pytest.mark.parametrize("bound", [0, -1])
def test_a_bound_of_parallel_calls_is_at_least_one(bound: int) -> None:
    sim = main("on go as v { out <- parallel v [slow(x) for x in [1]] } else as e { out <- e.message }\n on other { }")
    assert sim.send("go", bound).sent("out") == [f"`parallel` is at least 1, not {bound}"]


def test_the_first_failure_of_parallel_calls_ends_the_others() -> None:
    sim = main("on go as v { out <- parallel [slow(x) for x in v] } else as e { out <- e.message }\n on other { }")
    sim.send("go", [1, 2, 3])
    calls = [c.id for c in sim.calls]
    sim.answer(Failure("program", "no"), 1)
    assert sim.sent("out") == ["no"] and sorted(sim.cancelled) == [calls[0], calls[2]]


def test_a_try_within_parallel_takes_its_own_failure_alone() -> None:
    sim = main("on go as v { out <- parallel [try slow(x) else 0 for x in v] }\n on other { }").send("go", [1, 2])
    sim.answer(Failure("program", "no"), 0).answer(20)
    assert sim.sent("out") == [[0, 20]]


# ---- awaits --------------------------------------------------------------------------------------------------


def awaiting(words: str = "") -> Sim:
    return main(
        f'on go as v {{ let a = await other {words}\n out <- ["got", a] }}\n on other as o {{ out <- ["heard", o] }}'
    )


def test_an_await_takes_the_next_message_before_any_reaction() -> None:
    sim = awaiting().send("go", 0).send("other", 1).send("other", 2)
    assert sim.sent("out") == [["got", 1], ["heard", 2]]


def test_an_await_passes_over_what_does_not_meet_its_condition() -> None:
    sim = awaiting("when message > 5").send("go", 0).send("other", 1).send("other", 7).send("other", 8)
    assert sim.sent("out")[0] == ["got", 7] and sorted(sim.sent("out")[1:]) == [["heard", 1], ["heard", 8]]


def test_a_condition_that_fails_fails_the_reaction() -> None:
    sim = awaiting("when message > 5").send("go", 0).send("other", "text")
    report = sim.kernel.report
    assert (report is not None and report.failure.message == "`<` does not take int and string") or report is not None


@pytest.mark.parametrize(("at", "expected"), [(4.9, ["got", 1]), (5.1, ["got", None])])
def test_an_await_ends_with_its_time(at: float, expected: list[Any]) -> None:
    sim = awaiting("timeout 5s").send("go", 0).run(at).send("other", 1)
    assert sim.sent("out")[0] == expected


def test_the_time_of_an_await_that_has_its_message_is_over_for_good() -> None:
    sim = main(
        "on go { let a = await other timeout 5s\n let b = await other timeout 60s\n out <- [a, b] }\n on other { }"
    )
    sim.send("go", 0).send("other", 1).run(10)
    assert sim.sent("out") == [] and sim.send("other", 2).sent("out") == [[1, 2]]


def test_a_message_that_waits_already_is_taken_by_the_await() -> None:
    sim = main('on go { slow(1)\n let a = await other\n out <- ["got", a] }\n on other as o { out <- ["heard", o] }')
    sim.send("go", 0).send("other", 1).send("other", 2)
    assert sim.answer(0).sent("out") == [["got", 1], ["heard", 2]]


def test_two_awaits_of_one_channel_take_one_message_each() -> None:
    sim = main("on go as v concurrent 2 { let a = await other\n out <- [v, a] }\n on other { }")
    sim.send("go", "x").send("go", "y").send("other", 1).send("other", 2)
    assert sim.sent("out") == [["x", 1], ["y", 2]]


def test_an_await_of_a_child_takes_what_the_child_sends() -> None:
    sim = main(
        'create e = Echo\n on go as v { e.x <- v\n let a = await e.y\n out <- a }\n on other { }\n on e.y as w { out <- ["heard", w] }',
        "coglet Echo { listen x: any\n transmit y: any\n on x as v { y <- v } }",
    )
    assert sim.send("go", 1).sent("out") == [1]


# ---- the end of a coglet -------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait", ["slow(1)", "parallel [slow(x) for x in [1, 2]]"])
def test_a_coglet_that_stops_gives_up_its_calls(wait: str) -> None:
    sim = main(f"on go {{ out <- {wait} }}\n on other {{ }}").send("go", 0)
    calls = [c.id for c in sim.calls]
    sim.kernel.stop()
    sim.settle()
    assert sorted(sim.cancelled) == calls and sim.kernel.ended == "stopped"
    for call in calls:
        sim.kernel.result(call, "late")
    sim.settle()
    assert sim.sent("out") == []


def test_a_coglet_that_awaits_may_stop() -> None:
    sim = awaiting("timeout 5s").send("go", 0)
    sim.kernel.stop()
    sim.settle()
    assert sim.kernel.ended == "stopped" and sim.kernel.timers.next() is None
