"""Lives of coglets: each failure point under each policy, windows, backoff, strategies, and the order of start and stop."""

from __future__ import annotations

from typing import Any

import pytest

from cogc.language.values import Failure
from support.sim import Sim

WORKER = """
program call(n: int) -> int = shell ["true"]
coglet Worker(name: string = "w") {
  listen x: int
  transmit y: any
  state n: int = 0
  state lives: int = 0 keep
  on start { lives = lives + 1
    log info "start {{ name }}" }
  on stop { log info "stop {{ name }}" }
  on x as v when 10 // (v + 1) >= -99 {
    n = n + 1
    if v == 1 { fail "at a statement" }
    if v == 2 { y <- 1 // (v - 2) }
    if v == 3 { y <- call(v) }
    y <- [lives, n]
  }
  on x as v timeout 5s { if v == 4 { y <- call(v) } }
  enact boom { fail "at a command" }
}
"""
# how a worker is made to fail, and the kind of the failure
POINTS = {
    "statement": (1, "error"),
    "expression": (2, "error"),
    "call": (3, "program"),
    "guard": (-1, "error"),
    "timeout": (4, "timeout"),
    "command": (0, "error"),
}


def system(members: str, **options: Any) -> Sim:
    body = f"coglet Main {{\n listen go: int\n listen order: string\n transmit seen: any\n {members}\n}}\n"
    return Sim(WORKER + body, "Main", **options)


def fail_at(sim: Sim, point: str) -> None:
    if point == "command":
        sim.send("order", "boom")
        return
    sim.send("go", POINTS[point][0])
    if point == "call":
        sim.answer(Failure("program", "broken"))
    if point == "timeout":
        sim.run(5)


ONE = """
create w = Worker { POLICY }
link self.go -> w.x
on w.y as v { seen <- v }
on order as o { if o == "boom" { guide w.boom() }
  if o == "stop" { stop w } }
"""


@pytest.mark.parametrize("point", POINTS)
def test_never_lets_every_failure_end_the_run(point: str) -> None:
    sim = system(ONE.replace("POLICY", "restart: never"))
    fail_at(sim, point)
    assert sim.kernel.ended == "failed"
    report = sim.kernel.report
    assert report is not None and report.path == "Main/w" and report.failure.kind == POINTS[point][1]


@pytest.mark.parametrize("policy", ["on_error", "always"])
@pytest.mark.parametrize("point", POINTS)
def test_a_restart_brings_a_worker_back_from_every_failure(policy: str, point: str) -> None:
    sim = system(ONE.replace("POLICY", f"restart: {policy}, backoff: 1s"))
    fail_at(sim, point)
    sim.send("go", 7)
    before = list(sim.sent("seen"))
    sim.run(1)
    assert [v for v in sim.sent("seen") if v not in before] == [[2, 1]]
    assert sim.kernel.ended is None


@pytest.mark.parametrize("point", POINTS)
def test_on_error_is_given_the_failure_of_every_point(point: str) -> None:
    text = (
        ONE.replace("POLICY", "restart: never")
        + "on error(w) as e { seen <- [e.child, e.kind, e.restarts]\n restart w }"
    )
    sim = system(text)
    fail_at(sim, point)
    assert sim.sent("seen")[-1] == ["w", POINTS[point][1], 0] and sim.kernel.ended is None


# ---- limits --------------------------------------------------------------------------------------------------


def survivors(policy: str, gaps: list[float]) -> int:
    """Let a worker fail again and again, with so many seconds between; return how many failures the run outlives."""
    sim = system(ONE.replace("POLICY", policy))
    for count, gap in enumerate(gaps):
        sim.send("go", 1)
        if sim.kernel.ended:
            return count
        sim.run(gap)
    return len(gaps)


