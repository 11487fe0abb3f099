"""The page over a registry of coglets, for `cogc.coglet.ui.CogWebUI`."""

from __future__ import annotations

import sys
from typing import Any

import trio
from starlette.applications import Starlette

from cogc.coglet.ui import CogWebUI
from cogc.run.loop import RunLoop, settle
from cogc.service.address import Address, listen
from cogc.service.guard import Access, Limits
from cogc.service.page.registry_source import RegistrySource
from cogc.service.page.routes import page
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
    """Return the application: the page, at `/` too."""
    source = RegistrySource(ui.registry)
    return Starlette(routes=page(source, ui.poll_interval, paths=("/", "/ui"), sockets=("/ui/ws", "/ws")))
