"""The boundary to Python: a value is taken as it is, or refused with the path of the part that is no value."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
from typing import Any

import pytest

from cogc.language.values import Duration, Failure, Time
from cogc.run.convert import DEPTH, PARTS, from_python


class Word(enum.StrEnum):
    A = "a"


class Number(enum.IntEnum):
    ONE = 1


class Plain(enum.Enum):
    A = "a"


@dataclasses.dataclass
class Point:
    x: int = 1


class Liar(str):
    def __str__(self) -> str:
        raise SystemExit

    def isascii(self) -> bool:
        raise SystemExit


class Disguised:
    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise SystemExit


class BrokenZone(datetime.tzinfo):
    def utcoffset(self, _moment: Any) -> Any:
        raise KeyboardInterrupt


def nested(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels - 1):
        made = [made]
    return made


def cyclic() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def doubled(times: int) -> list[Any]:
    made: list[Any] = [1]
    for _ in range(times):
        made = [made, made]
    return made


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (Word.A, "a"),
        (Number.ONE, 1),
        (Liar("x"), "x"),
        ((1, (2,)), [1, [2]]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        ({Word.A: None}, {"a": None}),
        (datetime.timedelta(microseconds=-1), Duration(-1000)),
        (datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), Time(0)),
        (-(2**63), -(2**63)),
        (nested(DEPTH), nested(DEPTH)),
        (True, True),
    ],
    ids=lambda _value: "value",  # the values are too odd to be printed
)
def test_values_are_copied_as_what_they_are(given: Any, taken: Any) -> None:
    found = from_python(given, "`x`")
    assert found == taken and type(found) is type(taken)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"items": [1, 2, 3, {"name": {1}}]}, ".items[3].name: a set is no value of the language: make it a list"),
        ({"a b": [b""]}, "['a b'][0]: a bytes is no value of the language: decode it"),
        (cyclic(), "nested more than 100 deep, or holds itself"),
        (nested(100_000), "nested more than 100 deep"),
        (doubled(30), f"more than {PARTS:,} parts"),
        (["x" * (1 << 20)] * 17, "characters"),
        (2**63, "an int has at most 64 bits"),
        (10**5000, "an int has at most 64 bits"),
        (datetime.timedelta.max, "an int has at most 64 bits"),
        (float("nan"), "nan is no value"),
        ([float("-inf")], "[0]: -inf is no value"),
        ("x\ud800y", "half of a surrogate pair"),
        ({"\udfff": 1}, "half of a surrogate pair"),
        ({1: "a"}, "a key is text, not an int"),
        ({1: "a", "1": "b"}, "a key is text, not an int"),
        (Plain.A, "a Plain is no value of the language: give its `.value`"),
        (Point(), "a Point is no value"),
        (Point, "a type is no value"),
        (Disguised(), "a Disguised is no value"),
        (decimal.Decimal(1), "a Decimal is no value"),
        (datetime.datetime(2020, 1, 1), "a datetime without a zone"),
        (datetime.datetime(2020, 1, 1, tzinfo=BrokenZone()), "whose zone fails (KeyboardInterrupt)"),
        (datetime.date(2020, 1, 1), "a date is no value"),
        ((n for n in [1]), "a generator is no value"),
        (..., "an ellipsis is no value"),
    ],
    ids=lambda _value: "value",
)
def test_what_is_no_value_is_refused_with_its_path(given: Any, said: str) -> None:
    with pytest.raises(Failure) as failure:
        from_python(given, "program `f`")
    assert failure.value.kind == "type"
    assert failure.value.message.startswith("program `f`: ") and said in failure.value.message


def test_keys_that_become_one_are_refused() -> None:
    class Odd(str):
        __hash__ = object.__hash__

        def __eq__(self, other: object) -> bool:
            return self is other

    with pytest.raises(Failure, match="two keys become the one text 'a'"):
        from_python({Odd("a"): 1, Odd("a"): 2}, "`x`")
