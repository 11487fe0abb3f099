"""The reader of files that the stages are handed, and the specs that a path stands for."""

from __future__ import annotations

import errno
import os
import stat

from cogc.diagnostics.source import LIMIT_MB, is_yaml_spec
from cogc.disk.resources import place as resource

_SKIPPED = {"__pycache__", "node_modules"}
_SPECS = (".cog", ".yml", ".yaml")
_FIRST = 1 << 16
"""The bytes that are asked for first: most files have fewer, and room for a longest spec takes longer to get than those take to read."""
_MOST = (LIMIT_MB + 1) << 20


def read(path: str) -> bytes:
    """Return the bytes of a file, of `std/x` from the standard library; at most a little more than a spec may have."""
    place = resource("stdlib", path[4:]) if path.startswith("std/") else path
    refuse_unreadable(place)
    with open(place, "rb") as file:
        data = file.read(_FIRST)
        return data if len(data) < _FIRST else data + file.read(_MOST - _FIRST)


def read_whole(path: str) -> bytes:
    """Return all that is in a file, or comes out of a pipe. Raise OSError for what cannot be read, and for a device, which may have no
    end; a terminal and /dev/null have one."""
    with open(path, "rb") as file:
        mode = os.fstat(file.fileno())
        is_device = stat.S_ISCHR(mode.st_mode) or stat.S_ISBLK(mode.st_mode)
        if is_device and not file.isatty() and mode.st_rdev != os.stat(os.devnull).st_rdev:
            raise OSError(errno.EINVAL, "it is a device and no file", path)
        return file.read()


def read_text(path: str) -> str:
    """Return the text of a file or a pipe, with `\\n` as ends of lines. OSError as for `read_whole`, ValueError if it is not in UTF-8."""
    return read_whole(path).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Return what tells the file at a path from one that takes its place; None if there is none, or an empty one."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_size else None


def refuse_unreadable(path: str) -> None:
    """Raise OSError for what is no regular file: opening a pipe waits for its writer, and a device may have no end."""
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    raise OSError(errno.EINVAL, f"it is {kinds.get(stat.S_IFMT(mode), 'a device')} and no file", path)


def specs(path: str) -> list[str]:
    """Return the specs below a folder, in order, or a path that is no folder. A folder `NAME.cog` is one spec."""
    if path.rstrip("/").endswith(".cog") or not os.path.isdir(path):
        return [path]
    found: list[str] = []
    for top, folders, names in os.walk(path):
        found += [os.path.join(top, f) for f in sorted(folders) if f.endswith(".cog")]
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and f not in _SKIPPED and not f.endswith(".cog")
        )
        for name in sorted(names):
            place = os.path.join(top, name)
            if is_spec(place):
                found.append(place)
    return found


def main_spec(path: str) -> str:
    """Return the main spec of a folder: the file with its name, else `main.cog`, else its only spec, else the path itself."""
    if not os.path.isdir(path) or path.rstrip("/").endswith(".cog"):
        return path
    name = os.path.basename(os.path.abspath(path))
    named = [os.path.join(path, f"{n}{s}") for n in (name, "main") for s in _SPECS]
    found = [p for p in named if os.path.isfile(p)]
    if not found:
        files = sorted(os.path.join(path, f) for f in os.listdir(path))
        found = [f for f in files if os.path.isfile(f) and is_spec(f)]
        found = found if len(found) == 1 else []
    return found[0] if found else path


def is_spec(path: str) -> bool:
    """Return whether a file of a folder is a spec: a `.cog` file, or a YAML file with the keys of a spec."""
    lower = path.lower()
    if not lower.endswith(_SPECS):
        return False
    if lower.endswith(".cog"):
        return True
    try:
        return is_yaml_spec(read(path).decode("utf-8-sig", "replace"))
    except OSError:
        return False
