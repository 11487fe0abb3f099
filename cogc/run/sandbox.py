"""Processes in a sandbox: bubblewrap around a command, with the workspace as the only part of the user's files.

In the sandbox the workspace is `/workspace`, read-only or writable. `/usr` is there read-only, and `/tmp` is the
process's own. The environment holds only what the program is given. There is no network unless it is asked for.
Nothing outlives the command. Without bubblewrap a sandboxed command is refused.

What cogc keeps for itself is hidden where it lies in the workspace or the app: in its place there is an empty folder,
which disappears with the sandbox, or an empty file. What cogc runs on is only read (`guards.py`).
"""

from __future__ import annotations

import fcntl
import marshal
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import assert_never

from cogc.disk import resources
from cogc.disk.state_folder import OwnFiles
from cogc.kernel.permissions import Sandbox
from cogc.language.texts import is_variable
from cogc.language.values import Failure
from cogc.run import confine, seccomp
from cogc.run.bounds import FILTER, HELD, MOST_HELD, bounded, groups, limits, without_held
from cogc.run.guards import Guard, descriptor, guards

NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates", "/etc/pki")
SYSTEM = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/passwd", "/etc/group")
_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/proc")
_SETTINGS = tuple(
    f"/proc/{name}" for name in ("acpi", "asound", "bus", "fs", "irq", "scsi", "sys", "sysrq-trigger", "tty")
)
_SECRETS = tuple(f"/proc/{name}" for name in ("kcore", "keys", "key-users", "kpagecount", "kpageflags", "timer_list"))
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty")
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}
"""The variables of every process in a sandbox, besides those of its program. They are the environment of bubblewrap itself,
because a command line can be read by everybody."""


def wrapped(
    words: list[str],
    sandbox: Sandbox,
    workspace: str,
    folder: str,
    program: str,
    kept: OwnFiles,
    app: str | None = None,
) -> list[str]:
    """Return the command that runs `words` in a sandbox. Raise Failure if bubblewrap is not installed.

    `workspace` and `folder` are real paths, `folder` inside of the workspace. `app` is mounted at /app, read-only.
    What is `kept` must not be seen.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise Failure(
            "program",
            f"`{program}` must run in a sandbox, and bubblewrap (`bwrap`) is not at hand; "
            "install it, or run without one by `--sandbox none`",
        )
    inside = os.path.normpath(os.path.join("/workspace", os.path.relpath(folder, workspace)))
    filter, mounts = filter_file(), _Mounts()
    room = ["--size", str(sandbox.memory // 2)] if _bounds_tmpfs(bwrap) else []
    command = [
        bwrap, "--unshare-all", *(["--share-net"] if sandbox.network else []), "--die-with-parent", "--new-session",
        *(["--seccomp", str(FILTER)] if filter else []),
        "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
        "--symlink", "usr/lib64", "/lib64", "--dir", "/etc", "--proc", "/proc", *_settings(), "--dev", "/dev",
        *room, "--tmpfs", "/dev/shm", "--remount-ro", "/dev", *room, "--tmpfs", "/tmp",
    ]  # fmt: skip
    for path in (*SYSTEM, *(NETWORK if sandbox.network else ())):
        command += ["--ro-bind-try", path, path]
    for path in _python() if sandbox.python else ():
        command += ["--ro-bind", path, path, *mounts.of(os.path.realpath(path), path, False, kept)]
    if app is not None:
        command += ["--ro-bind", app, "/app", *mounts.of(app, "/app", False, kept)]
    written = sandbox.mode == "rw"
    bind = "--bind" if written else "--ro-bind"
    command += [bind, workspace, "/workspace", *mounts.of(workspace, "/workspace", written, kept), "--chdir", inside]
    command += ["--cap-drop", "ALL", "--remount-ro", "/", "--"]
    return bounded([*command, *without_held(words, len(mounts.held))], sandbox, filter, mounts.held)


def carried(words: list[str], variables: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the command that sets the variables of a program inside of its sandbox and becomes the program, and the environment that
    takes them there.

    What makes a sandbox must not obey what its program is given: with `PATH` or `LD_PRELOAD`, code would run before there is a sandbox.
    So a variable goes by a name that no loader, shell or Python knows, but for a few that are harmless. One that a shell cannot set is
    left out.
    """
    taken = {name: value for name, value in variables.items() if re.match(_HARMLESS, name)}
    lines: list[str] = []
    for name, value in variables.items():
        if name not in taken and is_variable(name) and name not in _FIXED:
            key = f"{_CARRIED}{len(lines)}"
            lines.append(f'{name}="${key}"; export {name}; unset {key}')
            taken[key] = value
    return (["/bin/sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh", *words] if lines else words), taken


_CARRIED = "COGC_CARRIED_"
_HARMLESS = r"(?a)(LANG|LANGUAGE|LC_\w+|TZ|TERM|HOME|USER|REDIS_URL|SETT_\w+|COGC_\w+)\Z"
_FIXED = ("BASHOPTS", "BASH_VERSINFO", "DIRSTACK", "EUID", "FUNCNAME", "GROUPS", "PPID", "SHELLOPTS", "UID")
"""Variables that a shell sets itself and lets nobody change."""


