"""The parts of a trace, read as one file.

A run with `--trace-rotate` writes FILE; when that is large enough, it becomes FILE.1, then FILE.2, and so on, and a new FILE is begun. So
the numbers rise with time, and no part changes its name, except that FILE.3 may become FILE.3.gz, compressed. Old parts may be removed.

`Parts` is all of them behind each other, as bytes with places. A place keeps its meaning as long as the object is used: while FILE grows
and rotates, while parts are compressed, and when the first ones are removed. What is gone reads as nothing. One that stands for longer
than a part holds no more of the disk than the part that it last saw grow: closed parts are opened by their names when they are read.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from bisect import bisect_right
from collections import OrderedDict
from contextlib import suppress
from typing import NamedTuple

from cogc.traces.members import MAGIC, Members

_OPEN = 4
"""How many closed parts are open at once."""
_NUMBER = re.compile(r"\.([1-9][0-9]{0,8})(\.gz)?")
_BEGINS = b'{"v":'
"""The beginning of a part that is not compressed."""
PACKED = ".gz"


class Part(NamedTuple):
    """A closed part in a folder: its number, and the path of its file."""

    number: int
    path: str

    @property
    def bare(self) -> str:
        """The path that it has, or has had, before it was compressed."""
        return self.path.removesuffix(PACKED)


def closed(path: str) -> list[Part]:
    """Return the closed parts of the trace at a path, the oldest one first; of one that is there twice the compressed file."""
    found = {part.number: now for part in _named(path) if (now := _as_it_is(part)) is not None}
    return [found[number] for number in sorted(found)]


def _as_it_is(part: Part) -> Part | None:
    """Return a closed part by the name that it has now: it may have been compressed since the names were read. None if it is none."""
    for path in dict.fromkeys((part.path, part.bare + PACKED)):
        if _is_part(path):
            return Part(part.number, path)
    return None


def others(path: str) -> list[str]:
    """Return what has the name of a part of the trace at a path and is none, such as notes or a folder."""
    return [part.path for part in _named(path) if is_taken(part.path) and not _is_part(part.path)]


def is_taken(path: str) -> bool:
    """Return whether there is something at a path that must not be lost. An empty file, as a loss of power leaves it, has nothing to lose."""
    try:
        about = os.lstat(path)
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(about.st_mode) or about.st_size > 0


def _named(path: str) -> list[Part]:
    """Return all that has the name of a closed part, in the order of the names."""
    folder, name = os.path.split(path)
    try:
        entries = sorted(os.listdir(folder or "."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    matches = ((entry, _NUMBER.fullmatch(entry, len(name))) for entry in entries if entry.startswith(name))
    return [Part(int(match[1]), os.path.join(folder, entry)) for entry, match in matches if match is not None]


def _is_part(path: str) -> bool:
    """Return whether a file begins as a part does."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        begin = os.pread(file, len(_BEGINS), 0)
    except OSError:
        return False
    finally:
        os.close(file)
    return begin.startswith(MAGIC if path.endswith(PACKED) else _BEGINS)


def is_there(path: str) -> bool:
    """Return whether there is a trace at a path: its file, or a closed part. A run that was killed at the wrong time has left only those."""
    return os.path.isfile(path) or bool(closed(path))


def changed(path: str) -> int:
    """Return when a trace was written last, in nanoseconds since 1970. Raise OSError if there is none."""
    for at in (path, *(part.path for part in reversed(closed(path)))):
        with suppress(FileNotFoundError):
            return os.stat(at).st_mtime_ns
    return os.stat(path).st_mtime_ns


class _Plain:
    """A file that is not compressed. Raise OSError if it cannot be read."""

    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def length(self) -> int:
        return os.fstat(self.file).st_size

    def read(self, length: int, at: int) -> bytes:
        return os.pread(self.file, length, at)

    def is_file(self, about: os.stat_result) -> bool:
        """Return whether it is the file that something is known about."""
        own = os.fstat(self.file)
        return (own.st_dev, own.st_ino) == (about.st_dev, about.st_ino)

    def close(self) -> None:
        os.close(self.file)


def _is_left(part: Part) -> bool:
    """Return whether a closed part is there. One that is being compressed is there under its first name until it is under the other."""
    return os.path.exists(part.bare) or os.path.exists(part.bare + PACKED)


def _opened(part: Part) -> _Plain | Members | None:
    """Return the file of a closed part, whether it has been compressed meanwhile or not; None if it is gone."""
    for path in dict.fromkeys((part.path, part.bare, part.bare + PACKED)):
        with suppress(FileNotFoundError):
            return Members(path) if path.endswith(PACKED) else _Plain(path)
    return None


