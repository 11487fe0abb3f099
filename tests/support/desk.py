"""A desk that is served while a body asks over HTTP: a real server, real sockets, one process."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio

from cogc.kernel.unit import Unit
from cogc.run.build import build_session
from cogc.run.journal import Journal
from cogc.run.session import RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from cogc.service.address import Address, bound, listen
from cogc.service.doors import Doors, Verifiers
from cogc.service.guard import Access, Limits
from cogc.service.server import serving
from support.specs import build
from support.waiting import DEADLINE, until

DESK = """type Alert = {id: string, text: string, level: int = 1}
coglet Main {
  listen alert: Alert
  listen twice: int
  listen quiet: int
  listen tight: int { capacity: 1 }
  transmit page: string
  transmit number: int
  state seen: int = 0
  on stop { page <- "closing" }
  on alert as a { seen = seen + 1
    page <- "{{ a.id }}: {{ a.text }}" }
  on twice as n { number <- n
    number <- 2 * n
    page <- "{{ n }}" }
  on quiet as n { seen = seen + n }
  on tight as n { seen = seen + n }
}
"""
ALERT = b'{"id": "a", "text": "b"}'
Body = Callable[[int, Session], Awaitable[Any]]


def served(
    body: Body, spec: str = DESK, verifiers: Verifiers = Verifiers(), token: str | None = None, limits: Limits = Limits(idle=2.0, grace=0.3),  # noqa: B008  # frozen
    kept: Sequence[tuple[str, str]] = (),
) -> tuple[Session, bytes, bytes, list[str]]:  # fmt: skip
    """Serve a run while a body asks over HTTP, then stop it. Return it, its journal, its trace, and what the server said."""
    journal, trace = io.BytesIO(), io.BytesIO()
    writer = TraceWriter(trace)
    sinks = Sinks(writer, Journal(journal, {"run": "r", "seed": 0, "epoch": 5}))
    options = RunOptions(stay=True, signals=False, epoch=5, run="r", keep=None)
    made = build_session(Unit(build(spec)), options, Settings(), sinks)
    said = serve(made, body, verifiers, token, limits, kept)
    writer.flush()
    return made, journal.getvalue(), trace.getvalue(), said


def serve(
    made: Session,
    body: Body,
    verifiers: Verifiers,
    token: str | None,
    limits: Limits,
    kept: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Run a session and serve it while a body asks over HTTP, then stop it. Return what the server said."""
    said: list[str] = []

    async def main() -> None:
        listening = listen(Address("127.0.0.1", 0))
        port = bound(listening, "127.0.0.1").port
        doors = Doors(made, "r", verifiers, token is not None, kept)
        access = Access(token, is_open=verifiers.is_open)
        with trio.fail_after(DEADLINE):
            async with (
                serving(doors.application(), [listening], access, limits, said.append),
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(made.run)
                await until(lambda: made.kernel.root)
                await body(port, made)
                made.stop()

    trio.run(main)
    return said
