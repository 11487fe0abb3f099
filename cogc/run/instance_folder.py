"""The names of what lies in the folder of an instance, for those who only look for it.

Nothing slow is imported here: the viewer finds its trace by these names before it draws anything.
"""

from __future__ import annotations

from pathlib import Path

INSTANCES = "instances"
"""The folder of a state folder with the folders of the instances."""
JOURNAL = "journal.jsonl"
ENDED = "ended"
"""The folder of an instance with the journals of earlier runs."""


def earlier(folder: Path) -> list[Path]:
    """Return the journals of earlier runs of an instance, the newest first."""
    return sorted((folder / ENDED).glob("*.jsonl"), key=_number, reverse=True)


def number_of_last(folder: Path) -> int:
    """Return the number of the last of the earlier runs whose journals are kept, or 0."""
    return max((_number(path)[0] for path in earlier(folder)), default=0)


def _number(path: Path) -> tuple[int, str]:
    number = path.name.partition("-")[0]
    return int(number) if number.isdigit() else 0, path.name
