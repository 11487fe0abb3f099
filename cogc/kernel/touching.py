"""A kernel that takes note of what each event touches: `TouchingKernel`.

**Touch sets.** `wrote` is a set of bits: what the last event touched. Two events whose sets are disjoint have the same
result in both orders. Touched are the receiver, each inbox that the `Book` guards and that is sent into or taken from, each
coglet that the event stops, restarts, fails or commands, outputs by their channels, and models. `closed` has the bits of those
coglets among them that took no data before the event.

**Guarded inboxes.** A message to an inbox that always has room moves nothing else. So an inbox is guarded only if its
`overflow` is not `block`, if a pool's `map: idle` looks at it, or if it has been sent as many messages as it holds, so
that somebody may be parked on it. What has to be guarded is found out by runs: `Book.grown` says that the set has grown,
and that what was learnt about touch sets before is not complete.

**Names.** Names and bits follow from paths, ports and counts within one coglet, so they are the same in every order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cogc.kernel.chains import MODELS, OUTPUTS, Book, Key
from cogc.kernel.machine import Kernel
from cogc.kernel.objects import AWAITING, CLOSED, URGENT, Instance, Port, Slot

if TYPE_CHECKING:
    from cogc.kernel.unit import Unit
    from cogc.language.values import Value


class TouchingKernel(Kernel):
    """A kernel that notes what each event touches. `actor` is the coglet whose event is under way."""

    __slots__ = ("actor", "bases", "book", "closed", "marks", "named", "paths", "wrote")

    def __init__(self, unit: Unit, *arguments: Any, book: Book | None = None, **others: Any) -> None:
        super().__init__(unit, *arguments, **others)
        self.book = book or Book()
        self.marks: dict[Instance, int] = {}
        self.bases: dict[Instance, int] = {}
        self.named: dict[Instance, str] = {}
        self.paths: dict[str, int] = {}
        self.actor: Instance | None = None
        self.wrote = 0
        self.closed = 0

    # ---- names -----------------------------------------------------------------------------------------------

    def name(self, inst: Instance) -> str:
        """Return the path of a coglet; a second coglet of the same path has a number behind it."""
        found = self.named.get(inst)
        if found is None:
            path = inst.path
            count = self.paths[path] = self.paths.get(path, 0) + 1
            found = self.named[inst] = path if count == 1 else f"{path}#{count}"
        return found

    def mark(self, inst: Instance) -> int:
        """Return the bits that each event of a coglet touches: the coglet, and its guarded inboxes."""
        found = self.marks.get(inst)
        if found is None:
            found = self.bit(inst)
            if inst.code.ir.kind != "coglet":
                found |= self.book.bit(MODELS)
            self.marks[inst] = found
        return found

    def bit(self, inst: Instance) -> int:
        """Return the bit of a coglet alone."""
        found = self.bases.get(inst)
        if found is None:
            found = self.bases[inst] = self.book.bit((self.name(inst),))
        return found

    def key(self, port: Port) -> Key:
        """Return the name of an inbox."""
        inst = port.inst
        other = self.name(port.member) if port.member is not None else ""
        number = port.handlers[0].key if port.handlers and not port.own else -1
        return (self.name(inst), port.label, other, number)

    # ---- touch sets --------------------------------------------------------------------------------------------

    def touch(self, what: object) -> None:
        """Take note of what a step changes beside its own coglet."""
        if isinstance(what, Instance):
            if not what.name and what.parent is not None:
                what = what.parent
            bit = self.bit(what)
            if not self.wrote & bit:
                self.wrote |= self.mark(what)
                if takes_nothing(what):
                    self.closed |= bit
        elif isinstance(what, Port):
            self.book.guard(self.key(what))
        elif isinstance(what, Slot):
            self.wrote |= self.book.bit(("slot", what.name, *sorted(self.name(m) for m in what.members.values())[:1]))
        else:
            self.wrote |= self.book.bit(MODELS)
            if self.actor is not None:
                self.marks[self.actor] = self.mark(self.actor) | self.book.bit(MODELS)

    def guards(self, port: Port, key: Key) -> int:
        """Return the bit of an inbox that is guarded, else 0."""
        if port.overflow != "block":
            self.book.guarded.add(key)
        if key not in self.book.guarded:
            return 0
        bit = self.book.bit(key)
        self.marks[port.inst] = self.mark(port.inst) | bit
        return bit

    def output(self, channel: str, value: Value) -> None:
        seen = OUTPUTS if channel in self.book.observed else ("output", channel)
        self.wrote |= self.book.bit(seen)
        super().output(channel, value)

    def _full(self, port: Port, value: Value) -> None:
        if port.overflow == "block":
            self.book.guard(self.key(port))
        else:
            self.wrote |= self.guards(port, self.key(port))
        super()._full(port, value)

    def press(self, inst: Instance) -> None:
        for port in self.hot:
            self.wrote |= self.guards(port, self.key(port))
            if port.inst.parent is inst and port.inst in self.parked:
                self.touch(port.inst)
        super().press(inst)

    def release(self, port: Port) -> None:
        for inst in port.waiters or ():
            self.touch(inst)
        super().release(port)


def takes_nothing(inst: Instance) -> bool:
    """Return whether a coglet takes no data, whatever it is: an `await` may take some."""
    return bool(inst.gate & (CLOSED | URGENT) or inst.rest) and not inst.gate & AWAITING
