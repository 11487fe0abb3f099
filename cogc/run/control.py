"""The control socket of a run: a Unix socket in the run's folder, over which people see and steer its agents.

A request is one line of JSON, `{action, id, ...}`. The answer is one line too: `{ok: ...}` or `{error: "..."}`. `run/control_requests.py` has
the requests. The client's side is `run/control_client.py`.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import trio

from cogc.kernel.models import steering
from cogc.language.values import Failure, plain
from cogc.run.control_client import SOCKET, address
from cogc.run.control_requests import ACTIONS, LONGEST, read_request
from cogc.run.peers import Peer, peer_at
from cogc.run.session import Session

CLIENTS = 64
"""How many requests are answered at once; `wait` takes as long as it takes."""
PATIENCE = 10.0
"""Seconds in which a client has to send its request, and to read the answer."""
_HURRY = 0.2
_DRAINED = 16
_POLL = 0.05
_LAST_ANSWERS = 1.0


@asynccontextmanager
async def answer_requests(session: Session, folder: Path) -> AsyncIterator[None]:
    """Answer requests to the run's socket while the body runs. Raise OSError if the socket cannot be made."""
    path = folder / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        with address(path) as name:
            made.bind(name)
        os.chmod(path, 0o600)
        made.listen(16)
        made.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(made.dup()))
        server = _Server(session)
        try:
            async with trio.open_nursery() as asked:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(partial(trio.serve_listeners, server.answer, [listener], handler_nursery=asked))
                    yield
                    server.closing.set()
                    nursery.cancel_scope.cancel()
                asked.cancel_scope.deadline = trio.current_time() + _LAST_ANSWERS
        finally:
            path.unlink(missing_ok=True)


class _Server:
    """The socket of one run. `clients` counts those that are being answered."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.closing = trio.Event()
        self.clients = 0

    async def answer(self, stream: trio.SocketStream) -> None:
        """Answer one request. Neither the request nor its client can end or hold the run: the client may be gone before
        its answer, never finish its request, or never read."""
        self.clients += 1
        try:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                async with stream:
                    answer = await self._answer(stream)
                    with trio.move_on_after(PATIENCE if self.clients <= CLIENTS else _HURRY):
                        await stream.send_all(json.dumps(plain(answer)).encode() + b"\n")
                        await _drain(stream)
        finally:
            self.clients -= 1

    async def _answer(self, stream: trio.SocketStream) -> dict[str, Any]:
        if self.clients > CLIENTS:
            return {"error": "too many requests are being answered: ask again later"}
        try:
            peer = peer_at(stream, "the run")
        except PermissionError as refused:
            return {"error": str(refused)}
        line = b""
        with trio.move_on_after(PATIENCE) as reading:
            line = await _line(stream)
        if reading.cancelled_caught:
            return {"error": "the request did not come to its end"}
        try:
            return {"ok": await _do(self.session, self.closing, read_request(line, ACTIONS), peer)}
        except (Failure, TypeError) as refused:
            return {"error": refused.message if isinstance(refused, Failure) else str(refused)}
        except Exception as error:  # a fault of cogc fails the request, and not the run
            return {"error": f"internal: {type(error).__name__}: {error}"}


async def _drain(stream: trio.SocketStream) -> None:
    """Take what the client has sent besides its request: a socket that is closed with unread data drops the answer."""
    await stream.send_eof()
    for _ in range(_DRAINED):
        if not await stream.receive_some(65536):
            return


async def _line(stream: trio.SocketStream) -> bytes:
    """Read a request: up to the end of the first line, of what the client sends, or of what a request may have."""
    data = b""
    while b"\n" not in data and len(data) <= LONGEST:
        more = await stream.receive_some(65536)
        if not more:
            break
        data += more
    return data.partition(b"\n")[0] if b"\n" in data else data


async def _do(session: Session, closing: trio.Event, request: dict[str, Any], peer: Peer) -> Any:
    """Carry out a request of somebody and return the result. Raise Failure or TypeError if it is refused."""
    kernel, action, id = session.kernel, request.pop("action"), request.pop("id", "")
    if action == "list":
        records = kernel.models.registry.list(request.get("role"), request.get("status"))
        return [steering.status(kernel, r.id) for r in records]
    if action == "status":
        return steering.status(kernel, id)
    if action == "wait":
        return await _wait(session, closing, id)
    if action == "teams":
        return steering.of_kind(kernel, "team")
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
