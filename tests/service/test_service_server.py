"""The HTTP server inside of a run, over real sockets: who may enter, what no client can do, how it ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from cogc.service.address import Address, bound, is_loopback, listen, read_address
from cogc.service.answers import answer, application
from cogc.service.guard import Access, Limits, hosts_of
from cogc.service.server import Server, serving
from support.http_client import ask, malformed, parsed, receive, request, send, throw
from support.waiting import DEADLINE, until

Body = Callable[[int, Server], Awaitable[Any]]
OPEN: list[trio.SocketStream] = []
SLOW = Limits(idle=0.3, grace=0.3)


async def echo(request: Request) -> Response:
    return answer({"size": len(await request.body()), "path": request.url.path})


class Flood(Response):
    """Sends without end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})


async def flood(_: Request) -> Response:
    return Flood()


async def hang(_: Request) -> Response:
    await trio.sleep_forever()
    raise AssertionError


async def broken(_: Request) -> Response:
    raise ValueError("a fault")


async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    async for text in websocket.iter_text():
        await websocket.send_text(text)


ROUTES = [
    Route("/echo", echo, methods=["GET", "POST"]),
    Route("/flood", flood),
    Route("/hang", hang),
    Route("/broken", broken),
    WebSocketRoute("/chat", chat),
]


def with_server(body: Body, access: Access = Access(), limits: Limits = Limits()) -> tuple[list[str], float]:  # noqa: B008  # frozen
    """Serve while a body runs. Return the lines that the server said, and the seconds that its end took. The clients that the
    body returns, or leaves in OPEN, are open until the server has ended."""
    said: list[str] = []
    took = 0.0

    async def main() -> None:
        nonlocal took
        made = listen(Address("127.0.0.1", 0))
        port = bound(made, "127.0.0.1").port
        with trio.fail_after(DEADLINE):
            kept = None
            try:
                async with serving(application(ROUTES), [made], access, limits, said.append) as server:
                    kept = await body(port, server)
                    took = time.monotonic()
                took = time.monotonic() - took
            finally:
                for stream in kept or OPEN:
                    stream.socket.close()

    trio.run(main)
    return said, took


def test_requests_are_answered_also_one_behind_the_other() -> None:
    async def body(port: int, _: Server) -> None:
        reply = await ask(port, "POST", "/echo", b"12345")
        assert (reply.status, reply.json) == (200, {"size": 5, "path": "/echo"})
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            for size in (1, 2, 3):
                await stream.send_all(request("POST", "/echo", b"x" * size))
                assert parsed(await receive(stream)).json["size"] == size

    assert with_server(body)[0] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost"}, 200),
        ({"host": "LOCALHOST:80"}, 200),
        ({"host": "127.0.0.1:4517"}, 200),
        ({"host": "[::1]:4517"}, 200),
        ({"host": "desk.example"}, 200),
        ({"host": "rebound.example"}, 421),
        ({"host": "localhost.rebound.example"}, 421),
        ({"host": "user@localhost"}, 421),
        ({"host": ""}, 421),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
    ],
)
def test_a_host_is_known_and_an_origin_the_same(headers: dict[str, str], status: int) -> None:
    async def body(port: int, _: Server) -> None:
        assert (await ask(port, "POST", "/echo", b"1", **headers)).status == status

    with_server(body, Access(hosts=hosts_of(["desk.example"])))


def test_a_token_is_asked_for() -> None:
    async def body(port: int, _: Server) -> None:
        for given, status in [
            (None, 401), ("Bearer secret", 200), ("bearer secret", 200), ("Bearer secre", 401), ("Bearer ", 401),
            ("Basic secret", 401), ("Bearer s\xe9cret", 401),
        ]:  # fmt: skip
            headers = {} if given is None else {"Authorization": given}
            reply = parsed(await send(port, request("GET", "/echo", **headers).decode().encode("latin-1")))
            assert reply.status == status, given
            assert (reply.headers.get("www-authenticate") == "Bearer") == (status == 401)
        assert (await ask(port, "GET", "/nothing")).status == 401
        assert (await ask(port, "GET", "/open")).status == 404

    with_server(body, Access("secret", is_open=lambda path: path == "/open"))


def test_bodies_are_bounded_and_their_clients_get_to_read_why() -> None:
    async def body(port: int, _: Server) -> None:
        assert (await ask(port, "POST", "/echo", b"x" * 1000)).status == 200
        for size in (1001, 300_000, 3_000_000):
            reply = await ask(port, "POST", "/echo", b"x" * size)
            assert (reply.status, reply.headers["connection"]) == (413, "close")
        chunks = b"".join(b"3e8\r\n" + b"x" * 1000 + b"\r\n" for _ in range(100)) + b"0\r\n\r\n"
        head = request("POST", "/echo", Transfer_Encoding="chunked")
        assert parsed(await send(port, head + chunks)).status == 413

    assert with_server(body, limits=Limits(body=1000))[0] == []


