"""The runtime: one run that holds any number of coglets, which people and programs create, link, feed, watch and stop by id.

The root is a coglet without anything in it, `CogletRuntime`. Each method here is one request: it gives orders to the run
(`run/orders.py`), or reads what stands in the kernel. HTTP (`runtime_routes.py`) and MCP (`runtime_tools.py`) are faces of
these methods. A refused request raises `Refused` with a status of HTTP.

An id is the name of a class and four hexadecimal digits. That of a created coglet is its name below the root, and is drawn
anew each time; that of a child follows from its path.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import trio

from cogc.kernel.objects import STOPPED, STOPPING, Instance
from cogc.kernel.orders import is_public
from cogc.language.values import Failure, hidden, plain
from cogc.run.convert import from_python
from cogc.run.marks import Marks
from cogc.run.orders import Refusal
from cogc.run.session import Session
from cogc.service import picture
from cogc.service.loading import MANIFEST, Allowed, Refused, load
from cogc.service.watch import Feed, Observer, Record

ROOT = "CogletRuntime"
SPEC = f"coglet {ROOT} {{ }}"
"""The program of the root."""
MOST = 20_000
"""How many channels may have their last messages kept; whoever names channels at will cannot fill the memory by that."""
_OF_MIXINS = ("log_level", "register", "executor", "suppress", "unsuppress", "cogweb_status")
"""Commands that mixins give; the graph leaves them out."""
_STATUSES = {"missing": 404, "type": 422, "stopped": 409}


class Runtime:
    """The requests to one run. `draw` gives the random part of an id, `allowed` the packages that a spec may import."""

    def __init__(self, session: Session, allowed: Allowed, draw: Callable[[], str], folder: str) -> None:
        self.session = session
        self.kernel = session.kernel
        self.orders = session.orders
        self.marks = Marks(session.executors.coglets)
        self.allowed = allowed
        self.draw = draw
        self.folder = folder
        self.ids: dict[str, str] = {}
        self.paths: dict[str, str] = {}
        self.folders: dict[str, str] = {}
        self.records: dict[tuple[str, str], Record] = {}
        self.heard: set[tuple[str, str]] = set()
        self.feeds: dict[tuple[str, str], Feed] = {}
        self.kernel.outer.watch = self._watch
        self.kernel.outer.on_gone = self._forget

    # ---- coglets and their ids -------------------------------------------------------------------------------

    def instances(self) -> list[Instance]:
        """Return all coglets but the root, each behind its parent."""
        found: list[Instance] = []
        pending = [] if self.kernel.root is None else list(reversed(self.kernel.root.members()))
        while pending:
            inst = pending.pop()
            if inst.gate & STOPPED:
                continue
            found.append(inst)
            pending += reversed(inst.members())
        return found

    def id_of(self, inst: Instance) -> str:
        """Return the id of a coglet, which gets one when it is first asked for."""
        path = inst.path
        if path not in self.ids:
            count = 0
            while True:
                digits = hashlib.sha256(f"{path}#{count}".encode()).hexdigest()[:4]
                id, count = f"{prefix(inst.code.name)}-{digits}", count + 1
                if id not in self.paths:
                    break
            self.ids[path], self.paths[id] = id, path
        return self.ids[path]

    def find(self, id: str) -> Instance:
        """Return a coglet by its id. Raise Refused if there is none."""
        inst = self.kernel.outer.find(self.paths[id]) if id in self.paths else None
        if inst is None:
            inst = next((i for i in self.instances() if self.id_of(i) == id), None)
        if inst is None or inst.gate & STOPPED:
            raise Refused(404, f"no coglet with id '{id}'")
        return inst

    def _fresh(self, name: str) -> str:
        """Return an id that nothing has."""
        while True:
            id = f"{prefix(name)}-{self.draw()}"
            if id not in self.paths:
                return id

    def _forget(self, path: str) -> None:
        """Forget a coglet that has stopped for good."""
        id = self.ids.pop(path, None)
        if id is not None:
            del self.paths[id]
        self.folders.pop(path, None)
        for key in [k for k in self.records if k[0] == path]:
            record = self.records.pop(key)
            if key in self.heard:
                self.heard.discard(key)
                self.kernel.outer.untap(*key, record.note)
        for key in [k for k in self.feeds if k[0] == path]:
            self._end_feed(key)

    # ---- lives -----------------------------------------------------------------------------------------------

    async def cogs(self) -> dict[str, Any]:
        """List the coglet folders in `cogs` and `examples` of the folder of the runtime."""
        return {"cogs": await trio.to_thread.run_sync(_folders, self.folder)}

    async def create(self, cog_dir: str, settings: list[str] | None = None) -> dict[str, Any]:
        """Create a coglet, and return when its start has ended."""
        place = os.path.join(self.folder, cog_dir)
        try:
            loaded = await trio.to_thread.run_sync(load, place, settings or [], self.allowed)
        except Refused as refused:
            if refused.status == 404:
                raise Refused(404, f"'{cog_dir}' is not a directory") from None
            raise
        programs = self.session.executors.settings
        programs.allow_imports |= loaded.packages
        digest = await self.orders.adopt(loaded.bundle)
        name = loaded.bundle.coglets[loaded.key].name
        id = self._fresh(name)
        path = f"{ROOT}/{id}"
        self.ids[path], self.paths[id], self.folders[path] = id, path, place
        try:
            values = {k: _value(v, k) for k, v in loaded.parameters.items()}
            await self._order("create", ROOT, digest, loaded.key, id, values, loaded.policy)
        except BaseException:
            self._forget(path)
            raise
        return {"id": id, "class": name}

    async def stop(self, id: str) -> dict[str, Any]:
        """Stop a coglet and all below it."""
        inst = self.find(id)
        name, below = inst.code.name, _below(inst)
        await self._order("stop", inst.path)
        return {"msg": f"stopped {name} (id={id}) + {below} children"}

    # ---- messages and commands -------------------------------------------------------------------------------

    async def transmit(self, id: str, channel: str, data: Any) -> dict[str, Any]:
        """Push data into a channel, and return when its handler has ended. A channel that is not heard goes to links and observers."""
        inst = self.find(id)
        listens = channel in self.listens(inst)
        if listens:
            self._hear(inst.path, channel)
        await self._order("input" if listens else "transmit", inst.path, channel, _value(data, channel))
        return {"msg": f"transmitted on {id}:{channel}"}

    async def enact(self, id: str, command: str, data: Any) -> dict[str, Any]:
        """Give a command, and return when its handler has ended. An unknown command is ignored."""
        inst = self.find(id)
        if command in self.commands(inst):
            await self._order("enact", inst.path, command, _value(data, command))
        return {"msg": f"sent '{command}' to {id}"}

    async def _order(self, action: str, *data: Any) -> Any:
        """Give an order. Raise Refused if it is refused, or if what it has set off fails."""
        try:
            return await self.orders.send(action, *data)
        except Refusal as refused:
            raise Refused(_STATUSES.get(refused.kind, 422), refused.message) from None
        except Failure as failed:
            raise Refused(409 if failed.kind == "stopped" else 500, failed.message) from None

    # ---- links -----------------------------------------------------------------------------------------------

    async def link(self, src_id: str, src_channel: str, dest_id: str, dest_channel: str) -> dict[str, Any]:
        """Link a channel of one coglet to a listen channel of another."""
        source, target = self.find(src_id), self.find(dest_id)
        await self._order("link", source.path, src_channel, target.path, dest_channel)
        return {"msg": f"{src_id}:{src_channel} -> {dest_id}:{dest_channel}"}

    async def unlink(self, src_id: str, src_channel: str, dest_id: str, dest_channel: str) -> dict[str, Any]:
        """Remove a link."""
        try:
            source, target = self.find(src_id), self.find(dest_id)
        except Refused:
            raise Refused(404, "link not found") from None
        if not self.marks.unlink(source.path, src_channel, target.path, dest_channel):
            await self._order("unlink", source.path, src_channel, target.path, dest_channel)
        return {"msg": f"unlinked {src_id}:{src_channel} -> {dest_id}:{dest_channel}"}

    def links(self) -> dict[str, Any]:
        """List all links: those made from outside, and those that coglets and specs have made."""
        outer = self.kernel.outer
        found = []
        for link in outer.all_links():
            source, target = outer.find(link.source), outer.find(link.target)
            if source is not None and target is not None:
                found.append((self.id_of(source), link.said, self.id_of(target), link.heard))
        for inst in self.instances():
            for out in filter(None, inst.outs):
                for port in out.targets:
                    if port.member is None and not port.own and is_public(port.label) and "." not in port.label:
                        found.append((self.id_of(inst), out.name, self.id_of(port.inst), port.label))
        for path, said, at, heard in self.marks.links():
            source, target = outer.find(path), outer.find(at)
            if source is not None and target is not None:
                found.append((self.id_of(source), said, self.id_of(target), heard))
        names = ("src", "src_channel", "dest", "dest_channel")
        return {"links": [dict(zip(names, link, strict=True)) for link in found]}

    # ---- what there is ---------------------------------------------------------------------------------------

    def listens(self, inst: Instance) -> list[str]:
        """Return the listen channels of a coglet."""
        known = {c for c in inst.code.listens if is_public(c)} if not inst.code.ir.open else set()
        return sorted(known | set(self.marks.names(inst.path, "listen")))

    def commands(self, inst: Instance) -> list[str]:
        """Return the commands of a coglet."""
        known = set() if inst.code.ir.open else {*inst.code.commands, *(["tick"] if inst.code.ticks else [])}
        return sorted(known | set(self.marks.names(inst.path, "enact")))

    def transmits(self, inst: Instance) -> list[str]:
        """Return the channels on which a coglet transmits, or on which something was published for it."""
        published = [channel for path, channel in self.records if path == inst.path]
        looked = [channel for path, channel in self.feeds if path == inst.path]
        listens = self.listens(inst)
        return sorted({*inst.code.transmit_names, *(c for c in [*published, *looked] if c not in listens)})

    def channels(self, id: str) -> dict[str, Any]:
        """List the channels of a coglet."""
        inst = self.find(id)
        return {
            "id": id, "class": inst.code.name, "transmit": self.transmits(inst), "listen": self.listens(inst)
        }  # fmt: skip

    def status(self) -> dict[str, Any]:
        """Show the tree, all coglets and all links."""
        coglets = [
            {
                "id": self.id_of(inst),
                "class": inst.code.name,
                "cog_dir": self.folders.get(inst.path, ""),
                "children": len(inst.members()),
                "channels": sorted({*self.transmits(inst), *self.listens(inst)}),
            }
            for inst in self.instances()
        ]
        return {**self.tree(), "coglets": coglets, **self.links()}

    def tree(self) -> dict[str, Any]:
        """Show the coglets as a tree of text."""
        root = self.kernel.root
        members = [] if root is None else [m for m in root.members() if not m.gate & STOPPED]
        return {"tree": picture.tree(ROOT, members, self._shown)}

    def _shown(self, inst: Instance) -> picture.Shown:
        """Return what the tree shows of a coglet."""
        used = [out for out in inst.outs if out is not None]
        counts = {out.name: self.subscribers(inst, out.name) for out in used}
        for path, channel in [*self.records, *self.feeds]:
            if path == inst.path:
                counts[channel] = self.subscribers(inst, channel)
        spoken = {out.name for out in used if out.count}
        channels = {c: n for c, n in counts.items() if n or c in spoken or self._said(inst, c)}
        return picture.Shown(inst.code.name, self.id_of(inst), self.mixins(inst), channels, *self._silenced(inst))

    def _said(self, inst: Instance, channel: str) -> bool:
        record = self.records.get((inst.path, channel))
        return record is not None and bool(record.last)

    def mixins(self, inst: Instance) -> list[str]:
        """Return the names of the mixins of a coglet."""
        return self.marks.mixins(inst.path) or list(inst.code.ir.mixins)

    def _silenced(self, inst: Instance) -> tuple[list[str], list[str]]:
        """Return the channels and the commands that a coglet silences."""
        own = inst.code.ir.suppressed
        if not own or not inst.states:
            return self.marks.silenced(inst.path)
        return sorted(inst.states[own[0]]), sorted(inst.states[own[1]])

    def subscribers(self, inst: Instance, channel: str) -> int:
        """Return how many take what comes out of a channel: links, coglets above, and observers."""
        key = (inst.path, channel)
        watched = self.feeds.get(key)
        count = (0 if watched is None else len(watched.observers)) + len(self.kernel.outer.links.get(key, ()))
        count += self.marks.subscribers(*key)
        for out in inst.outs:
            if out is not None and out.name == channel:
                own = [t for t in out.extra or () if t not in self.kernel.outer.own]
                count += len(out.targets) + len(own)
        return count

    def graph(self) -> dict[str, Any]:
        """Show all coglets as nodes, and links and commands as edges."""
        nodes = {self.id_of(inst): self._node(inst) for inst in self.instances()}
        edges = [
            {
                "from": link["src"], "to": link["dest"], "channel": f"{link['src_channel']}->{link['dest_channel']}",
                "kind": "data", "src_channel": link["src_channel"],
            }
            for link in self.links()["links"]
        ]  # fmt: skip
        edges += [
            {"from": node["parent_id"], "to": id, "channel": ", ".join(node["enact_commands"]), "kind": "control"}
            for id, node in nodes.items()
            if node["parent_id"] is not None and node["enact_commands"]
        ]
        return {"nodes": nodes, "edges": edges}

    def _node(self, inst: Instance) -> dict[str, Any]:
        """Return what the graph shows of a coglet."""
        slot, status = inst.slot, inst.status()
        assert slot is not None and inst.parent is not None
        path = inst.path
        top = inst.parent is self.kernel.root
        return {
            "node_id": self.id_of(inst),
            "class_name": inst.code.name,
            "label": "" if top else slot.name,
            "doc": inst.code.ir.doc,
            "mixins": self.mixins(inst),
            "channels": {c: self.subscribers(inst, c) for c in self.transmits(inst)},
            "channel_stats": {c: r.counts() for (p, c), r in self.records.items() if p == path and r.last},
            "listen_channels": self.listens(inst),
            "enact_commands": [c for c in self.commands(inst) if c not in _OF_MIXINS],
            "children": [self.id_of(m) for m in inst.members() if not m.gate & STOPPED],
            "parent_id": None if top else self.id_of(inst.parent),
            "config": picture.config(slot.spec.spec),
            "restarts": len(inst.restarts or ()),
            "status": "running" if status in ("idle", "busy", "parked") else status,
        }

    # ---- what was said ---------------------------------------------------------------------------------------

    def stats(self, id: str, channel: str | None) -> dict[str, Any]:
        """Count the messages of a channel, or of all, by windows of time."""
        inst = self.find(id)
        path = inst.path
        if channel is None:
            found = {c: r.counts() for (p, c), r in self.records.items() if p == path and r.last}
            return {"channels": found}
        record = self._record(inst, channel)
        counts = record.counts() if record is not None else Record(lambda: 0).counts()
        return {"channel": channel, "counts": counts, "history": self._last(record, 10)}

    def history(self, id: str, channel: str, n: int) -> dict[str, Any]:
        """Return the last messages of a channel."""
        return {"channel": channel, "messages": self._last(self._record(self.find(id), channel), n)}

    def _record(self, inst: Instance, channel: str) -> Record | None:
        """Return the record of a channel. That of a listen channel is kept from now on."""
        if channel in self.listens(inst):
            self._hear(inst.path, channel)
        return self.records.get((inst.path, channel))

    def _last(self, record: Record | None, most: int) -> list[dict[str, Any]]:
        """Return the last messages of a record."""
        if record is None or most <= 0:
            return []
        kernel = self.kernel
        return [{"ts": (kernel.epoch + at) / 1e9, "data": self.shown(value)} for at, value in list(record.last)[-most:]]

    def shown(self, value: Any) -> Any:
        """Return a value as JSON data for people, without its private fields."""
        return plain(hidden(value, self.kernel.private))

    def _watch(self, path: str, channel: str) -> Callable[[Any], None] | None:
        """Return the tap of an output: its record."""
        if path == ROOT or (len(self.records) >= MOST and (path, channel) not in self.records):
            return None
        return self.records.setdefault((path, channel), Record(self._now)).note

    def _now(self) -> int:
        return self.kernel.now

    def _hear(self, path: str, channel: str) -> None:
        """Keep a record of a listen channel that somebody has asked about."""
        if (path, channel) not in self.heard:
            self.heard.add((path, channel))
            record = self.records.setdefault((path, channel), Record(self._now))
            self.kernel.outer.tap(path, channel, record.note)

    # ---- observers -------------------------------------------------------------------------------------------

    def observe(self, id: str, channel: str) -> tuple[Observer, Callable[[], None]]:
        """Return an observer of a channel, and what ends the observation."""
        key = (self.find(id).path, channel)
        feed = self.feeds.get(key)
        if feed is None:
            feed = self.feeds[key] = Feed(self.shown)
            self.kernel.outer.tap(*key, feed.take)
        observer = Observer(feed)

        def end() -> None:
            observer.end()
            if not feed.observers and self.feeds.get(key) is feed:
                self._end_feed(key)

        return observer, end

    def _end_feed(self, key: tuple[str, str]) -> None:
        """End a feed with all who look on."""
        feed = self.feeds.pop(key)
        self.kernel.outer.untap(*key, feed.take)
        for observer in list(feed.observers):
            observer.end()

    def close(self) -> None:
        """End all observations: the run is over."""
        for key in list(self.feeds):
            self._end_feed(key)

    def shutdown(self) -> None:
        """Stop all coglets, the last one first, and end the run."""
        self.session.stop()


def prefix(name: str) -> str:
    """Return the first part of the ids of a class: its name in lower case, without `Coglet` or `Cog` at its end."""
    for end in ("Coglet", "Cog"):
        if name.endswith(end) and len(name) > len(end):
            name = name[: -len(end)]
            break
    return name.lower()


def _value(data: Any, name: str) -> Any:
    """Return data from outside as a value of the language. Raise Refused for what the language cannot hold."""
    try:
        return from_python(data, f"`{name}`")
    except Failure as wrong:
        raise Refused(422, wrong.message) from None


def _below(inst: Instance) -> int:
    """Return the number of coglets below one."""
    members = [m for m in inst.members() if not m.gate & (STOPPED | STOPPING)]
    return len(members) + sum(_below(m) for m in members)


def _folders(folder: str) -> list[dict[str, str]]:
    """Return the coglet folders that lie in `cogs` and `examples`."""
    found = []
    for part in ("cogs", "examples"):
        place = os.path.join(folder, part)
        names = sorted(os.listdir(place)) if os.path.isdir(place) else []
        for name in names:
            path = os.path.realpath(os.path.join(place, name))
            if name.endswith(".cog") and os.path.isfile(os.path.join(path, MANIFEST)):
                found.append({"name": name.removesuffix(".cog"), "path": path})
    return found
