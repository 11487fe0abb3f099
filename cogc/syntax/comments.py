"""Comments and blank lines of a text, by the nodes that they belong to: `of_cog(source, tree)` and `of_yaml(source, tree, codes)`.

A tree has no comments. `cogc convert` therefore takes them from the text beside the tree, as notes; `noted.py` puts the notes into the text
of the other notation, at the same nodes.

The model
    A `Note` names a node by its number in `walk(tree)`, and has one of five places:
    - `above`: lines of their own above the node. An empty word is a blank line.
    - `behind`: the end of the node's last line.
    - `opened`: behind the bracket, or the key, that opens the node.
    - `last`: lines of their own below the last item of the node.
    - `head`: the key line of a node of YAML, which stands for `behind` if the node has one line in the cog notation, and else for `opened`.

Where a comment belongs to
    In the cog notation the tokens around a comment tell it: a comment on a line of its own goes to the outermost node that begins with
    the next token, and one behind a token to the outermost node that ends there. Brackets make it `opened` and `last`.
    In YAML a comment on a line of its own goes to the node of the next line, unless it is indented more than that line: then it ends the
    mapping or list above it. A comment inside of code, which is in a block scalar, goes by the rules of the cog notation.

The text in the cog notation must be formatted (`format.formatted`), and the trees in the order of both notations
(`write_yaml.nodes_in_order`), so that the nodes of two texts have the same numbers.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.record import Record
from cogc.syntax import nodes as n
from cogc.syntax.concrete import gap_comments
from cogc.syntax.lexer import lex
from cogc.syntax.parse_yaml import Reader
from cogc.syntax.read_yaml import Mapping, Scalar
from cogc.syntax.tables import TERMINALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence as Sequenced
    from typing import Any, Literal, TypeAlias

    from cogc.language.texts import Segments
    from cogc.syntax.lexer import Tokens
    from cogc.syntax.read_yaml import Sequence

    Value: TypeAlias = Scalar | Sequence | Mapping
    Place: TypeAlias = Literal["above", "behind", "opened", "last", "head"]

_SEP, _END = TERMINALS["_SEP"], TERMINALS["$END"]
_COMMENT = re.compile(r"(?<!\S)#[^\n]*")


class Note(Record):
    """Comments at a node. `words` are comments with their `#`; an empty word is a blank line."""

    node: int
    place: Place
    words: tuple[str, ...]


class Numbered:
    """The nodes of a tree by their numbers in `walk`, with their parents."""

    def __init__(self, tree: n.File) -> None:
        self.nodes: list[n.Node] = []
        self.parents: list[int] = []
        self.ends: list[int]
        """For each node the number behind its last descendant."""
        stack: list[tuple[object, int]] = [(tree, -1)]
        while stack:
            item, parent = stack.pop()
            if isinstance(item, n.Node):
                self.parents.append(parent)
                self.nodes.append(item)
                parent = len(self.nodes) - 1
                stack.extend((inner, parent) for inner in item.__class__._values_(item)[::-1])
            elif isinstance(item, tuple):
                stack.extend((inner, parent) for inner in item[::-1])
        self.ends = [i + 1 for i in range(len(self.nodes))]
        for i in range(len(self.nodes) - 1, 0, -1):
            self.ends[self.parents[i]] = max(self.ends[self.parents[i]], self.ends[i])
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        for i, node in enumerate(self.nodes):
            if i and node.end > node.start:
                self._starts.setdefault(node.start, i)
                self._ends.setdefault(node.end, i)
        self._places = sorted(self._starts)

    def starting(self, at: int) -> int | None:
        """Return the outermost node that begins at a place."""
        return self._starts.get(at)

    def ending(self, at: int) -> int | None:
        """Return the outermost node that ends at a place."""
        return self._ends.get(at)

    def following(self, at: int) -> int | None:
        """Return the outermost node that begins at a place or at the next one behind it."""
        found = bisect_left(self._places, at)
        return self._starts[self._places[found]] if found < len(self._places) else None

    def preceding(self, at: int) -> int | None:
        """Return the outermost node that begins at the last place before `at`."""
        found = bisect_left(self._places, at)
        return self._starts[self._places[found - 1]] if found else None

    def enclosing(self, at: int) -> int:
        """Return the innermost node around a place."""
        found, i = 0, 1
        while i < len(self.nodes):
            node = self.nodes[i]
            if node.start <= at < node.end:
                found, i = i, i + 1
            else:
                i = self.ends[i]
        return found

    def children(self, number: int) -> list[int]:
        """Return the numbers of the nodes right below a node."""
        found, i = [], number + 1
        while i < self.ends[number]:
            found.append(i)
            i = self.ends[i]
        return found

    def ancestors(self, number: int) -> list[int]:
        """Return a node and all nodes above it, the file last."""
        found = [number]
        while found[-1] > 0:
            found.append(self.parents[found[-1]])
        return found


ITEMS: tuple[type[n.Node], ...] = (
    n.Import, n.Const, n.TypeDecl, n.Model, n.ModelList, n.Mcp, n.Program, n.Coglet, n.Mixin, n.Agent, n.Team, n.Dod, n.Plan, n.Sett,
    n.Queue, n.Test, n.Scenario, n.Listen, n.Transmit, n.State, n.Enact, n.Create, n.Link, n.Supervise, n.Reaction, n.Send, n.Assign,
    n.Let, n.Guide, n.Stop, n.Restart, n.Escalate, n.Log, n.Fail, n.If, n.For, n.Evaluate, n.Attribute, n.Step, n.Command, n.Judge,
    n.Use, n.Crash, n.Disturb, n.Kill, n.Advance, n.Run, n.Expect, n.ExpectTrace, n.ExpectJudge, n.Feed, n.Order, n.Script, n.ForAll,
    n.ForRows, n.Explore, n.Live,
)  # fmt: skip
"""The nodes that have lines of their own in both notations, in braces or at the top of the file."""


def is_item(numbered: Numbered, number: int) -> bool:
    """Return whether a node has lines of its own. An `if` behind an `else` has none."""
    parent = numbered.parents[number]
    return isinstance(numbered.nodes[number], ITEMS) and not isinstance(numbered.nodes[parent], n.If)


_BODIES = (n.Coglet, n.Mixin, n.Agent, n.Team, n.Dod, n.Plan, n.Sett, n.Test)


def in_paragraphs(notes: list[Note], tree: n.File, ordered: n.File) -> list[Note]:
    """Return notes with a blank line between declarations that have bodies, if the text has no blank line between any two.

    `ordered` is the tree in the order of both notations, which the numbers of the notes are of.
    """
    numbered = Numbered(ordered)
    top = numbered.children(0)
    if any("" in note.words and note.place == "above" and note.node in top for note in notes):
        return notes
    number = {id(numbered.nodes[i].name): i for i in top if not isinstance(numbered.nodes[i], n.Import | n.Error)}  # type: ignore[attr-defined]
    kinds = [d.__class__ for d in tree.declarations]
    grouped = sorted(tree.declarations, key=lambda d: kinds.index(d.__class__))
    found: list[Note] = []
    for before, node in zip([None, *grouped], grouped, strict=False):
        has_body = isinstance(node, _BODIES) or isinstance(before, _BODIES)
        if (has_body and before is not None) or (before is None and tree.doc):
            i = top[0] if before is None else number.get(id(getattr(node, "name", None)), 0)
            found += [Note(i, "above", ("",))] if i else []
    return [*found, *notes]


class _Notes:
    """The notes of one text, as they are found."""

    def __init__(self, text: str, tree: n.File) -> None:
        self.text = text
        self.numbered = Numbered(tree)
        self.found: list[Note] = []

    def add(self, number: int | None, place: Place, words: list[str]) -> None:
        """Add a note. That of a body without a line of its own goes to the body's items."""
        number = 0 if number is None else number
        if not any(words) and (place != "above" or not is_item(self.numbered, number)):
            return
        node = self.numbered.nodes[number]
        while place in ("above", "behind") and isinstance(node, n.Block | n.Handler):
            inner = self.numbered.children(number)[1 if isinstance(node, n.Handler) else 0 :]
            if not inner:
                place = "opened"
                break
            number = inner[0 if place == "above" else -1]
            node = self.numbered.nodes[number]
        while place == "above" and isinstance(node, n.ListLiteral | n.RecordLiteral):
            inner = self.numbered.children(number)
            if not inner or self.numbered.nodes[inner[0]].start != node.start:  # in YAML it begins with its first item
                break
            number = inner[0]
            node = self.numbered.nodes[number]
        self.found.append(Note(number, place, tuple(words)))


