"""The timeline: a row for each coglet, a column for each stretch of time, with zoom."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator
from itertools import pairwise

from cogc.diagnostics.visible import shown_line
from cogc.screens.view.lines import Line, Shown, padded
from cogc.screens.view.model import View
from cogc.screens.view.panes import Pane
from cogc.traces import moment

_BARS = "▁▂▃▄▅▆▇█"
_NAME = 26
"""The most columns of a coglet's name."""
_LEAST = 1e-6
"""The shortest window, in seconds."""


class Timeline(Pane):
    """The records of each coglet over time. The window `since` to `until` is in seconds; it is the whole trace until somebody zooms."""

    name = "timeline"
    widest = 400
    about = "records of each coglet over time: a bar for records, ─ for a call under way, ✗ for a failure; + - zoom, ← → move, 0 all"

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.window: tuple[float, float] | None = None
        self.paths: list[str] = []

    def stamp(self) -> Hashable:
        return super().stamp(), self.window

    def whole(self) -> tuple[float, float]:
        """Return the times of the first and the last record."""
        times, count = self.view.index.times, self.view.index.count
        return (times[0], max(times[count - 1], times[0] + _LEAST)) if count else (0.0, 1.0)

    def zoom(self, factor: float) -> None:
        """Make the window `factor` times as wide, around the current record."""
        start, end = self.window or self.whole()
        least, most = self.whole()
        width = max(_LEAST, (end - start) * factor)
        if width >= most - least:
            self.window = None
            return
        middle = self.view.index.times[self.view.row] if self.view.index.count else start
        begin = min(max(middle - width / 2, least), most - width)
        self.window = (begin, begin + width)

    def move(self, way: int) -> bool:
        """Move the current record by a fiftieth of the window, and the window with it."""
        start, end = self.window or self.whole()
        index, width = self.view.index, end - start
        if not index.count:
            return True
        now = index.times[self.view.row]
        found = index.row_at(now + way * width / 50)
        if way < 0:  # in a gap, to the record before it
            self.view.go(min(found, bisect_left(index.times, now, 0, index.count) - 1))
        else:
            self.view.go(max(found, bisect_right(index.times, now, 0, index.count)))
        t = index.times[self.view.row]
        if self.window is not None and not start <= t <= end:
            least, most = self.whole()
            begin = min(max(t - width / 2, least), max(least, most - width))
            self.window = (begin, begin + width)
        return True

    def lines(self, width: int) -> Iterator[Shown]:
        view, index = self.view, self.view.index
        start, end = self.window or self.whole()
        coglets, more = moment.coglets(index, index.count - 1, view.coglet)
        names = [coglet.path for coglet in coglets]
        self.paths = ["", *names]
        name = min(_NAME, max([len(_label(n)) for n in names], default=4))
        columns = max(10, width - name - 1)
        step = (end - start) / columns
        edges = [bisect_left(index.times, start + step * i, 0, index.count) for i in range(columns)]
        edges.append(bisect_left(index.times, end + step * 1e-6, 0, index.count))
        here = max([i for i in range(columns) if edges[i] <= view.row], default=-1)
        if view.row >= edges[-1] or (self.window is not None and index.times[view.row] < start):
            here = -1
        yield Shown([(f"{'':<{name}} ", ""), (_axis(start, end, columns), "dim")])
        for path in names:
            pieces: Line = [
                (f"{padded(shown_line(_label(path)), name)} ", "here" if path == index.place(view.row) else "path")
            ]
            yield Shown([*pieces, *self._cells(index.place_numbers[path], edges, here)])
        if more:
            yield Shown([(f"… and {more:,} more: c keeps to a coglet and those below it", "dim")])

    def _cells(self, place: int, edges: list[int], here: int) -> Line:
        """Return the cells of one coglet."""
        index = self.view.index
        rows, life, begun, ended = index.rows[place], index.life[place], index.begun[place], index.ended[place]
        at = [bisect_left(rows, edge) for edge in edges]
        opened = (
            [bisect_left(begun, edge) - bisect_left(ended, edge) for edge in edges[1:]]
            if begun
            else [0] * (len(edges) - 1)
        )
        failed = {row for row in life[-5000:] if index.kind(row) == "fail"}
        most = max([b - a for a, b in pairwise(at)], default=1)
        found: Line = []
        for column in range(len(edges) - 1):
            count = at[column + 1] - at[column]
            sign, style = " ", ""
            if count:
                sign, style = _BARS[min(7, count * 8 // (most + 1))], "good"
                if failed and any(edges[column] <= row < edges[column + 1] for row in failed):
                    sign, style = "✗", "bad"
            elif opened[column] > 0:
                sign, style = "─", "busy"
            if column == here:
                sign, style = ("│" if sign == " " else sign), "here" if count else "mark"
            if found and found[-1][1] == style:
                found[-1] = (found[-1][0] + sign, style)
            else:
                found.append((sign, style))
        return found

    def at(self) -> int:
        path = self.view.index.place(self.view.row) if self.view.index.count else ""
        return self.paths.index(path) if path in self.paths else 0

    def pick(self, at: int) -> None:
        """Go to the record of the coglet of a line that is nearest to the current time."""
        path = self.paths[at] if 0 < at < len(self.paths) else ""
        index = self.view.index
        if path:
            rows = index.rows[index.place_numbers[path]]
            found = index.last_before(rows, self.view.row)
            self.view.go(rows[0] if found is None else found)


def _label(path: str) -> str:
    return "  " * path.count("/") + path.rpartition("/")[2]


def _axis(start: float, end: float, columns: int) -> str:
    """Return the axis: times, each at its column."""
    found = ""
    count = max(1, columns // 14)
    for number in range(count):
        at = number * columns // count
        found = f"{found:<{at}}{_time(start + (end - start) * number / count, end - start)}"
    return found[:columns]


def _time(t: float, window: float) -> str:
    return f"{t:.{6 if window < 0.01 else 3 if window < 10 else 1}f}s"
