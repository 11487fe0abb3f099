"""A small MCP server, over stdio or, with a port as argument, over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from mcp.server import MCPServer

server = MCPServer("notes", log_level="ERROR")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def note(title: str, tags: list[str]) -> dict[str, Any]:
    """Makes a note."""
    return {"title": title, "tags": tags}


@server.tool()
def broken() -> str:
    """Fails."""
    raise ValueError("boom")


@server.tool()
def die() -> str:
    """Ends the server in the middle of a call."""
    os._exit(3)


@server.tool()
def fork(mark: str) -> str:
    """Leaves a process behind."""
    subprocess.Popen(["sleep", mark], start_new_session=True)
    return "left"


@server.tool()
def secret() -> str:
    """What the environment holds."""
    return os.environ.get("NOTES_TOKEN", "nothing")


if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    server.run()
