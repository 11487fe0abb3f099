"""The exports of a run, for the client of MCP that has started the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cogc.run.session import Session
from cogc.service import mcp_stdio
from cogc.service.export_tools import server_of
from cogc.service.exports import exports_of
from cogc.service.jobs import Jobs


@asynccontextmanager
async def over_stdio(session: Session, wire: mcp_stdio.Wire) -> AsyncIterator[None]:
    """Serve a run over stdin and a wire while the body carries it. It stops when the client has closed stdin."""
    jobs = Jobs(exports_of(session))
    async with jobs.open(), mcp_stdio.over_stdio(server_of(session, jobs), wire, session.stop, session.begun):
        yield
