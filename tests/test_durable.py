"""Durable runs: killed at the writes of their journal, they go on, and nothing that is in the journal is done again.

`COGC_FAULTS` greater than 2 kills at every write; otherwise at some of them.
"""

from __future__ import annotations

import io
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.values import Duration
from cogc.run.journal import Journal, load
from support.anthropic import serve
from support.crashes import World, campaign
from support.durable import agents, ledger, plan, questions, queues, service, steered, team, tree
from support.paths import ROOT
from support.specs import build
from support.waiting import wait_for

pytestmark = pytest.mark.campaign

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


RESTING: dict[str, tuple[Callable[[Path], World], int]] = {
    "a service": (service, 2),
    "questions": (questions, 1),
    "an agent that is steered": (steered, 2),
    "a tree with timers": (tree, 4),
    "a plan": (plan, 2),
    "a team": (team, 2),
    **(SYSTEMS if WHOLE else {}),
}
FEWER = {"a team": 5, "queues of a simulation": 5}
"""Systems with fewer snapshots than the others: no snapshot is larger than twice what the journal has grown by."""


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", RESTING)
def test_killed_with_snapshots_a_system_goes_on_and_repeats_nothing(tmp_path: Path, name: str, whole: bool) -> None:
    """A snapshot is written whenever nothing stands in its way: the journal begins anew with it, or goes on behind it."""
    make, count = RESTING[name]
    made: list[World] = []

    def with_snapshots(folder: Path) -> World:
        made.append(make(folder))
        made[-1].every, made[-1].whole = 1, whole
        return made[-1]

    print(f"COGC_SEED={SEED}")
    assert campaign(tmp_path / "world", with_snapshots, ledger, some(count)) > 0
    assert made[0].snapshots > FEWER.get(name, 10)


@pytest.mark.parametrize("name", ["a tree with timers", "queues in SQLite"])
def test_after_a_loss_of_power_a_system_goes_on_at_what_was_on_disk(tmp_path: Path, name: str) -> None:
    def losing(folder: Path) -> World:
        made = SYSTEMS[name][0](folder)
        made.power = True
        return made

    print(f"COGC_SEED={SEED}")
    assert campaign(tmp_path / "world", losing, ledger, some(2)) > 0


def test_a_question_that_was_open_gets_the_answer_that_it_had(tmp_path: Path) -> None:
    text = """program ask(question: string) -> string = human
      coglet Main { transmit said: [string]
        on start { said <- [ask("one?"), ask("two?"), ask("three?")] } }"""
    for every in (0, 1):
        for at in range(1, 12):
            world = World(build(text), tmp_path, [], {}, {"ask": ["a", "b", "c"]}, every=every)
            world.start(at=at)
            if not (world.journal and load(world.journal).over):
                world.start()
            assert [v for _, v in world.outputs.values()] == [["a", "b", "c"]], f"killed after write {at}"


@pytest.mark.parametrize("effects", ["some", "none"])
def test_a_call_waits_for_the_disk_unless_it_has_no_effects(tmp_path: Path, effects: str) -> None:
    """The first sync of calls without effects ends when all three were made. Others are not made before it."""
    text = """program note(x: int) -> int = shell ["sh", "-c", "echo {{ x }} >> ledger; echo {{ x }}"] { output: json, effects: EFFECTS }
      coglet Main { transmit sum: int
        on start { sum <- note(1) + note(2) + note(3) } }"""
    seen: list[tuple[Counter[str], int]] = []
    world = World(build(text.replace("EFFECTS", effects)), tmp_path, [])

    def sync() -> None:
        if effects == "none" and not seen:
            wait_for(lambda: ledger(world).total() == 3)
        seen.append((ledger(world), len(world.outputs)))

    world.synced = sync
    world.start()
    assert seen[0] == (Counter("123" if effects == "none" else ""), 0)
    assert [v for _, v in world.outputs.values()] == [6] and load(world.journal).over


def test_agents_go_on_in_the_middle_of_their_conversation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COGC_TEST_KEY", "k")
    print(f"COGC_SEED={SEED}")
    with serve() as server:
        make, counted = agents(server)
        assert campaign(tmp_path / "world", make, counted, some(5)) > 0
        made: list[World] = []

        def with_snapshots(folder: Path) -> World:
            made.append(make(folder))
            made[-1].every = 1
            return made[-1]

        assert campaign(tmp_path / "world", with_snapshots, counted, some(3)) > 0 and made[0].snapshots > 10


def test_a_run_that_is_resumed_again_and_again_comes_to_its_end(tmp_path: Path) -> None:
    """Each start is killed after it has written a few times, so that a resume is itself resumed."""
    whole = tree(tmp_path)
    whole.start()
    world, starts = tree(tmp_path), 0
    while not (world.journal and load(world.journal).over):
        world.start(at=3)
        starts += 1
    assert world.outputs == whole.outputs and starts > 5


