"""Which blackboard a name stands for: `memory`, `sqlite:PATH`, `redis://...`, or one of a package's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path

from cogc.sett.board import Board

GROUP = "cogc.backends"


@asynccontextmanager
async def open_board(name: str, instance: str) -> AsyncIterator[Board]:
    """The blackboard of an instance. ConnectionError where there is none of this name, or it cannot be reached.

    An entry point of the group `cogc.backends` called `board.SCHEME` is a function of the name and the instance that gives an
    async context manager of a `Store`.
    """
    scheme, _, rest = name.partition(":")
    if scheme == "memory":
        from cogc.sett.memory import MemoryStore

        yield Board(MemoryStore())
    elif scheme == "sqlite":
        import sqlite3

        from cogc.sett.sqlite import SqliteStore

        try:
            store = SqliteStore(Path(rest))
        except (OSError, sqlite3.Error) as error:
            raise ConnectionError(f"the blackboard {rest} cannot be used: {error}") from None
        try:
            yield Board(store)
        finally:
            await store.aclose()
    elif scheme in ("redis", "rediss"):
        from cogc.sett.redis import redis_store

        async with redis_store(name, instance) as found:
            yield Board(found)
    else:
        entries = list(entry_points(group=GROUP, name=f"board.{scheme}"))
        if not entries:
            raise ConnectionError(f"there is no blackboard `{name}`: write memory, sqlite:PATH or redis://HOST:PORT")
        async with entries[0].load()(name, instance) as foreign:
            yield Board(foreign)
