"""A queue of values over a store, for the declaration `queue` of the language.

An item is claimed for the length of the lease, by the clock of the store. A claim that ends without `done` (given back, or
its lease is over) makes the item free again; an item that has been claimed `attempts` times is dead, and moves to a set of
its own (`dead:NAME`). Each of these ends leaves its failure in the item, so that a dead one says why. `token` counts the claims of an item, so that a claim which has ended cannot answer for a later one.

A lease that is over ends nothing by itself. The worker may be late, not dead: until somebody else has claimed the item, or
has taken it out of the dead ones, its claim can be renewed and done. So an item that was done is never dead.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import trio

from cogc.language.codec import packed
from cogc.language.values import Time
from cogc.stores.base import Store, Tx
from cogc.stores.memory import MemoryStore

LONGEST_MESSAGE = 2000
"""How many characters of a failure's message an item keeps."""


def random_id() -> str:
    """Return an id that no other item has."""
    return str(uuid.uuid4())


Claim = list[Any]
"""A claimed item: `[value, id, token]`, as the language has it."""


KeyOf = Callable[[Any], str | None]
"""The key of a packed value by which items are in order; None for one that is in order with no other."""

QUEUES = "queues"
"""The hash with the names of a store's queues of values."""


GRACE = 1.0
"""Seconds that a claim which is cancelled may still take: it is given up then, whatever the store makes of it."""


Why = dict[str, Any]
"""The failure of an attempt, packed: `{kind, message, path, at}`."""


def _failure(kind: str, message: str, at: float) -> Why:
    """Return a failure that no coglet has reported, at an instant of the store's clock."""
    why: Why = packed({"kind": kind, "message": message, "path": "", "at": Time(int(at * 1000) * 1_000_000)})
    return why


_UNKNOWN = _failure("unknown", "the item died before failures were kept", 0)


