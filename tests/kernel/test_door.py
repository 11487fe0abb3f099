"""The door of a kernel: steps that are given up, whichever event leads to them, and the count of each step's work."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from cogc.diagnostics.problems import Problems
from cogc.kernel import machine
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language import meter
from cogc.language.values import Failure
from cogc.run.build import build_session
from cogc.run.expressions import until
from cogc.run.session import RunOptions
from cogc.run.settings import Settings
from support.sessions import finished, session
from support.sim import Sim
from support.specs import build

LOOP = "len([1 for p in range(1000) if len([q for q in range(1000)]) > 0])"
"""An expression of a million units of work."""


def idle() -> bool:
    """Return whether the meter looks up to no kernel."""
    return meter.METER.look is meter.Meter().look


def ending() -> None:
    """Poll for a run that is to end."""


@pytest.mark.parametrize("ends", ["", "o <- 1"])
def test_a_reaction_that_goes_on_after_a_wait_is_given_up_and_counted_once(ends: str) -> None:
    text = """
    program ask(x: int) -> int = shell ["false"]
    coglet Main { listen a: int
      transmit o: int
      on a as x { let y = ask(x)
        o <- %s + y
        %s } }
    """
    sim = Sim(text % (LOOP, ends), "Main")
    sim.send("a", 1).kernel.door.poll = ending
    sim.answer(1)
    assert idle() and (sim.sent("o"), sim.kernel.ended, sim.kernel.dead_letters) == ([], None, 0)
    sim.kernel.door.poll = None
    sim.kernel.stop()
    sim.settle()
    assert (sim.kernel.ended, sim.kernel.dead_letters) == ("stopped", 1)


def test_a_reaction_that_waits_and_is_given_up_before_its_wait_is_counted_once() -> None:
    text = """
    program ask(x: int) -> int = shell ["false"]
    coglet Main { listen a: int
      transmit o: int
      on a as x { let y = %s
        o <- ask(x + y) } }
    """
    sim = Sim(text % LOOP, "Main")
    sim.kernel.door.poll = ending
    sim.send("a", 1).kernel.stop()
    sim.settle()
    assert (sim.kernel.ended, sim.kernel.dead_letters) == ("stopped", 1)


@pytest.mark.parametrize("body", [f"let y = {LOOP}\n o <- ask(x + y)", f"let y = ask(x)\n o <- y * {LOOP}"])
def test_a_step_that_is_given_up_hears_nothing_of_what_others_ask(body: str) -> None:
    program = 'program ask(x: int) -> int = shell ["false"]'
    sim = Sim(f"{program}\ncoglet Main {{ listen a: int\n transmit o: int\n on a as x {{ {body} }} }}", "Main")
    sim.kernel.keeps_courses = True
    if "ask(x)" in body:
        sim.send("a", 1)
        sim.kernel.door.poll = ending
        sim.answer(0)
    else:
        sim.kernel.door.poll = ending
        sim.send("a", 1)
    assert idle() and sim.kernel.telling is None


HOOKED = """
program ask(x: int) -> int = shell ["false"]
coglet C { listen a: int
  on a as x { fail "no" }
  on start { %s } }
coglet Main { listen a: int
  transmit o: int
  create c = C { restart: always, backoff: 1s }
  link self.a -> c.a
  on stop { %s } }
"""


def test_a_start_that_is_given_up_ends_in_order() -> None:
    kernel = Kernel(Unit(build(HOOKED % (f"log info {LOOP}", "log info 1"), "Main")))
    kernel.door.poll = ending
    kernel.start({})
    assert idle() and kernel.root is not None and kernel.ended is None
    kernel.door.poll = None
    kernel.stop()
    kernel.run()
    assert kernel.ended == "stopped"


def test_a_creation_that_is_given_up_leaves_no_root() -> None:
    text = f"coglet Main {{ state n: int = {LOOP}\n on stop {{ log info n }} }}"
    kernel = Kernel(Unit(build(text, "Main")))
    kernel.door.poll = ending
    kernel.start({})
    assert idle() and kernel.root is None
    kernel.stop()
    assert not kernel.busy and not kernel.effects


def test_a_restart_that_a_timer_begins_is_given_up() -> None:
    sim = Sim(HOOKED % (f"let n = ask(1)\n log info n * {LOOP}", "log info 1"), "Main")
    sim.answer(0).send("a", 1)
    assert not sim.calls
    sim.kernel.door.poll = ending
    sim.run(1).answer(0)
    assert idle() and sim.kernel.ended is None
    assert not sim.kernel.losses.letters["cancelled"]  # the hook has no message


def test_a_timer_that_is_given_up_does_not_escape_from_the_door() -> None:
    sim = Sim(HOOKED % (f"log info {LOOP}", "log info 1"), "Main")
    sim.send("a", 1).kernel.door.poll = ending
    sim.kernel.advance(10**9)
    assert idle() and len(sim.logs) == 1


def test_a_stop_that_is_given_up_does_not_escape_from_the_door() -> None:
    sim = Sim(HOOKED % ("log info 1", f"log info {LOOP}"), "Main")
    sim.kernel.door.poll = ending
    sim.kernel.stop()
    assert idle() and sim.kernel.ended is None


@pytest.mark.parametrize(
    ("name", "given"),
    [("start", [{}]), ("input", ["a", 1]), ("result", [1, 1]), ("progress", [1, {}]), ("advance", [1]), ("stop", [])],
)
def test_every_event_without_an_answer_is_given_up_silently(
    monkeypatch: pytest.MonkeyPatch, name: str, given: list[Any]
) -> None:
    sim = Sim("coglet Main { listen a: int\n on a as x { log info x }\n every 1s { log info 2 } }", "Main")
    work(monkeypatch)
    sim.kernel.door.poll = ending
    if name == "advance":
        given = [10**9]
    getattr(sim.kernel, name)(*given)
    assert idle()


@pytest.mark.parametrize(("name", "given"), [("reported", [1, "log", "info", 1]), ("steer", ["pause", "Main", {}])])
def test_an_event_that_has_an_answer_is_refused_if_it_is_given_up(
    monkeypatch: pytest.MonkeyPatch, name: str, given: list[Any]
) -> None:
    sim = Sim("coglet Main { listen a: int\n on a as x { log info x } }", "Main")
    work(monkeypatch)
    sim.kernel.door.poll = ending
    with pytest.raises(Failure, match="the run is ending"):
        getattr(sim.kernel, name)(*given)
    assert idle()


def work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let whatever an event leads to work for a long time."""

    def long(*_given: object) -> None:
        meter.spend(meter.WINDOW + 1)

    places = [
        (machine.creation, ("make_root",)),
        (machine.supervision, ("stop",)),
        (machine.requests, ("finish_call", "progress")),
        (machine.python, ("reported",)),
        (machine.steering, ("steer",)),
        (Kernel, ("push", "_fire")),
    ]
    for where, names in places:
        for name in names:
            monkeypatch.setattr(where, name, long)


