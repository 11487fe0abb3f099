"""What a model had said when a limit ended its conversation is kept in `failed`: over real sockets, for both providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.anthropic import Behaviour, Handler, Server, blocks, broken_off, events, reply, serve, silent, status, use
from support.sessions import session
from support.specs import build
from test_openai import chunks

SPEC = """
model m = {provider} "claude-sonnet-5-5" {{ base_url: "{url}", api_key: env("COGC_TEST_KEY") }}
program double(n: int) -> int = expr n * 2
agent Agent {{ model: m, system: "s", tools: [double], timeout: {timeout}, max_turns: 2, output: {output}{more} }}
coglet Main {{
  transmit out: any
  create a = Agent
  on start {{ a.task <- "go" }}
  on a.result as r {{ out <- r }}
  on a.failed as f {{ out <- [f.kind, f.partial] }}
}}
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("COGC_TEST_KEY", "sk-canary-9")
    with serve() as made:
        yield made


def out(
    server: Server, provider: str = "anthropic", timeout: str = "9s", output: str = "string", more: str = ""
) -> Any:
    url = server.url + ("/v1" if provider == "openai" else "")
    text = SPEC.format(provider=provider, url=url, timeout=timeout, output=output, more=more)
    return session(build(text), sim=True).outputs["out"][-1]


def hanging(handler: Handler) -> None:
    """Half an answer, and then nothing until the client goes."""
    handler.stream(events([{"type": "text", "text": "Half an"}], None, {}), close=False)
    silent(handler)


@pytest.mark.parametrize(
    ("replies", "kind", "partial"),
    [
        ([reply("Half an", "max_tokens")], "program", "Half an"),
        ([broken_off("Half"), broken_off("Half an"), broken_off("")], "program", "Half an"),
        ([blocks({"type": "text", "text": "So far"}, use("double", n=1)), blocks(use("double", "t2", n=2))], "budget", "So far"),
        ([reply("No.", "refusal")], "program", "No."),
        ([status(400)], "program", ""),
    ],
    ids=["cut off", "broken off", "turns", "refused", "nothing said"],
)  # fmt: skip
def test_what_was_said_is_kept(server: Server, replies: list[Behaviour], kind: str, partial: str) -> None:
    server.will(*replies)
    assert out(server) == [kind, partial]


def test_an_answer_that_a_timeout_ends_is_kept_though_nobody_listens_to_it(server: Server) -> None:
    server.will(hanging)
    assert out(server, timeout="5s") == ["timeout", "Half an"]


def test_an_answer_of_the_wrong_type_is_kept(server: Server) -> None:
    server.will(reply("about three"), reply("three"))
    assert out(server, output="int") == ["type", "three"]


def test_it_is_kept_over_chat_completions(server: Server) -> None:
    pytest.importorskip("openai")
    server.will(*[chunks({"content": "Half"}, {"content": " an"}, finish=None)] * 3)
    assert out(server, "openai") == ["program", "Half an"]


def test_a_program_tells_it_where_its_failure_is_handled(server: Server) -> None:
    server.will(reply("Half an", "max_tokens"), reply("Half two", "max_tokens"))
    url = server.url
    text = f"""
    model m = anthropic "claude-sonnet-5-5" {{ base_url: "{url}", api_key: env("COGC_TEST_KEY") }}
    program ask() -> string = llm {{ model: m, prompt: "go" }}
    coglet Main {{
      transmit out: string
      on start {{ out <- try ask() else as e (e.partial)
        out <- ask() }} else as e {{ out <- e.partial }}
    }}
    """
    assert session(build(text), sim=True).outputs["out"] == ["Half an", "Half two"]


def test_another_failure_has_none(server: Server) -> None:
    text = 'coglet Main { transmit out: string\n on start { fail "x" } else as e { out <- "[" + e.partial + "]" } }'
    assert session(build(text), sim=True).outputs["out"] == ["[]"]
