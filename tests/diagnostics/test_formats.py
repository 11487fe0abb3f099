"""The forms of diagnostics that services read, and text from stdin."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.cli import cogc
from support.paths import ROOT

WRONG = 'const g: string = "größe"; const k: str = g\ncoglet Main { on start { log info "日本" + k + vv } }\nconst a, b: int = 1\n'
HOSTILE = 'coglet Main { listen x: int; on x as v { log info "\\u{1b}[31m%0A::error::<&]]>\x1b]0;x\x07" + w } }\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub dir").mkdir()
    (tmp_path / "sub dir" / "a:b,c.cog").write_text(WRONG)
    (tmp_path / "hostile.cog").write_text(HOSTILE)
    (tmp_path / "clean.cog").write_text("coglet Main { }\n")
    return tmp_path


def shown(folder: Path, form: str, *words: str, **env: str) -> str:
    done = cogc("check", ".", "--format", form, *words, cwd=folder, **env)
    assert done.returncode == 1 and done.stderr == ""
    assert not any(c < " " and c not in "\n\t" for c in done.stdout)
    return done.stdout


def test_sarif_fits_its_schema_and_has_rules_fingerprints_relative_addresses_and_fixes(folder: Path) -> None:
    made: dict[str, Any] = json.loads(shown(folder, "sarif"))
    schema = json.loads((ROOT / "tests" / "support" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(schema)(schema).validate(made)
    (run,) = made["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert (
            not place["uri"].startswith("/")
            and " " not in place["uri"]
            and place["uriBaseId"] in run["originalUriBaseIds"]
        )
    prints = [r["partialFingerprints"]["cogc/v1"] for r in run["results"]]
    assert len(set(prints)) == len(prints) > 2
    assert all(r["help"]["markdown"].startswith("# COG") for r in rules)
    fixes = [f for r in run["results"] for f in r.get("fixes", [])]
    assert any(c["replacements"][0]["insertedContent"]["text"] == "string" for f in fixes for c in f["artifactChanges"])
    path = folder / "sub dir" / "a:b,c.cog"
    path.write_text("# moved\n\n" + WRONG)
    moved = json.loads(shown(folder, "sarif"))["runs"][0]["results"]
    assert [r["partialFingerprints"]["cogc/v1"] for r in moved] == prints


def test_sarif_of_a_folder_in_a_repository_has_addresses_from_its_top(folder: Path) -> None:
    below = folder / "sub dir"
    (below / "up.cog").write_text('import "../hostile.cog"\nconst x: str = "a"\n')
    done = cogc(
        "check", str(below / "up.cog"), "../hostile.cog", "--format", "sarif", cwd=below, GITHUB_WORKSPACE=str(folder)
    )
    places = [
        r["locations"][0]["physicalLocation"]["artifactLocation"] for r in json.loads(done.stdout)["runs"][0]["results"]
    ]
    assert {p["uri"] for p in places} == {"sub%20dir/up.cog", "hostile.cog"} and all("uriBaseId" in p for p in places)


def test_github_has_one_line_a_report_with_its_own_escapes_and_paths_of_the_repository(folder: Path) -> None:
    lines = shown(folder, "github").splitlines()
    assert all(line.startswith("::error title=COG") and line.count("::") >= 2 for line in lines)
    assert any("file=sub dir/a%3Ab%2Cc.cog,line=1,col=37,endLine=1,endColumn=40::" in line for line in lines)
    below = cogc("check", "hostile.cog", cwd=folder, GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(folder.parent))
    assert f"file={folder.name}/hostile.cog" in below.stdout


def test_junit_has_a_failure_for_each_error_and_a_case_for_each_clean_file(folder: Path) -> None:
    top = ElementTree.fromstring(shown(folder, "junit"))
    by_name = {s.get("name"): s for s in top}
    assert by_name["clean.cog"].get("failures") == "0" and len(by_name["clean.cog"]) == 1
    assert int(top.get("failures", "0")) == len(list(top.iter("failure"))) > 2


def test_reviewdog_gets_columns_in_bytes_and_suggestions(folder: Path) -> None:
    found = json.loads(shown(folder, "rdjson"))["diagnostics"]
    (type_,) = [d for d in found if "`str`" in d["message"]]
    assert type_["location"]["range"]["start"] == {"line": 1, "column": 39}  # two letters of `größe` have two bytes
    assert type_["suggestions"][0]["text"] == "string"


def test_a_mark_stands_below_wide_characters(folder: Path) -> None:
    text = shown(folder, "people")
    line, marks = next(
        (a, b) for a, b in zip(text.splitlines(), text.splitlines()[1:], strict=False) if "日本" in a and "^^" in b
    )
    cells = sum(2 if c in "日本" else 1 for c in line[: line.index("vv")])
    assert marks.index("^^") == cells


def test_stdin_is_checked_in_either_notation_with_imports_from_its_folder(folder: Path) -> None:
    (folder / "sub dir" / "lib.cog").write_text("type T = int\n")
    spec = 'import "lib.cog"\ncoglet Main { listen x: T; on x as v { log info v } }\n'
    assert cogc("check", "-", cwd=folder, given=spec).returncode == 1
    done = cogc("check", "--stdin-filename", "sub dir/new.cog", "-", cwd=folder, given=spec)
    assert (done.returncode, done.stdout) == (0, "no problems in 1 file\n")
    yaml = "cog: 1\ncoglets: { Main: { listne: { x: int } } }\n"
    done = cogc("check", "-", "--format", "json", cwd=folder, given=yaml)
    assert [(d["path"], d["line"], d["column"]) for d in json.loads(done.stdout)] == [("<stdin>", 2, 20)]
