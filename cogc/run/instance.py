"""The folder of an instance: who runs it, the journal of its last run, and what became of that run.

    lock             a record of the process that runs the instance, with the id of the last run; `flock` holds it
    journal.jsonl    the journal of the last run
    journal.next     a journal that begins anew with a snapshot, until it takes the place of the one before
    journal.new      the journal of a run of which nothing has left yet: if it dies, it has never been
    state.db         the states that outlive a run (`state.py`)
    queues.db        the items of queues in memory, which live as long as the run
    media/           the bytes of images and documents (`media.py`)
    ended/           the journals of earlier runs, as many as are kept (`retention.py`)

The lock is lent to the reaper of the run, and through it to whoever holds a program of the run. So it is free when the last
process of a dead run is gone, and not earlier.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, NamedTuple, TypeAlias

from cogc.disk.files import refuse_unreadable
from cogc.disk.private import touch
from cogc.run import retention
from cogc.run.instance_folder import ENDED, JOURNAL, number_of_last
from cogc.run.journal import Compaction, Journal, Recording, load
from cogc.run.reaper import GRACE, LIMIT
from cogc.run.retention import NOTHING, PRUNED, Keep
from cogc.stores.owner import Owner, alive, owner

STATES = "state.db"
QUEUES = "queues.db"
_NEW = "journal.new"
_NEXT = "journal.next"
LOCK = "lock"
_REMAINS = (QUEUES, _NEXT, ENDED, JOURNAL + retention.CHECKPOINTS)
"""The names of what a folder has only if a journal has stood in it."""
_RECORD = {"host": str, "pid": int, "born": str, "until": float}
"""The items of the record of a process, as JSON."""
_PATIENCE = GRACE + LIMIT + 3.0
"""Seconds in which the processes of a dead run have to end."""
_POLL = 0.02

Condition: TypeAlias = Literal["running", "unfinished", "ended", "new"]


class InstanceError(Exception):
    """An instance cannot be used: another run has it, or its journal is damaged."""


class Instance:
    """An instance that this process runs, from `open` to `close`.

    `recording` is the journal of a run that did not end, which is to be resumed, or None for a new run. `fresh` gives such a run up.
    `runs` counts the runs that there were, `keep` says how many of them keep their journals. `digest` is that of the states which
    the last run had saved when it ended, or empty. `is_first` says that there is no journal of an earlier run. InstanceError is raised if
    there has been one.
    """

    def __init__(self, folder: Path, fresh: bool = False, keep: Keep = NOTHING) -> None:
        self.folder = folder
        self.keep = keep
        self.lock = Lock(folder / LOCK)
        self.recording: Recording | None = None
        self.given_up = ""
        self.runs = 0
        self.file: BinaryIO | None = None
        self._is_new = False
        self._last = self._run = ""
        self.digest = ""
        try:
            found = self._load(fresh)
            self.is_first = found is None and not fresh
            if self.is_first and has_had_journal(folder):
                raise InstanceError(f"{gone(folder)} (--fresh begins a new one with its saved states)")
            self.runs = number_of_last(folder) if found is None else int(found.head.get("runs", 1))
            self._last = "" if found is None or PRUNED in found.head else str(found.head.get("run", ""))
            if found is not None and found.over:
                self.digest = str(found.events[-1][4]) if len(found.events[-1]) > 4 else ""
            elif found is not None:
                self.recording = None if fresh else found
                self.given_up = str(found.head.get("run", "")) if fresh else ""
            if found is not None:
                self.lock.mark(str(found.head.get("run", "")))  # those of older versions are not marked
        except BaseException:
            self.lock.release()
            raise

    def _load(self, fresh: bool) -> Recording | None:
        """Return the journal of the last run. Raise InstanceError if it is damaged, unless it is given up."""
        path = self.folder / JOURNAL
        try:
            return load(_read(path))
        except FileNotFoundError:
            return None
        except ValueError as error:
            if fresh:
                return None
            raise InstanceError(f"`{path}`: {error} (--fresh gives that run up)") from None

    def journal(self, head: dict[str, object]) -> Journal:
        """Return the journal of the run: a new one, or the one of the run that goes on, cut behind its last whole line."""
        recording = self.recording
        self._run = str(head.get("run", ""))
        (self.folder / _NEXT).unlink(missing_ok=True)
        if recording is not None:
            self.file = open(self.folder / JOURNAL, "r+b", buffering=0)  # noqa: SIM115 - open until `close`
            self.file.truncate(recording.size)
            self.file.seek(recording.size)
            return Journal.after(self.file, recording)
        for end in ("", "-wal", "-shm"):
            (self.folder / f"{QUEUES}{end}").unlink(missing_ok=True)
        self.file = open(touch(str(self.folder / _NEW)), "wb", buffering=0)  # noqa: SIM115 - open until `close`
        self._is_new = True
        return Journal(self.file, head)

    def copy_to(self, record: BinaryIO) -> BinaryIO:
        """Return the file of a recording of the run, which begins with what the journal has already."""
        if self.recording is not None:
            record.write((self.folder / JOURNAL).read_bytes()[: self.recording.size])
        return record

    def put(self, text: bytes) -> BinaryIO:
        """Put a journal that begins anew on disk, in place of the one before. Return its file. OSError leaves that one as it is."""
        assert self.file is not None
        if self._is_new:
            self.sync()
        draft = self.folder / _NEXT
        made = open(touch(str(draft)), "wb", buffering=0)  # noqa: SIM115 - open until `close`
        try:
            left = memoryview(text)
            while left:
                left = left[made.write(left) :]
            os.fdatasync(made.fileno())
            os.replace(draft, self.folder / JOURNAL)
        except OSError:
            made.close()
            draft.unlink(missing_ok=True)  # on a full disk the journal needs its room
            raise
        self.file.close()
        self.file = made
        _sync_folder(self.folder)
        return made

    def compaction(self, head: dict[str, Any], is_copied: bool, every: int, share: int = 1) -> Compaction:
        """Return how the run writes snapshots, from the head of its journal. Whoever keeps journals, or copies this one, keeps what was before a
        snapshot too."""
        if self.recording is not None:
            kept = {key: value for key, value in self.recording.head.items() if key != "journal"}
            head = kept | {key: head[key] for key in ("program", "version") if key in head}
        return Compaction(head, self.put if self.keep.nothing and not is_copied else None, every, share)

    def sync(self) -> None:
        """Put what was written on disk. From then on the run is the last one of the instance.

        Raise OSError if the journal is none that is found again, or if another run may have the instance.
        """
        assert self.file is not None
        os.fdatasync(self.file.fileno())
        if self._is_new:
            self._take_the_place()
            self._is_new = False
        if not _is_in_place(self.folder / JOURNAL, self.file):
            raise OSError(errno.ESTALE, "it was removed or replaced, and has to be put back")
        if not _is_in_place(self.lock.path, self.lock.file):
            raise OSError(errno.ESTALE, "its lock was removed or replaced, so that another run may have it")

    def _take_the_place(self) -> None:
        """Make the journal of a new run that of the last one. The journal before is kept, or goes."""
        if self._last and not self.keep.nothing:
            retention.keep_journal(self.folder, self.folder / JOURNAL, self.runs, self._last)
        os.replace(self.folder / _NEW, self.folder / JOURNAL)
        _sync_folder(self.folder)
        self.lock.mark(self._run)
        with suppress(OSError):  # what cannot be removed now is removed at the next start
            retention.clear(self.folder, self.keep, self.folder / JOURNAL, time.time())

    def close(self) -> None:
        """Close the journal and release the lock."""
        if self.file is not None:
            self.file.close()
        if self._is_new:
            with suppress(OSError):
                (self.folder / _NEW).unlink()
        self.lock.release()


def _read(path: Path) -> bytes:
    """Return the content of a journal. Raise OSError if its path is no file."""
    refuse_unreadable(str(path))
    return path.read_bytes()


def _is_in_place(path: Path, file: IO[Any]) -> bool:
    """Return whether an open file is the one that has a name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """Put the names of the files of a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Lock:
    """A lock on a folder, by a file that names the process which holds it. `run` is the last run whose journal has stood in the folder."""

    def __init__(self, path: Path) -> None:
        from cogc.run.process import lend  # with Trio, which those do without who only look at instances

        self.path = path
        self._lend = lend
        self.file = open(touch(str(path)), "r+")  # noqa: SIM115 - held until `release`
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                self._wait(deadline)
        self.run = marked(path)
        self._write()
        self._lend(self.file.fileno())

    def mark(self, run: str) -> None:
        """Note the run whose journal stands in the folder."""
        if run != self.run:
            self.run = run
            self._write()

    def _write(self) -> None:
        """Write the record of this process, over the one that was there."""
        text = json.dumps({**owner(time.time()), "run": self.run})
        try:
            self.file.seek(0)
            self.file.write(text)
            self.file.truncate()
            self.file.flush()
        except OSError as error:  # that of a write names no file
            raise OSError(error.errno, error.strerror, str(self.path)) from None

    def _wait(self, deadline: float) -> None:
        """Wait for the processes of a dead run. Raise InstanceError if a living one has the lock, or they do not end."""
        holder = holder_of(self.path)
        if holder is not None and alive(holder, time.time()):
            self.file.close()
            raise InstanceError(f"a run of this instance is under way, process {holder['pid']}")
        if time.monotonic() > deadline:
            self.file.close()
            who = "" if holder is None else f" (process {holder['pid']})"
            raise InstanceError(
                f"the last run of this instance{who} is over, but programs that it started have not ended"
            )
        time.sleep(_POLL)

    def release(self) -> None:
        """Release the lock, for those too to whom it was lent."""
        if not self.file.closed:
            self._lend(None)
            fcntl.flock(self.file, fcntl.LOCK_UN)
            self.file.close()


def holder_of(path: Path) -> Owner | None:
    """Return the process that a lock file names, or None."""
    found = _record(path)
    if any(type(found.get(key)) is not kind for key, kind in _RECORD.items()):
        return None
    return Owner(host=found["host"], pid=found["pid"], born=found["born"], until=found["until"])


def marked(path: Path) -> str:
    """Return the last run whose journal has stood beside a lock file, or nothing."""
    run = _record(path).get("run")
    return run if isinstance(run, str) else ""


def _record(path: Path) -> dict[str, Any]:
    """Return what a lock file says; nothing if it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def has_had_journal(folder: Path) -> bool:
    """Return whether a folder without a journal has remains of one."""
    return bool(marked(folder / LOCK)) or any((folder / name).exists() for name in _REMAINS)


