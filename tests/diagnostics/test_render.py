"""Diagnostics as text, JSON and for people; the order of diagnostics, and one report for each place."""

from __future__ import annotations

import io
import json

import pytest

from cogc.commands.checking import summary
from cogc.diagnostics import render
from cogc.diagnostics.problems import Label, Problems
from cogc.diagnostics.source import Source, Span

SOURCE = Source("dir/a.cog", "coglet A {\n\tlisten cuont: int\n}\n")
OTHER = Source("dir/b.cog", "const x = 1\n")
AT = SOURCE.text.index("cuont")


def found(help: str | None = "did you mean `count`?", related: bool = False) -> Problems:
    problems = Problems()
    labels = [Label(Span(OTHER, 6, 7), "declared here")] if related else []
    problems.add("unknown-name", Span(SOURCE, AT, AT + 5), help=help, related=labels, name="cuont")
    return problems


def test_a_diagnostic_is_a_line_with_its_places_and_its_help() -> None:
    assert render.text(found(related=True).found) == (
        "dir/a.cog:2:9: error: there is no `cuont` here [COG302]\n"
        "  dir/b.cog:1:7: declared here\n"
        "  help: did you mean `count`?\n"
    )
    assert render.text(found(help="").found) == "dir/a.cog:2:9: error: there is no `cuont` here [COG302]\n"
    assert render.text([]) == ""


def test_json_counts_from_one_and_ends_behind_the_last_character() -> None:
    (one,) = json.loads(render.json(found(related=True).found))
    assert one == {
        "code": "COG302", "slug": "unknown-name", "severity": "error", "message": "there is no `cuont` here",
        "path": "dir/a.cog", "line": 2, "column": 9, "end_line": 2, "end_column": 14, "help": "did you mean `count`?",
        "related": [{"message": "declared here", "path": "dir/b.cog", "line": 1, "column": 7, "end_line": 1, "end_column": 8}],
        "edits": [{"applicability": "safe", "replacement": "count", "path": "dir/a.cog", "line": 2, "column": 9, "end_line": 2, "end_column": 14}],
    }  # fmt: skip
    assert render.json([]) == "[]\n"


def test_people_see_the_line_and_a_mark_below_the_place() -> None:
    file = io.StringIO()
    render.people(found(related=True).found, file)
    assert file.getvalue() == (
        "error[COG302]: there is no `cuont` here\n"
        " --> dir/a.cog:2:9\n"
        "  |\n"
        "2 |     listen cuont: int\n"  # a tab is four blanks, in the line and before the mark
        "  |            ^^^^^\n"
        " ::: dir/b.cog:1:7\n"
        "  |\n"
        "1 | const x = 1\n"
        "  |       - declared here\n"
        "  = help: did you mean `count`?\n"
        "\n"
    )


def test_colours_are_for_terminals() -> None:
    plain, coloured = io.StringIO(), io.StringIO()
    render.people(found().found, plain)
    render.people(found().found, coloured, color=True)
    assert "\x1b[" not in plain.getvalue() and "\x1b[" in coloured.getvalue()


def test_a_long_line_is_cut_around_its_place() -> None:
    source = Source("x.cog", "a" * 500 + "HERE" + "b" * 500)
    problems = Problems()
    problems.add("unknown-name", Span(source, 500, 504), name="HERE")
    file = io.StringIO()
    render.people(problems.found, file)
    shown, marks = (line for line in file.getvalue().splitlines() if "|" in line and line.strip() != "|")
    assert len(shown) < 180 and "...aaa" in shown and "bbb..." in shown
    assert shown.index("HERE") == marks.index("^^^^")


def test_a_place_at_the_end_of_a_file_has_a_mark_too() -> None:
    source = Source("x.cog", "coglet A {")
    problems = Problems()
    problems.add("unclosed-bracket", Span(source, 10, 10), mark="{", closing="}")
    file = io.StringIO()
    render.people(problems.found, file)
    assert file.getvalue().splitlines()[-3].rstrip().endswith("^")
    assert (json.loads(render.json(problems.found))[0]["column"]) == 11


