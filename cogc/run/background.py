"""The nursery of a run, in which its parts keep what they hold open: stores, connections to servers, returned items.

The parts of a run are made before the run begins, so that they are handed this object; `open` fills it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio


class Background:
    """A nursery that is opened later than the objects which start tasks in it are made."""

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None

    @property
    def nursery(self) -> trio.Nursery:
        assert self._nursery is not None, "the run has not begun"
        return self._nursery

    @asynccontextmanager
    async def open(self) -> AsyncIterator[trio.Nursery]:
        """Hold the nursery open while the body runs; what is left in it then is cancelled."""
        async with trio.open_nursery() as self._nursery:
            yield self._nursery
            self._nursery.cancel_scope.cancel()

    def start_soon(self, function: Callable[..., Awaitable[Any]], *values: Any) -> None:
        self.nursery.start_soon(function, *values)

    async def start(self, function: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        """Start a task and return the value with which it says that it has started."""
        return await self.nursery.start(function, *values)
