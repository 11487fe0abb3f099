"""Processes of programs: started in a group of their own, fed, drained with a bound, and gone when they should be.

No grandchild survives: the group is asked to end, then killed; what left the group is found by a mark in its
environment, which it inherited.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio

OUTPUT_LIMIT = 16 << 20
GRACE = 2.0
MARK = "COGC_PROCESS"


class ProcessResult:
    """What a process left behind. `code` is negative for a signal."""

    __slots__ = ("code", "stderr", "stdout", "truncated")

    def __init__(self, code: int, stdout: bytes, stderr: bytes, truncated: bool) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        self.truncated = truncated


async def run_process(
    words: list[str], stdin: bytes = b"", cwd: str | None = None, env: Mapping[str, str] | None = None
) -> ProcessResult:
    """Run a command to its end. OSError if it cannot be started; cancelling ends its whole group first."""
    streams = _Streams()
    async with spawn(words, cwd, env) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
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
) -> AsyncIterator[trio.Process]:
    """A process with pipes, in a session of its own; when it is left, it is gone with all that it started."""
    mark = uuid.uuid4().hex
    process = await trio.lowlevel.open_process(
        words,
        stdin=-1,
        stdout=-1,
        stderr=-1,
        cwd=cwd,
        env={**(os.environ if env is None else env), MARK: mark},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with trio.CancelScope(shield=True):
            await _end(process, mark)


class _Streams:
    """What a process wrote, up to the bound."""

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


async def _end(process: trio.Process, mark: str) -> None:
    """End what is left of a process's group, and whatever of it has left the group."""
    _signal_group(process.pid, signal.SIGTERM)
    deadline = trio.current_time() + GRACE
    while _group_lives(process.pid) and trio.current_time() < deadline:  # noqa: ASYNC110 - other processes tell nobody
        await trio.sleep(0.01)
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()
    await sweep(mark)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            await trio.aclose_forcefully(stream)


async def sweep(mark: str) -> None:
    """Kill all that carry a mark, wherever they went; again until none is found, for one of them may have forked meanwhile."""
    deadline = trio.current_time() + GRACE
    while (left := _marked(mark)) and trio.current_time() < deadline:
        for pid in left:
            _kill(pid)
        await trio.sleep(0.005)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _stat(pid: str) -> list[str] | None:
    """A process's state, parent, group and session from /proc, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()[:4]
    except OSError:
        return None


def _group_lives(group: int) -> bool:
    """Whether anything but zombies is left in a process group."""
    if not os.path.isdir("/proc/self"):
        return False
    for pid in filter(str.isdigit, os.listdir("/proc")):
        found = _stat(pid)
        if found is not None and found[2] == str(group) and found[0] not in "ZX":
            return True
    return False


def _marked(mark: str) -> list[int]:
    """The processes that carry a mark in their environment: descendants, wherever they went."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc/self") else []):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if wanted in file.read():
                    found.append(int(pid))
        except OSError:
            continue
    return found
