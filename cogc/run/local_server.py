"""The server's side of the Unix sockets of a run: they are made, a request is read from one, and an answer becomes a line.

The control socket (`control.py`), questions (`answers.py`) and decisions on plans (`plan_door.py`) are served through it. The
client's side is `control_client.py`.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from cogc.language.values import plain
from cogc.run.control_client import address, opens

PATIENCE = 10.0
"""Seconds in which a client has to send its request, and to read the answer."""
_LONGEST = 1 << 20


def open_socket(path: Path) -> socket.socket:
    """Return a socket of mode 0600 that listens at a path. Raise OSError if it cannot be made, or if somebody listens there."""
    if path.exists() and not opens(path):
        path.unlink()  # a run that had it was killed
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(made.fileno(), 0o600)  # which the path has from its first moment on, in Linux
        with address(path) as name:
            made.bind(name)
        os.chmod(path, 0o600)
        made.listen(16)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


@contextmanager
def listening(path: Path) -> Iterator[trio.SocketListener]:
    """Yield a listener at a path, which is free again afterwards."""
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(open_socket(path)))
    try:
        yield listener
    finally:
        listener.socket.close()
        path.unlink(missing_ok=True)


async def read_line(stream: trio.SocketStream) -> bytes:
    """Read what a client sends, up to the end of its first line or of what is too long."""
    data = b""
    while b"\n" not in data and len(data) <= _LONGEST:
        more = await stream.receive_some(65536)
        if not more:
            break
        data += more
    return data.partition(b"\n")[0]


def line_of(answer: Any) -> bytes:
    """Return an answer as a line of JSON."""
    return json.dumps(plain(answer), ensure_ascii=False).encode() + b"\n"
