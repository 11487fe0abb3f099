"""JSON from outside is read by one strict reader, whichever way it comes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cogc.commands import options
from cogc.commands.usage import UsageError
from cogc.language.values import Failure
from cogc.run.json_text import read_json, read_words
from cogc.run.questions import read_answer
from cogc.run.servers import read_result
from cogc.service.loading import Refused, read_data
from support.cli import cogc_here
from support.paths import ROOT

ODD = {
    "twice": ('{"a": 1, "a": 2}', "an object has a name twice"),
    "int": ("9" * 20, "an int has at most 64 bits"),
    "long int": ("[" + "9" * 5000 + "]", "an int has at most 64 bits"),
    "float": ("1e999", "inf is no value"),
    "deep": ("[" * 100_000, "it nests too deep"),
    "media": ('{"$image": 1}', "`$image` is {"),
    "surrogate": (r'["\ud800"]', "half of a surrogate pair"),
}
NO_JSON = ["NaN", "[NaN]", "-Infinity", "{", "[1,]", "hello", "a\nb"]
SPEC = """coglet Main(p: any = null) { listen n: any
  transmit out: any
  on n as v { out <- v } }
"""


@pytest.mark.parametrize("name", ODD)
def test_json_that_no_value_holds_is_refused(name: str) -> None:
    text, why = ODD[name]
    for read in (lambda: read_words(text, "it"), lambda: read_json(text.encode(), "it")):
        with pytest.raises(Failure, match=re.escape(why)):
            read()


@pytest.mark.parametrize("text", NO_JSON)
def test_words_that_are_no_json_are_text(text: str) -> None:
    assert read_words(text, "it") == text
    with pytest.raises(Failure, match="it is no JSON"):
        read_json(text.encode(), "it")


def test_json_is_its_value() -> None:
    for value in (None, True, -(2**63), 2**63 - 1, 1.5, "a", [1, [2]], {"a": {"b": []}}):
        assert read_words(json.dumps(value), "it") == read_json(json.dumps(value).encode(), "it") == value


@pytest.mark.parametrize("name", ODD)
def test_each_way_in_is_strict(name: str, tmp_path: Path) -> None:
    text, why = ODD[name]
    (tmp_path / "s.cog").write_text(SPEC)
    (tmp_path / "in.json").write_text(text)
    (tmp_path / "in.jsonl").write_text(f'{{"channel": "n", "data": {text}}}\n')
    said = []
    ways: list[list[Any]] = [
        ["--set", f"p={text}"],
        ["--input", f"n={text}"],
        ["--input", "n=@in.json"],
        ["--inputs", "in.jsonl"],
    ]
    for way in ways:
        done = cogc_here("run", "s.cog", *way, "--sim", cwd=tmp_path)
        said.append((done.returncode, done.stderr))
    assert all(code == 2 and why in words and words.count("\n") == 1 for code, words in said), said
    with pytest.raises(UsageError, match=re.escape(why)):
        options.words(text, "the item")
    with pytest.raises(Refused, match=re.escape(why)):
        read_data(text, "x")
    with pytest.raises(Failure, match=re.escape(why)):
        read_result(text, "any", "the result")
    with pytest.raises(ValueError, match=re.escape(why)):
        read_answer(text, [], "any")


def test_text_from_outside_is_parsed_in_one_place() -> None:
    names = "run/entries run/servers run/executors run/questions service/web_ui commands/inputs commands/options commands/queue"
    for name in names.split():
        text = (ROOT / f"cogc/{name}.py").read_text()
        assert "json.loads(" not in text.replace("json.loads(json.dumps(", ""), name
