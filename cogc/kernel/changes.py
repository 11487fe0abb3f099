"""The difference between two values, as a list of edits: what a trace holds of a state that grows.

`difference` compares an old value with a new one. Values never change once they are made, so that a new value shares with the
old one what stayed the same: parts are compared by identity, and a part that is the same object is not looked into. The price of
a comparison is therefore that of the copy by which the new value was made.

`applied` makes the edits in a copy of a value. `specs/trace.md` defines them.

**The invariants.**

- `applied(old, difference(old, new))` is `new`, with the types of its numbers and the order of its fields.
- The edits are less than half of the value, at each level of it: where they are not, the part at that level is written whole.
  `_left` measures that, and looks no further than it must.
"""

from __future__ import annotations

from itertools import compress, count, islice
from operator import eq, is_, is_not
from typing import Any

SMALL = 24
"""The most parts of a value that is written whole. 16 characters of a string are a part."""
DEEPEST = 24
"""The most levels of a value that are looked into."""

Path = list[str | int]
Edits = list[dict[str, Any]]
_NOTHING = object()
_ENDLESS = -(1 << 60)


def difference(before: Any, after: Any) -> Edits | None:
    """Return the edits that make the new value of the old one; None if the new value is better written whole."""
    if _left(after, SMALL) >= 0:
        return None
    edits: Edits = []
    return edits if _compare(before, after, [], edits) else None


def _left(value: Any, room: int, least: int = 0) -> int:
    """Return what is left of a room behind the parts of a value. It looks no further than until less than the least is left."""
    room -= 1
    if isinstance(value, str):
        return room - (len(value) >> 4)
    if isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            if room < least:
                return room
            room = _left(part, room, least)
    return room


def _compare(before: Any, after: Any, at: Path, edits: Edits) -> bool:
    """Add the edits of the value at a path. False, and no edits, if it is better written whole."""
    if before is after:
        return True
    if type(before) is not type(after) or len(at) >= DEEPEST:
        return False
    mark = len(edits)
    if isinstance(after, dict):
        alike = _fields(before, after, at, edits)
    elif isinstance(after, list):
        alike = _items(before, after, at, edits)
    elif isinstance(after, str):
        alike = before == after or _characters(before, after, at, edits)
    else:
        return isinstance(after, int) and bool(before == after)
    if alike and (len(edits) == mark or _left(after, 2 * _price(edits, mark)) < 0):
        return True
    del edits[mark:]
    return False


def _price(edits: Edits, mark: int) -> int:
    """Return the number of parts of the edits behind a mark."""
    return sum(4 + len(e["at"]) - _left(e.get("set", e.get("with")), 0, _ENDLESS) for e in edits[mark:])


def _part(before: Any, after: Any, at: Path, edits: Edits) -> None:
    if not _compare(before, after, at, edits):
        edits.append({"at": at, "set": after})


def _fields(before: dict[str, Any], after: dict[str, Any], at: Path, edits: Edits) -> bool:
    """Add the edits of a record or map; False if its fields have another order."""
    known = len(before)
    if len(after) < known or not all(map(eq, before, after)):
        if list(after) != [k for k in before if k in after] + [k for k in after if k not in before]:
            return False
        edits += [{"at": [*at, k], "remove": True} for k in before if k not in after]
        changed = [k for k, v in after.items() if before.get(k, _NOTHING) is not v]
    else:
        changed = list(compress(after, map(is_not, before.values(), after.values())))
        changed += islice(after, known, None)
    for key in changed:
        _part(before.get(key, _NOTHING), after[key], [*at, key], edits)
    return True


def _items(before: list[Any], after: list[Any], at: Path, edits: Edits) -> bool:
    """Add the edits of a list: of its items where it has as many as before, else of the part between those that stayed."""
    shorter = min(len(before), len(after))
    if len(before) == len(after):
        changed = list(compress(count(), map(is_not, before, after)))
        if 2 * len(changed) <= shorter or _left(after[changed[0]], SMALL) < 0:
            for i in changed:
                _part(before[i], after[i], [*at, i], edits)
            return True
    head = next(compress(count(), map(is_not, before, after)), shorter)
    tail = next(compress(count(), map(is_not, reversed(before), reversed(after))), shorter)
    tail = min(tail, shorter - head)
    return _spliced(before, after, head, tail, at, edits) or _slid(before, after, at, edits)


def _characters(before: str, after: str, at: Path, edits: Edits) -> bool:
    """Add the edit of a string: the part between its beginning and its end that stayed."""
    shorter = min(len(before), len(after))
    head = _alike(shorter, lambda n: before[:n] == after[:n])
    tail = _alike(shorter - head, lambda n: before[len(before) - n :] == after[len(after) - n :])
    return _spliced(before, after, head, tail, at, edits) or _slid(before, after, at, edits)


def _alike(most: int, holds: Any) -> int:
    """Return the greatest number up to which a condition holds that holds for every smaller one."""
    if holds(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _spliced(before: Any, after: Any, head: int, tail: int, at: Path, edits: Edits) -> bool:
    """Add the edit of the part between a head and a tail that stayed; False if nothing did."""
    if not head + tail:
        return False
    edits.append({"at": at, "from": head, "to": len(before) - tail, "with": after[head : len(after) - tail]})
    return True


def _slid(before: Any, after: Any, at: Path, edits: Edits) -> bool:
    """Add the edits of a window that slid on: the front is gone, and something new stands at the end."""
    if isinstance(after, str):
        gone = before.find(after[:32])
        stayed = len(before) - gone
        if gone < 1 or not after.startswith(before[gone:]):
            return False
    else:
        first = after[0] if after else _NOTHING
        gone = next((i for i, item in enumerate(before) if item is first), 0)
        stayed = len(before) - gone
        if gone < 1 or stayed > len(after) or not all(map(is_, islice(before, gone, None), after)):
            return False
    edits.append({"at": at, "from": 0, "to": gone, "with": after[:0]})
    edits.append({"at": at, "from": stayed, "to": stayed, "with": after[stayed:]})
    return True


def applied(value: Any, edits: Any) -> Any:
    """Return the value that edits make of a value, which stays as it is; ValueError if they do not fit it."""
    root = {"": value}
    own = {id(root): root}
    try:
        for edit in edits:
            path: list[Any] = ["", *edit["at"]]
            parent: Any = root
            for step in path[:-1]:
                if id(parent[step]) not in own:
                    copy = parent[step].copy()
                    parent[step] = own[id(copy)] = copy
                parent = parent[step]
            _edited(parent, path[-1], edit)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError("the change does not fit the state before it") from error
    return root[""]


def _edited(parent: Any, last: Any, edit: dict[str, Any]) -> None:
    if "set" in edit:
        parent[last] = edit["set"]
    elif "remove" in edit:
        del parent[last]
    else:
        whole = parent[last]
        parent[last] = whole[: edit["from"]] + edit["with"] + whole[edit["to"] :]
