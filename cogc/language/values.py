"""The values of the language at run time, and the failure of a reaction.

A value is one of Python's own (None, bool, int, float, str, list, dict), a `Duration`, a `Time` or a `Media`. No code changes a list or
a dict once it is made, so that coglets can share them.
"""

from __future__ import annotations

from cogc.language.texts import duration_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Set
    from datetime import datetime
    from typing import Any, TypeAlias

    Value: TypeAlias = "bool | int | float | str | Duration | Time | Media | list[Value] | dict[str, Value] | None"
    """A value of the language."""
    Function: TypeAlias = Callable[..., Any]
    """A compiled function. It is generated, so that its parameters (a coglet, then values) are known to nobody else."""
    Check: TypeAlias = Callable[[object], Value]
    """Returns a value as a type wants it, or raises a `Failure` of kind `type`."""
    Predicate: TypeAlias = Callable[[object], bool]
    Settings: TypeAlias = dict[str, Any]
    """The values of a block of attributes, by name; the checker has proved the type of each."""
    Space: TypeAlias = dict[str, Any]
    """The global names of generated code."""
    Target: TypeAlias = Callable[[Value], None]
    """Takes a value that is sent, where more than a push into an inbox is needed."""

LIMIT = 1 << 24  # the most characters of a string, or items of a list, that one expression may make


class Failure(Exception):
    """The failure of a reaction. A failure that `interrupts` ends the reaction: no `try` of it takes the failure.

    `at` is the number of its place in the spec; `trace` is the trace of Python behind a failure of kind `internal`.
    `partial` is what a model had said when its conversation failed.
    """

    def __init__(self, kind: str, message: str, at: int = -1, trace: str = "") -> None:
        super().__init__(message)
        self.interrupts = False
        self.partial = ""
        self.trace = trace
        self.kind = kind
        self.message = message
        self.at = at

    def record(self, path: str, event: Value) -> dict[str, Value]:
        """Return the failure as the record that `else as e` binds, in the coglet at a path and for an event."""
        kind, message, partial = self.kind, self.message, self.partial
        return {"kind": kind, "message": message, "path": path, "event": event, "partial": partial}


class Again(Exception):
    """Raised in an `else` to fail with the failure that is being handled, as it was."""


class Duration:
    """A length of time in nanoseconds."""

    __slots__ = ("nanos",)

    def __init__(self, nanos: int) -> None:
        self.nanos = nanos

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash(("duration", self.nanos))

    def __lt__(self, other: Duration) -> bool:
        return self.nanos < other.nanos

    def __le__(self, other: Duration) -> bool:
        return self.nanos <= other.nanos

    def __repr__(self) -> str:
        return duration_text(self.nanos)


class Time:
    """A moment, in nanoseconds since 1970 (UTC)."""

    __slots__ = ("nanos",)

    def __init__(self, nanos: int) -> None:
        self.nanos = nanos

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash(("time", self.nanos))

    def __lt__(self, other: Time) -> bool:
        return self.nanos < other.nanos

    def __le__(self, other: Time) -> bool:
        return self.nanos <= other.nanos

    def __repr__(self) -> str:
        return time_text(self)


class Media:
    """An image or a document: its kind, its media type, the SHA-256 of its bytes and their number, and the name of its file.

    The bytes stand outside of the kernel (`run/media.py`). One without a digest is a file that is still to be read.
    """

    __slots__ = ("digest", "kind", "media_type", "name", "size")

    def __init__(self, kind: str, media_type: str = "", digest: str = "", size: int = 0, name: str = "") -> None:
        self.kind = kind
        self.media_type = media_type
        self.digest = digest
        self.size = size
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Media) and self.record() == other.record()

    def __hash__(self) -> int:
        return hash((self.kind, self.digest, self.name))

    def __repr__(self) -> str:
        what = f"{self.kind} {self.name}".rstrip()
        return (
            f"[{what}: {self.media_type}, {self.size:,} bytes, sha256:{self.digest[:16]}]"
            if self.digest
            else f"[{what}]"
        )

    def record(self) -> dict[str, str | int]:
        """Return what is known of it, as JSON."""
        return {
            "kind": self.kind,
            "media_type": self.media_type,
            "digest": f"sha256:{self.digest}",
            "size": self.size,
            "name": self.name,
        }


