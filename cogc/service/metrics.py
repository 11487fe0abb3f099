"""The numbers of a run in the text format of Prometheus."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cogc.kernel.objects import Instance
from cogc.language.values import hidden
from cogc.run.session import Session

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The upper bounds of the buckets of latencies, in seconds."""
MOST = 1000
"""How many inboxes are listed."""
_ESCAPED = re.compile(r'[\\"\n]')
Row = tuple[dict[str, str], float]


class Requests:
    """The requests to one server: their numbers by route and status, and their latencies by route."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        self.buckets: dict[str, list[int]] = {}
        self.sums: Counter[str] = Counter()

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.counts[route, status] += 1
        buckets = self.buckets.setdefault(route, [0] * (len(BUCKETS) + 1))
        buckets[bisect_left(BUCKETS, seconds)] += 1
        self.sums[route] += seconds  # type: ignore[assignment]  # a sum of seconds

    def latencies(self) -> Iterator[tuple[str, Row]]:
        """Yield the rows of the histogram, each with the end of its name."""
        for route, buckets in sorted(self.buckets.items()):
            total = 0
            for bound, count in zip([*BUCKETS, float("inf")], buckets, strict=True):
                total += count
                yield "_bucket", ({"route": route, "le": "+Inf" if bound == float("inf") else f"{bound:g}"}, total)
            yield "_sum", ({"route": route}, self.sums[route])
            yield "_count", ({"route": route}, total)


def text(session: Session, requests: Requests) -> str:
    """Return the numbers of a run and of its server."""
    kernel, taps = session.kernel, session.taps
    losses = kernel.losses
    usages = [(model, usage) for (_, model), usage in sorted(kernel.models.usages.items())]
    calls = _summed((({"model": m}), u.calls) for m, u in usages)
    tokens = _summed(
        ({"model": m, "kind": kind}, getattr(u, kind))
        for m, u in usages
        for kind in ("input", "output", "cache_read", "cache_write")
    )
    inboxes = list(_inboxes(session))
    lines = [
        *_metric("cogc_messages_total", "counter", "messages that coglets have taken", [({}, kernel.steps)]),
        *_metric("cogc_inputs_total", "counter", "messages from outside", _rows("channel", session.entries.counts)),
        *_metric("cogc_outputs_total", "counter", "messages of the root", _rows("channel", taps.counts)),
        *_metric("cogc_dead_letters_total", "counter", "messages not handled", _rows("reason", losses.letters)),
        *_metric("cogc_inbox_messages", "gauge", "messages that wait", [(at, n) for at, n, _ in inboxes]),
        *_metric("cogc_inbox_capacity", "gauge", "room of these inboxes", [(at, n) for at, _, n in inboxes]),
        *_metric("cogc_restarts_total", "counter", "restarts of coglets", _rows("path", losses.restarts)),
        *_metric("cogc_calls_total", "counter", "calls of programs", [({}, kernel.next_call - 1)]),
        *_metric("cogc_calls_open", "gauge", "calls under way", [({}, len(kernel.calls))]),
        *_metric("cogc_model_requests_total", "counter", "requests to models", calls),
        *_metric("cogc_model_tokens_total", "counter", "tokens of models", tokens),
        *_metric("cogc_model_dollars_total", "counter", "dollars", _summed(({"model": m}, u.usd) for m, u in usages)),
        *_metric("cogc_observers", "gauge", "those who follow the run", [({}, taps.followers)]),
        *_metric("cogc_observer_losses_total", "counter", "messages that they lost", [({}, taps.all_losses)]),
        *_metric(
            "cogc_http_requests_total", "counter", "requests", [({"route": r, "status": str(s)}, n) for (r, s), n in sorted(requests.counts.items())]
        ),
    ]  # fmt: skip
    lines += ["# HELP cogc_http_request_seconds latencies", "# TYPE cogc_http_request_seconds histogram"]
    lines += [_line(f"cogc_http_request_seconds{end}", *row) for end, row in requests.latencies()]
    return "".join(f"{line}\n" for line in lines)


def _rows(label: str, counts: Mapping[str, int]) -> list[Row]:
    return [({label: name}, n) for name, n in sorted(counts.items())]


def _summed(rows: Iterable[Row]) -> list[Row]:
    """Return rows of which each has other labels: what has the same ones is added."""
    found: dict[tuple[tuple[str, str], ...], float] = {}
    for labels, n in rows:
        key = tuple(labels.items())
        found[key] = found.get(key, 0) + n
    return [(dict(key), n) for key, n in found.items()]


def _metric(name: str, kind: str, help: str, rows: list[Row]) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"
    for labels, n in rows:
        yield _line(name, labels, n)


def _line(name: str, labels: dict[str, str], n: float) -> str:
    shown = ",".join(f'{key}="{_ESCAPED.sub(_escape, value)}"' for key, value in labels.items())
    return f"{name}{{{shown}}} {n!r}" if shown else f"{name} {n!r}"


def _escape(found: re.Match[str]) -> str:
    return {"\\": "\\\\", '"': '\\"', "\n": "\\n"}[found[0]]


def _inboxes(session: Session) -> Iterator[tuple[dict[str, str], int, int]]:
    """Yield the inboxes in which something waits: labels, messages, capacity."""
    kernel, left = session.kernel, MOST
    waiting: list[Instance] = [kernel.root] if kernel.root is not None else []
    while waiting and left:
        inst = waiting.pop()
        for port in (inst.ports or {}).values():
            if port.fill and not port.own and left:
                left -= 1
                path = hidden(inst.path, kernel.private)
                yield {"path": path, "channel": port.label}, port.fill, port.capacity
        waiting += reversed(inst.members())
