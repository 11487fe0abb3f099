"""Run a program on the Trio shell."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

from cogc.ir import Bundle
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.journal import Event, Journal, read
from cogc.run.replay import replay
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from support.waiting import DEADLINE


def session(
    bundle: Bundle, settings: Settings | None = None, until: Callable[..., bool] | None = None, **options: Any
) -> Session:
    """Run to the end, at most thirty real seconds."""
    sinks = Sinks(*(options.pop(k, None) for k in ("trace", "journal", "states")))
    return finished(
        build_session(Unit(bundle), RunOptions(until=until, **{"keep": None, **options}), settings or Settings(), sinks)
    )


def finished(made: Session) -> Session:
    """Run a session to its end, and return it."""

    async def main() -> None:
        with trio.fail_after(DEADLINE):
            await made.run()

    trio.run(main)
    return made


def staying(
    bundle: Bundle, body: Callable[[Session], Awaitable[None]], *, traced: bool = True, **options: Any
) -> tuple[Session, bytes, bytes]:
    """Run a session that stays while a body works on it, then stop it; return its journal and its trace too."""
    journal, trace = io.BytesIO(), io.BytesIO()
    writer = TraceWriter(trace)
    sinks = Sinks(writer if traced else None, Journal(journal, {"run": "r", "seed": 0, "epoch": 5}))
    given = RunOptions(**{"stay": True, "signals": False, "epoch": 5, "run": "r", "keep": None, **options})
    made = build_session(Unit(bundle), given, Settings(), sinks)

    async def main() -> None:
        with trio.fail_after(DEADLINE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(made.run)
                await body(made)
                made.stop()

    trio.run(main)
    writer.flush()
    return made, journal.getvalue(), trace.getvalue()


def repeated(bundle: Bundle, journal: bytes, folder: Path) -> tuple[Kernel, list[Event], bytes]:
    """Replay a journal; return the kernel, the events, and the trace of the replay."""
    path = folder / "replayed.journal"
    path.write_bytes(journal)
    head, events = read(path)
    kernel, trace = Kernel(Unit(bundle), head["seed"], head["epoch"], True, head["run"]), io.BytesIO()
    writer = TraceWriter(trace)

    def taken(_effects: object) -> None:
        assert kernel.trace is not None
        writer.write(kernel.trace.take())

    replay(kernel, events, taken)
    writer.flush()
    return kernel, events, trace.getvalue()
