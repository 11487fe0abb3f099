"""Stores by name: `memory`, `sqlite:PATH`, `redis://...`, or a scheme that another package provides.

Blackboards, task queues, plans and registries are written against the interface in `stores/base.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cogc.diagnostics.source import read_error
from cogc.stores.base import Mirror, Store

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "cogc.backends"


@asynccontextmanager
async def lasting_store(path: Path, prefix: str, clock: Callable[[], float] | None) -> AsyncIterator[Store]:
    """Open the store of what a durable run has in memory, on the clock of a simulation if there is one."""
    import sqlite3  # slow to import, and needed for this store alone

    from cogc.stores.sqlite import opened

    try:
        made = await opened(path, prefix, clock)
    except (OSError, sqlite3.Error) as error:
        raise ConnectionError(f"the store {path} cannot be used: {error}") from None
    try:
        yield made
    finally:
        await made.aclose()


@asynccontextmanager
async def open_store(name: str, prefix: str, echo: Mirror | None = None) -> AsyncIterator[Store]:
    """Open a store; `prefix` goes in front of its keys, so that several users of one server or file are apart. `echo` is for a
    store in Redis: it gives further commands for what a transaction writes.

    Raise ConnectionError if there is no store of this name or it cannot be reached. Another package provides a scheme by an
    entry point `store.SCHEME` of the group `cogc.backends`: a function of the name and the prefix that returns an async
    context manager of a `Store`.
    """
    scheme, _, rest = name.partition(":")
    if scheme == "memory":
        from cogc.stores.memory import MemoryStore  # with Trio, which those do without who only ask for an owner

        yield MemoryStore()
    elif scheme == "sqlite":
        import sqlite3  # slow to import, and needed for this scheme alone

        from cogc.stores.sqlite import opened

        try:
            made = await opened(Path(rest), prefix)
        except (OSError, ValueError, sqlite3.Error) as error:  # a name with a NUL character is none
            raise ConnectionError(f"the store {rest} cannot be used: {read_error(error)}") from None
        try:
            yield made
        finally:
            await made.aclose()
    elif scheme in ("redis", "rediss"):
        from cogc.stores.redis import redis_store

        async with redis_store(name, prefix, echo) as found:
            yield found
    else:
        entries = _entries(scheme)
        if not entries:
            raise ConnectionError(f"there is no store `{name}`: {HOW}")
        async with entries[0].load()(name, prefix) as foreign:
            yield foreign


HOW = "write memory, sqlite:PATH or redis://HOST:PORT"
"""The words for the names of stores."""


def is_store(name: str) -> bool:
    """Return whether a text names a store, one of another package too. Whether it can be opened shows when it is."""
    scheme, _, rest = name.partition(":")
    return scheme == "memory" or (scheme in ("sqlite", "redis", "rediss") and rest != "") or bool(_entries(scheme))


def _entries(scheme: str) -> list[EntryPoint]:
    """Return what other packages provide for a scheme."""
    from importlib.metadata import entry_points  # slow to import, and needed for stores of other packages alone

    return list(entry_points(group=GROUP, name=f"store.{scheme}"))
