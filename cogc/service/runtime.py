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
from collections import Counter
from collections.abc import Callable
from typing import Any

import trio

from cogc import ir
from cogc.coglet.record import Record
from cogc.kernel.objects import STOPPED, STOPPING, Instance
from cogc.language.values import Failure
from cogc.run.carrying import Table
from cogc.run.convert import from_python
from cogc.run.marks import Marks
from cogc.run.orders import Refusal
from cogc.run.session import Session
from cogc.service import metrics, picture, tracing
from cogc.service.exports import Exports
from cogc.service.host import ROOT
from cogc.service.jobs import Jobs
from cogc.service.loading import MANIFEST, Allowed, Refused, load
from cogc.service.members import Members
from cogc.service.watch import Observer, Watched

PATIENCE = 10.0
"""Seconds for which a runtime that goes on waits for code in Python to be imported, before it takes requests."""
_STATUSES = {"missing": 404, "type": 422, "stopped": 409}


class Runtime(Table):
    """The requests to one run. `draw` gives the random part of an id, `allowed` the packages that a spec may import, `learn` hears of each program
    that comes into the run."""

    def __init__(
        self,
        session: Session,
        allowed: Allowed,
        draw: Callable[[], str],
        folder: str,
        learn: Callable[[ir.Bundle], None] | None = None,
    ) -> None:
        self.learn = learn
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
        self.packages: dict[str, list[str]] = {}
        session.tables["places"] = self  # before the tasks, whose offers come of it
        self.exports = Exports(session)
        self.jobs = Jobs(self.exports)
        self.units: dict[str, str] = {}
        self.watched = Watched(session, ROOT)
        self.members = Members(session.kernel, self.marks, self.watched, self._id_at, has_root=False)
        self.kernel.outer.watch = self.watched.output
        self.kernel.outer.on_gone = self._forget
        session.notes["place"] = self._placed
        session.on_resumed.append(self._resumed)

    # ---- coglets and their ids -------------------------------------------------------------------------------

    def _id_at(self, path: str, inst: Instance) -> str:
        """Return the id of a coglet, which gets one when it is first asked for."""
        if path not in self.ids:
            count = 0
            while True:
                digits = hashlib.sha256(f"{path}#{count}".encode()).hexdigest()[:4]
                id, count = f"{prefix(inst.code.name)}-{digits}", count + 1
                if id not in self.paths:
                    break
            self.ids[path], self.paths[id] = id, path
        return self.ids[path]

    def known(self, id: str) -> Instance | None:
        """Return a coglet by its id, or None."""
        inst = self.kernel.outer.find(self.paths[id]) if id in self.paths else None
        if inst is None:
            inst = next((i for i in self.members.instances() if self.members.id_of(i) == id), None)
        return None if inst is None or inst.gate & STOPPED else inst

    def find(self, id: str) -> Instance:
        """Return a coglet by its id. Raise Refused if there is none."""
        inst = self.known(id)
        if inst is None:
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
        self.packages.pop(path, None)
        digest = self.units.pop(path, None)
        if digest is not None and digest not in self.units.values():
            self.exports.remove(digest)
        self.watched.forget(path)

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
        digest = await self.orders.adopt(loaded.bundle)
        name = loaded.bundle.coglets[loaded.key].name
        id = self._fresh(name)
        path = f"{ROOT}/{id}"
        noted = path, place, digest, sorted(loaded.packages)
        self.session.remember("place", *noted)
        self._placed(*noted)
        try:
            values = {k: _value(v, k) for k, v in loaded.parameters.items()}
            await self._order("create", ROOT, digest, loaded.key, id, values, loaded.policy)
        except Refused:  # whoever goes away before the end has created it all the same
            self._forget(path)
            raise
        return {"id": id, "class": name}

    def _placed(self, path: str, place: str, digest: str, packages: list[str]) -> None:
        """Take note of a coglet that is created: its path, whose last part is its id, where it comes from, its unit, and the packages that
        it may import. The journal of a durable runtime has the same as a note."""
        id = path.rpartition("/")[2]
        self.session.executors.settings.allow_imports |= frozenset(packages)
        self.ids[path], self.paths[id], self.folders[path], self.packages[path] = id, path, place, packages
        if digest not in self.units.values():
            unit = self.kernel.outer.units[digest]
            self.exports.add(unit, digest, ROOT)
            if self.learn is not None:
                self.learn(unit.bundle)
        self.units[path] = digest

    def written(self) -> list[list[Any]]:
        """Return what `_placed` has taken note of, of the coglets that are there."""
        return [[path, self.folders[path], digest, self.packages[path]] for path, digest in self.units.items()]

    def take_up(self, data: list[list[Any]]) -> None:
        """Make the places of coglets of a snapshot again."""
        for placed in data:
            self._placed(*placed)

    def _resumed(self) -> None:
        """Forget the notes of coglets that were not created: their creation did not enter, or was refused."""
        for path in [p for p in self.units if self.kernel.outer.find(p) is None]:
            self._forget(path)

    async def revived(self) -> None:
        """Wait until the classes of the coglets in Python of a runtime that goes on are known again, with their channels."""
        for inst in self.members.instances():
            await self.session.executors.know(inst)
        with trio.move_on_after(PATIENCE):
            while any(  # noqa: ASYNC110 - an object appears without an event
                i.code.ir.open and not self.marks.has(i.path) for i in self.members.instances()
            ):
                await trio.sleep(0.01)

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
        listens = channel in self.members.listens(inst)
        if listens:
            self.watched.hear(inst.path, channel)
        await self._order("input" if listens else "transmit", inst.path, channel, _value(data, channel))
        return {"msg": f"transmitted on {id}:{channel}"}

    async def enact(self, id: str, command: str, data: Any) -> dict[str, Any]:
        """Give a command, and return when its handler has ended. An unknown command is ignored."""
        inst = self.find(id)
        if command in self.members.commands(inst):
            await self._order("enact", inst.path, command, _value(data, command))
        return {"msg": f"sent '{command}' to {id}"}

    async def _order(self, action: str, *data: Any) -> Any:
        """Give an order. Raise Refused if it is refused, or if what it has set off fails."""
        try:
            return await self.orders.send(action, *data, entered=tracing.entering(self.session))
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
        names, id_of = ("src", "src_channel", "dest", "dest_channel"), self.members.id_of
        return {
            "links": [
                dict(zip(names, (id_of(s), said, id_of(t), heard), strict=True))
                for s, said, t, heard in self.members.links()
            ]
        }

    # ---- what there is ---------------------------------------------------------------------------------------

    def channels(self, id: str) -> dict[str, Any]:
        """List the channels of a coglet."""
        inst, members = self.find(id), self.members
        return {
            "id": id, "class": inst.code.name, "transmit": members.transmits(inst), "listen": members.listens(inst)
        }  # fmt: skip

    def status(self) -> dict[str, Any]:
        """Show the tree, all coglets and all links."""
        coglets = [
            {
                "id": self.members.id_of(inst),
                "class": inst.code.name,
                "cog_dir": self.folders.get(inst.path, ""),
                "children": len(inst.members()),
                "channels": sorted({*self.members.transmits(inst), *self.members.listens(inst)}),
            }
            for inst in self.members.instances()
        ]
        return {**self.tree(), "coglets": coglets, **self.links()}

    def tree(self) -> dict[str, Any]:
        """Show the coglets as a tree of text."""
        return {"tree": picture.tree(ROOT, self.members.top(), self.members.shown)}

    def graph(self) -> dict[str, Any]:
        """Show all coglets as nodes, and links and commands as edges."""
        return self.members.graph()

    # ---- what was said ---------------------------------------------------------------------------------------

    def stats(self, id: str, channel: str | None) -> dict[str, Any]:
        """Count the messages of a channel, or of all, by windows of time."""
        inst = self.find(id)
        if channel is None:
            found = {c: r.counts() for c, r in self.watched.records(inst.path).items() if r.last}
            return {"channels": found}
        record = self._record(inst, channel)
        counts = record.counts() if record is not None else Record(lambda: 0).counts()
        return {"channel": channel, "counts": counts, "history": self.watched.last(record, 10)}

    def history(self, id: str, channel: str, n: int) -> dict[str, Any]:
        """Return the last messages of a channel."""
        return {"channel": channel, "messages": self.watched.last(self._record(self.find(id), channel), n)}

    def _record(self, inst: Instance, channel: str) -> Record | None:
        """Return the record of a channel. That of a listen channel is kept from now on."""
        if channel in self.members.listens(inst):
            self.watched.hear(inst.path, channel)
        return self.watched.records(inst.path).get(channel)

    def families(self, requests: metrics.Requests) -> list[metrics.Family]:
        """Return the numbers of the runtime: those of its run, its coglets by class, and their messages by coglet and channel."""
        classes: Counter[str] = Counter()
        messages: dict[tuple[str, str], float] = {}
        for inst in self.members.instances():
            classes[inst.code.name] += 1
            id = self.members.id_of(inst)
            messages |= {(id, channel): r.total for channel, r in self.watched.records(inst.path).items() if r.total}
        return [
            *metrics.families(self.session, requests, self.watched.observers),
            metrics.family("cogc_coglets", "gauge", "coglets", metrics.rows("class", metrics.most(classes))),
            metrics.family(
                "cogc_channel_messages_total", "counter", "messages of channels", metrics.by_coglet(messages)
            ),
        ]

    @property
    def stops(self) -> bool:
        """True if the runtime is being stopped."""
        return self.session.stopping.begun

    # ---- observers -------------------------------------------------------------------------------------------

    def observe(self, id: str, channel: str, after: int | None = None) -> tuple[Observer, Callable[[], None]]:
        """Return an observer of a channel, and what ends the observation. With `after`, it begins behind the message of that number."""
        inst = self.find(id)
        if channel in self.members.listens(inst):
            self.watched.hear(inst.path, channel)
        return self.watched.observe(inst.path, channel, after)

    def close(self) -> None:
        """End all observations: the run is over."""
        self.watched.close()

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
