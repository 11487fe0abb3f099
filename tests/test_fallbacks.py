"""Lists of models: the next one goes on when the one before is overloaded or too dear, over real sockets of both providers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.run.trace import TraceWriter
from support.anthropic import Server, blocks, dropped, reply, serve, status, use
from support.cli import cogc_here
from support.sessions import session
from support.sim import Sim
from support.specs import build, check_text, codes
from support.strict_models import refused_by_chat, refused_by_messages
from test_openai import chunks

SPEC = """
model opus = anthropic "claude-opus-5-5" {{ base_url: "{first}", api_key: env("COGC_TEST_KEY"), max_tokens: 900 }}
model other = {provider} "{name}" {{ base_url: "{second}", api_key: env("COGC_TEST_KEY"), max_tokens: 700 }}
model both = [opus, other]
program double(n: int) -> int = expr n * 2
program ask(q: string) -> {result} = llm {{ model: both, prompt: "{{{{ q }}}}", tools: [double], retry: 1 {more} }}
coglet Main {{ listen q: string
  transmit out: any
  on q as q {{ out <- ask(q) }} else as e {{ out <- [e.kind, e.message] }} }}
"""


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Server]]:
    monkeypatch.setenv("COGC_TEST_KEY", "sk-canary-3")
    with serve() as first, serve() as second:
        yield first, second


def spec(servers: tuple[Server, Server], provider: str = "anthropic", result: str = "string", more: str = "") -> str:
    name, path = ("gpt-x", "/v1") if provider == "openai" else ("claude-haiku-5-5", "")
    first, second = (s.url for s in servers)
    return SPEC.format(first=first, second=second + path, provider=provider, name=name, result=result, more=more)


def run(text: str, *questions: str, **options: Any) -> Any:
    return session(build(text), inputs=[("q", q) for q in questions or ("hello",)], sim=True, **options)


@pytest.mark.parametrize(
    "wrong", [status(529), status(503), dropped, status(429, retry_after="3600")], ids=["529", "503", "dropped", "long pause"]
)  # fmt: skip
def test_the_next_one_answers_when_one_is_overloaded(servers: tuple[Server, Server], wrong: Any) -> None:
    first, second = servers
    first.will(wrong, wrong)
    second.will(reply("from haiku"))
    assert run(spec(servers)).outputs["out"] == ["from haiku"]
    assert first.requests[0]["max_tokens"] == 900 and second.requests[0]["max_tokens"] == 700
    assert second.requests[0]["model"] == "claude-haiku-5-5"


@pytest.mark.parametrize("code", [400, 401, 404])
def test_another_failure_ends_the_conversation(servers: tuple[Server, Server], code: int) -> None:
    servers[0].will(status(code))
    kind, message = run(spec(servers)).outputs["out"][0]
    assert kind == "program" and str(code) in message and not servers[1].requests


def test_without_another_one_the_failure_is_that_of_the_last(servers: tuple[Server, Server]) -> None:
    for server in servers:
        server.will(*[status(503, server.url)] * 2)
    kind, message = run(spec(servers)).outputs["out"][0]
    assert kind == "program" and servers[1].url in message and [len(s.requests) for s in servers] == [2, 2]


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_it_goes_on_with_the_conversation_so_far(servers: tuple[Server, Server], provider: str) -> None:
    pytest.importorskip("openai")
    first, second = servers
    thought = {"type": "thinking", "thinking": "hm", "signature": "s1g"}
    first.will(blocks(thought, {"type": "text", "text": "See."}, use("double", n=4)), status(529), status(529))
    second.will(chunks({"content": '{"n": 8}'}) if provider == "openai" else reply('{"n": 8}'))
    assert run(spec(servers, provider, "{ n: int }")).outputs["out"] == [{"n": 8}]
    (request,) = second.requests
    said = json.dumps(request)
    assert "See." in said and '"8"' in said and "hm" not in said
    assert ("response_format" if provider == "openai" else "output_config") in request
    assert (refused_by_chat if provider == "openai" else refused_by_messages)(request) is None


def test_the_next_conversation_begins_with_the_first_model(servers: tuple[Server, Server]) -> None:
    first, second = servers
    first.will(status(529), status(529), reply("from opus"))
    second.will(reply("from haiku"))
    made = run(spec(servers), "one", "two")
    assert made.outputs["out"] == ["from haiku", "from opus"]
    assert {model for _, model in made.kernel.models.usages} == {"opus", "other"}


def test_the_reason_is_logged_and_traced(servers: tuple[Server, Server]) -> None:
    servers[0].will(status(529, "busy"), status(529, "busy"))
    servers[1].will(reply("from haiku"))
    records: list[dict[str, Any]] = []
    logs: list[Any] = []
    run(spec(servers), on_records=records.extend, on_log=logs.append, trace=TraceWriter(io.BytesIO()))
    (record,) = [r for r in records if r["kind"] == "fallback"]
    assert (record["program"], record["model"], record["to"]) == ("ask", "opus", "other") and "busy" in record["reason"]
    (log,) = logs
    assert log.level == "warn" and "goes on with the model `other`" in log.value and "529" in log.value


def test_a_replay_asks_nobody(servers: tuple[Server, Server], tmp_path: Path) -> None:
    servers[0].will(status(529), status(529))
    servers[1].will(reply("from haiku"))
    (tmp_path / "a.cog").write_text(spec(servers))
    words = ("run", "a.cog", "--input", "q=hi", "--output", "json")
    first = cogc_here(*words, "--record", "j", cwd=tmp_path)
    before = [len(s.requests) for s in servers]
    again = cogc_here(*words[:2], "--output", "json", "--replay", "j", cwd=tmp_path)
    assert (first.returncode, again.returncode, again.stdout) == (0, 0, first.stdout), again.stderr
    assert "from haiku" in first.stdout and before == [len(s.requests) for s in servers]


BUDGET = """
model opus = anthropic "claude-opus-5-5"
model haiku = anthropic "claude-haiku-5-5"
model both = [opus, haiku]
program ask(q: string) -> string = llm { model: both, prompt: "{{ q }}", max_tokens: 1000, BUDGET }
coglet Main { listen q: string
  transmit out: any
  on q as q { out <- ask(q) } else as e { out <- [e.kind, e.message] } }
