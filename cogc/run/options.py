"""The options of a run, and the records that it writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from cogc.kernel.effects import LogLine, Output
from cogc.kernel.machine import Kernel
from cogc.kernel.models.budget import Budget, Usage
from cogc.kernel.permissions import Sandbox
from cogc.run.journal import Compaction, Journal, Recording
from cogc.run.trace import TraceWriter

if TYPE_CHECKING:
    from cogc.run.state import StateStore


class RunOptions(msgspec.Struct, kw_only=True):
    """The options of a run. Times are in nanoseconds.

    `stop_at` is None for a run without a bound on its time; `epoch` 0 stands for the present time. `inputs` are the
    messages to the root at its start, `later` those at later instants. `keep` are the
    channels of the root whose messages `Session.outputs` keeps, for `until` and for the maker of the session; None keeps all of them, which takes
    memory for each message. `kernel` makes the kernel: one that picks the order of events takes the place of the usual one. `account` is the budget
    and the usage of an enclosing run, which this run shares. `sandbox` holds the conversations of this run, and `max_depth` bounds how deep they may
    nest. A run that is to `stay` does not end because nothing is left to do. One that is `traced` keeps a trace for those who follow it.
    `on_resumed` is called when a run goes on where it was, with the number of calls that are begun again. A run that was forked has a clock that
    is so much `behind` that of the machine, and `answers`: the instants and values of the results that come to the calls under way without
    their being begun again.
    """

    budget: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    inputs: list[tuple[str, Any]] = []
    later: list[tuple[int, str, Any]] = []
    sim: bool = False
    seed: int = 0
    epoch: int = 0
    run: str = ""
    root: str = ""
    kernel: Callable[..., Kernel] = Kernel
    stop_at: int | None = None
    signals: bool = True
    until: Callable[[dict[str, list[Any]]], bool] | None = None
    keep: frozenset[str] | None = frozenset()
    account: tuple[Budget, dict[tuple[str, str], Usage]] | None = None
    sandbox: Sandbox | None = None
    max_depth: int | None = None
    stay: bool = False
    traced: bool = False
    behind: int = 0
    answers: dict[int, tuple[int, Any]] = {}
    on_resumed: Callable[[int], None] | None = None
    on_output: Callable[[Output], None] | None = None
    on_log: Callable[[LogLine], None] | None = None
    on_records: Callable[[list[dict[str, Any]]], None] | None = None


def new_run_id() -> str:
    """Return a new id of a run: the time at which it begins, and four random digits."""
    return time.strftime("%Y%m%d-%H%M%S") + "-" + os.urandom(2).hex()


class Sinks(msgspec.Struct, frozen=True):
    """The records that a run writes besides its outputs: a trace, a journal, the saved states.

    `sync` puts what was written to the journal on disk; with it the run is durable: no effect leaves before that. A run with a
    `recording` goes on where that ends. With a `compaction` it writes snapshots.
    """

    trace: TraceWriter | None = None
    journal: Journal | None = None
    states: StateStore | None = None
    sync: Callable[[], None] | None = None
    recording: Recording | None = None
    compaction: Compaction | None = None
