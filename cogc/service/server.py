"""An HTTP/1.1 server inside of a run: hypercorn's protocol and connections under Trio, with bounds of our own.

A server is open while the body of `serving` runs, in the nursery of its caller. When the body has ended, the server takes
no connection any more, connections without a request are closed, answers under way have `Limits.grace` seconds, and then every
connection is closed, whatever its client does.

Five things of hypercorn's are changed here. By the first four a client could hold a server, by the last one deceive it:

- It shields each write from cancellation without a deadline. So a client that never reads would hold the end of the
  server for ever. Here a write has a deadline, which the end of the server brings near.
- A connection whose client has gone waits for its route for ever. Here it waits for the time of an idle connection.
- An exception of one connection that is no OSError ends all of them. Here it ends its connection.
- It goes over to HTTP/2 when a client asks for that, which has bounds of its own. Here HTTP/1.1 is all there is.
- It takes a request with a length and chunks by its chunks, and goes on with the connection. Here it is refused.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import h11
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState, H11SendableEvent, LifespanState
from hypercorn.utils import parse_socket_addr
from starlette.applications import Starlette

from cogc.service.guard import Access, Guard, Limits, words_of

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b'connection: close\r\ncontent-length: 47\r\n\r\n{"detail":"there are too many connections now"}'
)
_MARGIN = 0.3
"""Seconds behind the grace after which the end of a server waits for no write any more."""

Say = Callable[[str], object]
"""Takes a line for the people who run the server."""


class Server:
    """A server that is open. `closing` is set when it begins to end: streams should end by themselves then."""

    def __init__(self, app: Starlette, access: Access, limits: Limits, say: Say) -> None:
        self.app = ASGIWrapper(Guard(app, access, limits, say))  # type: ignore[arg-type]  # hypercorn has types of its own for ASGI
        self.limits = limits
        self.say = say
        self.closing = trio.Event()
        self.context = WorkerContext(None)
        self.config = _config(limits)
        self.connections = 0
        self.open: dict[_Connection, None] = {}
        self.writes: set[trio.CancelScope] = set()
        self.end = float("inf")
        self._said: set[str] = set()

    async def connection(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end. Nothing that it does ends another one."""
        self.connections += 1
        try:
            if self.connections > self.limits.connections:
                with trio.move_on_after(_MARGIN):
                    await stream.send_all(_BUSY)
                return
            made = _Connection(self, stream)
            self.open[made] = None
            try:
                await made.run()
            finally:
                del self.open[made]
        except* (
            trio.BrokenResourceError,
            trio.BusyResourceError,
            trio.ClosedResourceError,
            OSError,
            h11.ProtocolError,
        ):
            pass
        except* Exception as error:
            self._say_once(f"a connection was closed: {words_of(error)}")
        finally:
            self.connections -= 1
            stream.socket.close()

    def _say_once(self, line: str) -> None:
        """Say what went wrong with a connection, each thing once: a client can make it go wrong again and again."""
        if line not in self._said and len(self._said) < 100:
            self._said.add(line)
            self.say(line)

    def close(self) -> float:
        """Begin to end. Return the instant at which every connection is closed."""
        self.closing.set()
        now = trio.current_time()
        self.end = now + self.limits.grace + _MARGIN
        for write in self.writes:
            write.deadline = min(write.deadline, self.end)
        for made in self.open:
            made.end_if_idle()
        return now + self.limits.grace


def _config(limits: Limits) -> Config:
    """Return hypercorn's settings. Without loggers it writes nothing."""
    config = Config()
    config.accesslog = config.errorlog = None
    config.h11_max_incomplete_size = limits.head
    config.keep_alive_timeout = limits.idle
    config.websocket_max_message_size = limits.body
    config.websocket_ping_interval = limits.idle + 5  # a client that has gone acknowledges no ping (`address.listen`)
    config.include_server_header = False
    return config