"""


@pytest.mark.parametrize(
    ("budget", "model", "most"),
    [
        ("usd: 0.05", "opus", 1000),
        ("usd: 0.01", "haiku", 1000),  # opus has room for 480 tokens
        ("usd: 0.0002", "haiku", 380),  # opus has no room at all
        ("tokens: 600", "opus", 500),  # another model would have no more
        ("usd: 0.05, tokens: 600", "opus", 500),
    ],
)
def test_one_that_is_too_dear_is_passed_over(budget: str, model: str, most: int) -> None:
    sim = Sim(BUDGET.replace("BUDGET", f"budget: {{ {budget} }}"), "Main").send("q", "x")
    (ask,) = sim.asks
    assert (ask.model.name, ask.request["max_tokens"]) == (model, most)
    assert sim.kernel.models.budget.reserved_tokens == 100 + most
    sim.reply("ok")
    assert sim.sent("out") == ["ok"] and sim.kernel.models.budget.reserved_tokens == 0


def test_a_budget_that_is_too_small_for_all_ends_it() -> None:
    sim = Sim(BUDGET.replace("BUDGET", "budget: { usd: 0.000001 }"), "Main").send("q", "x")
    ((kind, _),) = sim.sent("out")
    assert kind == "budget" and not sim.asks and sim.kernel.models.budget.reserved_usd == 0


# ---- the check, the cost, the notations ----------------------------------------------------------------------

LISTS = """
model a = anthropic "claude-sonnet-5-5"
model b = anthropic "unknown"
model c = openai "gpt-x"
MORE
program ask() -> string = llm { model: all, prompt: "x" PROGRAM }
coglet Main { transmit out: string
  on start { out <- ask() } }
