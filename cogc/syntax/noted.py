"""Notes into a text: `with_notes(made, tree, source, its, notes)` gives the text with the comments of `comments.py`.

In: a text that a writer has made, and the notes of the text that it was made from. Out: the text in the spelling of that text and with
the notes in it, and those that found no place. Each step reads what it has made, and keeps it if it has the same tree.

A comment stands at its node if the text can be read with it there. If it cannot, as in the middle of a type, the comment goes up to the nearest
node that has lines of its own (`comments.ITEMS`).
"""

from __future__ import annotations

import json
from bisect import bisect_right

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.record import replace
from cogc.syntax import nodes as n, spell
from cogc.syntax.comments import Note, Numbered, codes, is_item
from cogc.syntax.format import formatted
from cogc.syntax.lexer import lex
from cogc.syntax.parse import parse
from cogc.syntax.read_yaml import Mapping, read_yaml, scalars
from cogc.syntax.tables import TERMINALS
from cogc.syntax.write_yaml import nodes_in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from cogc.syntax.read_yaml import Scalar

    Change: TypeAlias = tuple[int, int, str]
    """A place in a text, its end, and the words that go there."""

_FRESH = "\f"
"""At the beginning of a change: the words begin a line, with a newline in front of them if none is there."""
_SEP, _END = TERMINALS["_SEP"], TERMINALS["$END"]


def with_notes(made: Source, tree: n.File, source: Source, its: n.File, notes: list[Note]) -> tuple[str, list[Note]]:
    """Return the text of `made` with notes in it, and the notes that are lost.

    `source` is what it was made from, and `its` the tree of that in the order of both notations.
    """
    spelt, tree = _as_spelt(made, tree, source, its)
    if not notes:
        return spelt.text, []
    return (_into_cog if spelt.path.endswith(".cog") else _into_yaml)(spelt, tree, notes)


def _read(like: Source, text: str) -> tuple[Source, n.File]:
    """Return a text in the notation of another one, and its tree."""
    source = Source(like.path, text)
    return source, parse(source, Problems())


# ---- spelling ------------------------------------------------------------------------------------------------


def _as_spelt(made: Source, tree: n.File, source: Source, its: n.File) -> tuple[Source, n.File]:
    """Return a text with the values and the short statements spelt as in its source: `60s`, `1_000`, `(x)`. Return its tree, too."""
    text = made.text
    numbered = Numbered(nodes_in_order(tree))
    pairs = list(zip(numbered.nodes, Numbered(its).nodes, numbered.ends, strict=True))
    for kinds in ((*_NUMBERS, *_TEXTS, *_SHORT), (*_NUMBERS, *_TEXTS), _NUMBERS):
        changes: list[Change] = []
        done = 0
        for i, (node, old, end) in enumerate(pairs):
            if i < done or not isinstance(node, kinds):
                continue
            now, wanted = text[node.start : node.end].rstrip(), source.text[old.start : old.end].rstrip()
            words = _text_spelling(node, now, wanted) if isinstance(node, n.Text) else _spelling(now, wanted)
            if words is not None:
                changes.append((node.start, node.start + len(now), words))
                done = end
        if not changes:
            continue
        spelt, found = _read(made, _inserted(text, changes))
        if n.equal(found, tree):
            return spelt, found
    return made, tree


_NUMBERS = (n.Literal,)
_TEXTS = (n.Text,)
_SHORT = (n.Send, n.Assign, n.Let, n.Guide, n.Log, n.Fail, n.Evaluate, n.Expect, n.Run, n.Feed)


def _spelling(now: str, wanted: str) -> str | None:
    """Return the words of the source for a value or a statement, or None if it stays as it is."""
    return None if now == wanted or not wanted or any(c in wanted + now for c in _UNLIKE) else wanted


def _text_spelling(node: n.Text, now: str, wanted: str) -> str | None:
    """Return the one line that a string of several lines has in the source, or None if it has several there."""
    short = wanted[:1] in ("'", '"') and not wanted.startswith('"""') and "\n" in node.value
    if not short or node.value.startswith("="):
        return None
    if now.startswith("|"):
        return json.dumps(node.value, ensure_ascii=False)
    return spell.text(node.value, node.template) if now.startswith('"""') else None


