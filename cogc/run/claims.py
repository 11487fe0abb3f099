"""The calls of a run to its queues: put an item, claim one, say what became of it.

The model. Each queue is a `ValueQueue` over its store, opened at its first use and held until the last call of the
run has ended. A claim is a call that waits until there is an item. The claims that wait stand in a `Line`, in order
of call: a change of the queue wakes the first of them, and a claim that got an item wakes the next. A change may be
made by this run (`put`, `back`, `unclaim`), or by another process: a task that watches the store (`_watch`) looks at
least once a second.

Leases. What this run has claimed is held while the work goes on: a task (`_renew`) extends the lease of every claim
in `working` each third of a lease. A process that is killed renews nothing, so others get its items when their leases
end. A claim that has ended all the same (the machine slept, the store was away) settles nothing: `_late` logs it.

Given up. An item that has no attempts left, and that no coglet of the program takes as a dead one, is logged as an
error when this run finds it so, and counted in `given_up` for the end of the run.

The end of the run. A waiting claim of a queue that nobody but this run can fill rests: it holds neither the clock nor
the end. An item that arrives for a coglet which is gone goes back to its queue before the run may end. What the run
still holds when it has ended, however it did, goes back then (`settle`), unless its store does not answer: then the
lease ends, and a warning says so.

Simulation. Under `--sim` a queue is in memory whatever its declaration says, counts its ids, and has the clock of the
kernel: a simulation depends on nothing that an earlier run has left, and leaves nothing.

An example. Calls 1 and 2 claim, and find nothing: both stand in line. Call 3 puts an item and wakes 1; 1 looks, gets
the item, and wakes 2; 2 looks, finds nothing, and goes back into the line. The item of 1 is in `working` until
`done`, `back` or `unclaim` names it.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import trio

from cogc import ir
from cogc.disk.state_folder import OwnFiles
from cogc.ir import QUEUE
from cogc.kernel.effects import Call
from cogc.kernel.unit import Unit
from cogc.language.codec import packed, unpacked
from cogc.language.functions import apart, stable_key
from cogc.language.meter import begin
from cogc.language.values import Duration, Failure
from cogc.run.background import Background
from cogc.run.outside import Outside
from cogc.stores import lasting_store, open_store
from cogc.stores.base import Store
from cogc.stores.memory import MemoryStore
from cogc.stores.values import Claim, KeyOf, ValueQueue, random_id

QUEUES = "queue.db"
"""The file of the state folder that holds queues which name no file of their own."""
LEASE = 300.0
ATTEMPTS = 3
_LONGEST = 200
"""Characters of a failure's message in the log."""
_GIVE_BACK = 2.0
"""Seconds that the end of a run waits for its stores to take back what the run has claimed and not settled."""
WATCH = 1.0
"""Seconds after which the store is looked at even if it reports no change: a lease that ends is none."""


class Line:
    """The claims that wait for a change of a queue, in order of call."""

    def __init__(self, outside: Outside, rests: bool) -> None:
        self.outside = outside
        self.rests = rests
        self.changes = 0
        self.waiting: dict[int, trio.Event] = {}

    def wake(self) -> None:
        """Note a change, and let the first claim look again. It holds the clock and the end of the run from now on."""
        self.changes += 1
        if self.waiting:
            call = min(self.waiting)
            self.outside.resume(call)
            self.waiting.pop(call).set()

    async def wait(self, call: int, seen: int) -> None:
        """Wait for the turn of a call, unless there was a change since it looked."""
        if self.changes != seen:
            return
        event = self.waiting[call] = trio.Event()
        if self.rests and call in self.outside.scopes:
            self.outside.rest(call)
        try:
            await event.wait()
        finally:
            self.waiting.pop(call, None)


Key: TypeAlias = tuple[Unit, str]
"""A queue: a unit, and the key of the queue in it."""


class _Used:
    """A queue that the run uses: the queue over its store once it is open, the claims that wait, and the items that are worked on."""

    def __init__(self, new_line: Callable[[], Line]) -> None:
        self.queue: ValueQueue | None = None
        self.opening = trio.Lock()
        self.new_line = new_line
        self.lines: dict[tuple[str, int], Line] = {}
        self.working: set[tuple[str, int]] = set()

    def line(self, action: str, by: ir.ItemKey | None = None) -> Line:
        """Return the line for items, or for dead items. Claims in the order of different keys wait apart: what one cannot have, another can."""
        return self.lines.setdefault((action, id(by)), self.new_line())


