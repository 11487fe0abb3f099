r"""Processes of programs: started by the run's reaper, fed, drained with a bound, and gone when they should be.

The model
    This process starts no command by itself. It asks its reaper, a process of its own, and the reaper forks a keeper
    for each command (`reaper.py` has their side, and the protocol). The keeper is the parent of the command, and of
    whatever the command leaves behind. A socket leads from here to the keeper. It is the life line of the command: when
    this side is shut down, or this process dies, the keeper ends everything below it.

    run_process    one command to its end: input in, outputs and exit code out
    spawn          a process with pipes for as long as a body runs: workers, servers
    held           the words that start a command under a keeper, for a client that insists on starting it itself

The order of events in `run_process`
    1. Wait for a place (`_places`). Places are a bound on commands that run at once: `--processes`, by default as many
       as descriptors and processors allow. `spawn` alone takes no place: what a worker waits for may need one.
    2. `_request` encodes words, folder and environment. ValueError for a word that no process can have.
    3. `_launch` makes a socket pair and three pipes, and passes one end of each to the reaper. The passed ends are
       closed here, so that the end of a stream is seen when the last process that holds it has ended.
    4. `Process.begin` sends the request. The keeper answers `started`, or `refused` with the reason: OSError.
    5. Three tasks feed stdin and drain stdout and stderr, while `wait` waits for the report `ended`. Output beyond
       OUTPUT_LIMIT is read and dropped, so that the command never blocks on a full pipe; `truncated` says so.
    6. The command has ended. What is in the pipes is read, however long that takes. They are drained for 0.25 s more, and
       no longer: a grandchild may hold them open for ever.
    7. `Process.end` shuts the socket down. The keeper ends what is left and then itself, which is the end of the
       socket.

Invariants
    When the body of `spawn` is left, by return, exception or cancellation, the command and all that it started are
    gone. Step 7 is shielded from cancellation. After END_LIMIT a keeper that does not end is given up.
    A cancelled read of a report loses nothing: `_exactly` keeps what has come in `_buffer`.
    A keeper that was killed counts as a command that was killed (KILLED). A reaper that was killed is replaced.
    A fork of this process gets a reaper of its own, since `_door` is kept by the number of the process.

A worked example: `sh -c "sleep 100 & echo hi"`
    ("started", 41)      the shell runs
    stdout               b"hi\\n"
    ("ended", 0)         the shell is over; `sleep` is a child of the keeper now, and holds stdout open
    0.25 s later         the drains are cancelled
    end of the socket    the keeper has ended `sleep` by SIGTERM, and itself
    result               ProcessResult(0, b"hi\\n", b"", False)
"""

from __future__ import annotations

import atexit
import fcntl
import marshal
import math
import os
import socket
import sys
import termios
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any

import trio

from cogc.diagnostics.masks import masked_bytes
from cogc.run import reaper

OUTPUT_LIMIT = 16 << 20
"""How many bytes of each output are kept."""
END_LIMIT = reaper.GRACE + reaper.LIMIT + 3.0
"""Seconds after which a keeper that does not end is given up."""
HELD_OPEN = 0.25
"""Seconds after the end of a command for which what it has started may still write."""
KILLED = -9
"""The exit code of a command whose keeper was killed."""


class ProcessResult:
    """The result of a process. `code` is negative for a signal; `truncated` says that output beyond the limit was
    dropped."""

    __slots__ = ("code", "stderr", "stdout", "truncated")

    def __init__(self, code: int, stdout: bytes, stderr: bytes, truncated: bool) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.truncated = truncated


