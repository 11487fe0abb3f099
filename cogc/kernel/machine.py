"""The machine: one queue of messages, and the loop that takes them.

A message is put into the queue when it is sent and taken when its turn comes; a coglet that cannot take it then keeps it
in its backlog, in order. So coglets run in the order of their first pending message, errors of children and commands go
ahead of data within a coglet, and nothing depends on anything but the order in which events are admitted.

The loop's fast path is one function call for a message: a coglet whose gate is open, a port with one plain reaction. All
else takes a slower path through `reactions`, `joins` and `supervision`. Pressure is looked at once, after a step.
"""

from __future__ import annotations

import random
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from cogc import ir
from cogc.kernel import joins, programs, python, reactions, requests, supervision, wiring
from cogc.kernel.models import agents, asking, conversation, registry
from cogc.kernel.models.budget import Purse, Usage
from cogc.kernel.models.registry import Registry
from cogc.kernel.objects import (
    AWAITING,
    BACKLOG,
    CLOSED,
    FAILED,
    PARKED,
    STARTING,
    STOPPED,
    STOPPING,
    URGENT,
    Activity,
    Cancel,
    Effect,
    FailureReport,
    Instance,
    LogLine,
    Output,
    Persist,
    Port,
    Sandbox,
)
from cogc.kernel.program import CogletCode
from cogc.kernel.timers import Timers
from cogc.kernel.trace import Tracer
from cogc.kernel.unit import Unit
from cogc.kernel.waits import Waiter
from cogc.language.values import Failure, Time

RING = 256
LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3}


