"""An MCP server whose tools ask a person, over stdio or, with a port as argument, over HTTP (stateless)."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from mcp.server import MCPServer
from mcp.server.elicitation import AcceptedElicitation, CancelledElicitation, DeclinedElicitation
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Elicit, Resolve
from pydantic import BaseModel

server = MCPServer("asking", log_level="ERROR")


class Seats(BaseModel):
    """What a booking needs to know."""

    seats: int
    window: bool
    meal: Literal["fish", "none"] = "none"


Outcome = AcceptedElicitation[Seats] | DeclinedElicitation | CancelledElicitation


async def asked(day: str) -> Elicit[Seats]:
    return Elicit(f"Seats on {day}?", Seats)


@server.tool()
async def book(day: str, seats: Annotated[Outcome, Resolve(asked)]) -> str:
    """Books seats; asks a person how many."""
    if not isinstance(seats, AcceptedElicitation):
        return seats.action
    return f"{seats.data.seats} on {day}, window {seats.data.window}, {seats.data.meal}"


@server.tool()
async def version(ctx: Context) -> str:  # type: ignore[type-arg]
    """The version of the protocol that is spoken."""
    return str(ctx.request_context.protocol_version)


if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]), stateless_http=True)
else:
    server.run()
