"""A bound on what commands in a sandbox take of the disk that the workspace lies on.

No limit of a process, and nothing that a user may set, bounds what a folder takes as a whole. So the disk is looked at while a command runs
that may write the workspace: when almost nothing is left of it, and less than at the start of the command, the command is ended.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from cogc.language.values import Failure

INTERVAL = 0.25
"""Seconds between two looks at the disk."""
_LEAST = 1 << 30
_SHARE = 20


@asynccontextmanager
async def spared(folder: str, name: str) -> AsyncIterator[None]:
    """Cancel the body, and raise Failure, when it leaves less of a folder's disk than a twentieth, or than 1 GiB of a large one."""
    free, whole = _free(folder)
    floor = min(_LEAST, whole // _SHARE)
    full = False

    async def look(scope: trio.CancelScope) -> None:
        nonlocal full
        while not full:
            await trio.sleep(INTERVAL)
            full = _free(folder)[0] < min(free, floor)
        scope.cancel()

    raised: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(look, nursery.cancel_scope)
        try:
            yield
        except Exception as error:  # the nursery would put it into a group
            raised = error
        nursery.cancel_scope.cancel()
    if raised is not None:
        raise raised
    if full:
        raise Failure("program", f"`{name}` was ended: the disk of the workspace is almost full")


def _free(folder: str) -> tuple[int, int]:
    """Return how many bytes are free on the disk of a folder for this user, and how many it has."""
    about = os.statvfs(folder)
    return about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize
