"""Processes of programs: started by the run's reaper, fed, drained with a bound, and gone when they should be.

A process is started by a keeper (`reaper.py`), which holds all that the process starts in turn. The control socket to the keeper
is the process's life line: when this side is shut down, or this process dies, the keeper ends everything below it.

Processes are a resource with a queue. `run_process` waits for one of the places of this process (`--processes`, by default as
many as descriptors and processors allow) before it starts a command. A worker or a server that lives longer takes no place, since
what it waits for may need one.
"""

from __future__ import annotations

import marshal
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any

import trio

from cogc.run import reaper

OUTPUT_LIMIT = 16 << 20
END_LIMIT = reaper.GRACE + reaper.LIMIT + 3.0
KILLED = -9


class ProcessResult:
    """The result of a process. `code` is negative for a signal."""

    __slots__ = ("code", "stderr", "stdout", "truncated")

    def __init__(self, code: int, stdout: bytes, stderr: bytes, truncated: bool) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.truncated = truncated


class Process:
    """A process with pipes, and the control socket to its keeper. `returncode` is None while it runs."""

    __slots__ = ("_buffer", "_control", "pid", "returncode", "stderr", "stdin", "stdout")

    def __init__(self, control: trio.SocketStream, stdin: int, stdout: int, stderr: int) -> None:
        self._control = control
        self._buffer = b""
        self.stdin = trio.lowlevel.FdStream(stdin)
        self.stdout = trio.lowlevel.FdStream(stdout)
        self.stderr = trio.lowlevel.FdStream(stderr)
        self.pid = 0
        self.returncode: int | None = None

    async def begin(self, request: bytes) -> None:
        """Have the keeper execute the command. OSError if that cannot be done."""
        with suppress(trio.BrokenResourceError):
            await self._control.send_all(len(request).to_bytes(4, "big") + request)
        match await self._frame():
            case ("started", int(pid)):
                self.pid = pid
            case ("refused", int(number), str(reason)):
                raise OSError(number, reason)
            case _:
                raise OSError(0, "its keeper was killed")

    async def wait(self) -> int:
        """Wait for the end of the process, though perhaps not of what it has started; its code."""
        while self.returncode is None:
            match await self._frame():
                case ("ended", int(code)):
                    self.returncode = code
                case _:
                    self.returncode = KILLED
        return self.returncode

    async def end(self) -> None:
        """End the process and all that it has started, and wait until they are gone."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(END_LIMIT):
            await self._control.send_eof()
            while await self._frame() is not None:
                pass
        for stream in (self.stdin, self.stdout, self.stderr, self._control):
            await trio.aclose_forcefully(stream)

    async def _frame(self) -> Any:
        """Return the next report of the keeper, or None when it is gone."""
        head = await self._exactly(4)
        data = await self._exactly(4 + int.from_bytes(head, "big")) if head else b""
        self._buffer = self._buffer[len(data) :]
        return marshal.loads(data[4:]) if data else None

    async def _exactly(self, size: int) -> bytes:
        """Read on until the buffer holds so many bytes; none if the keeper is gone before. Cancelling loses nothing."""
        while len(self._buffer) < size:
            try:
                part = await self._control.receive_some(65536)
            except trio.BrokenResourceError:
                part = b""
            if not part:
                return b""
            self._buffer += part
        return self._buffer[:size]


async def run_process(
    words: list[str], stdin: bytes = b"", cwd: str | None = None, env: Mapping[str, str] | None = None
) -> ProcessResult:
    """Run a command to its end. OSError if it cannot be started; cancelling ends all that it has started first."""
    streams = _Streams()
    async with _places(), spawn(words, cwd, env) as process:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_feed, process.stdin, stdin)
            nursery.start_soon(streams.drain, process.stdout, streams.stdout)
            nursery.start_soon(streams.drain, process.stderr, streams.stderr)
            await process.wait()
            # a grandchild may hold the pipes open: what it still writes is not waited for
            nursery.cancel_scope.deadline = trio.current_time() + 0.25
        await trio.lowlevel.checkpoint_if_cancelled()
        return ProcessResult(process.returncode or 0, bytes(streams.stdout), bytes(streams.stderr), streams.truncated)


@asynccontextmanager
async def spawn(
    words: list[str], cwd: str | None = None, env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """A process with pipes, in a session of its own; when it is left, it is gone with all that it started."""
    request = _request(words, cwd, os.environ if env is None else env)
    process = _launch()
    try:
        await process.begin(request)
        yield process
    finally:
        with trio.CancelScope(shield=True):
            await process.end()


def held(words: list[str]) -> list[str]:
    """Return the command that runs `words` under a keeper, for a client that insists on starting its process itself."""
    return [sys.executable, "-I", "-S", reaper.__file__, "hold", str(os.getpid()), *words]


# ---- starting ------------------------------------------------------------------------------------------------


def _request(words: list[str], cwd: str | None, env: Mapping[str, str]) -> bytes:
    """Return what a keeper is to execute. ValueError for what cannot be a word or a variable of a process."""
    found = [os.fsencode(w) for w in words]
    variables = {os.fsencode(k): os.fsencode(v) for k, v in env.items()}
    if any(b"\0" in w for w in (*found, *variables, *variables.values())) or any(b"=" in k for k in variables):
        raise ValueError("a word or a variable holds a character that it must not hold")
    return marshal.dumps((found, os.fsencode(cwd or os.getcwd()), variables))


def _launch() -> Process:
    """Have the reaper fork a keeper; OSError if descriptors are exhausted."""
    ours, theirs = socket.socketpair()
    opened, given = [ours.fileno()], [theirs.fileno()]
    try:
        for writes in (True, False, False):
            reading, writing = os.pipe()
            opened.append(writing if writes else reading)
            given.append(reading if writes else writing)
        _hand_over(given)
    except BaseException:
        for descriptor in opened[1:] + given[1:]:
            os.close(descriptor)
        ours.close()
        theirs.close()
        raise
    theirs.close()
    for descriptor in given[1:]:
        os.close(descriptor)
    return Process(trio.SocketStream(trio.socket.from_stdlib_socket(ours)), *opened[1:])


def _hand_over(descriptors: list[int]) -> None:
    """Pass descriptors to the reaper; one that was killed is replaced."""
    try:
        socket.send_fds(_door(os.getpid()), [b"+"], descriptors)
    except (BrokenPipeError, ConnectionResetError):
        _door(os.getpid()).close()
        _door.cache_clear()
        socket.send_fds(_door(os.getpid()), [b"+"], descriptors)


@lru_cache(maxsize=1)
def _door(runner: int) -> socket.socket:
    """Start the reaper of this process; return the socket to it. A fork of this process gets a reaper of its own."""
    ours, theirs = socket.socketpair()
    words = [sys.executable, "-I", "-S", reaper.__file__, "serve", str(runner)]
    nowhere = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in (0, 1)]
    with theirs:
        actions = [*nowhere, (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)]
        os.posix_spawn(sys.executable, words, {}, file_actions=actions, setsid=True)
    return ours


# ---- a place in the queue -----------------------------------------------------------------------------------


def places() -> int:
    """Return how many commands may run at once by default: what descriptors and processors allow."""
    import resource  # not there on Windows, and needed once

    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(1, min(32 * (os.cpu_count() or 1), (descriptors - 30) // 6))


_limit: list[int] = []
_waiting: trio.lowlevel.RunVar[trio.Semaphore] = trio.lowlevel.RunVar("places of processes")


def limit_processes(processes: int) -> None:
    """Let this process run at most so many commands at once."""
    _limit[:] = [processes]


@asynccontextmanager
async def _places() -> AsyncIterator[None]:
    """Hold one of the places for commands."""
    try:
        semaphore = _waiting.get()
    except LookupError:
        semaphore = trio.Semaphore(_limit[0] if _limit else places())
        _waiting.set(semaphore)
    async with semaphore:
        yield


# ---- input and output ---------------------------------------------------------------------------------------


class _Streams:
    """The output of a process, up to the bound."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.truncated = False

    async def drain(self, stream: trio.abc.ReceiveStream, into: bytearray) -> None:
        try:
            while data := await stream.receive_some(65536):
                room = OUTPUT_LIMIT - len(into)
                into += data[:room]
                self.truncated = self.truncated or len(data) > room
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return


async def _feed(stream: trio.abc.SendStream, data: bytes) -> None:
    try:
        if data:
            await stream.send_all(data)
        await stream.aclose()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