# ---- the cog notation ----------------------------------------------------------------------------------------


def of_cog(source: Source, tree: n.File) -> list[Note]:
    """Return the notes of a formatted text in the cog notation."""
    notes = _Notes(source.text, tree)
    _Tokens(lex(source, Problems()), notes, lambda at: at).file(bool(tree.doc))
    return notes.found


class _Tokens:
    """The tokens of a text, and where they stand in the file."""

    def __init__(self, tokens: Tokens, notes: _Notes, place: Callable[[int], int]) -> None:
        real = [i for i, kind in enumerate(tokens.kinds) if kind not in (_SEP, _END)]
        self.notes = notes
        self.numbered = notes.numbered
        self.words = [tokens.text[tokens.starts[i] : tokens.ends[i]] for i in real]
        self.starts = [place(tokens.starts[i]) for i in real]
        self.ends = [place(tokens.ends[i] - 1) + 1 for i in real]
        self.gaps: list[tuple[int, str, list[str]]] = []
        """The comments before a token: its number, the comment on the line of the token before it, the lines above it."""
        for k in range(len(real) + 1):
            low = tokens.ends[real[k - 1]] if k else 0
            gap = tokens.text[low : tokens.starts[real[k]] if k < len(real) else len(tokens.text)]
            if "\n" in gap or "#" in gap:
                self.gaps.append((k, *gap_comments(gap, k == 0)))

    def file(self, doc: bool) -> None:
        """Add the notes of a whole file."""
        for k, trail, lead in self.gaps:
            if trail:
                self.behind(k, trail)
            if k == len(self.words):
                self.notes.add(0, "last", _stripped(lead))
            elif k:
                self.above(k, lead)
            else:
                self.top(lead, doc)

    def fragment(self) -> None:
        """Add the notes of a piece of code in YAML."""
        for k, trail, lead in self.gaps:
            if trail:
                self.behind(k, trail)
            if k < len(self.words):
                self.above(k, lead)
            elif any(lead) and k:
                last = self.numbered.ending(self.ends[-1])
                parent = self.numbered.parents[last] if last else self.numbered.enclosing(self.starts[-1])
                self.notes.add(parent, "last", _stripped(lead))

    def top(self, lead: list[str], doc: bool) -> None:
        """Add the comments above the first token: those above the last blank line, and all above a documentation string, are the file's."""
        if not self.words:
            self.notes.add(0, "last", _stripped(lead))
            return
        cut = len(lead) if doc else max((i for i, word in enumerate(lead) if not word), default=0)
        self.notes.add(0, "above", _stripped(lead[:cut]))
        self.above(0, [word for word in lead[cut:] if word])

    def behind(self, k: int, trail: str) -> None:
        """Add a comment behind the token before the token `k`."""
        before = k - 1
        if self.words[before] in ("{", "["):
            self.notes.add(self.numbered.enclosing(self.starts[before]), "opened", [trail])
            return
        if self.words[before] == "," and before:
            before -= 1
        found = self.numbered.ending(self.ends[before])
        if found is None:
            self.above(k, [trail])
        elif (
            self.words[before] == "}" and "\n" in self.notes.text[self.numbered.nodes[found].start : self.ends[before]]
        ):
            self.notes.add(self.numbered.enclosing(self.starts[before]), "last", [trail])
        else:
            self.notes.add(found, "behind", [trail])

    def above(self, k: int, lead: list[str]) -> None:
        """Add comments above the token `k`. What no node begins with, such as an operator, belongs to the next node."""
        if not lead:
            return
        for i in range(k, len(self.words)):
            if self.words[i] in _CLOSING:
                self.notes.add(self.numbered.enclosing(self.starts[i]), "last", _stripped(lead))
                return
            found = self.numbered.starting(self.starts[i])
            if found is not None:
                self.notes.add(found, "above", lead)
                return
        self.notes.add(0, "last", _stripped(lead))


