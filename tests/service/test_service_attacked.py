"""The doors of a service under attack: what one parser takes for a body and another for a request, tokens in wrong places."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import trio

from cogc.run.session import Session
from cogc.service.doors import Verifiers
from cogc.service.webhooks import Verifier
from support.desk import served
from support.http_client import ask, request, send
from support.waiting import DEADLINE

HIDDEN = request("POST", "/in/twice", b"7")
"""A request that must not be one: it stands where a body is, or where nothing can be."""
FIRST = b"POST /in/quiet HTTP/1.1\r\nHost: localhost\r\n"
CHUNK = b"1\r\n5\r\n0\r\n\r\n"


def framed(*lines: bytes, body: bytes = b"0\r\n\r\n" + HIDDEN) -> bytes:
    """Return a request whose length is told in an odd way."""
    return FIRST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


AMBIGUOUS = {
    "both lengths": framed(b"Content-Length: 1", b"Transfer-Encoding: chunked"),
    "both lengths, the other order": framed(b"Transfer-Encoding: chunked", b"Content-Length: 1"),
    "two lengths": framed(b"Content-Length: 1", b"Content-Length: 5", body=b"1" + HIDDEN),
    "a list of lengths": framed(b"Content-Length: 1, 5", body=b"1" + HIDDEN),
    "a length with a sign": framed(b"Content-Length: +1", body=b"1" + HIDDEN),
    "a negative length": framed(b"Content-Length: -1", body=b"1" + HIDDEN),
    "a hexadecimal length": framed(b"Content-Length: 0x1", body=b"1" + HIDDEN),
    "a length with an underscore": framed(b"Content-Length: 0_1", body=b"1" + HIDDEN),
    "digits of another script": framed("Content-Length: ١".encode(), body=b"1" + HIDDEN),
    "a space before the colon": framed(b"Content-Length : 1", body=b"1" + HIDDEN),
    "a folded coding": framed(b"Transfer-Encoding:\r\n chunked", b"Content-Length: 1"),
    "an unknown coding": framed(b"Transfer-Encoding: xchunked", body=CHUNK + HIDDEN),
    "a coding with a vertical tab": framed(b"Transfer-Encoding: \x0bchunked", body=CHUNK + HIDDEN),
    "a coding twice": framed(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=CHUNK + HIDDEN),
    "chunked before gzip": framed(b"Transfer-Encoding: chunked, gzip", body=CHUNK + HIDDEN),
    "a chunk with a sign": framed(b"Transfer-Encoding: chunked", body=b"+1\r\n5\r\n0\r\n\r\n" + HIDDEN),
    "a chunk with 0x": framed(b"Transfer-Encoding: chunked", body=b"0x1\r\n5\r\n0\r\n\r\n" + HIDDEN),
    "a chunk with an underscore": framed(b"Transfer-Encoding: chunked", body=b"0_1\r\n5\r\n0\r\n\r\n" + HIDDEN),
    "a chunk that is longer": framed(b"Transfer-Encoding: chunked", body=b"1\r\n5555\r\n0\r\n\r\n" + HIDDEN),
    "a chunk without an end": framed(b"Transfer-Encoding: chunked", body=b"1\r\n5" + HIDDEN),
    "a carriage return in a header": framed(b"X: a\rContent-Length: 0", b"Content-Length: 1", body=b"1" + HIDDEN)[:-9],
    "a zero in a header": framed(b"X: a\0b", b"Content-Length: 1", body=b"1" + HIDDEN),
    "a name that is none": framed(b"Content(Length: 1", body=b"1" + HIDDEN),
    "a line without a colon": framed(b"Content-Length 1", body=b"1" + HIDDEN),
    "a folded first header": FIRST.replace(b"Host", b" Host") + b"Content-Length: 1\r\n\r\n1" + HIDDEN,
    "a body behind 1.0": FIRST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + HIDDEN,
    "h2c": framed(b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABk", b"Content-Length: 1", body=b"5PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)),
}  # fmt: skip


def test_what_could_be_a_body_is_no_request() -> None:
    """Each of them is refused and its connection closed, or the hidden request is its body: it never enters."""

    async def body(port: int, made: Session) -> None:
        async def one(name: str, data: bytes) -> None:
            with trio.fail_after(DEADLINE):
                found = await send(port, data)
            entered = [r for r in found.split(b"HTTP/1.1 ") if r.startswith(b"202")]
            assert len(entered) <= (name == "h2c"), (name, found)

        async with trio.open_nursery() as nursery:
            for name, data in AMBIGUOUS.items():
                nursery.start_soon(one, name, data)
        assert "twice" not in made.entries.counts, made.entries.counts
        assert (await ask(port, "POST", "/in/twice", b"7")).status == 202

    *_, said = served(body)
    assert said == []


TOKEN = "s3cret-token"
BASIC = base64.b64encode(f":{TOKEN}".encode()).decode()
ELSEWHERE: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("", {"Authorization": ""}),
    ("", {"Authorization": "Bearer"}),
    ("", {"Authorization": "Bearer "}),
    ("", {"Authorization": TOKEN}),
    ("", {"Authorization": f"Token {TOKEN}"}),
    ("", {"Authorization": f"Basic {BASIC}"}),
    ("", {"Authorization": f"Bearer {TOKEN[:-1]}"}),
    ("", {"Authorization": f"Bearer {TOKEN}x"}),
    ("", {"Authorization": f"Bearer {TOKEN.upper()}"}),
    ("", {"Authorization": f'Bearer "{TOKEN}"'}),
    ("", {"Authorization": f"Bearer {TOKEN}, Bearer {TOKEN}"}),
    ("", {"Authorization": f"Bearer x\r\nAuthorization: Bearer {TOKEN}"}),
    ("", {"Authorization": "Bearer \xff\xfe"}),
    ("", {"Proxy_Authorization": f"Bearer {TOKEN}"}),
    ("", {"X_Authorization": f"Bearer {TOKEN}"}),
    ("", {"Cookie": f"token={TOKEN}; Authorization=Bearer {TOKEN}"}),
    ("", {"Sec_WebSocket_Protocol": f"cogc.bearer.{base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip('=')}"}),
    (f"?token={TOKEN}&access_token={TOKEN}", {}),
    (f"?authorization=Bearer%20{TOKEN}", {}),
    (f"/{TOKEN}", {}),
]


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_token_in_any_other_place_is_none(method: str) -> None:
    paths = ["/in/twice", "/ask/twice"] if method == "POST" else ["/out/page", "/state", "/metrics", "/openapi.json", "/ui/graph", "/ui/head"]  # fmt: skip

    async def body(port: int, made: Session) -> None:
        for path in paths:
            for more, headers in ELSEWHERE:
                found: Any = await ask(port, method, path + more, b"1" if method == "POST" else b"", **headers)
                assert found.status == 401, (path, more, headers, found)
                assert TOKEN.encode() not in found.body
        for odd in (
            "/in/../in/twice",
            "/in/twice/",
            "//in/twice",
            "/IN/twice",
            "/healthz/../in/twice",
            "/in%2ftwice",
            "/in/%74wice",
        ):
            assert (await ask(port, "POST", odd, b"1")).status == 401, odd
        assert made.entries.seq == 0
        good = await ask(port, "POST", "/in/%74wice", b"1", Authorization=f"Bearer {TOKEN}")
        assert good.status == 202

    served(body, token=TOKEN)


def test_a_signature_opens_its_own_channel_alone() -> None:
    verifiers = Verifiers(None, {"twice": Verifier("hmac", "k")})

    async def body(port: int, made: Session) -> None:
        for path in (
            "/in/twice/../quiet",
            "/in/twice/x",
            "/ask/twice/..",
            "/in/twice%2f..%2fquiet",
            "/in/quiet",
            "/in//twice",
            "/state/twice",
        ):
            found = await ask(port, "POST", path, b"1", X_Signature="x")
            assert found.status == 401 and "token" in found.json["detail"], (path, found)
        for path in ("/in/twice", "/in/%74wice", "/ask/twice?x=/in/quiet"):
            found = await ask(port, "POST", path, b"1", X_Signature="x")
            assert found.status == 401 and "signature" in found.json["detail"], (path, found)
        assert made.entries.seq == 0

    served(body, verifiers=verifiers, token=TOKEN)
