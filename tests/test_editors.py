"""What is made of the grammar for editors: it is current, and a TextMate engine reads every spec with it as the lexer does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import nodes, parse_cog
from cogc.syntax.lexer import lex
from cogc.syntax.tables import KEYWORDS, TERMINALS
from grammar import make_editors
from support.cli import cogc_here
from support.paths import ROOT

ENGINE = ROOT / "tests" / "textmate"
NUMBERS = {TERMINALS[t] for t in ("INT", "FLOAT", "DURATION")}
STRINGS = {TERMINALS[t] for t in ("STRING", "LONG_STRING", "RAW_STRING")}


FILES = [
    "editors/emacs/cog-words.el",
    "editors/vscode/syntaxes/cog.tmLanguage.json",
    "grammar/cog.ebnf",
    "grammar/cog.tmLanguage.json",
]


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return make_editors.files()


@pytest.mark.parametrize("name", FILES)
def test_the_files_for_editors_are_current(name: str, made: dict[str, str]) -> None:
    assert sorted(made) == FILES
    assert (ROOT / name).read_text() == made[name], "run `make schemas`"


def test_the_command_prints_them() -> None:
    for form, name in (("lark", "cog.lark"), ("textmate", "cog.tmLanguage.json"), ("ebnf", "cog.ebnf")):
        assert cogc_here("grammar", "--format", form).stdout == (ROOT / "grammar" / name).read_text()


def test_every_rule_and_keyword_stands_in_the_ebnf() -> None:
    text = (ROOT / "grammar" / "cog.ebnf").read_text()
    defined = re.findall(r"^(\w+) +::=", text, re.MULTILINE)
    assert sorted(defined) == sorted(set(defined))
    bare = re.sub(r'/\*.*?\*/|"[^"\n]*"|/.*/s?$', " ", text, flags=re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"\b[A-Za-z_]\w*\b", bare)) - set(defined) == {"_SEP"}
    assert [w for w in KEYWORDS if f'"{w}"' not in text] == []


def _scopes(files: list[Path]) -> list[list[Any]]:
    node = shutil.which("node")
    if node is None or not (ENGINE / "node_modules").is_dir():
        pytest.skip("node or the TextMate engine is not here: npm install in tests/textmate")
    grammar = ROOT / "grammar" / "cog.tmLanguage.json"
    command = [node, "scopes.mjs", str(grammar), *map(str, files)]
    done = subprocess.run(command, cwd=ENGINE, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_textmate_engine_reads_every_spec_as_the_lexer_does(tmp_path: Path) -> None:
    odd = tmp_path / "odd.cog"
    odd.write_text(
        'const a = "\U0001f600 \\" {{ x | upper }}" + r"\\d" # "no string"\nconst b = """\n# no comment\n"a"\n{% if b %}x{% endif %}\n"""\n'
        "const c = 1h30m + 200ms\nconst d = -1.5e3\nconst e = {on: 1, state: [2, 0x]}\n".replace("0x", "3")
    )
    files = [*sorted((ROOT / "examples").rglob("*.cog")), *sorted((ROOT / "stdlib").glob("*.cog")), odd]
    files = [f for f in files if f.is_file()]
    wrong, keywords = [], Counter[bool]()
    for path, found in zip(files, _scopes(files), strict=True):
        source = Source(path.name, path.read_text())
        lines = source.text.split("\n")
        scopes: dict[int, str] = {}
        for number, start, end, names in found:
            line = lines[number].encode("utf-16-le")
            first = source.starts()[number] + len(line[: 2 * start].decode("utf-16-le"))
            for at in range(first, first + len(line[2 * start : 2 * end].decode("utf-16-le"))):
                scopes[at] = " ".join(names)
        assert not any("invalid" in s for s in scopes.values())
        tokens = lex(source, Problems())
        names_at = {n.start for n in nodes.walk(parse_cog.parse(source, Problems())) if isinstance(n, nodes.Name)}
        for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True):
            here = scopes.get(start, "")
            if kind in STRINGS and not all("string." in scopes.get(i, "string.") for i in range(start, end)):
                wrong.append(f"{path.name}: string {source.text[start:end]!r}: {here}")
            elif kind in NUMBERS and "constant.numeric" not in here:
                wrong.append(f"{path.name}: number {source.text[start:end]!r}: {here}")
            elif kind not in STRINGS and start < end and ("string." in here or "comment." in here):
                wrong.append(f"{path.name}: {source.text[start:end]!r}: {here}")
            if kind in KEYWORDS.values() and start not in names_at:
                keywords[any(s in here for s in ("keyword.", "storage.", "constant.language"))] += 1
    assert wrong == []
    assert keywords[True] >= 0.995 * keywords.total(), keywords


def test_the_extension_for_vs_code_names_files_and_scopes_that_are_there() -> None:
    folder = ROOT / "editors" / "vscode"
    manifest = json.loads((folder / "package.json").read_text())
    assert (folder / manifest["main"]).is_file()
    for language in manifest["contributes"]["languages"]:
        assert json.loads((folder / language["configuration"]).read_text())["comments"] == {"lineComment": "#"}
    for grammar in manifest["contributes"]["grammars"]:
        assert json.loads((folder / grammar["path"]).read_text())["scopeName"] == grammar["scopeName"]
