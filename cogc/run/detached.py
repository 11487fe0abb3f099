"""Calls of users' code in tasks of their own, which can be left behind.

A task of Trio ends when its code ends, and not before: code that takes its cancellation and goes on, that shields
itself, or that waits for a thread which nobody cancels would hold up its call, and then the run. So the code of a call
runs in a task beside the one that waits for it. When the call is cancelled, the code is cancelled too, and has
`GRACE` seconds to end. What has not ended by then is left behind: its result is dropped, and `left` names its program.

Trio itself would wait for such a task at the end of the run. Whoever starts Trio looks at `alive` when the run is over,
and ends the process while it is not 0.

An example: `async def f(): with trio.CancelScope(shield=True): await trio.sleep(100)`, with a timeout of 2 s.
    2 s      the call is cancelled, and with it the code, which is shielded
    2.5 s    the call fails with the kind `timeout`; `f` is left behind
    100 s    `f` ends, and nobody hears of it
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import copy_context

import trio

GRACE = 0.5
"""Seconds that code may take to end after its cancellation."""


class Detached:
    """The calls of one run. `left` are the programs whose code was left behind, `alive` is how much of it still runs."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.alive = 0

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
                self.alive -= 1

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
                self.alive += 1
            raise
        if errors:
            raise errors.pop()
        return values.pop()
