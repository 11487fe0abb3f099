"""The cost of durable runs: beside runs that are not, replays and resumes, bytes and syncs."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from pathlib import Path

import trio

from bench.common import ROUNDS, alternate, bundle, row
from bench.messages import CHAIN
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.journal import VERSION, Journal, load, replay
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings

CALLS = """
program f(x: int) -> int = python "steps:f"
coglet Main { listen go: int
  state sum: int = 0
  on go as n { for i in range(n) { sum = sum + f(i) } } }
"""
HEAD: dict[str, object] = {"run": "r", "seed": 0, "order": 0, "epoch": 1, "program": "", "version": VERSION}
STEPS = 1_000_000
"""The messages after which a run is resumed."""


class _File:
    """A journal in a file of its own, and how often it was synced."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.file = open(Path(self.folder.name) / "journal.jsonl", "wb", buffering=0)  # noqa: SIM115 - closed by `close`
        self.syncs = 0

    def sync(self) -> None:
        self.syncs += 1
        os.fdatasync(self.file.fileno())

    def close(self) -> int:
        """Close and remove the file; return its size."""
        size = self.file.tell()
        self.file.close()
        self.folder.cleanup()
        return size


def _run(unit: Unit, inputs: list[tuple[str, int]], file: _File | None) -> tuple[float, Session]:
    """Run a program to its end; return the seconds that it took."""
    sinks = Sinks() if file is None else Sinks(journal=Journal(file.file, HEAD), sync=file.sync)
    options = RunOptions(inputs=inputs, run="r", signals=False)
    session = build_session(unit, options, Settings(), sinks)
    began = time.perf_counter()
    trio.run(session.run)
    return time.perf_counter() - began, session


def _durable(unit: Unit, inputs: list[tuple[str, int]]) -> tuple[float, int, int]:
    """Run a program to its end durably; return the seconds, the bytes, and the syncs."""
    file = _File()
    took, _ = _run(unit, inputs, file)
    syncs = file.syncs
    return took, file.close(), syncs


def _chain() -> None:
    unit, inputs = Unit(bundle(CHAIN % ("", ""))), [("go", 50)] * 500
    plain, durable = alternate(ROUNDS, lambda: _run(unit, inputs, None)[0], lambda: _durable(unit, inputs)[0])
    row("a chain of 50,000 messages, durable", f"{durable * 1e3:.0f} ms", durable / plain, "not durable", 1.3)


def _calls(count: int = 300) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("steps.py").write_text("async def f(x):\n    return x\n")
        unit = Unit(bundle(CALLS))
        plain, _ = _run(unit, [("go", count)], None)
        took, size, syncs = _durable(unit, [("go", count)])
    row("a call in a row of calls, durable", f"{took / count * 1e3:.2f} ms", took / plain, "not durable", None)
    print(
        f"{'':<44} {'':>14}   {size / count:.0f} bytes a call, {syncs / count:.2f} syncs a call, {syncs / took:.0f} syncs a second"
    )


def _journal(inputs: int, size: int) -> tuple[bytes, Unit]:
    """Return the journal of a run that was killed after some inputs, each of so many messages."""
    unit, file = Unit(bundle(CHAIN % ("", ""))), io.BytesIO()
    kernel, journal = Kernel(unit), Journal(file, HEAD)
    journal.event(kernel, "start", {}, [])
    kernel.start({})
    for i in range(inputs):
        kernel.run()
        journal.event(kernel, "input", "go", size)
        kernel.input("go", size)
        if i % 500 == 0:
            journal.flush()
    journal.flush()
    return file.getvalue(), unit


def _resumed(inputs: int, size: int) -> tuple[float, float, int, int]:
    """Return the seconds to read a journal and to replay it, the messages, and the bytes."""
    data, unit = _journal(inputs, size)
    began = time.process_time()
    recording = load(data)
    read, kernel = time.process_time(), Kernel(unit)
    replay(kernel, recording.events, goes_on=True)
    kernel.run()
    return read - began, time.process_time() - read, kernel.steps, len(data)


def main() -> None:
    _chain()
    _calls()
    read, played, steps, _ = _resumed(STEPS // 101, 50)
    row(f"resume after {steps:,} messages in stretches", f"{read + played:.2f} s", (read + played) / 3, "3 s", 1)
    read, played, steps, size = _resumed(100_000, 1)
    row("read a journal, an event", f"{read * 10:.2f} us", read * 10 / 2, "2 us", None)
    row("replay, an event that sets off four messages", f"{played * 10:.2f} us", played * 10 / 4, "4 us", None)
    print(f"{'':<44} {'':>14}   {size / 100_000:.0f} bytes an event")
