"""The client's side of the control socket of a run (`run/control.py`): finding sockets in a folder, and asking over
one."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cogc.disk.state_folder import StateFolder

RUNS = "runs"
SOCKET = "control"
_LONGEST = 107


def sockets(state: StateFolder) -> dict[str, Path]:
    """Return the sockets of the runs of a project that can be steered, by the ids of the runs."""
    return {path.parent.name: path for path in sorted(Path(state.at(RUNS)).glob(f"*/{SOCKET}")) if opens(path)}


def socket_of(state: StateFolder, run: str | None) -> Path:
    """Return the socket of the named run, or of the only one. Raise LookupError if there is none, or more than one
    without a name."""
    known = sockets(state)
    if run is None and len(known) > 1:
        raise LookupError(f"several runs are under way: name one with --run: {', '.join(known)}")
    path = known.get(run) if run else next(iter(known.values()), None)
    if path is None:
        wanted = f"run `{run}`" if run else "run that was started with --control"
        raise LookupError(f"there is no {wanted} under way here")
    return path


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


def ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request to a run and return its answer. Raise ConnectionError if the run has ended."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        with address(path) as name:
            client.connect(name)
        client.sendall(json.dumps(request).encode() + b"\n")
        with client.makefile("rb") as answers:
            line = answers.readline()
    if not line:
        raise ConnectionError("the run has ended")
    found: dict[str, Any] = json.loads(line)
    return found
