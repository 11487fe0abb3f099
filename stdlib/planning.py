"""The Python programs of a plan: they find the faults in the steps of a planner, and complete steps without a fault."""

from __future__ import annotations

import re
from typing import Any

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def faults(steps: list[dict[str, Any]], agents: list[str], finished: list[str], most: int) -> list[str]:
    """Return a sentence for each fault. A plan without faults may be approved."""
    found = []
    ids = [s["id"] for s in steps]
    if not steps:
        found.append("it has no steps")
    if len(steps) > most:
        found.append(f"it has {len(steps)} steps, {most} are allowed")
    for id in ids:
        if not _ID.fullmatch(id):
            found.append(f"{id!r} is no id: a letter, then letters, digits, - and _")
    found += [f"the id {id} is there twice" for id in sorted({i for i in ids if ids.count(i) > 1 or i in finished})]
    for step in steps:
        if step["by"] not in agents:
            found.append(f"step {step['id']} is given to {step['by']}, who is not there")
        found += [
            f"step {step['id']} comes after {a}, which is no step" for a in step["after"] if a not in [*ids, *finished]
        ]
    cycle = _cycle({s["id"]: s["after"] for s in steps})
    if cycle:
        found.append(f"these steps wait for each other: {' after '.join(cycle)}")
    return found


def _cycle(after: dict[str, list[str]]) -> list[str]:
    """Return a cycle of steps, each after the next one and the first one again at the end, or nothing."""
    over: set[str] = set()

    def walk(id: str, path: list[str]) -> list[str]:
        if id in path:
            return [*path[path.index(id) :], id]
        if id in over or id not in after:
            return []
        for earlier in after[id]:
            if found := walk(earlier, [*path, id]):
                return found
        over.add(id)
        return []

    return next((found for id in after if (found := walk(id, []))), [])


def drawn(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps of a planner as steps of the record of a plan."""
    more = {
        "dod": "", "retry": 0, "written": False, "last": False, "status": "pending", "result": None, "error": "",
        "kind": "", "attempts": 0, "findings": [], "blocked": False, "index": -1,
    }  # fmt: skip
    return [{**s, **more} for s in steps]
