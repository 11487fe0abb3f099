"""Exceptions of Python as failures of the language.

Compiled code raises a `Failure`, which is the program's own, or what `_FAILURES` lists, where the code is written out as
Python's own operators. Every other exception is a fault of cogc. It fails its coglet like any failure, with the kind
`internal`.
"""

from __future__ import annotations

import traceback

from cogc.language.values import Failure

_FAILURES: dict[type[Exception], tuple[str, str]] = {
    ZeroDivisionError: ("error", "a division by zero"),
    OverflowError: ("bound", "a number is too large"),
    RecursionError: ("bound", "a value is nested too deep"),
    MemoryError: ("bound", "the reaction needs more memory than there is"),
}
"""The exceptions of Python that a program itself may cause, with the kind and the message of the failure that each becomes."""


def failure_of(error: Exception, at: int = -1) -> Failure:
    """Return the failure that an exception becomes which is none; the trace of Python goes with a fault of cogc."""
    for known, (kind, message) in _FAILURES.items():
        if isinstance(error, known):
            return Failure(kind, message, at)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return Failure("internal", f"a fault of cogc itself ({what})", at, "".join(traceback.format_exception(error)))
