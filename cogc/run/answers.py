"""Answers of people to a question of a run, over a socket that lies beside the question in the state folder.

No sandbox reaches the state folder, and its socket has the mode 0600. The kernel names who is at the other end: an answer of
another user, and one of a program that the run itself has started, is refused. No file that appears is an answer.

A request is one line of JSON, `{"answer": TEXT}`. So is its answer: `{"ok": true}`, or `{"error": "..."}`. `answer_over`
is the side of `cogc answer`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import trio

from cogc.run.control_client import ask
from cogc.run.local_server import PATIENCE, line_of, read_line
from cogc.run.peers import Peer, person_at


async def answered(
    listener: trio.SocketListener,
    value_of: Callable[[str, Peer], Any],
    record: Callable[[str, Peer], None] = lambda _text, _peer: None,
) -> tuple[Any, str, Peer]:
    """Serve a listener until somebody gives an answer that fits; return its value, its text, and who gave it.

    `value_of` returns the value that a text stands for, or raises ValueError with what would be one. `record` writes an answer down
    before it is acknowledged.
    """
    found: list[tuple[Any, str, Peer]] = []
    async with trio.open_nursery() as nursery:
        serve = partial(_take, value_of, record, found, nursery.cancel_scope)
        await trio.serve_listeners(serve, [listener], handler_nursery=nursery)
    return found[0]


async def _take(
    value_of: Callable[[str, Peer], Any],
    record: Callable[[str, Peer], None],
    found: list[tuple[Any, str, Peer]],
    scope: trio.CancelScope,
    stream: trio.SocketStream,
) -> None:
    """Take one answer from a client, which may disconnect, be slow, or send something else."""
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(PATIENCE):
        async with stream:
            try:
                peer = person_at(stream, "the question")
                text = _text(await read_line(stream))
                given = (value_of(text, peer), text, peer)
                if found:
                    raise ValueError("there already: somebody else was faster")
            except PermissionError as refused:
                await stream.send_all(line_of({"error": str(refused)}))
                return
            except ValueError as wrong:
                await stream.send_all(line_of({"error": f"the answer is {wrong}"}))
                return
            record(text, peer)
            found.append(given)
            with suppress(trio.BrokenResourceError):
                await stream.send_all(line_of({"ok": True}))
    if found:
        scope.cancel()


def _text(line: bytes) -> str:
    """Return the text of an answer. Raise ValueError if the request is malformed."""
    try:
        found = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.keys() != {"answer"} or not isinstance(found["answer"], str):
        raise ValueError('`{"answer": TEXT}`, a line of JSON')
    text: str = found["answer"]
    text.encode("utf-8")  # half of a surrogate pair is a ValueError too
    return text


def answer_over(path: Path, text: str) -> str:
    """Give an answer; return why it was refused, or nothing. Raise OSError if nobody listens there."""
    return str(ask(path, {"answer": text}).get("error", ""))