def test_the_meter_looks_up_to_nobody_once_a_kernel_has_returned() -> None:
    sim = Sim("coglet Main { listen a: int\n transmit o: int\n on a as x { o <- x } }", "Main")
    sim.kernel.door.poll = ending
    assert sim.send("a", 1).sent("o") == [1]
    for _ in range(3):
        meter.spend(meter.WINDOW + 1)


# ---- a session -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["state n: int = %s", "on start { o <- %s }"])
def test_a_start_longer_than_the_run_ends_in_order(member: str) -> None:
    made = session(
        build("coglet Main { listen a: int\n transmit o: int\n %s }" % (member % LOOP), "Main"),
        inputs=[("a", 1)],
        stop_at=1,
    )
    assert (made.outcome, made.outputs) == ("done", {})


MAIN = "coglet Main { listen a: int\n transmit o: int\n on a as x { o <- %s }\n on stop { o <- %s } }"


def test_a_signal_ends_the_step_under_way() -> None:
    text = MAIN % (LOOP, LOOP)
    made = build_session(Unit(build(text, "Main")), RunOptions(inputs=[("a", 1)], keep=None), Settings())
    poll, sent = made.kernel.door.poll, []
    assert poll is not None

    def signalled() -> int | None:
        if not sent:
            sent.append(signal.raise_signal(signal.SIGINT))
        return poll()

    made.kernel.door.poll = signalled
    finished(made)
    assert (made.outcome, made.outputs, made.kernel.dead_letters) == ("interrupted", {"o": [1000]}, 1)


# ---- the count of work -------------------------------------------------------------------------------------------


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound a step by 50,000 units of work."""
    monkeypatch.setattr(meter, "MOST_WORK", 50_000)


WORK = "len([1 for p in range(10) if len([q for q in range(1000)]) > 0])"
"""An expression of some 20,000 units: a step may evaluate it twice."""


@pytest.mark.usefixtures("bounded")
def test_each_hook_each_command_and_each_reaction_has_a_count_of_its_own() -> None:
    text = """
    coglet C { transmit o: int
      enact go() { o <- %s }
      on start { o <- %s } }
    coglet Main { listen a: int
      transmit o: int
      create c = C * 4
      on c.o as n { o <- n }
      on a as x { guide c[0].go()
        guide c[0].go()
        guide c[0].go() }
      on a as x { o <- 2 * %s }
      on a as x { o <- 3 * %s }
      on a as x { o <- 4 * %s } }
    """
    sim = Sim(text % ((WORK,) * 5), "Main")
    assert sim.sent("o") == [10] * 4
    assert sorted(sim.send("a", 1).sent("o")[4:]) == [10, 10, 10, 20, 30, 40]
    assert sim.kernel.ended is None


@pytest.mark.usefixtures("bounded")
def test_a_reaction_goes_on_with_its_count_after_the_start_of_a_coglet_that_it_creates() -> None:
    text = """
    coglet C { transmit o: int
      on start { o <- %s } }
    coglet Main { listen a: int
      transmit o: any
      create c = C * 0..9
      on a as x { let m = %s
        for i in range(4) { create c() }
        o <- m + %s + %s } else as e { o <- e.kind } }
    """
    sim = Sim(text % ((WORK,) * 4), "Main")
    assert sim.send("a", 1).sent("o") == ["bound"] and sim.kernel.ended is None


@pytest.mark.usefixtures("bounded")
def test_each_evaluation_outside_of_a_run_has_a_count_of_its_own() -> None:
    bundle = build(
        "const n: int = %s\nconst m: int = %s + %s\ncoglet Main { transmit o: int\n on start { o <- n + m } }"
        % ((WORK,) * 3),
        "Main",
    )
    met = until(bundle, f"{WORK} > len(o)", Problems())
    assert met is not None and all(met({"o": []}) for _ in range(5))
    unit = Unit(bundle)
    assert [unit.evaluate(value) for value in bundle.consts.values()] == [10, 20]
