"""Secrets are found in their common forms, and other words are left alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, urlencode

import pytest

from cogc.diagnostics import masks

SECRET = 'p4ss word/+"ü-canary'


@pytest.fixture(autouse=True)
def only_this_secret() -> Iterator[None]:
    masks.forget()
    masks.keep(SECRET)
    yield
    masks.forget()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        urlencode({"k": SECRET}),
        quote(SECRET, safe="").lower().replace("p4ss", "p4ss"),
        json.dumps(SECRET),
        json.dumps({"k": SECRET}, ensure_ascii=False),
    ],
)
def test_a_secret_is_masked_in_each_form(form: str) -> None:
    shown = masks.masked(f"<{form}>")
    assert masks.MASK in shown and "canary" not in shown and "p4ss" not in shown


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("behind", range(4))
def test_a_secret_is_masked_inside_of_base64(before: int, behind: int) -> None:
    data = b"x" * before + SECRET.encode() + b"y" * behind
    for text in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        shown = masks.masked(text)
        assert masks.MASK in shown
        rest = "".join(shown.split(masks.MASK))
        assert len(rest) <= len(text) - len(SECRET.encode()) * 4 // 3 + 4


def test_values_are_masked_at_any_depth_and_other_values_stay() -> None:
    value = {"a": [1, None, 2.5, {"b": f"x{SECRET}"}], SECRET: True}
    assert masks.masked_value(value) == {"a": [1, None, 2.5, {"b": "x***"}], "***": True}


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    assert masks.masked_bytes(b"\xff\xfe" + SECRET.encode() + b"\x00\x80") == b"\xff\xfe***\x00\x80"
    assert masks.masked_bytes(b"\xff\x00") == b"\xff\x00"


def test_short_values_are_no_secrets() -> None:
    masks.keep("true")
    assert masks.masked("it is true") == "it is true"


def test_the_longest_secret_wins() -> None:
    masks.keep("abcdef")
    masks.keep("abcdefghij")
    assert masks.masked("abcdefghij abcdef") == "*** ***"
