"""Requests as bytes over real sockets, well formed and malformed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import trio

from support.waiting import DEADLINE


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(method: str, path: str, body: bytes = b"", host: str = "localhost", **headers: str) -> bytes:
    """Return a request as bytes. Underscores in the names of headers stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def send(port: int, data: bytes) -> bytes:
    """Send bytes to a server, and return what comes back until the server closes, or a whole reply is there."""
    with trio.fail_after(DEADLINE):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            with suppress(trio.BrokenResourceError):
                await stream.send_all(data)
            return await receive(stream)


async def receive(stream: trio.SocketStream) -> bytes:
    found = b""
    while not is_whole(found):
        try:
            more = await stream.receive_some()
        except trio.BrokenResourceError:
            break
        if not more:
            break
        found += more
    return found


def is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return bool(end) and len(body) >= int(value)
    return False


def parsed(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Reply(int(first.split()[1]), fields, body)


async def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
    """Send a request and return its reply."""
    data = await send(port, request(method, path, body, **headers))
    assert data, "the server has closed the connection without a reply"
    return parsed(data)


def malformed(seed: int, method: str, path: str, body: bytes) -> Iterator[bytes]:
    """Yield requests of all kinds that are broken, odd or hostile (more than 200). Each may be refused, or be answered."""
    good = request(method, path, body)
    draw = random.Random(seed)
    yield b""
    yield b"\r\n\r\n"
    yield b"\0" * 100
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)
    yield request(method, path, body, Upgrade="h2c", Connection="Upgrade, HTTP2-Settings", HTTP2_Settings="AAMAAABk")
    yield request("GET", path, Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Version="13")
    yield request(
        "GET",
        path,
        Upgrade="websocket",
        Connection="Upgrade",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==",
    ) + bytes(50)
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + draw.randbytes(500)
    yield good.replace(b"HTTP/1.1", b"HTTP/9.9")
    yield good.replace(b"HTTP/1.1", b"HTTP/1.0")
    yield good.replace(b"Host: localhost\r\n", b"")
    yield good.replace(b"Host: localhost", b"Host: localhost\r\nHost: evil.example")
    for host in (b"", b"evil.example", b"localhost:99999", b"user@localhost", b"[::1", b"\xff\xfe", b"a" * 9000):
        yield good.replace(b"Host: localhost", b"Host: " + host)
    for length in (b"-1", b"1e3", b"9" * 400, b"5, 6", b"0x10", b" ", b"7\r\nContent-Length: 8"):
        yield request(method, path)[:-2] + b"Content-Length: " + length + b"\r\n\r\nabcdefgh"
    for coding in (b"chunked", b"gzip, chunked", b"chunked, chunked", b"xchunked"):
        for chunks in (
            b"zz\r\n",
            b"5\r\nab",
            b"-1\r\n\r\n",
            b"ffffffffffffffffff\r\n",
            b"3\r\nabc\r\n0\r\n\r\n",
            b"1;" + b"x" * 20000,
        ):
            yield request(method, path)[:-2] + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + chunks
    yield request(method, path)[:-2] + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    yield request(method, path, Expect="100-continue") + body
    yield request(method, path, Expect="200-maybe") + body
    yield request(method, path + "/" + "a" * 20000)
    yield request(method, path, X="a" * 20000)
    yield request(method, path)[:-2] + b"X: 1\r\n" * 3000 + b"\r\n"
    yield request(method, path)[:-2] + b"X : 1\r\n Y: 2\r\n\r\n"
    for odd in (
        "/%",
        "/%zz",
        "/%00",
        "/%ff%fe",
        "/../../etc/passwd",
        "//evil.example/",
        "/?" + "a=b&" * 3000,
        "*",
        "http://evil.example/",
        "/%0d%0aX:1",
        "?",
        "/" + "%2e%2e%2f" * 50,
    ):
        yield request(method, odd, body)
        yield request(method, path + odd, body)
    for verb in ("TRACE", "CONNECT", "OPTIONS", "DELETE", "PATCH", "BREW", "post", "G\0T", "A" * 300):
        yield request(verb, path, body)
    for text in (
        b"{",
        b"[" * 100_000,
        b'{"a":' * 5000,
        b"NaN",
        b"1e999",
        b"9" * 5000,
        b'"\\ud800"',
        b"\xff\xfe",
        b'{"a":1,"a":2}',
        b"null",
        b"\0",
        b'"' + b"a" * 60_000 + b'"',
        b"true false",
    ):
        yield request(method, path, text)
        yield request(method, path, text, Content_Type="application/x-www-form-urlencoded")
    yield request(method, path, b"a" * ((1 << 20) + 1))
    yield good * 20  # one behind the other
    for _ in range(100):
        broken = bytearray(good)
        for _ in range(draw.randint(1, 6)):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        yield bytes(broken[: draw.randint(1, len(broken))])


async def throw(port: int, requests: Iterator[bytes]) -> int:
    """Send each of many malformed requests on a connection of its own, and go away. Return how many there were."""
    sent, room = 0, trio.Semaphore(20)
    async with trio.open_nursery() as nursery:
        for data in requests:
            sent += 1
            await room.acquire()
            nursery.start_soon(_throw, port, data, room)
    return sent


async def _throw(port: int, data: bytes, room: trio.Semaphore) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        with trio.move_on_after(0.02), suppress(trio.BrokenResourceError):
            await stream.send_all(data)
            await stream.receive_some()
    room.release()
