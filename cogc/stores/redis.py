"""A store in Redis, for several machines. `coredis` is an extra, imported when a store is opened.

The connection
    coredis owns tasks of its own, so a client lives inside `async with` in one task. That task is `keep`: it opens a
    client, hands it out through `client` and `there`, and waits for `lost`. A request that fails calls `_drop`: the client
    is taken away, `keep` closes it and opens another. `_do` tries a request up to `ATTEMPTS` times, each with the client
    that there is then, with a pause that doubles; then it raises ConnectionError.
    `listen` holds a subscription to `PREFIX*_events` on a client of the same kind and wakes those that wait. While it has
    no connection, `wait` returns after a second at the latest, so that the callers look by themselves.

A transaction is optimistic and needs no connection of its own:
    1. `work` runs. Each `get` asks Redis at once and remembers the text of the record (false for an absent one); writes
       are collected as Redis commands.
    2. Without writes the transaction is over.
    3. One Lua script (`_COMMIT`) compares every remembered record with its present text. If all are the same it runs the
       commands and returns 1; else it returns 0. Redis runs a script alone, so nothing comes between.
    4. After a 0 `work` runs again from the start, after a pause that doubles up to 50 ms. After `_MOST_CONFLICTS` turns the
       store is reported as too busy.
    Compared are records alone. A set or a hash may change between read and commit; `stores/base.py` says what callers
    make of that.

A lost answer
    If the connection breaks during step 3 it is not known whether the script has run, and `_do` sends it again. So each
    commit has an id: the script keeps it for a minute, and returns 1 at once for an id that it has seen. A commit is
    carried out once even if it was sent three times.

A worked example, two workers and one item:
    worker A                            worker B
    get item:1 -> {until: 0}            get item:1 -> {until: 0}
    commit a1: item:1 unchanged -> 1
                                        commit b1: item:1 has changed -> 0
                                        get item:1 -> {until: 300}, get item:2 -> {until: 0}
                                        commit b2: both unchanged -> 1
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import trio

from cogc.stores.base import Mirror, Tx, Written

T = TypeVar("T")
ATTEMPTS = 3
"""How often a request is tried before the store counts as unreachable."""
_FIRST_PAUSE = 0.1
"""Seconds before the second attempt; the pause doubles."""
_MOST_CONFLICTS = 200
"""How often a transaction is tried while others change what it read."""
_TIMEOUT = 5.0
"""Seconds that one request may take."""
_COMMIT = """
local asked = cjson.decode(ARGV[1])
if redis.call('EXISTS', asked.id) == 1 then return 1 end
for _, read in ipairs(asked.reads) do
  local now = redis.call('GET', read[1])
  if (now or false) ~= read[2] then return 0 end
