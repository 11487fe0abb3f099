"""The trees of texts that are edited, kept from one version to the next: `Trees.parse(source, problems) -> nodes.File`.

An edit mostly changes the inside of one declaration. Then that declaration alone is parsed, and all others keep their nodes, those behind
the edit at their new places. So a node that has not been edited is the same object in both trees.

When a declaration is parsed alone
    The text differs from the one before in one place, which lies inside of one declaration, without its first and last character.
    Both texts of the declaration can be read strictly, without a report, as one declaration that fills its range. Since its brackets and
    strings are closed then, what stands before it and behind it is read as before.

When declarations with mistakes are read alone
    The text differs in one place inside of one declaration, and the tree before had no report, or only reports of a few declarations, the
    *holes* of the tree. A hole reaches to the next declaration. Read alone, with recovery, the holes give the reports that a reading of the
    whole text gives, if recovery reads every other declaration as the strict reading does, which is tried once for each, and if what is behind
    a hole begins a line with the word of a declaration: there recovery begins anew. In all other cases a text with a mistake is read as a whole.

Nodes that move are changed in place: `Trees` is for one reader, who has done with the tree of a text when it hands in the next text
of the same file. Nobody else changes a node.
"""

from __future__ import annotations

import re

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.record import Record, replace
from cogc.syntax import lalr, nodes
from cogc.syntax.lexer import lex
from cogc.syntax.parse import parse
from cogc.syntax.parse_cog import MOST_ERRORS, RULES, WORD_AT_MARGIN, alone, reads_alike, shallow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_MOST = 200
"""The most trees that are kept."""


_HOLES = 4
"""The most declarations with mistakes that are read alone; with more of them a text is read as a whole."""


class _Hole(Record):
    """A declaration with mistakes: its index among the declarations of the tree without them, and its range in the text."""

    at: int
    start: int
    end: int


class _Broken(Record):
    """A text with mistakes: the tree without them, and its holes in their order. A hole's declaration in the tree is one of an older text."""

    text: str
    tree: nodes.File
    holes: tuple[_Hole, ...]


