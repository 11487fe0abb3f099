"""Codes, pages and tests are held together: each code has a page, and each page fails and works exactly as it says.

A page holds its examples in pairs: the first block of `Fails` goes with the first block of `Works`. A block is a spec (`cog`, `yaml`), which
gives the one report of the page and nothing else, or a transcript of a shell (`console`), whose commands are run and whose output is compared.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cogc.diagnostics.codes import CODES
from support.console import printed
from support.paths import ROOT
from support.specs import codes

PAGES = sorted((ROOT / "specs" / "codes").glob("*.md"))
SECTIONS = ["Why", "Fails", "Works", "How to fix"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = {"cog": "spec.cog", "yaml": "spec.yml"}


def sections(page: Path) -> dict[str, str]:
    """The text of a page by its headings; what stands under the title is `""`."""
    parts = re.split(r"^## (.+)\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": parts[0].partition("\n")[2].strip(), **dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))}


def examples(kind: str) -> list[tuple[str, str, str]]:
    """Every example under one heading: its page's slug, its language, its text."""
    return [(p.stem.partition("-")[2], *block) for p in PAGES for block in BLOCK.findall(sections(p)[kind])]


def specs(kind: str) -> list[object]:
    return [pytest.param(*e, id=f"{e[0]}-{i}") for i, e in enumerate(examples(kind)) if e[1] != "console"]


def transcripts() -> list[object]:
    found = [
        (slug, kind, text) for kind in ("Fails", "Works") for slug, lang, text in examples(kind) if lang == "console"
    ]
    return [pytest.param(*f, id=f"{f[0]}-{f[1]}") for f in found]


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
def test_a_page_has_its_sections_and_fits_a_terminal(page: Path) -> None:
    code, _, slug = page.stem.partition("-")
    severity = CODES[slug][1]
    found = sections(page)
    assert page.read_text(encoding="utf-8").startswith(f"# {code} {slug} ({severity})\n\n")
    assert list(found) == ["", *SECTIONS, *(["When to ignore"] if severity == "warning" else [])]
    assert all(found.values())
    assert len(BLOCK.findall(found["Fails"])) == len(BLOCK.findall(found["Works"])) >= 1
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    assert [line for line in prose.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(("slug", "language", "text"), specs("Fails"))
def test_what_fails_gives_this_report_and_no_other(slug: str, language: str, text: str) -> None:
    assert codes(text, NAMES[language]) == [slug]


@pytest.mark.parametrize(("slug", "language", "text"), specs("Works"))
def test_what_works_gives_no_report(slug: str, language: str, text: str) -> None:
    assert codes(text, NAMES[language]) == []


@pytest.mark.parametrize(("slug", "kind", "text"), transcripts())
def test_a_transcript_is_what_the_shell_shows(slug: str, kind: str, text: str, tmp_path: Path) -> None:
    """`$ cat FILE` shows a file that the transcript begins with; every other command is run, and prints what stands below it."""
    if slug == "server-unreachable":
        pytest.importorskip("mcp")
    code = CODES[slug][0]
    assert (f"[{code}]" in text) == (kind == "Fails")
    for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part[2:].partition("\n")
        if command.startswith("cat "):
            file = tmp_path / command.removeprefix("cat ")
            file.parent.mkdir(exist_ok=True)
            file.write_text(shown, encoding="utf-8")
        else:
            assert printed(command, tmp_path) == shown
