"""The result of a command: a text, written to a file or to stdout."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress

from cogc.commands.usage import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    IsOwn = Callable[[str], bool]
    """Tells whether a text is of the kind that a command writes."""


def write(text: str, file: str | None, sources: Iterable[str], kind: str, is_own: IsOwn) -> int:
    """Write a text, and return the exit code: 2 if the file cannot be written.

    UsageError if the text would take the place of one of the files that it was made from (`sources`), or of a file that is not
    of its kind (`refuse_foreign`).
    """
    if not file:
        sys.stdout.write(text)
        return 0
    if any(os.path.isfile(source) and os.path.exists(file) and os.path.samefile(source, file) for source in sources):
        raise UsageError(f"`{file}` is the spec that is read, and is not overwritten")
    refuse_foreign(file, kind, is_own)
    write_file(file, text.encode())
    return 0


def refuse_foreign(file: str, kind: str, is_own: IsOwn) -> None:
    """Raise UsageError for a file that is neither empty nor of the kind that takes its place. Devices and pipes are no files."""
    if not os.path.isfile(file) or not os.path.getsize(file):
        return
    try:
        with open(file, encoding="utf-8-sig") as found:
            own = is_own(found.read())
    except ValueError:  # it is no text
        own = False
    if not own:
        raise UsageError(f"`{file}` is no {kind}, and is not overwritten")


def write_file(file: str, data: bytes) -> None:
    """Write a file. UsageError if that cannot be done to its end; the file is what it was before then.

    The text is written beside the file, and takes its place when it is whole. A device or a pipe is written directly, and so is a
    file in a folder in which no other one can be made.
    """
    place = os.path.realpath(file)
    draft = f"{place}.{os.getpid()}.part"
    try:
        mode = stat.S_IMODE(os.stat(place).st_mode) if os.path.isfile(place) else None
        try:
            if os.path.exists(place) and mode is None:
                raise PermissionError
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except PermissionError:
            with open(place, "wb") as target:
                target.write(data)
            return
        try:
            with open(handle, "wb") as target:
                target.write(data)
                if mode is not None:
                    os.fchmod(handle, mode)
            os.replace(draft, place)
        except OSError:
            with suppress(OSError):
                os.unlink(draft)
            raise
    except OSError as error:
        raise UsageError(f"cannot write `{file}`: {str(error.strerror).lower()}") from None
