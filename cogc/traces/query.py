"""The words of a filter bar, and the rows of an index that match them, found a part at a time.

    kind:fail kind:restart path:Main/jury channel:vote since:10s before:2m some text

`kind:` may stand several times. What has no such word before it is one text, which must stand in the record as it is in the file.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from math import isfinite

import msgspec

from cogc.language.texts import nanoseconds
from cogc.run.trace_filter import refuse_kinds
from cogc.traces.index import BROKEN, Index

_PART = 20_000
"""The rows that are looked at in one part."""
_WORDS = ("kind", "path", "channel", "since", "before")


class Query(msgspec.Struct, frozen=True):
    """The tests that a row must pass; an empty one passes each. Times are in seconds of the run. `under` is the path of a coglet: its rows pass,
    and those of the coglets below it."""

    kinds: tuple[str, ...] = ()
    path: str = ""
    channel: str = ""
    since: float | None = None
    before: float | None = None
    text: str = ""
    under: str = ""

    @property
    def is_empty(self) -> bool:
        return self == Query()


def parsed(words: str) -> Query:
    """Return what the words of a filter bar ask for. Raise ValueError for a time or a kind that is none."""
    if not words.isascii():
        try:
            words.encode()
        except UnicodeEncodeError:
            raise ValueError("it is not text in UTF-8") from None
    kinds: list[str] = []
    named: dict[str, str] = {}
    rest: list[str] = []
    for word in words.split(" "):
        name, colon, value = word.partition(":")
        if not colon or name not in _WORDS or not value:
            rest.append(word)
        elif name == "kind":
            kinds.append(value)
        else:
            named[name] = value
    refuse_kinds(kinds, "kind:{}", (BROKEN,))
    times = {name: seconds(named[name]) for name in ("since", "before") if name in named}
    return Query(
        tuple(kinds),
        named.get("path", ""),
        named.get("channel", ""),
        times.get("since"),
        times.get("before"),
        " ".join(rest).strip(),
    )


def seconds(text: str) -> float:
    """Return a time of the run, `250ms`, `10s`, `5m` or a number of seconds. Raise ValueError if it is none."""
    try:
        found = float(text)
    except ValueError:
        return nanoseconds(text) / 1e9
    if not isfinite(found):
        raise ValueError(f"`{text}` is no time")
    return found


def row_named(index: Index, at: str) -> int | None:
    """Return the row of a record that is named by its number or by a time; None if there is none. Raise ValueError for what is neither."""
    try:
        return index.row_of(int(at)) if at.isdecimal() else index.row_at(seconds(at))
    except OverflowError:
        raise ValueError(at) from None


def is_under(path: str, above: str) -> bool:
    """Return whether a path is that of a coglet or lies below it; every path is below none."""
    return not above or path == above or path.startswith(f"{above}/")


class Matches:
    """The rows of an index that match a query: `rows`, as far as `looked`. `look` goes on, and may be called again when the index has grown."""

    def __init__(self, index: Index, query: Query) -> None:
        self.index = index
        self.query = query
        self._restart()

    def _restart(self) -> None:
        self.generation = self.index.generation
        self.rows = array("I")
        self.looked = 0

    @property
    def is_done(self) -> bool:
        return self.looked >= self.index.count and self.generation == self.index.generation

    def look(self) -> bool:
        """Look at the next part. Return whether there is more."""
        if self.generation != self.index.generation:
            self._restart()
        start, end = self.looked, min(self.looked + _PART, self.index.count)
        self.rows.extend(self._matching(start, end))
        self.looked = end
        return not self.is_done

    def all(self) -> array[int]:
        """Look at all parts, and return the rows."""
        while not self.is_done:
            self.look()
        return self.rows

    def near(self, row: int) -> int:
        """Return the position of the match that is a row, or of the first one behind it; that of the last one if there is none."""
        return max(0, min(bisect_left(self.rows, row), len(self.rows) - 1))

    def step(self, row: int, way: int) -> int | None:
        """Return the next match behind a row (`way` 1), or the last one before it (-1); None if there is none."""
        at = bisect_right(self.rows, row) if way > 0 else bisect_left(self.rows, row) - 1
        return self.rows[at] if 0 <= at < len(self.rows) else None

    def _matching(self, start: int, end: int) -> list[int]:
        index, query = self.index, self.query
        if query.since is not None:
            start = max(start, bisect_left(index.times, query.since, 0, index.count))
        if query.before is not None:
            end = min(end, bisect_left(index.times, query.before, 0, index.count))
        if start >= end:
            return []
        rows: list[int] | range = range(start, end)
        if query.text:
            rows = self._with_text(start, end)
        if query.kinds:
            kinds, wanted = index.kinds, {index.kind_numbers.get(k, 255) for k in query.kinds}
            rows = [row for row in rows if kinds[row] in wanted]
        if query.path or query.under:
            places, names = index.places, list(index.place_numbers.names)
            numbers = {n for n, name in enumerate(names) if query.path in name and is_under(name, query.under)}
            rows = [row for row in rows if places[row] in numbers]
        if query.channel:
            rows = [row for row in rows if query.channel in map(index.record(row).get, ("channel", "port"))]
        return list(rows)

    def _with_text(self, start: int, end: int) -> list[int]:
        """Return the rows of a part whose lines have the text."""
        index = self.index
        needle = msgspec.json.encode(self.query.text)[1:-1]
        first = index.offsets[start]
        last = index.offsets[end] if end < index.count else index.size
        data = index.bytes(first, last)
        found: list[int] = []
        at = data.find(needle)
        while at >= 0:
            row = bisect_right(index.offsets, first + at, start, end) - 1
            found.append(row)
            behind = index.offsets[row + 1] if row + 1 < index.count else index.size
            at = data.find(needle, behind - first)
        return found
