"""A trace in a file, read at any place without the rest.

The records of a trace are in the order of their numbers and of their times. So a record is found by halving: blocks of the file
are compared by the number or the time of the first record that begins in each. A block that was read stays at hand for a while, with the
places of its lines, since a record is mostly near the one that led to it.

Nothing is mapped into memory, and what was read is dropped again: the memory that a search takes does not grow with the file.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from types import TracebackType
from typing import Any

import msgspec

from cogc.run.trace import UNREADABLE, States
from cogc.traces.parts import Parts

_BLOCK = 1 << 18
_KEPT = 8
"""How many blocks stay at hand."""
_HEAD = re.compile(rb'^\{"v":\d+,"seq":(\d+),"t":([-0-9.e+]+),', re.MULTILINE)
"""The beginning of each line of a trace."""


class _Block:
    """The lines that begin in one block of the file, whole. They stand at the offset `at`."""

    __slots__ = ("at", "data")

    def __init__(self, at: int, data: bytes) -> None:
        self.at = at
        self.data = data

    def first(self, before: Callable[[int, float], bool]) -> int:
        """Return where the first line begins whose number and time are not `before` what is looked for: behind the last line if all are."""
        low, high = 0, len(self.data)
        while low < high:
            start = self.data.rfind(b"\n", 0, (low + high) // 2) + 1
            found = _HEAD.match(self.data, start)
            if found is not None and before(int(found[1]), float(found[2])):
                low = self.end(start)
            else:
                high = start
        return low

    def end(self, start: int) -> int:
        """Return where the line ends that begins at `start`: behind its newline."""
        return self.data.find(b"\n", start) + 1 or len(self.data)

    def line(self, start: int) -> bytes:
        return self.data[start : self.end(start)]

    def starts_before(self, end: int) -> Iterator[int]:
        """Yield where the lines before `end` begin, the last one first."""
        while end > 0:
            end = self.data.rfind(b"\n", 0, end - 1) + 1
            yield end


class TraceFile:
    """A trace file, to be used as a context manager: with all of its parts, or `parts` that somebody else has open. Raise OSError if it cannot be
    read."""

    def __init__(self, path: str, parts: Parts | None = None) -> None:
        self.path = path
        self._parts = Parts(path) if parts is None else parts
        self._is_own = parts is None
        self._last = 0
        """The last block that is known to be there."""
        self._blocks: OrderedDict[int, _Block] = OrderedDict()
        self._firsts: dict[int, tuple[int, float] | None] = {}
        self._decoder = msgspec.json.Decoder()

    def __enter__(self) -> TraceFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._is_own:
            self._parts.close()

    @property
    def is_ordered(self) -> bool:
        """True if records can be found by their numbers: the file is a trace of this version, not one of older tools."""
        return _HEAD.match(self._parts.read(128, 0)) is not None

    def read(self, length: int, at: int) -> bytes:
        """Return `length` bytes from a place on; less where the trace ends, as it is now."""
        return self._parts.read(length, at) or (self._parts.read(length, at) if self._parts.size > at else b"")

    # ---- finding -------------------------------------------------------------------------------------------

    def record(self, seq: int) -> dict[str, Any] | None:
        """Return the record with a number, or None. Raise ValueError if its line is broken."""
        found = self._place(seq)
        if found is None:
            return None
        try:
            record = self._decoder.decode(found[0].line(found[1]))
        except UNREADABLE as error:
            raise ValueError(f"record {seq} is broken: {error}") from None
        return record if isinstance(record, dict) else None

    def start(self, t: float) -> int:
        """Return the offset of the first record that is not before the time `t`, in seconds; that of the end if there is none."""
        number = self._last_block(lambda seq, at: at < t)
        block = self._block(number)
        return block.at + block.first(lambda seq, at: at < t)

    def chain(self, seq: int, most: int | None = None) -> list[dict[str, Any]]:
        """Return the record `seq` and those that led to it, at most the last `most`, in their order. It is empty if there is no such record."""
        found: list[dict[str, Any]] = []
        pending, seen = [-seq], {seq}
        while pending and len(found) != most:
            record = self.record(-heappop(pending))
            if record is None:
                continue
            found.append(self.whole(record))
            for cause in (record.get("cause", 0), *record.get("causes", ())):
                if cause and cause not in seen:
                    seen.add(cause)
                    heappush(pending, -cause)
        return found[::-1]

    def whole(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record with the whole value of its state, which the records before it tell."""
        if "change" not in record:
            return record
        states = States()
        for before in reversed(list(self._changes(record))):
            states.whole(before)
        return states.whole(record)

    def _changes(self, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the records of a state before a record of it, the newest first, until one that has it whole."""
        needle = b'"path":' + msgspec.json.encode(record["path"])
        found = self._place(int(record["seq"]))
        if found is None:
            return
        block, end, number = found
        while True:
            for start in block.starts_before(end):
                line = block.line(start)
                if b'"kind":"state"' not in line or needle not in line:
                    continue
                before = self._decoder.decode(line)
                if before.get("path") == record["path"] and before.get("name") == record.get("name"):
                    yield before
                    if "change" not in before:
                        return
            number -= 1
            if number < 0:
                return
            block = self._block(number)
            end = len(block.data)

    def _place(self, seq: int) -> tuple[_Block, int, int] | None:
        """Return the block of a record, where it begins there, and the number of the block; None if there is no such record."""
        number = self._last_block(lambda at, t: at <= seq)
        block = self._block(number)
        start = block.first(lambda at, t: at < seq)
        found = _HEAD.match(block.data, start)
        return (block, start, number) if found is not None and int(found[1]) == seq else None

    # ---- blocks --------------------------------------------------------------------------------------------

    def _last_block(self, before: Callable[[int, float], bool]) -> int:
        """Return the last block whose first record, as number and time, is `before` what is looked for; the first block if none is."""
        low = 0
        while True:
            high = self._last
            while low < high:
                middle = (low + high + 1) // 2
                first = self._first(middle)
                if first is not None and before(*first):
                    low = middle
                else:
                    high = middle - 1
            if low < self._last:
                return low
            self._last = self._parts.size // _BLOCK  # the file may have grown, which nobody else needs to ask
            if low >= self._last:
                return low

    def _first(self, number: int) -> tuple[int, float] | None:
        """Return the number and the time of the first record that begins in a block or behind it, or None if there is none."""
        if number not in self._firsts:
            at, data = number * _BLOCK, b""
            if at:
                at -= 1  # a line that begins with the block has its newline before it
            while (found := _HEAD.search(data, data.find(b"\n") + 1 if number else 0)) is None or (
                number and b"\n" not in data[: found.start()]
            ):
                more = self._parts.read(4096 if not data else len(data), at + len(data))
                if not more:
                    return None  # the file may grow
                data += more
            self._firsts[number] = int(found[1]), float(found[2])
        return self._firsts[number]

    def _block(self, number: int) -> _Block:
        """Return the lines that begin in a block, whole."""
        known = self._blocks.get(number)
        if known is not None:
            self._blocks.move_to_end(number)
            return known
        at = number * _BLOCK
        data = self._parts.read(_BLOCK, at)
        is_full = len(data) == _BLOCK
        begins = not at or self._parts.read(1, at - 1) == b"\n"
        while is_full and not data.endswith(b"\n"):
            more = self._parts.read(1 << 16, at + len(data))
            end = more.find(b"\n") + 1
            data += more[:end] if end else more
            if end or not more:
                break
        skipped = 0 if begins else data.find(b"\n", 0, _BLOCK) + 1 or len(data)
        block = _Block(at + skipped, data[skipped:])
        if is_full:  # the last one may grow
            self._blocks[number] = block
            if len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        return block
