"""The choice of records of a trace, and the chain of causes of one: for commands and for the page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

KINDS = (
    "create", "start", "stop", "restart", "backoff", "input", "output", "transmit", "send", "deliver", "join", "tick", "skip", "guide", "command",
    "steer", "state", "log", "call", "result", "ask", "reply", "hand_off", "fallback", "dispatch", "progress", "artefact", "claim", "bid", "grant",
    "fail", "dead_letter", "drop", "park", "unpark", "over_capacity",
)  # fmt: skip
"""The kinds of records (specs/trace.md)."""
OLDER_KINDS = ("enact",)
"""The kinds that only lines of older tools have."""


def refuse_kinds(kinds: Iterable[str], form: str, more: tuple[str, ...] = ()) -> None:
    """Raise ValueError, with what to write instead, for a kind that no record has. `form` is how the user writes one, with `{}` in its place;
    `more` are kinds that the reader has beside those of traces."""
    known = (*KINDS, *OLDER_KINDS, *more)
    for kind in kinds:
        if kind in known:
            continue
        from cogc.diagnostics.suggest import did_you_mean  # for a mistake alone

        parts = kind.split(",")
        several = " ".join(map(form.format, parts)) if all(part in known for part in parts) else ""
        help = f"write {several}" if several else did_you_mean(kind, KINDS, f"the kinds are {', '.join(KINDS)}")
        raise ValueError(f"a trace has no records of the kind `{kind}`: {help}")


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """The tests that a record must pass; an empty one passes each. Times are in seconds of the run."""

    path: str = ""
    kinds: tuple[str, ...] = ()
    channel: str = ""
    since: float | None = None
    before: float | None = None
    text: str = ""

    def wants(self, record: dict[str, Any]) -> bool:
        """Return whether a record passes all tests."""
        t = float(record.get("t", 0))
        if self.path and self.path not in str(record.get("path", "")):
            return False
        if self.kinds and record.get("kind") not in self.kinds:
            return False
        if self.channel and self.channel not in (record.get("channel"), record.get("port")):
            return False
        if (self.since is not None and t < self.since) or (self.before is not None and t >= self.before):
            return False
        return not self.text or self.text in json.dumps(record, ensure_ascii=False, default=str)


def chain(records: Iterable[dict[str, Any]], seq: int) -> set[int]:
    """Return the numbers of the record `seq` and of all that led to it."""
    by_seq = {r.get("seq"): r for r in records}
    wanted: set[int] = set()
    pending = [seq]
    while pending:
        number = pending.pop()
        record = by_seq.get(number)
        if record is not None and number not in wanted:
            wanted.add(number)
            pending += [record.get("cause", 0), *record.get("causes", [])]
    return wanted
