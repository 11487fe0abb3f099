"""The commit of a durable run: what was written to its journal is synced by one writer, and effects wait for that.

The model. The loop writes events into the journal as always, which the system keeps in memory, and puts the effects that
follow from them into a batch with the number of that write. The writer, a task of the run, syncs the file in a thread
while the loop goes on. All that was written meanwhile is synced by its next turn: this is the group commit. A batch is
due when its write is on disk.

A call that is begun ahead of the disk (`carrying.is_free`) waits for no sync, and often ends at once with a result that leads to effects which do.
So a batch of nothing but such calls is synced within `LAZY`. Effects that wait for the disk while such calls are under way wait for what these
bring, for as long as a sync takes and no longer: then one sync is enough for both.

Where nothing else can happen meanwhile, and the disk was quick the last time, the loop syncs by itself (`at_once`): two threads that hand
over to each other take longer than many a disk.

What fails. If the file cannot be written or synced, nothing that waits may ever leave: `failed` says why, and the run
ends at once. What was synced before is whole, so that the run can be resumed from there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import trio

from cogc.kernel.effects import Effect
from cogc.run.journal import Journal

QUICK = 0.02
"""Seconds: a disk that took longer the last time does not hold up the loop."""

LAZY = 0.1
"""Seconds within which what nobody waits for is synced."""


class Batch(NamedTuple):
    """Effects, and acknowledgements of what came from outside, that wait for a write of the journal."""

    write: int
    effects: list[Effect]
    told: list[Callable[[], None]]


class Commit:
    """The writes of one run that wait for the disk. `sync` puts all that was written on disk; `wake` makes the loop look."""

    def __init__(self, journal: Journal, sync: Callable[[], None], wake: Callable[[], None]) -> None:
        self.journal = journal
        self.sync = sync
        self.wake = wake
        self.waiting: deque[Batch] = deque()
        self.size = 0
        self.failed: OSError | None = None
        self._synced = self._wanted = self._pressing = 0
        """The number of the last write that is on disk, of the last one for which something waits, and of the last one for which it waits
        that cannot be late."""
        self._took = float("inf")
        self._is_busy = self._more = False
        self._change, self._done = trio.Event(), trio.Event()

    def add(self, effects: list[Effect], told: list[Callable[[], None]], ahead: int = 0, more: bool = False) -> None:
        """Let effects and acknowledgements wait until all that was written by now is on disk.

        So many of the effects are calls that were begun `ahead`. `more` says that such calls are under way.
        """
        if effects or told:
            self.waiting.append(Batch(self.journal.writes, effects, told))
            self.size += len(effects)
            self._wanted = self.journal.writes
            if told or len(effects) > ahead:
                self._pressing = self._wanted
        self._more = more and not told
        if self._wanted > self._synced:
            self._change.set()

    def due(self) -> list[Batch]:
        """Take out the batches whose writes are on disk."""
        found: list[Batch] = []
        while self.waiting and self.waiting[0].write <= self._synced:
            found.append(self.waiting.popleft())
            self.size -= len(found[-1].effects)
        return found

    def fail(self, error: OSError) -> None:
        """Take note that the journal cannot be written: nothing that waits leaves any more."""
        self.failed = self.failed or error
        self._tell()

    def at_once(self, left: float) -> bool:
        """Sync here and now, if the writer is not at it and there are as many seconds `left` as that took the last time. Otherwise have the
        writer do it soon. Return whether it was done."""
        if self._is_busy or self._took > min(left, QUICK) or self.failed is not None:
            self._pressing = self._wanted
            self._change.set()
            return False
        number = self.journal.writes
        try:
            self._sync()
        except OSError as error:
            self.fail(error)
        else:
            self._synced = number
            self._change.set()
        return True

    async def settle(self) -> None:
        """Wait until all that waits is due, or has failed."""
        if self.waiting[-1].write > self._synced and self.at_once(QUICK):
            return
        while self.waiting and self.waiting[-1].write > self._synced and self.failed is None:
            await self._done.wait()

    async def run(self) -> None:
        """Sync whenever something waits, until cancelled."""
        while self.failed is None:
            await self._until(lambda: self._wanted > self._synced)
            await self._until(lambda: self._pressing > self._synced or self._wanted <= self._synced, LAZY)
            if self._more and self._took <= QUICK:
                await self._until(lambda: not self._more, self._took)
            if self.failed is not None or self._wanted <= self._synced:  # by `at_once`
                continue
            number = self.journal.writes
            self._is_busy = True
            try:
                await trio.to_thread.run_sync(self._sync)
            except OSError as error:
                self.fail(error)
                return
            finally:
                self._is_busy = False
            self._synced = number
            self._tell()

    async def _until(self, holds: Callable[[], bool], seconds: float = float("inf")) -> None:
        """Wait until something holds, for at most so many seconds."""
        with trio.move_on_after(seconds):
            while not holds():
                self._change = trio.Event()
                await self._change.wait()

    def _sync(self) -> None:
        began = time.monotonic()
        self.sync()
        self._took = time.monotonic() - began

    def finish(self) -> None:
        """Sync what was written last, at the end of a run."""
        if self.failed is None:
            try:
                self.sync()
                self._synced = self.journal.writes
            except OSError as error:
                self.fail(error)

    def _tell(self) -> None:
        self._done.set()
        self._done = trio.Event()
        self.wake()
