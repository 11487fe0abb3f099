"""Stores: what blackboards and task queues stand on. A name says which: `memory`, `sqlite:PATH`, `redis://...`, or one of a package's
own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path

from cogc.stores.base import Store

GROUP = "cogc.backends"


@asynccontextmanager
async def open_store(name: str, prefix: str) -> AsyncIterator[Store]:
    """A store; `prefix` is that of its keys where several share a server. ConnectionError where there is none of this name, or it
    cannot be reached.

    An entry point of the group `cogc.backends` called `store.SCHEME` is a function of the name and the prefix that gives an async
    context manager of a `Store`.
    """
    scheme, _, rest = name.partition(":")
    if scheme == "memory":
        from cogc.stores.memory import MemoryStore

        yield MemoryStore()
    elif scheme == "sqlite":
        import sqlite3

        from cogc.stores.sqlite import SqliteStore

        try:
            made = SqliteStore(Path(rest))
        except (OSError, sqlite3.Error) as error:
            raise ConnectionError(f"the store {rest} cannot be used: {error}") from None
        try:
            yield made
        finally:
            await made.aclose()
    elif scheme in ("redis", "rediss"):
        from cogc.stores.redis import redis_store

        async with redis_store(name, prefix) as found:
            yield found
    else:
        entries = list(entry_points(group=GROUP, name=f"store.{scheme}"))
        if not entries:
            raise ConnectionError(f"there is no store `{name}`: write memory, sqlite:PATH or redis://HOST:PORT")
        async with entries[0].load()(name, prefix) as foreign:
            yield foreign