def environment_of(sandbox: Sandbox) -> dict[str, str]:
    """Return the variables of a process in a sandbox, besides those of its program."""
    if not sandbox.python:
        return ENVIRONMENT
    return {**ENVIRONMENT, "PATH": f"{ENVIRONMENT['PATH']}:{os.path.dirname(sys.executable)}"}


def _python() -> list[str]:
    """Return the folders of the Python that cogc runs on which are not in /usr.

    The package of cogc is one where it is installed as a link to its sources: pytest loads its plugin from there.
    """
    found = dict.fromkeys((sys.base_prefix, sys.prefix))
    own = resources.PACKAGE
    if all(os.path.commonpath([own, path]) != path for path in found):
        found[own] = None
    return [path for path in found if path != "/usr" and not path.startswith("/usr/")]


def confined(
    words: list[str],
    sandbox: Sandbox,
    workspace: str,
    temporary: str,
    app: str | None = None,
    hidden: Sequence[str] = (),
    python: str = sys.executable,
    grouped: bool = True,
) -> list[str]:
    """Return the command that runs `words` held by Landlock. The workspace and the app stand at their own paths; `temporary` is a
    folder for this command alone."""
    user = os.geteuid() or os.stat(workspace).st_uid
    refused = seccomp.without_namespaces(sandbox.network, sandbox.mode == "rw" and user != 0)
    read = [workspace] if sandbox.mode == "ro" else []
    plan = {
        "write": [temporary, *_DEVICES, *([workspace] if sandbox.mode == "rw" else [])],
        "read": [*_FOLDERS, *SYSTEM, *(NETWORK if sandbox.network else ()), *([app] if app else []), *read],
        "hidden": list(hidden),
        "network": sandbox.network,
        "filter": seccomp.bytecode(refused),
        "limits": limits(sandbox),
        "groups": groups(sandbox) if grouped else [],
        "owner": workspace,
        "temporary": temporary,
    }
    starter = [python, "-I", "-S", "-c", confine.STARTER, os.path.dirname(confine.__file__)]
    return [*starter, marshal.dumps(plan).hex(), *words]


@lru_cache(maxsize=1)
def _settings() -> tuple[str, ...]:
    """Return the options that close what of /proc belongs to the machine. bubblewrap leaves it writable for root, for whose user
    it needs no capability: the program of core dumps, for one, which the kernel runs as root outside."""
    read = [w for path in _SETTINGS if os.path.exists(path) for w in ("--ro-bind", path, path)]
    none = [w for path in _SECRETS if os.path.isfile(path) for w in ("--ro-bind", "/dev/null", path)]
    return (*read, *none)


@lru_cache(maxsize=1)
def _bounds_tmpfs(bwrap: str) -> bool:
    """Return whether a bubblewrap can bound the size of a tmpfs, which it can from 0.7 on."""
    said = subprocess.run([bwrap, "--version"], capture_output=True, text=True, check=False).stdout.split()
    return bool(said) and [int(n) for n in said[-1].split(".")[:2] if n.isdigit()] >= [0, 7]


_filters: dict[int, int] = {}


def filter_file() -> str:
    """Return the path of the filter of system calls for sandboxes with namespaces; nothing where calls are unknown.

    The file is in memory, and open in this process: nobody else can change it, and it is gone with this process.
    """
    pid = os.getpid()
    if pid not in _filters:
        code = seccomp.bytecode(seccomp.in_namespaces())
        if not code:
            return ""
        _filters.clear()
        _filters[pid] = os.memfd_create("filter", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.write(_filters[pid], code)
        fcntl.fcntl(_filters[pid], fcntl.F_ADD_SEALS, _SEALS)
    return f"/proc/{pid}/fd/{_filters[pid]}"


class _Mounts:
    """The options of bubblewrap that guard what a command must not see or write. `held` are paths to descriptors, which
    the command that starts bubblewrap opens from `bounds.HELD` on."""

    def __init__(self) -> None:
        self.held: list[str] = []

    def of(self, folder: str, place: str, written: bool, kept: OwnFiles) -> list[str]:
        """Return the options for a folder that is mounted at `place`."""
        words: list[str] = []
        for guard in guards(folder, written, kept):
            at = f"{place}/{os.path.relpath(guard.path, folder)}"
            match guard.how:
                case "folder":
                    words += ["--tmpfs", at]
                case "file":
                    words += ["--ro-bind", "/dev/null", at]
                case "read":
                    words += ["--ro-bind", self._hold(folder, guard), at]
                case "pinned":
                    words += ["--bind", self._hold(folder, guard), at]
                case _:
                    assert_never(guard.how)
        return words

    def _hold(self, folder: str, guard: Guard) -> str:
        self.held.append(descriptor(folder, guard))
        if len(self.held) > MOST_HELD:
            raise Failure(
                "program",
                f"more than {MOST_HELD} folders of `{folder}` would have to be kept from commands in a sandbox: name a smaller workspace",
            )
        return f"/proc/self/fd/{HELD + len(self.held) - 1}"
