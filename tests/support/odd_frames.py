"""Frames and upgrades of websockets that break the protocol, or keep to it and mean harm."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterator

UPGRADE = (
    b"GET /ui/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n"
)
"""A request for a websocket, with room for more headers."""
_ODD_ACTS = ("view", "select", "list", "trace", "chain", "text", "refresh", "ping")


def frame(
    kind: int, data: bytes, last: bool = True, masked: bool = True, length: int | None = None, odd: int = 0
) -> bytes:
    """Return a frame of a client. `length` is the one that it says, `odd` the bits that no extension has given a meaning."""
    size = len(data) if length is None else length
    head = bytes([last << 7 | odd << 4 | kind])
    bit = masked << 7
    if size < 126:
        head += bytes([bit | size])
    elif size < 1 << 16:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    return head + (b"\0\0\0\0" if masked else b"") + data  # a mask of zeros changes nothing


def frames(seed: int, rounds: int) -> Iterator[bytes]:
    """Yield what a client sends behind its upgrade: 20 kinds of it in each round."""
    draw = random.Random(seed)
    for _ in range(rounds):
        yield frame(1, b"\xff\xfe" + draw.randbytes(20))  # no UTF-8
        yield frame(draw.choice([3, 4, 5, 6, 7]), b"x")
        yield frame(draw.choice([11, 12, 13, 14, 15]), b"")
        yield frame(1, b"{}", odd=draw.randrange(1, 8))
        yield frame(1, b"{}", masked=False)
        yield frame(9, b"x" * 200)  # a ping that is too long
        yield frame(9, b"x", last=False)
        yield frame(0, b"the rest of nothing")
        yield frame(1, b"x", length=1 << 62)
        yield frame(1, b"x", length=(1 << 63) + draw.randrange(9))
        yield frame(1, b"a" * 70_000)
        yield frame(2, draw.randbytes(3000))
        yield frame(8, b"\x03")
        yield frame(8, struct.pack(">H", draw.choice([0, 999, 1005, 1006, 5000])) + b"\xff")
        yield frame(1, b"x", last=False) + b"".join(frame(0, b"y" * 1000, last=False) for _ in range(80))
        yield frame(1, b"[" * 5000)
        yield frame(
            1, json.dumps({"type": draw.choice(_ODD_ACTS), "id": draw.choice([None, {}, [], 1e308, -1])}).encode()
        )
        yield frame(
            1,
            json.dumps(
                {"type": draw.choice(_ODD_ACTS), "opened": 5, "shut": {"a": 1}, "from": "x", "count": 1e9}
            ).encode(),
        )
        yield draw.randbytes(draw.randrange(1, 400))
        yield frame(1, b'{"type": "ping"}') * 100


def upgrades(seed: int) -> Iterator[bytes]:
    """Yield requests for a websocket that are malformed, or come from elsewhere."""
    draw = random.Random(seed)
    plain = UPGRADE % b""
    yield b"GET /ui/ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
    for header in (b"Origin: http://evil.example", b"Origin: null", b"Sec-Fetch-Site: cross-site"):
        yield UPGRADE % (header + b"\r\n")
    yield plain.replace(b"Version: 13", b"Version: 99")
    yield plain.replace(b"AAAAAAAAAAAAAAAAAAAAAA==", b"AA")
    yield plain.replace(b"Host: localhost", b"Host: evil.example")
    yield plain.replace(b"GET", b"POST")
    yield plain.replace(b"HTTP/1.1", b"HTTP/1.0")
    yield UPGRADE % (b"Sec-WebSocket-Protocol: " + b"a," * 4000 + b"\r\n")
    yield UPGRADE % b"Sec-WebSocket-Protocol: cogc.page, cogc.bearer.!!!\r\n"
    yield UPGRADE % b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99\r\n"
    yield UPGRADE % b"Content-Length: 5\r\n" + b"hello"
    yield UPGRADE % b"Transfer-Encoding: chunked\r\n" + b"5\r\nhello\r\n0\r\n\r\n"
    for _ in range(6):
        yield plain[: draw.randrange(10, 100)]
