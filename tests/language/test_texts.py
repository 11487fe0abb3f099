"""The text forms of values: durations, sizes, string literals, and the places of what stands in them."""

from __future__ import annotations

import random

import pytest

from cogc.language.texts import (
    MARK,
    RESERVED,
    decode,
    duration_text,
    is_internal,
    nanoseconds,
    place,
    processors,
    shown,
    size,
)

MS, S, M, H, D, W = 10**6, 10**9, 60 * 10**9, 3600 * 10**9, 86400 * 10**9, 604800 * 10**9


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0s", 0),
        ("0ms", 0),
        ("1ms", MS),
        ("250ms", 250 * MS),
        ("1s", S),
        ("1.5s", 1500 * MS),
        ("0.25ms", 250_000),
        ("1m", M),
        ("1h", H),
        ("1d", D),
        ("1w", W),
        ("1m30s", M + 30 * S),
        ("1w2d3h4m5s6ms", W + 2 * D + 3 * H + 4 * M + 5 * S + 6 * MS),
        ("30s1m", M + 30 * S),
        ("1s1s", 2 * S),
        ("90m", 90 * M),
        ("1_000ms", S),
        ("-1m30s", -M - 30 * S),
        ("0.000001ms", 1),
    ],
)
def test_a_duration_is_read(text: str, nanos: int) -> None:
    assert nanoseconds(text) == nanos


@pytest.mark.parametrize(
    "text",
    ["", "s", "5", "5 s", "5x", "1m30", "1.s", ".5s", "1,5s", "--1s", "-", "1m-30s", "1e3s", "1S", " 1s", "1s\n"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        nanoseconds(text)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "0s"),
        (1, "0.000001ms"),
        (MS, "1ms"),
        (250 * MS, "250ms"),
        (999_999_999, "999.999999ms"),
        (S, "1s"),
        (1500 * MS, "1.5s"),
        (S + 1, "1.000000001s"),
        (M, "1m"),
        (90 * S, "1m30s"),
        (M + 500 * MS, "1m500ms"),
        (H + S, "1h1s"),
        (W + D + H + M + S, "1w1d1h1m1s"),
        (25 * H, "1d1h"),
        (-90 * S, "-1m30s"),
        (-MS, "-1ms"),
    ],
)
def test_a_duration_has_a_shortest_text(nanos: int, text: str) -> None:
    assert duration_text(nanos) == text
    assert nanoseconds(text) == nanos


def test_the_text_of_any_duration_reads_as_that_duration() -> None:
    chance = random.Random(7)
    for _ in range(500):
        nanos = chance.randrange(-(10 ** chance.randrange(1, 16)), 10 ** chance.randrange(1, 16))
        assert nanoseconds(duration_text(nanos)) == nanos


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0", 0),
        ("10", 10),
        ("10b", 10),
        ("1k", 1024),
        ("1kb", 1024),
        ("1 KB", 1024),
        ("512MB", 512 << 20),
        ("512m", 512 << 20),
        ("2g", 2 << 30),
        ("2GiB", 2 << 30),
        (" 1.5g ", 3 << 29),
    ],
)
def test_a_size_is_read_in_bytes(text: str, found: int) -> None:
    assert size(text) == found


@pytest.mark.parametrize("text", ["", "g", "-1g", "1t", "1 2", "1.g", "x512MB", "512MB!"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        size(text)


@pytest.mark.parametrize(("text", "found"), [("1", 1), ("1.0", 1), ("0.5", 1), ("1.5", 2), ("8", 8)])
def test_processors_are_rounded_up(text: str, found: int) -> None:
    assert processors(text) == found


@pytest.mark.parametrize("text", ["0", "-1", "", "two", "nan", "inf", "1e9"])
def test_what_is_no_number_of_processors_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no number of processors"):
        processors(text)


# ---- string literals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('""', ""),
        ('"a"', "a"),
        (r'"a\nb\tc\rd"', "a\nb\tc\rd"),
        (r'"\0"', "\0"),
        (r'"say \"hi\""', 'say "hi"'),
        (r'"C:\\x"', "C:\\x"),
        (r'"\\n"', "\\n"),
        (r'"\u00e9\u4e2d"', "é中"),
        (r'r"a\nb"', "a\\nb"),
        (r'r"\d+"', "\\d+"),
        ('r""', ""),
        ('"""x"""', "x"),
        ('""""""', ""),
        ('"""\n  a\n    b\n  c\n"""', "a\n  b\nc\n"),
        ('"""\n  a\n  b"""', "a\nb"),
        ('"""\n    a\n\n    b\n    """', "a\n\nb\n"),
        ('"""\n  a\\n\n  b\n"""', "a\n\nb\n"),
        ('r"""\n  a\\n\n"""', "a\\n\n"),
        ('"""a\n  b"""', "a\nb"),
        ('"""\n\ta\n\tb\n"""', "a\nb\n"),
        ('"""say "hi" now"""', 'say "hi" now'),
    ],
)
def test_a_string_literal_has_its_value(literal: str, value: str) -> None:
    assert decode(literal, 0)[0] == value


@pytest.mark.parametrize(
    ("literal", "sought"),
    [
        ('"abc"', "c"),
        (r'"a\nb\tc"', "c"),
        (r'"\u00e9c"', "c"),
        (r'r"a\nc"', "c"),
        ('"""\n  a\n    b\n  c\n"""', "c"),
        ('"""\n  a\\n\n  \\tc\n"""', "c"),
        ('"""\n  {{ x }}\n  {{ yc }}\n"""', "c"),
    ],
)
def test_a_character_of_a_string_is_found_in_its_file(literal: str, sought: str) -> None:
    start = 100
    value, segments = decode(literal, start)
    assert place(segments, value.index(sought)) == start + literal.index(sought)


def test_names_of_the_compiler_carry_a_mark() -> None:
    assert is_internal(f"put{MARK}") and not is_internal("put")
    assert shown(f"put{MARK}") == "put" == shown("put")


def test_the_reserved_words_are_those_of_the_page() -> None:
    words = "true false null and or not in if else for let fail try expr until parallel"
    assert set(words.split()) == RESERVED


def test_a_long_text_that_is_no_duration_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="is no duration"):
        nanoseconds("1" * 200_000)  # looked at from each of its digits it took minutes
