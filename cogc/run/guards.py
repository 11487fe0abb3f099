"""The guards of a folder that a command in a sandbox sees: what is hidden, what is only read, and what must stay in its place.

Hidden: what is cogc's own (`OwnFiles`), and sockets of other programs. Only read, also where the folder is written: what this process
runs on, which is its Python with all that is installed beside it, and folders on its path, since what is written there runs outside of
the sandbox. Both mean a path, and a command that writes the folder could give a path to something else, by another name for a
folder above it. A folder in which something is mounted cannot be renamed; so each folder between is mounted in its own place.

The folders that are mounted from within the workspace are opened here, without a link on the way: a command in
another sandbox may exchange them at any moment. bubblewrap gets them as descriptors.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from cogc.disk import resources
from cogc.disk.beneath import open_beneath
from cogc.disk.state_folder import OwnFiles, inside
from cogc.language.values import Failure
from cogc.run.sockets import sockets

How: TypeAlias = Literal["folder", "file", "read", "pinned"]
"""An empty folder or file in its place, the same but read-only, the same."""


class Guard(NamedTuple):
    """A real path in a folder that a command sees, and what stands there for the command."""

    path: str
    how: How


def guards(folder: str, written: bool, kept: OwnFiles) -> list[Guard]:
    """Return what is guarded in a folder, by its real path: the outermost first. Raise Failure if the folder itself is what cogc runs on."""
    found = {path: Guard(path, "folder" if os.path.isdir(path) else "file") for path in kept.inside(folder)}
    found |= {path: Guard(path, "file") for path in sockets(folder)}
    for path in runs_on() if written else ():
        if path == folder:
            raise Failure(
                "program", f"the workspace `{folder}` is what cogc runs on: nobody may write it from a sandbox"
            )
        if inside(path, folder):
            found.setdefault(path, Guard(path, "read"))
    for path in list(found) if written else ():
        while inside(path := os.path.dirname(path), folder):
            found.setdefault(path, Guard(path, "pinned"))
    return sorted(found.values(), key=lambda guard: (guard.path.count("/"), guard.path))


@lru_cache(maxsize=1)
def runs_on() -> tuple[str, ...]:
    """Return the folders of which this process runs what lies in them, by their real paths; none lies in another."""
    given = [sys.prefix, sys.base_prefix, resources.PACKAGE]
    given += [p for p in sys.path if p.endswith("-packages")]
    given += [p for p in os.environ.get("PATH", "").split(os.pathsep) if os.path.isabs(p)]
    real = sorted({os.path.realpath(p) for p in given if os.path.isdir(p)})
    return tuple(p for p in real if not any(inside(p, other) for other in real))


_opened: dict[str, int] = {}


def descriptor(folder: str, guard: Guard) -> str:
    """Return a path by which another process opens a guarded folder, whatever has been put into its place. It is held open by this one.

    Raise Failure if it is no longer there.
    """
    path = guard.path
    try:
        if path not in _opened:
            _opened[path] = open_beneath(folder, os.path.relpath(path, folder), os.O_RDONLY | os.O_DIRECTORY)
        if not os.path.samestat(os.fstat(_opened[path]), os.lstat(path)):
            raise FileNotFoundError
    except OSError:
        raise Failure(
            "program", f"the folder `{path}` was replaced, and cannot be kept from commands in a sandbox"
        ) from None
    return f"/proc/{os.getpid()}/fd/{_opened[path]}"
