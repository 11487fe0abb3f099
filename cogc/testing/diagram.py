"""The last messages of a run as a sequence diagram in text: a column for each coglet, a line for each message.

0s    Main             Main/counter     Main/doubler
1s    |                |--count 2------>|
"""

from __future__ import annotations

from typing import Any

from cogc.language.texts import duration_text
from cogc.language.values import plain
from cogc.testing.shown import shown
from cogc.traces.messages import Message, message

_LAST = 12
"""How many messages a diagram shows."""
_COLUMNS = 6
"""How many coglets it shows."""
_LABEL = 28


def messages(records: list[dict[str, Any]], last: int = _LAST) -> list[Message]:
    """Return the last messages of a trace."""
    by_seq = {r["seq"]: r for r in records}
    found: list[Message] = []
    for record in reversed(records):
        if len(found) == last:
            break
        row = message(record, by_seq.get, _short)
        if row is not None:
            found.append(row)
    return found[::-1]


def _short(value: Any) -> str:
    found = " ".join(shown(plain(value), 200).split())
    return found if len(found) <= _LABEL else found[: _LABEL - 3] + "..."


def draw(records: list[dict[str, Any]], last: int = _LAST) -> list[str]:
    """Return the lines of the diagram of the last messages; none for a run without messages."""
    rows = messages(records, last)
    if not rows:
        return []
    order = {name: i for i, name in enumerate(columns_of(rows))}
    width = max([max(len(r[3]) for r in rows) + 6, *(len(n) + 2 for n in order)])
    width = min(width, 40)
    times = [duration_text(round(r[0] * 1e3) * 1_000_000) for r in rows]
    left = max(map(len, times)) + 2
    lines = [" " * left + "".join(n.ljust(width) for n in order).rstrip()]
    for at, (_, sender, receiver, label) in zip(times, rows, strict=True):
        lines.append(at.ljust(left) + _line(order, width, sender, receiver, label).rstrip())
    return lines


def columns_of(rows: list[Message]) -> list[str]:
    """Return the coglets that a diagram shows, in the order in which they first appear."""
    columns: list[str] = []
    for row in reversed(rows):  # the coglets of the newest messages matter most
        for name in row[1:3]:
            if name and name not in columns and len(columns) < _COLUMNS:
                columns.append(name)
    seen = [name for row in rows for name in row[1:3] if name in columns]
    return list(dict.fromkeys(seen))


def _line(order: dict[str, int], width: int, sender: str, receiver: str, label: str) -> str:
    """Return the line of one message: an arrow from column to column, or a note at one of them."""
    cells = list("".join("|".ljust(width) for _ in order))
    a, b = order.get(sender), order.get(receiver)
    if a is None or b is None or a == b:
        at = a if a is not None else b
        if at is None:
            return "".join(cells)
        word = (
            f"x {label}"
            if not receiver
            else f"{'' if a is not None else '-> '}{label}{' ->' if a is not None and b is None else ''}"
        )
        return _put(cells, at * width + 1, f" {word}")
    start, end = min(a, b) * width + 1, max(a, b) * width
    room = end - start
    said = label if len(label) <= room - 4 else label[: max(room - 7, 0)] + "..."
    body = f"--{said}".ljust(room - 1, "-") + ">" if a < b else "<" + f"-{said}-".rjust(room - 1, "-")
    return _put(cells, start, body[:room])


def _put(cells: list[str], at: int, word: str) -> str:
    cells[at : at + len(word)] = list(word)
    return "".join(cells)
