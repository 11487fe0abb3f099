"""The addresses at which servers listen: an address as a user writes it, whether other machines reach it, and its sockets.

The sockets are our own, because two options must be set before a connection is accepted, which inherits them.
`TCP_USER_TIMEOUT` ends a connection whose peer acknowledges nothing. A send buffer of a fixed size bounds what the
kernel keeps for a client that never reads.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple

HOST = "127.0.0.1"
_BACKLOG = 256
_SEND_BUFFER = 128 << 10
_UNACKNOWLEDGED = 15_000
"""Milliseconds in which a peer must acknowledge what it was sent."""


class Address(NamedTuple):
    """A host and a port. Port 0 stands for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """Return an address from `PORT`, `HOST:PORT` or `[HOST]:PORT`. Raise ValueError with what is wrong."""
    named, colon, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise ValueError(f"`{text}` is no address: write PORT or HOST:PORT, with a port from 0 to 65535")
    if not colon:
        return Address(HOST, int(port))
    bare = named[1:-1] if named.startswith("[") and named.endswith("]") else named
    if not bare or (":" in bare and bare == named):
        raise ValueError(f"`{text}` is no address: write HOST:PORT, and an IPv6 address as [HOST]:PORT")
    return Address(bare, int(port))


def is_loopback(host: str) -> bool:
    """Return whether a host stands for addresses that only programs of this machine reach. OSError if it is unknown."""
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found)


def listen(address: Address) -> socket.socket:
    """Return a socket that listens on an address. OSError if the host is unknown, or the port is in use."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, place = found[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED)
        made.bind(place)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def bound(made: socket.socket, host: str) -> Address:
    """Return the address of a listening socket, with its host as the user has named it."""
    return Address(host, made.getsockname()[1])
