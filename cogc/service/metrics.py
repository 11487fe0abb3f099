"""The numbers of a run in the text format of Prometheus."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from cogc.kernel.objects import Instance
from cogc.language.values import hidden
from cogc.run.session import Session

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""The upper bounds of the buckets of latencies, in seconds."""
MOST = 1000
"""How many inboxes, and how many coglets, are listed in a metric."""
_ESCAPED = re.compile(r'[\\"\n]')
Row = tuple[dict[str, str], float]
K = TypeVar("K", str, tuple[str, str])


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

    def counted(self, route: str, endpoint: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Any]]:
        """Return an endpoint whose requests are counted and timed. A stream is timed up to its head."""

        async def counted(request: Request) -> Any:
            began, status = time.perf_counter(), 500
            try:
                found = await endpoint(request)
                status = found.status_code if isinstance(found, Response) else 200
                return found
            finally:
                self.note(route, status, time.perf_counter() - began)

        return counted

    def latencies(self) -> Iterator[tuple[str, Row]]:
        """Yield the rows of the histogram, each with the end of its name."""
        for route, buckets in sorted(self.buckets.items()):
            total = 0
            for bound, count in zip([*BUCKETS, float("inf")], buckets, strict=True):
                total += count
                yield "_bucket", ({"route": route, "le": "+Inf" if bound == float("inf") else f"{bound:g}"}, total)
            yield "_sum", ({"route": route}, self.sums[route])
            yield "_count", ({"route": route}, total)


class Family(NamedTuple):
    """The rows of one metric. Each has the end of its name, its labels and its value."""

    name: str
    kind: str
    help: str
    rows: list[tuple[str, dict[str, str], float]]


def families(session: Session, requests: Requests, observers: int = 0) -> list[Family]:
    """Return the numbers of a run and of its server. `observers` are those who follow it by other ways than its taps."""
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
    answered = [({"route": r, "status": str(s)}, n) for (r, s), n in sorted(requests.counts.items())]
    latencies = [(end, *row) for end, row in requests.latencies()]
    return [
        family("cogc_messages_total", "counter", "messages that coglets have taken", [({}, kernel.steps)]),
        family("cogc_inputs_total", "counter", "messages from outside", rows("channel", session.entries.counts)),
        family("cogc_outputs_total", "counter", "messages of the root", rows("channel", taps.counts)),
        family("cogc_dead_letters_total", "counter", "messages not handled", rows("reason", losses.letters)),
        family("cogc_inbox_messages", "gauge", "messages that wait", [(at, n) for at, n, _ in inboxes]),
        family("cogc_inbox_capacity", "gauge", "room of these inboxes", [(at, n) for at, _, n in inboxes]),
        family("cogc_restarts_total", "counter", "restarts of coglets", rows("path", most(losses.restarts))),
        family("cogc_calls_total", "counter", "calls of programs", [({}, kernel.next_call - 1)]),
        family("cogc_calls_open", "gauge", "calls under way", [({}, len(kernel.calls))]),
        family("cogc_model_requests_total", "counter", "requests to models", calls),
        family("cogc_model_tokens_total", "counter", "tokens of models", tokens),
        family("cogc_model_dollars_total", "counter", "dollars", _summed(({"model": m}, u.usd) for m, u in usages)),
        family("cogc_observers", "gauge", "those who follow the run", [({}, taps.followers + observers)]),
        family("cogc_observer_losses_total", "counter", "messages that they lost", [({}, taps.all_losses)]),
        family("cogc_http_requests_total", "counter", "requests", answered),
        Family("cogc_http_request_seconds", "histogram", "latencies", latencies),
    ]


def _largest(counts: Mapping[K, float]) -> tuple[list[tuple[K, float]], float]:
    """Return the `MOST` largest of some counts, and the sum of the others."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ordered[:MOST], sum(n for _, n in ordered[MOST:])


def most(counts: Mapping[str, float]) -> dict[str, float]:
    """Return the `MOST` largest of some counts by name. What is left is added up under the name `other`."""
    found, left = _largest(counts)
    return {**dict(found), **({"other": left} if left else {})}


def by_coglet(counts: Mapping[tuple[str, str], float]) -> list[Row]:
    """Return rows for the `MOST` largest of some counts by coglet and channel. What is left is added up under the name `other`."""
    found, left = _largest(counts)
    rows: list[Row] = [({"id": id, "channel": channel}, n) for (id, channel), n in found]
    return [*rows, ({"id": "other", "channel": "other"}, left)] if left else rows


def together(label: str, found: Mapping[str, Iterable[Family]]) -> list[Family]:
    """Return the metrics of several runs as one list. A label tells by its name whose a row is."""
    joined: dict[str, Family] = {}
    for name, own in found.items():
        for one in own:
            known = joined.setdefault(one.name, one._replace(rows=[]))
            known.rows.extend((end, {label: name, **labels}, n) for end, labels, n in one.rows)
    return list(joined.values())


def text(found: Iterable[Family]) -> str:
    """Return metrics in the text format of Prometheus."""
    lines = []
    for name, kind, help, rows in found:
        lines += [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]
        lines += [_line(f"{name}{end}", labels, n) for end, labels, n in rows]
    return "".join(f"{line}\n" for line in lines)


def family(name: str, kind: str, help: str, rows: Iterable[Row]) -> Family:
    return Family(name, kind, help, [("", labels, n) for labels, n in rows])


def rows(label: str, counts: Mapping[str, float]) -> list[Row]:
    """Return a row for each name, which is the value of a label."""
    return [({label: name}, n) for name, n in sorted(counts.items())]


def _summed(rows: Iterable[Row]) -> list[Row]:
    """Return rows with distinct labels: the values of rows with equal labels are added."""
    found: dict[tuple[tuple[str, str], ...], float] = {}
    for labels, n in rows:
        key = tuple(labels.items())
        found[key] = found.get(key, 0) + n
    return [(dict(key), n) for key, n in found.items()]


def _line(name: str, labels: dict[str, str], n: float) -> str:
    shown = ",".join(f'{key}="{_ESCAPED.sub(_escape, value)}"' for key, value in labels.items())
    return f"{name}{{{shown}}} {n!r}" if shown else f"{name} {n!r}"


def _escape(found: re.Match[str]) -> str:
    return {"\\": "\\\\", '"': '\\"', "\n": "\\n"}[found[0]]


def fills(session: Session) -> dict[str, int]:
    """Return how many messages wait in the inboxes of coglets, by path, where any do."""
    found: dict[str, int] = {}
    for at, fill, _ in _inboxes(session):
        found[at["path"]] = found.get(at["path"], 0) + fill
    return found


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


def response(found: Iterable[Family]) -> Response:
    """Return the response with metrics."""
    return PlainTextResponse(text(found), media_type="text/plain; version=0.0.4; charset=utf-8")
