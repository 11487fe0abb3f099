"""A server of the Messages API that answers at once, for `bench/models.py`: `python bench/model_server.py`, its port on stdout.

A request with tools is answered by a tool call until it holds `TURNS` results, any other by a short text in pieces.
"""

from __future__ import annotations

import json
import sys

import trio

TURNS = 20


def _events(blocks: list[tuple[dict[str, object], list[dict[str, object]]]], stop: str) -> bytes:
    message: dict[str, object] = {
        "id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 1},
    }  # fmt: skip
    found: list[dict[str, object]] = [{"type": "message_start", "message": message}]
    for i, (empty, deltas) in enumerate(blocks):
        found.append({"type": "content_block_start", "index": i, "content_block": empty})
        found += [{"type": "content_block_delta", "index": i, "delta": d} for d in deltas]
        found.append({"type": "content_block_stop", "index": i})
    found.append(
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 5}}
    )
    found.append({"type": "message_stop"})
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in found)


TEXT = _events(
    [({"type": "text", "text": ""}, [{"type": "text_delta", "text": f"word{i} "} for i in range(10)])], "end_turn"
)
TOOLS = [
    _events(
        [
            (
                {"type": "tool_use", "id": "t", "name": "echo", "input": {}},
                [{"type": "input_json_delta", "partial_json": json.dumps({"n": n})}],
            )
        ],
        "tool_use",
    )
    for n in range(TURNS)
]


async def _serve(stream: trio.SocketStream) -> None:
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            data = await stream.receive_some(65536)
            if not data:
                return
            buffer += data
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
        while len(buffer) < length:
            buffer += await stream.receive_some(65536)
        body, buffer = buffer[:length], buffer[length:]
        turn = body.count(b"tool_result")
        answer = TOOLS[turn] if b'"tools"' in body and turn < TURNS else TEXT
        await stream.send_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer
        )


async def main() -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, _serve, 0)
        sys.stdout.write(f"{listeners[0].socket.getsockname()[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main)
