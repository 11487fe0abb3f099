"""Specs with marks: what a check reports, at which place, with which suggestion, and nothing besides.

The files in `tests/marked/` hold small specs. A line `=== TITLE | FILE | SLUGS` begins one; `# did you mean ...` says what the
help of its first report is; « and » stand around the place of each report, and `--- FILE` begins another file. A spec without
slugs is correct: nothing is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogc.analysis.checked import Options
from cogc.compile import analyse
from cogc.diagnostics.problems import Diagnostic, Problems
from cogc.disk.files import read as read_file
from support.paths import ROOT

MARKED = ROOT / "tests" / "marked"


def reported(name: str, files: dict[str, str]) -> list[Diagnostic]:
    """Return what a check with all rules reports of files that are held in memory."""

    def read(path: str) -> bytes:
        if path.startswith("std/"):
            return read_file(path)
        if path == ".":
            raise IsADirectoryError
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path].encode()

    problems = Problems()
    analyse([name], read, problems, Options(smells=True))
    return problems.sorted()


def unmarked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text without its marks, and the places that stood between them."""
    places, plain, opened = [], "", 0
    for piece in re.split("([«»])", text):
        if piece == "«":
            opened = len(plain)
        elif piece == "»":
            places.append((opened, len(plain)))
        else:
            plain += piece
    return plain, places


def cases(file: Path) -> Iterator[tuple[str, str, list[str], str, dict[str, str]]]:
    """Yield the title, the checked file, the slugs, the help and the files of each spec."""
    for block in re.split(r"^=== ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, _, body = block.partition("\n")
        title, name, slugs = (part.strip() for part in head.split("|"))
        said = re.match(r"# (did you mean .*)\n", body)
        pieces = re.split(r"^--- (\S+)\n", body[said.end() :] if said else body, flags=re.MULTILINE)
        yield (
            title,
            name,
            slugs.split(),
            said[1] if said else "",
            dict(zip([name, *pieces[1::2]], pieces[::2], strict=True)),
        )


@pytest.mark.parametrize("file", sorted(MARKED.glob("*.txt")), ids=lambda f: f.stem)
def test_each_mistake_is_reported_at_its_place_and_nothing_else_is(file: Path) -> None:
    wrong = []
    for title, name, slugs, said, texts in cases(file):
        plain = {path: unmarked(text) for path, text in texts.items()}
        wanted = {(path, *place) for path, (_, places) in plain.items() for place in places}
        found = reported(name, {path: text for path, (text, _) in plain.items()})
        places = {(d.span.source.path, d.span.start, d.span.end) for d in found}
        helped = not said or (found and found[0].help == said)
        if places != wanted or [d.slug for d in found] != slugs or not helped:
            lines = [f"  {d.span.position()} {d.slug} {d.message} ({d.help})" for d in found]
            wrong.append("\n".join([f"{file.stem}: {title}", *lines]))
    assert wrong == []


LONG = "coglet Main { listen x: int\n  transmit y: int\n  on x as v { y <- v" + " + 1" * 2000 + " } }\n"
PLAIN = "coglet Main {\n  listen x: int\n  transmit y: int\n\n  on x as v {\n    y <- v\n  }\n}\n"
IN_YAML = "cog: 1\ncoglets:\n  Main:\n    listen: {x: int}\n    reactions:\n      - on: x as v\n        do: |\n          log info v\n          log info 1\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.cog", LONG),
        ("a.cog", PLAIN.replace("\n", "\r\n")),
        ("a.cog", "\ufeff" + PLAIN),
        ("a.cog", PLAIN.replace("  ", "\t")),
        ("a.cog", "\n\n" + PLAIN.replace("\n", "\n\n\n  ")),
        ("a.cog", PLAIN.rstrip() + " # end"),
        ("a.yml", IN_YAML.replace("\n", "\r\n")),
        ("a.yml", "\ufeff" + IN_YAML),
    ],
    ids=["long", "crlf", "bom", "tabs", "blank", "no-newline", "yaml-crlf", "yaml-bom"],
)
def test_the_layout_of_a_file_is_no_mistake(name: str, text: str) -> None:
    assert reported(name, {name: text}) == []
