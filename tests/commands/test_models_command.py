"""`cogc models`: the catalogue, the models of a spec, and the check whether they exist, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.anthropic import Behaviour, Server, dropped, raw, serve, status
from support.cli import cogc, cogc_here

KEY = "sk-canary-77"
SPEC = """
model here = {provider} "{name}" {{ base_url: "{url}", api_key: env("COGC_TEST_KEY") }}
program ask(q: string) -> string = llm {{ model: here, prompt: "{{{{ q }}}}" }}
coglet Main {{ listen q: string
  transmit out: string
  on q as q {{ out <- ask(q) }} }}
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("COGC_TEST_KEY", KEY)
    with serve() as made:
        made.models = ["claude-sonnet-5-5", "claude-haiku-5-5"]
        yield made


def check(folder: Path, server: Server, name: str = "claude-haiku-5-5", provider: str = "anthropic") -> tuple[int, Any]:
    url = server.url + ("/v1" if provider == "openai" else "")
    (folder / "a.cog").write_text(SPEC.format(provider=provider, name=name, url=url))
    done = cogc_here("models", "a.cog", "--check", "--format", "json", cwd=folder)
    assert KEY not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)["models"][0]


def test_the_catalogue_is_printed_with_its_date() -> None:
    done = cogc_here("models")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[0].split()[:5] == ["provider", "model", "in", "out", "window"]
    haiku = next(line for line in lines if "claude-haiku-5-5" in line)
    assert "0.1" in haiku and "1,000,000" in haiku and "structured_output" in haiku
    assert "of 2026-" in lines[-1]


def test_the_models_of_a_spec_are_printed(tmp_path: Path) -> None:
    (tmp_path / "s.yml").write_text("- hi\n")
    more = 'model m = scripted "s.yml"\nmodel o = openai "gpt-x"\nmodel both = [here, o, m]\n'
    text = SPEC.format(provider="anthropic", name="claude-haiku-5-5", url="http://127.0.0.1:9")
    (tmp_path / "a.cog").write_text(more + text.replace("model: here", "model: both"))
    done = cogc_here("models", "a.cog", "--format", "json", cwd=tmp_path)
    found = {m["name"]: m for m in json.loads(done.stdout)["models"]}
    assert {n: (m["input"], m["context"]) for n, m in found.items()} == {
        "here": (0.1, 1_000_000),
        "o": (None, 0),
        "m": (None, 0),
    }
    assert "?" in cogc_here("models", "a.cog", cwd=tmp_path).stdout


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_a_model_that_is_there_exists(tmp_path: Path, server: Server, provider: str) -> None:
    pytest.importorskip("openai")
    code, row = check(tmp_path, server, provider=provider)
    assert (code, row["state"], row["why"]) == (0, "exists", "")
    assert {k.lower(): v for k, v in server.headers[0].items()}["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_a_model_that_is_not_there_is_missing(tmp_path: Path, server: Server, provider: str) -> None:
    pytest.importorskip("openai")
    code, row = check(tmp_path, server, "claude-haiku-5-4", provider)
    assert (code, row["state"], row["why"]) == (1, "missing", "did you mean `claude-haiku-5-5`?")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (status(401, f"bad key {KEY}"), "401"),
        (status(500), "500"),
        (raw(b"<html>", "text/html"), "no list of models"),
        (raw(b'{"data": 3}', "application/json"), "no list of models"),
        (raw(b'{"data": null}', "application/json"), "list of models is empty"),
        (raw(b'{"data": [3, null, {"id": null}]}', "application/json"), "list of models"),
        (raw(b"[]", "application/json"), "no list of models"),
        (dropped, "connection"),
    ],
    ids=["401", "500", "html", "number", "null", "odd items", "list", "dropped"],
)
@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_a_provider_that_gives_no_list_is_named(
    tmp_path: Path, server: Server, provider: str, wrong: Behaviour, why: str
) -> None:
    pytest.importorskip("openai")
    server.will(wrong)
    code, row = check(tmp_path, server, provider=provider)
    assert (code, row["state"]) == (3, "unknown") and why in row["why"]


def test_a_script_is_loaded(tmp_path: Path, server: Server) -> None:
    (tmp_path / "s.yml").write_text("- {when: x, rep: y}\n")
    text = SPEC.format(provider="scripted", name="s.yml", url="")
    (tmp_path / "a.cog").write_text(text[: text.index("{")].rstrip() + text[text.index("}") + 1 :])
    done = cogc_here("models", "a.cog", "--check", cwd=tmp_path)
    assert done.returncode == 1 and "s.yml:1" in done.stderr and "COG001" in done.stderr
    (tmp_path / "s.yml").write_text("- hi\n")
    assert cogc_here("models", "a.cog", "--check", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("words", [("--check",), ("--root", "Main"), ("--model", "m=anthropic:x")])
def test_what_is_about_a_spec_needs_one(words: tuple[str, ...]) -> None:
    done = cogc("models", *words)
    assert done.returncode == 2 and "need a SPEC" in done.stderr


def test_a_key_that_is_missing_is_one_line(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COGC_TEST_KEY")
    code, row = check(tmp_path, server)
    assert code == 3 and "COGC_TEST_KEY" in row["why"]
