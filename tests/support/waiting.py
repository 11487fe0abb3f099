"""Wait for a condition, with a deadline so generous that only a hang meets it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import trio

DEADLINE = 120.0
INTERVAL = 0.01
T = TypeVar("T")


def wait_for(condition: Callable[[], T]) -> T:
    """Return the first true value of a condition."""
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not met within {DEADLINE:.0f} seconds")
        time.sleep(INTERVAL)
    return found


async def until(condition: Callable[[], T]) -> T:
    """Return the first true value of a condition while other tasks run."""
    with trio.fail_after(DEADLINE):
        while not (found := condition()):  # noqa: ASYNC110  # what is waited for belongs to other processes
            await trio.sleep(INTERVAL)
        return found
