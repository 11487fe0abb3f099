"""The runtime over HTTP: the routes of the first system, with its parameters, answers, statuses and texts.

Parameters stand in the path and the query. What is wrong with a query is reported in the form of FastAPI, on which the first
system was built.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cogc.service import answers, tracing
from cogc.service.answers import answer, refusal
from cogc.service.host import ROOT
from cogc.service.loading import Refused, read_data
from cogc.service.metrics import Requests, response
from cogc.service.page.routes import page
from cogc.service.page.run_source import RunSource
from cogc.service.runtime import Runtime
from cogc.service.stream import Stream, Take, lost, number_of, pace
from cogc.service.watch import Observer

_LINK = ("src_id", "src_channel", "dest_id", "dest_channel")


def routes(runtime: Runtime) -> list[BaseRoute]:
    """Return the routes of a runtime."""
    given = _Routes(runtime)
    table: list[tuple[str, str, Callable[[Request], Awaitable[Response | Stream]]]] = [
        ("GET", "/cogs", given.cogs),
        ("POST", "/create", given.create),
        ("POST", "/stop/{id}", given.stop),
        ("POST", "/transmit/{id}/{channel}", given.transmit),
        ("POST", "/enact/{id}", given.enact),
        ("GET", "/observe/{id}/{channel}", given.observe),
        ("POST", "/link", given.link),
        ("DELETE", "/link", given.unlink),
        ("GET", "/links", _plain(runtime.links)),
        ("GET", "/channels/{id}", given.channels),
        ("GET", "/status", _plain(runtime.status)),
        ("GET", "/tree", _plain(runtime.tree)),
        ("GET", "/stats/{id}", given.stats),
        ("GET", "/history/{id}/{channel}", given.history),
        ("POST", "/shutdown", given.shutdown),
        ("GET", "/healthz", given.healthz),
        ("GET", "/readyz", given.readyz),
        ("GET", "/metrics", given.metrics),
    ]
    source = RunSource(runtime.session, runtime.members, ROOT, runtime.known)
    count = given.requests.counted
    made = [
        Route(
            path,
            count(path, tracing.traced(runtime.session, path, _told(act)) if method != "GET" else _told(act)),
            methods=[method],
        )
        for method, path, act in table
    ]
    return [*made, *page(source)]


def _told(act: Callable[[Request], Awaitable[Response | Stream]]) -> Callable[[Request], Awaitable[Response | Stream]]:
    """Return a route that answers a refusal with its status and its reason."""

    async def route(request: Request) -> Response | Stream:
        try:
            return await act(request)
        except Refused as refused:
            return refusal(refused.status, refused.detail)

    return route


def _plain(give: Callable[[], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
    """Return the route of an answer that depends on no parameter."""

    async def route(_request: Request) -> Response:
        return answer(give())

    return route


class _Routes:
    """The routes that take parameters, over one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.requests = Requests()

    async def cogs(self, _request: Request) -> Response:
        return answer(await self.runtime.cogs())

    async def create(self, request: Request) -> Response:
        (folder,) = needed(request, "cog_dir")
        return answer(await self.runtime.create(folder, request.query_params.getlist("set")))

    async def stop(self, request: Request) -> Response:
        return answer(await self.runtime.stop(request.path_params["id"]))

    async def transmit(self, request: Request) -> Response:
        channel = request.path_params["channel"]
        data = await data_of(request, channel)
        return answer(await self.runtime.transmit(request.path_params["id"], channel, data))

    async def enact(self, request: Request) -> Response:
        (command,) = needed(request, "command")
        data = await data_of(request, command)
        return answer(await self.runtime.enact(request.path_params["id"], command, data))

    async def observe(self, request: Request) -> Stream:
        run = self.runtime.session.options.run
        after = number_of(request.headers.get("last-event-id"), run)
        found = self.runtime.observe(request.path_params["id"], request.path_params["channel"], after)
        return Stream(_events(self.runtime, *found, goes_on=after is not None))

    async def link(self, request: Request) -> Response:
        return answer(await self.runtime.link(*needed(request, *_LINK)))

    async def unlink(self, request: Request) -> Response:
        return answer(await self.runtime.unlink(*needed(request, *_LINK)))

    async def channels(self, request: Request) -> Response:
        return answer(self.runtime.channels(request.path_params["id"]))

    async def stats(self, request: Request) -> Response:
        return answer(self.runtime.stats(request.path_params["id"], request.query_params.get("channel")))

    async def history(self, request: Request) -> Response:
        n = number(request, "n", 10)
        return answer(self.runtime.history(request.path_params["id"], request.path_params["channel"], n))

    async def shutdown(self, _request: Request) -> Response:
        made = answer({"msg": "shutting down"})
        made.background = BackgroundTask(_soon, self.runtime.shutdown)
        return made

    async def healthz(self, _request: Request) -> Response:
        return answer({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        if self.runtime.stops:
            return refusal(503, "the runtime stops", {"Retry-After": "1"})
        return answer({"status": "ready"})

    async def metrics(self, _request: Request) -> Response:
        return response(self.runtime.families(self.requests))


def application(made: list[BaseRoute], **options: Any) -> Starlette:
    """Return an application whose errors have the form of FastAPI. `options` are Starlette's."""
    return answers.application(made, {HTTPException: _refused}, **options)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, error.detail, error.headers)


async def _soon(act: Callable[[], None]) -> None:
    """Act when the client has had time to read the answer."""
    await trio.sleep(0.05)
    act()


# ---- queries -------------------------------------------------------------------------------------------------


def needed(request: Request, *names: str) -> list[str]:
    """Return parameters of a query. Raise Refused with all that are missing."""
    given = request.query_params
    missing = [
        {"type": "missing", "loc": ["query", n], "msg": "Field required", "input": None}
        for n in names
        if n not in given
    ]
    if missing:
        raise Refused(422, missing)
    return [given[n] for n in names]


async def data_of(request: Request, name: str) -> Any:
    """Return the data of a request for a channel or command: JSON or text, of the query, or of the body if it is long."""
    given = request.query_params.get("data")
    text = given if given is not None else (await request.body()).decode("utf-8", "replace") or None
    return read_data(text, name)


def number(request: Request, name: str, default: int) -> int:
    """Return a parameter that is a whole number. Raise Refused for anything else."""
    given = request.query_params.get(name)
    if given is None:
        return default
    text = given.strip()
    if not text.removeprefix("-").removeprefix("+").isdecimal() or len(text) > 18:
        msg = "Input should be a valid integer, unable to parse string as an integer"
        raise Refused(422, [{"type": "int_parsing", "loc": ["query", name], "msg": msg, "input": given}])
    return int(text)


# ---- streams -------------------------------------------------------------------------------------------------


@contextmanager
def _events(runtime: Runtime, observer: Observer, end: Callable[[], None], goes_on: bool) -> Iterator[Take]:
    """Hold an observation, and give what it hears as events. A client that goes on by an id is told of what was lost: others may
    take each event for a message."""
    run, told, begun = runtime.session.options.run.encode(), 0, False

    async def take() -> bytes | None:
        nonlocal told, begun
        if begun:
            await pace(runtime.watched.observers, observer.over)
        heard = await observer.next()
        begun = True
        if not heard:
            return None
        news, told = observer.lost - told, observer.lost
        parts = [lost(news)] if news and goes_on else []
        parts += [h.event(run) for h in heard]
        return b"".join(parts)

    try:
        yield take
    finally:
        end()
