"""Times of day: `08:00`, `08:00:30`, `08:00 Europe/Vienna`."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_AT = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?(?:\s+(\S+))?\Z")


def parse_time_of_day(text: str) -> tuple[int, str]:
    """Seconds after midnight and the time zone's name (`UTC` if none is given); ValueError says what is wrong."""
    found = _AT.match(text.strip())
    if found is None:
        raise ValueError("a time of day is hours and minutes")
    hours, minutes, seconds, zone = found.groups()
    if zone and zone != "UTC":
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(zone)
        except Exception:
            raise ValueError(f"`{zone}` is no time zone") from None
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0), zone or "UTC"


def next_at(after: datetime, seconds: int, zone: str, days: int = 1) -> datetime:
    """The next moment after `after` (aware) at which a clock in `zone` shows that time of day; `days` apart."""
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    local = after.astimezone(ZoneInfo(zone))
    midnight = datetime(local.year, local.month, local.day)
    for day in range(days + 2):
        wall = midnight + timedelta(days=day, seconds=seconds)
        moment = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(after.tzinfo)
        if moment > after:
            return moment
    raise AssertionError("a day has passed without its time of day")
