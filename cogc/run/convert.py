"""Values of the language as values of Python, and back: the boundary that everything from outside of the kernel passes.

The model. The kernel and a user's code never share a value: each side gets a copy. Towards Python a duration becomes
float seconds, a time an aware datetime, and an image or document an object with its bytes. From Python a value is taken only if the language can hold all of it, so
that no part of a value is changed in silence. What is taken:

- None, bool, str, int of 64 bits, finite float, list, tuple (as a list), dict with keys of text, timedelta, aware
  datetime, `cogc.sdk.Image` and `Document`.
- A subclass of one of these counts as its base: a member of a `str` or `int` enum is its text or number, a
  `defaultdict` is a record. Methods that the subclass overrides are not called.

All else is refused by a Failure that names the path of the part: ``program `f`: .items[3].name: a set is no value of
the language``. So are NaN and infinity, keys that are no text, half of a surrogate pair, and a duration beyond 64
bits.

Bounds. A value may be `DEPTH` levels deep, and all of its parts together may be `PARTS` in number and `LIMIT`
characters long. A list that holds itself exceeds the first, and one that holds another list a thousand times over the
second. Later stages (validation, journal, trace, templates) recurse, and need no bound of their own.

Invariants. The copy consists of exact types, so that later stages compare types by identity. No exception but Failure
leaves `from_python`, whatever the value's class does: only a datetime's zone runs code of the user's here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any

from cogc.language.values import LIMIT, Duration, Failure, Media, Time, moment, time_of
from cogc.run.media import bytes_of, taken
from cogc.sdk import Document, Image

if TYPE_CHECKING:
    from cogc.language.values import Value

DEPTH = 100
PARTS = 1_000_000
BY_REFERENCE = "$python"
"""The key of a record that stands for an object of this process, which the kernel never sees."""
STEPS = 12
"""How many steps of a path a failure shows."""
_WIDEST = 1 << 63


def to_python(value: object) -> Any:
    """Return a value for Python: a duration is float seconds, a time an aware datetime."""
    if isinstance(value, Duration):
        return value.nanos / 1e9
    if isinstance(value, Time):
        return moment(value)
    if isinstance(value, Media):
        made = Image if value.kind == "image" else Document
        return made(bytes_of(value), value.media_type, value.name)
    if isinstance(value, list):
        return [to_python(v) for v in value]
    if isinstance(value, dict):
        return {k: to_python(v) for k, v in value.items()}
    return value


def from_python(value: object, name: str) -> Value:
    """Return a copy of a value for the language. Raise Failure with the path of the part that does not fit."""
    try:
        return _copied(value, _Room(), 0)
    except _Unfit as unfit:
        raise Failure("type", f"{name}: {_path(unfit.path)}{unfit.reason}") from None


class _Unfit(Exception):
    """A part that is no value: the reason, and its path, the innermost step first."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str] = []


def _path(steps: list[str]) -> str:
    """Return a path for people, given from its end: its first steps where it is long, and nothing for the value itself."""
    shown = "".join(reversed(steps[-STEPS:])) + ("..." if len(steps) > STEPS else "")
    return f"{shown}: " if steps else ""


class _Room:
    """The parts and characters that one value may still have."""

    __slots__ = ("characters", "parts")

    def __init__(self) -> None:
        self.parts = PARTS
        self.characters = LIMIT


def _copied(value: Any, room: _Room, depth: int) -> Value:
    """Return a copy of a value, made of exact types."""
    kind = type(value)
    if value is None or kind is bool:
        found: Value = value
        return found
    if issubclass(kind, str):
        return _text(value, room)
    if issubclass(kind, int):
        return _integer(int.__int__(value))
    if issubclass(kind, float):
        return _finite(float.__float__(value))
    if issubclass(kind, list | tuple):
        base = list if issubclass(kind, list) else tuple
        return _items(base.__iter__(value), room, _deeper(depth))
    if issubclass(kind, dict):
        return _fields(dict.items(value), room, _deeper(depth))
    return _instant(value, kind)


def _deeper(depth: int) -> int:
    """Return the next depth. Raise _Unfit at the limit."""
    if depth >= DEPTH:
        raise _Unfit(f"the value is nested more than {DEPTH} deep, or holds itself")
    return depth + 1


