"""Traces that are written in parts: the options, and the file that becomes a closed part when it is large enough.

FILE is always the part that grows. `traces/parts.py` says how parts are named and read. A run that is killed at any moment leaves a set that
reads as one trace: a part is closed between two records by a change of its name, and its compressed form takes its place when it is whole.

A thread compresses, at the lowest priority. The lock is held while a file changes its name or goes, so that a part that is removed
meanwhile does not come back.
"""

from __future__ import annotations

import errno
import io
import os
import queue
import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress

from cogc.commands.recordings import opened
from cogc.commands.streams import Sink
from cogc.commands.usage import UsageError
from cogc.language.texts import size
from cogc.run.trace import TraceWriter
from cogc.traces import parts
from cogc.traces.members import compress

_DRAFT = ".draft"
"""The ending of a compressed part that is not whole yet."""


def add_options(add: Callable[..., object]) -> None:
    """Add the options of traces in parts."""
    add(
        "--trace-rotate",
        metavar="SIZE",
        help="with --trace: close the file when it has this size, such as 100MB, as FILE.1, FILE.2 and so on, and begin a new one",
    )
    add(
        "--trace-keep",
        type=int,
        metavar="N",
        help="with --trace-rotate: closed files that are kept, the newest ones (default: all)",
    )
    add("--trace-compress", action="store_true", help="with --trace-rotate: compress closed files, as gzip")


def passed(options: Namespace) -> list[str]:
    """Return the options as words of a command line."""
    words = ["--trace-rotate", options.trace_rotate] if options.trace_rotate else []
    words += ["--trace-keep", str(options.trace_keep)] if options.trace_keep is not None else []
    return [*words, *(["--trace-compress"] if options.trace_compress else [])]


def refuse_alone(options: Namespace) -> None:
    """Raise UsageError for options of parts without the trace, or with values that they cannot have."""
    if options.trace_rotate is None:
        for name in ("keep", "compress"):
            if getattr(options, f"trace_{name}"):
                raise UsageError(f"--trace-{name} is for a trace in parts: name their size with --trace-rotate")
        return
    if options.trace is None:
        raise UsageError("--trace-rotate is for a run with --trace")
    if options.trace_keep is not None and options.trace_keep < 1:
        raise UsageError(f"--trace-keep {options.trace_keep}: keep at least 1 closed file")
    _size(options.trace_rotate)


def _size(text: str) -> int:
    try:
        found = size(text)
    except ValueError as error:
        raise UsageError(f"--trace-rotate: {error}") from None
    if found < 1:
        raise UsageError(f"--trace-rotate {text}: a part has at least 1 byte")
    return found


def written(options: Namespace, path: str, replayed: str | None, mode: int = 0o666) -> tuple[Sink, TraceWriter]:
    """Open the trace that a command writes, and return its file and its writer. The parts of the trace that was here before go.

    Raise UsageError if the file cannot be written, or holds something else, and so for the names of its parts.
    """
    if options.trace_rotate is not None:
        _refuse_taken(path)
    sink = opened(path, replayed, mode)
    _remove_old(path)
    file = io.BufferedWriter(sink)
    if options.trace_rotate is None:
        return sink, TraceWriter(file)
    rotation = Rotation(path, sink, _size(options.trace_rotate), options.trace_keep, options.trace_compress)
    return sink, TraceWriter(file, rotation)


def _remove_old(path: str) -> None:
    """Remove the parts of a trace whose place is taken."""
    kept = parts.others(path)
    for part in parts.closed(path):
        for name in {part.bare, part.bare + parts.PACKED, part.bare + parts.PACKED + _DRAFT}.difference(kept):
            try:
                os.unlink(name)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise UsageError(
                    f"cannot remove `{name}`, a part of an older trace: {str(error.strerror).lower()}"
                ) from None


