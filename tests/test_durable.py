"""Durable runs: killed at the writes of their journal, they go on, and nothing that is in the journal is done again.

`COGC_FAULTS` greater than 2 kills at every write; otherwise at some of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from support.anthropic import serve
from support.crashes import World, campaign
from support.durable import agents, ledger, plan, queues, team, tree

WHOLE = int(os.environ.get("COGC_FAULTS", "2")) > 2
SEED = int(os.environ.get("COGC_SEED") or random.randrange(1 << 30))


def some(count: int) -> Callable[[int], list[int]]:
    """Which writes of N a system is killed at: all of them, or so many by chance, the first and the last among them."""

    def chosen(writes: int) -> list[int]:
        every = range(1, writes + 1)
        if WHOLE or writes <= count:
            return list(every)
        return sorted({1, 2, writes, *random.Random(SEED).sample(every, count)})

    return chosen


SYSTEMS: dict[str, tuple[Callable[[Path], World], int]] = {
    "a plan": (plan, 6),
    "a team": (team, 11),
    "queues in memory": (queues("memory"), 6),
    "queues in SQLite": (queues("sqlite"), 6),
    "queues of a simulation": (queues("memory", sim=True), 6),
    "a tree with timers": (tree, 27),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_killed_at_a_write_a_system_goes_on_and_repeats_nothing(tmp_path: Path, name: str) -> None:
    make, count = SYSTEMS[name]
    print(f"COGC_SEED={SEED}")
    assert campaign(tmp_path / "world", make, ledger, some(count)) > 0


def test_agents_go_on_in_the_middle_of_their_conversation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGC_TEST_KEY", "k")
    print(f"COGC_SEED={SEED}")
    with serve() as server:
        make, counted = agents(server)
        assert campaign(tmp_path / "world", make, counted, some(5)) > 0
