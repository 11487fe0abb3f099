"""A store in memory whose writes are made in another store too, where others can read them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from cogc.stores.base import Store, Tx
from cogc.stores.memory import MemoryStore

T = TypeVar("T")
_Write = tuple[str, tuple[Any, ...]]
"""The name of an operation of a transaction that writes, and its arguments."""


class MirroredStore:
    """Reads and decides in `memory`, and repeats each transaction's writes in `shown`. Its clock is that of `shown`.

    What others write into `shown` has no effect here.
    """

    def __init__(self, shown: Store) -> None:
        self.shown = shown
        self.memory = MemoryStore()

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        writes: list[_Write] = []

        async def noted(tx: Tx) -> T:
            return await work(_NotingTx(tx, writes))

        async def repeated(tx: Tx) -> None:
            for name, arguments in writes:
                getattr(tx, name)(*arguments)

        result = await self.memory.transact(noted)
        if writes:
            await self.shown.transact(repeated)
        return result

    async def wait(self, seconds: float) -> None:
        await self.shown.wait(seconds)

    async def now(self) -> float:
        return await self.shown.now()

    async def aclose(self) -> None:
        await self.shown.aclose()


class _NotingTx:
    """A transaction that notes what it writes."""

    def __init__(self, tx: Tx, writes: list[_Write]) -> None:
        self._tx = tx
        self._writes = writes

    async def get(self, key: str) -> Any:
        return await self._tx.get(key)

    async def members(self, name: str) -> list[str]:
        return await self._tx.members(name)

    async def fields(self, key: str) -> dict[str, str]:
        return await self._tx.fields(key)

    def put(self, key: str, value: Any) -> None:
        self._write("put", key, value)

    def delete(self, key: str) -> None:
        self._write("delete", key)

    def add(self, name: str, member: str, score: float) -> None:
        self._write("add", name, member, score)

    def remove(self, name: str, member: str) -> None:
        self._write("remove", name, member)

    def set_field(self, key: str, field: str, value: str) -> None:
        self._write("set_field", key, field, value)

    def publish(self, channel: str, message: str) -> None:
        self._write("publish", channel, message)

    def _write(self, name: str, *arguments: Any) -> None:
        getattr(self._tx, name)(*arguments)
        self._writes.append((name, arguments))
