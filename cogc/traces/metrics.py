"""The metrics of a trace: sums, histograms and gauges from its records, as they come.

All are cumulative: a sum counts from the beginning of the run. Members of a pool count as one (`Main/worker`), so that the number of series
does not grow with the number of coglets; past MOST series of a metric the rest counts together, as `(others)`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from cogc import ir
from cogc.diagnostics.masks import masked
from cogc.language.texts import without_members
from cogc.traces.conventions import METRICS, NAMES, Metric

MOST = 1000
"""The most series of one metric."""
_FAR = 100_000
_OTHERS = "(others)"
Labels = tuple[tuple[str, str], ...]


class Point(NamedTuple):
    """One series of a metric: its attributes, and its value. A histogram has `counts` by bucket, with `total`, `low` and `high`."""

    labels: Labels
    value: float
    counts: tuple[int, ...] = ()
    total: float = 0.0
    low: float = 0.0
    high: float = 0.0


class Series(NamedTuple):
    """A metric, with its points."""

    metric: Metric
    points: list[Point]


class _Buckets:
    """A histogram."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self.low = float("inf")
        self.high = float("-inf")

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value
        self.low, self.high = min(self.low, value), max(self.high, value)


class _Begun(NamedTuple):
    """A call or a request under way: when it began, and its attributes."""

    t: float
    labels: dict[str, str]


class Metrics:
    """Makes metrics of records, as they come. `bundle` tells the providers of models, and which programs are agents."""

    def __init__(self, bundle: ir.Bundle | None) -> None:
        self.models: dict[str, ir.Model] = {}
        self.agents: set[str] = set()
        self.learn(bundle)
        self.sums: dict[str, dict[Labels, float]] = {}
        self.histograms: dict[str, dict[Labels, _Buckets]] = {}
        self.calls: OrderedDict[tuple[str, int], _Begun] = OrderedDict()
        self.asks: OrderedDict[tuple[str, int], _Begun] = OrderedDict()
        self.filled: dict[Labels, float] = {}

    def learn(self, bundle: ir.Bundle | None) -> None:
        """Take note of the models and agents of a program."""
        if bundle is not None:
            self.models |= {model.name: model for model in bundle.models.values()}
            self.agents |= {p.name for p in bundle.programs.values() if p.kind == "llm"}

    def take(self, record: dict[str, Any], source: str = "") -> None:
        """Take a record. `source` names the run that it is from, where several are counted together: the numbers of calls are those of a run."""
        kind = record.get("kind")
        match kind:
            case "deliver":
                self._add("messages", {"path": _pool(record)})
            case "restart":
                self._add("restarts", {"path": _pool(record)})
            case "fail":
                self._add("failures", {"path": _pool(record), "error": str(record.get("error_kind", ""))})
            case "dead_letter" | "drop":
                self._add("losses", {"path": _pool(record), "reason": str(record.get("reason", kind))})
            case "call" | "ask":
                self._begin(kind, record, source)
            case "result" | "reply":
                self._end(kind, record, source)

    def series(self, fills: Mapping[str, int]) -> list[Series]:
        """Return the metrics that have a value. `fills` says how many messages wait in the inboxes of coglets now, by path; what had messages
        before has none now."""
        found = []
        pools = self.filled = dict.fromkeys(self.filled, 0.0)
        for path, fill in fills.items():
            key = _key({"path": without_members(path)}, pools)
            pools[key] = pools.get(key, 0) + fill
        for name, metric in METRICS.items():
            if metric.kind == "histogram":
                points = [
                    Point(labels, sum(b.counts), tuple(b.counts), b.total, b.low, b.high)
                    for labels, b in self.histograms.get(name, {}).items()
                ]
            else:
                values = pools if metric.kind == "gauge" else self.sums.get(name, {})
                points = [Point(labels, value) for labels, value in values.items()]
            if points:
                found.append(Series(metric, points))
        return found

    # ---- what is counted ---------------------------------------------------------------------------------------

    def _add(self, name: str, labels: dict[str, str]) -> None:
        known = self.sums.setdefault(name, {})
        key = _key(labels, known)
        known[key] = known.get(key, 0) + 1

    def _record(self, name: str, value: float, labels: dict[str, str]) -> None:
        known = self.histograms.setdefault(name, {})
        key = _key(labels, known)
        if key not in known:
            known[key] = _Buckets(METRICS[name].bounds)
        known[key].add(value)

    def _begin(self, kind: str, record: dict[str, Any], source: str) -> None:
        call, program = record.get("call"), str(record.get("program", ""))
        if not isinstance(call, int):
            return
        if kind == "ask":
            model = str(record.get("model", ""))
            declared = self.models.get(model)
            labels = {
                "operation": "chat",
                "provider": "unknown" if declared is None else declared.provider,
                "request_model": model if declared is None else declared.argument or model,
            }
            self.agents.add(program)
        elif program.startswith("·"):
            return
        else:
            labels = {"operation": "invoke_agent", "agent": program}
        table = self.asks if kind == "ask" else self.calls
        table[source, call] = _Begun(float(record.get("t", 0.0)), labels)
        if len(table) > _FAR:
            table.popitem(last=False)

    def _end(self, kind: str, record: dict[str, Any], source: str) -> None:
        call = record.get("call")
        begun = (
            (self.asks if kind == "reply" else self.calls).pop((source, call), None) if isinstance(call, int) else None
        )
        if begun is None or (kind == "result" and begun.labels["agent"] not in self.agents):
            return
        error = {"error": str(record.get("error_kind") or "error")} if "error" in record else {}
        took = max(0.0, float(record.get("t", 0.0)) - begun.t)
        self._record("duration" if kind == "reply" else "agent", took, {**begun.labels, **error})
        data = record.get("data")
        usage = data.get("usage") if kind == "reply" and isinstance(data, dict) else None
        if not isinstance(usage, dict):
            return
        tokens = {k: v for k, v in usage.items() if isinstance(v, int)}
        given = tokens.get("input", 0) + tokens.get("cache_read", 0) + tokens.get("cache_write", 0)
        for word, count in (("input", given), ("output", tokens.get("output", 0))):
            self._record("tokens", float(count), {**begun.labels, "token_type": word})


def _pool(record: dict[str, Any]) -> str:
    """Return the path of a coglet without the numbers of members."""
    return without_members(str(record.get("path", "")))


def _key(labels: dict[str, str], known: Mapping[Labels, object]) -> Labels:
    """Return attributes as the key of a series; those of the others if there are too many."""
    key = tuple((NAMES[name], masked(value)) for name, value in labels.items())
    return key if key in known or len(known) < MOST else tuple((name, _OTHERS) for name, _ in key)
