"""The refusal of a command line: the exception that `cli.main` turns into one line on stderr and exit code 2, and what every option with a name has."""

from __future__ import annotations


class UsageError(Exception):
    """The command line is wrong, or names something that does not exist; the message says what."""


def only(error: BaseException) -> BaseException:
    """Return the one exception in groups of one, or the group."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def pair(text: str, option: str) -> tuple[str, str]:
    """Return the two sides of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"`{option} {text}`: write {option} NAME=VALUE")
    return name, value
