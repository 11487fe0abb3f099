"""The journal that a word of a command line means: a file, an instance, or a run of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cogc.disk.files import refuse_unreadable
from cogc.disk.state_folder import StateFolder
from cogc.run.instance_folder import INSTANCES, JOURNAL, earlier

_FIRST = b'{"journal":'
_LONGEST = 1 << 24
"""The bytes of the longest first line that is looked at."""


class Named(NamedTuple):
    """A journal that was named: its file, the instance that it belongs to, if it does, and what its run was begun with, as far as its head has that."""

    path: Path
    instance: Path | None
    begun: dict[str, Any]


def is_journal(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins as a journal does. Raise OSError if it cannot be read."""
    with open(path, "rb") as file:
        return file.read(len(_FIRST)) == _FIRST


def head_of(path: Path) -> dict[str, Any]:
    """Return what the first line of a journal says, or nothing if it cannot be read: whoever replays it says why."""
    try:
        with open(path, "rb") as file:
            found = msgspec.json.decode(file.readline(_LONGEST))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def named(word: str, state_of: Callable[[], StateFolder]) -> Named:
    """Return the journal that a word means: of a file, of the last run of an instance, or of a run by its id or its beginning.

    Raise LookupError if there is none, OSError if a file cannot be read, ValueError if it is no journal of a version that is read.
    """
    if os.path.isfile(word):
        refuse_unreadable(word)
        if not is_journal(word):
            raise LookupError(f"`{word}` is no journal: `cogc run --record` and `cogc run --instance` write them")
        return _named(Path(word), _instance_of(Path(word)))
    state = state_of()
    place = Path(state.at(INSTANCES, word, JOURNAL))
    if word.isprintable() and os.sep not in word and place.is_file():
        return _named(place, place.parent)
    found = [(path, folder) for path, folder in _journals(state) if str(head_of(path).get("run", "")).startswith(word)]
    if len(found) > 1:
        raise LookupError(
            f"several runs are meant: name one of {', '.join(str(head_of(path)['run']) for path, _ in found)}"
        )
    if not word or not found:
        raise LookupError(f"there is no file, no instance and no run of one `{word}`")
    return _named(*found[0])


def of_run(run: str, near: Path, state: StateFolder) -> Named | None:
    """Return the journal of a run: that of an instance, or a recording in the folder of a file. None if there is none."""
    beside = [(path, None) for path in sorted(near.parent.glob("*"))[:200] if path.is_file() and path != near]
    for path, folder in [*_journals(state), *beside]:
        try:
            if run and is_journal(path) and head_of(path).get("run") == run:
                return _named(path, folder)
        except (OSError, ValueError):
            continue
    return None


def _journals(state: StateFolder) -> list[tuple[Path, Path]]:
    """Return the journals of all instances, those of earlier runs too, with the folders of the instances."""
    folders = sorted(path for path in Path(state.at(INSTANCES)).glob("*") if path.is_dir())
    return [(path, folder) for folder in folders for path in (folder / JOURNAL, *earlier(folder)) if path.is_file()]


def _instance_of(path: Path) -> Path | None:
    """Return the folder of the instance whose journal a file is, or None."""
    above = path.resolve().parent
    return above if path.name == JOURNAL and above.parent.name == INSTANCES else None


def _named(path: Path, instance: Path | None) -> Named:
    return Named(path, instance, begun_of(path))


def begun_of(path: Path) -> dict[str, Any]:
    """Return what the run of a journal was begun with, as far as its head has that, and the hash of its `program`. Raise ValueError if it is no
    journal that can be read."""
    from cogc.run.journal import read_head  # slow to import, and a viewer of a trace does without

    with open(path, "rb") as file:
        head = read_head(file.readline())
    begun = head.get("begun")
    return {**(begun if isinstance(begun, dict) else {}), "program": head.get("program", "")}
