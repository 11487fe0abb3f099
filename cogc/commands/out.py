"""The result of a command: a text, written to a file or to stdout."""

from __future__ import annotations

import os
import sys

from cogc.commands.usage import UsageError
from cogc.disk.files import is_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def write(text: str, file: str | None, sources: Iterable[str] = (), over_specs: bool = False) -> int:
    """Write a text, and return the exit code: 2 if the file cannot be written.

    `sources` are the files that the text was made from; UsageError if it would take the place of one of them, or of another
    spec where it is none itself.
    """
    if not file:
        sys.stdout.write(text)
        return 0
    if os.path.isfile(file) and os.path.getsize(file):
        if any(os.path.isfile(source) and os.path.samefile(source, file) for source in sources):
            raise UsageError(f"`{file}` is the spec that is read, and is not overwritten")
        if not over_specs and is_spec(file):
            raise UsageError(f"`{file}` is a spec, and is not overwritten")
    try:
        with open(file, "w", encoding="utf-8") as target:
            target.write(text)
    except OSError as error:
        sys.stderr.write(f"cogc: cannot write `{file}`: {str(error.strerror).lower()}\n")
        return 2
    return 0
