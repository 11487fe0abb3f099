"""The nurseries of a run: one for its calls, and around it one for what the calls use, such as stores and servers.

The order of the end is the reason for two of them. A resource is held open by a task of the outer nursery; a call is
a task of the inner one. When the run ends, the calls are cancelled first, and their tasks are waited for: a call that
is inside of a thread ends when the thread has returned. What is to be done when nothing is under way any more (`last`)
follows. Only then are the tasks cancelled that hold the resources. So a connection is closed after the last call on it.

The parts of a run are made before the run begins, so that they are handed this object; `open` fills it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio


class Background:
    """Two nurseries that are opened later than the objects which start tasks in them are made."""

    def __init__(self) -> None:
        self._calls: trio.Nursery | None = None
        self._held: trio.Nursery | None = None
        self.last: Callable[[], Awaitable[None]] | None = None
        """A function for the moment at which the calls have ended, and what they used is still there."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[trio.Nursery]:
        """Hold both nurseries open while the body runs; cancel the calls then, and after their end what they used."""
        async with trio.open_nursery() as self._held:
            async with trio.open_nursery() as self._calls:
                yield self._calls
                self._calls.cancel_scope.cancel()
            if self.last is not None:
                await self.last()
            self._held.cancel_scope.cancel()

    def cancel(self) -> None:
        """End the run at once: cancel the calls, and the task that waits in the body."""
        self.last = None
        self._opened(self._calls).cancel_scope.cancel()

    def start_soon(self, function: Callable[..., Awaitable[Any]], *values: Any) -> None:
        """Start a call."""
        self._opened(self._calls).start_soon(function, *values)

    def keep(self, function: Callable[..., Awaitable[Any]], *values: Any) -> None:
        """Start a task that goes on behind the end of the calls, until what they used is closed."""
        self._opened(self._held).start_soon(function, *values)

    async def hold(self, function: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        """Start a task that holds a resource open, and return the value with which the task says that it has started."""
        return await self._opened(self._held).start(function, *values)

    def _opened(self, nursery: trio.Nursery | None) -> trio.Nursery:
        assert nursery is not None, "the run has not begun"
        return nursery
