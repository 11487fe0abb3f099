"""The world outside of a sett in one process: its calls and their results, its clock, its stop, and the recording of all of these.

The sett (`sett/in_process.py`) is a machine of events: whatever comes from outside reaches it as an `Event` with a time, one
after the other, and everything else follows from these. So a sett that is given the events of a recording does the same
again, ids and times included.

`Live` carries out calls. Its events come in the order of their arrival. On a virtual clock, the results of all calls that
are under way come together, in the order of the calls; the clock stands until then, and jumps to the next time at which
something is due when nothing is under way but questions that wait for their time.
`Recorded` has the events of a recording.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, Protocol, TypeAlias

import trio

from cogc.language.codec import encode
from cogc.language.values import Failure, shorten
from cogc.run.people import Clock
from cogc.run.replay import Divergence
from cogc.sett.dependencies import Dependencies, difference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cogc.stores.base import Store

Kind: TypeAlias = Literal["bid", "work", "ask", "health"]
"""A bid of a script or a model, granted work, a question to a person, a health check."""
LOOK = 1.0
"""Seconds after which a board is looked at that others may have changed."""


class Call(NamedTuple):
    """A call of the sett. `about` is what it depends on, of which a recording keeps a digest; `run` carries it out and returns a JSON value."""

    number: int
    kind: Kind
    role: str
    about: Any
    run: Callable[[], Awaitable[Any]]

    def line(self) -> list[Any]:
        """Return what a recording says of the call, so that a replay can compare: number, digest, kind, role and gist."""
        digest = hashlib.sha256(encode([self.kind, self.role, self.about])).hexdigest()[:16]
        return [self.number, digest, self.kind, self.role, shorten(self.about, 160)]


class Event(NamedTuple):
    """Something that reaches the sett at a time, in nanoseconds since 1970.

    `result` has the number of a call and its value, `posted` the artefacts that others have put on the board of a sett that is
    recorded. `time` says that something is due, `look` that the board may have changed, `stop` that nothing new is to begin, `end`
    that a recording is over.
    """

    kind: Literal["result", "posted", "time", "look", "stop", "end"]
    at: int
    data: Any = None


class World(Protocol):
    """The outside of a sett."""

    def begin(self, call: Call) -> None:
        """Carry out a call. Its result is an event."""
        ...

    def cancel(self, number: int) -> None:
        """Give a call up: no result of it comes."""
        ...

    async def next(self, due: int | None) -> Event:
        """Return the next event, at the latest at the time `due`."""
        ...

    def over(self) -> bool:
        """Take note that the sett is over. Return False if a recording breaks off there; raise Divergence if it goes on."""
        ...


class Live:
    """The world as it is. `store` is the board's, whose clock counts; `stop` is set when nothing new is to begin.

    `virtual` is the time at which a virtual clock starts, in nanoseconds; None stands for the clock of the store.
    """

    def __init__(self, store: Store, stop: trio.Event, virtual: int | None = None) -> None:
        self.store = store
        self.stop = stop
        self.virtual = virtual
        self.told = False
        self.under_way: dict[int, trio.CancelScope] = {}
        self.finished: list[tuple[int, Any]] = []
        self.changed = trio.Event()
        self.clock = _Clock(self)
        self.sleeping: dict[int, tuple[int, trio.Event]] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Carry out calls until this is left, which gives up those that are under way."""
        async with trio.open_nursery() as self.nursery:
            self.nursery.start_soon(self._await_stop)
            yield
            self.nursery.cancel_scope.cancel()

    async def _await_stop(self) -> None:
        await self.stop.wait()
        self.changed.set()

    def begin(self, call: Call) -> None:
        self.under_way[call.number] = trio.CancelScope()
        self.nursery.start_soon(self._carry_out, call)

    async def _carry_out(self, call: Call) -> None:
        """Carry out a call, and keep its result."""
        scope = self.under_way[call.number]
        value, over = None, False
        with scope:
            value, over = await call.run(), True
        self.under_way.pop(call.number, None)
        if over:
            self.finished.append((call.number, value))
        self.changed.set()

    def cancel(self, number: int) -> None:
        scope = self.under_way.get(number)
        if scope is not None:
            scope.cancel()
        self.finished = [f for f in self.finished if f[0] != number]

    def over(self) -> bool:
        return True

    async def now(self) -> int:
        """Return the time, in nanoseconds since 1970."""
        return round(await self.store.now() * 1e9) if self.virtual is None else self.virtual

    async def next(self, due: int | None) -> Event:
        while True:
            self.changed = trio.Event()
            if self.stop.is_set() and not self.told:
                at = await self.now()
                self.told = True
                return Event("stop", at)
            found = await (self._as_it_comes(due) if self.virtual is None else self._in_rounds(due))
            if found is not None:
                return found

    async def _as_it_comes(self, due: int | None) -> Event | None:
        """Return the next event on the clock of the store, or None after a while without one."""
        now = await self.now()
        if self.finished:
            return Event("result", now, list(self.finished.pop(0)))
        if due is not None and due <= now:
            return Event("time", now)
        left = LOOK if due is None else min(LOOK, (due - now) / 1e9)
        async with trio.open_nursery() as nursery:

            async def until(wait: Callable[[], Awaitable[object]]) -> None:
                with suppress(ConnectionError):  # the next look at the clock finds that the store is away
                    await wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(until, self.changed.wait)
            nursery.start_soon(until, lambda: self.store.wait(left))
        return None if self.finished or self.stop.is_set() != self.told else Event("look", await self.now())

    async def _in_rounds(self, due: int | None) -> Event | None:
        """Return the next event on the virtual clock, or None if what is under way has to be waited for."""
        assert self.virtual is not None
        if self.under_way.keys() - self.sleeping.keys():
            await self.changed.wait()
            return None
        if self.finished:
            self.finished.sort()
            return Event("result", self.virtual, list(self.finished.pop(0)))
        times = [t for t in (due, *(at for at, _ in self.sleeping.values())) if t is not None]
        if not times:
            await self.changed.wait()
            return None
        self.virtual = max(self.virtual, min(times))
        for number, (at, over) in sorted(self.sleeping.items()):
            if at <= self.virtual:
                del self.sleeping[number]
                over.set()
        return Event("time", self.virtual)


