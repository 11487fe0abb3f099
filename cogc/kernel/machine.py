"""The machine: one queue of messages, and the loop that takes them.

**The model.** A message is a tuple `(port, value, cause)`; it stays a tuple because the loop makes and takes one for each
delivery. A message is put into the message queue when it is sent, and taken when its turn comes. A coglet that cannot take the
message then keeps it in its backlog, in order. `Instance.gate` says why a coglet cannot: one bit for each reason, 0 for a
coglet that is free.

**The invariants.**

- Coglets run in the order of their first pending message. Nothing depends on anything but the order in which events are
  admitted: no hash order, no clock, no random number but those of a coglet's own stream.
- A message leaves its port's `fill` exactly once: when it is delivered, taken by an `await`, completed in a round of
  `on all`, or discarded as a dead letter.
- Commands and errors of children go ahead of data within a coglet; the backlog goes ahead of what was sent later.
- `ready` is empty whenever `run` returns, so that a replay can stop at the same place as the recording.
- Pressure is looked at once after a step, never inside an emit: a reaction always runs to its end or its next wait.

**The order of events.** `run` takes coglets from `ready` first: they have become free, and their backlog is older than
the message queue. Then it takes one message. The fast path is one function call: a coglet with gate 0 and a port with one plain
reaction, or with one link that leads on (`Port.simple`). All else goes through `offer`: urgent entries first, then a dead letter for a coglet that
stops, an `await` that takes the message, the backlog of a coglet that is closed, or `deliver`. `deliver` forwards on
links of the listen channel, then runs the port's reactions in textual order. After each step `press` parks the coglet on
the inboxes that it has filled.

**Steps of the kernel's own** (the rest of a reaction that has its answer, the end of `stop self`, a batch whose time is
over) are messages too, on ports that `ports.step` makes. So they have their turn in the same order on every replay.

**A worked example.** `Source` emits 1 and 2 to `Middle`, whose reaction waits for a program.

1. `input` puts `(Source.go, 2)` into the message queue; `run` takes it; the reaction emits twice, so that two messages for
   `Middle.x` wait in the message queue.
2. `run` takes the first: the reaction waits, so `offer` delivers it by `reactions`; the generator yields a `CallProgram`,
   the effect `Call(1)` is recorded, and the gate of `Middle` is HELD.
3. `run` takes the second: the gate is closed, the message goes into the backlog. The message queue is empty, `run` returns.
4. The shell carries out the effect and calls `result(1, value)`. A step is put into the message queue.
5. `run` takes the step: the generator goes on and ends. `Middle` is free, and goes into `ready`.
6. `run` drains `Middle`: the second message is delivered as in 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from cogc.kernel import (
    claims,
    commands,
    creation,
    disturb,
    failing,
    hosted,
    joins,
    orders,
    periods,
    ports,
    programs,
    python,
    reactions,
    requests,
    supervision,
    wiring,
)
from cogc.kernel.effects import Persist
from cogc.kernel.models import agents, conversation, steering
from cogc.kernel.objects import (
    AWAITING,
    BACKLOG,
    CLOSED,
    FAILED,
    STARTING,
    STOPPED,
    STOPPING,
    URGENT,
    Instance,
    Port,
)
from cogc.kernel.state import MOST_WAITING, State
from cogc.kernel.timers import Timer
from cogc.kernel.unit import unfit
from cogc.kernel.waits import Talk
from cogc.language.meter import METER, Interrupted
from cogc.language.values import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cogc.kernel.objects import Item
    from cogc.kernel.shapes import Progress
    from cogc.kernel.unit import Unit
    from cogc.language.values import Check, Function, Value

ENDING = "the run is ending"
BLOCK = 4096
"""How many messages are taken between two looks at how many wait."""


Find: TypeAlias = Callable[[str], Instance]
"""Returns the coglet at a path, or what stands for one that is there no more."""


def _check_of(root: Instance, channel: str) -> Check:
    """Return the check of the messages of a listen channel. Raise Failure if there is no such channel."""
    known = root.code.listens.get(channel)
    if known is None:
        raise Failure("error", f"`{root.code.name}` has no listen channel `{channel}`")
    return root.code.unit.validators.check(known[2])


class Kernel(State):
    """A running system, as a state machine.

    Admit events (`start`, `input`, `result`, `advance`, `stop`), call `run` until it has nothing to do, carry out what
    stands in `effects`. `budget` is what all conversations of the run may spend together. `epoch` is the wall clock's time at the run's start, in nanoseconds.
    """

    __slots__ = ()

    fail = failing.fail
    carry_out = requests.carry_out

    # ---- events --------------------------------------------------------------------------------------------

    def start(self, parameters: dict[str, Value]) -> None:
        """Create the root and all below it. `parameters` are checked; a Failure says which is wrong.

        There is no root afterwards if the creation was given up because the run is to end.
        """
        with self.door:
            supervision.begin(self, creation.make_root(self, parameters))

    def input(self, channel: str, value: Value) -> int:
        """Take a message from outside for a listen channel of the root; a Failure of kind `type` refuses it at the door.

        Return the number of its record in the trace, or 0. No code of a coglet runs before the loop takes the message.
        """
        root = self.root
        assert root is not None
        port = root.ports.get(channel) if root.ports is not None else None
        check = _check_of(root, channel) if port is None or port.check is None else port.check
        try:
            checked = check(value)
        except Failure as wrong:
            raise unfit(f"the input `{channel}`", wrong) from None
        if port is None:
            with self.door:  # an expression of the program says how much it holds
                port = ports.port(root, channel)
            if port is None:
                return 0
        port.check = check
        cause = 0
        if self.trace is not None:
            cause = self.trace.record("input", root, cause=0, channel=channel, data=checked)
        self.cause = cause
        if port.overflow == "block":  # whoever waits is outside
            port.fill += 1
            self.messages.append((port, checked, cause))
        else:
            self.push(port, checked)
        return cause

    def result(self, call: int, value: object) -> None:
        """Take the result of a call: a value, or a Failure. A result that nobody waits for any more is dropped."""
        with self.door:
            requests.finish_call(self, call, value)

    def delta(self, call: int, text: str) -> None:
        """Take a piece of the text of a reply, while the reply comes."""
        known = self.calls.get(call)
        if known is not None and known[0].alive:
            with self.door:
                agents.heard(self, call, known[1], text)

    def progress(self, call: int, event: Progress) -> None:
        """Take what a dispatcher reports of a run while the run goes on."""
        with self.door:
            requests.progress(self, call, event)

    def reported(self, call: int, kind: str, *data: object) -> object:
        """Take what a method of a Python coglet reports while its call runs; return the answer, or refuse by a Failure."""
        with self.door:
            return python.reported(self, call, kind, data)
        raise Failure("stopped", ENDING)

    def adopt(self, digest: str, unit: Unit) -> None:
        """Hold a unit, of which orders may create coglets by its digest."""
        if digest not in self.outer.units:
            self.outer.units[digest] = self.held(unit)

    def order(self, number: int, action: str, *data: object) -> None:
        """Carry out an order (`kernel/orders.py`), which ends by the effect `OrderDone`, or refuse it by a Failure."""
        with self.door:
            orders.carry_out(self, number, action, list(data))
            return
        raise Failure("stopped", ENDING)

    def hosted(self, call: int, act: str, path: str, *data: object) -> None:
        """Take note of what a coglet has done that lives in the shell's process."""
        with self.door:
            hosted.hosted(self, call, act, path, data)

    def steer(self, action: str, id: str, data: dict[str, Value], by: Value = None) -> dict[str, Value]:
        """Carry out what a person asks of an agent; return its status, or refuse by a Failure. `by` says who asks."""
        with self.door:
            if self.trace:
                self.cause = self.trace.record("steer", None, cause=0, action=action, to=id, data=data, by=by or {})
            return steering.steer(self, action, id, data)
        raise Failure("stopped", ENDING)

    def advance(self, now: int) -> None:
        """Set the clock to `now` and fire the timers of the next instant, if it has come; one instant at a call."""
        if self._reach(now):
            with self.door:
                self._fire_due()

    def _reach(self, now: int) -> bool:
        """Set the clock to the next instant at which timers are due, but not beyond `now`. Return whether timers are due."""
        when = self.timers.next()
        if when is None or when > now:
            self.now = max(self.now, now)
            return False
        self.now = max(self.now, when)
        return True

    def _fire_due(self) -> None:
        """Fire the timers of the next instant, which has come."""
        for timer in self.timers.take():
            if timer.function is not None:
                self._fire(timer)

    def resumed(self, now: int) -> None:
        """Go on at `now` after nobody ran for a while. The calls under way are made again. Timers that came due meanwhile fire, each once, in the
        order of their instants."""
        self.now = max(self.now, now)
        with self.door:
            agents.begin_anew(self)
            while (when := self.timers.next()) is not None and when <= self.now:
                self.lag = self.now - when
                self._fire_due()
        self.lag = 0

    def set_clock(self, epoch: int) -> None:
        """Take note that the time of day was set: the run began at `epoch` by the clock as it is now. Periods and timeouts go on as they were."""
        before, self.epoch = self.epoch, epoch
        periods.follow_clock(self, before)

    def revive(self, path: str) -> None:
        """Start a coglet anew whose object is gone, as after a failure."""
        inst = self.outer.find(path)
        if inst is not None:
            with self.door:
                supervision.revive(self, inst)

    def _fire(self, timer: Timer) -> None:
        """Fire a timer; what it raises fails the coglet that it is armed for."""
        METER.step = timer
        try:
            timer.function(timer.first, timer.second)  # type: ignore[misc]  # not cancelled
        except Exception as error:
            inst = timer.first.inst if isinstance(timer.first, Port) else timer.first
            self.fail(inst, inst.code.failure(inst, error), "timer", None)

    def stop(self) -> None:
        """Stop the root, children first."""
        if self.root is not None and not self.root.gate & (STOPPED | STOPPING):
            with self.door:
                supervision.stop(self, self.root)

    @property
    def is_kept(self) -> bool:
        """True if the order of the events can be written down."""
        return True

    def queued(self) -> list[tuple[Item, list[Any]]]:
        """Return the messages that wait for their turn, each with what a kernel of this kind knows of it besides (`put_back`)."""
        return [(item, []) for item in self.messages]

    def put_back(self, item: Item, known: list[Any], find: Find) -> None:
        """Let a message of a snapshot wait for its turn."""
        self.messages.append(item)

    def ordering(self) -> Any:
        """Return what the order of events depends on besides the messages, as JSON values; None in the usual order."""
        return None

    def order_as(self, known: Any, find: Find) -> None:
        """Go on with the order of events of a snapshot. Raise ValueError if that was a run of another order."""
        if known is not None:
            raise ValueError("the order of its events follows from a seed")

    def twin(self) -> Kernel:
        """Return a new kernel of the same program, with the same seed and limits."""
        return self._twin()

    def _twin(self, **others: Any) -> Kernel:
        models, traced = self.models, self.trace is not None
        made = type(self)(self.unit, self.seed, self.epoch, traced, "", models.budget.limits(), self.first, **others)
        made.models.max_depth = models.max_depth
        made.keeps_courses = self.keeps_courses
        return made

    def pause(self) -> None:
        """Make `run` return after the message under way. A signal handler may call this at any time."""
        self.ready.append(None)

    # ---- the loop ------------------------------------------------------------------------------------------

    def run(self, most: int = 1 << 60) -> int:
        """Take up to `most` messages, fewer after `pause` or if a step is given up; return how many were taken."""
        before = self.steps
        self._inside((before + most,))
        return self.steps - before

    def follow(self, script: Iterator[int]) -> None:
        """Take messages up to each step that a script asks for. Where it has been reached, or nothing is left to take, the script goes on:
        it hands in events, and asks for the next step. It does not call `run` itself.

        This is `run` for a replay, in which a few messages lie between two events.
        """
        while self._inside(script):
            pass

    def _inside(self, goals: Iterable[int]) -> bool:
        """Carry out the loop inside of the door. Return whether it has ended before its last goal."""
        door = self.door
        door.begun = self.steps
        door.enter()
        try:
            return self._loop(goals)
        except Interrupted as given_up:
            door.counted = given_up.counted
            self._given_up()
            return True
        finally:
            door.leave()

    def _bounded(self) -> None:
        """Fail the run if too many messages wait for their turn."""
        if len(self.messages) > MOST_WAITING:
            self._flooded(self.crowd())

    def _flooded(self, what: str) -> NoReturn:
        """Fail the run, at once: more is sent than is taken, and would fill the memory."""
        assert self.root is not None
        self.fail(self.root, Failure("bound", f"{what}; the limit is {MOST_WAITING}"), "messages", None)
        self.messages.clear()
        self.ready.clear()
        end = Interrupted()
        end.counted = True
        raise end

    def _given_up(self) -> None:
        """Count the message of a step that was given up as a dead letter.

        The stop of the coglet counts the message of a reaction that waits, and no message has led to a step that goes on in a
        hook. A command is counted where it is given up.
        """
        if self.door.counted or not self.ring:
            return
        port, message, cause = self.ring[-1]
        inst = port.inst
        if not inst.name or commands.was_ended(inst):
            return
        self.lose("cancelled")
        if self.trace:
            self.trace.record("dead_letter", inst, cause=cause, port=port.label, reason="cancelled", data=message)

    def _loop(self, goals: Iterable[int]) -> bool:
        """Take messages up to the steps `goals`, one after the other. Return whether a pause was asked for.

        This is the hot path of a run. The counter is the loop's own, and an empty queue is an exception, because both cost less
        than an attribute or a call a message. `ready` is always empty at a goal, so that a replay stops at the same place. The run fails if
        too many messages wait where the number of steps is a multiple of BLOCK: at the same place in a replay.
        """
        ready, hot, keep, messages = self.ready, self.hot, self.ring.append, self.messages
        slow, meter = self.trace is not None, METER
        count = self.steps
        block = count + BLOCK - count % BLOCK
        try:
            for goal in goals:
                while count < goal:
                    end = goal if goal < block else block
                    while count < end:
                        count += 1
                        if ready and self._attend():
                            count -= 1
                            return True
                        try:
                            item = messages.popleft()
                        except IndexError:
                            count -= 1
                            goal = count  # nothing is left to take
                            break
                        port, message, _ = item
                        inst, simple = port.inst, port.simple
                        meter.step = item
                        try:
                            if inst.gate or slow or simple is None:
                                self.offer(item)
                            else:
                                keep(item)
                                port.fill -= 1
                                if port.waiters:
                                    self.release(port)
                                simple(inst, message)
                        except Exception as error:
                            self._broken(port, error, message)
                        if hot:
                            self.press(inst)
                    if count == block:
                        block += BLOCK
                        self.steps = count
                        self._bounded()
                self.steps = count
                if ready and self._attend():
                    return True
            return False
        finally:
            self.steps = count

    def _attend(self) -> bool:
        """Let the coglets go on that are ready. Return whether a pause was asked for."""
        paused = False
        while self.ready:
            free = self.ready.popleft()
            if free is None:
                paused = True
            else:
                self._drain(free)
        return paused

    def _broken(self, port: Port, error: Exception, message: Value) -> None:
        """Fail a coglet with the exception that its step raised. No other coglet is touched."""
        inst = port.inst
        name = port.handlers[0].name if port.handlers else port.label
        self.fail(inst, inst.code.failure(inst, error), name, message)

    def offer(self, item: Item) -> None:
        """Deliver a message whose turn has come, or keep it until the coglet can take it."""
        inst = item[0].inst
        if item[0].disturbance is not None and disturb.befalls(self, item):
            return
        gate = inst.gate
        if gate & URGENT and not gate & (STARTING | FAILED | STOPPING | STOPPED):
            commands.take_urgent(self, inst)
            gate = inst.gate
            METER.step = item
        if item[0].capacity == 0:  # the token of a command, which has been taken by now
            return
        if gate & (STOPPED | STOPPING):
            self.discard(item, "stopped")
            if self.unsettled:
                claims.give_back_untaken(self, item[0], item[1])
        elif gate & AWAITING and requests.awaited(self, inst, item):
            pass
        elif gate & CLOSED or gate & BACKLOG:
            if inst.backlog is None:
                inst.backlog = deque()
            inst.backlog.append(item)
            inst.gate |= BACKLOG
            if len(inst.backlog) > MOST_WAITING:
                self._flooded(f"{len(inst.backlog)} messages wait for `{inst.path}`")
        else:
            self.deliver(item)

    def deliver(self, item: Item) -> None:
        """Hand a message to its port's reactions, in textual order."""
        port, message, cause = item
        self.ring.append(item)
        port.fill -= 1
        if port.waiters:
            self.release(port)
        self.cause = cause
        if self.trace:
            self.cause = self.trace.deliver(port, cause)
        inst = port.inst
        if port.simple is not None:
            port.simple(inst, message)
            return
        if inst.forwards is not None and port.label in inst.forwards and not port.own:
            for forward in inst.forwards[port.label]:
                self.hand_on(forward, message)
        if port.handlers:
            reactions.react(self, port, message, 0)

    def _drain(self, inst: Instance) -> None:
        """Deliver the backlog of a coglet that is free again; its failure ends that."""
        try:
            self._catch_up(inst)
        except Exception as error:
            self.fail(inst, inst.code.failure(inst, error), "backlog", None)

    def _catch_up(self, inst: Instance) -> None:
        """Deliver the backlog of a coglet, ahead of what was sent later, until its gate closes."""
        backlog = inst.backlog
        while True:
            if inst.gate & URGENT and not inst.gate & (STARTING | FAILED | STOPPING | STOPPED):
                commands.take_urgent(self, inst)
            if inst.gate & (CLOSED | STOPPED):
                return
            if inst.rest:
                port, message, position, cause = inst.rest.popleft()
                self.cause = cause
                METER.step = message, position
                reactions.react(self, port, message, position)
            elif backlog:
                item = METER.step = backlog.popleft()
                if not backlog:
                    inst.gate &= ~BACKLOG
                if not (inst.gate & AWAITING and requests.awaited(self, inst, item)):
                    self.deliver(item)
            else:
                inst.gate &= ~BACKLOG
                return
            if self.hot:
                self.press(inst)

    # ---- what compiled code calls --------------------------------------------------------------------------------

    def guide(self, inst: Instance, child: str, member: int | None, command: str, arguments: list[Value]) -> None:
        """Give a command to a child, to each member of a pool, or to the coglet itself."""
        if not child:
            targets = [inst]
        else:
            assert inst.children is not None
            slot = inst.children[child]
            targets = list(slot.members.values()) if member is None else [slot.member(member)]
        for target in targets:
            commands.command(self, inst, target, command, arguments)

    def grow(self, inst: Instance, child: str, arguments: list[Value]) -> int:
        """Add a member to a pool and return its index."""
        member = creation.grow(self, inst, child, arguments)
        supervision.begin(self, member)
        return self.noted(inst, "grow", member.index)

    def lifecycle(self, inst: Instance, action: str, child: str, member: int | None) -> None:
        """Carry out `stop`, `restart` or `escalate`."""
        failing.lifecycle(self, inst, action, child, member)

    def send(self, inst: Instance, child: str, member: int | None, channel: str, value: Value) -> None:
        """Send to a child's listen channel; to a pool as its `map` says, or to one member."""
        assert inst.children is not None
        slot = inst.children[child]
        before = self.cause
        if self.trace:
            self.cause = self.trace.record("send", inst, to=f"{child}.{channel}", data=value)
        wiring.send(self, inst, slot, member, channel, value)
        self.cause = before

    def send_self(self, inst: Instance, channel: str, value: Value) -> None:
        """Send to an own listen channel."""
        self.admit(ports.port(inst, channel), value)

    def rebound(self, inst: Instance, key: str) -> Function | None:
        """Return the function that a coglet's program table gives for a program, if it gives one."""
        return programs.rebound(inst, key)

    def perform(self, inst: Instance, key: str, arguments: list[Value]) -> Talk:
        """Call a program that waits, whatever the coglet's program table gives for it."""
        return conversation.perform(self, inst, key, arguments)

    def assigned(self, inst: Instance, index: int) -> None:
        """Report a change of a state that the trace, the store or the kernel follows."""
        spec = inst.code.ir
        name, value = spec.states[index].name, inst.states[index]
        if self.trace:
            self.trace.state(inst, name, value)
        if spec.states[index].life == "persist":
            self.persisted[inst.path, name] = value
            self.effects.append(Persist(inst.path, name, value))
        if index in spec.suppressed:
            wiring.suppress(self, inst)
        if index == spec.registered:
            programs.register(inst)

    def hooks(self) -> list[str]:
        """Return the hooks under way, as the paths of their coglets and `on start` or `on stop`."""
        return supervision.hooks(self)

    def leftovers(self) -> int:
        """Make dead letters (`unmatched`) of what waits in joins at the end of a run. Return how many messages those were."""
        return joins.leftovers(self)
