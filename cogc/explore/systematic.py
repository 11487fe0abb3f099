"""The systematic search: every order that differs from the others, each once (source-DPOR with sleep sets).

**The idea.** A run is a list of events. Two events of one instant are a *race* if their touch sets meet, the second does not
follow from the first, and nothing between them orders them. A run in which the race goes the other way may end
differently; each other change of order cannot. So after a run the search looks for races, and notes at the earlier event of
each that another chain is to be tried there. Then it goes back to the last node with something to try.

**Sleep sets.** When all runs that begin with one chain are explored, the chain sleeps in those that begin with another one,
until an event touches what its own touched. A run in which every head sleeps is given up: it is counted as redundant.

**Races that are no choice.** An event cannot come before the one that sent it, nor before its own chain's earlier ones. A coglet
that takes no data before an event (`closed`) could not have taken the second event there; the search then looks at the
event that closed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogc.explore.trial import Changes
from cogc.kernel.chains import Book, Chain, Event
from cogc.kernel.picking import PickingKernel

if TYPE_CHECKING:
    from cogc.explore.trial import Outcome, Plan, Trial


WINDOW = 400
"""How many events of one instant are compared with each other."""


class Diverged(Exception):
    """A run did not repeat: the program, or cogc, does something that the order of events does not determine."""


class Node:
    """A place in the tree of orders: the heads there, those to be tried, those done with what each touched, those that sleep."""

    __slots__ = ("chosen", "done", "heads", "sleep", "todo")

    def __init__(self, heads: list[int], chosen: int, sleep: dict[int, int]) -> None:
        self.heads = heads
        self.chosen = chosen
        self.sleep = sleep
        self.todo: set[int] = {chosen}
        self.done: dict[int, int] = {}


class Causes:
    """The causes of the events of a run: for each event the set of events that it follows from, as bits by their numbers."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.wrote: list[int] = []
        self.closed: list[int] = []
        self.past: list[int] = []
        self.instants: list[int] = []
        self.begins: list[int] = []
        self.partial = False
        """True if an instant had more events than are compared with each other."""

    def add(self, event: Event) -> list[int]:
        """Add the next event; return the earlier ones that it is in a race with."""
        chain, wrote, closed, hard, bit, instant = event
        j = len(self.ids)
        begin = j if not j or self.instants[-1] != instant else self.begins[-1]
        races, full = self.races(chain, wrote, hard, bit, begin, j)
        self.ids.append(chain)
        self.wrote.append(wrote)
        self.closed.append(closed)
        self.instants.append(instant)
        self.begins.append(begin)
        self.past.append(full | 1 << j)
        return races

    def races(self, chain: int, wrote: int, hard: int, bit: int, begin: int, j: int) -> tuple[list[int], int]:
        """Return the events before `j` that an event is in a race with, and the set of those that it follows from."""
        before = self.past[hard] if hard >= begin else 0
        full = before
        found = []
        if j - begin > WINDOW:
            begin, self.partial = j - WINDOW, True
        for i in range(j - 1, begin - 1, -1):
            if self.ids[i] == chain:
                full |= self.past[i]
                before |= self.past[i]
            elif self.wrote[i] & wrote:
                full |= self.past[i]
                if not before >> i & 1 and not self.closed[i] & bit:
                    found.append(i)
                    before |= self.past[i]
        return found, full

    def cut(self, keep: int) -> None:
        """Forget the events from this one on."""
        for column in (self.ids, self.wrote, self.closed, self.past, self.instants, self.begins):
            del column[keep:]


