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
from support.specs import SMELLS, check_text

PAGES = sorted((ROOT / "specs" / "codes").glob("*.md"))
SECTIONS = ["Why", "Fails", "Works", "How to fix"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMES = {"cog": "spec.cog", "yaml": "spec.yml"}


PLACES = [
    ("unreadable-file", 1, '"jury.cog"'),
    ("unknown-notation", 1, 'c'),
    ("bad-character", 1, '$'),
    ("unclosed-string", 1, '"hello'),
    ("unclosed-bracket", 1, '{'),
    ("unexpected-token", 4, '='),
    ("unexpected-token", 6, '+'),
    ("unexpected-token", 1, 'or'),
    ("bad-number", 4, '12abc'),
    ("number-too-large", 1, '99999999999999999999'),
    ("too-deep", 1, '['),
    ("hole-outside-form", 3, '$n'),
    ("unknown-attribute", 2, 'capacty'),
    ("missing-attribute", 2, 'llm'),
    ("bad-word", 2, 'always_'),
    ("duplicate-attribute", 2, 'restart'),
    ("unknown-executor", 1, 'pyton'),
    ("bad-executor", 1, '"ls -l"'),
    ("no-body", 1, 'reset'),
    ("unknown-word", 4, 'inform'),
    ("bad-trigger", 4, 'any(x)'),
    ("bad-target", 5, 'n'),
    ("bad-path", 4, '"25:00"'),
    ("duplicate-key", 1, 'a'),
    ("bad-yaml", 5, ':'),
    ("bad-shape", 2, '[Main]'),
    ("unknown-key", 4, 'listn'),
    ("ambiguous-scalar", 6, 'no'),
    ("bad-modifier", 2, 's'),
    ("yaml-alias", 3, '*'),
    ("duplicate-name", 2, 'A'),
    ("unknown-name", 4, 'vv'),
    ("unknown-name", 6, 'sign'),
    ("unknown-name", 2, 'jugde'),
    ("unknown-type", 2, 'integer'),
    ("unknown-coglet", 2, 'Wroker'),
    ("unknown-mixin", 1, 'LogLt'),
    ("wrong-kind", 2, 'Worker'),
    ("mixin-clash", 3, 'n'),
    ("mixin-cycle", 1, 'A'),
    ("shadowed-name", 5, 'n'),
    ("reserved-channel", 4, 'start'),
    ("unknown-port", 5, 'cuont'),
    ("unknown-command", 4, 'rest'),
    ("unknown-child", 2, 'worker'),
    ("wrong-argument", 2, 'sped'),
    ("missing-argument", 2, 'A'),
    ("too-many-arguments", 4, 'len([v], 2)'),
    ("duplicate-argument", 2, 'speed: 4'),
    ("unknown-variable", 3, 'nam'),
    ("unknown-state", 4, 'total'),
    ("private-command", 4, '_retry'),
    ("unknown-criterion", 2, 'test'),
    ("extends-itself", 1, 'Strict'),
    ("bad-role", 2, '"the reviewer!"'),
    ("too-few-arguments", 4, 'len()'),
    ("tool-clash", 5, 'Lead'),
    ("model-list", 2, 'writer'),
    ("unordered-step", 6, 'x'),
    ("wrong-type", 4, '"{{ v }}"'),
    ("wrong-type", 5, 'n'),
    ("wrong-type", 2, '7'),
    ("no-condition", 4, 'v'),
    ("bad-operands", 4, '"n" + v'),
    ("unknown-field", 3, 'name'),
    ("not-callable", 4, 'v'),
    ("not-iterable", 4, 'v'),
    ("impure-call", 5, 'f'),
    ("never-equal", 3, 's == "lft"'),
    ("bad-index", 4, '[1, 2]["a"]'),
    ("recursive-type", 1, 'A'),
    ("bad-default", 1, '1 + 1'),
    ("bad-template", 3, '{% for a in n %}'),
    ("recursive-program", 1, 'f'),
    ("nullable", 4, 'j.note'),
    ("link-type", 8, 'a.n'),
    ("out-of-range", 2, '0'),
    ("no-sampling", 1, 'temperature'),
    ("no-price", 2, 'usd: 0.1'),
    ("no-lock", 3, 'notes'),
    ("certain-failure", 3, 'TOTAL // SHARES'),
    ("constant-cycle", 1, 'WIDTH'),
    ("no-media", 2, '"a.bmp"'),
    ("media-from-model", 2, 'image'),
    ("no-thinking", 1, 'thinking'),
    ("no-thinking", 3, 'tool_choice'),
    ("bad-header", 4, 'evnt'),
    ("no-conversion", 3, 'string'),
    ("unused-channel", 2, 'x'),
    ("unconnected-channel", 3, 'a'),
    ("endless-creation", 1, 'b'),
    ("blocking-cycle", 8, 'link b.y -> a.x'),
    ("silent-transmit", 2, 'y'),
    ("duplicate-link", 9, 'link a.n -> b.s'),
    ("unreachable-code", 5, 'y <- v'),
    ("unused-program", 4, 'f'),
    ("unclaimed-goal", 1, 'S'),
    ("idle-agent", 6, 'B'),
    ("second-exclusive", 6, 'B'),
    ("parallel-writers", 7, 'B'),
    ("writing-reviewer", 6, 'B'),
    ("unclaimed-type", 5, '"Recip"'),
    ("type-loop", 1, 'S'),
    ("step-cycle", 6, 'x'),
    ("step-without-agent", 6, 'x'),
    ("empty-plan", 1, 'P'),
    ("unreachable-step", 6, 'x'),
    ("unverified-path", 8, 'y'),
    ("unbounded-loop", 2, 'A'),
    ("hopeless-dod", 1, 'D'),
    ("shared-workspace", 6, 'workers: [A * 2]'),
    ("small-budget", 7, 'budget: { tokens: 1_000 }'),
    ("unheard-failure", 6, 'clerk'),
    ("unknown-model", 1, '"claude-sonet-5-5"'),
    ("unused-name", 4, 'seen'),
    ("one-outcome", 4, 'n > 5 and n < 3'),
    ("said-twice", 5, 'on number as n { square <- n * n }'),
    ("no-effect", 2, 'max_loops'),
    ("no-expectation", 5, '"it starts"'),
    ("unused-loop-name", 5, 'job'),
    ("foreign-placeholder", 1, '${name}'),
    ("empty-dod", 1, 'Done'),
    ("unknown-escape", 4, '\\l'),
    ("unknown-call", 16, 'serch'),
    ("secret-outside", 2, 'env'),
    ("foreign-module", 1, '"os:getcwd"'),
    ("unused-ignore", 3, '# cogc: ignore[COG508] used by hand'),
    ("typed-secret", 2, '"sk-ant-EXAMPLE-0000000000000000"'),
    ("stands-in", 4, 'strategy'),
]  # fmt: skip
"""For each spec below `Fails`, in the order of the pages: the code, the line of its report, and what the mark is under."""


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


def failing() -> list[object]:
    """Every spec below `Fails`, with the place of its report."""
    found = [e for e in examples("Fails") if e[1] != "console"]
    assert [slug for slug, _, _ in found] == [slug for slug, _, _ in PLACES]
    return [pytest.param(*e, *p[1:], id=f"{p[0]}-{i}") for i, (e, p) in enumerate(zip(found, PLACES, strict=True))]


@pytest.mark.parametrize(("slug", "language", "text", "line", "marked"), failing())
def test_what_fails_gives_this_report_at_this_place_and_no_other(
    slug: str, language: str, text: str, line: int, marked: str
) -> None:
    _, found = check_text(text, NAMES[language], smells=slug in SMELLS)
    places = [(d.slug, d.span.source.position(d.span.start)[0], text[d.span.start : d.span.end]) for d in found]
    assert places == [(slug, line, marked)]


@pytest.mark.parametrize(("slug", "language", "text"), specs("Works"))
def test_what_works_gives_no_report(slug: str, language: str, text: str) -> None:
    assert check_text(text, NAMES[language], smells=slug in SMELLS)[1] == []


@pytest.mark.parametrize(("slug", "kind", "text"), transcripts())
def test_a_transcript_is_what_the_shell_shows(slug: str, kind: str, text: str, tmp_path: Path) -> None:
    """`$ cat FILE` shows a file that the transcript begins with; every other command is run, and prints what stands below it."""
    if slug in ("server-unreachable", "tool-left-out"):
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
