"""The control socket of a run: a Unix socket in the run's folder, over which people follow it, send to it, and steer its
agents.

A request is one line of JSON, `{action, ...}`. The answer is one line too: `{ok: ...}` or `{error: "...", kind: "..."}`. To
`observe` and `tail` it is a line `{following: true}`, then `{item: ...}` or `{lost: N}` for each thing that happens, and
`{ok: null}` when the run has ended. `run/control_requests.py` has the requests. The client's side is `run/control_client.py`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import trio

from cogc.kernel.models import steering
from cogc.language.texts import is_internal
from cogc.language.values import Failure
from cogc.run.control_requests import ACTIONS, FOLLOWED, read_request
from cogc.run.inspection import inspect
from cogc.run.local_server import PATIENCE, line_of, read_line
from cogc.run.peers import Peer, peer_at
from cogc.run.session import Session
from cogc.run.taps import Said, Tap
from cogc.run.trace import encoded

CLIENTS = 64
"""How many requests are answered at once; `wait` takes as long as it takes."""
_HURRY = 0.2
_DRAINED = 16
_POLL = 0.05
_LAST_ANSWERS = 1.0
_PACE = 0.05
"""Seconds between two portions of what a client follows: a run that says much is not slowed by writing all of it down."""


@asynccontextmanager
async def answer_requests(session: Session, made: socket.socket, path: Path) -> AsyncIterator[None]:
    """Answer requests to the run's socket while the body runs. The socket, and its folder if nothing else is in it, are gone
    afterwards."""
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(made))
    server = _Server(session)
    try:
        async with trio.open_nursery() as asked:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(server.listen, listener, asked)
                yield
                server.closing.set()
                nursery.cancel_scope.cancel()
            asked.cancel_scope.deadline = trio.current_time() + _LAST_ANSWERS
    finally:
        listener.socket.close()
        with suppress(OSError):
            os.unlink(path)
        with suppress(OSError):  # the folder stays where a trace is in it
            os.rmdir(path.parent)


class _Server:
    """The socket of one run. `clients` counts those that are being answered."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.closing = trio.Event()
        self.clients = 0

    async def listen(self, listener: trio.SocketListener, asked: trio.Nursery) -> None:
        """Take requests from the beginning of the run on: a run that is resumed says again before that what it has said."""
        await self.session.begun.wait()
        await trio.serve_listeners(self.answer, [listener], handler_nursery=asked)

    async def answer(self, stream: trio.SocketStream) -> None:
        """Answer one request. Neither the request nor its client can end or hold the run: the client may be gone before
        its answer, never finish its request, or never read."""
        self.clients += 1
        try:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                async with stream:
                    answer = await self._answer(stream)
                    if answer is not None:
                        with trio.move_on_after(PATIENCE if self.clients <= CLIENTS else _HURRY):
                            await stream.send_all(line_of(answer))
                            await _drain(stream)
        finally:
            self.clients -= 1

    async def _answer(self, stream: trio.SocketStream) -> dict[str, Any] | None:
        """Return the answer to a request, or None for a client that has stopped following."""
        if self.clients > CLIENTS:
            return {"error": "too many requests are being answered: ask again later"}
        try:
            peer = peer_at(stream, "the run")
        except PermissionError as refused:
            return {"error": str(refused)}
        line = b""
        with trio.move_on_after(PATIENCE) as reading:
            line = await read_line(stream)
        if reading.cancelled_caught:
            return {"error": "the request did not come to its end"}
        try:
            request = read_request(line, {**ACTIONS, **FOLLOWED})
            if request["action"] in FOLLOWED:
                return await self._follow(stream, request)
            return {"ok": await _do(self.session, self.closing, request, peer)}
        except Failure as refused:
            return {"error": refused.message, "kind": refused.kind}
        except TypeError as refused:
            return {"error": str(refused)}
        except Exception as error:  # a fault of cogc fails the request, and not the run
            return {"error": f"internal: {type(error).__name__}: {error}"}

    async def _follow(self, stream: trio.SocketStream, request: dict[str, Any]) -> dict[str, Any] | None:
        """Send what happens until the run has ended. Return the last answer, or None if the client is gone or does not read."""
        ended, followed = False, _followed(self.session, request)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_gone, stream, nursery.cancel_scope)
            with followed as tap:
                await stream.send_all(line_of({"following": True}))
                while (news := await tap.take()) is not None:
                    lost, items = news
                    with trio.move_on_after(PATIENCE) as sending:
                        await stream.send_all(b"".join(_lines_of(lost, items)))
                    if sending.cancelled_caught:
                        nursery.cancel_scope.cancel()
                    with trio.move_on_after(_PACE):
                        await tap.ended.wait()
            ended = True
            nursery.cancel_scope.cancel()
        return {"ok": None} if ended else None