class Parts:
    """The trace at `path` with all of its parts. Raise OSError if there is none, or it cannot be read.

    Any thread may read. One file may also be named that is no set: a closed part alone, or a file that `gzip` has made. When its size was looked at
    last, `is_other` says that another file had taken the place of the one that is read, and `is_gone` that none was there.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.is_other = self.is_gone = False
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        self._starts: list[int] = []
        self._closed: list[Part] = []
        self._lengths: list[int] = []
        self._ready: OrderedDict[int, _Plain | Members] = OrderedDict()
        self._live: _Plain | None = None
        self._end = 0
        self._is_packed = False
        self._begin()
        if self._live is None and not self._closed:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.path)
        if self._live is not None and self._live.read(2, 0) == MAGIC:
            self._live.close()
            self._live, self._is_packed = None, True
            self._add(Part(1, self.path))

    def close(self) -> None:
        for file in (*self._ready.values(), self._live):
            if file is not None:
                file.close()

    def reopen(self) -> None:
        """Open the parts of the trace anew. Nobody else may read meanwhile."""
        self.close()
        self._open()

    @property
    def files(self) -> list[str]:
        """The paths of the files that are read."""
        return [part.path for part in self._closed] + [self.path]

    @property
    def size(self) -> int:
        """The bytes of all parts, as they are now. It is less than it was if a new run has begun its trace here: 0 where that one has removed
        the last closed part, which stays as long as its own run goes on."""
        with self._lock:
            self.is_other = self.is_gone = False
            if not self._is_packed and not self._is_same():
                self._follow()
                if self._live is not None and not self._is_same():
                    self.is_gone = not os.path.exists(self.path)
                    self.is_other = not self.is_gone
            if self._closed and not self._is_packed and not _is_left(self._closed[-1]):
                return 0
            return self._end + (0 if self._live is None else self._live.length)

    def read(self, length: int, at: int) -> bytes:
        """Return `length` bytes from a place on; less where the trace ends. A part that is gone reads as ends of lines."""
        with self._lock:
            found = self._read(length, at)
            while found and len(found) < length:
                more = self._read(length - len(found), at + len(found))
                if not more:
                    break
                found += more
            return found

    def beginning(self, length: int) -> bytes:
        """Return the first bytes of the file that grows, or nothing if parts were closed before it: the first of them may go, and is not held."""
        with self._lock:
            return b"" if self._closed or self._live is None else self._live.read(length, 0)

    def _read(self, length: int, at: int) -> bytes:
        if at >= self._end:
            return b"" if self._live is None else self._live.read(length, at - self._end)
        number = bisect_right(self._starts, at) - 1
        begin = at - self._starts[number]
        length = min(length, self._lengths[number] - begin)
        file = self._file(number)
        return (b"" if file is None else file.read(length, begin)) or b"\n" * length

    # ---- closed parts ------------------------------------------------------------------------------------------

    def _add(self, part: Part) -> None:
        """Add a closed part behind the others, unless it has been removed meanwhile."""
        file = _opened(part)
        if file is not None:
            self._close(part, file.length)
            self._keep(len(self._closed) - 1, file)

    def _close(self, part: Part, length: int) -> None:
        """Add a closed part of so many bytes."""
        self._starts.append(self._end)
        self._closed.append(part)
        self._lengths.append(length)
        self._end += length

    def _file(self, number: int) -> _Plain | Members | None:
        """Return the file of a closed part, opened; None if it is gone."""
        known = self._ready.get(number)
        if known is not None:
            self._ready.move_to_end(number)
            return known
        file = _opened(self._closed[number])
        if file is not None:
            self._keep(number, file)
        return file

    def _keep(self, number: int, file: _Plain | Members) -> None:
        self._ready[number] = file
        if len(self._ready) > _OPEN:
            self._ready.popitem(last=False)[1].close()

    # ---- rotation ----------------------------------------------------------------------------------------------

    def _is_same(self) -> bool:
        """Return whether the file that grows is still the one that is open."""
        try:
            about = os.stat(self.path)
        except OSError:
            return False
        return self._live is not None and self._live.is_file(about)

    def _follow(self) -> None:
        """Take what has been closed since, and open the file that grows now."""
        last = self._last
        if self._live is not None:
            if all(part.number <= last for part in closed(self.path)):
                return  # another file has taken its place, or none: what is open is what there is
            self._close(Part(last + 1, f"{self.path}.{last + 1}"), self._live.length)
            self._live.close()
            self._live = None
        self._begin()

    def _begin(self) -> None:
        """Open the file that grows, and add the closed parts before it: again, if one was closed meanwhile."""
        while self._live is None:
            for part in closed(self.path):
                if part.number > self._last:
                    self._add(part)
            try:
                self._live = _Plain(self.path)
            except FileNotFoundError:
                return
            if any(part.number > self._last for part in closed(self.path)):
                self._live.close()
                self._live = None

    @property
    def _last(self) -> int:
        """The number of the last closed part."""
        return self._closed[-1].number if self._closed else 0
