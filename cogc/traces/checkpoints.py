"""Checkpoints of a journal: states of its kernel at some records, in files beside the journal.

They are a cache: whoever removes the folder `JOURNAL.checkpoints` loses time alone. Below it there is a folder for each *key*, which is
a digest of all that a checkpoint depends on: the beginning of the journal, the program, the forms of journals and snapshots, and the
version of cogc. So a checkpoint of another run, of another program or of another cogc is never looked at. A file is one checkpoint. Its name says at which record,
instant and byte of the journal it stands; its first line has a digest of the rest. A file that was damaged is removed.

Files are written under another name first, so that two commands may write at once. What cannot be written is not kept: the next
question takes longer then, and has the same answer.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from cogc import __version__
from cogc.disk.private import touch
from cogc.kernel import snapshot
from cogc.language.codec import decode, encode
from cogc.run import journal
from cogc.run.journal import Place
from cogc.run.retention import CHECKPOINTS

MOST = 256 << 20
"""The bytes that the checkpoints of a journal take at most; every other one goes when there are more."""
_FORM = 1
_KEY = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"(\d{12})-(\d{20})-(\d{16})-(\d{12})")


class Checkpoint(NamedTuple):
    """The state of a run behind the record `seq`, at `now` nanoseconds and at a place of its journal.

    `effects` counts what the run had left by then. `since` has the instants at which the calls under way were begun, by their numbers,
    and `state` the snapshot of the kernel.
    """

    seq: int
    now: int
    place: Place
    effects: int
    since: dict[str, int]
    state: dict[str, Any]


class Found(NamedTuple):
    """A file that is there: the record and the instant of its checkpoint, and its place in the journal."""

    seq: int
    now: int
    offset: int
    name: str


class Checkpoints:
    """The checkpoints of one journal for one program. `beginning` are the first two lines of the journal."""

    def __init__(self, path: Path, beginning: bytes, program: str) -> None:
        self.above = path.with_name(path.name + CHECKPOINTS)
        about = [_FORM, snapshot.FORM, journal.VERSION, __version__, program]
        self.folder = self.above / hashlib.sha256(beginning + repr(about).encode()).hexdigest()[:32]
        self.size = 0
        self.found: list[Found] = []
        self.look()

    def look(self) -> None:
        """Look which files there are by now: others write some too."""
        found = []
        self.size = 0
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                parts = _NAME.fullmatch(entry.name)
                if parts is not None:
                    self.size += entry.stat().st_size
                    found.append(Found(int(parts[1]), int(parts[2]), int(parts[3]), entry.name))
        self.found = sorted(found)

    def before(self, seq: int, now: int) -> Checkpoint | None:
        """Return the last checkpoint that is neither behind a record nor behind an instant, or None. Files that are damaged are removed."""
        for known in reversed([f for f in self.found if f.seq <= seq and f.now <= now]):
            try:
                return self._read(known)
            except (OSError, ValueError, TypeError, KeyError, AttributeError):
                self.drop(known.seq)
        return None

    def _read(self, known: Found) -> Checkpoint:
        """Read a checkpoint. Raise ValueError, KeyError, TypeError or AttributeError if its file is damaged."""
        data = (self.folder / known.name).read_bytes()
        digest, _, text = data.partition(b"\n")
        if hashlib.sha256(text).hexdigest().encode() != digest:
            raise ValueError("it was damaged")
        found = decode(text)
        place = Place(found["offset"], found["events"], found["checksum"])
        return Checkpoint(found["seq"], found["now"], place, found["effects"], found["since"], found["state"])

    def drop(self, seq: int) -> None:
        """Remove the checkpoint at a record, if it can be."""
        for known in [f for f in self.found if f.seq == seq]:
            self.found.remove(known)
            with suppress(OSError):
                self.size -= (self.folder / known.name).stat().st_size
                (self.folder / known.name).unlink()

    def has(self, seq: int) -> bool:
        """Return whether there is a checkpoint at a record."""
        return any(f.seq == seq for f in self.found)

    def save(self, checkpoint: Checkpoint) -> int:
        """Write a checkpoint. Return its bytes, whether it could be written or not."""
        text = encode(
            {
                **checkpoint.place._asdict(),
                "seq": checkpoint.seq,
                "now": checkpoint.now,
                "effects": checkpoint.effects,
                "since": checkpoint.since,
                "state": checkpoint.state,
            }
        )
        name = f"{checkpoint.seq:012}-{checkpoint.now:020}-{checkpoint.place.offset:016}-{checkpoint.place.events:012}"
        with suppress(OSError):
            self._make()
            draft = self.folder / f"{os.getpid()}.part"
            try:
                with open(touch(str(draft)), "wb") as file:
                    file.write(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
                os.replace(draft, self.folder / name)
            except BaseException:  # Ctrl-C too
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
                raise
            self.found.append(Found(checkpoint.seq, checkpoint.now, checkpoint.place.offset, name))
            self.found.sort()
            self.size += len(text)
        if self.size > MOST:
            for seq in [f.seq for f in self.found][::2]:
                self.drop(seq)
        return len(text)

    def _make(self) -> None:
        """Make the folder. Those of other keys go: nothing will ask for them."""
        if self.folder.is_dir():
            return
        if self.above.is_dir():
            for other in self.above.iterdir():
                if _KEY.fullmatch(other.name):
                    shutil.rmtree(other, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
