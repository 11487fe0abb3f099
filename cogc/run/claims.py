"""The calls of a run to its queues: put an item, claim one, say what became of it.

Each queue is a `ValueQueue` over its store, opened at its first use and held until the run ends. A claim waits until there is
an item. Where only this run can put one there, a waiting claim rests: it holds up neither the clock nor the end. An item that
arrives for a coglet which is gone goes back to its queue before the run may end.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import trio

from cogc import ir
from cogc.kernel.effects import Call
from cogc.language.values import Duration, Failure, plain
from cogc.run.background import Background
from cogc.run.outside import Outside
from cogc.stores import open_store
from cogc.stores.values import ValueQueue

LEASE = 300.0
ATTEMPTS = 3


class Claims:
    """`evaluate` gives the value of an attribute; under `sim` only this run's own items count, whatever the store."""

    def __init__(
        self,
        bundle: ir.Bundle,
        evaluate: Callable[[ir.Expr], Any],
        outside: Outside,
        background: Background,
        sim: bool = False,
    ) -> None:
        self.bundle = bundle
        self.evaluate = evaluate
        self.outside = outside
        self.background = background
        self.sim = sim
        self.opened: dict[str, ValueQueue] = {}
        self.opening = {key: trio.Lock() for key in bundle.queues}
        self.waiting: dict[str, set[int]] = {key: set() for key in bundle.queues}
        self.claimed: dict[int, str] = {}
        self.returned = 0

    async def call(self, key: str, action: str, arguments: list[Any], call: int = 0) -> Any:
        """Put, take, done, back, dead or unclaim; a Failure if the store cannot be reached."""
        try:
            queue = await self._queue(key)
            if action in ("take", "dead"):
                return await getattr(queue, action)(partial(self._waits, key, call))
            found = await getattr(queue, action)(*(plain(a) for a in arguments))
            for waiting in self.waiting[key]:  # they look again, and rest no longer before this call is over
                self.outside.resume(waiting)
            return found
        except ConnectionError as error:
            raise Failure("program", f"the queue `{self.bundle.queues[key].name}`: {error}") from None

    def _waits(self, key: str, call: int, idle: bool) -> None:
        """Let a claim rest while it waits for an item, where nobody but this run may put one there."""
        (self.waiting[key].add if idle else self.waiting[key].discard)(call)
        if not idle or call not in self.outside.scopes:
            self.outside.resume(call)
        elif self.sim or self.bundle.queues[key].backend == "memory":
            self.outside.rest(call)

    # ---- items for coglets that are gone -------------------------------------------------------------------

    def began(self, call: Call) -> None:
        """Remember a call that claims an item."""
        program = self.bundle.programs[call.program]
        if program.kind == "queue" and program.name.endswith((".take", ".dead")):
            self.claimed[call.id] = str(program.argument)

    def cancelled(self, call: int) -> None:
        """Forget a claim that was cancelled before it had an item."""
        self.claimed.pop(call, None)

    def arrived(self, call: int, value: Any, wanted: bool) -> None:
        """Take note of the result of a call; a claimed item that nobody wants goes back."""
        key = self.claimed.pop(call, None)
        if key is not None and not wanted:
            self.give_back(key, value)

    def give_back(self, key: str, item: Any) -> None:
        """Put a claimed item `[value, id, token]` back into its queue, before the run may end."""
        if isinstance(item, list):
            self.returned -= 1
            self.outside.begin(self.returned)
            self.background.start_soon(self._unclaim, self.returned, key, item)

    async def _unclaim(self, number: int, key: str, item: list[Any]) -> None:
        with suppress(Failure):  # the queue takes the item back when its lease is over
            await self.call(key, "unclaim", item[1:])
        self.outside.end(number)
        self.outside.wake()

    # ---- stores --------------------------------------------------------------------------------------------

    async def _queue(self, key: str) -> ValueQueue:
        async with self.opening[key]:
            if key not in self.opened:
                self.opened[key] = await self.background.hold(self._hold, key)
        return self.opened[key]

    async def _hold(self, key: str, task_status: trio.TaskStatus[ValueQueue] = trio.TASK_STATUS_IGNORED) -> None:
        queue = self.bundle.queues[key]
        given = {k: self.evaluate(e) for k, e in queue.attributes.items()}
        lease = given["lease"].nanos / 1e9 if isinstance(given.get("lease"), Duration) else LEASE
        async with open_store(_store_of(queue), "queue:") as store:
            task_status.started(ValueQueue(store, queue.name, lease, given.get("attempts", ATTEMPTS)))
            await trio.sleep_forever()


def _store_of(queue: ir.Queue) -> str:
    """Return the name of a queue's store, as `open_store` takes it."""
    if queue.backend == "sqlite":
        return "sqlite:" + os.path.join(queue.folder, queue.argument or f"{queue.name}.db")
    if queue.backend == "redis":
        return queue.argument or os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
    return queue.argument if queue.backend == "store" else queue.backend
