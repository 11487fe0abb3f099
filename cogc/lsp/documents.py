"""Open texts, and places in them as the protocol counts: lines from 0, characters in UTF-16 units.

A text has the line ends that the editor sent. `Source`, which the compiler reads, has `\n` alone, and the same lines; so a place is
always converted by its line and its character in the line.
"""

from __future__ import annotations

import os
import re
from urllib.parse import quote, unquote, urlsplit

from cogc.diagnostics.source import Source, Span
from cogc.disk.resources import place as resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LINE = re.compile(r"\r\n|\r|\n")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def path_of(uri: str) -> str:
    """Return the path of a file's URI; the URI itself for one of another scheme."""
    parts = urlsplit(uri)
    return os.path.normpath(unquote(parts.path)) if parts.scheme == "file" else uri


def uri_of(path: str) -> str:
    """Return the URI of a file; `std/x` is a file of the standard library, and what has another scheme is its own path."""
    if path.startswith("std/"):
        path = resource("stdlib", path[4:])
    return path if _SCHEME.match(path) else "file://" + quote(os.path.abspath(path))


class Document:
    """One open text."""

    def __init__(self, uri: str, version: int | None, text: str) -> None:
        self.uri = uri
        self.path = path_of(uri)
        self.version = version
        self.text = text

    def change(self, change: dict[str, Any]) -> None:
        """Apply one change of the editor: of a range, or of the whole text."""
        where = change.get("range")
        if where is None:
            self.text = str(change["text"])
            return
        starts = [0, *(found.end() for found in _LINE.finditer(self.text))]
        start, end = (self._offset(starts, where[side]) for side in ("start", "end"))
        self.text = self.text[:start] + str(change["text"]) + self.text[max(start, end) :]

    def _offset(self, starts: list[int], position: dict[str, int]) -> int:
        """Return the offset of a position; a position behind the end of its line or text is that end."""
        line = max(position["line"], 0)
        if line >= len(starts):
            return len(self.text)
        start = starts[line]
        end = starts[line + 1] if line + 1 < len(starts) else len(self.text)
        words = self.text[start:end].rstrip("\r\n")
        return start + characters(words, position["character"])

    def source(self) -> Source:
        return Source(self.path, _LINE.sub("\n", self.text.removeprefix("\ufeff")))


def characters(line: str, units: int) -> int:
    """Return how many characters of a line make a number of UTF-16 units; at most the whole line."""
    if line.isascii():
        return min(max(units, 0), len(line))
    count = 0
    for i, character in enumerate(line):
        if count >= units:
            return i
        count += 2 if ord(character) > 0xFFFF else 1
    return len(line)


def position(source: Source, offset: int) -> dict[str, int]:
    """Return a place in a source as the protocol has it."""
    line, column = source.position(min(offset, len(source.text)))
    words = source.line(line)[: column - 1]
    units = column - 1 if words.isascii() else len(words.encode("utf-16-le", "surrogatepass")) // 2
    return {"line": line - 1, "character": units}


def offset(source: Source, place: dict[str, int]) -> int:
    """Return the offset of a position of the protocol."""
    starts = source.starts()
    line = max(int(place["line"]), 0)
    if line >= len(starts):
        return len(source.text)
    return starts[line] + characters(source.line(line + 1), int(place["character"]))


def range_of(span: Span) -> dict[str, dict[str, int]]:
    return {"start": position(span.source, span.start), "end": position(span.source, span.end)}
