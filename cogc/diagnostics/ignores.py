"""Comments that leave out reports: `# cogc: ignore[COG508] reason`, at the end of a line or alone on the line above.

In: the files of a check and its diagnostics. Out: the diagnostics that no comment leaves out, and a report for each part of
a comment that leaves out nothing. Both notations have the same comments. A comment inside of a string is none.
"""

from __future__ import annotations

from cogc.diagnostics.codes import CODES
from cogc.diagnostics.edits import Edit
from cogc.diagnostics.problems import MARK
from cogc.diagnostics.rules import FORGIVEN, may_be_left_out, named, words
from cogc.diagnostics.source import Span
from cogc.diagnostics.suggest import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cogc.diagnostics.problems import Diagnostic, Problems
    from cogc.diagnostics.source import Source


class _Comment:
    """One comment: its place, the line that it speaks of, and its words, each with its place and whether it was of use."""

    def __init__(self, span: Span, line: int, given: list[tuple[str, Span]]) -> None:
        self.span = span
        self.line = line
        self.given = given
        self.used: set[str] = set()

    def leaves_out(self, d: Diagnostic) -> bool:
        """Return whether the comment leaves out a diagnostic of its line, and remember the word that does."""
        if not (may_be_left_out(d.slug) or d.slug in FORGIVEN):
            return False
        for word, _ in self.given:
            if word not in ("all", "default") and d.slug in named(word):
                self.used.add(word)
                return True
        return False


def leave_out(sources: Iterable[Source], problems: Problems, report: bool) -> None:
    """Take the diagnostics out of `problems` that comments leave out. With `report`, report comments without a use."""
    comments: list[_Comment] = []
    for source in sources:
        if MARK not in source.text:
            continue
        own = _comments(source)
        comments += own
        by_line: dict[int, list[_Comment]] = {}
        for c in own:
            by_line.setdefault(c.line, []).append(c)
        problems.found[:] = [
            d
            for d in problems.found
            if d.span.source is not source or not any(c.leaves_out(d) for c in by_line.get(d.span.position()[0], ()))
        ]
    for comment in comments if report else ():
        _report(comment, problems)


def _report(comment: _Comment, problems: Problems) -> None:
    """Report the words of a comment that left out nothing."""
    unused = [(word, span) for word, span in comment.given if word not in comment.used]
    whole = len(unused) == len(comment.given)
    if not comment.given:
        problems.add("unused-ignore", comment.span, what="names no rule", help="write `# cogc: ignore[CODE] reason`")
    for word, span in unused:
        rules = named(word)
        help = None
        if not rules or word in ("all", "default"):
            what = f"names `{word}`, which is no rule"
            help = did_you_mean(word, words()) or "`cogc rules` lists them"
        elif not any(may_be_left_out(r) or r in FORGIVEN for r in rules):
            what = f"names {CODES[next(iter(rules))][0]}, and an error cannot be left out"
        else:
            what = f"leaves out `{word}`, which is not reported here"
        edits = _removed(comment, span, whole)
        problems.add(
            "unused-ignore", comment.span if whole and len(unused) == 1 else span, help=help, edits=edits, what=what
        )


def _removed(comment: _Comment, word: Span, whole: bool) -> tuple[Edit, ...]:
    """Return the edit that removes a word from a comment, or the comment with its last word."""
    text = comment.span.source.text
    if whole and len(comment.given) > 1:
        return ()
    if whole:
        start, end = comment.span.start, comment.span.end
        while start and text[start - 1] in " \t":
            start -= 1
        if (start == 0 or text[start - 1] == "\n") and end < len(text):
            end += 1
        return (Edit(Span(comment.span.source, start, end), "", "safe"),)
    start, end = word.start, word.end
    if text[end : end + 1] == ",":
        end += 1
        while text[end : end + 1] == " ":
            end += 1
    else:
        start = text.rfind(",", 0, start)
    return (Edit(Span(comment.span.source, start, end), "", "safe"),)


def _comments(source: Source) -> list[_Comment]:
    """Return the comments of a file, in order."""
    import re  # for files that have the mark

    found: list[_Comment] = []
    strings = _strings(source)
    for match in re.finditer(r"(?<![^\s])#[ \t]*cogc: ignore(?:\[([^\]\n]*)\])?[^\n]*", source.text):
        if any(start < match.start() < end for start, end in strings):
            continue
        line, column = source.position(match.start())
        alone = not source.line(line)[: column - 1].strip()
        given: list[tuple[str, Span]] = []
        for word in re.finditer(r"[^\s,]+", match[1] or ""):
            start = match.start(1) + word.start()
            given.append((word[0], Span(source, start, start + len(word[0]))))
        found.append(_Comment(Span(source, match.start(), match.end()), line + alone, given))
    return found


def _strings(source: Source) -> list[tuple[int, int]]:
    """Return the places of the strings of a file. In YAML, a string with the mark would have to begin a line, or follow a blank."""
    import re

    if source.path.lower().endswith((".yml", ".yaml")):
        pattern = r'(?<![^\s,\[{:])(?:"(?:\\.|[^"\\])*"|\'(?:[^\']|\'\')*\')'
    else:
        pattern = r'#[^\n]*|(?:"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*")'
    return [m.span() for m in re.finditer(pattern, source.text, re.DOTALL) if m[0][0] != "#"]
