"""The state of a running system, and the primitives that change it: queueing, sending, pressure, logs, random numbers.

The files that carry a run out take a `State` and stand above it; each calls only files below its own. Two verbs lead up again, because
whoever runs a user's code can meet them anywhere: a coglet fails (`fail`), and a generator asks for something
(`carry_out`). They are abstract here. `Kernel` in `machine.py`, which stands on all those files, has them, with the loop and the
events.
"""

from __future__ import annotations

import random
import uuid
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from cogc import ir
from cogc.kernel import ports
from cogc.kernel.door import Door
from cogc.kernel.effects import Cancel, Effect, LogLine, Output
from cogc.kernel.losses import AT_THE_END, KINDS, Losses
from cogc.kernel.models.state import ModelState
from cogc.kernel.objects import (
    CLOSED,
    PARKED,
    STOPPED,
    STOPPING,
    URGENT,
    Activity,
    ChildFailed,
    FailureReport,
    Instance,
    Out,
    Port,
    Waiter,
)
from cogc.kernel.once import Once
from cogc.kernel.outer import Outer
from cogc.kernel.timers import Firing, Timer, Timers
from cogc.kernel.trace import Tracer
from cogc.kernel.unit import CogletCode, Unit
from cogc.language.closed import assert_never
from cogc.language.values import Failure, Time, hidden

if TYPE_CHECKING:
    from cogc.kernel.models.state import Question
    from cogc.kernel.objects import Item, Urgent
    from cogc.kernel.once import Key, Sharer
    from cogc.kernel.waits import Request
    from cogc.language.values import Target, Value

T = TypeVar("T")
RING = 256
"""How many of the last messages are kept for the report of a failure."""
MOST_SENT = 1_500_000
"""How many messages may wait before a step that sends more fails."""
MOST_WAITING = 2_000_000
"""How many messages may wait for their turn, or for one coglet, before the run fails."""
LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3}


class Opened:
    """The tables of open coglets, whose channels and children become known while they run.

    `codes` has their code, `created` how many children of a name each has created, `listeners` the methods that wait
    for a value, by their tokens, and `sent` the inboxes to which methods have sent. `hosted` has the coglets that live in
    the shell's process, `causes` what the calls have followed from that their acts name, and `opaque` whether an object
    went between such coglets that no journal holds.
    """

    __slots__ = ("causes", "codes", "created", "hosted", "listeners", "opaque", "sent")

    def __init__(self) -> None:
        self.codes: dict[tuple[Unit, str], CogletCode] = {}
        self.created: dict[tuple[str, str], int] = {}
        self.listeners: dict[int, Activity] = {}
        self.sent: dict[Instance, list[Port]] = {}
        self.hosted: dict[str, Instance] = {}
        self.causes: dict[int, int] = {}
        self.opaque = False


