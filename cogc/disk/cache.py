"""The cache of clean checks: files that are not checked again while neither they nor the compiler have changed.

A *group* is a set of files that reach each other by imports. They are clean or stale together, since a use in one file
may silence a warning in another. The cache is one text file for each working directory: the stamp of the compiler and
its options, then a line `HASH ROLE TIMES PATH` for each file, and an empty line after each group. ROLE is `r` for a file
that was named on the command line, `i` for one that was imported.

TIMES are the times, the size and the number of a file when it was read: while they are the same it is not read again, as
git does with its index. A file that had changed less than `_YOUNG` before has `-` for them, since another change may leave
the same times; it is read until it is older.
"""

from __future__ import annotations

import os
from time import time_ns

from cogc.disk.private import home, touch
from cogc.disk.resources import place as resource

try:
    from _blake2 import blake2b  # that of hashlib, which loads OpenSSL: as slow as the check of a small file
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from cogc.diagnostics.source import Reader

    Note: TypeAlias = tuple[str, str | None, str]
    """The path, the hash and the times of a file."""

_YOUNG = 2_000_000_000
"""The nanoseconds within which two changes of a file may have the same time: that of the coarsest file system."""


class Cache:
    """The cache of one working directory, for one compiler and one set of options."""

    def __init__(self, options: Iterable[str], read: Reader) -> None:
        self._stamp = f"{_compiler()} {' '.join(sorted(options))}"
        self._read = read
        self._hashes: dict[str, str | None] = {}
        self._times: dict[str, str] = {}
        self._read_again = False
        self._fresh: list[_Group] = []
        self._file = file_here()

    def stale(self, paths: list[str]) -> list[str]:
        """Return the named files that have to be checked."""
        named = set(paths)
        self._fresh = [g for g in self._load() if self._holds(g, named)]
        known = {path for g in self._fresh for path in g.named}
        found = [p for p in paths if p not in known]
        if self._read_again and not found:  # by its hash a file is as it was: from now on by its times, too
            self._save()
        return found

    def reached(self, paths: Iterable[str]) -> list[str]:
        """Return the named files of clean groups that the checked files import: they have to be checked with them."""
        met = set(paths)
        touched = [g for g in self._fresh if not met.isdisjoint(g.hashes)]
        self._fresh = [g for g in self._fresh if g not in touched]
        return [path for g in touched for path in g.named]

    def keep(self, groups: list[list[str]], named: Iterable[str]) -> None:
        """Write these groups as clean, with the groups that were clean already."""
        for paths in groups:
            hashes = {path: self._hash(path) for path in paths}
            if None not in hashes.values() and not any("\n" in path for path in paths):
                known = {p: h or "" for p, h in hashes.items()}
                self._fresh.append(_Group(known, {p: self._times[p] for p in paths}, set(paths).intersection(named)))
        self._save()

    def _holds(self, group: _Group, named: set[str]) -> bool:
        """Return whether a group is as it was, and note the times of the files that were read to find out."""
        if named.intersection(group.hashes) != group.named:
            return False
        for path, times in group.times.items():
            if times == "-" or times != _times(path):
                if self._hash(path) != group.hashes[path]:
                    return False
                if self._times[path] != times:
                    group.times[path] = self._times[path]
                    self._read_again = True
        return True

    def read(self, path: str) -> bytes:
        """Return the bytes of a file for a check, and note what they are: a file that changes while it is checked is stale then."""
        self._times[path] = _times(path, settled=True)  # before it is read: a change meanwhile has a later time
        self._hashes[path] = None
        try:
            data = self._read(path)
        except (FileNotFoundError, NotADirectoryError):
            self._hashes[path] = "-"  # a file that appears makes its group stale
            raise
        except IsADirectoryError:
            self._hashes[path] = "/"
            raise
        self._hashes[path] = blake2b(data, digest_size=16).hexdigest()
        return data

    def notes(self, paths: Iterable[str]) -> list[Note]:
        """Return what the files were when they were read, for the cache of another process."""
        return [(path, self._hashes[path], self._times[path]) for path in paths if path in self._hashes]

    def take(self, notes: Iterable[Note]) -> None:
        """Take over what another process has read. A file that it has read with another content is stale."""
        for path, hash, times in notes:
            if self._hashes.setdefault(path, hash) != hash:
                self._hashes[path] = None
            if self._times.setdefault(path, times) != times:
                self._times[path] = "-"

    def _hash(self, path: str) -> str | None:
        if path not in self._hashes:
            try:
                self.read(path)
            except (OSError, ValueError):
                return self._hashes[path]  # what stands for a file that is not there or cannot be read
        return self._hashes[path]

    def _load(self) -> list[_Group]:
        try:
            with open(self._file, encoding="utf-8", errors="surrogateescape") as file:
                stamp, _, text = file.read().partition("\n")
        except (OSError, ValueError):
            return []
        if stamp != self._stamp:
            return []
        return [_Group.read(part) for part in text.split("\n\n") if part]

    def _save(self) -> None:
        draft = f"{self._file}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self._file), 0o700, exist_ok=True)
            with open(touch(draft), "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(self._stamp + "\n" + "".join(g.text() for g in self._fresh))
            os.replace(draft, self._file)
        except OSError:  # without a cache the next check is slower, and gives the same result
            return


class _Group:
    """One group: the hash and the times of each file, and the files that were named."""

    __slots__ = ("hashes", "named", "times")

    def __init__(self, hashes: dict[str, str], times: dict[str, str], named: set[str]) -> None:
        self.hashes = hashes
        self.times = times
        self.named = named

    @classmethod
    def read(cls, text: str) -> _Group:
        hashes: dict[str, str] = {}
        times: dict[str, str] = {}
        named: set[str] = set()
        for line in text.split("\n"):
            words = line.split(" ", 3)
            if len(words) == 4:
                hash, role, when, path = words
                hashes[path], times[path] = hash, when
                if role == "r":
                    named.add(path)
        return cls(hashes, times, named)

    def text(self) -> str:
        roles = {path: "r" if path in self.named else "i" for path in self.hashes}
        lines = (f"{hash} {roles[path]} {self.times[path]} {path}\n" for path, hash in self.hashes.items())
        return "".join(lines) + "\n"


def _times(path: str, settled: bool = False) -> str:
    """Return the times, the size and the number of a file as one word; `-` if it is not there.

    With `settled`, a file that has changed a moment ago has `-` too, since its next change may leave the same word.
    """
    try:
        s = os.stat(path)
    except (OSError, ValueError):
        return "-"
    if settled and time_ns() - max(s.st_mtime_ns, s.st_ctime_ns) < _YOUNG:
        return "-"
    return f"{s.st_mtime_ns}.{s.st_ctime_ns}.{s.st_size}.{s.st_ino}"


def file_here() -> str:
    """Return the file of the clean checks of the working directory. It can be lost: it lies with caches, not with state."""
    top = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(top):
        top = os.path.join(home(), ".cache")
    name = blake2b(os.fsencode(os.getcwd()), digest_size=16).hexdigest()
    return os.path.join(top, "cogc", "check", name)


# the folders of the package that a check runs through
_CHECKING = ("language", "diagnostics", "syntax", "disk", "names", "desugar", "desugar/forms", "analysis", "checks")


def _compiler() -> str:
    """Return a stamp of the compiler: a hash of the size and time of each of its files."""
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = []
    for folder in (top, *(os.path.join(top, name) for name in _CHECKING), resource("stdlib")):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".py", ".cog", ".json")):
                    status = entry.stat()
                    found.append(f"{entry.path} {status.st_size} {status.st_mtime_ns}")
    return blake2b("\n".join(sorted(found)).encode(errors="surrogateescape"), digest_size=16).hexdigest()
