"""The pages are run: every block checks, both notations agree, the tables are those of the code."""

from __future__ import annotations

import inspect
import re
import shlex
import tomllib
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cogc.commands.inputs import inputs
from cogc.diagnostics.codes import CODES
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.kernel.unit import Unit
from cogc.language.attributes import ATTRIBUTES
from cogc.language.builtins import FUNCTIONS
from cogc.syntax import parse_cog, write_yaml
from cogc.syntax.parse import parse
from support import console
from support.cli import cogc
from support.paths import EXAMPLES, ROOT
from support.specs import build, check_text, codes

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [*sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "specs").glob("*.md")), "README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"]  # fmt: skip
RUN = "run: each command ends well"
PARSED = "parsed: the commands steer what runs elsewhere, so that their words alone are looked at"
DRAWING = "a drawing"
BLOCKS: dict[tuple[str, str], tuple[int, str]] = {
    ("README.md", "cog"): (3, "compared with the examples that they are from"),
    ("README.md", "console"): (1, "test_cli.py runs the command, and compares what it prints"),
    ("README.md", "json"): (1, "test_cli.py: one of the commands prints it"),
    ("README.md", "sh"): (10, "test_cli.py and test_workflows.py run what begins with `cogc`; `make demo` and `make test` run all of this"),
    ("README.md", "yaml"): (1, "test_cli.py checks it"),
    ("ARCHITECTURE.md", ""): (1, DRAWING),
    ("CONTRIBUTING.md", "markdown"): (1, "a line of ARCHITECTURE.md; test_layers.py has the form of such lines"),
    ("CONTRIBUTING.md", "python"): (2, "run: the check of the page is carried out on the examples of its page"),
    ("CONTRIBUTING.md", "sh"): (4, "they clone, install, and run these tests; the commands of cogc among them are parsed"),
    ("specs/api.md", "python"): (4, "test_api.py runs them, also from an installed wheel"),
    ("specs/check.md", "toml"): (1, "test_ignores.py takes it as the settings of a project"),
    ("specs/coglet-runtime.md", "sh"): (
        2,
        "test_runtime_commands.py runs these commands on folders of its own, test_service_survives.py the ones behind a kill",
    ),
    ("specs/cost.md", ""): (1, "a specimen: the page does not show the spec; test_cost.py has the bounds of others"),
    ("specs/dispatch.md", "python"): (1, "run: the class is defined with the names that the page gives"),
    ("specs/done.md", "sh"): (1, PARSED),
    ("specs/durable.md", "json"): (1, "test_durable_commands.py compares what is printed with it"),
    ("specs/durable.md", "python"): (2, "test_durable_commands.py resumes the class of the first, and the run of the second"),
    ("specs/durable.md", "sh"): (2, PARSED),
    ("specs/explore.md", "console"): (1, "test_explore_command.py runs the command, and compares what it prints"),
    ("specs/graph.md", "sh"): (1, PARSED),
    ("specs/plans.md", "sh"): (1, PARSED),
    ("specs/python.md", "python"): (3, "test_python.py runs the first and the last; the second one is run here"),
    ("specs/python.md", "sh"): (1, PARSED),
    ("specs/python.md", "toml"): (1, "compared with the manifest of the example that it is from"),
    ("specs/queue.md", "sh"): (1, RUN),
    ("specs/runtime.md", ""): (1, DRAWING),
    ("specs/runtime.md", "json"): (1, "run: the lines are read as the inputs of a root"),
    ("specs/service.md", "sh"): (5, PARSED),
    ("specs/setts.md", "sh"): (1, "test_sett_processes.py runs it, and compares what it prints"),
    ("specs/teams.md", "sh"): (1, PARSED),
    ("specs/testing.md", ""): (2, "test_testing.py runs the tests, and compares what is printed"),
    ("specs/testing.md", "jsonl"): (1, "the rows of a test of the page, which test_testing.py runs"),
    ("specs/testing.md", "sh"): (1, PARSED),
    ("specs/testing.md", "yaml"): (1, "test_testing.py runs it"),
    ("specs/queue.md", "console"): (1, "test_queue.py lists a dead item, and compares what stands below it"),
    ("specs/trace.md", "console"): (1, "test_trace_files.py runs the command, and compares what it prints"),
    ("specs/trace.md", "sh"): (1, PARSED),
    ("specs/travel.md", "sh"): (3, PARSED),
    ("specs/view.md", "sh"): (1, PARSED),
    ("specs/yaml.md", "yaml"): (2, "compared with the block of the other notation"),
}  # fmt: skip
"""For each page and language: how many blocks there are, and how they are run or checked, or why they are not. The `cog` blocks of
a page of `specs/` need no line here: they are checked as one program."""


def page(name: str) -> str:
    return (ROOT / "specs" / name).read_text()


def blocks(name: str, language: str) -> list[str]:
    return [text for word, text in BLOCK.findall(page(name)) if word == language]


def pages(language: str, how: str) -> list[str]:
    """Return the pages of `specs/` whose blocks of a language are looked at in one way."""
    return [name.removeprefix("specs/") for (name, word), (_, way) in BLOCKS.items() if (word, way) == (language, how)]


def test_every_block_of_every_page_has_its_check_or_its_reason() -> None:
    found = Counter(
        (name, word)
        for name in PAGES
        for word, _ in BLOCK.findall(re.sub(r"^````.*?^````$", "", (ROOT / name).read_text(), flags=re.M | re.S))
        if not (word == "cog" and name.startswith("specs/"))
    )
    assert found == {key: count for key, (count, _) in BLOCKS.items()}


