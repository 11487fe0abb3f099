"""An MCP server over stdio whose list of tools may be kept for a while: `mcp_kept.py MILLISECONDS LOG`. LOG gets a line for each time that
it lists them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.server.caching import CacheHint

LOG = Path(sys.argv[2]).open("a", encoding="utf-8")  # noqa: SIM115 - open as long as the process lives


class Server(MCPServer):
    """A server that notes when its tools are listed."""

    async def list_tools(self, *given: Any, **more: Any) -> Any:
        print("listed", file=LOG, flush=True)
        return await super().list_tools(*given, **more)


server = Server("kept", log_level="ERROR", cache_hints={"tools/list": CacheHint(ttl_ms=int(sys.argv[1]))})


@server.tool()
def find(q: str) -> str:
    """Finds."""
    return q


server.run()