class _Clock(Clock):
    """The clock on which the answers of people come."""

    def __init__(self, live: Live) -> None:
        super().__init__()
        self.live = live

    async def sleep(self, call: int, nanos: int) -> None:
        if self.live.virtual is None:
            await super().sleep(call, nanos)
            return
        over = trio.Event()
        self.live.sleeping[call] = self.live.virtual + nanos, over
        self.live.changed.set()
        try:
            await over.wait()
        finally:
            self.live.sleeping.pop(call, None)

    async def never_answer(self, call: int, question: str) -> NoReturn:
        raise Failure("program", f"{question} is never answered")


class Recorded:
    """The world as a recording has it. `lines` are its events: step, time, kind, data. `then` has the dependencies of the agents of the recorded
    sett, None in older recordings, `now` those of this one."""

    def __init__(self, lines: list[list[Any]], then: Dependencies | None, now: Dependencies) -> None:
        self.then = then
        self.dependencies = now
        self.calls = {data[0]: data for _, _, kind, *data in lines if kind == "call"}
        self.events: Iterator[Event] = iter([Event(kind, at, *data) for _, at, kind, *data in lines if kind != "call"])

    def begin(self, call: Call) -> None:
        """Compare a call with the recorded one. Raise Divergence if it is another one, or the recording has none."""
        found, recorded = call.line(), self.calls.get(call.number)
        if recorded is None:
            raise Divergence(f"it asks `{call.role}` for {_NAMES[call.kind]}, which the recording does not have")
        if found != recorded:
            told = f"  expected  {_NAMES[recorded[2]]} of `{recorded[3]}`: {recorded[4]}\n  found     {_NAMES[call.kind]} of `{call.role}`: {found[4]}"
            raise Divergence(f"call {call.number} is another one\n{told}")
        if self.then is not None:
            self._compare(call, self.then)

    def _compare(self, call: Call, then: Dependencies) -> None:
        """Raise Divergence if the agent of a call goes about it in another way than the recorded one."""
        both = (of.get(call.role, {}).get(call.kind, {}) for of in (then, self.dependencies))
        found = difference(*both)
        if found is not None:
            part, before, now = found
            what = f"{_NAMES[call.kind]} of `{call.role}`: {part}:"
            raise Divergence(
                f"call {call.number} is another one\n  expected  {what} {before}\n  found     {what} {now}"
            )

    def cancel(self, number: int) -> None:
        pass

    async def next(self, due: int | None) -> Event:
        await trio.lowlevel.checkpoint()
        return next(self.events, Event("end", 0, "broken off"))

    def over(self) -> bool:
        event = next(self.events, None)
        if event is not None and event.kind != "end":
            raise Divergence("it is over where the recorded sett goes on")
        return event is not None


_NAMES: dict[str, str] = {"bid": "a bid", "work": "its work", "ask": "an answer", "health": "its health check"}


class Ids:
    """Ids that follow from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
