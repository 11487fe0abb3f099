"""Codes, pages and tests are held together: each code has a page, each page fails and works as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cogc.diagnostics.codes import CODES
from support.paths import ROOT
from support.specs import codes

PAGES = sorted((ROOT / "specs" / "codes").glob("*.md"))
BLOCK = re.compile(r"^## (Fails|Works)\n\n```(\w+)\n(.*?)```", re.MULTILINE | re.DOTALL)
# Those whose pages show commands: test_cli.py provokes each of them.
BY_COMMAND = {
    "no-text", "file-too-large", "no-spec", "bad-manifest", "import-clash", "no-root", "not-yet", "bad-build", "unknown-tool",
    "tool-mismatch", "server-unreachable", "unmet-criterion", "skipped-criterion",
}  # fmt: skip


def test_each_code_has_one_page_and_each_page_a_code() -> None:
    assert [p.stem for p in PAGES] == sorted(f"{code}-{slug}" for slug, (code, *_) in CODES.items())


def test_numbers_are_used_once_and_slugs_are_words() -> None:
    numbers = [code for code, *_ in CODES.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) for slug in CODES)


def test_messages_are_lower_case_without_a_full_stop() -> None:
    for slug, (_, severity, message, help) in CODES.items():
        assert severity in ("error", "warning")
        for words in (message, help):
            assert not words.endswith("."), slug
            assert not words[:1].isupper() or words.startswith(("MCP", "YAML")), slug


def test_each_code_is_reported_somewhere() -> None:
    source = "".join(p.read_text() for p in (ROOT / "cogc").rglob("*.py") if p.name != "codes.py")
    assert [slug for slug in CODES if f'"{slug}"' not in source] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_the_page_fails_and_works_as_it_says(page: Path) -> None:
    slug = page.stem.partition("-")[2]
    blocks = {kind: (language, text) for kind, language, text in BLOCK.findall(page.read_text())}
    assert set(blocks) == {"Fails", "Works"}
    language = blocks["Fails"][0]
    if language == "sh":
        assert slug in BY_COMMAND
        return
    name = "spec.cog" if language == "cog" else "spec.yml"
    assert slug in codes(blocks["Fails"][1], name)
    assert codes(blocks["Works"][1], name) in ([], ["silent-transmit"], ["unused-channel"])
