"""How a run stops: signals in any state of the run, turns for other tasks, and what SIGQUIT shows."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio

from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.dump import describe
from cogc.run.session import LONGEST, PORTION, RunOptions
from cogc.run.settings import Settings
from cogc.run.stopping import heeded
from support.paths import ROOT
from support.processes import threads
from support.sim import Sim
from support.specs import build
from support.waiting import DEADLINE, wait_for

CHATTER = """
coglet P { listen i: int
  transmit o: int
  on i as v { o <- v + 1 } }
coglet Main { transmit begun: int
  create a = P
  create b = P
  link a.o -> b.i
  link b.o -> a.i { feedback: true }
  on start { begun <- 1
    a.i <- 1 }
  on stop { log info "bye" } }
"""
CLOCKED = """
coglet Main { transmit begun: int
  state i: int = 0
  every 1s { i = i + 1
    begun <- i }
  on stop { log info "bye" } }
"""
ASLEEP = """
program later() -> int = python "later:f" { timeout: 500s }
coglet Main { transmit begun: int
  transmit out: int
  listen x: int
  on x as v { out <- later() }
  on start { begun <- 1
    self.x <- 1
    self.x <- 2
    self.x <- 3 }
  on stop { log info "bye" } }
"""
STUCK = """
program stuck() -> int = python "stuck:f" { timeout: 500s }
coglet Main { transmit begun: int
  transmit out: int
  on start { begun <- 1
    out <- stuck() } }
"""
BUSY = """
program busy() -> int = python "busy:NAME" { timeout: LIMIT }
coglet Main { transmit begun: int
  transmit out: int
  listen x: int
  on x as v timeout BOUND { out <- busy() } else as e { log info "failed: {{ e.message }}" }
  on start { begun <- 1
    self.x <- 1
    self.x <- 2 }
  on stop { log info "bye" } }
"""
METHOD = """
coglet Busy = python "busy:Busy" { listen x: int }
coglet Main { transmit begun: int
  create b = Busy
  on start { begun <- 1
    b.x <- 1 }
  on stop { log info "bye" } }
"""
FILES = {
    "later.py": "import trio\nfrom pathlib import Path\n\nasync def f():\n    Path('asleep').touch()\n    await trio.sleep_forever()\n",
    "stuck.py": """import signal
from pathlib import Path

async def f():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGURG})  # nothing interrupts this code, as if it were C
    Path('stuck').touch()
    while True:
        pass
""",
    "busy.py": """import json
import time
from pathlib import Path
import trio
from cogc.sdk import Coglet, listen

async def plain():
    Path('busy').touch()
    while True:
        json.dumps(['x'] * 100)

async def child():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(plain)
        await trio.sleep_forever()

async def asleep():
    Path('busy').touch()
    time.sleep(500)

async def turned():
    try:
        await plain()
    except BaseException as error:
        raise ValueError('x') from error

class Busy(Coglet):
    @listen('x')
    def take(self, x: int) -> None:
        Path('busy').touch()
        while True:
            pass
""",
}
WORDS = """
coglet Source { listen go: int
  transmit x: int
  on go as n { for i in range(n) { x <- i } } }
coglet Sink { listen x: int
  transmit y: int
  on x as v { for i in range(WORDS) { y <- i } } }
coglet Main { listen go: int
  transmit out: int
  create a = Source
  create b = Sink
  link self.go -> a.go
  link a.x -> b.x
  link b.y -> self.out }
