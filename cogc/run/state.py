"""The `persist` states of an instance, which outlive its runs, in `instances/NAME/state.db` of the state folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cogc.disk.state_folder import touch_database
from cogc.language.codec import decode, encode


class StateError(Exception):
    """The states of an instance cannot be used: their file is damaged."""


class StateStore:
    """The states of one instance. `kept` holds those of earlier runs, by path of the coglet and name of the state.

    The values that changed in one turn of the run are written in one transaction. Where that cannot be done, `lost` says
    why, `on_lost` is called once, and what comes afterwards is dropped: the file keeps the states of the last whole turn.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = ""
        self.on_lost: Callable[[], None] | None = None
        self.connection = sqlite3.connect(touch_database(str(path)), isolation_level=None)
        try:
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=FULL")
            self.connection.execute(
                "CREATE TABLE IF NOT EXISTS state (path TEXT, name TEXT, value BLOB, PRIMARY KEY (path, name))"
            )
            self.kept = self._load()
        except (sqlite3.DatabaseError, msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
            self.close()
            raise StateError(f"the states in `{path}` cannot be read: {error}") from None

    def _load(self) -> dict[tuple[str, str], Any]:
        """Return the saved states."""
        rows = self.connection.execute("SELECT path, name, value FROM state").fetchall()
        return {(p, n): decode(v) for p, n, v in rows}

    def save(self, states: dict[tuple[str, str], Any], gone: Sequence[str] = ()) -> None:
        """Drop the states of coglets that are gone, and of all below them; then write states."""
        if self.lost:
            return
        rows = [(p, n, encode(v)) for (p, n), v in states.items()]
        below = [(path, f"{path}/", f"{path}0") for path in gone]  # 0 is the character behind the slash
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany("DELETE FROM state WHERE path = ? OR path > ? AND path < ?", below)
            self.connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", rows)
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.lost = str(error)
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if self.on_lost is not None:
                self.on_lost()

    def replace(self, states: dict[tuple[str, str], Any]) -> None:
        """Write states in the place of all that are saved."""
        self.save(states, sorted({path for path, _ in self.kept}))

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
