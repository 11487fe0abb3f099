"""The coglets of one run by ids, as people outside see them: channels, commands, mixins, links, and the graph of all of it.

Everything here reads what stands in the kernel, and changes nothing. A runtime draws its ids (`runtime.py`); in a run of a
spec the id of a coglet is its path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cogc.kernel.machine import Kernel
from cogc.kernel.objects import STOPPED, Instance
from cogc.language.texts import is_internal
from cogc.run.marks import Marks
from cogc.service import picture
from cogc.service.watch import Watched

_OF_MIXINS = ("log_level", "register", "executor", "suppress", "unsuppress", "cogweb_status")
"""Commands that mixins give; the graph leaves them out."""


def own_path(path: str, _inst: Instance) -> str:
    """Return the path of a coglet as its id."""
    return path


class Members:
    """The coglets of a run. `id_of` gives the id of a coglet by its path; `has_root` is false where the root is no coglet of
    anybody's, but holds those of others."""

    def __init__(
        self,
        kernel: Kernel,
        marks: Marks,
        watched: Watched,
        id_of: Callable[[str, Instance], str] = own_path,
        has_root: bool = True,
    ) -> None:
        self.kernel = kernel
        self.marks = marks
        self.watched = watched
        self.id_at = id_of
        self.has_root = has_root

    # ---- coglets -------------------------------------------------------------------------------------------

    def top(self) -> list[Instance]:
        """Return the coglets above which there is none."""
        root = self.kernel.root
        if root is None:
            return []
        return [i for i in ([root] if self.has_root else root.members()) if not i.gate & STOPPED]

    def instances(self) -> list[Instance]:
        """Return all coglets, each behind its parent."""
        found: list[Instance] = []
        pending = list(reversed(self.top()))
        while pending:
            inst = pending.pop()
            if inst.gate & STOPPED:
                continue
            found.append(inst)
            pending += reversed(inst.members())
        return found

    def id_of(self, inst: Instance) -> str:
        """Return the id of a coglet."""
        return self.id_at(inst.path, inst)

    def is_top(self, inst: Instance) -> bool:
        """Return whether nothing is above a coglet."""
        return inst.parent is None or (not self.has_root and inst.parent is self.kernel.root)

    def children(self, inst: Instance) -> list[Instance]:
        """Return the children of a coglet that have not stopped."""
        return [m for m in inst.members() if not m.gate & STOPPED]

    # ---- channels and commands -----------------------------------------------------------------------------

    def listens(self, inst: Instance) -> list[str]:
        """Return the listen channels of a coglet."""
        known = {c for c in inst.code.listens if not is_internal(c)} if not inst.code.ir.open else set()
        return sorted(known | set(self.marks.names(inst.path, "listen")))

    def commands(self, inst: Instance) -> list[str]:
        """Return the commands of a coglet."""
        known = set() if inst.code.ir.open else {*inst.code.commands, *(["tick"] if inst.code.ticks else [])}
        return sorted(known | set(self.marks.names(inst.path, "enact")))

    def own_commands(self, inst: Instance) -> list[str]:
        """Return the commands of a coglet without those of its mixins."""
        return [c for c in self.commands(inst) if c not in _OF_MIXINS]

    def transmits(self, inst: Instance) -> list[str]:
        """Return the channels on which a coglet transmits, or on which something was published for it."""
        path = inst.path
        listens = self.listens(inst)
        others = [*self.watched.records(path), *self.watched.feeds(path)]
        own = [c for c in inst.code.transmit_names if not is_internal(c)]
        return sorted({*own, *(c for c in others if c not in listens)})

    def mixins(self, inst: Instance) -> list[str]:
        """Return the names of the mixins of a coglet."""
        return self.marks.mixins(inst.path) or list(inst.code.ir.mixins)

    def subscribers(self, inst: Instance, channel: str) -> int:
        """Return how many take what comes out of a channel: links, coglets above, and observers."""
        path = inst.path
        feed = self.watched.feeds(path).get(channel)
        count = (0 if feed is None else len(feed.observers)) + len(self.kernel.outer.links.get((path, channel), ()))
        count += self.marks.subscribers(path, channel)
        for out in inst.outs:
            if out is not None and out.name == channel:
                own = [t for t in out.extra or () if t not in self.kernel.outer.own]
                count += len(out.targets) + len(own)
        return count

    def shown(self, inst: Instance) -> picture.Shown:
        """Return what the tree of text shows of a coglet."""
        path = inst.path
        used = [out for out in inst.outs if out is not None]
        counts = {out.name: self.subscribers(inst, out.name) for out in used}
        records = self.watched.records(path)
        for channel in [*records, *self.watched.feeds(path)]:
            counts[channel] = self.subscribers(inst, channel)
        spoken = {out.name for out in used if out.count} | {c for c, r in records.items() if r.last}
        channels = {c: n for c, n in counts.items() if n or c in spoken}
        return picture.Shown(inst.code.name, self.id_of(inst), self.mixins(inst), channels, *self._silenced(inst))

    def _silenced(self, inst: Instance) -> tuple[list[str], list[str]]:
        """Return the channels and the commands that a coglet silences."""
        own = inst.code.ir.suppressed
        if not own or not inst.states:
            return self.marks.silenced(inst.path)
        return sorted(inst.states[own[0]]), sorted(inst.states[own[1]])

    # ---- links ---------------------------------------------------------------------------------------------

    def links(self) -> list[tuple[Instance, str, Instance, str]]:
        """Return all links: those made from outside, and those that coglets and specs have made."""
        outer = self.kernel.outer
        found = []
        for link in outer.all_links():
            source, target = outer.find(link.source), outer.find(link.target)
            if source is not None and target is not None:
                found.append((source, link.said, target, link.heard))
        for inst in self.instances():
            for out in filter(None, inst.outs):
                for port in out.targets:
                    if port.member is None and not port.own and not is_internal(port.label) and "." not in port.label:
                        found.append((inst, out.name, port.inst, port.label))
        for path, said, at, heard in self.marks.links():
            source, target = outer.find(path), outer.find(at)
            if source is not None and target is not None:
                found.append((source, said, target, heard))
        return found

    # ---- the graph -----------------------------------------------------------------------------------------

    def graph(self) -> dict[str, Any]:
        """Return all coglets as nodes, and links and commands as edges."""
        nodes = {self.id_of(inst): self.node(inst) for inst in self.instances()}
        edges = [
            {
                "from": self.id_of(source), "to": self.id_of(target), "channel": f"{said}->{heard}",
                "kind": "data", "src_channel": said,
            }
            for source, said, target, heard in self.links()
        ]  # fmt: skip
        edges += [
            {"from": node["parent_id"], "to": id, "channel": ", ".join(node["enact_commands"]), "kind": "control"}
            for id, node in nodes.items()
            if node["parent_id"] is not None and node["enact_commands"]
        ]
        return {"nodes": nodes, "edges": edges}

    def node(self, inst: Instance) -> dict[str, Any]:
        """Return what the graph shows of a coglet."""
        slot, status, path = inst.slot, inst.status(), inst.path
        top = self.is_top(inst)
        return {
            "node_id": self.id_of(inst),
            "class_name": inst.code.name,
            "label": "" if slot is None or (top and not self.has_root) else slot.name,
            "doc": inst.code.ir.doc,
            "mixins": self.mixins(inst),
            "channels": {c: self.subscribers(inst, c) for c in self.transmits(inst)},
            "channel_stats": {c: r.counts() for c, r in self.watched.records(path).items() if r.last},
            "listen_channels": self.listens(inst),
            "enact_commands": self.own_commands(inst),
            "children": [self.id_of(m) for m in self.children(inst)],
            "parent_id": None if top or inst.parent is None else self.id_of(inst.parent),
            "config": {} if slot is None else picture.config(slot.spec.spec),
            "restarts": len(inst.restarts or ()),
            "status": "running" if status in ("idle", "busy", "parked") else status,
        }