@pytest.mark.parametrize(
    ("policy", "gaps", "expected"),
    [
        ("restart: on_error, max_restarts: 0, backoff: 1ms", [1.0], 0),
        ("restart: on_error, max_restarts: 1, backoff: 1ms", [1.0] * 5, 1),
        ("restart: on_error, backoff: 1ms", [1.0] * 9, 3),
        ("restart: on_error, max_restarts: 2, within: 10s, backoff: 1ms", [1.0] * 9, 2),
        ("restart: on_error, max_restarts: 2, within: 10s, backoff: 1ms", [6.0] * 9, 9),
        ("restart: on_error, max_restarts: 2, within: 10s, backoff: 1ms", [1.0, 10.0, 1.0, 1.0, 1.0], 4),
        ("restart: always, max_restarts: 1, within: 1s, backoff: 1ms", [2.0] * 6, 6),
    ],
)
def test_restarts_are_counted_in_a_window_that_moves(policy: str, gaps: list[float], expected: int) -> None:
    assert survivors(policy, gaps) == expected


def test_the_supervisors_limit_counts_all_its_children() -> None:
    sim = system(
        "supervise one_for_one { max_restarts: 2, within: 1m }\n"
        "create a = Worker { restart: on_error, max_restarts: 9, backoff: 1ms }\n"
        "create b = Worker { restart: on_error, max_restarts: 9, backoff: 1ms }\n"
        "on go as v { if v == 0 { a.x <- 1 } else { b.x <- 1 } }"
    )
    for child in (0, 1):
        sim.send("go", child).run(1)
    assert sim.kernel.ended is None
    sim.send("go", 0)
    assert sim.kernel.ended == "failed"


@pytest.mark.parametrize(("policy", "expected"), [("always", [1, 2]), ("on_error", [1])])
def test_always_brings_back_a_coglet_that_stopped_itself(policy: str, expected: list[int]) -> None:
    before = "coglet Quits { listen x: int\n transmit y: int\n state n: int = 0 keep\n on x as v { n = n + 1\n y <- n\n stop self } }\n"
    text = f"coglet Main {{ listen go: int\n transmit seen: int\n create q = Quits {{ restart: {policy}, backoff: 1s }}\n link self.go -> q.x\n link q.y -> self.seen }}"
    sim = Sim(before + text, "Main").send("go", 1).run(2).send("go", 1)
    assert sim.sent("seen") == expected and sim.kernel.ended is None


# ---- backoff -------------------------------------------------------------------------------------------------


def test_the_backoff_doubles_less_a_quarter_of_jitter_at_most() -> None:
    sim = system(ONE.replace("POLICY", "restart: on_error, max_restarts: 99, within: 24h, backoff: 1s"), traced=True)
    for _ in range(10):
        sim.send("go", 1).run(70)
    delays = [r["delay"] for r in sim.records("backoff")]
    wanted = [min(60, 2**n) for n in range(10)]
    assert all(0.75 * w <= d <= w for d, w in zip(delays, wanted, strict=True))


def test_a_worker_is_down_until_its_backoff_is_over() -> None:
    sim = system(ONE.replace("POLICY", "restart: on_error, backoff: 8s"))
    sim.send("go", 1).send("go", 7).run(5.9)
    assert sim.sent("seen") == []
    sim.run(2.1)
    assert sim.sent("seen") == [[2, 1]]


def test_a_worker_that_is_stopped_in_its_backoff_stays_down() -> None:
    sim = system(ONE.replace("POLICY", "restart: on_error, backoff: 8s"))
    sim.send("go", 1).send("order", "stop").run(20).send("go", 7)
    assert sim.sent("seen") == [] and sim.kernel.ended is None


def test_the_same_seed_gives_the_same_jitter() -> None:
    def delays(seed: int) -> list[float]:
        sim = system(ONE.replace("POLICY", "restart: on_error, backoff: 1s"), seed=seed, traced=True)
        sim.send("go", 1).run(2).send("go", 1).run(3)
        return [r["delay"] for r in sim.records("backoff")]

    assert delays(1) == delays(1) != delays(2)


