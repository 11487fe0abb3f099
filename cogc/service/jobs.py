"""Calls of offers that outlive the request that has begun them: the tasks of MCP and of A2A.

A job is a call in the nursery of the service. It keeps its answer for an hour after its end, and at most `KEPT` jobs are
kept: the ones that ended first go first. Whoever knows the id of a job may look at it and cancel it, so ids are drawn at
random. Followers hear what happens to a job, from a bounded list that loses the oldest entries.

Jobs of a durable run live as long as the run. The journal has a note `task` for each, with the number of its order, and a note
`cancelled` for one that was cancelled. When the run is resumed, the answers to orders, which come again while the journal is
replayed, make the jobs what they were; one that had not ended goes on under its id. A client that waits for its job with its own
request has gone with the process, so that its job is given up. A snapshot has the jobs, those that have ended and those that work.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, NamedTuple

import trio

from cogc.kernel.effects import OrderDone, OrderNews
from cogc.language.values import Failure
from cogc.service.exports import Begun, Exports, Offer

TTL = 3600.0
"""Seconds for which the answer of a job is kept."""
KEPT = 1000
"""How many jobs are kept."""
_CANCELLED = "it was cancelled"
_ROOM = 1000
"""The pieces of news that a job keeps for those who follow it."""
Status = Literal["working", "completed", "failed", "cancelled"]


class Step(NamedTuple):
    """The progress of a job: a count, the whole if it is known, and a line for people."""

    done: float
    total: float | None
    words: str


class Course:
    """The course of one call, from the messages that its coglet sends while it works."""

    def __init__(self) -> None:
        self.steps: dict[str, str] = {}
        self.total: float | None = None
        self.heard = 0
        self.characters = 0

    def take(self, channel: str, value: Any) -> Step:
        """Take a message, and return how far the call is."""
        self.heard += 1
        match channel:
            case "delta":
                self.characters += len(value) if isinstance(value, str) else 1  # the fields of a record come one by one
                return Step(self.characters, None, f"the answer comes: {self.characters}")
            case "plan":
                self.total = float(len(value.get("steps", ()))) or None
                return Step(self._over(), self.total, f"the plan is {value.get('status')}")
            case "step":
                self.steps[value["id"]] = value["status"]
                return Step(self._over(), self.total, f"step {value['id']}: {value['status']}")
            case _:
                working = [w["name"] for w in value.get("workers", ()) if w.get("state") == "running"]
                return Step(self.heard, None, f"{value.get('state')}: {', '.join(working) or 'the lead'}")

    def _over(self) -> float:
        return float(sum(s in ("completed", "failed", "skipped") for s in self.steps.values()))


class News(NamedTuple):
    """Something that a job has told: its number, a line for people, and the message that it is about."""

    number: int
    words: str
    channel: str
    value: Any


class Job:
    """One call. The client of a job that is `held` waits with its request. `answer` is there when it is completed, `failure` when it has failed, `message` where one of A2A has begun it."""

    def __init__(self, offer: Offer, given: dict[str, Any], context: str, id: str = "") -> None:
        self.id = id or str(uuid.uuid4())
        self.offer = offer
        self.given = given
        self.context = context
        self.message: dict[str, Any] | None = None
        self.path = ""
        self.number = 0
        """The number of the order by which it was begun."""
        self.held = False
        self.status: Status = "working"
        self.answer: Any = None
        self.failure: Failure | None = None
        self.words = ""
        self.began = self.changed = datetime.now(UTC)
        self.ended: float | None = None
        self.scope = trio.CancelScope()
        self.course = Course()
        self.pieces: deque[News] = deque(maxlen=_ROOM)
        self.count = 0
        self._news = trio.Event()

    @property
    def over(self) -> bool:
        """True if it has ended."""
        return self.status != "working"

    def tell(self, words: str, channel: str, value: Any) -> None:
        """Take note of something that those who follow the job should hear."""
        self.count += 1
        self.words = words
        self.changed = datetime.now(UTC)
        self.pieces.append(News(self.count, words, channel, value))
        self._wake()

    def under_way(self) -> list[Any]:
        """Return what a job has that works: its order, whether its client waits, its course, and what it has told."""
        return [self.number, self.held, dict(vars(self.course)), [list(piece) for piece in self.pieces]]

    def goes_on(self, words: str, number: int, held: bool, course: dict[str, Any], pieces: list[list[Any]]) -> None:
        """Take up what `under_way` has returned."""
        self.words, self.number, self.held = words, number, held
        vars(self.course).update(course)
        self.pieces.extend(News(*piece) for piece in pieces)

    def end(self, status: Status, words: str = "") -> None:
        """Take note of the end."""
        self.status, self.words, self.ended = status, words, time.monotonic()
        self.changed = datetime.now(UTC)
        self._wake()

    def was(self, at: datetime) -> None:
        """Set the instant at which the last note was taken, which is in the past."""
        self.changed = at
        if self.ended is not None:
            self.ended = time.monotonic() - max(0.0, (datetime.now(UTC) - at).total_seconds())

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def news(self, after: int) -> list[News]:
        """Return what has been told behind a number, when there is something, or when the job has ended."""
        while self.count <= after and not self.over:
            await self._news.wait()
        return [piece for piece in self.pieces if piece.number > after]

    async def wait(self) -> None:
        """Wait for the end."""
        while not self.over:
            await self._news.wait()


class Jobs:
    """The jobs of one service."""

    def __init__(self, exports: Exports) -> None:
        self.exports = exports
        self.session = exports.session
        self.known: dict[str, Job] = {}
        self.nursery: trio.Nursery | None = None
        self._recorded: dict[int, Job] = {}
        self.session.tables["tasks"] = self
        self.session.notes |= {"task": self._noted, "cancelled": self._cancelled}
        self.session.orders.on_recall = self._recalled
        self.session.on_resumed.append(self._resumed)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Carry out jobs while the body runs. Those that are left are cancelled."""
        async with trio.open_nursery() as self.nursery:
            try:
                yield
            finally:
                self.nursery.cancel_scope.cancel()

    async def start(
        self,
        offer: Offer,
        given: dict[str, Any],
        context: str = "",
        message: dict[str, Any] | None = None,
        held: bool = False,
    ) -> Job:
        """Begin a job, and return it when it is certain that it will go on. `held` is one whose client waits with its request.

        Raise Failure for an input that does not fit, and where no job may begin now.
        """
        offer.read(given)
        self._forget()
        if self.nursery is None or len(self.known) >= KEPT:
            raise Failure("busy", "too many tasks are kept: try again later")
        job = Job(offer, given, context)
        if message is not None:
            job.message = {**message, "contextId": context, "taskId": job.id, "role": "ROLE_USER"}
        self._begin(job, held)
        await self.session.certain()
        return job

    def _begin(self, job: Job, held: bool) -> None:
        """Begin the call of a job."""
        assert self.nursery is not None
        begun = self.exports.begin(job.offer, job.given, partial(self._news, job))
        self.known[job.id] = job
        job.number, job.path, job.held = begun.number, begun.path, held
        noted = [job.id, begun.number, begun.path, job.offer.name, job.given, job.context, job.message]
        self.session.remember("task", *noted, *([True] if held else []))
        self.nursery.start_soon(self._run, job, begun)

    def cancel(self, job: Job) -> None:
        """Cancel a job."""
        if not job.over:
            self.session.remember("cancelled", job.id)
            job.scope.cancel()

    def find(self, id: str) -> Job | None:
        """Return a job by its id, or None."""
        self._forget()
        return self.known.get(id)

    def _news(self, job: Job, channel: str, value: Any) -> None:
        shown = self.exports.shown(value)
        job.tell(job.course.take(channel, shown).words, channel, shown)

    async def _run(self, job: Job, begun: Begun) -> None:
        with job.scope:
            try:
                job.answer = await self.exports.end(begun)
            except Failure as failure:
                job.failure = failure
                job.end("failed", failure.message)
                return
            job.end("completed")
            return
        job.end("cancelled", _CANCELLED)

    # ---- a run that is resumed -----------------------------------------------------------------------------

    def _noted(
        self,
        id: str,
        number: int,
        path: str,
        offer: str,
        given: dict[str, Any],
        context: str,
        message: dict[str, Any] | None,
        held: bool = False,
    ) -> None:
        """Make a job of the journal again."""
        known = self.exports.offers.get(offer)
        if known is None:
            return
        self._forget()
        if id in self.known:  # its first order had not entered
            self._recorded = {n: j for n, j in self._recorded.items() if j.id != id}
        job = Job(known, given, context, id)
        job.message, job.path, job.number, job.held = message, path, number, held
        job.began = job.changed = self._then()
        self.known[id] = self._recorded[number] = job

    def _cancelled(self, id: str) -> None:
        job = self.known.get(id)
        if job is not None and not job.over:
            job.end("cancelled", _CANCELLED)
            job.was(self._then())

    def _recalled(self, effect: OrderDone | OrderNews) -> None:
        """Take what came of the order of a job."""
        job = self._recorded.get(effect.number)
        if job is None or job.over:
            return
        if isinstance(effect, OrderNews):
            self._news(job, effect.channel, effect.value)
        elif isinstance(effect.answer, Failure):
            job.failure = effect.answer
            job.end("failed", effect.answer.message)
        else:
            job.answer = self.exports.shown(effect.answer)
            job.end("completed")
        job.was(self._then())

    def _then(self) -> datetime:
        """Return the instant of the event that is replayed."""
        kernel = self.session.kernel
        return datetime.fromtimestamp((kernel.epoch + kernel.now) / 1e9, UTC)

    def _resumed(self) -> None:
        """Let the jobs go on that had not ended."""
        for number, job in self._recorded.items():
            if job.over or self.nursery is None:
                continue
            if job.held:
                self.session.remember("cancelled", job.id)
                job.end("cancelled", "the service was started anew, and the client that waited is gone")
            elif self.session.orders.is_under_way(number):
                notice = self.session.orders.again(number, partial(self._news, job))
                self.nursery.start_soon(self._run, job, self.exports.again(Begun(job.path, notice)))
            else:  # the order had not entered
                self._begin(job, held=False)
        self._recorded.clear()

    # ---- snapshots -----------------------------------------------------------------------------------------

    def obstacle(self) -> str:
        """Return what keeps the jobs from being written now, or nothing: a task whose order is not under way begins or ends."""
        calls = self.session.kernel.outer.calls()
        return (
            "a task begins or ends"
            if any(not job.over and job.number not in calls for job in self.known.values())
            else ""
        )

    def written(self) -> list[list[Any]]:
        """Return the jobs that are kept. Nobody follows those that have ended, so that what they have told is left out."""
        self._forget()
        return [
            [
                job.id, job.offer.name, job.given, job.context, job.message, job.path, job.status, job.words, job.answer,
                job.failure, job.began.isoformat(), job.changed.isoformat(), job.count, *([] if job.over else job.under_way()),
            ]
            for job in self.known.values()
        ]  # fmt: skip

    def take_up(self, data: list[list[Any]]) -> None:
        """Make the jobs of a snapshot again. Those of an offer that there is no more are left out."""
        for (
            id,
            offer,
            given,
            context,
            message,
            path,
            status,
            words,
            answer,
            failure,
            began,
            changed,
            count,
            *under_way,
        ) in data:
            if offer not in self.exports.offers:
                continue
            job = self.known[id] = Job(self.exports.offers[offer], given, context, id)
            job.message, job.path, job.answer, job.failure, job.count = message, path, answer, failure, count
            job.began = datetime.fromisoformat(began)
            if under_way:
                job.goes_on(words, *under_way)
                self._recorded[job.number] = job
            else:
                job.end(status, words)
            job.was(datetime.fromisoformat(changed))

    # ---- the end of jobs -----------------------------------------------------------------------------------

    def _forget(self) -> None:
        """Forget jobs whose time is over, and the first ones that have ended if there are too many."""
        now = time.monotonic()
        ended = [j for j in self.known.values() if j.ended is not None]
        for job in sorted(ended, key=lambda j: j.ended or 0.0):
            if now - (job.ended or now) > TTL or len(self.known) >= KEPT:
                del self.known[job.id]
