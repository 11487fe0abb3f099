"""The commit of a durable run: what was written to its journal is synced by one writer, and effects wait for that.

The model. The loop writes events into the journal as always, which the system keeps in memory, and puts the effects that
follow from them into a batch with the number of that write. The writer, a task of the run, syncs the file in a thread
while the loop goes on. All that was written meanwhile is synced by its next turn: this is the group commit. A batch is
due when its write is on disk.

What fails. If the file cannot be written or synced, nothing that waits may ever leave: `failed` says why, and the run
ends at once. What was synced before is whole, so that the run can be resumed from there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import trio

from cogc.kernel.effects import Effect
from cogc.run.journal import Journal


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
        self._synced = 0
        self._wanted, self._done = trio.Event(), trio.Event()

    def add(self, effects: list[Effect], told: list[Callable[[], None]]) -> None:
        """Let effects and acknowledgements wait until all that was written by now is on disk."""
        if effects or told:
            self.waiting.append(Batch(self.journal.writes, effects, told))
            self.size += len(effects)
            if self.journal.writes > self._synced:
                self._wanted.set()

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

    async def settle(self) -> None:
        """Wait until all that waits is due, or has failed."""
        while self.waiting and self.waiting[-1].write > self._synced and self.failed is None:
            await self._done.wait()

    async def run(self) -> None:
        """Sync whenever something waits, until cancelled."""
        while self.failed is None:
            await self._wanted.wait()
            self._wanted = trio.Event()
            number = self.journal.writes
            try:
                await trio.to_thread.run_sync(self.sync)
            except OSError as error:
                self.fail(error)
                return
            self._synced = number
            self._tell()

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
