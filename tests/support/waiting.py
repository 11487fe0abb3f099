"""Wait for a condition, with a deadline so generous that only a hang meets it."""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

DEADLINE = 120.0
INTERVAL = 0.01
T = TypeVar("T")


def wait_for(condition: Callable[[], T], interval: float = INTERVAL) -> T:
    """Return the first true value of a condition, which is asked for once in so many seconds."""
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not met within {DEADLINE:.0f} seconds")
        time.sleep(interval)
    return found


def listens(port: int) -> bool:
    """Say whether a server on this machine takes connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def until(condition: Callable[[], T]) -> T:
    """Return the first true value of a condition while other tasks run."""
    with trio.fail_after(DEADLINE):
        while not (found := condition()):  # noqa: ASYNC110  # what is waited for belongs to other processes
            await trio.sleep(INTERVAL)
        return found


async def until_given(ask: Callable[[], Awaitable[T | None]]) -> T:
    """Return the first answer that is not None."""
    with trio.fail_after(DEADLINE):
        while (found := await ask()) is None:  # noqa: ASYNC110  # a lease that ends tells nobody
            await trio.sleep(INTERVAL)
        return found
