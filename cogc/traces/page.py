"""A trace as one page that stands alone: the page of a run (`cogc/web/`) with the trace written into it.

The page asks nobody for anything: scripts and styles are in it, and its policy lets a browser load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from cogc import ir
from cogc.diagnostics.masks import masked
from cogc.disk.texts import lines_of
from cogc.service.page.files import script, style
from cogc.service.page.picture import picture, states
from cogc.service.page.source import Flow, Look, Seen, State
from cogc.traces import moment
from cogc.traces.index import Index
from cogc.traces.places import Places

MOST = 20_000
"""The most records that a page holds: the last ones."""
BEGINNING = "<!doctype html>\n<!-- cogc trace -->"
"""The beginning of such a page."""
_LAST = 10
"""The last messages of a channel that are shown."""


def page(index: Index, rows: Iterable[int] | None, title: str, bundle: ir.Bundle | None) -> str:
    """Return the page of some rows of a trace, or of all: of the last MOST of them."""
    chosen = list(range(index.count) if rows is None else rows)
    shown = chosen[-MOST:]
    data = _recorded(index, shown, title, bundle)
    if len(shown) < len(chosen):
        data["head"]["title"] += f": the last {len(shown):,} of {len(chosen):,} records"
    text = masked(json.dumps(data, ensure_ascii=True, separators=(",", ":"), default=str)).replace("<", "\\u003c")
    policy = f"default-src 'none'; script-src 'sha256-{_digest(script())}'; style-src 'sha256-{_digest(style())}'; base-uri 'none'; form-action 'none'"
    return f"""{BEGINNING}
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>cogc</title>
<style>{style()}</style>
</head>
<body>
<noscript>This page needs JavaScript.</noscript>
<script type="application/json" id="recorded">{text}</script>
<cog-app></cog-app>
<script type="module">{script()}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# ---- the data ------------------------------------------------------------------------------------------------


def _recorded(index: Index, rows: list[int], title: str, bundle: ir.Bundle | None) -> dict[str, Any]:
    """Return what the page holds of a run: `Recorded` of `cogc/web/data/recorded-source.js`."""
    places = None if bundle is None else Places(bundle, index)
    last = rows[-1] if rows else index.count - 1
    coglets = moment.coglets(index, last)[0] if index.count else []
    known = {coglet.path for coglet in coglets}
    seen = [_seen(index, coglet.path, known, places) for coglet in coglets]
    now = [State(coglet.status, min(1.0, coglet.waiting / 100), coglet.restarts) for coglet in coglets]
    records = [index.record(row) for row in rows]
    look = Look(seen, now, list(_flows(index, rows, known)))
    made = picture(look, known, frozenset())
    by_box = states(made, look)
    boxes = [
        {**box, "foldable": False, "open": False, "group": "", "state": by_box[box["id"]]} for box in made.data["boxes"]
    ]
    details = {s.id: _details(index, s, c, seen, last, places) for s, c in zip(seen, coglets, strict=True)}
    files = {d["source"]["file"] for d in details.values() if d["source"] is not None}
    run = str(records[0].get("run", "")) if records else ""
    return {
        "head": {
            "title": title,
            "run": run,
            "has": {"trace": True, "life": True, "source": bool(files), "details": True},
        },
        "picture": {**made.data, "boxes": boxes},
        "life": _life(index, rows),
        "records": records,
        "rows": [{**s._asdict(), **state._asdict()} for s, state in zip(seen, now, strict=True)],
        "details": details,
        "texts": {file: lines_of(file) for file in sorted(files)},
    }


def _seen(index: Index, path: str, known: set[str], places: Places | None) -> Seen:
    above, _, label = path.rpartition("/")
    declared = None if places is None else places.class_of(path)
    if declared is not None:
        return Seen(
            path,
            above if above in known else "",
            label,
            declared.name,
            declared.kind,
            declared.doc.partition("\n")[0][:100],
        )
    life = index.life[index.place_numbers[path]]
    name = next((str(index.record(row).get("coglet", "")) for row in life if index.kind(row) == "create"), "")
    return Seen(path, above if above in known else "", label, name, "coglet", "")


