"""`--otlp` of setts and runtimes: their spans at a real collector, which spans stand below which, and how the option is handed on."""

from __future__ import annotations

import json
import re
import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import pytest

from cogc.commands import runtime, sett, sett_processes, telemetry
from cogc.sett.model import grant_key
from cogc.traces.exporter import Exporter
from cogc.traces.metrics import Metrics
from cogc.traces.spans import Span, Spans
from support.cli import cogc, cogc_here
from support.collector import Taken, collector
from support.http_client import ask
from support.paths import EXAMPLES
from support.waiting import until, wait_for

T, S = "a" * 32, "b" * 16
SENT = f"00-{T}-{S}-01"
RECIPES = EXAMPLES / "recipes" / "recipes.cog"


def tree(spans: list[Any]) -> list[tuple[str, str]]:
    """Each span of a collector with the name of the span above it, in order."""
    names = {s.span_id: s.name for s in spans}
    return sorted((s.name, names.get(s.parent_span_id, s.parent_span_id.hex())) for s in spans)


def attribute(span: Any, name: str) -> Any:
    return next((a.value.string_value for a in span.attributes if a.key == name), None)


WORKFLOW = "invoke_workflow Recipes"
WORKS = [
    (f"invoke_agent {role}", WORKFLOW) for role in ("Blurb", "Formatter", "Validator", "Validator", "Writer", "Writer")
]
CHATS = [("chat editor.yml", "invoke_agent Editor"), ("invoke_agent Editor", "invoke_agent Blurb")]


# ---- setts -----------------------------------------------------------------------------------------------------


