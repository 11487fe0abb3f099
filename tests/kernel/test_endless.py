"""What would go on without end at one instant: restarts of a coglet that cannot start, messages that become more and more."""

from __future__ import annotations

import pytest

from cogc.kernel import machine, state
from support.sim import Sim

CRASHING = """
coglet C { listen x: int
  on start { fail "no" }
  on x as v { fail "never" } }
coglet M { create c = C { restart: %s }
  on error(c) as e { %s } }
coglet Main { create m = M { restart: never }
  transmit o: string
  on error(m) as e { o <- e.kind + ": " + e.message
    stop m } }
"""
PAIR = """
coglet P { listen i: int
  transmit o: int
  on i as v { %s } }
coglet Main { create a = P
  create b = P
  listen go: int
  link a.o -> b.i
  link b.o -> a.i { feedback: true }
  on go as n { a.i <- n } }
"""


@pytest.mark.parametrize("act", ["restart c", "if e.restarts % 2 == 0 { restart c } else { restart c }"])
def test_a_coglet_that_is_restarted_without_end_fails_its_parent(act: str) -> None:
    sim = Sim(CRASHING % ("never", act), "Main")
    (_, said), *rest = sim.outputs
    assert not rest and said.startswith(
        "bound: `Main/m/c` was restarted 1000 times within a second; while deciding on: no"
    )


def test_a_policy_without_a_pause_is_bounded_too() -> None:
    sim = Sim(CRASHING.replace("restart: %s", "restart: on_error, max_restarts: 1_000_000, backoff: 0s") % "", "Main")
    sim.run(0.1)
    assert [said.partition(";")[0] for _, said in sim.outputs] == [
        "bound: `Main/m/c` was restarted 1000 times within a second"
    ]


def test_restarts_with_time_between_them_have_no_end() -> None:
    text = CRASHING % ("never", "restart c") + ""
    sim = Sim(text.replace('on start { fail "no" }', 'after 2ms { fail "no" }'), "Main")
    sim.run(6)
    assert sim.outputs == [] and sim.kernel.ended is None


@pytest.mark.parametrize("capacity", ["", "{ capacity: 1_000_000 }"])
def test_messages_that_become_more_and_more_fail_the_run(capacity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MOST_WAITING", 5000)
    sim = Sim(PAIR.replace("i: int", "i: int " + capacity) % "o <- v\n o <- v", "Main")
    sim.send("go", 1)
    report = sim.kernel.report
    assert sim.kernel.ended == "failed" and report is not None and report.failure.kind == "bound"
    assert "messages wait for " in report.failure.message and "`Main/" in report.failure.message


def test_a_pause_makes_no_run_fail_at_another_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MOST_WAITING", 5000)
    kernel = Sim("coglet Main { listen go: int\n state sum: int = 0\n on go as v { sum = sum + v } }", "Main").kernel
    for _ in range(5001 + machine.BLOCK):
        kernel.input("go", 1)
    kernel.pause()
    assert (kernel.run(machine.BLOCK), kernel.steps, kernel.ended) == (0, 0, None)
    assert kernel.run(2 * machine.BLOCK) == machine.BLOCK and kernel.ended == "failed"


def test_a_step_that_sends_too_much_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_SENT", 5000)
    text = """coglet S { listen y: int }
    coglet F { listen n: int
      transmit y: int
      on n as n { for i in range(n) { y <- i } } else as e { y <- 0 - len(e.kind) } }
    coglet Main { create f = F
      create s = S * 2
      listen go: int
      transmit o: int
      link self.go -> f.n
      link f.y -> s.y { map: broadcast }
      link f.y -> self.o }"""
    sim = Sim(text, "Main")
    sim.send("go", 2000)
    assert len(sim.sent("o")) == 2000
    sim.send("go", 100_000)
    assert sim.sent("o")[-1] == -5 and 5000 < len(sim.sent("o")) < 20_000 and sim.kernel.ended is None
