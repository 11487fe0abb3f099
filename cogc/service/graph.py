"""The server of a registry's graph, for runs whose scripts use `CogWebUI`. What it needs is imported when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cogc.coglet.ui import CogWebUI
    from cogc.run.loop import RunLoop


async def serve_graph(ui: CogWebUI, loop: RunLoop, started: Any) -> None:
    """Serve until the run ends. `started` gets the port and what stops the server, or the error that hinders it."""
    try:
        from cogc.service.web_ui import serve  # the extra `serve`
    except ImportError as error:
        from cogc.run.loop import settle  # with asyncio, which most runs do not need

        reason = RuntimeError(f"CogWebUI needs the extra `serve`: pip install 'cogc[serve]' ({error})")
        loop.call_soon(settle, started, None, reason)
        return
    await serve(ui, loop, started)
