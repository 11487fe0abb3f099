"""The mixins of the first system, but for programs (`programs.py`) and the graph (`web.py`)."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from cogc.coglet.base import CogBase, CogletHandle, Command, enact

F = TypeVar("F", bound=Callable[..., Any])
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class LifeLet:
    """A coglet with the hooks `on_start` and `on_stop`."""

    async def on_start(self) -> None:
        """Do what is to be done at the start, and after each restart. `create` returns when it has ended."""

    async def on_stop(self) -> None:
        """Do what is to be done at the end."""


def every(interval: float, unit: str) -> Callable[[F], F]:
    """Mark a method that runs at an interval: in "ms", "s", "m" or "h" on the clock, in "ticks" at each n-th `tick()`."""
    if interval <= 0 or (unit not in _SECONDS and unit != "ticks"):
        raise ValueError(
            f"every({interval!r}, {unit!r}): a unit is one of {', '.join(_SECONDS)}, ticks, an interval more than 0"
        )

    def mark(method: F) -> F:
        method._every_interval = interval  # type: ignore[attr-defined]
        method._every_unit = unit  # type: ignore[attr-defined]
        return method

    return mark


class TickLet:
    """A coglet with methods that run at intervals."""

    _every_handlers: ClassVar[list[tuple[str, float, str]]] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        found: dict[str, tuple[str, float, str]] = {}
        for base in reversed(cls.__mro__):
            for name, method in vars(base).items():
                interval, unit = getattr(method, "_every_interval", None), getattr(method, "_every_unit", None)
                if interval is not None and unit is not None:
                    found[name] = (name, interval, unit)
        cls._every_handlers = list(found.values())

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tick_count = 0
        self._tick_tasks: list[asyncio.Task[None]] = []

    async def _start_tickers(self) -> None:
        """Start the methods that follow the clock."""
        for name, interval, unit in self._every_handlers:
            if unit in _SECONDS:
                beating = self._beat(name, float(interval) * _SECONDS[unit])
                self._tick_tasks.append(asyncio.create_task(beating))

    async def _stop_tickers(self) -> None:
        """End the methods that follow the clock."""
        for task in self._tick_tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._tick_tasks.clear()

    async def _beat(self, name: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await _called(self, name)
            except Exception as error:
                await self.on_ticker_error(name, error)

    async def on_ticker_error(self, method_name: str, error: Exception) -> None:
        """Decide what becomes of the failure of a timed method. The timer goes on in any case.

        By default a LogLet logs the failure. Where the `CogBase` of the coglet allows restarts, its supervisor
        decides; else the run shows the failure.
        """
        if isinstance(self, LogLet):
            await self.log("error", f"ticker {method_name} failed: {error}")
        runtime = getattr(self, "_runtime", None)
        if runtime is not None:
            runtime.report(self, f"ticker {method_name}", error, quiet=isinstance(self, LogLet))

    async def tick(self) -> None:
        """Count a tick, and run the methods whose turn it is."""
        self._tick_count += 1
        for name, interval, unit in self._every_handlers:
            if unit == "ticks" and self._tick_count % int(interval) == 0:
                await _called(self, name)


async def _called(made: Any, name: str) -> None:
    """Call a method of a coglet, or of an object that has the mixin alone."""
    run = getattr(made, "_run", None)
    if run is not None:
        await run(getattr(made, name))
        return
    found = getattr(made, name)()
    if inspect.isawaitable(found):
        await found


class LogLet:
    """A coglet with a channel `log`. The command `log_level` sets the level from which on messages go there."""

    LOG_LEVELS = ("debug", "info", "warn", "error")

    def __init__(self, log_level: str = "info", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._log_level = log_level

    def _level_value(self, level: str) -> int:
        """Return the rank of a level. One that is unknown ranks lowest."""
        return self.LOG_LEVELS.index(level) if level in self.LOG_LEVELS else 0

    async def log(self, level: str, data: Any) -> None:
        """Log a value: it goes to the channel `log` as `{"level", "data"}`, and a run shows it."""
        if self._level_value(level) < self._level_value(self._log_level):
            return
        seen = getattr(self, "_world", None)
        if seen is not None:
            seen.logged(self, level, data)
        await self.transmit("log", {"level": level, "data": data})  # type: ignore[attr-defined]

    @enact("log_level")
    async def _loglet_set_level(self, level: str) -> None:
        self._log_level = level


class MulLet:
    """A coglet with children of one kind that work as one. Subclasses override `map` and `reduce`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._mul_children: list[CogletHandle] = []

    async def create_mul(self, n: int, config: CogBase) -> None:
        """Create `n` children, one after the other."""
        for _ in range(n):
            self._mul_children.append(await self.create(config))  # type: ignore[attr-defined]

    def map(self, event: Any) -> list[tuple[int, Any]]:
        """Return the parts of an event, as pairs of a child's number and its part. By default all get the event."""
        return [(number, event) for number in range(len(self._mul_children))]

    def reduce(self, results: list[Any]) -> Any:
        """Return one result of many; by default the list of them."""
        return results

    async def guide_mapped(self, command: Command) -> None:
        """Give each child a command."""
        for handle in self._mul_children:
            await self.guide(handle, command)  # type: ignore[attr-defined]

    async def scatter(self, channel: str, event: Any) -> None:
        """Send the parts of an event to the children, as `map` deals them out."""
        for number, part in self.map(event):
            await self.send(self._mul_children[number], channel, part)  # type: ignore[attr-defined]

    async def gather(self, channel: str) -> Any:
        """Return the next message of every child on a channel, put together by `reduce`."""
        waiting = [handle.observe_one(channel) for handle in self._mul_children]
        return self.reduce([await one for one in waiting])


