"""The process of a runtime: a run without coglets that stays, and the server over which it takes requests."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

from starlette.applications import Starlette

from cogc.kernel.effects import LogLine
from cogc.run.build import build_session
from cogc.run.journal import VERSION, Journal
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from cogc.service.guard import Access, Limits
from cogc.service.host import host
from cogc.service.loading import Allowed
from cogc.service.runtime import Runtime
from cogc.service.runtime_routes import application, routes
from cogc.service.server import serving

GRACE = 1.0
"""Seconds that answers under way have when the runtime ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The parts of a runtime: the settings of its programs, its folder, its files, its seed, and who hears what.

    `seed` is None for ids that are drawn anew in each process. `say` takes lines for the people who run the server.
    """

    settings: Settings
    allowed: Allowed
    folder: str
    run: str
    epoch: int
    seed: int | None = None
    trace: BinaryIO | None = None
    journal: BinaryIO | None = None
    on_log: Callable[[LogLine], None] | None = None
    say: Callable[[str], object] = lambda _line: None


def make(setup: Setup) -> Runtime:
    """Return a runtime that has not begun."""
    seed = setup.seed if setup.seed is not None else random.SystemRandom().getrandbits(32)
    draws = random.Random(f"{seed}/ids") if setup.seed is not None else random.SystemRandom()
    head = {"run": setup.run, "seed": seed, "epoch": setup.epoch, "version": VERSION}
    session = build_session(
        host(),
        RunOptions(seed=seed, epoch=setup.epoch, run=setup.run, stay=True, on_log=setup.on_log),
        setup.settings,
        Sinks(
            TraceWriter(setup.trace) if setup.trace is not None else None,
            Journal(setup.journal, head) if setup.journal is not None else None,
        ),
    )
    return Runtime(session, setup.allowed, lambda: f"{draws.getrandbits(16):04x}", setup.folder)


def application_of(runtime: Runtime) -> Starlette:
    """Return the application of a runtime: its routes, and `/mcp` where the extra `mcp` is installed."""
    try:
        from cogc.service.export_tools import Endpoint  # MCP is an extra
        from cogc.service.runtime_tools import server
    except ImportError:
        return application(routes(runtime))
    tools = Endpoint(server(runtime))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with runtime.jobs.open(), tools.running():
            yield

    return application(routes(runtime) + tools.routes, lifespan=lifespan)


async def serve(
    runtime: Runtime, sockets: list[socket.socket], say: Callable[[str], object], ready: Callable[[], None]
) -> Session:
    """Run a runtime and serve it until it is stopped. `ready` is called when it takes requests."""
    app = application_of(runtime)
    async with serving(app, sockets, Access(), Limits(grace=GRACE), say):
        ready()
        try:
            await runtime.session.run()
        finally:
            runtime.close()
            trace = runtime.session.sinks.trace
            if trace is not None:
                trace.flush()
    return runtime.session