class State(ABC):
    """All that a kernel knows of its run.

    `door` is the way of events into it.
    """

    __slots__ = (
        "calls",
        "cause",
        "door",
        "effects",
        "ended",
        "epoch",
        "first",
        "handles",
        "hearing",
        "hot",
        "keeps_courses",
        "lag",
        "losses",
        "messages",
        "models",
        "next_call",
        "now",
        "once",
        "opened",
        "outer",
        "outputs",
        "parked",
        "persisted",
        "private",
        "ready",
        "report",
        "ring",
        "root",
        "seed",
        "serial",
        "settling",
        "skipped",
        "steps",
        "streams",
        "telling",
        "timers",
        "trace",
        "unit",
        "units",
        "unsettled",
    )  # fmt: skip

    def __init__(
        self,
        unit: Unit,
        seed: int = 0,
        epoch: int = 0,
        traced: bool = False,
        run: str = "",
        budget: dict[str, Value] | None = None,
        root: str = "",
    ) -> None:
        self.first = root or unit.bundle.root
        self.models = ModelState(budget or {})
        self.unit = unit
        self.units = [unit]
        self.private = frozenset(unit.bundle.private)
        self.seed = seed
        self.epoch = epoch
        self.now = 0
        self.lag = 0
        """How long ago the timer was due that fires now: more than 0 in a run that is resumed."""
        self.steps = 0
        self.outputs = 0
        self.cause = 0
        self.trace = Tracer(self, run) if traced else None
        self.messages: deque[Item] = deque()
        self.ready: deque[Instance | None] = deque()  # None: a pause, which `run` takes
        self.hot: list[Port] = []
        self.ring: deque[Item] = deque(maxlen=RING)
        self.effects: list[Effect] = []
        self.timers = Timers()
        self.calls: dict[int, tuple[Activity, Instance, int | None]] = {}
        self.once = Once()
        self.handles: dict[int, str] = {}
        """The handles of calls under way that go on elsewhere, by the numbers of the calls."""
        self.next_call = 1
        self.serial = 0
        self.root: Instance | None = None
        self.keeps_courses = False
        """True if snapshots are taken, so that reactions that wait keep their courses."""
        self.telling: Activity | None = None
        """The reaction whose step is under way, if it has a course."""
        self.hearing: deque[tuple[str, Any]] | None = None
        """The answers that a reaction which is led along its course is still told in this step."""
        self.ended: str | None = None
        self.report: FailureReport | None = None
        self.losses = Losses()
        self.skipped = 0
        self.parked: dict[Instance, list[Port]] = {}
        self.streams: dict[tuple[str, str], random.Random] = {}
        self.persisted: dict[tuple[str, str], Any] = {}
        self.opened = Opened()
        self.outer = Outer(self)
        self.door = Door(self.crowded)
        self.settling: dict[tuple[str, str], list[Waiter]] = {}
        self.unsettled: dict[Instance, dict[tuple[str, int], str]] = {}

    # ---- the verbs that lead up ------------------------------------------------------------------------------

    @abstractmethod
    def fail(
        self, inst: Instance, failure: Failure, reaction: str, event: Value, report: FailureReport | None = None
    ) -> None:
        """Fail a coglet (`failing.fail`): `reaction` is where, `event` what it handled, `report` that of a child which it answers for."""

    @abstractmethod
    def carry_out(self, activity: Activity, request: Request) -> None:
        """Set going what an activity asks for (`requests.carry_out`). The answer comes by `activities.resume`."""

    # ---- units ---------------------------------------------------------------------------------------------

    def held(self, unit: Unit) -> Unit:
        """Return the unit of this kernel with the same program, positions included, or hold this one from now on.

        Two programs may differ in their positions alone: then each unit shows its own places in failures and traces.
        """
        for known in self.units:
            if known.bundle == unit.bundle:
                return known
        self.units.append(unit)
        self.private |= frozenset(unit.bundle.private)
        return unit

    def code(self, unit: Unit, key: str) -> CogletCode:
        """Return the code of a coglet of a unit; an open coglet changes its code, so this kernel has its own."""
        coglet = unit.bundle.coglets[key]
        if coglet.open:
            return self.open_code(unit, key, lambda: coglet)
        return unit.code(key, self.trace is not None)

    def open_code(self, unit: Unit, key: str, declared: Callable[[], ir.Coglet]) -> CogletCode:
        """Return this kernel's own code of an open coglet, compiled at its first use."""
        found = self.opened.codes.get((unit, key))
        if found is None:
            found = self.opened.codes[unit, key] = unit.fresh(declared(), self.trace is not None)
        return found

    @property
    def busy(self) -> bool:
        """True while a message waits or a coglet is ready."""
        return bool(self.messages or self.ready)

    def touch(self, what: object) -> None:  # noqa: B027  # most kernels take no note
        """Take note of what a step changes beside its own coglet. Only a kernel that tells orders apart does (`touching.py`)."""

    def wake(self, inst: Instance) -> None:
        """Make a coglet ready whose gate is open again and for which something waits."""
        if not inst.gate & CLOSED and (inst.backlog or inst.rest or inst.gate & URGENT):
            self.ready.append(inst)

    def arm(self, inst: Instance, due: int, function: Firing, what: tuple[Any, ...] | None = None) -> Timer:
        """Arm a timer that dies with its coglet's life."""
        timer = self.timers.add(due, Timer(function, inst, None, what))
        if inst.timers is None:
            inst.timers = []
        inst.timers.append(timer)
        if len(inst.timers) > 16:
            inst.timers = [t for t in inst.timers if t.function is not None]
        return timer

    def put_ahead(self, inst: Instance, entry: Urgent, first: bool = False) -> None:
        """Put something ahead of a coglet's data, and see that its turn comes. Errors of children go first."""
        self.touch(inst)
        if inst.urgent is None:
            inst.urgent = deque()
        if first:
            position = sum(1 for e in inst.urgent if isinstance(e, ChildFailed))
            inst.urgent.insert(position, entry)
        else:
            inst.urgent.append(entry)
        inst.gate |= URGENT
        token = Port(inst, "commands", (), 0)
        self.messages.append((token, None, 0))

    # ---- sending -------------------------------------------------------------------------------------------

    def emit(self, inst: Instance, number: int, value: Value) -> None:
        """Transmit on an own channel: to every target at once."""
        out = inst.outs[number]
        if out is None:
            out = ports.out(inst, number)
        out.count += 1
        messages = self.messages
        port = out.only
        if port is not None:  # most outputs lead to one inbox, and nowhere else
            fill = port.fill + 1
            if fill >= port.capacity:
                self._full(port, value)
            else:
                port.fill = fill
                messages.append((port, value, 0))
            return
        for port in out.targets:
            fill = port.fill + 1
            if fill >= port.capacity:
                self._full(port, value)
            else:
                port.fill = fill
                messages.append((port, value, 0))
        if out.extra:
            for target in out.extra:
                target(value)
        elif not out.targets:
            self.unheard(inst, out, value)

    def emit_traced(self, inst: Instance, number: int, value: Value) -> None:
        """Transmit on an own channel, with a record in the trace."""
        out = inst.outs[number]
        if out is None:
            out = ports.out(inst, number)
        out.count += 1
        assert self.trace is not None
        before, self.cause = self.cause, self.trace.transmit(inst, out, value)
        for port in out.targets:
            self.push(port, value)
        if out.extra:
            for target in out.extra:
                target(value)
        elif not out.targets:
            self.unheard(inst, out, value)
        self.cause = before

    def push(self, port: Port, value: Value) -> None:
        """Put a message into a port's inbox."""
        fill = port.fill + 1
        if fill >= port.capacity:
            self._full(port, value)
        else:
            port.fill = fill
            self.messages.append((port, value, self.cause))

    def hand_on(self, target: Port | Target, value: Value) -> None:
        """Hand a message to one target of a route: push it into a port, or call a function with it."""
        if isinstance(target, Port):
            self.push(target, value)
        else:
            target(value)

    def admit(self, port: Port, value: Value) -> None:
        """Put a message into a port's inbox whatever its fill: from feedback links, timers and the outside."""
        port.fill += 1
        self.messages.append((port, value, self.cause))

    def _full(self, port: Port, value: Value) -> None:
        """Put a message that fills an inbox, or comes to a full one, where the port's `overflow` says."""
        if port.overflow == "block":
            port.fill += 1
            self.messages.append((port, value, self.cause))
            self.hot.append(port)
        elif port.fill < port.capacity:
            port.fill += 1
            self.messages.append((port, value, self.cause))
        elif port.overflow == "drop_newest":
            self.discard((port, value, self.cause), "dropped", taken=True)
        elif port.overflow == "drop_oldest":
            self._drop_oldest(port)
            port.fill += 1
            self.messages.append((port, value, self.cause))
        elif port.overflow == "fail":
            raise Failure("overflow", f"the inbox `{port.label}` of `{port.inst.path}` is full: {port.capacity}")
        else:
            assert_never(port.overflow)

    def _drop_oldest(self, port: Port) -> None:
        """Drop the oldest message that waits for a port."""
        for waiting in (port.inst.backlog or (), self.messages):
            for item in waiting:
                if item[0] is port:
                    waiting.remove(item)  # type: ignore[union-attr]
                    self.discard(item, "dropped")
                    return

    def crowded(self) -> None:
        """Raise Failure in a step that sends more messages than may wait."""
        if len(self.messages) > MOST_SENT:
            raise Failure("bound", f"{self.crowd()}; the limit is {MOST_SENT}")

    def crowd(self) -> str:
        """Return how many messages wait, and where most of them do."""
        found: Counter[Port] = Counter(item[0] for item in self.messages)
        port, count = found.most_common(1)[0]
        whole = f"{len(self.messages)} messages wait for their turn"
        return whole if port.own else f"{whole}, {count} of them for `{port.label}` of `{port.inst.path}`"

    def discard(self, item: Item, reason: str, taken: bool = False) -> None:
        """Count a message that will not be handled, and record it in the trace with its reason."""
        port, message, cause = item
        self.lose(reason)
        if not taken:
            port.fill -= 1
            if port.waiters:
                self.release(port)
        if self.trace:
            kind = "drop" if reason == "dropped" else "dead_letter"
            self.trace.record(kind, port.inst, cause=cause, port=port.label, reason=reason, data=message)

    @property
    def dead_letters(self) -> int:
        """The number of messages that were not handled."""
        return self.losses.letters.total()

    def lose(self, reason: str) -> None:
        """Count a message that will not be handled."""
        ending = self.root is not None and self.root.gate & (STOPPING | STOPPED)
        self.losses.letters[AT_THE_END if ending else reason] += 1

    def unheard(self, inst: Instance, out: Out, value: Value) -> None:
        """Count a message to which nobody listens. The `failed` of an agent, team, plan or definition of done is
        logged too."""
        if out.muted or out.shared:
            return
        kind = inst.code.ir.kind
        if kind == "coglet":
            if not (out.name == "log" and inst.code.ir.logged_from >= 0):  # people see it as a log
                self.losses.unheard[f"{inst.code.name}.{out.name}"] += 1
        elif out.name == "failed" and kind in KINDS:
            self.unheard_failure(inst, out, value)

    def unheard_failure(self, inst: Instance, out: Out, value: Value) -> None:
        """Count and log the `failed` of an agent, team, plan or definition of done to which nobody listens."""
        kind = inst.code.ir.kind
        self.losses.failures += 1
        self.lose("unheard")
        if self.trace:
            self.trace.record("dead_letter", inst, port=out.name, reason="unheard", data=value)
        why = value["message"] if kind != "dod" and isinstance(value, dict) else "it is not met"
        said = f"this {KINDS[kind]} failed, and nobody listens to `failed`: {why}"
        self.effects.append(LogLine("error", inst.path, said, self.now))

    # ---- pressure ------------------------------------------------------------------------------------------

    def press(self, inst: Instance) -> None:
        """Park a coglet, after a step of it, until each full inbox that it wrote to has room."""
        full, self.hot[:] = self.hot[:], []
        for port in full:
            if port.fill < port.capacity or port.inst.gate & STOPPED or port.inst is inst:
                continue
            if self._waits_for(port.inst, inst):
                if self.trace:
                    self.trace.record("over_capacity", inst, port=f"{port.inst.path}.{port.label}", fill=port.fill)
                continue
            if port.waiters is None:
                port.waiters = []
            if inst not in port.waiters:
                port.waiters.append(inst)
                inst.parked += 1
                self.parked.setdefault(inst, []).append(port)
        if inst.parked and not inst.gate & PARKED:
            inst.gate |= PARKED
            if self.trace:
                self.trace.record("park", inst, ports=[f"{p.inst.path}.{p.label}" for p in self.parked[inst]])

    def _waits_for(self, child: Instance, parent: Instance) -> bool:
        """Return whether a child is parked on its parent, which therefore must not be parked on the child."""
        return child.parent is parent and any(p.inst is parent for p in self.parked.get(child, ()))

    def release(self, port: Port) -> None:
        """Let those go on that were parked on a port alone, if it has room again."""
        if port.fill >= port.capacity or not port.waiters:
            return
        waiters, port.waiters = port.waiters, None
        for inst in waiters:
            inst.parked -= 1
            self.parked[inst].remove(port)
            if not inst.parked:
                del self.parked[inst]
                inst.gate &= ~PARKED
                if self.trace:
                    self.trace.record("unpark", inst)
                self.wake(inst)

    def deadlock(self) -> list[str] | None:
        """Return, at quiescence, who waits for whom for ever; None if nobody does."""
        if not self.parked:
            return None
        return [f"{inst.path} -> {p.inst.path}.{p.label}" for inst, ports in self.parked.items() for p in ports]

    # ---- logs and random numbers ----------------------------------------------------------------------------

    def log(self, inst: Instance, level: str, value: Value) -> None:
        """Log a value: to the trace, to people, and to the `log` channel from the coglet's level on."""
        if self.trace:
            self.trace.record("log", inst, level=level, data=value)
        self.effects.append(LogLine(level, inst.path, hidden(value, self.private), self.now))
        from_state = inst.code.ir.logged_from
        if from_state >= 0 and LEVELS[level] >= LEVELS[inst.states[from_state]]:
            number = inst.code.transmit_names.index("log")
            emit = self.emit if self.trace is None else self.emit_traced
            emit(inst, number, {"level": level, "data": value})

    def report_fault(self, inst: Instance, fault: Failure) -> None:
        """Ask the people who run the program to send in a fault of cogc; its coglet fails by itself."""
        place = inst.code.unit.place(fault.at)
        where = f" at {place}" if place else ""
        message = f"{fault.message}{where}. Please send it to the authors of cogc, with the spec"
        self.effects.append(LogLine("error", inst.path, message, self.now, fault.trace))

    def stream(self, path: str, use: str = "") -> random.Random:
        """Return the random numbers of one coglet, which follow from the run's seed. Draws of other coglets do not
        move them."""
        key = (path, use)
        if key not in self.streams:
            self.streams[key] = random.Random(f"{self.seed}/{path}/{use}")
        return self.streams[key]

    def moment(self, inst: Instance) -> Time:
        """Return the time that `now()` gives."""
        return self.noted(inst, "now", Time(self.epoch + self.now))

    def random(self, inst: Instance) -> float:
        """Return the next number of `random()`."""
        return self.noted(inst, "random", self.stream(inst.path).random())

    def jitter(self, inst: Instance) -> float:
        """Return a number from 0 to 1, for the pause before another attempt of a coglet."""
        return self.noted(inst, "jitter", self.stream(inst.path, "attempts").random())

    def uuid(self, inst: Instance) -> str:
        """Return the next identifier of `uuid()`."""
        bits = self.stream(inst.path, "uuid").getrandbits(128)
        return self.noted(inst, "uuid", str(uuid.UUID(int=bits, version=4)))

    def kept(self, inst: Instance, name: str) -> Value:
        """Return what a coglet has kept under a name, or None."""
        return self.noted(inst, "kept", self.persisted.get((inst.path, name)))

    def shared(self, inst: Instance, key: Key, sharer: Sharer) -> bool:
        """Return whether an effect that a coglet asks for is done or under way (`Once.shared`)."""
        return self.noted(inst, "shared", self.once.shared(key, sharer))

    def answer(self, inst: Instance, question: Question) -> list[Any]:
        """Return the answer to a question of a coglet's tool as a list of one, or an empty list if there is none yet."""
        return self.noted(inst, "answer", [question.answer] if question.answered else [])

    def noted(self, inst: Instance, kind: str, value: T) -> T:
        """Return what a coglet gets from outside of its reaction. The course of that reaction keeps it (`courses.py`)."""
        telling = self.telling
        if telling is not None and telling.inst is inst and telling.course:
            telling.course[-1].heard.append((kind, value))
        return value

    # ---- ending --------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """True if nothing waits, nothing is under way, and no timer is armed."""
        return not self.busy and not self.calls and self.timers.next() is None

    def deadline(self, call: int) -> int | None:
        """Return the instant at which nobody waits for a call any more, or None if there is no such instant."""
        known = self.calls.get(call)
        activity, instants = known[0] if known is not None else None, []
        while activity is not None:
            if activity.deadline is not None:
                instants.append(activity.deadline)
            activity = activity.parent
        return min(instants, default=None)

    def cancel(self, activity: Activity) -> None:
        """Cancel the calls of an activity that nobody waits for any more."""
        for call in activity.calls:
            self.calls.pop(call, None)
            self.models.over(call)
            self.once.given_up(call)
            self.handles.pop(call, None)
            self.effects.append(Cancel(call))
        activity.calls.clear()

    def output(self, channel: str, value: Value) -> None:
        """Send what the root transmits out of the system."""
        seq = self.trace.record("output", self.root, channel=channel, data=value) if self.trace else 0
        self.outputs += 1
        self.effects.append(Output(channel, value, seq, self.outputs))
