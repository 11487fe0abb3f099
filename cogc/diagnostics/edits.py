"""Edits that mend a mistake, as data: which characters of which file are replaced, by what, and how certain that is.

A diagnostic carries the edits that mend it; they belong together and do not overlap. `cogc check --fix` applies them, and
an editor shows them as a code action. The functions of this module make edits from texts and places alone.

Applicability
    safe     the text after the edit says what the text before it was certain to mean: another language's spelling of
             something that exists here, a misspelt word of the language, a name with one wrong letter
    unsafe   the edit is one of several that could be meant, or removes something
"""

from __future__ import annotations

from cogc.diagnostics.source import Source, Span, looks_like_yaml
from cogc.diagnostics.suggest import distance, suggested
from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    Applicability = Literal["safe", "unsafe"]

_CLOSED = frozenset((
    "unknown-attribute", "bad-word", "unknown-key", "unknown-word", "unexpected-token", "unknown-executor", "unknown-criterion",
))  # fmt: skip
"""Reports whose suggestion is a word of the language, and no name of the user's."""
_FOREIGN = frozenset(("unknown-name", "unknown-type"))
"""Reports that may name what another language calls it; the help then begins with `write`."""


class Edit(Record):
    """Replace the characters of a span by another text. A span of no width is a place to insert at."""

    span: Span
    replacement: str
    applicability: Applicability = "unsafe"


def applicability(edits: Iterable[Edit]) -> Applicability:
    """Return how certain edits are together."""
    return "safe" if all(e.applicability == "safe" for e in edits) else "unsafe"


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text of a file with edits of it, none of which overlaps another."""
    pieces: list[str] = []
    at = 0
    for e in sorted(edits, key=lambda e: (e.span.start, e.span.end)):
        pieces += [text[at : e.span.start], e.replacement]
        at = e.span.end
    return "".join([*pieces, text[at:]])


def overlap(a: Edit, b: Edit) -> bool:
    """Return whether the order of two edits of one file would matter."""
    if a.span.source.path != b.span.source.path:
        return False
    if a.span.start == a.span.end or b.span.start == b.span.end:
        return a.span.start <= b.span.end and b.span.start <= a.span.end
    return a.span.start < b.span.end and b.span.start < a.span.end


def meant(slug: str, span: Span, help: str) -> tuple[Edit, ...]:
    """Return the edit that puts the word that a help line names in place of the one that was typed."""
    word = span.text
    near = suggested(help)
    if near is not None:
        return _respelt(slug, span, word, near)
    if slug in _FOREIGN and help.startswith("write `") and help.count("`") == 2 and help.endswith("`"):
        return (Edit(span, help[7:-1], "safe"),) if word.replace("_", "").isalnum() else ()
    return ()


def _respelt(slug: str, span: Span, word: str, near: str) -> tuple[Edit, ...]:
    """Return the edit for a suggested word. One wrong letter of a longer word is certain to be meant otherwise, a digit is not."""
    quote = word[:1] if word[:1] in "\"'" and len(word) > 1 and word[-1] == word[0] else ""
    bare = word[1:-1] if quote else word
    if not bare or not all(c.isalnum() or c in "_-." for c in bare):
        return ()
    letters = [c for c in bare + near if not c.isdigit()]
    numbers = [[c for c in w if c.isdigit()] for w in (bare, near)]
    close = len(bare) > 3 and numbers[0] == numbers[1] and distance(bare, near, 3) == 1 and len(letters) > 6
    certain = slug in _CLOSED or close or bare.lower().replace("-", "_") == near.lower().replace("-", "_")
    return (Edit(span, f"{quote}{near}{quote}", "safe" if certain else "unsafe"),)


def removal(source: Source, start: int, end: int, doc: str = "", certain: Applicability = "unsafe") -> tuple[Edit, ...]:
    """Return the edit that removes a phrase: with its lines where it stands alone on them, else with one separator.

    `doc` is the documentation of the phrase, which stands in front of it and goes with it.
    """
    text = source.text
    end = start + len(text[start:end].rstrip())
    start = _with_doc(text, start) if doc and not _is_yaml(source) else start
    line = text.rfind("\n", 0, start) + 1
    after = _blanks(text, end)
    if text[after : after + 1] in (";", ","):
        after = _blanks(text, after + 1)
    newline = text.find("\n", after)
    stop = len(text) if newline < 0 else newline + 1
    before = text[line:start].strip()
    alone = not before or (before == "-" and _is_yaml(source))
    if alone and (after == len(text) or text[after] in "\n#"):
        return (Edit(Span(source, line, stop), "", certain),)
    if _is_yaml(source) and "\n" in text[start:end]:
        return ()  # part of a list's item, or between braces over several lines
    if text[end:after].strip():
        return (Edit(Span(source, start, after), "", certain),)
    last = len(text[:start].rstrip(" \t"))
    if last and text[last - 1] in ";,":
        return (Edit(Span(source, last - 1, end), "", certain),)
    if text[after : after + 1] in ("}", "\n", "") and last and text[last - 1] in "{[":
        return (Edit(Span(source, start, after), "", certain),)
    return ()


def addition(source: Source, given: tuple[tuple[int, int], ...], owner_end: int, text: str) -> tuple[Edit, ...]:
    """Return the edit that adds an attribute behind those that a block has, or to a block that is empty or not there.

    `given` are the places of the block's attributes, `owner_end` is the end of what stands in front of the block.
    """
    whole = source.text
    if given:
        start, end = given[-1]
        end = start + len(whole[start:end].rstrip())
        line = whole.rfind("\n", 0, start) + 1
        indent = whole[line:start]
        if not indent.strip() or (_is_yaml(source) and indent.strip() == "-"):
            return (Edit(Span(source, end, end), f"\n{indent.replace('-', ' ')}{text}"),)
        between_braces = whole.rfind("{", 0, start) >= 0
        return (Edit(Span(source, end, end), f", {text}"),) if between_braces else ()
    if _is_yaml(source):
        return ()
    after = owner_end
    while after < len(whole) and whole[after] in " \t":
        after += 1
    if whole[after : after + 1] != "{":
        return (Edit(Span(source, owner_end, owner_end), f" {{ {text} }}"),)
    close = after + 1
    while close < len(whole) and whole[close] in " \t\n":
        close += 1
    return (Edit(Span(source, after, close + 1), f"{{ {text} }}"),) if whole[close : close + 1] == "}" else ()


def _is_yaml(source: Source) -> bool:
    return looks_like_yaml(source.path, source.text)


def _with_doc(text: str, start: int) -> int:
    """Return the start of the string in front of a place, or the place if there is none."""
    end = len(text[:start].rstrip())
    for quote in ('"""', '"'):
        if text[:end].endswith(quote):
            found = text.rfind(quote, 0, end - len(quote))
            return found if found >= 0 else start
    return start


def _blanks(text: str, at: int) -> int:
    """Return the place behind blanks on a line."""
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at
