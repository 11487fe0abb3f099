"""The door over which people decide on the plans that a run holds: a Unix socket in the state folder, asked by `cogc plan`.

It stands open while the run has a store of plans, and the store names it beside each plan that the run holds. The kernel
says who is at the other end; whatever the run itself has started is refused. A request is one line of JSON, checked as a whole
(`ACTIONS`). The answer is `{"ok": true}`, `{"error": "..."}`, or `{"again": true}` if the run has let go of the plan meanwhile.
Who has decided what is written into a file of the state folder, also where no run holds the plan (`record`).
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import trio

from cogc.disk.state_folder import StateFolder
from cogc.language.values import Failure
from cogc.run.control_client import ask, opens
from cogc.run.control_requests import Field, read_request
from cogc.run.local_server import PATIENCE, line_of, listening, read_line
from cogc.run.peers import Peer, person_at, write_down

FOLDER = "plans"
"""The folder of the doors in the state folder."""
DECIDED = "decided.jsonl"
"""The file in it that says who has decided what."""
_COMMON = {"plan": Field(str), "by": Field(str, False)}
_WHY = {**_COMMON, "feedback": Field(str, False)}
ACTIONS = {
    "approve": {**_COMMON, "drop": Field(list, False), "tasks": Field(dict, False)},
    "reject": _WHY,
    "replan": {**_COMMON, "feedback": Field(str)},
    "cancel": _WHY,
}

Take: TypeAlias = Callable[[str, dict[str, Any]], Awaitable[bool]]
"""Takes a decision about a plan; False if the run does not hold it. ValueError says why a decision is refused."""


@asynccontextmanager
async def open_door(state: StateFolder, take: Take) -> AsyncIterator[str]:
    """Take decisions while the body runs; yield the path of the socket. Raise ConnectionError if it cannot be made."""
    with ExitStack() as stack:
        try:
            folder = Path(state.make(FOLDER))
            _remove_stale(folder)
            path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.socket"
            listener = stack.enter_context(listening(path))
        except OSError as error:
            raise ConnectionError(f"no socket for decisions: {error}") from None
        async with trio.open_nursery() as nursery:
            answer = partial(_answer, folder, take)
            nursery.start_soon(partial(trio.serve_listeners, answer, [listener], handler_nursery=nursery))
            yield str(path)
            nursery.cancel_scope.cancel()


def _remove_stale(folder: Path) -> None:
    """Remove the sockets of runs that were killed."""
    for path in folder.glob("*.socket"):
        if not opens(path):
            path.unlink(missing_ok=True)


async def _answer(folder: Path, take: Take, stream: trio.SocketStream) -> None:
    """Answer one request of a client, which may disconnect, be slow, or send something else."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(PATIENCE):
        async with stream:
            await stream.send_all(await _answered(folder, take, stream))


async def _answered(folder: Path, take: Take, stream: trio.SocketStream) -> bytes:
    try:
        peer = person_at(stream, "the decision")
        request: dict[str, Any] = read_request(await read_line(stream), ACTIONS)
        _check_changes(request)
        asked = asked_by(peer, request)
        if not await take(request["plan"], asked):
            return line_of({"again": True})
    except (PermissionError, ValueError, ConnectionError) as refused:
        return line_of({"error": str(refused)})
    except Failure as refused:
        return line_of({"error": refused.message})
    record(folder, request["plan"], asked, peer)
    said = f"{asked['by']} (user {peer.name}, process {peer.pid})"
    sys.stderr.write(f"cogc: plan {request['plan']}: `{asked['action']}` of {said}\n")
    return line_of({"ok": True})


def _check_changes(request: dict[str, Any]) -> None:
    """Raise ValueError unless the changes of an approval are ids of steps and texts."""
    drop, tasks = request.get("drop") or [], request.get("tasks") or {}
    if not all(isinstance(v, str) for v in (*drop, *tasks.values())):
        raise ValueError("`drop` is a list of ids, and `tasks` has a text for each id")


def asked_by(peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
    """Return the decision that somebody asks for: `by` is the name that they give themselves, or else their user's."""
    words = {k: v for k, v in request.items() if k not in ("plan", "by") and v is not None}
    return {**words, "source": "user", "by": request.get("by") or peer.name, "user": peer.name}


def record(folder: Path, plan: str, asked: dict[str, Any], peer: Peer) -> None:
    """Write down who has decided what about a plan."""
    write_down(folder / DECIDED, {"plan": plan, **asked}, peer)


def decide_over(owner: dict[str, Any], request: dict[str, Any]) -> bool:
    """Ask the run that holds a plan for a decision; False if it has let go of the plan, or does not answer (any more).

    Raise ValueError if the decision is refused, or that run cannot be asked from here.
    """
    id, who = request["plan"], f"process {owner['pid']} on {owner['host']}"
    if owner["host"] != socket.gethostname():
        raise ValueError(f"plan {id} is held by a run on another machine ({who}): decide there")
    if not owner.get("door"):
        raise ValueError(f"plan {id} is held by a run that takes no decisions ({who})")
    try:
        answer = ask(Path(owner["door"]), request)
    except OSError:
        return False
    if "error" in answer:
        raise ValueError(answer["error"])
    return "ok" in answer
