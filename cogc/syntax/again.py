"""The trees of texts that are edited, kept from one version to the next: `Trees.parse(source, problems) -> nodes.File`.

An edit mostly changes the inside of one declaration. Then that declaration alone is parsed, and all others keep their nodes, those behind
the edit at their new places. So a node that has not been edited is the same object in both trees.

When a declaration is parsed alone
    The text differs from the one before in one place, which lies inside of one declaration, without its first and last character.
    Both texts of the declaration can be read strictly, without a report, as one declaration that fills its range. Since its brackets and
    strings are closed then, what stands before it and behind it is read as before.

When declarations with mistakes are read without the others
    The text differs in one place inside of one declaration, and the tree before had no report, or only reports of a few declarations, the
    *holes* of the tree. A hole reaches to the next declaration. The text is read with recovery as a whole text is, except that declarations
    are left out of it: what is read are the holes, each with the declaration behind it and those in front of it, the *neighbours*.

    The reports and the nodes are those of the whole text, because of four conditions, and in all other cases the text is read as a whole.
    1. The strict reading of the same parts fails, as that of the whole text does, which else would be read without recovery.
    2. Every declaration that is no hole is *sound*: it is not indented, and recovery splits it into the tokens of the strict reading.
    3. The neighbours come out as they are known. So recovery has taken nothing of them, and has found its way back to the end of a declaration
       on both sides of the hole. From there it goes on through sound declarations as the strict reading does.
    4. No name is declared that only recovery can read (`odd_names.py`), since its uses may stand anywhere.
    What recovery counts in a text, such as its reports, it counts in the holes alone: sound declarations add nothing. All holes are one
    reading, so that what the reports of one mean for the next is as it is in a reading of the whole.

Nodes that move are changed in place: `Trees` is for one reader, who has done with the tree of a text when it hands in the next text
of the same file. Nobody else changes a node.
"""

from __future__ import annotations

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.language.record import Record, replace
from cogc.syntax import lalr, nodes
from cogc.syntax.lexer import lex
from cogc.syntax.parse import parse
from cogc.syntax.parse_cog import RULES, is_sound, read_ranges, shallow

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
        if now is None:
            return None
        now = self._mended(now, source)
        if not now.holes:
            self._known[source.path] = source.text, now.tree
            _bound(self._known)
            return now.tree
        regions = _regions(now)
        found = Problems()
        read = read_ranges(source, found, [_range(now, r) for r in regions]) if self._are_sound(now) else None
        parts = None if read is None else _parts(read, now, regions)
        if read is None or parts is None:
            return None
        made = list(now.tree.declarations)
        for hole, part in zip(reversed(now.holes), reversed(parts), strict=True):
            made[hole.at : hole.at + 1] = part
        front = read if regions[0].start == 0 else now.tree
        back = read if now.holes[-1].at + 1 == len(now.tree.declarations) else now.tree
        # recovery may take the documentation of the file for a part of the mistake: it is there again when that is mended
        kept = nodes.File(front.start, back.end, now.tree.doc, now.tree.declarations)
        self._broken[source.path] = _Broken(source.text, kept, now.holes)
        _bound(self._broken)
        problems.take(found)
        return nodes.File(kept.start, kept.end, front.doc, tuple(made))

    def _mended(self, broken: _Broken, source: Source) -> _Broken:
        """Return the state without the holes that the strict reading can read."""
        declarations = list(broken.tree.declarations)
        holes: list[_Hole] = []
        end = broken.tree.end
        for hole in broken.holes:
            old = declarations[hole.at]
            new = _strictly(source, hole.start, hole.end, old)
            if new is None:
                holes.append(hole)
                continue
            self._forget(old)
            declarations[hole.at] = new
            end = new.end if hole.at + 1 == len(declarations) else end
        tree = nodes.File(broken.tree.start, end, broken.tree.doc, tuple(declarations))
        return _Broken(broken.text, tree, tuple(holes))

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

    def _are_sound(self, broken: _Broken) -> bool:
        """Return whether recovery reads each declaration that is no hole as the strict reading does."""
        if broken.text.count('"""') % 2:
            return False  # recovery looks for the string that has lost a quote in all of them
        holes = {h.at for h in broken.holes}
        return all(
            _is_at_margin(broken.text, d.start) and self._is_sound(d, broken.text)
            for i, d in enumerate(broken.tree.declarations)
            if i not in holes
        )

    def _is_sound(self, node: nodes.Declaration, text: str) -> bool:
        known = self._sound.get(id(node))
        if known is None or known[0] is not node:
            known = self._sound[id(node)] = node, is_sound(text, node.start, node.end)
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