_UNLIKE = "\n#\\'\f"
"""Characters whose words have another spelling in the other notation."""


# ---- the cog notation ----------------------------------------------------------------------------------------


def _into_cog(source: Source, tree: n.File, notes: list[Note]) -> tuple[str, list[Note]]:
    """Return the formatted text with notes in it, and the notes that are lost."""
    writer = _Cog(source.text, Numbered(nodes_in_order(tree)))
    for chosen in (notes, [writer.lifted(note) for note in notes]):
        made = formatted(Source("", _inserted(source.text, writer.insertions(chosen))))
        if made is not None and n.equal(_read(source, made)[1], tree):
            return made, []
    return source.text, notes


def _inserted(text: str, changes: list[Change]) -> str:
    """Return a text with changes, which keep their order where they share a place."""
    made = ""
    last = 0
    commented = False  # the line that is being written ends with a comment
    for at, end, words in sorted(changes, key=lambda c: c[0]):
        made += text[last:at]
        commented = commented and "\n" not in text[last:at]
        if words.startswith(_FRESH):
            words = words[1:] if made.rstrip(" ").endswith("\n") else "\n" + words[1:]
        elif commented:
            words = "\n" + words.lstrip()
        made += words
        commented = "#" in words.rpartition("\n")[2]
        last = end
    return made + text[last:]


class _Cog:
    """A text in the cog notation, and where notes go in it."""

    def __init__(self, text: str, numbered: Numbered) -> None:
        self.text = text
        self.numbered = numbered
        tokens = lex(Source("", text), Problems())
        real = [i for i, kind in enumerate(tokens.kinds) if kind not in (_SEP, _END)]
        self.starts = [tokens.starts[i] for i in real]
        self.ends = [tokens.ends[i] for i in real]
        self.words = [text[s:e] for s, e in zip(self.starts, self.ends, strict=True)]
        self.known = dict(zip(self.starts, range(len(real)), strict=True))

    def start(self, number: int) -> int:
        """Return where a node begins."""
        return self.numbered.nodes[number].start

    def end(self, number: int) -> int:
        """Return where a node ends."""
        return self.numbered.nodes[number].end

    def lifted(self, note: Note) -> Note:
        """Return a note at the nearest node that has lines of its own."""
        if not note.node or note.place in ("last", "opened") or is_item(self.numbered, note.node):
            return note
        number = next((i for i in self.numbered.ancestors(note.node) if not i or is_item(self.numbered, i)), 0)
        place = note.place
        if place == "behind" and self.end(number) != self.end(note.node):
            place = "head"
        return replace(note, node=number, place=place if number else "last")

    def insertions(self, notes: list[Note]) -> list[Change]:
        return [self.insertion(note, notes) for note in notes]

    def insertion(self, note: Note, notes: list[Note]) -> Change:
        """Return where a note goes, and its text."""
        number, words = note.node, note.words
        match note.place:
            case "above" if not number:
                return 0, 0, _lines(words) + "\n"
            case "last" if not number:
                return len(self.text), len(self.text), _lines(words)
            case "above":
                return self.above(number, words)
            case "last":
                return self.last(number, words)
            case "opened":
                return self.opened(number, words)
            case "head":
                inside = any(
                    number < o.node < self.numbered.ends[number] or (number == o.node and o.place in ("last", "opened"))
                    for o in notes
                )
                if inside or "\n" in self.text[self.start(number) : self.end(number)]:
                    return self.opened(self.opener(number), words)
        return self.behind(self.end(number), words)

    def above(self, number: int, words: tuple[str, ...]) -> Change:
        at = self.start(number)
        first = self.known.get(at)
        doc: object = getattr(self.numbered.nodes[number], "doc", "")
        if first and doc and self.words[first - 1].endswith('"'):
            at = self.starts[first - 1]
        return at, at, _FRESH + _lines(words)

    def behind(self, at: int, words: tuple[str, ...]) -> Change:
        following = (
            next((i for i, start in enumerate(self.starts) if start >= at), None)
            if "," in self.text[at : at + 2]
            else None
        )
        if following is not None and self.words[following] == ",":
            at = self.ends[following]
        rest = self.text[at:].partition("\n")[0].strip()
        return at, at, "  " + "\n".join(words) + ("\n" if rest else "")

    def last(self, number: int, words: tuple[str, ...]) -> Change:
        brackets = self.brackets(number)
        if not brackets:
            return self.behind(self.end(number), words)
        at = self.starts[brackets[-1]]
        return at, at, _FRESH + _lines(words)

    def opened(self, number: int, words: tuple[str, ...]) -> Change:
        for mark in ("{", "["):
            found = [i for i in self.brackets(number) if self.words[i] == mark]
            if found:
                return self.behind(self.ends[found[-1]], words)
        inner = [c for c in self.numbered.children(number) if self.end(c) == self.end(number)]
        return self.opened(inner[-1], words) if inner else self.behind(self.end(number), words)

    def brackets(self, number: int) -> list[int]:
        """Return the brackets of a node that are none of the nodes below it."""
        found: list[int] = []
        low, high = self.start(number), self.end(number)
        inner = sorted((self.start(c), self.end(c)) for c in self.numbered.children(number))
        k = 0
        for i, start in enumerate(self.starts):
            if not low <= start < high or self.words[i] not in "{}[]":
                continue
            while k < len(inner) and inner[k][1] <= start:
                k += 1
            if k == len(inner) or start < inner[k][0]:
                found.append(i)
        return found

    def opener(self, number: int) -> int:
        """Return the node whose bracket is the first one of a body: of a reaction its block, of an `if` its first branch."""
        node = self.numbered.nodes[number]
        inner: n.Node | None = None
        match node:
            case n.Reaction() | n.Enact() | n.For():
                inner = node.body
            case n.If():
                inner = node.then
            case n.Program() | n.Command():
                inner = node.executor
        if inner is None:
            return number
        return next(c for c in self.numbered.children(number) if self.numbered.nodes[c] is inner)


