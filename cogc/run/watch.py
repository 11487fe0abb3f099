"""The watch over users' code that runs on the thread of the run: what never gives way is interrupted.

**The model.** Async functions and the methods of Python coglets run on the run's one thread, between two waits of
their own. While such code computes, nothing else of the run has a turn: no timer, no timeout, no signal is taken. So
each call has a `Hold`: up to when it may hold the thread. A thread of its own (`_look`) sees each `TICK` which task has the
turn, and since when. If a call's time is over, or a signal waits to be taken, it sends SIGURG to the process's main thread.
The signal's handler raises `Overdue` inside of the user's code.

**What follows.** The call is over, whatever the user's code makes of the exception. It does not end by itself: it
waits to be cancelled (`calling.left`), by whoever was held up. That is the timeout of the program, the timeout
of the reaction, `--for`, or the stop after a signal. So an interrupted call ends as one that waited would.

**The invariants.**

- `Overdue` is raised in the middle of users' code alone, never in code of cogc's or Trio's, on whose state the run
  stands: the handler looks at the frame that it has interrupted. If it is none of a user's, the next tick tries again.
- A turn that began since the last tick is left alone: most turns are short, and end in good order.
- Code that takes `Overdue` and goes on is interrupted again. Code that never returns to Python (a long call of C code) is
  out of reach. After a signal the process then ends by itself (`stopping.py`).
- There is one watch for each run of Trio, made at the first call of users' code. Outside of the main thread there is none:
  signals are handled in the main thread only.

**An example.** `program f() -> int = python "busy:f" { timeout: 2s }`, and `async def f(): while True: pass`.
    0 s     the call begins: its `Hold` is due in 2 s
    2.1 s   the second tick that sees the same turn after the due time sends SIGURG; `Overdue` leaves `f`
    2.1 s   the call waits; Trio has its turn, and cancels the call for its timeout: a Failure of kind `timeout`
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import FrameType

import trio

TICK = 0.05
"""Seconds between two looks at who has the turn."""
_SIGNAL = signal.SIGURG  # ignored where nobody handles it
_OURS = frozenset({"cogc", "trio", "outcome"})
_STANDARD = os.path.dirname(os.__file__) + os.sep


class Overdue(BaseException):
    """Interrupts users' code that holds the run's thread."""


class Hold:
    """A bound on the time for which one call may hold the thread: up to `due`, in seconds of `time.monotonic`. `over` is True once it was
    interrupted."""

    __slots__ = ("due", "over")

    def __init__(self, due: float) -> None:
        self.due = due
        self.over = False


_hold: ContextVar[Hold | None] = ContextVar("cogc_hold", default=None)
_watch: trio.lowlevel.RunVar[Watch] = trio.lowlevel.RunVar("cogc_watch")
_signalled = threading.Event()
"""Set while a signal that stops the run waits to be taken by the run's loop."""


def signalled() -> None:
    """Take note that a signal waits to be taken. A signal handler may call this at any time."""
    _signalled.set()


def taken() -> None:
    """Take note that the run's loop has taken the signals that waited."""
    _signalled.clear()


def begin() -> None:
    """Begin to watch this run of Trio, if nobody has begun it yet."""
    if threading.current_thread() is not threading.main_thread():
        return
    try:
        _watch.get()
    except LookupError:
        _watch.set(Watch())


@contextmanager
def holding(due: float) -> Iterator[Hold]:
    """Let a call hold the thread up to an instant of `time.monotonic` while the body runs."""
    made = Hold(due)
    token = _hold.set(made)
    try:
        yield made
    finally:
        _hold.reset(token)


def interrupted() -> bool:
    """Return whether the call of this task was interrupted."""
    held = _hold.get()
    return held is not None and held.over


class Watch(trio.abc.Instrument):
    """The watch over one run of Trio in the main thread."""

    def __init__(self) -> None:
        self.task: trio.lowlevel.Task | None = None
        self.turns = 0
        self._over = threading.Event()
        self._before = signal.signal(_SIGNAL, self._interrupt)
        trio.lowlevel.add_instrument(self)
        threading.Thread(target=self._look, name="cogc watch", daemon=True).start()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.turns += 1
        self.task = task

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.task = None

    def after_run(self) -> None:
        self._over.set()
        self.task = None
        signal.signal(_SIGNAL, self._before)

    def _late(self) -> Hold | None:
        """Return the hold of the call that has the turn, if it must give way."""
        task = self.task
        held = None if task is None else task.context.get(_hold)
        return held if held is not None and (_signalled.is_set() or time.monotonic() > held.due) else None

    def _look(self) -> None:
        """Look each tick who has the turn, and interrupt it. This is a thread's function."""
        main, seen = threading.main_thread().ident, -1
        assert main is not None
        while not self._over.wait(TICK):
            turn, seen = seen, self.turns
            if turn == seen and self._late() is not None and not self._over.is_set():
                with suppress(OSError):
                    signal.pthread_kill(main, _SIGNAL)

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        """Raise Overdue in a user's code that holds the thread."""
        held = self._late()
        if held is not None and _is_users(frame):
            held.over = True
            raise Overdue("this code held the thread of the run for too long")


def _is_users(frame: FrameType | None) -> bool:
    """Return whether a user's code runs in a frame, or code that it has called other than cogc's and Trio's."""
    found = False
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS:
            return found
        file = frame.f_code.co_filename
        found = found or not (file.startswith("<frozen") or (file.startswith(_STANDARD) and "-packages" not in file))
        frame = frame.f_back
    return False
