"""The server of the page over a registry, for scripts: `CogWebUI(registry, port=8787)`."""

from __future__ import annotations

import asyncio
from typing import Any

from cogc.coglet.web import CogWebRegistry


class CogWebUI:
    """Serves the page over a registry while a run goes on (`/`), with `GET /api/graph` and the websocket `/ws`.

    `poll_interval` is the pause in seconds between two looks for changes. `port` 0 takes a free one, which stands in
    `port` after `start`.
    """

    def __init__(
        self, registry: CogWebRegistry, host: str = "127.0.0.1", port: int = 8787, poll_interval: float = 0.5
    ) -> None:
        self.registry = registry
        self.host = host
        self.port = port
        self.poll_interval = poll_interval
        self._stop: Any = None

    async def start(self) -> None:
        """Start to serve, and return when the port is open. Raise OSError if it cannot be opened, and RuntimeError
        outside of a run."""
        loop: Any = asyncio.get_running_loop()
        serve = getattr(loop, "serve_graph", None)
        if serve is None:
            raise RuntimeError("CogWebUI serves inside of a run: start the script by `cogc run`")
        started = loop.create_future()

        def waits() -> bool:  # the run is not at rest while the port is being opened
            return not started.done()

        loop.waited.add(waits)
        loop.background.start_soon(serve, self, loop, started)
        try:
            self.port, self._stop = await started
        finally:
            loop.waited.discard(waits)

    async def stop(self) -> None:
        """Stop to serve. Connections are closed."""
        if self._stop is not None:
            self._stop()
            self._stop = None
