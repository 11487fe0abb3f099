"""The words of a file with their places: what a lint counts before it says that a name has no use.

Words of strings count too, since a string may be a template, and those of comments do not. In YAML all words count.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.syntax import nodes
from cogc.syntax.lexer import lex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cogc.names.world import Unit, World

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Words:
    """The words of one file, by their places."""

    def __init__(self, source: Source, left_out: tuple[nodes.Node, ...] = ()) -> None:
        self.places: dict[str, list[int]] = {}
        if source.path.lower().endswith((".yml", ".yaml")) or ("#" not in source.text and not left_out):
            pieces = [(0, len(source.text))]  # all words count, since there are no comments
        else:
            tokens = lex(source, Problems())
            pieces = list(zip(tokens.starts, tokens.ends, strict=True))
        skipped = {node.start for node in left_out}
        for start, end in pieces:
            if start not in skipped:
                for found in _WORD.finditer(source.text, start, end):
                    self.places.setdefault(found[0], []).append(found.start())

    def count(self, word: str, owner: nodes.Node | None = None) -> int:
        """Return how often a word stands in the file, or inside of a node."""
        places = self.places.get(word, [])
        return len(places) if owner is None else bisect_left(places, owner.end) - bisect_left(places, owner.start)


def words_of(unit: Unit) -> Words:
    """Return the words of a file, without those of the files and models that it names."""
    named = (*(m.argument for m in unit.all(nodes.Model)), *(i.path for i in unit.all(nodes.Import)))
    return Words(unit.source, tuple(n for n in named if isinstance(n, nodes.Node)))


class Vocabulary:
    """The words of all files that the user wrote: each file is read for them once, when the first of them is asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._files: dict[str, Words] = {}
        self._tests: dict[str, Words | None] = {}
        self._spread: dict[str, int] = {}
        """The number of files in which each word stands."""

    def of(self, unit: Unit) -> Words:
        """Return the words of a file."""
        if not self._files:
            self._files = {u.path: words_of(u) for u in self._world.units.values() if not u.is_std}
            for words in self._files.values():
                for word in words.places:
                    self._spread[word] = self._spread.get(word, 0) + 1
        return self._files[unit.path]

    def has(self, unit: Unit, word: str) -> bool:
        """Return whether a word stands in a file, in another one, or in the tests beside it."""
        return word in self.of(unit).places or self.elsewhere(unit, word)

    def elsewhere(self, unit: Unit, word: str) -> bool:
        """Return whether a word stands in another file, or in the tests beside this one."""
        own = word in self.of(unit).places
        if self._spread.get(word, 0) > own:
            return True
        if unit.path not in self._tests:
            self._tests[unit.path] = tests_beside(self._world, unit)
        beside = self._tests[unit.path]
        return beside is not None and word in beside.places


def tests_beside(world: World, unit: Unit) -> Words | None:
    """Return the words of the file with the tests of a spec, `NAME_test.cog` beside it, if there is one."""
    stem, _ = posixpath.splitext(unit.path)
    path = f"{stem}_test.cog"
    data = world.look(unit, path) if path not in world.units else None
    return None if data is None else Words(Source(path, data.decode("utf-8", "replace")))
