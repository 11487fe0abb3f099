"""A client of websockets over a real socket, which can also be slow, mute or rude."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

from support.waiting import DEADLINE


class Refused(Exception):
    """The server has not taken the websocket; `status` is its answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Socket:
    """An open websocket. `stream` is its connection."""

    def __init__(self, stream: trio.SocketStream, connection: WSConnection) -> None:
        self.stream = stream
        self.connection = connection
        self.parts = ""
        self.closed: int | None = None
        self.protocol: str | None = None

    async def events(self) -> list[Event]:
        """Read once, and return what has come."""
        with trio.fail_after(DEADLINE):
            data = await self.stream.receive_some()
        self.connection.receive_data(data or None)
        return list(self.connection.events())

    async def receive(self) -> Any:
        """Return the next message, as JSON; None when the server has closed."""
        while self.closed is None:
            for event in self.connection.events():
                match event:
                    case TextMessage():
                        self.parts += event.data
                        if event.message_finished:
                            text, self.parts = self.parts, ""
                            return json.loads(text)
                    case Ping():
                        await self.stream.send_all(self.connection.send(event.response()))
                    case CloseConnection():
                        self.closed = event.code
                        return None
            with trio.fail_after(DEADLINE):
                data = await self.stream.receive_some()
            if not data:
                self.closed = 1006
                return None
            self.connection.receive_data(data)
        return None

    async def until(self, kind: str) -> Any:
        """Return the next message of a kind."""
        while True:
            message = await self.receive()
            assert message is not None, f"closed with {self.closed} before `{kind}`"
            if message["type"] == kind:
                return message

    async def send(self, message: object) -> None:
        await self.send_raw(TextMessage(message if isinstance(message, str) else json.dumps(message)))

    async def send_raw(self, event: Message | BytesMessage) -> None:
        await self.stream.send_all(self.connection.send(event))


@asynccontextmanager
async def websocket(
    port: int, path: str = "/ui/ws", protocols: tuple[str, ...] = (), **headers: str
) -> AsyncIterator[Socket]:
    """Open a websocket. Raise Refused if the server refuses it. Underscores in names of headers stand for hyphens."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        connection = WSConnection(ConnectionType.CLIENT)
        extra = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        asked = Request(host=f"127.0.0.1:{port}", target=path, subprotocols=list(protocols), extra_headers=extra)
        await stream.send_all(connection.send(asked))
        socket = Socket(stream, connection)
        while True:
            for event in await socket.events():
                if isinstance(event, RejectConnection):
                    raise Refused(event.status_code)
                if isinstance(event, CloseConnection):
                    raise Refused(event.code)
                if isinstance(event, AcceptConnection):
                    socket.protocol = event.subprotocol
                    yield socket
                    return