end
for _, write in ipairs(asked.writes) do redis.call(unpack(write)) end
redis.call('SET', asked.id, '1', 'EX', '60')
return 1
"""


_TIME = "local now = redis.call('TIME') return {now[1], now[2]}"


@asynccontextmanager
async def redis_store(url: str, prefix: str, echo: Mirror | None = None) -> AsyncIterator[RedisStore]:
    """Open a store whose keys have a prefix; raise ConnectionError if coredis is not installed.

    `echo` gives further commands for what a transaction writes, which take effect with it.
    """
    try:
        from coredis import Redis  # an extra
    except ImportError:
        raise ConnectionError("a store in Redis needs the extra `redis`: pip install 'cogc[redis]'") from None
    store = RedisStore(Redis.from_url, url, prefix, echo)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.keep)
        nursery.start_soon(store.listen)
        yield store
        nursery.cancel_scope.cancel()


async def names_in(url: str, pattern: str) -> list[str]:
    """Return the keys of a server that match a pattern, in their order. Raise ConnectionError if it cannot be reached."""
    async with redis_store(url, "") as store:
        return sorted(await store._do(lambda client: client.keys(pattern)))


class RedisStore:
    """Transactions over a client that is opened again when it is lost. `open` makes a client of a URL."""

    def __init__(self, open: Callable[..., Any], url: str, prefix: str, echo: Mirror | None = None) -> None:
        self.open = open
        self.url = url
        self.prefix = prefix
        self.echo = echo
        self.client: Any = None
        self.there = trio.Event()
        self.lost = trio.Event()
        self.changed = trio.Event()

    # ---- the connection ------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Hold a client open in this task, and open a new one when it is lost."""
        while True:
            try:
                async with self.open(self.url, decode_responses=True, verify_version=False) as client:
                    self.client, self.lost = client, trio.Event()
                    self.there.set()
                    await self.lost.wait()
            except* Exception:  # the next client is tried after any failure; a cancellation is no Exception and passes
                pass
            self.client, self.there = None, trio.Event()
            await trio.sleep(_FIRST_PAUSE)

    async def _client(self) -> Any:
        """Return the open client; wait for one if there is none."""
        while self.client is None:
            await self.there.wait()
        return self.client

    def _drop(self, lost: Any) -> None:
        """Take a client away after a failure, unless a newer one has replaced it already."""
        if self.client is lost:
            self.client, self.there = None, trio.Event()
            self.lost.set()

    async def _do(self, action: Callable[[Any], Awaitable[T]]) -> T:
        """Run a request with the client, up to three times."""
        pause, last = _FIRST_PAUSE, ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await trio.sleep(pause)
                pause *= 2
            client = None
            try:
                with trio.fail_after(_TIMEOUT):
                    client = await self._client()
                    return await action(client)
            except Exception as error:
                last = str(error) or type(error).__name__
                if client is not None:
                    self._drop(client)
        raise ConnectionError(f"Redis at {_without_password(self.url)} cannot be used: {last}")

    async def listen(self) -> None:
        """Wake the waiting callers after each published message."""
        while True:
            try:
                client = await self._client()
                async with client.pubsub(patterns=[f"{self.prefix}*_events"]) as heard:
                    async for _ in heard:
                        self._wake()
            except* Exception:
                pass
            await trio.sleep(1)

    def _wake(self) -> None:
        """Let all callers of `wait` return."""
        self.changed.set()
        self.changed = trio.Event()

    # ---- the store -----------------------------------------------------------------------------------------

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` until its commit finds every record that it read unchanged. Raise ConnectionError after 200
        conflicts."""
        for turn in range(_MOST_CONFLICTS):
            tx = _RedisTx(self)
            result = await work(tx)
            if not tx.writes:
                return result
            id = f"{self.prefix}commit:{uuid.uuid4()}"  # a commit whose answer was lost is sent again, and runs once
            writes = tx.writes if self.echo is None else [*tx.writes, *self.echo(tx.written)]
            asked = json.dumps({"id": id, "reads": tx.reads, "writes": writes})
            if await self._do(lambda client, asked=asked: client.eval(_COMMIT, [], [asked])):  # type: ignore[misc]
                self._wake()
                return result
            await trio.sleep(min(0.001 * 2 ** min(turn, 6), 0.05))
        raise ConnectionError("the store is too busy")

    async def wait(self, seconds: float) -> None:
        """Return after a published message, at the latest after a second, as messages are lost while the connection
        is."""
        with trio.move_on_after(min(seconds, 1.0)):
            await self.changed.wait()

    async def hear(self, channels: list[str], take: Callable[[str, str], Awaitable[None]]) -> None:
        """Hand over each message of these channels, which have no prefix, until cancelled. Raise ConnectionError when the
        connection is lost."""
        client = await self._client()
        try:
            async with client.pubsub(channels=channels, ignore_subscribe_messages=True) as heard:
                async for message in heard:
                    await take(message["channel"], message["data"])
        except* Exception as lost:
            said = str(lost.exceptions[0]) or type(lost.exceptions[0]).__name__
            raise ConnectionError(f"Redis at {_without_password(self.url)} is not heard any more: {said}") from None

    async def now(self) -> float:
        """Return the time of the server, by a script: coredis 6.9 reads the microseconds of TIME as milliseconds."""
        seconds, micros = await self._do(lambda client: client.eval(_TIME, [], []))
        return int(seconds) + int(micros) / 1e6

    async def aclose(self) -> None:
        """Do nothing: the nursery of `redis_store` closes the client."""


class _RedisTx:
    """Remembers the records that were read, and collects the writes as Redis commands."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.reads: list[tuple[str, Any]] = []
        self.writes: list[list[str]] = []
        self.written: list[Written] = []
        self.seen: dict[str, Any] = {}

    def _key(self, key: str) -> str:
        """Return a key behind the prefix of the store."""
        return self.store.prefix + key

    async def get(self, key: str) -> Any:
        value = await self.store._do(lambda client: client.get(self._key(key)))
        self.reads.append((self._key(key), False if value is None else value))
        found = self.seen[key] = None if value is None else msgspec.json.decode(value)
        return found

    def put(self, key: str, value: Any) -> None:
        self.written.append(Written(key, value, "", self.seen.get(key)))
        self.writes.append(["SET", self._key(key), msgspec.json.encode(value).decode()])

    def delete(self, key: str) -> None:
        self.writes.append(["DEL", self._key(key)])

    async def members(self, name: str) -> list[str]:
        return list(await self.store._do(lambda client: client.zrange(self._key(name), 0, -1)))

    def add(self, name: str, member: str, score: float) -> None:
        self.writes.append(["ZADD", self._key(name), repr(score), member])

    def remove(self, name: str, member: str) -> None:
        self.writes.append(["ZREM", self._key(name), member])

    async def fields(self, key: str) -> dict[str, str]:
        return dict(await self.store._do(lambda client: client.hgetall(self._key(key))))

    def set_field(self, key: str, field: str, value: str) -> None:
        self.written.append(Written(key, value, field))
        self.writes.append(["HSETNX", self._key(key), field, value])

    def publish(self, channel: str, message: str) -> None:
        self.writes.append(["PUBLISH", self._key(channel), message])


def _without_password(url: str) -> str:
    """Return a URL for people, without user and password."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('://')[0]}://...@{tail}" if at else url
