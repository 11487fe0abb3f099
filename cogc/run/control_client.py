"""The client's side of the control socket of a run (`run/control.py`): finding sockets in a folder, and asking over
one."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cogc.disk.state_folder import StateFolder

RUNS = "runs"
SOCKET = "control"
"""The name of the socket of a run that was started with --control."""
UNASKED = "socket"
"""The name of the socket of every other run."""
_LONGEST = 107
_POLL = 0.2
_STARTING = 10.0
"""Seconds in which a socket that nobody listens on may be that of a run that has just made it."""


def sockets(state: StateFolder) -> dict[str, Path]:
    """Return the sockets of the runs of a project that go on, by the ids of the runs."""
    found = [*Path(state.at(RUNS)).glob(f"*/{SOCKET}"), *Path(state.at(RUNS)).glob(f"*/{UNASKED}")]
    return {path.parent.name: path for path in sorted(found) if _goes_on(path)}


def socket_of(state: StateFolder, run: str | None) -> Path:
    """Return the socket of the run with an id, or with an id that begins so; without a name, of the only run, or
    of the only one that was started with --control. Raise LookupError if there is none, or more than one."""
    known = sockets(state)
    found = [run] if run in known else [id for id in known if id.startswith(run or "")]
    asked = [id for id in found if known[id].name == SOCKET]
    if len(found) > 1 and len(asked) == 1:
        found = asked
    if len(found) > 1:
        raise LookupError(f"several runs are under way: name one of {', '.join(found)}")
    if not found:
        raise LookupError(f"there is no {f'run `{run}`' if run else 'run'} under way here")
    return known[found[0]]


@contextmanager
def address(path: Path) -> Iterator[str]:
    """Yield a name for a socket that fits into an address: the path, or a shorter way to it where it has more than 107 bytes."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def opens(path: Path) -> bool:
    """Return whether a run listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            with address(path) as name:
                client.connect(name)
        except OSError:  # the run was killed, and its socket has stayed
            return False
    return True


def _goes_on(path: Path) -> bool:
    """Return whether a run listens on a socket, and remove the socket of a run that was killed."""
    if opens(path):
        return True
    with suppress(OSError):
        status = path.stat()
        if status.st_uid == os.geteuid() and time.time() - status.st_mtime > _STARTING:
            path.unlink()
            path.parent.rmdir()
    return False


def follow(
    path: Path, request: dict[str, Any], is_over: Callable[[], bool] = lambda: False
) -> Iterator[dict[str, Any]]:
    """Yield what a run answers to a request, line by line, to the last one, or until `is_over` when nothing comes. Raise
    ConnectionError if the run is gone before that."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        with address(path) as name:
            client.connect(name)
        client.sendall(json.dumps(request).encode() + b"\n")
        rest = b""
        while True:
            if not select.select([client], [], [], _POLL)[0]:
                if is_over():
                    return
                continue
            data = client.recv(1 << 16)
            if not data:
                raise ConnectionError("the run has ended")
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                found: dict[str, Any] = json.loads(line)
                yield found
                if "ok" in found or "error" in found:
                    return


def ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request to a run and return its answer. Raise ConnectionError if the run has ended."""
    return next(follow(path, request))