def moment(time: Time) -> datetime:
    """Return a time as an aware datetime, to the microsecond."""
    from datetime import timedelta  # start-up: a check evaluates constants, and needs no calendar

    return _epoch() + timedelta(microseconds=time.nanos // 1000)


def _epoch() -> datetime:
    from datetime import UTC, datetime  # start-up: as in `moment`

    return datetime(1970, 1, 1, tzinfo=UTC)


def time_of(moment: datetime) -> Time:
    """Return the time of an aware datetime; raise ValueError if it is in no year from 1 to 9999 in UTC."""
    delta = moment - _epoch()
    seconds = delta.days * 86400 + delta.seconds
    if not _FIRST <= seconds <= _LAST:
        raise ValueError("a time is in a year from 1 to 9999, in UTC")
    return Time((seconds * 1_000_000 + delta.microseconds) * 1000)


_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The first and the last second that have a text, counted from 1970."""


def time_text(time: Time) -> str:
    """Return a time in RFC 3339, in UTC, without trailing zeros."""
    from datetime import timedelta  # start-up: as in `moment`

    seconds, nanos = divmod(time.nanos, 1_000_000_000)
    text = (_epoch() + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    digits = f"{nanos:09d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def plain(value: object) -> Any:
    """Return a value as JSON data: durations and times as their text, infinite floats as null."""
    if type(value) is dict:
        return {k: plain(v) for k, v in value.items()}
    if type(value) is list or type(value) is tuple:
        return [plain(v) for v in value]
    if type(value) is Duration:
        return duration_text(value.nanos)
    if type(value) is Time:
        return time_text(value)
    if type(value) is Media:
        return value.record()
    if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def kind_of(value: object) -> str:
    """Return the name of a value's type, for messages."""
    names: dict[type, str] = {
        type(None): "null",
        bool: "bool",
        int: "int",
        float: "float",
        str: "string",
        list: "list",
        dict: "record",
        Duration: "duration",
        Time: "time",
        Media: getattr(value, "kind", ""),
    }
    return names.get(type(value), type(value).__name__)


def equal(a: object, b: object) -> bool:
    """Return whether two values are equal: an int may equal a float, a bool is no number, lists and records compare by parts."""
    ka, kb = type(a), type(b)
    if ka is kb:
        if type(a) is list and type(b) is list:
            return len(a) == len(b) and all(map(equal, a, b))
        if type(a) is dict and type(b) is dict:
            return len(a) == len(b) and all(k in b and equal(v, b[k]) for k, v in a.items())
        return bool(a == b)
    if ka in (int, float) and kb in (int, float):
        return bool(a == b)
    return False


HIDDEN = "…"
"""The text in the place of a private value."""


def hidden(value: Any, names: Set[str]) -> Any:
    """Return a value to be shown: the fields of these names, at any depth, without their values. What has none is not copied."""
    if not names:
        return value
    if isinstance(value, dict):
        made = {k: HIDDEN if k in names and v is not None else hidden(v, names) for k, v in value.items()}
        return made if any(made[k] is not v for k, v in value.items()) else value
    if isinstance(value, list):
        items = [hidden(v, names) for v in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def shorten(value: object, most: int = 200) -> str:
    """Return a value as JSON text of at most `most` characters, for reports of failures."""
    import json

    text = json.dumps(_beginning(value, [most]), ensure_ascii=False, default=str)
    return text if len(text) <= most else text[: most - 3] + "..."


def _beginning(value: object, left: list[int]) -> Any:
    """Return the beginning of a value as JSON data: up to as many items as are `left`. Each takes more than one character of the text, so
    that a large value is not walked for the sake of a short one."""
    left[0] -= 1
    if type(value) is dict:
        found = {}
        for key, inner in value.items():
            if left[0] < 0:
                break
            found[key] = _beginning(inner, left)
        return found
    if type(value) is list or type(value) is tuple:
        items = []
        for inner in value:
            if left[0] < 0:
                break
            items.append(_beginning(inner, left))
        return items
    return plain(value)