def _ended(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item whose lease has ended, with the failure of that attempt if nobody has given the item back."""
    if item["until"] <= 0:
        return item
    message = "the lease ended, and whoever had claimed the item had not said what became of it"
    return {**item, "failure": _failure("lease", message, item["until"])}


class Item(msgspec.Struct, frozen=True):
    """An item as people see it: `status` is `todo`, `in_progress` or `dead`.

    `failure` is that of the last attempt that failed, packed: `{kind, message, path, at}`. `redriven` is how often the item was redriven.
    """

    id: str
    status: str
    value: Any
    tries: int
    token: int
    failure: Why | None = None
    redriven: int = 0


class ValueQueue:
    """First in, first out. `lease` (seconds) is how long a claim holds, `attempts` how often an item may be claimed."""

    def __init__(
        self, store: Store, name: str, lease: float, attempts: int, new_id: Callable[[], str] = random_id
    ) -> None:
        self.store = store
        self.name = name
        self.lease = lease
        self.attempts = attempts
        self.new_id = new_id
        self.died: list[Why] = []
        """The last failures of the items that this queue has found without attempts left, at claims and when they were given back."""
        self.unsure = 0
        """Claims that were given up while the store was silent: it may have made them."""
        self.in_order = False
        """True if items are claimed in the order of a key, so that one that is done may make another one free."""

    async def announce(self) -> None:
        """Let others know that the store has a queue of values by this name."""

        async def work(tx: Tx) -> None:
            if self.name not in await tx.fields(QUEUES):
                tx.set_field(QUEUES, self.name, "values")

        await self.store.transact(work)

    async def put(self, value: Any, id: str = "") -> str:
        """Add an item, and return its id: a new one, or a given one, by which a second `put` of the item is none."""
        id, now = id or self.new_id(), await self.store.now()

        async def work(tx: Tx) -> None:
            if await tx.get(f"item:{id}") is not None:
                return
            tx.put(f"item:{id}", {"value": value, "token": 0, "tries": 0, "until": 0.0})
            tx.add(f"items:{self.name}", id, now)
            tx.publish("item_events", id)

        await self.store.transact(work)
        return id

    async def take(self, key_of: KeyOf | None = None, by: str = "") -> Claim | None:
        """Claim the oldest free item. Return `[value, id, token]`, or None if there is none.

        With `key_of`, an item waits while an older one with the same key is not done, whoever works on that. `by` names the call that
        claims, which may find its claim again (`again`).
        """
        self.in_order = self.in_order or key_of is not None
        return await self._shielded(partial(self._try, key_of, by))

    async def again(self, by: str, report: bool = False) -> Claim | None:
        """Return the claim that a call has made, if nobody has claimed its item since, with a new lease; else None.

        The value is the item, or the `report` of a dead one."""
        now = await self.store.now()

        async def work(tx: Tx) -> Claim | None:
            for name in (f"items:{self.name}", f"dead:{self.name}"):
                for id in await tx.members(name):
                    item = await tx.get(f"item:{id}")
                    if item is not None and item.get("by") == by:
                        tx.put(f"item:{id}", {**item, "until": now + self.lease})
                        return [_report(item) if report else item["value"], id, item["token"]]
            return None

        return await self._shielded(lambda: self.store.transact(work))

    async def claim(self) -> dict[str, Any] | None:
        """Claim the oldest free item. Return `{value, id, token}`, or None if there is none."""
        found = await self._shielded(self._try)
        return None if found is None else dict(zip(("value", "id", "token"), found, strict=True))

    async def _shielded(self, claim: Callable[[], Awaitable[Claim | None]]) -> Claim | None:
        """Make a claim to its end, so that a cancellation cannot lose the item of a claim that has committed.

        A store that does not answer cannot hold a cancellation up: `GRACE` seconds later the claim is given up, and counted in `unsure`.
        """
        shield = trio.CancelScope(shield=True)
        if isinstance(self.store, MemoryStore):  # it waits for nothing outside of this process
            with shield:
                return await claim()
        made: list[Claim | None] = []
        raised: list[Exception] = []
        over = trio.Event()

        async def carry_out() -> None:
            try:
                with shield:
                    made.append(await claim())
            except Exception as error:
                raised.append(error)
            finally:
                over.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(carry_out)
            try:
                await over.wait()
            except trio.Cancelled:  # raised again by the next checkpoint
                shield.deadline = trio.current_time() + GRACE
                with trio.CancelScope(shield=True):
                    await over.wait()
        if raised:
            raise raised[0]
        if not made:
            self.unsure += 1
            await trio.lowlevel.checkpoint()
        return made[0]

    async def _try(self, key_of: KeyOf | None = None, by: str = "") -> Claim | None:
        """Claim the oldest free item in one transaction. An item without attempts left moves to the dead ones on the
        way."""
        now = await self.store.now()
        died: list[Why] = []

        async def work(tx: Tx) -> Claim | None:
            died.clear()
            busy: set[str] = set()
            for id in await tx.members(f"items:{self.name}"):
                item = await tx.get(f"item:{id}")
                if item is None:
                    continue
                key = None if key_of is None else key_of(item["value"])
                if item["until"] > now:
                    if key is not None:
                        busy.add(key)
                    continue
                if key in busy:
                    continue
                item = _ended(item)
                if item["tries"] >= self.attempts:
                    died.append(self._set_dead(tx, id, item, now))
                    continue
                item["token"] += 1
                item["tries"] += 1
                item["until"] = now + self.lease
                item["by"] = by
                tx.put(f"item:{id}", item)
                return [item["value"], id, item["token"]]
            return None

        found = await self.store.transact(work)
        self.died += died
        return found

    async def dead(self, by: str = "", report: bool = False) -> Claim | None:
        """Claim the oldest dead item for the length of the lease. Return `[value, id, token]`, or None if there is none.

        The value is the item, or with `report` the record `{item, kind, message, path, at, attempts, redriven}`.
        """
        await self._collect_dead()
        return await self._shielded(partial(self._try_dead, by, report))

    async def _collect_dead(self) -> None:
        """Move the items whose last claim has run out of its lease to the dead ones."""
        now = await self.store.now()

        async def work(tx: Tx) -> None:
            for id in await tx.members(f"items:{self.name}"):
                item = await tx.get(f"item:{id}")
                if item is not None and item["tries"] >= self.attempts and item["until"] <= now:
                    self._set_dead(tx, id, _ended(item), now)

        await self.store.transact(work)

    async def _try_dead(self, by: str, report: bool) -> Claim | None:
        """Claim the oldest dead item that is free. The claim of whoever worked on it has ended by that."""
        now = await self.store.now()

        async def work(tx: Tx) -> Claim | None:
            for id in await tx.members(f"dead:{self.name}"):
                item = await tx.get(f"item:{id}")
                if item is None or item["until"] > now:
                    continue
                item.update(gone=True, token=item["token"] + 1, until=now + self.lease, by=by)
                tx.put(f"item:{id}", item)
                return [_report(item) if report else item["value"], id, item["token"]]
            return None

        return await self.store.transact(work)

    async def extend(self, id: str, token: int) -> bool:
        """Extend the lease of a claim. Return False if the claim has ended."""
        now = await self.store.now()

        async def work(tx: Tx) -> bool:
            item = await tx.get(f"item:{id}")
            if item is None or item["token"] != token:
                return False
            if item.get("buried") and not item.get("gone"):
                self._set_alive(tx, id, item, now)
            tx.put(f"item:{id}", {**item, "until": now + self.lease})
            return True

        return await self.store.transact(work)

    async def done(self, id: str, token: int) -> bool:
        """Remove an item that was handled. Return False, and change nothing, if the claim has ended: somebody has claimed the
        item since, or removed it."""
        return await self.remove(id, token)

    async def back(self, id: str, token: int, failure: Why | None = None) -> bool:
        """Give an item back: it is free again, or dead after its last attempt. Return False if the claim has ended.

        `failure` says why the attempt has failed.
        """
        now = await self.store.now()
        why = failure or _failure("returned", "the item was given back", now)
        why = {**why, "message": why["message"][:LONGEST_MESSAGE]}
        died: list[Why] = []

        async def work(tx: Tx) -> bool:
            died.clear()
            item = await tx.get(f"item:{id}")
            if item is None or item["token"] != token:
                return False
            if not item.get("gone"):
                item["failure"] = why
            item.update(until=0.0, gone=False, by="")
            tx.put(f"item:{id}", item)
            if item["tries"] >= self.attempts and not item.get("buried"):
                died.append(self._set_dead(tx, id, item, now))
            tx.publish("item_events", id)
            return True

        found = await self.store.transact(work)
        self.died += died
        return found

    async def unclaim(self, id: str, token: int) -> None:
        """Undo a claim whose caller is gone: it does not count as an attempt."""
        now = await self.store.now()

        async def work(tx: Tx) -> None:
            item = await tx.get(f"item:{id}")
            if item is None or item["token"] != token:
                return
            if not item.get("gone"):
                item["tries"] -= 1
                if item.get("buried"):
                    self._set_alive(tx, id, item, now)
            tx.put(f"item:{id}", {**item, "until": 0.0, "gone": False, "by": ""})
            tx.publish("item_events", id)

        await self.store.transact(work)

    # ---- what people see and do ----------------------------------------------------------------------------

    async def items(self) -> list[Item]:
        """Return the items, the oldest first, and then the dead ones."""
        return await self._items(None)

    async def item(self, id: str) -> Item | None:
        """Return the item with an id, None if there is none."""
        found = await self._items(id)
        return found[0] if found else None

    async def _items(self, only: str | None) -> list[Item]:
        """Return the items, or the one with an id."""
        now = await self.store.now()

        async def work(tx: Tx) -> list[Item]:
            found = []
            for name, dead in ((f"items:{self.name}", False), (f"dead:{self.name}", True)):
                for id in await tx.members(name):
                    item = await tx.get(f"item:{id}") if only in (None, id) else None
                    if item is not None:
                        status = "dead" if dead else "in_progress" if item["until"] > now else "todo"
                        why, redriven = item.get("failure"), item.get("redriven", 0)
                        found.append(Item(id, status, item["value"], item["tries"], item["token"], why, redriven))
            return found

        return await self.store.transact(work)

    async def redrive(self, id: str | None = None) -> int:
        """Make the dead items free, or one of them, with all of their attempts before them. Return how many there were."""
        now = await self.store.now()

        async def work(tx: Tx) -> int:
            count = 0
            for one in [i for i in await tx.members(f"dead:{self.name}") if id in (None, i)]:
                item = await tx.get(f"item:{one}")
                if item is None or item["until"] > now:  # somebody handles it as a dead one
                    continue
                item.update(tries=0, until=0.0, gone=False, redriven=item.get("redriven", 0) + 1)
                self._set_alive(tx, one, item, now)
                tx.put(f"item:{one}", item)
                tx.publish("item_events", one)
                count += 1
            return count

        return await self.store.transact(work)

    async def remove(self, id: str, token: int | None = None) -> bool:
        """Remove an item. Return False if there is none, or (with a `token`) the claim has ended."""

        async def work(tx: Tx) -> bool:
            item = await tx.get(f"item:{id}")
            if item is None or (token is not None and item["token"] != token):
                return False
            tx.remove(f"items:{self.name}", id)
            tx.remove(f"dead:{self.name}", id)
            tx.delete(f"item:{id}")
            if self.in_order:
                tx.publish("item_events", id)
            return True

        return await self.store.transact(work)

    def _set_dead(self, tx: Tx, id: str, item: dict[str, Any], now: float) -> Why:
        """Move an item to the dead ones, and return its last failure."""
        tx.put(f"item:{id}", {**item, "until": 0.0, "buried": True})
        tx.remove(f"items:{self.name}", id)
        tx.add(f"dead:{self.name}", id, now)
        tx.publish("item_events", id)
        return _why(item)

    def _set_alive(self, tx: Tx, id: str, item: dict[str, Any], now: float) -> None:
        """Move a dead item to the others; its record is the caller's to write."""
        item["buried"] = False
        tx.remove(f"dead:{self.name}", id)
        tx.add(f"items:{self.name}", id, now)


def _why(item: dict[str, Any]) -> Why:
    """Return the last failure of an item that is dead."""
    why: Why = item.get("failure") or _UNKNOWN
    return why


def _report(item: dict[str, Any]) -> dict[str, Any]:
    """Return what a program hears of a dead item, packed."""
    about = {"attempts": item["tries"], "redriven": item.get("redriven", 0)}
    return {"item": item["value"], **_why(item), **about}


async def is_announced(store: Store, name: str) -> bool:
    """Return whether a store has a queue of values by a name."""

    async def work(tx: Tx) -> bool:
        return name in await tx.fields(QUEUES)

    return await store.transact(work)
