"""The outputs of a run: results, logs, trace, journal, saved states, and the live view."""

from __future__ import annotations

import io
import os
import random
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from cogc import ir
from cogc.commands import telemetry, trace_parts
from cogc.commands.budgets import budget
from cogc.commands.doors import Doors
from cogc.commands.inputs import Given
from cogc.commands.instance import say_new
from cogc.commands.options import LEVELS, duration, epoch_of, is_served, run_id_of
from cogc.commands.recordings import PRIVATE, opened
from cogc.commands.same_program import is_same
from cogc.commands.serving import Server
from cogc.commands.streams import Sink, sink_of_stdout, terminal
from cogc.commands.usage import UsageError
from cogc.disk.private import touch
from cogc.disk.state_folder import StateFolder
from cogc.kernel.effects import Effect, LogLine, Output
from cogc.kernel.priorities import ordered
from cogc.language.values import plain
from cogc.run import media
from cogc.run.expressions import Condition
from cogc.run.instance import STATES, Instance, gone
from cogc.run.journal import EVERY, VERSION, Journal
from cogc.run.options import RunOptions, Sinks
from cogc.run.plans import show
from cogc.run.session import Session
from cogc.run.team_status import team_line
from cogc.run.trace import States, TraceWriter, line, log_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.run.state import StateStore
    from cogc.traces.exporter import Exporter


