"""The classes and decorators that coglets in Python are written against; `specs/python.md` defines how they run.

    from cogc.sdk import Coglet, enact, every, listen

    class Doubler(Coglet):
        @listen("number")
        async def double(self, number: int) -> None:
            await self.transmit("doubled", 2 * number)

A class declares by decorators what it takes: `listen` messages, `enact` commands, `every` time. What it does to the
outside are acts: methods of `Coglet` and of the mixins. An act goes to the run at once, through the `Host` that the run
has put into the context variable `host` for the length of the call. Awaiting the act gives the answer of the kernel.

This module knows nothing of the run and imports nothing of cogc, so that a user's class can be tested without a run.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

__all__ = [
    "CogBase", "Coglet", "CogletHandle", "Command", "Document", "GitLet", "Image", "LifeLet", "LogLet", "MulLet", "ProgLet", "Program", "SuppressLet",
    "TickLet", "WebLet", "enact", "every", "listen", "sleep",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
Method = Callable[..., Awaitable[None] | None]
LEVELS = ("debug", "info", "warn", "error")
RESTARTS = ("never", "on_error", "always")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


class Image:
    """An image: its bytes, its media type (found out from the bytes if it is empty), and the name of its file."""

    def __init__(self, data: bytes, media_type: str = "", name: str = "") -> None:
        self.data = data
        self.media_type = media_type
        self.name = name


class Document:
    """A document, a PDF or a text: its bytes, its media type (found out from the bytes if it is empty), and the name of its file."""

    def __init__(self, data: bytes, media_type: str = "", name: str = "") -> None:
        self.data = data
        self.media_type = media_type
        self.name = name


class Host(Protocol):
    """The run, as one call of a coglet's method sees it. `run/coglets.py` implements it.

    An act that returns an Awaitable takes effect when it is called. Awaiting it raises what is wrong with the act.
    """

    def transmit(self, channel: str, value: object) -> Awaitable[None]:
        """Send a value on a transmit channel of the coglet."""
        ...

    def log(self, level: str, value: object) -> Awaitable[None]:
        """Log a value."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait on the clock of the run."""
        ...

    def create(self, base: CogBase) -> Awaitable[CogletHandle]:
        """Create a child, and return its handle when awaited."""
        ...

    def guide(self, child: str, command: Command) -> Awaitable[None]:
        """Give a child a command."""
        ...

    def send(self, child: str, channel: str, value: object) -> Awaitable[None]:
        """Send a message to a listen channel of a child."""
        ...

    def link(self, source: str, said: str, target: str, heard: str) -> Awaitable[None]:
        """Link a transmit channel of one child to a listen channel of another."""
        ...

    def stop(self, child: str) -> Awaitable[None]:
        """Stop a child."""
        ...

    def follow(self, child: str, channel: str, method: str) -> Awaitable[None]:
        """Let a method of the coglet take the messages of a child's channel."""
        ...

    def observe(self, child: str, channel: str) -> AsyncIterator[Any]:
        """Iterate over the messages of a child's channel."""
        ...

    async def git(self, repo: str, *words: str, stdin: str = "") -> str:
        """Run git in a repository of the workspace and return its output. Raise OSError if git fails."""
        ...

    def declares(self, channel: str) -> bool:
        """Return whether the spec declares a transmit channel; True for a class that no spec declares."""
        ...


host: ContextVar[Host] = ContextVar("cogc_host")
"""The run, for the call that is under way. The run sets it around each method."""


# ---- methods and what marks them -----------------------------------------------------------------------------


def listen(channel: str) -> Callable[[F], F]:
    """Mark a method that takes the messages of a listen channel, as its one argument."""
    return _mark("listen", _named(channel))


def enact(command: str) -> Callable[[F], F]:
    """Mark a method that carries out a command. It takes the command's arguments by name."""
    return _mark("enact", _named(command))


def every(interval: float, unit: str = "s") -> Callable[[F], F]:
    """Mark a method that runs at an interval, in ms, s, m or h. With the unit `ticks` it runs at each n-th `tick`."""
    if unit == "ticks" and interval >= 1 and interval == int(interval):
        return _mark("ticks", int(interval))
    if unit not in _UNITS or interval <= 0:
        raise ValueError(
            f"every({interval!r}, {unit!r}): an interval is more than 0, a unit one of {', '.join(_UNITS)}, or ticks"
        )
    return _mark("every", round(interval * _UNITS[unit] * 1e9))


def _mark(kind: str, what: object) -> Callable[[F], F]:
    """Return a decorator that notes what a method is for."""

    def mark(method: F) -> F:
        method.__dict__.setdefault("_cogc", []).append((kind, what))
        return method

    return mark