class _Protocol(H11Protocol):
    """HTTP/1.1 and nothing else. What is sent to a client that has gone is dropped."""

    async def _check_protocol(self, event: h11.Request) -> None:
        """Stay with HTTP/1.1, also if the client asks for another protocol. Refuse a request whose length a proxy in front of this server may
        read in another way (RFC 9112, 6.1), and end its connection: what comes behind it may be its body, or another request."""
        names = [name for name, _ in event.headers]
        if b"transfer-encoding" in names and (b"content-length" in names or event.http_version < b"1.1"):
            await self._send_error_response(400)
            await self.send(Closed())
            raise h11.RemoteProtocolError("the length of the request is told in two ways")

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        with suppress(h11.LocalProtocolError):
            await super()._send_h11_event(event)


class _Connection(TCPServer):
    """One connection, whose writes have a deadline."""

    def __init__(self, server: Server, stream: trio.SocketStream) -> None:
        super().__init__(server.app, server.config, server.context, LifespanState(), stream)  # type: ignore[arg-type]  # a stream without TLS
        self.server = server

    async def run(self) -> None:
        plain: trio.SocketStream = self.stream  # type: ignore[assignment]
        try:
            peer = parse_socket_addr(plain.socket.family, plain.socket.getpeername())
            own = parse_socket_addr(plain.socket.family, plain.socket.getsockname())
            async with trio.open_nursery() as nursery:
                self._task_group = tasks = TaskGroup()
                tasks._nursery = nursery
                state = ConnectionState(self.state)
                self.protocol = _Protocol(  # type: ignore[assignment]  # in the place of a choice of protocols
                    self.app, self.config, self.context, tasks, state, False, peer, own, self.protocol_send
                )
                await self.idle_task.restart(tasks, self._idle_timeout)
                await self._read_data()
                await self.idle_task.stop()
                self._tasks.deadline = trio.current_time() + self.server.limits.idle
        finally:
            await self._close()

    @property
    def _tasks(self) -> trio.CancelScope:
        """The scope of the reader and the routes of this connection."""
        nursery = self._task_group._nursery
        assert nursery is not None
        return nursery.cancel_scope

    def end_if_idle(self) -> None:
        """Close the connection if it has no request, or not the whole head of one."""
        protocol: object = self.protocol
        if isinstance(protocol, _Protocol) and protocol.stream is None:
            self._tasks.cancel()

    async def protocol_send(self, event: Event) -> None:
        match event:
            case RawData():
                await self._write(event.data)
            case Closed():
                await self._close()
                await self.protocol.handle(Closed())
            case Updated():
                if event.idle:
                    await self.idle_task.restart(self._task_group, self._idle_timeout)
                else:
                    await self.idle_task.stop()

    async def _write(self, data: bytes) -> None:
        """Send data as a whole, or close the connection: a half of a message is worse than none."""
        server = self.server
        async with self.send_lock:
            deadline = min(trio.current_time() + server.limits.idle, server.end)
            write = trio.CancelScope(shield=True, deadline=deadline)
            server.writes.add(write)
            try:
                with write:
                    await self.stream.send_all(data)
                    return
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
                pass  # busy: it is being closed
            finally:
                server.writes.discard(write)
        self.stream.socket.close()
        self._tasks.cancel()
        await self.protocol.handle(Closed())


@asynccontextmanager
async def serving(
    app: Starlette,
    sockets: list[socket.socket],
    access: Access,
    limits: Limits,
    say: Say,
    begun: trio.Event | None = None,
) -> AsyncIterator[Server]:
    """Serve an application on listening sockets while the body runs. `say` gets lines about faults. Connections are taken from `begun`
    on, if it is given; those that come earlier wait."""
    server = Server(app, access, limits, say)
    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(made)) for made in sockets]

    async def accept() -> None:
        if begun is not None:
            await begun.wait()
        await trio.serve_listeners(server.connection, listeners, handler_nursery=connections)

    was_collecting = False
    try:
        async with (
            app.router.lifespan_context(app),
            trio.open_nursery() as connections,
            trio.open_nursery() as accepting,
        ):
            accepting.start_soon(accept)
            try:
                yield server
            finally:
                was_collecting = gc.isenabled()
                gc.disable()  # the end of a thousand connections would have it look at all that lives, again and again
                connections.cancel_scope.deadline = server.close()
                await server.context.terminated.set()
                accepting.cancel_scope.cancel()
    finally:
        if was_collecting:
            gc.enable()
