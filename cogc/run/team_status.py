"""The status of a team as a line for people. It loads no kernel, so that `cogc team` starts fast."""

from __future__ import annotations

from typing import Any


def team_line(status: dict[str, Any]) -> str:
    """Return the status of a team as one line: its state, and what each worker does."""
    workers = []
    for w in status["workers"]:
        what = f" ({' '.join(w['task'].split())[:40]})" if w["state"] == "running" else ""
        paused = ", paused" if w["paused"] else ""
        workers.append(f"{w['name']} {w['state']}{what}{paused}")
    return f"{status['state']}: {'; '.join(workers)}; {status['messages']} messages"