def _named(name: str) -> str:
    """Return a name of a channel or command. Raise ValueError if it is none."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise ValueError(f"{name!r} is no name of a channel or command: letters, digits, _ and -, a letter or _ first")
    return name


def methods(cls: type, kind: str) -> dict[Any, str]:
    """Return the marks of one kind on the methods of a class, with the names of the methods; subclasses override."""
    found: dict[Any, str] = {}
    for name in dir(cls):
        for marked, what in getattr(getattr(cls, name, None), "_cogc", ()):
            if marked == kind:
                found[(what, name) if kind in ("every", "ticks") else what] = name
    return found


def saves(cls: type) -> bool:
    """Return whether the objects of a class can be resumed: it has `save()` and `load(state)`."""
    found = [getattr(cls, name, None) for name in ("save", "load")]
    return all(callable(f) and _takes(f) == count for f, count in zip(found, (1, 2), strict=True))


def _takes(method: Callable[..., object]) -> int:
    """Return how many values a method of a class has to be called with, its object included; -1 if nobody knows."""
    try:
        given = inspect.signature(method).parameters.values()
    except (ValueError, TypeError):
        return -1
    return sum(p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in given)


def provided(cls: type, method: str) -> bool:
    """Return whether a method comes from a mixin of this module; a spec need not declare its channel or command."""
    return getattr(getattr(cls, method), "__module__", "") == __name__


async def sleep(seconds: float) -> None:
    """Wait for so many seconds on the clock of the run, which is virtual with `--sim`."""
    await _host().sleep(seconds)


def _host() -> Host:
    """Return the run. Raise RuntimeError outside of a method that the run has called."""
    try:
        return host.get()
    except LookupError:
        raise RuntimeError("this works inside a method that the run has called, and nowhere else") from None


class _Nothing:
    """An act that has no effect, and may be awaited."""

    def __await__(self) -> Generator[object, Any, None]:
        yield from ()


class _Both:
    """Two acts that are awaited as one."""

    def __init__(self, first: Awaitable[None], second: Awaitable[None]) -> None:
        self.first = first
        self.second = second

    def __await__(self) -> Generator[object, Any, None]:
        yield from self.first.__await__()
        yield from self.second.__await__()


# ---- a coglet and its children -------------------------------------------------------------------------------


class CogBase:
    """The declaration of a child: its class, the arguments of the class, and its supervision.

    `restart` is never, on_error or always. `max_restarts` bounds the restarts. `backoff_s` is the pause before one,
    in seconds.
    """

    def __init__(
        self,
        cls: type[Coglet],
        kwargs: dict[str, Any] | None = None,
        restart: str = "never",
        max_restarts: int = 3,
        backoff_s: float = 1.0,
    ) -> None:
        if not (isinstance(cls, type) and issubclass(cls, Coglet)):
            raise TypeError(f"{cls!r} is not a subclass of Coglet")
        if restart not in RESTARTS:
            raise ValueError(f"restart={restart!r}: it is one of {', '.join(RESTARTS)}")
        if max_restarts < 0 or backoff_s < 0:
            raise ValueError("max_restarts and backoff_s are 0 or more")
        self.cls = cls
        self.kwargs = dict(kwargs or {})
        self.restart = restart
        self.max_restarts = max_restarts
        self.backoff_s = backoff_s


class Command:
    """A command for a child: the name of one of its `@enact` methods, and the data for it."""

    def __init__(self, type: str, data: Any = None) -> None:
        self.type = type
        self.data = data

    def __repr__(self) -> str:
        return f"Command({self.type!r}, {self.data!r})"


class CogletHandle:
    """A child, as the coglet that created it sees it."""

    def __init__(self, name: str, cls: type[Coglet]) -> None:
        self.name = name
        self.cls = cls
        self.host: Host | None = None

    def __repr__(self) -> str:
        return f"<{self.cls.__name__} {self.name}>"

    def observe(self, channel: str) -> AsyncIterator[Any]:
        """Iterate over the messages that the child sends on a channel from now on, until the child stops."""
        return self._through().observe(self.name, _named(channel))

    def guide(self, command: Command) -> Awaitable[None]:
        """Give the child a command, without waiting for its end. Raise LookupError if its class has no such command."""
        _has(self, "enact", command.type)
        return self._through().guide(self.name, command)

    def send(self, channel: str, value: object) -> Awaitable[None]:
        """Send the child a message. Raise LookupError if its class has no such channel."""
        _has(self, "listen", channel)
        return self._through().send(self.name, channel, value)

    def stop(self) -> Awaitable[None]:
        """Stop the child for good, its own children first."""
        return self._through().stop(self.name)

    def _through(self) -> Host:
        """Return the run: that of the present call, or outside of methods that of the runtime which has booted the
        child."""
        return self.host or _host()


def _has(handle: CogletHandle, kind: str, name: str) -> None:
    """Raise LookupError if a child's class has no method for a channel or command."""
    found = methods(handle.cls, kind)
    if name not in found:
        what = {"listen": "channel", "enact": "command"}[kind]
        known = ", ".join(sorted(found)) or "none"
        raise LookupError(f"`{handle.cls.__name__}` has no {what} `{name}`; it has {known}")


