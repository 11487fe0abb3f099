"""One token too many, or two that have changed places: found by trial, so that they are one report.

`meant(source, found, doubted, rules)` looks at the declarations in which recovery has found mistakes. Recovery goes on with the next phrase, and what is wrong
with the brackets of the one before shows there again. So it is tried what becomes of the declaration without one of the tokens around the
place where the strict reading stops, and with two of them in the other order. If it can be read then, that is how it was meant.

The text as it was meant has the length of the text itself: blanks stand in the place of a token too many. So every place is one of the file.

An example. The strict reading stops at `n`; without the `{` it gets to the end. The report is of the `{`, and the handler is known:
    on ask as { n { part <- n }
"""

from __future__ import annotations

import re

from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source, Span
from cogc.language.record import Record, replace
from cogc.syntax import attempts, lalr
from cogc.syntax.tables import KEYWORDS, OPERATORS, TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cogc.diagnostics.problems import Diagnostic
    from cogc.syntax.lexer import Tokens

_SEP, _END = TERMINALS["_SEP"], TERMINALS["$END"]
_CLOSING = frozenset(OPERATORS[o] for o in "})]")
_BRACES = frozenset(OPERATORS[o] for o in "{}")
_WORDS = frozenset(KEYWORDS.values())
_CLOSED_BY = {"(": ")", "[": "]"}
_BACK = 3
"""The number of tokens that are tried in front of the one at which the strict reading stops."""
_MOST_DECLARATIONS = 4
_MOST_TOKENS = 4_000
"""The tokens of the longest declaration that is tried."""


class Meant(Record):
    """A text as it was meant, the reports of what is wrong with it, and the ranges of the declarations that can be read so."""

    source: Source
    reports: tuple[Diagnostic, ...]
    ranges: tuple[tuple[int, int], ...]


class _Change(Record):
    """A change that is tried: the range of the text that changes, the new text of that range, and the place that is reported."""

    start: int
    end: int
    text: str
    place: tuple[int, int]
    help: str
    edit: str
    """The text that stands for the range in an edit."""


def meant(source: Source, found: list[Diagnostic], doubted: set[int], rules: lalr.Rules) -> Meant | None:
    """Return the text as it was meant; None if no declaration of it can be read with one change.

    `doubted` are the starts of the declarations whose reports name a remedy that does not mend them.
    """
    text = source.text
    reports: list[Diagnostic] = []
    ranges: list[tuple[int, int]] = []
    for start, end, own in attempts.broken(source, found):
        if len(own) == 1 and own[0].edits and start not in doubted:
            continue  # recovery has read the whole, as with a brace too early; a trial would only find the last one
        change = _change(source, start, end, len(own) > 1 or start in doubted, rules)
        if change is not None and len(ranges) < _MOST_DECLARATIONS:
            text = text[: change.start] + change.text + text[change.end :]
            reports.append(_report(source, change, [] if start in doubted else own))
            ranges.append((start, end))
    return Meant(Source(source.path, text), tuple(reports), tuple(ranges)) if ranges else None


def joined(source: Source, mended: Meant, read: Problems) -> Problems | None:
    """Return what a reading of the text as it was meant reports, with the reports of what is wrong, at the places of the file.

    None if there is another report in a declaration that was to be free of them.
    """
    if any(start <= d.span.start < end for d in read.found for start, end in mended.ranges):
        return None
    problems = Problems()
    problems.found = [_of(source, d) for d in read.found] + list(mended.reports)
    problems.dropped = [Span(source, d.start, d.end) for d in read.dropped]
    for report in mended.reports:
        problems.dropped.append(_lines(source, report))
    return problems


def _of(source: Source, d: Diagnostic) -> Diagnostic:
    """Return a diagnostic of another text of the same length as one of the file."""
    edits = tuple(replace(e, span=Span(source, e.span.start, e.span.end)) for e in d.edits)
    return replace(d, span=Span(source, d.span.start, d.span.end), edits=edits)


