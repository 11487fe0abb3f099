"""Lines: a tree of phrases to the lines of a formatted text, none longer than `WIDTH` where it can be broken.

In: the parts that `concrete.py` makes of a file. Out: lines without their ends.

The model
    A `Part` is a `str`, which is printed as it is, or a `Phrase`. Each phrase knows its text on one line, `flat`. `flat` is None if there
    is no such text: it is longer than a line, holds a comment or a string of several lines, or is a body of several items.
    A phrase whose `flat` fits into the rest of the line is printed so. Else it is broken in the way of its kind:
    - `Words` never breaks by itself. Its parts follow each other, and each of them is flat or broken for itself.
    - `Group` is a pair of brackets and items. Broken, each item has a line of its own.
    - `Breaks` is a row of segments, such as the operands of a chain of operators. Broken, each segment has a line of its own.
    - `Leaf` is a token: one with a comment, or a string of several lines, whose lines move with its first one.

Newlines that count
    Inside of braces a newline separates phrases. `Breaks` therefore only breaks where the lexer leaves a newline out: behind an
    operator or a comma, and before `and`, `or`, `else`, `??`, `|` and `->`. The items of braces are separated by a newline alone.

Comments
    `lead` are the lines above a phrase: comments, and "" for a blank line. `trail` is the comment behind it. Whoever builds a phrase
    moves the comments of its parts up to the nearest item or segment, which has a line of its own to put them above and behind.
"""

from __future__ import annotations

WIDTH = 100
INDENT = 2


class Phrase:
    """A part of a text that can be broken over several lines."""

    __slots__ = ("flat", "lead", "tight", "trail")

    def __init__(self, flat: str | None) -> None:
        self.flat = flat if flat is None or len(flat) <= WIDTH else None
        self.lead: list[str] = []
        self.trail: list[str] = []
        self.tight = False
        """True if no blank stands before it."""


class Leaf(Phrase):
    """A token with a comment, or with several lines."""

    __slots__ = ("blank", "text")

    def __init__(self, text: str) -> None:
        super().__init__(None if "\n" in text else text)
        self.text = text
        self.blank = False
        """True for a comma with a blank line behind its comment."""


