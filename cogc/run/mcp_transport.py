"""The messages of MCP servers, as cogc lets them reach the SDK's client: what would end the client is put right on the
way.

The client refuses a whole list of tools for one that breaks the protocol. Here each tool is looked at by itself: one
whose schema says no type gets `object`, and one that cannot be used is left out, with the reason.

The client drops a line that it cannot read, so that whoever waits for the answer waits for ever. Here such a line is read again: halves
of surrogate pairs become U+FFFD, and numbers that JSON does not have (NaN, infinities) null. An answer that still is none is an error for
its call. A line that is no message at all is dropped, with one line on stderr.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from cogc.kernel.models.replies import whole
from cogc.language.values import shorten

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
            if isinstance(item, ValueError):  # the SDK hands on what it could not read
                item = _read_again(item)
            if item is not None:
                return self._mended(item)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _mended(self, item: Any) -> Any:
        result = getattr(getattr(item, "message", None), "result", None)
        if isinstance(result, dict) and isinstance(result.get("tools"), list):
            result["tools"] = [t for t in (usable(t, self._left_out) for t in result["tools"]) if t is not None]
        return item


def _read_again(error: ValueError) -> Any:
    """Return the message of a line that the SDK could not read: put right, or an error in its place; None if it is no message."""
    from mcp.shared.message import SessionMessage
    from mcp.types import INTERNAL_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter

    line = _line_of(error)
    try:
        found = whole(json.loads(line, parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("jsonrpc") != "2.0":
        if line.strip():
            sys.stderr.write(f"cogc: mcp: a line of a server is no message, and is dropped: {shorten(line, 80)}\n")
        return None
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_python(found, by_name=False))
    except (ValueError, RecursionError):
        id = found.get("id")
    if not isinstance(id, int | str) or "method" in found:
        sys.stderr.write(f"cogc: mcp: a message of a server breaks the protocol, and is dropped: {shorten(line, 80)}\n")
        return None
    said = ErrorData(code=INTERNAL_ERROR, message="its answer breaks the protocol")
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=id, error=said))


def _line_of(error: ValueError) -> str:
    """Return the line that could not be read, as the error of the SDK has it; empty if it does not."""
    errors = getattr(error, "errors", None)
    inputs = [e.get("input") for e in errors()] if callable(errors) else []
    line = inputs[0] if inputs else ""
    return (
        line.decode("utf-8", "replace")
        if isinstance(line, bytes)
        else line
        if isinstance(line, str)
        else json.dumps(line, default=str)
    )


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
        if record.getMessage().startswith("Failed to parse JSONRPC"):
            return  # `_read_again` says what becomes of it
        sys.stderr.write(f"cogc: mcp: {' '.join(record.getMessage().split())}\n")