def _is_at_margin(text: str, at: int) -> bool:
    """Return whether no blanks alone stand in front of a place in its line."""
    line = text.rfind("\n", 0, at) + 1
    return line == at or bool(text[line:at].strip())


def _hole(broken: _Broken, at: int) -> _Hole | None:
    """Return a declaration as a hole, which reaches to the next one; None if a documentation string stands in front of that."""
    declarations = broken.tree.declarations
    end = len(broken.text)
    if at + 1 < len(declarations):
        if getattr(declarations[at + 1], "doc", ""):
            return None
        end = next((h.start for h in broken.holes if h.at == at + 1), declarations[at + 1].start)
    return _Hole(at, declarations[at].start, end)


def _regions(broken: _Broken) -> list[range]:
    """Return the indexes of the holes and their neighbours, those that follow each other as one range.

    The neighbours in front of a hole go back to one that ends with a bracket: recovery looks at the bracket that was closed last.
    """
    text, declarations = broken.text, broken.tree.declarations
    holes = {h.at for h in broken.holes}
    found: list[range] = []
    for hole in broken.holes:
        first = hole.at - 1
        while first > 0 and (first in holes or text[declarations[first].end - 1] not in "})]"):
            first -= 1
        region = range(max(first, 0), min(hole.at + 2, len(declarations)))
        if found and region.start <= found[-1].stop:
            found[-1] = range(min(found[-1].start, region.start), region.stop)
        else:
            found.append(region)
    return found


def _range(broken: _Broken, region: range) -> tuple[int, int]:
    """Return the range of the text that a region has: all in front of the first declaration, and behind a hole that is the last one, is of it."""
    declarations, last = broken.tree.declarations, region.stop - 1
    hole = next((h for h in broken.holes if h.at == last), None)
    start = declarations[region.start].start if region.start else 0
    return start, declarations[last].end if hole is None else hole.end


def _parts(read: nodes.File, broken: _Broken, regions: list[range]) -> list[list[nodes.Declaration]] | None:
    """Return the declarations that were read in each hole; None if a neighbour has not come out as it is known."""
    holes = {h.at: h for h in broken.holes}
    pending = list(reversed(read.declarations))
    parts: list[list[nodes.Declaration]] = []
    for region in regions:
        for i in region:
            if i in holes:
                part = []
                while pending and pending[-1].start < holes[i].end:
                    part.append(pending.pop())
                parts.append(part)
            elif not pending or not _is_same(pending.pop(), broken.tree.declarations[i], i == region.start > 0):
                return None
    return None if pending else parts


def _is_same(read: nodes.Declaration, known: nodes.Declaration, without_doc: bool) -> bool:
    """Return whether a declaration is the one that is known there; `without_doc` if its documentation was not read."""
    if read.__class__ is not known.__class__ or (read.start, read.end) != (known.start, known.end):
        return False
    doc: object = getattr(known, "doc", "")
    return read == (replace(known, doc="") if doc and without_doc else known)


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
    end = old.end + moved
    new = _strictly(source, old.start, end, old)
    return new if new is not None and new.end == end else None


def _strictly(source: Source, start: int, end: int, old: nodes.Declaration) -> nodes.Declaration | None:
    """Return the declaration that the strict reading finds in a range, in the place of an older one of its kind.

    None if there is a report or another phrase, or if the text may nest deep.
    """
    problems = Problems()
    tokens = lex(source, problems, start, end)
    tree = lalr.parse(tokens, RULES, lambda at, states: False)
    if problems.found or not isinstance(tree, nodes.File) or len(tree.declarations) != 1 or not shallow(tokens):
        return None
    new: Any = tree.declarations[0]
    if new.__class__ is not old.__class__ or (new.start, new.end) != (start, tokens.ends[-2]):
        return None
    doc = getattr(old, "doc", "")  # it stands in front of the declaration
    return replace(new, doc=doc) if doc else new
