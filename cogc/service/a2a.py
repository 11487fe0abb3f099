"""A2A 1.0 over JSON-RPC: what a service offers as the skills of an agent, and calls of it as tasks.

A message begins a task. Its metadata name the skill where there are several; its data parts are fields of the input, and
its texts the `task` or `goal`. The client that waits for the answer with its request gives the task up by going away. Who
has been told the id of a task may come back to it, look at it, follow it, and cancel it.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cogc.language.values import Failure
from cogc.run.json_text import read_json
from cogc.run.session import Session
from cogc.service import a2a_forms as forms, tracing
from cogc.service.answers import answer
from cogc.service.exports import Offer
from cogc.service.jobs import Job, Jobs, News
from cogc.service.stream import Stream, Take, gone

_PAGE = 50
_LARGEST = 100
_REASONS = {
    -32001: "TASK_NOT_FOUND",
    -32002: "TASK_NOT_CANCELABLE",
    -32003: "PUSH_NOTIFICATION_NOT_SUPPORTED",
    -32004: "UNSUPPORTED_OPERATION",
    -32007: "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
    -32009: "VERSION_NOT_SUPPORTED",
}
_UNSUPPORTED = {
    "GetExtendedAgentCard": (-32007, "there is no extended card"),
    **dict.fromkeys(
        (
            "CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig",
            "ListTaskPushNotificationConfigs", "DeleteTaskPushNotificationConfig",
        ),
        (-32003, "there are no push notifications: follow the task by SubscribeToTask"),
    ),
}  # fmt: skip
Params = dict[str, Any]


class Wrong(Exception):
    """A request that is refused: its code of JSON-RPC, and what is wrong."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Agent:
    """The routes of A2A of one run."""

    def __init__(self, session: Session, jobs: Jobs, has_token: bool) -> None:
        self.session = session
        self.jobs = jobs
        self.exports = jobs.exports
        self.has_token = has_token
        self.methods: dict[str, Callable[[Request, Params], Awaitable[Any]]] = {
            "SendMessage": self._send,
            "GetTask": self._get,
            "ListTasks": self._list,
            "CancelTask": self._cancel,
        }
        self.streams: dict[str, Callable[[Params], Awaitable[Job]]] = {
            "SendStreamingMessage": self._begin,
            "SubscribeToTask": self._followed,
        }

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the card and of the requests."""
        return [Route(forms.CARD, self.card, methods=["GET"]), Route(forms.PATH, self.request, methods=["POST"])]

    async def card(self, request: Request) -> Response:
        """`GET /.well-known/agent-card.json`. A proxy that ends TLS in front of the service says so."""
        kernel = self.session.kernel
        scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else "http"
        base = f"{scheme}://{request.headers['host']}{request.scope.get('root_path', '')}"
        root = kernel.unit.bundle.coglets[kernel.first]
        return answer(forms.card(root, kernel.unit.bundle, self.exports, base, self.has_token))

    async def request(self, request: Request) -> Any:
        """`POST /a2a`: one request of JSON-RPC."""
        return await tracing.traced(self.session, forms.PATH, self._answer)(request)

    async def _answer(self, request: Request) -> Any:
        id: Any = None
        try:
            given = _read(await request.body())
            id = given.get("id")
            method, params = _checked(given)
            _check_version(request.headers.get("a2a-version"))
            if method in self.streams:
                job = await self.streams[method](params)
                return Stream(self._events(job, id))
            return answer({"jsonrpc": "2.0", "id": id, "result": await self._act(method)(request, params)})
        except Wrong as wrong:
            return answer({"jsonrpc": "2.0", "id": id, "error": _error(wrong)})

    def _act(self, method: str) -> Callable[[Request, Params], Awaitable[Any]]:
        if method in _UNSUPPORTED:
            raise Wrong(*_UNSUPPORTED[method])
        if method not in self.methods:
            raise Wrong(-32601, f"there is no method `{method[:100]}`")
        return self.methods[method]

    # ---- messages ------------------------------------------------------------------------------------------

    async def _send(self, request: Request, params: Params) -> Any:
        settings = _record(params, "configuration")
        held = settings.get("returnImmediately") is not True
        job = await self._begin(params, held)
        if held:
            await self._until_over(job, request)
        return {"task": forms.task(job, _history(settings))}

    async def _begin(self, params: Params, held: bool = False) -> Job:
        """Begin the task of a message. `held` says that its client waits for the end."""
        message = _record(params, "message")
        if not isinstance(message.get("messageId"), str) or not message["messageId"]:
            raise Wrong(-32602, "`message.messageId` is a text")
        if message.get("taskId"):
            self._follow_up(str(message["taskId"]))
        offer = self._offer({**_record(params, "metadata"), **_record(message, "metadata")})
        context = message.get("contextId") or str(uuid.uuid4())
        if not isinstance(context, str):
            raise Wrong(-32602, "`message.contextId` is a text")
        try:
            return await self.jobs.start(offer, _input(offer, message.get("parts")), context[:200], message, held)
        except Failure as failure:
            code = -32602 if failure.kind == "type" else -32603
            raise Wrong(code, f"{failure.kind}: {failure.message}") from None

    async def _until_over(self, job: Job, request: Request) -> None:
        """Wait for the end of a task. It is cancelled if the client goes away."""

        async def cancelled_when_gone() -> None:
            await gone(request.receive)
            self.jobs.cancel(job)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancelled_when_gone)
            await job.wait()
            nursery.cancel_scope.cancel()

    def _follow_up(self, id: str) -> None:
        """Refuse a message to a task that has begun."""
        job = self._job(id)
        raise Wrong(-32004, f"the task {'has ended' if job.over else 'takes no further messages'}: begin another one")

    def _offer(self, metadata: Params) -> Offer:
        """Return the skill that a message is for."""
        offers, name = self.exports.offers, metadata.get("skill")
        if name is None and len(offers) == 1:
            return next(iter(offers.values()))
        if not isinstance(name, str) or name not in offers:
            known = ", ".join(f"`{n}`" for n in offers)
            raise Wrong(-32602, f"`metadata.skill` names the skill: one of {known}")
        return offers[name]

    # ---- tasks ---------------------------------------------------------------------------------------------

    def _job(self, id: object) -> Job:
        job = self.jobs.find(id) if isinstance(id, str) else None
        if job is None:
            raise Wrong(-32001, f"there is no task `{str(id)[:100]}`")
        return job

    async def _get(self, _request: Request, params: Params) -> Any:
        return forms.task(self._job(params.get("id")), _history(params))

    async def _cancel(self, _request: Request, params: Params) -> Any:
        job = self._job(params.get("id"))
        if job.over:
            raise Wrong(-32002, "the task has ended")
        self.jobs.cancel(job)
        await job.wait()
        return forms.task(job)

    async def _list(self, _request: Request, params: Params) -> Any:
        size, token = params.get("pageSize") or _PAGE, params.get("pageToken") or "0"
        if type(size) is not int or not 1 <= size <= _LARGEST:
            raise Wrong(-32602, f"`pageSize` is from 1 to {_LARGEST}")
        if not isinstance(token, str) or not token.isascii() or not token.isdigit() or len(token) > 9:
            raise Wrong(-32602, "`pageToken` is none of this service")
        context, state = params.get("contextId"), params.get("status")
        jobs = [
            job
            for job in reversed(list(self.jobs.known.values()))
            if context in (None, "", job.context) and (not state or forms.STATES.get(str(state)) == job.status)
        ]
        first = int(token)
        page = [forms.task(job, _history(params)) for job in jobs[first : first + size]]
        if params.get("includeArtifacts") is not True:
            page = [{k: v for k, v in task.items() if k != "artifacts"} for task in page]
        more = str(first + size) if first + size < len(jobs) else ""
        return {"tasks": page, "nextPageToken": more, "pageSize": size, "totalSize": len(jobs)}

    async def _followed(self, params: Params) -> Job:
        job = self._job(params.get("id"))
        if job.over:
            raise Wrong(-32004, "the task has ended: get it by GetTask")
        return job

    @contextmanager
    def _events(self, job: Job, id: Any) -> Iterator[Take]:
        """Yield what gives the events of a task to one client, as replies to its request."""
        course = _Course(job)

        async def take() -> bytes | None:
            told = await course.next()
            if told is None:
                return None
            replies = [msgspec.json.encode({"jsonrpc": "2.0", "id": id, "result": t}) for t in told]
            return b"".join(b"data: %s\n\n" % reply for reply in replies)

        yield take


class _Course:
    """The updates of a task for one client: the task as it is, what it says, and its end."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.told = job.count
        self.begun = False
        self.appends = False
        self.ended = False

    async def next(self) -> list[dict[str, Any]] | None:
        """Wait for updates, and return them; None behind the last."""
        job = self.job
        if not self.begun:
            self.begun = True
            return [{"task": forms.task(job)}]
        if self.ended:
            return None
        found: list[dict[str, Any]] = []
        for news in await job.news(self.told):
            found += self._update(news)
            self.told = news.number
        if job.over:
            self.ended = True
            if job.status == "completed":
                found.append(forms.artifact_update(job, job.answer, append=False, last=True))
            found.append(forms.status_update(job))
        return found

    def _update(self, news: News) -> list[dict[str, Any]]:
        job, value = self.job, news.value
        if news.channel != "delta":
            return [forms.news_update(job, news)]
        if not job.offer.is_text:
            return []
        append, self.appends = self.appends, value != ""  # an empty piece: the answer begins anew
        return [forms.artifact_update(job, value, append, last=False)] if value else []


