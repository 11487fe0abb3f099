"""A run as the source of the page: its coglets, their flows and details, its trace, its failures and restarts.

A look at all coglets takes about 10 microseconds for each of them. Flows of links and observations are read from the routes of
the kernel, which count their messages anyway. What a coglet writes to its children is read from its program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cogc import ir
from cogc.kernel.objects import Instance, Out
from cogc.language.texts import is_internal
from cogc.run.session import Session
from cogc.service.members import Members
from cogc.service.page.details import details
from cogc.service.page.life import Life
from cogc.service.page.records import TraceRing
from cogc.service.page.source import Flow, Look, Seen, State
from cogc.service.page.texts import Texts

MOST_FLOWS = 5_000
"""The most flows of a look; pools that are linked with pools have the product of their members."""


class RunSource:
    """One run. `find` returns a coglet by its id, or None. A coglet is also found by its path, which traces and failures tell."""

    def __init__(self, session: Session, members: Members, title: str, find: Callable[[str], Instance | None]) -> None:
        self.session = session
        self.kernel = session.kernel
        self.members = members
        self.title = title
        self._by_id = find
        self.life: Life | None = Life(session.kernel)
        self.trace = TraceRing(session.taps) if session.kernel.trace is not None else None
        self.texts = Texts(session.kernel)
        self._written: dict[int, tuple[ir.Coglet, list[tuple[str, str]]]] = {}

    def head(self) -> dict[str, Any]:
        has = {"trace": self.trace is not None, "life": True, "source": True, "details": True}
        return {"title": self.title, "run": self.session.options.run, "has": has}

    def graph(self) -> dict[str, Any]:
        return self.members.graph()

    def find(self, id: str) -> Instance | None:
        """Return a coglet by its id or its path, or None."""
        return self._by_id(id) or self.kernel.outer.find(id)

    def details(self, id: str) -> dict[str, Any] | None:
        inst = self.find(id)
        return None if inst is None else details(self.session, self.members, inst, self.texts)

    def watch(self, id: str) -> Callable[[], None]:
        inst, watched = self.find(id), self.members.watched
        if inst is None:
            return lambda: None
        path = inst.path
        begun = [c for c in self._channels(inst) if c not in watched.records(path)]
        for channel in begun:
            watched.hear_briefly(path, channel)

        def end() -> None:
            for channel in begun:
                watched.unhear(path, channel)

        return end

    def _channels(self, inst: Instance) -> list[str]:
        """Return the channels whose messages nobody keeps yet: in a runtime those of outputs are kept anyway."""
        outputs = self.members.transmits(inst) if self.kernel.outer.watch is None else []
        return [*self.members.listens(inst), *outputs]

    def text(self, file: str) -> dict[str, Any] | None:
        return self.texts.read(file)

    # ---- looks ---------------------------------------------------------------------------------------------

    def look(self) -> Look:
        seen: list[Seen] = []
        states: list[State] = []
        ids: dict[Instance, str] = {}
        pending = [(inst, inst.parent.path if inst.parent else "", "") for inst in reversed(self.members.top())]
        while pending:
            inst, above, parent = pending.pop()
            label = _label(inst)
            path = f"{above}/{label}" if above else label
            id = ids[inst] = self.members.id_at(path, inst)
            declared = inst.code.ir
            seen.append(Seen(id, parent, label, inst.code.name, declared.kind, declared.doc.partition("\n")[0][:100]))
            states.append(State(inst.status(), _fill(inst), len(inst.restarts or ())))
            if inst.children:
                pending += [(m, path, id) for m in reversed(self.members.children(inst))]
        flows: dict[Flow, None] = {}
        for flow in self._flows(ids):
            flows[flow] = None
            if len(flows) == MOST_FLOWS:
                break
        return Look(seen, states, list(flows))

    def _flows(self, ids: dict[Instance, str]) -> Iterator[Flow]:
        """Yield the flows between coglets that are seen."""
        for source, said, target, heard in self.members.links():
            if source in ids and target in ids:
                out = next((o for o in source.outs if o is not None and o.name == said), None)
                yield Flow(ids[source], ids[target], _words(said, heard), "data", out)
        for inst in ids:
            for out in filter(None, inst.outs):
                yield from self._inner(inst, out, ids)
            if inst.children:
                yield from self._declared(inst, ids)

    def _inner(self, inst: Instance, out: Out, ids: dict[Instance, str]) -> Iterator[Flow]:
        """Yield the flows of an output to the coglet above: what it observes, and what it hands on as its own."""
        for port in out.targets:
            if port.member is not None and port.inst in ids:
                yield Flow(ids[inst], ids[port.inst], out.name, "observe", out)
        for relay in out.relays:
            if relay.inst in ids and not is_internal(relay.name):
                yield Flow(ids[inst], ids[relay.inst], _words(out.name, relay.name), "data", out)

    def _declared(self, inst: Instance, ids: dict[Instance, str]) -> Iterator[Flow]:
        """Yield the flows from a coglet to its children: what its reactions write, and links from its listen channels."""
        for child, channel in self._writes(inst.code.ir):
            slot = (inst.children or {}).get(child)
            for member in slot.members.values() if slot is not None else ():
                if member in ids:
                    yield Flow(ids[inst], ids[member], channel, "send", None)

    def _writes(self, coglet: ir.Coglet) -> list[tuple[str, str]]:
        """Return the children and channels to which a coglet writes; they are looked for once."""
        known = self._written.get(id(coglet))
        if known is None:
            found = {
                (p.port.child, p.port.name): None
                for p in ir.parts(coglet.reactions)
                if isinstance(p, ir.Emit) and p.port.kind == "child_listen"
            }
            for link in coglet.links:
                if link.source.kind == "own_listen" and link.target.kind == "child_listen":
                    found[link.target.child, _words(link.source.name, link.target.name)] = None
            known = self._written[id(coglet)] = coglet, list(found)
        return known[1]


def _label(inst: Instance) -> str:
    """Return the last part of the path of a coglet."""
    single = inst.slot is None or inst.slot.single
    return inst.name if single else f"{inst.name}[{inst.index}]"


def _fill(inst: Instance) -> float:
    """Return the filled part of the fullest inbox of a coglet."""
    ports = inst.ports
    if not ports:
        return 0.0
    return min(
        1.0, max((p.fill / p.capacity for p in ports.values() if p.fill and p.capacity and not p.own), default=0.0)
    )


def _words(said: str, heard: str) -> str:
    return said if said == heard else f"{said} → {heard}"
