"""Braces that are lost or left over, as the lines around them tell.

A brace is taken as lost or as one too many only in a declaration that has more of one kind than of the other: `Balance` counts them. A
declaration reaches from its word at the left margin to the next such word. The other functions look at the layout: how deep lines
stand, and what they begin with.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from cogc.syntax.tables import OPERATORS

DECLARATIONS = frozenset((
    "import", "type", "const", "model", "mcp", "program", "coglet", "mixin", "agent", "team", "dod", "plan", "sett",
    "queue", "test", "scenario",
))  # fmt: skip
# start-up: an expression for mistakes is compiled when it is first needed
_STATEMENT = (
    r"[A-Za-z_][\w.\[\]]*[ \t]*(?:<-|=(?![=>]))|log[ \t]+\w+[ \t]+\S"
    r"|(?:let|if|for|fail|guide|stop|restart)[ \t]+\w|escalate\b"
)
"""The start of a statement, as no entry of a record has it."""
_RECORDS = frozenset("=-([,:+?>")
"""The last characters of the marks behind which a `{` begins a record."""
_BELOW = r"(?:[ \t\r]*(?:#[^\n]*)?\n)+([ \t]*)([^\s#])"
"""The rest of a line and the lines without words below it, up to the first character of the next line with words."""
_BRACES = {OPERATORS["{"]: 1, OPERATORS["}"]: -1}


class Balance:
    """The balance of each declaration. What has been mended is counted in, so that one brace is not mended twice."""

    def __init__(self, text: str, kinds: list[int], starts: list[int], ends: list[int]) -> None:
        """`kinds`, `starts` and `ends` are of the tokens of a strict reading."""
        self._starts = [0]
        self._balances = [0]
        for kind, start, end in zip(kinds, starts, ends, strict=True):
            if kind in _BRACES:
                self._balances[-1] += _BRACES[kind]
            elif text[start - 1 : start] == "\n" and text[start:end] in DECLARATIONS:
                self._starts.append(start)
                self._balances.append(0)

    def at(self, place: int) -> int:
        """Return how many more `{` than `}` the declaration around a place has."""
        return self._balances[bisect_right(self._starts, place) - 1]

    def mend(self, place: int, by: int) -> None:
        """Count braces that were put in, or left out, at a place: 1 for a `}` that is left out, -1 for one that is put in."""
        self._balances[bisect_right(self._starts, place) - 1] += by


def too_early(text: str, start: int, opened: int) -> int:
    """Return where the phrase begins that a `}` at the end of its line ends too early, -1 if it does not. `opened` is the place of its `{`.

    A line that stands deeper than the line in which a block was opened belongs to the block, and a `}` that stands as deep as that
    line ends it. A block that is opened and closed in one line tells nothing by its layout.
    """
    if "\n" not in text[opened:start]:
        return -1
    below = re.compile(_BELOW).match(text, start + 1)
    if below is None:
        return -1
    head, column, alone = indent(text, opened), indent(text, start), begins_line(text, start)
    if below[2] == "}":
        goes_on = alone and len(below[1]) == head < column
    else:
        goes_on = len(below[1]) > head
    if not goes_on:
        return -1
    first = text.rfind("\n", 0, start) + 1
    while first and alone:  # the phrase begins in a line above
        end = first - 1
        first = text.rfind("\n", 0, end) + 1
        if not begins_line(text, end) and indent(text, end) <= column:
            break
    return first


def begins_statement(text: str, start: int, opened: int) -> bool:
    """Return whether a line begins at a place, as no entry of the record does whose `{` stands at `opened`."""
    if not begins_line(text, start):
        return False
    found = re.compile(_STATEMENT).match(text, start)
    # a record in the manner of other languages has `=` for `:`
    return found is not None and not (found[0].endswith("=") and "=" in text[opened:start])


def opens_record(text: str, mark: str, at: int) -> bool:
    """Return whether a bracket is the `{` of a record: it stands behind a mark that a value follows."""
    return mark == "{" and text[max(at - 8, 0) : at].rstrip()[-1:] in _RECORDS


def begins_line(text: str, at: int) -> bool:
    """Return whether blanks alone stand in front of a place in its line."""
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()


def indent(text: str, at: int) -> int:
    """Return the width of the blanks at the start of the line of a place."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return len(line) - len(line.lstrip())
