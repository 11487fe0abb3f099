"""Probes of what a program can do in the sandbox in which it runs: attempts, and `main`, which reads FACTS and prints a JSON list a line.

Each probe is a function that tries something. It returns words for what has come of it, or nothing if it was held; an OSError means
that it was held, `Absent` that this machine lacks what it tries. A probe has a process of its own. `FACTS` is a JSON object that says
where the suite (`sandbox_conformance.py`) has laid what must not be reached: files, sockets, a process.

This file is imported in a sandbox, by the system's Python; `sandbox_probes_kernel.py` has more probes. It imports nothing of cogc.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

FACTS: dict[str, Any] = {}
PROBES: dict[str, Callable[[], str | None]] = {}
SECONDS = 20
_LIBC = ctypes.CDLL(None, use_errno=True)
_X86 = platform.machine() == "x86_64"


class Absent(Exception):
    """This machine lacks what a probe tries."""


def probe(function: Callable[[], str | None]) -> Callable[[], str | None]:
    """Enter a probe in the table, by its name."""
    PROBES[function.__name__.replace("_", "-")] = function
    return function


def system_call(x86: int, arm: int, *arguments: Any) -> int:
    """Make a system call; OSError if it is refused."""
    result = int(_LIBC.syscall(ctypes.c_long(x86 if _X86 else arm), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def canary() -> bytes:
    return str(FACTS["canary"]).encode()


def processes() -> list[str]:
    return [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(1 << 20)


# ---- files ---------------------------------------------------------------------------------------------------


@probe
def read_a_file_outside() -> str | None:
    return "it was read" if canary() in read(FACTS["outside"] + "/secret") else None


@probe
def write_a_file_outside() -> str | None:
    with open(FACTS["outside"] + "/planted", "w"):
        return "it was written"


@probe
def follow_a_symlink_outside() -> str | None:
    os.symlink(FACTS["outside"] + "/secret", "link")
    return "it was read" if canary() in read("link") else None


@probe
def hard_link_a_file_outside() -> str | None:
    os.link(FACTS["outside"] + "/secret", "hard")
    return "it was linked"


@probe
def change_attributes_outside() -> str | None:
    path = FACTS["outside"] + "/secret"
    try:
        os.chmod(path, 0o666)
    except OSError:
        os.utime(path, (1, 1))
        return "its times were changed"
    return "its mode was changed"


@probe
def read_passwords() -> str | None:
    return "/etc/shadow was read" if read("/etc/shadow") else None


@probe
def leave_a_setuid_file() -> str | None:
    done = []
    with open("plain", "w"):
        pass
    ways: dict[str, Callable[[], object]] = {
        "chmod": lambda: os.chmod("plain", 0o4755),
        "open": lambda: os.close(os.open("made", os.O_CREAT | os.O_WRONLY, 0o6755)),
        "mknod": lambda: os.mknod("node", stat.S_IFREG | 0o4755),
    }
    if _X86:
        ways["creat"] = lambda: os.close(system_call(85, 0, b"creat", 0o4755))
    ways["fchmodat2"] = lambda: system_call(452, 452, -100, b"plain", 0o4755, 0)
    for name, way in ways.items():
        try:
            way()
            done.append(name)
        except OSError:
            continue
    left = [f for f in os.listdir(".") if os.lstat(f).st_mode & (stat.S_ISUID | stat.S_ISGID) and os.path.isfile(f)]
    return f"{left[0]} has the bit, by {done}" if left else None


@probe
def make_a_device() -> str | None:
    os.mknod("device", stat.S_IFCHR | 0o666, os.makedev(1, 1))
    return "it was made"


@probe
def open_devices() -> str | None:
    for path in ("/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/kvm", "/dev/fuse", "/dev/loop-control"):
        try:
            os.close(os.open(path, os.O_RDWR))
        except OSError:
            continue
        return f"{path} was opened"
    return None


@probe
def write_system_settings() -> str | None:
    for path in (
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/vm/drop_caches",
        "/proc/sysrq-trigger",
        "/sys/power/state",
    ):
        try:
            os.close(os.open(path, os.O_WRONLY))
        except OSError:
            continue
        return f"{path} was opened"
    return None


@probe
def write_control_groups() -> str | None:
    for place, _, files in os.walk("/sys/fs/cgroup"):
        for name in ("cgroup.procs", "tasks"):
            if name in files:
                try:
                    os.close(os.open(f"{place}/{name}", os.O_WRONLY))
                except OSError:
                    continue
                return f"{place}/{name} was opened"
        if place.count("/") > 5:
            break
    return None


# ---- processes -----------------------------------------------------------------------------------------------


@probe
def read_an_environment() -> str | None:
    for pid in processes():
        try:
            if canary() in read(f"/proc/{pid}/environ"):
                return "that of another process was read"
        except OSError:
            continue
    return "the own one has it" if any(FACTS["canary"] in value for value in os.environ.values()) else None


@probe
def read_memory() -> str | None:
    os.close(os.open(f"/proc/{FACTS['victim']}/mem", os.O_RDONLY))
    return "that of another process was opened"


@probe
def use_descriptors_of_others() -> str | None:
    for pid in processes():
        for way in (f"/proc/{pid}/root{FACTS['outside']}/secret", f"/proc/{pid}/cwd/secret"):
            try:
                if canary() in read(way):
                    return f"{way.split('/')[3]} of another process led outside"
            except OSError:
                continue
    os.readlink(f"/proc/{FACTS['victim']}/fd/0")
    return "one of another process was read"


@probe
def see_other_processes() -> str | None:
    for pid in processes():
        try:
            if FACTS["mark"].encode() in read(f"/proc/{pid}/cmdline"):
                return "the command line of another process was read"
        except OSError:
            continue
    return None


@probe
def signal_other_processes() -> str | None:
    os.kill(FACTS["victim"], signal.SIGWINCH)
    return "another process was sent one"


@probe
def trace_another_process() -> str | None:
    if _LIBC.ptrace(16, FACTS["victim"], None, None) == 0:  # PTRACE_ATTACH
        _LIBC.ptrace(17, FACTS["victim"], None, None)
        return "it was traced"
    return None


@probe
def take_a_descriptor() -> str | None:
    process = os.pidfd_open(FACTS["victim"])
    system_call(438, 438, process, 0, 0)
    return "pidfd_getfd gave one of another process"


@probe
def set_limits_of_others() -> str | None:
    try:
        resource.prlimit(FACTS["victim"], resource.RLIMIT_CORE, (0, 0))
    except OSError:
        os.setpriority(os.PRIO_PROCESS, FACTS["victim"], 19)
    return "those of another process were set"


@probe
def leave_a_process_behind() -> str | None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for descriptor in (0, 1, 2):
                os.close(descriptor)
            os.execve("/bin/sh", ["sh", "-c", f"sleep {FACTS['leftover']}; :"], {})
        os._exit(0)
    os.wait()
    return None  # the suite looks for it


@probe
def inherit_descriptors() -> str | None:
    extra = [d for d in FACTS["descriptors"] if d > 2]
    return f"descriptors {extra} were open at the start" if extra else None


@probe
def dump_core() -> str | None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
        return "core dumps are allowed"
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    os.waitpid(pid, 0)
    return "one was written" if any(f.startswith("core") for f in os.listdir(".")) else None


# ---- network and IPC -----------------------------------------------------------------------------------------


@probe
def connect_by_tcp() -> str | None:
    socket.create_connection(("127.0.0.1", FACTS["tcp"]), 3)
    return "a server of the machine was reached"


@probe
def send_by_udp() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", FACTS["udp"]))
        udp.settimeout(0.2)
        udp.send(b"ping")
        try:
            return "it was answered" if udp.recv(10) else None
        except OSError:
            return None  # the suite looks whether it has come


def reach(address: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unix:
        unix.settimeout(3)
        unix.connect(address)
        return "it was reached"


@probe
def connect_to_an_abstract_socket() -> str | None:
    return reach("\0" + FACTS["abstract"])


@probe
def connect_to_a_socket_outside() -> str | None:
    return reach(FACTS["outside"] + "/socket")


@probe
def connect_to_a_socket_in_the_workspace() -> str | None:
    return reach("socket")


@probe
def see_the_network_of_the_machine() -> str | None:
    lines = read("/proc/net/dev").decode().splitlines()[2:]
    names = [name for name in (line.partition(":")[0].strip() for line in lines) if name != "lo"]
    return f"{names[0]} is there" if names else None


@probe
def open_a_vsock() -> str | None:
    socket.socket(40, socket.SOCK_STREAM).close()
    return "it was opened"


@probe
def open_raw_sockets() -> str | None:
    for family, kind, protocol in (
        (17, socket.SOCK_RAW, 0),
        (socket.AF_INET, socket.SOCK_RAW, 1),
        (15, socket.SOCK_RAW, 2),
    ):
        try:
            socket.socket(family, kind, protocol).close()
        except OSError:
            continue
        return f"one of family {family} was opened"
    return None


@probe
def use_the_cryptography_of_the_kernel() -> str | None:
    socket.socket(38, socket.SOCK_SEQPACKET).close()
    return "a socket was opened"


@probe
def attach_shared_memory() -> str | None:
    if not FACTS["shared"]:
        raise Absent("no segment could be made")
    found = system_call(29, 194, FACTS["shared"], 0, 0)
    return f"segment {found} of another process was found"


# ---- privileges ----------------------------------------------------------------------------------------------


@probe
def hold_capabilities() -> str | None:
    status = dict(line.split(":\t", 1) for line in read("/proc/self/status").decode().splitlines() if ":\t" in line)
    if int(status["CapEff"], 16) | int(status["CapPrm"], 16) | int(status["CapAmb"], 16):
        return f"they are {status['CapPrm']}"
    return None if status["NoNewPrivs"] == "1" else "programs may gain some"


@probe
def make_a_user_namespace() -> str | None:
    system_call(272, 97, 0x10000000)
    return "unshare made one"


@probe
def clone_into_namespaces() -> str | None:
    pid = system_call(56, 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "clone made one"


@probe
def clone3_into_namespaces() -> str | None:
    arguments = struct.pack("=11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, *[0] * 6)
    pid = system_call(435, 435, arguments, len(arguments))
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "clone3 made one"


@probe
def make_a_mount() -> str | None:
    os.makedirs("place", exist_ok=True)
    try:
        system_call(165, 40, b"none", b"place", b"tmpfs", 0, 0)
    except OSError:
        os.close(system_call(430, 430, b"tmpfs", 0))
    return "it was made"


@probe
def change_the_root() -> str | None:
    system_call(161, 51, b"/")
    return "chroot did"


@probe
def enter_a_namespace() -> str | None:
    for pid in (FACTS["victim"], 1):
        try:
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
            system_call(308, 268, namespace, 0)
        except OSError:
            continue
        return "that of another process was entered"
    return None


@probe
def use_keyrings() -> str | None:
    system_call(250, 219, 0, -4, 0)  # the id of the user's keyring
    return "the keyring of the user was found"


@probe
def load_bpf() -> str | None:
    system_call(321, 280, 0, bytes(struct.pack("=4I", 2, 4, 4, 1) + bytes(104)), 120)  # an array map
    return "it was loaded"


@probe
def open_performance_events() -> str | None:
    event = struct.pack("=IIQ", 1, 112, 0) + bytes(96)
    system_call(298, 241, event, 0, -1, -1, 0)
    return "one was opened"


@probe
def use_io_uring() -> str | None:
    system_call(425, 425, 4, bytes(120))
    return "it was set up"


@probe
def use_userfaultfd() -> str | None:
    try:
        system_call(323, 282, 0)
    except OSError:
        system_call(323, 282, 1)
    return "it was opened"


@probe
def set_the_clock() -> str | None:
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    return "it was set"


@probe
def read_the_log_of_the_kernel() -> str | None:
    try:
        system_call(103, 116, 3, ctypes.create_string_buffer(100), 100)
    except OSError:
        os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
    return "it was read"


@probe
def push_characters_into_a_terminal() -> str | None:
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None  # there is none to push them into
    fcntl.ioctl(terminal, 0x5412, b"x")
    return "they were taken"


@probe
def load_a_module() -> str | None:
    try:
        system_call(175, 105, b"", 0, b"")
    except OSError as error:
        return None if error.errno in (errno.EPERM, errno.ENOSYS) else f"the call came through: {error.strerror}"
    return "it was loaded"


@probe
def open_by_handle() -> str | None:
    handle = struct.pack("=Ii", 8, 1) + bytes(8)
    try:
        system_call(304, 265, os.open(".", os.O_RDONLY), handle, 0)
    except OSError as error:
        return None if error.errno in (errno.EPERM, errno.ENOSYS) else f"the call came through: {error.strerror}"
    return "a file was opened"


@probe
def call_by_another_architecture() -> str | None:
    if not _X86:
        raise Absent("this is not x86-64")
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # getpid, as a 32-bit program makes the call
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    return "a 32-bit call came through" if function() > 0 else None


# ---- resources -----------------------------------------------------------------------------------------------


@probe
def fork_without_end() -> str | None:
    most = FACTS["processes"] + FACTS["margin"]
    made: list[int] = []
    try:
        while len(made) < most:
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            made.append(pid)
    except OSError:
        return None
    finally:
        for pid in made:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return f"{len(made)} processes ran"


@probe
def fill_memory() -> str | None:
    held: list[bytearray] = []
    try:
        while len(held) < 2 * FACTS["memory"] >> 24:
            held.append(bytearray(b"x") * (1 << 24))
    except MemoryError:
        return None
    return f"{len(held) << 4} MiB were taken"


@probe
def fill_shared_memory() -> str | None:
    size = 2 * FACTS["memory"]
    with open(os.memfd_create("x"), "wb") as file:
        for _ in range(size >> 24):
            file.write(b"x" * (1 << 24))
    return f"{size >> 20} MiB were taken"


@probe
def fill_the_temporary_folder() -> str | None:
    with tempfile.TemporaryFile() as file:
        for _ in range(FACTS["memory"] >> 24):
            file.write(b"x" * (1 << 24))
            file.flush()
    return f"{FACTS['memory'] >> 20} MiB were written"


@probe
def make_a_huge_file() -> str | None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with open("huge", "wb") as file:
        try:
            os.truncate(file.fileno(), 1 << 40)
        finally:
            os.unlink("huge")
    return "it was made"


@probe
def use_up_descriptors() -> str | None:
    opened: list[int] = []
    try:
        while len(opened) < 5000:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return None
    return "5000 were opened"


# ---- a workspace that is read ----------------------------------------------------------------------------------


def write_the_workspace() -> str | None:
    with open("written", "w"):
        return "it was written"


def change_attributes_in_the_workspace() -> str | None:
    os.chmod("plain", 0o600)
    return "a mode was changed"


READING = {
    "write-a-workspace-that-is-read": write_the_workspace,
    "change-attributes-in-a-workspace-that-is-read": change_attributes_in_the_workspace,
}


def outcome(function: Callable[[], str | None]) -> tuple[str, str]:
    """Run a probe in a process of its own: `held`, `open` or `absent`, and words."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(SECONDS)
        try:
            words = function()
            found = ("open", words) if words else ("held", "")
        except (OSError, MemoryError) as error:
            found = ("held", str(error))
        except Absent as error:
            found = ("absent", str(error))
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    said = b""
    while part := os.read(reading, 65536):
        said += part
    os.close(reading)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not said:
        return ("open", "it took too long") if code == -signal.SIGALRM else ("held", f"it was ended: {code}")
    state, words = json.loads(said)
    return state, words


def main() -> None:
    """Run all probes that suit the workspace."""
    FACTS.update(json.loads(sys.stdin.read()))
    FACTS["descriptors"] = [int(d) for d in os.listdir("/proc/self/fd")]
    FACTS["descriptors"] = [d for d in FACTS["descriptors"] if os.path.exists(f"/proc/self/fd/{d}")]
    for name, function in (PROBES if FACTS["mode"] == "rw" else READING).items():
        state, words = outcome(function)
        sys.stdout.write(json.dumps([name, state, words]) + "\n")
        sys.stdout.flush()
