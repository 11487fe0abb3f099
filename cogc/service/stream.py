"""The response that sends server-sent events, as they come, to one client."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

import trio
from starlette.types import Message, Receive, Scope, Send

BEAT = 15.0
"""Seconds without an event after which a comment is sent, by which both sides find out that the other has gone."""
PACE = 0.002
"""Seconds for each follower of a run that pass between two portions of a stream."""
Take: TypeAlias = Callable[[], Awaitable[bytes | None]]
"""Waits for events, and returns them as bytes; None at their end. It may be cancelled, and called again."""
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """The events of one client. It ends with its client, or with the events; `last` is sent behind them.

    `events` is entered before the head is sent, so that a client that has the head misses nothing.
    """

    def __init__(self, events: AbstractContextManager[Take], last: bytes = b"") -> None:
        self.events = events
        self.last = last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.events as take:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if scope["method"] == "HEAD":
                await send(_body(b"", more=False))
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(until_gone, receive, nursery.cancel_scope)
                await send(_body(b": follows\n\n"))
                await self._send(take, send)
                nursery.cancel_scope.cancel()

    async def _send(self, take: Take, send: Send) -> None:
        while True:
            found: bytes | None = b": \n\n"
            with trio.move_on_after(BEAT):
                found = await take()
            if found is None:
                await send(_body(self.last, more=False))
                return
            await send(_body(found))


async def pace(followers: int, over: trio.Event) -> None:
    """Wait between two portions of a stream, or until there is nothing more to come.

    Clients that hear the same messages share the run's one thread with the run. So a client is not written to more often than
    once in `PACE` seconds for each client there is: with many clients messages are sent in larger portions, and the run keeps
    its speed.
    """
    with trio.move_on_after(PACE * followers):
        await over.wait()


async def until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    """Wait until the client has gone, and cancel its answer then."""
    await gone(receive)
    scope.cancel()


async def gone(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def number_of(id: str | None, run: str) -> int | None:
    """Return the number behind which a stream goes on, from `Last-Event-ID`: 0 for an id of another run, None for the present."""
    if not id:
        return None
    known, _, number = id.rpartition(".")
    if known != run or not re.fullmatch(r"[0-9]{1,18}", number):
        return 0
    return int(number)


def lost(count: int) -> bytes:
    """Return the event that says how many messages were lost."""
    return b'event: lost\ndata: {"lost": %d}\n\n' % count


def _body(data: bytes, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
