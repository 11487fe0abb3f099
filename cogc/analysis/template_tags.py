"""The tags of a template that Jinja refuses: which of them is wrong, and how.

Jinja names a line, for a tag that nothing closes the last one, and words of its own. `fault` reads the text again for the
mistakes that have a place: marks and tags that nothing closes, tags that close nothing, and tags that there are not.
"""

from __future__ import annotations

import re

from cogc.diagnostics.suggest import did_you_mean
from cogc.language.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENING = r"\{[{%#]"
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
_STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_BLOCKS = ("if", "for", "set", "with", "filter", "macro", "call", "block", "raw")
_BRANCHES = {"elif": ("if",), "else": ("if", "for")}
_KNOWN = ("if", "elif", "else", "endif", "for", "endfor", "set", "endset", "with", "endwith", "raw", "endraw")
_OTHERS = ("include", "import", "from", "extends", "do", "autoescape", "trans")
"""Tags of Jinja that a template may not use, which are reported as such."""


class Fault(Record):
    """A mistake in a template, with its place in the text."""

    start: int
    end: int
    reason: str
    help: str | None


class _Tag(Record):
    """A `{{ ... }}` or `{% ... %}`: its place and its first word, empty for a value. `open` if nothing closes it."""

    start: int
    end: int
    word: str
    inside: str
    open: bool


def fault(text: str) -> Fault | None:
    """Return the first tag of a template that is wrong, None if none is by its form."""
    opened: list[_Tag] = []
    for tag in _tags(text):
        found = _alone(tag, text) or (_in_order(tag, opened) if tag.word else None)
        if found is not None:
            return found
    if not opened:
        return None
    last = opened[-1]
    help = f"write `{{% end{last.word} %}}` where it ends"
    return Fault(last.start, last.end, f"`{last.word}` is never closed", help)


def _tags(text: str) -> Iterator[_Tag]:
    at = 0
    while (found := re.compile(_OPENING).search(text, at)) is not None:
        start, mark = found.start(), found[0]
        end = _end(text, start + 2, mark)
        if end < 0:
            line = text.find("\n", start)
            following = re.compile(_OPENING).search(text, start + 2)
            ends = [e for e in (line, following.start() if following else -1, len(text)) if e >= 0]
            behind = start + 2 if mark == "{#" else start + len(text[start : min(ends)].rstrip())
            yield _Tag(start, behind, "", "", True)
            return
        at = end
        if mark == "{#":
            continue
        inside = text[start + 2 : end - 2].strip("-+ \t\n")
        word = inside.split(None, 1)[0] if mark == "{%" and inside else ""
        yield _Tag(start, end, word, inside, False)
        if word == "raw":
            closed = re.compile(r"\{%[-+]?\s*endraw\b").search(text, at)
            at = closed.start() if closed is not None else len(text)


def _end(text: str, at: int, mark: str) -> int:
    """Return the place behind the mark that closes an opened one, -1 if another mark is opened before, or none closes it."""
    closing = _CLOSING[mark]
    if mark == "{#":
        found = text.find(closing, at)
        return found + 2 if found >= 0 else -1
    for part in re.compile(rf"{_STRING}|{re.escape(closing)}|{_OPENING}").finditer(text, at):
        if part[0] == closing:
            return part.end()
        if part[0][0] == "{":
            return -1
    return -1


def _alone(tag: _Tag, text: str) -> Fault | None:
    """Return what is wrong with a tag by itself."""
    mark = text[tag.start : tag.start + 2]
    if tag.open:
        return Fault(tag.start, tag.end, f"`{mark}` is never closed", f"write `{_CLOSING[mark]}` where it ends")
    if not tag.inside:
        return Fault(tag.start, tag.end, f"`{text[tag.start : tag.end]}` is empty", "name a value in it, or remove it")
    if tag.word and tag.word.removeprefix("end") not in (*_BLOCKS, *_BRANCHES, *_OTHERS):
        help = did_you_mean(tag.word, _KNOWN) or "templates have `if`, `for`, `set` and filters"
        return Fault(tag.start, tag.end, f"there is no tag `{tag.word}`", help)
    return None


def _in_order(tag: _Tag, opened: list[_Tag]) -> Fault | None:
    """Take a tag into the list of those that are open, and return what is wrong with it at its place."""
    around = opened[-1].word if opened else ""
    if tag.word in _BRANCHES and around not in _BRANCHES[tag.word]:
        owners = " or ".join(f"`{w}`" for w in _BRANCHES[tag.word])
        return Fault(tag.start, tag.end, f"`{tag.word}` stands in no {owners}", "remove it, or open one before it")
    if tag.word.startswith("end"):
        if not opened:
            help = f"remove it, or write `{{% {tag.word[3:]} ... %}}` before it"
            return Fault(tag.start, tag.end, f"`{tag.word}` closes nothing", help)
        if tag.word[3:] != around:
            help = f"write `{{% end{around} %}}`, or close the `{around}` before it"
            return Fault(tag.start, tag.end, f"`{tag.word}` does not close `{around}`", help)
        opened.pop()
    elif tag.word in _BLOCKS and not (tag.word == "set" and "=" in tag.inside):
        opened.append(tag)
    return None
