"""Reactions: what each modifier lets through and when, several of them together, guards, `else`, commands, and what holds a coglet."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.language.values import Failure
from support.sim import Sim

SLOW = 'program slow(n: any) -> any = shell ["true"]\n'


def main(members: str, before: str = "", **options: Any) -> Sim:
    head = "listen go: any\n listen other: any\n transmit out: any"
    return Sim(f"{SLOW}{before}\ncoglet Main {{ {head}\n {members} }}", "Main", **options)


def let_through(modifiers: str, *events: tuple[float, Any]) -> list[tuple[float, Any]]:
    """Return what a reaction sends on, and when, of values that come at instants; both kinds of kernel must agree."""
    found = []
    for traced in (False, True):
        sim = main(f"on go as v {modifiers} {{ out <- v }}", traced=traced)
        found.append(sim.play(*((at, "go", value) for at, value in events)).run(1000).stamped("out"))
    assert found[0] == found[1]
    return found[0]


MODIFIERS = [
    # when
    ("when v > 2", [(0, 1), (0, 3), (0, 2), (0, 9)], [(0, 3), (0, 9)]),
    ("when true", [(0, None)], [(0, None)]),
    # debounce: the last of several, once none has come for so long
    ("debounce 5s", [(0, 1)], [(5, 1)]),
    ("debounce 5s", [(0, 1), (3, 2), (6, 3)], [(11, 3)]),
    ("debounce 5s", [(0, 1), (5, 2)], [(5, 1), (10, 2)]),
    ("debounce 5s", [(0, 1), (4.999, 2)], [(9.999, 2)]),
    ("debounce 5s", [(0, 1), (20, 2)], [(5, 1), (25, 2)]),
    # batch: so many, or what came within a time of the first
    ("batch 3 within 10s", [(0, 1), (1, 2), (2, 3)], [(2, [1, 2, 3])]),
    ("batch 3 within 10s", [(0, 1), (1, 2)], [(10, [1, 2])]),
    ("batch 3 within 10s", [(0, 1), (9, 2), (11, 3)], [(10, [1, 2]), (21, [3])]),
    ("batch 1 within 10s", [(0, 1), (0, 2)], [(0, [1]), (0, [2])]),
    ("batch 2 within 10s", [(0, 1), (1, 2), (2, 3), (3, 4)], [(1, [1, 2]), (3, [3, 4])]),
    ("batch 2 within 10s", [(0, 1), (1, 2), (5, 3)], [(1, [1, 2]), (15, [3])]),  # the first batch's time is gone with it
    # distinct: what was not seen within a time
    ("distinct v within 10s", [(0, 1), (1, 1), (2, 2), (3, 1)], [(0, 1), (2, 2)]),
    ("distinct v within 10s", [(0, 1), (9.999, 1), (10, 1)], [(0, 1), (10, 1)]),
    ("distinct v within 10s", [(0, 1), (0, True), (0, "1"), (0, 1)], [(0, 1), (0, True), (0, "1")]),
    ("distinct v % 3 within 10s", [(0, 1), (1, 4), (2, 5)], [(0, 1), (2, 5)]),
    ("distinct [] within 10s", [(0, 1), (1, 2), (11, 3)], [(0, 1), (11, 3)]),
    # throttle: at most so many in a time, the others are dropped
    ("throttle 1 per 10s", [(0, 1), (5, 2), (10, 3), (15, 4)], [(0, 1), (10, 3)]),
    ("throttle 2 per 10s", [(0, 1), (1, 2), (2, 3), (10, 4), (10.5, 5), (11, 6)], [(0, 1), (1, 2), (10, 4), (11, 6)]),
    # together, in the order of the table, whatever the order in the text
    ("when v > 1 throttle 1 per 10s", [(0, 1), (1, 2), (2, 3)], [(1, 2)]),
    ("throttle 1 per 10s when v > 1", [(0, 1), (1, 2), (2, 3)], [(1, 2)]),
    ("when len(v) == 2 batch 3 within 5s", [(0, 1), (1, 2), (10, 3)], [(5, [1, 2])]),
    ("debounce 2s batch 2 within 60s", [(0, 1), (1, 2), (5, 3), (6, 4)], [(8, [2, 4])]),
    ("distinct v within 1m throttle 1 per 10s", [(0, 1), (1, 1), (11, 2), (12, 3), (22, 3)], [(0, 1), (11, 2)]),
    ("debounce 1s when v > 1", [(0, 2), (0.5, 1), (5, 3)], [(6, 3)]),
]  # fmt: skip


@pytest.mark.parametrize(("modifiers", "events", "expected"), MODIFIERS)
def test_a_modifier_lets_through_what_the_page_says(
    modifiers: str, events: list[tuple[float, Any]], expected: list[tuple[float, Any]]
) -> None:
    assert let_through(modifiers, *events) == expected


def test_what_modifiers_drop_is_in_the_trace_with_the_reason() -> None:
    sim = main("on go as v debounce 1s throttle 1 per 10s distinct v within 100s { out <- v }", traced=True)
    sim.play((0, "go", 1), (0.5, "go", 2), (5, "go", 3), (20, "go", 2)).run(10)
    assert [(r["reason"], r["data"]) for r in sim.records("drop")] == [
        ("debounced", 1),
        ("throttled", 3),
        ("not_distinct", 2),
    ]
    assert sim.kernel.skipped == 3 and sim.kernel.dead_letters == 0


def test_each_reaction_remembers_for_itself_and_forgets_at_a_restart() -> None:
    worker = """
    coglet W { listen x: any
      transmit y: any
      on x as v when v != "boom" distinct v within 1h { y <- ["first", v] }
      on x as v when v != "boom" distinct v within 1h { y <- ["second", v] }
      on x as v when v == "boom" { fail "no" } }
    """
    members = 'create w = W { restart: on_error, backoff: 0s }\n link self.go -> w.x\n on w.y as v when v[0] == "first" { out <- v }'
    sim = main(members, worker)
    sim.play((0, "go", 1), (1, "go", 1), (2, "go", "boom"), (3, "go", 1))
    assert sim.stamped("out") == [(0, ["first", 1]), (3, ["first", 1])]


# ---- guards --------------------------------------------------------------------------------------------------


def test_a_guard_that_is_no_bool_fails_its_reaction() -> None:
    sim = main("on go as v when v { out <- v } else as e { out <- e.message }")
    assert sim.send("go", 3).sent("out") == ["a condition is a bool, not int"]


def test_each_guard_is_evaluated_when_its_turn_comes() -> None:
    sim = main("state n: int = 0\n on go when n == 0 { n = 1\n out <- 1 }\n on go when n == 1 { out <- 2 }")
    assert sim.send("go", 0).send("go", 0).sent("out") == [1, 2, 2]


@pytest.mark.parametrize("message", [3, [1], [1, 2, 3], None])
def test_a_message_that_does_not_fit_its_pattern_goes_to_an_else_that_does_without_it(message: Any) -> None:
    sim = main('on go as [a, b] { out <- [a, b] } else as e { out <- ["no", e.event] }')
    assert sim.send("go", message).send("go", [1, 2]).sent("out") == [["no", message], [1, 2]]


def test_an_else_that_uses_the_pattern_does_not_run_where_the_message_does_not_fit() -> None:
    sim = main("on go as [a, b] { out <- [a, b] } else as e { out <- a }").send("go", 3)
    assert sim.sent("out") == [] and sim.kernel.report is not None and sim.kernel.report.path == "Main"


# ---- what holds a coglet -------------------------------------------------------------------------------------


def test_a_reaction_that_waits_holds_back_messages_and_no_commands() -> None:
    worker = """
    coglet W { listen x: any
      transmit y: any
      on x as v { y <- ["begun", v]
        y <- slow(v) }
      enact now(n: int) { y <- ["command", n] } }
    """
    sim = main(
        "create w = W\n link self.go -> w.x\n on other as n { guide w.now(n) }\n on w.y as v { out <- v }", worker
    )
    sim.send("go", 1).send("go", 2).send("other", 7)
    assert sim.sent("out") == [["begun", 1], ["command", 7]]
    assert sim.answer("done").sent("out")[2:] == ["done", ["begun", 2]]


@pytest.mark.parametrize("many", [1, 2, 3])
def test_concurrent_bounds_what_is_under_way_at_once(many: int) -> None:
    sim = main(f"on go as v concurrent {many} {{ out <- slow(v) }}")
    for value in range(5):
        sim.send("go", value)
    assert [c.arguments["n"] for c in sim.calls] == list(range(many))
    sim.answer("last", many - 1)  # the next one begins
    assert [c.arguments["n"] for c in sim.calls][-1] == many
    for _ in range(4):
        sim.answer("x")
    assert sim.sent("out") == ["last", *["x"] * 4] and not sim.calls


@pytest.mark.parametrize("wait", ["", "let a = slow(v)\n"])
def test_a_failure_makes_room_for_the_next_one_of_a_concurrent_reaction(wait: str) -> None:
    body = f'{{ {wait} if v == 1 {{ fail "no" }}\n out <- v }} else as e {{ out <- e.message }}'
    sim = main(f"on go as v concurrent 1 {body}")
    sim.answers["slow"] = 0
    assert sim.send("go", 1).send("go", 2).send("go", 1).send("go", 3).sent("out") == ["no", 2, "no", 3]


def test_a_concurrent_reaction_holds_back_no_other_one() -> None:
    sim = main("on go as v concurrent 1 { out <- slow(v) }\n on other as v { out <- v }")
    assert sim.send("go", 1).send("other", 2).sent("out") == [2]
    assert sim.answer("late").sent("out") == [2, "late"]


def test_reactions_to_one_message_wait_for_the_one_before_them() -> None:
    sim = main(
        'on go as v { out <- slow(v) }\n on go as v { out <- ["second", v] }\n on go as v { out <- ["third", v] }'
    )
    sim.send("go", 1).send("go", 2)
    assert sim.sent("out") == []
    assert sim.answer("a").sent("out") == ["a", ["second", 1], ["third", 1]]
    assert sim.answer("b").sent("out")[3:] == ["b", ["second", 2], ["third", 2]]


# ---- else ----------------------------------------------------------------------------------------------------

FAILS = [
    ('fail "no"', ["error", "no"]),
    ("fail 7", ["error", "7"]),
    ("let a = 1 // v", ["error", "a division by zero"]),
    ("let a = [1][v + 5]", ["error", "index 5 is out of range: there are 1"]),
    ("count <- v.a", ["error", "int has no field `a`"]),
    ('count <- "x" + str(v)', None),
    ("let a = slow(v)", ["program", "broken"]),
    ("for x in range(99999999) { }", ["bound", "a list of 99999999 items is too large; the limit is 1000000"]),
]


@pytest.mark.parametrize(("statement", "failure"), FAILS)
def test_an_else_is_given_the_failure_of_its_block(statement: str, failure: list[str] | None) -> None:
    sim = main(
        f"transmit count: any\n on go as v {{ {statement} }} else as e {{ out <- [e.kind, e.message, e.path, e.event, v] }}"
    )
    sim.answers["slow"] = Failure("program", "broken")
    sim.send("go", 0)
    assert sim.sent("out") == ([] if failure is None else [[*failure, "Main", 0, 0]])
    assert sim.kernel.report is None


def test_nothing_is_rolled_back_by_a_failure() -> None:
    sim = main('state n: int = 0\n on go { n = n + 1\n out <- n\n fail "no" } else as e { out <- [n] }')
    assert sim.send("go", 0).send("go", 0).sent("out") == [1, [1], 2, [2]]


def test_a_failure_in_an_else_fails_the_coglet() -> None:
    sim = main('on go { fail "first" } else as e { fail "second" }').send("go", 0)
    report = sim.kernel.report
    assert report is not None and (report.path, report.failure.message) == ("Main", "second")


def test_an_else_may_wait() -> None:
    sim = main('on go as v { fail "no" } else as e { out <- slow(e.message) }').send("go", 0)
    assert [c.arguments["n"] for c in sim.calls] == ["no"]
    assert sim.answer("mended").sent("out") == ["mended"]


def test_the_names_of_all_triggers_are_known_in_an_else_and_null_where_they_do_not_fire() -> None:
    sim = main('on go as a, other as b { fail "no" } else as e { out <- [a, b] }')
    assert sim.send("go", 1).send("other", 2).sent("out") == [[1, None], [None, 2]]


# ---- timeouts ------------------------------------------------------------------------------------------------


def test_a_timeout_fails_the_reaction_cancels_its_call_and_drops_its_answer() -> None:
    sim = main("on go as v timeout 5s { out <- slow(v) } else as e { out <- [e.kind, e.message] }")
    sim.send("go", 1).run(4.9)
    assert sim.sent("out") == []
    call = sim.calls[0].id
    sim.run(0.1)
    assert sim.stamped("out") == [(5, ["timeout", "`on go` took longer than its timeout"])]
    assert sim.cancelled == [call]
    sim.kernel.result(call, "late")
    sim.settle()
    assert len(sim.sent("out")) == 1


def test_the_else_of_a_reaction_that_ran_out_of_time_has_time() -> None:
    sim = main("on go as v timeout 5s { out <- slow(1) } else as e { out <- slow(2) }").send("go", 0).run(5)
    sim.run(60)
    assert [c.arguments["n"] for c in sim.calls][-1] == 2
    assert sim.answer("late", len(sim.calls) - 1).sent("out") == ["late"]


# ---- commands ------------------------------------------------------------------------------------------------

COMMANDED = """
coglet W { listen x: any
  transmit y: any
  enact set(a: int, b: int = 10, c: int = a_default()) { y <- [a, b, c] }
  enact _own(n: int) { y <- n }
  on x as v { guide self._own(v)
    y <- 0 } }
