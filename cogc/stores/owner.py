"""Owners: the process that holds a plan or an agent of a store, and whether that process is still alive."""

from __future__ import annotations

import os
import socket
from typing import TypedDict

LEASE = 30.0
"""Seconds for which the claim of a process on another machine holds, unless it is renewed."""


_EXITING = 0x4
"""The flag of a process that has begun to end (`PF_EXITING`)."""


class Owner(TypedDict):
    """The record of a process: its machine, its number and start time there, and the end of its lease."""

    host: str
    pid: int
    born: str
    until: float


def owner(now: float) -> Owner:
    """Return the record of this process as an owner."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": _start_of(os.getpid()), "until": now + LEASE}


def alive(found: Owner | None, now: float) -> bool:
    """Return whether an owner may be alive: on this machine by its process, on another one by its lease."""
    if found is None:
        return False
    if found["host"] == socket.gethostname():
        return _start_of(found["pid"]) == found["born"]
    return found["until"] > now


def _start_of(pid: int) -> str:
    """Return the start time of a process, or nothing if there is none: the number of a process may be used again.

    One that is about to end, or has ended and waits for its parent to take note, is none.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        over = fields[0] in "ZX" or int(fields[6]) & _EXITING
        return "" if over else fields[19]
    except OSError:
        try:
            os.kill(pid, 0)
        except OSError:
            return ""
        return "alive"
