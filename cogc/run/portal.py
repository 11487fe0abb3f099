"""A thread with Trio in it, for code that has no Trio: it holds something open, and carries out async calls in it.

Code of users that was left behind (`detached.py`) keeps the thread, but nobody waits for it then: the thread ends with
that code, or with the process.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import Generic, TypeVar

import trio

from cogc.run import detached

T = TypeVar("T")
R = TypeVar("R")


class Portal(Generic[T]):
    """Holds an async context manager open in a thread of its own while the body runs. `held` is what it gave."""

    held: T

    def __init__(self, hold: AbstractAsyncContextManager[T]) -> None:
        self._hold = hold
        self._ready = threading.Event()
        self._over = threading.Event()
        self._is_open = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="cogc", daemon=True)
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope = trio.CancelScope()
        self._leave = trio.Event()

    def __enter__(self) -> Portal[T]:
        self._thread.start()
        try:
            self._ready.wait()
        except BaseException:  # Ctrl-C: what is being opened is cancelled, so that nothing of it goes on
            self._soon(self._scope.cancel)
            self._over.wait(2 * detached.GRACE)
            raise
        if not self._is_open:
            self._over.wait()
            assert self._error is not None
            raise self._error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._soon(self._leave.set)
        self._over.wait()
        if self._error is not None and error is None:
            raise self._error

    def call(self, function: Callable[..., Awaitable[R]], *values: object) -> R:
        """Carry out an async call in the thread, and return its value or raise what it raises."""
        return trio.from_thread.run(function, *values, trio_token=self._token)

    def _soon(self, act: Callable[[], object]) -> None:
        """Do something in the thread, if Trio is still there."""
        if self._token is not None:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(act)

    def _main(self) -> None:
        try:
            trio.run(self._held)
        except BaseException as error:
            self._error = error
        finally:
            self._ended()

    def _ended(self) -> None:
        self._over.set()
        self._ready.set()

    async def _held(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        try:
            with self._scope:
                async with self._hold as self.held:
                    self._is_open = True
                    self._ready.set()
                    await self._leave.wait()
        except BaseException as error:
            self._error = error
            raise
        finally:
            if detached.alive():
                self._ended()


def run_apart(main: Callable[[], Awaitable[R]]) -> R:
    """Run an async function under Trio in a thread of its own. Return its value, or raise what it raises."""

    @asynccontextmanager
    async def whole() -> AsyncIterator[R]:
        yield await main()

    with Portal(whole()) as portal:
        return portal.held
