"""Times of day such as `08:00`, `08:00:30` and `08:00 Europe/Vienna`: their text, and when they come next."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_AT = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?(?:\s+(\S+))?\Z")


def parse_time_of_day(text: str) -> tuple[int, str]:
    """Return the seconds after midnight and the name of the time zone (`UTC` if none is given); else raise ValueError."""
    found = _AT.match(text.strip())
    if found is None:
        raise ValueError("a time of day is hours and minutes")
    hours, minutes, seconds, zone = found.groups()
    if zone and zone != "UTC":
        from zoneinfo import ZoneInfo  # slow to import, and needed for few files

        try:
            ZoneInfo(zone)
        except Exception:
            raise ValueError(f"`{zone}` is no time zone") from None
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0), zone or "UTC"


def next_at(after: datetime, seconds: int, zone: str) -> datetime:
    """Return the next moment after `after` (aware) at which a clock in `zone` shows a time of day."""
    from datetime import datetime, timedelta  # slow to import, and needed at run time alone
    from zoneinfo import ZoneInfo

    local = after.astimezone(ZoneInfo(zone))
    midnight = datetime(local.year, local.month, local.day)
    for day in range(3):  # today, tomorrow, and the day after a day that leaves the time out
        wall = midnight + timedelta(days=day, seconds=seconds)
        moment = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(after.tzinfo)
        if moment > after:
            return moment
    raise AssertionError("a day has passed without its time of day")