def _lines(words: tuple[str, ...]) -> str:
    return "".join(word + "\n" for word in words)


# ---- YAML ----------------------------------------------------------------------------------------------------


def _into_yaml(source: Source, tree: n.File, notes: list[Note]) -> tuple[str, list[Note]]:
    """Return a text of `write_yaml.file` with notes in it, and the notes that are lost."""
    writer = _Yaml(source, tree)
    changes, outer = writer.code(notes)
    if changes:
        coded, found = _read(source, _inserted(source.text, changes))
        if n.equal(found, tree):
            writer = _Yaml(coded, found)
        else:
            outer = [writer.lifted(note) if writer.is_inner(note) else note for note in notes]
    made = _inserted(writer.text, writer.lines(outer))
    if n.equal(_read(source, made)[1], tree):
        return made, []
    return source.text, notes


class _Yaml:
    """A text in YAML as `write_yaml` writes it: one item a line, code in scalars, and no flow collections but empty ones."""

    def __init__(self, source: Source, tree: n.File) -> None:
        root = read_yaml(source, Problems())
        assert isinstance(root, Mapping)
        self.text = source.text
        self.numbered = Numbered(nodes_in_order(tree))
        self.scalars = {scalar.start: scalar for scalar in scalars(root)}
        self.codes = sorted((code.start, kind, code) for kind, code in codes(source, root))
        self.used: set[int] = set()
        """The lines that have a comment at their end."""

    # ---- comments in code ----

    def code_of(self, number: int) -> tuple[str, Scalar] | None:
        """Return the code that a node stands in, with the kind of its fragment."""
        at = self.numbered.nodes[number].start
        found = bisect_right(self.codes, at, key=lambda code: code[0]) - 1
        if found < 0 or at >= self.codes[found][2].end:
            return None
        return self.codes[found][1:]

    def is_inner(self, note: Note) -> bool:
        """Return whether a note is one for a place inside of code."""
        code = self.code_of(note.node)
        if code is None or code[0] not in _PIECES:
            return False
        outer = self.code_of(self.numbered.parents[note.node])
        return note.place in ("last", "opened") or (outer is not None and outer[1] is code[1])

    def code(self, notes: list[Note]) -> tuple[list[Change], list[Note]]:
        """Return the changes that put notes into code, which becomes a block scalar, and the notes for other places."""
        groups: dict[int, list[Note]] = {}
        outer: list[Note] = []
        for note in notes:
            code = self.code_of(note.node) if self.is_inner(note) else None
            if code is None:
                outer.append(note)
            else:
                groups.setdefault(code[1].start, []).append(note)
        changes: list[Change] = []
        for start, inner in groups.items():
            _, kind, scalar = next(found for found in self.codes if found[0] == start)
            words = _Code(scalar, self.numbered).commented(kind, inner)
            if words is None:
                outer += map(self.lifted, inner)
            elif "\n" not in words and words.startswith(scalar.text + "  #"):
                end = self.line_end(scalar.start)
                changes.append((end, end, words[len(scalar.text) :]))
            else:
                changes.append(self.block(scalar, words))
        return changes, outer

    def lifted(self, note: Note) -> Note:
        """Return a note of a place inside of code above what has the code."""
        return Note(self.own(note.node), "above", tuple(word for word in note.words if word))

    def block(self, code: Scalar, words: str) -> Change:
        """Return the change of code to a block scalar."""
        whole = self.whole(code)
        end = whole.start + len(self.text[whole.start : whole.end].rstrip())
        mark = "=" if whole.text.startswith("=") and whole.text != code.text else ""
        pad = "\n" + " " * (self.indent(whole.start) + 2)
        lines = "".join(pad + line if line else "\n" for line in (mark + words).split("\n"))
        return whole.start, end, "|-" + lines

    def whole(self, code: Scalar) -> Scalar:
        """Return the scalar that code is in: the same, or one with a `=` in front of it."""
        return self.scalars.get(code.start) or self.scalars[max(at for at in self.scalars if at < code.start)]

    def indent(self, at: int) -> int:
        """Return the column of the mapping or list that a value on a line is in."""
        line = self.text.rfind("\n", 0, at) + 1
        first = line
        while self.text[first] == " " or (self.text[first : first + 2] == "- " and first + 2 < at):
            first += 1
        return first - line

    # ---- comments between lines ----

    def lines(self, notes: list[Note]) -> list[Change]:
        """Return the changes that put notes above lines and behind them."""
        order = {"head": 0, "opened": 0, "behind": 1}
        return [c for note in sorted(notes, key=lambda o: order.get(o.place, 2)) for c in self.changes(note)]

    def changes(self, note: Note) -> list[Change]:
        number, words = note.node, note.words
        if not number:
            at = 0 if note.place == "above" else len(self.text)
            return [(at, at, _lines(words))]
        if note.place == "last":
            return self.last(number, words)
        if note.place == "opened":
            return self.behind(self.line(self.key(number)), number, words)
        number = self.own(number)
        if not number:
            return [(0, 0, _lines(words))]
        if note.place == "above":
            return self.above(number, words)
        return self.behind(self.line(self.anchor(number)), number, words)

    def anchor(self, number: int) -> int:
        """Return where a node begins; one in code begins with its scalar."""
        code = self.code_of(number)
        return self.numbered.nodes[number].start if code is None else self.whole(code[1]).start

    def own(self, number: int) -> int:
        """Return the nearest node with a line of its own."""
        for i in self.numbered.ancestors(number):
            code, outer = self.code_of(i), self.code_of(max(self.numbered.parents[i], 0))
            at = self.anchor(i)
            if not self.text[self.line(at) : at].strip(" -") and (
                code is None or outer is None or outer[1] is not code[1]
            ):
                return i
        return 0

    def line(self, at: int) -> int:
        """Return where the line of a place begins."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Return where the line of a place ends."""
        return self.text.find("\n", at)

    def key(self, number: int) -> int:
        """Return a place on the line of the key that opens a node."""
        at = self.anchor(number)
        holds = isinstance(self.numbered.nodes[number], n.Block | n.ListLiteral | n.RecordLiteral)
        begins = not self.text[self.line(at) : at].strip(" -")
        return self.line(at) - 1 if holds and begins else at

    def above(self, number: int, words: tuple[str, ...]) -> list[Change]:
        """Put lines above a node; a blank line goes above the keys of the mappings that begin with the node."""
        at = top = self.line(self.anchor(number))
        column = self.column(at)
        changes: list[Change] = []
        if words and not words[0]:
            while top and self.text[:top].endswith(":\n") and self.column(self.line(top - 1)) <= self.column(top):
                top = self.line(top - 1)
                if self.text[top : top + 5] in ("cog: ", "doc: "):
                    break
            changes.append((top, top, "\n"))
            words = words[1:]
        return [*changes, (at, at, "".join(" " * column + word + "\n" if word else "\n" for word in words))]

    def column(self, line: int) -> int:
        text = self.text[line:]
        return len(text) - len(text.lstrip(" "))

    def behind(self, line: int, number: int, words: tuple[str, ...]) -> list[Change]:
        """Put a comment at the end of a line; above the line if it has one."""
        end = self.line_end(line)
        if line in self.used:
            return self.above(self.own(number), words)
        self.used.add(line)
        above = self.above(self.own(number), words[1:]) if words[1:] else []
        return [*above, (end, end, "  " + words[0])]

    def last(self, number: int, words: tuple[str, ...]) -> list[Change]:
        """Put lines below the last item of a node."""
        inner = [c for c in self.numbered.children(number) if self.own(c) == c]
        if not inner:
            return self.behind(self.line(self.key(number)), number, words)
        column = self.column(self.line(max(map(self.anchor, inner))))
        end = max(self.numbered.nodes[i].end for i in range(number, self.numbered.ends[number]))
        at = len(self.text[:end].rstrip())
        at = self.text.find("\n", at) + 1 or len(self.text)
        return [(at, at, "".join(" " * column + word + "\n" if word else "\n" for word in words))]


