"""A run that goes on from its journal: the trace of its replay is made where somebody takes it, and counted where nobody does."""

from __future__ import annotations

import io
from typing import Any

import pytest

from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.journal import VERSION, Journal, load
from cogc.run.resume import resume
from cogc.run.session import RunOptions, Sinks
from cogc.run.settings import Settings
from support.specs import build

TEXT = """
coglet Adder {
  listen x: int
  transmit y: [int]
  state seen: [string] = []
  on x as v { seen = seen + ["message {{ v }}"]
    y <- [v] }
}
coglet Main {
  listen x: int
  transmit y: [int]
  create a = Adder
  link self.x -> a.x
  link a.y -> self.y
}
"""
HEAD: dict[str, object] = {"run": "r", "seed": 0, "order": 0, "epoch": 1, "program": "", "version": VERSION}


def journal(unit: Unit, count: int, *key: str) -> tuple[bytes, Kernel]:
    """Return the journal of a traced run that was killed after so many messages, each with a key or without, and its kernel."""
    kernel, file = Kernel(unit, traced=True), io.BytesIO()
    made = Journal(file, HEAD)
    made.event(kernel, "start", {}, [])
    kernel.start({})
    for number in range(count):
        kernel.run()
        made.event(kernel, "input", "x", number, *([False, f"{key[0]}{number}", "digest", "y"] if key else []))
        kernel.input("x", number)
    kernel.run()
    made.flush()
    return file.getvalue(), kernel


def timeless(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records but for those of states, without the instants and the name of their run."""
    return [{k: v for k, v in r.items() if k not in ("t", "run")} for r in records if r["kind"] != "state"]


@pytest.mark.parametrize("taken", ["by nobody", "by a listener", "for a key"])
def test_the_trace_of_a_replay_is_counted_although_nobody_takes_it(taken: str) -> None:
    unit = Unit(build(TEXT))
    data, before = journal(unit, 40, *(["k"] if taken == "for a key" else []))
    assert before.trace is not None
    recording, heard = load(data), list[dict[str, Any]]()
    options = RunOptions(run="r", signals=False, stay=True, epoch=1, traced=True)
    sinks = Sinks(journal=Journal.after(io.BytesIO(data), recording), sync=lambda: None, recording=recording)
    session = build_session(unit, options, Settings(), sinks)
    if taken == "by a listener":
        session.taps.listeners.append(heard.extend)
    resume(session, recording)
    kernel = session.kernel
    kernel.run()
    assert kernel.trace is not None and kernel.trace.seq == before.trace.seq and not kernel.trace.quiet
    last, records = kernel.trace.take(), before.trace.take()
    known = records[-len(last) :]
    assert timeless(last) == timeless(known) and len(last) >= 5
    assert heard == [] or timeless(heard) == timeless(records[: -len(last)])
    assert len(heard) == (before.trace.seq - len(last) if taken == "by a listener" else 0)
    changed = [["change" in r for r in found if r["kind"] == "state"] for found in (last, known)]
    assert changed == [[taken != "by nobody"], [True]], "whoever comes then does not know the value before"
    if taken == "for a key":  # the replies are found by the records of the replay
        assert [k[6] for k in session.entries.keys.written()][:2] == [[1, "y", "[0]"], [2, "y", "[1]"]]