@pytest.mark.parametrize("ahead", [-86400, 86400])
def test_a_clock_that_jumps_while_nobody_runs_makes_up_one_tick(tmp_path: Path, ahead: int) -> None:
    """Set back, the run goes on where it was; a day later, one tick is made up and the grid stays."""
    text = "coglet Main { transmit n: int\n state k: int = 0\n every 100ms { k = k + 1\n n <- k\n if k == 5 { stop self } } }"
    world = World(build(text), tmp_path, [])
    world.start(at=6)
    before = len(world.outputs)
    assert 0 < before < 5
    world.epoch -= ahead * 10**9
    lines = world.journal.splitlines(keepends=True)
    made = world.start()
    assert world.journal.startswith(b"".join(lines[:-1])) and [v for _, v in world.outputs.values()] == [1, 2, 3, 4, 5]
    resumed = next(e for e in load(world.journal).events if e[2] == "resumed")
    assert (made.kernel.skipped > 800_000) == (ahead > 0) and (resumed[3] == resumed[1]) == (ahead < 0)
    ticks = [e[1] for e in load(world.journal).events if e[2] == "time" and e[1] > resumed[3] and e[1] % 10**8 == 0]
    assert ticks


def test_a_journal_that_cannot_be_written_lets_nothing_leave_any_more(tmp_path: Path) -> None:
    world = queues("memory")(tmp_path)
    made = world.start(full=4)
    assert made.commit is not None and made.commit.failed is not None and not load(world.journal).over
    done = set(ledger(world))
    assert {f"r-{call}" for call in world.calls()} >= done  # what has left is in the journal
    world.start()
    assert load(world.journal).over and sorted(v for _, v in world.outputs.values()) == [0, 10, 20, 30]


def test_a_disk_that_is_full_keeps_the_journal_that_a_snapshot_would_replace(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = service(tmp_path / "whole")
    whole.start()
    world = service(tmp_path)
    world.every = 1
    made = world.start(full=7)
    assert made.commit is not None and made.commit.failed is not None and not load(world.journal).over
    world.start()
    assert load(world.journal).over and world.final() == whole.final()


def test_missed_timers_fire_in_order_and_an_every_once() -> None:
    text = """coglet Main { transmit o: string
      state k: int = 0
      every 10ms { k = k + 1
        o <- "tick" }
      after 25ms { o <- "after" } }"""
    kernel = Kernel(Unit(build(text)))
    kernel.start({})
    kernel.run()
    kernel.resumed(95_000_000)
    kernel.run()
    assert [e.value for e in kernel.effects] == ["tick", "after"] and kernel.skipped == 8  # type: ignore[union-attr]
    assert kernel.timers.next() == 100_000_000


def test_a_journal_that_is_torn_anywhere_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    """At every offset: what is left is a prefix, and a line that was changed is refused with its number, or is the torn last one."""
    world = tree(tmp_path)
    world.start()
    whole = load(world.journal)
    first = world.journal.index(b"\n") + 1
    for size in range(first, len(world.journal)):
        found = load(world.journal[:size])
        lines = world.journal[:size].count(b"\n")
        assert len(found.events) == lines - 1 and found.events == whole.events[: lines - 1]
        assert found.torn == (found.size < size) and not found.over
    for place in range(0, len(world.journal) - 1, 7):
        changed = bytearray(world.journal)
        changed[place] ^= 1
        line = world.journal[:place].count(b"\n") + 1
        try:
            found = load(bytes(changed))
        except ValueError as error:
            assert (
                line == 1
                or f"line {line} is broken" in str(error)
                or changed[place] == 10
                or world.journal[place] == 10
            )
        else:
            assert line == len(whole.events) + 1 and found.torn and found.events == whole.events[:-1]


def test_a_journal_is_read_in_blocks_and_says_the_line_that_was_changed_in_the_middle_of_one() -> None:
    file = io.BytesIO()
    journal, kernel = (
        Journal(file, {"run": "r", "seed": 0, "epoch": 0}),
        Kernel(Unit(build("coglet Main { listen x: any }"))),
    )
    for number in range(5000):
        journal.event(kernel, "input", "x", Duration(number) if number % 100 == 0 else [number, "text"])
    journal.flush()
    data = file.getvalue()
    found = load(data)
    assert [e[4] for e in found.events[:3]] == [Duration(0), [1, "text"], [2, "text"]] and len(found.events) == 5000
    again = Journal.after(file, found)
    again.event(kernel, "stop")
    again.flush()
    assert load(file.getvalue()).events[-1][2] == "stop"
    lines = data.splitlines(keepends=True)
    for line in (2, 2500, 4999):
        changed = [*lines]
        changed[line] = changed[line].replace(b"text", b"test").replace(b"$dur", b"$tim")
        for wrong in (
            changed,
            lines[:line] + lines[line + 1 :],
            [*lines[:line], lines[line + 1], lines[line], *lines[line + 2 :]],
        ):
            with pytest.raises(ValueError, match=f"line {line + 1} is broken"):
                load(b"".join(wrong))
    odd = [*lines]
    odd[2500] = b'[0,0,"inptu","x",5,"00000000"]\n'
    with pytest.raises(ValueError, match="line 2501 is broken"):
        load(b"".join(odd))


def test_the_journal_of_a_version_before_goes_on_as_it_was_begun() -> None:
    begun = (ROOT / "tests" / "golden" / "journals" / "version-6.jsonl").read_bytes()
    lines = begun.splitlines(keepends=True)
    found = load(b"".join(lines[:-1]))
    file, kernel = io.BytesIO(), Kernel(Unit(build("coglet Main { listen x: any }")))
    file.write(b"".join(lines[:-1]))
    journal = Journal.after(file, found)
    kernel.steps, kernel.now = 4, found.events[-1][1]
    journal.event(kernel, "end", "done")
    journal.flush()
    assert file.getvalue() == begun
