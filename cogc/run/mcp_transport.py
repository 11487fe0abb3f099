"""The messages of MCP servers, as cogc lets them reach the SDK's client: what would end the client is put right on the
way.

The client refuses a whole list of tools for one that breaks the protocol. Here each tool is looked at by itself: one
whose schema says no type gets `object`, and one that cannot be used is left out, with the reason. A line that is no
message is dropped; the SDK says so on its logger, and `quiet` makes one line of that.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

Streams = tuple[Any, Any]


@asynccontextmanager
async def mended(
    transport: AbstractAsyncContextManager[Any], left_out: dict[str, str], ended: Callable[[], object]
) -> AsyncIterator[Streams]:
    """Yield the streams of a transport; what it reads is put right. `left_out` gets the reason for each tool that is left out, and
    `ended` is called when nothing more comes from the server."""
    async with transport as streams:
        yield _Reading(streams[0], left_out, ended), streams[1]


class _Reading:
    """A stream of messages from a server, with usable lists of tools and without lines that are no messages."""

    def __init__(self, stream: Any, left_out: dict[str, str], ended: Callable[[], object]) -> None:
        self._stream = stream
        self._left_out = left_out
        self._ended = ended

    async def __aenter__(self) -> _Reading:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._stream.__aexit__(*error)

    def __aiter__(self) -> _Reading:
        return self

    async def __anext__(self) -> Any:
        while True:
            try:
                item = await self._stream.__anext__()
            except StopAsyncIteration:
                self._ended()
                raise
            if not isinstance(item, ValueError):  # the SDK hands on what it could not read
                return self._mended(item)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _mended(self, item: Any) -> Any:
        result = getattr(getattr(item, "message", None), "result", None)
        if isinstance(result, dict) and isinstance(result.get("tools"), list):
            result["tools"] = [t for t in (usable(t, self._left_out) for t in result["tools"]) if t is not None]
        return item


def usable(tool: Any, left_out: dict[str, str]) -> dict[str, Any] | None:
    """Return a tool as the protocol wants it, or None and a reason in `left_out` if it cannot be used."""
    name = tool.get("name") if isinstance(tool, dict) else None
    if not isinstance(name, str) or not name:
        left_out["(unnamed)"] = "it has no name"
        return None
    schema = tool.get("inputSchema", {})
    reason = _unfit(schema)
    if reason:
        left_out[name] = f"the schema of its input {reason}"
        return None
    made = {**tool, "inputSchema": {"type": "object", **schema}}
    if not isinstance(tool.get("description", ""), str):
        del made["description"]
    if "outputSchema" in tool and _unfit(tool["outputSchema"]):
        del made["outputSchema"]
    return made


def _unfit(schema: Any) -> str:
    """Return why a schema cannot describe a record, as the end of a sentence; empty if it can."""
    from jsonschema import Draft202012Validator, SchemaError

    if not isinstance(schema, dict):
        return "is no record"
    if schema.get("type", "object") != "object":
        return f"is of type {schema['type']!r}, not object"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"is wrong: {error.message[:200]}"
    except RecursionError:
        return "nests too deep"
    return ""


def quiet() -> None:
    """Have the SDK's warnings take one line each, on stderr. Its traces are for people who write SDKs."""
    logger = logging.getLogger("mcp")
    if not any(isinstance(h, _Line) for h in logger.handlers):
        logger.addHandler(_Line(logging.WARNING))
        logger.propagate = False


class _Line(logging.Handler):
    """Writes a record as one line."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"cogc: mcp: {' '.join(record.getMessage().split())}\n")
