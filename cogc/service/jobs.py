"""Calls of offers that outlive the request that has begun them: the tasks of MCP and of A2A.

A job is a call in the nursery of the service. It keeps its answer for an hour after its end, and at most `KEPT` jobs are
kept: the ones that ended first go first. Whoever knows the id of a job may look at it and cancel it, so ids are drawn at
random. Followers hear what happens to a job, from a bounded list that loses the oldest entries.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import trio

from cogc.language.values import Failure
from cogc.service.exports import Exports, Offer

TTL = 3600.0
"""Seconds for which the answer of a job is kept."""
KEPT = 1000
"""How many jobs are kept."""
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
    """One call. `answer` is there when it is completed, `failure` when it has failed, `message` where one of A2A has begun it."""

    def __init__(self, offer: Offer, given: dict[str, Any], context: str) -> None:
        self.id = str(uuid.uuid4())
        self.offer = offer
        self.given = given
        self.context = context
        self.message: dict[str, Any] | None = None
        self.status: Status = "working"
        self.answer: Any = None
        self.failure: Failure | None = None
        self.words = ""
        self.began = self.changed = datetime.now(UTC)
        self.ended: float | None = None
        self.scope = trio.CancelScope()
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

    def end(self, status: Status, words: str = "") -> None:
        """Take note of the end."""
        self.status, self.words, self.ended = status, words, time.monotonic()
        self.changed = datetime.now(UTC)
        self._wake()

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
        self.known: dict[str, Job] = {}
        self.nursery: trio.Nursery | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Carry out jobs while the body runs. Those that are left are cancelled."""
        async with trio.open_nursery() as self.nursery:
            try:
                yield
            finally:
                self.nursery.cancel_scope.cancel()

    def start(self, offer: Offer, given: dict[str, Any], context: str = "") -> Job:
        """Begin a job. Raise Failure for an input that does not fit, and where no job may begin now."""
        offer.read(given)
        self._forget()
        if self.nursery is None or len(self.known) >= KEPT:
            raise Failure("busy", "too many tasks are kept: try again later")
        job = Job(offer, given, context)
        self.known[job.id] = job
        self.nursery.start_soon(self._run, job)
        return job

    def find(self, id: str) -> Job | None:
        """Return a job by its id, or None."""
        self._forget()
        return self.known.get(id)

    async def _run(self, job: Job) -> None:
        course = Course()

        def news(channel: str, value: Any) -> None:
            shown = self.exports.shown(value)
            job.tell(course.take(channel, shown).words, channel, shown)

        with job.scope:
            try:
                job.answer = await self.exports.call(job.offer, job.given, news)
            except Failure as failure:
                job.failure = failure
                job.end("failed", failure.message)
                return
            job.end("completed")
            return
        job.end("cancelled", "it was cancelled")

    def _forget(self) -> None:
        """Forget jobs whose time is over, and the first ones that have ended if there are too many."""
        now = time.monotonic()
        ended = [j for j in self.known.values() if j.ended is not None]
        for job in sorted(ended, key=lambda j: j.ended or 0.0):
            if now - (job.ended or now) > TTL or len(self.known) >= KEPT:
                del self.known[job.id]
