"""The system at one record of its trace: its coglets with status, rate, inbox and restarts; states; plans, definitions of done, the board of a sett.

All of it is read from the trace up to that record. A message waits in an inbox from the record in which it leaves to the one in which it is
taken, so the fill of an inbox is known as far as the trace goes: of messages that nobody has taken yet a trace says nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, NamedTuple

from cogc.traces.index import Index
from cogc.traces.query import is_under

_STATUS = {
    "create": "starting",
    "start": "idle",
    "stop": "stopped",
    "restart": "idle",
    "backoff": "waiting",
    "fail": "failed",
    "park": "parked",
    "unpark": "idle",
}
_AHEAD = 512
"""How many later records of a coglet are looked at for messages that wait."""
_MISSED = 32
"""How many of them may be messages that have left later before it is clear that no more wait."""
MOST = 2_000
"""The most coglets that are looked at for one picture."""
_MOST_STATES = 50
_MOST_BEFORE = 2_000
"""The most records of a coglet in which its states are looked for."""
PLAN = "·plan"
FINDINGS = "·findings"


class Coglet(NamedTuple):
    """A coglet at a moment. `rate` is records in the last second, `waiting` the messages in its inboxes, `open` its calls under way."""

    path: str
    status: str
    rate: int
    records: int
    waiting: int
    open: int
    restarts: int


def coglets(index: Index, row: int, above: str = "") -> tuple[list[Coglet], int]:
    """Return the coglets that there are at a row, and those that have been there, in the order of their paths; parents before children.

    With `above` they are that coglet and those below it. At most `MOST` are given, and how many more there are.
    """
    places = [place for place in index.ordered() if is_under(index.place_numbers.names[place], above)]
    found: list[Coglet] = []
    for number, place in enumerate(places):
        if len(found) == MOST:
            return found, len(places) - number
        known = coglet(index, place, row)
        if known is not None:
            found.append(known)
    return found, 0


def coglet(index: Index, place: int, row: int) -> Coglet | None:
    """Return the coglet of a place at a row, or None if it has not been there yet."""
    rows, life = index.rows[place], index.life[place]
    count = bisect_right(rows, row)
    if not count:
        return None
    lived = bisect_right(life, row)
    open_calls = bisect_right(index.begun[place], row) - bisect_right(index.ended[place], row)
    status = _STATUS[index.kind(life[lived - 1])] if lived else "idle"
    if status == "idle" and open_calls > 0:
        status = "busy"
    since = index.row_at(index.times[row] - 1.0)
    restarts = sum(index.kind(r) == "restart" for r in life[:lived][-1000:])
    return Coglet(
        index.place_numbers.names[place],
        status,
        count - bisect_left(rows, since, 0, count),
        count,
        _waiting(index, place, row, count),
        max(0, open_calls),
        restarts,
    )


def _waiting(index: Index, place: int, row: int, count: int) -> int:
    """Return how many messages have left by a row for a coglet that takes them later."""
    seq, deliver, found, missed = index.seqs[row], index.kind_numbers.get("deliver", -1), 0, 0
    for later in index.rows[place][count : count + _AHEAD]:
        if later < index.count and index.kinds[later] == deliver:
            if 0 < index.causes[later] <= seq:
                found += 1
            else:
                missed += 1
                if missed > _MISSED:
                    break
    return found


def states(index: Index, path: str, row: int) -> dict[str, Any]:
    """Return the states of a coglet at a row, by their names: at most `_MOST_STATES` that were set in its last `_MOST_BEFORE` records before it."""
    place = index.place_numbers.get(path)
    found: dict[str, Any] = {}
    if place is None:
        return found
    rows, state = index.rows[place], index.kind_numbers.get("state", -1)
    end = bisect_right(rows, row)
    for before in reversed(rows[max(0, end - _MOST_BEFORE) : end]):
        if index.kinds[before] == state and len(found) < _MOST_STATES:
            name = str(index.record(before).get("name"))
            if name not in found:
                record = index.whole(before)
                found[name] = record.get("data", record.get("change"))
        elif index.kind(before) in ("start", "restart"):
            break
    return found


# ---- plans, definitions of done, boards ----------------------------------------------------------------------


class Plan(NamedTuple):
    """A plan of the coglet `path` as it was set at a row."""

    path: str
    row: int
    value: dict[str, Any]


class Done(NamedTuple):
    """A definition of done of the coglet `path`: its status, loops and findings as they were set last, at a row."""

    path: str
    row: int
    status: str
    findings: list[Any]
    log: list[Any]


def plans(index: Index, row: int) -> list[Plan]:
    """Return the plans at a row."""
    found = []
    for (place, name), rows in list(index.internal.items()):
        at = index.last_before(rows, row) if name == PLAN else None
        value = index.whole(at).get("data") if at is not None else None
        if at is not None and isinstance(value, dict):
            found.append(Plan(index.place_numbers.names[place], at, value))
    return found


def dones(index: Index, row: int) -> list[Done]:
    """Return the definitions of done at a row: the coglets that keep a log of their findings."""
    found = []
    for place in {place for place, name in list(index.internal) if name == "·work"}:
        values = {name: _internal(index, place, name, row) for name in ("·work", "·status", FINDINGS, "·log")}
        set_at = [at for at, _ in values.values() if at >= 0]
        if set_at:
            findings, log = (v if isinstance(v, list) else [] for v in (values[FINDINGS][1], values["·log"][1]))
            status = values["·status"][1]
            found.append(
                Done(
                    index.place_numbers.names[place],
                    max(set_at),
                    status if isinstance(status, str) else "",
                    findings,
                    log,
                )
            )
    return found


def _internal(index: Index, place: int, name: str, row: int) -> tuple[int, Any]:
    """Return where a state was set last before a row, and its value; -1 and None if it never was."""
    at = index.last_before(index.internal.get((place, name), index.rows[place][:0]), row)
    return (-1, None) if at is None else (at, index.whole(at).get("data"))


class Claim(NamedTuple):
    """A claim on the board of a sett: its status as it was last, at a row, the bids as `(role, bid)`, and who was granted the work."""

    id: str
    row: int
    artefact: str
    status: str
    reason: str
    bids: list[tuple[str, str]]
    granted: list[str]


class GrantedWork(NamedTuple):
    """The work of a role on the artefact of a claim. `made` is the id of the artefact that it has made, the claim if it was closed without one, or
    nothing."""

    role: str
    claim: str
    artefact: str
    made: str


class Board(NamedTuple):
    """The board of a sett at a row: the rows of its artefacts, and its claims."""

    artefacts: list[int]
    claims: list[Claim]


def board(index: Index, row: int) -> Board:
    """Return the board at a row."""
    claims: dict[str, Claim] = {}
    bids: dict[str, list[tuple[str, str]]] = {}
    granted: dict[str, list[str]] = {}
    for at in sorted(r for kind in ("claim", "bid", "grant") for r in index.of_kind(kind, 0, row + 1)):
        record, kind = index.record(at), index.kind(at)
        id, role = str(record.get("claim", "")), str(record.get("path", ""))
        if kind == "bid":
            bids.setdefault(id, []).append((role, str(record.get("bid", ""))))
        elif kind == "grant":
            granted.setdefault(id, []).append(role)
        else:
            known = claims[id].artefact if id in claims else ""
            words = [str(record.get(k) or "") for k in ("artefact", "status", "reason")]
            claims[id] = Claim(
                id, at, words[0] or known, words[1], words[2], bids.setdefault(id, []), granted.setdefault(id, [])
            )
    return Board(list(index.of_kind("artefact", 0, row + 1)), list(claims.values()))


CLOSED = ("complete", "terminated")
"""The statuses of claims on which nobody works any more."""


def works(index: Index, row: int) -> list[GrantedWork]:
    """Return the works that roles were granted by a row, in their order."""
    about: dict[str, str] = {}
    found: list[GrantedWork] = []

    def end(made: str, role: str = "", artefact: str = "", claim: str = "") -> None:
        for number, work in enumerate(found):
            if not work.made and (work.claim == claim or (role and (work.role, work.artefact) == (role, artefact))):
                found[number] = work._replace(made=made)
                return

    for at in sorted(r for kind in ("grant", "artefact", "claim") for r in index.of_kind(kind, 0, row + 1)):
        record, kind = index.record(at), index.kind(at)
        role, claim, data = str(record.get("path", "")), str(record.get("claim", "")), record.get("data")
        if kind == "claim":
            about.setdefault(claim, str(record.get("artefact", "")))
        if kind == "grant":
            found.append(GrantedWork(role, claim, about.get(claim, ""), ""))
        elif kind == "claim" and record.get("status") in CLOSED:
            for _ in range(sum(work.claim == claim for work in found)):
                end(claim, claim=claim)
        elif kind == "artefact" and isinstance(data, dict):
            sources = data.get("source_artefacts")
            if isinstance(sources, list) and sources:
                end(str(data.get("id")), role, str(sources[0]))
    return found


_ENDING = ("dead_letter", "drop", "stop", "log", "transmit")
"""The kinds of records that may stand behind the failure that has ended a run."""
_LOOKED = 1000
"""How many of the last records are looked at for it."""


def end(index: Index) -> str:
    """Return how a run has ended, as far as its trace tells: `ended` when the root has stopped, `failed` when it has failed, else nothing."""
    for row in range(index.count - 1, max(-1, index.count - 1 - _LOOKED), -1):
        kind, is_root = index.kind(row), "/" not in index.place(row)
        if row == index.count - 1 and kind == "stop" and is_root:
            return "ended"
        if kind == "fail" and is_root and index.place(row):
            return "failed"
        if kind not in _ENDING:
            return ""
    return ""
