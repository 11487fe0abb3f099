"""A collector of OpenTelemetry on this machine: it decodes what it gets, refuses it, or never answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Taken:
    """The requests that a collector has got, each as its path, its media type, and what was decoded."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []

    def spans(self, path: str = "/v1/traces") -> list[Any]:
        found = [r for at, _, r in self.requests if at == path]
        return [s for r in found for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]

    def metrics(self) -> dict[str, Any]:
        """The metrics by name, as they were sent last."""
        found = [r for at, _, r in self.requests if at == "/v1/metrics"]
        return {m.name: m for r in found for rm in r.resource_metrics for sm in rm.scope_metrics for m in sm.metrics}


@contextmanager
def collector(status: int = 200) -> Iterator[tuple[str, Taken]]:
    """A collector: its address, and what it takes."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces

    taken = Taken()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_metrics = self.path.endswith("metrics")
            kind: Any = metrics.ExportMetricsServiceRequest if is_metrics else traces.ExportTraceServiceRequest
            taken.requests.append((self.path, self.headers["Content-Type"], kind.FromString(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent() -> Iterator[str]:
    """The address of a collector that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield f"http://127.0.0.1:{made.getsockname()[1]}"
