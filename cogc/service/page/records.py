"""The last records of the trace of a run, which the page searches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from cogc.run.taps import Taps
from cogc.run.trace_filter import TraceFilter, chain

KEPT = 20_000
"""The records that are kept; older ones are forgotten."""
MOST = 200
"""The most records that are given at once."""
_LOOKED = 5_000
"""The most records that one search looks at, so that it never holds the run up for long."""


class TraceRing:
    """The last records of a run. They are kept from the first `open` on, as long as anybody looks."""

    def __init__(self, taps: Taps) -> None:
        self.taps = taps
        self.records: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.readers = 0

    def open(self) -> Callable[[], None]:
        """Keep records from now on. Return what ends this."""
        if not self.readers:
            self.records.clear()
            self.taps.listeners.append(self.records.extend)
        self.readers += 1
        return self._close

    def _close(self) -> None:
        self.readers -= 1
        if not self.readers:
            self.taps.listeners.remove(self.records.extend)

    @property
    def last(self) -> int:
        """The number of the last record, or 0."""
        return int(self.records[-1]["seq"]) if self.records else 0

    def search(self, filter: TraceFilter, after: int, most: int = MOST) -> tuple[list[dict[str, Any]], bool]:
        """Return the last records behind a number that pass a filter, at most `most`, and whether all records were looked at."""
        found: list[dict[str, Any]] = []
        for looked, record in enumerate(reversed(self.records)):
            if record["seq"] <= after:
                break
            if looked == _LOOKED or len(found) == most:
                return found[::-1], False
            if filter.wants(record):
                found.append(record)
        return found[::-1], True

    def chain(self, seq: int) -> list[dict[str, Any]]:
        """Return a record and those that led to it, as far as they are kept."""
        wanted = chain(self.records, seq)
        found: Iterable[dict[str, Any]] = (record for record in self.records if record["seq"] in wanted)
        return list(found)[-MOST:]
