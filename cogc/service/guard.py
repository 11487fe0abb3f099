"""The outermost part of an application: who may enter, and how large and slow a request may be.

A request passes these tests in this order, before any route sees it: its version, its `Host`, its origin, its token, its
body. The body is read as a whole, so that no route can wait for a client. Then the route runs. A fault of a route is a
response with status 500 and a line for the people who run the server.

DNS rebinding: a page of another site can make a browser connect to this machine by a name of that site. Such a request
has that name as its `Host`. So an address is always taken, and a name only if it is `localhost` or was told.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import trio
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cogc.service.answers import refusal

BEARER = "cogc.bearer."
"""The beginning of the subprotocol by which the websocket of a page shows its token; the token follows in base64url."""
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_DRAINED = 2.0
"""Seconds for which the rest of a body that is too long is read, so that its client comes to read the answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server: bytes of a body and of a head, connections, and seconds.

    `idle` is the time for a head, for a body, for a client that takes nothing, and of a connection without a request.
    `grace` is the time that answers under way have when the server ends.
    """

    body: int = 1 << 20
    head: int = 16 << 10
    connections: int = 2000
    idle: float = 15.0
    grace: float = 0.7


def _nothing_open(_path: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Access:
    """The conditions of entry: the bearer token, or None for everybody; the names of the server besides `localhost` and addresses; and
    which paths need no token."""

    token: str | None = None
    hosts: frozenset[str] = field(default_factory=frozenset)
    is_open: Callable[[str], bool] = _nothing_open

    def refuse(self, scope: Scope) -> Response | None:
        """Return the response that refuses a request by its head, or None."""
        headers = Headers(scope=scope)
        if scope["type"] == "http" and scope["http_version"] not in ("1.0", "1.1"):
            return refusal(505, "the version of HTTP is 1.1")
        names = headers.getlist("host")
        if len(names) != 1:
            return refusal(400, "the request has no `Host`, or several")
        if not self._is_ours(names[0]):
            return refusal(421, "`Host` is a name that this server was not told: see `--host`")
        if not self._same_origin(headers, names[0]):
            return refusal(403, "requests from pages of another origin are refused")
        if self.token is not None and not self.is_open(scope["path"]) and not self._has_token(scope, headers):
            return refusal(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})
        return None

    def _is_ours(self, host: str) -> bool:
        """Return whether a `Host` is an address, `localhost`, or a name that was told."""
        name = _name_of(host)
        return name is not None and (name == "localhost" or name in self.hosts or _is_address(name))

    def _same_origin(self, headers: Headers, host: str) -> bool:
        """Return whether a request comes from no page, or from one of this server."""
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return False
        return all(_authority(origin) == host.lower() for origin in headers.getlist("origin"))

    def _has_token(self, scope: Scope, headers: Headers) -> bool:
        return self._knows_token(headers) or (scope["type"] == "websocket" and self._offers_token(headers))

    def _knows_token(self, headers: Headers) -> bool:
        """Return whether a request has the token. The comparison takes the same time for every wrong one."""
        given = headers.getlist("authorization")
        if len(given) != 1 or self.token is None:
            return False
        scheme, _, token = given[0].partition(" ")
        same = hmac.compare_digest(token.strip().encode("latin-1", "replace"), self.token.encode())
        return scheme.lower() == "bearer" and same

    def _offers_token(self, headers: Headers) -> bool:
        """Return whether a websocket offers the token as a subprotocol: a page can set no other header of its request."""
        offered = [p.strip() for line in headers.getlist("sec-websocket-protocol") for p in line.split(",")]
        given = [p.removeprefix(BEARER) for p in offered if p.startswith(BEARER)]
        if len(given) != 1 or self.token is None:
            return False
        own = base64.urlsafe_b64encode(self.token.encode()).rstrip(b"=")
        return hmac.compare_digest(given[0].encode("latin-1", "replace"), own)


def _name_of(host: str) -> str | None:
    """Return the name in a `Host` in lower case, without its port; None if it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    odd = parts.path or parts.query or parts.fragment or parts.username is not None
    return None if odd or not parts.hostname else parts.hostname.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _authority(origin: str) -> str | None:
    """Return the host and port of an `Origin`; None for `null` and what is malformed."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits, say: Callable[[str], object]) -> None:
        self.app = app
        self.access = access
        self.limits = limits
        self.say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        refused = self.access.refuse(scope)
        if scope["type"] == "websocket":
            if refused is not None:
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._run(scope, receive, send)
            return
        if refused is None:
            body, refused = await self._body(Headers(scope=scope), receive)
        if refused is not None:
            await self._refuse(refused, scope, receive, send)
            return
        await self._run(scope, _again(body, receive), send)

    async def _body(self, headers: Headers, receive: Receive) -> tuple[bytes, Response | None]:
        """Return the body of a request, or the response that refuses it."""
        limit, parts, size = self.limits.body, [], 0
        announced = headers.get("content-length", "0")
        too_long = refusal(413, f"a body has at most {limit} bytes", {"Connection": "close"})
        if announced.isascii() and announced.isdigit() and (len(announced) > 12 or int(announced) > limit):
            return b"", too_long
        with trio.move_on_after(self.limits.idle) as waiting:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return b"", refusal(400, "the request has no end")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    return b"", too_long
                if not message.get("more_body"):
                    break
        if waiting.cancelled_caught:
            return b"", refusal(408, "the body did not come in time", {"Connection": "close"})
        return b"".join(parts), None

    async def _refuse(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a refusal while the rest of the body is read: a client that is still sending would not come to read it, and the
        queue of a body that nobody takes would hold the answer up."""
        async with trio.open_nursery() as nursery:
            ended = trio.Event()
            nursery.start_soon(_drain, receive, ended)
            if response.status_code == 413:
                with trio.move_on_after(min(_DRAINED, self.limits.idle)):
                    await ended.wait()
            await response(scope, receive, send)
            nursery.cancel_scope.cancel()

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer. What it raises is a response if none has begun, and a line."""
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except Exception as error:
            self.say(f"the request `{scope.get('method', 'GET')} {scope['path'][:200]}` failed: {words_of(error)}")
            if not begun and scope["type"] == "http":
                await refusal(500, "a fault of cogc")(scope, receive, send)


def words_of(error: BaseException) -> str:
    """Return an exception in one line, the first of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".replace("\n", " ")


async def _drain(receive: Receive, ended: trio.Event) -> None:
    """Take what a client sends until it stops, or the body is over."""
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            ended.set()
            return


def _again(body: bytes, receive: Receive) -> Receive:
    """Return the way to a body that has been read, and then to the end of the connection."""
    left: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        found: Message = left.pop() if left else await receive()
        return found

    return next_message


def hosts_of(names: Iterable[str]) -> frozenset[str]:
    """Return names of hosts as `Access` has them. Raise ValueError for what is no name."""
    found = set()
    for name in names:
        known = _name_of(name)
        if known != name.lower() or not _NAME.fullmatch(known):
            raise ValueError(f"`{name}` is no name of a host")
        found.add(known)
    return frozenset(found)
