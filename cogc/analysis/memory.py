"""The memory of an analysis that is made again after an edit: what was found out about a coglet stays, as long as nothing that it
could depend on has changed. Language servers have one for each file; a command has none.

`Memory.shape(checked, shape, analyse)` takes the place of `analyse(checked, shape)`: it replays what a coglet has added to the tables the last time, or
calls `analyse` and keeps what that adds.

The key
    The analysis of a coglet reads its own node, and what the names in it lead to: declarations of its file, of its imports, of the
    prelude, and whatever the names in those lead to in turn. So the key of a coglet has each declaration that can be reached by names,
    with what every word in it stands for at the top of a file; a word that stands for nothing there is in it too, since it may be
    declared by the next edit. The tree of an edited text keeps the nodes of what has not been edited (`syntax/again.py`), so that a
    declaration has changed if its node is another object.

What is kept
    An analysis that reports anything is not kept, since a report may name whatever is near; nor is one that leaves a check for the
    end (`Tables.late`). So the reports of a coglet are always made anew, and a replay has none.

The same objects
    The tables refer to units, shapes and scopes. `World.kept` hands on the units and shapes of the last analysis, filled anew, so
    that a table that is replayed refers to those of this one. A scope is given the new world.
"""

from __future__ import annotations

import re
from itertools import islice

from cogc.names.world import Kept
from cogc.syntax import nodes
from cogc.syntax.again import Trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from cogc.analysis.checked import Checked
    from cogc.analysis.scope import Symbol
    from cogc.diagnostics.source import Source
    from cogc.names.world import Shape, Unit, World

    Meant: TypeAlias = frozenset[tuple[str, int]]
    """Each word of a declaration with the identity of the node that it stands for, 0 if there is none."""
    Inner: TypeAlias = tuple[Source, nodes.Name, Symbol]
    Key: TypeAlias = tuple[dict[int, Meant], str]

_DICTS = ("types", "symbols", "targets", "stage_calls", "meant", "wanted")
_SETS = ("content", "waiting", "used", "sent", "fed", "heard")
_LISTS = ("conditions", "hopeless_tests")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Memory:
    """The findings that are handed on from one analysis of a file to the next."""

    def __init__(self, trees: Trees) -> None:
        self.trees = trees
        self.kept = Kept()
        self._records: dict[int, _Record] = {}
        self._next: dict[int, _Record] = {}
        self._words: dict[int, tuple[nodes.Node, frozenset[str]]] = {}
        self._links: dict[int, tuple[Meant, list[tuple[Unit, nodes.Node]]]] = {}
        self._locks = ""

    def begin(self, world: World) -> None:
        """Begin with the shapes of a world."""
        self._next, self._links = {}, {}
        self._locks = repr(world.locks) if world.locks else ""

    def end(self, world: World) -> None:
        """Keep what this analysis has kept, and nothing older."""
        self._records = self._next
        self.kept.take(world)
        present = {id(d) for u in world.units.values() for d in u.tree.declarations}
        self._words = {k: v for k, v in self._words.items() if k in present}

    def shape(self, checked: Checked, shape: Shape, analyse: Callable[[Checked, Shape], None]) -> None:
        """Analyse a shape, or replay its last analysis."""
        node = shape.node
        if shape.expanded or shape.unit.is_std:
            analyse(checked, shape)
            return
        key, alive = self._key(checked.world, shape.unit, node)
        known = self._records.get(id(node))
        if known is None or known.node is not node or known.key != key:
            known = _record(checked, shape, key, analyse)
            if known is not None:
                known.alive = alive
        else:
            known.replay(checked, shape)
        if known is not None:
            self._next[id(node)] = known

    # ---- keys ----------------------------------------------------------------------------------------------

    def _key(self, world: World, unit: Unit, node: nodes.Node) -> tuple[Key, list[nodes.Node]]:
        """Return the key of a declaration, and the nodes that it names by their identities."""
        found: dict[int, Meant] = {}
        alive: list[nodes.Node] = []
        pending = [(unit, node)]
        while pending:
            unit, node = pending.pop()
            if id(node) not in found:
                found[id(node)], further = self._of(world, unit, node)
                alive.append(node)
                pending += further
        return (found, self._locks), alive

    def _of(self, world: World, unit: Unit, node: nodes.Node) -> tuple[Meant, list[tuple[Unit, nodes.Node]]]:
        """Return what the words of a declaration stand for, and the declarations among that."""
        known = self._links.get(id(node))
        if known is not None:
            return known
        meant: set[tuple[str, int]] = set()
        further: list[tuple[Unit, nodes.Node]] = []
        for word in self._words_of(unit, node):
            declared = world.lookup(unit, word)
            if declared is not None:
                meant.add((word, id(declared.node)))
                if id(declared.node) in world.doubled:
                    meant.add((word, 1))
                further.append((declared.unit, declared.node))
            other = unit.aliases.get(word)
            if other is not None:
                for name in other.public():
                    meant.add((f"{word}.{name}", id(other.declared[name].node)))
                    further.append((other, other.declared[name].node))
            if declared is None and other is None:
                meant.add((word, 0))
        self._links[id(node)] = found = frozenset(meant), further
        return found

    def _words_of(self, unit: Unit, node: nodes.Node) -> frozenset[str]:
        """Return the words of a declaration that may be names: those of templates are among them."""
        known = self._words.get(id(node))
        if known is not None and known[0] is node:
            return known[1]
        words: set[str] = set()
        for part in unit.walked(node):
            if part.__class__ is nodes.Name:
                words.add(part.id)
            elif part.__class__ is nodes.Text:
                words.update(_WORD.findall(part.value))
        found = frozenset(words)
        self._words[id(node)] = node, found
        return found


