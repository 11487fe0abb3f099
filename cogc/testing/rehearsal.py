"""A session whose outside world is scripts, and whose clock moves as a test says.

The loop is that of a simulation (`run/session.py`): what comes in enters in rounds when the kernel is idle. Where a script
answers every call, nothing is awaited, so that a test runs without Trio. The first call that has to be carried out for
real raises `NeedsWorld`; the test is then run again from its beginning inside of Trio, which no test can tell apart.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from math import isinf
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import trio

from cogc import ir
from cogc.kernel import disturb
from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.kernel.models.counting import counted, estimate
from cogc.kernel.objects import Instance
from cogc.kernel.unit import Unit
from cogc.run import executors, models
from cogc.run.delayed import Piece, Reply
from cogc.run.journal import Journal, Outward, load
from cogc.run.session import STRETCH, RunOptions, Session, Sinks
from cogc.run.settings import Settings
from cogc.testing.cast import Cast, is_ours
from cogc.testing.recording import RecordedModels, Recording

T = TypeVar("T")
MOST_AT_ONCE = 200_000
"""How many messages a system may take without any time passing, before a test says that it never rests."""


class NeedsWorld(Exception):
    """A call must be carried out for real, and the test runs outside of Trio. `program` is that of the first such call, if it has one."""

    def __init__(self, program: ir.Program | None) -> None:
        super().__init__("a call must be carried out for real")
        self.program = program


class Unscripted(Exception):
    """A call that no script answers."""

    def __init__(self, call: Ask | Call) -> None:
        super().__init__("a call that no script answers")
        self.call = call


@dataclass(slots=True)
class Live:
    """The way in which the requests of a live run are answered: by the models, or with `repeats` by what was recorded of them.

    `budget` bounds what the run may use, `asked` counts the requests, `scenes` the sessions of the run: the system and its judges.
    """

    recording: Recording
    repeats: bool = False
    budget: dict[str, float | int] = field(default_factory=dict)
    asked: int = 0
    scenes: int = 0

    def enter(self, session: Rehearsal) -> None:
        """Let a session be a part of the run."""
        session.live, session.scene = self, self.scenes
        self.scenes += 1
        if not self.repeats:
            session.models = RecordedModels(self.recording, session.scene)


class Killed(Exception):
    """The run is killed, and goes on when `down` nanoseconds have passed."""

    def __init__(self, down: int) -> None:
        super().__init__("the run is killed")
        self.down = down


def driven(steps: Coroutine[Any, Any, T]) -> T:
    """Return the value of an async call that awaits nothing."""
    try:
        steps.send(None)
    except StopIteration as end:
        found: T = end.value
        return found
    raise AssertionError("a run outside of Trio waits for nothing")


@contextmanager
def lasting(settings: Settings, unit: Unit) -> Iterator[None]:
    """Hold open a folder for what outlives a kill beside the journal: the items of queues."""
    if not unit.bundle.queues:
        yield
        return
    with TemporaryDirectory(prefix="cogc-test-", ignore_cleanup_errors=True) as folder:
        settings.lasting = f"{folder}/queues.db"
        yield


def journal_of(options: RunOptions) -> Journal:
    """Return the journal in memory of a run that may be killed."""
    return Journal(BytesIO(), {"run": options.run, "seed": options.seed, "epoch": options.epoch})


class World:
    """The tasks that the sessions of one run have inside of Trio, where calls are carried out for real. Each session is held open
    by a task of a nursery, so that whoever kills it may be another task."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._leave = trio.Event()
        self._left = trio.Event()

    async def enter(self, session: Rehearsal) -> None:
        """Hold a session open."""
        self._leave, self._left = trio.Event(), trio.Event()
        await self._nursery.start(self._hold, session, self._leave, self._left)

    async def leave(self) -> None:
        """End what the session has under way, and let it go."""
        self._leave.set()
        await self._left.wait()

    async def _hold(
        self,
        session: Rehearsal,
        leave: trio.Event,
        left: trio.Event,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        try:
            async with session.background.open():
                task_status.started()
                await leave.wait()
        finally:
            with trio.move_on_after(1, shield=True):
                await session.models.aclose()
            left.set()


async def go_on(killed: Rehearsal, make: Callable[[Sinks], Rehearsal], world: World | None, down: int) -> None:
    """End a run hard, and begin the session of the same system that goes on from its journal when `down` nanoseconds have passed.

    `make` makes the session, `world` holds the killed one open inside of Trio. The world of the test stays as it is.
    Raise Divergence if the run does not go on from its journal.
    """
    recording = load(killed.end_hard())
    assert killed.sinks.journal is not None
    journal = Journal.after(killed.sinks.journal.file, recording)
    if world is not None:
        killed.background.cancel()
        await world.leave()
    session = make(Sinks(journal=journal, recording=recording))
    session.follow(killed, down)
    if world is not None:
        await world.enter(session)
    session.begin()


class Restless(Exception):
    """The system takes messages without end while no time passes."""


class Rehearsal(Session):
    """One run of a test. `cast` has its scripts; `watch` is called after each message if it is set. The requests of a session
    that is `by_model` are scripted under the name of their model alone; `live` says how models answer that no script stands in for."""

    cast: Cast
    live: Live | None = None
    scene = 0
    by_model = False
    watch: Callable[[], None] | None = None
    world = False
    """True if the test runs inside of Trio."""
    real: ir.Program | None = None
    """The program of the first call that was carried out for real."""
    quiet = False
    """True if nothing was left to happen when time last passed."""
    instant_over: Callable[[], None] | None = None
    """Called when everything of an instant has happened, and some time is about to pass. It may raise Killed."""
    down = 0
    """The nanoseconds for which nobody has run before this session."""

    def begin(self) -> None:
        """Start the system, or go on from a journal. A Failure refuses a parameter, a Divergence the journal."""
        self._begin()
        self._release()

    def resumes_at(self) -> int:
        return self.kernel.now + self.down

    def recall(self, ask: Ask) -> None:
        """The models of a killed run go on, with what they have said."""

    def follow(self, killed: Rehearsal, down: int) -> None:
        """Take over the world of a session that was killed, when `down` has passed: scripts, what the files of scripted models have
        said, and what the test does at later instants."""
        self.cast, self.world, self.watch, self.down = killed.cast, killed.world, killed.watch, down
        self.instant_over = killed.instant_over
        self.models.go_on(killed.models, killed.kernel.calls)
        for instant, deed in killed.delays.deeds():
            self.delays.add(max(instant, killed.kernel.now + down), deed)

    def act(self, what: disturb.Act, inst: Instance, *data: Any) -> None:
        """Do something to a coglet, as an event of the journal."""
        disturb.act(self.kernel, what, inst, *data)
        self.note("test", what, inst.path, *data)

    def feed(self, channel: str, value: Any) -> None:
        """Send a message to a listen channel of the root, as an event of the journal. Raise Failure for one that does not fit."""
        self.kernel.input(channel, value)
        self.note("input", channel, value)

    def end_hard(self) -> bytes:
        """End the run as a kill does, when all that has happened is in its journal. Return the journal."""
        assert self.sinks.journal is not None and isinstance(self.sinks.journal.file, BytesIO)
        self.note("left", self.carried)
        self.sinks.journal.flush()
        return self.sinks.journal.file.getvalue()

    async def play(self, until: int, done: Callable[[], bool] | None = None) -> bool:
        """Let everything happen up to an instant. Return True as soon as `done` holds."""
        kernel = self.kernel
        self.quiet = False
        if done is not None and done():
            return True
        while True:
            if self._stretched(done):
                return True
            if kernel.ended:
                return False
            if not await self._settled():
                continue
            if self.outside.holds or self.outside.has_news:
                self._admit()
                continue
            if self.instant_over is not None:
                self.instant_over()
            due = self._due()
            if due is None and done is not None:
                self.quiet = True
                return False
            if due is None or due > until:
                self.quiet = due is None
                kernel.advance(until)
                self._event("time")
                return False
            self._jump(due)

    def skip(self, until: int) -> None:
        """Move the clock to an instant: the timers of the time between fire first, then their messages are taken."""
        kernel = self.kernel
        while True:
            due = kernel.timers.next()
            self._instant(until)
            if due is None or due > until:
                return

    def _stretched(self, done: Callable[[], bool] | None) -> bool:
        """Take messages until the kernel is idle. Return True as soon as `done` holds."""
        kernel, before, now = self.kernel, self.kernel.steps, self.kernel.now
        single = done is not None or self.watch is not None
        while kernel.busy and not kernel.ended:
            kernel.run(1 if single else STRETCH)
            self._release()
            if self.watch is not None:
                self.watch()
            if done is not None and done():
                return True
            if kernel.steps - before > MOST_AT_ONCE and kernel.now == now:
                raise Restless
        self._release()
        return False

    async def _settled(self) -> bool:
        """Wait until no real call works. Return False if something else has to be looked at first."""
        if self.world:
            return await self._round()
        if self.outside.kept or self.outside.scopes:
            raise NeedsWorld(self.real)
        return True

    def _call(self, call: Outward) -> None:
        """Answer a call by its script. What is a part of the system itself is carried out."""
        if isinstance(call, Dispatch):
            self.outside.results.append((call.id, {"fallback": True}))  # the agent runs here, where scripts answer it
            return
        if (
            isinstance(call, Ask)
            and call.request.get("count")
            and (self.live is None or call.model.provider == "scripted")
        ):
            self._answer_later(call, 0, {"tokens": estimate(call.request)})
            return
        live = self.live if isinstance(call, Ask) and call.model.provider != "scripted" else None
        names = [call.model.name] if self.by_model and isinstance(call, Ask) else None
        given = self.cast.given(call, self.kernel, names=names, scripts=live is None)
        if given is None and live is not None and isinstance(call, Ask):
            self._ask_live(call, live)
            return
        if given is None:
            if (
                isinstance(call, Ask)
                and self.cast.faults is not None
                and (known := self.models.answer(call)) is not None
            ):
                delay, value = known
                reply, delay = self.cast.faults.apply(call, self.kernel, value, delay)
                self._answer_later(call, delay, reply)
            elif (isinstance(call, Ask) and call.model.provider == "scripted") or (
                isinstance(call, Call) and is_ours(call.program)
            ):
                self._call_for_real(call)
            else:
                raise Unscripted(call)
            return
        if given.kind == "real":
            self._call_for_real(call)
        elif given.kind == "value":
            for i, piece in enumerate(given.pieces if isinstance(call, Ask) and call.streams else (), 1):
                self._later(given.delay * i // len(given.pieces), Piece(call.id, piece))
            self._answer_later(call, given.delay, given.value)
        else:
            self._hang(call)

    def _call_for_real(self, call: Ask | Call) -> None:
        """Carry a call out for real."""
        if self.real is None and isinstance(call, Call):
            self.real = call.program
        super()._call(call)

    def _ask_live(self, ask: Ask, live: Live) -> None:
        """Ask a model, or repeat what it has said."""
        live.asked += not ask.request.get("count")
        if not live.repeats:
            super()._call(ask)
            return
        said = live.recording.answer(self.scene, ask)
        self.outside.pieces += [(ask.id, piece) for piece in said.pieces] if ask.streams else []
        self.outside.results.append((ask.id, said.result))

    def _answer_later(self, call: Ask | Call, delay: int, value: Any) -> None:
        """Let an answer come after its delay, or a failure at the end of the call's time."""
        limit = self._time_left(call)
        if limit is not None and delay > limit:
            self._hang(call)
        else:
            said = counted(value, call.request) if isinstance(call, Ask) else value
            self._later(delay, Reply(call.id, said))

    def _hang(self, call: Ask | Call) -> None:
        """Give no answer: the call fails at the end of its time, if it has one."""
        limit = self._time_left(call)
        if limit is not None:
            late = models.late(call) if isinstance(call, Ask) else executors.late(call)
            self._later(limit, Reply(call.id, late))

    def _later(self, delay: int, item: Piece | Reply) -> None:
        self.delays.add(self.kernel.now + delay, item)

    def _time_left(self, call: Ask | Call) -> int | None:
        """Return the nanoseconds that a call may take, as in a run: the time of a question goes on while nobody runs."""
        if isinstance(call, Ask):
            return call.limit
        seconds = executors.time_of(call)
        if isinf(seconds):
            return None
        since = self.since.get(call.id) if call.program.kind == "human" else None
        gone = 0 if since is None else self.kernel.now - since
        return max(0, int(seconds * 1e9) - gone)


def run_in_world(session: Rehearsal, until: int) -> None:
    """Let a session run inside of Trio, where calls may be carried out for real: from its beginning to its end, or to an instant, and stop it then."""
    failed: list[Exception] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            world = World(nursery)
            await world.enter(session)
            session.world = True
            try:
                session.begin()
                await session.play(until)
                if not session.kernel.ended:
                    session._stop()
                    await session.play(until)
            except Exception as error:  # as itself, and not in a group
                failed.append(error)
            finally:
                session.background.cancel()
                await world.leave()

    trio.run(main)
    if failed:
        raise failed[0]
