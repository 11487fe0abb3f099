"""Source text and places in it. Places are offsets; lines and columns are computed when a place is shown."""

from __future__ import annotations

import posixpath

from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Reader: TypeAlias = Callable[[str], bytes]
    """Gives the bytes of a file, or raises OSError; a path that begins with `std/` is one of the standard library."""

LIMIT_MB = 8


class Source:
    """The text of one file. `path` is as the user wrote it; `text` has no byte order mark and only `\\n` line ends."""

    __slots__ = ("_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts: list[int] | None = None

    def starts(self) -> list[int]:
        """Return the offset of the first character of each line."""
        if self._starts is None:
            starts, at = [0], self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._starts = starts
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and column of an offset, both from 1."""
        from bisect import bisect_right  # a clean check shows no place

        starts = self.starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1, without its line end."""
        starts = self.starts()
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end]


class Span(Record):
    """A half-open range of characters in a source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def position(self) -> tuple[int, int]:
        return self.source.position(self.start)


def read_error(error: Exception) -> str:
    """Return the reason why a file could not be read, in a few words."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is no UTF-8 text (byte {error.start})"
    if isinstance(error, OSError):
        return (error.strerror or type(error).__name__).lower()
    if "embedded null" in str(error):  # each version of Python has words of its own for it
        return "a name of a file has no NUL character"
    return str(error)


def normal(path: str) -> str:
    """Return a path without `.` and `x/..`, so that one file has one name."""
    return posixpath.normpath(path)


MANIFEST = "manifest.toml"
"""The file of a folder of Python that is a coglet."""


def is_folder(path: str) -> bool:
    """Return whether the path of a spec is that of a folder's manifest. Such a coglet is open: its code is the truth."""
    return posixpath.basename(path) == MANIFEST


def decoded(data: bytes) -> str:
    """Return the text of a file, without a byte order mark; raise UnicodeDecodeError for what is no UTF-8."""
    return data.decode("utf-8").removeprefix("\ufeff")


def looks_like_yaml(path: str, text: str) -> bool:
    """Return whether a file is YAML: by its suffix, else by the keys of a spec in YAML."""
    lower = path.lower()
    if lower.endswith(".cog"):
        return False
    return lower.endswith((".yml", ".yaml")) or is_yaml_spec(text)


def is_yaml_spec(text: str) -> bool:
    """Return whether a text in YAML has the keys of a spec: `cog`, or `version` and `agents` of a sett.

    The keys may stand anywhere at the top level, quoted or not, in a block or between braces. A text that is no correct
    YAML counts too, so that its mistakes are reported.
    """
    if "cog" not in text and "agents" not in text:
        return False
    keys = _top_keys(text)
    return "cog" in keys or {"version", "agents"} <= keys


def _top_keys(text: str) -> set[str]:
    """Return those keys at the top level of a text in YAML that tell what the text is."""
    import re  # most files are told by their suffix

    start = re.match(
        r"\ufeff?(?:[ \t]*(?:#.*|%.*)?\n)*(?:---[ \t]*(?:#.*)?(?:\n|$))?(?:[ \t]*(?:#.*)?\n)*(?:--- )?", text
    )
    body = text[start.end() :] if start else text
    if body.lstrip().startswith("{"):
        return _flow_keys(body)
    indent = re.match(" *", body)
    line = rf"^{indent.group() if indent else ''}(?:\? +)?(?:[&!]\S* +)*([\"']?)(cog|version|agents)\1[ \t]*(?::(?=\s|$)|$)"
    return {found.group(2) for found in re.finditer(line, body, re.MULTILINE)}


def _flow_keys(body: str) -> set[str]:
    """Return the keys of a mapping in braces: words in front of a colon that stand in one pair of braces."""
    import re

    depth, word, found = 0, "", set()
    for token in re.findall(r'"(?:\\.|[^"\\])*"|\'[^\']*\'|(?<!\S)#.*|[{}\[\],:]|[^\s{}\[\],:]+', body):
        depth += (token in "{[") - (token in "}]")
        if token == ":" and depth == 1:
            found.add(word)
        word = token.strip("\"'")
    return found