class Systematic:
    """The search over one trial with one set of faults. `step` makes one run."""

    def __init__(self, trial: Trial, book: Book, plan: Plan = ()) -> None:
        self.trial = trial
        self.book = book
        self.plan = plan
        self.nodes: list[Node] = []
        self.causes = Causes()
        self.fresh = 0
        """The first event of this run that the one before did not have."""
        self.runs = 0
        self.redundant = 0
        self.over = False
        self.known: list[int] = []
        """The chains of the first events of the next run."""

    def step(self) -> Outcome | None:
        """Make the next run; None for one that was redundant."""
        outcome = self.trial.run(self, self.book, Changes(self.plan))
        kernel = outcome.kernel
        assert kernel is not None
        self._record(kernel)
        self._missed(kernel)
        self._go_back()
        if outcome.halted:
            self.redundant += 1
            outcome.let_go()
            return None
        self.runs += 1
        return outcome

    @property
    def share(self) -> float:
        """The part of the tree that is explored, as far as it is known."""
        done, width = 0.0, 1.0
        for node in self.nodes:
            tried = len(node.done)
            width /= max(1, len(node.todo | node.done.keys()))
            done += tried * width
        return 1.0 if self.over else done

    # ---- one run -------------------------------------------------------------------------------------------------

    def __call__(self, kernel: PickingKernel, heads: list[Chain]) -> Chain | None:
        """Return the next event: what the node says, or at a new node the default among those that do not sleep."""
        at = kernel.event + 1
        if at < len(self.nodes):
            wanted = self.nodes[at].chosen
            for chain in heads:
                if chain.id == wanted:
                    return chain
            raise Diverged(f"event {at}")
        self._record(kernel)
        sleep = self._sleep(kernel, at)
        awake = [c for c in heads if c.id not in sleep] if sleep else heads
        if not awake:
            return None
        chosen = kernel.default(awake)
        self.nodes.append(Node([c.id for c in heads], chosen.id, sleep))
        return chosen

    def _sleep(self, kernel: PickingKernel, at: int) -> dict[int, int]:
        """Return what sleeps after the last event."""
        if not at or self.causes.instants[at - 1] != kernel.instant:
            return {}
        before, wrote = self.nodes[at - 1], self.causes.wrote[at - 1]
        if not before.sleep and not before.done:
            return {}
        found = {c: w for c, w in before.sleep.items() if not w & wrote}
        for chain, touched in before.done.items():
            if chain != before.chosen and not touched & wrote:
                found[chain] = touched
        return found

    def _record(self, kernel: PickingKernel) -> None:
        """Take note of the events that are over, and of their races."""
        causes = self.causes
        for j in range(len(causes.ids), len(kernel.done)):
            for i in causes.add(kernel.done[j]):
                self._reverse(i, j, kernel.done[j][0], causes.past[j])

    def _missed(self, kernel: PickingKernel) -> None:
        """Look for the races of messages that were not taken in their instant, or were dropped: they could have been first."""
        for at, chain, wrote, hard, bit, instant in kernel.missed:
            if at < self.fresh or at < 0 or self.causes.instants[at] != instant:
                continue
            races, full = self.causes.races(chain, wrote, hard, bit, self.causes.begins[at], at + 1)
            for i in races:
                self._reverse(i, at + 1, chain, full)

    def _reverse(self, i: int, j: int, chain: int, full: int) -> None:
        """See that an event of a chain, which follows from the events `full`, is tried before event `i`, with those after `i`
        that do not follow from it."""
        node, past = self.nodes[i], self.causes.past
        later = [k for k in range(i + 1, j) if not past[k] >> i & 1]
        mask = sum(1 << k for k in later)
        first = [self.causes.ids[k] for k in later if not past[k] & mask & ~(1 << k)]
        if not full & mask:
            first.append(chain)
        if any(c in node.todo or c in node.sleep for c in first):
            return
        if chain in first and chain in node.heads:
            node.todo.add(chain)
            return
        possible = [c for c in first if c in node.heads]
        node.todo.update(possible[:1] or node.heads)

    def _go_back(self) -> None:
        """Choose the next chain at the last node that has one; cut off what comes behind."""
        while self.nodes:
            node = self.nodes[-1]
            at = len(self.nodes) - 1
            node.done[node.chosen] = self.causes.wrote[at]
            left = [c for c in node.heads if c in node.todo and c not in node.done and c not in node.sleep]
            if left:
                node.chosen = left[0]
                break
            self.nodes.pop()
        keep = len(self.nodes) - 1
        if keep < 0:
            self.over = True
            keep = 0
        self.fresh = keep
        self.known = [node.chosen for node in self.nodes]
        self.causes.cut(keep)
