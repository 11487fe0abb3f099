"""Times of day: their text, and the next moment at which a clock shows them, also where clocks are changed."""

from __future__ import annotations

import datetime
import itertools

import pytest

from cogc.language.clock import next_at, parse_time_of_day


@pytest.mark.parametrize(
    ("text", "seconds", "zone"),
    [
        ("00:00", 0, "UTC"),
        ("0:00", 0, "UTC"),
        ("08:00", 28_800, "UTC"),
        ("8:05", 29_100, "UTC"),
        ("23:59:59", 86_399, "UTC"),
        ("12:30 UTC", 45_000, "UTC"),
        ("08:00 Europe/Vienna", 28_800, "Europe/Vienna"),
        ("  08:00:30   Asia/Kolkata ", 28_830, "Asia/Kolkata"),
    ],
)
def test_a_time_of_day_is_read(text: str, seconds: int, zone: str) -> None:
    assert parse_time_of_day(text) == (seconds, zone)


@pytest.mark.parametrize("text", ["", "8", "24:00", "12:60", "12:00:60", "noon", "8:5", "-1:00", "08:00Z", "08:00 a b"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a time of day is hours and minutes"):
        parse_time_of_day(text)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "CET+1", "../etc/passwd", "/etc/localtime"])
def test_a_zone_that_is_nowhere_is_named(zone: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        parse_time_of_day(f"08:00 {zone}")


NEXT = [
    # plain days
    ("2026-01-01T07:59:59Z", "08:00", "2026-01-01T08:00:00Z"),
    ("2026-01-01T08:00:00Z", "08:00", "2026-01-02T08:00:00Z"),  # strictly after
    ("2026-01-01T08:00:01Z", "08:00", "2026-01-02T08:00:00Z"),
    ("2026-12-31T23:00:00Z", "08:00", "2027-01-01T08:00:00Z"),
    ("2028-02-28T12:00:00Z", "00:00", "2028-02-29T00:00:00Z"),
    # another zone
    ("2026-01-01T06:59:00Z", "08:00 Europe/Vienna", "2026-01-01T07:00:00Z"),
    ("2026-07-01T06:01:00Z", "08:00 Europe/Vienna", "2026-07-02T06:00:00Z"),
    ("2026-01-01T23:30:00Z", "08:00 Asia/Tokyo", "2026-01-02T23:00:00Z"),
    ("2026-01-01T22:30:00Z", "08:00 Asia/Tokyo", "2026-01-01T23:00:00Z"),
    # clocks go forward in Vienna on 29 March 2026 at 2:00, and back on 25 October at 3:00
    ("2026-03-28T12:00:00Z", "08:00 Europe/Vienna", "2026-03-29T06:00:00Z"),
    ("2026-10-24T12:00:00Z", "08:00 Europe/Vienna", "2026-10-25T07:00:00Z"),
    ("2026-10-24T22:30:00Z", "02:30 Europe/Vienna", "2026-10-25T00:30:00Z"),  # the first of the two
]


@pytest.mark.parametrize(("after", "at", "expected"), NEXT)
def test_the_next_moment_of_a_time_of_day(after: str, at: str, expected: str) -> None:
    seconds, zone = parse_time_of_day(at)
    found = next_at(datetime.datetime.fromisoformat(after), seconds, zone)
    assert found == datetime.datetime.fromisoformat(expected)


def test_a_time_that_a_day_leaves_out_comes_within_an_hour_of_its_place() -> None:
    """At 2:30 of the day on which clocks go from 2:00 to 3:00 there is no such moment; the day is not skipped."""
    after = datetime.datetime.fromisoformat("2026-03-29T00:00:00Z")
    found = next_at(after, 9000, "Europe/Vienna")
    assert found - after <= datetime.timedelta(hours=2)


def test_each_day_of_a_year_has_its_moment_once() -> None:
    seconds, zone = parse_time_of_day("08:00 America/New_York")
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    found = []
    for _ in range(365):
        at = next_at(at, seconds, zone)
        found.append(at)
    assert found[-1].isoformat() == "2026-12-31T13:00:00+00:00"
    assert {(b - a).total_seconds() / 3600 for a, b in itertools.pairwise(found)} == {23, 24, 25}
