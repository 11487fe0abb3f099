"""Conflicts that a merge has left in a text: the lines that begin with seven `<`, `=` or `>`, reported as what they are."""

from __future__ import annotations

import re

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span

OPENING = "<" * 7
_MARK = r"^(?:<{7}|\|{7}|={7}|>{7})(?=[ \t\r\n]|\Z)"


def conflicts(source: Source, problems: Problems, since: int) -> None:
    """Report each conflict of a text once, in place of what was reported for its lines since a number of reports.

    YAML cannot be read behind the first mark: what was reported of its form follows from it.
    """
    marks = [m.span() for m in re.finditer(_MARK, source.text, re.MULTILINE)]
    first = [mark for mark in marks if source.text.startswith(OPENING, mark[0])]
    if not first:
        return
    lines = {source.position(start)[0] for start, _ in marks}
    problems.take_out(since, lambda d: d.slug == "bad-yaml" or d.span.position()[0] in lines)
    help = "a merge has left both sides here: keep one, and remove the lines with `<<<<<<<`, `=======` and `>>>>>>>`"
    for start, end in first:
        problems.add("unexpected-token", Span(source, start, end), help=help, found=f"`{OPENING}`", expected="")
