"""The `persist` states of an instance, which outlive its runs, in `.cogc/instances/NAME/state.db`."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from cogc.disk.state_folder import make_folder
from cogc.run.journal import _decode, _encoder


class StateStore:
    """The states of one instance. Values are written in one transaction for each turn of the run."""

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=FULL")
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS state (path TEXT, name TEXT, value BLOB, PRIMARY KEY (path, name))"
        )

    def load(self) -> dict[tuple[str, str], Any]:
        """All states by the coglet's path and the state's name."""
        rows = self.connection.execute("SELECT path, name, value FROM state").fetchall()
        return {(p, n): _decode(msgspec.json.decode(v)) for p, n, v in rows}

    def save(self, states: dict[tuple[str, str], Any]) -> None:
        rows = [(p, n, _encoder.encode(v)) for (p, n), v in states.items()]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", rows)
        self.connection.execute("COMMIT")

    def close(self) -> None:
        self.connection.close()
