"""The Unix sockets of the machine that lie in a folder. A socket can be connected to through any mount, also a read-only one, and from
any network namespace; so a sandbox must not show one."""

from __future__ import annotations

import os
import stat

_NAMES = "/proc/net/unix"


def sockets(folder: str, names: str = _NAMES) -> list[str]:
    """Return the sockets below a folder that programs of this machine have bound, as real paths.

    The kernel lists each socket by the name by which it was bound. If that is a relative path, the folder is searched for it.
    """
    found, relative = set(), set()
    try:
        with open(names, "rb") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return []
    for line in lines:
        fields = line.split(None, 7)
        name = os.fsdecode(fields[7]) if len(fields) == 8 else ""
        if name.startswith("/"):
            path = os.path.join(os.path.realpath(os.path.dirname(name)), os.path.basename(name))
            if path.startswith(folder.rstrip("/") + "/") and _is_socket(path):
                found.add(path)
        elif name and not name.startswith("@"):
            relative.add(os.path.basename(name))
    if relative:
        for place, _, files in os.walk(folder):
            found.update(p for n in relative.intersection(files) if _is_socket(p := os.path.join(place, n)))
    return sorted(found)


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False
