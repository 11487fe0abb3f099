"""The doors of MCP and A2A under attack: malformed requests of HTTP, and well-formed ones with odd JSON, end no run."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogc.run.session import Session
from support.exported import served, write
from support.http_client import ask, malformed, request, throw

HEAD = {"Content_Type": "application/json", "Accept": "application/json, text/event-stream"}
ODD: list[Any] = [
    None, True, 0, -1, 1.5, 1 << 70, "", "\0\u202e\ud7ff", "a" * 5000, [], [[]], {}, {"": ""}, {"a": {"a": {}}}, [None] * 500,
]  # fmt: skip
METHODS = {
    "/mcp": ["initialize", "tools/call", "tools/list", "tasks/get", "tasks/result", "tasks/cancel", "tasks/update", "server/discover", "notifications/cancelled", "nothing"],
    "/a2a": ["SendMessage", "SendStreamingMessage", "GetTask", "ListTasks", "CancelTask", "SubscribeToTask", "message/send"],
}  # fmt: skip


def odd_calls(path: str, seed: int) -> Iterator[bytes]:
    """Yield 200 requests of JSON-RPC whose parts are odd, the metadata of 2026-07-28 among them."""
    draw = random.Random(seed)
    for _ in range(200):
        told: Any = {
            "messageId": draw.choice(["m", *ODD]), "parts": draw.choice([[{"text": "x"}], [{"data": {"a": 1}}], [draw.choice(ODD)], *ODD]),
            "metadata": draw.choice([{"skill": "add"}, {"skill": "nothing"}, *ODD]), "taskId": draw.choice(["", *ODD]),
        }  # fmt: skip
        meta: Any = {
            "io.modelcontextprotocol/protocolVersion": draw.choice(["2026-07-28", *ODD]),
            "io.modelcontextprotocol/clientCapabilities": draw.choice(
                [{}, {"extensions": {"io.modelcontextprotocol/tasks": {}}}, *ODD]
            ),
            "progressToken": draw.choice(ODD),
        }
        params: Any = draw.choice(
            [
                {"message": draw.choice([told, *ODD]), "configuration": draw.choice([{"historyLength": draw.choice(ODD)}, *ODD])},
                {"name": draw.choice(["add", "greet", *ODD]), "arguments": draw.choice([{"a": draw.choice(ODD)}, *ODD]), "task": draw.choice(ODD), "_meta": meta},
                {"id": draw.choice(ODD), "taskId": draw.choice(ODD), "pageSize": draw.choice(ODD), "pageToken": draw.choice(ODD), "_meta": meta},
                draw.choice(ODD),
            ]
        )  # fmt: skip
        call = {
            "jsonrpc": draw.choice(["2.0", "2.0", *ODD]),
            "id": draw.choice([1, "x", *ODD]),
            "method": draw.choice(METHODS[path]),
            "params": params,
        }
        body = json.dumps(call).encode()
        if draw.random() < 0.1:
            body = body[: draw.randrange(len(body))]
        yield request("POST", path, body, **HEAD, MCP_Protocol_Version=draw.choice(["2026-07-28", "2025-11-25", "1"]))


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/mcp"), ("POST", "/a2a"), ("GET", "/.well-known/agent-card.json")]
)
def test_malformed_requests_end_no_run(tmp_path: Path, method: str, path: str) -> None:
    async def body(port: int, made: Session) -> None:
        good = b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "x"}}' if method == "POST" else b""
        assert await throw(port, malformed(3, method, path, good)) >= 200
        assert (await ask(port, "GET", "/healthz")).status == 200
        assert made.kernel.root is not None and not made.kernel.root.members()

    served(write(tmp_path), body)


@pytest.mark.parametrize("path", list(METHODS))
def test_odd_json_ends_no_run(tmp_path: Path, path: str) -> None:
    async def body(port: int, made: Session) -> None:
        assert await throw(port, odd_calls(path, 11)) == 200
        assert (await ask(port, "GET", "/readyz")).status == 200
        told = {"messageId": "m", "parts": [{"data": {"a": 1}}], "metadata": {"skill": "add"}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": told}}
        found = (await ask(port, "POST", "/a2a", json.dumps(call).encode())).json
        assert found["result"]["task"]["artifacts"][0]["parts"][0]["data"] == 2

    served(write(tmp_path), body)
