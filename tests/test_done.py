"""Definitions of done: what each criterion finds, the loop of verifying and fixing, the gate of the command line."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from support.cli import cogc_here
from support.criteria import criteria
from support.paths import ROOT
from support.processes import QUICK
from support.specs import check_text, codes

HEAD = 'model coder = scripted "coder.yml"\nmodel judge = scripted "judge.yml"\n'


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, title: str, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", title)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with a passing test, and the models' answers."""
    (tmp_path / "coder.yml").write_text("- {reply: done}\n")
    (tmp_path / "judge.yml").write_text("- {when: {prompt: The criterion}, reply: {score: 0.8, reason: it is short}}\n")
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\nmarkers = ["contract"]\n')
    (tmp_path / "small.py").write_text("def half(x):\n    if x < 0:\n        return 0\n    return x / 2\n")
    (tmp_path / "test_small.py").write_text("from small import half\n\n\ndef test_half():\n    assert half(4) == 2\n")
    return tmp_path


def verify(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "spec.cog").write_text(HEAD + text)
    env = {**QUICK, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return cogc_here("verify", "spec.cog", *words, cwd=folder, **env)


def findings(folder: Path, text: str, *words: str) -> dict[str, tuple[str, str]]:
    """Status and details of each criterion, by its JUnit report."""
    done = verify(folder, text, "--junit", "report.xml", *words)
    assert done.returncode in (0, 4), done.stderr
    found = {}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        inner = case[0] if len(case) else None
        status = "PASS" if inner is None else {"failure": "FAIL", "skipped": "SKIP"}[inner.tag]
        found[case.attrib["name"]] = (status, "" if inner is None else inner.attrib["message"])
    statuses = {s for s, _ in found.values()}
    assert (done.returncode == 0) == ("FAIL" not in statuses and "PASS" in statuses)
    return found


def test_every_kind_of_criterion_is_really_looked_at(place: Path) -> None:
    (place / "checks.py").write_text(
        "def lines():\n    return 7\ndef right(work):\n    return {'status': 'FAIL', 'details': f'no: {work}'}\n"
    )
    found = findings(
        place,
        """
        program lines() -> int = python "checks:lines"
        dod Done {
          tests: on
          contracts: on
          coverage: coverage >= 70
          more: coverage >= 90
          linters: off
          exit: shell ["sh", "-c", "echo so; exit 3"] { ok: [0, 3] }
          wrong: shell ["sh", "-c", "exit 3"]
          missing: shell ["no-such-command"]
          slow: shell ["sleep", "9"] { timeout: 100ms }
          size: lines() < 10
          large: lines() > 10
          broken: 1 // (lines() - 7) == 1
          function: python "checks:right"
          short: judge judge "It is short." >= 0.8
          shorter: judge judge "It is very short." >= 0.9
          release: human("Release it?")
          nobody: human
        }
        """,
        "--answer", "release=yes", "--work", '"this"',
    )  # fmt: skip
    assert {k: s for k, (s, _) in found.items()} == {
        "tests": "PASS", "contracts": "FAIL", "coverage": "PASS", "more": "FAIL", "linters": "SKIP", "exit": "PASS",
        "wrong": "FAIL", "missing": "FAIL", "slow": "FAIL", "size": "PASS", "large": "FAIL", "broken": "FAIL",
        "function": "FAIL", "short": "PASS", "shorter": "FAIL", "release": "PASS", "nobody": "FAIL",
    }  # fmt: skip
    assert not list(place.glob(".coverage*")), "the coverage leaves no file behind"
    assert found["contracts"][1] == "no test was found"
    assert found["more"][1].endswith("% covered, 90% wanted")
    assert found["wrong"][1] == "exit code 3"
    assert "cannot be started" in found["missing"][1] and "longer than 0.1s" in found["slow"][1]
    assert found["function"][1] == "no: this"
    assert found["shorter"][1] == "0.8 of at least 0.9: it is short"
    assert "asks a person" in found["nobody"][1]


def test_an_unmet_definition_is_exit_code_4_with_a_diagnostic_at_its_place(place: Path) -> None:
    text = 'dod Done {\n  tests: on\n  wrong: shell ["sh", "-c", "echo why; exit 2"]\n}\n'
    done = verify(place, text)
    assert done.returncode == 4
    assert done.stdout == (
        "spec.cog:5:3: error: `wrong` is not met: exit code 2 [COG801]\n  help: why\nDone is not met: 1 of 2 criteria\n"
    )
    found = json.loads(verify(place, text, "--format", "json").stdout)
    assert [(d["code"], d["line"], d["column"]) for d in found] == [("COG801", 5, 3)]
    assert "FAIL  wrong  exit code 2\n      | why" in verify(place, text, "--format", "people").stdout


def test_the_fixer_is_handed_the_findings_until_it_is_met(place: Path) -> None:
    (place / "coder.yml").write_text(
        """
- when: {prompt: "once"}
  tools: [{name: write, input: {text: twice}}]
- when: {prompt: "FAIL right"}
  tools: [{name: write, input: {text: once}}]
- {when: {prompt: ""}, reply: mended}
"""
    )
    (place / "state").write_text("never")
    text = """
    program write(text: string) -> string = shell ["sh", "-c", "cat > state"] { stdin: text }
    agent Developer { model: coder, tools: [write] }
    dod Done {
      right: shell ["sh", "-c", "cat state; grep -q twice state"]
      fix: Developer
      max_loops: 3
    }
    """
    assert verify(place, text).returncode == 4 and (place / "state").read_text() == "never"  # the gate changes nothing
    assert verify(place, text, "--fix").returncode == 0 and (place / "state").read_text() == "twice"
    (place / "state").write_text("never")
    done = verify(place, text.replace("max_loops: 3", "max_loops: 2"), "--fix")
    assert done.returncode == 4 and "Done is not met after 2 loops: 0 of 1 criteria" in done.stdout


def test_a_fixer_that_fails_is_a_finding(place: Path) -> None:
    (place / "coder.yml").write_text("- {error: {message: out of order}}\n")
    found = findings(
        place, 'agent Dev { model: coder }\ndod Done { a: shell ["false"], fix: Dev, max_loops: 3 }\n', "--fix"
    )
    assert found["a"][0] == "FAIL" and found["fix"][0] == "FAIL" and "out of order" in found["fix"][1]


def test_what_comes_behind_a_failure_may_be_skipped(place: Path) -> None:
    text = 'dod Done { a: shell ["true"], b: shell ["false"], c: shell ["touch", "made"], stop_on_failure: true }\n'
    found = findings(place, text)
    assert [s for s, _ in found.values()] == ["PASS", "FAIL", "SKIP"] and not (place / "made").exists()


def test_nothing_but_skips_shows_nothing_and_nothing_at_all_is_off(place: Path) -> None:
    text = 'import "std/dod.cog" as std\ndod None = std.off { }\n'
    assert verify(place, text).returncode == 0
    done = verify(place, 'dod Skips { a: shell ["false"], b: "SKIP", c: "SKIP", stop_on_failure: true }\n')
    assert done.returncode == 4
    assert verify(place, 'dod Skips { b: "SKIP", c: "SKIP" }\n').returncode == 4
    assert codes("dod Off { tests: off }\n") == ["hopeless-dod"]


def test_presets_are_extended_and_their_criteria_replaced(place: Path) -> None:
    text = """
    import "std/dod.cog" as std
    dod Mine(least: int = 60) = std.minimal { coverage: coverage >= least, linters: shell ["true"] }
    """
    found = findings(place, text, "--dod", "Mine", "--set", "least=99")
    assert {k: s for k, (s, _) in found.items()} == {
        "tests": "PASS", "tdd": "FAIL", "coverage": "FAIL", "linters": "PASS",
    }  # fmt: skip
    git(place, "init", "-q")
    strict = findings(place, 'import "std/dod.cog" as std\ndod Mine = std.strict { judge: judge }\n', "--dod", "Mine")
    assert list(strict) == [
        "tests", "contracts", "integration", "e2e", "tdd", "linters", "coverage", "solid", "dry", "kiss", "architecture",
    ]  # fmt: skip
    assert strict["kiss"][0] == "PASS"


def test_a_preset_without_its_judge_is_an_error_where_it_is_used() -> None:
    text = 'import "std/dod.cog" as std\ncoglet Main { create d = std.strict }\n'
    assert "missing-attribute" in codes(text)
    assert codes("dod D { test: on }\n") == ["unknown-criterion"]
    assert codes("dod A = B { tests: on }\ndod B = A { }\n") == ["extends-itself"]
    assert codes("dod A { coverage: on }\n") == ["bad-executor"]
    assert codes("dod A { a: shell [] }\n") == ["bad-executor"]
    assert codes('dod A { a: python "x" }\n') == ["bad-executor"]
    assert codes('dod A { a: shell ["x"] { tmeout: 1s } }\n') == ["unknown-attribute"]
    assert codes("dod A { a: wrong(1) }\n") == ["unknown-name"]
    for value in ("3", '"perhaps"', "[true]", "{ ok: true }"):
        assert codes(f"dod A {{ a: {value} }}\n") == ["wrong-type"]
    for value in ("1 < 2", '"SKIP"', '{ status: "PASS" }', "n"):
        assert codes(f"dod A(n: bool = true) {{ a: {value} }}\n") == []
    _, found = check_text("dod A { tests: on, max_loop: 3 }\n")
    assert [(d.slug, d.help) for d in found] == [("unknown-criterion", "did you mean `max_loops`?")]


def test_the_command_line_says_which_definitions_there_are(place: Path) -> None:
    done = verify(place, "dod A { tests: on }\ndod B { tests: on }\n")
    assert done.returncode == 2 and "there is A, B" in done.stderr
    done = verify(place, "dod A { tests: on }\n", "--dod", "C")
    assert done.returncode == 2 and "there is no definition of done `C`" in done.stderr
    assert verify(place, "dod A { tests: wrong( }\n").returncode == 1


# ---- tests no later than code --------------------------------------------------------------------------------


TDD = "dod Done { tdd: on }\n"
CODE, TEST = "def f():\n    return 1\n", "from work import f\n\n\ndef test_it():\n    assert f() == 1\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "coder.yml").write_text("- {reply: done}\n")
    (tmp_path / "judge.yml").write_text("- {reply: done}\n")
    (tmp_path / ".gitignore").write_text("*.yml\n*.xml\n*.cog\n")
    git(tmp_path, "init", "-q")
    return tmp_path


def tdd(folder: Path, text: str = TDD) -> tuple[str, str]:
    return findings(folder, text)["tdd"]


def test_tests_in_the_same_commit_or_before_pass(repository: Path) -> None:
    commit(repository, "both", work=CODE, test_work=TEST)
    assert tdd(repository)[0] == "PASS"
    commit(repository, "the test of the next", test_more="from more import g\n")
    commit(repository, "the next", more=CODE)
    assert tdd(repository)[0] == "PASS"


def test_tests_that_come_later_fail_with_the_commits_named(repository: Path) -> None:
    commit(repository, "code first", work=CODE)
    commit(repository, "the test after", test_work=TEST)
    status, details = tdd(repository)
    assert status == "FAIL" and "code first: work.py came before its test" in details and "the test after" in details


def test_a_change_whose_test_is_changed_later_fails(repository: Path) -> None:
    commit(repository, "both", work=CODE, test_work=TEST)
    git(repository, "tag", "start")
    since = 'dod Done { tdd: on, base: "start" }\n'
    commit(repository, "changed", work=CODE.replace("1", "2"))
    assert tdd(repository, since)[0] == "PASS"  # the tests that were there cover it, as far as one can see
    commit(repository, "its test", test_work=TEST.replace("1", "2"))
    status, details = tdd(repository, since)
    assert status == "FAIL" and "changed before its test" in details


def test_what_is_not_committed_counts_and_code_without_tests_fails(repository: Path) -> None:
    commit(repository, "both", work=CODE, test_work=TEST)
    (repository / "lonely.py").write_text(CODE)
    status, details = tdd(repository)
    assert status == "FAIL" and details == "what is not committed: lonely.py has no test"
    (repository / "test_all.py").write_text("import lonely\n")
    assert tdd(repository)[0] == "PASS"


def test_odd_names_of_files_are_read_as_they_are(repository: Path) -> None:
    commit(repository, "both", **{"größe": CODE, "test_größe": TEST, "with space": CODE})
    status, details = tdd(repository)
    assert status == "FAIL" and details.endswith("both: with space.py has no test")
    commit(repository, "its test", **{"test_with space": TEST})
    assert "with space.py came before its test" in tdd(repository)[1]


def test_without_code_it_is_skipped_and_without_git_it_fails(repository: Path, tmp_path_factory: Any) -> None:
    (repository / "README.md").write_text("x")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "words")
    assert tdd(repository)[0] == "SKIP"
    bare = tmp_path_factory.mktemp("bare")
    for name in ("coder.yml", "judge.yml"):
        (bare / name).write_text("- {reply: done}\n")
    assert tdd(bare)[0] == "FAIL"


