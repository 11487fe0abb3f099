"""Traces in the forms of other tools: tables (CSV), the timeline of Perfetto, sequence diagrams of mermaid."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from textwrap import wrap
from typing import Any

from cogc.diagnostics.visible import shown
from cogc.language.texts import duration_text, without_members
from cogc.language.values import shorten
from cogc.traces.messages import OUTSIDE, Message, message

TIMELINE = '{"displayTimeUnit":"ms","traceEvents":['
DIAGRAM = "sequenceDiagram\n"
"""The beginning of these files."""
COLUMNS = ("seq", "t", "kind", "path", "cause", "about", "data")
_ABOUT = ("channel", "port", "to", "command", "program", "model", "name", "level", "coglet", "reason", "error", "at")
_ROWS = 500
"""How many messages a sequence diagram shows: mermaid draws no more in a time that anybody waits."""
_LABEL = 60
_WIDTH = 28
"""Characters of a line of a label."""
_COLUMNS = 12
"""How many coglets have a column of their own."""
_BEGINS = {"call": "result", "ask": "reply"}
"""The kinds of records that begin something, and those that end it: both have the number `call`."""
_LEAVE = ("transmit", "send", "guide", "input", "deliver")
"""The kinds of records by which a message leaves. A link hands on what was delivered to a channel of its parent."""
_FAR = 100_000
"""How many messages that have left are remembered, for the arrows to their deliveries."""

RecordOf = Callable[[int], dict[str, Any] | None]


def table(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table in CSV, with a head: a row for each record, its data as JSON."""
    yield _row(COLUMNS)
    for record in records:
        about = " ".join(str(record[k]) for k in _ABOUT if record.get(k) not in (None, ""))
        data = record.get("data")
        yield _row(
            [
                *(record.get(k, "") for k in COLUMNS[:5]),
                about,
                "" if data is None else json.dumps(data, ensure_ascii=False),
            ]
        )


def _row(values: Iterable[Any]) -> str:
    """Return a row. A text that a spreadsheet would take for a formula has an apostrophe before it."""
    line = io.StringIO()
    safe = [f"'{v}" if isinstance(v, str) and v[:1] in ("=", "+", "-", "@") else v for v in values]
    csv.writer(line, lineterminator="\n").writerow(safe)
    return line.getvalue()


def timeline(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the pieces of a JSON file in the form of Chrome's trace events, which Perfetto opens.

    Each coglet is a track. A record is an instant on it, a call and its result are a span, and an arrow leads from a message that
    leaves to each delivery of it, if no more than 100,000 messages left in between.
    """
    tracks: dict[str, int] = {}
    leaves: dict[int, tuple[int, float]] = {}
    calls: dict[int, tuple[str, int]] = {}
    first = True
    yield f"{TIMELINE}\n"
    for record in records:
        for event in _events(record, tracks, leaves, calls):
            yield ("" if first else ",\n") + json.dumps(event, ensure_ascii=False)
            first = False
    yield "\n]}\n"


def _events(
    record: dict[str, Any],
    tracks: dict[str, int],
    leaves: dict[int, tuple[int, float]],
    calls: dict[int, tuple[str, int]],
) -> Iterator[dict[str, Any]]:
    """Yield the trace events of a record, times in microseconds."""
    kind, path = str(record["kind"]), str(record.get("path", ""))
    at = round(float(record["t"]) * 1e6, 3)
    if path not in tracks:
        tracks[path] = len(tracks) + 1
        yield {"ph": "M", "pid": 1, "tid": tracks[path], "name": "thread_name", "args": {"name": path or OUTSIDE}}
    base = {"pid": 1, "tid": tracks[path], "ts": at, "cat": kind}
    about = " ".join(str(record[k]) for k in _ABOUT[:6] if record.get(k) not in (None, ""))
    arguments = {k: v for k, v in record.items() if k not in ("v", "t", "run", "kind", "path")}
    if kind in _BEGINS:
        calls[record["call"]] = about, tracks[path]
        yield {**base, "ph": "b", "id": record["call"], "name": about, "args": arguments}
    elif kind in _BEGINS.values() and record.get("call") in calls:
        name, track = calls.pop(record["call"])
        begun = _kind_of_begin(kind)
        yield {**base, "tid": track, "ph": "e", "id": record["call"], "name": name, "args": arguments, "cat": begun}
    else:
        yield {**base, "ph": "i", "s": "t", "name": f"{kind} {about}".strip(), "args": arguments}
    if kind in ("deliver", "command") and record.get("cause") in leaves:
        arrow = {"cat": "message", "name": "message", "id": record["seq"]}
        track, left = leaves[record["cause"]]
        yield {"ph": "s", "pid": 1, "tid": track, "ts": left, **arrow}
        yield {"ph": "f", "bp": "e", "pid": 1, "tid": tracks[path], "ts": at, **arrow}
    if kind in _LEAVE:
        leaves[record["seq"]] = tracks[path], at
        if len(leaves) > _FAR:
            del leaves[next(iter(leaves))]


def _kind_of_begin(kind: str) -> str:
    return next(begin for begin, end in _BEGINS.items() if end == kind)


def diagram(records: Iterable[dict[str, Any]], record_of: RecordOf) -> Iterator[str]:
    """Yield the lines of a mermaid sequence diagram of the messages, at most 500; a note says if there are more.

    What would make the picture wide is broken into lines: labels, and the paths of coglets at their `/`. Where more than 12 coglets speak, the members
    of a pool are one.
    """
    found: list[Message] = []
    more = 0
    for record in records:
        said = message(record, record_of, lambda value: "" if value is None else shorten(value, _LABEL))
        if said is not None and len(found) < _ROWS:
            found.append(said)
        elif said is not None:
            more += 1
    speakers = dict.fromkeys(name for m in found for name in (m.sender, m.receiver) if name)
    pooled = len(speakers) > _COLUMNS
    column = {name: without_members(name) if pooled else name for name in speakers}
    names = sorted(dict.fromkeys(column.values()), key=lambda name: name != OUTSIDE)
    ids = {name: f"p{number}" for number, name in enumerate(names)}
    members = Counter(column.values())
    yield DIAGRAM
    for name, id in ids.items():
        parts = "/\n".join(name.split("/")) if len(name) > _WIDTH else name
        yield f"  participant {id} as {_safe(parts + (f' ×{members[name]}' if members[name] > 1 else ''))}\n"
    for m in found:
        label = _safe(_broken(f"{duration_text(round(m.t * 1e3) * 1_000_000)} {m.label}"))
        ends = [ids[column[name]] for name in (m.sender, m.receiver) if name]
        yield f"  {ends[0]}->>{ends[1]}: {label}\n" if len(ends) == 2 else f"  Note over {ends[0]}: {label}\n"
    if more:
        yield f"  Note over {next(iter(ids.values()))}: and {more} more messages\n"


def _broken(text: str) -> str:
    """Return a label in lines."""
    return "\n".join(wrap(shown(text), _WIDTH, break_on_hyphens=False))


def _safe(text: str) -> str:
    """Return lines of text that mermaid takes for text: what has a meaning in its language is an entity."""
    lines = [shown(" ".join(line.split())) for line in text.split("\n")]
    safe = ["".join(c if c.isalnum() or c in " _-./[](),'!?$*+=×" else f"#{ord(c)};" for c in line) for line in lines]
    return "<br/>".join(safe)
