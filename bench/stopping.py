"""How long a run takes to end after a signal, while it is busy, and what it costs a run to look at the clock and for signals."""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import trio

from bench.common import ROUNDS, alternate, bundle, cpu, row
from bench.messages import CHAIN
from cogc.kernel.unit import Unit
from cogc.run.build import build
from cogc.run.options import RunOptions
from cogc.run.session import Session
from cogc.run.settings import Settings

GOAL = 0.2
"""Seconds from a signal to the end of the process."""
COSTS = 1.03
"""How much longer a chain of messages may take for these looks."""
MESSAGES = 60_000
ENDLESS = """
coglet P { listen i: int
  transmit o: int
  on i as v { %s
    o <- v + 1 } }
coglet Main { transmit begun: int
  create a = P
  create b = P
  link a.o -> b.i
  link b.o -> a.i { feedback: true }
  on start { begun <- 1
    a.i <- 1 }
  on stop { log info "bye" } }
"""
LOOP = """
program loop() -> int = python "loop:loop" { timeout: 500s }
coglet Main { transmit begun: int
  transmit out: int
  on start { begun <- 1
    out <- loop() }
  on stop { log info "bye" } }
"""
PYTHON = "async def loop():\n    while True:\n        pass\n"
STEP = "let n = len([q for q in range(%d)])"
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "messages without end": (ENDLESS % "", ()),
    "messages without end, --sim": (ENDLESS % "", ("--sim",)),
    "messages without end, --trace": (ENDLESS % "", ("--trace=t.jsonl",)),
    "steps of 10,000 units each": (ENDLESS % (STEP % 10_000), ()),
    "steps of 900,000 units each": (ENDLESS % (STEP % 900_000), ()),
    "a loop in async Python": (LOOP, ()),
}


def _stop(folder: Path, text: str, words: tuple[str, ...]) -> float:
    """Start a run, let it be busy, and return the seconds from a signal to its end in good order."""
    (folder / "x.cog").write_text(text)
    (folder / "loop.py").write_text(PYTHON)
    command = [sys.executable, "-m", "cogc", "run", "x.cog", *words]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path.cwd())},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.3)  # it is in the middle of its work
        began = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[1]
        took = time.perf_counter() - began
    assert process.returncode == 128 + signal.SIGTERM and "bye" in said, said
    return took


class Blind(Session):
    """A run that looks at nothing while its kernel has messages: no clock, no signals, no stretches."""

    async def _stretch(self) -> None:
        self.kernel.run()


def _chain(kind: type[Session], unit: Unit) -> float:
    """Return the seconds of CPU that a run takes for a chain of messages."""
    options = RunOptions(sim=True, signals=kind is Session, inputs=[("go", MESSAGES)])
    made = build(kind, unit, options, Settings("."))
    return cpu(lambda: trio.run(made.run))


def main() -> None:
    unit = Unit(bundle(CHAIN % ("", "")))
    looking, blind = alternate(ROUNDS * 3, lambda: _chain(Session, unit), lambda: _chain(Blind, unit))
    each = f"{looking / MESSAGES * 1e9:.0f} ns"
    row("a chain that looks up for signals and clock", each, looking / blind, "one that does not", COSTS)
    for what, (text, words) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            took = sorted(_stop(Path(folder), text, words) for _ in range(ROUNDS * 2))
        middle = statistics.median(took)
        row(f"stop: {what}", f"{middle * 1e3:.0f} ms", middle / GOAL, "200 ms", 1)
        print(f"{'':<44} {'':>14}   the slowest of {len(took)}: {took[-1] * 1e3:.0f} ms")
