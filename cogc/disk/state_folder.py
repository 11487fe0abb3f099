"""The folder `.cogc`, in which runs keep what outlives them: boards, plans, questions, states, traces.

Whatever makes a folder that may lie in there makes it by `make_folder`, so that the state folder is never part of the
repository of the user: it holds a `.gitignore` that excludes everything in it, the `.gitignore` included.

Commands in a sandbox do not see it (`private`), though it may stand in the folder in which they work.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
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


def private(folder: str, files: Sequence[str] = ()) -> list[str]:
    """Return what in a folder is cogc's own, as real paths: its state folder, that of the working directory, and those of the
    `files` that are in none of these. `folder` is a real path, too."""
    found = {os.path.realpath(os.path.join(place, STATE)) for place in (".", folder)}
    folders = [path for path in sorted(found) if os.path.isdir(path) and inside(path, folder)]
    return folders + [f for f in files if inside(f, folder) and not any(inside(f, other) for other in folders)]


def inside(path: str, folder: str) -> bool:
    """Return whether a real path is below a folder."""
    return path.startswith(folder.rstrip("/") + "/")


def _exclude_from_git(place: Path) -> None:
    """Write the `.gitignore` of a state folder, unless there is one."""
    with suppress(FileExistsError), open(place / ".gitignore", "x", encoding="utf-8") as file:
        file.write("*\n")
