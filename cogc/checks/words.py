"""The words of a file with their places: what a lint counts before it says that a name has no use.

Words of strings count too, since a string may be a template, and those of comments do not. In YAML all words count.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left

from cogc.diagnostics.problems import Problems
from cogc.diagnostics.source import Source
from cogc.names.load import groups
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
    """Return the words of a file, without those of the files and models that it names, and of what its tests only script."""
    named = (
        *(m.argument for m in unit.all(nodes.Model)),
        *(i.path for i in unit.all(nodes.Import)),
        *(s.program for s in unit.all(nodes.Script)),
    )
    return Words(unit.source, tuple(n for n in named if isinstance(n, nodes.Node)))


class Vocabulary:
    """The words of the files that the user wrote, group by group: a word of a file that cannot see a name is no use of it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._groups: dict[str, _Group] = {}
        self._tests: dict[str, Words | None] = {}

    def of(self, unit: Unit) -> Words:
        """Return the words of a file."""
        return self._group(unit).words()[unit.path]

    def has(self, unit: Unit, word: str) -> bool:
        """Return whether a word stands in a file, in another one of its group, or in the tests beside it."""
        return word in self.of(unit).places or self.elsewhere(unit, word)

    def elsewhere(self, unit: Unit, word: str) -> bool:
        """Return whether a word stands in another file of the group, or in the tests beside this one."""
        own = word in self.of(unit).places
        group = self._group(unit)
        if group.spread.get(word, 0) > own:
            return True
        if unit.path not in self._tests:
            self._tests[unit.path] = None if tests_of(unit) in group.words() else self._tests_beside(unit)
        beside = self._tests[unit.path]
        return beside is not None and word in beside.places

    def _group(self, unit: Unit) -> _Group:
        """Return the group of a file."""
        if not self._groups:
            units = self._world.units
            for paths in groups(self._world):
                group = _Group([units[path] for path in paths if path in units])
                self._groups.update(dict.fromkeys(paths, group))
        return self._groups[unit.path]

    def _tests_beside(self, unit: Unit) -> Words | None:
        """Return the words of the file with the tests of a spec, if there is one."""
        path = tests_of(unit)
        data = self._world.look(unit, path)
        return None if data is None else Words(Source(path, data.decode("utf-8", "replace")))


class _Group:
    """The words of the files that reach each other: each file is read for them once, when the first of them is asked for."""

    def __init__(self, units: list[Unit]) -> None:
        self._units = units
        self._words: dict[str, Words] = {}
        self.spread: dict[str, int] = {}
        """The number of files in which each word stands, if there are several."""

    def words(self) -> dict[str, Words]:
        """Return the words of each file."""
        if not self._words:
            self._words = {u.path: words_of(u) for u in self._units}
            for words in self._words.values() if len(self._units) > 1 else ():
                for word in words.places:
                    self.spread[word] = self.spread.get(word, 0) + 1
        return self._words


def tests_of(unit: Unit) -> str:
    """Return the path of the file with the tests of a spec, `NAME_test.cog` beside it."""
    stem, _ = posixpath.splitext(unit.path)
    return f"{stem}_test.cog"
