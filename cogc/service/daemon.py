"""The process of a runtime: a run without coglets that stays, and the server over which it takes requests."""

from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import trio
from starlette.applications import Starlette

from cogc import ir
from cogc.kernel.effects import LogLine
from cogc.run.build import build_session
from cogc.run.instance import Instance
from cogc.run.journal import EVERY, VERSION, Journal
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from cogc.service.guard import Access, Limits
from cogc.service.host import host
from cogc.service.loading import Allowed
from cogc.service.runtime import Runtime
from cogc.service.runtime_routes import application, routes
from cogc.service.server import serving


class Hears(Protocol):
    """Takes the records of a runtime, and learns of the programs that come into it."""

    def take(self, records: list[dict[str, Any]]) -> None: ...
    def learn(self, bundle: ir.Bundle) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The parts of a runtime: the settings of its programs, its folder, its files, its seed, and who hears what.

    `seed` is None for ids that are drawn anew in each process. `say` takes lines for the people who run the server. A runtime with an
    `instance` is durable; `begun` is what its command line has begun it with, `every` and `share` say how often its journal begins anew (`Compaction`). `hears` takes the records of its trace, and learns of the programs
    that come into it.
    """

    settings: Settings
    allowed: Allowed
    folder: str
    run: str
    epoch: int
    seed: int | None = None
    trace: TraceWriter | None = None
    journal: BinaryIO | None = None
    on_log: Callable[[LogLine], None] | None = None
    say: Callable[[str], object] = lambda _line: None
    instance: Instance | None = None
    begun: dict[str, Any] | None = None
    hears: Hears | None = None
    every: int = EVERY
    share: int = 1


def make(setup: Setup) -> Runtime:
    """Return a runtime that has not begun. Raise OSError if the journal of its instance cannot be written."""
    unit, instance = host(), setup.instance
    seed = setup.seed if setup.seed is not None else random.SystemRandom().getrandbits(32)
    draws = random.Random(f"{seed}/ids") if setup.seed is not None else random.SystemRandom()
    head: dict[str, Any] = {"runtime": True, "run": setup.run, "seed": seed, "epoch": setup.epoch, "version": VERSION}
    recording = None if instance is None else instance.recording
    trace = setup.trace
    if instance is None:
        sinks = Sinks(trace, None if setup.journal is None else Journal(setup.journal, head))
    else:
        own = {**head, "begun": setup.begun, "runs": instance.runs + 1}
        journal = instance.journal(own)
        if setup.journal is not None:
            journal.copy = instance.copy_to(setup.journal)
        compaction = instance.compaction(own, setup.journal is not None, setup.every, setup.share)
        sinks = Sinks(trace, journal, None, instance.sync, recording, compaction)
    if recording is not None:
        head = recording.head

    def resumed(begun_again: int) -> None:
        assert recording is not None
        calls = "1 call was" if begun_again == 1 else f"{begun_again} calls were"
        setup.say(f"run {head['run']} goes on after {recording.length} events; {calls} under way")

    options = RunOptions(
        seed=head["seed"], epoch=head["epoch"], run=head["run"], stay=True, on_log=setup.on_log, on_resumed=resumed,
        on_records=None if setup.hears is None else setup.hears.take,
    )  # fmt: skip
    session = build_session(unit, options, setup.settings, sinks)
    if trace is not None:
        trace.hear_parts(session.kernel.trace)
    learn = None if setup.hears is None else setup.hears.learn
    return Runtime(session, setup.allowed, lambda: f"{draws.getrandbits(16):04x}", setup.folder, learn)


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
    session, opens = runtime.session, trio.Event()

    async def begun() -> None:
        await session.begun.wait()
        await runtime.revived()
        opens.set()
        ready()

    async with (
        serving(application_of(runtime), sockets, Access(), Limits(), say, opens),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(begun)
        try:
            await session.run()
        finally:
            nursery.cancel_scope.cancel()
            runtime.close()
            trace = session.sinks.trace
            failed = "" if trace is None else trace.close()
            if failed:
                say(failed)
    return session
