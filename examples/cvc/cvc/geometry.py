"""Cells and ways: everything in rows and columns, rows grow to the south, columns to the east."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container

Cell = tuple[int, int]
STEPS: dict[str, Cell] = {"north": (-1, 0), "south": (1, 0), "west": (0, -1), "east": (0, 1)}
FARTHEST = 4_000
"""The cells that a search looks at before it gives up."""


def added(a: Cell, b: Cell) -> Cell:
    return a[0] + b[0], a[1] + b[1]


def distance(a: Cell, b: Cell) -> int:
    """Return the steps between two cells where nothing stands in the way."""
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def direction(a: Cell, b: Cell) -> str:
    """Return the direction of a cell from the one beside it."""
    return next(name for name, step in STEPS.items() if added(a, step) == b)


def route(start: Cell, is_goal: Callable[[Cell], bool], blocked: Container[Cell], turn: int = 0) -> list[Cell] | None:
    """Return the cells of a shortest way to the nearest goal, without the start; None if there is none.

    A goal may itself be blocked: who walks into it uses it. `turn` says which direction is tried first, so that agents
    beside each other do not all take the same of several ways.
    """
    steps = list(STEPS.values())
    steps = steps[turn % 4 :] + steps[: turn % 4]
    before: dict[Cell, Cell] = {start: start}
    waiting = deque([start])
    while waiting and len(before) < FARTHEST:
        at = waiting.popleft()
        for step in steps:
            beside = at[0] + step[0], at[1] + step[1]
            if beside in before:
                continue
            if is_goal(beside):
                way = [beside]
                while at != start:
                    way.append(at)
                    at = before[at]
                return way[::-1]
            if beside not in blocked:
                before[beside] = at
                waiting.append(beside)
    return None