_CLOSING = frozenset("}])")


def _stripped(words: list[str]) -> list[str]:
    """Return lines without blank lines behind the last comment."""
    count = len(words)
    while count and not words[count - 1]:
        count -= 1
    return words[:count]


# ---- YAML ----------------------------------------------------------------------------------------------------


def of_yaml(source: Source, tree: n.File, scalars: list[Scalar], codes: list[Scalar]) -> list[Note]:
    """Return the notes of a text in YAML. `scalars` are all of its scalars, and `codes` those that hold code."""
    notes = _Notes(source.text, tree)
    _Lines(source, notes, scalars).read()
    lines, notes.found = notes.found, []
    for code in codes:
        if "#" in code.text or "\n" in code.text.strip():
            _Tokens(lex(Source("", code.text), Problems()), notes, _placed(code.segments)).fragment()
    # at one node the comments above code come first, and those below it last
    above, below = ([note for note in lines if (note.place == "last") == last] for last in (False, True))
    return [*above, *notes.found, *below]


def _placed(segments: Segments) -> Callable[[int], int]:
    """Return the function from places in the text of a scalar to places in the file."""
    offsets = [a for a, _ in segments]

    def place(at: int) -> int:
        start, there = segments[max(bisect_right(offsets, at) - 1, 0)]
        return there + at - start

    return place


