"""The effects of a run, carried out once what led to them is written down.

This is one half of a session; `session.py` has the other half, the loop. After each stretch of the kernel the loop calls
`_release`. It writes the journal, then the trace. In a run that is not durable it then carries out the effects at once. In
a durable one they wait until the journal is on disk (`commit.py`), while the kernel goes on.

Each effect has a number: how many there were before it in this run. The kernel is deterministic, so an effect has the
same number when the run is resumed. `carried` is how many were carried out, and the journal notes it (`left`) with the next
write after one that leaves the run. So a resumed run knows which effects had left for certain.

A call that changes nothing in the world (`is_free`) does not wait for the disk: it is begun when it is written down. Its place in
the order of effects stays that of its batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeGuard, assert_never

import trio

from cogc.kernel.effects import (
    AgentMessage,
    Ask,
    Call,
    Cancel,
    ChildMessage,
    Dispatch,
    Effect,
    Forget,
    LogLine,
    OrderDone,
    OrderNews,
    Output,
    Persist,
    Unclaim,
)
from cogc.kernel.machine import Kernel
from cogc.language.values import Duration, Failure
from cogc.run.background import Background
from cogc.run.commit import Commit
from cogc.run.delayed import Delays, Piece, Reply
from cogc.run.dump import UnderWay
from cogc.run.entries import Entries
from cogc.run.executors import Executors
from cogc.run.journal import Outward
from cogc.run.keys import Keys
from cogc.run.models import Models
from cogc.run.options import RunOptions, Sinks
from cogc.run.orders import Orders
from cogc.run.outside import Outside
from cogc.run.taps import Taps

if TYPE_CHECKING:
    from cogc.run.dispatch import Dispatchers

LEAVING = (Output, LogLine, Unclaim)
"""The effects that a resumed run carries out again, unless they have left for certain."""


def is_free(effect: Effect) -> TypeGuard[Call]:
    """Return whether a call may be made before what led to it is on disk: nobody would miss it. So is the record of a plan that the run
    holds: the run writes it anew when it goes on."""
    if not isinstance(effect, Call):
        return False
    program = effect.program
    return program.effects == "none" or (program.kind == "plan store" and program.argument == "save")


class Table(Protocol):
    """A table of a service in snapshots. A class that names this one as its base can always be written."""

    def obstacle(self) -> str:
        """Return what keeps the table from being written now, or nothing."""
        return ""

    def written(self) -> Any:
        """Return the table as values of the language."""

    def take_up(self, data: Any) -> None:
        """Make the table again, once the kernel has its state."""


class Parts(NamedTuple):
    """The parts of which a session is made."""

    kernel: Kernel
    options: RunOptions
    outside: Outside
    background: Background
    executors: Executors
    models: Models
    sinks: Sinks


class Carrier:
    """The half of a session that carries out effects.

    `outputs` has the messages of the root's channels that are kept, `last` the last message of each channel. `limited` are the
    questions with a timeout, `listening` the calls of methods that wait for a child, by their tokens.
    """

    def __init__(self, parts: Parts) -> None:
        self.kernel, self.options, self.outside, self.background, self.executors, self.models, self.sinks = parts
        self.delays = Delays()
        self.limited: set[int] = set()
        self.listening: dict[int, int] = {}
        self.outputs: dict[str, list[Any]] = {}
        self.last: dict[str, Any] = {}
        self.taps = Taps(self.kernel)
        self.orders = Orders(self.kernel, self.outside, self._event)
        self.entries = Entries(self.kernel, self.outside, self._event, Keys(self.taps))
        self.under_way: dict[int, UnderWay] = {}
        self.carried = 0
        self.ahead: set[int] = set()
        """The calls that were begun before their batch is on disk."""
        self.commit: Commit | None = None
        if self.sinks.sync is not None and self.sinks.journal is not None:
            self.commit = Commit(self.sinks.journal, self.sinks.sync, self.outside.wake)
            self.outside.told = []
        self.objects: dict[str, tuple[Any, Any]] = {}
        """The last states that objects in Python have saved, by path: parameters and state."""
        self.begun_at: dict[int, int] = {}
        """The instants at which the calls under way were begun."""
        self.since: dict[int, int] = {}
        """The instants at which calls were begun first that a resumed run begins again."""
        self.notes: dict[str, Callable[..., object]] = {}
        """The functions that take the notes of the journal when the run is resumed, by their kinds."""
        self.tables: dict[str, Table] = {}
        """The tables of a service, which follow from the notes, and stand in snapshots by these names."""
        self.kept_tables: dict[str, Any] = {}
        """Tables of a snapshot that nobody in this process keeps: they go on into the next one."""
        self.on_resumed: list[Callable[[], object]] = []
        """The functions that are called when the state of a resumed run is there, before anything of it goes on."""
        self._noted = 0
        self._left = 0
        self._kept = self._keeps()

    @cached_property
    def dispatchers(self) -> Dispatchers:
        """The dispatchers of the run."""
        from cogc.run.dispatch import Dispatchers  # for agents that run elsewhere alone

        return Dispatchers(self.executors.settings)

    def _keeps(self) -> frozenset[str]:
        """Return the channels of the root whose messages are kept."""
        if self.options.keep is not None:
            return self.options.keep
        return frozenset(c.name for c in self.kernel.unit.bundle.coglets[self.kernel.first].transmits)

    def note(self, kind: str, *data: Any) -> None:
        """Write an event to the journal that the shell brings about by itself."""
        self._event(kind, *data)
        if kind == "revived":
            self.objects.pop(data[0], None)

    def heard_up_to(self, number: int) -> None:
        """Take note that the messages of the root up to a number have left."""
        self._noted = number

    def remember(self, kind: str, *data: Any) -> None:
        """Note in the journal of a durable run what a service has to know when the run goes on; `notes` takes it then."""
        if self.commit is not None:
            self._event(kind, *data)

    async def certain(self) -> None:
        """Wait until all that has happened by now is on disk, in a durable run."""
        told = trio.Event()
        self.outside.acknowledge(told.set)
        self.outside.wake()
        await told.wait()

    def _event(self, kind: str, *data: Any) -> None:
        """Write an event to the journal."""
        if self.sinks.journal is not None:
            self.sinks.journal.event(self.kernel, kind, *data)

    def now(self) -> int:
        """Return the nanoseconds since the run began."""
        raise NotImplementedError

    def resumes_at(self) -> int:
        """Return the instant at which a resumed run goes on. On a clock that was set back, no time has passed."""
        now = self.kernel.now
        return now if self.options.sim else max(now, time.time_ns() - self.kernel.epoch - self.options.behind)

    def recall(self, ask: Ask) -> None:
        """Take note of a request that was made before the run was resumed."""
        self.models.recall(ask)

    def _latest(self, call: int) -> float:
        """Return the instant of `time.monotonic` up to which the run waits for a call."""
        raise NotImplementedError

    def _release(self) -> None:
        """Write down what happened, then carry out the effects of the stretch, or let them wait until that is on disk."""
        commit = self.commit
        if commit is None:
            self._write_down()
            effects, self.kernel.effects = self.kernel.effects, []
            self._carry_out(effects)
            return
        try:
            self._write_down()
        except OSError as error:
            commit.fail(error)
        effects, self.kernel.effects = self.kernel.effects, []
        told, self.outside.told = self.outside.told, []
        ahead = 0
        if commit.failed is None:
            for effect in effects:
                if is_free(effect):
                    ahead += 1
                    self.ahead.add(effect.id)
                    self._call(effect)
        commit.add(effects, told or [], ahead, any(call in self.outside.scopes for call in self.ahead))
        self._let_leave()

    def _let_leave(self) -> None:
        """Carry out the effects that may leave by now, and acknowledge what came from outside."""
        assert self.commit is not None
        for batch in self.commit.due():
            self._carry_out(batch.effects)
            for tell in batch.told:
                tell()

    def _write_the_last(self) -> None:
        """Write what happened at the end of the run, and acknowledge what came in last."""
        commit = self.commit
        if commit is None:
            self._write_down()
        elif commit.failed is None:
            try:
                self._write_down()
            except OSError as error:
                commit.fail(error)
                return
            commit.finish()
            told = [tell for batch in commit.due() for tell in batch.told] + (self.outside.told or [])
            self.outside.told = None
            for tell in told:
                tell()

    async def _settle(self) -> None:
        """Wait until every effect has left whose events are written."""
        if self.commit is not None and self.commit.waiting:
            await self.commit.settle()
            self._let_leave()

    def _write_down(self) -> None:
        """Write the journal, then the trace: an effect is released only when what led to it is written."""
        journal = self.sinks.journal
        if journal is not None:
            self._note_left()
            for effect in self.kernel.effects:
                if isinstance(effect, Outward):
                    journal.call(self.kernel, effect)
            journal.flush()
        if self.kernel.trace is not None:
            self.write_trace()

    def _note_left(self) -> None:
        """Note in the journal how many effects were carried out by now."""
        if self._left:
            self._event("left", self._left)
            self._left = 0

    def write_trace(self) -> None:
        """Write what the kernel has traced."""
        assert self.kernel.trace is not None
        records = self.kernel.trace.take()
        if records:
            self.taps.records(records)
            if self.sinks.trace is not None:
                self.sinks.trace.write(records)
            if self.options.on_records is not None:
                self.options.on_records(records)

    def _carry_out(self, effects: list[Effect]) -> None:
        """Carry out effects, in the order in which the kernel left them."""
        changed: dict[tuple[str, str], Any] = {}
        gone: list[str] = []
        for effect in effects:
            match effect:
                case Call() | Ask() | Dispatch():
                    if effect.id in self.ahead:
                        self.ahead.discard(effect.id)
                    else:
                        self._call(effect)
                case Cancel(id=call):
                    self.outside.cancel(call)
                    self.delays.drop(call)
                case AgentMessage():
                    self.dispatchers.send(effect)
                case Unclaim():
                    self.executors.claims.give_back((effect.unit, effect.queue), effect.item, effect.failure)
                case OrderDone() | OrderNews():
                    self.orders.tell(effect)
                case ChildMessage():
                    self.outside.resume(self.listening.pop(effect.token, 0))
                    self.outside.release(partial(self.executors.coglets.deliver, effect))
                case Output():
                    self.note_output(effect)
                    if self.options.on_output is not None:
                        self.options.on_output(effect)
                case LogLine():
                    if self.options.on_log is not None:
                        self.options.on_log(effect)
                case Persist():
                    changed[effect.path, effect.name] = effect.value
                case Forget(path=path):
                    gone.append(path)
                    changed = {k: v for k, v in changed.items() if k[0] != path and not k[0].startswith(f"{path}/")}
                case _:
                    assert_never(effect)
        if (changed or gone) and self.sinks.states is not None:
            self.sinks.states.save(changed, gone)
        self.carried += len(effects)
        if self.sinks.journal is not None and any(isinstance(effect, LEAVING) for effect in effects):
            self._left = self.carried

    def note_output(self, effect: Output) -> None:
        """Take note of a message of the root: for those who follow it, for `--until`, for the end of the run.

        A message that leaves once more in a resumed run is known already.
        """
        if effect.number <= self._noted:
            return
        self._noted = effect.number
        self.last[effect.channel] = effect.value
        self.taps.output(effect)
        if effect.channel in self._kept:
            self.outputs.setdefault(effect.channel, []).append(effect.value)

    def _call(self, call: Outward) -> None:
        """Begin a call: a scripted reply is due later on the kernel's clock, everything else is a task."""
        since = self.begun_at[call.id] = self.since.pop(call.id, self.kernel.now)
        answer = self.models.answer(call) if isinstance(call, Ask) else None
        if answer is not None:
            delay, value = answer
            if isinstance(call, Ask) and call.streams:
                from cogc.run.scripted import pieces  # for scripted models alone

                for share, piece in pieces(value):
                    self.delays.add(since + int(delay * share), Piece(call.id, piece))
            self.delays.add(since + delay, Reply(call.id, value))
            return
        scope = self.outside.begin(call.id)
        if isinstance(call, Call):
            self.executors.claims.began(call)
            self._ask_person(call, since)
        self.outside.release(partial(self.background.start_soon, self._execute, call, scope))

    def replies(self) -> list[list[Any]]:
        """Return the scripted replies that are on their way: call, delay since the call in nanoseconds, reply."""
        found = [entry for entry in self.delays.replies() if entry[1] not in self.limited]
        return [[call, due - self.begun_at.get(call, due), reply] for due, call, reply in found]

    def _ask_person(self, call: Call, since: int) -> None:
        """Take note of a question to a person, whose timeout passes on the clock of the run since it was asked."""
        program = call.program
        if program.kind != "human":
            return
        self.outside.ask(call.id)
        limit = call.request.get("timeout")
        if isinstance(limit, Duration):
            late = Failure("timeout", f"program `{program.name}` took longer than {limit.nanos / 1e9:g}s")
            self.delays.add(since + limit.nanos, Reply(call.id, late))
            self.limited.add(call.id)

    async def _execute(self, call: Outward, scope: trio.CancelScope) -> None:
        """Carry out a call in its scope, and hand in its result."""
        self.under_way[call.id] = UnderWay(call, self.now())
        with scope:
            self.outside.result(call.id, await self._value(call))
        del self.under_way[call.id]
        self.begun_at.pop(call.id, None)
        if scope.cancelled_caught:
            self.executors.claims.cancelled(call.id)
        self.outside.left(call.id)

    async def _value(self, call: Outward) -> Any:
        """Return the result of a call, or a Failure."""
        match call:
            case Ask():
                return await self.models.ask(call, partial(self.outside.piece, call.id))
            case Dispatch():
                return await self.dispatchers.run(call, partial(self.outside.progress, call.id))
            case Call():
                call.handle = self.kernel.handles.get(call.id, "")
                return await self.executors.execute(call, self._latest(call.id))
            case _:
                assert_never(call)
