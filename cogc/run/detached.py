"""Calls of users' code in tasks of their own, which can be left behind.

A task of Trio ends when its code ends, and not before: code that takes its cancellation and goes on, that shields
itself, or that waits for a thread which nobody cancels would hold up its call, and then the run. So the code of a call
runs in a task beside the one that waits for it. When the call is cancelled, the code is cancelled too, and has
`GRACE` seconds to end. What has not ended by then is left behind: its result is dropped, and `left` names its program.

Trio itself would wait for such a task at the end, maybe for ever. So whatever may run users' code starts Trio by one of
two ways that do not wait: `run` here ends the process, and `portal.py` leaves a thread behind. `alive` tells both of
them whether they have to.

An example: `async def f(): with trio.CancelScope(shield=True): await trio.sleep(100)`, with a timeout of 2 s.
    2 s      the call is cancelled, and with it the code, which is shielded
    2.5 s    the call fails with the kind `timeout`; `f` is left behind
    100 s    `f` ends, and nobody hears of it
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import NoReturn, TypeVar

import trio

R = TypeVar("R")

GRACE = 0.5
"""Seconds that code may take to end after its cancellation."""
_alive: trio.lowlevel.RunVar[int] = trio.lowlevel.RunVar("cogc_alive", 0)
"""How much of what was left behind under this Trio still runs."""


def alive() -> bool:
    """Return whether code that was left behind still runs under the Trio of this thread."""
    return _alive.get() > 0


def run(main: Callable[[], Awaitable[R]], leave: Callable[[Callable[[], R]], int]) -> R:
    """Run `main` under Trio, and return its value or raise what it raises.

    If code that was left behind still runs then, the process ends instead. `leave` gets what returns the value or
    raises the exception, does what is to be done before the end, and returns the exit code.
    """

    async def whole() -> R:
        try:
            value = await main()
        except BaseException as error:
            if alive():
                os._exit(leave(_raising(error)))
            raise
        if alive():
            os._exit(leave(lambda: value))
        return value

    return trio.run(whole)


def _raising(error: BaseException) -> Callable[[], NoReturn]:
    def give() -> NoReturn:
        raise error

    return give


class Detached:
    """The calls of one run. `left` are the programs whose code was left behind."""

    def __init__(self) -> None:
        self.left: list[str] = []

    async def run(self, name: str, work: Callable[[], Awaitable[object]]) -> object:
        """Do the work of a call. Return its value, or raise what it raises."""
        over, is_left = trio.Event(), False
        values: list[object] = []
        errors: list[BaseException] = []
        scope = trio.CancelScope()

        async def task() -> None:
            with scope:
                try:
                    values.append(await work())
                except trio.Cancelled:
                    raise
                except BaseException as error:
                    errors.append(error)
            over.set()
            if is_left:
                _alive.set(_alive.get() - 1)

        trio.lowlevel.spawn_system_task(task, name=name, context=copy_context())
        try:
            await over.wait()
        except trio.Cancelled:
            scope.cancel()
            with trio.move_on_after(GRACE, shield=True):
                await over.wait()
            if not over.is_set():
                is_left = True
                self.left.append(name)
                _alive.set(_alive.get() + 1)
            raise
        if errors:
            raise errors.pop()
        return values.pop()
