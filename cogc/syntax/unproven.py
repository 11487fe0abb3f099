"""Edits of the parser that are tried before they are called safe.

A remedy for a mistake looks at a few tokens around it, and so does the edit that goes with it. The edits of a declaration are therefore applied
together, and what comes of it is read strictly. An edit directly behind which the reading stops is not what was meant: it stays as a suggestion.
"""

from __future__ import annotations

from cogc.diagnostics.edits import applicability, overlap
from cogc.diagnostics.source import Source
from cogc.language.record import replace
from cogc.syntax import attempts, lalr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.diagnostics.edits import Edit
    from cogc.diagnostics.problems import Diagnostic

_CLOSING = ("}", ")", "]", "")
_NEAR = 1
"""The most tokens between an edit and a place where the reading stops because of it."""


def weaken(source: Source, found: list[Diagnostic], rules: lalr.Rules) -> set[int]:
    """Make the edits unsafe that do not mend their declaration. Return the starts of the declarations that have such edits."""
    doubted: set[int] = set()
    for start, end, own in attempts.broken(source, found):
        certain = [d for d in own if d.edits and applicability(d.edits) == "safe"]
        edits = [e for d in certain for e in d.edits]
        if not edits or len(certain) < len(own) or not _are_apart(edits, start, end):
            continue
        for d in _wrong(source.text[start:end], start, certain, rules):
            found[found.index(d)] = replace(d, edits=tuple(replace(e, applicability="unsafe") for e in d.edits))
            doubted.add(start)
    return doubted


def _are_apart(edits: list[Edit], start: int, end: int) -> bool:
    """Return whether edits can be made together in a range of the text."""
    inside = all(start <= e.span.start and e.span.end <= end for e in edits)
    return inside and not any(overlap(a, b) for i, a in enumerate(edits) for b in edits[:i])


def _wrong(text: str, start: int, reports: list[Diagnostic], rules: lalr.Rules) -> list[Diagnostic]:
    """Return that of the reports of a declaration directly behind whose edits the strict reading stops, if all edits are made.

    It counts too if it stops further on at what closes a bracket, which the edits of the last report may have left open.
    """
    made, at = "", 0
    places: list[tuple[int, int, Diagnostic]] = []
    for e, d in sorted(((e, r) for r in reports for e in r.edits), key=lambda pair: pair[0].span.start):
        made += text[at : e.span.start - start]
        places.append((len(made), len(made) + len(e.replacement) + max(0, d.span.end - e.span.end), d))
        made += e.replacement
        at = e.span.end - start
    made += text[at:]
    tokens = attempts.tokens_of(Source("", made), 0, len(made))
    stopped = attempts.stop(tokens, rules) if tokens is not None else -1
    if tokens is None or stopped < 0:
        return []
    place, word = tokens.starts[stopped], made[tokens.starts[stopped] : tokens.ends[stopped]]
    first, last, report = next((p for p in reversed(places) if p[0] <= place), places[0])
    if place > places[-1][1] and word in _CLOSING:
        return [report]
    return [report] if first <= place and sum(last <= s < place for s in tokens.starts) <= _NEAR else []