"""
BUSY_WAYS = ("plain", "child", "asleep", "turned")
ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(autouse=True)
def _signals_as_usual() -> Iterator[None]:
    """Runs that a test starts take signals, even where the tests themselves are started with some ignored (`nohup`, `&`)."""
    before = {
        number: signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        for number in ENDS
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def begin(folder: Path, text: str, *words: str) -> subprocess.Popen[str]:
    """Start a run in a folder of its own, and wait until it says that it has begun."""
    (folder / "x.cog").write_text(text)
    for name, code in FILES.items():
        (folder / name).write_text(code)
    command = [sys.executable, "-m", "cogc", "run", "x.cog", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun: 1\n"
    return process


@pytest.mark.parametrize("number", list(ENDS), ids=lambda n: n.name)
@pytest.mark.parametrize("text, words", [(CHATTER, ()), (CHATTER, ("--sim",)), (CLOCKED, ("--sim",)), (ASLEEP, ())])
def test_a_signal_stops_a_run_in_good_order(
    tmp_path: Path, text: str, words: tuple[str, ...], number: signal.Signals
) -> None:
    process = begin(tmp_path, text, *words)
    process.send_signal(number)
    said = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == ENDS[number] and "bye" in said and "Traceback" not in said


@pytest.mark.parametrize("number", list(ENDS), ids=lambda n: n.name)
def test_a_second_signal_ends_a_run_that_never_gives_way(tmp_path: Path, number: signal.Signals) -> None:
    process = begin(tmp_path, STUCK)
    wait_for((tmp_path / "stuck").exists)
    before = threads(process.pid)
    process.send_signal(number)
    wait_for(lambda: threads(process.pid) > before)  # two signals of one kind that come together are one
    process.send_signal(number)
    said = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == ENDS[number] and said.endswith("did not give way\n")


def busy(name: str, limit: str = "500s", bound: str = "500s") -> str:
    return BUSY.replace("NAME", name).replace("LIMIT", limit).replace("BOUND", bound)


@pytest.mark.parametrize("text", [*map(busy, BUSY_WAYS), METHOD], ids=[*BUSY_WAYS, "method"])
def test_a_signal_interrupts_code_that_holds_the_thread_of_the_run(tmp_path: Path, text: str) -> None:
    process = begin(tmp_path, text)
    wait_for((tmp_path / "busy").exists)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == ENDS[signal.SIGTERM] and "bye" in said, said
    assert "failed" not in said and "give way" not in said and "Traceback" not in said


@pytest.mark.parametrize("name", BUSY_WAYS)
def test_the_timeout_of_a_program_interrupts_code_that_holds_the_thread(tmp_path: Path, name: str) -> None:
    said = begin(tmp_path, busy(name, limit="200ms")).communicate(timeout=DEADLINE)[1]
    late = "failed: program `busy` took longer than 0.2s, in which it never gave way to the rest of the run\n"
    assert said.count(late) == 2 and "bye" in said


def test_the_timeout_of_a_reaction_interrupts_code_that_holds_the_thread(tmp_path: Path) -> None:
    said = begin(tmp_path, busy("plain", bound="200ms")).communicate(timeout=DEADLINE)[1]
    assert said.count("failed: `on x` took longer than its timeout\n") == 2 and "bye" in said


def test_the_end_of_the_time_interrupts_code_that_holds_the_thread(tmp_path: Path) -> None:
    process = begin(tmp_path, busy("plain"), "--for", "300ms")
    assert "bye" in process.communicate(timeout=DEADLINE)[1] and process.returncode == 0


@pytest.mark.campaign
def test_a_signal_ends_a_run_by_itself_whose_code_nothing_interrupts(tmp_path: Path) -> None:
    process = begin(tmp_path, STUCK)
    wait_for((tmp_path / "stuck").exists)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == ENDS[signal.SIGTERM] and said.endswith("did not give way\n")


def test_a_hang_up_that_was_ignored_at_the_start_stays_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = begin(tmp_path, ASLEEP)
    finally:
        signal.signal(signal.SIGHUP, before)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == ENDS[signal.SIGTERM]


def test_sigquit_shows_what_every_coglet_is_doing_and_the_run_goes_on(tmp_path: Path) -> None:
    process = begin(tmp_path, ASLEEP)
    assert process.stderr is not None
    wait_for((tmp_path / "asleep").exists)
    process.send_signal(signal.SIGQUIT)
    first = next(line for line in process.stderr if line.startswith("cogc: after "))
    said = [first, *(process.stderr.readline().strip() for _ in range(3))]
    assert "1 call is under way" in said[0] and said[1] == "Main busy"
    assert "`on x` waits for program `later` (call 1, " in said[2] and said[3] == "inbox `x`: 2 of 64"
    process.send_signal(signal.SIGINT)
    assert "bye" in process.communicate(timeout=DEADLINE)[1] and process.returncode == 130


def test_a_hang_up_that_is_ignored_is_not_heeded() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert heeded() == [signal.SIGINT, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_a_hook_waits_for_is_shown() -> None:
    made = Sim(
        """
        program w() -> int = shell ["true"]
        coglet W {
          on start { let a = w() }
          on stop { let a = w() }
        }
        coglet Main {
          listen go: int
          create c = W
          on go { stop self }
          on error(c) { let a = w() }
        }
        """
    )
    kernel = made.kernel
    assert "  Main/c starting\n    `on start` waits for call 1\n" in describe(kernel, {}, 0)
    made.answer(1)
    made.send("go", 1)
    assert "  Main/c stopping\n    `on stop` waits for call 2\n" in describe(kernel, {}, 0)


@pytest.mark.parametrize("text, sim", [(CHATTER, False), (CHATTER, True), (CLOCKED, True)])
def test_other_tasks_have_their_turn_while_a_run_is_never_idle(text: str, sim: bool) -> None:
    made = build_session(Unit(build(text)), RunOptions(sim=sim, keep=frozenset({"begun"})), Settings())

    async def main() -> None:
        with trio.fail_after(DEADLINE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(made.run)
                while not made.outputs:  # the turns themselves are what is tested
                    await trio.lowlevel.checkpoint()
                made.stop()

    trio.run(main)
    assert made.outcome == "done" and made.kernel.ended == "stopped"


def test_a_pause_ends_a_stretch_between_two_messages() -> None:
    made = build_session(Unit(build(CHATTER)), RunOptions(), Settings())
    made.kernel.start({})
    made.kernel.pause()
    assert made.kernel.run(500) == 0 and made.kernel.busy
    assert made.kernel.run(500) == 500


def _portions(words: int, sim: bool, step: float, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many messages a run lets its kernel take between two looks at a clock that goes on by so many seconds with each look."""
    clock, asked, plain = count(), [], Kernel.run

    def run(kernel: Kernel, most: int = 1 << 60) -> int:
        asked.append(most)
        return plain(kernel, most)

    monkeypatch.setattr(Kernel, "run", run)
    monkeypatch.setattr(
        "cogc.run.session.time", SimpleNamespace(monotonic=lambda: next(clock) * step, monotonic_ns=int, time_ns=int)
    )
    options = RunOptions(sim=sim, signals=False, inputs=[("go", 1500)], keep=None)
    made = build_session(Unit(build(WORDS.replace("WORDS", str(words)), "Main")), options, Settings())
    trio.run(made.run)
    assert made.kernel.outputs == 1500 * words
    monkeypatch.undo()
    return asked


@pytest.mark.parametrize(
    ("words", "sim", "step", "most"),
    [
        pytest.param(0, False, 0.0001, LONGEST, id="quick"),
        pytest.param(0, False, 0.002, PORTION, id="slow"),
        pytest.param(0, True, 0.002, LONGEST, id="simulated"),
        pytest.param(50, True, 0.0001, PORTION, id="many effects"),
    ],
)
def test_a_run_looks_at_its_clock_as_often_as_its_messages_take_long_or_leave_effects(
    words: int, sim: bool, step: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _portions(words, sim, step, monkeypatch)
    assert max(asked) == most and asked[0] == PORTION
    if sim:
        assert _portions(words, sim, step * 50, monkeypatch) == asked  # nothing follows from real time
