"""The refusal of a command line: the exception that `cli.main` turns into one line on stderr and exit code 2."""

from __future__ import annotations


class UsageError(Exception):
    """The command line is wrong, or names something that does not exist; the message says what."""


def only(error: BaseException) -> BaseException:
    """Return the one exception in groups of one, or the group."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
