"""The doors of one run over HTTP: messages in, answers, streams of messages, states, health and numbers.

Each message is checked before it enters, as everywhere (`run/entries.py`), and whoever takes messages out has a tap
(`run/taps.py`). `/ask` follows the causes in the trace, so a served run keeps one in memory.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cogc.diagnostics.masks import masked
from cogc.kernel.objects import STARTING, STOPPED, STOPPING
from cogc.language.texts import is_internal, nanoseconds
from cogc.language.values import Failure
from cogc.run.inspection import inspect
from cogc.run.json_text import read_json
from cogc.run.keys import Entered, Key
from cogc.run.marks import Marks
from cogc.run.session import Session
from cogc.run.taps import Ask, Said, Tap
from cogc.service import metrics, openapi, tracing
from cogc.service.a2a import Agent
from cogc.service.a2a_forms import CARD
from cogc.service.answers import answer, application, refusal, wrong
from cogc.service.exports import exports_of
from cogc.service.headers import key_of, with_headers
from cogc.service.jobs import Jobs
from cogc.service.members import Members
from cogc.service.page.routes import is_file, page
from cogc.service.page.run_source import RunSource
from cogc.service.stream import Stream, Take, lost, number_of, pace, until_gone
from cogc.service.watch import Watched
from cogc.service.webhooks import Verifier

if TYPE_CHECKING:
    from cogc.service.export_tools import Endpoint

KEPT = 1000
"""The messages of each channel of the root that stay for those who come back."""
TIMEOUT = 30.0
"""Seconds for which `/ask` waits, if it is not said."""
LONGEST = 600.0
"""The most seconds for which it waits."""
OPEN = ("/healthz", "/readyz", CARD)
"""The paths that need no token."""
_AGAIN = {"Retry-After": "1"}
_STATUSES = {"error": 400, "missing": 404, "full": 429, "stopped": 503, "key": 422}
Act = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Verifiers:
    """The channels that want a signature: each, or the named ones."""

    every: Verifier | None = None
    named: dict[str, Verifier] = field(default_factory=dict)

    def of(self, channel: str) -> Verifier | None:
        """Return how the bodies for a channel are signed, or None."""
        return self.named.get(channel, self.every)

    def is_open(self, path: str) -> bool:
        """Return whether a path needs no token: a signature takes its place, or nothing is to be known there."""
        parts = path.split("/")
        signed = len(parts) == 3 and parts[1] in ("in", "ask") and self.of(parts[2]) is not None
        return signed or path in OPEN or is_file(path)


class Doors:
    """The routes of one run. `run` is its id, `kept` the channels whose messages are counted from the start, by path and name."""

    def __init__(
        self, session: Session, run: str, verifiers: Verifiers, has_token: bool, kept: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.session = session
        self.run = run
        self.verifiers = verifiers
        self.has_token = has_token
        self.requests = metrics.Requests()
        self.exports = exports_of(session)
        self.jobs = Jobs(self.exports)
        root = session.kernel.unit.bundle.coglets[session.kernel.first]
        self.listens = {c.name: c for c in root.listens if not is_internal(c.name)}
        session.taps.keep = KEPT
        self.watched = Watched(session)
        self.kept = kept
        for path, channel in kept:
            self.watched.keep(path, channel)

    def application(self) -> Starlette:
        """Return the application of the routes."""
        posts = [("/in/{channel}", self.enter), ("/ask/{channel}", self.ask)]
        gets = [
            ("/out/{channel}", self.out),
            ("/state", self.state),
            ("/state/{path:path}", self.state),
            ("/healthz", self.healthz),
            ("/readyz", self.readyz),
            ("/metrics", self.metrics),
            ("/openapi.json", self.openapi),
        ]
        routes: list[BaseRoute] = [self._posted(*post) for post in posts]
        routes += [Route(path, self.requests.counted(path, end), methods=["GET"]) for path, end in gets]
        if self.exports.offers:
            routes += Agent(self.session, self.jobs, self.has_token).routes()
        tools = self._tools()
        if tools is not None:
            routes += tools.routes
        routes += page(self._source())

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            async with self.jobs.open(), tools.running() if tools is not None else nullcontext():
                yield

        return application(routes, lifespan=lifespan)

    def _source(self) -> RunSource:
        """Return what the page shows."""
        session = self.session
        outer = session.kernel.outer
        outer.on_gone = self.watched.forget
        members = Members(session.kernel, Marks(session.executors.coglets), self.watched)
        return RunSource(session, members, session.kernel.unit.bundle.coglets[session.kernel.first].name, outer.find)

    def families(self) -> list[metrics.Family]:
        """Return the numbers of the run, and the messages of the channels that are counted."""
        totals = {(at, channel): self.watched.total(at, channel) for at, channel in self.kept}
        kept = {key: total for key, total in totals.items() if total is not None}
        return [
            *metrics.families(self.session, self.requests),
            metrics.family("cogc_channel_messages_total", "counter", "messages of channels", metrics.by_coglet(kept)),
        ]

    def _tools(self) -> Endpoint | None:
        """Return `/mcp`, if something is exported and the extra `mcp` is installed."""
        if not self.exports.offers:
            return None
        try:
            from cogc.service.export_tools import Endpoint, server_of  # an extra
        except ImportError:
            return None
        return Endpoint(server_of(self.session, self.jobs))

    def _posted(self, route: str, endpoint: Act) -> Route:
        """Return the route of an endpoint that takes messages: its requests are counted, and are spans below those of their senders. The response
        names the span."""

        traced = tracing.traced(self.session, route, endpoint)
        return Route(route, self.requests.counted(route, traced), methods=["POST"])

    # ---- messages in ---------------------------------------------------------------------------------------

    async def _message(self, request: Request) -> tuple[str, Any] | Response:
        """Return the channel and the value of a request, or the response that refuses it."""
        channel, body = request.path_params["channel"], await request.body()
        verifier = self.verifiers.of(channel)
        if verifier is not None:
            said = verifier.refuse(request.headers, body, time.time())
            if said:
                return refusal(401, said)
        try:
            self.session.entries.type_of(channel)
            return channel, with_headers(self.listens[channel], read_json(body, "the body"), request.headers)
        except Failure as refused:
            return _refused(refused)

    def _key(self, request: Request, value: Any, reply: str | None) -> Key | None:
        """Return the key of a request, if it has one. Raise Failure for one that is malformed."""
        try:
            text = key_of(request.headers)
        except ValueError as wrong:
            raise Failure("error", str(wrong)) from None
        if text is None:
            return None
        asked = json.dumps([reply, value], sort_keys=True).encode()
        return Key(masked(text), hashlib.sha256(asked).hexdigest()[:32], reply)

    async def enter(self, request: Request) -> Response:
        """`POST /in/CHANNEL`."""
        message = await self._message(request)
        if isinstance(message, Response):
            return message
        try:
            key = self._key(request, message[1], None)
            entered = await self.session.entries.send(*message, tracing.noted(self.session), key)
        except Failure as refused:
            return _refused(refused)
        return answer({"seq": entered.seq}, 202)

    async def ask(self, request: Request) -> Response:
        """`POST /ask/CHANNEL`: the first message of the root that this one has led to."""
        message = await self._message(request)
        if isinstance(message, Response):
            return message
        reply, given = request.query_params.get("reply") or None, request.query_params.get("timeout")
        if reply is not None and reply not in self._transmits():
            return refusal(404, self._unknown(reply))
        try:
            seconds = TIMEOUT if given is None else nanoseconds(given) / 1e9
        except ValueError:
            return refusal(400, "`timeout` is a duration, such as 30s")
        if not 0 < seconds <= LONGEST:
            return refusal(400, f"`timeout` is more than 0s, and at most {LONGEST / 60:.0f}m")
        try:
            key = self._key(request, message[1], reply or "")
        except Failure as refused:
            return _refused(refused)
        found: list[Response] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_gone, request.receive, nursery.cancel_scope)
            asked = self._asked(message, reply, seconds) if key is None else self._asked_once(message, key, seconds)
            found.append(await asked)
            nursery.cancel_scope.cancel()
        return found[0] if found else refusal(503, "the client has gone")

    async def _asked(self, message: tuple[str, Any], reply: str | None, seconds: float) -> Response:
        note = tracing.noted(self.session)

        def enters(entered: Entered) -> None:
            ask.begin(entered.record)
            note(entered)

        with self.session.taps.ask(reply) as ask:
            try:
                entered = await self.session.entries.send(*message, enters)
            except Failure as refused:
                return _refused(refused)
            return await self._reply(entered, ask, seconds)

    async def _asked_once(self, message: tuple[str, Any], key: Key, seconds: float) -> Response:
        """Hand in a message with a key, if it has not entered, and wait for the reply to the one that has."""
        try:
            entered = await self.session.entries.send(*message, tracing.noted(self.session), key)
        except Failure as refused:
            return _refused(refused)
        assert entered.ask is not None
        return await self._reply(entered, entered.ask, seconds)

    async def _reply(self, entered: Entered, ask: Ask, seconds: float) -> Response:
        """Wait for a reply, and return it."""
        with trio.move_on_after(seconds):
            await ask.done.wait()
        if ask.answer is not None:
            said = ask.answer
            head = msgspec.json.encode({"seq": entered.seq, "channel": said.channel})
            return Response(head[:-1] + b',"data":' + said.data + b"}", media_type="application/json")
        if ask.over:
            return refusal(503, "the run has ended", _AGAIN)
        return refusal(504, f"no reply came within {seconds:g}s")

    # ---- messages out --------------------------------------------------------------------------------------

    def _transmits(self) -> list[str]:
        return openapi.transmits(self.session.kernel.unit, self.session.kernel.first)

    def _unknown(self, channel: str) -> str:
        names = ", ".join(f"`{name}`" for name in self._transmits()) or "nothing"
        return f"the root has no transmit channel `{channel}`: it transmits {names}"

    async def out(self, request: Request) -> Any:
        """`GET /out/CHANNEL`."""
        channel = request.path_params["channel"]
        if channel not in self._transmits():
            return refusal(404, self._unknown(channel))
        taps = self.session.taps
        after = number_of(request.headers.get("last-event-id"), self.run)
        return Stream(self._events(taps.follow(channel, after)), b"event: end\ndata: {}\n\n")

    @contextmanager
    def _events(self, follow: AbstractContextManager[Tap[Said]]) -> Iterator[Take]:
        """Yield the messages of a tap as server-sent events. The id of each has the id of the run."""
        run, taken = self.run.encode(), 0

        async def take() -> bytes | None:
            nonlocal taken
            if taken:
                await pace(self.session.taps.followers, tap.ended)
            news = await tap.take()
            if news is None:
                return None
            losses, items = news
            taken += len(items)
            parts = [lost(losses)] if losses else []
            parts += [said.event(run) for said in items]
            return b"".join(parts)

        with follow as tap:
            yield take

    # ---- what the run is -----------------------------------------------------------------------------------

    async def state(self, request: Request) -> Response:
        """`GET /state/PATH`."""
        session, path = self.session, request.path_params.get("path", "")
        try:
            return answer(inspect(session.kernel, session.under_way, session.now(), path))
        except Failure as refused:
            return _refused(refused)

    async def healthz(self, _request: Request) -> Response:
        """`GET /healthz`."""
        return answer({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """`GET /readyz`."""
        root = self.session.kernel.root
        if root is None or root.gate & STARTING:
            return refusal(503, "the run starts", _AGAIN)
        if root.gate & (STOPPING | STOPPED) or self.session.stopping.begun:
            return refusal(503, "the run stops", _AGAIN)
        return answer({"status": "ready"})

    async def metrics(self, _request: Request) -> Response:
        """`GET /metrics`."""
        return metrics.response(self.families())

    async def openapi(self, _request: Request) -> Response:
        """`GET /openapi.json`."""
        return answer(openapi.describe(self.session.kernel.unit, self.has_token))


def _refused(refused: Failure) -> Response:
    """Return the response for a message that was refused."""
    status = _STATUSES.get(refused.kind)
    if status is None:
        return refusal(422, [wrong(refused.message)])
    return refusal(status, refused.message, _AGAIN if status in (429, 503) else None)
