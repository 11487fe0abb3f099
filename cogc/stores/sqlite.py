"""A store in an SQLite file, for the processes of one machine. A transaction is on the disk when it has committed.

`begin immediate` takes the write lock of the file before the first read, so transactions of all processes run one after
the other. Waiting for the lock and the commit to the disk happen in a thread, a short time at once: who is cancelled
leaves between two of them, so that a lock which another process never gives back holds up no end of a run.

The clock
    `now` is the clock of the machine since its boot (`stores/clock.py`), and `ahead`, which the first process after a boot
    writes into the table `clock` and all others read: so they agree, and setting the time of day moves no lease. After
    the next boot the clock begins with the time of day, but never before `latest`, which a transaction notes once a
    minute: time does not go back, whatever the hardware says.

Damage
    A record and the value of a field end with a checksum of their key and their text, on a line of its own. A file whose structure is damaged, or that has a
    record which was changed, is refused when it is opened; a record that is damaged later, when it is read. Records of
    earlier versions have no checksum. A file that was removed, replaced or emptied while it was open is refused by the next
    transaction: SQLite would go on in a file that nobody finds again.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import trio

from cogc.disk.files import identity
from cogc.disk.state_folder import touch_database
from cogc.stores.base import StoreLost, Tx
from cogc.stores.clock import boot, since_boot

T = TypeVar("T")
_BUSY = 10.0
"""Seconds to wait for the lock of the file before a transaction fails."""
_AT_ONCE = 0.1
"""Seconds of them that a thread waits, before its caller may be cancelled."""
_POLL = 0.05
"""Seconds between two looks for commits of other processes."""
_NOTED = 60.0
"""Seconds after which a transaction notes the time."""
_SCHEMA = """
create table if not exists records (key text primary key, value blob not null) without rowid;
create table if not exists members (name text, member text, score real not null, primary key (name, member)) without rowid;
create index if not exists members_by_score on members (name, score, member);
create table if not exists fields (key text, field text, value text not null, primary key (key, field)) without rowid;
create table if not exists clock (one integer primary key check (one = 1), boot text, ahead real, latest real);
"""


async def opened(path: Path, prefix: str = "", clock: Callable[[], float] | None = None) -> SqliteStore:
    """Open a store. Raise OSError or sqlite3.Error if it cannot be used."""
    return await patiently(partial(SqliteStore, path, prefix, clock))


async def patiently(act: Callable[[], T]) -> T:
    """Do in a thread what may find the file locked, again and again for at most `_BUSY` seconds."""
    until = time.monotonic() + _BUSY
    while True:
        try:
            return await trio.to_thread.run_sync(act)
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0)  # an error of Python's own module has none
            if code & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise


class SqliteStore:
    """One connection. Reads and writes run in the calling task, statements that may block in a thread. `prefix` stands in front
    of all keys and names, so that several users of one file are apart. `clock` gives the seconds of `now` in a simulation."""

    def __init__(self, path: Path, prefix: str = "", clock: Callable[[], float] | None = None) -> None:
        self.prefix = prefix
        self.clock = clock
        self.path = os.path.abspath(path)  # SQLite takes some names, such as `:memory:`, for no file
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(
            touch_database(self.path), timeout=_AT_ONCE, isolation_level=None, check_same_thread=False
        )
        self.changed = trio.Event()
        self._one = trio.Lock()
        try:
            self._open()
        except BaseException as error:
            self.db.close()
            if isinstance(error, ValueError | TypeError):  # SQLite quotes the damaged bytes, or finds other types
                raise sqlite3.DatabaseError("it is damaged") from None
            raise

    def _open(self) -> None:
        """Check the file, and read its clock. Raise sqlite3.Error if it is damaged."""
        self.db.execute("pragma journal_mode=wal")
        self.db.execute("pragma synchronous=full")
        found = self.db.execute("pragma integrity_check(1)").fetchone()
        if found != ("ok",):
            raise sqlite3.DatabaseError(f"it is damaged: {found[0].splitlines()[-1]}")
        self.db.executescript(_SCHEMA)
        for key, value in self.db.execute("select key, value from records"):
            if not _is_whole(key, value):
                raise sqlite3.DatabaseError(f"it is damaged: the record `{key}` was changed")
        for key, field, value in self.db.execute("select key, field, value from fields"):
            if not _is_whole(_field_key(key, field), value, str):
                raise sqlite3.DatabaseError(f"it is damaged: the field `{field}` of `{key}` was changed")
        self._ahead = self._agree()
        self._noted = self._now()
        self._seen = self._version()
        self._file = identity(self.path)

    def _version(self) -> int:
        """Return a number that changes with each commit of another connection."""
        return int(self.db.execute("pragma data_version").fetchone()[0])

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` inside of `begin immediate` and `commit`; roll back if it raises."""
        async with self._one:
            if identity(self.path) != self._file:
                raise StoreLost(
                    f"the store cannot be used: {self.path} was removed, replaced or emptied while it was open"
                )
            try:
                await self._blocking("begin immediate")
                tx = _SqliteTx(self.db, self.prefix)
                result = await work(tx)
                self._note()
                await self._blocking("commit")
            except BaseException as error:
                if self.db.in_transaction:
                    self.db.execute("rollback")
                if isinstance(error, sqlite3.Error):
                    raise ConnectionError(f"the store cannot be used: {error}") from None
                raise
        if tx.news:
            self.changed.set()
            self.changed = trio.Event()
        return result

    async def _blocking(self, statement: str) -> None:
        """Run a statement that may wait for the file, in a thread."""
        await patiently(partial(self.db.execute, statement))

    async def wait(self, seconds: float) -> None:
        """Return after a change: one of this process at once, one of another process by looking at the file now and then."""
        with trio.move_on_after(seconds):
            while True:
                with trio.move_on_after(_POLL):
                    await self.changed.wait()
                    return
                version = self._seen
                async with self._one:  # not while a thread waits for the file: this statement would block the loop
                    with suppress(sqlite3.Error):  # the next transaction fails in the same way, and is heard
                        version = self._version()
                if version != self._seen:
                    self._seen = version
                    return

    async def now(self) -> float:
        return self._now() if self.clock is None else self.clock()

    def _now(self) -> float:
        return since_boot() + self._ahead

    def _agree(self) -> float:
        """Return how far the clock of the store is ahead of that of the machine, as the first process after the boot has said."""
        known, found = boot(), self._clock()
        if found is not None and known and found[0] == known:
            return float(found[1])
        self.db.execute("begin immediate")
        found = self._clock()
        if found is None or not known or found[0] != known:
            now = max(time.time(), found[2] if found is not None else 0.0)
            found = (known, now - since_boot(), now)
            self.db.execute("insert or replace into clock values (1, ?, ?, ?)", found)
        self.db.execute("commit")
        return float(found[1])

    def _clock(self) -> tuple[str, float, float] | None:
        row: tuple[str, float, float] | None = self.db.execute("select boot, ahead, latest from clock").fetchone()
        return row

    def _note(self) -> None:
        """Note the time, now and then, for the next boot."""
        now = self._now()
        if now - self._noted > _NOTED:
            self._noted = now
            self.db.execute("update clock set latest = max(latest, ?)", (now,))

    async def aclose(self) -> None:
        """Close the connection when the transaction that is under way, which may be inside of a thread, is over."""
        with trio.CancelScope(shield=True):
            async with self._one:
                self.db.close()


