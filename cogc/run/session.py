"""A run: the loop between the kernel and the world.

The model. The kernel is a machine without a clock and without I/O: it takes messages, and leaves effects. The session
runs it in stretches of at most `STRETCH` messages and about `EFFECTS` effects. Each `SLICE` seconds, and after a signal,
it gives way to the other tasks of the run. On a real clock this ends the stretch, so that timers are in time. In a
simulation the stretch goes on: nothing but a stop enters the kernel there, so that real time changes no outcome.
Between two stretches it does four things, always in this order:

1. It writes down what happened: the journal first, then the trace (`_write_down`). An effect is released only when
   what led to it is written, so that a run that is killed can be replayed up to its last effect.
2. It carries out the effects of the stretch, in the order in which the kernel left them (`_carry_out`). A call
   becomes a task of the run's one nursery, with a scope by which the kernel can cancel it; everything else is done at
   once.
3. It decides whether the run is over (`_over`).
4. It admits what has come in meanwhile (`_admit`): due timers, due delayed inputs, notices, pieces of replies,
   results. What arrived together enters in this order of kinds, and each kind in order of call. Every admitted input
   is an event of the journal.

When the kernel has nothing to do (`_wait`), the session waits for the world or for the next timer. Under `--sim` it
jumps to the next timer at once, as long as no call under way holds the clock, and what comes in enters in rounds
(`outside.py`). When there is neither a timer nor anything under way, the system is quiet: it is in deadlock, or it is
stopped in good order and the run ends.

Invariants.
- Only the loop touches the kernel. Tasks leave what they bring in `Outside`, and wake the loop.
- The kernel's inputs are exactly the events of the journal: a replay hands them in again, at the same steps.
- No task outlives the nursery; every call's task ends with a result, or is cancelled and leaves none.
- Time enters by `kernel.advance` alone, one instant of the timers at a call, each followed by what it sets off.

The parts. `calls`: `executors.py` (programs), `models.py` (requests to models), `dispatch.py` (agents in other
processes). What comes in: `outside.py`, `delayed.py`. The end: `stopping.py`. `build.py` makes a session with all of
its parts.

An example. `on name as n { greeting <- greet(n) }`, where `greet` is an `llm` program of a scripted model:
    start      `kernel.input("name", "Ada")`; a stretch runs the reaction up to the call: effect Ask(1)
    carry out  the script answers with a delay of 0: a Reply is due now
    wait       nothing else is under way; the due instant is reached: the reply is admitted, journalled and handed in
    stretch    the reaction goes on and transmits: effect Output("greeting", ...), which `on_output` prints
    wait       no timer and nothing under way: the root is stopped; a stretch later the kernel has ended, outcome "done"
"""

from __future__ import annotations

import errno
import gc
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, assert_never

import trio

from cogc.kernel.door import Cut
from cogc.language.values import Failure
from cogc.run.carrying import Carrier, Parts
from cogc.run.delayed import Deed, Message, Piece, Reply, SleepOver
from cogc.run.dump import describe
from cogc.run.mirror import Mirror
from cogc.run.options import RunOptions as RunOptions, Sinks as Sinks
from cogc.run.outside import Notice
from cogc.run.resume import Resumed, resume
from cogc.run.snapshots import Snapshots
from cogc.run.stopping import EXIT_CODES, Ending, Stopping, signals

STRETCH = 500
"""How many messages the kernel takes between two looks at the world."""
EFFECTS = 2000
"""How many effects may wait before a stretch ends early."""
PORTION = 50
"""How many messages the kernel takes at least between two looks at the clock."""
LONGEST = 5 * PORTION
"""How many messages it takes at most: so many may have become slow before the loop sees it."""
QUICK = 0.001
"""Seconds that a portion may take for the next one to be twice as long, up to `LONGEST`."""
MOST_HELD = 10_000
"""How many effects of a durable run may wait for the disk while the kernel goes on."""
SLICE = 0.005
"""Seconds after which the loop lets the other tasks of the run have their turn."""
LOOK = 60.0
"""Seconds after which a run that waits looks whether the clock of the machine was set."""
SET = 1_000_000_000
"""Nanoseconds by which the clock is off when it was set."""


