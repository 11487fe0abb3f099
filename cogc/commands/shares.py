"""Work on many files in several processes: each process takes a share of the files, and this one the first share.

A process that cannot be started, is killed, or runs out of memory costs time and no result: its share is done here. None is
left behind: the others are ended where the work ends early, and each of them ends soon after this process is gone.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    S = TypeVar("S")
    R = TypeVar("R")

_MOST = 8
_LOOK = 0.1
"""Seconds between two looks whether the process that began the work is there."""
_ENDS = (signal.SIGINT, signal.SIGTERM)


def processes() -> int:
    """Return how many processes can work at once: one where there is one processor, or where a thread would be lost in a fork."""
    threading = sys.modules.get("threading")
    if not hasattr(os, "sched_getaffinity") or (threading is not None and threading.active_count() > 1):
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST)


def shared(shares: list[S], work: Callable[[S], R]) -> list[R]:
    """Return what the work on each share gives. The results of other processes are copies."""
    others: list[_Process] = []
    try:
        for share in shares[1:]:
            others.append(_Process(work, share))
        done = [work(shares[0])]
        for share, other in zip(shares[1:], others, strict=True):
            found = other.result()
            done.append(found[0] if found else work(share))
        return done
    finally:
        for other in others:
            other.end()


class _Process:
    """A process that works on a share and writes the result into a pipe. Its `pid` is 0 if it could not be started."""

    def __init__(self, work: Callable[[Any], object], share: object) -> None:
        self.pid = 0
        self._reading = -1
        self._is_at_work = True
        parent, before = os.getpid(), signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        try:
            self._reading, writing = os.pipe()
            try:
                self.pid = os.fork()
                if not self.pid:
                    _child(work, share, writing, parent)
            finally:
                os.close(writing)
        except OSError:  # there are no more processes, descriptors or memory
            pass
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def result(self) -> tuple[Any] | None:
        """Wait for the result and return it; None if there is none."""
        if not self.pid:
            return None
        with open(self._reading, "rb", closefd=False) as pipe:
            size, data = pipe.read(8), pipe.read()
        self._is_at_work = False
        return (pickle.loads(data),) if data and len(data) == int.from_bytes(size, "big") else None

    def end(self) -> None:
        """End the process if it is at work, and wait until it is gone."""
        if self._reading >= 0:
            os.close(self._reading)
        if self.pid:
            with suppress(OSError):  # it may be gone, without a word where the ends of children are ignored
                if self._is_at_work:
                    os.kill(self.pid, signal.SIGTERM)
                os.waitpid(self.pid, 0)


def _child(work: Callable[[Any], object], share: object, writing: int, parent: int) -> None:
    """Do the work and write the result, in the forked process. It ends here, and says nothing of what goes wrong."""
    try:
        _watch(parent)
        data = pickle.dumps(work(share), pickle.HIGHEST_PROTOCOL)
        with open(writing, "wb") as pipe:
            pipe.write(len(data).to_bytes(8, "big") + data)
    finally:
        os._exit(0)


def _watch(parent: int) -> None:
    """Let this process be interrupted, once, by the signals that end it, and when the process that made it is gone."""
    is_interrupted = False

    def come(number: int, _frame: object) -> None:
        nonlocal is_interrupted
        if not is_interrupted and (number != signal.SIGALRM or os.getppid() != parent):
            is_interrupted = True
            raise KeyboardInterrupt

    for number in (*_ENDS, signal.SIGALRM):
        signal.signal(number, come)
    signal.setitimer(signal.ITIMER_REAL, _LOOK, _LOOK)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*_ENDS, signal.SIGALRM))