class _SqliteTx:
    """Reads and writes in the open transaction of the connection."""

    def __init__(self, db: sqlite3.Connection, prefix: str) -> None:
        self.db = db
        self.prefix = prefix
        self.news = False

    async def get(self, key: str) -> Any:
        row = self.db.execute("select value from records where key = ?", (self.prefix + key,)).fetchone()
        return None if row is None else _opened(self.prefix + key, row[0])

    def put(self, key: str, value: Any) -> None:
        sealed = _sealed(self.prefix + key, msgspec.json.encode(value))
        self.db.execute("insert or replace into records values (?, ?)", (self.prefix + key, sealed))

    def delete(self, key: str) -> None:
        self.db.execute("delete from records where key = ?", (self.prefix + key,))

    async def members(self, name: str) -> list[str]:
        asked = (self.prefix + name,)
        rows = self.db.execute("select member from members where name = ? order by score, member", asked)
        return [row[0] for row in rows]

    def add(self, name: str, member: str, score: float) -> None:
        self.db.execute("insert or replace into members values (?, ?, ?)", (self.prefix + name, member, score))

    def remove(self, name: str, member: str) -> None:
        self.db.execute("delete from members where name = ? and member = ?", (self.prefix + name, member))

    async def fields(self, key: str) -> dict[str, str]:
        asked = (self.prefix + key,)
        rows = self.db.execute("select field, value from fields where key = ?", asked).fetchall()
        return {field: _field_value(self.prefix + key, field, value) for field, value in rows}

    def set_field(self, key: str, field: str, value: str) -> None:
        sealed = _sealed(_field_key(self.prefix + key, field), value.encode("utf-8", "surrogatepass"))
        self.db.execute("insert or replace into fields values (?, ?, ?)", (self.prefix + key, field, sealed))

    def publish(self, channel: str, message: str) -> None:
        self.news = True


def _sealed(key: str, text: bytes) -> bytes:
    """Return the text of a record with a checksum behind it."""
    return b"%s\n%08x" % (text, zlib.crc32(text, zlib.crc32(key.encode("utf-8", "surrogatepass"))))


def _is_whole(key: str, data: Any, earlier: type = bytes) -> bool:
    """Return whether a record is as it was written. One of an earlier version has no checksum, and is of the type `earlier`: text, or JSON as
    bytes. What a file has lost reads as bytes that are zero, which are neither."""
    if not isinstance(data, bytes):
        return isinstance(data, earlier)
    text, line, _ = data.rpartition(b"\n")
    if line:
        return _sealed(key, text) == data
    try:
        msgspec.json.decode(data)
    except msgspec.DecodeError:
        return False
    return earlier is bytes


def _field_key(key: str, field: str) -> str:
    """Return what stands for a field in its checksum."""
    return f"{key}\0{field}"


def _field_value(key: str, field: str, data: Any) -> str:
    """Return the value of a field. Raise ConnectionError if its bytes were changed."""
    if not _is_whole(_field_key(key, field), data, str):
        raise ConnectionError(f"the store cannot be used: the field `{field}` of `{key}` is damaged")
    return data if isinstance(data, str) else data.rpartition(b"\n")[0].decode("utf-8", "surrogatepass")


def _opened(key: str, data: Any) -> Any:
    """Return the value of a record. Raise ConnectionError if its bytes were changed."""
    if _is_whole(key, data):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(data.partition(b"\n")[0])
    raise ConnectionError(f"the store cannot be used: the record `{key}` is damaged")