class Words(Phrase):
    """Parts in a row; the blanks between them are among the parts."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Part], flat: str | None) -> None:
        super().__init__(flat)
        self.parts = parts


class Breaks(Phrase):
    """Segments, one blank between them, or one a line. `inline` if the first one stays on the line of what is before it.

    `free` are the segments where each newline is a blank: inside of parentheses and square brackets. With `fill` a line takes as many
    segments as it holds.
    """

    __slots__ = ("fill", "free", "inline", "segments")

    def __init__(self, segments: list[Part], flat: str | None, inline: bool = True) -> None:
        super().__init__(flat)
        self.segments = segments
        self.inline = inline
        self.free: list[Part] | None = None
        self.fill = False


class Group(Phrase):
    """Brackets with items. `comma` is what ends the line of an item that is not the last one."""

    __slots__ = ("blanks", "body", "close", "closing", "comma", "items", "open", "opened")

    def __init__(self, open: str, items: list[Part], close: str, comma: str) -> None:
        super().__init__(None)
        self.open = open
        self.items = items
        self.close = close
        self.comma = comma
        self.blanks: set[int] = set()
        """The items before which a blank line is kept."""
        self.body = False
        """True if it is a body, of which two items never share a line."""
        self.opened: list[str] = []
        """The comment behind the opening bracket, and those above the first item."""
        self.closing: list[str] = []
        """The lines above the closing bracket."""


def lines(items: list[Part], blanks: set[int], end: list[str]) -> list[str]:
    """Return the lines of the items of a file; `end` are the comments behind the last one."""
    printer = _Printer()
    printer.items(items, blanks, "", 0)
    printer.comments(end, 0)
    while printer.done and not printer.done[-1]:
        printer.done.pop()
    return printer.done


class _Printer:
    """The finished lines, and the one that is being written."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.line = ""
        self.free = False
        """True if the innermost open bracket is one in which a newline is a blank."""

    def items(self, items: list[Part], blanks: set[int], comma: str, indent: int) -> None:
        """Print items, each on a line of its own."""
        first, last = len(self.done), len(items) - 1
        for i, item in enumerate(items):
            if i in blanks and len(self.done) > first:
                self.blank()
            self.item(item, indent, comma if i < last else "", first)

    def item(self, item: Part, indent: int, comma: str, first: int) -> None:
        """Print one item with its comments; `first` is the number of the first line of its group."""
        if isinstance(item, str):
            self.done.append(" " * indent + item + comma)
            return
        if item.lead:
            self.comments(item.lead, indent, first)
        self.line = " " * indent
        self.put(item, indent, len(comma))
        self.line += comma
        self.end(item.trail, indent)

    def blank(self) -> None:
        if self.done and self.done[-1]:
            self.done.append("")

    def comments(self, found: list[str], indent: int, first: int = 0) -> None:
        """Print the lines above an item; no blank line begins a group."""
        for comment in found:
            if comment:
                self.done.append(" " * indent + comment)
            elif len(self.done) > first:
                self.blank()

    def end(self, trail: list[str], indent: int) -> None:
        """End the line, with the comment behind it."""
        if trail:
            self.line += "  " + trail[0]
        self.done.append(self.line)
        self.line = ""

    def put(self, part: Part, indent: int, tail: int, sole: bool = False) -> None:
        """Print a part behind what the line has; `tail` is the width that must be left behind it.

        `sole` if the part is all that its brackets hold, so that its segments need no indent of their own.
        """
        if isinstance(part, str):
            self.line += part
        elif part.flat is not None and len(self.line) + len(part.flat) + tail <= WIDTH:
            self.line += part.flat
        elif isinstance(part, Words):
            self.words(part.parts, indent, tail)
        elif isinstance(part, Group):
            self.group(part, indent)
        elif isinstance(part, Breaks):
            self.breaks(part, indent, tail, sole)
        elif isinstance(part, Leaf):
            self.leaf(part.text, indent)

    def words(self, parts: list[Part], indent: int, tail: int) -> None:
        several = sum(isinstance(p, Group) and p.body for p in parts) > 1
        for i, part in enumerate(parts):
            if isinstance(part, str):
                self.line += part
            elif several and isinstance(part, Group) and part.body:
                self.group(part, indent)  # one branch is broken, so that all are
            else:
                self.put(part, indent, _tail(parts, i + 1, tail))

    def group(self, group: Group, indent: int) -> None:
        outer, self.free = self.free, group.open != "{"
        self.line += group.open
        if self.hugs(group):
            self.line += "".join(f"{_flat(item)}, " for item in group.items[:-1])
            self.put(group.items[-1], indent, 1)
            self.line += group.close
        else:
            self.broken(group, indent)
        self.free = outer

    def hugs(self, group: Group) -> bool:
        """Return whether only the brackets of the last item are broken: those of an only item, or of an argument that fits so far."""
        if group.open == "{" or group.opened or group.closing or any(map(_commented, group.items)):
            return False
        if not _ends_in_group(group.items[-1]) or (group.open == "[" and len(group.items) > 1):
            return False
        before = [_flat(item) for item in group.items[:-1]]
        if None in before or any(_ends_in_group(item) for item in group.items[:-1]):
            return False
        width = sum(len(item or "") + 2 for item in before)
        return len(self.line) + width + head(group.items[-1]) <= WIDTH

    def broken(self, group: Group, indent: int) -> None:
        """Print the items of a group, each on a line of its own, and its closing bracket."""
        only = group.items[0] if len(group.items) == 1 else None
        first = len(self.done) + 1
        above = group.opened[1:]
        self.end([c for c in group.opened[:1] if c], indent)
        self.comments(above, indent + INDENT, first)
        if group.open != "{" and isinstance(only, Breaks) and not _commented(only):
            self.line = " " * (indent + INDENT)
            self.put(only, indent + INDENT, 0, sole=True)
            self.end([], indent)
        else:
            self.items(group.items, group.blanks, group.comma, indent + INDENT)
        self.comments(group.closing, indent + INDENT, first)
        while not self.done[-1]:
            self.done.pop()
        self.line = " " * indent + group.close

    def breaks(self, part: Breaks, indent: int, tail: int, sole: bool) -> None:
        segments = part.free if part.free and self.free else part.segments
        inner = indent if sole else indent + INDENT
        last = len(segments) - 1
        if last == 1 and _hugs(segments[1]) and not any(map(_commented, segments)):
            self.put(segments[0], indent, 0)
            self.line += " "
            self.put(segments[1], indent, tail)
            return
        for i, segment in enumerate(segments):
            if i and self.line:  # filled
                self.line += " "
            elif i or not part.inline:
                if self.line.strip():  # what the row begins with
                    self.done.append(self.line.rstrip())
                if isinstance(segment, Phrase) and segment.lead:
                    self.comments(segment.lead, inner)
                self.line = " " * inner
            elif isinstance(segment, Phrase) and segment.lead:
                self.comments(segment.lead, indent)
            self.put(segment, inner if i else indent, tail if i == last else 0)
            if i < last and not (part.fill and self.fits(segment, segments[i + 1], tail if i + 1 == last else 0)):
                self.end(segment.trail if isinstance(segment, Phrase) else [], inner)

    def fits(self, segment: Part, following: Part, tail: int) -> bool:
        """Return whether the next segment of a filled row has room on the line of the one before it."""
        width = _flat(following)
        return not (_commented(segment) or _commented(following)) and (
            width is not None and len(self.line) + 1 + len(width) + tail <= WIDTH
        )

    def leaf(self, text: str, indent: int) -> None:
        """Print a token; the lines of a string move with the indent, and keep the place that they have to each other."""
        first, *others = text.split("\n")
        base = indent if self.line.isspace() or not self.line else indent + INDENT
        self.line += first
        if not others:
            return
        used = [line for line in others if line.strip()]
        depth = min((_depth(line) for line in used), default=0)
        # a string with text behind its first quotes has no indent in common with them
        moves = first.endswith('"""') and all(not line[:depth].strip(" ") for line in used)
        if moves and used[-1].strip() == '"""' and all(_depth(line) > depth for line in used[:-1]):
            base = indent
        for line in others:
            self.done.append(self.line)
            if moves:
                self.line = " " * base + line[depth:] if line.strip() else ""
            else:
                self.line = line


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _tail(parts: list[Part], start: int, tail: int) -> int:
    """Return the width of what must follow on the line, up to the next place that can be broken."""
    width = 0
    for i in range(start, len(parts)):
        part = parts[i]
        if isinstance(part, str):
            width += len(part)
        else:
            return width + head(part)
    return width + tail


def head(part: Part) -> int:
    """Return the least width that a part needs on the line on which it begins."""
    if isinstance(part, str):
        return len(part)
    match part:
        case Group():
            return len(part.open)
        case Breaks():
            return head(part.segments[0]) if part.inline else 0
        case Words():
            return _tail(part.parts, 0, 0)
        case Leaf():
            return len(part.text.partition("\n")[0])
    raise AssertionError(part)


def _flat(part: Part) -> str | None:
    return part if isinstance(part, str) else part.flat


def _ends_in_group(part: Part) -> bool:
    """Return whether a part is a group, or the name of an argument and a group."""
    if isinstance(part, Words):
        return isinstance(part.parts[-1], Group) and all(isinstance(p, str) for p in part.parts[:-1])
    return isinstance(part, Group)


def _hugs(segment: Part) -> bool:
    """Return whether a segment is an operator and a list or record, whose brackets may be broken in place of the operator."""
    return isinstance(segment, Group)


def _commented(part: Part | None) -> bool:
    return isinstance(part, Phrase) and bool(part.lead or part.trail)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Part: TypeAlias = str | Phrase
