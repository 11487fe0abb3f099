"""A tree of coglets: how they are created, linked, supervised, shown and stopped.

`spawn` creates an object, calls `on_start` in the task of its caller, and starts the timers. Links are tasks that carry
values from a subscription to a method. `shutdown` stops in the reverse order of creation. A failure of a method goes
to whoever has called it; a failure behind a link or a timer goes to `report`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

from cogc.coglet.base import CogBase, Coglet, CogletHandle, Command
from cogc.coglet.mixins import LifeLet, TickLet
from cogc.coglet.trace import CogletTrace
from cogc.coglet.world import World, current_owner, current_world

Failed = Callable[[Coglet, Exception], None]
"""Takes the failure of a coglet's `on_stop`."""


class _Failures:
    """The failures of several `on_stop`: the first one is raised at the end, the others are shown when they happen."""

    def __init__(self, show: Callable[[Coglet, str, Exception], None]) -> None:
        self.show = show
        self.first: Exception | None = None

    def add(self, made: Coglet, error: Exception) -> None:
        if self.first is None:
            self.first = error
        else:
            self.show(made, "on_stop", error)

    def raise_first(self) -> None:
        if self.first is not None:
            raise self.first


class Link:
    """A link between two coglets. `await` gives it at once; `cancel` ends it."""

    def __init__(self, src: CogletHandle, src_channel: str, dest: CogletHandle, dest_channel: str) -> None:
        self.src = src
        self.src_channel = src_channel
        self.dest = dest
        self.dest_channel = dest_channel
        self.bus = src.coglet._bus
        self.subscription = self.bus.subscribe(src_channel)
        self.task: asyncio.Task[None] | None = None

    def __await__(self) -> Generator[Any, None, Link]:
        return self
        yield

    def cancel(self) -> bool:
        """End the link. Return whether it was there."""
        self.src.coglet._bus.unsubscribe(self.src_channel, self.subscription)
        return self.task is not None and self.task.cancel()

    def done(self) -> bool:
        """Return whether the link has ended."""
        return self.task is None or self.task.done()


