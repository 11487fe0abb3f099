"""Which process has something of a store, and whether it still lives."""

from __future__ import annotations

import os
import socket
from typing import Any

LEASE = 30.0
"""Seconds for which another machine's claim holds, unless it is renewed."""


def owner(now: float) -> dict[str, Any]:
    """This process, as the one that has something."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid()), "until": now + LEASE}


def alive(found: dict[str, Any] | None, now: float) -> bool:
    """Whether a process that had something may still have it: on this machine its process is asked for, else its lease decides."""
    if found is None:
        return False
    if found["host"] == socket.gethostname():
        return bool(_born(found["pid"]) == found["born"])
    return bool(found["until"] > now)


def _born(pid: int) -> str:
    """When a process began, by the kernel's count; empty if there is none. Numbers of processes are used again."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        try:
            os.kill(pid, 0)
        except OSError:
            return ""
        return "alive"
