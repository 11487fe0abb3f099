"""Steps that are cut short, by the end of the run or by a timeout: a replay cuts them short at the same places."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cogc.kernel.effects import Output
from cogc.kernel.machine import BLOCK, Kernel
from cogc.kernel.priorities import ordered
from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.build import build_session
from cogc.run.replay import Divergence, replay
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from support.sessions import finished, session
from support.sim import Sim
from support.specs import build

LONG = "len([1 for p in range(1000) if len([q for q in range(1000)]) > p])"
GIVEN_UP = {
    "on start": "on start { for i in range(1000) { o <- i * %s } }",
    "message": "on start { self.x <- 1\n self.x <- 2 }\n on x as v { for i in range(1000) { o <- i * %s } }",
    "timer": "every 1ms { for i in range(1000) { o <- i * %s } }",
    "answer": "on start { self.x <- 1 }\n on x as v { let a = f()\n for i in range(1000) { o <- i * %s } }",
    "command that waits": "enact go { let a = f()\n for i in range(1000) { o <- i * %s } }\n on start { guide self.go() }",
    "command": "enact go { for i in range(1000) { o <- i * %s } }\n on start { guide self.go() }",
}
LATE = "on start { self.x <- 1\n self.x <- 2 }\n on x as v timeout 30ms { for i in range(1000) { o <- i * %s } } else as e { o <- len(e.kind) }"
LATE_HOOK = "on start timeout 30ms { for i in range(1000) { o <- i * %s } } else as e { o <- len(e.kind) }"


RUN: dict[str, Any] = {"run": "r", "seed": 1, "epoch": 5, "keep": None}
LATE_BLOCK = """on go as n { for i in range(n) { self.x <- i } }
  on x as v timeout 3ms {
    if v > 4060 { o <- len([q for q in range(5000)]) }
    if v == 4096 { o <- len([q for q in range(50000)]) }
  } else as e { o <- len(e.kind) }"""
"""A step that is late a few messages behind `BLOCK`, in a portion in which steps have looked up before `BLOCK`."""


def main(body: str) -> str:
    program = 'program f() -> int = shell ["echo", "1"] { output: json }\n'
    return program + "coglet Main { listen x: int\n transmit o: int\n %s\n on stop { log info 1 } }" % (body % LONG)


def begun(text: str, order: int = 0, **more: Any) -> Session:
    """Return a session whose time is over when its steps have looked up twenty times."""
    made = build_session(Unit(build(text)), RunOptions(**RUN, kernel=ordered(order)), Settings(), Sinks(**more))
    looks, poll = count(), made.kernel.door.poll
    assert poll is not None

    def look() -> int | None:
        if next(looks) == 20:
            made.options.stop_at = made.now() - 1
        return poll()

    made.kernel.door.poll = look
    return made


def recorded(text: str, folder: Path, ends: bool, order: int = 0) -> tuple[bytes, int]:
    """Record a run, one that `ends` in the middle of its work or one that goes on; return its trace, and the number of steps that
    were cut short. Its events come in the order of a seed."""
    head = {"run": "r", "seed": 1, "epoch": 5, "program": ""}
    with (folder / "j").open("wb") as file, (folder / "t").open("wb") as trace:
        writer, kept = TraceWriter(trace), journal.Journal(file, head)
        if ends:
            finished(begun(text, order, trace=writer, journal=kept))
        else:
            session(build(text), journal=kept, trace=writer, **RUN, kernel=ordered(order))
        writer.flush()
    return (folder / "t").read_bytes(), sum(e[2] == "cut" for e in journal.read(folder / "j")[1])


def replayed(text: str, folder: Path, order: int = 0) -> bytes:
    """Return the trace of a replay."""
    _, events = journal.read(folder / "j")
    kernel = ordered(order)(Unit(build(text)), 1, 5, True, "r")
    with (folder / "u").open("wb") as trace:
        writer = TraceWriter(trace)
        assert kernel.trace is not None
        replay(kernel, events, lambda _: writer.write(kernel.trace.take()))
        writer.flush()
    return (folder / "u").read_bytes()


@pytest.mark.parametrize("order", [0, 4])
@pytest.mark.parametrize("body", GIVEN_UP.values(), ids=GIVEN_UP)
def test_a_replay_gives_a_step_up_where_the_run_did(body: str, order: int, tmp_path: Path) -> None:
    first, cuts = recorded(main(body), tmp_path, True, order)
    assert cuts >= 1 and replayed(main(body), tmp_path, order) == first


@pytest.mark.parametrize("wait", ["", "let a = f()\n"])
def test_a_command_that_is_given_up_is_one_dead_letter(wait: str) -> None:
    text = main(
        "enact go { WAIT let n = [i * %s for i in range(1000)]\n o <- 1 }\n on start { guide self.go() }".replace(
            "WAIT", wait
        )
    )
    made = finished(begun(text))
    assert made.kernel.dead_letters == 1 and made.outputs == {}


@pytest.mark.parametrize("order", [0, 4])
@pytest.mark.parametrize("body", [LATE, LATE_HOOK])
def test_a_replay_fails_a_late_step_where_the_run_did(body: str, order: int, tmp_path: Path) -> None:
    first, cuts = recorded(main(body), tmp_path, False, order)
    assert cuts >= 1 and replayed(main(body), tmp_path, order) == first


@pytest.mark.parametrize("order", [0, 4])
def test_the_place_of_a_cut_is_counted_from_the_begin_of_its_portion(order: int, tmp_path: Path) -> None:
    text = f"coglet Main {{ listen go: int\n listen x: int\n transmit o: int\n {LATE_BLOCK} }}"
    with (tmp_path / "j").open("wb") as file:
        kept = journal.Journal(file, {"run": "r", "seed": 1, "epoch": 5, "program": ""})
        options = RunOptions(**RUN, kernel=ordered(order), inputs=[("go", BLOCK + 10)])
        made = build_session(Unit(build(text)), options, Settings(), Sinks(journal=kept))
        made.kernel.door.poll = count(0, 10**6).__next__  # a millisecond from one look to the next
        assert finished(made).outcome == "done"
    _, events = journal.read(tmp_path / "j")
    cuts = [e for e in events if e[2] == "cut"]
    assert [e[3] for e in cuts] == ["late"] and cuts[0][0] == cuts[0][5] < BLOCK < made.kernel.steps
    again = ordered(order)(Unit(build(text)), 1, 5, False, "r")
    sent: list[object] = []
    replay(again, events, sent.extend)
    values = [effect.value for effect in sent if isinstance(effect, Output)]
    assert values.count(len("timeout")) == 1 and again.steps == made.kernel.steps


def test_a_replay_that_goes_on_where_a_step_was_cut_short_departs(tmp_path: Path) -> None:
    recorded(main(LATE_HOOK), tmp_path, ends=False)
    _, events = journal.read(tmp_path / "j")
    other = build(main(LATE_HOOK).replace("range(1000)", "range(1)"))
    with pytest.raises(Divergence, match="a step ends that was late when it was recorded"):
        replay(Kernel(Unit(other)), events)


def test_the_time_of_a_reaction_begins_with_the_reaction() -> None:
    """A hundred messages come at one instant; each takes a few looks at a clock, on which all of them take longer than the timeout."""
    text = """coglet Main { listen x: int
      listen go: int
      transmit o: string
      on x as v timeout 100ms { let n = len([q for q in range(10000)])
        o <- "done" } else as e { o <- e.kind }
      on go as g { for i in range(g) { self.x <- i } } }"""
    sim = Sim(text, "Main")
    sim.kernel.door.poll = count(0, 10_000_000).__next__
    assert sim.send("go", 100).sent("o") == ["done"] * 100