class _Code(_Cog):
    """The code of one scalar, whose nodes have places in the file."""

    def __init__(self, code: Scalar, numbered: Numbered) -> None:
        super().__init__(code.text, numbered)
        self.segments = code.segments

    def local(self, at: int) -> int:
        """Return the place in the code of a place in the file."""
        offset, there = max((s for s in self.segments if s[1] <= at), key=lambda s: s[1], default=self.segments[0])
        return offset + at - there

    def start(self, number: int) -> int:
        return self.local(self.numbered.nodes[number].start)

    def end(self, number: int) -> int:
        return self.local(self.numbered.nodes[number].end - 1) + 1

    def commented(self, kind: str, notes: list[Note]) -> str | None:
        """Return the code with notes in it, or None if it cannot be read so."""
        before, behind, first, last = _PIECES[kind]
        for chosen in (notes, [self.lifted(note) for note in notes]):
            made = formatted(Source("", before + _inserted(self.text, self.insertions(chosen)) + behind))
            if made is not None and not (kind != "statements" and _ends_in_comment(made, behind)):
                lines = made.rstrip("\n").split("\n")
                lines = lines[first : len(lines) - last]
                pad = " " * (2 * first)
                return "\n".join(line.removeprefix(pad) for line in lines).removeprefix(before if not first else "")
        return None


def _ends_in_comment(made: str, behind: str) -> bool:
    """Return whether code between words ends with a comment, which only a list of statements may."""
    tokens = lex(Source("", made), Problems())
    real = [i for i, kind in enumerate(tokens.kinds) if kind not in (_SEP, _END)]
    closing = len(behind.split())
    start = tokens.starts[real[-closing]] if closing else len(made)
    return "#" in made[tokens.ends[real[-1 - closing]] : start]


_PIECES = {
    "statements": ("coglet _ {\non _ {\n", "\nescalate\n}\n}", 2, 3),
    "check": ('test "" {\n', "\nkill\n}", 1, 2),
    "expression": ("const _ = ", "", 0, 0),
    "type": ("type _ = ", "", 0, 0),
}
"""For each kind of code that can have comments: the words in front of it and behind it that make a file, and the lines of these words."""
