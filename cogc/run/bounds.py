"""Bounds on the memory, processes, files and descriptors of a sandbox, and the shell that sets them before a command begins.

Resource limits bound each process: its memory (`RLIMIT_DATA`), the size of a file, its descriptors; there are no core dumps.
`RLIMIT_NPROC` bounds the processes of all of a user, and so is set above the number that the machine has at the start. It does
not hold root. Control groups bound a sandbox as a whole. They are used where the own group is the root of a hierarchy that may be written,
which is so for root of a machine and in some containers: a group that belongs to a manager of groups is that manager's alone.
"""

from __future__ import annotations

import atexit
import os
import resource
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from cogc.kernel.permissions import Sandbox

_GIB = 1 << 30
FILE = 4 * _GIB
DESCRIPTORS = 4096
FILTER = 9
"""The descriptor at which bubblewrap finds its filter of system calls."""
HELD, MOST_HELD = 3, 6
"""The first descriptor at which bubblewrap finds folders to mount, and how many there may be: a shell knows numbers of one digit."""


def bounded(words: list[str], sandbox: Sandbox, filter: str = "", held: Sequence[str] = ()) -> list[str]:
    """Return the command that runs `words` within the bounds of a sandbox, with the file `filter` open at descriptor FILTER, and
    those of `held` from HELD on."""
    values = limits(sandbox)
    lines = [f"ulimit {option} {values[number] // unit}" for number, (option, unit) in _OPTIONS.items()]
    tasks = values[resource.RLIMIT_NPROC]
    lines.append(f"ulimit -u {tasks} 2>/dev/null || ulimit -p {tasks} 2>/dev/null")  # bash names it so, dash so
    lines += [line for group in groups(sandbox) for line in _entering(group)]
    lines += [f"exec {FILTER}<'{filter}'"] if filter else []
    lines += [f"exec {number}<'{path}'" for number, path in enumerate(held, HELD)]
    return ["/bin/sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh", *words]


def without_held(words: list[str], count: int) -> list[str]:
    """Return the command that closes the descriptors of held folders, which would lead out of the sandbox, and becomes `words`."""
    closed = [f"exec {number}<&-" for number in range(HELD, HELD + count)]
    return ["/bin/sh", "-c", "\n".join([*closed, 'exec "$@"']), "sh", *words] if count else words


_OPTIONS = {
    resource.RLIMIT_CORE: ("-c", 512),
    resource.RLIMIT_NOFILE: ("-n", 1),
    resource.RLIMIT_FSIZE: ("-f", 512),
    resource.RLIMIT_DATA: ("-d", 1024),
}
"""The options of `ulimit`, and their units in a POSIX shell."""


def limits(sandbox: Sandbox) -> dict[int, int]:
    """Return the resource limits of each process of a sandbox."""
    return {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: at_most(resource.RLIMIT_NOFILE, DESCRIPTORS),
        resource.RLIMIT_FSIZE: at_most(resource.RLIMIT_FSIZE, FILE),
        resource.RLIMIT_DATA: at_most(resource.RLIMIT_DATA, sandbox.memory),
        resource.RLIMIT_NPROC: at_most(resource.RLIMIT_NPROC, _tasks() + sandbox.processes),
    }


def at_most(limit: int, wanted: int) -> int:
    """Return the value for a limit: what is wanted, or less where this process may have no more."""
    hard = resource.getrlimit(limit)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _tasks() -> int:
    """Return the number of processes and threads that the machine has now."""
    try:
        with open("/proc/loadavg", encoding="ascii") as file:
            return int(file.read().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 4096


# ---- control groups ------------------------------------------------------------------------------------------

_PREFIX = "cogc-"
_NEW = 60.0
"""Seconds in which a group is new."""
_REMEMBERED = 3600.0
_named: dict[str, float] = {}
"""The groups that this process has named and not removed yet, and when it named each."""

Group: TypeAlias = tuple[str, dict[str, int], str]
"""A folder, the values of its files, and the file that takes a process into it."""


def groups(sandbox: Sandbox, root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> list[Group]:
    """Return the control groups of a sandbox, which is to make them when it begins. Groups of sandboxes that are over are removed."""
    remove_groups()
    found: list[Group] = []
    for folder, values in _hierarchies(root, own).items():
        group = f"{folder}/{_PREFIX}{os.getpid()}-{os.urandom(6).hex()}"
        _named[group] = time.monotonic()
        bounds = {"pids": sandbox.processes, "memory": sandbox.memory}
        # a thread that moves itself is moved at once, a process waits for all of the machine (10 to 20 ms)
        join = "cgroup.procs" if folder == root else "tasks"
        found.append((group, {name: bounds[kind] for name, kind in values.items()}, join))
    return found


def _entering(group: Group) -> list[str]:
    """Return the lines of a shell that make a group and enter it. A group that is empty may be removed meanwhile: so, three attempts."""
    folder, values, join = group
    set_up = " && ".join(f"echo {value} > '{folder}/{name}'" for name, value in values.items())
    return [
        "joined=",
        f"for attempt in 1 2 3; do mkdir -p '{folder}'; {set_up} && echo 0 > '{folder}/{join}' && joined=yes && break; done",
        '[ "$joined" ] || exit 126',
    ]


@lru_cache(maxsize=4)
def _hierarchies(root: str, own: str) -> dict[str, dict[str, str]]:
    """Return the folders in which groups may be made, and the files that bound a group there, by what they bound."""
    found: dict[str, dict[str, str]] = {}
    try:
        lines = Path(own).read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for number, controllers, path in (line.split(":", 2) for line in lines):
        names = controllers.split(",")
        if path != "/":
            continue
        if number == "0":
            folder, bounds = root, {"pids.max": "pids", "memory.max": "memory"}
            try:
                enabled = Path(folder, "cgroup.subtree_control").read_text("ascii").split()
            except OSError:
                enabled = []
            bounds = {file: kind for file, kind in bounds.items() if kind in enabled}
        else:
            folder = f"{root}/{controllers}"
            files = {"pids": "pids.max", "memory": "memory.limit_in_bytes"}
            bounds = {files[name]: name for name in names if name in files}
        if bounds and os.access(folder, os.W_OK):
            found[folder] = bounds
            _remove_stale(folder)
    return found


def remove_groups() -> None:
    """Remove the groups of sandboxes that are over. One that is not there may not have begun: it is remembered for a time."""
    for group, named in list(_named.items()):
        try:
            os.rmdir(group)
        except FileNotFoundError:
            if time.monotonic() - named < _REMEMBERED:
                continue
        except OSError:  # something runs in it
            continue
        del _named[group]


def _remove_stale(folder: str) -> None:
    """Remove the groups of runners that were killed. A group that is new may be one whose sandbox is about to begin."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            pid = entry.name.removeprefix(_PREFIX).partition("-")[0]
            if entry.name.startswith(_PREFIX) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                with suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _NEW:
                        os.rmdir(entry.path)


atexit.register(remove_groups)
