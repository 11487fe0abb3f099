"""SIGTERM as an interrupt, for commands that report what they have done so far when somebody ends them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM has come."""


def code(end: KeyboardInterrupt) -> int:
    """Return the exit code of a command that a signal has ended."""
    return 143 if isinstance(end, Terminated) else 130


@contextmanager
def terminated() -> Iterator[None]:
    """Raise Terminated in the body when SIGTERM comes. A second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def come(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Terminated

    before = signal.signal(signal.SIGTERM, come)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
