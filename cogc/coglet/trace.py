"""The trace of the first system: a JSON object a line. `cogc trace show` reads it too."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cogc.coglet.bus import now


class CogletTrace:
    """Writes what coglets transmit and enact to a file, as lines `{"t", "coglet", "op", "target", "data"}`.

    `t` is the time since the trace was made, in seconds.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._file = open(self._path, "w", encoding="utf-8")  # noqa: SIM115 - `close` closes it
        self._start = now()

    def record(self, coglet_type: str, op: str, target: str, data: Any) -> None:
        """Write one line. What is no JSON is written as its text."""
        entry = {"t": round(now() - self._start, 4), "coglet": coglet_type, "op": op, "target": target}
        try:
            line = json.dumps({**entry, "data": data}, default=str)
        except (TypeError, ValueError, RecursionError):
            line = json.dumps({**entry, "data": repr(data)})
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @staticmethod
    def load(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
        """Return the entries of a trace."""
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]
