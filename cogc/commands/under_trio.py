"""The part of a command that runs under Trio, and what comes behind it.

Code of users that was left behind may run for ever, and Trio would wait for it (`run/detached.py`). The process ends
from inside of Trio then, so that what a command does behind its run is given along.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TypeVar

from cogc.commands import collecting, refusal
from cogc.commands.streams import flushed
from cogc.run import detached

R = TypeVar("R")


def run(main: Callable[[], Awaitable[R]], then: Callable[[R], int], held: ExitStack) -> int:
    """Run `main` under Trio, and return the exit code that `then` makes of its value.

    `held` has what the command has opened around this: it is closed before the process ends from inside of Trio. The
    caller closes it in all other cases.
    """

    def leave(value: Callable[[], R]) -> int:
        code = 0
        try:
            with held:
                code = then(value())
        except BaseException as error:
            code = refusal.report(error)
        return flushed(code)

    collecting.on()
    collecting.off_at_the_end()
    return then(detached.run(main, leave))