def gone(folder: Path) -> str:
    """Return the words for a journal that was removed."""
    return f"`{folder / JOURNAL}` is gone, and with it what became of the last run"


class Status(NamedTuple):
    """An instance as it looks from outside: its condition, the process that runs it, its last run, how that ended, and when the
    journal was written last."""

    name: str
    condition: Condition
    process: int = 0
    run: str = ""
    outcome: str = ""
    written: float = 0.0
    head: dict[str, Any] | None = None


def status_of(folder: Path) -> Status:
    """Return the status of an instance. Raise ValueError if its journal is damaged or gone, OSError if it cannot be read."""
    path, holder = folder / JOURNAL, holder_of(folder / LOCK)
    process = holder["pid"] if holder is not None and alive(holder, time.time()) and _is_locked(folder / LOCK) else 0
    try:
        recording = load(_read(path))
    except FileNotFoundError:
        if not process and has_had_journal(folder):
            raise ValueError(gone(folder)) from None
        return Status(folder.name, "running" if process else "new", process)
    condition: Condition = "running" if process else "ended" if recording.over else "unfinished"
    outcome = recording.events[-1][3] if recording.over and len(recording.events[-1]) > 3 else ""
    head = recording.head
    return Status(folder.name, condition, process, str(head.get("run", "")), str(outcome), path.stat().st_mtime, head)


def _is_locked(path: Path) -> bool:
    """Return whether somebody holds a lock."""
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