class SuppressLet:
    """A coglet whose supervisor can silence channels and have commands ignored. It stands before `Coglet` among the
    bases."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._suppressed_channels: set[str] = set()
        self._suppressed_commands: set[str] = set()

    async def transmit(self, channel: str, data: Any) -> None:
        """Send a value, if the channel is not silenced."""
        if channel not in self._suppressed_channels:
            await super().transmit(channel, data)  # type: ignore[misc]

    def transmit_sync(self, channel: str, data: Any) -> None:
        """Send a value, if the channel is not silenced."""
        if channel not in self._suppressed_channels:
            super().transmit_sync(channel, data)  # type: ignore[misc]

    async def _dispatch_enact(self, command: Command) -> None:
        if command.type in ("suppress", "unsuppress") or command.type not in self._suppressed_commands:
            await super()._dispatch_enact(command)  # type: ignore[misc]

    @enact("suppress")
    async def _suppresslet_suppress(self, data: dict[str, Any]) -> None:
        self._suppressed_channels.update(data.get("channels", ()))
        self._suppressed_commands.update(data.get("commands", ()))

    @enact("unsuppress")
    async def _suppresslet_unsuppress(self, data: dict[str, Any]) -> None:
        self._suppressed_channels.difference_update(data.get("channels", ()))
        self._suppressed_commands.difference_update(data.get("commands", ()))


class GitLet:
    """A coglet whose behaviour lies in a git repository, by default that of the present folder."""

    def __init__(self, repo_path: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.repo_path: str = repo_path or os.getcwd()

    async def _git(self, *args: str, given: str | None = None) -> str:
        """Run git in the repository and return its output. Raise RuntimeError with git's words if it fails."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "git", *args, cwd=self.repo_path, stdin=pipe if given is not None else asyncio.subprocess.DEVNULL,
            stdout=pipe, stderr=pipe,
        )  # fmt: skip
        said, wrong = await process.communicate(given.encode() if given is not None else None)
        if process.returncode:
            raise RuntimeError(f"git {' '.join(args)} failed: {wrong.decode(errors='replace').strip()}")
        return said.decode(errors="replace")

    @enact("commit")
    async def _gitlet_commit(self, patch: str) -> None:
        await self._git("apply", "--index", "-", given=patch)
        await self._git("commit", "-m", "policy patch")

    async def revert(self, n: int = 1) -> None:
        """Revert the last `n` commits by new commits."""
        await self._git("revert", "--no-edit", f"HEAD~{int(n)}..HEAD")

    async def branch(self, name: str) -> None:
        """Create a branch and switch to it."""
        await self._git("checkout", "-b", name, "--")

    async def checkout(self, ref: str) -> None:
        """Switch to a branch or a commit."""
        await self._git("checkout", ref, "--")
