"""The first departure of one trace from another, by causes and not by lines.

Two records are the same event if kind, place, words and data are the same, and the records that led to them are. So events that
have nothing to do with each other may stand in another order: that is no departure. Times and numbers do not count.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from cogc.diagnostics.visible import shown_line
from cogc.run.trace import line

LED = 6
"""How many records of those that led to a departure, and it, are shown."""
_NOT_COMPARED = ("v", "seq", "t", "run", "cause", "causes", "call", "spec", "digest")


class Departure:
    """The first event of each trace that the other one does not have, as its record; None where there is none. `count` is how many there are."""

    def __init__(self, record: dict[str, Any] | None, count: int) -> None:
        self.record = record
        self.count = count


def departures(
    one: Iterable[dict[str, Any]], other: Iterable[dict[str, Any]], behind: int = 0
) -> tuple[Departure, Departure]:
    """Compare two traces, given as their records. Both are read twice: hand over something that can be.

    Records up to the number `behind` are those of one run, from which the other was forked: they count as the same, and need not be there.
    """
    found = Counter(identities(one, behind)), Counter(identities(other, behind))
    return _first(one, found[1], behind), _first(other, found[0], behind)


def lines(name: str, departure: Departure, led: Callable[[dict[str, Any]], Iterable[dict[str, Any]]]) -> Iterator[str]:
    """Yield the lines that tell people of the departure of a trace. `led` gives the records that led to a record, and the record."""
    if departure.record is None:
        yield f"{name}: each of its events is in the other one"
        return
    others = departure.count - 1
    more = f", and {others} more event{'s' if others > 1 else ''}" if others else ""
    yield f"{name}: the first event that the other one does not have{more}"
    for record in led(departure.record):
        yield f"  {shown_line(line(record))}"


def identities(records: Iterable[dict[str, Any]], behind: int = 0) -> list[bytes]:
    """Return what names each event, in the order of the records. One up to the number `behind` is named by its number."""
    known: dict[int, bytes] = {0: b""}
    found = []
    for record in records:
        seq = record.get("seq", 0)
        if 0 < seq <= behind:
            found.append(_numbered(seq))
            continue
        about = {k: v for k, v in record.items() if k not in _NOT_COMPARED}
        causes = [
            _numbered(c) if 0 < c <= behind else known.get(c, b"?")
            for c in (record.get("cause", 0), *record.get("causes", ()))
        ]
        name = hashlib.blake2b(b"".join(causes), digest_size=12)
        name.update(msgspec.json.encode(about, order="deterministic"))
        known[seq] = name.digest()
        found.append(name.digest())
    return found


def _numbered(seq: int) -> bytes:
    return b"=%d" % seq


def _first(records: Iterable[dict[str, Any]], others: Counter[bytes], behind: int) -> Departure:
    """Return the first record whose event the others do not have, each event as often as it is there."""
    left, first, count = others.copy(), None, 0
    for record, name in zip(records, identities(records, behind), strict=True):
        if left[name] > 0:
            left[name] -= 1
        else:
            first, count = first or record, count + 1
    return Departure(first, count)