class Session(Carrier):
    """One run of a program.

    `outcome` is how the run ended, `met` whether `until` held, and `failed_until` why it could not be evaluated. `deadlock` lists who waits for whom. `unended` are
    the hooks that still waited when nothing could come any more, `unanswered` the questions,
    `cut_off` the hooks that a signal, the end of the time, or the end of their own time found at work. `outputs` has the messages of the root's channels
    that are kept, `last` the last message of each channel.
    """

    def __init__(self, parts: Parts, mirror: Mirror | None) -> None:
        super().__init__(parts)
        self.mirror = mirror
        self.snapshots: Snapshots | None = None
        if self.sinks.compaction is not None and self.sinks.journal is not None and self.commit is not None:
            self.snapshots = Snapshots(self, self.sinks.journal, self.sinks.compaction)
        self.stopping = Stopping()
        self.outcome: Ending = "done"
        self.met = self.options.until is None
        self.failed_until: str | None = None
        self.deadlock: list[str] = []
        self.unended: list[str] = []
        self.cut_off: list[str] = []
        self.unanswered: list[str] = []
        self.resumed: Resumed | None = None
        self.signals = 0
        self.began = 0
        self.clock = 0
        """The nanoseconds since 1970 at which `time.monotonic` began, by the clock as the run knows it."""
        self.begun = trio.Event()
        """Set when the run has begun, or goes on where it was: nothing of it can be seen or asked before."""
        self._slice_ends = 0.0
        self._portion = PORTION
        self._paused = False
        self.kernel.door.poll = self._poll
        self.kernel.door.told = self._cut

    # ---- the loop ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run to the end. `outcome` says how it ended; `kernel.report` has the report of a failure."""
        self.began = time.monotonic_ns()
        self.clock = time.time_ns() - self.began
        self.background.last = self._give_back
        gc.disable()  # what a start makes lives on; collecting in the middle of it would only walk it again and again
        try:
            with self._signals():
                async with self.background.open() as nursery:
                    if self.mirror is not None:
                        nursery.start_soon(self.mirror.run)
                    if self.commit is not None:
                        nursery.start_soon(self.commit.run)
                    self._begin()
                    self.begun.set()
                    gc.freeze()
                    gc.enable()
                    await self._loop()
                    if not self.journal_failed:
                        self._note_hooks()
                        self._note_left()
                        self._event("end", self.outcome, *self._saved())
        finally:
            gc.unfreeze()
            gc.enable()  # a start that was refused has not come to it
            self._write_the_last()
            for part in (self.orders, self.entries, self.taps):
                part.close()
            with trio.move_on_after(1, shield=True):
                await self.models.aclose()

    async def _give_back(self) -> None:
        """Give back the items of queues that the run still has, unless it will go on with them."""
        if not self.journal_failed:
            await self.executors.claims.settle()

    @property
    def journal_failed(self) -> bool:
        """True if the journal of a durable run cannot be written: the run goes on when it is resumed."""
        return self.commit is not None and self.commit.failed is not None

    def states_lost(self) -> None:
        """End the run at once, as where its journal cannot be written: it has its states there, and saves them when it goes on."""
        states = self.sinks.states
        assert self.commit is not None and states is not None
        self.commit.fail(OSError(errno.EIO, f"cannot write to `{states.path}`: {states.lost}"))

    def _saved(self) -> list[str]:
        """Return the digest of the saved states."""
        states = self.sinks.states
        return [] if states is None else [states.digest]

    def _signals(self) -> AbstractContextManager[None]:
        """Handle signals while the body runs, unless an enclosing run handles them."""
        return signals_of([self]) if self.options.signals else nullcontext()

    def _pause(self) -> None:
        """Make the kernel return soon. A signal handler may call this at any time."""
        self.signals += 1
        self.kernel.pause()

    def _begin(self) -> None:
        """Start the system, or go on where a recording ends."""
        recording = self.sinks.recording
        if recording is None:
            self._start()
            return
        self.resumed = resume(self, recording)
        self.began = time.monotonic_ns() - self.kernel.now
        self.clock = self.kernel.epoch + self.options.behind - self.began
        if self.options.on_resumed is not None:
            self.options.on_resumed(self.resumed.begun_again)
        if any(event[2] == "stop" for event in recording.events):
            self.stopping.begin()

    def _start(self) -> None:
        """Start the kernel with the saved states, and hand in the inputs of the options."""
        options, kernel = self.options, self.kernel
        if self.sinks.states is not None:
            kernel.persisted = dict(self.sinks.states.kept)
        persisted = [[p, n, v] for (p, n), v in kernel.persisted.items()]
        self._event("start", options.parameters, persisted)
        kernel.start(options.parameters)
        if kernel.root is None:  # its creation was given up: the run is to end
            return
        for channel, value in options.inputs:
            self.entries.enter(channel, value, given=True)
        for instant, channel, value in options.later:
            self.delays.add(instant, Message(channel, value, given=True))

    async def _loop(self) -> None:
        """Run stretches, carry out effects and admit inputs, until the run is over."""
        kernel = self.kernel
        while True:
            await self._stretch()
            self._release()
            if self.commit is not None and (self.options.sim or self.commit.size > MOST_HELD):
                await self._settle()
            if self.journal_failed:
                return
            if self._over():
                self._release()
                await self._settle()
                return
            if self.snapshots is not None and self.snapshots.due:
                await self._snapshot(self.snapshots)
            if kernel.busy:
                self._look()
                self._stop_in_time()
            elif not await self._wait():
                return

    async def _snapshot(self, snapshots: Snapshots) -> None:
        """Write a snapshot, if nothing stands in its way. All effects leave before."""
        if self.stopping.begun or not snapshots.ready():
            return
        await self._settle()
        if not self.journal_failed:
            try:
                await snapshots.write()
            except OSError as error:  # of a journal that goes on behind its snapshots
                assert self.commit is not None
                self.commit.fail(error)

    async def _stretch(self) -> None:
        """Let the kernel take up to `STRETCH` messages: fewer if they leave many effects, and on a real clock if they take long.

        A stretch is made of portions, between which the loop looks at the clock. A signal ends a portion at once. A portion grows
        as long as its messages are quick and leave few effects; in a simulation, where nothing may follow from real time, by the effects alone.
        """
        kernel, left, paused, sim = self.kernel, STRETCH, False, self.options.sim
        while left > 0:
            began = time.monotonic()
            if paused or began >= self._slice_ends:
                await self._give_way()
                if left < STRETCH and not sim:
                    return
                began = time.monotonic()
            most = min(left, self._portion)
            taken = kernel.run(most)
            effects = len(kernel.effects)
            if not kernel.busy or effects > EFFECTS:
                return
            quick = sim or time.monotonic() - began < QUICK
            self._portion = min(2 * self._portion, LONGEST) if quick and 2 * effects <= EFFECTS else PORTION
            left -= taken
            paused = taken < most  # a signal has come, or a step has taken long

    @property
    def _slice_is_over(self) -> bool:
        return time.monotonic() >= self._slice_ends

    async def _give_way(self) -> None:
        """Let the other tasks of the run have their turn."""
        await trio.lowlevel.checkpoint()
        self._slice_ends, self._paused = time.monotonic() + SLICE, False

    def _over(self) -> bool:
        """Return whether the run has ended, for whatever reason."""
        kernel = self.kernel
        if kernel.ended == "failed":
            self.outcome = "failed"
            return True
        if kernel.ended:
            return True
        if not self.met and self.failed_until is None and self.options.until is not None:
            try:
                self.met = self.options.until(self.outputs)
            except Failure as failure:
                self.failed_until = failure.message
            if self.met or self.failed_until is not None:
                self._stop()
        return self.stopping.overdue or bool(kernel.ended)

    # ---- what comes in -------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Hand in what has come in while the kernel is busy. In a simulation that waits until the kernel is idle."""
        if not self.options.sim:
            self._admit()
            return
        for notice in self.outside.take_requests():
            self._take(notice)

    def _admit(self) -> None:
        """Hand in what has come in, and let the timers fire that are due by now."""
        kernel, outside = self.kernel, self.outside
        if not self.options.sim:
            self._follow_clock()
            self._advance(self._bounded(self.now()))
        self._deliver_delayed()
        for act in outside.take_acts():
            self._event("hosted", *act)
            kernel.hosted(*act)
        for notice in outside.take_notices():
            self._take(notice)
        for call, piece in outside.take_pieces():
            self._event("delta", call, piece)
            kernel.delta(call, piece)
        for call, value in outside.take_results():
            self.executors.claims.arrived(call, value, call in kernel.calls)
            if call in self.limited:
                self.limited.discard(call)
                self.delays.drop(call)
            if call in outside.saved:
                path, given, state = outside.saved.pop(call)
                self.objects[path] = given, state
                self._event("saved", path, given, state)
            self._event("result", call, value)
            kernel.result(call, value)

    def _take(self, notice: Notice) -> None:
        """Hand a notice to the kernel, and the kernel's answer to the method that awaits it."""
        call, data = notice.call, notice.data
        match notice.kind:
            case "sleep":
                self.outside.resting.add(call)
                self.delays.add(self.kernel.now + data[0], SleepOver(call, notice.taken))
            case "progress":
                self._event("progress", call, *data)
                self.kernel.progress(call, *data)
            case "order" | "input":
                (self.orders if notice.kind == "order" else self.entries).take(notice)
            case "steer" | "report":
                try:
                    notice.answer = self._answer(notice)
                except Failure as failure:
                    notice.refused = failure.message
                tell = self.outside.acknowledge if notice.kind == "steer" else self.outside.release
                tell(notice.taken.set)
            case _:
                assert_never(notice.kind)

    def _answer(self, notice: Notice) -> object:
        """Return the kernel's answer to a person's command, or to what a method reports. Raise Failure if it refuses."""
        if notice.kind == "steer":
            self._event("steer", *notice.data)
            return self.kernel.steer(*notice.data)
        self._event("told", notice.call, *notice.data)
        answer = self.kernel.reported(notice.call, *notice.data)
        self._listens(notice)
        return answer

    def _listens(self, notice: Notice) -> None:
        """Let the call of a method rest while it waits for what a child transmits."""
        act, *data = notice.data
        if act == "next":
            self.listening[data[2]] = notice.call
            self.outside.resting.add(notice.call)
        elif act == "forget":
            self.outside.resume(self.listening.pop(data[0], 0))

    async def steer(self, action: str, id: str, data: dict[str, Any], by: dict[str, Any] | None = None) -> Any:
        """Let an agent do what somebody asks for: a peer of the door, by its record, or nobody by name.

        Return its status. Raise TypeError with the reason if it refuses.
        """
        return await self.outside.notify(0, "steer", action, id, data, by or {})

    def _deliver_delayed(self) -> None:
        """Bring in the delayed inputs that are due. Inputs of calls that are gone are dropped."""
        hosting = self.executors.coglets.hosting
        if hosting is not None:
            hosting.loop.fire(self.kernel.now)
        for item in self.delays.due(self.kernel.now):
            match item:
                case Message(channel=channel, value=value, given=given):
                    self.entries.enter(channel, value, given)
                case Deed(act=act):
                    act()
                case SleepOver(call, over):
                    self.outside.resume(call)
                    self.outside.release(over.set)
                case Piece(call, text):
                    if call in self.kernel.calls:
                        self.outside.pieces.append((call, text))
                case Reply(call, value):
                    if call in self.kernel.calls:
                        self.outside.cancel(call)  # a question whose time is over
                        self.outside.results.append((call, value))
                case _:
                    assert_never(item)

    # ---- time ----------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the nanoseconds since the run began."""
        return time.monotonic_ns() - self.began

    def _latest(self, call: int) -> float:
        """Return the instant of `time.monotonic` up to which the run waits for a call, infinity if it has no bound.

        In a simulation that is no real time.
        """
        instants = [t for t in (self.kernel.deadline(call), self._limit) if t is not None]
        return (self.began + min(instants)) / 1e9 if instants and not self.options.sim else float("inf")

    def _poll(self) -> int | None:
        """Return the present instant to a step that takes long, or None if the run is to end and the step is given up.

        After a signal has reached the loop, the steps of the orderly stop may take until its deadline, or until a second
        signal.
        """
        if self._slice_is_over and not self._paused:
            self._paused = True
            self.kernel.pause()
        now = self.kernel.now if self.options.sim else self.now()
        stop_at = self.options.stop_at
        if self.stopping.begun:
            return None if self.stopping.overdue or self.signals > 1 else now
        if self.signals:
            return None
        return None if stop_at is not None and now > stop_at else now

    def _cut(self, cut: Cut, looks: int, begun: int | None) -> None:
        """Write to the journal that a step is cut short: at the step from which its place is counted, so that a replay stops there."""
        if self.sinks.journal is not None:
            step = self.kernel.steps if begun is None else begun
            self.sinks.journal.lines.append([step, self.kernel.now, "cut", cut, looks, begun])

    @property
    def _set_by(self) -> int:
        """By how many nanoseconds the clock of the machine was set, or 0. What a machine slept counts: the clock of the run stood still then."""
        ahead = 0 if self.options.sim else time.time_ns() - time.monotonic_ns() - self.clock
        return ahead if abs(ahead) > SET else 0

    def _follow_clock(self) -> None:
        """Tell the kernel if the clock of the machine was set."""
        ahead = self._set_by
        if ahead:
            self.clock += ahead
            self._event("clock", self.kernel.epoch + ahead)
            self.kernel.set_clock(self.kernel.epoch + ahead)

    def _bounded(self, now: int) -> int:
        """Return an instant, or that of `--for` if it is earlier."""
        return now if (limit := self._limit) is None else min(now, limit)

    def _advance(self, now: int) -> None:
        """Fire the timers up to `now`, instant by instant, each followed by what it sets off."""
        kernel = self.kernel
        while True:
            due = kernel.timers.next()
            if due is None or due > now:
                kernel.advance(now)
                self._event("time")
                return
            self._instant(due)
            kernel.run(LONGEST)
            if kernel.busy or kernel.ended or self._slice_is_over:
                return

    def _instant(self, due: int) -> None:
        """Advance the kernel to an instant of its timers, as an event of the journal."""
        if self.sinks.journal is not None:
            self.sinks.journal.lines.append([self.kernel.steps, due, "time"])
        self.kernel.advance(due)

    async def _wait(self) -> bool:
        """Wait for the world or the clock while the kernel has nothing to do. Return False if there is nothing to wait for."""
        if self.commit is not None and self.commit.waiting:
            if self._is_alone and self.commit.at_once(self._seconds_to(self._due())):
                self._let_leave()
            else:
                await self._news(self._due())  # of the writer too, which wakes the loop
            return True
        if (self.options.sim and not await self._round()) or self.kernel.effects:  # a task may have stopped the system
            return True
        due = self._due()
        limit, sim = self._limit, self.options.sim
        stays = self.options.stay and not self.stopping.begun
        if due is None and not stays and not self.outside.holds and not self.outside.asking:
            return self._quiet()
        if sim and not self.outside.holds and (due is not None or limit is not None):
            return self._jump(due)
        await self._news(due)
        return True

    @property
    def _is_alone(self) -> bool:
        """Return whether nothing is under way while effects wait for the disk, and nobody outside waits for it."""
        assert self.commit is not None
        return not self.outside.holds and not self.outside.has_news and not any(b.told for b in self.commit.waiting)

    async def _news(self, due: int | None) -> None:
        """Wait for news or an instant, and hand in what has come."""
        if not self.outside.has_news:
            seconds = min(self._seconds_to(due), self.stopping.left())
            while not await self.outside.wait(min(seconds, LOOK)) and seconds > LOOK and not self._set_by:
                seconds = min(self._seconds_to(due), self.stopping.left())
            self._slice_ends = time.monotonic() + SLICE
        self._admit()
        if not self.kernel.busy:
            self._stop_in_time()

    async def _round(self) -> bool:
        """Wait until no call works any more. Return False if the loop has to look at something else first."""
        await self.outside.settle()
        if self.outside.settled:
            return True
        await self.outside.wait(self.stopping.left())
        return False

    def _due(self) -> int | None:
        """Return the next instant at which something happens by itself."""
        hosting = self.executors.coglets.hosting
        of_loop = None if hosting is None else hosting.loop.next_timer()
        timers = self.kernel.timers.next(), self.delays.next(), of_loop
        return min((t for t in timers if t is not None), default=None)

    def _seconds_to(self, due: int | None) -> float:
        """Return the real seconds up to an instant or to `--for`, whichever comes first; in a simulation infinite ones."""
        instants = [] if self.options.sim else [t for t in (due, self._limit) if t is not None]
        return max(0.0, (min(instants) - self.now()) / 1e9) if instants else float("inf")

    def _jump(self, due: int | None) -> bool:
        """Move virtual time to the next instant at once."""
        limit = self._limit
        if limit is not None and (due is None or due > limit):
            self._advance(limit)
            self._time_is_over()
            return True
        assert due is not None
        self._instant(due)
        self._deliver_delayed()
        self._admit()
        return True

    # ---- the end -------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop the system in good order, and with it the run."""
        self._stop()
        self.outside.wake()

    def _stop(self) -> None:
        """Stop the kernel in good order, once."""
        if not self.stopping.begun:
            self.stopping.begin()
            self._event("stop")
            self.kernel.stop()

    def _interrupt(self, outcome: Ending) -> None:
        """Stop in good order at the first signal, at once at the second one."""
        again = self.outcome in EXIT_CODES
        self.outcome = outcome
        if again:
            self.background.cancel()
            return
        if not self.stopping.begun:
            self.cut_off += self.kernel.hooks()
        self.stop()

    def _time_is_over(self) -> None:
        """Stop in good order: `--for` has passed."""
        self.cut_off += self.kernel.hooks()
        self._stop()

    def _stop_in_time(self) -> None:
        """Stop a system that is never idle when `--for` has passed."""
        limit = self._limit
        if limit is not None and not self.options.sim and self.now() >= limit:
            self._time_is_over()

    @property
    def _limit(self) -> int | None:
        """Return the instant of `--for`, or None. Stopping has limits of its own."""
        return None if self.stopping.begun else self.options.stop_at

    def _note_hooks(self) -> None:
        """Take note of the hooks that the end of their time, or of the run, found at work."""
        known = [*self.unended, *self.cut_off]
        late = self.kernel.losses.hooks if self.kernel.ended else self.kernel.losses.hooks + self.kernel.hooks()
        self.cut_off += [hook for hook in late if hook not in known]

    def _quiet(self) -> bool:
        """Stop a run in which nothing waits and nothing will come, or report its deadlock. Return False when it has
        ended."""
        cycle = self.kernel.deadlock()
        if cycle:
            self.outcome = "deadlock"
            self.deadlock = cycle
            return False
        self.unended += self.kernel.hooks()
        self.unanswered += self.executors.settings.people.clock.unanswered.values()
        if not self.stopping.begun:
            self._stop()
            return True
        return False


def signals_of(sessions: Sequence[Session]) -> AbstractContextManager[None]:
    """Handle signals for the runs of one process while the body runs: each is stopped by them."""

    def caught(outcome: Ending) -> None:
        for session in sessions:
            session._interrupt(outcome)

    def pause() -> None:
        for session in sessions:
            session._pause()

    def dump() -> str:
        return "".join(describe(s.kernel, s.under_way, s.now()) for s in sessions)

    return signals(caught, pause, dump)
