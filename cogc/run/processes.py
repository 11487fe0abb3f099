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
_STDOUT = asyncio.subprocess.STDOUT


class Loop(Protocol):
    """What a process needs of the loop."""

    def call_soon(self, callback: Any, *args: Any) -> Any: ...

    def create_future(self) -> asyncio.Future[Any]: ...

    background: Background
    waited: set[Callable[[], bool]]


async def start(
    loop: Loop,
    protocol: asyncio.SubprocessProtocol,
    words: list[str],
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    cwd: Any = None,
    env: Mapping[str, str] | None = None,
    **options: Any,
) -> ProcessTransport:
    """Start a process for a protocol, and return its transport. Raise OSError if it cannot be started.

    A stream that is not a pipe is empty on its way in. On its way out it goes to stderr, as all that subprocesses
    of a run print.
    """
    if stderr == _STDOUT:
        words, stderr = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *words], None
    started: asyncio.Future[ProcessTransport] = loop.create_future()
    transport = ProcessTransport(loop, protocol, {0: stdin, 1: stdout, 2: stderr})
    loop.background.start_soon(transport.live, words, cwd, env, started)
    loop.waited.add(transport.waited)
    return await started


class ProcessTransport(asyncio.SubprocessTransport):
    """A process, as asyncio sees it. Its life is one task of Trio (`live`)."""

    def __init__(self, loop: Loop, protocol: asyncio.SubprocessProtocol, wanted: dict[int, int | None]) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._wanted = wanted
        self._process: Process | None = None
        self._ended: list[asyncio.Future[int]] = []
        self._code: int | None = None
        self._scope = trio.CancelScope()
        self._stdin = _Stdin() if wanted[0] == asyncio.subprocess.PIPE else None
        self._outs = {fd: _Out() for fd in (1, 2) if wanted[fd] == asyncio.subprocess.PIPE}

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
        try:
            with self._scope:
                async with spawn(words, None if cwd is None else str(cwd), env) as self._process:
                    self._enter(self._protocol.connection_made, self)
                    self._loop.call_soon(_settled, started, self)
                    await self._carry(self._process)
        except (OSError, ValueError) as error:
            reason = error if isinstance(error, ValueError) else _as_error(error, words)
            self._loop.call_soon(_settled, started, reason)
            return
        finally:
            self._loop.waited.discard(self.waited)
        self._end(-signal.SIGKILL if self._code is None else self._code)

    async def _carry(self, process: Process) -> None:
        """Carry the streams of the process until it has ended."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._feed, process.stdin)
            nursery.start_soon(self._read, process.stdout, 1)
            nursery.start_soon(self._read, process.stderr, 2)
            self._code = await process.wait()
            nursery.cancel_scope.deadline = trio.current_time() + 0.25  # a grandchild may hold the pipes open

    async def _feed(self, stream: trio.abc.SendStream) -> None:
        """Write what comes for stdin. One that is no pipe is empty."""
        try:
            if self._stdin is not None:
                async for data in self._stdin.reading:
                    await stream.send_all(data)
            await stream.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _read(self, stream: trio.abc.ReceiveStream, fd: int) -> None:
        """Hand what the process writes to the protocol, or let it go to stderr."""
        try:
            while data := await stream.receive_some(65536):
                if fd in self._outs:
                    self._enter(self._protocol.pipe_data_received, fd, bytes(data))
                elif self._wanted[fd] != _DEVNULL:
                    _show(bytes(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

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


def _as_error(error: Exception, words: list[str]) -> Exception:
    """Return the error of a start as asyncio has it: a command that is not there is FileNotFoundError."""
    number = getattr(error, "errno", 0)
    return OSError(number, os.strerror(number), words[0]) if number else error


def _show(data: bytes) -> None:
    sys.stderr.write(data.decode(errors="replace"))
