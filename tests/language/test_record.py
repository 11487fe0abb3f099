"""Records: frozen classes of fields with equality, a hash and defaults, which subclasses extend."""

from __future__ import annotations

from typing import ClassVar

import pytest

from cogc.language.record import Record, replace


class Point(Record):
    x: int
    y: int = 0


class Named(Point):
    _unequal_: ClassVar[tuple[str, ...]] = ("origin",)
    name: str = "n"
    origin: str = ""


class Other(Record):
    x: int
    y: int = 0


def test_fields_are_taken_by_place_and_by_name_and_have_defaults() -> None:
    assert (Point(1).x, Point(1).y, Point(1, 2).y, Point(x=3, y=4).x) == (1, 0, 2, 3)
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, 2, 3)  # type: ignore[call-arg]


def test_records_are_equal_by_class_and_fields() -> None:
    assert Point(1, 2) == Point(1, 2) and hash(Point(1, 2)) == hash(Point(1, 2))
    assert Point(1, 2) != Point(2, 1) and Point(1) != Other(1) and Point(1) != 1
    assert len({Point(1), Point(1, 0), Point(1, 1)}) == 2


def test_a_field_that_tells_the_origin_does_not_count() -> None:
    assert Named(1, 2, "a", "here") == Named(1, 2, "a", "there")
    assert Named(1, 2, "a") != Named(1, 2, "b")
    assert "origin" not in repr(Named(1, 2, "a", "here"))


def test_a_subclass_has_the_fields_of_its_base_first() -> None:
    found = Named(1)
    assert (found.x, found.y, found.name, found.origin) == (1, 0, "n", "")
    assert Named._fields_ == ("x", "y", "name", "origin")
    match found:
        case Named(1, 0, name):
            assert name == "n"


def test_a_copy_differs_in_what_is_named() -> None:
    first = Named(1, 2, "a", "here")
    second = replace(first, y=5)
    assert (second.x, second.y, second.name, second.origin) == (1, 5, "a", "here") and first.y == 2


def test_a_record_has_no_room_for_other_fields() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 3  # type: ignore[attr-defined]


def test_a_record_shows_its_fields() -> None:
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"
