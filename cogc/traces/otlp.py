"""Spans in the forms of OpenTelemetry: as OTLP in JSON, and sent to a collector while a run goes on.

A collector gets OTLP over HTTP, as protobuf. The exporter is one of our own: the global provider of OpenTelemetry, which libraries of the
user may have set, is neither used nor changed. Spans are sent by a thread; those that find no room are lost, and a run never waits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cogc import __version__
from cogc.traces.spans import Span, Spans, Value

BEGINNING = '{"resourceSpans":['
"""The beginning of a file in OTLP."""
_PATIENCE = 5
"""Seconds that a request to a collector may take."""


def document(spans: Iterable[Span]) -> Iterator[str]:
    """Yield the pieces of a request for the export of spans, as OTLP in JSON has it."""
    yield f'{BEGINNING}{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"cogc"}}}}]}},"scopeSpans":[{{"scope":'
    yield f'{{"name":"cogc","version":"{__version__}"}},"spans":[\n'
    for number, span in enumerate(spans):
        yield (",\n" if number else "") + msgspec.json.encode(_json(span)).decode()
    yield "\n]}]}]}\n"


def _json(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {"traceId": f"{span.trace:032x}", "spanId": f"{span.id:016x}"}
    if span.parent:
        found["parentSpanId"] = f"{span.parent:016x}"
    return {
        **found,
        "name": span.name,
        "kind": 3 if span.is_client else 1,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _attributes(span.attributes),
        "events": [
            {"timeUnixNano": str(e.at), "name": e.name, "attributes": _attributes(e.attributes)} for e in span.events
        ],
        "status": {"code": 2, "message": span.error} if span.error else {},
    }


def _attributes(given: dict[str, Value]) -> list[dict[str, Any]]:
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


class Exporter:
    """Sends the spans of one run to a collector. Raise ImportError without the extra `otel`, ValueError for an address that is none."""

    def __init__(self, url: str, spans: Spans) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"`{url}` is no address: write http://HOST:4318")
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # an extra
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

        exporter = self

        class Counting(SpanExporter):
            """The exporter, which counts what it could not send."""

            def __init__(self) -> None:
                address = url if parts.path.strip("/") else f"{url.rstrip('/')}/v1/traces"
                self.inner = OTLPSpanExporter(address, timeout=_PATIENCE)

            def export(self, spans: Any) -> SpanExportResult:
                result = self.inner.export(spans)
                if result is not SpanExportResult.SUCCESS:
                    exporter.lost += len(spans)
                return result

            def shutdown(self) -> None:
                self.inner.shutdown()  # type: ignore[no-untyped-call]

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)  # what is lost is said at the end, once
        self.url = url
        self.spans = spans
        self.lost = 0
        self._resource = Resource({"service.name": "cogc", "service.version": __version__})
        self._processor = BatchSpanProcessor(Counting())

    def take(self, records: list[dict[str, Any]]) -> None:
        """Take records of the run."""
        for record in records:
            for span in self.spans.take(record):
                self._send(span)

    def close(self) -> str:
        """Send what is left, and return what was lost, for people; nothing if all has arrived."""
        for span in self.spans.end():
            self._send(span)
        self._processor.force_flush()
        self._processor.shutdown()  # type: ignore[no-untyped-call]
        return f"{self.lost} spans could not be sent to {self.url}" if self.lost else ""

    def _send(self, span: Span) -> None:
        from opentelemetry.sdk.trace import Event, ReadableSpan  # an extra
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

        flags = TraceFlags(TraceFlags.SAMPLED)
        parent = SpanContext(span.trace, span.parent, True, flags) if span.parent else None
        self._processor.on_end(
            ReadableSpan(
                name=span.name,
                context=SpanContext(span.trace, span.id, False, flags),
                parent=parent,
                resource=self._resource,
                attributes=span.attributes,
                events=[Event(e.name, e.attributes, e.at) for e in span.events],
                kind=SpanKind.CLIENT if span.is_client else SpanKind.INTERNAL,
                instrumentation_scope=InstrumentationScope("cogc", __version__),
                status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
                start_time=span.start,
                end_time=span.end,
            )
        )
