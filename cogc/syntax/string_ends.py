"""Strings that are never closed: where they were meant to end, which have lost a quote of their `\"\"\"`, and which stand in quotes of other languages."""

from __future__ import annotations

import re

from cogc.syntax.braces import DECLARATIONS, indent

OPEN = {"{": "}", "(": ")", "[": "]"}
CLOSE = {"}": "{", ")": "(", "]": "["}
QUOTED = (
    r"'''(?:[^'\\]|\\.|'(?!''))*'''|'(?:[^'\\\n]|\\.)*'|`(?!`)(?:[^`\\\n]|\\.)+`"
    '|[\u201c\u201d\u201e][^\u201c\u201d"\n]*[\u201c\u201d"]|[\u2018\u2019][^\u2018\u2019\n]*[\u2018\u2019]'
)
"""Strings in quotes of other languages, and in those that word processors make."""
# start-up: an expression for mistakes is compiled when it is first needed
_DECLARED = rf"(?m)^(?:{'|'.join(sorted(DECLARATIONS))}) +[\w\"]"
_SHORT_CLOSING = r'(?<!["\\])""(?!")(?=[ \t]*(?:[\n)}\],]|\Z))'
_DEEPER = r"[ \t\r]*\n(?:[ \t\r]*\n)*([ \t]*)(?!and\b|or\b|else\b)[A-Za-z]"


def before_closing(text: str, at: int, end: int, opened: list[str], inside: bool) -> int:
    """Return the end of a string that is never closed: before what closes the brackets of its line, and before a `{` or `,` at the end of it.

    `opened` are the brackets that are opened in its line; `inside` says whether any bracket is open.
    """
    last, left = end, list(opened)
    while last > at + 1 and (text[last - 1] in " \t\r" or _ends(text, last, end, left, inside)):
        last -= 1
    if text[last:end].strip() and not left:
        return last
    for place in range(at + 1, end):  # `"text)]) == 1`: the brackets of the line are closed further on in it
        if text[place] in CLOSE and closes(text[place:end], opened):
            return place
    return last if text[last:end].strip() else end


def long_end(text: str, at: int, stop: int) -> int:
    """Return the end of a text over several lines that is never closed.

    It is in front of the next line that stands no deeper than the text's first one, or at the left margin of the next declaration.
    """
    column = indent(text, at)
    below = _DECLARED if not column else rf"(?m)^[ \t]{{0,{column}}}[^\s]"
    found = re.compile(below).search(text, at + 3, stop)
    return len(text[:stop].rstrip()) if found is None else found.start() - 1


def _ends(text: str, last: int, end: int, opened: list[str], inside: bool) -> bool:
    """Return whether a mark at the end of a line stands behind an unclosed string of it; take the bracket that it closes off `opened`."""
    mark, behind = text[last - 1], text[last:end].strip()
    if opened and opened[0] == CLOSE.get(mark):
        opened.pop(0)
        return True
    if mark == "{":
        return text[last - 2 : last - 1] in ' "' and not behind
    return mark == "," and not behind and inside


def closes(text: str, opened: list[str]) -> bool:
    """Return whether a text closes brackets, the innermost first, and none that it does not open itself."""
    left = list(opened)
    inner: list[str] = []
    for mark in text:
        if mark in OPEN:
            inner.append(mark)
        elif mark in CLOSE:
            if inner and inner[-1] == CLOSE[mark]:
                inner.pop()
            elif left and left[-1] == CLOSE[mark]:
                left.pop()
            else:
                return False
    return bool(opened) and not left


def short_opening(text: str, at: int, begins: bool) -> int:
    """Return the end of a text over several lines that begins with `"` or `""`, with fewer quotes than it ends with; -1 if there is none.

    `begins` says whether a phrase begins at the quote. No declaration begins in such a text.
    """
    behind = at + 2 if text.startswith('""', at) else at + 1
    end = text.find('"""', behind)
    if end < 0 or text.count('"""', end) % 2 == 0 or re.compile(_DECLARED).search(text, behind, end):
        return -1
    if behind == at + 2 and not begins and not text[behind].isalnum():  # else it is the empty string
        below = re.compile(_DEEPER).match(text, behind)
        if below is None or len(below[1]) <= indent(text, at):
            return -1
    return end + 3


def short_closing(text: str, at: int, end: int) -> int:
    """Return the end of a text over several lines that ends with `""`, so that it reaches to the next `\"\"\"`; -1 if it does not."""
    found = re.compile(_SHORT_CLOSING).search(text, at + 3, end - 3)
    return found.end() if found is not None and "\n" in text[found.end() : end] else -1
