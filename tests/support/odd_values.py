"""Odd values and exceptions from a seed: a user's module, which tests load from a file of its own."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import random
import sys
import threading
import types
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import trio


class Text(str):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Whole(int):
    def __int__(self) -> int:
        raise RuntimeError("no int")

    __index__ = __int__


class Many(list[Any]):
    def __iter__(self) -> Any:
        while True:
            yield self


class Table(dict[Any, Any]):
    def items(self) -> Any:
        raise SystemExit("no items")


class Letter(enum.StrEnum):
    A = "a"


class Number(enum.IntEnum):
    ONE = 1


class Flag(enum.Flag):
    ON = 1


class Colour(enum.Enum):
    RED = object()


class Mute:
    def __repr__(self) -> str:
        raise KeyboardInterrupt

    __str__ = __repr__
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    def __bool__(self) -> bool:
        raise GeneratorExit

    def __len__(self) -> int:
        return -1

    def __getattr__(self, name: str) -> Any:
        raise BaseException(name)


class Meta(type):
    @property
    def __name__(cls) -> str:
        raise RuntimeError("no name")

    def __instancecheck__(cls, instance: Any) -> bool:
        raise RuntimeError("no check")


class Nameless(metaclass=Meta):
    pass


class Disguised:
    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise SystemExit


class Zone(datetime.tzinfo):
    def utcoffset(self, _moment: Any) -> Any:
        return datetime.timedelta(days=400)


@dataclasses.dataclass
class Point:
    x: Any = None


Pair = collections.namedtuple("Pair", "left right")


def _cyclic() -> Any:
    a: list[Any] = []
    a.append({"again": a})
    return a


def _deep() -> Any:
    a: Any = 1
    for i in range(5000):
        a = [a] if i % 2 else {"x": a}
    return a


def _wide() -> Any:
    a: Any = [1]
    for _ in range(25):
        a = [a, a]
    return a


LEAVES: list[Callable[[], Any]] = [
    lambda: None, lambda: True, lambda: 0, lambda: -0.0, lambda: 1e308, lambda: float("nan"), lambda: float("inf"),
    lambda: 2**63 - 1, lambda: 2**63, lambda: -(10**400), lambda: Whole(3), lambda: "", lambda: "a\0b", lambda: "\ud800",
    lambda: "\u202e\x1b[31m", lambda: Text("x"), lambda: "x" * 100_000, lambda: b"", lambda: bytearray(b"x"), lambda: memoryview(b"x"),
    set, frozenset, Many, Table, Mute, Nameless, Disguised, Point, object, lambda: Pair(1, 2), lambda: Letter.A,
    lambda: Number.ONE, lambda: Flag.ON, lambda: Colour.RED, lambda: Nameless.__class__, lambda: (n for n in range(3)), lambda: range(3),
    lambda: print, lambda: sys, lambda: ..., lambda: NotImplemented, lambda: 1j, lambda: decimal.Decimal("NaN"),
    lambda: fractions.Fraction(1, 3), lambda: uuid.UUID(int=1), lambda: Path("/x"), lambda: datetime.date.min,
    lambda: datetime.datetime.max, lambda: datetime.datetime.min.replace(tzinfo=datetime.UTC), lambda: datetime.datetime(2020, 1, 1, tzinfo=Zone()),
    lambda: datetime.timedelta.max, lambda: datetime.timedelta(-1), lambda: ValueError("x"), threading.Lock, _cyclic, _deep, _wide,
    lambda: collections.defaultdict(list, a=1), lambda: collections.Counter("ab"), lambda: collections.ChainMap({"a": 1}),
    lambda: collections.deque([1]), lambda: types.MappingProxyType({"a": 1}), lambda: types.SimpleNamespace(a=1), trio.Event,
]  # fmt: skip
KEYS: list[Any] = [
    "a",
    "a b",
    "",
    "\udfff",
    1,
    "1",
    1.0,
    None,
    True,
    (1,),
    Letter.A,
    Number.ONE,
    b"a",
    Text("t"),
    float("nan"),
]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit("no text")

    __repr__ = __str__


class Lying(Exception):
    def __str__(self) -> str:
        return 3  # type: ignore[return-value]


class Nested(BaseException, metaclass=Meta):
    pass


RAISED: list[Callable[[], BaseException]] = [
    lambda: ValueError("x" * 100_000), lambda: SystemExit(3), lambda: SystemExit(Mute()), KeyboardInterrupt, GeneratorExit, StopIteration,
    StopAsyncIteration, MemoryError, RecursionError, BaseException, Unspeakable, Lying, Nested, lambda: ValueError("\ud800\x1b"),
    lambda: BaseExceptionGroup("g", [KeyboardInterrupt(), ExceptionGroup("h", [Unspeakable()])]), trio.Cancelled._create,
    lambda: BaseExceptionGroup("g", [trio.Cancelled._create()]), lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    lambda: OSError(28, "full"), BrokenPipeError, trio.TooSlowError, trio.BrokenResourceError,
]  # fmt: skip


def make(seed: int) -> Any:
    """Return an odd value."""
    rng = random.Random(seed)

    def value(depth: int) -> Any:
        kind = rng.randrange(10) if depth else 0
        if kind < 6:
            return rng.choice(LEAVES)()
        if kind < 8:
            return [value(depth - 1) for _ in range(rng.randrange(4))]
        if kind < 9:
            return tuple(value(depth - 1) for _ in range(rng.randrange(3)))
        return {rng.choice(KEYS): value(depth - 1) for _ in range(rng.randrange(4))}

    return value(rng.randrange(5))


def plain(seed: int) -> Any:
    """Return an odd value, or raise an odd exception, in a thread."""
    if seed % 5 == 0:
        raise random.Random(seed).choice(RAISED)()
    return make(seed)


async def waiting(seed: int) -> Any:
    """Return an odd value, or raise an odd exception, on the thread of the run."""
    if seed % 3 == 0:
        await trio.lowlevel.checkpoint()
    return plain(seed)
