"""The result of a command: a text, written to a file or to stdout."""

from __future__ import annotations

import sys


def write(text: str, file: str | None) -> int:
    """Write a text, and return the exit code: 2 if the file cannot be written."""
    if not file:
        sys.stdout.write(text)
        return 0
    try:
        with open(file, "w", encoding="utf-8") as target:
            target.write(text)
    except OSError as error:
        sys.stderr.write(f"cogc: cannot write `{file}`: {str(error.strerror).lower()}\n")
        return 2
    return 0
