"""Python modules in a folder that commands in a sandbox may write: they run as they were when the run began, or not at all.

Modules of the spec, and packages that it may import, run in this process with the rights of the user. Some of them are imported
late: at the first call, or inside of a function. So `pin` notes the moment before the first command begins, and installs a finder
that takes no module from the folder which was written later. Nothing but the kernel sets the time of the last change (`st_ctime`), neither
can it be set back. Files are read without following links, bytecode is neither read nor written, and extension modules are
refused: whoever can write beside a module could plant them.

`trust` notes a new moment for a part of the folder. That is what `reload: true` of a program asks for.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder, SourceLoader
from types import ModuleType

from cogc.disk.beneath import read_beneath
from cogc.disk.state_folder import inside
from cogc.run.guards import runs_on

_MOST = 64 << 20
_moments: dict[str, int] = {}
"""The folders that are held, and below them those that are trusted since, with the nanoseconds of that moment."""


def pin(folder: str) -> None:
    """Take from now on no module from a folder, by its real path, that is written later."""
    if folder in _moments:
        return
    _moments[folder] = _now()
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def trust(folder: str) -> None:
    """Take modules below a folder, by its real path, as they are now. A folder that is not held is as it was."""
    if holder(folder):
        _moments[folder] = _now()


def holder(path: str) -> str:
    """Return the held folder that decides about a path, which is the innermost; nothing for a path that sandboxes do not write.

    It counts where the path leads through the folder, also if a link in it leads out again.
    """
    found = ""
    for place in _ways(path):
        if place in runs_on():
            return ""  # sandboxes only read it
        found = found or max((f for f in _moments if place == f or inside(place, f)), key=len, default="")
    return found


def _ways(path: str) -> Iterator[str]:
    """Yield the real path of each folder that a path names, the outermost last, and before them that of the path itself."""
    place = os.path.abspath(path)
    while place != os.path.dirname(place):
        yield os.path.realpath(place)
        place = os.path.dirname(place)


def _now() -> int:
    """Return the present moment on the clock that the kernel stamps changes with."""
    with tempfile.TemporaryFile() as file:
        return os.fstat(file.fileno()).st_ctime_ns


def loader(name: str, path: str) -> Loader | None:
    """Return what loads a module from a file in a held folder, None for a file elsewhere."""
    folder = holder(path)
    return _Pinned(name, path, folder) if folder else None


class _Pinned(SourceLoader):
    """Loads the source of a module if it has not been written since its folder was pinned."""

    def __init__(self, name: str, path: str, folder: str) -> None:
        self.name = name
        self.path = path
        self.folder = folder

    def get_filename(self, fullname: str) -> str:
        return self.path

    def path_stats(self, path: object) -> dict[str, int]:
        raise OSError("bytecode is not used here")

    def get_data(self, path: object) -> bytes:
        try:
            data, about = read_beneath(self.folder, os.path.relpath(_plain(self.path, self.folder), self.folder), _MOST)
        except OSError as error:
            raise ImportError(
                f"`{self.path}` is not run: {error.strerror or error}", name=self.name, path=self.path
            ) from None
        if about.st_ctime_ns > _moments[self.folder]:
            raise ImportError(
                f"`{self.path}` was written since the run began, where commands in a sandbox may write, and is not run",
                name=self.name, path=self.path,
            )  # fmt: skip
        return data


def _plain(path: str, folder: str) -> str:
    """Return a path that begins with a held folder's real path, where it may begin with links that lead to the folder."""
    place, rest = path, ""
    while place != os.path.dirname(place):
        if os.path.realpath(place) == folder:
            return os.path.join(folder, rest)
        place, name = os.path.split(place)
        rest = os.path.join(name, rest) if rest else name
    return os.path.realpath(path)


class _Refusing(Loader):
    """Stands for a module that is no source."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        raise ImportError(
            f"`{spec.origin}` is not run: of a folder where commands in a sandbox may write, only source is",
            name=spec.name,
        )

    def exec_module(self, module: ModuleType) -> None:
        raise AssertionError("no module was made")


class _Finder(MetaPathFinder):
    """Asks the other finders, and puts loaders of ours into what they have found in a held folder."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is None:
                continue
            folder = holder(spec.origin) if spec.has_location and spec.origin else ""
            if folder and spec.origin is not None:
                source = isinstance(spec.loader, importlib.machinery.SourceFileLoader)
                spec.loader = _Pinned(fullname, spec.origin, folder) if source else _Refusing()
                spec.cached = None
            return spec
        return None


_FINDER = _Finder()
