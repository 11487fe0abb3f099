"""Processes of a pool: they end without a word at an interrupt, and soon after the process that made them has ended.

A pool whose process is killed leaves its forks at work: a test without an end would go on for ever.
"""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK = 0.5
"""Seconds between two looks whether the process that made this one is there."""


def begin(parent: int) -> None:
    """Prepare a process of a pool. `parent` is the number of the process that made it."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the first process says that there was an interrupt
        signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """End this process when another one has become its parent."""
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)


def end() -> None:
    """End the processes of all pools, whatever they are at: nobody waits for their work any more."""
    from multiprocessing import active_children  # the pools have imported it

    for process in active_children():
        process.kill()
