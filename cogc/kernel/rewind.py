"""The beginning of a run, to which a kernel goes back, so that a search need not make its system anew for each order.

**The model.** All orders of one search begin alike: the same coglets are created, the same routes made, the same inputs put in
front of them. `beginning` looks at a kernel that has done this, and has taken no message yet. `again` puts that kernel back
when its run is over. What belongs to the kernel alone is made anew, as for a new kernel. What belongs to coglets and their
inboxes, and what waits in these, is what it was.

**What cannot go back.** A start that has done more than to create coglets (hooks, calls, losses, random numbers, rounds of
`on all`) has no beginning that is known. A run that has created a coglet, or that ends in the middle of a reaction, leaves a
kernel behind that does not go back: `released` returns False. Kernels are then made anew each time.

**The invariant.** The run of a kernel that went back is that of a new kernel, event by event, to the last bit of each touch set.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

from cogc.kernel.objects import Port
from cogc.kernel.picking import PickingKernel
from cogc.kernel.timers import Timer

if TYPE_CHECKING:
    from cogc.kernel.chains import Book
    from cogc.kernel.objects import Instance
    from cogc.kernel.picking import Pick


def beginning(kernel: PickingKernel) -> Beginning | None:
    """Return the beginning of a kernel that has started and taken no message; None if it could not go back there."""
    coglets = kernel.all()
    untouched = not (
        kernel.steps
        or kernel.effects
        or kernel.calls
        or kernel.hot
        or kernel.ready
        or kernel.parked
        or kernel.missed
        or kernel.counts
        or kernel.streams
        or kernel.persisted
        or kernel.losses.letters
        or kernel.losses.unheard
        or kernel.outer.active
        or kernel.unit.bundle.queues
        or kernel.trace is not None
    )
    return Beginning(kernel, coglets) if untouched and coglets and all(map(_is_plain, coglets)) else None


def _is_plain(inst: Instance) -> bool:
    """Return whether nothing has happened to a coglet but its creation, and nothing waits in its hooks."""
    code = inst.code
    if code.ir.kind != "coglet" or code.ir.python or code.on_start or any(h.waits for h in code.on_stop):
        return False
    return not (inst.gate or inst.activities or inst.awaits or inst.extra or inst.backlog or inst.urgent)


_T = TypeVar("_T", list[Timer], dict[str, Port])


def _copy(table: _T | None) -> _T | None:
    return None if table is None else table.copy()


class Beginning:
    """The state of a kernel before its first event. `book` is the one of its runs."""

    def __init__(self, kernel: PickingKernel, coglets: list[Instance]) -> None:
        for inst in coglets:
            kernel.name(inst)
        self.kernel = kernel
        self.book: Book = kernel.book
        self._guarded = len(kernel.book.guarded)
        self._is_free = False
        self._root = kernel.root
        self._counters = kernel.serial, kernel.placed, kernel.skipped
        self._names = kernel.bases.copy(), kernel.named.copy(), kernel.paths.copy()
        self._marks = kernel.marks.copy()
        self._chains = kernel.chains.copy()
        self._waiting = [(chain, tuple(chain.items)) for chain in kernel.live]
        timers = kernel.timers
        self._timers = {when: [(timer, timer.function) for timer in them] for when, them in timers.buckets.items()}
        self._instants = timers.heap.copy()
        self._coglets = [
            (i, i.states.copy(), i.outs.copy(), _copy(i.ports), _copy(i.timers), i.forwards) for i in coglets
        ]
        ports = [port for i in coglets for port in (i.ports or {}).values()]
        ports += [timer.first for them in timers.buckets.values() for timer in them if isinstance(timer.first, Port)]
        self._ports = {port: (port.fill, port.simple) for port in ports}
        outs = [out for i in coglets for out in i.outs if out is not None]
        self._outs = [(out, out.count, out.targets, out.extra, out.relays, out.muted) for out in outs]
        slots = [slot for i in coglets for slot in (i.children or {}).values() if not slot.single]
        self._slots = [(slot, slot.members.copy(), slot.next_index, slot.cursor) for slot in slots]

    def released(self) -> bool:
        """Take note that nobody looks at the run any more. Return whether its kernel can go back here."""
        kernel = self.kernel
        made = kernel.serial - self._counters[0]
        self._is_free = not (made or kernel.calls or any(i.activities or i.awaits for i, *_ in self._coglets))
        return self._is_free

    def again(self, book: Book, pick: Pick) -> bool:
        """Put the kernel back, for a run in another order. Return False if it cannot go back."""
        if not self._is_free or book is not self.book or len(book.guarded) != self._guarded:
            return False
        kernel, self._is_free = self.kernel, False
        spare = kernel.spare
        spare.update((key, chain) for key, chain in kernel.chains.items() if chain.port in self._ports)
        PickingKernel.__init__(kernel, kernel.unit, kernel.seed, kernel.epoch, pick=pick, book=book)
        kernel.spare = spare
        self._put_back_tables(kernel)
        self._put_back_coglets()
        return True

    def _put_back_tables(self, kernel: PickingKernel) -> None:
        """Put back the names, the chains with what waits in them, and the timers."""
        kernel.root = self._root
        kernel.serial, kernel.placed, kernel.skipped = self._counters
        bases, named, paths = self._names
        kernel.bases, kernel.named, kernel.paths = bases.copy(), named.copy(), paths.copy()
        kernel.marks = self._marks.copy()
        kernel.chains = self._chains.copy()
        for chain, items in self._waiting:
            chain.items = deque(items)
            chain.at = chain.taken = 0
            kernel.live[chain] = None
        if self._timers:
            for when, them in self._timers.items():
                kernel.timers.buckets[when] = [timer for timer, _ in them]
                for timer, function in them:
                    timer.function = function
            kernel.timers.heap = self._instants.copy()

    def _put_back_coglets(self) -> None:
        """Put back the coglets with their inboxes, outputs and pools."""
        for inst, states, outs, ports, timers, forwards in self._coglets:
            inst.gate = inst.held = inst.parked = 0
            inst.activities = inst.awaits = inst.backlog = inst.extra = inst.failure = None
            inst.rest = inst.restarts = inst.urgent = None
            inst.states = states.copy()
            inst.outs = outs.copy()
            inst.ports, inst.timers, inst.forwards = _copy(ports), _copy(timers), forwards
        for port, (fill, simple) in self._ports.items():
            port.fill, port.simple, port.waiters = fill, simple, None
        for out, count, targets, extra, relays, muted in self._outs:
            out.lead_to(targets, extra)
            out.count, out.relays, out.muted = count, relays, muted
        for slot, members, following, cursor in self._slots:
            slot.members, slot.next_index, slot.cursor = members.copy(), following, cursor
