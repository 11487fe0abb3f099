"""Hooks: their timeouts, the modifiers that they take, and those that do not end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.cli import cogc
from support.sessions import session
from support.sim import Sim
from support.specs import build, check_text

SLOW = """
program slow() -> int = python "x:f" { timeout: 1h }
coglet W { listen x: int
  on x as v { fail "no" } }
coglet Main { listen i: int
  transmit o: any
  create w = W { restart: on_error, backoff: 1ms }
  on i as n { w.x <- n }
  %s }
"""


@pytest.mark.parametrize(
    "hook, event",
    [("on start timeout 2s { o <- slow() } else as e { o <- [e.kind, e.message] }", None),
     ("on error(w) as f timeout 2s { o <- slow() } else as e { o <- [e.kind, e.message] }", 1)],
)  # fmt: skip
def test_a_hook_has_a_timeout(hook: str, event: int | None) -> None:
    sim = Sim(SLOW % hook)
    if event is not None:
        sim.send("i", event)
    assert len(sim.calls) == 1 and not sim.cancelled
    sim.run(2)
    name = hook.split(" as")[0].split(" timeout")[0]
    assert sim.sent("o") == [["timeout", f"`{name}` took longer than its timeout"]] and sim.cancelled == [1]


def test_an_on_start_whose_time_is_over_fails_its_coglet() -> None:
    sim = Sim(SLOW % "on start timeout 2s { o <- slow() }").run(2)
    assert sim.kernel.ended == "failed" and sim.kernel.report is not None
    assert sim.kernel.report.failure.message == "`on start` took longer than its timeout"


def test_a_hook_that_ends_in_time_is_bounded_no_longer() -> None:
    sim = Sim(SLOW % "on start timeout 2s { o <- slow() }\n on start { o <- slow() + 1 }")
    sim.answer(1).run(100)
    assert sim.kernel.ended is None
    assert sim.answer(2).sent("o") == [1, 3]


@pytest.mark.parametrize(
    "modifier, seconds, why", [("timeout 2s ", 2, "its timeout"), ("", 10, "10s"), ("timeout 20s ", 10, "10s")]
)
def test_an_on_stop_has_ten_seconds_or_less(modifier: str, seconds: int, why: str) -> None:
    sim = Sim(SLOW % f"on stop {modifier}{{ o <- slow() }}")
    sim.kernel.stop()
    sim.settle()
    sim.run(seconds - 0.001)
    assert sim.kernel.ended is None
    sim.run(0.002)
    assert sim.kernel.ended == "stopped" and sim.logs == [
        ("error", f"on stop failed: `on stop` took longer than {why}")
    ]
    assert sim.kernel.losses.hooks == ([] if seconds == 2 else ["Main: on stop"])


@pytest.mark.parametrize("hook", ["on start", "on stop", "on error(w) as f"])
@pytest.mark.parametrize(
    "modifier", ["concurrent 2", "throttle 2 per 1s", "batch 2 within 1s", "debounce 1s", "distinct 1 within 1s"]
)
def test_a_modifier_that_has_no_effect_on_a_hook_is_refused(hook: str, modifier: str) -> None:
    found = check_text(SLOW % f"{hook} {modifier} {{ o <- 1 }}")[1]
    assert [d.message for d in found if d.severity == "error"] == [
        f"`{modifier.split()[0]}` has no effect on `{hook.split('(')[0].split(' as')[0]}`"
    ]


@pytest.mark.parametrize("trigger", ["enact go(n: int)", "every 2 ticks"])
@pytest.mark.parametrize("modifier", ["debounce 1s", "batch 2 within 1s"])
def test_commands_neither_wait_nor_gather(trigger: str, modifier: str) -> None:
    text = f"coglet W {{ transmit o: int\n {trigger} {modifier} {{ o <- 1 }} }}"
    found = check_text(f"{text}\ncoglet Main {{ create w = W\n on w.o as x {{ log info x }} }}")[1]
    assert [d.slug for d in found if d.severity == "error"] == ["bad-modifier"], found


def test_hooks_take_guards_and_timers_other_modifiers() -> None:
    for reaction in ("on start when true { o <- 1 }", "every 10s concurrent 2 { o <- slow() }"):
        assert not [d for d in check_text(SLOW % reaction)[1] if d.severity == "error"]


WAITING = """
coglet W { listen x: int
  transmit y: int
  on x as v { y <- v } }
coglet Main { transmit tick: int
  create w = W
  create c = Clock
  link c.tick -> self.tick
  %s }
coglet Clock { transmit tick: int
  every 1s { tick <- 1 } }
"""


@pytest.mark.parametrize("hook", ["on start", "on stop"])
def test_a_hook_that_the_end_of_the_time_finds_at_work_is_named(hook: str, tmp_path: Path) -> None:
    text = WAITING % f"{hook} {{ let a = await w.y }}"
    made = session(build(text), sim=True, stop_at=3_000_000_000)
    assert made.cut_off == [f"Main: {hook}"] and made.outcome == "done"
    (tmp_path / "a.cog").write_text(text)
    done = cogc("run", "a.cog", "--sim", "--for", "3s", cwd=tmp_path)
    assert done.returncode == 3 and f"cogc: Main: {hook} had not ended when its time was over\n" in done.stderr


def test_an_on_stop_has_its_time_after_the_end_of_the_run() -> None:
    text = WAITING % "on stop { let a = await w.y timeout 4s\n tick <- 7 }"
    made = session(build(text), sim=True, stop_at=3_000_000_000)
    assert made.outputs["tick"][-1] == 7 and made.cut_off == [] and made.kernel.now == 7_000_000_000


def test_a_run_that_ends_in_order_names_no_hook() -> None:
    text = WAITING % "on start { w.x <- 1\n let a = await w.y }\n on stop { tick <- 2 }"
    made: Any = session(build(text), sim=True, stop_at=3_000_000_000)
    assert made.cut_off == [] and made.unended == []
