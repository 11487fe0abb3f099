"""The spans of traces: which there are, in which they stand, what they hold; sent to a collector that decodes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cogc.run.contexts import Context, parsed
from cogc.traces import exporter
from cogc.traces.conventions import NAMES
from cogc.traces.spans import CLIENT, Span, Spans
from support.cli import cogc_here
from support.collector import collector, silent
from support.paths import EXAMPLES
from support.traces import everything, hostile

EPOCH = 1_700_000_000_000_000_000
SECRET = "hunter2-hunter2"
RESEARCH = ["run", EXAMPLES / "research" / "research.cog", "--workspace", EXAMPLES / "research", "--sim", "--seed", "1"]
RESEARCH += ["--input", "question=How does a tide mill work?", "--quiet"]


def spans(contents: bool = False, parent: Context | None = None) -> list[Span]:
    return list(Spans("a-run", EPOCH, None, contents, parent).all(everything().records))


def above(found: list[Span], span: Span) -> str:
    return next((s.name for s in found if s.id == span.parent), "")


def test_spans_stand_in_what_led_to_them() -> None:
    found = spans()
    assert [(s.name, above(found, s)) for s in found] == [
        ("chat clever", "invoke_agent Lead"),
        ("execute_tool search", "invoke_agent Lead"),
        ("chat clever", "invoke_agent Lead"),
        ("invoke_agent Lead", "invoke_workflow Main"),
        ("invoke_agent Critic", "invoke_workflow Main"),
        ("plan Mend", "invoke_workflow Main"),
        ("invoke_workflow Main", ""),
    ]
    chat, root = found[0], found[-1]
    assert (chat.start - EPOCH, chat.end - EPOCH) == (500_000_000, 1_500_000_000) and chat.kind == CLIENT
    assert len({s.id for s in found}) == len(found) and {s.trace for s in found} == {root.trace}
    assert [e.name for e in root.events] == ["exception", "gen_ai.evaluation.result", "gen_ai.evaluation.result"]
    assert found[5].attributes[NAMES["unfinished"]] is True and NAMES["unfinished"] not in chat.attributes


def test_spans_have_the_words_of_the_conventions() -> None:
    chat = spans()[0].attributes
    assert chat["gen_ai.operation.name"] == "chat" and chat["gen_ai.request.model"] == "clever"
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"]) == (100, 20)
    assert chat["gen_ai.response.finish_reasons"] == ["tool_use"]
    lead = next(s for s in spans() if s.name == "invoke_agent Lead").attributes
    assert (
        lead["gen_ai.conversation.id"] == chat["gen_ai.conversation.id"] == "a-run/1"
        and lead["gen_ai.agent.name"] == "Lead"
    )


def test_what_was_said_is_left_out_unless_it_is_asked_for() -> None:
    said = ("How high", "four metres", "Four metres", "tide", "three jobs", "does not turn")
    assert not any(words in repr(spans()) for words in said)
    found = spans(contents=True)
    assert all(words in repr(found) for words in said)
    assert json.loads(str(found[0].attributes["gen_ai.output.messages"]))[0]["content"][0]["name"] == "search"


def test_a_run_stands_below_the_span_of_who_has_started_it() -> None:
    parent = parsed("00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert parent == (int("a" * 32, 16), int("b" * 16, 16), 1, "")
    found = spans(parent=parent)
    assert {s.trace for s in found} == {parent.trace} and found[-1].parent == parent.span
    assert spans(parent=parent._replace(flags=0)) == []  # its sender does not keep the trace


def test_hostile_records_make_spans_or_none() -> None:
    made = hostile()
    made.add(0.5, "reply", "Main", 1, call=["x"], data=7)
    made.add(0.5, "ask", "Main", 4_000_000_000, call=9, program=[1], model={}, data="x")
    found = list(Spans("r", EPOCH, None, True).all(made.records))
    assert found[-1].name.startswith("invoke_workflow")


def test_an_agent_that_starts_others_has_their_spans_below_it(tmp_path: Path) -> None:
    trace, target = tmp_path / "t.jsonl", tmp_path / "t.json"
    assert cogc_here(*RESEARCH, f"--trace={trace}").returncode == 0
    words = ["trace", "export", trace, "--format", "otlp", "--spec", RESEARCH[1], "-o", target]
    assert cogc_here(*words).returncode == 0
    found = json.loads(target.read_text())["resourceSpans"][0]["scopeSpans"][0]["spans"]
    names = {s["spanId"]: s["name"] for s in found}
    tree = sorted((s["name"], names.get(s.get("parentSpanId", ""), "")) for s in found)
    lead, worker = "invoke_agent Lead", "invoke_agent Researcher"
    assert tree == sorted(
        [(f"chat {x}", above) for x, above in (("lead.yml", lead), ("worker.yml", worker)) for _ in range(4)]
        + [("execute_tool search", worker)] * 2
        + [(worker, lead)] * 2
        + [(lead, "invoke_workflow Main"), ("invoke_workflow Main", "")]
    )
    for more in (["--format", "csv", "--contents"], ["--format", "mermaid", "--spec", RESEARCH[1]]):
        assert cogc_here("trace", "export", trace, *more).returncode == 2


# ---- a collector ---------------------------------------------------------------------------------------------


def test_a_collector_gets_the_spans_and_metrics_of_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from opentelemetry import metrics, trace

    before = trace.get_tracer_provider(), metrics.get_meter_provider()
    monkeypatch.setenv("TRACEPARENT", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    monkeypatch.setenv("TRACESTATE", "vendor=x y")
    with collector() as (url, taken):
        done = cogc_here(*RESEARCH, "--otlp", url, f"--trace={tmp_path / 't.jsonl'}")
        assert done.returncode == 0 and done.stderr == "", done.stderr
        assert cogc_here(*RESEARCH, "--otlp", f"{url}/own/path", "--otlp-contents").returncode == 0
    assert (trace.get_tracer_provider(), metrics.get_meter_provider()) == before
    assert {(path, kind) for path, kind, _ in taken.requests} == {
        ("/v1/traces", "application/x-protobuf"),
        ("/v1/metrics", "application/x-protobuf"),
        ("/own/path", "application/x-protobuf"),
    }
    assert "tide mill" not in str(taken.spans()) and "tide mill" in str(taken.spans("/own/path"))
    found = taken.spans()
    assert len(found) == 14 and {(s.trace_id.hex(), s.trace_state) for s in found} == {("a" * 32, "vendor=x y")}
    root = next(s for s in found if s.name == "invoke_workflow Main")
    assert root.parent_span_id.hex() == "b" * 16 and root.start_time_unix_nano == 946_684_800 * 10**9
    chat = next(s for s in found if s.name == "chat lead.yml")
    assert (
        chat.kind == 3 and {a.key: a.value.string_value for a in chat.attributes}["gen_ai.provider.name"] == "scripted"
    )
    resource = taken.requests[0][2].resource_spans[0].resource
    assert {a.key: a.value.string_value for a in resource.attributes}["service.name"] == "cogc"
    _same_as_exported(taken.metrics(), tmp_path / "t.jsonl")


def _same_as_exported(sent: dict[str, Any], trace: Path) -> None:
    """The metrics that a run has sent are those of its trace."""
    shown = cogc_here("trace", "export", trace, "--format", "otlp", "--spec", RESEARCH[1]).stdout
    exported = json.loads(shown)["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    for metric in exported:
        if "gauge" in metric:
            continue
        kind = "histogram" if "histogram" in metric else "sum"
        ours = [(p.get("count") or p.get("asInt"), p.get("sum")) for p in metric[kind]["dataPoints"]]
        points = getattr(sent[metric["name"]], kind).data_points
        theirs = [(p.count, p.sum) if kind == "histogram" else (p.as_int, None) for p in points]
        assert [(int(n), total) for n, total in ours] == theirs and ours, metric["name"]
    assert {m["name"] for m in exported if "gauge" not in m} == {n for n, m in sent.items() if not m.HasField("gauge")}


def test_what_a_collector_refuses_is_counted() -> None:
    with collector(status=400) as (url, _):
        done = cogc_here(*RESEARCH, "--otlp", url)
    said = f"cogc: 14 spans and the last metrics could not be sent to {url}\n"
    assert done.returncode == 0 and done.stderr == said


@pytest.mark.parametrize("hangs", [False, True])
def test_a_collector_that_hangs_or_is_not_there_holds_no_run_up(hangs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    monkeypatch.setattr(exporter, "GRACE", 0.3)
    monkeypatch.setattr(exporter, "_BATCH", 1)  # so that the thread hangs from the first span on
    with silent() as url:
        if hangs:
            done = cogc_here(*RESEARCH, "--otlp", url)
    if not hangs:  # nobody listens there any more
        done = cogc_here(*RESEARCH, "--otlp", url)
    assert done.returncode == 0 and "tide mill" in done.stdout
    assert done.stderr == f"cogc: 14 spans and the last metrics could not be sent to {url}\n"


def test_spans_that_find_no_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "_ROOM", 4)
    monkeypatch.setattr(exporter, "_PAUSE", 600.0)
    with collector() as (url, taken):
        done = cogc_here(*RESEARCH, "--otlp", url)
    assert done.stderr == f"cogc: 10 spans could not be sent to {url}\n" and len(taken.spans()) == 4


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--otlp", "ftp://x"], "is no address"),
        (["--otlp-models"], "--otlp-models is for runs with --otlp"),
        (["--otlp-contents"], "--otlp-contents is for runs with --otlp"),
        (["--otlp", "http://127.0.0.1:1", "--replay", "none"], "--otlp is for a run that goes on"),
    ],
)
def test_what_cannot_be_sent_is_refused(words: list[str], wanted: str) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    done = cogc_here("run", EXAMPLES / "counter" / "counter.cog", "--sim", "--for", "1s", *words)
    assert done.returncode == 2 and wanted in done.stderr