# ---- requests ------------------------------------------------------------------------------------------------


def _read(body: bytes) -> Params:
    try:
        given = read_json(body, "the body")
    except Failure as failure:
        raise Wrong(-32700, failure.message) from None
    if not isinstance(given, dict):
        raise Wrong(-32600, "a request is an object: there are no batches")
    return given


def _checked(given: Params) -> tuple[str, Params]:
    """Return the method and the parameters of a request."""
    method, params = given.get("method"), given.get("params", {})
    if given.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise Wrong(-32600, 'a request has "jsonrpc": "2.0", and a method')
    if isinstance(given.get("id"), dict | list | bool) or "id" not in given:
        raise Wrong(-32600, "`id` is a text or a number")
    if not isinstance(params, dict):
        raise Wrong(-32602, "`params` is an object")
    return method, params


def _check_version(version: str | None) -> None:
    if version and ".".join(version.strip().split(".")[:2]) != forms.PROTOCOL:
        raise Wrong(-32009, f"this service speaks version {forms.PROTOCOL}")


def _record(params: Params, name: str) -> Params:
    found = params.get(name)
    if found is None and name != "message":
        return {}
    if not isinstance(found, dict):
        raise Wrong(-32602, f"`{name}` is an object")
    return found


def _history(params: Params) -> int | None:
    found = params.get("historyLength")
    if found is not None and (type(found) is not int or found < 0):
        raise Wrong(-32602, "`historyLength` is a number, 0 or more")
    return found


