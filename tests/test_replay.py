"""Replays: whether the kernel follows the journal in one go or is looked at between two steps, and where a recorded run fails."""

from __future__ import annotations

import io
from random import Random
from typing import Any

import pytest

from cogc.ir import Bundle
from cogc.kernel import machine
from cogc.kernel.effects import Call, Effect, Output
from cogc.kernel.machine import Kernel
from cogc.kernel.picking import PickingKernel
from cogc.kernel.priorities import Priorities
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.journal import Event, Journal, load
from cogc.run.replay import Divergence, replay
from support.specs import build

SYSTEM = """
program ask(x: int) -> int = shell ["false"]
coglet Source { listen go: int
  transmit x: int
  on go as n { for i in range(n) { x <- i } } }
coglet Slow { listen x: int { capacity: 4 }
  transmit y: int
  on x as v when v % 3 != 0 { y <- v }
  on x as v debounce 1s { y <- 100 + v } }
coglet Asker { listen x: int
  transmit y: int
  on x as v when v % 4 == 1 { y <- 1000 + ask(v) } else as e { y <- 0 - v } }
coglet Main { listen go: int
  listen break: int
  transmit out: int
  state heard: int = 0
  create a = Source { restart: on_error, backoff: 1s }
  create b = Slow
  create c = Asker
  every 2s { out <- heard }
  link self.go -> a.go
  link a.x -> b.x
  link a.x -> c.x
  link b.y -> self.out
  on c.y as v { heard = heard + 1
    out <- v }
  on break as n { fail "broken {{ n }}" } }
"""


def _made(unit: Unit, traced: bool, picked: bool) -> Kernel:
    return PickingKernel(unit, traced=traced, pick=Priorities(7)) if picked else Kernel(unit, traced=traced)


def _recorded(bundle: Bundle, seed: int, picked: bool) -> tuple[list[Event], list[Any], Kernel]:
    """Return the journal of a run in which events come at any step, its outputs, and its kernel."""
    chance, file = Random(seed), io.BytesIO()
    kernel, journal = (
        _made(Unit(bundle), True, picked),
        Journal(file, {"run": "r", "seed": 0, "epoch": 0, "program": ""}),
    )
    journal.event(kernel, "start", {}, [])
    kernel.start({})
    calls: list[int] = []
    outputs: list[Any] = []

    def carry_out() -> None:
        effects, kernel.effects = kernel.effects, []
        for effect in effects:
            if isinstance(effect, Call):
                journal.call(kernel, effect)
                calls.append(effect.id)
            elif isinstance(effect, Output):
                outputs.append((effect.channel, effect.value))

    for _ in range(60):
        kernel.run(chance.choice([1 << 30, 0, 1, 2, 7]))
        carry_out()
        if kernel.ended:
            break
        match chance.choice(["input", "input", "time", "result", "break"]):
            case "result" if calls:
                call = calls.pop(chance.randrange(len(calls)))
                value = chance.choice([7, Failure("exit", "no")])
                journal.event(kernel, "result", call, value)
                kernel.result(call, value)
            case "time":
                due = kernel.timers.next()
                if not kernel.busy and due is not None:
                    kernel.advance(due)
                    journal.event(kernel, "time")
            case "break" if chance.random() < 0.05:
                journal.event(kernel, "input", "break", 1)
                kernel.input("break", 1)
            case _:
                size = chance.randrange(9)
                journal.event(kernel, "input", "go", size)
                kernel.input("go", size)
    kernel.run()
    carry_out()
    journal.flush()
    return load(file.getvalue()).events, outputs, kernel


def _replayed(
    bundle: Bundle, events: list[Event], traced: bool, looked_at: bool, picked: bool
) -> tuple[list[Any], Kernel]:
    kernel = _made(Unit(bundle), traced, picked)
    outputs: list[Any] = []

    def taken(effects: list[Effect]) -> None:
        outputs.extend((e.channel, e.value) for e in effects if isinstance(e, Output))

    replay(kernel, events, taken, goes_on=True, look=(lambda _due: None) if looked_at else None)
    kernel.run()
    taken(kernel.effects)
    return outputs, kernel


@pytest.mark.parametrize("picked", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_a_replay_is_the_run_again_whether_or_not_it_is_looked_at(seed: int, picked: bool) -> None:
    bundle = build(SYSTEM, "Main")
    events, outputs, kernel = _recorded(bundle, seed, picked)
    assert kernel.trace is not None and kernel.steps > 20
    trace = kernel.trace.take()
    for traced in (False, True):
        for looked_at in (False, True):
            found, again = _replayed(bundle, events, traced, looked_at, picked)
            assert (found, again.steps, again.now, again.ended) == (outputs, kernel.steps, kernel.now, kernel.ended)
            assert again.losses.letters == kernel.losses.letters
            if again.trace is not None:
                assert again.trace.take() == trace


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_replay_fails_for_too_many_messages_at_the_step_of_the_run(
    looked_at: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "MOST_WAITING", 5000)
    bundle = build("coglet Main { listen go: int\n state sum: int = 0\n on go as v { sum = sum + v } }", "Main")
    events: list[Event] = [[0, 0, "start", {}, []]] + [[0, 0, "input", "go", 1]] * (machine.BLOCK + 5001)
    _, kernel = _replayed(bundle, events, False, looked_at, False)
    assert (kernel.steps, kernel.ended) == (machine.BLOCK, "failed")


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_pause_in_a_replay_loses_no_step(looked_at: bool) -> None:
    bundle = build(SYSTEM, "Main")
    events: list[Event] = [[0, 0, "start", {}, []], [0, 0, "input", "go", 5], [9, 0, "input", "go", 3]]
    _, whole = _replayed(bundle, events, True, False, False)
    kernel = Kernel(Unit(bundle), traced=True)
    steps: list[int] = []

    def entered(_record: int, *_data: object) -> None:
        steps.append(kernel.steps)
        kernel.pause()

    replay(kernel, events, goes_on=True, entered=entered, look=(lambda _due: None) if looked_at else None)
    while kernel.busy:
        kernel.run()
    assert steps == [0, 9] and kernel.trace is not None and whole.trace is not None
    assert kernel.trace.take() == whole.trace.take()


def test_a_replay_that_is_refused_leaves_the_door() -> None:
    kernel = Kernel(Unit(build(SYSTEM, "Main")))
    events: list[Event] = [[0, 0, "start", {}, []], [0, 0, "input", "go", 2], [3, 0, "input", "go", "x"]]
    with pytest.raises(Divergence, match="line 4: a input that was taken is refused"):
        replay(kernel, events, goes_on=True)
    assert kernel.steps == 3 and not kernel.door.outer
