"""MCP over stdin and stdout: a client starts the process, and its tools are there until the client closes stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server

LONGEST = 4 << 20
"""The bytes of the longest line that is read."""
_PIECE = 1 << 16


class Wire:
    """The descriptor that a server writes to, as good as a file of anyio. A client that does not read holds nothing up. When it is lost, `on_lost` gets the
    reason, `closed` is called, and what is written afterwards is dropped."""

    def __init__(self, number: int, on_lost: Callable[[OSError], object]) -> None:
        self.number = number
        self.on_lost = on_lost
        self.closed: Callable[[], object] = lambda: None
        self._lost = False

    async def write(self, text: str) -> None:
        data = text.encode()
        while data and not self._lost:
            try:
                written = await trio.to_thread.run_sync(os.write, self.number, data, abandon_on_cancel=True)
                data = data[written:]
            except OSError as error:
                self._lost = True
                self.on_lost(error)
                self.closed()

    async def flush(self) -> None:
        """Do nothing: `write` keeps nothing back."""


def claim_stdout(on_lost: Callable[[OSError], object]) -> Wire:
    """Return a wire of the protocol's own. Whatever is printed from now on, by any code, goes to stderr."""
    sys.stdout.flush()
    wire = os.dup(1)
    os.dup2(2, 1)
    return Wire(wire, on_lost)


@asynccontextmanager
async def over_stdio(
    server: Server[Any], wire: Wire, closed: Callable[[], object], begun: trio.Event
) -> AsyncIterator[None]:
    """Serve over stdin and a wire while the body runs, from `begun` on. `closed` is called when the client has closed stdin, or does not
    read any more."""
    wire.closed = closed
    async with trio.open_nursery() as nursery:

        async def served() -> None:
            await begun.wait()
            async with stdio_server(_Lines(), wire) as (read, write):  # type: ignore[arg-type]  # as good as files of anyio
                await server.run(read, write, server.create_initialization_options())
            closed()

        nursery.start_soon(served)
        yield
        nursery.cancel_scope.cancel()


class _Lines:
    """The lines of stdin. A read that waits does not hold the end of the process up, and a line that is too long is none."""

    def __init__(self) -> None:
        self.data = b""
        self.skips = False

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> str:
        while True:
            line, newline, rest = self.data.partition(b"\n")
            if newline:
                self.data = rest
                if not self.skips:
                    return line.decode("utf-8", "replace")
                self.skips = False
                return "a line that is too long"
            if len(self.data) > LONGEST:
                self.data, self.skips = b"", True
            more = await trio.to_thread.run_sync(_read, abandon_on_cancel=True)
            if not more:
                raise StopAsyncIteration
            self.data += more


def _read() -> bytes:
    """Return what stdin has next; nothing at its end, or if it is lost."""
    try:
        return os.read(0, _PIECE)
    except OSError:
        return b""
