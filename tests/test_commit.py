"""The writer of a durable run: what shares a sync, which thread syncs, and who waits for it."""

from __future__ import annotations

import io
import threading
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing

from cogc.kernel.unit import Unit
from cogc.run import commit
from cogc.run.build import build_session
from cogc.run.commit import LAZY, QUICK, Commit
from cogc.run.journal import VERSION, Journal
from cogc.run.session import RunOptions, Sinks
from cogc.run.settings import Settings
from support.specs import build

EFFECT: Any = object()
"""An effect: the writer looks at none."""


class Disk:
    """A disk whose syncs take `seconds` by a clock of its own. `synced` has the writes of each sync, `threads` who did it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.001) -> None:
        self.seconds, self.now = seconds, 0.0
        self.synced: list[int] = []
        self.threads: list[int] = []
        self.journal: Any = SimpleNamespace(writes=0)
        self.commit = Commit(self.journal, self._sync, lambda: None)
        monkeypatch.setattr(commit, "time", SimpleNamespace(monotonic=lambda: self.now))

    def _sync(self) -> None:
        self.now += self.seconds
        self.synced.append(self.journal.writes)
        self.threads.append(threading.get_ident())

    def write(self, effects: int = 1, ahead: int = 0, more: bool = False) -> None:
        """Write to the journal, and let effects wait for that."""
        self.journal.writes += 1
        self.commit.add([EFFECT] * effects, [], ahead, more)

    def run(self, scenario: Callable[[], Awaitable[None]]) -> None:
        """Do something beside the writer, on a clock that jumps. The first write tells the writer how long the disk takes."""

        async def beside() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.commit.run)
                self.write()
                await self.commit.settle()
                self.synced.clear()
                self.threads.clear()
                await scenario()
                nursery.cancel_scope.cancel()

        trio.run(beside, clock=trio.testing.MockClock(autojump_threshold=0))


def test_the_loop_syncs_by_itself_where_the_disk_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)

    async def scenario() -> None:
        disk.write()
        assert disk.commit.at_once(1.0) and [b.write for b in disk.commit.due()] == [1, 2]
        await trio.sleep(1)  # the writer, which the write has woken, finds nothing to do
        assert disk.synced == [2] and disk.threads == [threading.get_ident()]

    disk.run(scenario)


@pytest.mark.parametrize(("seconds", "left"), [(QUICK * 2, 1.0), (QUICK / 2, QUICK / 4)])
def test_a_slow_disk_and_a_timer_that_is_due_before_leave_it_to_the_writer(
    monkeypatch: pytest.MonkeyPatch, seconds: float, left: float
) -> None:
    disk = Disk(monkeypatch, seconds)

    async def scenario() -> None:
        disk.write()
        assert not disk.commit.at_once(left) and not disk.synced
        await disk.commit._done.wait()
        assert disk.synced == [2] and disk.threads != [threading.get_ident()]

    disk.run(scenario)


def test_calls_that_were_begun_ahead_share_the_sync_of_what_they_lead_to(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, QUICK)

    async def scenario() -> None:
        disk.write(ahead=1, more=True)  # a plan is saved
        await trio.sleep(QUICK / 2)
        disk.write(effects=2, ahead=1, more=True)  # a step has ended, and the plan is saved once more
        await trio.sleep(QUICK / 2)
        assert not disk.synced
        disk.write()  # the next step
        await disk.commit._done.wait()
        assert disk.synced == [4]

    disk.run(scenario)


def test_effects_wait_no_longer_for_a_call_ahead_than_a_sync_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, QUICK)

    async def scenario() -> None:
        began = trio.current_time()
        disk.write(effects=2, ahead=1, more=True)
        await disk.commit._done.wait()
        assert trio.current_time() - began == pytest.approx(QUICK)

    disk.run(scenario)


def test_calls_ahead_are_synced_although_nothing_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, QUICK)

    async def scenario() -> None:
        began = trio.current_time()
        disk.write(ahead=1)
        await disk.commit._done.wait()
        assert trio.current_time() - began == pytest.approx(LAZY)

    disk.run(scenario)


def test_who_is_not_told_that_a_message_is_on_disk_does_not_wait_for_the_disk() -> None:
    unit = Unit(build("coglet Main { listen go: int\n state n: int = 0\n on go as x { n = n + x } }"))
    head: dict[str, object] = {"run": "r", "seed": 0, "order": 0, "epoch": 1, "program": "", "version": VERSION}
    disk = threading.Event()
    sinks = Sinks(journal=Journal(io.BytesIO(), head), sync=lambda: bool(disk.wait()))
    session = build_session(unit, RunOptions(run="r", signals=False, stay=True), Settings(), sinks)
    told = []

    async def sender() -> None:
        await session.entries.send("go", 1)
        told.append(disk.is_set())
        session.stop()

    async def scenario() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.run)
            nursery.start_soon(sender)
            for _ in range(100):
                await session.entries.send("go", 1, certain=False)
            disk.set()

    trio.run(scenario)
    assert told == [True] and session.entries.seq == 101