class Claims:
    """The claims and queues of one run.

    `clock` is that of a simulation in seconds since 1970, None where real time counts. `lasting` is the file of a durable run that has its queues
    in memory, and `run` its id.
    """

    def __init__(
        self,
        outside: Outside,
        background: Background,
        clock: Callable[[], float] | None = None,
        kept: OwnFiles | None = None,
        log: Callable[[str, str, str], None] = lambda level, where, words: None,
        lasting: str = "",
        run: str = "",
    ) -> None:
        self.lasting = lasting
        self.run = run
        self.again: set[int] = set()
        """The calls that were under way when the run was killed, and are begun again."""
        self.kept = kept or OwnFiles()
        self.log = log
        self.outside = outside
        self.background = background
        self.clock = clock
        self.used: dict[Key, _Used] = {}
        self.claimed: dict[int, Key] = {}
        self.keys: dict[int, Callable[..., Any]] = {}
        self.returned = 0
        self.settling: dict[trio.Event, Key] = {}
        """The items of which stores are being told what became of them, with their queues."""
        self.given_up: Counter[str] = Counter()
        """Items without attempts left that no coglet takes as dead ones, by queue."""

    def _of(self, key: Key) -> _Used:
        found = self.used.get(key)
        if found is None:
            rests = self.clock is not None or _declared(key).backend == "memory"
            found = self.used[key] = _Used(lambda: Line(self.outside, rests))
        return found

    async def call(
        self, key: Key, action: str, arguments: list[Any], call: int = 0, by: ir.ItemKey | None = None
    ) -> Any:
        """Carry out put, take, done, back, dead, failed or unclaim. Raise Failure if the store cannot be reached.

        A `take` claims the items of one key in their order, if there is a key `by` which they are in order.
        """
        try:
            queue = await self._queue(key)
            if action == "take":
                line = self._of(key).line(action, by)
                return await self._claim(
                    queue, key, line, call, partial(queue.take, self._key_of(key, by), self._id(call))
                )
            if action in ("dead", "failed"):
                report = action == "failed"
                line = self._of(key).line("dead")
                return await self._claim(queue, key, line, call, partial(queue.dead, self._id(call), report), report)
            given = [packed(a) for a in arguments]
            if action in ("done", "back", "unclaim"):
                self._of(key).working.discard((arguments[0], arguments[1]))
                found = await self._to_its_end(key, partial(getattr(queue, action), *given))
            elif action == "put":
                found = await queue.put(given[0], self._id(call))
            else:
                found = await getattr(queue, action)(*given)
            if action == "claim":
                found = unpacked(found)
            if action in ("done", "back") and not found and call not in self.again:
                self._late(key, action, arguments)
            if action in ("put", "back", "unclaim") or (action == "done" and queue.in_order):
                self._changed(key)
            self._look_for_dead(key, queue)
            return None if action == "put" else found
        except ConnectionError as error:
            raise Failure("program", f"the queue `{_declared(key).name}`: {error}") from None

    async def _claim(
        self,
        queue: ValueQueue,
        key: Key,
        line: Line,
        call: int,
        claim: Callable[[], Awaitable[Claim | None]],
        report: bool = False,
    ) -> list[Any]:
        """Claim an item, or take a dead one, waiting in line while there is none."""
        used = self._of(key)
        is_again = call in self.again
        while True:
            seen = line.changes
            try:
                found = await queue.again(self._id(call), report) if is_again else None
                is_again = False
                found = found or await claim()
            except BaseException:
                line.wake()  # the claim was woken for an item that it does not take
                raise
            if found is not None:
                value, id, token = found
                used.working.add((id, token))
                self._look_for_dead(key, queue)
                line.wake()
                return [unpacked(value), id, token]
            await line.wait(call, seen)

    def _id(self, call: int) -> str:
        """Return the id of a call of a durable run, by which it finds again what it has claimed or put when it is repeated."""
        return f"{self.run}-{call:09}" if self.lasting and call > 0 else ""

    def _key_of(self, key: Key, by: ir.ItemKey | None) -> KeyOf | None:
        """Return the function that gives an item's key, by which the items are in order. An item without a key, since its expression
        fails, is in order with no other one."""
        if by is None:
            return None
        expression = self.keys.get(id(by))
        if expression is None:
            expression = self.keys[id(by)] = key[0].coder.expression(by.value, by.names)
        taken_apart, count, evaluate = by.apart, len(by.names), expression

        def key_of(packed_value: Any) -> str | None:
            value = unpacked(packed_value)
            begin(object())
            try:
                return stable_key(evaluate(None, *(apart(value, count) if taken_apart else [value])))
            except Exception:
                return None

        return key_of

    def _changed(self, key: Key) -> None:
        """Let the first claim of each line look again."""
        for line in list(self._of(key).lines.values()):
            line.wake()

    def _late(self, key: Key, action: str, item: list[Any]) -> None:
        """Log that a claim had ended before its item was settled."""
        what = "it was worked on to its end" if action == "done" else "the work on it has failed"
        words = f"the claim of item {item[0]} had ended before {what}: nothing is changed, and the item may be worked on twice"
        self.log("warn", _declared(key).name, words)

    def _look_for_dead(self, key: Key, queue: ValueQueue) -> None:
        """Count the items that were found without attempts left, and log them if no coglet takes them."""
        died, queue.died = queue.died, []
        unit, name = key
        heard = {f"{QUEUE}{name}.dead", f"{QUEUE}{name}.failed"}
        if not died or any(c.name in heard for coglet in unit.bundle.coglets.values() for c in coglet.listens):
            return
        declared = _declared(key).name
        self.given_up[declared] += len(died)
        items = "an item is" if len(died) == 1 else f"{len(died)} items are"
        message = str(died[-1]["message"])
        why = f"{died[-1]['kind']}: {message if len(message) <= _LONGEST else message[: _LONGEST - 3] + '...'}"
        self.log(
            "error",
            declared,
            f"{items} given up after {queue.attempts} attempts, and nobody listens to `{declared}.dead`; the last failure was {why}",
        )

    # ---- items for coglets that are gone -------------------------------------------------------------------

    def began(self, call: Call) -> None:
        """Remember a call that claims an item."""
        program = call.program
        if program.kind == "queue" and program.name.endswith((".take", ".dead", ".failed")):
            self.claimed[call.id] = call.unit, str(program.argument)

    def hold(self, key: Key, claim: tuple[str, int]) -> None:
        """Hold an item on which a coglet of a resumed run is at work: its lease is extended at once, and while the work goes on."""
        self._of(key).working.add(claim)
        self.background.start_soon(self._hold_again, key)

    async def _hold_again(self, key: Key) -> None:
        """Extend the leases that were held when the run was killed."""
        try:
            await self._extend(key, await self._queue(key))
        except (Failure, ConnectionError) as error:  # the next call of the queue fails in the same way, and is heard
            self.log("warn", _declared(key).name, str(error))

    def cancelled(self, call: int) -> None:
        """Forget a claim that was cancelled before it had an item."""
        self.claimed.pop(call, None)

    def arrived(self, call: int, value: Any, wanted: bool) -> None:
        """Take the result of a call. An item that nobody waits for any more goes back to its queue."""
        key = self.claimed.pop(call, None)
        if key is not None and not wanted:
            self.give_back(key, value)

    def give_back(self, key: Key, item: Any, failure: Any = None) -> None:
        """Put a claimed item `[value, id, token]` back into its queue, before the run may end. If the work on it has failed, by a
        `failure`, that counts as an attempt."""
        if isinstance(item, list):
            self.returned -= 1
            self.outside.begin(self.returned)
            self.background.keep(self._unclaim, self.returned, key, item, failure, self._settles(key))

    async def _unclaim(self, number: int, key: Key, item: list[Any], failure: Any, over: trio.Event) -> None:
        with suppress(Failure), self._settling(over):  # the queue takes the item back when its lease is over
            if failure is None:
                await self.call(key, "unclaim", item[1:])
            else:
                await self.call(key, "back", [*item[1:], failure])
        self.outside.end(number)
        self.outside.wake()

    # ---- to the end of the run -----------------------------------------------------------------------------

    def _settles(self, key: Key) -> trio.Event:
        """Return what the end of the run waits for."""
        over = trio.Event()
        self.settling[over] = key
        return over

    @contextmanager
    def _settling(self, over: trio.Event) -> Iterator[None]:
        """Let the end of the run wait no longer than for the body."""
        try:
            yield
        finally:
            self.settling.pop(over, None)
            over.set()

    async def _to_its_end(self, key: Key, act: Callable[[], Awaitable[Any]]) -> Any:
        """Tell a store what became of an item, also where the call that says so is cancelled meanwhile."""
        if self.clock is not None:  # a queue in memory takes no time
            return await act()
        over = self._settles(key)
        found: list[Any] = []
        failed: list[ConnectionError] = []

        async def carry_out() -> None:
            with self._settling(over):
                try:
                    found.append(await act())
                except ConnectionError as error:
                    failed.append(error)

        self.background.keep(carry_out)
        await over.wait()
        if failed:
            raise failed[0]
        return found[0]

    async def settle(self) -> None:
        """Give back what the run has claimed and not settled, when no call of it is under way any more."""
        silent = {key for key, used in self.used.items() if used.queue is not None and used.queue.unsure}
        with trio.move_on_after(_GIVE_BACK) as limit:
            while self.settling:
                await next(iter(self.settling)).wait()
            for key, used in self.used.items():
                for claim in sorted(used.working):
                    with suppress(Failure):
                        await self.call(key, "unclaim", list(claim))
        if limit.cancelled_caught:
            silent |= {*self.settling.values(), *(key for key, used in self.used.items() if used.working)}
        for key in silent:
            words = "the store does not answer: what this run had claimed, or was claiming, is free again when its lease ends"
            self.log("warn", _declared(key).name, words)

    # ---- stores --------------------------------------------------------------------------------------------

    async def _queue(self, key: Key) -> ValueQueue:
        used = self._of(key)
        async with used.opening:
            if used.queue is None:
                used.queue = await self.background.hold(self._hold, key)
        return used.queue

    async def _hold(self, key: Key, task_status: trio.TaskStatus[ValueQueue] = trio.TASK_STATUS_IGNORED) -> None:
        declared = _declared(key)
        given = {k: key[0].evaluate(e) for k, e in declared.attributes.items()}
        lease = given["lease"].nanos / 1e9 if isinstance(given.get("lease"), Duration) else LEASE
        new_id = random_id if self.clock is None else _counted()
        async with self._store(declared) as store, trio.open_nursery() as nursery:
            queue = ValueQueue(store, declared.name, lease, given.get("attempts", ATTEMPTS), new_id)
            await queue.announce()
            task_status.started(queue)
            if self.clock is None:
                nursery.start_soon(self._watch, key, store)
                nursery.start_soon(self._renew, key, queue)
            await trio.sleep_forever()

    async def _watch(self, key: Key, store: Store) -> None:
        """Let the first claims look again whenever the store may have changed."""
        while True:
            await store.wait(WATCH)
            self._changed(key)

    async def _renew(self, key: Key, queue: ValueQueue) -> None:
        """Extend the leases of the items that are being worked on."""
        while True:
            await trio.sleep(queue.lease / 3)
            with suppress(ConnectionError):  # tried again before the lease ends
                await self._extend(key, queue)

    async def _extend(self, key: Key, queue: ValueQueue) -> None:
        """Extend the leases of the items that are being worked on, once."""
        working = self._of(key).working
        for claim in sorted(working):
            if not await queue.extend(*claim):
                working.discard(claim)

    @asynccontextmanager
    async def _store(self, queue: ir.Queue) -> AsyncIterator[Store]:
        if self.lasting and (self.clock is not None or queue.backend == "memory"):
            async with lasting_store(Path(self.lasting), f"{queue.name}:", self.clock) as kept:
                yield kept
            return
        if self.clock is not None:
            yield MemoryStore(self.clock)
            return
        async with open_store(self._named(queue), "queue:") as store:
            yield store

    def _named(self, queue: ir.Queue) -> str:
        """Return the name of a queue's store, as `open_store` takes it. One without a file is in the state folder."""
        if queue.backend != "sqlite" or queue.argument:
            return _store_of(queue)
        state, former = self.kept.beside(queue.folder), os.path.join(queue.folder, f"{queue.name}.db")
        if os.path.isfile(former) and not os.path.isfile(state.at(QUEUES)):
            state.say(
                f"queue `{queue.name}`: `{former}` is not read any more, its items are in {state.at(QUEUES)} from now on; "
                f'write sqlite "{queue.name}.db" to go on with that file'
            )
        return f"sqlite:{state.file(QUEUES)}"


def files_of(bundle: ir.Bundle) -> list[str]:
    """Return the files that the queues of a program name."""
    own = [q for q in bundle.queues.values() if q.backend == "sqlite" and q.argument]
    return [_store_of(q).removeprefix("sqlite:") for q in own]


def _declared(key: Key) -> ir.Queue:
    unit, name = key
    return unit.bundle.queues[name]


def _counted() -> Callable[[], str]:
    """Return a function that counts ids, which sort in the order of their making."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):09}"


def _store_of(queue: ir.Queue) -> str:
    """Return the name of the store that a queue names, as `open_store` takes it."""
    if queue.backend == "sqlite":
        return "sqlite:" + os.path.join(queue.folder, queue.argument)
    if queue.backend == "redis":
        return queue.argument or os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
    return queue.argument if queue.backend == "store" else queue.backend