def _lines(source: Source, report: Diagnostic) -> Span:
    """Return the lines of a report: what stands there may be meant otherwise."""
    end = max((e.span.end for e in report.edits), default=report.span.end)
    newline = source.text.find("\n", end)
    return Span(
        source, source.text.rfind("\n", 0, report.span.start) + 1, newline if newline >= 0 else len(source.text)
    )


def _change(source: Source, start: int, end: int, many: bool, rules: lalr.Rules) -> _Change | None:
    """Return the change with which a declaration can be read. `many` says whether recovery has made several reports of it, or one with a wrong remedy."""
    tokens = attempts.tokens_of(source, start, end)
    at = attempts.stop(tokens, rules) if tokens is not None else -1
    if tokens is None or at < 0 or len(tokens.kinds) > _MOST_TOKENS:
        return None
    for change in _changes(source, tokens, at, many):
        text = source.text[start : change.start] + change.text + source.text[change.end : end]
        tried = attempts.tokens_of(Source("", text), 0, len(text))
        if tried is not None and attempts.stop(tried, rules) < 0:
            return change
    return None


def _changes(source: Source, tokens: Tokens, at: int, many: bool) -> Iterator[_Change]:
    """Yield what may be wrong around a token, the likeliest first: what is one too many, then what has changed places."""
    near = [i for i in range(at, -1, -1) if tokens.kinds[i] not in (_SEP, _END)][: _BACK + 1]
    for i in near:
        if many or tokens.kinds[i] in _CLOSING:
            yield _without(tokens, i)
    behind = next((i for i in range(at + 1, len(tokens.kinds)) if tokens.kinds[i] not in (_SEP, _END)), at)
    for second, first in zip([behind, *near], near, strict=False):
        if first < second and _may_change(tokens, first, second, many):
            yield _exchanged(tokens, first, second)


def _may_change(tokens: Tokens, first: int, second: int, many: bool) -> bool:
    """Return whether two tokens may have changed places: with a single report only where that moves a brace, or the first word of a line."""
    kinds, between = tokens.kinds, tokens.text[tokens.ends[first] : tokens.starts[second]]
    if between.strip():
        return False  # a comment
    return many or bool({kinds[first], kinds[second]} & _BRACES) or ("\n" in between and kinds[first] in _WORDS)


def _without(tokens: Tokens, i: int) -> _Change:
    start, end = tokens.starts[i], tokens.ends[i]
    word = tokens.text[start:end]
    blank = re.sub(r"[^\n]", " ", word)
    return _Change(start, end, blank, (start, end), f"this `{_shown(word)}` is one too many: remove it", "")


def _exchanged(tokens: Tokens, i: int, k: int) -> _Change:
    start, end, text = tokens.starts[i], tokens.ends[k], tokens.text
    first, between, second = (
        text[start : tokens.ends[i]],
        text[tokens.ends[i] : tokens.starts[k]],
        text[tokens.starts[k] : end],
    )
    help = f"`{_shown(first)}` and `{_shown(second)}` have changed places: write `{_shown(second)}` first"
    made = second + between + first
    return _Change(start, end, made, (start, tokens.ends[i]), help, made)


def _shown(word: str) -> str:
    """Return a token as it is named in a help line."""
    word = " ".join(word.split())
    return word if len(word) <= 30 else word[:27] + "..."


def _report(source: Source, change: _Change, own: list[Diagnostic]) -> Diagnostic:
    """Return the report of a change: that of recovery if it has one for a token too many, and says what is wanted in its place."""
    edits = (Edit(Span(source, change.start, change.end), change.edit, "unsafe"),)
    for d in own if not change.edit else ():
        if (d.span.start, d.span.end) == change.place:
            if len(own) == 1:
                return d
            if d.help.startswith("expected"):
                return replace(d, edits=edits)
    problems, span = Problems(), Span(source, *change.place)
    if not change.edit and span.text in _CLOSED_BY:  # or the other one is missing
        problems.add("unclosed-bracket", span, mark=span.text, closing=_CLOSED_BY[span.text])
    else:
        problems.add(
            "unexpected-token", span, help=change.help, edits=edits, found=f"`{_shown(span.text)}`", expected=""
        )
    return problems.found[0]
