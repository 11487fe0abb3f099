"""Failures: who decides, what each decision does, how a failure climbs, and what its record and its report say."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.language.values import Failure
from support.sim import Sim

WORKER = """
program call(n: any) -> any = shell ["true"]
coglet Worker { listen x: any
  transmit y: any
  state lives: int = 0 keep
  on start { lives = lives + 1 }
  on x as v { if v == "stop" { stop self }
    if v == "wait" { y <- call(v) }
    if v == "boom" { fail "no" }
    y <- [self.index, lives, v] } }
"""


def main(members: str, before: str = "", **options: Any) -> Sim:
    head = "listen go: any\n listen other: any\n transmit out: any"
    return Sim(f"{WORKER}{before}\ncoglet Main {{ {head}\n {members} }}", "Main", **options)


ONE = "create w = Worker { POLICY }\n link self.go -> w.x\n on w.y as v { out <- v }\n on other { }\n"


def one(policy: str = "restart: never", more: str = "", **options: Any) -> Sim:
    return main(ONE.replace("POLICY", policy) + more, **options)


# ---- on error ------------------------------------------------------------------------------------------------


def test_a_handler_is_given_all_that_the_page_names() -> None:
    sim = one(more="on error(w) as e { out <- e\n restart w }")
    sim.send("go", "boom").send("go", "boom")
    record = {"child": "w", "index": None, "path": "Main/w", "kind": "error", "message": "no", "event": "boom"}
    assert sim.sent("out") == [{**record, "restarts": 0}, {**record, "restarts": 1}]


def test_a_handler_of_a_pool_is_told_which_member_failed() -> None:
    sim = main(
        'create w = Worker * 3 { restart: on_error, backoff: 0s }\n on go as i { w[i].x <- "boom" }\n on other { }\n on w.y { }\n'
        "on error(w) as e { out <- [e.index, e.path] }"
    )
    assert sim.send("go", 2).send("go", 0).sent("out") == [[2, "Main/w[2]"], [0, "Main/w[0]"]]


@pytest.mark.parametrize(
    ("decision", "policy", "alive", "ended"),
    [
        ("restart w", "restart: never", True, None),
        ("stop w", "restart: on_error", False, None),
        ("escalate", "restart: on_error", False, "failed"),
        ("", "restart: on_error, backoff: 0s", True, None),
        ("", "restart: never", False, "failed"),
        ('fail "worse"', "restart: on_error", False, "failed"),
        ("let a = [1][len(e.message)]", "restart: on_error", False, "failed"),
    ],
)
def test_a_handler_decides_else_the_policy(decision: str, policy: str, alive: bool, ended: str | None) -> None:
    sim = one(policy, f"on error(w) as e {{ {decision} }}").send("go", "boom").run(1)
    assert sim.kernel.ended == ended
    if ended is None:
        sim.send("go", 1)
        assert (sim.sent("out") == [[0, 2, 1]]) is alive


@pytest.mark.parametrize("decision", ['fail "worse"', "let a = [1][len(e.message)]"])
def test_a_handler_that_fails_escalates_with_both_failures(decision: str) -> None:
    sim = one("restart: on_error", f"on error(w) as e {{ {decision} }}").send("go", "boom")
    report = sim.kernel.report
    assert report is not None and report.path == "Main"
    assert report.failure.message.endswith("; while deciding on: no")


def test_the_else_of_a_handler_takes_the_handlers_failure() -> None:
    sim = one(
        "restart: on_error, backoff: 0s",
        'on error(w) as e { fail "worse" } else as f { out <- [f.message, f.event.message] }',
    )
    assert sim.send("go", "boom").run(1).sent("out") == [["worse", "no"]] and sim.kernel.ended is None


def test_a_handler_may_have_a_guard_and_several_handlers_are_asked_in_turn() -> None:
    more = """
    on error(w) as e when e.event == "other" { out <- "never" }
    on error(w) as e { out <- "first" }
    on error(w) as e { out <- "second"
      stop w }
    on error(w) as e { out <- "decided already" }
    """
    assert one("restart: never", more).send("go", "boom").sent("out") == ["first", "second"]


def test_a_handler_may_wait_and_the_child_stays_down_meanwhile() -> None:
    sim = one("restart: never", "on error(w) as e { let a = call(e.message)\n out <- a\n restart w }")
    sim.send("go", "boom").send("go", 1)
    assert sim.sent("out") == [] and [c.arguments["n"] for c in sim.calls] == ["no"]
    assert sim.answer("mended").sent("out") == ["mended", [0, 2, 1]]


# ---- the way up ----------------------------------------------------------------------------------------------

TREE = """
coglet Middle { listen x: any
  create w = Worker
  link self.x -> w.x
  on w.y { }
  MIDDLE }
