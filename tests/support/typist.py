"""Edits as people make them in an editor: texts, changes of ranges in UTF-16 units, and sequences of them with undoing.

A change is `(start, end, new)` by characters of the text. `sent` gives it as the protocol has it, counted by this module alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any, TypeAlias

Change: TypeAlias = tuple[int, int, str]

_WORD = re.compile(r"[A-Za-z_]\w*")
_LINE_END = re.compile(r"\r\n|\r|\n")
_DECLARATION = re.compile(r"\n(?=[\w\"])")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_AROUND = (
    ("{", "}"), ('"', '"'), ('"""', '"""'), ("(", ")"), ("coglet Q {\n", "\n}\n"), ("if true {", "}"), ("# ", ""), ("{{ ", " }}"),
)  # fmt: skip
_WORDS_OF_TEXTS = (
    '"', "{{", "}}", "{{ x }}", "{% ", "\\", "\n", "\U0001f600", '"""', "{{ a.b | nosuch }}", "'", "\\u{1f600}", "",
)  # fmt: skip
_TYPED = (
    *"{}()[]\"':,.=#|<-;\n\t$`&!", '"""', "\U0001f600", "ä", "  ", "\r\n", "x", "1", "1s", "}\n", "{\n", "```", "{{ ", " }}",
    "when", "on ", "coglet ", "\nmodel ", "type T = int\n", "let ", "agent", "if ", "&&", "r\"", "0x", "99999999999999999999",
    "check-in", "# cogc: ignore[COG508]\n", "\\", "%", "..", "return ",
)  # fmt: skip


def applied(text: str, change: Change) -> str:
    start, end, new = change
    return text[:start] + new + text[end:]


def sent(text: str, change: Change) -> dict[str, Any]:
    """Return a change as the protocol has it."""
    start, end, new = change
    return {"range": {"start": place(text, start), "end": place(text, end)}, "text": new}


def place(text: str, at: int) -> dict[str, int]:
    """Return the position of a character."""
    ends = [m.end() for m in _LINE_END.finditer(text) if m.end() <= at]
    start = ends[-1] if ends else 0
    return {"line": len(ends), "character": sum(1 + (ord(c) > 0xFFFF) for c in text[start:at])}


def change(text: str, others: list[str], chance: random.Random) -> Change:
    """Return an edit of a text. What is pasted comes from the text itself and from others."""
    kind = chance.choices(_KINDS, _WEIGHTS)[0]
    found = kind(text, others, chance)
    start, end, new = found
    if text[start - 1 : start + 1] == "\r\n":  # no place of the protocol is between these two
        start -= 1
    if text[end - 1 : end + 1] == "\r\n" and end > 0:
        end += 1
    return start, max(start, end), new


def _spans(text: str) -> list[tuple[int, int]]:
    """Return the lines of a text, each with its end of line."""
    found, start = [], 0
    for line in text.splitlines(keepends=True):
        found.append((start, start + len(line)))
        start += len(line)
    return found or [(0, 0)]


def _typed(text: str, others: list[str], chance: random.Random) -> Change:
    at = chance.randrange(len(text) + 1)
    return at, at, chance.choice(_TYPED)


def _mark(text: str, others: list[str], chance: random.Random) -> Change:
    """Remove a bracket, a quote or another mark."""
    marks = [m.start() for m in re.finditer(r"[{}()\[\]\":,=|<>-]", text)]
    if not marks:
        return _typed(text, others, chance)
    at = chance.choice(marks)
    return at, at + 1, ""


def _brace(text: str, others: list[str], chance: random.Random) -> Change:
    """Remove a brace, or add one at the end of a line."""
    braces = [m.start() for m in re.finditer(r"[{}]", text)]
    if braces and chance.random() < 0.6:
        at = chance.choice(braces)
        return at, at + 1, ""
    at = chance.choice(_spans(text))[1]
    at -= at > 0 and text[at - 1] == "\n"
    return at, at, chance.choice("{}")


