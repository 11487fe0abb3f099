"""The runtime as a server of MCP: a tool for each request, with the parameters and answers of the routes.

An answer is one text with JSON. A refused request is a result with `isError`, whose text says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import trio
from mcp.server import MCPServer
from mcp_types import CallToolResult, TextContent
from pydantic import Field

from cogc.service import mcp_stdio
from cogc.service.export_tools import ToolServer
from cogc.service.loading import Refused
from cogc.service.runtime import Runtime

NAME = "cogc-runtime"
LONGEST = 600.0
"""The most seconds for which `observe_coglet` waits."""
_Id = Annotated[str, Field(description="Id of a coglet, such as doubler-b2c4.")]
_Channel = Annotated[str, Field(description="Name of a channel.")]
_Data = Annotated[Any, Field(description="Any JSON value.")]


def server(runtime: Runtime) -> ToolServer:
    """Return a server of MCP for a runtime: its requests, and what the specs of its coglets export."""
    made: MCPServer[Any] = MCPServer(NAME, log_level="ERROR")
    own = (*_lives(runtime), *_messages(runtime), *_links(runtime), *_views(runtime))
    for tool in own:
        made.add_tool(tool, structured_output=False)
    runtime.exports.taken = frozenset(t.__name__ for t in own)
    entry = made._lowlevel_server.get_request_handler("tools/call")  # its public method gives no result with `isError`
    assert entry is not None
    return ToolServer(NAME, __doc__.partition("\n\n")[0], runtime.jobs, made.list_tools, entry.handler)  # type: ignore[arg-type]  # the handler of this method


async def over_stdio(runtime: Runtime, wire: mcp_stdio.Wire) -> None:
    """Run a runtime, and serve its tools over stdin and stdout until the client closes stdin, or the runtime ends."""
    begun = runtime.session.begun
    async with (
        runtime.jobs.open(),
        mcp_stdio.over_stdio(server(runtime), wire, runtime.shutdown, begun),
    ):
        try:
            await runtime.session.run()
        finally:
            runtime.close()


Tool = Callable[..., Awaitable[CallToolResult]]


async def _result(give: Callable[[], Awaitable[Any]]) -> CallToolResult:
    """Return the answer of a request, or its refusal, as the result of a tool."""
    try:
        value = await give()
    except Refused as refused:
        return CallToolResult(content=[TextContent(type="text", text=_words(refused.detail))], is_error=True)
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return CallToolResult(content=[TextContent(type="text", text=text)])


def _words(detail: Any) -> str:
    """Return what is wrong as text: diagnostics line by line."""
    if isinstance(detail, str):
        return detail
    return "\n".join(f"{d['path']}:{d['line']}:{d['column']}: {d['message']} [{d['code']}]" for d in detail)


def _lives(runtime: Runtime) -> list[Tool]:
    async def list_cogs() -> CallToolResult:
        """List the coglet folders that can be created by name."""
        return await _result(runtime.cogs)

    async def create_coglet(
        cog_dir: Annotated[
            str, Field(description="Path of a .cog folder, of a spec, or of a coglet: spec.cog:Worker.")
        ],
        settings: Annotated[list[str] | None, Field(description="Parameters, each as NAME=VALUE.")] = None,
    ) -> CallToolResult:
        """Create a coglet, and return its id when its start has ended."""
        return await _result(lambda: runtime.create(cog_dir, settings))

    async def stop_coglet(coglet_id: _Id) -> CallToolResult:
        """Stop a coglet and all below it."""
        return await _result(lambda: runtime.stop(coglet_id))

    async def shutdown_runtime() -> CallToolResult:
        """Stop all coglets, and end the runtime."""

        async def give() -> Any:
            trio.lowlevel.spawn_system_task(_soon, runtime)
            return {"msg": "shutting down"}

        return await _result(give)

    return [list_cogs, create_coglet, stop_coglet, shutdown_runtime]


async def _soon(runtime: Runtime) -> None:
    """Shut down when the client has had time to read the answer."""
    await trio.sleep(0.2)
    runtime.shutdown()


def _messages(runtime: Runtime) -> list[Tool]:
    async def enact_coglet(coglet_id: _Id, command: str, data: _Data = None) -> CallToolResult:
        """Give a coglet a command, and return when its handler has ended."""
        return await _result(lambda: runtime.enact(coglet_id, command, data))

    async def transmit_coglet(coglet_id: _Id, channel: _Channel, data: _Data = None) -> CallToolResult:
        """Push data into a channel of a coglet, and return when its handler has ended."""
        return await _result(lambda: runtime.transmit(coglet_id, channel, data))

    async def observe_coglet(
        coglet_id: _Id,
        channel: _Channel,
        n: Annotated[int, Field(ge=1, le=1000, description="How many messages to wait for.")] = 1,
        timeout: Annotated[float, Field(ge=0, le=LONGEST, description="How many seconds to wait at most.")] = 10.0,  # noqa: ASYNC109  # the name that clients know
    ) -> CallToolResult:
        """Wait for the next messages of a channel, and return those that came in time."""
        return await _result(lambda: _observed(runtime, coglet_id, channel, n, timeout))

    return [enact_coglet, transmit_coglet, observe_coglet]


async def _observed(runtime: Runtime, id: str, channel: str, n: int, seconds: float) -> dict[str, Any]:
    """Return the next messages of a channel."""
    observer, end = runtime.observe(id, channel)
    found: list[Any] = []
    try:
        with trio.move_on_after(seconds):
            while len(found) < n and (values := await observer.next()):
                found += [json.loads(v.text) for v in values]
    finally:
        end()
    return {"channel": channel, "messages": found[:n]}


def _links(runtime: Runtime) -> list[Tool]:
    async def list_channels(coglet_id: _Id) -> CallToolResult:
        """List the channels on which a coglet transmits and to which it listens."""
        return await _result(lambda: _now(lambda: runtime.channels(coglet_id)))

    async def link_channels(src_id: _Id, src_channel: _Channel, dest_id: _Id, dest_channel: _Channel) -> CallToolResult:
        """Link a channel of one coglet to a listen channel of another."""
        return await _result(lambda: runtime.link(src_id, src_channel, dest_id, dest_channel))

    async def unlink_channels(
        src_id: _Id, src_channel: _Channel, dest_id: _Id, dest_channel: _Channel
    ) -> CallToolResult:
        """Remove a link."""
        return await _result(lambda: runtime.unlink(src_id, src_channel, dest_id, dest_channel))

    async def list_links() -> CallToolResult:
        """List all links."""
        return await _result(lambda: _now(runtime.links))

    return [list_channels, link_channels, unlink_channels, list_links]


def _views(runtime: Runtime) -> list[Tool]:
    async def runtime_status() -> CallToolResult:
        """Show the tree, all coglets and all links."""
        return await _result(lambda: _now(runtime.status))

    async def runtime_tree() -> CallToolResult:
        """Show the coglets as a tree of text."""
        return await _result(lambda: _now(runtime.tree))

    async def channel_stats(coglet_id: _Id, channel: str | None = None) -> CallToolResult:
        """Count messages by windows of 1s, 5s, 60s, 1h and 24h; with a channel, show its last ones too."""
        return await _result(lambda: _now(lambda: runtime.stats(coglet_id, channel)))

    async def channel_history(coglet_id: _Id, channel: _Channel, n: int = 10) -> CallToolResult:
        """Return the last messages of a channel, at most 100."""
        return await _result(lambda: _now(lambda: runtime.history(coglet_id, channel, n)))

    async def ui_graph() -> CallToolResult:
        """Show all coglets as nodes, and links and commands as edges."""
        return await _result(lambda: _now(runtime.graph))

    return [runtime_status, runtime_tree, channel_stats, channel_history, ui_graph]


async def _now(give: Callable[[], Any]) -> Any:
    """Return what needs no wait."""
    return give()
