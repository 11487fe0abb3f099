"""Spans and metrics as OTLP in JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from cogc import __version__
from cogc.traces.metrics import Point, Series
from cogc.traces.spans import Span, Value

BEGINNING = '{"resourceSpans":['
"""The beginning of a file in OTLP."""
_RESOURCE = '{"attributes":[{"key":"service.name","value":{"stringValue":"cogc"}}]}'
_SCOPE = f'{{"name":"cogc","version":"{__version__}"}}'


def document(spans: Iterable[Span], measured: Callable[[], tuple[int, int, list[Series]]]) -> Iterator[str]:
    """Yield the pieces of a document with spans and metrics: one object that both requests for exports are, as OTLP in JSON has them.

    `measured` gives the metrics, when the spans have come: with the times from which and at which they count, in nanoseconds since 1970.
    """
    yield f'{BEGINNING}{{"resource":{_RESOURCE},"scopeSpans":[{{"scope":{_SCOPE},"spans":[\n'
    for number, span in enumerate(spans):
        yield (",\n" if number else "") + msgspec.json.encode(_json(span)).decode()
    yield f'\n]}}]}}],"resourceMetrics":[{{"resource":{_RESOURCE},"scopeMetrics":[{{"scope":{_SCOPE},"metrics":[\n'
    began, now, series = measured()
    yield ",\n".join(msgspec.json.encode(_metric(one, began, now)).decode() for one in series)
    yield "\n]}]}]}\n"


def _json(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {"traceId": f"{span.trace:032x}", "spanId": f"{span.id:016x}"}
    if span.parent:
        found["parentSpanId"] = f"{span.parent:016x}"
    if span.state:
        found["traceState"] = span.state
    return {
        **found,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(span.attributes),
        "events": [
            {"timeUnixNano": str(e.at), "name": e.name, "attributes": _attributes(e.attributes)} for e in span.events
        ],
        "status": {"code": 2, "message": span.error} if span.error else {},
    }


def _metric(series: Series, began: int, now: int) -> dict[str, Any]:
    metric = series.metric
    times = {"startTimeUnixNano": str(began), "timeUnixNano": str(now)}
    points = [{"attributes": _attributes(dict(p.labels)), **times, **_point(p, metric.bounds)} for p in series.points]
    data: dict[str, Any] = {"dataPoints": points}
    if metric.kind != "gauge":
        data["aggregationTemporality"] = 2  # cumulative
    if metric.kind == "sum":
        data["isMonotonic"] = True
    return {"name": metric.name, "description": metric.about, "unit": metric.unit, metric.kind: data}


def _point(point: Point, bounds: tuple[float, ...]) -> dict[str, Any]:
    if not bounds:
        return {"asInt": str(int(point.value))}
    return {
        "count": str(int(point.value)),
        "sum": point.total,
        "min": point.low,
        "max": point.high,
        "bucketCounts": [str(count) for count in point.counts],
        "explicitBounds": list(bounds),
    }


def _attributes(given: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in given.items()]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case _:
            return {"arrayValue": {"values": [_value(item) for item in value]}}
