"""The routes of the page: its files, the graph, and the websocket.

The files are the same for everybody, and hold nothing of a run, so that they need no token. Their policy (CSP) lets a browser load
and connect to nothing but this server, and run no script or style but these files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from cogc.service.answers import answer
from cogc.service.page.files import files
from cogc.service.page.hub import FASTEST, Hub
from cogc.service.page.socket import serve_socket
from cogc.service.page.source import Source

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def is_file(path: str) -> bool:
    """Return whether a path of the server is that of a file of the page."""
    return path in ("/ui", "/ui/") or (path.startswith("/ui/") and path.removeprefix("/ui/") in files())


def page(
    source: Source, fastest: float = FASTEST, paths: Sequence[str] = ("/ui",), sockets: Sequence[str] = ("/ui/ws",)
) -> list[BaseRoute]:
    """Return the routes of the page over a source: it stands at `paths`, its websocket at `sockets`. `fastest` is the shortest pause between
    two looks for changes, in seconds."""
    hub = Hub(source, fastest)

    async def graph(_request: Request) -> Response:
        return answer(source.graph())

    async def head(_request: Request) -> Response:
        return answer(source.head())

    async def socket(client: WebSocket) -> None:
        await serve_socket(hub, client)

    return [
        *(Route(path, _index, methods=["GET"]) for path in paths),
        Route("/ui/", _without_slash, methods=["GET"]),
        Route("/ui/graph", graph, methods=["GET"]),
        Route("/api/graph", graph, methods=["GET"]),
        Route("/ui/head", head, methods=["GET"]),
        *(WebSocketRoute(path, socket) for path in sockets),
        *(Route(f"/ui/{name}", _file(name), methods=["GET"]) for name in files()),
    ]


async def _index(request: Request) -> Response:
    return _response(request, "index.html")


async def _without_slash(_request: Request) -> Response:
    return RedirectResponse("../ui", 307)


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        return _response(request, name)

    return route


def _response(request: Request, name: str) -> Response:
    """Return a file of the page, or that the browser has it already."""
    body = files()[name]
    headers: dict[str, Any] = {**_HEADERS, "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_TYPES[Path(name).suffix])
