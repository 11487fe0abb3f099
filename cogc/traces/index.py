"""An index of a trace: where each record stands, and its number, time, kind, coglet and cause.

The index is made from the file's beginning to its end, a stretch at a time, and goes on where it ended when the file has grown. So a
viewer shows the first records at once, while a thread reads the rest. What it holds are compact arrays, about 40 bytes a record; the
records themselves are read from the file when they are shown.

Rows are numbers of records in the file, from 0. A line that is no record is a row too, of the kind `BROKEN`, so that damage is seen and
what stands behind it is not lost. A last line without its end is still being written, and is not there yet.

One thread calls `grow`; any other may read. `count` is raised last, so that each row below it is whole.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import accumulate, count
from operator import add
from types import TracebackType
from typing import Any

import msgspec

from cogc.run.trace import UNREADABLE, States, upgrade
from cogc.traces.file import TraceFile
from cogc.traces.parts import Parts

STRETCH = 1 << 20
"""The bytes that `grow` reads at once."""
BROKEN = "broken"
"""The kind of a line that is no record."""
LIFE = ("create", "start", "stop", "restart", "backoff", "fail", "park", "unpark")
"""The kinds that tell of the life of a coglet."""
BEGINS = ("call", "ask")
ENDS = ("result", "reply")
_BEGINNING = 256
"""The bytes at the beginning of a trace by which it is known again."""
_LONGEST = 1 << 24
"""The bytes of the longest line that is read whole when it is shown."""
_REMOVED = "the part of the trace with this record has been removed"


class _Head(msgspec.Struct, gc=False):
    """The fields of a record that the index keeps. `op` and `coglet` are those of older tools."""

    seq: int = 0
    t: float = 0.0
    kind: str = ""
    path: str = ""
    cause: int = 0
    causes: tuple[int, ...] = ()
    name: str = ""
    op: str = ""
    coglet: object = ""


class _Numbers(dict[str, int]):
    """Numbers of names, given as the names come."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self.names)
        self.names.append(name)
        return number


def _natural(part: str) -> tuple[str, int]:
    """Return the key by which a part of a path is ordered: members of a pool by their number."""
    name, _, number = part.partition("[")
    return name, int(number[:-1]) if number[:-1].isdecimal() and len(number) < 12 else -1


