"""The queues of a run: each a `ValueQueue` over its store, opened at its first use and held until the run ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import trio

from cogc import ir
from cogc.language.values import Duration, Failure, plain
from cogc.stores import open_store
from cogc.stores.values import ValueQueue

LEASE = 300.0
ATTEMPTS = 3


class Queues:
    """`evaluate` gives the value of an attribute; `nursery` is the run's; `idle` hears which calls wait for an item."""

    def __init__(self, queues: dict[str, ir.Queue], evaluate: Callable[[ir.Expr], Any]) -> None:
        self.queues = queues
        self.evaluate = evaluate
        self.nursery: trio.Nursery | None = None
        self.idle: Callable[[int, bool], None] = lambda _call, _idle: None
        self.made: dict[str, ValueQueue] = {}
        self.waiting: dict[str, set[int]] = {key: set() for key in queues}
        self.opening = {key: trio.Lock() for key in queues}

    async def call(self, key: str, action: str, arguments: list[Any], call: int = 0) -> Any:
        """Put, take, done, back, dead or unclaim; a Failure if the store cannot be reached."""
        try:
            queue = await self._queue(key)
            if action in ("take", "dead"):
                return await getattr(queue, action)(partial(self._waits, key, call))
            found = await getattr(queue, action)(*(plain(a) for a in arguments))
            for waiting in self.waiting[key]:  # they look again, and are no longer idle before this call is over
                self.idle(waiting, False)
            return found
        except ConnectionError as error:
            raise Failure("program", f"the queue `{self.queues[key].name}`: {error}") from None

    def _waits(self, key: str, call: int, idle: bool) -> None:
        (self.waiting[key].add if idle else self.waiting[key].discard)(call)
        self.idle(call, idle)

    async def _queue(self, key: str) -> ValueQueue:
        async with self.opening[key]:
            if key not in self.made:
                assert self.nursery is not None
                self.made[key] = await self.nursery.start(self._hold, key)
        return self.made[key]

    async def _hold(self, key: str, task_status: trio.TaskStatus[ValueQueue] = trio.TASK_STATUS_IGNORED) -> None:
        queue = self.queues[key]
        given = {k: self.evaluate(e) for k, e in queue.attributes.items()}
        lease = given["lease"].nanos / 1e9 if isinstance(given.get("lease"), Duration) else LEASE
        where = queue.backend
        if queue.backend == "sqlite":
            where = "sqlite:" + os.path.join(queue.folder, queue.argument or f"{queue.name}.db")
        elif queue.backend == "redis":
            where = queue.argument or os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
        elif queue.backend == "store":
            where = queue.argument
        async with open_store(where, "queue:") as store:
            task_status.started(ValueQueue(store, queue.name, lease, given.get("attempts", ATTEMPTS)))
            await trio.sleep_forever()
