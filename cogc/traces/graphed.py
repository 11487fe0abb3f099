"""The states of the boxes of a graph at a record of a trace.

A box stands for the coglets of its path; one with replicas for all members of the pool, of which it shows the most urgent state. The steps of
a plan have the states that the plan gives them.

The trace of a sett has no coglets. There a box of a role says what it works on, that of a type of artefacts how far the claims on them are, and that of the
sett what is open on its board.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

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
    if is_of_sett(index):
        return _of_sett(index, row, graph)
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


def is_of_sett(index: Index) -> bool:
    """Return whether a trace is that of a sett: it has artefacts or claims, and nothing that was created."""
    return next(index.of_kind("create"), None) is None and any(
        next(index.of_kind(kind), None) is not None for kind in ("artefact", "claim")
    )


def _of_sett(index: Index, row: int, graph: Graph) -> dict[str, BoxState]:
    """Return the states of the boxes of the sett whose roles the trace has; of another sett nothing."""
    board = moment.board(index, row)
    rows = list(index.of_kind("artefact"))
    artefacts = {str(a.get("id")): a for a in (index.record(r).get("data") for r in rows) if isinstance(a, dict)}
    by_type: dict[str, list[str]] = {}
    for artefact in artefacts.values():
        by_type.setdefault(str(artefact.get("type")), [])
    claims = {claim.artefact: claim for claim in board.claims}
    for at in board.artefacts:
        data = index.record(at).get("data")
        if isinstance(data, dict):
            claim = claims.get(str(data.get("id")))
            by_type[str(data.get("type"))].append("no claim" if claim is None else claim.status)
    known, works = {name for name in index.place_numbers.names if name}, moment.works(index, row)
    found: dict[str, BoxState] = {}
    for box in graph.boxes:
        roles = [inner for inner in box.inner if inner.kind == "agent" and inner.name in known]
        if box.kind != "sett" or not (roles or any(inner.name in by_type for inner in box.inner)):
            continue
        open_claims = [claim for claim in board.claims if claim.status not in moment.CLOSED]
        found[box.id] = _of_board(board, open_claims)
        for inner in box.inner:
            if inner.kind == "agent":
                found[inner.id] = _of_role([w for w in works if w.role == inner.name], artefacts)
            elif inner.name in by_type:
                found[inner.id] = _of_type(by_type[inner.name])
            else:
                found[inner.id] = BoxState("absent", "not there yet")
    return found


def _of_board(board: moment.Board, open_claims: list[moment.Claim]) -> BoxState:
    """Return the state of a sett."""
    if open_claims:
        return BoxState("running", f"{len(open_claims)} open claim{'' if len(open_claims) == 1 else 's'}")
    if not board.claims:
        return BoxState("idle", "no claim yet")
    return BoxState("failed", "terminated") if board.claims[-1].status == "terminated" else BoxState("idle", "all done")


def _of_role(works: list[moment.GrantedWork], artefacts: dict[str, dict[str, Any]]) -> BoxState:
    """Return the state of a role: what it works on, or how its last work has ended."""
    busy = [str(artefacts.get(w.artefact, {}).get("type", "something")) for w in works if not w.made]
    if busy:
        return BoxState("busy", f"works on {', '.join(dict.fromkeys(busy))}")
    made = [artefacts[w.made] for w in works if w.made in artefacts]
    if made and made[-1].get("structural_type") == "Failure":
        return BoxState("failed", str(made[-1].get("type")))
    done = sum(a.get("structural_type") != "Failure" for a in made)
    return BoxState("idle", f"idle, {done} done" if done else "idle")


def _of_type(claims: list[str]) -> BoxState:
    """Return the state of the artefacts of a type, of which each has the status of its claim: the most urgent one."""
    if not claims:
        return BoxState("absent", "not there yet")
    counts = Counter(claims)
    as_state = {"terminated": "failed", "complete": "done", "no claim": "done"}
    urgent = min((as_state.get(c, "running") for c in counts), key=_URGENCY.index)
    words = [f"{counts[c]} {c}" if len(claims) > 1 else c for c in counts]
    return BoxState(urgent, ", ".join(words))


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
