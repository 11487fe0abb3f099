"""The cache of clean checks: files that are not checked again while neither they nor the compiler have changed.

A *group* is a set of files that reach each other by imports. They are clean or stale together, since a use in one file
may silence a warning in another. The cache is one text file for each working directory: the stamp of the compiler and
its options, then a line `HASH ROLE PATH` for each file, and an empty line after each group. ROLE is `r` for a file that
was named on the command line, `i` for one that was imported.
"""

from __future__ import annotations

import os

from cogc.disk.resources import place as resource
from cogc.disk.state_folder import check_cache, touch

try:
    from _blake2 import blake2b  # that of hashlib, which loads OpenSSL: as slow as the check of a small file
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cogc.diagnostics.source import Reader


class Cache:
    """The cache of one working directory, for one compiler and one set of options."""

    def __init__(self, options: Iterable[str], read: Reader) -> None:
        self._stamp = f"{_compiler()} {' '.join(sorted(options))}"
        self._read = read
        self._hashes: dict[str, str | None] = {}
        self._fresh: list[_Group] = []
        self._file = check_cache()

    def stale(self, paths: list[str]) -> list[str]:
        """Return the named files that have to be checked."""
        named = set(paths)
        self._fresh = [g for g in self._load() if self._holds(g, named)]
        known = {path for g in self._fresh for path in g.named}
        return [p for p in paths if p not in known]

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
                self._fresh.append(_Group({p: h or "" for p, h in hashes.items()}, set(paths).intersection(named)))
        self._save()

    def _holds(self, group: _Group, named: set[str]) -> bool:
        return named.intersection(group.hashes) == group.named and all(
            self._hash(path) == known for path, known in group.hashes.items()
        )

    def _hash(self, path: str) -> str | None:
        if path not in self._hashes:
            try:
                self._hashes[path] = blake2b(self._read(path), digest_size=16).hexdigest()
            except (FileNotFoundError, NotADirectoryError):
                self._hashes[path] = "-"  # a file that appears makes its group stale
            except IsADirectoryError:
                self._hashes[path] = "/"
            except (OSError, ValueError):
                self._hashes[path] = None
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
    """One group: the hash of each file, and the files that were named."""

    __slots__ = ("hashes", "named")

    def __init__(self, hashes: dict[str, str], named: set[str]) -> None:
        self.hashes = hashes
        self.named = named

    @classmethod
    def read(cls, text: str) -> _Group:
        lines = [line.split(" ", 2) for line in text.split("\n")]
        known = [(words[0], words[1], words[2]) for words in lines if len(words) == 3]
        return cls({path: hash for hash, _, path in known}, {path for _, role, path in known if role == "r"})

    def text(self) -> str:
        lines = (f"{hash} {'r' if path in self.named else 'i'} {path}\n" for path, hash in self.hashes.items())
        return "".join(lines) + "\n"


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
