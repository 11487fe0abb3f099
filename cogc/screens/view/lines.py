"""Lines of a view, which screens and plain text show alike: pieces of text with the name of a style each.

The text of a trace was chosen by models, tools and people. So `inert` is the one way from a line to what is shown: it cuts each piece, and
writes every character that could do something to a terminal, or hide something, as an escape.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from cogc.diagnostics.visible import shown_line

Line: TypeAlias = list[tuple[str, str]]
"""Pieces of text, each with the name of its style: a key of STYLES."""

STYLES = {
    "": "",
    "dim": "dim",
    "strong": "bold",
    "time": "dim",
    "path": "cyan",
    "kind": "blue",
    "data": "",
    "good": "green",
    "busy": "yellow",
    "bad": "bold red",
    "note": "#b294bb",
    "mark": "bold yellow",
    "here": "bold reverse",
}
"""The styles in Rich's words. Each that means something differs in its text too, so that nothing is lost without colours."""
_LONGEST = 4_000
"""The characters of a piece that are looked at: no screen is wider."""
KINDS = {
    "fail": "bad", "dead_letter": "bad", "drop": "bad", "broken": "bad", "over_capacity": "bad",
    "restart": "note", "backoff": "note", "park": "note", "unpark": "note", "fallback": "note", "hand_off": "note",
    "create": "dim", "start": "dim", "stop": "dim",
    "ask": "busy", "call": "busy", "dispatch": "busy", "progress": "busy", "reply": "good", "result": "good",
    "input": "strong", "output": "strong", "steer": "strong", "guide": "strong", "command": "strong",
}  # fmt: skip
STATUS = {
    "idle": "good", "busy": "busy", "parked": "note", "waiting": "note", "starting": "path", "failed": "bad", "stopped": "dim",
}  # fmt: skip


class Shown(NamedTuple):
    """A line, and the row of the trace that it shows, or None."""

    line: Line
    row: int | None = None


def inert(line: Line) -> Line:
    """Return a line whose text is shown literally, without effect on the terminal."""
    return [(shown_line(text[:_LONGEST]), style) for text, style in line]


def plain(line: Line) -> str:
    """Return the text of a line."""
    return "".join(text for text, _ in inert(line)).rstrip()


def wrapped(text: str, width: int, most: int = 200) -> Iterator[str]:
    """Yield a text as lines no wider than `width`, at most `most`, broken between words where there are some."""
    count = 0
    for paragraph in text[: most * max(width, 1)].split("\n"):
        rest = paragraph.expandtabs(4)
        while True:
            if count == most:
                yield "…"
                return
            count += 1
            fits = fitting(rest, width)
            if fits == len(rest):
                yield rest
                break
            cut = rest.rfind(" ", fits // 2, fits + 1)
            cut = max(1, fits) if cut < 0 else cut
            yield rest[:cut]
            rest = rest[cut:].lstrip(" ")
            if not rest:
                break


def _cells(character: str) -> int:
    """Return how many cells of a terminal a character takes: wide ones two, marks on others none."""
    if character.isascii():
        return 1
    return 0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fitting(text: str, width: int) -> int:
    """Return how many characters of a text fit into so many cells."""
    if text.isascii() or len(text) * 2 <= width:
        return min(len(text), width)
    room = width
    for number, character in enumerate(text):
        room -= _cells(character)
        if room < 0:
            return number
    return len(text)


def padded(text: str, width: int) -> str:
    """Return a text that takes exactly so many cells: cut, or with spaces behind it."""
    cut = text[: fitting(text, width)]
    return cut + " " * (width - sum(map(_cells, cut)))


def dollars(usd: float) -> str:
    """Return an amount, as exact as it is known."""
    return f"${usd:.6f}".rstrip("0").rstrip(".")


def value(data: Any, most: int = 4_000) -> str:
    """Return a value as text: a string as it is, anything else as JSON."""
    if isinstance(data, str):
        return data[:most]
    return msgspec.json.encode(data).decode()[:most]


def tree(data: Any, indent: int = 0, most: int = 400) -> list[str]:
    """Return a value as lines of JSON, indented, at most `most` of them."""
    text = msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    lines = [" " * indent + line for line in text.split("\n", most)[:most]]
    return lines if len(lines) < most else [*lines, " " * indent + "…"]


def clock(t: float) -> str:
    """Return a time of the run as it is shown: seconds with four digits."""
    return f"{t:.4f}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def head(words: Iterable[str]) -> Line:
    """Return a line of heading."""
    return [("  ".join(words), "strong")]