@pytest.mark.parametrize(
    "name, is_test, is_code",
    [
        ("src/billing.py", False, True), ("tests/test_billing.py", True, False), ("billing_test.go", True, False),
        ("a/billing.spec.ts", True, False), ("BillingTests.java", True, False), ("README.md", False, False),
        ("tests/conftest.py", False, False), ("latest.py", False, True), ("contest.py", False, True),
    ],
)  # fmt: skip
def test_what_is_a_test_by_its_name(name: str, is_test: bool, is_code: bool) -> None:
    assert (criteria.is_test(name), criteria.is_code(name)) == (is_test, is_code)


def test_the_plugin_of_cogc_is_no_code_of_the_project_whose_coverage_is_measured() -> None:
    def about(ran: int, there: int, **more: int) -> dict[str, Any]:
        summary = {"covered_lines": ran, "num_statements": there, "percent_covered": 100 * ran / there, **more}
        return {"summary": summary, "missing_lines": list(range(ran, there))}

    def judged(files: dict[str, Any], percent: float) -> str:
        report = {
            "code": 0,
            "stderr": "",
            "stdout": json.dumps({"totals": {"percent_covered": percent}, "files": files}),
        }
        both = {"tests": {"code": 0, "stdout": "", "stderr": ""}, "report": report}
        return str(criteria.finding("coverage", "coverage", both, 90)["details"])

    cogc = {"/src/cogc/cogc/__init__.py": about(1, 9), "/src/cogc/cogc/testing/plugin.py": about(1, 9)}
    assert judged({"a.py": about(10, 10), **cogc}, 42.9) == "100.00% covered, 90% wanted"
    branches = about(10, 10, covered_branches=3, num_branches=10)
    assert judged({"a.py": branches, **cogc}, 42.9) == "65.00% covered, 90% wanted"
    assert judged({"a.py": about(10, 10), "/src/other/cogc.py": about(1, 9)}, 57.9) == "57.90% covered, 90% wanted"
    assert judged({"cogc/testing/plugin.py": about(1, 9)}, 11.1) == "11.10% covered, 90% wanted"


def test_a_broken_report_of_coverage_is_a_failure_not_a_pass() -> None:
    ran = {"code": 0, "stdout": "", "stderr": ""}
    for text in ("", "{}", "[1]", '{"totals": {"percent_covered": "x"}}'):
        found = criteria.finding("coverage", "coverage", {"tests": ran, "report": {**ran, "stdout": text}}, 1)
        assert found["status"] == "FAIL"
    assert criteria.finding("a", "judge", {"score": 7.0, "reason": "great"}, 0.7)["status"] == "FAIL"
    assert criteria.finding("a", "value", {"value": 1}, None)["status"] == "FAIL"
