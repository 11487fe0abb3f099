"""`for each`: rows of a file, their table, their reports, and the comparison of two reports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import format
from cogc.syntax.parse import parse
from support.cli import cogc_here
from support.specs import check_text
from support.waiting import DEADLINE

SYSTEM = """
type Case = { n: int, wanted: int, id?: string, wait?: duration }
coglet Main {
  listen n: int
  transmit doubled: int
  transmit odd: bool
  on n as x { doubled <- x * 2; if x % 2 == 1 { odd <- true } }
}
test "it doubles" {
  for each row: Case in "rows.jsonl"
  send self.n <- row.n
  run 1s
  expect doubled == [row.wanted]
}
"""
ROWS = (
    '{"n": 1, "wanted": 2, "id": "one"}\n{"n": 2, "wanted": 5, "id": "two"}\n\n{"n": 3, "wanted": 6, "id": "three"}\n'
)


def evaluated(tmp_path: Path, *options: object, rows: str | bytes = ROWS, system: str = SYSTEM) -> tuple[int, str]:
    """Run the test for some rows; the exit code and what is printed."""
    (tmp_path / "a_test.cog").write_text(system)
    (tmp_path / "rows.jsonl").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    done = cogc_here("test", "a_test.cog", "--state", tmp_path / "state", *options, cwd=tmp_path)
    return done.returncode, done.stdout + done.stderr


def without(text: str) -> str:
    return re.sub(r"\(\d+\.\d+ s\)", "(0.00 s)", text)


# ---- rows ------------------------------------------------------------------------------------------------------


def test_the_table_names_each_row_and_what_failed_first(tmp_path: Path) -> None:
    code, said = evaluated(tmp_path)
    assert code == 3
    assert without(said) == (
        "FAIL a_test.cog::it doubles: 2 of 3 rows passed: 66.7% (95%: 20.8% to 93.9%)\n"
        "       row    passed  first failure\n"
        "       two    no      expect doubled == [row.wanted] doubled = [4]\n"
        "       one    yes\n"
        "       three  yes\n"
        "\n"
        "a_test.cog:10:3: 2 of 3 rows passed\n"
        '  | for each row: Case in "rows.jsonl"\n'
        "  1 x line 13: expect doubled == [row.wanted]\n"
        "      doubled = [4] (two)\n"
        "      [row.wanted] = [5] (two)\n"
        "      row.wanted = 5 (two)\n"
        "  the last messages:\n"
        "        outside        Main\n"
        "    0s  |--n 2-------->|\n"
        "    0s  |<---doubled 4-|\n"
        "  again: cogc test a_test.cog -k 'it doubles'\n"
        "1 test in 1 file: 1 failed (0.00 s)\n"
    )


@pytest.mark.parametrize(("rate", "expected"), [("0.66", 0), ("0.67", 3), ("0", 0), ("1", 3)])
def test_a_rate_of_rows_may_be_enough(tmp_path: Path, rate: str, expected: int) -> None:
    code, said = evaluated(tmp_path, "--pass-rate", rate)
    assert code == expected and "2 of 3 rows passed" in said


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ('{"n": 1}\n', "rows.jsonl:1: the row: the field `wanted` is missing"),
        ('{"n": 1, "wanted": 2}\n{"n": "x", "wanted": 2}\n[]\n', "2 rows do not fit the test"),
        ('{"n": 1, "wanted": 2}\n{"n": 1, "wanted": 2, }\n', "rows.jsonl:2: the row is no JSON"),
        ('{"n": 1, "n": 2, "wanted": 2}\n', "an object has a name twice"),
        ("\n \n", '"rows.jsonl" has no row'),
        ("", '"rows.jsonl" has no row'),
        (b'{"n": 1, "wanted": "\xff"}\n', "rows.jsonl:1: the row is no JSON"),
        ("".join('{"n": 1}\n' for _ in range(30)), "and 20 more"),
        ('{"n": NaN, "wanted": 1}\n', "NaN is no value of JSON"),
    ],
)
def test_rows_that_do_not_fit_fail_the_test_before_any_runs(tmp_path: Path, rows: str | bytes, words: str) -> None:
    code, said = evaluated(tmp_path, rows=rows)
    assert code == 3 and words in said and "again: cogc test a_test.cog" in said, said


def test_a_file_of_rows_that_is_missing_is_said_by_check_and_test(tmp_path: Path) -> None:
    (tmp_path / "a_test.cog").write_text(SYSTEM)
    checked = cogc_here("check", "a_test.cog", cwd=tmp_path)
    assert checked.returncode == 0 and "warning: there is no file `rows.jsonl` here [COG008]" in checked.stdout
    done = cogc_here("test", "a_test.cog", cwd=tmp_path)
    assert done.returncode == 3 and 'there is no "rows.jsonl" beside the test' in done.stdout
    (tmp_path / "rows.jsonl").mkdir()
    done = cogc_here("test", "a_test.cog", cwd=tmp_path)
    assert done.returncode == 3 and '"rows.jsonl" cannot be read' in done.stdout


def test_a_row_has_the_values_of_its_type_and_all_steps_see_it(tmp_path: Path) -> None:
    system = SYSTEM.replace("send self.n <- row.n", "use Main\n  send self.n <- row.n at row.wait ?? 0s")
    rows = '{"n": 1, "wanted": 2, "wait": 500000000}\n'
    code, said = evaluated(tmp_path, rows=rows, system=system)
    assert code == 3 and "duration, got int 500000000" in said  # JSON has no durations


def test_each_row_runs_for_all_values(tmp_path: Path) -> None:
    system = SYSTEM.replace("send self.n", "for all by in ints(0, 3)\n  send self.n <- row.n + by at 5s\n  send self.n")
    code, said = evaluated(tmp_path, "--format", "json", system=system, rows='{"n": 1, "wanted": 2}\n')
    found = json.loads(said)["tests"][0]
    assert code == 0 and found["runs"] == 1 and found["rate"]["runs"] == 1


def test_rows_of_any_type_are_any(tmp_path: Path) -> None:
    system = SYSTEM.replace("row: Case", "row").replace("row.n", "row[0]").replace("row.wanted", "row[1]")
    assert evaluated(tmp_path, rows="[1, 2]\n[2, 4]\n", system=system)[0] == 0


def test_coverage_and_processes_take_evaluations_in(tmp_path: Path) -> None:
    both = SYSTEM + SYSTEM[SYSTEM.index("test") :].replace('"it doubles"', '"again"')
    code, said = evaluated(
        tmp_path, "--cov", "-n", "2", system=both, rows='{"n": 1, "wanted": 2}\n{"n": 2, "wanted": 4}\n'
    )
    assert code == 0 and "100" in said.splitlines()[-2] + said, said


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ('for each a in "x.jsonl"\nfor each b in "x.jsonl"', "COG204"),
        ("live { pass_rate: 2.0 }", "COG416"),
        ("live { pass_rat: 0.5 }", "COG201"),
        ("live { pass_rate: 0.5 }\nlive { pass_rate: 0.5 }", "COG204"),
        ('expect judge Main "x"', "COG306"),
        ('expect judge nobody "x"', "COG302"),
        ("expect judge m 7", "COG401"),
        ('expect judge m "x" >= 7.0', "COG416"),
        ("script m { fault wrong }", "COG209"),
        ("script p { fault empty }", "COG209"),
        ('for each a: Missing in "x.jsonl"', "COG303"),
    ],
)
def test_mistakes_in_the_words_are_reported(steps: str, expected: str) -> None:
    text = f'model m = anthropic "claude-haiku-5-5"\nprogram p() -> string = shell ["ls"]\n{SYSTEM}test "t" {{\nuse Main\n{steps}\n}}\n'
    found = [d for d in check_text(text)[1] if d.severity == "error"]
    assert [d.code for d in found] == [expected], found


def test_the_words_are_written_as_they_were_read() -> None:
    text = (
        'test "t" {\n  for each row: [Case] in "x.jsonl"\n  for each in "y"\n  script m { fault off_schema, fault slow }\n'
        '  expect judge a.m "x {{ y }}" + z >= 0.5 + 0.1\n  expect judge m "x"\n  live { pass_rate: 0.9 }\n}\n'
    ).replace('  for each in "y"\n', "")
    problems = Problems()
    tree = parse(Source("a.cog", text), problems)
    assert not problems.found and format.written(tree) == text


# ---- reports ---------------------------------------------------------------------------------------------------


def report(tmp_path: Path, name: str, rows: str = ROWS, **more: str) -> Path:
    code, said = evaluated(tmp_path, "--eval", name, rows=rows, **more)
    assert code in (0, 3), said
    return tmp_path / name


def test_a_report_has_a_line_for_each_case(tmp_path: Path) -> None:
    head, *lines = [json.loads(line) for line in report(tmp_path, "r.jsonl").read_text().splitlines()]
    assert head == {"v": 1, "kind": "evaluation", "seed": 0}
    assert [(line["kind"], line.get("row", {}).get("key"), line["passed"]) for line in lines] == [
        ("case", "one", True), ("case", "two", False), ("case", "three", True), ("test", None, False),
    ]  # fmt: skip
    assert lines[1]["outputs"] == {"doubled": [4], "odd": []}
    assert lines[1]["failure"]["values"] == {"doubled": "[4]", "[row.wanted]": "[5]", "row.wanted": "5"}
    assert lines[3]["rate"]["passed"] == 2 and lines[3]["rate"]["low"] == 0.20766


def test_hidden_characters_of_rows_are_escapes_in_reports(tmp_path: Path) -> None:
    path = report(tmp_path, "r.jsonl", rows='{"n": 1, "wanted": 2, "id": "a\\u202eb\\u001b[31m"}\n')
    assert (
        "\u202e" not in path.read_text()
        and json.loads(path.read_text().splitlines()[1])["row"]["key"] == "a\u202eb\x1b[31m"
    )


@pytest.mark.parametrize("option", ["--eval", "--eval-html"])
def test_a_report_takes_the_place_of_nothing_else(tmp_path: Path, option: str) -> None:
    (tmp_path / "precious.txt").write_text("precious")
    code, said = evaluated(tmp_path, option, "precious.txt")
    assert code == 2 and "is not overwritten" in said and (tmp_path / "precious.txt").read_text() == "precious"
    assert evaluated(tmp_path, option, "new")[0] == 3 and evaluated(tmp_path, option, "new")[0] == 3
    code, said = evaluated(tmp_path, option, "none/new")
    assert code == 3 and "cogc: " in said


def test_the_page_needs_nothing_from_elsewhere_and_escapes_what_it_shows(tmp_path: Path) -> None:
    rows = json.dumps({"n": 1, "wanted": 3, "id": '"><script>alert(1)</script>\u202e'}) + "\n"
    evaluated(tmp_path, "--eval-html", "r.html", rows=rows)
    page = (tmp_path / "r.html").read_text()
    assert (
        page.startswith("<!doctype html>")
        and "<script" not in page
        and "&lt;script&gt;" in page
        and "\u202e" not in page
    )
    assert not re.search(r"\b(src|href)=|@import|url\(", page)
    assert "default-src 'none'" in page


@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium")
def test_a_browser_shows_the_page(tmp_path: Path) -> None:
    evaluated(tmp_path, "--eval-html", "r.html")
    words = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
    ]
    done = subprocess.run(
        [*words, f"file://{tmp_path / 'r.html'}"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout.count("<details>") == 3 and "2 of 3 rows passed" in done.stdout


# ---- two reports -----------------------------------------------------------------------------------------------


def diff(tmp_path: Path, before: str, after: str, *options: str) -> tuple[int, str]:
    report(tmp_path, "before.jsonl", before)
    report(tmp_path, "after.jsonl", after)
    done = cogc_here("eval", "diff", "before.jsonl", "after.jsonl", *options, cwd=tmp_path)
    return done.returncode, done.stdout + done.stderr


BETTER = ROWS.replace('"wanted": 5', '"wanted": 4')
WORSE = ROWS.replace('"wanted": 2', '"wanted": 1')


def test_two_reports_are_compared_row_by_row(tmp_path: Path) -> None:
    code, said = diff(tmp_path, ROWS, WORSE + '{"n": 4, "wanted": 8, "id": "four"}\n')
    assert code == 3
    assert said == (
        "a_test.cog::it doubles\n"
        "  2 of 3 passed: 66.7% (95%: 20.8% to 93.9%) -> 2 of 4 passed: 50.0% (95%: 15.0% to 85.0%)\n"
        "  difference -33.3 points (95%: -71.8 to +31.6)\n"
        "  worse   one  1/1 -> 0/1: expect doubled == [row.wanted]\n"
        "  not compared: 0 gone, 1 new\n"
        "1 worse, 0 better\n"
    )


@pytest.mark.parametrize(
    ("after", "on", "expected"),
    [(BETTER, "row", 0), (ROWS, "row", 0), (WORSE, "row", 3), (WORSE, "rate", 0), (WORSE, "never", 0)],
)
def test_the_exit_code_says_whether_something_is_worse(tmp_path: Path, after: str, on: str, expected: int) -> None:
    assert diff(tmp_path, ROWS, after, "--fail-on", on)[0] == expected


def test_a_rate_whose_whole_interval_is_lower_is_worse(tmp_path: Path) -> None:
    good = "".join(json.dumps({"n": n, "wanted": 2 * n}) + "\n" for n in range(20))
    bad = "".join(json.dumps({"n": n, "wanted": 2 * n, "id": None}) + "\n" for n in range(20))
    rows = [json.dumps({"n": n, "wanted": 2 * n, "id": str(n)}) + "\n" for n in range(20)]
    broken = [json.dumps({"n": n, "wanted": 0 if n > 5 else 2 * n, "id": str(n)}) + "\n" for n in range(20)]
    assert good != bad
    code, said = diff(tmp_path, "".join(rows), "".join(broken), "--fail-on", "rate", "--format", "json")
    found = json.loads(said)["tests"][0]
    assert code == 3 and found["difference"]["high"] < 0 and len(found["changed"]) == 14


def test_rows_without_an_id_find_each_other_by_their_content(tmp_path: Path) -> None:
    rows = ['{"n": 1, "wanted": 2}\n', '{"wanted": 4, "n": 2}\n', '{"n": 1, "wanted": 2}\n']
    code, said = diff(tmp_path, "".join(rows), '{"n": 2, "wanted": 4}\n\n' + rows[0] * 2)
    assert code == 0 and "gone" not in said and said.endswith("0 worse, 0 better\n")


def test_each_row_has_a_key_of_its_own(tmp_path: Path) -> None:
    ids = ["a", "a", "a#2", "a#2", "a", "b"]
    rows = "".join(json.dumps({"n": 1, "wanted": 2, "id": one}) + "\n" for one in ids)
    lines = [json.loads(line) for line in report(tmp_path, "r.jsonl", rows).read_text().splitlines()]
    assert [line["row"]["key"] for line in lines[1:-1]] == ["a", "a#2", "a#2#2", "a#2#3", "a#3", "b"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "precious",
        '{"kind": "evaluation", "v": 2}\n',
        '{"kind": "evaluation", "v": 1}\n{"kind": "case"}\n',
        "\xff\x00",
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str | None) -> None:
    report(tmp_path, "after.jsonl")
    if content is not None:
        (tmp_path / "before.jsonl").write_bytes(content.encode("latin-1"))
    done = cogc_here("eval", "diff", "before.jsonl", "after.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("cogc: `before.jsonl`: ") and done.stdout == ""


def test_reports_without_a_test_in_common_are_refused(tmp_path: Path) -> None:
    report(tmp_path, "before.jsonl")
    report(tmp_path, "after.jsonl", system=SYSTEM.replace('"it doubles"', '"another"'))
    done = cogc_here("eval", "diff", "before.jsonl", "after.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and "have no test in common" in done.stderr


def test_reports_without_a_case_in_common_are_refused(tmp_path: Path) -> None:
    report(tmp_path, "before.jsonl")
    report(tmp_path, "after.jsonl", rows=ROWS.replace('"id": "', '"id": "another '))
    done = cogc_here("eval", "diff", "before.jsonl", "after.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and "have no case in common" in done.stderr and done.stdout == ""
