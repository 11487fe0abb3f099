"""Interruptions of commands: SIGTERM as one, for commands that report what they have done so far when somebody ends them, and commands that
an interruption cancels."""

from __future__ import annotations

import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar, TypeVarTuple

import trio

R = TypeVar("R")
A = TypeVarTuple("A")


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


def run(main: Callable[[*A], Awaitable[R]], *arguments: *A) -> R:
    """Run `main` under Trio and return what it returns. Raise KeyboardInterrupt once it is cancelled by SIGINT.

    An exception, as Trio raises one in `main`, may come up in a client of a store that connects, and be lost there.
    """
    if threading.current_thread() is not threading.main_thread():
        return trio.run(main, *arguments)
    return trio.run(_until_interrupted, main, *arguments)


async def _until_interrupted(main: Callable[[*A], Awaitable[R]], *arguments: *A) -> R:
    token, scope = trio.lowlevel.current_trio_token(), trio.CancelScope()

    def come(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        token.run_sync_soon(scope.cancel)

    before = signal.signal(signal.SIGINT, come)
    try:
        with scope:
            return await main(*arguments)
    finally:
        signal.signal(signal.SIGINT, before)
    raise KeyboardInterrupt
