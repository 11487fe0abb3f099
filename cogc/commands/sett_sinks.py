"""The outputs of a running sett: its trace, its lines on stdout and stderr, and the live view of its blackboard."""

from __future__ import annotations

import io
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from cogc import ir
from cogc.commands import telemetry, trace_parts
from cogc.commands.options import LEVELS
from cogc.commands.recordings import PRIVATE, opened
from cogc.commands.streams import Sink, sink_of_stdout, terminal
from cogc.disk.private import touch
from cogc.disk.state_folder import StateFolder
from cogc.run.journal import Journal
from cogc.run.people import People
from cogc.run.trace import TraceWriter, log_object
from cogc.sett.board import Board

if TYPE_CHECKING:
    from cogc.screens.sett import SettView
    from cogc.traces.exporter import Exporter


class SettSinks:
    """The outputs of one run, opened and closed together."""

    def __init__(self, options: Namespace, instance: str, state: StateFolder, bundle: ir.Bundle) -> None:
        self.state = state
        self.bundle = bundle
        self.exporter: Exporter | None = None
        self.options = options
        self.instance = instance
        began = time.monotonic()
        self.clock: Callable[[], float] = lambda: time.monotonic() - began
        """The seconds since the begin of the sett."""
        self.seq = 0
        self.trace: TraceWriter | None = None
        self.sink: Sink | None = None
        self.recording: Sink | None = None
        self.recorder: Journal | None = None
        self.live = options.trace is not None and sys.stdout.isatty() and options.output == "people"
        self.view: SettView | None = None

    def __enter__(self) -> SettSinks:
        if self.options.trace is not None:
            path = self.options.trace
            where = path or touch(self.state.file("setts", self.instance, "trace.jsonl"))
            self.sink, self.trace = trace_parts.written(self.options, where, self.options.replay)
        self.exporter = telemetry.exporter(self.options, self.instance, time.time_ns(), self.bundle)
        if self.options.record:
            self.recording = opened(self.options.record, self.options.replay, PRIVATE)
        return self

    def journal(self, head: dict[str, Any]) -> Journal:
        """Return the recording, which begins with `head`."""
        assert self.recording is not None
        self.recorder = Journal(io.BufferedWriter(self.recording), head)
        return self.recorder

    def __exit__(self, *_: object) -> None:
        self.end()
        failed = "" if self.trace is None else self.trace.close()
        if failed:
            sys.stderr.write(f"cogc: {failed}\n")
        if self.recorder is not None:
            self.recorder.flush()
        for sink in (self.sink, self.recording):
            if sink is not None:
                sink.close()
                if sink.loss():
                    sys.stderr.write(f"cogc: {sink.loss()}\n")
        telemetry.close(self.exporter)

    @property
    def lost(self) -> bool:
        """True if the trace could not be written to its end."""
        return any(sink is not None and sink.loss() != "" for sink in (self.sink, self.recording))

    def begin(self, now: Callable[[], int], at: int) -> None:
        """Let times count from the begin of the sett: `now` gives the time, in nanoseconds since 1970 as `at`."""
        self.clock = lambda: (now() - at) / 1e9
        if self.exporter is not None:
            self.exporter.spans.epoch = at

    def on_lost(self, stop: Callable[[], None]) -> None:
        """Let the loss of the trace or of stdout stop the sett in good order."""
        for sink in (self.sink, self.recording, sink_of_stdout()):
            if sink is not None:
                sink.on_lost = stop

    async def watch(self, nursery: trio.Nursery, board: Board, people: People) -> None:
        """Show the live view, if stdout is a terminal and a trace was asked for."""
        if self.live:
            from cogc.screens.live import console_of  # Rich is slow to import
            from cogc.screens.sett import SettView

            self.view = SettView(board, self.instance, console_of(terminal(sys.stdout)))
            people.aside = self.view.aside
            nursery.start_soon(self.view.run)

    def end(self) -> None:
        """End the live view."""
        if self.view is not None:
            self.view.close()
            self.view = None

    def note(self, kind: str, path: str, **fields: Any) -> None:
        """Write an event to the trace, and show it."""
        self.seq += 1
        t = self.clock()
        if self.trace is not None or self.exporter is not None:
            head = {"v": 1, "seq": self.seq, "t": round(t, 6), "run": self.instance, "kind": kind, "path": path}
            records = [{**head, "cause": 0, **fields}]
            if self.trace is not None:
                self.trace.write(records)
            if self.exporter is not None:
                self.exporter.take(records)
        if self.view is not None:
            self.view.note(kind, path, fields)
        elif kind == "log" and LEVELS[fields["level"]] >= LEVELS[self.options.log]:
            if self.options.log_format == "json":
                sys.stderr.write(log_object(round(t, 6), self.instance, fields["level"], path, fields["data"]))
            else:
                sys.stderr.write(f"{t:9.3f} {fields['level']:<5} {path}: {fields['data']}\n")
        if kind == "artefact" and self.options.output == "json":
            sys.stdout.write(msgspec.json.encode({"channel": "artefact", "data": fields["data"]}).decode() + "\n")
            sys.stdout.flush()
