"""The health endpoint of a machine: `GET /healthz` answers 200 while the blackboard answers and the agent is well, else 503.

The protocol is h11's. One connection serves one request.
"""

from __future__ import annotations

from functools import partial

import h11
import trio

from cogc.sett.board import Board

_LIMIT = 10.0


class Condition:
    """The condition of a machine: why its agent is not well, or nothing. `known` is set once that was looked at."""

    def __init__(self) -> None:
        self.illness = ""
        self.known = trio.Event()

    def tell(self, illness: str) -> None:
        """Take note of the outcome of a health check."""
        self.illness = illness
        self.known.set()


async def serve(
    board: Board,
    condition: Condition,
    host: str,
    port: int,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer requests until cancelled. `task_status` is started with the port. Raise OSError if the address cannot
    be used."""
    listeners = await trio.open_tcp_listeners(port, host=host)
    task_status.started(listeners[0].socket.getsockname()[1])
    await trio.serve_listeners(partial(_answer, board, condition), listeners)


async def _answer(board: Board, condition: Condition, stream: trio.SocketStream) -> None:
    """Answer one request on one connection. A client that is slow or gone is dropped."""
    with trio.move_on_after(_LIMIT):
        async with stream:
            try:
                await _exchange(board, condition, stream)
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.ProtocolError):
                return


async def _exchange(board: Board, condition: Condition, stream: trio.SocketStream) -> None:
    """Read one request and write its response."""
    connection = h11.Connection(h11.SERVER)
    request: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(4096))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage) or request is None:
            break
    if request is None:
        return
    status, body = await _status(board, condition, request)
    headers = [("content-type", "text/plain"), ("content-length", str(len(body))), ("connection", "close")]
    for part in (h11.Response(status_code=status, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
        if isinstance(part, h11.Data) and request.method == b"HEAD":
            continue
        await stream.send_all(connection.send(part) or b"")


async def _status(board: Board, condition: Condition, request: h11.Request) -> tuple[int, bytes]:
    """Return the status and the body for a request."""
    if request.target.partition(b"?")[0] != b"/healthz":
        return 404, b"not found\n"
    if request.method not in (b"GET", b"HEAD"):
        return 405, b"GET\n"
    try:
        with trio.fail_after(5):
            await board.ping()
    except (ConnectionError, trio.TooSlowError) as error:
        return 503, f"{error or 'the blackboard does not answer'}\n".encode()
    if condition.illness:
        return 503, f"{condition.illness}\n".encode()
    return 200, b"ok\n"
