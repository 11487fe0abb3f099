"""The metrics of traces: what is counted, by the names of the conventions, in the forms of OTLP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cogc.traces import metrics
from cogc.traces.conventions import METRICS, NAMES
from cogc.traces.metrics import Metrics, Point
from support.cli import cogc_here
from support.traces import everything, hostile


def made(records: list[dict[str, Any]], fills: dict[str, int] | None = None) -> dict[str, list[Point]]:
    found = Metrics(None)
    for record in records:
        found.take(record)
    return {series.metric.name: series.points for series in found.series(fills or {})}


def test_a_trace_is_counted_by_the_names_of_the_conventions() -> None:
    records = everything().records
    found = made(records, {"Main/slow": 3})
    chat = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "unknown", "gen_ai.request.model": "clever"}
    replies = [r["data"]["usage"] for r in records if r["kind"] == "reply"]
    tokens = {dict(p.labels)["gen_ai.token.type"]: p for p in found["gen_ai.client.token.usage"]}
    for word in ("input", "output"):
        assert dict(tokens[word].labels) == {**chat, "gen_ai.token.type": word}
        assert (tokens[word].value, tokens[word].total) == (len(replies), sum(u[word] for u in replies))
    (duration,) = found["gen_ai.client.operation.duration"]
    assert dict(duration.labels) == chat and sum(duration.counts) == duration.value == len(replies)
    assert (duration.total, duration.low, duration.high) == (2.0, 1.0, 1.0)
    (agent,) = found["gen_ai.invoke_agent.duration"]
    assert dict(agent.labels) == {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Lead"}
    taken = {dict(p.labels)["cogc.path"]: p.value for p in found["cogc.messages"]}
    assert sum(taken.values()) == sum(r["kind"] == "deliver" for r in records)
    assert [(dict(p.labels), p.value) for p in found["cogc.inbox.fill"]] == [({"cogc.path": "Main/slow"}, 3)]
    fails = [r for r in records if r["kind"] == "fail"]
    assert sum(p.value for p in found["cogc.failures"]) == len(fails)
    assert sum(p.value for p in found["cogc.restarts"]) == sum(r["kind"] == "restart" for r in records)
    assert set(found) <= {m.name for m in METRICS.values()}
    assert {key for points in found.values() for p in points for key, _ in p.labels} <= set(NAMES.values())


def test_the_buckets_are_those_that_the_conventions_advise() -> None:
    assert METRICS["tokens"].bounds == (
        1,
        4,
        16,
        64,
        256,
        1024,
        4096,
        16384,
        65536,
        262144,
        1048576,
        4194304,
        16777216,
        67108864,
    )
    assert METRICS["duration"].bounds == pytest.approx(
        (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
    )  # fmt: skip


def test_a_pool_is_one_series_and_series_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"kind": "deliver", "cause": 0}
    found = made([{**record, "path": f"Main/w[{n}]/x[a]"} for n in range(50)], {"Main/w[1]": 1, "Main/w[2]": 2})
    assert found["cogc.messages"] == [Point((("cogc.path", "Main/w/x"),), 50)]
    assert found["cogc.inbox.fill"] == [Point((("cogc.path", "Main/w"),), 3)]
    monkeypatch.setattr(metrics, "MOST", 3)
    found = made([{**record, "path": f"Main/{n}"} for n in range(50)])
    assert [p.value for p in found["cogc.messages"]] == [1, 1, 1, 47]
    assert found["cogc.messages"][-1].labels == (("cogc.path", "(others)"),)


def test_an_inbox_that_is_empty_again_is_told() -> None:
    found = Metrics(None)
    found.series({"Main": 4})
    assert found.series({})[0].points == [Point((("cogc.path", "Main"),), 0)]


def test_a_failed_request_has_its_kind_and_no_tokens() -> None:
    ask = {"kind": "ask", "t": 1.0, "call": 1, "program": "A", "model": "m", "cause": 0, "path": "Main"}
    reply = {"kind": "reply", "t": 3.0, "call": 1, "error": "slow", "error_kind": "timeout", "cause": 0, "path": "Main"}
    found = made([ask, reply])
    (point,) = found["gen_ai.client.operation.duration"]
    assert dict(point.labels)["error.type"] == "timeout" and point.total == 2.0
    assert "gen_ai.client.token.usage" not in found


def test_hostile_records_are_counted_or_not() -> None:
    trace = hostile()
    trace.add(0.5, "reply", "Main", 1, call=["x"], data=7)
    trace.add(0.5, "ask", "Main", 1, call=9, program=[1], model={}, data="x")
    trace.add(0.5, "reply", "Main", 1, call=9, data={"usage": {"input": "many", "output": None}})
    assert all(isinstance(points, list) for points in made(trace.records).values())


def test_an_export_has_metrics_that_a_collector_decodes(tmp_path: Path) -> None:
    service = pytest.importorskip("opentelemetry.proto.collector.metrics.v1.metrics_service_pb2")
    from google.protobuf.json_format import ParseDict

    everything().save(tmp_path / "t.jsonl")
    done = cogc_here("trace", "export", "t.jsonl", "--format", "otlp", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert list(document) == ["resourceSpans", "resourceMetrics"]
    request = ParseDict({"resourceMetrics": document["resourceMetrics"]}, service.ExportMetricsServiceRequest())
    found = {m.name: m for m in request.resource_metrics[0].scope_metrics[0].metrics}
    tokens = found["gen_ai.client.token.usage"].histogram
    assert tokens.aggregation_temporality == 2 and found["cogc.messages"].sum.is_monotonic
    point = tokens.data_points[0]
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1 and sum(point.bucket_counts) == point.count
    assert point.start_time_unix_nano < point.time_unix_nano
    waits = {p.attributes[0].value.string_value: p.as_int for p in found["cogc.inbox.fill"].gauge.data_points}
    assert "Main/slow" in waits