class Trees:
    """The last text and tree of each file that was read without a report, or with reports of a few declarations alone."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, nodes.File]] = {}
        self._broken: dict[str, _Broken] = {}
        self._sound: dict[int, tuple[nodes.Declaration, bool]] = {}
        """The declarations that recovery reads as the strict reading does, and those that it does not."""
        self._flat: dict[int, tuple[nodes.Declaration, list[Any]]] = {}
        """The nodes of declarations that have been moved, by the identity of each."""

    def parse(self, source: Source, problems: Problems) -> nodes.File:
        """Return the tree of a text, as `syntax.parse.parse` does."""
        known = self._known.pop(source.path, None)
        broken = self._broken.pop(source.path, None)
        tree = None if known is None else self._edited(known[0], known[1], source)
        if tree is None and (known is not None or broken is not None):
            read = self._mistaken(known, broken, source, problems)
            if read is not None:
                return read
        if tree is None:
            found, dropped = len(problems.found), len(problems.dropped)
            tree = parse(source, problems)
            self._flat.clear()
            self._sound.clear()
            if (found, dropped) != (len(problems.found), len(problems.dropped)):
                return tree
        self._known[source.path] = source.text, tree
        _bound(self._known)
        return tree

    def _edited(self, before: str, tree: nodes.File, source: Source) -> nodes.File | None:
        """Return the tree of an edited text, None if the text has to be read as a whole."""
        text = source.text
        if text == before:
            return tree
        if not source.path.endswith(".cog"):
            return None
        first, last = _kept(before, text)
        moved = len(text) - len(before)
        for i, old in enumerate(tree.declarations):
            if old.start < first and len(before) - last < old.end:
                new = _alone(old, source, moved)
                if new is None:
                    return None
                self._forget(old)
                for declaration in tree.declarations[i + 1 :] if moved else ():
                    self._move(declaration, moved)
                declarations = (*tree.declarations[:i], new, *tree.declarations[i + 1 :])
                return nodes.File(tree.start, tree.end + moved, tree.doc, declarations)
        return None

    def _mistaken(
        self, known: tuple[str, nodes.File] | None, broken: _Broken | None, source: Source, problems: Problems
    ) -> nodes.File | None:
        """Return the tree of a text with mistakes in a few declarations; None if the text has to be read as a whole."""
        if not source.path.endswith(".cog"):
            return None
        if broken is None:
            assert known is not None
            broken = _Broken(known[0], known[1], ())
        now = self._moved(broken, source)
        if now is None or not self._are_alone(now):
            return None
        declarations, made = list(now.tree.declarations), list(now.tree.declarations)
        holes: list[_Hole] = []
        reports: list[Problems] = []
        end = now.tree.end
        for hole in reversed(now.holes):
            found = Problems()
            tree = _recovered(source, hole, found)
            if tree is None:
                return None
            made[hole.at : hole.at + 1] = tree.declarations
            end = tree.end if hole.at + 1 == len(declarations) else end
            if found.found or len(tree.declarations) != 1:
                holes.append(hole)
                reports.append(found)
            else:
                self._forget(declarations[hole.at])
                declarations[hole.at] = tree.declarations[0]
        if sum(len(found.found) for found in reports) >= MOST_ERRORS:
            return None  # a reading of the whole text stops there
        whole = nodes.File(now.tree.start, end, now.tree.doc, tuple(made))
        if holes:
            kept = nodes.File(whole.start, now.tree.end, whole.doc, tuple(declarations))
            self._broken[source.path] = _Broken(source.text, kept, tuple(reversed(holes)))
            _bound(self._broken)
            for found in reversed(reports):
                problems.take(found)
        else:
            self._known[source.path] = source.text, whole
            _bound(self._known)
        return whole

    def _moved(self, broken: _Broken, source: Source) -> _Broken | None:
        """Return the state of an edited text, with the places and holes that it has then. None if it must be read as a whole.

        An edit in a hole leaves the holes what they are. One in another declaration gives that declaration its new nodes, or
        makes it a hole if it cannot be read.
        """
        before, text = broken.text, source.text
        first, last = _kept(before, text)
        moved, until = len(text) - len(before), len(before) - last
        edited = next((h.at for h in broken.holes if h.start < first and until < h.end), None)
        declarations = list(broken.tree.declarations)
        holes = {h.at: h for h in broken.holes}
        if edited is None:
            edited = next(
                (i for i, d in enumerate(declarations) if i not in holes and d.start < first and until <= d.end), None
            )
            if edited is None:
                return None
            old = declarations[edited]
            new = _alone(old, source, moved) if until < old.end else None
            if new is not None:
                self._forget(old)
                declarations[edited] = new
            else:
                hole = _hole(broken, edited)
                if hole is None or len(holes) == _HOLES:
                    return None
                holes[edited] = hole
        if moved:
            for i in range(edited + 1, len(declarations)):
                if i not in holes:
                    self._move(declarations[i], moved)
        placed = [
            _Hole(h.at, h.start + moved * (h.at > edited), h.end + moved * (h.at >= edited))
            for h in sorted(holes.values(), key=lambda h: h.at)
        ]
        tree = nodes.File(broken.tree.start, broken.tree.end + moved, broken.tree.doc, tuple(declarations))
        return _Broken(text, tree, tuple(placed))

    def _are_alone(self, broken: _Broken) -> bool:
        """Return whether the holes can be read apart from the other declarations."""
        holes = {h.at for h in broken.holes}
        return all(_begins_a_line(broken, h) for h in broken.holes) and all(
            self._is_sound(d, broken.text) for i, d in enumerate(broken.tree.declarations) if i not in holes
        )

    def _is_sound(self, node: nodes.Declaration, text: str) -> bool:
        """Return whether recovery reads a declaration of a text as the strict reading does."""
        known = self._sound.get(id(node))
        if known is None or known[0] is not node:
            known = self._sound[id(node)] = node, reads_alike(text, node.start, node.end)
        return known[1]

    def _forget(self, tree: nodes.Declaration) -> None:
        """Let go what is known of a declaration in whose place another one stands."""
        self._flat.pop(id(tree), None)
        self._sound.pop(id(tree), None)

    def _move(self, tree: nodes.Declaration, by: int) -> None:
        """Move a declaration: change the places of its nodes."""
        known = self._flat.get(id(tree))
        if known is None or known[0] is not tree:
            known = self._flat[id(tree)] = tree, list({id(n): n for n in nodes.walk(tree)}.values())
        for node in known[1]:
            node.start += by
            node.end += by
            if isinstance(node, nodes.Text):
                place: Any = node
                place.segments = tuple((at, there + by) for at, there in node.segments)


def _bound(kept: dict[str, Any]) -> None:
    """Keep the newest entries, at most `_MOST`."""
    while len(kept) > _MOST:
        del kept[next(iter(kept))]


def _begins_a_line(broken: _Broken, hole: _Hole) -> bool:
    """Return whether a hole begins a line, and what is behind it one with the word of a declaration."""
    text = broken.text
    if "\n" not in (text[hole.start - 1 : hole.start] or "\n"):
        return False
    is_last = hole.at + 1 == len(broken.tree.declarations)
    return is_last or (text[hole.end - 1] == "\n" and re.compile(WORD_AT_MARGIN).match(text, hole.end) is not None)


def _recovered(source: Source, hole: _Hole, found: Problems) -> nodes.File | None:
    """Return the tree of a hole that is read alone, with its reports; None if the whole text may give others."""
    tree = alone(source, found, hole.start, hole.end)
    behind_all = hole.start + len(source.text[hole.start : hole.end].rstrip())
    if tree is None or any(
        d.span.start >= behind_all or (d.slug == "unclosed-string" and '"""' in d.help) for d in found.found
    ):
        return None  # the words at the end of a text are others than those in front of a declaration
    return tree if not found.found or _keeps_what_is_above(source, hole) else None


