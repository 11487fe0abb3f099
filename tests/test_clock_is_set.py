"""The clock of the machine is set while a run goes on: periods and timeouts stay as they were, `now()` and times of day follow it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cogc.kernel.effects import Output
from cogc.kernel.machine import Kernel
from cogc.kernel.restoring import restore
from cogc.kernel.snapshot import obstacle, written
from cogc.kernel.unit import Unit
from cogc.run.journal import load
from cogc.run.replay import replay
from cogc.run.session import Session
from support.crashes import World
from support.specs import build

HOUR = 3600 * 10**9
MIDNIGHT = 946_684_800 * 10**9
"""The beginning of the year 2000, in UTC."""
DAILY = 'coglet Main { transmit at: time\n every 1d at "00:30 UTC" { at <- now() } }'
TICKS = """
coglet Main {
  transmit n: int
  state k: int = 0
  every 50ms { k = k + 1
    n <- k
    if k == 8 { stop self } }
  after 1h { n <- 0 }
}
"""


def hours(kernel: Kernel) -> list[float]:
    """Let a kernel take its messages. Return the hours since midnight at which the timer has fired, by its clock."""
    kernel.run()
    effects, kernel.effects = kernel.effects, []
    return [(effect.value.nanos - MIDNIGHT) / HOUR for effect in effects if isinstance(effect, Output)]


@pytest.mark.parametrize(
    ("steps", "fired"),
    [
        ([(0, 1)], [0.5]),
        ([(1, 0)], [1.0]),
        ([(1, 0), (-1, 23)], [1.0]),
        ([(1, 0), (-1, 24.5)], [1.0, 24.5]),
        ([(-2, 2), (0, 1)], [0.5]),
        ([(20 * 24, 0)], [480.0]),
        ([(400 * 24, 0), (-400 * 24, 1)], [9600.0, 0.5]),
    ],
)
def test_a_time_of_day_follows_the_clock_and_comes_once(steps: list[tuple[float, float]], fired: list[float]) -> None:
    """Each step sets the clock by so many hours, and lets so many pass. The kernel of a snapshot does the same."""
    unit = Unit(build(DAILY))
    kernel, found = Kernel(unit, 1, MIDNIGHT), []
    kernel.start({})
    found += hours(kernel)
    for ahead, passes in steps:
        kernel.set_clock(kernel.epoch + round(ahead * HOUR))
        assert not obstacle(kernel)
        again = Kernel(unit, 1, MIDNIGHT)
        restore(again, written(kernel))
        kernel = again
        kernel.advance(kernel.now + round(passes * HOUR))
        found += hours(kernel)
    assert found == fired


class Clock:
    """The time of day, which is set by so many nanoseconds."""

    def __init__(self) -> None:
        self.real, self.ahead = time.time_ns, 0

    def __call__(self) -> int:
        return self.real() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time_ns", made)
    return made


@pytest.mark.parametrize("every", [0, 1])
@pytest.mark.parametrize("ahead", [-2 * HOUR, 2 * HOUR])
def test_a_clock_that_was_set_during_a_run_is_no_time_that_has_passed(
    tmp_path: Path, clock: Clock, ahead: int, every: int
) -> None:
    """The run is killed then, and goes on at once, with a snapshot or without one."""
    world = World(build(TICKS), tmp_path, [], every=every)

    def set_once() -> None:
        clock.ahead = ahead

    world.synced = set_once
    before = world.start(at=14)
    assert 3 <= len(world.outputs) < 8 and before.kernel.epoch - world.epoch == pytest.approx(ahead, abs=HOUR / 60)
    killed = before.kernel.now
    made = world.start()
    assert 0 < made.kernel.now - killed < HOUR / 2
    assert [value for _, value in world.outputs.values()] == list(range(1, 9))
    assert made.kernel.epoch == before.kernel.epoch


def test_a_replay_has_the_clock_that_the_run_had(tmp_path: Path, clock: Clock) -> None:
    world = World(
        build(TICKS.replace("n: int", "n: time").replace("<- k", "<- now()").replace("<- 0", "<- now()")), tmp_path, []
    )
    world.synced = lambda: setattr(clock, "ahead", 2 * HOUR)
    world.start()
    found: list[Any] = []
    kernel = Kernel(Unit(world.bundle), 1, world.epoch)
    replay(
        kernel, load(world.journal).events, lambda said: found.extend(e.value for e in said if isinstance(e, Output))
    )
    assert found == [value for _, value in world.outputs.values()] and found[-1].nanos - found[0].nanos > HOUR


def test_a_run_that_waits_for_long_sees_that_the_clock_was_set(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing wakes it meanwhile, as where the machine has slept."""
    monkeypatch.setattr("cogc.run.session.LOOK", 0.01)
    sleeps = Session._set_by.fget
    assert sleeps is not None
    looks = 0

    def look(session: Session) -> int:
        nonlocal looks
        looks += 1
        if looks == 5:
            clock.ahead = 20 * 24 * HOUR
        return sleeps(session)

    monkeypatch.setattr(Session, "_set_by", property(look))
    world = World(build(DAILY.replace("at <- now() }", "at <- now()\n stop self }")), tmp_path, [])
    world.start()
    assert len(world.outputs) == 1
    assert [e[2] for e in load(world.journal).events].count("clock") == 1
