"""What a store is: records by key, sets ordered by score, fields by name, and transactions over them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Tx(Protocol):
    """One transaction. What it reads holds until it is over; what it writes is there at once, or not at all."""

    async def get(self, key: str) -> Any: ...

    def put(self, key: str, value: Any) -> None: ...

    def delete(self, key: str) -> None: ...

    async def members(self, name: str) -> list[str]:
        """The members of a set, lowest score first."""
        ...

    def add(self, name: str, member: str, score: float) -> None: ...

    def remove(self, name: str, member: str) -> None: ...

    async def fields(self, key: str) -> dict[str, str]: ...

    def set_field(self, key: str, field: str, value: str) -> None: ...

    def publish(self, channel: str, message: str) -> None: ...


class Store(Protocol):
    """A backend. ConnectionError where it cannot be reached."""

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again if another one came between."""
        ...

    async def wait(self, seconds: float) -> None:
        """Until something has changed, or so long."""
        ...

    async def now(self) -> float:
        """The backend's clock, in seconds: the same for all that share it."""
        ...

    async def aclose(self) -> None: ...
