"""Filters of system calls (seccomp), for what neither namespaces nor Landlock close in a sandbox.

A filter is a list of refusals. Each names a system call, the error that its caller gets, and the arguments for which it is refused;
all other calls pass. `bytecode` writes the list for the kernel (a classic BPF program, for bubblewrap and Landlock), `profile` as a
JSON profile (for docker and podman). A filter knows one architecture: calls by another one are refused, so that 32-bit programs do not
run in a sandbox. Calls that are newer than the table do not exist in a sandbox.

What every sandbox refuses, and why:
- new namespaces and mounts, so that nothing in a sandbox becomes root of a namespace of its own;
- what talks to the kernel at large: keyrings, BPF, performance events, io_uring, userfaultfd, modules, clocks, the kernel's log;
- families of sockets other than Unix, IP and netlink: vsock, for one, belongs to no network namespace;
- characters pushed into a terminal (TIOCSTI);
- setuid and setgid bits: a file with one in a workspace that is written would give its owner's rights to other users.

Landlock holds neither IPC nor the attributes of files, and has no namespaces around it. So its filter refuses more.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

Condition: TypeAlias = tuple[int, str, tuple[int, ...]]
"""The index of an argument, and a test: `bits` (one of these is set), `is`, `is not` (any of these values), `is set` (not 0)."""
Refusal: TypeAlias = tuple[str, int, tuple[Condition, ...]]
"""A system call, the number of an error, and the conditions that must all hold."""

_PERMITTED, _MISSING, _FAMILY = 1, 38, 97  # EPERM, ENOSYS, EAFNOSUPPORT
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_ROUTE = 0  # of netlink: addresses and devices of the network, which resolvers look at
_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_SETUID = 0o6000
_CREATES = 0o20000100  # O_CREAT, and the bit of O_TMPFILE
_TIOCSTI, _TIOCLINUX, _SETFLAGS, _FSSETXATTR = 0x5412, 0x541C, 0x40086602, 0x401C5820
_ALL = 0xFFFFFFFF
_LAST = 470

_ARCHITECTURES = {
    "x86_64": (0, 0xC000003E, "SCMP_ARCH_X86_64"),
    "aarch64": (1, 0xC00000B7, "SCMP_ARCH_AARCH64"),
}
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280), "chmod": (90, None), "chown": (92, None),
    "chroot": (161, 51), "clock_adjtime": (305, 266), "clock_settime": (227, 112), "clone": (56, 220), "clone3": (435, 435),
    "creat": (85, None), "delete_module": (176, 106), "fanotify_init": (300, 262), "fchmod": (91, 52), "fchmodat": (268, 53),
    "fchmodat2": (452, 452), "fchown": (93, 55), "fchownat": (260, 54), "file_setattr": (469, 469), "finit_module": (313, 273),
    "fremovexattr": (199, 16), "fsconfig": (431, 431), "fsetxattr": (190, 7), "fsmount": (432, 432), "fsopen": (430, 430),
    "fspick": (433, 433), "futimesat": (261, None), "init_module": (175, 105), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioctl": (16, 29), "ioperm": (173, None), "iopl": (172, None),
    "ioprio_set": (251, 30), "kexec_file_load": (320, 294), "kexec_load": (246, 104), "keyctl": (250, 219), "kill": (62, 129),
    "lchown": (94, None), "lookup_dcookie": (212, 18), "lremovexattr": (198, 15), "lsetxattr": (189, 6), "migrate_pages": (256, 238),
    "mknod": (133, None), "mknodat": (259, 33), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "mq_open": (240, 180), "msgget": (68, 186), "open": (2, None), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "open_tree_attr": (467, 467), "openat": (257, 56), "openat2": (437, 437), "perf_event_open": (298, 241), "pivot_root": (155, 41),
    "prlimit64": (302, 261), "process_madvise": (440, 440), "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142),
    "removexattr": (197, 14), "removexattrat": (466, 466), "request_key": (249, 218), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "semget": (64, 190),
    "setns": (308, 268), "setpriority": (141, 140), "settimeofday": (164, 170), "setxattr": (188, 5), "setxattrat": (463, 463),
    "shmget": (29, 194), "socket": (41, 198), "swapoff": (168, 225), "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39),
    "unshare": (272, 97), "userfaultfd": (323, 282), "utime": (132, None), "utimensat": (280, 88), "utimes": (235, None),
}  # fmt: skip
"""The numbers of the calls, on x86-64 and on ARM64."""

_REFUSED = [
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount",
    "fspick", "mount_setattr", "unshare", "setns", "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd",
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff", "syslog",
    "acct", "quotactl", "quotactl_fd", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "iopl", "ioperm",
    "open_by_handle_at", "fanotify_init", "lookup_dcookie",
]  # fmt: skip
_ABSENT = [
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "openat2", "fchmodat2",
]  # fmt: skip
"""Calls whose callers have another way when a kernel lacks them, and whose arguments no filter can see."""
_ATTRIBUTES = [
    "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "futimesat", "setxattr",
    "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_setattr",
]  # fmt: skip
_OTHERS = {
    "prlimit64": 0, "setpriority": 1, "ioprio_set": 1, "sched_setaffinity": 0, "sched_setattr": 0, "sched_setparam": 0,
    "sched_setscheduler": 0, "migrate_pages": 0,
}  # fmt: skip
"""Calls that change another process, and the argument that names it; 0 is the caller."""


def refusals() -> list[Refusal]:
    """Return what every sandbox refuses."""
    found: list[Refusal] = [(name, _PERMITTED, ()) for name in _REFUSED]
    found += [(name, _MISSING, ()) for name in _ABSENT]
    found.append(("clone", _PERMITTED, ((0, "bits", (_NAMESPACES,)),)))
    found.append(("ioctl", _PERMITTED, ((1, "is", (_TIOCSTI, _TIOCLINUX)),)))
    found.append(("socket", _PERMITTED, ((0, "is", (_NETLINK,)), (2, "is not", (_ROUTE,)))))
    modes = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "creat": 1, "mknod": 1, "mknodat": 2}
    found += [(name, _PERMITTED, ((index, "bits", (_SETUID,)),)) for name, index in modes.items()]
    for name, flags in (("open", 1), ("openat", 2)):
        found.append((name, _PERMITTED, ((flags, "bits", (_CREATES,)), (flags + 1, "bits", (_SETUID,)))))
    return found


def in_namespaces() -> list[Refusal]:
    """Return what is refused in a sandbox with namespaces of its own: bubblewrap, and containers."""
    return [*refusals(), ("socket", _FAMILY, ((0, "is not", (_UNIX, _INET, _INET6, _NETLINK)),))]


def without_namespaces(network: bool, attributes: bool) -> list[Refusal]:
    """Return what is refused in a Landlock sandbox. With `attributes` modes, owners and times of files may be set."""
    families = (_INET, _INET6, _NETLINK) if network else ()
    found = [*refusals(), ("socket", _FAMILY, ((0, "is not", families),))]
    found += [(name, _PERMITTED, ()) for name in ("shmget", "semget", "msgget", "mq_open", "process_madvise")]
    found += [(name, _PERMITTED, ((index, "is set", ()),)) for name, index in _OTHERS.items()]
    found.append(("kill", _PERMITTED, ((0, "is", (_ALL,)),)))  # -1 is everybody
    if not attributes:
        found += [(name, _PERMITTED, ()) for name in _ATTRIBUTES]
        found.append(("utimensat", _PERMITTED, ((1, "is set", ()),)))
        found.append(("ioctl", _PERMITTED, ((1, "is", (_SETFLAGS, _FSSETXATTR)),)))
    return found


def known() -> bool:
    """Return whether filters can be written for this machine's architecture."""
    return platform.machine() in _ARCHITECTURES