def _refuse_taken(path: str) -> None:
    """Raise UsageError if there is no room for parts beside a file."""
    if not os.path.isfile(path) and os.path.exists(path):
        raise UsageError(f"--trace-rotate: `{path}` is no file, and cannot be closed and begun anew")
    for name in parts.others(path):
        raise UsageError(f"`{name}` is no part of a trace, and stands where one would: rename it")


def _refuse_lost(name: str) -> None:
    """Raise FileExistsError if somebody has put something where a part comes to stand."""
    if parts.is_taken(name):
        raise FileExistsError(errno.EEXIST, "something else has the name of the part")


class Rotation:
    """Closes a trace file when it is large enough. `on_part` is called when a part has begun. `failed` says what could not be done."""

    def __init__(self, path: str, sink: Sink, size: int, keep: int | None, compresses: bool) -> None:
        self.path = os.path.abspath(path)
        self.sink = sink
        self.size = size
        self.keep = keep
        self.drops = keep is not None
        self.number = 0
        self.failed = ""
        self.on_part: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._closed: queue.SimpleQueue[str | None] | None = queue.SimpleQueue() if compresses else None
        self._thread: threading.Thread | None = None
        self._rotates = True

    def flushed(self) -> None:
        """Close the file if it is large enough. Everything that was written stands in it, to the end of a record."""
        if self._rotates and self.sink.lost is None and os.fstat(self.sink.fileno()).st_size >= self.size:
            self._rotate()

    def _rotate(self) -> None:
        name = f"{self.path}.{self.number + 1}"
        try:
            about = os.fstat(self.sink.fileno())
            _refuse_lost(name)
            os.rename(self.path, name)
            try:
                file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, about.st_mode & 0o777)
            except OSError:
                os.rename(name, self.path)
                raise
        except OSError as error:
            self._rotates = False
            self._note(
                f"cannot close `{self.path}`: {str(error.strerror).lower()}; the rest of the trace is in one file"
            )
            return
        os.dup2(file, self.sink.fileno(), inheritable=False)
        os.close(file)
        self.number += 1
        self._drop()
        if self._closed is not None:
            self._closed.put(name)
            if self._thread is None:
                self._thread = threading.Thread(target=self._compress_all, name="parts", daemon=True)
                self._thread.start()
        if self.on_part is not None:
            self.on_part()

    def _drop(self) -> None:
        """Remove the part that is too old now."""
        if self.keep is None or self.number <= self.keep:
            return
        name = f"{self.path}.{self.number - self.keep}"
        with self._lock:
            for at in (name, name + parts.PACKED):
                try:
                    os.unlink(at)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self._note(f"cannot remove `{at}`: {str(error.strerror).lower()}")

    def close(self) -> str:
        """Wait until all closed parts are compressed. Return what could not be done, or nothing."""
        if self._thread is not None and self._closed is not None:
            self._closed.put(None)
            self._thread.join()
            self._thread = None
        return self.failed

    def _note(self, what: str) -> None:
        self.failed = self.failed or what

    # ---- in the thread -----------------------------------------------------------------------------------------

    def _compress_all(self) -> None:
        with suppress(OSError, AttributeError):  # other systems than Linux have no priorities of threads
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        assert self._closed is not None
        while (name := self._closed.get()) is not None:
            try:
                self._compress(name)
            except OSError as error:
                self._note(f"cannot compress `{name}`: {str(error.strerror).lower()}")

    def _compress(self, name: str) -> None:
        """Put the compressed form of a part in its place; the part stays as it is if that fails."""
        draft = name + parts.PACKED + _DRAFT
        try:
            with open(name, "rb") as source:
                mode = os.fstat(source.fileno()).st_mode & 0o777
                with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as target:
                    compress(source, target)
            with self._lock:
                if os.path.exists(name):
                    _refuse_lost(name + parts.PACKED)
                    os.rename(draft, name + parts.PACKED)
                    os.unlink(name)
        except FileNotFoundError:
            pass  # it was too old meanwhile
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)
