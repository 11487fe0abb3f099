"""Runs that are killed at a write of their journal, and resumed until they end, in one process.

The kill. The file of the journal raises `Killed` at the n-th write, before or after it has taken it, and at each write from then on.
So nothing is written or carried out any more, and whatever the run holds is torn down. What it would have cleaned up it has not.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

from cogc.ir import Bundle
from cogc.kernel.effects import LogLine, Output
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.journal import SNAPSHOT, VERSION, Compaction, Journal, Recording, load
from cogc.run.people import People
from cogc.run.plans import Keeping
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from support.waiting import DEADLINE

_ON_THE_WAY = ("plan", "step", "status", "delta", "usage")


class Killed(BaseException):
    """The run is killed here."""


class CrashFile(io.BytesIO):
    """A file that kills whoever writes it: at write `at`, before (`early`) or after it has taken it."""

    def __init__(self, data: bytes = b"", at: int = 0, early: bool = False, full: int = 0) -> None:
        super().__init__(data)
        self.seek(0, os.SEEK_END)
        self.at, self.early, self.full, self.writes = at, early, full, 0
        self.synced = len(data)

    def write(self, data: Any) -> int:
        self.writes += 1
        if self.full and self.writes >= self.full:  # the disk takes a part of a line
            if self.writes == self.full:
                super().write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.at and self.writes >= self.at:
            if self.writes == self.at and not self.early:
                super().write(data)
            raise Killed
        return super().write(data)

    def put(self, text: bytes) -> CrashFile:
        """Hold a journal that begins anew, in place of the one before: all of it or nothing."""
        self.writes += 1
        if self.full and self.writes >= self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        kills = 0 < self.at <= self.writes
        if not kills or (self.writes == self.at and not self.early):
            self.seek(0)
            self.truncate()
            super().write(text)
            self.synced = len(text)
        if kills:
            raise Killed
        return self


@dataclass
class World:
    """A system and the folder that it works in. `settings` makes the settings of one start of it. With `every` it writes snapshots
    whenever its journal has grown by so many bytes, and by `share` times the last snapshot, and the journal begins anew with them unless it is `whole`."""

    bundle: Bundle
    folder: Path
    inputs: list[tuple[str, Any]]
    options: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, list[str]] = field(default_factory=dict)
    plans: str = "memory"
    every: int = 0
    share: int = 0
    whole: bool = False
    power: bool = False
    """The kills are losses of power: what was not synced is lost."""
    synced: Callable[[], None] = lambda: None
    """What is done in the place of each sync."""
    snapshots: int = 0
    before: set[int] = field(default_factory=set)
    """The calls whose results were in the journal before it began anew."""
    journal: bytes = b""
    outputs: dict[int, tuple[str, Any]] = field(default_factory=dict)
    """What has come out, by number: a repeat is the same."""
    logged: list[Any] = field(default_factory=list)
    writes: int = 0
    epoch: int = field(default_factory=time.time_ns)

    def settings(self) -> Settings:
        return Settings(
            str(self.folder),
            people=People(self.answers),
            sandboxed=False,
            keeping=Keeping(self.plans, "me"),
            lasting=str(self.folder / "queues.db"),
        )

    def heard(self, output: Output) -> None:
        known = self.outputs.setdefault(output.number, (output.channel, output.value))
        assert known == (output.channel, output.value), f"output {output.number} came as {known} before"

    def log(self, line: LogLine) -> None:
        self.logged.append(line.value)

    def start(self, at: int = 0, early: bool = False, full: int = 0) -> Session:
        """Start the system, or resume it, and run it to its end or its kill. Return the session."""
        recording = load(self.journal) if self.journal else None
        assert recording is None or not recording.over
        file = CrashFile(self.journal[: recording.size] if recording is not None else b"", at, early, full)
        head: dict[str, object] = {
            "run": "r",
            "seed": 1,
            "order": 0,
            "epoch": self.epoch,
            "program": "",
            "version": VERSION,
        }
        journal = Journal.after(file, recording) if recording is not None else Journal(file, head)
        made = self._session(journal, recording, file, head)
        try:
            trio.run(_bounded, made)
        except BaseException as error:
            if not _is_kill(error):
                raise
        self.journal = file.getvalue()[: file.synced if self.power else None]
        self.writes = file.writes
        self.snapshots += made.snapshots.written if made.snapshots is not None else 0
        return made

    def _session(
        self, journal: Journal, recording: Recording | None, file: CrashFile, head: dict[str, object]
    ) -> Session:
        def put(text: bytes) -> CrashFile:
            self.before |= _results(file.getvalue())
            return file.put(text)

        compaction = Compaction(head, None if self.whole else put, self.every, self.share) if self.every else None
        given = {
            "run": "r", "seed": 1, "epoch": self.epoch, "signals": False, "keep": None, "inputs": self.inputs, "on_output": self.heard,
            "on_log": self.log, **self.options,
        }  # fmt: skip

        def sync() -> None:
            self.synced()
            file.synced = len(file.getvalue())

        sinks = Sinks(journal=journal, sync=sync, recording=recording, compaction=compaction)
        return build_session(Unit(self.bundle), RunOptions(**given), self.settings(), sinks)

    def calls(self) -> set[int]:
        """The numbers of the calls that the journal has."""
        return {event[3] for event in load(self.journal).events if event[2] == "call"}

    def final(self) -> list[str]:
        """What has come out, without what is said on the way and may come in another order."""
        return sorted(repr(said) for said in self.outputs.values() if said[0] not in _ON_THE_WAY)

    def results(self) -> set[int]:
        """The numbers of the calls whose results are in the journal."""
        return self.before | (_results(self.journal) if self.journal else set())


def _results(journal: bytes) -> set[int]:
    return {event[3] for event in load(journal).events if event[2] == "result"}


async def _bounded(made: Session) -> None:
    with trio.fail_after(DEADLINE):
        await made.run()


def _is_kill(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_kill(e) for e in error.exceptions)
    return isinstance(error, Killed)


def campaign(
    folder: Path,
    make: Callable[[Path], World],
    counted: Callable[[World], Counter[str]],
    at: Callable[[int], list[int]],
) -> int:
    """Kill a system at writes of its journal, before and after each, and let it go on. Return how many kills there were.

    `make` makes the system in a folder, `counted` says how often each call was made in the world, by its id, and `at` which of N
    writes are tried. The outputs must be those of a run that nobody kills, and no call is made again whose result is in the journal.
    """
    whole = make(_emptied(folder))
    whole.start()
    wanted = whole.final()
    assert load(whole.journal).over, "the run that nobody kills does not end"
    kills = 0
    for n in at(whole.writes):
        for early in (True, False):
            world = make(_emptied(folder))
            world.start(n, early)
            if world.journal and load(world.journal).over:
                continue
            kills += 1
            known, before = world.results(), counted(world)
            if world.journal and not _has_start(world.journal):
                world.journal = b""
            world.start()
            place = f"killed {'before' if early else 'after'} write {n} of {whole.writes}"
            assert load(world.journal).over, place
            assert world.final() == wanted, place
            after = counted(world)
            for call in known:
                id = f"r-{call}"
                assert after[id] == before[id], f"{place}: {id} was made again"
    return kills


def _has_start(journal: bytes) -> bool:
    return any(event[2] in ("start", SNAPSHOT) for event in load(journal).events)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
