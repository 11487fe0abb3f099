"""The peers at the other end of a run's Unix sockets, as the kernel names them: what may ask, and who may answer for a person.

A door of a run takes requests of its own user and of root. What only a person may say, no program may say that the run
itself has started.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import trio

from cogc.disk.private import touch

_CREDENTIALS = struct.Struct("3i")


class Peer(NamedTuple):
    """The process at the other end of a connection, and its user. A `pid` of 0 is a process that cannot be seen from here."""

    pid: int
    uid: int

    @property
    def name(self) -> str:
        """Return the name of the user, or its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:  # a container without users
            return str(self.uid)

    @classmethod
    def own(cls) -> Peer:
        """Return this process."""
        return cls(os.getpid(), os.geteuid())

    def record(self) -> dict[str, str | int]:
        """Return the fields `user`, `uid` and `pid`, for journals and traces."""
        return {"user": self.name, "uid": self.uid, "pid": self.pid}


def peer_at(stream: trio.SocketStream, what: str) -> Peer:
    """Return who is at the other end. Raise PermissionError if it is neither the own user nor root; `what` is what is asked for."""
    data = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(data)
    if uid not in (os.geteuid(), 0):
        raise PermissionError(f"{what} is not for the user {Peer(pid, uid).name}")
    return Peer(pid, uid)


def person_at(stream: trio.SocketStream, what: str) -> Peer:
    """Return who is at the other end. Raise PermissionError if it may not speak for a person here."""
    peer = peer_at(stream, what)
    if peer.pid <= 0 or started_by(peer.pid, os.getpid()):
        raise PermissionError(f"{what} is for a person, and not for a program of the run")
    return peer


def started_by(pid: int, runner: int) -> bool:
    """Return whether a process is another one, or was started by it, or by what that has started."""
    while pid > 1 and pid != runner:
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:  # it has ended: nobody can say who it was
            return True
        pid = int(fields[1])
    return pid == runner


def write_down(file: Path, entry: Mapping[str, object], peer: Peer) -> None:
    """Add a line to the file that says which person has decided what: the entry, with who and when."""
    whole = {**entry, "uid": peer.uid, "pid": peer.pid, "at": time.time()}
    with open(touch(str(file)), "a", encoding="utf-8") as opened:
        opened.write(json.dumps(whole) + "\n")
        opened.flush()
        os.fdatasync(opened.fileno())