def test_who_is_slow_or_idle_is_cut_off() -> None:
    async def body(port: int, server: Server) -> None:
        assert await send(port, b"") == b""
        assert await send(port, b"GET /echo HTTP/1.1\r\nHo") == b""
        half = parsed(await send(port, request("POST", "/echo", b"12345")[:-2]))
        assert half.status == 408
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(request("GET", "/flood"))
            await until(lambda: server.writes)
            await until(lambda: server.connections == 0)

    assert with_server(body, limits=SLOW)[0] == []


def test_the_number_of_connections_is_bounded() -> None:
    async def body(port: int, server: Server) -> None:
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(3)]
        await until(lambda: server.connections == 3)
        reply = parsed(await send(port, b""))
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert reply.json == {"detail": "there are too many connections now"}
        for stream in streams:
            await stream.aclose()
        await until(lambda: server.connections == 0)
        assert (await ask(port, "GET", "/echo")).status == 200

    with_server(body, limits=Limits(connections=3))


def test_the_end_takes_at_most_two_seconds_whatever_clients_do() -> None:
    async def body(port: int, server: Server) -> list[trio.SocketStream]:
        kept = []
        hostile = [
            request("GET", "/flood"), request("GET", "/flood"), request("GET", "/hang"), b"GET /ec", b"",
            request("POST", "/echo", b"12345")[:-2], request("POST", "/hang", b"x" * 999_999)[:-9],
            request("GET", "/chat", Upgrade="websocket", Connection="Upgrade", Sec_WebSocket_Version="13", Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA=="),
        ]  # fmt: skip
        for data in hostile:
            kept.append(await trio.open_tcp_stream("127.0.0.1", port))
            await kept[-1].send_all(data)
        await until(lambda: len(server.writes) == 2 and server.connections == len(hostile))
        return kept

    said, took = with_server(body)
    assert said == [] and took < 2, took


def test_connections_without_a_request_are_closed_at_once_at_the_end() -> None:
    """The server waits for replies under way alone, here for longer than the test may take."""

    async def body(port: int, server: Server) -> list[trio.SocketStream]:
        kept = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(3)]
        await kept[1].send_all(b"GET /ec")
        await kept[2].send_all(request("GET", "/echo"))
        assert (await receive(kept[2])).startswith(b"HTTP/1.1 200")
        await until(lambda: server.connections == 3)
        return kept

    said, took = with_server(body, limits=Limits(grace=2 * DEADLINE))
    assert said == [] and took < DEADLINE, took


def test_an_exception_of_the_caller_ends_the_server_as_soon() -> None:
    async def body(port: int, server: Server) -> None:
        OPEN[:] = [await trio.open_tcp_stream("127.0.0.1", port)]
        await OPEN[0].send_all(request("GET", "/flood"))
        await until(lambda: server.writes)
        began.append(time.monotonic())
        raise KeyError("the run failed")

    began: list[float] = []
    with pytest.raises(BaseExceptionGroup) as raised:
        with_server(body)
    assert raised.group_contains(KeyError) and time.monotonic() - began[0] < 2
    OPEN.clear()


def test_nothing_malformed_ends_the_server_or_holds_it() -> None:
    async def body(port: int, server: Server) -> None:
        assert await throw(port, malformed(1, "POST", "/echo", b'{"a": 1}')) >= 200
        assert await throw(port, malformed(2, "GET", "/flood", b"")) >= 200
        await until(lambda: server.connections == 0)
        assert (await ask(port, "GET", "/echo")).status == 200

    said, took = with_server(body, limits=Limits(idle=1.0, grace=0.3))
    assert said == [] and took < 2


def test_what_no_route_takes_is_refused_in_json() -> None:
    async def body(port: int, _: Server) -> None:
        reply = await ask(port, "GET", "/nothing")
        assert (reply.status, reply.json) == (404, {"detail": "there is no such route; /openapi.json lists them"})
        reply = await ask(port, "DELETE", "/echo")
        assert (reply.status, reply.json) == (405, {"detail": "the route has another method"})
        assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}

    with_server(body)


def test_a_fault_of_a_route_is_a_response_and_a_line() -> None:
    async def body(port: int, _: Server) -> None:
        reply = await ask(port, "GET", "/broken")
        assert (reply.status, reply.json) == (500, {"detail": "a fault of cogc"})
        assert (await ask(port, "GET", "/echo")).status == 200

    assert with_server(body)[0] == ["the request `GET /broken` failed: ValueError: a fault"]


def test_addresses_are_read_and_bound() -> None:
    assert read_address("80") == ("127.0.0.1", 80) and str(read_address("[::1]:80")) == "[::1]:80"
    assert read_address("desk.example:80") == ("desk.example", 80)
    for wrong in ("", "a", "70000", "-1", ":80", "::1:80", "[]:80", "1:2:3", "host:", "٣"):
        with pytest.raises(ValueError, match="is no address"):
            read_address(wrong)
    assert is_loopback("127.0.0.1") and is_loopback("localhost") and is_loopback("::1")
    assert not is_loopback("0.0.0.0") and not is_loopback("::")
    with listen(Address("127.0.0.1", 0)) as made:
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
        with pytest.raises(OSError, match="in use"):
            listen(bound(made, "127.0.0.1"))
    for wrong in ("a b", "x:80", "", "http://x"):
        with pytest.raises(ValueError, match="no name of a host"):
            hosts_of([wrong])
