"""Chains of messages, and the names that all runs of one search share: what a kernel whose order is picked is made of (`picking.py`)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cogc.kernel.objects import Instance, Item, Port

MODELS, OUTPUTS = ("models",), ("outputs",)
Key = tuple[Any, ...]
"""The name of a chain, an inbox or something else that events touch: the same in all orders."""
Event = tuple[int, int, int, int, int, int]
"""An event that is over: the number of its chain, what it touched, which of the coglets among that took no data, the number of
the event that sent what it took (or -1), the bit of its receiver (0 if that one takes it at any time), and its instant."""
LAST = 1 << 60
"""The place of an event in the default order that comes when nothing else is left."""


class Book:
    """The names that all runs of one search share: numbers of chains, bits of what is touched, guarded inboxes.

    `observed` are channels of the root whose messages somebody compares with each other.
    """

    def __init__(self, observed: frozenset[str] = frozenset()) -> None:
        self.bits: dict[Key, int] = {}
        self.chains: dict[Key, int] = {}
        self.names: list[Key] = []
        self.guarded: set[Key] = set()
        self.observed = observed
        self.grown = False

    def bit(self, key: Key) -> int:
        """Return the bit of something that events touch."""
        found = self.bits.get(key)
        if found is None:
            found = self.bits[key] = 1 << len(self.bits)
        return found

    def chain(self, key: Key) -> int:
        """Return the number of a chain."""
        found = self.chains.get(key)
        if found is None:
            found = self.chains[key] = len(self.chains)
            self.names.append(key)
        return found

    def guard(self, key: Key) -> None:
        """Guard an inbox from now on."""
        if key not in self.guarded:
            self.guarded.add(key)
            self.grown = True


class Chain:
    """The messages from one sender to one port: each with its place in the default order and the event that sent it.

    `at` is the place of the message that can be taken next, `taken` counts those that were taken. `inbox` is
    the name of the port, if it is none of the kernel's own.
    """

    __slots__ = ("at", "bit", "gated", "guards", "id", "inbox", "inst", "items", "port", "taken")

    def __init__(
        self, id: int, port: Port | None, inst: Instance, gated: bool, guards: int, bit: int, inbox: Key = ()
    ) -> None:
        self.id = id
        self.bit = bit if gated else 0
        self.port = port
        self.inst = inst
        self.gated = gated
        self.guards = guards
        self.inbox = inbox
        self.items: deque[tuple[int, int, Item | None]] = deque()
        self.at = 0
        self.taken = 0

    def renew(self, guards: int) -> None:
        """Begin anew, for another run of the same kernel."""
        self.items.clear()
        self.guards = guards
        self.at = self.taken = 0
