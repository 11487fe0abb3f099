"""Spans and metrics of a run that goes on, sent to a collector: OTLP over HTTP, as protobuf.

The exporter is one of our own: the global provider of OpenTelemetry, which libraries of the user may have set, is neither used nor changed.

A run never waits for a collector. What is to be sent stands in a queue with an end; what finds no room is lost and counted. One thread sends
it, spans in batches, metrics every METRICS_EVERY seconds. At the end it has GRACE seconds for what is left. More than these seconds, once, no
collector costs a run, whether it hangs or is not there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from cogc import __version__, ir
from cogc.run.contexts import Context, Served
from cogc.traces.metrics import Metrics, Point, Series
from cogc.traces.spans import CLIENT, SERVER, Span, Spans

GRACE = 5.0
"""Seconds for what is left at the end."""
METRICS_EVERY = 10.0
_PATIENCE = 5
"""Seconds that a request to a collector may take."""
_BATCH = 512
_ROOM = 4096
"""How many spans wait at most."""
_PAUSE = 1.0
"""Seconds for which spans are collected before they are sent."""
Fills = Callable[[], Mapping[str, int]]
"""Gives how many messages wait in the inboxes of coglets, by path."""


class Part:
    """The records of one session as spans, and the contexts of what it does (`run/contexts.py`). An exporter may have several: a sett runs a session
    for each work of an agent."""

    def __init__(self, exporter: Exporter, spans: Spans) -> None:
        self.exporter = exporter
        self.spans = spans

    def take(self, records: list[dict[str, Any]]) -> None:
        """Take records of the session."""
        self.exporter.take_of(self.spans, records)

    def end(self) -> None:
        """Send the spans that are still open: the session has ended."""
        self.exporter.put(self.spans.end())

    def entered(self, record: int, context: Context) -> None:
        self.spans.enter(record, context)

    def called(self, path: str, context: Context) -> None:
        self.spans.called[path] = context

    def served(self, request: Served) -> None:
        self.exporter.put(self.spans.served(request))

    def call(self, number: int) -> Context | None:
        return self.spans.under_way(number)

    def ask(self, number: int) -> Context | None:
        return self.spans.under_way(number, asks=True)


class Exporter(Part):
    """Sends spans and metrics of one run, in which it is the part of the run itself. Raise ImportError without the extra `otel`, ValueError for an
    address that is none.

    `fills` is asked on the thread of the run. Metrics are sent where `url` has no path of its own, or one that ends in `traces`. `process` tells
    the process from all others that send to the collector.
    """

    def __init__(self, url: str, spans: Spans, metrics: Metrics, process: str) -> None:
        super().__init__(self, spans)
        places = addresses(url)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # an extra
        from opentelemetry.sdk.resources import Resource

        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)  # what is lost is said at the end, once
        self.url = url
        self.process = process
        self.metrics = metrics
        self.fills: Fills = dict
        self._resource = Resource(
            {"service.name": "cogc", "service.version": __version__, "service.instance.id": process}
        )
        self._sender = OTLPSpanExporter(places[0], timeout=_PATIENCE)
        self._metric_sender = None
        if places[1]:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            self._metric_sender = OTLPMetricExporter(places[1], timeout=_PATIENCE)
        self._waiting: deque[Span] = deque()
        self._given = self._arrived = 0
        self._series: list[Series] = []
        self._at = 0.0
        self._due = time.monotonic() + METRICS_EVERY
        self._is_measured = True
        """False while there are metrics that no collector has."""
        self._news = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._send_all, name="otlp", daemon=True)
        self._thread.start()

    # ---- the run -----------------------------------------------------------------------------------------------

    def part(self, spans: Spans) -> Part:
        """Return the part of another session of the run."""
        return Part(self, spans)

    def learn(self, bundle: ir.Bundle) -> None:
        """Take note of a program that has come into the run."""
        self.spans.learn(bundle)
        self.metrics.learn(bundle)

    def take_of(self, spans: Spans, records: list[dict[str, Any]]) -> None:
        """Take records of one of the parts."""
        for record in records:
            self.put(spans.take(record))
            self.metrics.take(record, spans.run)
        if self._metric_sender is not None and time.monotonic() >= self._due:
            self._measure()

    def close(self) -> str:
        """Send what is left, and return what was lost, for people; nothing if all has arrived."""
        self.put(self.spans.end())
        if self._metric_sender is not None:
            self._measure()
        with self._news:
            self._ending = True
            self._news.notify()
        self._thread.join(GRACE)
        lost = self._given - self._arrived
        self._sender.shutdown()  # type: ignore[no-untyped-call] # what is still tried is tried no more
        if self._metric_sender is not None:
            self._metric_sender.shutdown()
        parts = [f"{lost} span{'' if lost == 1 else 's'}"] if lost else []
        parts += [] if self._is_measured else ["the last metrics"]
        return f"{' and '.join(parts)} could not be sent to {self.url}" if parts else ""

    def put(self, spans: list[Span]) -> None:
        """Let spans be sent."""
        if not spans:
            return
        with self._news:
            self._given += len(spans)
            self._waiting.extend(spans[: max(0, _ROOM - len(self._waiting))])
            if len(self._waiting) >= _BATCH:
                self._news.notify()

    def _measure(self) -> None:
        """Take the metrics as they are now."""
        self._due = time.monotonic() + METRICS_EVERY
        series = self.metrics.series(self.fills())
        with self._news:
            self._series, self._at, self._is_measured = series, self.spans.last, not series
            self._news.notify()

    # ---- in the thread -----------------------------------------------------------------------------------------

    def _send_all(self) -> None:
        while True:
            with self._news:
                if not self._ending and len(self._waiting) < _BATCH and not self._series:
                    self._news.wait(_PAUSE)
                batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
                series, self._series = self._series, []
                if self._ending and not batch and not series:
                    return
            if batch and self._is_taken(self._sender.export, [self._readable(span) for span in batch]):
                self._arrived += len(batch)
            if series and self._metric_sender is not None:
                is_taken = self._is_taken(self._metric_sender.export, self._data(series))
                with self._news:
                    self._is_measured = is_taken and not self._series

    def _is_taken(self, export: Callable[[Any], Any], what: Any) -> bool:
        """Return whether a collector has taken something."""
        try:
            return bool(export(what).name == "SUCCESS")
        except Exception:
            return False

    def _readable(self, span: Span) -> Any:
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

        flags = TraceFlags(TraceFlags.SAMPLED)
        kinds = {SERVER: SpanKind.SERVER, CLIENT: SpanKind.CLIENT}
        return ReadableSpan(
            name=span.name,
            context=SpanContext(span.trace, span.id, False, flags, TraceState.from_header([span.state])),
            parent=SpanContext(span.trace, span.parent, True, flags) if span.parent else None,
            resource=self._resource,
            attributes=span.attributes,
            events=[Event(e.name, e.attributes, e.at) for e in span.events],
            kind=kinds.get(span.kind, SpanKind.INTERNAL),
            instrumentation_scope=InstrumentationScope("cogc", __version__),
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
            start_time=span.start,
            end_time=span.end,
        )

    def _data(self, series: list[Series]) -> Any:
        from opentelemetry.sdk.metrics import export as sdk
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        began = self.spans.epoch
        now = began + round(self._at * 1e9)
        whole = sdk.AggregationTemporality.CUMULATIVE

        def number(point: Point) -> Any:
            return sdk.NumberDataPoint(dict(point.labels), began, now, int(point.value))

        def histogram(point: Point, bounds: tuple[float, ...]) -> Any:
            return sdk.HistogramDataPoint(
                dict(point.labels),
                began,
                now,
                int(point.value),
                point.total,
                point.counts,
                bounds,
                point.low,
                point.high,
            )

        def data(one: Series) -> Any:
            match one.metric.kind:
                case "histogram":
                    return sdk.Histogram([histogram(p, one.metric.bounds) for p in one.points], whole)
                case "sum":
                    return sdk.Sum([number(p) for p in one.points], whole, True)
                case _:
                    return sdk.Gauge([number(p) for p in one.points])

        metrics = [sdk.Metric(s.metric.name, s.metric.about, s.metric.unit, data(s)) for s in series]
        scope = sdk.ScopeMetrics(InstrumentationScope("cogc", __version__), metrics, "")
        return sdk.MetricsData([sdk.ResourceMetrics(self._resource, [scope], "")])


def addresses(url: str) -> tuple[str, str]:
    """Return where spans and metrics go: below an address, or to the path that it has. Raise ValueError for an address that is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"`{url}` is no address: write http://HOST:4318")
    if not parts.path.strip("/"):
        base = parts._replace(path="").geturl()
        return f"{base}/v1/traces", f"{base}/v1/metrics"
    metrics = f"{parts.path.removesuffix('traces')}metrics" if parts.path.endswith("/traces") else ""
    return url, parts._replace(path=metrics).geturl() if metrics else ""
