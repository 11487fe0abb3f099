"""The folder `.cogc`, in which runs keep what outlives them: boards, plans, questions, states, traces.

Whatever makes a folder that may lie in there makes it by `make_folder`, so that the state folder is never part of the
repository of the user: it holds a `.gitignore` that excludes everything in it, the `.gitignore` included.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

STATE = ".cogc"


def make_folder(folder: Path) -> Path:
    """Make a folder and its parents, and exclude the state folder that it lies in from git. OSError if it cannot be made."""
    folder.mkdir(parents=True, exist_ok=True)
    for place in (folder, *folder.parents):
        if place.name == STATE:
            _exclude_from_git(place)
    return folder


def _exclude_from_git(place: Path) -> None:
    """Write the `.gitignore` of a state folder, unless there is one."""
    with suppress(FileExistsError), open(place / ".gitignore", "x", encoding="utf-8") as file:
        file.write("*\n")
