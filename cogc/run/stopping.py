"""The end of a run before the end of its system: `--for`, `--until`, a signal, a request; and the time that stopping
may take.

A run is stopped once, in good order: the kernel stops the root, children first. `STOP_LIMIT` real seconds later the
run ends whatever is still under way. A second signal ends it at once.

A signal's handler runs in the main thread, between two instructions of Python, so that it may come in the middle of a
step of the kernel. It does four things. It asks the kernel to return after the message under way, so that the tasks
of the run get their turn. It lets the watch interrupt users' code that holds the thread (`watch.py`). It leaves the
outcome for the run's loop, which stops the system. And it starts a thread that ends the process if the loop does
not: `AT_ONCE` seconds after a second signal; after a first one when the loop has not taken the signal within `DEAF`
seconds, or has not ended `STOP_LIMIT` seconds and `AT_ONCE` later. Nothing else ends a process whose main thread is
inside of code that never gives way. The processes of the run end with the runner, because their keepers watch it
(`reaper.py`).

SIGQUIT ends nothing: its handler writes what every coglet is doing to stderr (`dump.py`). A SIGHUP that was ignored
when the run began (`nohup`) stays ignored.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Literal

import trio

from cogc.diagnostics.visible import shown
from cogc.run import marked, watch

STOP_LIMIT = 11.0  # more than the deadline of an `on stop`, so that its failure is logged
AT_ONCE = 1.0
DEAF = 5.0  # long calls of C code that return in time are waited for, so that `on stop` runs behind them

Ending = Literal["done", "failed", "deadlock", "interrupted", "terminated", "hung up"]
"""The end of a run. One that was stopped by `--for` or `--until` is done."""

SIGNALS: dict[int, Ending] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
EXIT_CODES: dict[Ending, int] = {ending: 128 + number for number, ending in SIGNALS.items()}
"""The exit codes of the outcomes that stand for a signal."""


class Stopping:
    """The stopping of a run: whether it is under way, and its deadline."""

    def __init__(self) -> None:
        self.deadline: float | None = None

    @property
    def begun(self) -> bool:
        return self.deadline is not None

    def begin(self) -> None:
        self.deadline = time.monotonic() + STOP_LIMIT

    @property
    def overdue(self) -> bool:
        """Return whether stopping has passed its deadline."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def left(self) -> float:
        """Return the real seconds that stopping may still take; infinity if it has not begun."""
        return float("inf") if self.deadline is None else max(0.0, self.deadline - time.monotonic())


def heeded() -> list[signal.Signals]:
    """Return the signals that stop. A SIGHUP that was ignored at the start stays ignored."""
    return [s for s in map(signal.Signals, SIGNALS) if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]


@contextmanager
def signals(caught: Callable[[Ending], None], pause: Callable[[], None], dump: Callable[[], str]) -> Iterator[None]:
    """Call `caught` in the run's loop at each signal that stops, with the outcome that it stands for.

    `pause` makes the loop look soon; `dump` returns what SIGQUIT writes to stderr.
    """
    marked.arm()
    token, over, before, heard = trio.lowlevel.current_trio_token(), trio.Event(), 0, threading.Event()

    def take(number: int) -> None:
        heard.set()
        watch.taken()
        caught(SIGNALS[number])

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal before
        pause()
        watch.signalled()
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(take, number)
        wait = (AT_ONCE, AT_ONCE) if before else (DEAF, STOP_LIMIT + AT_ONCE)
        _thread.start_new_thread(_give_up, (over, heard, *wait, 128 + number))
        before += 1

    handlers: dict[int, Callable[[int, FrameType | None], Any]] = dict.fromkeys(heeded(), stop)
    handlers[signal.SIGQUIT] = lambda _number, _frame: _write(dump)
    replaced = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        over.set()
        watch.taken()
        for number, handler in replaced.items():
            signal.signal(number, handler)


def _give_up(over: trio.Event, heard: threading.Event, deaf: float, seconds: float, code: int) -> None:
    """End the process if the run's loop has not taken the signal, or the run has not ended, within so many seconds.

    This is a thread's function.
    """
    if heard.wait(deaf):
        time.sleep(seconds)
    if over.is_set():
        return
    with suppress(OSError, ValueError):
        os.write(2, b"cogc: ended at once: a step, a program or a thread did not give way\n")
        sys.stdout.flush()
    os._exit(code)


def _write(dump: Callable[[], str]) -> None:
    """Write a dump past the buffers of stderr, which the handler may have interrupted."""
    try:
        text = dump()
    except Exception as error:  # a handler that raises would fail whatever it has interrupted
        text = f"cogc: the state of the run cannot be shown: {error}\n"
    with suppress(OSError):
        os.write(2, shown(text).encode("utf-8", "backslashreplace"))