class Coglet:
    """The base of coglets in Python. The run calls the methods that `listen`, `enact` and `every` mark.

    A class with `async def on_child_error(self, handle, error)` decides on the failures of the children that it has
    created. The method returns "restart", "stop", "escalate", or None to leave the decision to the `CogBase` of the
    child.

    An act (`transmit log create follow guide link`) takes effect when it is called. Awaiting it waits until the run
    has taken it, and raises what is wrong with it. An act that was refused and that nobody awaited fails the method
    at its end.
    """

    def transmit(self, channel: str, value: object) -> Awaitable[None]:
        """Send a value on a channel. Awaiting it raises TypeError if the channel is not declared, or the value has
        another type."""
        if channel in self.__dict__.get("_silenced", ((), ()))[0]:
            return _Nothing()
        return _host().transmit(_named(channel), value)

    def log(self, level: str, value: object) -> Awaitable[None]:
        """Log a value at the level debug, info, warn or error."""
        if level not in LEVELS:
            raise ValueError(f"there is no level {level!r}: {', '.join(LEVELS)}")
        logged = _host().log(level, value)
        if isinstance(self, LogLet) and _host().declares("log") and LEVELS.index(level) >= LEVELS.index(self.level):
            return _Both(logged, self.transmit("log", {"level": level, "data": value}))
        return logged

    def create(self, base: CogBase) -> Awaitable[CogletHandle]:
        """Create a child. It starts at the next act that is not one of `create follow observe link`, or at the end
        of the method."""
        return _host().create(base)

    def observe(self, handle: CogletHandle, channel: str) -> AsyncIterator[Any]:
        """Iterate over the messages of a child while this method runs: `async for value in self.observe(child,
        "count")`."""
        return handle.observe(channel)

    def follow(self, handle: CogletHandle, channel: str, method: Method) -> Awaitable[None]:
        """Let a method of this coglet take the messages of a child's channel from now on."""
        name = getattr(method, "__name__", "")
        if getattr(method, "__self__", None) is not self or not hasattr(self, name):
            raise TypeError(f"{method!r} is no method of this coglet")
        return _host().follow(handle.name, _named(channel), name)

    def guide(self, handle: CogletHandle, command: Command) -> Awaitable[None]:
        """Give a child a command, without waiting for its end."""
        return handle.guide(command)

    def link(self, source: CogletHandle, said: str, target: CogletHandle, heard: str) -> Awaitable[None]:
        """Link a transmit channel of one child to a listen channel of another."""
        _has(target, "listen", heard)
        return _host().link(source.name, _named(said), target.name, heard)


class LifeLet:
    """A coglet with two hooks, `on_start` and `on_stop`, which subclasses override."""

    async def on_start(self) -> None:
        """Do what is to be done when the coglet starts, and at each restart."""

    async def on_stop(self) -> None:
        """Do what is to be done when the coglet stops."""


class TickLet:
    """A coglet with methods that run at every n-th tick: they are marked by `@every(n, "ticks")`."""

    async def tick(self) -> None:
        """Count a tick, and run the methods whose turn it is."""
        count = self.__dict__["_ticks"] = self.__dict__.get("_ticks", 0) + 1
        for period, name in sorted(methods(type(self), "ticks")):
            if count % period == 0:
                await call(getattr(self, name))

    @enact("tick")
    async def _tick_command(self) -> None:
        await self.tick()


class LogLet:
    """A coglet that sends its log on the channel `log` too, from `level` on. The command `log_level` sets the level."""

    level = "info"

    @enact("log_level")
    async def _log_level(self, level: str) -> None:
        if level not in LEVELS:
            raise ValueError(f"there is no level {level!r}: {', '.join(LEVELS)}")
        self.level = level


class SuppressLet:
    """A coglet whose supervisor can silence its channels and ignore commands to it: `suppress` and `unsuppress`."""

    @enact("suppress")
    async def _suppress(self, channels: list[str] | None = None, commands: list[str] | None = None) -> None:
        silent, deaf = self.__dict__.setdefault("_silenced", (set(), set()))
        silent.update(channels or ())
        deaf.update(commands or ())

    @enact("unsuppress")
    async def _unsuppress(self, channels: list[str] | None = None, commands: list[str] | None = None) -> None:
        silent, deaf = self.__dict__.setdefault("_silenced", (set(), set()))
        silent.difference_update(channels or ())
        deaf.difference_update(commands or ())


