"""What people see is text: no character of it does anything to a terminal."""

from __future__ import annotations

import json

import pytest

from cogc.diagnostics.visible import visible, visible_bytes, visible_line
from support.hostile import HOSTILE, raw_in


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_is_shown_as_escapes_that_json_reads_back(text: str) -> None:
    shown = visible(text)
    assert not raw_in(shown) and shown.startswith("a") and shown.endswith("b")
    assert json.loads(visible(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize(
    "text",
    ["", "plain", "tab\tand\nline", "naïve 日本語 עברית", "👩\u200d💻 ok", "क\u200dष", "no\u00a0break", "❤\ufe0f"],
)
def test_text_that_hides_nothing_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
    assert visible_bytes(text.encode()) == text.encode()


def test_a_line_has_no_breaks_and_no_tabs() -> None:
    assert visible_line("a\nb\tc\x1b") == "a\\u000ab\\u0009c\\u001b"


def test_half_a_surrogate_pair_is_an_escape() -> None:
    assert visible("\ud83d") == "\\ud83d"


def test_a_line_of_json_stays_json() -> None:
    value = {"x": "a\u202eb\x9b\x7f"}
    data = visible_bytes(json.dumps(value, ensure_ascii=False).encode())
    assert data.isascii() and json.loads(data) == value
