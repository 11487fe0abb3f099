"""Text that people see: characters that could do something to a terminal, or hide something from a reader, are made visible.

Models, tools, files, specs and other people choose most of the text that a command shows. A control sequence in it could
clear the screen, set the title or the clipboard of a terminal, or show a text in another order than it has. `visible`
writes each such character as an escape of JSON (`\\u001b`), so that the text stays legible, and a line of JSON stays JSON.

Hidden are: C0 controls but tab and line feed, DEL, C1 controls, the marks and overrides of bidirectional text, the line and
paragraph separators, invisible operators and tags, and halves of surrogate pairs. Joiners stay, since emoji and several
scripts need them.
"""

from __future__ import annotations

from cogc.diagnostics.masks import masked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match, Pattern

_HIDDEN = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff"
    "\\ufff9-\\ufffb\\ud800-\\udfff\\U000e0000-\\U000e0fff"
)


def shown(text: str) -> str:
    """Return the text as people may see it: without secrets, and with each hidden character as an escape."""
    return visible(masked(text))


def shown_line(text: str) -> str:
    """Return the text as one line that people may see: tabs and line feeds are escapes too."""
    return visible_line(masked(text))


def visible(text: str) -> str:
    """Return the text with each hidden character as an escape; tabs and line feeds stay."""
    if text.replace("\n", "").replace("\t", "").isprintable():  # no hidden character is
        return text
    return _hidden("").sub(_escape, text)


def visible_line(text: str) -> str:
    """Return the text as one line: tabs and line feeds are escapes too."""
    return text if text.isprintable() else _hidden("\\t\\n").sub(_escape, text)


def visible_bytes(data: bytes) -> bytes:
    """Return lines of JSON in UTF-8 with each hidden character as an escape."""
    return data if data.isascii() and b"\x7f" not in data else visible(data.decode("utf-8", "surrogatepass")).encode()


def _hidden(more: str) -> Pattern[str]:
    import re  # as slow to import as an unchanged file is to check; it is needed where something is hidden

    return re.compile(f"[{_HIDDEN}{more}]")


def _escape(found: Match[str]) -> str:
    number = ord(found[0])
    if number > 0xFFFF:
        number -= 0x10000
        return f"\\u{0xD800 + (number >> 10):04x}\\u{0xDC00 + (number & 0x3FF):04x}"
    return f"\\u{number:04x}"
