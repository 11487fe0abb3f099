"""How a run comes to its end before its system does: `--for`, `--until`, a signal, a request; and the time that stopping may take.

A run is stopped once, in good order: the kernel stops the root, children first. `STOP_LIMIT` real seconds later the run ends
whatever is still under way. A second signal ends it at once.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Literal

import trio

STOP_LIMIT = 10.0

Ending = Literal["done", "failed", "deadlock", "interrupted", "terminated"]
"""How a run ended. One that was stopped by `--for` or `--until` is done."""


class Stopping:
    """Whether a run is being stopped, and for how long it may."""

    def __init__(self) -> None:
        self.deadline: float | None = None

    @property
    def begun(self) -> bool:
        return self.deadline is not None

    def begin(self) -> None:
        self.deadline = time.monotonic() + STOP_LIMIT

    @property
    def overdue(self) -> bool:
        """Whether stopping has taken longer than it may."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def left(self) -> float:
        """Return the real seconds that stopping may still take; infinity if it has not begun."""
        return float("inf") if self.deadline is None else max(0.0, self.deadline - time.monotonic())


async def watch_signals(
    caught: Callable[[Ending], None], task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Call `caught` at each SIGINT and SIGTERM, with the outcome that it stands for."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        task_status.started()
        async for number in received:
            caught("interrupted" if number == signal.SIGINT else "terminated")
