"""What coglets in Python are written against: `specs/python.md` says how they run.

from cogc.sdk import Coglet, enact, every, listen
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

__all__ = ["Coglet", "LifeLet", "TickLet", "enact", "every", "listen", "sleep"]

F = TypeVar("F", bound=Callable[..., Any])
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Host(Protocol):
    """The run, as one call of a coglet's method sees it."""

    async def transmit(self, channel: str, value: Any) -> None: ...

    async def log(self, level: str, value: Any) -> None: ...

    async def sleep(self, seconds: float) -> None: ...


host: ContextVar[Host] = ContextVar("cogc_host")
"""Set by the run around each method."""


class Coglet:
    """A coglet in Python. Methods that `listen`, `enact` and `every` mark are called by the run."""

    async def transmit(self, channel: str, value: Any) -> None:
        """Send a value on a declared channel. TypeError if it is not of the channel's type, or there is no such channel."""
        await _host().transmit(channel, value)

    async def log(self, level: str, value: Any) -> None:
        """Log a value; levels are debug, info, warn and error."""
        await _host().log(level, value)


class LifeLet:
    """A coglet with `on_start` and `on_stop`."""


class TickLet:
    """A coglet with methods that run `every` so often."""


def listen(channel: str) -> Callable[[F], F]:
    """The method takes the messages of a listen channel."""
    return _mark("listen", channel)


def enact(command: str) -> Callable[[F], F]:
    """The method carries out a command; it takes the command's arguments by name."""
    return _mark("enact", command)


def every(interval: float, unit: str = "s") -> Callable[[F], F]:
    """The method runs every so often; units are ms, s, m and h."""
    if unit not in _UNITS or interval <= 0:
        raise ValueError(
            f"every({interval!r}, {unit!r}): an interval is more than 0, a unit one of {', '.join(_UNITS)}"
        )
    return _mark("every", round(interval * _UNITS[unit] * 1e9))


async def sleep(seconds: float) -> None:
    """Let time pass on the run's clock."""
    await _host().sleep(seconds)


def _host() -> Host:
    try:
        return host.get()
    except LookupError:
        raise RuntimeError("this works inside a method that the run has called, and nowhere else") from None


def _mark(kind: str, what: Any) -> Callable[[F], F]:
    def mark(method: F) -> F:
        method.__dict__.setdefault("_cogc", []).append((kind, what))
        return method

    return mark


def methods(cls: type, kind: str) -> dict[Any, str]:
    """What the methods of a class are marked with, and their names; those of subclasses go first."""
    found: dict[Any, str] = {}
    for name in dir(cls):
        for marked, what in getattr(getattr(cls, name, None), "_cogc", ()):
            if marked == kind:
                found[(what, name) if kind == "every" else what] = name
    return found


Method = Callable[..., Awaitable[None] | None]
