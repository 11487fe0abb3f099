"""The control socket of a run: a Unix socket in the run's folder, over which people see and steer its agents.

A request is one line of JSON, `{action, id, ...}`. The answer is one line too: `{ok: ...}` or `{error: "..."}`. The
client's side is `run/door.py`.
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
from cogc.run.door import DOOR, address
from cogc.run.session import Session

_LONGEST = 1 << 20
_POLL = 0.05
_LAST_ANSWERS = 1.0
_NEEDS = {"send": ("message",), "spawn": ("agent", "query")}
STEERING = ("cancel", "send", "pause", "resume", "detach", "spawn")


@asynccontextmanager
async def open_door(session: Session, folder: Path) -> AsyncIterator[None]:
    """Answer requests to the run's socket while the body runs. Raise OSError if the socket cannot be made."""
    path = folder / DOOR
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        with address(path) as name:
            made.bind(name)
        os.chmod(path, 0o600)
        made.listen(16)
        made.setblocking(False)
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(made.dup()))
        closing = trio.Event()
        answer = partial(_answer, session, closing)
        try:
            async with trio.open_nursery() as asked:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(partial(trio.serve_listeners, answer, [listener], handler_nursery=asked))
                    yield
                    closing.set()
                    nursery.cancel_scope.cancel()
                asked.cancel_scope.deadline = trio.current_time() + _LAST_ANSWERS
        finally:
            path.unlink(missing_ok=True)


async def _answer(session: Session, closing: trio.Event, stream: trio.abc.Stream) -> None:
    """Answer one request. The client may be gone before its answer."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async with stream:
            data = b""
            while b"\n" not in data and len(data) < _LONGEST:
                more = await stream.receive_some(65536)
                if not more:
                    return
                data += more
            try:
                answer: dict[str, Any] = {"ok": await _do(session, closing, json.loads(data))}
            except (Failure, TypeError) as refused:
                answer = {"error": refused.message if isinstance(refused, Failure) else str(refused)}
            except (ValueError, KeyError) as error:
                answer = {"error": f"this is no request: {error}"}
            await stream.send_all(json.dumps(plain(answer)).encode() + b"\n")


async def _do(session: Session, closing: trio.Event, request: dict[str, Any]) -> Any:
    """Carry out a request and return the result. Raise Failure or TypeError if it is refused."""
    kernel, action, id = session.kernel, request["action"], str(request.get("id", ""))
    if action == "list":
        records = kernel.models.registry.list(request.get("role"), request.get("status"))
        return [steering.status(kernel, r.id) for r in records]
    if action == "status":
        return steering.status(kernel, id)
    if action == "wait":
        return await _wait(session, closing, id)
    if action == "teams":
        return steering.of_kind(kernel, "team")
    if action == "guide":
        return await session.steer("guide", id, request["data"])
    if action not in STEERING:
        raise Failure("error", f"there is no action {action!r}")
    data = {k: str(request[k]) for k in _NEEDS.get(action, ())}
    return await session.steer(action, id, data)


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