def _followed(session: Session, request: dict[str, Any]) -> AbstractContextManager[Tap[Any]]:
    """Return the tap that a request asks for. Raise Failure if there is nothing to follow."""
    kernel, taps = session.kernel, session.taps
    if request["action"] == "tail":
        if kernel.trace is None:
            raise Failure("missing", "the run keeps no trace: start it with --trace, --control or --serve")
        return taps.tail()
    root, channel, path = kernel.root, request["channel"], request.get("path")
    inst = kernel.outer.find(path) if path else root
    if inst is None:
        raise Failure("missing", f"there is no coglet `{path}`" if path else "the run has no coglets yet")
    known = [name for name in inst.code.transmit_names if not is_internal(name)]
    if channel not in known and not inst.code.ir.open:
        names = ", ".join(f"`{name}`" for name in known) or "nothing"
        raise Failure("missing", f"`{inst.code.name}` has no transmit channel `{channel}`: it transmits {names}")
    comes_out = inst is root and not (channel == "log" and inst.code.ir.logged_from >= 0)
    return taps.follow(channel) if comes_out else taps.follow_coglet(inst.path, channel)


def _lines_of(lost: int, items: list[Any]) -> Iterator[bytes]:
    """Yield the lines of what a tap has taken."""
    if lost:
        yield line_of({"lost": lost})
    for item in items:
        yield b'{"item":' + item.data + b"}\n" if isinstance(item, Said) else _record(item)


def _record(record: dict[str, Any]) -> bytes:
    return b'{"item":' + encoded(record) + b"}\n"


async def _gone(stream: trio.SocketStream, scope: trio.CancelScope) -> None:
    """Cancel a scope when the client has closed the connection. What it still sends is dropped."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while await stream.receive_some(65536):
            pass
    scope.cancel()


async def _drain(stream: trio.SocketStream) -> None:
    """Take what the client has sent besides its request: a socket that is closed with unread data drops the answer."""
    await stream.send_eof()
    for _ in range(_DRAINED):
        if not await stream.receive_some(65536):
            return


async def _do(session: Session, closing: trio.Event, request: dict[str, Any], peer: Peer) -> Any:
    """Carry out a request of somebody and return the result. Raise Failure or TypeError if it is refused."""
    kernel, action, id = session.kernel, request.pop("action"), request.pop("id", "")
    if action == "list":
        records = kernel.models.registry.list(request.get("role"), request.get("status"), request.get("parent"))
        return [steering.status(kernel, r.id) for r in records]
    if action == "status":
        return steering.status(kernel, id)
    if action == "wait":
        return await _wait(session, closing, id)
    if action == "teams":
        return steering.of_kind(kernel, "team")
    if action == "input":
        value = session.entries.read(request["channel"], request["text"])
        return {"seq": (await session.entries.send(request["channel"], value)).seq}
    if action == "inspect":
        return inspect(kernel, session.under_way, session.now(), request.get("path") or "")
    return await session.steer(action, id, request["data"] if action == "guide" else request, peer.record())


async def _wait(session: Session, closing: trio.Event, id: str) -> Any:
    """Wait until a sub-agent has ended, or the coglet of an agent is idle. Return its status."""
    status, found = steering.status(session.kernel, id), steering.find(session.kernel, id)
    while not closing.is_set():
        if isinstance(found, tuple):
            if found[1].over:
                break
        elif (status := steering.status(session.kernel, id))["state"] not in ("running", "paused"):
            return status
        with trio.move_on_after(_POLL):
            await closing.wait()
    if isinstance(found, tuple):
        return {**status, **found[1].summary(), "agent_id": id, "result": found[1].result}
    return {**status, "state": "stopped"}
