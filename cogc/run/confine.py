"""`python -m cogc.run.confine MODE NETWORK HIDDEN WORKSPACE [APP] -- COMMAND...`: run a command under Landlock.

Landlock is used where there is no bubblewrap. The command may read the system's folders and the app, read the
workspace (MODE `ro`) or write it (`rw`), and write a temporary folder of its own. Without NETWORK (`yes`) it may make
no TCP connection, if the kernel can forbid that. Landlock does not bound what it sees of other processes.

HIDDEN is a JSON list of paths that must not be read. Landlock only allows, and what is allowed for a folder is
allowed for everything below it. So a folder with a hidden path in it is allowed entry by entry, and of the folder
itself only its names are. In a workspace that is written nothing can be hidden: a new file at its top needs the
rights of the folder.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Collection

from cogc.disk.state_folder import inside

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38
_READ = 0b1101  # execute, read a file, read a folder
_NAMES = 0b1000  # read a folder
_FILE = 0b111  # what a rule for a file, not a folder, may say: execute, write, read
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK = 0b11
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc", "/opt")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty")


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Return the version of Landlock of this kernel, or 0 if it has none."""
    return max(0, int(_libc().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def confine(writable: list[str], readable: list[str], network: bool, hidden: Collection[str] = ()) -> None:
    """Confine this process and its descendants. Raise OSError if that is not possible."""
    known = version()
    if not known:
        raise OSError("this kernel has no Landlock")
    libc = _libc()
    rights = _RIGHTS[min(known, 5)]
    wanted = _Ruleset(rights, 0 if network or known < 4 else _NETWORK)
    size = ctypes.sizeof(wanted) if known >= 4 else 8
    rules = _checked(libc.syscall(_CREATE, ctypes.byref(wanted), ctypes.c_size_t(size), ctypes.c_uint32(0)))
    for path in writable:
        _allow(libc, rules, path, rights)
    for path in readable:
        _allow_reading(libc, rules, path, hidden)
    _checked(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT, rules, ctypes.c_uint32(0)))
    os.close(rules)


def _allow_reading(libc: ctypes.CDLL, rules: int, path: str, hidden: Collection[str]) -> None:
    """Allow everything below a path to be read, except for what is hidden."""
    if not any(inside(other, path) for other in hidden):
        _allow(libc, rules, path, _READ)
        return
    _allow(libc, rules, path, _NAMES)
    for entry in os.scandir(path):
        if entry.path not in hidden:
            _allow_reading(libc, rules, entry.path, hidden)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    """Give rights on a path and everything below it."""
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = _Beneath(rights if os.path.isdir(path) else rights & _FILE, folder)
        _checked(libc.syscall(_ADD, rules, _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)))
    finally:
        os.close(folder)


def _checked(result: int) -> int:
    """Return the result of a system call. Raise OSError for an error."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


def main() -> None:
    """Confine this process, then execute the command in its place."""
    split = sys.argv.index("--")
    mode, network, hidden, workspace, *app = sys.argv[1:split]
    words = sys.argv[split + 1 :]
    own = os.environ["TMPDIR"]
    readable = [*_SYSTEM, *app, *([workspace] if mode == "ro" else [])]
    try:
        confine(
            [own, *_DEVICES, *([workspace] if mode == "rw" else [])], readable, network == "yes", json.loads(hidden)
        )
        os.execvp(words[0], words)
    except OSError as error:
        sys.stderr.write(f"cogc: {words[0]}: {error.strerror or error}\n")
        raise SystemExit(126) from None


if __name__ == "__main__":
    main()