def test_the_language_page_is_one_program_without_a_word() -> None:
    assert check_text("\n".join(blocks("language.md", "cog")))[1] == []


@pytest.mark.parametrize(
    "name", [p.name for p in sorted((ROOT / "specs").glob("*.md")) if "\n```cog\n" in p.read_text()]
)
def test_the_blocks_of_a_page_are_one_program_without_an_error(name: str) -> None:
    found = check_text("\n".join(blocks(name, "cog")))[1]
    assert [d for d in found if d.severity == "error"] == []


@pytest.mark.parametrize("name", pages("sh", RUN))
def test_the_commands_of_a_page_end_well(name: str, tmp_path: Path) -> None:
    for command in console.commands(f"specs/{name}"):
        done = cogc(*shlex.split(command.replace("/tmp/", f"{tmp_path}/"))[1:], cwd=tmp_path)
        assert done.returncode == 0 and done.stdout, (command, done.stderr)


@pytest.mark.parametrize("name", [f"specs/{n}" for n in pages("sh", PARSED)] + ["CONTRIBUTING.md"])
def test_the_commands_of_a_page_are_taken_by_their_parsers(name: str) -> None:
    commands = console.commands(name)
    assert commands and [said for c in commands if (said := console.refusal(c))] == []
    assert console.refusal("cogc plan approve ID --dorp docs") and console.refusal("cogc team send --loud a b")


def test_what_the_readme_shows_is_in_its_examples() -> None:
    first, tests, second = re.findall(
        r"^```cog\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert first == (EXAMPLES / "counter" / "counter.cog").read_text()
    assert (EXAMPLES / "counter" / "counter_test.cog").read_text().partition("\n")[2].startswith(tests)
    lines = iter((EXAMPLES / "feature" / "feature.cog").read_text().splitlines())
    assert [line for line in second.splitlines() if line not in lines] == []  # in this order


def test_the_manifest_of_the_page_is_that_of_the_example() -> None:
    (shown,) = blocks("python.md", "toml")
    assert tomllib.loads(shown) == tomllib.loads((EXAMPLES / "multi.cog" / "manifest.toml").read_text())


def test_the_inputs_of_the_page_are_messages_with_times(tmp_path: Path) -> None:
    bundle = build("coglet Main { listen question: string\n listen rating: int\n on question, rating { log info 1 } }")
    (tmp_path / "in.jsonl").write_text(blocks("runtime.md", "json")[0])
    given = inputs(
        bundle, Unit(bundle), Namespace(input=[], inputs=str(tmp_path / "in.jsonl"), goal=None, goal_file=None)
    )
    assert [(g.at, g.channel, g.value) for g in given] == [(0, "question", "What is new?"), (120 * 10**9, "rating", 5)]


def test_the_supervisor_of_the_page_makes_its_worker(tmp_path: Path) -> None:
    worker = """
from cogc.sdk import Coglet, enact, listen


class Worker(Coglet):
    def __init__(self, factor):
        self.factor = factor

    @listen("job")
    async def job(self, n):
        await self.transmit("done", n * self.factor)

    @enact("set")
    async def set(self, value):
        self.log("info", f"set to {value}")

"""
    (tmp_path / "work.py").write_text(blocks("python.md", "python")[1] + worker)
    (tmp_path / "s.cog").write_text('coglet Main = python "work:Supervisor" { }\n')
    done = cogc("run", "s.cog", "--sim", cwd=tmp_path)
    assert done.returncode == 0 and "set to 3" in done.stderr, done.stderr


def test_the_dispatcher_of_the_page_has_the_form_of_the_types() -> None:
    from cogc.run import dispatch

    (code,) = blocks("dispatch.md", "python")
    space = {name: getattr(dispatch, name) for name in ("RunSpec", "Emit", "Outcome")}
    exec(compile(code, "<page>", "exec"), space)
    shown, own = (inspect.signature(c.run) for c in (space["Mine"], dispatch.Dispatcher))
    assert list(shown.parameters) == list(own.parameters)[: len(shown.parameters)]


def test_the_first_check_of_a_contributor_reports_as_its_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (written,) = re.findall(r"^````markdown\n(.*?)^````$", text, re.MULTILINE | re.DOTALL)
    rule, row = re.findall(r"^```python\n(.*?)^```$", text.replace(written, ""), re.MULTILINE | re.DOTALL)
    space: dict[str, Any] = {}
    exec(compile(rule, "<page>", "exec"), space)
    for slug, words in eval(f"{{{row}}}").items():
        monkeypatch.setitem(CODES, slug, words)
    assert [code for code, *_ in CODES.values()].count("COG599") == 1
    fails, works = (t for w, t in BLOCK.findall(written) if w == "cog")
    for example, expected in ((fails, ["lower-case-coglet"]), (works, [])):
        checked, found = check_text(example)
        assert [d.slug for d in found] == []
        space["lower_case_coglet"](checked)
        assert [d.slug for d in checked.problems.found] == expected


def test_the_yaml_page_says_the_same_twice() -> None:
    pairs = list(zip(*(sorted(blocks("yaml.md", kind), key=len) for kind in ("yaml", "cog")), strict=True))
    assert len(pairs) == 2
    for yaml, cog in pairs:
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