class RunSinks:
    """The files and screens of one run, opened and closed together."""

    def __init__(
        self,
        options: Namespace,
        bundle: ir.Bundle,
        state: StateFolder,
        run: str = "",
        instance: Instance | None = None,
        begun: dict[str, Any] | None = None,
    ) -> None:
        self.state = state
        self.options = options
        self.bundle = bundle
        self.instance = instance
        self.begun = begun
        self.budget = budget(options)
        self.seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
        self.order = options.seed or 0
        if instance is not None and instance.recording is not None:
            head = instance.recording.head
            self.id, self.seed, self.order, self.epoch = head["run"], head["seed"], head["order"], head["epoch"]
            self.budget = head["budget"]
        else:
            self.id, self.epoch = run or self._new_id(), epoch_of(options)
        self.traced = options.trace is not None
        self.live = self.traced and sys.stdout.isatty() and options.output == "people" and not options.replay
        self.plain_lines = options.trace == "" and not self.live and options.output == "people"
        self.files: list[Sink] = []
        self.media_folders: list[Path] = []
        self.trace: TraceWriter | None = None
        self.journal: Journal | None = None
        self.states: StateStore | None = None
        self.out: Callable[[str], object] = sys.stdout.write
        self.err: Callable[[str], object] = sys.stderr.write
        self.states_shown = States()
        self.where = ""
        self.doors: Doors | None = None
        self.journal_failure = ""
        self.exporter: Exporter | None = None
        self.server: Server | None = None

    def __enter__(self) -> RunSinks:
        try:
            if self.traced:
                self.where = self.options.trace or touch(str(self._folder() / "trace.jsonl"))
                sink, self.trace = trace_parts.written(self.options, self.where, self.options.replay)
                self.files.append(sink)
            self.exporter = telemetry.exporter(self.options, self.id, self.epoch, self.bundle)
            record = self._open(self.options.record, PRIVATE) if self.options.record else None
            if self.instance is not None:
                self.states = self._states(self.instance)
                self.journal = self.instance.journal(self._head())
                self._keep_media(self.instance.folder / media.FOLDER)
                if record is not None:
                    self.journal.copy = self.instance.copy_to(record)
            elif record is not None:
                self.journal = Journal(record, self._head())
            if record is not None:
                beside = Path(f"{self.options.record}.{media.FOLDER}")
                if beside.is_dir():
                    media.sweep(beside, set())  # those of the recording that this one takes the place of
                self._keep_media(beside)
        except OSError as error:
            raise UsageError(f"cannot write `{error.filename}`: {str(error.strerror).lower()}") from None
        if self.instance is not None:
            say_new(self.instance, self.options)
        if self.options.seed is None and self.traced:
            self.err(f"cogc: run {self.id}, seed {self.seed}\n")
        return self

    def __exit__(self, *_: object) -> None:
        parts_failed = "" if self.trace is None else self.trace.close()
        if parts_failed:
            self.err(f"cogc: {parts_failed}\n")
        if self.journal is not None and self.instance is None:
            self.journal.flush()
        for folder in self.media_folders:
            media.leave(folder)
        for sink in self.files:
            sink.close()
            if sink.loss():
                self.err(f"cogc: {sink.loss()}\n")
        if self.states is not None:
            self.states.close()
        why = f"cannot write the journal of the instance: {self.journal_failure}"
        if self.states is not None and self.states.lost:
            why = f"cannot write to `{self.states.path}`: {self.states.lost}"
        if self.journal_failure:
            self.err(f"cogc: {why}; nothing left after that, and the run goes on when it is started again\n")
        telemetry.close(self.exporter, self.err)
        if self.traced and self.options.trace == "":
            self.err(f"cogc: the trace is in {self.where}\n")

    def _keep_media(self, folder: Path) -> None:
        """Keep the images and documents of the run in a folder until it is over."""
        media.keep_in(folder)
        self.media_folders.append(folder)

    @property
    def lost(self) -> bool:
        """True if a file of the run, or its saved states, could not be written to its end."""
        return any(sink.loss() for sink in self.files) or bool(self.journal_failure)

    def _new_id(self) -> str:
        """Return the id of a new run. That of a simulation depends on its program, its seed and its inputs, and in an instance on how often
        it has run."""
        found = run_id_of(self.bundle, self.options, self.seed)
        count = 1 if self.instance is None else self.instance.runs + 1
        return f"{found}-{count}" if self.options.sim and count > 1 else found

    def _states(self, instance: Instance) -> StateStore:
        """Return the saved states of an instance. A run that goes on has them in its journal: a damaged file is made anew.

        Raise UsageError for a damaged file of another run.
        """
        from cogc.run.state import StateError, StateStore, anew  # with sqlite3, for instances alone

        path = instance.folder / STATES
        try:
            found = StateStore(path, instance.digest)
            if found.kept and instance.is_first:
                found.close()
                raise StateError(f"{gone(instance.folder)} (--fresh begins a new one with its saved states)")
            return found
        except StateError as error:
            if instance.recording is None:
                raise UsageError(f"--instance {self.options.instance}: {error}") from None
            self.err(f"cogc: {error}; they are written anew from the journal, and the old file is `{anew(path)}`\n")
            return StateStore(path)

    def _folder(self) -> Path:
        """Return the folder of the run, made if it is not there."""
        return Path(self.state.make("runs", self.id))

    def _open(self, path: str, mode: int = 0o666) -> BinaryIO:
        """Open a file that the run writes."""
        sink = opened(path, self.options.replay, mode)
        self.files.append(sink)
        return io.BufferedWriter(sink)

    def _head(self) -> dict[str, Any]:
        """Return the first line of a journal: what a replay needs beside the events."""
        return {
            "run": self.id, "seed": self.seed, "order": self.order, "epoch": self.epoch, "program": self.bundle.hash, "version": VERSION,
            "budget": self.budget, **({} if self.instance is None else {"begun": self.begun, "runs": self.instance.runs + 1}),
        }  # fmt: skip

    def session_sinks(self) -> Sinks:
        """Return the records of the run's session."""
        instance = self.instance
        if instance is None:
            return Sinks(self.trace, self.journal, self.states)
        compaction = instance.compaction(self._head(), bool(self.options.record), EVERY)
        return Sinks(self.trace, self.journal, self.states, instance.sync, instance.recording, compaction)

    def session_options(self, parameters: dict[str, Any], inputs: list[Given], until: Condition | None) -> RunOptions:
        """Return the options of the run's session."""
        return RunOptions(
            budget=self.budget,
            parameters=parameters,
            inputs=[(given.channel, given.value) for given in inputs if not given.at],
            later=[(given.at, given.channel, given.value) for given in inputs if given.at],
            sim=self.options.sim,
            traced=self.options.control or self.server is not None,
            stay=self.options.stdin is not None or is_served(self.options),
            seed=self.seed,
            kernel=ordered(self.order),
            epoch=self.epoch,
            run=self.id,
            stop_at=duration(self.options.duration, "--for"),
            until=until,
            keep=frozenset() if until is None else until.channels,
            on_output=self.output,
            on_log=self.log,
            on_records=self._hear if self.plain_lines or self.exporter is not None else None,
            behind=self._behind(),
            answers=getattr(self.options, "answers", {}),
            on_resumed=self._resumed,
        )

    def _behind(self) -> int:
        """Return how many nanoseconds the clock of a run is behind that of the machine: that of a fork goes on from its record."""
        recording = None if self.instance is None else self.instance.recording
        return 0 if recording is None else int(recording.head.get("behind", 0))

    def _resumed(self, begun_again: int) -> None:
        """Say that the run goes on where it was."""
        assert self.instance is not None and self.instance.recording is not None and self.begun is not None
        recording = self.instance.recording
        if not is_same(self.bundle, self.begun["spec"], recording.head["program"], recording.head["begun"]):
            self.err("cogc: the program has changed since, and goes on where the journal ends: no call of it departs\n")
        calls = "1 call was" if begun_again == 1 else f"{begun_again} calls were"
        self.err(f"cogc: run {self.id} goes on after {recording.length} events; {calls} under way\n")

    async def run(self, session: Session) -> None:
        """Run a session, with its doors."""
        session.executors.settings.people.instance = self.options.instance or ""
        if self.trace is not None:
            self.trace.hear_parts(session.kernel.trace)
        telemetry.attach(self.exporter, session, self.options)
        for sink in (*self.files, sink_of_stdout()):
            if sink is not None:
                sink.on_lost = session.stop
        if self.states is not None:
            self.states.on_lost = session.states_lost
        if self.options.control:
            self.err(f"cogc: run {self.id}\n")
        self.doors = Doors(self.options, self.server, self.state, self.id, self.err)
        try:
            async with self.doors.open(session):
                await self._run(session)
        finally:
            if session.commit is not None and session.commit.failed is not None:
                self.journal_failure = str(session.commit.failed.strerror or session.commit.failed).lower()

    async def _run(self, session: Session) -> None:
        """Run a session, with the live view if stdout is a terminal."""
        if not self.live:
            await session.run()
            return
        from cogc.screens.live import console_of  # Rich is slow to import
        from cogc.screens.run import RunView

        view = RunView(session, console_of(terminal(sys.stdout)))
        session.executors.settings.people.aside = view.aside
        self.out = self.err = view.print
        try:
            await view.run()
        finally:
            self.out, self.err = sys.stdout.write, sys.stderr.write

    # ---- what happens --------------------------------------------------------------------------------------

    def effects(self, effects: list[Effect]) -> None:
        """Print the effects of a replay."""
        for effect in effects:
            if isinstance(effect, Output):
                self.output(effect)
            elif isinstance(effect, LogLine):
                self.log(effect)

    def records(self, records: list[dict[str, Any]]) -> None:
        """Write trace records, of a replay too."""
        if self.trace is not None:
            self.trace.write(records)
        if self.plain_lines:
            self._lines(records)

    def _hear(self, records: list[dict[str, Any]]) -> None:
        """Take records of a run that goes on."""
        if self.plain_lines:
            self._lines(records)
        if self.exporter is not None:
            self.exporter.take(records)

    def _lines(self, records: list[dict[str, Any]]) -> None:
        """Print trace records as lines for people."""
        self.out("".join(line(self.states_shown.whole(r)) + "\n" for r in records))

    def output(self, output: Output) -> None:
        """Print an output of the root, for people or as one JSON object a line."""
        if self.options.silent:
            return
        data = msgspec.json.encode(
            {"channel": output.channel, "data": plain(output.value), "seq": output.number}
        ).decode()
        if self.options.output == "json":
            self.out(data + "\n")
        else:
            value = output.value
            kind = self.bundle.coglets[self.bundle.root].kind
            if (kind, output.channel) == ("plan", "plan"):
                value = show(plain(value))
            elif (kind, output.channel) == ("plan", "step"):
                value = f"{value['id']} {value['status']}{': ' + value['error'] if value['error'] else ''}"
            elif (kind, output.channel) == ("team", "status"):
                value = team_line(value)
            shown = value if isinstance(value, str) else msgspec.json.encode(plain(value)).decode()
            self.out(f"{output.channel}: {shown}\n")
        if not self.live:
            sys.stdout.flush()

    def log(self, entry: LogLine) -> None:
        """Print a log entry of a coglet to stderr."""
        if LEVELS[entry.level] < LEVELS[self.options.log]:
            return
        if getattr(self.options, "log_format", "people") == "json":
            self.err(log_object(entry.t / 1e9, self.id, entry.level, entry.path, entry.value))
            return
        shown = entry.value if isinstance(entry.value, str) else msgspec.json.encode(plain(entry.value)).decode()
        trace = entry.trace if os.environ.get("COGC_DEBUG") == "1" else ""
        self.err(f"{entry.t / 1e9:9.3f} {entry.level:<5} {entry.path}: {shown}\n{trace}")
