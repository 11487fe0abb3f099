"""`python -c STARTER FOLDER PLAN COMMAND...`: run a command held by Landlock, where there is no bubblewrap.

A plan is a marshalled record, in hexadecimal digits. The command may write `write` (paths), read `read`, and read nothing of `hidden`. Landlock allows and never
excludes, and what is allowed in a folder is allowed in all below it. So a folder with a hidden path in it is allowed entry by entry,
and of the folder itself only its names are. In a folder that is written nothing can be hidden: a new file at its top needs the
rights of the folder.

What Landlock does not know is closed by a filter of system calls, `filter` (`seccomp.py`): sockets, IPC, keyrings, other processes'
limits. Signals and abstract sockets end at the sandbox from Landlock's ABI 6 on. `gaps` names what this kernel leaves open.

Root gives up every capability, and its groups. It becomes the owner of `owner`, a folder, if that is somebody else. What
root owns is out of reach for others, so in a workspace of root the command stays root, without capabilities.

This module runs in an interpreter without the site's packages, so that it starts fast: `STARTER` imports it from its folder. A keeper
(`reaper.py`), which is such an interpreter, confines the process that it has forked, and starts no other. It imports nothing of cogc.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

STARTER = "import sys; sys.path.append(sys.argv[1]); import confine; confine.main()"
"""The folder stands last on the path, so that no module in it hides one of Python's."""
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS, _SECCOMP, _FILTER, _DROP, _SECUREBITS = 38, 22, 2, 24, 28
_CAPABILITIES = 0x20080522  # the third version of their structure
_LOCKED = 0xEF  # no capabilities for root, for a change of user, or ambient ones; and no way back
_READ = 0b1101  # execute, read a file, read a folder
_NAMES = 0b1000  # read a folder
_FILE = 0b111  # what a rule for a file, not a folder, may say: execute, write, read
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK = 0b11  # TCP: bind, connect
_SCOPES = 0b11  # abstract Unix sockets, signals
_NETWORK_ABI, _SCOPES_ABI = 4, 6


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def version() -> int:
    """Return the version of Landlock of this kernel; 0 for none."""
    return max(0, int(_libc().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def gaps(abi: int, network: bool, filtered: bool) -> list[str]:
    """Return what a Landlock sandbox of this version leaves open that a newer kernel, or another machine, would close."""
    found = []
    if abi < _SCOPES_ABI:
        found.append("signals to other processes of the same user (closed from Linux 6.12 on)")
    if not filtered:
        found.append(
            "Unix sockets, UDP, IPC, keyrings and setuid bits (there is no filter of system calls for this architecture)"
        )
        if abi < _NETWORK_ABI and not network:
            found.append("TCP connections (closed from Linux 6.7 on)")
    return found


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def confine(plan: dict[str, Any]) -> None:
    """Confine this process and its descendants. Raise OSError if that is not possible."""
    known = version()
    if not known:
        raise OSError("this kernel has no Landlock")
    libc = _libc()
    rights = _RIGHTS[min(known, 5)]
    wanted = _Ruleset(rights, 0 if plan["network"] else _NETWORK, _SCOPES)
    size = 8 if known < _NETWORK_ABI else 16 if known < _SCOPES_ABI else 24
    rules = _checked(libc.syscall(_CREATE, ctypes.byref(wanted), ctypes.c_size_t(size), ctypes.c_uint32(0)))
    for path in plan["write"]:
        _allow(libc, rules, path, rights)
    for path in plan["read"]:
        _allow_reading(libc, rules, path, plan["hidden"])
    for group in plan["groups"]:
        _enter(*group)
    for number, value in plan["limits"].items():
        resource.setrlimit(number, (value, value))
    if os.geteuid() == 0:
        _drop_root(libc, plan)
    _drop_capabilities(libc)
    _checked(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT, rules, ctypes.c_uint32(0)))
    os.closerange(3, 1 << 20)
    code: bytes = plan["filter"]
    if code:
        program = _Program(len(code) // 8, code)
        _checked(libc.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0))


def _enter(folder: str, values: dict[str, int], join: str) -> None:
    """Make a control group, and enter it. A group that is empty may be removed meanwhile: so, three attempts."""
    for attempt in range(3):
        try:
            if not os.path.isdir(folder):
                os.mkdir(folder)
            for name, value in (*values.items(), (join, 0)):
                with open(f"{folder}/{name}", "wb", buffering=0) as file:
                    file.write(b"%d" % value)
            return
        except FileNotFoundError:
            if attempt == 2:
                raise


def _allow_reading(libc: ctypes.CDLL, rules: int, path: str, hidden: Collection[str]) -> None:
    """Allow what is below a path to be read, all but what is hidden."""
    if not any(other.startswith(path.rstrip("/") + "/") for other in hidden):
        _allow(libc, rules, path, _READ)
        return
    _allow(libc, rules, path, _NAMES)
    for entry in os.scandir(path):
        if entry.path not in hidden:
            _allow_reading(libc, rules, entry.path, hidden)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = _Beneath(rights if os.path.isdir(path) else rights & _FILE, folder)
        _checked(libc.syscall(_ADD, rules, _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)))
    finally:
        os.close(folder)


def _drop_root(libc: ctypes.CDLL, plan: dict[str, Any]) -> None:
    """Give up root's groups and the bounding set, and become the owner of the workspace if that is not root."""
    about = os.stat(plan["owner"])
    try:
        os.setgroups([])
        if about.st_uid:
            os.chown(plan["temporary"], about.st_uid, about.st_gid)
        for capability in range(64):
            if libc.prctl(_DROP, capability, 0, 0, 0):
                break  # the last one that this kernel knows has gone
        _checked(libc.prctl(_SECUREBITS, _LOCKED, 0, 0, 0))
        if about.st_uid:
            os.setresgid(about.st_gid, about.st_gid, about.st_gid)
            os.setresuid(about.st_uid, about.st_uid, about.st_uid)
    except PermissionError:
        if any(_capabilities(libc)):  # root of a container may have none to give up, else this must not be passed over
            raise


def _capabilities(libc: ctypes.CDLL) -> list[int]:
    """Return the words of the three sets of capabilities of this process."""
    words = (ctypes.c_uint32 * 6)()
    _checked(libc.capget((ctypes.c_uint32 * 2)(_CAPABILITIES, 0), words))
    return list(words)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    _checked(libc.capset((ctypes.c_uint32 * 2)(_CAPABILITIES, 0), (ctypes.c_uint32 * 6)()))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


def become(plan: bytes, words: list[bytes], environment: Mapping[bytes, bytes]) -> None:
    """Confine this process, and become a command, which is looked for on the path.

    Nothing is imported on the way, as `os.execvp` would do: the sandbox does not let this process read its modules.
    """
    folders = [b""] if b"/" in words[0] else [p + b"/" for p in environment.get(b"PATH", b"/usr/bin:/bin").split(b":")]
    failed = OSError(2, os.strerror(2))
    try:
        confine(marshal.loads(bytes.fromhex(plan.decode("ascii"))))
        for folder in folders:
            try:
                os.execve(folder + words[0], words, environment)
            except FileNotFoundError:
                continue
            except OSError as error:
                failed = error
    except OSError as error:
        failed = error
    os.write(2, b"cogc: %s: %s\n" % (words[0], (failed.strerror or str(failed)).encode()))
    os._exit(126)


def main() -> None:
    """Confine this process, and become the command."""
    plan, *words = map(os.fsencode, sys.argv[2:])
    become(plan, words, os.environb)
