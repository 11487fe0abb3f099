"""Comments and settings that leave out reports, and the groups of rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cogc.diagnostics.codes import CODES
from cogc.diagnostics.rules import GROUPS, group, named
from cogc.diagnostics.selection import OFF, matches
from grammar import make_rules
from support.cli import cogc_here
from support.paths import ROOT
from support.specs import check_text


def slugs(text: str, name: str = "spec.cog") -> list[str]:
    return [d.slug for d in check_text(text, name, smells=True)[1]]


def test_a_comment_leaves_out_the_rules_that_it_names_on_its_line() -> None:
    body = "coglet Main {{\n  listen x: int\n  on x as v {{ log info v }}\n{}\n}}\n"
    assert slugs(body.format("  state n: int = 0")) == ["unused-name"]
    for words in ("COG527", "unused-name", "style", "COG501, COG527"):
        found = slugs(body.format(f"  state n: int = 0  # cogc: ignore[{words}] soon"))
        assert found == ([] if "," not in words else ["unused-ignore"])
    assert slugs(body.format("  # cogc: ignore[COG527] soon\n  state n: int = 0")) == []
    assert slugs(body.format("  # cogc: ignore[COG527] soon\n\n  state n: int = 0")) == ["unused-ignore", "unused-name"]
    assert slugs(body.format("  state n: int = 0  # cogc: ignore[COG528]")) == ["unused-name", "unused-ignore"]
    assert slugs(body.format("  state n: int = 0  # cogc: ignore")) == ["unused-name", "unused-ignore"]


def test_a_comment_in_yaml() -> None:
    text = "cog: 1\ncoglets:\n  Main:\n    listen: { x: int }\n    state:\n      n: int = 0  # cogc: ignore[COG527] soon\n    reactions:\n      - on: x as v\n        do: log info v\n"
    assert slugs(text, "a.yml") == []
    assert slugs(text.replace("COG527", "COG508"), "a.yml") == ["unused-name", "unused-ignore"]


def test_a_string_is_no_comment_and_an_error_is_not_left_out() -> None:
    assert slugs('coglet Main {\n  listen x: int\n  on x as v { log info "# cogc: ignore[COG527]" }\n}\n') == []
    text = "coglet Main {\n  listen x: int\n  on x as v { log info w }  # cogc: ignore[COG302] no\n}\n"
    assert slugs(text) == ["unknown-name", "unused-ignore"]


def test_a_text_that_looks_like_a_secret_can_be_left_out_and_then_runs(tmp_path: Path) -> None:
    spec = 'coglet Main {\n  on start { log info "ghp_0123456789abcdefghijABCDEFGHIJ012345" }%s\n}\n'
    (tmp_path / "a.cog").write_text(spec % "")
    assert cogc_here("run", "a.cog", cwd=tmp_path).returncode == 1
    (tmp_path / "a.cog").write_text(spec % "  # cogc: ignore[COG614] an example")
    assert cogc_here("run", "a.cog", cwd=tmp_path).returncode == 0
    assert cogc_here("check", "a.cog", "--no-cache", cwd=tmp_path).returncode == 0


UNUSED = "coglet Main {\n  listen x: int\n  on x as v { log info v }\n  state n: int = 0\n}\n"


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ("", 1), ('ignore = ["COG527"]', 0), ('ignore = ["527"]', 0), ('ignore = ["style"]', 0), ('select = ["cost"]', 0),
        ('select = ["default"]', 1), ('select = ["unused-name"]', 1), ('[per-file]\n"*.cog" = ["style"]', 0),
        ('[per-file]\n"other/*.cog" = ["style"]', 1), ('[per-file]\n"sub/*" = ["COG527"]', 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("file", ["cogc.toml", "pyproject.toml"])
def test_settings_choose_the_rules(tmp_path: Path, settings: str, reported: int, file: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.cog").write_text(UNUSED)
    if file == "pyproject.toml":
        settings = "[tool.cogc]\n" + settings.replace("[per-file]", "[tool.cogc.per-file]")
    (tmp_path / file).write_text(settings + "\n")
    for _ in range(2):  # the second time from the memory of clean checks
        done = cogc_here("check", "sub", "--format", "json", cwd=tmp_path)
        assert len(json.loads(done.stdout)) == reported, done.stdout


def test_settings_say_strict_and_which_packages(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(UNUSED)
    (tmp_path / "b.cog").write_text(
        'program f() -> float = python "random:random"\ncoglet Main { on start { log info f() } }\n'
    )
    (tmp_path / "cogc.toml").write_text("strict = true\n")
    assert cogc_here("check", "a.cog", cwd=tmp_path).returncode == 1
    assert "COG602" in cogc_here("check", "b.cog", cwd=tmp_path).stdout
    (tmp_path / "cogc.toml").write_text('allow-import = ["random"]\n')
    assert "COG602" not in cogc_here("check", "b.cog", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("settings", "place", "words"),
    [
        ("ignroe = []", "1:1", "did you mean `ignore`?"), ("strict = 1", "1:10", "`strict` must be `true` or `false`"),
        ('ignore = ["COG527",\n  "COG302"]', "2:3", "is an error"), ('select = ["cots"]', "1:11", "did you mean `cost`?"),
        ('[per-file]\n"a*" = ["nothing"]', "2:9", "no rule `nothing`"), ("ignore = [", "1:11", "Invalid"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_settings_is_reported_at_its_place(
    tmp_path: Path, settings: str, place: str, words: str
) -> None:
    (tmp_path / "a.cog").write_text("coglet Main { }\n")
    (tmp_path / "cogc.toml").write_text(settings + "\n")
    for _ in range(2):
        done = cogc_here("check", "a.cog", cwd=tmp_path)
        assert done.returncode == 1 and words in done.stdout and done.stdout.startswith("cogc.toml:"), done.stdout
        if "Invalid" not in words:
            assert done.stdout.startswith(f"cogc.toml:{place}: ")


def test_each_rule_has_a_group_and_is_named_by_it() -> None:
    assert {group(s) for s in CODES} == set(GROUPS)
    for slug, (code, *_) in CODES.items():
        assert named(code) == named(code[3:]) == named(slug) == {slug} <= named(group(slug)) <= named("all")
    assert named("default") == named("all") - OFF and named("nothing") == frozenset()
    assert matches("a/b/c.cog", "b/*.cog") and matches("c.cog", "*.cog") and not matches("a/b.cog", "c/*")


def test_the_rules_are_listed_as_text_as_json_and_as_a_page() -> None:
    rows = json.loads(cogc_here("rules", "--format", "json").stdout)
    assert [r["code"] for r in rows] == sorted(code for code, *_ in CODES.values())
    assert len(cogc_here("rules").stdout.splitlines()) == len(CODES)
    assert (ROOT / "specs" / "rules.md").read_text(encoding="utf-8") == make_rules.page(), "run `make schemas`"


def test_the_settings_that_the_page_shows_are_right(tmp_path: Path) -> None:
    page = (ROOT / "specs" / "check.md").read_text(encoding="utf-8")
    (tmp_path / "cogc.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    (tmp_path / "a.cog").write_text("coglet Main { }\n")
    assert cogc_here("check", "a.cog", cwd=tmp_path).stdout == "no problems in 1 file\n"
