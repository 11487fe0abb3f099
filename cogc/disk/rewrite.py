"""Files of the user written anew: whole or not at all, with everything kept that the new text does not speak of.

What is kept: the permissions, a byte order mark, the line ends, and links. A symbolic link keeps pointing to its file, whose
content changes. A file with several names (hard links) is written in place, since a new file would leave the others behind.
"""

from __future__ import annotations

import errno
import os
import stat

from cogc.disk.files import refuse_unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cogc.diagnostics.edits import Edit

_BOM = b"\xef\xbb\xbf"


def edited(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the bytes of a file with edits, whose places count characters without byte order mark and with `\\n` line ends."""
    bom = _BOM if data.startswith(_BOM) else b""
    text = data[len(bom) :].decode("utf-8")
    places = _places(text)
    end_of_line = _line_end(text)
    pieces: list[str] = []
    at = 0
    for e in sorted(edits, key=lambda e: (e.span.start, e.span.end)):
        pieces += [text[at : places(e.span.start)], e.replacement.replace("\n", end_of_line)]
        at = places(e.span.end)
    return bom + "".join([*pieces, text[at:]]).encode("utf-8")


def with_text(data: bytes, text: str) -> bytes:
    """Return the bytes of a file whose whole text is replaced, with its byte order mark and its line ends."""
    bom = _BOM if data.startswith(_BOM) else b""
    return bom + text.replace("\n", _line_end(data[len(bom) :].decode("utf-8"))).encode("utf-8")


def _line_end(text: str) -> str:
    """Return the line end that most lines of a text have."""
    pairs = text.count("\r\n")
    return max(("\n", text.count("\n") - pairs), ("\r\n", pairs), ("\r", text.count("\r") - pairs), key=lambda p: p[1])[
        0
    ]


class _places:
    """Maps places in a text with `\\n` line ends to places in the text as it stands in the file."""

    def __init__(self, text: str) -> None:
        self.pairs: list[int] = []
        at = text.find("\r\n")
        while at >= 0:
            self.pairs.append(at - len(self.pairs))
            at = text.find("\r\n", at + 2)

    def __call__(self, place: int) -> int:
        from bisect import bisect_left

        return place + bisect_left(self.pairs, place)


def write(path: str, data: bytes) -> None:
    """Replace the content of a file. Raise OSError if that is not possible; the file is as before then."""
    refuse_unreadable(path)
    place = os.path.realpath(path)
    status = os.stat(place)
    if not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, "permission denied", path)
    if status.st_nlink > 1:
        _in_place(place, data, status.st_size)
        return
    draft = os.path.join(os.path.dirname(place), f".{os.path.basename(place)}.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            _own(descriptor, status)
            os.fsync(descriptor)
        os.replace(draft, place)
    except BaseException:
        os.unlink(draft)
        raise


def _own(descriptor: int, status: os.stat_result) -> None:
    """Give a new file the owner and the permissions of the one that it replaces."""
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _in_place(place: str, data: bytes, size: int) -> None:
    """Write over a file with several names. The room on the disk is reserved first, and the bytes go out in one call."""
    descriptor = os.open(place, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        if len(data) > size and hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(descriptor, 0, len(data))
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        written = 0
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], written)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