class CogletRuntime:
    """Creates coglets and keeps them. `trace` notes what they transmit and enact."""

    def __init__(self, trace: CogletTrace | None = None) -> None:
        self._coglets: list[Coglet] = []
        self._configs: dict[int, CogBase] = {}
        self._parents: dict[int, Coglet] = {}
        self._restart_counts: dict[int, int] = {}
        self._links: list[Link] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._trace = trace
        self._on_spawn: list[Callable[..., Any]] = []
        self._on_link: list[Callable[..., Any]] = []
        self.world: World | None = None
        self._attach()

    def _attach(self) -> None:
        """Take note of the run, if there is one by now: a script may make its runtime before the run begins."""
        if self.world is None:
            self.world = current_world.get()
            if self.world is not None:
                self.world.attached(self)

    # ---- creation ----------------------------------------------------------------------------------------------

    async def run(self, config: CogBase) -> CogletHandle:
        """Create a coglet without a parent, and return its handle."""
        return await self.spawn(config)

    async def spawn(self, config: CogBase, parent: Coglet | None = None) -> CogletHandle:
        """Create a coglet, and return its handle when its `on_start` has ended. Raise what that raises."""
        self._attach()
        made = self._instantiate(config)
        handle = CogletHandle(made)
        self._enter(made, handle, config, parent, 0)
        if self.world is not None:
            self.world.created(made, config, parent)
        for told in self._on_spawn:
            told(handle, config, parent)
        await self._start(made)
        return handle

    def _instantiate(self, config: CogBase) -> Coglet:
        made: Coglet = config.cls(**config.kwargs)
        made._runtime = self
        if self._trace is not None:
            _traced(made, self._trace)
        return made

    def _enter(self, made: Coglet, handle: CogletHandle, config: CogBase, parent: Coglet | None, restarts: int) -> None:
        """Enter a coglet into the tables."""
        made._handle = handle
        self._coglets.append(made)
        self._configs[id(made)] = config
        if parent is not None:
            self._parents[id(made)] = parent
        self._restart_counts[id(made)] = restarts

    async def _start(self, made: Coglet) -> None:
        if isinstance(made, LifeLet):
            await made._run(made.on_start)
        if isinstance(made, TickLet):
            await made._run(made._start_tickers)

    # ---- messages ----------------------------------------------------------------------------------------------

    def link(self, src: CogletHandle, src_channel: str, dest: CogletHandle, dest_channel: str) -> Link:
        """Carry what a coglet sends on a channel, or takes on a listen channel, to a method of another."""
        made = Link(src, src_channel, dest, dest_channel)
        token = current_owner.set(None)
        try:
            made.task = asyncio.create_task(self._carry(made))
        finally:
            current_owner.reset(token)
        self._links.append(made)
        made.task.add_done_callback(lambda _: self._unlinked(made))
        for told in self._on_link:
            told(src, src_channel, dest, dest_channel, made)
        return made

    def _unlinked(self, link: Link) -> None:
        if link in self._links:
            self._links.remove(link)

    async def _carry(self, link: Link) -> None:
        async for value in link.subscription:
            try:
                await link.dest.coglet._dispatch_listen(link.dest_channel, value)
            except Exception as error:
                self.report(link.dest.coglet, link.dest_channel, error)

    async def send(self, handle: CogletHandle, channel: str, data: Any) -> None:
        """Let the method of a listen channel take a value, and wait until it has returned."""
        await handle.coglet._dispatch_listen(channel, data)

    # ---- failures ----------------------------------------------------------------------------------------------

    def report(self, made: Coglet, where: str, error: Exception, quiet: bool = False) -> None:
        """Take a failure that no caller hears of: behind a link or a timer.

        Where the `CogBase` allows restarts, the supervisor decides. Else the coglet goes on, and the failure is shown,
        unless `quiet` says that it has been.
        """
        config = self._configs.get(id(made))
        if self.world is not None and config is not None and config.restart != "never":
            if id(made) in self._parents:
                task = asyncio.get_running_loop().create_task(self._supervise(made, error))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                return
            if self.world.failed(made, where, error):
                return
        if not quiet:
            self._show(made, where, error)

    def _show(self, made: Coglet, where: str, error: Exception) -> None:
        """Show a failure on which nobody decides."""
        said = f"{where} failed: {type(error).__name__}: {error}"
        if self.world is not None:
            self.world.logged(made, "error", said)
        else:
            print(f"[link] error in {where}: {error}")

    async def _supervise(self, made: Coglet, error: Exception) -> None:
        """Let the parent decide on a failure. One that does not decide by itself restarts as the `CogBase` says."""
        parent = self._parents.get(id(made))
        if parent is None:
            return
        try:
            if type(parent).on_child_error is Coglet.on_child_error:
                await self._act("restart", made._handle, error)
            else:
                await self.handle_child_error(made._handle, error)
        except Exception as raised:
            self.report(parent, type(made).__name__, raised)

    async def handle_child_error(self, handle: CogletHandle, error: Exception) -> None:
        """Let the parent of a coglet decide on its failure, and do what it says. Without a parent, stop the coglet."""
        parent = self._parents.get(id(handle.coglet))
        word = "stop" if parent is None else await parent.on_child_error(handle, error)
        await self._act(word, handle, error)

    async def _act(self, word: str, handle: CogletHandle, error: Exception) -> None:
        """Restart a coglet if it may restart once more, raise its error, or stop it."""
        made = handle.coglet
        if word == "escalate":
            raise error
        config, count = self._configs.get(id(made)), self._restart_counts.get(id(made), 0)
        if word == "restart" and config is not None and config.restart != "never" and count < config.max_restarts:
            await self._restart_child(handle, config, count)
        else:
            await self._stop_coglet(made)

    async def _restart_child(self, handle: CogletHandle, config: CogBase, restart_count: int) -> None:
        """Put a new object behind a handle, after a pause that doubles with each restart. Links and observations stay."""
        old = handle.coglet
        parent = self._parents.get(id(old))
        await self._stop_all(old, lambda made, error: self._show(made, "on_stop", error), keep=True)
        await asyncio.sleep(config.backoff_s * 2**restart_count)
        self._parents.pop(id(old), None)
        made = self._instantiate(config)
        made._bus.inherit(old._bus)
        handle._coglet = made
        self._enter(made, handle, config, parent, restart_count + 1)
        if self.world is not None:
            self.world.restarted(old, made)
        await self._start(made)

    # ---- the end -----------------------------------------------------------------------------------------------

    async def shutdown(self) -> None:
        """Stop all coglets in the reverse order of their creation. Raise what an `on_stop` has raised when all of them
        have stopped."""
        ended, failures = list(self._coglets), _Failures(self._show)
        await halt(ended, failures.add)
        for made in ended:
            self._close(made)
        for link in list(self._links):
            link.cancel()
        for table in (self._coglets, self._configs, self._parents, self._restart_counts):
            table.clear()
        if self._trace is not None:
            self._trace.close()
        failures.raise_first()

    def _get_descendants(self, coglet: Coglet) -> list[Coglet]:
        """Return all coglets below one, each before its own children."""
        found = []
        for handle in coglet._children:
            found += [handle.coglet, *self._get_descendants(handle.coglet)]
        return found

    async def _stop_coglet(self, coglet: Coglet) -> None:
        """Stop a coglet and all below it, children first. Raise what an `on_stop` has raised when all have stopped."""
        failures = _Failures(self._show)
        await self._stop_all(coglet, failures.add)
        parent = self._parents.pop(id(coglet), None)
        if parent is not None:
            parent._children = [h for h in parent._children if h.coglet is not coglet]
        failures.raise_first()

    async def _stop_all(self, coglet: Coglet, failed: Failed, keep: bool = False) -> None:
        """Stop a coglet and all below it. `failed` takes the failures of their `on_stop`."""
        for below in reversed(self._get_descendants(coglet)):
            await self._end(below, failed)
            self._leave(below)
            self._parents.pop(id(below), None)
        await self._end(coglet, failed, keep)
        self._leave(coglet)

    async def _halt(self, made: Coglet) -> None:
        """End the timers of one coglet, and call `on_stop`."""
        if isinstance(made, TickLet):
            await made._stop_tickers()
        if isinstance(made, LifeLet):
            await made._run(made.on_stop)

    async def _end(self, made: Coglet, failed: Failed, keep: bool = False) -> None:
        """Stop one coglet, and end what it has started. `keep` leaves its links and observers to the object that takes
        its place."""
        try:
            await self._halt(made)
        except Exception as error:
            failed(made, error)
        finally:
            made._cancel_tasks()
            if not keep:
                self._close(made)

    def _close(self, made: Coglet) -> None:
        made._bus.close()
        for link in list(self._links):
            if made in (link.src.coglet, link.dest.coglet):
                link.cancel()
        if self.world is not None:
            self.world.stopped(made)

    def _leave(self, made: Coglet) -> None:
        """Take one coglet out of the tables, but for its parent."""
        if made in self._coglets:
            self._coglets.remove(made)
        self._configs.pop(id(made), None)
        self._restart_counts.pop(id(made), None)

    # ---- the tree ----------------------------------------------------------------------------------------------

    def tree(self, id_map: dict[int, str] | None = None) -> str:
        """Return the coglets as a tree of text, with mixins, channels and what is suppressed. `id_map` gives names by
        `id(coglet)`."""
        roots = [made for made in self._coglets if id(made) not in self._parents]
        if not roots:
            return "CogletRuntime (empty)"
        lines = ["CogletRuntime"]
        for made in roots:
            self._branch(made, lines, "", made is roots[-1], id_map or {})
        return "\n".join(lines)

    def _branch(self, made: Coglet, lines: list[str], prefix: str, last: bool, ids: dict[int, str]) -> None:
        """Add the lines of one coglet and of all below it."""
        name = f" ({ids[id(made)]})" if id(made) in ids else ""
        mixins = ", ".join(mixin_names(made))
        lines.append(
            f"{prefix}{'└── ' if last else '├── '}{type(made).__name__}{name}{f' [{mixins}]' if mixins else ''}"
        )
        prefix += "    " if last else "│   "
        if made._bus._subscribers:
            counts = (f"{channel}({len(listed)} subs)" for channel, listed in made._bus._subscribers.items())
            lines.append(f"{prefix}channels: {', '.join(counts)}")
        silent = [
            f"{word}={sorted(found)}"
            for word in ("channels", "commands")
            if (found := getattr(made, f"_suppressed_{word}", None))
        ]
        if silent:
            lines.append(f"{prefix}suppressed: {', '.join(silent)}")
        for handle in made._children:
            self._branch(handle.coglet, lines, prefix, handle is made._children[-1], ids)


async def halt(ended: list[Coglet], failed: Failed) -> None:
    """Call `on_stop` of coglets, in the reverse order of their creation, and end what they have started. A failure goes to
    `failed`, and keeps no other one from stopping."""
    for made in reversed(ended):
        try:
            await made._runtime._halt(made)
        except Exception as error:
            failed(made, error)
    await asyncio.sleep(0)
    for made in ended:
        made._cancel_tasks()


def mixin_names(made: Any) -> list[str]:
    """Return the names of the mixins of an object's class, in the order of its bases."""
    return [c.__name__ for c in type(made).__mro__ if c.__name__.endswith("Let") and c.__name__ != "Coglet"]


def _traced(made: Coglet, trace: CogletTrace) -> None:
    """Let a coglet note in a trace what it transmits and enacts."""
    name, transmit, command = type(made).__name__, made.transmit, made._dispatch_enact

    async def transmits(channel: str, data: Any) -> None:
        trace.record(name, "transmit", channel, data)
        await transmit(channel, data)

    async def enacts(given: Command) -> None:
        trace.record(name, "enact", given.type, given.data)
        await command(given)

    made.transmit = transmits  # type: ignore[method-assign]
    made._dispatch_enact = enacts  # type: ignore[assignment,method-assign]