def _items(values: Iterable[object], room: _Room, depth: int) -> list[Value]:
    """Return a copy of a list."""
    found: list[Value] = []
    for value in values:
        _count(room)
        try:
            found.append(_copied(value, room, depth))
        except _Unfit as unfit:
            unfit.path.append(f"[{len(found)}]")
            raise
    return found


def _fields(pairs: Iterable[tuple[object, object]], room: _Room, depth: int) -> dict[str, Value]:
    """Return a copy of a record."""
    found: dict[str, Value] = {}
    for key, value in pairs:
        _count(room)
        name = _key(key, room)
        if name in found:
            raise _Unfit(f"two keys become the one text {_shown(name)}")
        try:
            found[name] = _copied(value, room, depth)
        except _Unfit as unfit:
            unfit.path.append(f".{name}" if name.isidentifier() else f"[{_shown(name)}]")
            raise
    return found


def _count(room: _Room) -> None:
    """Count a part of the value. Raise _Unfit at the limit."""
    room.parts -= 1
    if room.parts < 0:
        raise _Unfit(f"the value has more than {PARTS:,} parts")


def _key(key: Any, room: _Room) -> str:
    """Return a key as text."""
    if not issubclass(type(key), str):
        raise _Unfit(f"a key is text, not {_indefinite(type(key))}")
    return _text(key, room)


def _text(value: str, room: _Room) -> str:
    """Return a text of exact type. Raise _Unfit if it is too long, or holds half of a surrogate pair."""
    exact = str.__str__(value)
    room.characters -= len(exact)
    if room.characters < 0:
        raise _Unfit(f"the value has more than {LIMIT:,} characters")
    if not exact.isascii() and any("\ud800" <= c <= "\udfff" for c in exact):
        raise _Unfit("a text holds half of a surrogate pair")
    return exact


def _integer(number: int) -> int:
    """Return an integer. Raise _Unfit beyond 64 bits."""
    if not -_WIDEST <= number < _WIDEST:
        raise _Unfit("an int has at most 64 bits")
    return number


def _finite(number: float) -> float:
    """Return a number. Raise _Unfit for NaN and infinity."""
    if not isfinite(number):
        raise _Unfit(f"{number} is no value of the language")
    return number


def _instant(value: Any, kind: type) -> Value:
    """Return a duration, a time, or an image or document, as a value of the language. Raise _Unfit for anything else."""
    if issubclass(kind, timedelta):
        whole = timedelta.__floordiv__(value, timedelta(microseconds=1))
        return Duration(_integer(whole * 1000))
    if issubclass(kind, datetime):
        return _moment(value)
    if issubclass(kind, Image | Document):
        return _media(value, "image" if issubclass(kind, Image) else "document")
    if kind is Duration or kind is Time or kind is Media:
        found: Value = value
        return found
    hint = _HINTS.get(kind, _ENUM if type(kind).__name__ == "EnumType" else "")
    raise _Unfit(f"{_indefinite(kind)} is no value of the language{hint}")


def _media(value: Image | Document, kind: str) -> Media:
    """Return an image or document."""
    if type(value.data) is not bytes or type(value.media_type) is not str or type(value.name) is not str:
        raise _Unfit(f"the data of an {type(value).__name__} are bytes, its media type and its name are texts")
    try:
        return taken(value.data, value.media_type, _text(value.name, _Room()), kind)
    except Failure as failure:
        raise _Unfit(failure.message) from None


def _moment(value: datetime) -> Time:
    """Return a time. Only a zone's own code can fail here."""
    try:
        return time_of(value)
    except BaseException as error:  # a zone's own code answers here
        if datetime.tzinfo.__get__(value) is None:
            raise _Unfit("a datetime without a zone is no value of the language") from None
        raise _Unfit(f"a datetime whose zone fails ({_name(type(error))}) is no value of the language") from None


_ENUM = ": give its `.value`"
_HINTS: dict[type, str] = {bytes: ": decode it", set: ": make it a list", frozenset: ": make it a list"}


def _indefinite(kind: type) -> str:
    """Return the name of a class with its article."""
    name = _name(kind)
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _name(kind: type) -> str:
    """Return the name of a class, whatever its metaclass says."""
    return str(type.__dict__["__name__"].__get__(kind))


def _shown(name: str) -> str:
    """Return a key, shortened, for a message."""
    return repr(name if len(name) <= 40 else name[:40] + "...")