def _cut_line(text: str, others: list[str], chance: random.Random) -> Change:
    start, end = chance.choice(_spans(text))
    return start, end, ""


def _doubled_line(text: str, others: list[str], chance: random.Random) -> Change:
    start, end = chance.choice(_spans(text))
    return end, end, text[start:end]


def _cut_lines(text: str, others: list[str], chance: random.Random) -> Change:
    """Remove some lines, or half of a declaration."""
    spans = _spans(text)
    i = chance.randrange(len(spans))
    j = min(i + chance.randrange(1, 8), len(spans) - 1)
    return spans[i][0], chance.choice([spans[j][0], spans[j][1], (spans[j][0] + spans[j][1]) // 2]), ""


def _pasted(text: str, others: list[str], chance: random.Random) -> Change:
    other = chance.choice([text, *others])
    spans = _spans(other)
    i = chance.randrange(len(spans))
    j = min(i + chance.randrange(1, 12), len(spans))
    block = other[spans[i][0] : spans[j - 1][1]]
    at = chance.choice(_spans(text))[chance.randrange(2)]
    return at, at, block


def _word(text: str, others: list[str], chance: random.Random) -> Change:
    """Change a word, or put another in its place."""
    words = [m.span() for m in _WORD.finditer(text)]
    if not words:
        return _typed(text, others, chance)
    start, end = chance.choice(words)
    how = chance.randrange(4)
    if how == 0:
        return end, end, chance.choice("x1_sd")
    if how == 1:
        at = chance.randrange(start, end)
        return at, at + 1, ""
    other = chance.choice(words)
    return start, end, text[other[0] : other[1]] if how == 2 else ""


def _comment(text: str, others: list[str], chance: random.Random) -> Change:
    """Comment some lines out, or in."""
    spans = _spans(text)
    i = chance.randrange(len(spans))
    j = min(i + chance.choice((1, 1, 2, 5)), len(spans))
    block = text[spans[i][0] : spans[j - 1][1]].splitlines(keepends=True)
    if all(line.lstrip().startswith("#") for line in block):
        return spans[i][0], spans[j - 1][1], "".join(line.replace("# ", "", 1).replace("#", "", 1) for line in block)
    return spans[i][0], spans[j - 1][1], "".join(f"# {line}" for line in block)


def _indented(text: str, others: list[str], chance: random.Random) -> Change:
    start, end = chance.choice(_spans(text))
    line = text[start:end]
    blank = len(line) - len(line.lstrip(" \t"))
    return start, start + blank, chance.choice(["", "\t", "  ", " " * (blank + 2), " " * max(0, blank - 2)])


def _swapped(text: str, others: list[str], chance: random.Random) -> Change:
    """Put a line at the place of its neighbour."""
    spans = _spans(text)
    i = chance.randrange(len(spans))
    (start, middle), (_, end) = spans[i], spans[min(i + 1, len(spans) - 1)]
    return start, end, text[middle:end] + text[start:middle]


def _replaced(text: str, others: list[str], chance: random.Random) -> Change:
    start = chance.randrange(len(text) + 1)
    end = min(start + chance.choice((1, 2, 5, 30, 200)), len(text))
    return start, end, chance.choice(["", chance.choice(_TYPED), text[end : end + 20]])


def _declaration(text: str, others: list[str], chance: random.Random) -> Change:
    """Cut one or two declarations, swap two, or paste one of another text, mostly in front of another."""
    starts = [0, *(m.end() for m in _DECLARATION.finditer(text)), len(text)]
    i = chance.randrange(len(starts) - 1)
    how = chance.randrange(3)
    if how == 0:
        return starts[i], starts[min(i + chance.choice((1, 1, 2)), len(starts) - 1)], ""
    if how == 1 and i + 2 < len(starts):
        first, middle, end = starts[i : i + 3]
        return first, end, text[middle:end] + text[first:middle]
    at = starts[i] if chance.random() < 0.7 else chance.randrange(len(text) + 1)
    return at, at, chance.choice(_DECLARATION.split(chance.choice([text, *others]))) + chance.choice(("\n", "", "\n\n"))


def _wrapped(text: str, others: list[str], chance: random.Random) -> Change:
    """Put brackets, quotes or a declaration around some characters."""
    start = chance.randrange(len(text) + 1)
    end = min(start + chance.choice((3, 20, 300)), len(text))
    opening, closing = chance.choice(_AROUND)
    return start, end, opening + text[start:end] + closing


def _in_text(text: str, others: list[str], chance: random.Random) -> Change:
    """Type inside of a string."""
    strings = [m.span() for m in _STRING.finditer(text)]
    if not strings:
        return _typed(text, others, chance)
    start, end = chance.choice(strings)
    at = chance.randrange(start, end + 1)
    return at, min(at + chance.choice((0, 0, 1, 2)), len(text)), chance.choice(_WORDS_OF_TEXTS)


def _import(text: str, others: list[str], chance: random.Random) -> Change:
    """Break an import, or mend one."""
    lines = [m.span() for m in re.finditer(r"import[^\n]*", text)]
    if not lines:
        return 0, 0, 'import "lib.cog"\n'
    start, end = chance.choice(lines)
    line = text[start:end]
    return (
        start,
        end,
        chance.choice(
            ("", line[:-1], line.replace(".cog", ".cogx"), f"{line} as lib", f"# {line}", 'import "lib.cog"')
        ),
    )


def _line_ends(text: str, others: list[str], chance: random.Random) -> Change:
    """Give all lines the other end."""
    plain = text.replace("\r\n", "\n")
    return 0, len(text), plain.replace("\n", "\r\n") if plain == text else plain


_KINDS: tuple[Callable[[str, list[str], random.Random], Change], ...] = (
    _typed, _mark, _brace, _cut_line, _doubled_line, _cut_lines, _pasted, _word, _comment, _indented, _swapped, _replaced,
    _declaration, _wrapped, _in_text, _import, _line_ends,
)  # fmt: skip
_WEIGHTS = (5, 4, 6, 3, 2, 3, 4, 5, 2, 2, 1, 2, 6, 3, 4, 2, 1)


class Typist:
    """Somebody who edits one text: each step gives the changes of one notification. Now and then some are undone."""

    def __init__(self, text: str, others: list[str], chance: random.Random) -> None:
        self.text = text
        self.others = others
        self.chance = chance
        self.undo: list[str] = []

    def step(self) -> list[dict[str, Any]]:
        """Edit the text, and return the changes as the protocol has them."""
        chance = self.chance
        roll = chance.random()
        if self.undo and roll < 0.25:
            before = self.undo[-1] if roll < 0.18 else self.undo[chance.randrange(len(self.undo))]
            if roll < 0.18:
                self.undo.pop()
            found = [_difference(self.text, before)] if roll < 0.22 else [{"text": before}]
            self.text = before
            return found
        self.undo.append(self.text)
        if roll < 0.28:  # a name, everywhere
            return self._renamed()
        found = []
        for _ in range(chance.choice((1, 1, 1, 1, 2, 3))):
            made = change(self.text, self.others, chance)
            found.append(sent(self.text, made))
            self.text = applied(self.text, made)
        return found

    def _renamed(self) -> list[dict[str, Any]]:
        words = sorted(set(_WORD.findall(self.text)))
        if not words:
            return []
        old = self.chance.choice(words)
        new = old + self.chance.choice(("x", "_2", "s"))
        found = []
        for match in reversed([*re.finditer(rf"\b{old}\b", self.text)]):
            made = match.start(), match.end(), new
            found.append(sent(self.text, made))
            self.text = applied(self.text, made)
        return found


def _difference(before: str, after: str) -> dict[str, Any]:
    """Return the one change that leads from a text to another."""
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    while last < min(len(before), len(after)) - first and before[-1 - last] == after[-1 - last]:
        last += 1
    if before[first - 1 : first] == "\r":
        first -= 1
    if last and before[len(before) - last] == "\n":
        last -= 1
    return sent(before, (first, len(before) - last, after[first : len(after) - last]))
