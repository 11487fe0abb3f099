"""Keep the prints of users' Python apart from what cogc writes to stdout.

While a run goes on, descriptor 1 is a pipe, and `sys.stdout` decides for each write where it goes:
    the thread of the run itself, outside of a user's code    the real stdout
    a Python program                                          stderr, each line behind the program's name
    a coglet in Python                                        stdout, as without cogc; stderr if stdout is JSON alone
    what comes through the pipe (C code, subprocesses,        stderr, behind the names of the programs that are
    `os.write`)                                               under way

What a user's code puts in the place of `sys.stdout` and `sys.stderr` is gone with the run, so that its end is reported where it always is.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from cogc import ir
from cogc.commands.streams import Sink, sink_of_stdout
from cogc.run import calling

DRAINED = 1.0
"""How many seconds the end of a run waits for the pipe, which a subprocess may still hold open."""


def has_python(bundle: ir.Bundle) -> bool:
    """Return whether a program has Python of its user's."""
    return any(p.kind in ("python", "coglet") for p in bundle.programs.values())


@contextmanager
def apart(bundle: ir.Bundle, json: bool) -> Iterator[None]:
    """Keep what users' Python prints apart while the body runs. For a program without Python nothing changes."""
    if not has_python(bundle):
        yield
        return
    stdout, stderr, sink = sys.stdout, sys.stderr, sink_of_stdout()
    stdout.flush()
    router = _Router(stdout, stderr, json)
    sys.stdout = router
    restore = _piped(sink, router) if sink is not None else None
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        router.finish()
        if restore is not None:
            stdout.flush()
            restore()


def _piped(sink: Sink, router: _Router) -> Callable[[], None]:
    """Make descriptor 1 a pipe, and let the sink write to the old stdout. Return the function that undoes this."""
    kept = os.dup(1)
    io.FileIO.__init__(sink, kept, "wb", closefd=False)
    reading, writing = os.pipe()
    os.dup2(writing, 1)
    os.close(writing)
    reader = threading.Thread(target=_read, args=(reading, router), daemon=True)
    reader.start()

    def restore() -> None:
        os.dup2(kept, 1)
        io.FileIO.__init__(sink, 1, "wb", closefd=False)
        os.close(kept)
        reader.join(DRAINED)

    return restore


def _read(descriptor: int, router: _Router) -> None:
    """Copy the pipe to stderr, line by line, until its last writer closes it."""
    lines = _Lines(calling.under_way, router.stderr)
    with open(descriptor, "rb", buffering=0) as pipe:
        while data := pipe.read(1 << 16):
            lines.write(data)
    lines.finish()


class _Lines(io.RawIOBase):
    """A stream that writes whole lines to stderr, each behind the name of the program that printed it."""

    def __init__(self, name: Callable[[], str], stderr: TextIO) -> None:
        self.name = name
        self.stderr = stderr
        self.rest = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        *lines, self.rest = (self.rest + bytes(data)).split(b"\n")
        for line in lines:
            self._say(line)
        return len(data)

    def finish(self) -> None:
        """Write a last line that has no end."""
        rest, self.rest = self.rest, b""
        if rest:
            self._say(rest)

    def _say(self, line: bytes) -> None:
        self.stderr.write(f"{self.name()}: {line.decode('utf-8', 'replace')}\n")


class _Router(io.TextIOBase):
    """`sys.stdout` during a run: it sends each write to the stream of the code that writes."""

    def __init__(self, stdout: TextIO, stderr: TextIO, json: bool) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.json = json
        self.printed: dict[str, tuple[io.TextIOWrapper, _Lines]] = {}
        self.lock = threading.Lock()

    def _stream(self) -> Any:
        """Return the stream for the code that is writing now."""
        speaker = calling.speaker.get()
        if speaker is None and threading.current_thread() is threading.main_thread():
            return self.stdout
        if speaker is not None and speaker.coglet and not self.json:
            return self.stdout
        return self._named(speaker.name if speaker is not None else calling.under_way())

    def _named(self, name: str) -> io.TextIOWrapper:
        """Return the stream on stderr for a program's name."""
        with self.lock:
            if name not in self.printed:
                lines = _Lines(lambda: name, self.stderr)
                stream = io.TextIOWrapper(io.BufferedWriter(lines), "utf-8", "replace", line_buffering=True)
                self.printed[name] = stream, lines
            return self.printed[name][0]

    def write(self, text: str) -> int:
        return int(self._stream().write(text))

    def flush(self) -> None:
        self._stream().flush()

    def fileno(self) -> int:
        return int(self.stdout.fileno()) if self._stream() is self.stdout and calling.speaker.get() is None else 1

    def isatty(self) -> bool:
        return bool(self._stream().isatty())

    def writable(self) -> bool:
        return True

    @property
    def buffer(self) -> Any:
        return self._stream().buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(self._stream().encoding)

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream().errors  # type: ignore[no-any-return]

    def finish(self) -> None:
        """Write the last lines of all programs, which may have no end."""
        for stream, lines in self.printed.values():
            stream.flush()
            lines.finish()
