"""The state of a run at any record of its trace, by a replay of its journal up to there.

The model. A journal has the events that entered the kernel, and the kernel does the rest again. It counts the records of its trace while it
does, so that the replay knows each of them by its number. Behind the wanted record the kernel is looked at (`inspection.inspect`), and the
replay ends by `_Reached`, which no code of the kernel takes. That kernel is then thrown away. Nothing of the world is asked, no program
runs, and the journal is only read: a run that goes on may be looked at.

Behind a record. Most records are made after what they tell of. Those of messages and calls are made before it (`_AHEAD`). Behind them the kernel
is looked at when the next record is about to be made, or when the step is over, whichever comes first: by then a message is in its
inboxes, and a call is under way. The states of all coglets are in any case those when the record was made (`_Watched.states_then`).

Checkpoints. On its way a replay writes the state of the kernel down (`checkpoints.py`), each `EVERY` records, at the next moment at which
a snapshot can be taken (`kernel/trial.py`). The next question begins with the last checkpoint before its record, and
reads the journal from there on alone. So it takes as long as the replay of `EVERY` records. Where a run has no such moment for a while,
it takes as long as the replay of that while.

Numbers. A record has the number that it has in the trace of the run. If the journal begins with a snapshot, what was before that is
not there; if the run was not traced, the records behind the snapshot count from 1.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import msgspec

from cogc.kernel import trial
from cogc.kernel.effects import Cancel, Effect
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import Instance, Out, Port
from cogc.kernel.priorities import ordered
from cogc.kernel.snapshot import instances
from cogc.kernel.trace import Record, Tracer
from cogc.kernel.unit import Unit
from cogc.language.values import hidden
from cogc.run import journal
from cogc.run.dump import UnderWay
from cogc.run.inspection import inspect
from cogc.run.journal import SNAPSHOT, Event, Outward, Place, checksum_of
from cogc.run.replay import Divergence, begin_with, replay
from cogc.run.retention import PRUNED
from cogc.run.trace import encoded
from cogc.traces.checkpoints import Checkpoint, Checkpoints

if TYPE_CHECKING:
    from cogc.language.values import Value

EVERY = 10_000
"""The records between two checkpoints, at least."""
_SHARE = 1_000
"""The bytes of a checkpoint for each record up to the next one: large states are written less often."""
_PORTION = 1 << 16
"""The bytes of a journal that are read at once."""
_VAIN = 64
"""The records after which a look for a moment without a wait is made again, for each one that was in vain."""
_AHEAD = frozenset(["input", "transmit", "send", "call", "ask", "dispatch", "guide", "tick", "steer", "over_capacity"])
"""The kinds of records that are made before what they tell of."""
_MOST_CALLS = 1_000
"""How many calls that were answered are remembered at most."""
_END = 1 << 62
Take = Callable[[list[Record]], object]
"""Takes the records of a replay, in their order."""


_OTHERS = {
    "sett": "it is the journal of a sett, not of a run of coglets: what a sett knows is on its board\n"
    "  help: `cogc run SPEC --replay FILE --trace=T` writes its trace, which `cogc view T` and `cogc graph SPEC --trace T --at SEQ` show",
    "runtime": "it is the journal of a runtime, not of a run of coglets: its programs came with requests\n"
    "  help: `cogc runtime replay FILE --trace T` writes its trace, which `cogc view T` shows",
}
"""The words about journals of other kinds."""


class NoMoment(LookupError):
    """There is no such record, or it is not known any more. The text says which ones there are."""


class Moment(NamedTuple):
    """A run at a record: the record, the state as `inspection.inspect` gives it, and the record from which it was replayed."""

    record: Record
    state: dict[str, Any]
    since: int


class Point(NamedTuple):
    """A place in a run from which another one may go on: a record, and where it stands among the events of the journal.

    `last` is the number of the last record by then, `event` the index of the event that was handed in when the record was made, or, if it was asked for what follows the step of the record,
    of the one that was due next. `steps` and `now` are those of the kernel, and `effects` how many had left the run by then; `open` has the
    calls that were under way, by their numbers, `called` those too that the replay has seen answered, `kernel` what was replayed.
    """

    record: Record
    last: int
    event: int
    steps: int
    now: int
    effects: int
    open: dict[int, UnderWay]
    called: dict[int, UnderWay]
    kernel: Kernel


class _Turns:
    """The turns of replays in several threads. One replay runs at a time, since the count of a step's work belongs to the process
    (`language/meter.py`). A long one lets others go ahead between two steps."""

    def __init__(self) -> None:
        self._lock, self._count = threading.Lock(), threading.Lock()
        self._waiting = 0

    def __enter__(self) -> None:
        with self._count:
            self._waiting += 1
        self._lock.acquire()
        with self._count:
            self._waiting -= 1

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def offer(self) -> None:
        """Let others go ahead, if some wait."""
        if self._waiting:
            self._lock.release()
            time.sleep(0.001)  # so that one of them takes the lock
            self.__enter__()


_TURNS = _Turns()


class _Reached(BaseException):
    """The replay is where it was to go. No code of the kernel takes this."""


def as_told(record: Record) -> Record:
    """Return a record as it stands in the file of a trace: times and durations as texts, secrets masked."""
    found: Record = msgspec.json.decode(encoded(record))
    return found


class Travel:
    """A journal whose moments can be looked at, with the program that is replayed.

    Raise OSError if the journal cannot be read, and ValueError if it is none of a run of coglets, or its beginning is damaged. Without
    `keeps` no checkpoints are read or written.
    """

    def __init__(self, path: Path, unit: Unit, keeps: bool = True) -> None:
        self.path = path
        self.unit = unit
        with open(path, "rb") as file:
            beginning = [file.readline(), file.readline()]
        self.head = journal.read_head(beginning[0])
        if PRUNED in self.head:
            raise ValueError("the events of this run were removed by `cogc runs --prune`")
        if "program" not in self.head or "sett" in self.head:
            raise ValueError(_OTHERS["sett" if "sett" in self.head else "runtime"])
        self.first = Place(len(beginning[0]), 0, checksum_of(beginning[0], self.head))
        self.is_other = self.head["program"] != unit.bundle.hash
        """True if the program is another one than that of the journal."""
        self.begins, self.carried = -1, 0
        """The record of the snapshot with which the journal begins, or -1, and how many effects had left by then."""
        if beginning[1].split(b",", 3)[2:3] == [b'"snapshot"']:
            (event,) = journal.load_part([beginning[1].removesuffix(b"\n")], self.head, self.first)
            self.begins = int(event[3]["kernel"]["seq"])
            self.carried = int(event[3]["shell"]["carried"])
        self.checkpoints = Checkpoints(path, b"".join(beginning), unit.bundle.hash) if keeps else None

    def at(self, seq: int, path: str = "") -> Moment:
        """Return a coglet and all below it, or the root, behind a record.

        Raise NoMoment if there is no such record, Failure of kind `missing` if there is no such coglet then, ValueError if the journal is damaged,
        `Divergence` if the program departs from it before that.
        """
        self._refuse(seq)
        replay = _Replay(self, seq - 1, _END)
        found: list[Moment | Exception] = []

        def look() -> None:
            try:
                state = inspect(replay.kernel, replay.under_way(), replay.tracer.then, path, contents=True)
                found.append(Moment(as_told(replay.tracer.wanted), state, replay.since))
            except Exception as error:  # not here, in the middle of a step, which would be blamed for it
                found.append(error)

        replay.tracer.stop_at(seq, _END, look)
        replay.run()
        if not found:
            raise NoMoment(f"the last record of the journal is {replay.tracer.seq}")
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def _refuse(self, seq: int) -> None:
        """Raise NoMoment for the number of a record that cannot be there."""
        if seq <= max(0, self.begins):
            raise NoMoment(
                f"the journal begins with a snapshot behind record {self.begins}: record {self.begins + 1} is the first"
                if self.begins > 0
                else "records count from 1"
            )

    def last_at(self, nanoseconds: int) -> int:
        """Return the number of the last record that is not behind an instant of the run. Raise NoMoment if there is none, and what `at` raises."""
        replay = _Replay(self, _END, nanoseconds)
        replay.tracer.stop_at(_END, nanoseconds, None)
        replay.run()
        if replay.tracer.seq <= max(0, self.begins):
            raise NoMoment("the journal has no record of that time")
        return replay.tracer.seq

    def point(self, seq: int, behind_step: bool) -> Point:
        """Return the place of a record, or with `behind_step` the place behind the step in which it was made. Raise what `at` raises."""
        self._refuse(seq)
        replay = _Replay(self, seq - 1, _END)
        tracer, found = replay.tracer, list[Point]()

        def look() -> None:
            kernel = replay.kernel
            left = replay.effects + (len(kernel.effects) if behind_step else 0)
            found.append(
                Point(
                    tracer.wanted,
                    tracer.seq,
                    replay.event,
                    kernel.steps,
                    kernel.now,
                    left,
                    replay.under_way(),
                    replay.calls,
                    kernel,
                )
            )

        tracer.stop_at(seq, _END, look, behind_step)
        replay.run()
        if not found:
            raise NoMoment(f"the last record of the journal is {tracer.seq}")
        return found[0]

    def write(self, take: Take, behind: int = 0) -> None:
        """Replay the journal as far as it goes, and give all its records, or those behind a record, with each state whole. Raise what `at` raises."""
        replay = _Replay(self, behind, _END, take)
        replay.tracer.whole_states = bool(behind)
        replay.run()
        replay.give()


class _Watched(Tracer):
    """A tracer that has a function called behind a certain record, and ends the replay there. Of the records before that it makes the numbers
    alone, unless somebody takes them all. `then` is the instant of that record."""

    __slots__ = (
        "behind_step", "is_behind", "makes_all", "on_stop", "states_then", "stop", "system", "then", "until", "wanted", "whole_states",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, run: str, makes_all: bool) -> None:
        super().__init__(kernel, run)
        self.system = kernel
        self.makes_all = makes_all
        self.stop = self.until = _END
        self.on_stop: Callable[[], None] | None = None
        self.is_behind = False
        self.behind_step = self.whole_states = False
        self.then = 0
        self.wanted: Record = {}
        self.states_then: dict[Instance, list[Value]] = {}

    def stop_at(self, stop: int, until: int, on_stop: Callable[[], None] | None, behind_step: bool = False) -> None:
        """End the replay behind the record of a number, or behind the step in which it is made, or before the first one that is later than an instant."""
        self.stop, self.until, self.on_stop, self.behind_step = stop, until, on_stop, behind_step

    def look(self) -> None:
        """End the replay if it is behind the record. This is called between steps, and before each record that follows."""
        if not self.is_behind:
            return
        now = {inst: inst.states for inst in self.states_then}
        try:
            for inst, states in self.states_then.items():
                inst.states = states
            if self.on_stop is not None:
                self.on_stop()
        finally:
            for inst, states in now.items():
                inst.states = states
        raise _Reached

    def _passes(self) -> bool:
        """Count a record, if nobody wants it, and return True."""
        if not self.behind_step:
            self.look()
        if self.kernel.now > self.until:
            raise _Reached
        if self.makes_all or self.seq + 1 >= self.stop:
            return False
        self.seq += 1
        return True

    def _made(self) -> int:
        """Take note of the states if the last record was the one that is wanted, and have the kernel stop behind this step."""
        if self.seq == self.stop:
            self.is_behind, self.then, self.wanted = True, self.kernel.now, self.records[-1]
            root = self.system.root
            self.states_then = {} if root is None else {i: list(i.states) for i in instances(root) if i.states}
            if self.wanted["kind"] not in _AHEAD and not self.behind_step:
                self.look()
            self.system.pause()
        return self.seq

    def record(self, kind: str, inst: Instance | None, cause: int = -1, **fields: object) -> int:
        if self._passes():
            return self.seq
        super().record(kind, inst, cause, **fields)
        return self._made()

    def transmit(self, inst: Instance, out: Out, value: Value) -> int:
        if self._passes():
            return self.seq
        super().transmit(inst, out, value)
        return self._made()

    def deliver(self, port: Port, cause: int) -> int:
        if self._passes():
            return self.seq
        super().deliver(port, cause)
        return self._made()

    def state(self, inst: Instance, name: str, value: Value) -> None:
        if self.whole_states:
            self.record("state", inst, name=name, data=hidden(value, self.kernel.private))
        elif not self._passes():
            super().state(inst, name, value)


class _Part(NamedTuple):
    """Some lines of a journal, their events, and the place before the first of them."""

    place: Place
    lines: list[bytes]
    events: list[Event]
    head: dict[str, Any]

    def place_of(self, event: int) -> Place:
        """Return the place before an event, given by its number in the journal."""
        before = self.lines[: event - self.place.events]
        if not before:
            return self.place
        offset = self.place.offset + sum(map(len, before)) + len(before)
        return Place(offset, event, checksum_of(before[-1] + b"\n", self.head))


class _Replay:
    """One replay: from the last checkpoint that is neither behind the record `seq` nor behind the instant `now`, else from the beginning of the
    journal. `since` is the record from which it goes."""

    def __init__(self, travel: Travel, seq: int, now: int, take: Take | None = None) -> None:
        self.travel = travel
        self.take = take
        self.calls: dict[int, UnderWay] = {}
        self.effects = travel.carried
        self.event = 0
        self.part = _Part(travel.first, [], [], travel.head)
        self.kernel, self.tracer = self._kernel()
        self.begin = self._begin(seq, now) if seq else None
        self.since = self.tracer.seq
        self._due = self.since + EVERY
        self._in_vain = 0

    def _kernel(self) -> tuple[Kernel, _Watched]:
        head = self.travel.head
        kernel = ordered(head.get("order", 0))(
            self.travel.unit, head["seed"], head["epoch"], True, head["run"], head.get("budget")
        )
        kernel.trace = tracer = _Watched(kernel, head["run"], self.take is not None)
        kernel.keeps_courses = self.travel.checkpoints is not None
        return kernel, tracer

    def _begin(self, seq: int, now: int) -> Checkpoint | None:
        """Give the kernel the state of a checkpoint, if there is one that fits the journal."""
        known = self.travel.checkpoints
        if known is not None:
            known.look()
        while known is not None and (found := known.before(seq, now)) is not None:
            try:
                if self._stands_in_journal(found.place):
                    for call in begin_with(self.kernel, [0, 0, SNAPSHOT, {"kernel": found.state}]):
                        self.calls[call.id] = UnderWay(call, found.since.get(str(call.id), found.now))
                    self.effects = found.effects
                    return found
            except (Divergence, AttributeError):
                pass
            known.drop(found.seq)
            self.calls.clear()
            self.effects = self.travel.carried
            self.kernel, self.tracer = self._kernel()
        return None

    def _stands_in_journal(self, place: Place) -> bool:
        """Return whether the journal still has the line behind which a place is."""
        with open(self.travel.path, "rb") as file:
            file.seek(place.offset - 11)
            try:
                return checksum_of(file.read(11), self.travel.head) == place.checksum
            except ValueError:
                return False

    # ---- the replay ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Replay up to the end of the journal, or to where the tracer stops it."""
        place = self.travel.first if self.begin is None else self.begin.place
        try:
            with _TURNS, open(self.travel.path, "rb") as file:
                for part in self._parts(file, place):
                    self.part = part
                    replay(
                        self.kernel, part.events, self._taken, goes_on=True, skipped=part.place.events, look=self._look
                    )
                self.tracer.look()
        except _Reached:
            pass

    def _parts(self, file: BinaryIO, place: Place) -> Iterator[_Part]:
        """Yield the journal from a place on, in parts. An event is never parted from the cuts of its step."""
        file.seek(place.offset)
        ahead = self._part(file, place)
        while ahead is not None:
            part = ahead
            end = part.place_of(part.place.events + len(part.lines))
            ahead = self._part(file, end)
            while ahead is not None and ahead.events and ahead.events[0][2] == "cut":
                part.events.append(ahead.events.pop(0))
                part.lines.append(ahead.lines.pop(0))
                ahead = ahead._replace(place=part.place_of(part.place.events + len(part.lines)))
                if not ahead.events:
                    ahead = self._part(file, ahead.place)
            yield part

    def _part(self, file: BinaryIO, place: Place) -> _Part | None:
        """Read the next lines, or None at the end. If the program is another one, these are all that follow, so that each call is compared."""
        data = file.read() if self.travel.is_other else file.read(_PORTION) + file.readline()
        *lines, torn = data.split(b"\n")
        if not lines:
            return None
        is_last = bool(torn) or self.travel.is_other or not file.peek(1)  # type: ignore[attr-defined]
        events = journal.load_part(lines, self.travel.head, place, is_last)
        return _Part(place, lines[: len(events)], events, self.travel.head)

    def _taken(self, effects: list[Effect]) -> None:
        """Take note of the calls that are under way."""
        self.effects += len(effects)
        for effect in effects:
            if isinstance(effect, Outward):
                self.calls[effect.id] = UnderWay(effect, self.kernel.now)
            elif isinstance(effect, Cancel):
                self.calls.pop(effect.id, None)
        if len(self.calls) > _MOST_CALLS + 2 * len(self.kernel.calls):
            self.calls = self.under_way()
        self.give()

    def give(self) -> None:
        """Give away the records by now."""
        records = self.tracer.take()
        if self.take is not None and records:
            self.take(records)

    def under_way(self) -> dict[int, UnderWay]:
        """Return the calls under way, those too that the step has asked for which is not over."""
        asked = {e.id: UnderWay(e, self.kernel.now) for e in self.kernel.effects if isinstance(e, Outward)}
        return {k: v for k, v in {**self.calls, **asked}.items() if k in self.kernel.calls}

    def _look(self, event: int) -> None:
        """End the replay if it is where it was to go. Write a checkpoint before an event, if one is due and nothing stands in its way."""
        if self.tracer.behind_step or not self.tracer.is_behind:
            self.event = event
        self.tracer.look()
        _TURNS.offer()
        if self.tracer.seq < self._due:
            return
        known, kernel = self.travel.checkpoints, self.kernel
        if known is None or self.travel.is_other:
            self._due = _END
            return
        if any(isinstance(effect, Outward) for effect in kernel.effects):
            return
        effects, kernel.effects = kernel.effects, []
        self._taken(effects)
        taken, _ = trial.taken(kernel)
        if taken is None:
            self._in_vain = min(self._in_vain + 1, 16)
            self._due = self.tracer.seq + _VAIN * self._in_vain
            return
        self._in_vain = 0
        self.calls = self.under_way()
        since = {str(call): known_call.began for call, known_call in self.calls.items()}
        state = {**taken, "seq": self.tracer.seq}
        place = self.part.place_of(event)
        size = 0
        if not known.has(self.tracer.seq):
            size = known.save(Checkpoint(self.tracer.seq, kernel.now, place, self.effects, since, state))
        self._due = self.tracer.seq + max(EVERY, size // _SHARE)
