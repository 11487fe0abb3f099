"""The cost of durable runs: beside runs that are not, replays and resumes, bytes and syncs, and beside LangGraph and DBOS.

An *event* is what specs/durable.md calls one: a line of the journal, for what came in (a message, a result, a time, an order). It sets off
messages inside, which are no events and are not in the journal. A run with a door is traced; its replay counts the records of that trace.

COGC_PEERS names a Python that has the peers (`bench/durable_peers.py`); without it they are left out.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import trio

from bench.common import ROUNDS, alternate, bundle, row
from bench.durable_peers import WAYS
from bench.messages import CHAIN
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.instance import Instance
from cogc.run.journal import VERSION, Compaction, Journal, load
from cogc.run.replay import replay
from cogc.run.resume import resume
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings

CALLS = """
program f(x: int) -> int = python "steps:f" { effects: EFFECTS }
coglet Chain { listen go: int
  transmit done: int
  state sum: int = 0
  on go as n {
    for i in range(n) { sum = sum + f(i) }
    done <- sum
  } }
coglet Main { listen go: int
  transmit out: int
  create c = Chain * WIDE { map: broadcast }
  link self.go -> c.go
  link c.done -> self.out }
"""
STEPS_IN_A_ROW = """
coglet Step(first: int) { listen x: { n: int, total: int }
  transmit next: { n: int, total: int }
  transmit total: int
  on x as v {
    if v.n < first { next <- { n: v.n + 1, total: v.total + v.n } } else { total <- v.total }
  } }
coglet Main { listen go: int
  transmit total: int
  create step = Step(first: COUNT)
  on go { step.x <- { n: 0, total: 0 } }
  link step.next -> step.x { feedback: true }
  link step.total -> self.total }
"""
PLAN = """
program f(x: int) -> int = python "steps:f" { effects: EFFECTS }
plan Main { goal: "add"
  approve: system
LINES
}
"""
AGENT = """
model m = anthropic "m" { base_url: "http://127.0.0.1:PORT", api_key: env("COGC_BENCH_KEY") }
program echo(text: string) -> string = template "{{ text }}"
agent Main { model: m, system: "s", tools: [echo], max_turns: 50 }
"""
SINK = """
coglet Main { listen go: int
  state sum: int = 0
  on go as v { sum = sum + v } }
"""
PEERS = ((1, 100), (100, 5))
"""The workflows of the peers at once, and the steps of each."""
HEAD: dict[str, object] = {"run": "r", "seed": 0, "order": 0, "epoch": 1, "program": "", "version": VERSION}
INPUTS = int(os.environ.get("COGC_INPUTS", "200000"))
"""The messages from outside after which an instance goes on."""
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


def _run(unit: Unit, inputs: list[tuple[str, Any]], file: _File | None) -> tuple[float, Session]:
    """Run a program to its end; return the seconds that it took."""
    sinks = Sinks() if file is None else Sinks(journal=Journal(file.file, HEAD), sync=file.sync)
    options = RunOptions(inputs=inputs, run="r", signals=False)
    session = build_session(unit, options, Settings(), sinks)
    began = time.perf_counter()
    trio.run(session.run)
    return time.perf_counter() - began, session


def _durable(unit: Unit, inputs: list[tuple[str, Any]]) -> tuple[float, int, int]:
    """Run a program to its end durably; return the seconds, the bytes, and the syncs."""
    file = _File()
    took, _ = _run(unit, inputs, file)
    syncs = file.syncs
    return took, file.close(), syncs


def _chain() -> None:
    unit, inputs = Unit(bundle(CHAIN % ("", ""))), [("go", 50)] * 500
    plain, durable = alternate(ROUNDS, lambda: _run(unit, inputs, None)[0], lambda: _durable(unit, inputs)[0])
    row("a chain of 50,000 messages, durable", f"{durable * 1e3:.0f} ms", durable / plain, "not durable", 1.3)


def _calls_of(wide: int, effects: str) -> Unit:
    """Return chains of calls of a function in Python, side by side."""
    Path("steps.py").write_text("async def f(x):\n    return x\n")
    return Unit(bundle(CALLS.replace("WIDE", str(wide)).replace("EFFECTS", effects)))


def _disk(count: int = 200) -> float:
    """Return how often a second the disk syncs a file to which a line is added each time."""
    file = _File()
    began = time.perf_counter()
    for _ in range(count):
        file.file.write(b"x" * 300)
        file.sync()
    took = time.perf_counter() - began
    file.close()
    return count / took


def _calls() -> None:
    for wide, effects, count in ((1, "some", 300), (1, "none", 1000), (100, "some", 20), (100, "none", 20)):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            unit, disk = _calls_of(wide, effects), _disk()
            plain, _ = _run(unit, [("go", count)], None)
            took, size, syncs = _durable(unit, [("go", count)])
        steps = wide * count
        what = f"calls in {'a chain' if wide == 1 else f'{wide} chains'}, effects: {effects}"
        row(what, f"{steps / took:,.0f} a second", took / plain, "not durable", None)
        print(
            f"{'':<44} {'':>14}   {size / steps:.0f} bytes a call, {syncs / steps:.2f} syncs a call, {syncs / took:.0f} syncs a second; the disk alone: {disk:.0f}"
        )


def _seconds(unit: Unit, is_durable: bool) -> float:
    """Return the seconds that a plan takes."""
    given = [("goal", "")]
    return _durable(unit, given)[0] if is_durable else _run(unit, given, None)[0]


def _plan(count: int = 40) -> None:
    lines = [f"  step s{i}{f' after s{i - 1}' if i else ''}: f({i})" for i in range(count)]
    for effects in ("some", "none"):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            Path("steps.py").write_text("async def f(x):\n    return x\n")
            unit = Unit(bundle(PLAN.replace("LINES", "\n".join(lines)).replace("EFFECTS", effects), "Main"))
            plain, durable = alternate(3, partial(_seconds, unit, False), partial(_seconds, unit, True))
        row(
            f"a step of a plan, effects: {effects}",
            f"{durable / count * 1e3:.2f} ms",
            durable / plain,
            "not durable",
            None,
        )


def _agents(count: int = 20) -> None:
    """A turn of an agent, with a tool call in each, against a server on this machine."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "model_server.py")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        os.environ["COGC_BENCH_KEY"] = "k"
        text = AGENT.replace("PORT", server.stdout.readline().strip())
        unit = Unit(bundle(text, "Main"))
        plain, durable = alternate(
            3, lambda: _run(unit, [("task", "go")], None)[0], lambda: _durable(unit, [("task", "go")])[0]
        )
    finally:
        server.terminate()
        server.wait()
    row("a turn of an agent, durable", f"{durable / count * 1e3:.2f} ms", durable / plain, "not durable", None)


