"""The trace of a journal: its events are handed to a kernel again, which says what it did.

Nothing of the outside world is asked, and no program is started. A journal that breaks off, because its run goes on or was killed, gives
the trace as far as it goes.
"""

from __future__ import annotations

from typing import BinaryIO

from cogc.run.replay import Divergence
from cogc.run.trace import TraceWriter
from cogc.traces.travel import Travel


def write_trace(travel: Travel, out: BinaryIO) -> str:
    """Write the trace of a journal to a file. Return what is wrong with it, or nothing: then the trace ends where that is found.

    Raise OSError if the journal cannot be read, ValueError if it is damaged.
    """
    writer = TraceWriter(out)
    wrong = "the journal was recorded from another version of this program" if travel.is_other else ""
    try:
        travel.write(writer.write)
    except Divergence as error:
        wrong = f"the program has changed since, and departs from the journal: {error}"
    writer.flush()
    return wrong
