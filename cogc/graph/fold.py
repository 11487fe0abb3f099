"""The boxes of a tree of coglets that are drawn: never more than a bound, however many coglets there are.

Where all of them fit, each coglet has a box. Where they do not, three things save boxes:

- a coglet that is not opened stands for all below it;
- children of one class, four or more, stand in one box, a group;
- of a group that was opened and does not fit, the first members are drawn, and the group stands for the others.

What the reader has opened comes first, then the tree from its top, then groups, the small ones first. Coglets of one class at
one depth are opened together or not at all, so that alike ones look alike. What the reader has shut stays shut. The id of a group is that of its parent, an asterisk, and the class of its members.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Set
from typing import NamedTuple

MOST = 150
"""The most boxes of a picture."""
GROUP = 4
"""The fewest children of one class that may stand in one box."""
_ASKED, _TREE, _GROUPS = range(3)
"""In which order things are opened: what the reader asked for, coglets from the top, groups."""
_NONE: frozenset[str] = frozenset()


class Tree:
    """Coglets by ids: the children of each (those of `""` are at the top), and the class of each."""

    def __init__(self, members: Iterable[tuple[str, str, str]]) -> None:
        """Take (id, id of the parent or `""`, class), each behind its parent. One whose parent is unknown is at the top."""
        self.children: dict[str, list[str]] = {"": []}
        self.parents: dict[str, str] = {}
        self.classes: dict[str, str] = {}
        for id, parent, name in members:
            above = parent if parent in self.classes else ""
            self.children[id] = []
            self.children[above].append(id)
            self.parents[id], self.classes[id] = above, name

    def sizes(self) -> dict[str, int]:
        """Return how many coglets there are from each one downwards, itself included."""
        found = dict.fromkeys(self.parents, 1)
        for id in reversed(self.parents):
            if self.parents[id]:
                found[self.parents[id]] += found[id]
        return found

    def group(self, id: str) -> str:
        """Return the id of the group in which a coglet may stand, or an empty text."""
        parent, name = self.parents[id], self.classes[id]
        alike = sum(self.classes[c] == name for c in self.children[parent])
        return group_id(parent, name) if alike >= GROUP else ""


class Drawn(NamedTuple):
    """A box: a coglet, or a group of them, whose `members` are those it stands for. `hidden` counts the coglets without a box of
    their own that it stands for. `is_open` says whether anything below it is drawn."""

    id: str
    parent: str
    members: tuple[str, ...]
    hidden: int
    is_open: bool

    @property
    def is_group(self) -> bool:
        return bool(self.members)


class Folded(NamedTuple):
    """The boxes, each behind its parent, and for each coglet the box in which it is found."""

    boxes: list[Drawn]
    home: dict[str, str]


def group_id(parent: str, name: str) -> str:
    """Return the id of the group of the children of one class."""
    return f"{parent}*{name}"


def fold(tree: Tree, opened: Set[str] = _NONE, shut: Set[str] = _NONE, most: int = MOST) -> Folded:
    """Return the boxes of a tree. `opened` and `shut` are ids of coglets and groups that the reader has opened and shut."""
    return _Folding(tree, opened, shut, most).folded()


class _Folding:
    """The boxes chosen so far: `shown` are coglets with a box, `groups` the members of each group that is drawn."""

    def __init__(self, tree: Tree, opened: Set[str], shut: Set[str], most: int) -> None:
        self.tree = tree
        self.shut = shut
        self.most = most
        self.crowded = len(tree.parents) > most
        self.wanted = self._with_those_above(opened)
        self.index = {id: n for n, id in enumerate(tree.parents)}
        self.shown: dict[str, None] = {}
        self.groups: dict[str, list[str]] = {}
        self.pending: list[tuple[int, int, int, str]] = []

    def _with_those_above(self, opened: Set[str]) -> set[str]:
        """Return what was opened, and all that must be open for it to be seen."""
        found: set[str] = set()
        for id in opened:
            at = id
            if id not in self.tree.parents:
                at = id.rpartition("*")[0]
                found.add(id)
            while at and at not in found:
                found.add(at)
                above = self.tree.parents.get(at)
                if above is None:
                    break
                found.add(group_id(above, self.tree.classes[at]))
                at = above
        return found

    @property
    def room(self) -> int:
        """The number of boxes that may still be added."""
        return self.most - len(self.shown) - len(self.groups)

    def folded(self) -> Folded:
        self._show("")
        while self.pending:
            rank, order, _, id = heapq.heappop(self.pending)
            if rank == _ASKED:
                self._open(id)
                continue
            alike = [id, *self._alike(rank, order, id)]
            if sum(self._cost(other) for other in alike) <= self.room:
                for other in alike:
                    self._open(other)
        return self._result()

    def _alike(self, rank: int, order: int, id: str) -> list[str]:
        """Take out what is to be opened together with a coglet or group: those of its class, at its depth."""
        found = [e for e in self.pending if e[:2] == (rank, order) and self._class(e[3]) == self._class(id)]
        self.pending = [e for e in self.pending if e not in found]
        heapq.heapify(self.pending)
        return [e[3] for e in sorted(found)]

    def _class(self, id: str) -> str:
        return self.tree.classes[self.groups[id][0] if id in self.groups else id]

    def _cost(self, id: str) -> int:
        """Return how many boxes more there are when a coglet or a group is opened."""
        if id in self.groups:
            return len(self.groups[id]) - 1
        alone, groups = self._parts(id)
        return len(alone) + len(groups)

    def _open(self, id: str) -> None:
        if id in self.groups:
            self._spread(id)
        else:
            self._show(id)

    def _show(self, parent: str) -> None:
        """Give boxes to the children of a coglet, in groups where that is needed, if they fit or were asked for."""
        alone, groups = self._parts(parent)
        if len(alone) + len(groups) > self.room:
            if parent and (parent not in self.wanted or self.room < 1):
                return
            rest = alone[max(0, self.room - len(groups) - 1) :]
            if rest:
                alone = alone[: len(alone) - len(rest)]
                groups[group_id(parent, "")] = rest
            if len(alone) + len(groups) > self.room:  # of so many classes that one group has to do for all
                alone, groups = [], {group_id(parent, ""): list(self.tree.children[parent])}
        depth = 0 if not parent else self._depth(parent) + 1
        for id in alone:
            self._add(id, depth)
        for id, members in groups.items():
            self.groups[id] = members
            if id not in self.shut:
                rank = _ASKED if id in self.wanted else _GROUPS
                self._push(rank, depth if rank == _ASKED else len(members), members[0], id)

    def _depth(self, id: str) -> int:
        depth = 0
        while self.tree.parents[id]:
            id, depth = self.tree.parents[id], depth + 1
        return depth

    def _add(self, id: str, depth: int) -> None:
        """Give a box to a coglet, and open it when its turn comes."""
        self.shown[id] = None
        if self.tree.children[id] and id not in self.shut:
            self._push(_ASKED if id in self.wanted else _TREE, depth, id, id)

    def _push(self, rank: int, order: int, first: str, id: str) -> None:
        heapq.heappush(self.pending, (rank, order, self.index[first], id))

    def _parts(self, parent: str) -> tuple[list[str], dict[str, list[str]]]:
        """Return the children of a coglet: those that stand alone, and those that stand in groups."""
        alike: dict[str, list[str]] = {}
        children = self.tree.children[parent]
        for id in children:
            alike.setdefault(group_id(parent, self.tree.classes[id]), []).append(id)
        groups = {
            id: members for id, members in alike.items() if len(members) >= GROUP and (self.crowded or id in self.shut)
        }
        grouped = {id for members in groups.values() for id in members}
        return [id for id in children if id not in grouped], groups

    def _spread(self, id: str) -> None:
        """Give boxes to the members of a group: to all if they fit, to the first ones if the reader has opened it."""
        members = self.groups[id]
        depth = self._depth(members[0])
        if len(members) - 1 <= self.room:
            del self.groups[id]
        elif id in self.wanted and self.room > 0:
            self.groups[id], members = members[self.room :], members[: self.room]
        else:
            return
        for member in members:
            self._add(member, depth)

    def _result(self) -> Folded:
        sizes, tree = self.tree.sizes(), self.tree
        home: dict[str, str] = {m: id for id, members in self.groups.items() for m in members}
        for id, parent in tree.parents.items():
            if id in self.shown:
                home[id] = id
            elif id not in home:
                home[id] = home[parent]
        below = {tree.parents[id] for id in self.shown} | {tree.parents[m[0]] for m in self.groups.values()}
        found: list[tuple[int, Drawn]] = []
        for id in self.shown:
            hidden = 0 if id in below else sizes[id] - 1
            found.append((self.index[id], Drawn(id, tree.parents[id], (), hidden, id in below)))
        for id, members in self.groups.items():
            hidden = sum(sizes[m] for m in members)
            found.append((self.index[members[0]], Drawn(id, tree.parents[members[0]], tuple(members), hidden, False)))
        return Folded([box for _, box in sorted(found, key=lambda pair: pair[0])], home)