# ---- for the kernel ------------------------------------------------------------------------------------------

_LOAD, _EQUAL, _GREATER, _ANY, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_PASS, _ERROR = 0x7FFF0000, 0x00050000


def bytecode(refused: Iterable[Refusal], machine: str = "") -> bytes:
    """Return a filter as a BPF program; nothing on a machine whose calls are unknown."""
    if (machine or platform.machine()) not in _ARCHITECTURES:
        return b""
    column, architecture, _ = _ARCHITECTURES[machine or platform.machine()]
    code = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _ERROR | _PERMITTED), (_LOAD, 0, 0, 0)]
    code += [(_GREATER, 0, 1, _LAST), (_RETURN, 0, 0, _ERROR | _MISSING)]
    for name, error, conditions in refused:
        number = _NUMBERS[name][column]
        if number is not None:
            body = _conditions(conditions, error)
            code += [(_EQUAL, 0, len(body), number), *body]
    code.append((_RETURN, 0, 0, _PASS))
    return b"".join(struct.pack("=HBBI", *line) for line in code)


def _conditions(conditions: tuple[Condition, ...], error: int) -> list[tuple[int, int, int, int]]:
    """Return the lines that refuse a call under conditions, or else load its number again for the next refusal."""
    end = [(_RETURN, 0, 0, _ERROR | error)]
    for index, test, values in reversed(conditions):
        low = 16 + 8 * index
        skip = len(end)
        if test == "is set":  # its upper half may be all that is set
            lines = [(_LOAD, 0, 0, low), (_EQUAL, 0, 2, 0), (_LOAD, 0, 0, low + 4), (_EQUAL, skip, 0, 0)]
        elif test == "bits":
            lines = [(_LOAD, 0, 0, low), (_ANY, 0, skip, values[0])]
        elif test == "is":
            lines = [(_EQUAL, len(values) - 1 - n, 0 if n < len(values) - 1 else skip, v) for n, v in enumerate(values)]
            lines.insert(0, (_LOAD, 0, 0, low))
        else:
            lines = [(_EQUAL, len(values) - 1 - n + skip, 0, v) for n, v in enumerate(values)]
            lines.insert(0, (_LOAD, 0, 0, low))
        end = lines + end
    return [*end, (_LOAD, 0, 0, 0)] if conditions else end


