"""Sixty texts that would do something to a terminal, or hide something from a reader, if they were shown as they are."""

from __future__ import annotations

_CONTROLS = [
    chr(n) for n in (*range(0x01, 0x09), *range(0x0B, 0x20), 0x7F, 0x80, 0x85, 0x8D, 0x90, 0x9B, 0x9C, 0x9D, 0x9F)
]
_SEQUENCES = [
    "\x1b]0;owned\x07", "\x1b]52;c;b3duZWQ=\x07", "\x1b]8;;http://example.invalid\x1b\\link\x1b]8;;\x1b\\", "\x1b[2J", "\x1b[1;1H", "\x1b[31m", "\x1bc",
    "\x1b[?1049h", "\x1bP+q544e\x1b\\", "\x9b2J", "\x1b[6n", "ok\r\x1b[Kforged",
]  # fmt: skip
_HIDDEN = [
    "\u202egnp.exe", "\u2066a\u2069", "\u200b", "\u200e", "\u200f", "\u061c", "\u2028", "\u2029", "\ufeff", "\u00ad", "\u2060", "\U000e0041", "\U000e007f",
]  # fmt: skip

HOSTILE = [f"a{text}b" for text in (*_CONTROLS, *_SEQUENCES, *_HIDDEN)]
RAW = {c for text in HOSTILE for c in text if not c.isprintable()}
"""The characters that no sink may show."""


def raw_in(shown: str) -> set[str]:
    """Return the hostile characters that a text still has."""
    return RAW & set(shown)