def codes(source: Source, root: Mapping) -> list[tuple[str, Scalar]]:
    """Return the scalars of a spec's YAML that hold code, with the kinds of their fragments. The file of a sett has none."""
    if "cog" not in {key.text for key, _ in root.pairs}:
        return []
    reader = _Codes(source, Problems())
    reader.file(root)
    return list(reader.found.values())


class _Codes(Reader):
    """A reader that remembers where code stands."""

    def __init__(self, source: Source, problems: Problems) -> None:
        super().__init__(source, problems)
        self.found: dict[int, tuple[str, Scalar]] = {}

    def fragment(self, kind: str, value: Value, where: str) -> Sequenced[Any] | None:
        if isinstance(value, Scalar):
            self.found[value.start] = kind, value
        return super().fragment(kind, value, where)


class _Lines:
    """The lines of a text in YAML, one by one, with the comments that no node has yet."""

    def __init__(self, source: Source, notes: _Notes, scalars: list[Scalar]) -> None:
        self.text = source.text
        self.notes = notes
        self.numbered = notes.numbered
        self.spans = sorted({_content(source.text, s) for s in scalars if s.end > s.start})
        self.waiting: list[tuple[int, str]] = []
        """The columns and words of comments on lines of their own; an empty word is a blank line."""
        self.begun = False
        """True behind the first line that is no comment."""

    def read(self) -> None:
        at = 0
        for line in self.text.split("\n"):
            self.line(at, line)
            at += len(line) + 1
        self.rest()

    def line(self, start: int, line: str) -> None:
        """Take one line of the text, which begins at `start`."""
        word = line.strip()
        first = start + len(line) - len(line.lstrip())
        if self.inside(start) or self.inside(first):
            self.behind(start, start, line)  # a later line of a scalar
        elif word.startswith("#"):
            self.waiting.append((first - start, word))
        elif not word:
            if not self.waiting or self.waiting[-1][1]:
                self.waiting.append((0, ""))
        elif word not in ("---", "..."):
            self.flush(start, first)
            self.behind(start, first, line)

    def inside(self, at: int) -> bool:
        """Return whether a place is inside of a scalar, behind its first character."""
        found = bisect_left(self.spans, (at, -1)) - 1
        return found >= 0 and self.spans[found][0] < at < self.spans[found][1]

    def flush(self, start: int, first: int) -> None:
        """Give the waiting comments to the node on a line, or to the lists and mappings that end above it."""
        waiting, self.waiting = self.waiting, []
        if not self.begun:
            self.begun = True
            self.notes.add(0, "above", _stripped([word for _, word in waiting]))
            return
        column = first - start
        deeper = next((i for i, (c, word) in enumerate(waiting) if word and c <= column), len(waiting))
        if not any(word for _, word in waiting[:deeper]):
            deeper = 0
        while deeper and not waiting[deeper - 1][1]:
            deeper -= 1
        self.ended(start, waiting[:deeper])
        words = [word for _, word in waiting[deeper:]]
        if words:
            self.notes.add(self.numbered.following(first), "above", words)

    def ended(self, start: int, waiting: list[tuple[int, str]]) -> None:
        """Give comments to the mappings and lists that end above the line at `start`, by the columns of the comments."""
        last = self.numbered.preceding(start)
        groups: dict[int, list[str]] = {}
        blank = False
        for column, word in waiting:
            if word:
                group = groups.setdefault(self.holder(last, column), [])
                group += [""] * blank + [word]
            blank = not word
        for number, words in groups.items():
            self.notes.add(number, "last", _stripped(words))

    def holder(self, last: int | None, column: int) -> int:
        """Return the node whose items a comment in a column ends: of the nodes that end with the node `last`."""
        for number in self.numbered.ancestors(last or 0)[:-1]:
            block = self.block(self.numbered.nodes[number].start)
            if block is not None and block == self.block(self.numbered.nodes[self.numbered.parents[number]].start):
                continue
            if self.column(self.numbered.nodes[number].start) in range(column + 1):
                return self.numbered.parents[number]
        return 0

    def column(self, at: int) -> int:
        """Return the column of a place that begins a line or an item of a list; else one that is too large.

        What is in a block scalar begins where the scalar does.
        """
        block = self.block(at)
        at = at if block is None else block
        line = self.text.rfind("\n", 0, at) + 1
        lead = self.text[line:at]
        blank = len(lead) - len(lead.lstrip())
        return blank if block is not None or not lead.strip(" -") else len(self.text)

    def block(self, at: int) -> int | None:
        """Return the end of the line above a block scalar that holds a place, or None if none does."""
        found = bisect_right(self.spans, (at, len(self.text))) - 1
        inside = found >= 0 and self.text[self.spans[found][0]] == "\n" and at < self.spans[found][1]
        return self.spans[found][0] if inside else None

    def rest(self) -> None:
        """Give the comments at the end to what ends there."""
        waiting, self.waiting = self.waiting, []
        if self.begun:
            self.ended(len(self.text), waiting)
        else:
            self.notes.add(0, "last", _stripped([word for _, word in waiting]))

    def behind(self, start: int, first: int, line: str) -> None:
        """Add the comment at the end of a line."""
        for found in _COMMENT.finditer(line):
            at = start + found.start()
            if self.inside(at):
                continue
            self.trail(start, first, at, found.group().rstrip())
            return

    def trail(self, start: int, first: int, at: int, word: str) -> None:
        numbered = self.numbered
        while self.text[first] in "- " and self.text[first : first + 2] in ("- ", "  "):
            first += 1
        if self.text[start:first].strip(" -"):
            first = start
        own = numbered.starting(first)
        if own is None and self.inside(start):  # the end of a scalar of several lines
            own = numbered.preceding(at)
            self.notes.add(own, "behind", [word])
            return
        if self.text[first:at].rstrip().endswith(":") and (own is None or numbered.nodes[own].end <= at):
            below = numbered.following(at)
            holds = below is not None and isinstance(numbered.nodes[below], n.Block | n.ListLiteral | n.RecordLiteral)
            self.notes.add(below, "opened" if holds else "above" if below is not None else "last", [word])
            return
        number = numbered.following(first) if own is None else own
        self.notes.add(number, "last" if number is None else "head" if self.several(number, at) else "behind", [word])

    def several(self, number: int, at: int) -> bool:
        """Return whether a node goes on behind the line of a comment."""
        node = self.numbered.nodes[number]
        newline = self.text.find("\n", at)
        below = self.text[newline : max(node.end, newline)] if newline >= 0 else ""
        return node.start > at or any(line.strip() and not line.lstrip().startswith("#") for line in below.split("\n"))


def _content(text: str, scalar: Scalar) -> tuple[int, int]:
    """Return the place of a scalar; of a block scalar, that of its lines."""
    if scalar.plain or text[scalar.start] not in "|>":
        return scalar.start, scalar.end
    newline = text.find("\n", scalar.start)
    end = scalar.start + len(text[scalar.start : scalar.end].rstrip())
    return (newline, max(newline, end)) if newline >= 0 else (end, end)