def _keeps_what_is_above(source: Source, hole: _Hole) -> bool:
    """Return whether recovery from the mistakes of a hole keeps the declarations above it: one behind a complete declaration drops them."""
    text = _ABOVE + source.text[hole.start : hole.end]
    tree = alone(Source("", text), Problems(), 0, len(text))
    return tree is not None and any(isinstance(d, nodes.Const) for d in tree.declarations[:1])


_ABOVE = "const _ = 0\n"


def _hole(broken: _Broken, at: int) -> _Hole | None:
    """Return a declaration as a hole, which reaches to the next one; None if a documentation string stands in front of either."""
    declarations: Any = broken.tree.declarations
    following = next((h.start for h in broken.holes if h.at == at + 1), None)
    if following is None and at + 1 < len(declarations):
        following = None if getattr(declarations[at + 1], "doc", "") else declarations[at + 1].start
        if following is None:
            return None
    if getattr(declarations[at], "doc", ""):
        return None
    return _Hole(at, declarations[at].start, len(broken.text) if following is None else following)


def _kept(before: str, after: str) -> tuple[int, int]:
    """Return how many characters an edit has left alone at the start of a text, and at its end."""
    first = _common(before, after)
    return first, _common(before[first:][::-1], after[first:][::-1])


def _common(a: str, b: str) -> int:
    """Return how many characters two texts have in common at their start."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _alone(old: nodes.Declaration, source: Source, moved: int) -> nodes.Declaration | None:
    """Return a declaration in its new text, None if this cannot be read alone."""
    start, end = old.start, old.end + moved
    problems = Problems()
    tokens = lex(source, problems, start, end)
    tree = lalr.parse(tokens, RULES, lambda at, states: False)
    if problems.found or not isinstance(tree, nodes.File) or len(tree.declarations) != 1 or not shallow(tokens):
        return None
    new: Any = tree.declarations[0]
    if new.__class__ is not old.__class__ or (new.start, new.end) != (start, end):
        return None
    doc = getattr(old, "doc", "")  # it stands in front of the declaration
    return replace(new, doc=doc) if doc else new
