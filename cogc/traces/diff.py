"""The first departure of one trace from another, by causes and not by lines.

Two records are the same event if kind, place, words and data are the same, and the records that led to them are. So events that
have nothing to do with each other may stand in another order: that is no departure. Times and numbers do not count.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

_NOT_COMPARED = ("v", "seq", "t", "run", "cause", "causes", "call", "spec", "digest")


class Departure:
    """The first event of each trace that the other one does not have, as its record; None where there is none. `count` is how many there are."""

    def __init__(self, record: dict[str, Any] | None, count: int) -> None:
        self.record = record
        self.count = count


def departures(one: Iterable[dict[str, Any]], other: Iterable[dict[str, Any]]) -> tuple[Departure, Departure]:
    """Compare two traces, given as their records. Both are read twice: hand over something that can be."""
    found = Counter(identities(one)), Counter(identities(other))
    return _first(one, found[1]), _first(other, found[0])


def identities(records: Iterable[dict[str, Any]]) -> list[bytes]:
    """Return what names each event, in the order of the records."""
    known: dict[int, bytes] = {0: b""}
    found = []
    for record in records:
        about = {k: v for k, v in record.items() if k not in _NOT_COMPARED}
        causes = [known.get(c, b"?") for c in (record.get("cause", 0), *record.get("causes", ()))]
        name = hashlib.blake2b(b"".join(causes), digest_size=12)
        name.update(msgspec.json.encode(about, order="deterministic"))
        known[record.get("seq", 0)] = name.digest()
        found.append(name.digest())
    return found


def _first(records: Iterable[dict[str, Any]], others: Counter[bytes]) -> Departure:
    """Return the first record whose event the others do not have, each event as often as it is there."""
    left, first, count = others.copy(), None, 0
    for record, name in zip(records, identities(records), strict=True):
        if left[name] > 0:
            left[name] -= 1
        else:
            first, count = first or record, count + 1
    return Departure(first, count)