def _peer(python: str, way: str, chains: int, steps: int) -> tuple[float, list[str]]:
    """Return the steps a second of a peer, and the settings of its database."""
    script = Path(__file__).parent / "durable_peers.py"
    done = subprocess.run([python, str(script), way, str(chains), str(steps)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{way}: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return found["rate"], found["settings"]


def _rate(chains: int, effects: str, steps: int) -> float:
    """Return the steps a second of chains of calls side by side."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return chains * steps / _durable(_calls_of(chains, effects), [("go", steps)])[0]


def _peers() -> None:
    """The same little workflow in each: steps in a row, each of which adds its number to a sum, the state of each on disk before the next one.

    One workflow is bound by the disk, so that many at once are measured too: whose steps share their syncs, and whose do not. A step of
    cogc is a call whose result is synced before the next one begins (`effects: some`), as in the peers. With `effects: none`, and where
    a reaction is a step, more steps share a sync.
    """
    python = os.environ.get("COGC_PEERS")
    if not python:
        print("COGC_PEERS is not set: LangGraph and DBOS are left out")
        return
    many = 20_000
    unit = Unit(bundle(STEPS_IN_A_ROW.replace("COUNT", str(many))))
    reactions = many / statistics.median(_durable(unit, [("go", 1)])[0] for _ in range(3))
    for chains, steps in PEERS:
        found: dict[str, list[float]] = {"some": [], "none": [], "disk": [], **{way: [] for way in WAYS}}
        settings: dict[str, list[str]] = {}
        for _ in range(3):
            for way in WAYS:
                rate, settings[way] = _peer(python, way, chains, steps)
                found[way].append(rate)
            for effects in ("some", "none"):
                found[effects].append(_rate(chains, effects, steps))
            found["disk"].append(_disk(100))
        rates = {name: statistics.median(several) for name, several in found.items()}
        what = "one workflow" if chains == 1 else f"{chains} workflows at once"
        print(
            f"steps a second of {what}, the median of three rounds; the disk alone: {rates['disk']:.0f} syncs a second"
        )
        for name in ("LangGraph", "DBOS"):
            way = max((way for way in WAYS if way.startswith(name)), key=rates.__getitem__)
            journal_mode, synchronous = settings[way]
            for effects in ("some", "none"):
                goal = 0.1 if (chains, effects) != (1, "some") else None  # that one is bound by the disk
                row(
                    f"  a call each, effects: {effects}",
                    f"{rates[effects]:,.0f}",
                    rates[way] / rates[effects],
                    f"{way}: {rates[way]:,.0f}",
                    goal,
                )
            if chains == 1:
                row("  a reaction each", f"{reactions:,.0f}", rates[way] / reactions, f"{way}: {rates[way]:,.0f}", 0.1)
            print(f"{'':<44} {'':>14}   {name}: journal_mode={journal_mode}, synchronous={synchronous}")


def _journal(inputs: int, size: int, text: str) -> tuple[bytes, Unit]:
    """Return the journal of a run that was killed after some inputs of a value."""
    unit, file = Unit(bundle(text)), io.BytesIO()
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


def _resumed(
    inputs: int, size: int, traced: bool = False, text: str = CHAIN % ("", "")
) -> tuple[float, float, int, int]:
    """Return the seconds to read a journal and to replay it, the messages, and the bytes."""
    data, unit = _journal(inputs, size, text)
    began = time.process_time()
    recording = load(data)
    read, kernel = time.process_time(), Kernel(unit, traced=traced)
    if kernel.trace is not None:
        kernel.trace.quiet = True  # as `resume` has it
    replay(kernel, recording.events, goes_on=True)
    kernel.run()
    return read - began, time.process_time() - read, kernel.steps, len(data)


def _from_snapshot(inputs: int) -> tuple[float, int, int]:
    """Return the CPU seconds in which an instance that had so many inputs goes on from its journal, the bytes of that, and the snapshots."""
    unit = Unit(bundle(CHAIN % ("", "")))
    options = RunOptions(run="r", signals=False, stay=True, epoch=1)

    async def feed(session: Session) -> None:
        async with trio.open_nursery() as run:
            run.start_soon(session.run)
            async with trio.open_nursery() as senders:
                for _ in range(50):
                    senders.start_soon(_send, session, inputs // 50)
            run.cancel_scope.cancel()

    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(Path(folder))
        sinks = Sinks(journal=instance.journal(HEAD), sync=instance.sync, compaction=Compaction(HEAD, instance.put))
        session = build_session(unit, options, Settings(), sinks)
        trio.run(feed, session)
        instance.close()
        assert session.snapshots is not None
        size = (Path(folder) / "journal.jsonl").stat().st_size
        took, count = _gone_on(Path(folder), unit, options)
        assert count == session.entries.seq
    return took, size, session.snapshots.written


def _gone_on(folder: Path, unit: Unit, options: RunOptions) -> tuple[float, int]:
    """Return the CPU seconds in which an instance goes on from its journal, and the messages from outside that it had."""
    began = time.process_time()
    instance = Instance(folder)
    assert instance.recording is not None
    sinks = Sinks(journal=instance.journal(HEAD), sync=instance.sync, recording=instance.recording)
    session = build_session(unit, options, Settings(), sinks)
    resume(session, instance.recording)
    took = time.process_time() - began
    instance.close()
    return took, session.entries.seq


def _whole(text: str) -> float:
    """Return the CPU seconds of all that the resume of an instance does for 100,000 inputs, without a snapshot."""
    data, unit = _journal(100_000, 1, text)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "journal.jsonl").write_bytes(data)
        return _gone_on(Path(folder), unit, RunOptions(run="r", signals=False, stay=True, epoch=1))[0]


async def _send(session: Session, count: int) -> None:
    for _ in range(count):
        await session.entries.send("go", 1)


def main() -> None:
    _chain()
    _calls()
    _plan()
    _agents()
    _peers()
    took, size, count = _from_snapshot(INPUTS)
    row(f"resume after {INPUTS:,} inputs, snapshots", f"{took:.2f} s", took / 0.3, "0.3 s", 1)
    print(f"{'':<44} {'':>14}   {size:,} bytes of the journal, {count} snapshots")
    read, played, steps, _ = _resumed(STEPS // 101, 50)
    row(f"resume after {steps:,} messages in stretches", f"{read + played:.2f} s", (read + played) / 3, "3 s", 1)
    rounds = [_resumed(100_000, 1) for _ in range(ROUNDS)]
    read, played = (statistics.median(times) for times in list(zip(*rounds, strict=True))[:2])
    size = rounds[0][3]
    row("read a journal, an event", f"{read * 10:.2f} us", read * 10 / 2, "2 us", None)
    row("replay, an event that sets off four messages", f"{played * 10:.2f} us", played * 10 / 4, "4 us", 1)
    print(f"{'':<44} {'':>14}   {size / 100_000:.0f} bytes an event")
    row(
        "resume after 1,000,000 events of four messages",
        f"{(read + played) * 10:.2f} s",
        (read + played) * 10 / 3,
        "3 s",
        1,
    )
    one = statistics.median(sum(_resumed(100_000, 1, text=SINK)[:2]) for _ in range(ROUNDS))
    row("resume after 1,000,000 events of one message", f"{one * 10:.2f} s", one * 10 / 3, "3 s", 1)
    for messages, text in (("four messages", CHAIN % ("", "")), ("one message", SINK)):
        took = statistics.median(_whole(text) for _ in range(ROUNDS))
        row(f"the whole of it, events of {messages}", f"{took * 10:.2f} s", took * 10 / 3, "3 s", None)
    _, traced, _, _ = _resumed(100_000, 1, traced=True)
    row("the same in a run that is traced", f"{traced * 10:.2f} us", traced / played, "not traced", None)
