"""The states of the boxes of a graph at a record of a trace.

A box stands for the coglets of its path; one with replicas for all members of the pool, of which it shows the most urgent state. The steps of
a plan have the states that the plan gives them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cogc.graph.look import COLOURS, BoxState
from cogc.graph.model import Box, Graph
from cogc.language.texts import without_members
from cogc.traces import moment
from cogc.traces.index import Index

_STEPS = {"pending": "absent", "in_progress": "running", "completed": "done", "skipped": "stopped", "failed": "failed"}
"""The state that a status of a step stands for."""
_URGENCY = list(COLOURS)


def states(index: Index, row: int, graph: Graph) -> dict[str, BoxState]:
    """Return the states of boxes by their ids, those of boxes that the trace knows at all; empty if it knows none."""
    pools: dict[str, list[moment.Coglet]] = {}
    for coglet in moment.coglets(index, row)[0]:
        pools.setdefault(without_members(coglet.path), []).append(coglet)
    known = {without_members(name) for name in index.place_numbers.names if name}
    found: dict[str, BoxState] = {}
    boxes: dict[str, str] = {}
    pending = list(graph.boxes)
    while pending:
        box = pending.pop()
        pending += box.inner
        path = _path(box)
        boxes[path] = box.id
        if path in pools:
            found[box.id] = _of_pool(pools[path])
        elif path in known:
            found[box.id] = BoxState("absent", "not there yet")
    for plan in moment.plans(index, row):
        found |= {boxes[path]: state for path, state in _of_plan(plan) if path in boxes}
    return found


def _path(box: Box) -> str:
    """Return the path of the coglet of a box; a declaration that is the root of a run has its kind before its name."""
    return box.id.partition(":")[2] or box.id


def _of_pool(members: list[moment.Coglet]) -> BoxState:
    """Return the state of one coglet, or of the members of a pool."""
    counts = Counter("restarted" if m.status == "idle" and m.restarts else m.status for m in members)
    status = min(counts, key=lambda s: _URGENCY.index(s) if s in _URGENCY else len(_URGENCY))
    if len(members) == 1:
        words = [status if status != "restarted" else "idle"]
    else:
        words = [f"{counts[s]} {s}" for s in sorted(counts, key=lambda s: _URGENCY.index(s) if s in _URGENCY else 99)]
    waiting, restarts = sum(m.waiting for m in members), sum(m.restarts for m in members)
    words += [f"{waiting} wait"] if waiting else []
    words += [f"{restarts} restart{'' if restarts == 1 else 's'}"] if restarts else []
    return BoxState(status if status in COLOURS else "idle", ", ".join(words))


def _of_plan(plan: moment.Plan) -> Iterator[tuple[str, BoxState]]:
    """Yield the paths of the steps of a plan, with their states."""
    steps = plan.value.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            status = str(step.get("status", ""))
            yield f"{without_members(plan.path)}/{step.get('id')}", BoxState(_STEPS.get(status, "idle"), status)