class Kernel:
    """A running system, as a state machine.

    Admit events (`start`, `input`, `result`, `advance`, `stop`), call `run` until it has nothing to do, carry out what
    stands in `effects`. `budget` is what all conversations of the run may spend together. `epoch` is the wall clock's time at the run's start, in nanoseconds.
    """

    def __init__(
        self,
        unit: Unit,
        seed: int = 0,
        epoch: int = 0,
        traced: bool = False,
        run: str = "",
        budget: dict[str, Any] | None = None,
        root: str = "",
    ) -> None:
        self.first = root or unit.bundle.root
        self.purse = Purse("the run", budget or {})
        self.sandbox: Sandbox | None = None
        """What holds every conversation of the run, where it is a part of another run that has dispatched it."""
        self.waiting_for_purse: list[Waiter] = []
        self.unit = unit
        self.units = {unit.digest: unit}
        self.seed = seed
        self.epoch = epoch
        self.now = 0
        self.steps = 0
        self.cause = 0
        self.trace = Tracer(self, run) if traced else None
        self.queue: deque[Any] = deque()
        self.ready: deque[Instance] = deque()
        self.hot: list[Port] = []
        self.ring: deque[Any] = deque(maxlen=RING)
        self.effects: list[Effect] = []
        self.timers = Timers()
        self.calls: dict[int, tuple[Activity, Instance, int | None]] = {}
        self.next_call = 1
        self.serial = 0
        self.root: Instance | None = None
        self.ended: str | None = None
        self.report: FailureReport | None = None
        self.dead_letters = 0
        self.skipped = 0
        self.parked: dict[Instance, list[Port]] = {}
        self.streams: dict[tuple[str, str], random.Random] = {}
        self.persisted: dict[tuple[str, str], Any] = {}
        self.open_codes: dict[tuple[Unit, str], CogletCode] = {}
        self.usages: dict[tuple[str, str], Usage] = {}
        self.created: dict[tuple[str, str], int] = {}
        self.listeners: dict[int, Activity] = {}
        self.spending: dict[int, Callable[[dict[str, Any]], None]] = {}
        self.registry = Registry()
        self.purses: dict[str, Purse] = {}
        self.asked: dict[int, asking.Question] = {}
        self.settling: dict[tuple[str, str], list[Waiter]] = {}

    def code(self, unit: Unit, key: str) -> CogletCode:
        """Return the code of a coglet of a unit; an open coglet changes its code, so this kernel has its own."""
        coglet = unit.bundle.coglets[key]
        if coglet.open:
            return self.opened(unit, key, lambda: coglet)
        return unit.code(key, self.trace is not None)

    def opened(self, unit: Unit, key: str, declared: Callable[[], ir.Coglet]) -> CogletCode:
        """Return this kernel's own code of an open coglet, compiled at its first use."""
        found = self.open_codes.get((unit, key))
        if found is None:
            found = self.open_codes[unit, key] = unit.fresh(declared(), self.trace is not None)
        return found

    def purse_of(self, inst: Instance | None) -> Purse:
        """What conversations of a coglet spend from: the budget of the nearest coglet around that has one, else the run's."""
        while inst is not None and inst.code.ir.budget is None:
            inst = inst.parent
        if inst is None:
            return self.purse
        known = self.purses.get(inst.path)
        if known is None:
            assert inst.code.ir.budget is not None
            budget = inst.code.unit.value(inst.code.ir.budget, inst)
            known = self.purses[inst.path] = Purse(inst.path, budget, None, self.purse_of(inst.parent), shared=True)
        return known

    def usage(self, program: str, model: str) -> Usage:
        """What a program has used of a model so far."""
        return self.usages.setdefault((program, model), Usage())

    # ---- events --------------------------------------------------------------------------------------------

    def start(self, parameters: dict[str, Any]) -> None:
        """Create the root and all below it. `parameters` are checked; a Failure says which is wrong."""
        supervision.boot(self, parameters)

    def input(self, channel: str, value: Any) -> None:
        """A message from outside for a listen channel of the root; a Failure of kind `type` refuses it at the door."""
        assert self.root is not None
        known = self.root.code.listens.get(channel)
        if known is None:
            raise Failure("error", f"`{self.root.code.name}` has no listen channel `{channel}`")
        checked = self.root.code.unit.validators.check(known[2])(value)
        if self.trace:
            self.cause = self.trace.record("input", self.root, channel=channel, data=checked)
        self.push(wiring.port(self, self.root, channel), checked)

    def result(self, call: int, value: Any) -> None:
        """What a call gave: a value, or a Failure. One that nobody waits for any more is dropped."""
        requests.finish_call(self, call, value)

    def delta(self, call: int, text: str) -> None:
        """A piece of the text that a reply will have, while it comes."""
        known = self.calls.get(call)
        if known is not None and known[0].alive:
            agents.delta(self, known[1], text)

    def progress(self, call: int, event: Any) -> None:
        """What a dispatcher says of a run while it goes on."""
        requests.progress(self, call, event)

    def told(self, call: int, kind: str, *data: Any) -> Any:
        """What a method of a Python coglet did while its call runs: the answer, or a Failure that refuses it."""
        return python.told(self, call, kind, data)

    def steer(self, action: str, id: str, data: dict[str, Any]) -> dict[str, Any]:
        """What a person asks of an agent; its status, or a Failure that refuses it."""
        return registry.steer(self, action, id, data)

    def advance(self, now: int) -> None:
        """The clock shows `now`: fire the timers of the next instant, if it has come. One instant at a call."""
        when = self.timers.next()
        if when is None or when > now:
            self.now = max(self.now, now)
            return
        self.now = max(self.now, when)
        for function, first, second in self.timers.take():
            if function is not None:
                function(first, second)

    def stop(self) -> None:
        """Stop the root, children first."""
        if self.root is not None and not self.root.gate & (STOPPED | STOPPING):
            supervision.stop(self, self.root)

    # ---- the loop ------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return bool(self.queue or self.ready)

    def run(self, most: int = 1 << 60) -> int:
        """Take up to `most` messages; how many were taken."""
        queue, ready, hot, keep = self.queue, self.ready, self.hot, self.ring.append
        take = queue.popleft
        slow = self.trace is not None
        count = 0
        while True:
            if ready:  # always empty when `run` returns, so that a replay stops at the same place
                self._drain(ready.popleft())
                continue
            if not queue or count >= most:
                break
            item = take()
            port, message, _ = item
            inst = port.inst
            count += 1
            if inst.gate or slow or port.simple is None:
                self.offer(item)
            else:
                keep(item)
                port.fill -= 1
                if port.waiters:
                    self.release(port)
                try:
                    port.simple(inst, message)
                except Exception as error:
                    reactions.failed(self, inst, port.handlers[0], error, message)
            if hot:
                self.press(inst)
        self.steps += count
        return count

    def offer(self, item: Any) -> None:
        """The turn of a message has come: deliver it, or keep it until the coglet can take it."""
        inst = item[0].inst
        gate = inst.gate
        if gate & URGENT and not gate & (STARTING | FAILED | STOPPING | STOPPED):
            reactions.take_urgent(self, inst)
            gate = inst.gate
        if item[0].capacity == 0:  # the token of a command, which has been taken by now
            return
        if gate & (STOPPED | STOPPING):
            self.bury(item, "stopped")
        elif gate & AWAITING and requests.awaited(self, inst, item):
            pass
        elif gate & CLOSED or gate & BACKLOG:
            if inst.backlog is None:
                inst.backlog = deque()
            inst.backlog.append(item)
            inst.gate |= BACKLOG
        else:
            self.deliver(item)

    def deliver(self, item: Any) -> None:
        """Hand a message to its port's reactions, in textual order."""
        port, message, cause = item
        self.ring.append(item)
        port.fill -= 1
        if port.waiters:
            self.release(port)
        self.cause = cause
        if self.trace:
            self.cause = self.trace.deliver(port, message, cause)
        inst = port.inst
        if inst.forwards is not None and port.label in inst.forwards and not port.own:
            for forward in inst.forwards[port.label]:
                forward(message)
        if port.simple is not None:
            try:
                port.simple(inst, message)
            except Exception as error:
                reactions.failed(self, inst, port.handlers[0], error, message)
        elif port.handlers:
            reactions.react(self, port, message, 0)

    def _drain(self, inst: Instance) -> None:
        """A coglet is free again: its backlog goes ahead of what was sent later."""
        backlog = inst.backlog
        while True:
            if inst.gate & URGENT and not inst.gate & (STARTING | FAILED | STOPPING | STOPPED):
                reactions.take_urgent(self, inst)
            if inst.gate & (CLOSED | STOPPED):
                return
            if inst.rest:
                port, message, position, cause = inst.rest.popleft()
                self.cause = cause
                reactions.react(self, port, message, position)
            elif backlog:
                item = backlog.popleft()
                if not backlog:
                    inst.gate &= ~BACKLOG
                if not (inst.gate & AWAITING and requests.awaited(self, inst, item)):
                    self.deliver(item)
            else:
                inst.gate &= ~BACKLOG
                return
            if self.hot:
                self.press(inst)

    def wake(self, inst: Instance) -> None:
        """Something that closed a coglet's gate is over."""
        if not inst.gate & CLOSED and (inst.backlog or inst.rest or inst.gate & URGENT):
            self.ready.append(inst)

    # ---- sending -------------------------------------------------------------------------------------------

    def emit(self, inst: Instance, number: int, value: Any) -> None:
        """Transmit on an own channel: to every target at once."""
        out = inst.outs[number]
        if out is None:
            out = wiring.out(inst, number)
        out.count += 1
        queue = self.queue
        for port in out.targets:
            fill = port.fill + 1
            if fill >= port.capacity:
                self._full(port, value)
            else:
                port.fill = fill
                queue.append((port, value, 0))
        if out.extra:
            for target in out.extra:
                target(value)

    def emit_traced(self, inst: Instance, number: int, value: Any) -> None:
        out = inst.outs[number]
        if out is None:
            out = wiring.out(inst, number)
        out.count += 1
        assert self.trace is not None
        before, self.cause = self.cause, self.trace.transmit(inst, out, value)
        for port in out.targets:
            self.push(port, value)
        if out.extra:
            for target in out.extra:
                target(value)
        self.cause = before

    def push(self, port: Port, value: Any) -> None:
        """Put a message into a port's inbox."""
        fill = port.fill + 1
        if fill >= port.capacity:
            self._full(port, value)
        else:
            port.fill = fill
            self.queue.append((port, value, self.cause))

    def admit(self, port: Port, value: Any) -> None:
        """Put a message into a port's inbox whatever its fill: from feedback links, timers and the outside."""
        port.fill += 1
        self.queue.append((port, value, self.cause))

    def _full(self, port: Port, value: Any) -> None:
        """A message that fills an inbox, or comes to a full one."""
        if port.overflow == "block":
            port.fill += 1
            self.queue.append((port, value, self.cause))
            self.hot.append(port)
        elif port.fill < port.capacity:
            port.fill += 1
            self.queue.append((port, value, self.cause))
        elif port.overflow == "drop_newest":
            self.bury((port, value, self.cause), "dropped", taken=True)
        elif port.overflow == "drop_oldest":
            self._drop_oldest(port)
            port.fill += 1
            self.queue.append((port, value, self.cause))
        else:
            raise Failure("overflow", f"the inbox `{port.label}` of `{port.inst.path}` is full: {port.capacity}")

    def _drop_oldest(self, port: Port) -> None:
        for waiting in (port.inst.backlog or (), self.queue):
            for item in waiting:
                if item[0] is port:
                    waiting.remove(item)  # type: ignore[union-attr]
                    self.bury(item, "dropped")
                    return

    def send(self, inst: Instance, child: str, member: int | None, channel: str, value: Any) -> None:
        """Send to a child's listen channel; to a pool as its `map` says, or to one member."""
        assert inst.children is not None
        slot = inst.children[child]
        before = self.cause
        if self.trace:
            self.cause = self.trace.record("send", inst, to=f"{child}.{channel}", data=value)
        wiring.send(self, inst, slot, member, channel, value)
        self.cause = before

    def send_self(self, inst: Instance, channel: str, value: Any) -> None:
        """Send to an own listen channel."""
        self.admit(wiring.port(self, inst, channel), value)

    def bury(self, item: Any, reason: str, taken: bool = False) -> None:
        """A message that will not be handled: counted, and in the trace with its reason."""
        port, message, cause = item
        self.dead_letters += 1
        if not taken:
            port.fill -= 1
            if port.waiters:
                self.release(port)
        if self.trace:
            kind = "drop" if reason == "dropped" else "dead_letter"
            self.trace.record(kind, port.inst, cause=cause, port=port.label, reason=reason, data=message)

    # ---- pressure ------------------------------------------------------------------------------------------

    def press(self, inst: Instance) -> None:
        """After a step: park the coglet until each full inbox that it wrote to has room."""
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
        """Whether a child is parked on its parent, which therefore must not be parked on it."""
        return child.parent is parent and any(p.inst is parent for p in self.parked.get(child, ()))

    def release(self, port: Port) -> None:
        """A port has room again: whoever was parked on it alone goes on."""
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
        """At quiescence: who waits for whom for ever, or None."""
        if not self.parked:
            return None
        return [f"{inst.path} -> {p.inst.path}.{p.label}" for inst, ports in self.parked.items() for p in ports]

    # ---- what statements do --------------------------------------------------------------------------------

    def guide(
        self, inst: Instance, child: str, member: int | None, command: str, arguments: list[Any], at: int
    ) -> None:
        """Give a command to a child, to each member of a pool, or to the coglet itself."""
        if not child:
            targets = [inst]
        else:
            assert inst.children is not None
            slot = inst.children[child]
            targets = list(slot.members.values()) if member is None else [supervision.member(slot, member)]
        for target in targets:
            reactions.command(self, inst, target, command, arguments)

    def grow(self, inst: Instance, child: str, arguments: list[Any]) -> int:
        """A new member of a pool; its index."""
        return supervision.grow(self, inst, child, arguments)

    def lifecycle(self, inst: Instance, action: str, child: str, member: int | None) -> None:
        """`stop`, `restart` and `escalate`."""
        supervision.ask(self, inst, action, child, member)

    def log(self, inst: Instance, level: str, value: Any) -> None:
        """Log: to the trace always, to people, and to the `log` channel from the coglet's level on."""
        if self.trace:
            self.trace.record("log", inst, level=level, data=value)
        self.effects.append(LogLine(level, inst.path, value, self.now))
        from_state = inst.code.ir.logged_from
        if from_state >= 0 and LEVELS[level] >= LEVELS[inst.states[from_state]]:
            number = inst.code.transmit_names.index("log")
            emit = self.emit if self.trace is None else self.emit_traced
            emit(inst, number, {"level": level, "data": value})

    def rebound(self, inst: Instance, key: str) -> Callable[..., Any] | None:
        """Return the function that a coglet's program table gives for a program, if it gives one."""
        return programs.rebound(inst, key)

    def perform(self, inst: Instance, key: str, arguments: list[Any]) -> conversation.Talk:
        """Call a program that waits, whatever the coglet's program table gives for it."""
        return conversation.perform(self, inst, key, arguments)

    def assigned(self, inst: Instance, index: int) -> None:
        """A state was set that somebody follows."""
        spec = inst.code.ir
        name, value = spec.states[index].name, inst.states[index]
        if self.trace:
            self.trace.record("state", inst, name=name, data=value)
        if spec.states[index].life == "persist":
            self.persisted[inst.path, name] = value
            self.effects.append(Persist(inst.path, name, value))
        if index in spec.suppressed:
            wiring.suppress(self, inst)
        if index == spec.registered:
            programs.register(inst)

    # ---- random numbers ------------------------------------------------------------------------------------

    def stream(self, path: str, use: str = "") -> random.Random:
        """The stream of random numbers of one coglet, from the run's seed: another coglet's draws do not move it."""
        key = (path, use)
        if key not in self.streams:
            self.streams[key] = random.Random(f"{self.seed}/{path}/{use}")
        return self.streams[key]

    def moment(self, inst: Instance) -> Time:
        """The time that `now()` gives."""
        return Time(self.epoch + self.now)

    def random(self, inst: Instance) -> float:
        return self.stream(inst.path).random()

    def uuid(self, inst: Instance) -> str:
        return str(uuid.UUID(int=self.stream(inst.path, "uuid").getrandbits(128), version=4))

    # ---- ending --------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Nothing waits, nothing is under way, no timer is armed."""
        return not self.busy and not self.calls and self.timers.next() is None

    def cancel(self, activity: Activity) -> None:
        """Nobody waits for an activity's calls any more."""
        for call in activity.calls:
            self.calls.pop(call, None)
            self.spending.pop(call, None)
            self.effects.append(Cancel(call))
        activity.calls.clear()

    def output(self, channel: str, value: Any) -> None:
        """What the root transmits leaves the system."""
        seq = self.trace.record("output", self.root, channel=channel, data=value) if self.trace else 0
        self.effects.append(Output(channel, value, seq))

    def leftovers(self) -> int:
        """At the end: what still waits in joins is dead (`unmatched`); how much that was."""
        return joins.leftovers(self)
