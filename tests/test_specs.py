"""The pages are run: every block checks, both notations agree, the tables are those of the code."""

from __future__ import annotations

import re

import pytest

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.attributes import ATTRIBUTES
from cogc.language.builtins import FUNCTIONS
from cogc.syntax import parse_cog, write_yaml
from cogc.syntax.parse import parse
from support.paths import ROOT
from support.specs import check_text, codes


def page(name: str) -> str:
    return (ROOT / "specs" / name).read_text()


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page(name), re.DOTALL)


def test_the_language_page_is_one_program_without_a_word() -> None:
    assert check_text("\n".join(blocks("language.md", "cog")))[1] == []


@pytest.mark.parametrize("name", ["done.md", "plans.md", "teams.md", "queue.md"])
def test_the_blocks_of_a_page_are_one_program_without_an_error(name: str) -> None:
    found = check_text("\n".join(blocks(name, "cog")))[1]
    assert [d for d in found if d.severity == "error"] == []


def test_the_yaml_page_says_the_same_twice() -> None:
    (yaml,), (cog,) = blocks("yaml.md", "yaml"), blocks("yaml.md", "cog")
    assert codes(yaml, "spec.yml") == codes(cog) == []
    problems = Problems()
    first = write_yaml.nodes_in_order(parse(Source("x.yml", yaml), problems))
    second = write_yaml.nodes_in_order(parse_cog.parse(Source("x.cog", cog), problems))
    assert first == second and not problems.found


def test_the_tables_of_attributes_and_functions_are_those_of_the_code() -> None:
    text = page("language.md")
    for owner, table in ATTRIBUTES.items():
        row = next(
            line
            for line in text.splitlines()
            if line.startswith(f"| `{owner}` | ") and ("`" in line[5 + len(owner) :] or "none" in line)
        )
        for key, kind in table.items():
            assert f"`{key}` {kind}" in text, (owner, key, row)
    for name, (_, _, _, takes) in FUNCTIONS.items():
        assert f"| `{name}` | {takes} |" in text


@pytest.mark.parametrize("index", ["README.md", "specs/README.md"])
def test_every_page_is_named_in_both_indexes(index: str) -> None:
    text = (ROOT / index).read_text(encoding="utf-8")
    pages = [p for p in (ROOT / "specs").glob("*.md") if index == "README.md" or p.name != "README.md"]
    assert [p.name for p in pages if f"({p.relative_to((ROOT / index).parent)})" not in text] == []


@pytest.mark.parametrize("name", [str(p.relative_to(ROOT)) for p in [*ROOT.glob("*.md"), *ROOT.glob("specs/*.md")]])
def test_every_link_of_a_page_leads_to_a_file(name: str) -> None:
    page = ROOT / name
    prose = re.sub(r"^(`{3,}).*?^\1$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", prose) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
