"""The search with which others are compared: it tries every order."""

from __future__ import annotations

from cogc.explore.trial import Changes, Outcome, Trial
from cogc.kernel.chains import Book, Chain
from cogc.kernel.picking import PickingKernel


class Naive:
    """The search that tries every head at every place. It knows nothing of touch sets, so that others are compared with it."""

    def __init__(self, trial: Trial, book: Book) -> None:
        self.trial = trial
        self.book = book
        self.path: list[tuple[int, int]] = []
        self.runs = 0
        self.over = False

    def step(self) -> Outcome:
        """Make the next run."""
        outcome = self.trial.run(self._pick, self.book, Changes(()))
        self.runs += 1
        while self.path and self.path[-1][0] + 1 == self.path[-1][1]:
            self.path.pop()
        if self.path:
            self.path[-1] = (self.path[-1][0] + 1, self.path[-1][1])
        else:
            self.over = True
        return outcome

    def _pick(self, kernel: PickingKernel, heads: list[Chain]) -> Chain:
        at = kernel.event + 1
        if at == len(self.path):
            self.path.append((0, len(heads)))
        return heads[self.path[at][0]]
