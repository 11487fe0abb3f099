"""The trees of texts that are edited, kept from one version to the next: `Trees.parse(source, problems) -> nodes.File`.

An edit mostly changes the inside of one declaration. Then that declaration alone is parsed, and all others keep their nodes, those behind
the edit at their new places. So a node that has not been edited is the same object in both trees.

When a declaration is parsed alone
    The text differs from the one before in one place, which lies inside of one declaration, without its first and last character.
    Both texts of the declaration can be read strictly, without a report, as one declaration that fills its range. Since its brackets and
    strings are closed then, what stands before it and behind it is read as before.

When a declaration with a mistake is read alone
    The text differs in one place inside of one declaration, and the tree before had no report, or only reports of that same
    declaration. It reaches to the next declaration. Read alone, with recovery, it gives the reports that a reading of the whole text gives,
    if recovery reads every other declaration as the strict reading does, which is tried once for each, and if the next declaration begins a line
    with its word: there recovery begins anew. In all other cases a text with a mistake is read as a whole.

Nodes that move are changed in place: `Trees` is for one reader, who has done with the tree of a text when it hands in the next text
of the same file. Nobody else changes a node.
"""

from __future__ import annotations

import re

from cogc.diagnostics.problems import Problems
from cogc.language.record import Record, replace
from cogc.syntax import lalr, nodes
from cogc.syntax.lexer import lex
from cogc.syntax.parse import parse
from cogc.syntax.parse_cog import RULES, WORD_AT_MARGIN, alone, reads_alike, shallow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.diagnostics.source import Source

_MOST = 200
"""The most trees that are kept."""


class _Broken(Record):
    """A text with mistakes in one declaration: the tree without them, the index of that declaration, and its range."""

    text: str
    tree: nodes.File
    at: int
    start: int
    end: int


class Trees:
    """The last text and tree of each file that was read without a report, or with reports of one declaration alone."""

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
        """Return the tree of a text with mistakes in one declaration; None if the text has to be read as a whole."""
        if not source.path.endswith(".cog"):
            return None
        if broken is None:
            assert known is not None
            broken = _first(known[0], known[1], source.text)
        elif not _is_inside(broken, source.text):
            broken = self._elsewhere(broken, source)
        if broken is None or not self._is_alone(broken):
            return None
        moved = len(source.text) - len(broken.text)
        end = broken.end + moved
        found = Problems()
        tree = alone(source, found, broken.start, end)
        behind_all = broken.start + len(source.text[broken.start : end].rstrip())
        if tree is None or any(
            d.span.start >= behind_all or (d.slug == "unclosed-string" and '"""' in d.help) for d in found.found
        ):
            return None  # the words at the end of a text are others than those in front of a declaration
        before, behind = broken.tree.declarations[: broken.at], broken.tree.declarations[broken.at + 1 :]
        for declaration in behind if moved else ():
            self._move(declaration, moved)
        whole = nodes.File(
            broken.tree.start, broken.tree.end + moved, broken.tree.doc, (*before, *tree.declarations, *behind)
        )
        kept = nodes.File(whole.start, whole.end, whole.doc, broken.tree.declarations)
        if not found.found and len(tree.declarations) == 1:
            self._forget(broken.tree.declarations[broken.at])
            self._known[source.path] = source.text, whole
            _bound(self._known)
            return whole
        self._broken[source.path] = _Broken(source.text, kept, broken.at, broken.start, end)
        _bound(self._broken)
        problems.take(found)
        return whole

    def _elsewhere(self, broken: _Broken, source: Source) -> _Broken | None:
        """Return the state behind an edit of another declaration than the broken one; None if that cannot be read alone."""
        text = source.text
        moved = len(text) - len(broken.text)
        first, last = _kept(broken.text, text)
        for i, old in enumerate(broken.tree.declarations):
            if i == broken.at or not old.start < first or len(broken.text) - last >= old.end:
                continue
            new = _alone(old, source, moved)
            if new is None:
                return None
            self._forget(old)
            for declaration in broken.tree.declarations[i + 1 :] if moved else ():
                self._move(declaration, moved)
            declarations = (*broken.tree.declarations[:i], new, *broken.tree.declarations[i + 1 :])
            tree = nodes.File(broken.tree.start, broken.tree.end + moved, broken.tree.doc, declarations)
            by = moved if i < broken.at else 0
            return _Broken(text, tree, broken.at, broken.start + by, broken.end + by)
        return None

    def _is_alone(self, broken: _Broken) -> bool:
        """Return whether the broken declaration can be read apart from the others."""
        if "\n" in (broken.text[broken.start - 1 : broken.start] or "\n") and self._begins(broken):
            return all(self._is_sound(d, broken.text) for i, d in enumerate(broken.tree.declarations) if i != broken.at)
        return False

    @staticmethod
    def _begins(broken: _Broken) -> bool:
        """Return whether the declaration behind the broken one begins a line with its word."""
        behind = broken.tree.declarations[broken.at + 1 : broken.at + 2]
        at = broken.end
        return not behind or (
            broken.text[at - 1] == "\n" and re.compile(WORD_AT_MARGIN).match(broken.text, at) is not None
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


def _is_inside(broken: _Broken, text: str) -> bool:
    """Return whether an edit lies inside of the broken declaration."""
    first, last = _kept(broken.text, text)
    return broken.start < first and len(broken.text) - last < broken.end


def _first(before: str, tree: nodes.File, text: str) -> _Broken | None:
    """Return the declaration of a text without mistakes in which an edit lies, as the one that is broken now."""
    first, last = _kept(before, text)
    for i, old in enumerate(tree.declarations):
        documented: Any = old
        if old.start < first and len(before) - last <= old.end and not getattr(documented, "doc", ""):
            behind: Any = tree.declarations[i + 1 : i + 2]
            end = behind[0].start if behind else len(before)
            if behind and getattr(behind[0], "doc", ""):
                return None
            return _Broken(before, tree, i, old.start, end)
    return None


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
