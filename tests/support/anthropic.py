"""A server of the Messages API over a real socket, which answers, or misbehaves, as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One request; the server's next behaviour answers it."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/count_tokens"):
            self.server.counted.append(body)
            self.send(200, json.dumps({"input_tokens": self.server.tokens}).encode(), "application/json")
            return
        self.server.requests.append(body)
        self.server.headers.append(dict(self.headers))
        with self.server.lock:
            behave = self.server.behaviours.pop(0) if self.server.behaviours else self.server.brain(body)
        try:
            behave(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def do_GET(self) -> None:
        """The list of models, or the next behaviour."""
        with self.server.lock:
            behave = self.server.behaviours.pop(0) if self.server.behaviours else listing(*self.server.models)
        self.server.headers.append(dict(self.headers))
        behave(self)

    def log_message(self, *_: Any) -> None:
        return

    def send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, events: list[dict[str, Any]], close: bool = True) -> None:
        """Server-sent events; the connection's end is the stream's."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        self.close_connection = close


class Server(ThreadingHTTPServer):
    """What it was asked, and how it will answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict[str, Any]] = []
        self.counted: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.behaviours: list[Behaviour] = []
        self.brain: Callable[[dict[str, Any]], Behaviour] = lambda _body: reply("nothing left")
        """What answers a request for which no behaviour is left."""
        self.tokens = 10
        self.models: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def will(self, *behaviours: Behaviour) -> Server:
        self.behaviours += behaviours
        return self


@contextmanager
def serve() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# ---- behaviours ----------------------------------------------------------------------------------------------


def events(blocks: list[dict[str, Any]], stop: str | None, usage: dict[str, int], **extra: Any) -> list[dict[str, Any]]:
    """The events of one streamed message."""
    start = {"input_tokens": usage.pop("input", 10), "output_tokens": 1, **usage}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": start,
    }  # fmt: skip
    found: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for i, block in enumerate(blocks):
        if block["type"] == "text":
            empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
        elif block["type"] == "tool_use":
            empty = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        else:
            empty, delta = (
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": block["thinking"]},
            )
        found += [
            {"type": "content_block_start", "index": i, "content_block": empty},
            {"type": "content_block_delta", "index": i, "delta": delta},
        ]
        if block["type"] == "thinking":
            found.append(
                {
                    "type": "content_block_delta",
                    "index": i,
                    "delta": {"type": "signature_delta", "signature": block["signature"]},
                }
            )
        found.append({"type": "content_block_stop", "index": i})
    if stop is not None:
        found.append(
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None, **extra},
                "usage": {"output_tokens": 5},
            }
        )
        found.append({"type": "message_stop"})
    return found


def reply(text: str, stop: str = "end_turn", **usage: int) -> Behaviour:
    return lambda h: h.stream(events([{"type": "text", "text": text}], stop, usage))


def blocks(*content: dict[str, Any], stop: str = "tool_use", **extra: Any) -> Behaviour:
    return lambda h: h.stream(events(list(content), stop, {}, **extra))


def use(name: str, id: str = "t1", **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def status(code: int, message: str = "no", kind: str = "some_error", **headers: str) -> Behaviour:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    return lambda h: h.send(code, body, "application/json", **headers)


def listing(*names: str) -> Behaviour:
    """A list of models, as both APIs give it."""
    data = [
        {"id": n, "type": "model", "object": "model", "created_at": "2026-01-01T00:00:00Z", "created": 1} for n in names
    ]
    body = {"object": "list", "data": data, "has_more": False, "first_id": None, "last_id": None}
    return lambda h: h.send(200, json.dumps(body).encode(), "application/json")


def raw(body: bytes, kind: str) -> Behaviour:
    return lambda h: h.send(200, body, kind)


def broken_off(text: str) -> Behaviour:
    """A stream that ends without its end."""
    return lambda h: h.stream(events([{"type": "text", "text": text}], None, {}))


def dropped(handler: Handler) -> None:
    """A connection that breaks in the middle of a chunk."""
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"ffff\r\nevent: message_start\n")
    handler.wfile.flush()
    handler.connection.close()
    handler.close_connection = True


def error_event(kind: str) -> Behaviour:
    return lambda h: h.stream([{"type": "error", "error": {"type": kind, "message": "busy"}}])


def silent(handler: Handler) -> None:
    """Takes a request and says nothing until the client goes."""
    handler.connection.settimeout(20)
    with suppress(OSError):
        handler.connection.recv(1)
    handler.close_connection = True
