"""The trees of texts that are edited, kept from one version to the next: `Trees.parse(source, problems) -> nodes.File`.

An edit mostly changes the inside of one declaration. Then that declaration alone is parsed, and all others keep their nodes, those behind
the edit at their new places. So a node that has not been edited is the same object in both trees.

When a declaration is parsed alone
    The text differs from the one before in one place, which lies inside of one declaration, without its first and last character.
    Both texts of the declaration can be read strictly, without a report, as one declaration that fills its range. Since its brackets and
    strings are closed then, what stands before it and behind it is read as before.
    The tree before had no report. A text with a mistake is always read as a whole, with recovery.

Nodes that move are changed in place: `Trees` is for one reader, who has done with the tree of a text when it hands in the next text
of the same file. Nobody else changes a node.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.language.record import replace
from cogc.syntax import lalr, nodes
from cogc.syntax.lexer import lex
from cogc.syntax.parse import parse
from cogc.syntax.parse_cog import RULES, shallow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cogc.diagnostics.source import Source

_MOST = 200
"""The most trees that are kept."""


class Trees:
    """The last text and tree of each file that was read without a report."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, nodes.File]] = {}
        self._flat: dict[int, tuple[nodes.Declaration, list[Any]]] = {}
        """The nodes of declarations that have been moved, by the identity of each."""

    def parse(self, source: Source, problems: Problems) -> nodes.File:
        """Return the tree of a text, as `syntax.parse.parse` does."""
        known = self._known.pop(source.path, None)
        tree = None if known is None else self._edited(known[0], known[1], source)
        if tree is None:
            found, dropped = len(problems.found), len(problems.dropped)
            tree = parse(source, problems)
            self._flat.clear()
            if (found, dropped) != (len(problems.found), len(problems.dropped)):
                return tree
        self._known[source.path] = source.text, tree
        while len(self._known) > _MOST:
            del self._known[next(iter(self._known))]
        return tree

    def _edited(self, before: str, tree: nodes.File, source: Source) -> nodes.File | None:
        """Return the tree of an edited text, None if the text has to be read as a whole."""
        text = source.text
        if text == before:
            return tree
        if not source.path.endswith(".cog"):
            return None
        first = _common(before, text)
        last = _common(before[first:][::-1], text[first:][::-1])
        moved = len(text) - len(before)
        for i, old in enumerate(tree.declarations):
            if old.start < first and len(before) - last < old.end:
                new = _alone(old, source, moved)
                if new is None:
                    return None
                self._flat.pop(id(old), None)
                for declaration in tree.declarations[i + 1 :] if moved else ():
                    self._move(declaration, moved)
                declarations = (*tree.declarations[:i], new, *tree.declarations[i + 1 :])
                return nodes.File(tree.start, tree.end + moved, tree.doc, declarations)
        return None

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
