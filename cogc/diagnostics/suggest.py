"""Suggestions for an unknown word: the known word that is closest to it."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_MEANT = "did you mean `"
_LAST = "\U0010ffff"
"""The last of all characters."""


def nearest(word: str, candidates: Iterable[str], most: int = 100) -> str | None:
    """Return the candidate closest to `word`, or None if more than a third of the word, or `most`, differs from each."""
    known, folded = _known(frozenset(candidates)), _fold(word)
    limit, furthest = 1, min(max(1, len(word) // 3), most)
    while limit <= furthest:  # most words have one edit: what is further away is looked at only if nothing is that near
        limit = min(2 * limit, furthest + 1)
        near = [
            (away, not c.lower().startswith(folded), c)  # `dod` means `dods`, not `doc`
            for form, away in known.near(folded, limit)
            for c in known.names[form]
            if c != word and away < max(len(word), len(c))
        ]
        if near:
            return min(near)[2]
    begins = known.beginnings(folded, max(4, len(word) - 3)) if most == 100 else []
    return begins[0] if len(begins) == 1 else None  # `warning` for `warn`


def _fold(word: str) -> str:
    return word.lower().replace("-", "_")


class _Known:
    """Candidates by their folded forms. The forms in alphabetical order stand for a tree: those with one beginning are neighbours."""

    def __init__(self, candidates: frozenset[str]) -> None:
        self.names: dict[str, list[str]] = {}
        for c in candidates:
            self.names.setdefault(_fold(c), []).append(c)
        self._forms = sorted(self.names)

    def near(self, word: str, limit: int) -> Iterator[tuple[str, int]]:
        """Yield the forms with fewer than `limit` edits from a word, with the number of these.

        A row of counts belongs to a beginning of forms, and is made once for all of them. Where each count of a row has come to
        the limit, none of them is near.
        """
        forms, rows, beginning, at = self._forms, [_first_row(word, limit)], "", 0
        while at < len(forms):
            form = forms[at]
            while not form.startswith(beginning):
                beginning = beginning[:-1]
            del rows[len(beginning) + 1 :]
            for i in range(len(beginning), len(form)):
                rows.append(_next_row(form, i, word, rows, limit))
                if min(rows[-1]) >= limit:
                    beginning = form[: i + 1]
                    at = max(at + 1, bisect_left(forms, beginning + _LAST, at))
                    break
            else:
                beginning, at = form, at + 1
                if rows[-1][-1] < limit:
                    yield form, rows[-1][-1]

    def beginnings(self, word: str, least: int) -> list[str]:
        """Return the candidates with which a word begins, of at least so many characters."""
        forms = [word[:end] for end in range(least, len(word))]
        return [c for form in forms for c in self.names.get(form, ()) if c.lower() == form]


_known = lru_cache(maxsize=4)(_Known)
"""The candidates of the last suggestions: many mistakes of one file have the same."""


def distance(a: str, b: str, limit: int) -> int:
    """Return the number of edits (insert, delete, replace, swap of neighbours) from a to b, or `limit` if it is reached."""
    rows = [_first_row(b, limit)]
    for i in range(len(a)):
        rows.append(_next_row(a, i, b, rows, limit))
        if min(rows[-1]) >= limit:
            return limit
    return rows[-1][-1]


def _first_row(word: str, limit: int) -> list[int]:
    """Return the numbers of edits from nothing to each beginning of a word, as far as they are below the limit."""
    return [min(j, limit) for j in range(len(word) + 1)]


def _next_row(a: str, i: int, b: str, rows: list[list[int]], limit: int) -> list[int]:
    """Return the numbers of edits from `a[:i + 1]` to each beginning of b, as far as they are below the limit. `rows` has those of shorter beginnings of a."""
    last, x = rows[i], a[i]
    row = [limit] * len(last)
    row[0] = min(i + 1, limit)
    for j in range(max(1, i + 2 - limit), min(len(b), i + limit) + 1):  # others differ in length by the limit
        cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != b[j - 1]))
        if i and j > 1 and x == b[j - 2] and a[i - 1] == b[j - 1]:
            cost = min(cost, rows[i - 1][j - 2] + 1)
        row[j] = min(cost, limit)
    return row


def suggestion(near: str) -> str:
    """Return the help line that names a word."""
    return f"{_MEANT}{near}`?"


def suggested(help: str) -> str | None:
    """Return the word that a help line names as the one that was meant."""
    return help[len(_MEANT) : help.index("`", len(_MEANT))] if is_suggestion(help) else None


def is_suggestion(help: str) -> bool:
    """Return whether a help line names a word that is near."""
    return help.startswith(_MEANT)


def did_you_mean(word: str, candidates: Iterable[str], otherwise: str = "") -> str:
    """Return a help line: the nearest candidate, else a short list of all, else `otherwise`."""
    known = frozenset(candidates)
    near = nearest(word, known)
    if near:
        return suggestion(near)
    if known and len(known) <= 8:
        return "known here: " + ", ".join(f"`{k}`" for k in sorted(known))
    return otherwise