def test_the_work_of_a_sett_and_its_requests_to_models_are_spans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = shutil.copytree(EXAMPLES / "recipes", tmp_path / "recipes")
    monkeypatch.setenv("TRACEPARENT", SENT)
    monkeypatch.setenv("TRACESTATE", "vendor=x y")
    words = ("run", RECIPES, "--workspace", place, "--sandbox", "none", "--sim", "--goal", "A classic bolognese")
    with collector() as (url, taken):
        done = cogc_here(*words, "--otlp", url, f"--trace={tmp_path / 't.jsonl'}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    spans = taken.spans()
    assert tree(spans) == sorted([*WORKS, *CHATS, (WORKFLOW, S)])
    assert {(s.trace_id.hex(), s.trace_state) for s in spans} == {(T, "vendor=x y")}
    assert "bolognese" not in str(spans) and "back of the book" not in str(spans)
    chat = next(s for s in spans if s.name.startswith("chat"))
    assert attribute(chat, "gen_ai.provider.name") == "scripted"
    assert "gen_ai.client.token.usage" in taken.metrics()
    # the works and the whole are in the trace too, with the same numbers
    shown = cogc_here("trace", "export", tmp_path / "t.jsonl", "--format", "otlp", "--spec", RECIPES).stdout
    exported = json.loads(shown)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    live = {s.span_id.hex(): s.name for s in spans if s.name not in ("chat editor.yml", "invoke_agent Editor")}
    assert {s["spanId"]: s["name"] for s in exported} == live


ARTEFACT = {"id": "g", "structural_type": "Standard", "type": "Goal", "source_artefacts": [], "payload": "p"}


def works(*records: dict[str, Any], contents: bool = False) -> tuple[Spans, list[Span]]:
    made = Spans("kit", 0, None, contents)
    head = {"v": 1, "run": "kit", "cause": 0}
    numbered = [{**head, "seq": n, "t": float(n), **r} for n, r in enumerate(records, 1)]
    return made, list(made.all(numbered))


CLAIM = {"kind": "claim", "path": "orchestrator", "claim": "c", "artefact": "g"}
GRANT = {"kind": "grant", "path": "Writer", "claim": "c", "bid": "exclusive", "rework": False}


def test_a_work_ends_with_its_artefact_or_with_its_claim() -> None:
    draft = {**ARTEFACT, "id": "d", "type": "Draft", "source_artefacts": ["g"], "payload": "four eggs"}
    failed = {**draft, "structural_type": "Failure", "type": "ToolExecutionFailure"}
    pending, closed = {**CLAIM, "status": "pending_exclusive"}, {**CLAIM, "status": "terminated"}

    def ends(*more: dict[str, Any], contents: bool = False) -> Span:
        return works(pending, GRANT, *more, contents=contents)[1][0]

    made = ends({"kind": "artefact", "path": "Writer", "data": draft}, closed)
    assert (made.name, made.start, made.end, made.error) == ("invoke_agent Writer", 2 * 10**9, 3 * 10**9, "")
    assert "four eggs" not in repr(made)
    assert "four eggs" in repr(ends({"kind": "artefact", "path": "Writer", "data": draft}, contents=True))
    assert ends({"kind": "artefact", "path": "Writer", "data": failed}).error == "ToolExecutionFailure"
    other = {**draft, "source_artefacts": ["another"]}
    assert ends({"kind": "artefact", "path": "Writer", "data": other}, closed).error == "cancelled"
    assert ends({"kind": "artefact", "path": "Critic", "data": draft}, closed).end == 4 * 10**9
    assert ends().attributes["cogc.unfinished"] is True
    alone = {"kind": "artefact", "path": "Writer", "data": {**draft, "source_artefacts": []}}
    assert works(GRANT, alone)[1][0].attributes["cogc.unfinished"] is True  # nobody has seen the claim of the work
    for odd in ({"data": 7}, {"data": {"source_artefacts": 7}}, {"data": {"source_artefacts": [[]]}}, {}):
        assert ends({"kind": "artefact", "path": "Writer", **odd}).attributes["cogc.unfinished"] is True


def test_a_work_has_one_number_in_each_process_of_its_instance() -> None:
    again = {**GRANT, "rework": True}
    _, spans = works({**CLAIM, "status": "pending_exclusive"}, GRANT, again)
    cub = Spans("kit", 99, None, False, None, True)
    keys = [grant_key("c", "Writer", is_rework) for is_rework in (False, True)]
    assert [cub.granted(key).span for key in keys] == [s.id for s in spans[:2]]
    assert {s.trace for s in spans} == {cub.granted("").trace} and cub.granted("").span == spans[-1].id
    assert cub.end() == []  # the orchestrator sends the span of the whole


def options(command: Any, *words: str) -> Namespace:
    parser = ArgumentParser()
    command.arguments(parser)
    return parser.parse_args(words)


OTLP = ["--otlp", "http://127.0.0.1:1", "--otlp-contents", "--otlp-models"]


def test_the_processes_of_a_sett_and_a_runtime_in_the_background_get_the_options(tmp_path: Path) -> None:
    given = options(sett, "up", "s.cog", *OTLP)
    machines = sett_processes._record(given, "i", tmp_path, ["A"]).machines
    assert all(" ".join(OTLP) in " ".join(words) for words in machines.values()) and len(machines) == 2
    assert " ".join(OTLP) in " ".join(runtime._passed(options(runtime, "start", *OTLP)))
    plain = (
        runtime._passed(options(runtime, "start"))
        + sett_processes._record(options(sett, "up", "s.cog"), "i", tmp_path, ["A"]).machines["A"]
    )
    assert not any(word.startswith("--otlp") for word in plain)


@pytest.mark.campaign
def test_the_processes_of_a_sett_send_one_trace(tmp_path: Path) -> None:
    place = shutil.copytree(EXAMPLES / "recipes", tmp_path / "recipes")
    common = ("--instance", "kit", "--state", tmp_path / "state")

    def settled(taken: Taken) -> bool:
        return "chat editor.yml" in {s.name for s in taken.spans()}

    with collector() as (url, taken):
        words = ("--workspace", place, "--sandbox", "none", "--otlp", url)
        assert cogc("sett", "up", RECIPES, *common, *words, cwd=tmp_path).returncode == 0
        try:
            cogc("sett", "forage", "A classic bolognese", *common, cwd=tmp_path)
            wait_for(lambda: settled(taken))
        finally:
            assert cogc("sett", "down", *common, cwd=tmp_path).returncode == 0
    assert tree(taken.spans()) == sorted([*WORKS, *CHATS, (WORKFLOW, "")])
    assert len({s.trace_id for s in taken.spans()}) == 1


# ---- a runtime -------------------------------------------------------------------------------------------------

DESK = """
model m = scripted "said.yml"
agent Helper {
  description: "Helps."
  model: m
  system: "You help."
}
program upper(x: string) -> string = shell ["echo", "{{ x }}"]
coglet Desk {
  listen q: string
  transmit a: string
  create helper = Helper
  on q as x { helper.task <- x }
  on helper.result as r { a <- r }
  enact shout(x: string) { a <- upper(x) }
}
"""


def test_what_a_request_to_a_runtime_leads_to_stands_below_its_sender(tmp_path: Path) -> None:
    pytest.importorskip("starlette")
    from support.runtimes import Client, served

    (tmp_path / "desk.cog").write_text(DESK)
    (tmp_path / "said.yml").write_text('- reply: "hello"\n')
    answers = []
    with collector() as (url, taken):
        sender = Exporter(url, Spans("r", 10**18, None, False), Metrics(None), "r")

        async def talk(client: Client, made: Any) -> None:
            telemetry.attach(sender, made.session, Namespace(otlp_models=False))
            desk = await client.create("desk.cog:Desk")
            for path in (f"/transmit/{desk}/q?data=x", f"/enact/{desk}?command=shout&data=x", "/stop/nobody"):
                answers.append(await ask(client.port, "POST", path, traceparent=SENT, tracestate="a=1"))
            await ask(client.port, "GET", "/status", traceparent=SENT)
            await until(lambda: not sender.spans.calls and len(sender.spans.seen) > 20)

        served(talk, tmp_path, hears=sender)
        assert sender.close() == ""
    assert [a.status for a in answers] == [200, 200, 404] and {a.headers["tracestate"] for a in answers} == {"a=1"}
    assert tree(taken.spans()) == sorted([
        ("chat said.yml", "invoke_agent Helper"),
        ("execute_tool upper", "POST /enact/{id}"),
        ("invoke_agent Helper", "POST /transmit/{id}/{channel}"),
        ("invoke_workflow CogletRuntime", ""),
        ("POST /create", ""),
        ("POST /enact/{id}", S),
        ("POST /stop/{id}", S),
        ("POST /transmit/{id}/{channel}", S),
    ])  # fmt: skip
    chat = next(s for s in taken.spans() if s.name.startswith("chat"))
    assert attribute(chat, "gen_ai.provider.name") == "scripted"  # of a program that came into the runtime later
    assert chat.trace_id.hex() == T and chat.trace_state == "a=1"
    resource = taken.requests[0][2].resource_spans[0].resource
    assert attribute(resource, "service.instance.id") == "r"


# ---- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["runtime", "start", "--otlp", "ftp://x"], "--otlp `ftp://x` is no address"),
        (["runtime", "start", "--otlp-models"], "--otlp-models is for runs with --otlp"),
        (["runtime", "stop", "--otlp", "http://x"], "--otlp is for `cogc runtime start`"),
        (["sett", "up", "s.cog", "--otlp", "x"], "--otlp `x` is no address"),
        (["sett", "up", "s.cog", "--otlp-contents"], "--otlp-contents is for runs with --otlp"),
        (["sett", "list", "--otlp", "http://x"], "--otlp is for `cogc sett up`"),
        (["orchestrator", "s.cog", "--instance", "i", "--otlp", "x"], "--otlp `x` is no address"),
        (["run", RECIPES, "--goal", "g", "--otlp", "x"], "--otlp `x` is no address"),
        (["run", RECIPES, "--replay", "none", "--otlp", "http://x"], "--otlp is for a run that goes on"),
    ],
)
def test_a_collector_that_is_none_is_refused_before_anything_begins(words: list[Any], wanted: str) -> None:
    done = cogc_here(*words)
    assert done.returncode == 2 and re.search(re.escape(wanted), done.stderr), done.stderr
