"""Processes that users' code starts by asyncio: a transport over a process of the run, which ends with the run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import trio

from cogc.run.background import Background
from cogc.run.process import Process, spawn

_DEVNULL = asyncio.subprocess.DEVNULL
_PIPE = asyncio.subprocess.PIPE
_STDOUT = asyncio.subprocess.STDOUT
_NO_EFFECT: dict[str, tuple[object, ...]] = {
    "bufsize": (0,), "close_fds": (True,), "restore_signals": (True,), "shell": (True, False),
    "start_new_session": (True, False), "text": (False,), "universal_newlines": (False,),
}  # fmt: skip
"""The options of `Popen` that a process of a run takes, with the values that change nothing: its session is its own anyway."""


class Loop(Protocol):
    """The part of a loop that a process needs."""

    def call_soon(self, callback: Any, *args: Any) -> Any: ...

    def create_future(self) -> asyncio.Future[Any]: ...

    background: Background
    waited: set[Callable[[], bool]]


async def start(
    loop: Loop,
    protocol: asyncio.SubprocessProtocol,
    words: list[str],
    *,
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    cwd: Any = None,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> ProcessTransport:
    """Start a process for a protocol, and return its transport. Raise OSError if it cannot be started, and ValueError for
    an option that it cannot have.

    A stream is a pipe, a file or its descriptor, or DEVNULL. One that is not given is empty on its way in. On its way
    out it goes to stderr, as all that subprocesses of a run print.
    """
    for name, value in options.items():
        if value is not None and value not in _NO_EFFECT.get(name, ()):
            raise ValueError(f"a process of a run takes no `{name}={value!r}`")
    if stderr == _STDOUT:
        words, stderr = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *words], None
    files = {fd: _wanted(given) for fd, given in enumerate((stdin, stdout, stderr))}
    started: asyncio.Future[ProcessTransport] = loop.create_future()
    transport = ProcessTransport(loop, protocol, files)
    loop.background.start_soon(transport.live, words, cwd, env, started)
    loop.waited.add(transport.waited)
    return await started


class ProcessTransport(asyncio.SubprocessTransport):
    """A process, as asyncio sees it. Its life is one task of Trio (`live`)."""

    def __init__(self, loop: Loop, protocol: asyncio.SubprocessProtocol, wanted: dict[int, int | _File | None]) -> None:
        """`wanted` has PIPE, DEVNULL, a file, or None for each stream."""
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._wanted = wanted
        self._process: Process | None = None
        self._ended: list[asyncio.Future[int]] = []
        self._code: int | None = None
        self._scope = trio.CancelScope()
        self._stdin = _Stdin() if wanted[0] == _PIPE else None
        self._outs = {fd: _Out() for fd in (1, 2) if wanted[fd] == _PIPE}

    def waited(self) -> bool:
        """Return whether a task awaits the start of the process, its end, or what it writes."""
        if self._process is None or not self._process.pid or any(not waiter.done() for waiter in self._ended):
            return True
        readers = (getattr(self._protocol, name, None) for name in ("stdout", "stderr"))
        return any(getattr(reader, "_waiter", None) is not None for reader in readers)

    async def live(
        self, words: list[str], cwd: Any, env: Mapping[str, str] | None, started: asyncio.Future[ProcessTransport]
    ) -> None:
        """Start the process, carry its streams, and report its end."""
        code = -signal.SIGKILL
        try:
            with self._scope:
                async with spawn(words, None if cwd is None else str(cwd), env) as self._process:
                    self._enter(self._protocol.connection_made, self)
                    self._loop.call_soon(_settled, started, self)
                    code = await self._carry(self._process)
        except (OSError, ValueError) as error:
            reason = error if isinstance(error, ValueError) else _as_error(error, words)
            self._loop.call_soon(_settled, started, reason)
            return
        finally:
            self._loop.waited.discard(self.waited)
        self._end(code)

    async def _carry(self, process: Process) -> int:
        """Carry the streams of the process until it has ended, and return its exit code. Nobody hears of the end before all
        that the process has written is where it belongs."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read, process, process.stdout, 1)
            nursery.start_soon(self._read, process, process.stderr, 2)
            async with trio.open_nursery() as feeding:
                feeding.start_soon(self._feed, process.stdin)
                code = await process.wait()
                feeding.cancel_scope.cancel()
        return code

    async def _feed(self, stream: trio.abc.SendStream) -> None:
        """Write to stdin of the process as data come. A source that is neither pipe nor file counts as empty."""
        file = self._wanted[0]
        try:
            if self._stdin is not None:
                async for data in self._stdin.reading:
                    await stream.send_all(data)
            elif isinstance(file, _File):
                while data := await trio.to_thread.run_sync(file.read, abandon_on_cancel=True):
                    await stream.send_all(data)
            await stream.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        except OSError as error:
            _lost(error)

    async def _read(self, process: Process, stream: trio.lowlevel.FdStream, fd: int) -> None:
        """Hand what the process writes to the protocol, write it into its file, or let it go to stderr."""
        file = self._wanted[fd]
        try:
            while data := await process.receive(stream):
                if fd in self._outs:
                    self._enter(self._protocol.pipe_data_received, fd, data)
                elif isinstance(file, _File):
                    await trio.to_thread.run_sync(file.write, data, abandon_on_cancel=True)
                elif file != _DEVNULL:
                    _show(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
        except OSError as error:
            _lost(error)

    def _end(self, code: int) -> None:
        """Report the end to the protocol and to those who wait for it."""
        self._code = code
        for fd in (0, *self._outs):
            self._enter(self._protocol.pipe_connection_lost, fd, None)
        self._enter(self._protocol.process_exited)
        self._enter(self._protocol.connection_lost, None)
        for waiter in self._ended:
            self._enter(_settled, waiter, code)

    def _enter(self, callback: Any, *values: Any) -> None:
        self._loop.call_soon(callback, *values)

    # ---- what asyncio calls ------------------------------------------------------------------------------------

    async def _wait(self) -> int:
        if self._code is not None:
            return self._code
        waiter: asyncio.Future[int] = self._loop.create_future()
        self._ended.append(waiter)
        return await waiter

    def get_pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def get_returncode(self) -> int | None:
        return self._code

    def get_pipe_transport(self, fd: int) -> Any:
        return self._stdin if fd == 0 else self._outs.get(fd)

    def send_signal(self, signal: int) -> None:
        if self._code is None and self._process is not None and self._process.pid:
            os.kill(self._process.pid, signal)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def is_closing(self) -> bool:
        return self._code is not None

    def close(self) -> None:
        """End the process, if it still runs."""
        self._scope.cancel()


class _Stdin(asyncio.WriteTransport):
    """The stdin of a process."""

    def __init__(self) -> None:
        super().__init__()
        self._writing, self.reading = trio.open_memory_channel[bytes](float("inf"))
        self._closed = False

    def write(self, data: Any) -> None:
        if data and not self._closed:
            self._writing.send_nowait(bytes(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True
        self._writing.close()

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closed

    def get_write_buffer_size(self) -> int:
        return 0


class _Out(asyncio.ReadTransport):
    """An output of a process. It is read as fast as it comes."""

    def pause_reading(self) -> None:
        raise NotImplementedError

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Do nothing: the end of the process closes it."""


def _settled(future: asyncio.Future[Any], value: Any) -> None:
    if future.done():
        return
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(value)


class _File:
    """A descriptor of our own for a file that a user has opened. It is closed with the last reference: a thread that reads
    or writes may outlive the process, and must not meet another file under that number."""

    def __init__(self, given: Any) -> None:
        self._number = os.dup(given if isinstance(given, int) else given.fileno())

    def __del__(self) -> None:
        if hasattr(self, "_number"):
            os.close(self._number)

    def read(self) -> bytes:
        return os.read(self._number, 65536)

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._number, data) :]


def _wanted(given: Any) -> int | _File | None:
    """Return PIPE, DEVNULL or None as it is given, and anything else as a file. Raise OSError if it is none, or is closed."""
    if given is None or given in (_PIPE, _DEVNULL):
        found: int | None = given
        return found
    return _File(given)


def _as_error(error: Exception, words: list[str]) -> Exception:
    """Return the error of a start as asyncio has it: a command that is not there is FileNotFoundError."""
    number = getattr(error, "errno", 0)
    return OSError(number, os.strerror(number), words[0]) if number else error


def _lost(error: OSError) -> None:
    """Say that a file could not be read or written. The process meets the end of its stream."""
    sys.stderr.write(f"cogc: warning: a file of a process: {str(error.strerror).lower()}\n")


def _show(data: bytes) -> None:
    sys.stderr.write(data.decode(errors="replace"))
