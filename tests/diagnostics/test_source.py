"""Sources: lines and columns of offsets, the text of lines, and which files are YAML."""

from __future__ import annotations

import pytest

from cogc.diagnostics.source import Source, is_yaml_spec, looks_like_yaml, normal, read_error

TEXT = "ab\n\ncdé\n"


@pytest.mark.parametrize(
    ("offset", "place"),
    [(0, (1, 1)), (1, (1, 2)), (2, (1, 3)), (3, (2, 1)), (4, (3, 1)), (6, (3, 3)), (7, (3, 4)), (8, (4, 1))],
)
def test_an_offset_has_a_line_and_a_column(offset: int, place: tuple[int, int]) -> None:
    assert Source("x.cog", TEXT).position(offset) == place


def test_a_line_is_without_its_end() -> None:
    source = Source("x.cog", TEXT)
    assert [source.line(n) for n in (1, 2, 3, 4)] == ["ab", "", "cdé", ""]
    assert Source("x.cog", "one").line(1) == "one" and Source("x.cog", "").position(0) == (1, 1)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.cog", "a.cog"),
        ("./a.cog", "a.cog"),
        ("x/../a.cog", "a.cog"),
        ("x/./y//a.cog", "x/y/a.cog"),
        ("../a.cog", "../a.cog"),
    ],
)
def test_one_file_has_one_name(path: str, expected: str) -> None:
    assert normal(path) == expected


SPECS = [
    "cog: 1",
    "cog: 1\ncoglets: {}",
    '"cog": 1',
    "'cog': 1",
    "# a comment\n\ncog: 1",
    "---\ncog: 1",
    "--- \n# x\ncog: 1",
    "doc: x\ncog: 1",
    "{cog: 1}",
    "{ doc: x, cog: 1 }",
    '{"cog": 1}',
    "? cog\n: 1",
    "&a cog: 1",
    'version: "1.0"\nagents: {}',
    'agents: {}\nversion: "1.0"',
    "{version: '1.0', agents: {}}",
]
NO_SPECS = [
    "",
    "a: 1",
    "cogs: 1",
    "x:\n  cog: 1",
    "x: cog: 1",
    "- cog: 1",
    "agents: {}",
    'version: "1.0"',
    "{x: {cog: 1}}",
    "{x: [cog, 1]}",
    "text: |\n  cog: 1",
]


@pytest.mark.parametrize("text", SPECS)
def test_a_text_with_the_keys_of_a_spec_is_one(text: str) -> None:
    assert is_yaml_spec(text)


@pytest.mark.parametrize("text", NO_SPECS)
def test_a_text_without_the_keys_of_a_spec_is_none(text: str) -> None:
    assert not is_yaml_spec(text)


@pytest.mark.parametrize(
    ("path", "text", "yaml"),
    [
        ("a.cog", "cog: 1", False),
        ("a.COG", "cog: 1", False),
        ("a.yml", "", True),
        ("a.YAML", "", True),
        ("a", "cog: 1", True),
        ("a", "coglet A { }", False),
        ("a.txt", "a: 1", False),
    ],
)
def test_a_suffix_goes_ahead_of_the_keys(path: str, text: str, yaml: bool) -> None:
    assert looks_like_yaml(path, text) is yaml


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory"), "no such file or directory"),
        (OSError("odd"), "oserror"),
        (UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "x"), "it is no UTF-8 text (byte 2)"),
        (ValueError("too large"), "too large"),
    ],
)
def test_why_a_file_was_not_read_is_said_in_a_few_words(error: Exception, words: str) -> None:
    assert read_error(error) == words
