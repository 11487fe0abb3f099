"""The offers of a service as tools of MCP, in both generations of the protocol, and long calls as tasks.

A call of a tool is a call of an offer. Its answer is structured content and the same as text; a failure is a result with
`isError`, whose structured content is the kind and the message. A client that gives up, by a cancellation or by closing
its connection, cancels the work. Progress is told to clients that ask for it.

Where a client of 2026-07-28 says that it knows tasks (the extension `io.modelcontextprotocol/tasks`), a call of an agent,
a plan or a team becomes a task. A client of 2025-11-25 asks for a task with the call.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import trio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    RequestParams,
    ServerCapabilities,
    ServerTasksCapability,
    TextContent,
    Tool,
    ToolExecution,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from cogc import __version__
from cogc.language.values import Failure
from cogc.run.session import Session
from cogc.service import tracing
from cogc.service.exports import Exports, Offer
from cogc.service.jobs import TTL, Course, Job, Jobs

EXTENSION = "io.modelcontextprotocol/tasks"
WITH_TASKS = "2025-11-25"
"""The version of the protocol that has tasks in its core."""
POLL = 1000
"""Milliseconds after which a client should look at a task again."""
_PACE = 0.25
"""The fewest seconds between two notifications of progress."""
Context = ServerRequestContext[Any, Any]
Listed = Callable[[], Awaitable[list[Tool]]]
Called = Callable[[Context, CallToolRequestParams], Awaitable[CallToolResult]]


class _OfTask(RequestParams):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    task_id: str


class ToolServer(Server[dict[str, Any]]):
    """A server of MCP for offers, and for further tools beside them."""

    def __init__(
        self, name: str, instructions: str, jobs: Jobs, listed: Listed | None = None, called: Called | None = None
    ) -> None:
        super().__init__(
            name,
            version=__version__,
            instructions=instructions,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        self.exports = jobs.exports
        self.jobs = jobs
        self.beside_listed = listed
        self.beside_called = called
        self.extensions[EXTENSION] = {}
        self.middleware.append(self._traced)
        self.middleware.append(self._old_task)
        for method, act in (
            ("tasks/get", self._get),
            ("tasks/result", self._result),
            ("tasks/cancel", self._cancel),
            ("tasks/update", self._update),
        ):
            self.add_request_handler(method, _OfTask, act)

    def get_capabilities(self, *given: Any, **named: Any) -> ServerCapabilities:
        """Return what the server can do, with the tasks of the old protocol."""
        found = super().get_capabilities(*given, **named)
        if named.get("protocol_version") not in MODERN_PROTOCOL_VERSIONS:
            found.tasks = ServerTasksCapability.model_validate({"cancel": {}, "requests": {"tools": {"call": {}}}})
        return found

    # ---- tools ---------------------------------------------------------------------------------------------

    async def _list(self, _ctx: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        beside = await self.beside_listed() if self.beside_listed is not None else []
        return ListToolsResult(tools=[*beside, *map(_tool, self.exports.offers.values())])

    async def _call(self, ctx: Context, params: CallToolRequestParams) -> Any:
        offer = self.exports.offers.get(params.name)
        if offer is None:
            if self.beside_called is not None:
                return await self.beside_called(ctx, params)
            raise MCPError(INVALID_PARAMS, f"there is no tool `{params.name[:100]}`")
        given = params.arguments or {}
        if offer.is_long and _knows_tasks(ctx):
            started = await self._start(offer, given)
            return started if isinstance(started, CallToolResult) else {"resultType": "task", **_of_job(started, "Ms")}
        return await self._direct(ctx, offer, given)

    async def _direct(self, ctx: Context, offer: Offer, given: dict[str, Any]) -> CallToolResult:
        """Call an offer while the client waits."""
        progress = _Progress(ctx)
        async with trio.open_nursery() as nursery:
            news = None
            if (ctx.meta or {}).get("progress_token") is not None:
                nursery.start_soon(progress.tell)
                news = partial(progress.take, self.exports)
            try:
                found = result_of(offer, await self.exports.call(offer, given, news))
            except Failure as failure:
                found = refusal_of(failure)
            nursery.cancel_scope.cancel()
        return found

    # ---- tasks ---------------------------------------------------------------------------------------------

    async def _start(self, offer: Offer, given: dict[str, Any]) -> Job | CallToolResult:
        try:
            return await self.jobs.start(offer, given)
        except Failure as failure:
            return refusal_of(failure)

    async def _traced(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Let a call of a tool be a span, below the one that its `_meta` names. The answer names the span."""
        params = ctx.params or {}
        meta = params.get("_meta")
        if ctx.method != "tools/call":
            return await call_next(ctx)
        name = str(params.get("name"))
        with tracing.of_mcp(self.exports.session, ctx.method, name, meta if isinstance(meta, dict) else None) as served:
            found = await call_next(ctx)
        if isinstance(found, CallToolResult):
            found.meta = {**(found.meta or {}), **served.context.carried}
        elif isinstance(found, dict):
            found = {**found, "_meta": {**found.get("_meta", {}), **served.context.carried}}
        return found

    async def _old_task(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Begin a task where a client of 2025-11-25 asks for one with its call."""
        params = ctx.params or {}
        asked = (
            ctx.method == "tools/call" and ctx.protocol_version == WITH_TASKS and isinstance(params.get("task"), dict)
        )
        offer = self.exports.offers.get(str(params.get("name"))) if asked else None
        if offer is None or not offer.is_long:
            return await call_next(ctx)
        given = params.get("arguments")
        started = await self._start(offer, given if isinstance(given, dict) else {})
        return started if isinstance(started, CallToolResult) else {"task": _of_job(started)}

    def _job(self, params: _OfTask) -> Job:
        job = self.jobs.find(params.task_id)
        if job is None:
            raise MCPError(INVALID_PARAMS, f"there is no task `{params.task_id[:100]}`")
        return job

    async def _get(self, ctx: Context, params: _OfTask) -> HandlerResult:
        job = self._job(params)
        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return _of_job(job)
        found = _of_job(job, "Ms")
        if job.status in ("completed", "failed"):
            found |= {"status": "completed", "result": _dumped(_result_of(job))}
        return found

    async def _result(self, _ctx: Context, params: _OfTask) -> HandlerResult:
        """Wait for the end of a task, and return what the call would have returned."""
        job = self._job(params)
        await job.wait()
        if job.status == "cancelled":
            raise MCPError(INVALID_PARAMS, "the task was cancelled")
        related = {"io.modelcontextprotocol/related-task": {"taskId": job.id}}
        return {**_dumped(_result_of(job)), "_meta": related}

    async def _cancel(self, ctx: Context, params: _OfTask) -> HandlerResult:
        job = self._job(params)
        self.jobs.cancel(job)
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return {}
        if job.over:
            raise MCPError(INVALID_PARAMS, f"the task has ended: {job.status}")
        await job.wait()
        return _of_job(job)

    async def _update(self, _ctx: Context, params: _OfTask) -> HandlerResult:
        """Take answers to questions of a task. No task asks any."""
        self._job(params)
        return {}


class _Progress:
    """The progress of one call, told to its client at a bounded pace; what is too fast is left out."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.course = Course()
        self.last = None
        self.step: Any = None
        self.news = trio.Event()

    def take(self, exports: Exports, channel: str, value: Any) -> None:
        self.step = self.course.take(channel, exports.shown(value))
        self.news.set()

    async def tell(self) -> None:
        """Tell the client, until the call is over. Progress only grows, as the protocol wants it."""
        told = -1.0
        while True:
            await self.news.wait()
            self.news = trio.Event()
            step = self.step
            told = max(step.done, told + 0.001)
            await self.ctx.session.report_progress(told, step.total, step.words)
            await trio.sleep(_PACE)


def server_of(session: Session, jobs: Jobs) -> ToolServer:
    """Return the server of MCP for what a run exports."""
    root = session.kernel.unit.bundle.coglets[session.kernel.first]
    return ToolServer(root.name, root.doc, jobs)


class Endpoint:
    """The route `/mcp` of a server. The guard of the service has looked at `Host` and `Origin` before."""

    def __init__(self, server: ToolServer) -> None:
        safe = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self.server = server
        self.routes = list(server.streamable_http_app(streamable_http_path="/mcp", transport_security=safe).routes)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Return what carries its sessions while its body runs."""
        return self.server.session_manager.run()


def _tool(offer: Offer) -> Tool:
    execution = ToolExecution(task_support="optional") if offer.is_long else None
    title = offer.title if offer.title != offer.name else None
    return Tool(
        name=offer.name, title=title, description=offer.doc, input_schema=offer.input_schema(),
        output_schema=offer.output_schema(), execution=execution,
    )  # fmt: skip


def result_of(offer: Offer, answer: Any) -> CallToolResult:
    """Return the result of a call that has succeeded."""
    found = answer if offer.is_record else {"result": answer}
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=found)


def refusal_of(failure: Failure) -> CallToolResult:
    """Return the result of a call that has failed: its text has the kind and the message, for the model that reads it."""
    said = f"{failure.kind}: {failure.message}"
    return CallToolResult(
        content=[TextContent(type="text", text=said)],
        is_error=True,
        _meta={"dev.cogc/failure": {"kind": failure.kind, "message": failure.message}},
    )


def _result_of(job: Job) -> CallToolResult:
    return refusal_of(job.failure) if job.failure is not None else result_of(job.offer, job.answer)


def _dumped(result: CallToolResult) -> dict[str, Any]:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


def _of_job(job: Job, unit: str = "") -> dict[str, Any]:
    """Return a job as a task. `unit` is what the names of its times end in."""
    words = {"statusMessage": job.words} if job.words else {}
    return {
        "taskId": job.id, "status": job.status, **words, "createdAt": job.began.isoformat(),
        "lastUpdatedAt": job.changed.isoformat(), f"ttl{unit}": int(TTL * 1000), f"pollInterval{unit}": POLL,
    }  # fmt: skip


def _knows_tasks(ctx: Context) -> bool:
    """Return whether a client of 2026-07-28 has said with its request that it knows tasks."""
    if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return False
    told = ctx.session.client_capabilities
    found: Mapping[str, Any] = (told.extensions if told is not None else None) or {}
    return EXTENSION in found
