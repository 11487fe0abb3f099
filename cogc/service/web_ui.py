"""The graph of a registry of coglets over HTTP and a websocket, for `cogc.coglet.ui.CogWebUI`."""

from __future__ import annotations

import json
import sys
from typing import Any

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from cogc.coglet.ui import CogWebUI
from cogc.language.values import Failure
from cogc.run.json_text import read_json
from cogc.run.loop import RunLoop, settle
from cogc.service.address import Address, listen
from cogc.service.guard import Access, Limits
from cogc.service.server import serving


async def serve(ui: CogWebUI, loop: RunLoop, started: Any) -> None:
    """Serve until the run ends, or the scope that `started` gets is cancelled: `(port, stop)`, or an OSError."""
    try:
        made = listen(Address(ui.host, ui.port))
    except OSError as error:
        loop.call_soon(settle, started, None, error)
        return
    with made, trio.CancelScope() as scope:
        async with serving(_app(ui), [made], Access(), Limits(), _say):
            loop.call_soon(settle, started, (made.getsockname()[1], scope.cancel), None)
            await trio.sleep_forever()


def _say(line: str) -> None:
    sys.stderr.write(f"cogc: {line}\n")


def _app(ui: CogWebUI) -> Starlette:
    """Return the application."""

    async def graph(_: Request) -> JSONResponse:
        return JSONResponse(_snapshot(ui))

    async def index(_: Request) -> PlainTextResponse:
        return PlainTextResponse("The graph of the coglets is at /api/graph, and at /ws as it changes.\n")

    async def socket(client: WebSocket) -> None:
        await client.accept()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_push, ui, client)
                await _answer(ui, client)
        except* (WebSocketDisconnect, trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    return Starlette(
        routes=[
            Route("/", index),
            Route("/api/graph", graph),
            Route("/ui/graph", graph),
            WebSocketRoute("/ws", socket),
        ]
    )


def _snapshot(ui: CogWebUI) -> dict[str, Any]:
    """Return the graph as it is now, as values of JSON."""
    found: dict[str, Any] = json.loads(json.dumps(ui.registry.snapshot().to_dict(), default=str))
    return found


async def _push(ui: CogWebUI, client: WebSocket) -> None:
    """Send the graph at once, and whenever it has changed."""
    last = None
    while True:
        graph = _snapshot(ui)
        shown = {key: {**node, "updated_at": 0} for key, node in graph["nodes"].items()}, graph["edges"]
        if shown != last:
            last = shown
            await client.send_json({"type": "snapshot", "data": graph})
        await trio.sleep(ui.poll_interval)


async def _answer(ui: CogWebUI, client: WebSocket) -> None:
    """Answer what a client sends: `refresh`, `ping`."""
    while True:
        try:
            given = read_json((await client.receive_text()).encode(), "the message")
        except Failure as refused:
            await client.send_json({"type": "error", "message": refused.message})
            continue
        kind = given.get("type") if isinstance(given, dict) else None
        if kind == "refresh":
            await client.send_json({"type": "snapshot", "data": _snapshot(ui)})
        elif kind == "ping":
            await client.send_json({"type": "pong"})
        else:
            await client.send_json({"type": "error", "message": "a message has the type `refresh` or `ping`"})
