"""A thread with Trio in it, for code that has no Trio: it holds something open, and carries out async calls in it."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import Generic, TypeVar

import trio

T = TypeVar("T")
R = TypeVar("R")


class Portal(Generic[T]):
    """Holds an async context manager open in a thread of its own while the body runs. `held` is what it gave."""

    held: T

    def __init__(self, hold: AbstractAsyncContextManager[T]) -> None:
        self._hold = hold
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="cogc", daemon=True)
        self._token: trio.lowlevel.TrioToken | None = None
        self._leave: trio.Event | None = None

    def __enter__(self) -> Portal[T]:
        self._thread.start()
        self._ready.wait()
        if self._token is None:
            self._thread.join()
            assert self._error is not None
            raise self._error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive() and self._leave is not None:
            with suppress(trio.RunFinishedError):
                trio.from_thread.run_sync(self._leave.set, trio_token=self._token)
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def call(self, function: Callable[..., Awaitable[R]], *values: object) -> R:
        """Carry out an async call in the thread, and return its value or raise what it raises."""
        return trio.from_thread.run(function, *values, trio_token=self._token)

    def _main(self) -> None:
        try:
            trio.run(self._held)
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _held(self) -> None:
        self._leave = trio.Event()
        async with self._hold as self.held:
            self._token = trio.lowlevel.current_trio_token()
            self._ready.set()
            await self._leave.wait()