class Program:
    """A function in a coglet's table of programs. The only `executor` is "code"."""

    def __init__(self, executor: str = "code", fn: Callable[..., Any] | None = None) -> None:
        if executor != "code":
            raise ValueError(f"executor={executor!r}: a class runs code; a model is an `llm` program of the spec")
        if not callable(fn):
            raise TypeError("a program needs a function, as `fn`")
        self.executor = executor
        self.fn = fn


class ProgLet:
    """A coglet with a table of programs by name, which the command `register` changes while it runs."""

    @property
    def programs(self) -> dict[str, Program]:
        """The table of programs by name."""
        found: dict[str, Program] = self.__dict__.setdefault("_programs", {})
        return found

    async def invoke(self, name: str, context: object = None) -> Any:
        """Run a program on a value and return its result. Raise KeyError if there is none of this name."""
        if name not in self.programs:
            known = ", ".join(sorted(self.programs)) or "none"
            raise KeyError(f"there is no program {name!r}; the table has {known}")
        return await call(self.programs[name].fn, context)

    @enact("register")
    async def _register(self, programs: dict[str, Program]) -> None:
        self.programs.update(programs)


class MulLet:
    """A coglet with children of one kind that work as one.

    `map` deals an event out to the children, and `reduce` combines their results. Subclasses override both.
    """

    async def create_mul(self, n: int, base: CogBase) -> list[CogletHandle]:
        """Create `n` children of one kind."""
        assert isinstance(self, Coglet)
        made = [await self.create(base) for _ in range(n)]
        self.members.extend(made)
        return made

    @property
    def members(self) -> list[CogletHandle]:
        """The children, in the order of their creation."""
        found: list[CogletHandle] = self.__dict__.setdefault("_members", [])
        return found

    def map(self, event: object) -> list[tuple[int, Any]]:
        """Return the parts of an event as pairs of a child's number and its part. By default every child gets the event."""
        return [(i, event) for i in range(len(self.members))]

    def reduce(self, results: list[Any]) -> Any:
        """Return one result of many; by default the list of them."""
        return results

    async def scatter(self, channel: str, event: object) -> None:
        """Send the parts of an event to the children, as `map` deals them out."""
        for number, part in self.map(event):
            await self.members[number].send(channel, part)

    async def gather(self, channel: str) -> Any:
        """Return the next message of every child on a channel, combined by `reduce`."""
        return await self._gather([handle.observe(channel) for handle in self.members])

    async def scatter_gather(self, channel: str, event: object, answer: str) -> Any:
        """Send the parts of an event to the children, and return their next messages on `answer`, combined by
        `reduce`."""
        parts = self.map(event)
        words = [self.members[number].observe(answer) for number, _ in parts]
        await self.scatter(channel, event)
        return await self._gather(words)

    async def _gather(self, words: list[AsyncIterator[Any]]) -> Any:
        """Return the next message of each stream, combined by `reduce`. A child that has stopped gives none."""
        ended = object()
        found = [await anext(w, ended) for w in words]
        return self.reduce([value for value in found if value is not ended])

    async def guide_mapped(self, command: Command) -> None:
        """Give each child a command."""
        for handle in self.members:
            await handle.guide(command)


class GitLet:
    """A coglet whose behaviour lies in a git repository inside of the workspace."""

    def __init__(self, repo_path: str, **rest: object) -> None:
        super().__init__(**rest)
        self.repo_path = str(repo_path)

    async def apply_patch(self, patch: str, message: str = "a patch") -> str:
        """Apply a patch, commit it, and return the name of the commit. Raise OSError with git's words if it does not
        apply."""
        await self._git("apply", "--index", "-", stdin=patch)
        await self._git("commit", "-m", message)
        return await self._git("rev-parse", "HEAD")

    async def revert(self, n: int = 1) -> None:
        """Revert the last `n` commits by new commits."""
        await self._git("revert", "--no-edit", f"HEAD~{int(n)}..HEAD")

    async def branch(self, name: str) -> None:
        """Create a branch and switch to it."""
        await self._git("checkout", "-b", name, "--")

    async def checkout(self, ref: str) -> None:
        """Switch to a branch or a commit."""
        await self._git("checkout", ref, "--")

    async def _git(self, *words: str, stdin: str = "") -> str:
        return await _host().git(self.repo_path, *words, stdin=stdin)

    @enact("commit")
    async def _commit(self, patch: str) -> None:
        await self.apply_patch(patch)


class WebLet:
    """A coglet that keeps the `cogweb` which it is given, as upstream's classes do. There is no web view yet."""

    def __init__(self, cogweb: Any = None, **rest: object) -> None:
        super().__init__(**rest)
        self._cogweb = cogweb


async def call(function: Any, *values: object, **named: object) -> Any:
    """Call a function, and await its result if it is awaitable."""
    found = function(*values, **named)
    return await found if isinstance(found, Awaitable) else found
