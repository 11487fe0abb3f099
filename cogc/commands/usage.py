"""Refusing a command line: an exception that becomes one line on stderr and exit code 2."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class UsageError(Exception):
    """The command line is wrong, or names something that does not exist; the message says what."""


def refusing(act: Callable[[], int]) -> int:
    """The exit code of a command; what is wrong with its words or its world is said, with 2, also where Trio has wrapped it."""
    try:
        return act()
    except BaseException as error:
        found = only(error)
        if isinstance(found, KeyboardInterrupt):
            return 130
        if not isinstance(found, UsageError | OSError):
            raise
        sys.stderr.write(f"cogc: {found}\n")
        return 2


def only(error: BaseException) -> BaseException:
    """The one exception in groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
