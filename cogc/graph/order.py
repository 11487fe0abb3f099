"""The order of boxes beside each other, by what flows among them."""

from __future__ import annotations

from collections.abc import Sequence


def acyclic(ids: Sequence[str], flows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the flows without those that close a cycle."""
    kept: list[tuple[str, str]] = []
    reach: dict[str, set[str]] = {i: {i} for i in ids}
    for a, b in dict.fromkeys(flows):
        if a in reach[b]:
            continue
        kept.append((a, b))
        for i in ids:
            if a in reach[i]:
                reach[i] |= reach[b]
    return kept


def in_order(ids: Sequence[str], flows: Sequence[tuple[str, str]]) -> list[str]:
    """Return boxes so that flows lead forward where they can, and to the next box where they can; else as they were."""
    if not flows:
        return list(ids)
    forward = acyclic(ids, flows)
    missing = dict.fromkeys(ids, 0)
    after: dict[str, list[str]] = {id: [] for id in ids}
    for a, b in forward:
        missing[b] += 1
        after[a].append(b)
    found: list[str] = []
    left = dict.fromkeys(ids)
    while left:
        ready = (id for id in (after[found[-1]] if found else ()) if id in left and not missing[id])
        id = next(ready, None) or next(id for id in left if not missing[id])
        del left[id]
        found.append(id)
        for other in after[id]:
            missing[other] -= 1
    return found
