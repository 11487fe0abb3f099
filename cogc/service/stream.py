"""The response that sends the messages of a channel as server-sent events.

Many clients that hear the same messages share the run's one thread with the run. So a client is not written to more
often than once in `PACE` seconds for each client there is: with many clients messages are sent in larger portions, and
the run keeps its speed.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import trio
from starlette.types import Message, Receive, Scope, Send

from cogc.run.taps import Said, Tap, Taps

BEAT = 15.0
"""Seconds without a message after which a comment is sent, by which both sides find out that the other has gone."""
PACE = 0.002
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """The events of one client. It ends with its client, or with the run. `run` is the id of the run, and part of each id."""

    def __init__(self, taps: Taps, follow: AbstractContextManager[Tap[Said]], run: str) -> None:
        self.taps = taps
        self.follow = follow
        self.run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if scope["method"] == "HEAD":
            await send(_body(b"", more=False))
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_gone, receive, nursery.cancel_scope)
            await send(_body(b": follows\n\n"))
            with self.follow as tap:
                await self._send(tap, send)
            nursery.cancel_scope.cancel()

    async def _send(self, tap: Tap[Said], send: Send) -> None:
        while True:
            news: tuple[int, list[Said]] | None = (0, [])
            with trio.move_on_after(BEAT):
                news = await tap.take()
            if news is None:
                await send(_body(b"event: end\ndata: {}\n\n", more=False))
                return
            await send(_body(self._events(*news) or b": \n\n"))
            with trio.move_on_after(PACE * self.taps.followers):
                await tap.ended.wait()

    def _events(self, lost: int, items: list[Said]) -> bytes:
        parts = [b'event: lost\ndata: {"lost": %d}\n\n' % lost] if lost else []
        run = self.run.encode()
        parts += [b"id: %s.%d\ndata: %s\n\n" % (run, said.number, said.data) for said in items]
        return b"".join(parts)


async def until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    """Wait until the client has gone, and cancel its answer then."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _body(data: bytes, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