# ---- for engines of containers -------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def profile() -> dict[str, Any]:
    """Return the filter of containers as a profile for docker and podman; nothing where calls are unknown."""
    if not known():
        return {}
    entries = []
    for name, error, conditions in in_namespaces():
        for arguments in _products([_comparisons(c) for c in conditions]):
            entry: dict[str, Any] = {"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": error}
            entries.append({**entry, "args": arguments} if arguments else entry)
    architecture = _ARCHITECTURES[platform.machine()][2]
    return {"defaultAction": "SCMP_ACT_ALLOW", "architectures": [architecture], "syscalls": entries}


def _comparisons(condition: Condition) -> list[dict[str, Any]]:
    """Return the comparisons of which one must hold for a condition."""
    index, test, values = condition
    if test == "bits":
        single = [1 << n for n in range(32) if values[0] >> n & 1]
        return [{"index": index, "value": bit, "valueTwo": bit, "op": "SCMP_CMP_MASKED_EQ"} for bit in single]
    if test == "is":
        return [{"index": index, "value": v, "op": "SCMP_CMP_EQ"} for v in values]
    between = [{"index": index, "value": v, "op": "SCMP_CMP_EQ"} for v in range(max(values)) if v not in values]
    return [*between, {"index": index, "value": max(values), "op": "SCMP_CMP_GT"}]


def _products(choices: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Return all ways to take one comparison for each condition."""
    found: list[list[dict[str, Any]]] = [[]]
    for one in choices:
        found = [[*before, comparison] for before in found for comparison in one]
    return found
