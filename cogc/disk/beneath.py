"""Files below a folder that somebody else may write: opened without a symbolic link on the way.

A program in a sandbox can put a link, a pipe or another folder in the place of a file of its workspace at any time, also between
a check and a use. So a path is walked name by name, each from the folder that was opened before, and no name may be a link.
"""

from __future__ import annotations

import errno
import os
import stat

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_beneath(folder: str, path: str, flags: int) -> int:
    """Open what lies at a relative path in a folder, and return the descriptor. The folder itself is trusted.

    Raise OSError for a link (ELOOP, or ENOTDIR where a folder is wanted), and for a path that leads out (EXDEV).
    """
    names = [name for name in path.split("/") if name not in ("", ".")]
    if path.startswith("/") or ".." in names or not names:
        raise OSError(errno.EXDEV, "it leads out of its folder", path)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names[:-1]:
            below = os.open(name, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        return os.open(names[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)


def read_beneath(folder: str, path: str, most: int) -> tuple[bytes, os.stat_result]:
    """Return the first `most` bytes of a regular file below a folder, and what is known about it. Raise OSError for anything else."""
    opened = open_beneath(folder, path, os.O_RDONLY)
    with open(opened, "rb") as file:
        about = os.fstat(opened)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is no file", path)
        return file.read(most), about