@pytest.mark.parametrize(
    ("slugs", "files", "line"),
    [
        ([], 1, "no problems in 1 file"),
        ([], 3, "no problems in 3 files"),
        (["unknown-name"], 1, "1 error in 1 file"),
        (["unknown-name"] * 2, 2, "2 errors in 2 files"),
        (["unused-program"], 1, "1 warning in 1 file"),
        (["unknown-name", "unused-program", "unused-program"], 1, "1 error and 2 warnings in 1 file"),
    ],
)
def test_the_last_line_counts(slugs: list[str], files: int, line: str) -> None:
    problems = Problems()
    for i, slug in enumerate(slugs):
        problems.add(slug, Span(SOURCE, i, i), name="x")
    assert summary(problems.found, files) == line


# ---- problems ------------------------------------------------------------------------------------------------


def test_one_place_has_one_report_of_a_kind() -> None:
    problems = Problems()
    for _ in range(2):
        problems.add("unknown-name", Span(SOURCE, 1, 2), name="a")
    problems.add("unknown-name", Span(SOURCE, 1, 3), name="a")
    problems.add("unknown-name", Span(OTHER, 1, 2), name="a")
    problems.add("unknown-type", Span(SOURCE, 1, 2), name="a", known="")
    assert [(d.slug, d.span.source.path, d.span.end) for d in problems.found] == [
        ("unknown-name", "dir/a.cog", 2),
        ("unknown-name", "dir/a.cog", 3),
        ("unknown-name", "dir/b.cog", 2),
        ("unknown-type", "dir/a.cog", 2),
    ]


def test_diagnostics_are_in_the_order_of_files_and_places_errors_first() -> None:
    problems = Problems()
    problems.add("unknown-name", Span(OTHER, 0, 1), name="d")
    problems.add("unused-program", Span(SOURCE, 5, 6), name="b")
    problems.add("unknown-name", Span(SOURCE, 5, 6), name="c")
    problems.add("unknown-name", Span(SOURCE, 2, 3), name="a")
    assert [(d.span.source.path, d.span.start, d.severity) for d in problems.sorted()] == [
        ("dir/a.cog", 2, "error"),
        ("dir/a.cog", 5, "error"),
        ("dir/a.cog", 5, "warning"),
        ("dir/b.cog", 0, "error"),
    ]


def test_warnings_are_no_errors() -> None:
    problems = Problems()
    problems.add("unused-program", Span(SOURCE, 0, 1), name="x")
    assert not problems.errors
    problems.add("unknown-name", Span(SOURCE, 0, 1), name="x")
    assert problems.errors


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("é", "é"),
        ("x" * 240, "x" * 240),
        ("x" * 241, "x" * 237 + "..."),
    ],
)
def test_a_fact_is_one_line_printable_and_not_too_long(fact: str, shown: str) -> None:
    problems = Problems()
    problems.add("unknown-name", Span(SOURCE, 0, 1), name=fact)
    assert problems.found[0].message == f"there is no `{shown}` here"


# ---- findings ------------------------------------------------------------------------------------------------


def test_findings_stand_in_columns_with_the_output_of_what_failed() -> None:
    file = io.StringIO()
    output = "\n".join(f"line {i}" for i in range(30))
    render.findings(
        [
            {"criterion": "tests", "status": "PASS", "details": "3 passed", "output": output},
            {"criterion": "a", "status": "FAIL", "details": "exit code 2", "output": output},
            {"criterion": "b", "status": "SKIP", "details": "", "output": output},
        ],
        file,
    )
    lines = file.getvalue().splitlines()
    assert [line.rstrip() for line in lines if "|" not in line] == [
        "PASS  tests  3 passed",
        "FAIL  a      exit code 2",
        "SKIP  b",
    ]
    assert [line for line in lines if "|" in line] == [f"      | line {i}" for i in range(10, 30)]
