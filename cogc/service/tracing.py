"""Requests to the doors of a run as spans (`run/contexts.py`): those over HTTP, and calls of tools over MCP.

A request with a valid `traceparent` stands below the span of its sender, another one begins a trace. The answer carries the `traceparent` of
the request's own span, and the `tracestate` of the sender, also where the run sends its spans to nobody: a client finds by them what its
request has done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from cogc.run import contexts
from cogc.run.contexts import CURRENT, HEADER, STATE
from cogc.run.keys import Entered
from cogc.run.session import Session

A = TypeVar("A")


def traced(session: Session, route: str, act: Callable[[Request], Awaitable[A]]) -> Callable[[Request], Awaitable[A]]:
    """Return an endpoint whose requests are spans. A response names its span; a stream has begun to be sent, and does not."""

    async def endpoint(request: Request) -> A:
        attributes: dict[str, str | int] = {
            "http.request.method": request.method,
            "http.route": route,
            "url.path": request.url.path,
        }
        sender = contexts.of_headers(request.headers.getlist(HEADER), request.headers.getlist(STATE))
        known = session.executors.settings.contexts
        with contexts.Request(known, f"{request.method} {route}", sender, attributes) as served:
            response = await act(request)
            if isinstance(response, Response):
                served.attributes["http.response.status_code"] = response.status_code
                served.error = str(response.status_code) if response.status_code >= 500 else ""
                response.headers.update(served.context.carried)
            return response

    return endpoint


def of_mcp(session: Session, method: str, tool: str, meta: Mapping[str, Any] | None) -> contexts.Request:
    """Return the span of a call of a tool."""
    given = meta or {}
    return contexts.Request(
        session.executors.settings.contexts,
        f"{method} {tool[:100]}",
        contexts.parsed(given.get(HEADER), given.get(STATE)),
        {"mcp.method.name": method, "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool[:100]},
    )


def entering(session: Session) -> Callable[[int], None]:
    """Return what takes note of the record with which begins what the request that this task answers has asked for."""
    known, context = session.executors.settings.contexts, CURRENT.get()
    return lambda record: known.entered(record, context)


def noted(session: Session) -> Callable[[Entered], None]:
    """Return what takes note of the message that enters for the request that this task answers."""
    note = entering(session)
    return lambda entered: note(entered.record)
