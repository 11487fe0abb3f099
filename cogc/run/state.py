"""The `persist` states of an instance, which outlive its runs, in `instances/NAME/state.db` of the state folder."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cogc.disk.files import identity
from cogc.disk.state_folder import touch_database
from cogc.language.codec import decode, encode


class StateError(Exception):
    """The states of an instance cannot be used: their file is damaged."""


class StateStore:
    """The states of one instance. `kept` holds those of earlier runs, by path of the coglet and name of the state.

    The values that changed in one turn of the run are written in one transaction. Where that cannot be done, `lost` says
    why, `on_lost` is called once, and what comes afterwards is dropped: the file keeps the states of the last whole turn.

    `digest` follows from all states that are saved. The journal of a run that ended has it, and the next run `expects` it, so that
    a file which was changed, cut or lost meanwhile is refused. It is read before anything is written, so that one which is
    refused stays as it is.
    """

    def __init__(self, path: Path, expects: str = "") -> None:
        self.path = path
        self.lost = ""
        self.on_lost: Callable[[], None] | None = None
        self._hashes: dict[tuple[str, str], int] = {}
        self._digest = 0
        try:
            self.kept = self._load() if path.exists() else {}
        except (sqlite3.Error, ValueError, TypeError, AttributeError) as error:
            raise StateError(f"the states in `{path}` cannot be read: {error}") from None
        if expects and expects != self.digest:
            what = "are not those that the last run saved" if path.exists() else "are gone"
            raise StateError(f"the states in `{path}` {what}")
        self.connection = sqlite3.connect(touch_database(str(path)), isolation_level=None)
        try:
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=FULL")
            self.connection.execute(
                "CREATE TABLE IF NOT EXISTS state (path TEXT, name TEXT, value BLOB, PRIMARY KEY (path, name))"
            )
        except (sqlite3.DatabaseError, ValueError) as error:
            self.close()
            raise StateError(f"the states in `{path}` cannot be read: {error}") from None
        self._file = identity(self.path)

    @property
    def digest(self) -> str:
        """The digest of all saved states, in whatever order they were saved."""
        return f"{self._digest:016x}"

    def _load(self) -> dict[tuple[str, str], Any]:
        """Return the saved states, without writing anything to the file. Raise an error if they cannot be read.

        A run that was killed while it made the file has left its journal of SQLite. What that run had begun to write is taken back.
        """
        if not self.path.stat().st_size:
            return {}
        mode = "rw" if os.path.exists(f"{self.path}-journal") else "ro"
        address = f"file:{quote(str(self.path.absolute()))}?mode={mode}"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise ValueError("the file is damaged")
            has_table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchone()
            rows = connection.execute("SELECT path, name, value FROM state").fetchall() if has_table else []
        for path, name, value in rows:
            self._count((path, name), value)
        return {(p, n): decode(v) for p, n, v in rows}

    def _count(self, key: tuple[str, str], value: bytes | None) -> None:
        """Count a state in the digest, in place of what it was before; None stands for a state that is gone."""
        self._digest ^= self._hashes.pop(key, 0)
        if value is not None:
            words = b"\0".join(
                (key[0].encode("utf-8", "surrogatepass"), key[1].encode("utf-8", "surrogatepass"), value)
            )
            found = int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big")
            self._hashes[key] = found
            self._digest ^= found

    def save(self, states: dict[tuple[str, str], Any], gone: Sequence[str] = ()) -> None:
        """Drop the states of coglets that are gone, and of all below them; then write states."""
        if self.lost:
            return
        if identity(self.path) != self._file:
            self._lose("it was removed, replaced or emptied while it was open")
            return
        rows = [(p, n, encode(v)) for (p, n), v in states.items()]
        below = [(path, f"{path}/", f"{path}0") for path in gone]  # 0 is the character behind the slash
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany("DELETE FROM state WHERE path = ? OR path > ? AND path < ?", below)
            self.connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", rows)
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self._lose(str(error))
            return
        if gone:
            starts = tuple(f"{path}/" for path in gone)
            for key in [k for k in self._hashes if k[0] in gone or k[0].startswith(starts)]:
                self._count(key, None)
        for p, n, value in rows:
            self._count((p, n), value)

    def _lose(self, why: str) -> None:
        """Take note that states cannot be saved any more."""
        self.lost = why
        if self.on_lost is not None:
            self.on_lost()

    def replace(self, states: dict[tuple[str, str], Any]) -> None:
        """Write states in the place of all that are saved."""
        self.save(states, sorted({path for path, _ in self.kept}))

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def anew(path: Path) -> Path:
    """Give a file of states that cannot be used another name, and return it."""
    aside = path.with_name(f"{path.name}.damaged")
    for end in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            os.replace(f"{path}{end}", f"{aside}{end}")
    return aside