class _Record:
    """The findings that the analysis of one coglet has added to the tables."""

    def __init__(self, node: nodes.Node, key: Key, added: dict[str, Any], inner: list[Inner]) -> None:
        self.node = node
        self.key = key
        self.added = added
        self.inner = inner
        """The names inside of templates, which do not move with the tree."""
        self.start = node.start
        self.alive: list[nodes.Node] = []
        """The nodes that the key names: as long as they are here, no other node has the identity of one of them."""

    def replay(self, checked: Checked, shape: Shape) -> None:
        tables, by = checked.tables, self.node.start - self.start
        for _, word, symbol in self.inner:
            tables.inner.append((shape.unit.source, nodes.Name(word.start + by, word.end + by, word.id), symbol))
        for name in (*_DICTS, *_SETS):
            getattr(tables, name).update(self.added[name])
        for name in _LISTS:
            getattr(tables, name).extend(self.added[name])
        for _, scope, *_ in (*self.added["conditions"], *self.added["hopeless_tests"]):
            scope.world = checked.world


def _record(checked: Checked, shape: Shape, key: Key, analyse: Callable[[Checked, Shape], None]) -> _Record | None:
    """Analyse a coglet, and return what that adds; None if it is not to be kept."""
    tables, problems = checked.tables, checked.problems
    sizes = {name: len(getattr(tables, name)) for name in (*_DICTS, *_LISTS)}
    before = {name: getattr(tables, name) for name in _SETS}
    for name in _SETS:
        setattr(tables, name, set())
    first = len(tables.inner)
    counts = len(problems.found), len(tables.late), len(checked.inference.bounds), len(tables.unknown)
    analyse(checked, shape)
    added: dict[str, Any] = {}
    for name in _SETS:
        added[name] = getattr(tables, name)
        before[name].update(added[name])
        setattr(tables, name, before[name])
    if problems.hides is not None or counts != (
        len(problems.found), len(tables.late), len(checked.inference.bounds), len(tables.unknown),
    ):  # fmt: skip
        return None
    for name in _DICTS:
        table = getattr(tables, name)
        added[name] = list(islice(reversed(table.items()), len(table) - sizes[name]))
    for name in _LISTS:
        added[name] = getattr(tables, name)[sizes[name] :]
    return _Record(shape.node, key, added, tables.inner[first:])
