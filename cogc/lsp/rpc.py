"""JSON-RPC 2.0 in the frames of the Language Server Protocol, over two file descriptors.

`Channel.next` gives one message after the other. All that has arrived is read before the first message is handed out, so that a
request that was cancelled meanwhile is known to be.
"""

from __future__ import annotations

import json
import os
import re
import select
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Message: TypeAlias = dict[str, Any]
    """JSON, as the protocol defines it."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
INTERNAL_ERROR, NOT_INITIALIZED, CANCELLED, REQUEST_FAILED = -32603, -32002, -32800, -32803
_MOST = 64 << 20
"""The bytes of the largest message that is read."""
_PATIENCE = 2.0
"""The seconds after which the server looks again whether the editor is there."""
_LENGTH = re.compile(rb"content-length:[ \t]*([0-9]{1,9})[ \t]*\Z", re.IGNORECASE)
"""The header that counts. The body of a frame that could not be read may stand in front of it."""


def _refuse(word: str) -> object:
    raise ValueError(f"`{word}` is no JSON")


def _is_message(message: Message) -> bool:
    """Return whether a message is a request, a notification or an answer: its id is a number or a text, its method a text."""
    id = message.get("id")
    if isinstance(id, bool) or not isinstance(id, int | str | None):
        return False
    return isinstance(message["method"], str) if "method" in message else "id" in message


class Failure(Exception):
    """A request that is answered by an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # it is another user's
    return True


class Channel:
    """The two descriptors, and the messages that have arrived."""

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._buffer = bytearray()
        self._waiting: deque[Message] = deque()
        self._open = True
        self._parent = 0
        self.cancelled: set[int | str] = set()

    def next(self, wait: bool) -> Message | None:
        """Return the next message; None at the end of the input, or if there is none yet and `wait` is false."""
        while self._open and (not self._waiting or self._readable()):
            if not self._waiting and not self._readable():
                if not wait:
                    return None
                if not self._arrives():
                    self._open = False
                    break
            data = os.read(self._source, 1 << 16)
            if not data:
                self._open = False
            self._buffer += data
            self._take()
        return self._waiting.popleft() if self._waiting else None

    def follow(self, process: int) -> None:
        """End the input when a process ends, if there is one of this number: that of an editor on another machine is none here."""
        self._parent = process if process > 0 and _runs(process) else 0

    def _arrives(self) -> bool:
        """Wait for input, and return whether there is any: its end counts, and that of the process that is followed does not."""
        while not self._readable(_PATIENCE if self._parent else None):
            if not _runs(self._parent):
                return False
        return True

    @property
    def ended(self) -> bool:
        return not self._open and not self._waiting

    def _readable(self, seconds: float | None = 0) -> bool:
        return bool(select.select([self._source], [], [], seconds)[0])

    def _take(self) -> None:
        """Move whole frames from the buffer to the messages."""
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            lines = bytes(self._buffer[:end]).split(b"\r\n")
            lengths = [int(found[1]) for line in lines if (found := _LENGTH.search(line))]
            if not lengths or lengths[0] > _MOST:
                del self._buffer[: end + 4]  # no frame: go on behind the headers
                self.error(None, PARSE_ERROR, "a frame without a fit Content-Length")
                continue
            if len(self._buffer) < end + 4 + lengths[0]:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + lengths[0]])
            del self._buffer[: end + 4 + lengths[0]]
            self._add(body)
        if len(self._buffer) > _MOST:
            self._buffer.clear()

    def _add(self, body: bytes) -> None:
        try:
            message = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            self.error(None, PARSE_ERROR, "a message that is no JSON")
            return
        if not isinstance(message, dict) or not _is_message(message):
            self.error(None, INVALID_REQUEST, "a message that is neither request nor notification")
        elif message.get("method") == "$/cancelRequest":
            given = message.get("params")
            wanted = given.get("id") if isinstance(given, dict) else None
            if wanted is not None and any("method" in m and m.get("id") == wanted for m in self._waiting):
                self.cancelled.add(wanted)
        else:
            self._waiting.append(message)

    # ---- to the client ---------------------------------------------------------------------------------------

    def result(self, id: int | str | None, result: object) -> None:
        self._send({"jsonrpc": "2.0", "id": id, "result": result})

    def error(self, id: int | str | None, code: int, message: str) -> None:
        self._send({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})

    def request(self, id: str, method: str, params: object) -> None:
        self._send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})

    def notify(self, method: str, params: object) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def _send(self, message: Message) -> None:
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        data = memoryview(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        while data:
            data = data[os.write(self._target, data) :]
