"""An exception that ends a command, as one line for people and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator

from cogc.commands.usage import UsageError

BUG = 70
_LONGEST = 2000
"""The characters of a line for people."""


def report(error: BaseException) -> int:
    """Print one line about the exception that ended a command, and return its exit code."""
    if isinstance(error, SystemExit):  # who raises it has printed what is wrong
        return error.code if isinstance(error.code, int) else 2
    code, line = of(error)
    if line:
        sys.stderr.write(f"cogc: {line}\n")
    return code


def of(error: BaseException) -> tuple[int, str]:
    """Return the exit code for an exception, bare or in groups, and the line for people, which may be empty.

    Of several exceptions an interruption counts first, then a bug, then the first of the others.
    """
    found = list(_leaves(error))
    if any(isinstance(e, KeyboardInterrupt) for e in found):
        return 130, ""
    bug = next((e for e in found if not isinstance(e, UsageError | OSError) and not _is_undecoded(e)), None)
    return (2, _bounded(_reason(found[0]))) if bug is None else (BUG, _report(bug))


def _bounded(line: str) -> str:
    """Return a line whose middle is left out where it is too long to read, such as one that repeats a word of the command line."""
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _reason(error: BaseException) -> str:
    """Return the words of an error of the world, or of a command line."""
    if isinstance(error, OSError) and error.strerror:
        about = f"`{error.filename}`: " if error.filename else "the working directory: " if _is_homeless(error) else ""
        return f"{about}{error.strerror.lower()}"
    if isinstance(error, UnicodeEncodeError):
        return f"`{error.object[max(0, error.start - 40) : error.end + 40]}` is not text in UTF-8"
    return str(error)


def _is_undecoded(error: BaseException) -> bool:
    """Return whether a word of the command line, of the environment or of a folder has bytes that are no text, and text was needed."""
    return isinstance(error, UnicodeEncodeError) and all(
        "\udc80" <= c <= "\udcff" for c in error.object[error.start : error.end]
    )


def _is_homeless(error: OSError) -> bool:
    """Return whether the working directory has been removed, so that no path can be made from it."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return isinstance(error, FileNotFoundError)
    return False


def _report(error: BaseException) -> str:
    """Return the report of a bug; with COGC_DEBUG=1 Python's own trace stands before it."""
    trace = "".join(traceback.format_exception(error)) if os.environ.get("COGC_DEBUG") == "1" else ""
    what = f"{type(error).__name__}: {error}".replace("\n", " ")
    return f"{trace}this is a bug of cogc ({what}); please report it with the output of the same command under COGC_DEBUG=1"