"""


def tree(middle: str, top: str, policy: str = "restart: never") -> Sim:
    return main(
        f"create m = Middle {{ {policy} }}\n link self.go -> m.x\n on other {{ }}\n {top}",
        TREE.replace("MIDDLE", middle),
    )


def test_a_failure_climbs_until_somebody_decides() -> None:
    sim = tree("", "on error(m) as e { out <- [e.child, e.path, e.message]\n restart m }")
    assert sim.send("go", "boom").sent("out") == [["m", "Main/m/w", "no"]] and sim.kernel.ended is None


def test_a_failure_that_is_decided_below_is_not_heard_above() -> None:
    sim = tree("on error(w) as e { restart w }", "on error(m) as e { out <- e.message }")
    assert sim.send("go", "boom").sent("out") == [] and sim.kernel.ended is None


def test_escalate_passes_the_failure_on() -> None:
    sim = tree("on error(w) as e { escalate }", "on error(m) as e { out <- e.path\n stop m }")
    assert sim.send("go", "boom").sent("out") == ["Main/m/w"]


@pytest.mark.parametrize("escalates", ["", "on error(w) as e { escalate }"])
def test_a_restart_of_the_middle_brings_its_children_back(escalates: str) -> None:
    sim = tree(
        escalates + "\n transmit y: any\n link w.y -> self.y", "link m.y -> self.out", "restart: on_error, backoff: 0s"
    )
    sim.send("go", "boom").run(1).send("go", 1)
    assert sim.sent("out") == [[0, 1, 1]]  # a new child, which has not lived before
    assert sim.kernel.losses.restarts == {"Main/m": 1}


def test_what_reaches_the_root_is_the_report_of_the_run() -> None:
    sim = tree("", "").send("go", "boom")
    report = sim.kernel.report
    assert sim.kernel.ended == "failed" and report is not None
    assert (report.path, report.reaction, report.event, report.failure.kind) == (
        "Main/w" if False else "Main/m/w",
        "on x",
        "boom",
        "error",
    )
    assert report.place.startswith("spec.cog:9:")


# ---- what a failure does to the coglet -----------------------------------------------------------------------


def test_a_failure_cancels_what_is_under_way_and_keeps_the_inbox() -> None:
    worker = """
    coglet Two { listen x: any
      transmit y: any
      on x as v concurrent 9 { if v == "boom" { fail "no" }
        y <- call(v) } }
    """
    sim = main(
        "create w = Two { restart: on_error, backoff: 5s }\n link self.go -> w.x\n on w.y as v { out <- v }\n on other { }",
        worker,
    )
    sim.send("go", 1).send("go", 2)
    calls = [c.id for c in sim.calls]
    sim.send("go", "boom").send("go", 3)
    assert sim.cancelled == calls and sim.sent("out") == []
    sim.calls.clear()
    sim.run(5)
    assert [c.arguments["n"] for c in sim.calls] == [3]


def test_the_message_that_was_worked_on_is_a_dead_letter() -> None:
    sim = one("restart: on_error, backoff: 0s", traced=True).send("go", "boom").run(1)
    assert [(r["path"], r["reason"], r["data"]) for r in sim.records("dead_letter")] == [("Main/w", "failed", "boom")]
    assert [r["error"] for r in sim.records("fail")] == ["no"]
    assert sim.kernel.losses.letters == {"failed": 1} and sim.kernel.losses.restarts == {"Main/w": 1}


def test_a_budget_that_is_spent_is_not_mended_by_a_restart() -> None:
    sim = one("restart: on_error, backoff: 0s").send("go", "wait").answer(Failure("budget", "nothing left"))
    assert sim.kernel.ended == "failed" and sim.kernel.report is not None
    assert sim.kernel.report.failure.kind == "budget"


@pytest.mark.parametrize(
    ("policy", "index", "ended"),
    [
        ("restart: on_error, max_restarts: 0", 1, "failed"),
        ("restart: on_error, max_restarts: n, backoff: 0s", 0, "failed"),
        ("restart: on_error, max_restarts: n, backoff: 0s", 1, None),
    ],
)
def test_the_policy_of_a_child_for_each_item_holds_for_each_of_them(policy: str, index: int, ended: str | None) -> None:
    sim = main(
        f'create w = Worker for n in [0, 9] {{ {policy} }}\n on go as i {{ w[i].x <- "boom" }}\n on w.y {{ }}\n on other {{ }}'
    )
    assert sim.send("go", index).run(1).kernel.ended == ended


def test_the_pause_of_a_child_for_each_item_is_its_own() -> None:
    sim = main(
        'create w = Worker for n in [1, 8] { restart: on_error, backoff: n * 1s }\n on go as i { w[i].x <- "boom" }\n on w.y { }\n on other { }',
        traced=True,
    )
    sim.send("go", 0).send("go", 1)
    short, long = (r["delay"] for r in sim.records("backoff"))
    assert 0.75 <= short <= 1 and 6 <= long <= 8


# ---- try -----------------------------------------------------------------------------------------------------

TRIES = [
    ("call(1)", {"call": 7}, 7),
    ("try call(1) else 2", {"call": Failure("program", "x")}, 2),
    ("try call(1) else as e (e.kind + e.message + e.path)", {"call": Failure("program", "x")}, "programxMain"),
    ("try call(try call(1) else 2) else 3", {"call": Failure("program", "x")}, 3),
]


@pytest.mark.parametrize(("expression", "answers", "expected"), TRIES)
def test_a_try_gives_its_other_value_where_the_call_fails(
    expression: str, answers: dict[str, Any], expected: Any
) -> None:
    sim = main(f"on go {{ out <- {expression} }}\n on other {{ }}")
    sim.answers = answers
    assert sim.send("go", 0).sent("out") == [expected]