def _flows(index: Index, rows: list[int], known: set[str]) -> dict[Flow, None]:
    """Return the ways that messages have gone."""
    found: dict[Flow, None] = {}
    for row in rows:
        if index.kind(row) != "deliver":
            continue
        causes = index.causes_of(row)
        left = index.record(causes[0]) if causes else {}
        source, target = str(left.get("path", "")), index.place(row)
        if left.get("kind") not in ("transmit", "send") or source == target or not {source, target} <= known:
            continue
        channel = str(left.get("channel") or str(left.get("to", "")).rpartition(".")[2])
        kind = "send" if left["kind"] == "send" else "observe" if source.rpartition("/")[0] == target else "data"
        found[Flow(source, target, channel, kind, None)] = None
    return found


def _life(index: Index, rows: list[int]) -> list[dict[str, Any]]:
    """Return the failures and restarts, the last 500."""
    kept = [row for row in rows if index.kind(row) in ("fail", "restart")][-500:]
    names = ("kind", "path", "error", "error_kind", "at", "restarts")
    found = []
    for number, row in enumerate(kept, 1):
        record = index.record(row)
        found.append({"n": number, "t": index.times[row], **{k: record[k] for k in names if k in record}})
    return found


def _details(
    index: Index, seen: Seen, coglet: moment.Coglet, all_seen: list[Seen], last: int, places: Places | None
) -> dict[str, Any]:
    """Return what is known of a coglet at the end: `Details` of `cogc/web/data/types.js`."""
    place = index.place_numbers[seen.id]
    listens: dict[str, list[dict[str, Any]]] = {}
    transmits: dict[str, list[dict[str, Any]]] = {}
    failure = None
    for row in index.rows[place][-2000:]:
        kind = index.kind(row)
        if row > last:
            break
        if kind in ("transmit", "send", "output"):
            record = index.record(row)
            _keep(transmits, str(record.get("channel") or record.get("to", "")), row, index, record.get("data"))
        elif kind == "deliver":
            causes = index.causes_of(row)
            data = index.record(causes[0]).get("data") if causes else None
            _keep(listens, str(index.record(row).get("port", "")), row, index, data)
        elif kind == "fail":
            record = index.record(row)
            words = {
                name: str(record.get(key) or "")
                for name, key in (("message", "error"), ("kind", "error_kind"), ("at", "at"), ("reaction", "reaction"))
            }
            failure = words
    declared = None if places is None else places.class_of(seen.id)
    position = None
    if declared is not None and places is not None and 0 <= declared.at < len(places.bundle.positions):
        file, line, _ = places.bundle.positions[declared.at]
        position = {"file": file, "line": line, "waits": []}
    children = [s for s in all_seen if s.parent == seen.id]
    return {
        "id": seen.id, "path": seen.id, "class_name": seen.class_name, "kind": seen.kind, "doc": seen.doc, "status": coglet.status,
        "failure": failure, "mixins": [], "parent": seen.parent or None,
        "children": [{"id": s.id, "label": s.label, "class_name": s.class_name, "status": ""} for s in children[:200]],
        "more_children": max(0, len(children) - 200),
        "listens": [{"name": name, "type": "any", "inbox": None, "counts": None, "last": kept} for name, kept in listens.items()],
        "transmits": [{"name": name, "type": "any", "counts": None, "last": kept} for name, kept in transmits.items()],
        "commands": [], "states": moment.states(index, seen.id, last), "timers": [], "waits": [], "restarts": coglet.restarts, "config": {},
        "programs": [], "source": position,
    }  # fmt: skip


def _keep(channels: dict[str, list[dict[str, Any]]], name: str, row: int, index: Index, data: Any) -> None:
    """Keep a message among the last ones of its channel."""
    kept = channels.setdefault(name, [])
    kept.append({"ts": 0, "t": index.times[row], "data": data})
    del kept[:-_LAST]