"""


@pytest.mark.parametrize(
    ("more", "program", "wrong"),
    [
        ("model all = [a, b, c]", "", []),
        ("model rest = [b, c]\nmodel all = [a, rest]", "", []),
        ("model all = []", "", ["model-list"]),
        ("model all = [a, all]", "", ["model-list"]),
        ("model rest = [all]\nmodel all = [rest]", "", ["model-list", "model-list"]),
        ("model all = [a, z]", "", ["unknown-name"]),
        ("model all = [a, ask]", "", ["wrong-kind"]),
        ("model all = [a, c]", ", budget: { usd: 1.0 }", ["no-price"]),
        ("model all = [c, a]", ", temperature: 0.5", ["no-sampling"]),
        ("model all = [a, b]", ', thinking: "adaptive"', []),
        ("model all = [a, c]", ', thinking: "off"', []),
        ("model all = [a, c]", ", thinking: 2_000", ["no-thinking"]),
        ("model all = [a, b]", ", thinking: 4_096", ["out-of-range"]),
        ("model all = [a, b]", ", thinking: 4_096, max_tokens: 5_000", []),
        ("model all = [a, b]", ", thinking: 1_000", ["out-of-range"]),
        ("model all = [a, b]", ', thinking: "adaptive", tool_choice: any', ["no-thinking"]),
        ("model all = [a, b]", ", thinking: true", ["wrong-type"]),
    ],
)
def test_lists_are_checked(more: str, program: str, wrong: list[str]) -> None:
    assert codes(LISTS.replace("MORE", more).replace("PROGRAM", program)) == wrong


def test_a_list_of_lists_is_their_models_in_order() -> None:
    text = LISTS.replace("MORE", "model rest = [b, c]\nmodel all = [a, rest, a]").replace("PROGRAM", "")
    program = next(p for p in build(text).programs.values() if p.name == "ask")
    assert [m.rpartition(":")[2].rpartition(".")[2] for m in (program.model, *program.fallbacks)] == ["a", "b", "c"]


def test_a_list_may_name_models_of_another_file() -> None:
    text = 'import "lib.cog" as lib\nmodel all = [lib.a, lib.b]\n' + LISTS[LISTS.index("program ask") :].replace(
        "PROGRAM", ""
    )
    lib = 'model a = anthropic "claude-sonnet-5-5"\nmodel b = anthropic "claude-haiku-5-5"\n'
    assert [d.slug for d in check_text(text, lib_cog=lib)[1]] == []


def test_the_cost_is_that_of_the_most_expensive(tmp_path: Path) -> None:
    def bound(models: str) -> str:
        text = BUDGET.replace(", BUDGET", "").replace("[opus, haiku]", models)
        (tmp_path / "a.cog").write_text(text)
        line = cogc_here("cost", "a.cog", cwd=tmp_path).stdout.splitlines()[-1]
        return line.split()[-1]

    assert bound("[opus, haiku]") == bound("[haiku, opus]") == bound("[opus]") != bound("[haiku]")


def test_both_notations_have_lists(tmp_path: Path) -> None:
    more = '"""In order."""\nmodel all = [a, b]'
    (tmp_path / "a.cog").write_text('"""A spec."""\n' + LISTS.replace("MORE", more).replace("PROGRAM", ""))
    yaml = cogc_here("convert", "a.cog", cwd=tmp_path).stdout
    (tmp_path / "b.yml").write_text(yaml)
    back = cogc_here("convert", "b.yml", cwd=tmp_path).stdout
    assert '"In order."' in back and "model all = [a, b]" in back
    assert cogc_here("check", "b.yml", cwd=tmp_path).returncode == 0