program a_default() -> int = expr 5
"""


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("set(1)", [[1, 10, 5]]),
        ("set(1, 2)", [[1, 2, 5]]),
        ("set(c: 3, a: 1)", [[1, 10, 3]]),
        ("set(1, c: 9)", [[1, 10, 9]]),
    ],
)
def test_a_command_has_its_arguments_and_defaults(command: str, expected: list[Any]) -> None:
    text = COMMANDED.replace("c: int = a_default()", "c: int = 5")
    sim = main(f"create w = W\n on go {{ guide w.{command} }}\n on w.y as v {{ out <- v }}", text)
    assert sim.send("go", 0).sent("out") == expected


def test_a_command_to_oneself_is_taken_after_the_step() -> None:
    text = COMMANDED.replace("c: int = a_default()", "c: int = 5")
    sim = main("create w = W\n link self.go -> w.x\n on w.y as v { out <- v }", text)
    assert sim.send("go", 7).sent("out") == [0, 7]


def test_a_command_to_a_stopped_coglet_is_a_dead_letter() -> None:
    sim = main(
        "create w = W\n on go { stop w }\n on other { guide w.set() }",
        "coglet W { transmit y: any\n enact set() { y <- 1 } }",
        traced=True,
    )
    sim.send("go", 0).send("other", 0)
    assert [(r["path"], r["port"], r["reason"]) for r in sim.records("dead_letter")] == [("Main/w", "set", "stopped")]


def test_a_command_of_a_pool_goes_to_the_member_that_is_named_or_to_all() -> None:
    worker = "coglet W { transmit y: any\n enact set(n: int) { y <- [self.index, n] } }"
    sim = main(
        "create w = W * 3\n on go as i { guide w[i].set(1) }\n on other { guide w.set(2) }\n on w.y as v { out <- v }",
        worker,
    )
    assert sim.send("go", 1).sent("out") == [[1, 1]]
    assert sim.send("other", 0).sent("out")[1:] == [[0, 2], [1, 2], [2, 2]]