class Index:
    """The index of the trace at `path`, to be used as a context manager. Raise OSError if the file cannot be read.

    `count` is the number of rows, `size` the bytes that are indexed. `offsets`, `seqs`, `times`, `kinds`, `places` and `causes` have an item
    for each row: `kinds` and `places` are numbers, whose names `kind` and `place` give. `rows`, `life`, `begun` and `ended` have the rows of
    each place: all, those of LIFE, of BEGINS and of ENDS. `internal` has the rows of states whose names begin with `·`, by place and name:
    those of plans and definitions of done. `is_replaced` if the file was found to be shorter than what was read, or another one: nothing grows then
    until `restart`, which raises `generation`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.parts = Parts(path)
        self._decoder = msgspec.json.Decoder(_Head)
        self._records = msgspec.json.Decoder()
        self._seen: dict[int, dict[str, Any]] = {}
        self._places = TraceFile(path, self.parts)
        self.generation = 0
        self.is_replaced = False
        self._clear()

    def _clear(self) -> None:
        self.count = 0
        self.size = 0
        self._beginning = b""
        self.offsets = array("Q")
        self.seqs = array("I")
        self.times = array("d")
        self.kinds = bytearray()
        self.places = array("I")
        self.causes = array("I")
        self.joins: dict[int, tuple[int, ...]] = {}
        self.rows: list[array[int]] = []
        self.life: list[array[int]] = []
        self.begun: list[array[int]] = []
        self.ended: list[array[int]] = []
        self.internal: dict[tuple[int, str], array[int]] = {}
        self.kind_numbers = _Numbers()
        self.place_numbers = _Numbers()
        self._ordered: tuple[int, list[int]] = (0, [])
        self._seen.clear()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.parts.close()

    # ---- making ------------------------------------------------------------------------------------------------

    def grow(self, stretch: int = STRETCH) -> bool:
        """Index about `stretch` more bytes. Return whether anything was new."""
        length = self.parts.size
        if length < self.size or self.parts.is_other or (length > self.size and not self._begins_alike()):
            self.is_replaced = True
        if self.is_replaced:
            return False
        data = self.parts.read(stretch, self.size)
        end = data.rfind(b"\n") + 1
        while not end and self.size + len(data) < length:  # one line is longer than the stretch
            more = self.parts.read(max(stretch, len(data)), self.size + len(data))
            if not more:
                return False
            end = len(data) + more.rfind(b"\n") + 1 if b"\n" in more else 0
            data += more
        if not end:
            return False
        self._take(data[:end])
        return True

    def _begins_alike(self) -> bool:
        """Return whether the beginning of the trace is still what it was, as far as that can be seen: a new run may have written more than the last
        one."""
        now = self.parts.beginning(len(self._beginning))
        return not now or now == self._beginning

    def read(self) -> Index:
        """Index the file to its present end. Return this index."""
        while self.grow():
            pass
        return self

    def _take(self, data: bytes) -> None:
        """Index whole lines."""
        if not self.size:
            self._beginning = data[:_BEGINNING]
        lines = data.split(b"\n")
        lines.pop()
        try:
            heads = self._decoder.decode_lines(data)
        except UNREADABLE:
            heads = []
        offsets = list(map(add, accumulate(map(len, lines), initial=self.size), count()))  # each line has its end
        offsets.pop()
        if len(heads) != len(lines):  # some are broken, or empty, which are no rows
            kept = [(offset, line) for offset, line in zip(offsets, lines, strict=True) if line.strip()]
            offsets = [offset for offset, _ in kept]
            heads = [self._head(line) for _, line in kept]
        self._add(heads, offsets, b'"name":"\xc2\xb7' in data)
        self.size += len(data)
        self.count = len(self.offsets)

    def _head(self, line: bytes) -> _Head:
        """Return the fields of a line that the index keeps."""
        try:
            head = self._decoder.decode(line)
            array("I", (head.seq, head.cause))
        except (*UNREADABLE, OverflowError):
            return _Head(seq=self.seqs[-1] if self.seqs else 0, t=self.times[-1] if self.times else 0.0, kind=BROKEN)
        return head

    def _add(self, heads: list[_Head], offsets: list[int], is_marked: bool) -> None:
        """Add the rows of some records."""
        base = len(self.offsets)
        kinds = [h.kind for h in heads]
        if "" in kinds:
            for number, head in enumerate(heads, base + 1):
                if not head.kind:  # a line of older tools, or none
                    head.kind, head.path, head.seq = head.op or BROKEN, str(head.coglet), number
            kinds = [h.kind for h in heads]
        try:
            self.seqs.extend([h.seq for h in heads])
            self.causes.extend([h.cause for h in heads])
        except OverflowError:
            del self.seqs[base:], self.causes[base:]
            self._add(
                [h if 0 <= min(h.seq, h.cause) <= max(h.seq, h.cause) < 1 << 32 else _Head(kind=BROKEN) for h in heads],
                offsets,
                is_marked,
            )
            return
        self.times.extend([h.t for h in heads])
        numbers = {kind: self._kind(kind) for kind in dict.fromkeys(kinds)}
        self.kinds.extend(map(numbers.__getitem__, kinds))
        places = list(map(self.place_numbers.__getitem__, [h.path for h in heads]))
        self.places.extend(places)
        while len(self.rows) < len(self.place_numbers.names):
            for table in (self.rows, self.life, self.begun, self.ended):
                table.append(array("I"))
        adds = [table.append for table in self.rows]
        for row, place in enumerate(places, base):
            adds[place](row)
        self.offsets.extend(offsets)
        for found, table in ((LIFE, self.life), (BEGINS, self.begun), (ENDS, self.ended)):
            for row in self._found(found, base):
                table[self.places[row]].append(row)
        for row in self._found(("join",), base):
            self.joins[row] = heads[row - base].causes
        if is_marked:
            for row in self._found(("state",), base):
                name = heads[row - base].name
                if name.startswith("·"):
                    self.internal.setdefault((self.places[row], name), array("I")).append(row)

    def _kind(self, name: str) -> int:
        """Return the number of a kind. There are about forty; what would be the 255th is a broken record."""
        known = self.kind_numbers
        return known[name] if name in known or len(known) < 254 else known[BROKEN]

    def _found(self, kinds: tuple[str, ...], base: int) -> list[int]:
        """Return the rows from `base` on that are of some kinds, in their order."""
        found = [row for kind in kinds for row in self.of_kind(kind, base, len(self.kinds))]
        return sorted(found) if len(kinds) > 1 else found

    def restart(self) -> None:
        """Begin anew, with the file that has taken the place of the one that was read. Nobody else may read meanwhile."""
        self.parts.reopen()
        self._places = TraceFile(self.path, self.parts)
        self._clear()
        self.generation += 1
        self.is_replaced = False

    # ---- reading -----------------------------------------------------------------------------------------------

    def kind(self, row: int) -> str:
        return self.kind_numbers.names[self.kinds[row]]

    def place(self, row: int) -> str:
        """Return the path of the coglet of a row."""
        return self.place_numbers.names[self.places[row]]

    def ordered(self) -> list[int]:
        """Return the places that have a path, in the natural order of their paths: `a[2]` before `a[10]`, parents before children."""
        names = self.place_numbers.names
        if self._ordered[0] != len(names):
            known = [place for place, name in enumerate(names) if name]
            known.sort(key=lambda place: [_natural(part) for part in names[place].split("/")])
            self._ordered = len(names), known
        return [place for place in self._ordered[1] if place < len(self.rows)]

    @property
    def has_records(self) -> bool:
        """True unless all rows so far are lines that are no records: such a file is no trace."""
        return not self.count or self.kinds.count(self.kind_numbers.get(BROKEN, 255)) < self.count

    def of_kind(self, kind: str, start: int = 0, end: int | None = None) -> Iterator[int]:
        """Yield the rows of a kind in their order."""
        number = self.kind_numbers.get(kind)
        if number is None:
            return
        end = self.count if end is None else end
        row = self.kinds.find(number, start, end)
        while row >= 0:
            yield row
            row = self.kinds.find(number, row + 1, end)

    def row_of(self, seq: int) -> int | None:
        """Return the row of the record with a number, or None."""
        row = bisect_left(self.seqs, seq, 0, self.count)
        return row if row < self.count and self.seqs[row] == seq else None

    def row_at(self, t: float) -> int:
        """Return the first row that is not before the time `t`, in seconds; the last row if there is none."""
        return max(0, min(bisect_left(self.times, t, 0, self.count), self.count - 1))

    def last_before(self, rows: array[int], row: int) -> int | None:
        """Return the last of some rows that is not behind a row, or None."""
        found = bisect_right(rows, row)
        return rows[found - 1] if found else None

    def line(self, row: int) -> bytes:
        """Return the line of a row, without its end; of one of more than 16 MiB the beginning."""
        start = self.offsets[row]
        end = self.offsets[row + 1] if row + 1 < self.count else self.size
        return self.parts.read(min(end - start, _LONGEST), start).partition(b"\n")[0]  # empty lines may follow

    def bytes(self, start: int, end: int) -> bytes:
        """Return a part of the file."""
        return self.parts.read(end - start, start)

    def record(self, row: int) -> dict[str, Any]:
        """Return the record of a row. Of a broken one `data` is the beginning of its line."""
        found = self._seen.get(row)
        if found is None:
            found = self._record(row)
            if len(self._seen) > 4096:
                self._seen.clear()
            self._seen[row] = found
        return found

    def _record(self, row: int) -> dict[str, Any]:
        line = self.line(row)
        try:
            found = self._records.decode(line)
        except UNREADABLE:
            found = None
        if isinstance(found, dict) and self.kind(row) != BROKEN:
            return upgrade(found, row + 1)
        return {
            "seq": self.seqs[row],
            "t": self.times[row],
            "kind": BROKEN,
            "path": "",
            "cause": 0,
            "data": line[:4096].decode("utf-8", "replace") or _REMOVED,
        }

    def numbered(self, seq: int) -> dict[str, Any] | None:
        """Return the record with a number, or None."""
        row = self.row_of(seq)
        return None if row is None else self.record(row)

    def whole(self, row: int) -> dict[str, Any]:
        """Return the record of a row with the whole value of its state. A change that does not fit stays as it is."""
        record = self.record(row)
        if "change" not in record:
            return record
        try:
            return self._whole_internal(row) or self._places.whole(record)
        except (ValueError, KeyError, TypeError):
            return record

    def _whole_internal(self, row: int) -> dict[str, Any] | None:
        """Return the whole record of a state whose rows are known, or None."""
        record = self.record(row)
        rows = self.internal.get((self.places[row], str(record.get("name"))))
        if rows is None:
            return None
        last = first = bisect_left(rows, row)
        while first > 0 and "change" in self.record(rows[first]):
            first -= 1
        states = States()
        for before in rows[first:last]:
            states.whole(self.record(before))
        return states.whole(record)

    def records(self, rows: Iterable[int] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the records of some rows, in their order, or of all; states whole."""
        states = States(self._places.whole)
        for row in range(self.count) if rows is None else rows:
            record = self._record(row)
            try:
                yield states.whole(record)
            except (ValueError, KeyError, TypeError):  # a change that does not fit
                yield record

    # ---- causes ------------------------------------------------------------------------------------------------

    def causes_of(self, row: int) -> list[int]:
        """Return the rows of the records that led to a row, the first one its cause."""
        seqs = [self.causes[row], *self.joins.get(row, ())]
        found = (self.row_of(seq) for seq in dict.fromkeys(seqs) if seq)
        return [r for r in found if r is not None]

    def effects_of(self, row: int, most: int = 1000) -> list[int]:
        """Return the rows that a row has led to, at most `most`."""
        seq, found = self.seqs[row], set[int]()
        if not seq:
            return []
        at, end = row + 1, self.count
        while len(found) < most:
            try:
                at = self.causes.index(seq, at, end)
            except ValueError:
                break
            found.add(at)
            at += 1
        found |= {join for join, causes in self.joins.items() if seq in causes and join < end}
        return sorted(found)[:most]

    def behind(self, row: int, most: int = 1000) -> list[int]:
        """Return the rows of the chain that led to a row, itself last: at most the last `most`."""
        known, pending, found = {row}, [-row], list[int]()
        while pending and len(found) < most:
            found.append(-heappop(pending))
            for cause in self.causes_of(found[-1]):
                if cause not in known and cause < row:
                    known.add(cause)
                    heappush(pending, -cause)
        return found[::-1]
