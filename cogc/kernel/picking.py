"""A kernel whose order of events somebody else picks: `PickingKernel`.

**The model.** A message belongs to a *chain*: its sender, and the port that it goes to. The messages of a chain stay in
order. Before each event the kernel makes the list of the chains whose next message can be taken (`heads`), and hands it
to `pick`, which returns one of them. Where `pick` always returns `default(heads)`, the events come in the order of a
`Kernel`. Chains of their own have: each call's result, each step of the kernel's own, each timer of an instant, the
commands that wait for a coglet, and the rest of a reaction that another one has put off.

**What is not permuted.** Commands and errors of children go ahead of the data of their coglet: while some wait, its
other chains are no heads. Steps of one coglet's start, stop and restart stay in their order. Time goes on only where no
chain has a head.

**The invariants.**

- A kernel of this kind keeps all messages in chains: backlogs of coglets stay empty between two events.
- Names follow from paths, ports and counts within one coglet, so they are the same in every order (`touching.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cogc.kernel import commands, reactions
from cogc.kernel.chains import LAST, Book, Chain, Event, Key
from cogc.kernel.machine import Find, Kernel
from cogc.kernel.objects import (
    AWAITING,
    BACKLOG,
    CLOSED,
    FAILED,
    HELD,
    STARTING,
    STOPPED,
    STOPPING,
    URGENT,
    Command,
    Instance,
    Port,
)
from cogc.kernel.ports import outside_step
from cogc.kernel.timers import Timer, Timers
from cogc.kernel.touching import TouchingKernel, takes_nothing
from cogc.language.meter import METER
from cogc.language.values import Failure

if TYPE_CHECKING:
    from cogc.kernel.objects import Item
    from cogc.kernel.unit import Unit
    from cogc.language.values import Value

_emit = Kernel.emit
"""The method that `PickingKernel.emit` calls, found without the cost of `super` for each message."""
_NO_KEY: Key = ()
_SHUT = STARTING | FAILED | STOPPING | STOPPED
Pick = Callable[["PickingKernel", list[Chain]], Chain | None]
"""Returns one of the heads, or None to end the run. It may have a list `known` of the numbers of the chains that it would return
for the first events: a kernel takes these without asking."""


@runtime_checkable
class WritablePick(Protocol):
    """A pick of events that can be written down."""

    def written(self, find: Callable[[str], Instance | None]) -> Any:
        """Return its state as JSON values. `find` returns the coglet that is at a path by now."""

    def read(self, data: Any, find: Find) -> None:
        """Take up a state that `written` has returned."""

    def twin(self) -> Pick:
        """Return another one, which has picked nothing."""


class Line:
    """Stands in the place of the queue of messages, and sorts what is put into it by chains."""

    __slots__ = ("append", "kernel")

    def __init__(self, kernel: PickingKernel) -> None:
        self.kernel = kernel
        self.append = kernel.arrive

    def __len__(self) -> int:
        return sum(len(chain.items) for chain in self.kernel.live)

    def __iter__(self) -> Iterator[Item]:
        found = sorted(entry for chain in self.kernel.live for entry in chain.items if entry[2] is not None)
        return (item for _, _, item in found if item is not None)


class PickingKernel(TouchingKernel):
    """A kernel whose next event is the one that `pick` returns.

    `event` is the number of the event under way, `hard` that of the event which sent what it takes, or -1. `done` has the events
    that are over, `missed` the messages that were dropped or not taken in their instant: each begins with the number of the event
    before it. Both stay empty without `records`, for runs that nobody looks at afterwards. `crashed` has the times of crashes,
    `killed` those of kills by their instants. `spare` has the chains of earlier runs of this kernel, which later ones take up
    (`rewind.py`).
    """

    __slots__ = (
        "chains",
        "counts",
        "crashed",
        "crashes",
        "done",
        "doubled",
        "dropped",
        "event",
        "halted",
        "hard",
        "instant",
        "killed",
        "known",
        "live",
        "missed",
        "nested",
        "passed",
        "paused",
        "pick",
        "placed",
        "records",
        "resting",
        "sender",
        "sent_by",
        "spare",
    )  # fmt: skip

    def __init__(
        self, unit: Unit, *arguments: Any, pick: Pick, book: Book | None = None, records: bool = True, **others: Any
    ) -> None:
        super().__init__(unit, *arguments, book=book, **others)
        self.pick = pick
        self.known: Sequence[int] = getattr(pick, "known", ())
        self.records = records
        self.chains: dict[tuple[object, object], Chain] = {}
        self.spare: dict[tuple[object, object], Chain] = {}
        self.live: dict[Chain, None] = {}
        self.counts: dict[tuple[Instance, str], int] = {}
        self.dropped: dict[tuple[int, int], None] = {}
        self.doubled: dict[tuple[int, int], None] = {}
        self.sender: Instance | None = None
        self.nested = False
        self.event = -1
        self.sent_by = -1
        self.instant = 0
        self.resting = True
        self.crashes: dict[int, list[str]] = {}
        self.crashed: dict[str, int] = {}
        self.killed: dict[int, int] = {}
        self.done: list[Event] = []
        self.missed: list[Event] = []
        self.hard = -1
        self.placed = 0
        self.passed = 0
        self.paused = False
        self.halted = False
        self.messages = Line(self)  # type: ignore[assignment]  # what the kernel does with a deque, it does with this

    # ---- names -----------------------------------------------------------------------------------------------

    def _chain(self, port: Port, sender: Instance | None) -> Chain:
        """Make the chain of a sender and a port."""
        inst, gated, own = port.inst, True, _NO_KEY
        if not inst.name:
            assert inst.parent is not None
            inst, gated = inst.parent, False
        if port.own and not self.records:
            return Chain(0, port, inst, gated, 0, self.bit(inst))
        if port.own:
            count = self.counts[inst, port.label] = self.counts.get((inst, port.label), 0) + 1
            key: Key = (self.name(inst), port.label, count)
            guards = 0
        else:
            spare = self.spare.get((port, sender))
            own = self.key(port) if spare is None else spare.inbox
            guards = self.guards(port, own)
            if spare is not None:
                self.chains[port, sender] = spare
                spare.renew(guards)
                return spare
            key = ("" if sender is None else self.name(sender), *own)
        made = Chain(self.book.chain(key), port, inst, gated, guards, self.bit(inst), own)
        self.chains[port, sender] = made
        return made

    def _own(self, inst: Instance, what: str) -> Chain:
        """Return the chain of what a coglet has to do before it takes data: commands, or the rest of its reactions."""
        found = self.chains.get((inst, what))
        if found is None:
            found = self.chains[inst, what] = Chain(self.book.chain((self.name(inst), what)), None, inst, False, 0, 0)
        return found

    # ---- what has to be guarded --------------------------------------------------------------------------------------------

    def sent(self) -> dict[Port, int]:
        """Return how many messages each inbox has been sent in this run."""
        found: dict[Port, int] = {}
        for chain in self.chains.values():
            if chain.port is not None and not chain.port.own:
                found[chain.port] = found.get(chain.port, 0) + chain.taken + len(chain.items)
        return found

    def learn(self) -> None:
        """Guard the inboxes that could have been full in another order of this run."""
        if any(c.port is not None and c.port.capacity <= self.placed for c in self.chains.values()):
            for port, count in self.sent().items():
                if port.overflow == "block" and count >= port.capacity:
                    self.book.guard(self.key(port))

    # ---- sending -----------------------------------------------------------------------------------------------

    def emit(self, inst: Instance, number: int, value: Value) -> None:
        if self.nested:
            _emit(self, inst, number, value)
            return
        before, self.sender, self.nested = self.sender, inst, True
        try:
            _emit(self, inst, number, value)
        finally:
            self.sender, self.nested = before, False

    def emit_traced(self, inst: Instance, number: int, value: Value) -> None:
        if self.nested:
            super().emit_traced(inst, number, value)
            return
        before, self.sender, self.nested = self.sender, inst, True
        try:
            super().emit_traced(inst, number, value)
        finally:
            self.sender, self.nested = before, False

    def send(self, inst: Instance, child: str, member: int | None, channel: str, value: Value) -> None:
        before, self.sender = self.sender, inst
        try:
            super().send(inst, child, member, channel, value)
        finally:
            self.sender = before

    def send_self(self, inst: Instance, channel: str, value: Value) -> None:
        before, self.sender = self.sender, inst
        try:
            super().send_self(inst, channel, value)
        finally:
            self.sender = before

    def arrive(self, item: Item) -> None:
        """Put a message into its chain."""
        port = item[0]
        self.placed = place = self.placed + 1
        if port.capacity == 0:  # a token: commands or errors wait
            chain = self._own(port.inst, "commands")
            if not chain.items:
                chain.items.append((place, self.sent_by, None))
                self.live[chain] = None
            return
        found = self.chains.get((port, self.sender))
        if found is None:
            found = self._chain(port, self.sender)
            if not found.gated and found.inst is not self.actor:
                self.touch(found.inst)
        self.wrote |= found.guards
        if not found.items:
            self.live[found] = None
        found.items.append((place, self.sent_by, item))

    def wake(self, inst: Instance) -> None:
        if not inst.gate & CLOSED:
            if inst.rest:
                self._resting(inst)
            self.ready.append(inst)

    def _resting(self, inst: Instance) -> None:
        """Make a head of the rest of a coglet's reactions."""
        chain = self._own(inst, "rest")
        if not chain.items:
            chain.items.append((self.placed, -1, None))
            self.live[chain] = None

    def _drop_oldest(self, port: Port) -> None:
        found = [(entry, chain) for chain in self.live if chain.port is port for entry in chain.items]
        if found:
            entry, chain = min(found, key=lambda pair: pair[0][0])
            chain.items.remove(entry)
            if not chain.items:
                del self.live[chain]
            assert entry[2] is not None
            self._miss(chain, entry[1])
            self.discard(entry[2], "dropped")

    def advance(self, now: int) -> None:
        """Set the clock. Of the timers of the next instant, ticks are queued at once; each other one is a chain."""
        if not self._reach(now):
            return
        with self.door:
            self.settle()
            for timer in self.timers.take():
                if isinstance(timer.first, Port):
                    if timer.function is not None:
                        self._fire(timer)
                elif timer.function is not None:
                    self.admit(outside_step(timer.first, "timer", partial(self._ring, timer)), None)

    def resumed(self, now: int) -> None:
        """Go on after a kill. What comes then belongs to another instant than what was before."""
        self.instant += self.resting
        self.settle()
        super().resumed(now)

    def _ring(self, timer: Timer) -> None:
        """Fire a timer in its turn, unless it was cancelled in this instant."""
        if timer.function is not None:
            self._fire(timer)

    def _miss(self, chain: Chain, hard: int) -> None:
        """Take note of a message that another order might have delivered here."""
        if not self.records:
            return
        touched = -1 if self.ended else self.mark(chain.inst) | chain.guards  # the end of a run is the end of all
        self.missed.append((self.event, chain.id, touched, hard, chain.bit, self.instant))

    def settle(self) -> None:
        """Take note that an instant is over: nothing of it can be taken any more. What comes next belongs to no event."""
        if self.resting:
            return
        for chain in self.live:
            self._miss(chain, chain.items[chain.at][1])
        self.resting = True
        self.instant += 1

    # ---- the loop ------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        if self.halted:
            return False
        if self.heads():
            return True
        self.settle()
        return False

    def pause(self) -> None:
        self.paused = True

    def run(self, most: int = 1 << 60) -> int:
        """Carry out up to `most` events, in the order that `pick` says; return how many."""
        before = self.door.begun = self.steps
        with self.door:
            if self.resting and self.crashes:
                self._crash()
            pick, heads_of, perform, end = self.pick, self.heads, self._perform, before + most
            known = len(self.known)
            # the end of a run is the end of all for a search; else what is left are dead letters, as in a `Kernel`
            while self.steps < end and not (self.paused or self.halted or (self.ended and self.records)):
                if self.event + 1 < known and (chain := self._known()) is not None:
                    perform(chain)
                    continue
                heads = heads_of()
                if not heads:
                    self.passed = self.placed
                    self.ready.clear()
                    self.settle()
                    break
                chain = pick(self, heads)
                if chain is None:
                    self.halted = True
                    break
                perform(chain)
            self.paused = False
            return self.steps - before
        self._given_up()
        return self.steps - before

    def follow(self, script: Iterator[int]) -> None:
        for goal in script:
            self.run(goal - self.steps)
            _ = self.busy  # which takes note that an instant is over

    def _known(self) -> Chain | None:
        """Return the chain of the next event, if it is known beforehand and can be taken."""
        number = self.known[self.event + 1]
        for chain in self.live:
            if chain.id == number:
                inst = chain.inst
                if chain.gated:
                    return chain if not (inst.gate or inst.rest) or self._takes(chain, inst.gate) else None
                return chain if chain.port is not None or self._due(chain) else None
        return None

    def heads(self) -> list[Chain]:
        """Return the chains whose next message can be taken."""
        found = []
        for chain in self.live:
            inst = chain.inst
            if chain.gated:
                if not (inst.gate or inst.rest) or self._takes(chain, inst.gate):
                    found.append(chain)
            elif chain.port is not None or self._due(chain):
                found.append(chain)
        return found

    def _due(self, chain: Chain) -> bool:
        """Return whether a coglet can take its commands, or go on with the rest of its reactions."""
        inst = chain.inst
        if chain is self.chains.get((inst, "rest")):
            return not inst.gate & (CLOSED | STOPPED | URGENT) and bool(inst.rest)
        if inst.gate & _SHUT or not inst.urgent:
            return False
        return not (inst.gate & HELD and inst.code.ir.python and isinstance(inst.urgent[0], Command))

    def _takes(self, chain: Chain, gate: int) -> bool:
        """Return whether a coglet that is not free takes a message of a chain. It sets which one."""
        inst = chain.inst
        if gate & (STOPPED | STOPPING):
            return True
        if gate & URGENT and not gate & _SHUT:
            return False
        if gate & AWAITING and chain.port is not None:
            for at, (_, _, item) in enumerate(chain.items):
                if item is not None and self._awaited(inst, item):
                    chain.at = at
                    return True
        return not gate & CLOSED and not inst.rest

    @staticmethod
    def _awaited(inst: Instance, item: Item) -> bool:
        """Return whether an `await` of a coglet takes a message."""
        port, message, _ = item
        for entry in inst.awaits or ():
            if entry.label == port.label and not port.own:
                try:
                    return entry.condition is None or entry.condition(message) is True
                except Exception:
                    return True  # the `await` fails with it
        return False

    def default(self, heads: list[Chain]) -> Chain:
        """Return the head that a `Kernel` would take."""
        if len(heads) == 1:
            return heads[0]
        best, first_place, odd = heads[0], LAST << 1, False
        for chain in heads:
            place = chain.items[chain.at][0]
            if place < first_place:
                best, first_place = chain, place
            if chain.inst.gate:
                odd = True
        if not odd and not self.ready:
            return best
        for chain in heads:
            if chain.inst.gate & AWAITING and chain.gated and chain.inst.gate & CLOSED:
                return chain
        while self.ready:
            first = self.ready[0]
            own = [c for c in heads if c.inst is first and c.items[c.at][0] <= self.passed]
            if own:
                return min(own, key=_place)
            self.ready.popleft()
        return best

    def _perform(self, chain: Chain) -> None:
        """Carry out the next event of a chain."""
        self.steps += 1
        self.resting = False
        self.sent_by = self.event = self.event + 1
        inst = chain.inst
        self.actor = self.sender = inst
        self.wrote = self.marks.get(inst) or self.mark(inst)
        self.closed = self.wrote if (inst.gate or inst.rest) and takes_nothing(inst) else 0
        items, at = chain.items, chain.at
        place, self.hard, item = items[at]
        if item is None:
            self._before_data(chain, inst)
        else:
            if at:
                del items[at]
                chain.at = 0
            else:
                items.popleft()
            if not items:
                del self.live[chain]
            if self.passed < place < LAST:
                self.passed = place
            chain.taken += 1
            METER.step = item
            if not ((self.dropped or self.doubled) and self._disturbs(chain, item)):
                self._take(chain, item)
        if self.hot:
            self.press(inst)
        self.nested, self.sent_by, self.sender = False, -1, None
        if self.records:
            self.done.append((chain.id, self.wrote | self.marks[inst], self.closed, self.hard, chain.bit, self.instant))

    def _disturbs(self, chain: Chain, item: Item) -> bool:
        """Carry out the fault of a message whose turn has come. Return whether the message is gone."""
        number = (chain.id, chain.taken)
        if number in self.doubled:
            del self.doubled[number]
            item[0].fill += 1
            self._put_back(chain, item)
        elif number in self.dropped:
            self.discard(item, "dropped")
            return True
        return False

    # ---- snapshots -----------------------------------------------------------------------------------------------

    @property
    def is_kept(self) -> bool:
        return isinstance(self.pick, WritablePick) and not self.records

    def queued(self) -> list[tuple[Item, list[Any]]]:
        """Return the messages that wait, chain by chain: with the place of each, and the path of its sender."""
        senders = {chain: sender for (_, sender), chain in self.chains.items() if isinstance(sender, Instance)}
        return [
            (item, [place, senders[chain].path if chain in senders else None])
            for chain in self.live
            for place, _, item in chain.items
            if item is not None
        ]

    def put_back(self, item: Item, known: list[Any], find: Find) -> None:
        place, sender = known
        self.sender, before = (None if sender is None else find(sender)), self.placed
        self.placed = place - 1
        self.arrive(item)
        self.sender, self.placed = None, before

    def ordering(self) -> Any:
        assert isinstance(self.pick, WritablePick)
        actor = None if self.actor is None else self.actor.path
        return [
            self.event,
            self.placed,
            self.passed,
            self.instant,
            self.resting,
            actor,
            self.pick.written(self.outer.find),
        ]

    def order_as(self, known: Any, find: Find) -> None:
        assert isinstance(self.pick, WritablePick)
        if known is None:
            raise ValueError("the order of its events is the usual one")
        self.event, self.placed, self.passed, self.instant, self.resting, actor, picked = known
        self.actor = None if actor is None else find(actor)
        self.pick.read(picked, find)

    def twin(self) -> Kernel:
        assert isinstance(self.pick, WritablePick)
        return self._twin(pick=self.pick.twin(), records=self.records)

    def _put_back(self, chain: Chain, item: Item) -> None:
        """Let a message be the next of its chain once more."""
        chain.taken -= 1
        chain.items.appendleft((self.passed, self.hard, item))
        self.live[chain] = None

    def _take(self, chain: Chain, item: Item) -> None:
        """Deliver a message, or carry out a step."""
        port = item[0]
        inst, simple = port.inst, port.simple
        try:
            if simple is None or inst.gate or self.trace is not None:
                self.offer(item)
            else:
                self.ring.append(item)
                port.fill -= 1
                if port.waiters:
                    self.release(port)
                simple(inst, item[1])
        except Exception as error:
            self._broken(port, error, item[1])
        if inst.backlog:  # an `await` has failed on it: the message waits on
            inst.backlog.clear()
            inst.gate &= ~BACKLOG
            self._put_back(chain, item)

    def _before_data(self, chain: Chain, inst: Instance) -> None:
        """Let a coglet take its commands, or go on with the rest of its reactions."""
        try:
            if chain is self.chains.get((inst, "rest")):
                assert inst.rest
                port, message, position, cause = inst.rest.popleft()
                self.cause = cause
                METER.step = message, position
                reactions.react(self, port, message, position)
            else:
                commands.take_urgent(self, inst)
        except Exception as error:
            self.fail(inst, inst.code.failure(inst, error), "backlog", None)
        if not (inst.rest if chain is self.chains.get((inst, "rest")) else inst.urgent):
            chain.items.clear()
            self.live.pop(chain, None)

    # ---- faults --------------------------------------------------------------------------------------------------

    def _crash(self) -> None:
        """Let the coglets crash at some time in this instant that are to crash in it."""
        for path in self.crashes.pop(self.instant, ()):
            inst = next((i for i in self.all() if i.path == path), None)
            if inst is not None and not inst.gate & (STOPPED | FAILED):
                before, self.placed = self.placed, LAST
                self.admit(outside_step(inst, "crash", partial(self._fail, inst)), None)
                self.placed = before

    def _fail(self, inst: Instance) -> None:
        """Carry out a crash."""
        self.crashed[inst.path] = self.now
        self.fail(inst, Failure("crash", "it crashed: a fault of the exploration"), "crash", None)

    def all(self) -> list[Instance]:
        """Return all coglets, parents before their children."""
        found = [self.root] if self.root is not None else []
        for inst in found:
            found += inst.members()
        return found

    def let_go(self) -> None:
        """Take this kernel apart, which nobody looks at any more, so that its memory is free at once.

        A kernel is full of objects that refer to each other. Those that are left over wait for the collector, which costs a
        search as much as the start of a run.
        """
        for inst in self.marks:
            inst.children = inst.ports = inst.forwards = inst.slot = inst.parent = None
            inst.outs = []
        self.chains.clear()
        self.live.clear()
        self.marks.clear()
        self.bases.clear()
        self.named.clear()
        self.ring.clear()
        self.timers = Timers()
        self.root = self.actor = self.sender = None
        self.door.let_go()
        del self.messages, self.outer


def _place(chain: Chain) -> int:
    return chain.items[chain.at][0]
