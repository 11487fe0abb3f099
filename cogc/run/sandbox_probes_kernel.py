"""More probes for sandboxes (`sandbox_probes.py`): IPC of the machine, limits, the kernel's own sockets, and traps for who comes later.

This file is imported in a sandbox, by the system's Python. It imports nothing but the other probes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import stat
import struct
import time
from contextlib import suppress
from pathlib import Path

from cogc.run.sandbox_probes import FACTS, Absent, canary, probe, read, system_call

SWAPS = 1.5
"""Seconds in which a folder and a link take each other's place."""
_EXCHANGE, _AT_CWD = 2, -100


# ---- IPC -----------------------------------------------------------------------------------------------------


@probe
def open_a_message_queue() -> str | None:
    if not FACTS["queue"]:
        raise Absent("no queue could be made")
    os.close(system_call(240, 180, FACTS["queue"].encode(), os.O_RDONLY, 0, 0))
    return "that of another process was opened"


@probe
def use_semaphores_of_others() -> str | None:
    if not FACTS["semaphores"]:
        raise Absent("none could be made")
    return f"set {system_call(64, 190, FACTS['semaphores'], 0, 0)} of another process was found"


@probe
def use_messages_of_others() -> str | None:
    if not FACTS["messages"]:
        raise Absent("no queue could be made")
    return f"queue {system_call(68, 186, FACTS['messages'], 0)} of another process was found"


@probe
def read_shared_files_of_others() -> str | None:
    return "one was read" if canary() in read(f"/dev/shm/{FACTS['canary']}") else None


# ---- other processes -----------------------------------------------------------------------------------------


@probe
def copy_memory_of_others() -> str | None:
    """An address that is not there gives EFAULT, if the memory may be read at all."""
    buffer = ctypes.create_string_buffer(8)
    here = struct.pack("=QQ", ctypes.addressof(buffer), 8)
    there = struct.pack("=QQ", 16, 8)
    try:
        system_call(310, 270, FACTS["victim"], here, 1, there, 1, ctypes.c_ulong(0))
    except OSError as error:
        if error.errno == errno.EFAULT:
            return "process_vm_readv was allowed"
        raise
    return "it was copied"


@probe
def signal_by_descriptor() -> str | None:
    process = os.pidfd_open(FACTS["victim"])
    system_call(424, 424, process, 0, None, 0)
    return "another process could be sent one"


# ---- limits and the machine ----------------------------------------------------------------------------------


@probe
def raise_limits() -> str | None:
    raised = []
    for name in ("CORE", "NOFILE", "FSIZE", "DATA", "NPROC"):
        number = int(getattr(resource, f"RLIMIT_{name}"))
        hard = resource.getrlimit(number)[1]
        if hard == resource.RLIM_INFINITY:
            raised.append(name)
            continue
        try:
            resource.setrlimit(number, (hard + 1, hard + 1))
        except (OSError, ValueError):
            continue
        raised.append(name)
    return f"{', '.join(raised)}" if raised else None


@probe
def name_the_machine() -> str | None:
    system_call(170, 161, b"owned", 5)
    return "it has another name"


@probe
def listen_to_the_kernel() -> str | None:
    """The groups of connector (which processes begin and end) and audit."""
    for protocol in (11, 9):
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, protocol) as made:
                made.bind((0, 1))
        except OSError:
            continue
        return f"protocol {protocol} of netlink was heard"
    return None


@probe
def watch_files_outside() -> str | None:
    watching = int(ctypes.CDLL(None, use_errno=True).inotify_init1(os.O_CLOEXEC))
    found = ctypes.CDLL(None, use_errno=True).inotify_add_watch(watching, FACTS["outside"].encode(), 0xFFF)
    return "a folder was watched" if found >= 0 else None


@probe
def see_whether_files_are_there() -> str | None:
    os.stat(FACTS["outside"] + "/secret")
    return "size and times of a file were seen"


# ---- programs ------------------------------------------------------------------------------------------------


@probe
def run_a_program_from_memory() -> str | None:
    """A program that is no file is held like any other."""
    program = os.memfd_create("program", 0)
    for path in ("/bin/cat", "/usr/bin/cat"):
        if os.path.exists(path):
            os.write(program, Path(path).read_bytes())
            break
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 1)
        os.execve(program, ["cat", FACTS["outside"] + "/secret"], {})
    os.close(writing)
    with open(reading, "rb") as said:
        found = said.read()
    os.waitpid(pid, 0)
    return "it has read a file outside" if canary() in found else None


@probe
def gain_rights_by_a_program() -> str | None:
    """A setuid program gives its rights where new privileges are allowed and its file system lets it."""
    status = read("/proc/self/status").decode()
    if "NoNewPrivs:\t1" in status:
        return None
    for name in ("su", "passwd", "mount", "newgrp", "chsh"):
        path = f"/usr/bin/{name}"
        if os.path.exists(path) and os.stat(path).st_mode & stat.S_ISUID and not os.statvfs(path).f_flag & os.ST_NOSUID:
            return f"{path} would run as its owner"
    raise Absent("there is no setuid program")


# ---- traps -----------------------------------------------------------------------------------------------------


@probe
def plant_a_configuration_of_git() -> str | None:
    """A repository whose configuration starts a program wherever git obeys it. The suite lets cogc's git look at it."""
    for folder in ("objects", "refs/heads", "hooks", "info"):
        os.makedirs(f".git/{folder}", exist_ok=True)
    evil = f"touch {FACTS['outside']}/obeyed"
    Path(".git/HEAD").write_text("ref: refs/heads/main\n")
    Path(".git/config").write_text(
        f'[core]\n\trepositoryformatversion = 0\n\tfsmonitor = "{evil}; false"\n\thooksPath = hooks\n\tpager = {evil}\n'
        f'[filter "x"]\n\tclean = {evil}\n\tsmudge = {evil}\n[diff "x"]\n\tcommand = {evil}\n[alias]\n\tstatus = !{evil}\n'
    )
    Path(".gitattributes").write_text("* filter=x diff=x\n")
    Path(".git/hooks/post-index-change").write_text(f"#!/bin/sh\n{evil}\n")
    with suppress(OSError):
        os.chmod(".git/hooks/post-index-change", 0o755)
    return None  # the suite looks whether it was obeyed


@probe
def exchange_a_folder_for_a_link() -> str | None:
    """While cogc reads `swapped/secret`, the folder and a link outside take each other's place, again and again."""
    os.makedirs("swapped", exist_ok=True)
    Path("swapped/secret").write_text("harmless")
    os.symlink(FACTS["outside"], "swapped-link")
    libc = ctypes.CDLL(None, use_errno=True)
    end = time.monotonic() + SWAPS
    while time.monotonic() < end:
        if libc.renameat2(_AT_CWD, b"swapped", _AT_CWD, b"swapped-link", _EXCHANGE):
            raise Absent("names cannot be exchanged here")
    return None  # the suite reads meanwhile
