"""The trace of a journal: its events are handed to a kernel again, which says what it did.

Nothing of the outside world is asked, and no program is started. A journal that breaks off, because its run goes on or was killed, gives
the trace as far as it goes.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from cogc import ir
from cogc.kernel.effects import Effect
from cogc.kernel.priorities import ordered
from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.trace import TraceWriter


def write_trace(path: Path, bundle: ir.Bundle, out: BinaryIO) -> str:
    """Write the trace of a journal to a file. Return what is wrong with it, or nothing: then the trace ends where that is found.

    Raise OSError if the journal cannot be read, ValueError if it is none.
    """
    recording = journal.load(path.read_bytes())
    head, events = recording.head, recording.events
    if "sett" in head:
        return "it is the journal of a sett, whose trace is not in it"
    kernel = ordered(head.get("order", 0))(
        Unit(bundle), head["seed"], head["epoch"], True, head["run"], head.get("budget")
    )
    writer = TraceWriter(out)

    def taken(effects: list[Effect]) -> None:
        if kernel.trace is not None:
            writer.write(kernel.trace.take())

    wrong = "" if head["program"] == bundle.hash else "the journal was recorded from another version of this program"
    try:
        journal.replay(kernel, events, taken)
    except journal.Divergence as error:
        wrong = f"the program has changed since, and departs from the journal: {error}"
    if kernel.trace is not None:
        writer.write(kernel.trace.take())
    writer.flush()
    return wrong
