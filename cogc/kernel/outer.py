"""The additions to a run by people and programs outside of it: links, taps, units, and the orders whose end they await.

**The model.** A coglet's routes belong to its parent and are made anew by `wiring.wire`. What is added from outside belongs to
nobody inside, so it is kept here, in tables by path and channel, and laid over the routes whenever these are made: an
output gets its functions behind its own `extra` (`join`), a listen channel among the `forwards` of its coglet (`join_listen`).

**Links** go from a channel of any coglet to a listen channel of any other. The function of a link looks its target up by
path and keeps the port until that coglet has stopped, so that a link survives the restart of both ends. It is gone
when either end has stopped for good (`gone`).

**Taps** are functions of the shell that take a copy of each value. They are no part of the run: a channel that has only taps
counts as unheard, nothing of them is in the journal, and no sender waits for them. `watch` gives the tap that every output
gets when it is made, `on_gone` is told of each coglet that has stopped for good.

**Sinks** take what a coglet says for the order that has created it. They are part of the run: what has a sink is heard.

**Orders** (`orders.py`) are events with a number. `pending` has those whose end is awaited, by the coglet; `settle`, `failed`
and `gone` end them by the effect `OrderDone`.

**The invariants.**

- `own` has exactly the functions that this table has laid over routes, so that `join` can be called at any time.
- A run that was never ordered anything pays one look at `active` or `pending` where routes are made, and nothing for a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from cogc.kernel import ports
from cogc.kernel.effects import LogLine, OrderDone
from cogc.kernel.objects import STARTING, STOPPED, STOPPING, Instance, Out, Port
from cogc.language.values import Failure, hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from cogc.kernel.trace import Tracer
    from cogc.kernel.unit import Unit
    from cogc.language.values import Check, Target, Value

    Watch: TypeAlias = Callable[[str, str], Target | None]
    """The function that gives the tap for each output when it is made, by the path of its coglet and its name."""


class Sender(Protocol):
    """The kernel, as far as these tables need it."""

    root: Instance | None
    trace: Tracer | None
    effects: list[Any]
    now: int
    private: frozenset[str]

    def lose(self, reason: str, /) -> None: ...

    def push(self, port: Port, value: Value, /) -> None: ...

    def unheard(self, inst: Instance, out: Out, value: Value, /) -> None: ...


class Link(NamedTuple):
    """A link made from outside: the paths of two coglets, each with a channel of it."""

    source: str
    said: str
    target: str
    heard: str


class Pending(NamedTuple):
    """An order whose end is awaited: its number, what it waits for, and the event that its coglet handles for it, or the channels of a call."""

    number: int
    kind: str
    event: object = None


class Outer:
    """The tables of one kernel. `unstarted` are the coglets whose first start has not ended."""

    __slots__ = (
        "functions",
        "kernel",
        "links",
        "on_gone",
        "on_life",
        "own",
        "pending",
        "sinks",
        "taps",
        "units",
        "unstarted",
        "watch",
    )

    def __init__(self, kernel: Sender) -> None:
        self.kernel = kernel
        self.links: dict[tuple[str, str], dict[Link, Target]] = {}
        self.sinks: dict[tuple[str, str], Target] = {}
        self.taps: dict[tuple[str, str], list[Target]] = {}
        self.watch: Watch | None = None
        self.on_gone: Callable[[str], None] | None = None
        self.on_life: Callable[[Literal["fail", "restart"], Instance], None] | None = None
        self.own: set[Target] = set()
        self.functions: dict[tuple[str, str], Target] = {}
        self.units: dict[str, Unit] = {}
        self.pending: dict[Instance, list[Pending]] = {}
        self.unstarted: set[Instance] = set()

    @property
    def active(self) -> bool:
        """True if an output or a listen channel may have to be joined."""
        return bool(self.links or self.taps or self.sinks or self.watch)

    # ---- coglets by path -----------------------------------------------------------------------------------

    def find(self, path: str) -> Instance | None:
        """Return the coglet at a path, or None."""
        inst = self.kernel.root
        own, *parts = path.split("/")
        if inst is None or inst.name != own:
            return None
        for part in parts:
            name, _, index = part.partition("[")
            slot = (inst.children or {}).get(name)
            number = index.removesuffix("]") or "0"
            if slot is None or not number.isdigit() or slot.single is not (index == ""):
                return None
            inst = slot.members.get(int(number))
            if inst is None:
                return None
        return inst

    # ---- links ---------------------------------------------------------------------------------------------

    def link(self, link: Link, check: Check | None) -> None:
        """Add a link. `check` tests each message of a link whose types were not proved."""
        known = self.links.setdefault((link.source, link.said), {})
        if link not in known:
            known[link] = self._forward(link, check)
            self.own.add(known[link])
            self.refresh(link.source, link.said)

    def unlink(self, link: Link) -> bool:
        """Remove a link. Return whether there was one."""
        key = (link.source, link.said)
        function = self.links.get(key, {}).pop(link, None)
        if function is None:
            return False
        if not self.links[key]:
            del self.links[key]
        self.refresh(*key)
        self.own.discard(function)
        return True

    def all_links(self) -> list[Link]:
        """Return the links whose ends are there, in the order in which they were made."""
        found = [link for links in self.links.values() for link in links]
        return [link for link in found if self.find(link.source) and self.find(link.target)]

    def _forward(self, link: Link, check: Check | None) -> Target:
        """Return the route of a link. It finds its target anew when the coglet there has stopped."""
        kernel = self.kernel
        known: Port | None = None

        def forward(value: Value) -> None:
            nonlocal known
            if known is None or known.inst.gate & STOPPED:
                inst = self.find(link.target)
                known = None if inst is None else ports.port(inst, link.heard)
            if known is None:
                self._lost(link, value, "stopped")
                return
            if check is not None:
                try:
                    value = check(value)
                except Failure as wrong:
                    self._lost(link, value, "type")
                    said = f"the link {link.said} -> {link.target}.{link.heard} lost a message: {wrong.message}"
                    kernel.effects.append(LogLine("error", link.source, said, kernel.now))
                    return
            kernel.push(known, value)

        return forward

    def _lost(self, link: Link, value: Value, reason: str) -> None:
        """Count a message that a link could not hand on."""
        kernel, source = self.kernel, self.find(link.source)
        kernel.lose(reason)
        if kernel.trace:
            kernel.trace.record("dead_letter", source, port=f"{link.target}.{link.heard}", reason=reason, data=value)

    def sink(self, path: str, channel: str, function: Target) -> None:
        """Hand each value of a channel to a function, as long as its coglet lives."""
        self.sinks[path, channel] = function
        self.own.add(function)
        self.refresh(path, channel)

    # ---- taps ----------------------------------------------------------------------------------------------

    def tap(self, path: str, channel: str, function: Target) -> None:
        """Hand a copy of each value of a channel to a function, whether or not there is such a coglet yet."""
        self.taps.setdefault((path, channel), []).append(function)
        self.own.add(function)
        self.refresh(path, channel)

    def untap(self, path: str, channel: str, function: Target) -> None:
        """Remove a tap. A tap that is not there is no error."""
        key = (path, channel)
        left = [t for t in self.taps.get(key, ()) if t != function]
        if left:
            self.taps[key] = left
        else:
            self.taps.pop(key, None)
        self.refresh(path, channel)
        self.own.discard(function)

    def publish(self, path: str, channel: str, value: Value) -> None:
        """Hand a value to the links and taps of a name that is no channel of its coglet."""
        key = (path, channel)
        taps = self.taps.get(key, ())
        for function in [*self.links.get(key, {}).values(), *taps]:
            function(value)
        watched = self._watched(path, channel)
        if watched is not None and watched not in taps:
            watched(value)

    def _watched(self, path: str, channel: str) -> Target | None:
        """Return the tap by which the shell watches every output; one for each channel, made at its first use."""
        key = (path, channel)
        if key not in self.functions and self.watch is not None:
            made = self.watch(path, channel)
            if made is not None:
                self.functions[key] = made
                self.own.add(made)
        return self.functions.get(key)

    # ---- laying them over routes -----------------------------------------------------------------------------

    def refresh(self, path: str, channel: str) -> None:
        """Attach links and taps to a channel again, if its coglet lives and has the channel."""
        inst = self.find(path)
        if inst is None:
            return
        for made in inst.outs:
            if made is not None and made.name == channel:
                self.join(made)
        if channel in inst.code.transmit_names and not any(m is not None and m.name == channel for m in inst.outs):
            ports.out_named(inst, channel)  # which joins it
        if channel in inst.code.listens:
            self.join_listen(inst, channel)

    def join(self, made: Out) -> None:
        """Lay links and taps over an output. Call this whenever its routes were made anew."""
        inner = [t for t in made.extra or () if t not in self.own]
        made.silent = 0
        linked: list[Target] = []
        taps: list[Target] = []
        if not made.muted:
            key = (made.inst.path, made.name)
            linked = [*self.links.get(key, {}).values(), *filter(None, [self.sinks.get(key)])]
            taps = list(self.taps.get(key, ()))
            watched = self._watched(*key)
            if watched is not None and watched not in taps:
                taps.append(watched)
            if taps and not (inner or linked or made.targets):
                taps.append(self._nobody(made))
        made.silent = len(taps)
        made.lead_to(made.targets, [*inner, *linked, *taps] or None)

    def _nobody(self, made: Out) -> Target:
        """Return what stands behind taps alone: nobody in the run listens."""
        key = (made.inst.path, f"{made.name}\n")  # no channel has such a name
        known = self.functions.get(key)
        if known is None:
            known = self.functions[key] = lambda value: self.kernel.unheard(made.inst, made, value)
            self.own.add(known)
        return known

    def join_listen(self, inst: Instance, channel: str) -> None:
        """Lay links and taps over a listen channel. Call this whenever the `forwards` of its coglet were made anew."""
        key = (inst.path, channel)
        added = [*self.links.get(key, {}).values(), *self.taps.get(key, ())]
        forwards = inst.forwards or {}
        kept = [t for t in forwards.get(channel, ()) if t not in self.own]
        if added or kept:
            forwards[channel] = [*kept, *added]
        else:
            forwards.pop(channel, None)
        inst.forwards = forwards or None
        port = (inst.ports or {}).get(channel)
        if port is not None:
            ports.shortcut(port)

    def join_listens(self, inst: Instance) -> None:
        """Lay links and taps over all listen channels of a coglet."""
        path = inst.path
        for known, channel in [*self.links, *self.taps]:
            if known == path and channel in inst.code.listens:
                self.join_listen(inst, channel)

    # ---- orders --------------------------------------------------------------------------------------------

    def calls(self) -> dict[int, tuple[str, Any]]:
        """Return the calls that are awaited, by their numbers: the path of the coglet of each, and its channels."""
        found = [(inst.path, entry) for inst, entries in self.pending.items() for entry in entries]
        return {entry.number: (path, entry.event) for path, entry in found if entry.kind == "call"}

    def are_calls(self) -> bool:
        """Return whether all orders that have not ended are calls whose coglets have started, and say all that is still heard for orders."""
        calls = {path for path, _ in self.calls().values()}
        others = any(entry.kind != "call" for entries in self.pending.values() for entry in entries)
        return not (others or self.unstarted or any(path not in calls for path, _ in self.sinks))

    def await_end(self, inst: Instance, number: int, kind: str, event: object = None) -> None:
        """Let an order wait for what happens in a coglet."""
        self.pending.setdefault(inst, []).append(Pending(number, kind, event))

    def settle(self, inst: Instance, number: int, answer: object) -> None:
        """End an order, unless it has ended: with an answer, or a Failure."""
        waiting = self.pending.get(inst, [])
        for entry in waiting:
            if entry.number == number:
                waiting.remove(entry)
                if not waiting:
                    del self.pending[inst]
                self.kernel.effects.append(OrderDone(number, answer))
                return

    def failed(self, inst: Instance, failure: Failure, event: Value) -> None:
        """End the orders that the failure of a coglet is about: its start, or the event that it handled."""
        for entry in list(self.pending.get(inst, ())):
            if entry.kind in ("start", "call") or (entry.kind == "event" and _same(entry.event, event)):
                self.settle(inst, entry.number, failure)
                return

    def lives(self, kind: Literal["fail", "restart"], inst: Instance) -> None:
        """Tell the shell that a coglet has failed, or is restarted. That of a failure stands in the coglet."""
        if self.on_life is not None:
            self.on_life(kind, inst)

    def gone(self, inst: Instance) -> None:
        """End what depended on a coglet that has stopped: the orders that wait for it, its links, what watched it.

        A coglet that stops because one above it restarts comes back under its path, so its links stay.
        """
        self.unstarted.discard(inst)
        for entry in list(self.pending.get(inst, ())):
            path = hidden(inst.path, self.kernel.private)
            stopped = True if entry.kind == "stop" else Failure("stopped", f"`{path}` has stopped")
            self.settle(inst, entry.number, stopped)
        if not self.active or _comes_back(inst):
            return
        path = inst.path
        for key in [key for key in self.sinks if key[0] == path]:
            self.own.discard(self.sinks.pop(key))
        for link in [link for links in self.links.values() for link in links if path in (link.source, link.target)]:
            self.unlink(link)
        for key in [key for key in self.functions if key[0] == path]:
            self.own.discard(self.functions.pop(key))
        if self.on_gone is not None:
            self.on_gone(path)


def _same(expected: object, event: Value) -> bool:
    """Return whether an event is the one that an order has brought about. The arguments of a command come as a record."""
    if isinstance(expected, tuple):
        found = list(event.values()) if isinstance(event, dict) else []
        return len(found) == len(expected) and all(a is b for a, b in zip(expected, found, strict=True))
    return expected is event


def _comes_back(inst: Instance) -> bool:
    """Return whether a coglet above this one restarts."""
    above = inst.parent
    while above is not None:
        if above.gate & STARTING and not above.gate & (STOPPING | STOPPED):
            return True
        above = above.parent
    return False
