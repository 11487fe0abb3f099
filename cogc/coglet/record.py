"""The record of one channel: its last messages, and the number of its messages in windows of time.

Messages are counted by spans, so that a record stays small however much goes over its channel. A count is exact to a
span: a tenth of a second in the windows up to a minute, and a minute in the longer ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

KEPT = 100
"""How many of the last messages of a channel are kept."""
WINDOWS = {"1s": 1, "5s": 5, "60s": 60, "1h": 3600, "24h": 86400}
"""The windows of counts, in seconds."""
_FINE, _COARSE = 100_000_000, 60_000_000_000
"""The spans of the counts, in nanoseconds: fine ones for the last minute, coarse ones for the last day."""


class Record:
    """The last messages of one channel with their instants, how many there were in each span of time, and in all.

    `now` gives the present in nanoseconds, on a clock that does not go back.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.total = 0
        self.last: deque[tuple[int, Any]] = deque(maxlen=KEPT)
        self.fine: deque[list[int]] = deque(maxlen=60_000_000_000 // _FINE + 1)
        self.coarse: deque[list[int]] = deque(maxlen=86_400_000_000_000 // _COARSE + 1)

    def note(self, value: Any) -> None:
        """Note a message."""
        now = self.now()
        self.total += 1
        self.last.append((now, value))
        _count(self.fine, now // _FINE)
        _count(self.coarse, now // _COARSE)

    def written(self) -> list[Any]:
        """Return the record as data."""
        return [
            self.total,
            [list(said) for said in self.last],
            [list(s) for s in self.fine],
            [list(s) for s in self.coarse],
        ]

    def take_up(self, total: int, last: list[list[Any]], fine: list[list[int]], coarse: list[list[int]]) -> None:
        """Begin with what another record has written."""
        self.total = total
        self.last.extend((at, value) for at, value in last)
        self.fine.extend(fine)
        self.coarse.extend(coarse)

    def counts(self) -> dict[str, int]:
        """Return the number of messages in each window, up to the present."""
        now = self.now()
        return {
            name: _sum(self.fine, now - s * 10**9, _FINE) if s <= 60 else _sum(self.coarse, now - s * 10**9, _COARSE)
            for name, s in WINDOWS.items()
        }


def _count(spans: deque[list[int]], span: int) -> None:
    """Count a message in a span of time."""
    if spans and spans[-1][0] == span:
        spans[-1][1] += 1
    else:
        spans.append([span, 1])


def _sum(spans: deque[list[int]], since: int, length: int) -> int:
    """Return the messages in the spans that end behind an instant."""
    total = 0
    for span, count in reversed(spans):
        if (span + 1) * length <= since:
            break
        total += count
    return total
