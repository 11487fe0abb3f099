"""Streams that survive the loss of their target: a reader that goes away, a full disk, a closed descriptor.

A sink keeps the first error that a write met, calls `on_lost` once, and drops everything that is written afterwards. A
command therefore reaches its own exit code, and a run stops in good order, with its `on stop` hooks. `guard` puts such
sinks behind stdout and stderr before a command begins. `loss` says afterwards, in one line, what could not be written.

What is written to the guarded stdout and stderr is text that people see: secrets are masked, and characters that could do
something to a terminal are visible (`diagnostics/visible.py`). Whoever writes sequences for the terminal itself, in colour,
writes to `terminal(stream)`, and makes the texts of others visible first.

`cogc check` starts through this module, so that it imports nothing heavy.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

from cogc.diagnostics.visible import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ESCAPES = "cogc-escapes"


class Sink(io.FileIO):
    """A file or descriptor that is written to until it is lost. `title` names it for people; `lost` is the first
    error. `wanted` is true once there was something to write. A file that is made gets the permissions `mode`, less the umask."""

    def __init__(self, file: str | int, title: str, *, lost: OSError | None = None, mode: int = 0o666) -> None:
        def opened(path: str, flags: int) -> int:
            return os.open(path, flags, mode)

        if isinstance(file, int):
            super().__init__(file, "wb", closefd=False)
        else:
            super().__init__(file, "wb", opener=opened)
        self.title = title
        self.lost = lost
        self.on_lost: Callable[[], None] | None = None
        self.wanted = False

    def write(self, data: Any) -> int:
        """Write data in full, or drop it if the target is lost."""
        size = len(data)
        self.wanted = self.wanted or size > 0
        while self.lost is None:
            try:
                written = super().write(data) or 0
                if written == len(data):
                    break
                data = memoryview(data)[written:]
            except OSError as error:
                self.lost = error
                if self.on_lost is not None:
                    self.on_lost()
        return size

    def loss(self) -> str:
        """Return why written data is missing. The text is empty if all is there, or if the reader has gone away."""
        if self.lost is None or not self.wanted or isinstance(self.lost, BrokenPipeError):
            return ""
        return f"cannot write to {self.title}: {(self.lost.strerror or str(self.lost)).lower()}"


class _Shown(io.TextIOWrapper):
    """A stream for people."""

    def write(self, text: str) -> int:
        super().write(shown(text))
        return len(text)

    def close(self) -> None:
        """Flush the stream. It stays open, whatever the code of a user that has got hold of it does: a run says more at its end."""
        self.flush()


class _Terminal:
    """A stream for people, to which sequences for the terminal are written as they are."""

    def __init__(self, stream: _Shown) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return io.TextIOWrapper.write(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def terminal(stream: Any) -> Any:
    """Return a stream that takes colours and movements of the cursor, and goes where the guarded one goes."""
    return _Terminal(stream) if isinstance(stream, _Shown) else stream


def guard() -> None:
    """Put sinks behind stdout and stderr. A character that their encoding lacks is written as a JSON escape."""
    codecs.register_error(_ESCAPES, _escaped)
    closed = [_reserved(number) for number in (0, 1, 2)]
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded(sys.stdout, 1, "stdout", closed[1])
    if sys.stderr is sys.__stderr__:
        sys.stderr = _guarded(sys.stderr, 2, "stderr", closed[2])


def sink_of_stdout() -> Sink | None:
    """Return the sink behind stdout, or None if `sys.stdout` was replaced by another stream."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw if isinstance(raw, Sink) else None


def stdout_is_lost() -> bool:
    """Return whether nobody gets what is written to stdout, so that a command without end must end. It counts as lost output
    then, also where nothing was written yet."""
    sink = sink_of_stdout()
    if sink is None or sink.lost is None:
        return False
    sink.wanted = True
    return True


def lose_stdout(error: OSError) -> None:
    """Count stdout as lost: what was written past its sink could not be written."""
    sink = sink_of_stdout()
    if sink is not None and sink.lost is None:
        sink.lost, sink.wanted = error, True


def read_stdin() -> bytes:
    """Return the spec that stdin has, or a little more than a spec may have of what has no end. Raise UsageError if stdin is closed."""
    from cogc.diagnostics.source import LIMIT_MB  # for those who read a spec

    most = (LIMIT_MB << 20) + 1
    if sys.stdin is None:
        from cogc.commands.usage import UsageError  # start-up: for a refusal alone

        raise UsageError("stdin is closed")
    return sys.stdin.buffer.read(most) if hasattr(sys.stdin, "buffer") else sys.stdin.read(most).encode()


def refuse_foreign(path: str) -> None:
    """Raise UsageError for a file that is not empty and is neither a trace nor a journal, as it would be
    overwritten."""
    if not os.path.isfile(path) or not os.path.getsize(path):
        return
    with open(path, "rb") as file:
        first = file.read(11)
    if not first.startswith((b'{"v":', b'{"journal":')):
        from cogc.commands.usage import UsageError

        raise UsageError(f"`{path}` is neither a trace nor a journal, and is not overwritten")


def _guarded(stream: io.TextIOWrapper | None, number: int, title: str, closed: OSError | None) -> io.TextIOWrapper:
    """Return a stream like the given one, over a sink."""
    raw = Sink(number, title, lost=closed)
    if stream is None:  # the descriptor was closed when the process began
        return _Shown(io.BufferedWriter(raw), "utf-8", _ESCAPES)
    stream.flush()
    return _Shown(
        io.BufferedWriter(raw),
        stream.encoding,
        _ESCAPES,
        line_buffering=stream.line_buffering or stream.write_through,  # the buffer between would keep the text
        write_through=stream.write_through,
    )


def _reserved(number: int) -> OSError | None:
    """Occupy a standard descriptor that is closed, so that no file of the command gets its number. Return why it was
    closed."""
    try:
        os.fstat(number)
    except OSError as error:
        os.open(os.devnull, os.O_RDWR)
        return error
    return None


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Write characters as `\\uXXXX`, two of them above the basic plane."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    data = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[i : i + 2].hex()}" for i in range(0, len(data), 2)), error.end


def flushed(code: int) -> int:
    """Write the rest of the output to stdout, and report output that was lost. The exit code is not 0 then."""
    sys.stdout.flush()
    sink = sink_of_stdout()
    loss = sink.loss() if sink is not None else ""
    if not loss:
        return code
    sys.stderr.write(f"cogc: {loss}\n")
    return code or 3
