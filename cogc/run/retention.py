"""Runs that are over: which of them keep their files, and the removal of the others'.

An instance has the journal of its last run, and in `ended/` those of earlier ones, `NUMBER-RUN.jsonl`, where NUMBER counts the
runs of the instance. The folder `runs/RUN` of a state folder has the trace of a run. `Keep` says how much of that stays. What
a run that goes on needs, and the saved states, are never touched here.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from cogc.language.texts import nanoseconds
from cogc.run import media
from cogc.run.instance_folder import ENDED, earlier
from cogc.run.journal import Journal, load

CHECKPOINTS = ".checkpoints"
"""The ending of the folder beside a journal with states of its run (`traces/checkpoints.py`), a cache."""
PRUNED = "pruned"
"""The key in the head of a journal whose events were removed."""
_YOUNG = 60.0
"""Seconds in which a folder was written that may belong to a run under way."""
_DIGEST = re.compile(rb'"([0-9a-f]{64})"')


class Keep(NamedTuple):
    """A rule for runs that are over: the `newest` keep their files, or those that were written in the last `seconds`."""

    newest: int = 0
    seconds: float | None = None

    @classmethod
    def of(cls, text: str) -> Keep:
        """Return what a word says: a number, or a duration. Raise ValueError for another text."""
        if text.isascii() and text.isdigit() and len(text) < 20:
            return cls(int(text))
        try:
            return cls(0, max(0.0, nanoseconds(text) / 1e9))
        except ValueError:
            raise ValueError("write a number of runs such as 5, or a time such as 30d") from None

    @property
    def nothing(self) -> bool:
        """True if no run keeps its files."""
        return self.seconds is None and not self.newest

    def surplus(self, files: Sequence[Path], written: Callable[[Path], float], now: float) -> list[Path]:
        """Return those of the files, the newest first, that are not kept."""
        if self.seconds is None:
            return list(files[self.newest :])
        return [file for file in files if written(file) < now - self.seconds]


NOTHING = Keep()
"""The rule by which no run keeps its files."""


def keep_journal(folder: Path, journal: Path, number: int, run: str) -> None:
    """Give the journal of a run that is over a second name among the earlier ones."""
    place = folder / ENDED
    place.mkdir(mode=0o700, exist_ok=True)
    target = place / f"{number:06}-{run}.jsonl"
    if not target.exists():
        os.link(journal, target)


def clear(folder: Path, keep: Keep, journal: Path, now: float) -> None:
    """Remove the journals of earlier runs that are not kept, and what nothing that is kept names of images and documents."""
    for path in keep.surplus(earlier(folder), _written, now):
        path.unlink(missing_ok=True)
        _forget(path)
    _forget(journal)
    sweep_media(folder, [journal, *earlier(folder)])


def _forget(journal: Path) -> None:
    """Remove the checkpoints of a journal that is another one now, or is gone."""
    shutil.rmtree(journal.with_name(journal.name + CHECKPOINTS), ignore_errors=True)


def sweep_media(folder: Path, journals: Sequence[Path], states: bytes = b"") -> None:
    """Remove the images and documents of an instance that no journal and no saved state names."""
    if not (folder / media.FOLDER).is_dir():
        return
    named = {digest.decode() for digest in _DIGEST.findall(states)}
    for path in journals:
        with open(path, "rb") as file:
            for line in file:
                named.update(digest.decode() for digest in _DIGEST.findall(line))
    media.sweep(folder / media.FOLDER, named)


def _written(path: Path) -> float:
    return path.stat().st_mtime


def prune(folder: Path, journal: Path, states: bytes, keep: Keep, now: float) -> int:
    """Remove what the ended runs of an instance have left; return the bytes. `states` are the saved states, which stay."""
    before = size_of(folder)
    surplus = keep.surplus([journal, *earlier(folder)], _written, now)
    for path in surplus:
        _forget(path)
        if path == journal:
            _empty(journal)
        else:
            path.unlink()
    if journal in surplus:
        for queues in folder.glob("queues.db*"):
            queues.unlink()
    sweep_media(folder, [path for path in (journal, *earlier(folder)) if path.exists()], states)
    return before - size_of(folder)


def _empty(journal: Path) -> None:
    """Leave the head and the end of a journal: that the run was there, and how it ended."""
    recording = load(journal.read_bytes())
    end = recording.events[-1]
    draft = journal.with_suffix(".pruned")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        made = Journal(file, {**recording.head, PRUNED: True})
        made.lines.append(end)
        made.flush()
        os.fsync(file.fileno())
    about = journal.stat()
    os.utime(draft, (about.st_atime, about.st_mtime))
    os.replace(draft, journal)


def prune_runs(folders: Sequence[Path], keep: Keep, now: float) -> int:
    """Remove the folders of runs that are over; return the bytes. Those that were written just now stay."""
    over = sorted((f for f in folders if last_written(f) < now - _YOUNG), key=last_written, reverse=True)
    gone = 0
    for folder in keep.surplus(over, last_written, now):
        gone += size_of(folder)
        shutil.rmtree(folder)
    return gone


def last_written(folder: Path) -> float:
    """Return when a folder, or a file in it, was written last, in seconds since 1970."""
    return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))


def size_of(folder: Path) -> int:
    """Return the bytes of the files of a folder. What goes away meanwhile counts as nothing."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                about = os.lstat(os.path.join(place, name))
            except FileNotFoundError:
                continue
            found += about.st_size
    return found