class Process:
    """A process with pipes, and the control socket to its keeper. `returncode` is None while it runs."""

    __slots__ = ("_buffer", "_control", "_ended", "_left", "_reading", "pid", "returncode", "stderr", "stdin", "stdout")

    def __init__(self, control: trio.SocketStream, stdin: int, stdout: int, stderr: int) -> None:
        self._control = control
        self._buffer = b""
        self.stdin = trio.lowlevel.FdStream(stdin)
        self.stdout = trio.lowlevel.FdStream(stdout)
        self.stderr = trio.lowlevel.FdStream(stderr)
        self.pid = 0
        self.returncode: int | None = None
        self._ended = math.inf
        self._left: dict[int, int] = {}
        self._reading: dict[int, trio.CancelScope] = {}

    async def begin(self, request: bytes) -> None:
        """Let the keeper execute the command. Raise OSError if the command cannot be started."""
        with suppress(trio.BrokenResourceError):
            await self._control.send_all(len(request).to_bytes(4, "big") + request)
        match await self._frame():
            case ("started", int(pid)):
                self.pid = pid
            case ("refused", int(number), str(reason)):
                raise OSError(number, reason)
            case _:
                raise OSError(0, "the process that starts it was killed")

    async def wait(self) -> int:
        """Wait for the end of the process and return its exit code. What it has started may still run."""
        while self.returncode is None:
            match await self._frame():
                case ("ended", int(code)):
                    self.returncode = code
                case _:
                    self.returncode = KILLED
            self._note_end()
        return self.returncode

    def _note_end(self) -> None:
        """Take note of what the command has left in its pipes, and let those who wait for more wait for a moment only."""
        self._ended = trio.current_time()
        for stream in (self.stdout, self.stderr):
            number = stream.fileno()
            self._left[number] = _waits_in(number)
            if number in self._reading and not self._left[number]:
                self._reading[number].deadline = self._ended + HELD_OPEN

    async def receive(self, stream: trio.lowlevel.FdStream) -> bytes:
        """Return what comes next on stdout or stderr; nothing at its end. Once the command has ended, the stream ends too
        when all that the command has written is read, and `HELD_OPEN` has passed."""
        number = stream.fileno()
        limit = self._ended + HELD_OPEN if self._left.get(number, 0) <= 0 else math.inf
        data = b""
        with trio.CancelScope(deadline=limit) as self._reading[number]:
            data = bytes(await stream.receive_some(65536))
        self._reading.pop(number, None)
        if number in self._left:
            self._left[number] -= len(data)
        return data

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
        """Return the next bytes without taking them out of the buffer; none if the keeper is gone. Cancelling loses
        nothing."""
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
    """Run a command to its end. Raise OSError if it cannot be started. Cancelling ends everything that it has
    started."""
    streams = _Streams()
    async with _places(), spawn(words, cwd, env) as process:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(streams.drain, process, process.stdout, streams.stdout)
            nursery.start_soon(streams.drain, process, process.stderr, streams.stderr)
            async with trio.open_nursery() as feeding:
                feeding.start_soon(_feed, process.stdin, stdin)
                await process.wait()
                feeding.cancel_scope.cancel()
        await trio.lowlevel.checkpoint_if_cancelled()
        out, err = masked_bytes(bytes(streams.stdout)), masked_bytes(bytes(streams.stderr))
        return ProcessResult(process.returncode or 0, out, err, streams.truncated)


@asynccontextmanager
async def spawn(
    words: list[str], cwd: str | None = None, env: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Start a process with pipes, in a session of its own. When the body is left, it is gone with everything that it
    started."""
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
    """Return a request to a keeper. Raise ValueError for a word or a variable that no process can have."""
    found = [os.fsencode(w) for w in words]
    variables = {os.fsencode(k): os.fsencode(v) for k, v in env.items() if k != reaper.MARK}
    if any(b"\0" in w for w in (*found, *variables, *variables.values())) or any(b"=" in k for k in variables):
        raise ValueError(
            "a word or a variable of the command holds a NUL character, or the name of a variable holds `=`"
        )
    return marshal.dumps((found, os.fsencode(cwd or os.getcwd()), variables))


def _launch() -> Process:
    """Let the reaper fork a keeper. Raise OSError if descriptors are exhausted."""
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
    """Pass descriptors to the reaper. A reaper that was killed is replaced."""
    with _starting:
        try:
            socket.send_fds(_door(os.getpid()), [b"+"], descriptors)
        except (BrokenPipeError, ConnectionResetError):
            _door(os.getpid()).close()
            _door.cache_clear()
            socket.send_fds(_door(os.getpid()), [b"+"], descriptors)


_starting = threading.Lock()
"""Held while the reaper may be started: users' code may start its first process in a thread."""


def watched() -> None:
    """Start the reaper, if there is none yet: it ends what users' code has started by itself (`marked.py`)."""
    with _starting:
        _door(os.getpid())


def starts_reaper(words: Any) -> bool:
    """Return whether the words of a command that is about to be started, in a list of one, are those of the reaper."""
    return any(isinstance(w, list) and reaper.__file__ in w for w in words)


_lent: list[int] = []


def lend(descriptor: int | None) -> None:
    """Lend a descriptor to the reaper that is started next, and to the keepers below it; None lends none."""
    while _lent:
        os.close(_lent.pop())
    if descriptor is not None:  # a high number, which none of the reaper's own takes the place of
        _lent.append(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 64))


@lru_cache(maxsize=1)
def _door(runner: int) -> socket.socket:
    """Start the reaper of this process and return the socket to it."""
    ours, theirs = socket.socketpair()
    words = [sys.executable, "-I", "-S", reaper.__file__, "serve", str(runner), reaper.mark_of(runner)]
    nowhere = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in (0, 1)]
    with theirs:
        actions = [*nowhere, (os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)]
        if _lent:
            words.append("lent")
            actions.append((os.POSIX_SPAWN_DUP2, _lent[0], 4))
        os.posix_spawn(sys.executable, words, {}, file_actions=actions, setsid=True)
    atexit.register(ours.close)  # the reaper ends with this process
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

    async def drain(self, process: Process, stream: trio.lowlevel.FdStream, into: bytearray) -> None:
        """Read a stream to its end and keep its first bytes, up to the limit."""
        try:
            while data := await process.receive(stream):
                room = OUTPUT_LIMIT - len(into)
                into += data[:room]
                self.truncated = self.truncated or len(data) > room
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return


def _waits_in(number: int) -> int:
    """Return how many bytes wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(number, termios.FIONREAD, bytes(4)), sys.byteorder)


async def _feed(stream: trio.abc.SendStream, data: bytes) -> None:
    """Write all input to a process and close its stdin. A process that does not read its input is no error."""
    try:
        if data:
            await stream.send_all(data)
        await stream.aclose()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
