"""Suggestions for an unknown word: the known word that is closest to it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


_MEANT = "did you mean `"


def nearest(word: str, candidates: Iterable[str], most: int = 100) -> str | None:
    """Return the candidate closest to `word`, or None if more than a third of the word, or `most`, differs from each."""
    best, best_distance = None, min(max(1, len(word) // 3), most) + 1
    folded = word.lower().replace("-", "_")
    known = sorted(
        set(candidates), key=lambda c: (not c.lower().startswith(folded), c)
    )  # `dod` means `dods`, not `doc`
    for candidate in known:
        if candidate == word or abs(len(candidate) - len(word)) >= best_distance:
            continue
        away = distance(folded, candidate.lower().replace("-", "_"), best_distance)
        if away < best_distance and away < max(len(word), len(candidate)):
            best, best_distance = candidate, away
    if best is None and most == 100:
        begins = [c for c in known if 3 < len(c) >= len(word) - 3 and folded.startswith(c.lower()) and c != word]
        best = begins[0] if len(begins) == 1 else None  # `warning` for `warn`
    return best


def distance(a: str, b: str, limit: int) -> int:
    """Return the number of edits (insert, delete, replace, swap of neighbours) from a to b, or `limit` if it is reached."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
        before, last = last, row
    return last[-1]


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
    known = sorted(set(candidates))
    near = nearest(word, known)
    if near:
        return suggestion(near)
    if known and len(known) <= 8:
        return "known here: " + ", ".join(f"`{k}`" for k in known)
    return otherwise