# ---- strategies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["statement", "expression", "guard", "call"])
@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_a_strategy_says_which_siblings_restart(strategy: str, failing: int, point: str) -> None:
    policy = "{ restart: on_error, backoff: 1ms }"
    creates = "\n".join(f'create {n} = Worker("{n}") {policy}' for n in "abc")
    sends = "\n".join(f"if v == {i} {{ {n}.x <- {POINTS[point][0]} }}" for i, n in enumerate("abc"))
    alive = "if v == 9 { a.x <- 7\n b.x <- 7\n c.x <- 7 }"
    hear = "on all(a.y, b.y, c.y) as l { seen <- l }"
    sim = system(f"supervise {strategy}\n{creates}\n on go as v {{ {sends}\n {alive} }}\n {hear}")
    sim.send("go", failing)
    if point == "call":
        sim.answer(Failure("program", "broken"))
    sim.run(1).send("go", 9)
    restarted = {
        "one_for_one": {failing},
        "one_for_all": {0, 1, 2},
        "rest_for_one": set(range(failing, 3)),
    }[strategy]
    assert [v[0] for v in sim.sent("seen")[-1]] == [2 if i in restarted else 1 for i in range(3)]


def test_siblings_that_restart_start_in_the_order_of_their_creation() -> None:
    policy = "{ restart: on_error, backoff: 1ms }"
    creates = "\n".join(f'create {n} = Worker("{n}") {policy}' for n in "abc")
    sim = system(f"supervise one_for_all\n{creates}\n link self.go -> b.x")
    sim.logs.clear()
    sim.send("go", 1).run(1)
    said = [v for _, v in sim.logs]
    assert [s for s in said if s.startswith("start")] == ["start a", "start b", "start c"]


# ---- start and stop ------------------------------------------------------------------------------------------

NESTED = """
coglet Leaf(name: string) { on start { log info "start {{ name }}" }
  on stop { log info "stop {{ name }}" } }
coglet Branch(name: string) { create a = Leaf("{{ name }}.a")
  create b = Leaf("{{ name }}.b")
  on start { log info "start {{ name }}" }
  on stop { log info "stop {{ name }}" } }
coglet Main { create one = Branch("1")
  create two = Branch("2")
  on start { log info "start main" }
  on stop { log info "stop main" } }
"""


def test_a_tree_starts_and_stops_from_its_leaves_the_last_created_first_to_stop() -> None:
    sim = Sim(NESTED, "Main")
    started = [v for _, v in sim.logs]
    assert started == ["start 1.a", "start 1.b", "start 1", "start 2.a", "start 2.b", "start 2", "start main"]
    sim.logs.clear()
    sim.kernel.stop()
    sim.settle()
    stopped = [v for _, v in sim.logs]
    assert stopped == ["stop 2.b", "stop 2.a", "stop 2", "stop 1.b", "stop 1.a", "stop 1", "stop main"]


def test_a_failing_stop_hook_is_logged_and_stops_nothing_else() -> None:
    text = 'coglet W { on stop { fail "no" } }\ncoglet Main { create w = W\n on stop { log info "stop main" } }'
    sim = Sim(text, "Main")
    sim.kernel.stop()
    sim.settle()
    assert sim.kernel.ended == "stopped" and sim.logs[-1] == ("info", "stop main")
    assert any("no" in str(v) for level, v in sim.logs if level in ("warn", "error"))


def test_a_failing_start_hook_is_a_failure_of_its_coglet() -> None:
    text = 'coglet W { on start { fail "no" } }\ncoglet Main { transmit seen: any\n create w = W\n on error(w) as e { seen <- e.message\n stop w } }'
    sim = Sim(text, "Main")
    assert sim.sent("seen") == ["no"] and sim.kernel.ended is None


def test_a_parameter_of_another_type_is_refused_with_its_name() -> None:
    with pytest.raises(Failure, match='^the parameter `n`: expected int, got string "x"$'):
        Sim("coglet Main(n: int) { transmit o: int\n on start { o <- n } }", "Main", n="x")
