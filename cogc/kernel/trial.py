"""Snapshots on trial: `taken` returns the state of a kernel, if another kernel that is restored from it stands where this one does.

A reaction that waits is led to its wait again by what it was given (`courses.py`, `following.py`), and so are the conversations that it holds. Whether that leads to
the same wait is seen by trying it. `taken` restores a kernel beside the first one, and compares the two: what would be written of them, and all that
their waiting generators have in their locals, objects and closures. Coglets in which nothing goes on are not compared: they are read as they were written. A snapshot that would not be the same is not taken. It is tried
again later; until then the run has the snapshot before, and what the journal has since then.

The comparison walks through both graphs of objects side by side. What both kernels share (programs, code, values) is equal at the first look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from functools import partial
from types import CellType, FunctionType, GeneratorType, MethodType
from typing import Any

import msgspec

from cogc.kernel import snapshot
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import Activity, Instance, Waiter
from cogc.kernel.restoring import Misfit, restore
from cogc.kernel.snapshot import Data, instances
from cogc.kernel.timers import Timer
from cogc.language.codec import encode

_PLAIN = {int, str, float, bool, bytes, set, frozenset}
_LEFT_OUT = {"course", "states_left", "family", "timer", "alarm", "__weakref__"}
"""The fields of activities that a snapshot has by itself."""


def taken(kernel: Kernel) -> tuple[Data | None, str]:
    """Return the state of a kernel as `snapshot.written` does, and nothing; or None, and what keeps a snapshot from being taken now."""
    odd = snapshot.obstacle(kernel)
    if odd:
        return None, odd
    data = snapshot.written(kernel)
    if any(reactions for _, reactions, *_ in data["waits"]):
        odd = _tried(kernel, data)
    return (None, odd) if odd else (data, "")


def _tried(kernel: Kernel, data: Data) -> str:
    """Return why a kernel that is restored from a snapshot would be another one, or nothing."""
    twin = kernel.twin()
    for digest, unit in kernel.outer.units.items():
        twin.adopt(digest, unit)  # the code of the generators that wait is the same one
    try:
        calls = restore(twin, data)
    except Misfit as misfit:
        return str(misfit)
    if len(calls) != len(kernel.calls) or {call.id for call in calls} != kernel.calls.keys():
        return "other calls would be under way"
    beside = snapshot.beside(twin)
    if encode(beside) != encode({name: data[name] for name in beside}):
        return "the state of the kernel would be another one"
    assert kernel.root is not None and twin.root is not None
    look = _Comparison()
    for one, other in zip(instances(kernel.root), instances(twin.root), strict=True):
        if one.activities and not _has_the_same(one, other):
            return f"the state of `{one.path}` would be another one"
        if one.awaits and not look.is_same(one.awaits, other.awaits):
            return f"what `{one.path}` awaits would be something else"
        if one.activities and not look.is_same(
            [a for a in one.activities if a.root], [a for a in other.activities or () if a.root]
        ):
            return f"what goes on in `{one.path}` would be something else"
        talks, others = kernel.models.known_agent(one), twin.models.known_agent(other)
        if talks is not None and not look.is_same(talks.talks, others.talks if others is not None else []):
            return f"the conversations of `{one.path}` would be others"
    return ""


def _has_the_same(one: Instance, other: Instance) -> bool:
    """Return whether two coglets in which something goes on have the same states, inboxes and messages that wait."""
    ones, others = ([snapshot.own(inst), snapshot.order(inst)] for inst in (one, other))
    return encode(ones) == encode(others)


class _Comparison:
    """The pairs of objects of two kernels that were found to stand for each other."""

    def __init__(self) -> None:
        self.pairs: dict[int, tuple[object, object]] = {}
        self.left: list[tuple[Any, Any]] = []

    def is_same(self, one: object, other: object) -> bool:
        """Return whether two graphs of objects are the same."""
        self.left.append((one, other))
        while self.left:
            a, b = self.left.pop()
            if a is b:
                continue
            kind = type(a)
            if kind is not type(b):
                return False
            if kind in _PLAIN:  # equal ones of one object need not be one object
                if a != b:
                    return False
                continue
            known = self.pairs.get(id(a))
            if known is not None:
                if known[1] is not b:
                    return False
                continue
            self.pairs[id(a)] = a, b
            if not self._parts(a, b):
                self.left.clear()
                return False
        return True

    def _parts(self, a: Any, b: Any) -> bool:
        """Return whether two objects are alike, and leave what they are made of to be compared."""
        match a:
            case list() | tuple() | deque():
                return self._all(_waiting(a), _waiting(b))
            case Kernel() | Timer():
                return True
            case Instance():
                return bool(a.path == b.path)
            case dict():
                self.left.append((list(a.values()), list(b.values())))
                return self._all(list(a), list(b))
            case GeneratorType():
                return self._generators(a, b)
            case FunctionType():
                return a.__code__ is b.__code__ and self._all(
                    [*(a.__closure__ or ()), a.__defaults__], [*(b.__closure__ or ()), b.__defaults__]
                )
            case CellType():
                return self._all(_contents(a), _contents(b))
            case MethodType():
                return a.__func__ is b.__func__ and self._all([a.__self__], [b.__self__])
            case partial():
                return self._all([a.func, a.args, a.keywords], [b.func, b.args, b.keywords])
            case msgspec.Struct():
                return bool(a == b)
            case _:
                return self._all(_fields(a), _fields(b))

    def _all(self, ones: Collection[Any], others: Collection[Any]) -> bool:
        if len(ones) != len(others):
            return False
        self.left += [(a, b) for a, b in zip(ones, others, strict=True) if a is not b]
        return True

    def _generators(self, a: Any, b: Any) -> bool:
        """Return whether two generators stand at the same place; their locals are left to be compared."""
        if a.gi_code is not b.gi_code or (a.gi_frame is None) != (b.gi_frame is None):
            return False
        if a.gi_frame is None:
            return True
        if a.gi_frame.f_lasti != b.gi_frame.f_lasti:
            return False
        ones, others = a.gi_frame.f_locals, b.gi_frame.f_locals
        if ones.keys() != others.keys():
            return False
        return self._all([a.gi_yieldfrom, *ones.values()], [b.gi_yieldfrom, *map(others.get, ones)])


def _waiting(items: Any) -> Collection[Any]:
    """Return the items of a list, without those that wait in it no more."""
    return snapshot.present(items) if items and isinstance(items[0], Waiter) else items


def _contents(cell: CellType) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _fields(thing: object) -> list[Any]:
    """Return the fields of an object."""
    kind = type(thing)
    if kind not in _names:
        _names[kind] = _names_of(kind)
    found = [getattr(thing, name, None) for name in _names[kind]]
    if isinstance(thing, BaseException):
        found += thing.args
    return found


_names: dict[type, list[str]] = {}


def _names_of(kind: type) -> list[str]:
    """Return the names of the fields of objects of a kind that are compared."""
    found = ["__dict__"]
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        found += (slots,) if isinstance(slots, str) else slots
    return [name for name in found if not (issubclass(kind, Activity) and name in _LEFT_OUT)]
