"""The comparison with another run: the first event of each trace that the other one does not have."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from cogc.screens.view.lines import Shown, head
from cogc.screens.view.model import View
from cogc.screens.view.panes import Pane, record_line
from cogc.traces import diff
from cogc.traces.index import Index
from cogc.traces.sources import Traced

Other = Callable[[str], Traced]
"""Gives the trace that a word means."""
_LED = 12
"""How many records that led to a departure are shown."""


class Side(NamedTuple):
    """One of two traces: its first departure as the rows that led to it, none if there is no departure, and how many events it has alone."""

    path: str
    rows: list[int]
    alone: int


class Comparison(NamedTuple):
    """Two traces that were compared, or why they could not be."""

    sides: tuple[Side, Side] | None
    trace: Index | None
    error: str = ""
    held: ExitStack | None = None
    """The other trace: its source, whose file is gone with it, and its index."""

    def close(self) -> None:
        """Let the other trace go."""
        if self.held is not None:
            self.held.close()


class _Records:
    """The records of an index, which may be read more than once."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.index.records()


def compared(one: Index, word: str, find: Other) -> Comparison:
    """Compare a trace with that of another run, which a word names. This reads both; the other one is open until the comparison is closed."""
    with ExitStack() as held:
        try:
            traced = held.enter_context(find(word))
            if traced.is_endless:
                raise LookupError(f"{traced.about} writes no trace to a file")
            traced.wait()
            other = held.enter_context(Index(traced.path)).read()
        except LookupError as error:
            return Comparison(None, None, str(error.args[0]))
        except OSError as error:
            return Comparison(None, None, f"cannot read `{word}`: {str(error.strerror).lower()}")
        found = diff.departures(_Records(one), _Records(other))
        sides = []
        for index, departure in zip((one, other), found, strict=True):
            row = index.row_of(int(departure.record.get("seq", 0))) if departure.record is not None else None
            about = one.path if index is one else traced.about
            sides.append(Side(about, [] if row is None else index.behind(row, _LED), departure.count))
        return Comparison((sides[0], sides[1]), other, held=held.pop_all())


class Compare(Pane):
    """The comparison with another run. `result` is set when it is done."""

    name = "compare"
    about = (
        "the first event of this run that another one does not have, and the other way round (d names the other trace)"
    )

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.result: Comparison | None = None

    def close(self) -> None:
        """Let the other trace go."""
        if self.result is not None:
            self.result.close()
        self.result = None

    def stamp(self) -> Hashable:
        return self.view.index.generation, self.view.other, id(self.result)

    def lines(self, width: int) -> Iterator[Shown]:
        if not self.view.other:
            yield Shown([("d names another run to compare with: a trace, a journal or an instance", "dim")])
            return
        if self.result is None:
            yield Shown([(f"compares with {self.view.other} …", "busy")])
            return
        sides = self.result.sides
        if sides is None or self.result.trace is None:
            yield Shown([(self.result.error, "bad")])
            return
        if not any(side.alone for side in sides):
            yield Shown([("the traces have the same events", "good")])
            return
        views = self.view, View(self.result.trace, sides[1].path)
        for side, view in zip(sides, views, strict=True):
            more = f", and {side.alone - 1} more events" if side.alone > 1 else ""
            yield Shown(head([side.path]))
            if not side.rows:
                yield Shown([("  each of its events is in the other one", "dim")])
            else:
                yield Shown([(f"  the first event that the other one does not have{more}", "dim")])
            for row in side.rows:
                is_first = row == side.rows[-1]
                yield Shown(
                    [("▶ " if is_first else "  ", "mark"), *record_line(view, row)], row if view is self.view else None
                )
            yield Shown([])