def _input(offer: Offer, parts: object) -> Params:
    """Return the input of a call from the parts of a message: fields of data, and texts as what is asked."""
    if not isinstance(parts, list) or not parts:
        raise Wrong(-32602, "`message.parts` is a list with one part or more")
    texts, found = [], Params()
    for part in parts:
        kinds = [k for k in ("text", "data", "raw", "url") if isinstance(part, dict) and k in part]
        if kinds == ["text"] and isinstance(part["text"], str):
            texts.append(part["text"])
        elif kinds == ["data"] and isinstance(part["data"], dict):
            found |= _with_integers(part["data"])
        else:
            raise Wrong(-32602, "a part is a `text`, or `data` that is an object")
    if texts:
        if not offer.asked:
            raise Wrong(-32602, f"the skill `{offer.name}` takes a part with `data`, and no text")
        found.setdefault(offer.asked[0][0], "\n".join(texts))
    return found


def _with_integers(value: Any) -> Any:
    """Return data with its whole numbers as integers: clients made from the protocol's own schema know floats alone."""
    match value:
        case float() if value.is_integer() and abs(value) < 1 << 53:
            return int(value)
        case dict():
            return {k: _with_integers(v) for k, v in value.items()}
        case list():
            return [_with_integers(v) for v in value]
        case _:
            return value


def _error(wrong: Wrong) -> Params:
    found: Params = {"code": wrong.code, "message": wrong.message}
    if wrong.code in _REASONS:
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": _REASONS[wrong.code],
            "domain": "a2a-protocol.org",
        }
        found["data"] = [info]
    return found
