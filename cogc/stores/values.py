"""A queue of values over a store: what the language's `queue` stands on. An item that was claimed and given back so many times is
dead, and stands in a queue of its own."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from cogc.stores.base import Store, Tx

Idle = Callable[[bool], None]
"""Hears whether a claim waits for an item."""


class ValueQueue:
    """First in, first out. `lease` (seconds) is how long a claim holds, `attempts` how often an item may be claimed."""

    def __init__(self, store: Store, name: str, lease: float, attempts: int) -> None:
        self.store = store
        self.name = name
        self.lease = lease
        self.attempts = attempts

    async def put(self, value: Any) -> None:
        """Add an item."""
        id, now = str(uuid.uuid4()), await self.store.now()

        async def work(tx: Tx) -> None:
            tx.put(f"item:{id}", {"value": value, "token": 0, "tries": 0, "until": 0.0})
            tx.add(f"items:{self.name}", id, now)
            tx.publish("item_events", id)

        await self.store.transact(work)

    async def take(self, idle: Idle) -> list[Any]:
        """Claim the oldest item that nobody has, as soon as there is one: `[value, id, token]`."""
        while (found := await self._whole(self._try)) is None:
            await self._wait(idle)
        return found

    async def claim(self) -> dict[str, Any] | None:
        """Claim the oldest item that nobody has, if there is one: `{value, id, token}`."""
        found = await self._whole(self._try)
        return None if found is None else dict(zip(("value", "id", "token"), found, strict=True))

    async def _whole(self, claim: Callable[[], Awaitable[list[Any] | None]]) -> list[Any] | None:
        """A claim is made and known, or not made: cancelling waits for it."""
        made: list[list[Any] | None] = []
        with trio.CancelScope(shield=True):
            made.append(await claim())
        return made[0]

    async def _wait(self, idle: Idle) -> None:
        idle(True)
        try:
            await self.store.wait(1.0)
        finally:
            idle(False)

    async def _try(self) -> list[Any] | None:
        now = await self.store.now()

        async def work(tx: Tx) -> list[Any] | None:
            for id in await tx.members(f"items:{self.name}"):
                item = await tx.get(f"item:{id}")
                if item is None or item.get("gone") or item["until"] >= now:
                    continue
                if item["tries"] >= self.attempts:
                    self._bury(tx, id, now)
                    continue
                item["token"] += 1
                item["tries"] += 1
                item["until"] = now + self.lease
                tx.put(f"item:{id}", item)
                return [item["value"], id, item["token"]]
            return None

        return await self.store.transact(work)

    async def dead(self, idle: Idle) -> list[Any]:
        """The oldest dead item, as soon as there is one; it is gone from the queue with this."""
        await self._try_bury()
        while (found := await self._whole(self._exhume)) is None:
            await self._wait(idle)
            await self._try_bury()
        return found

    async def _try_bury(self) -> None:
        """What was claimed for the last time, and not answered in time, is dead too."""
        now = await self.store.now()

        async def work(tx: Tx) -> None:
            for id in await tx.members(f"items:{self.name}"):
                item = await tx.get(f"item:{id}")
                if item is None or item.get("gone"):
                    continue
                if item["tries"] >= self.attempts and item["until"] < now:
                    self._bury(tx, id, now)

        await self.store.transact(work)

    async def _exhume(self) -> list[Any] | None:
        async def work(tx: Tx) -> list[Any] | None:
            for id in await tx.members(f"dead:{self.name}"):
                item = await tx.get(f"item:{id}")
                tx.remove(f"dead:{self.name}", id)
                if item is not None and not item.get("gone"):
                    tx.put(f"item:{id}", {**item, "gone": True})
                    return [item["value"], id, item["token"]]
            return None

        return await self.store.transact(work)

    async def done(self, id: str, token: int) -> None:
        """An item was handled. One that has become somebody else's is left to them."""

        async def work(tx: Tx) -> None:
            item = await tx.get(f"item:{id}")
            if item is not None and item["token"] == token:
                tx.remove(f"items:{self.name}", id)
                tx.delete(f"item:{id}")

        await self.store.transact(work)

    async def back(self, id: str, token: int) -> None:
        """An item was not handled: it is there again, or dead."""
        now = await self.store.now()

        async def work(tx: Tx) -> None:
            item = await tx.get(f"item:{id}")
            if item is None or item["token"] != token:
                return
            tx.put(f"item:{id}", {**item, "until": 0.0, "gone": False})
            if item["tries"] >= self.attempts:
                self._bury(tx, id, now)
            tx.publish("item_events", id)

        await self.store.transact(work)

    async def unclaim(self, id: str, token: int) -> None:
        """An item was claimed for nobody: that does not count."""

        async def work(tx: Tx) -> None:
            item = await tx.get(f"item:{id}")
            if item is not None and item["token"] == token and not item.get("gone"):
                tx.put(f"item:{id}", {**item, "until": 0.0, "tries": item["tries"] - 1})
                tx.publish("item_events", id)
            elif item is not None and item["token"] == token:
                tx.put(f"item:{id}", {**item, "gone": False})
                tx.add(f"dead:{self.name}", id, 0.0)
                tx.publish("item_events", id)

        await self.store.transact(work)

    def _bury(self, tx: Tx, id: str, now: float) -> None:
        tx.remove(f"items:{self.name}", id)
        tx.add(f"dead:{self.name}", id, now)
        tx.publish("item_events", id)
