"""Shrinking: a failing order as the few races in which it differs from order 0.

An order is given by constraints: "this event before that one". `Held` carries them out: it takes the default order, and holds an
event back while one that must come before it has not come. The constraints of a failing run are its races. They are
minimised by delta debugging, so that without any one of those that are left the run does not fail that way. Before that
faults and inputs are left out that the failure does not need; then crashes happen as early as they can, and what comes at an
instant comes at a round one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cogc.explore.search import Found, FoundFault, Name, differs, names, plan_for
from cogc.explore.systematic import Causes
from cogc.explore.trial import KILL, Changes, Failed, Outcome, Trial
from cogc.kernel.chains import Book, Chain
from cogc.kernel.picking import PickingKernel

Pair = tuple[Name, Name]
"""Two events; the first one is to come first."""
T = TypeVar("T")
MOST = 3000
"""How many runs shrinking may take."""


MOST_ABSENT = 200
"""How many events that a run lacks are looked at."""


def receiver(name: Name) -> str:
    """Return the coglet that an event is an event of."""
    key = name[0]
    return str(key[1] if len(key) == 5 else key[0])


MOST_INSTANTS = 30
"""In how many instants an earlier crash is tried."""
UNITS = (3_600_000_000_000, 60_000_000_000, 10_000_000_000, 1_000_000_000, 100_000_000, 10_000_000, 1_000_000)
"""The units to which times are rounded, in nanoseconds."""


class Held:
    """A pick that follows the default order, but for the pairs that it is given."""

    def __init__(self, book: Book, pairs: Sequence[Pair]) -> None:
        self.before: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for (first, n), (second, m) in pairs:
            self.before.setdefault((book.chain(second), m), []).append((book.chain(first), n))
        self.taken: dict[int, int] = {}

    def __call__(self, kernel: PickingKernel, heads: list[Chain]) -> Chain:
        taken = self.taken
        free = [c for c in heads if self._may(c.id, taken.get(c.id, 0) + 1)] if self.before else heads
        chosen = kernel.default(free or heads)
        taken[chosen.id] = taken.get(chosen.id, 0) + 1
        return chosen

    def _may(self, chain: int, number: int) -> bool:
        """Return whether all has come that must come before an event."""
        return all(self.taken.get(c, 0) >= n for c, n in self.before.get((chain, number), ()))


@dataclass(frozen=True, slots=True)
class Case:
    """A failing run that can be repeated: its pairs, its faults, the inputs that it does without, and the instants of those that
    come at another time than was said, by the numbers of `Trial.timed`."""

    failed: Failed
    pairs: tuple[Pair, ...]
    plan: tuple[FoundFault, ...]
    without: frozenset[int]
    times: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest failing case, the run of it, and order 0 with the same faults and inputs. `exact` is False if the failure
    could not be repeated by pairs alone, which is a fault of cogc. If an interrupt has `cut` the search, there may be smaller ones."""

    case: Case
    outcome: Outcome
    usual: Outcome
    runs: int
    exact: bool
    cut: KeyboardInterrupt | None = None


def run(trial: Trial, case: Case, observed: frozenset[str] = frozenset()) -> Outcome:
    """Run a case."""
    book = Book(observed)
    changes = Changes(plan_for(book, case.plan), case.without, dict(case.times))
    return trial.run(Held(book, case.pairs), book, changes)


class Shrinker:
    """Minimises one failing run."""

    def __init__(self, trial: Trial, found: Found, observed: frozenset[str], confluent: bool) -> None:
        self.trial = trial
        self.found = found
        self.observed = observed
        self.confluent = confluent
        self.runs = 0
        self.usual: dict[tuple[object, ...], Outcome] = {}
        self.smallest: Case | None = None
        """The last case that failed as the run did: each is smaller than the one before."""

    def shrink(self) -> Shrunk:
        """Return the smallest case that fails as the run did; at an interrupt, the smallest so far, if there is one."""
        try:
            return self._shrink()
        except KeyboardInterrupt as end:
            case = self.smallest
            if case is None:
                raise
            outcome = run(self.trial, case, self.observed)
            failed = outcome.failed or case.failed
            return Shrunk(replace(case, failed=failed), outcome, self._zero(case), self.runs, True, end)

    def _shrink(self) -> Shrunk:
        found = self.found
        case = Case(found.failed, (), found.plan, frozenset())
        pairs = self._pairs(self._again())
        for tried in pairs:
            whole = Case(found.failed, tuple(tried), found.plan, frozenset())
            if self._fails(whole):
                case = whole
                break
        else:
            outcome = self._again()
            return Shrunk(
                Case(found.failed, tuple(pairs[-1]), found.plan, frozenset()),
                outcome,
                self._zero(case),
                self.runs,
                False,
            )
        case = self._fewer_inputs(self._fewer_faults(self._fewer_pairs(case)))
        case = self._fewer_pairs(self._rounder_times(self._earlier_crashes(self._fewer_pairs(case))))
        outcome = run(self.trial, case, self.observed)
        return Shrunk(replace(case, failed=outcome.failed or case.failed), outcome, self._zero(case), self.runs, True)

    def _again(self) -> Outcome:
        """Run the failing run again, event by event."""
        book = Book(self.observed)
        chains = [book.chain(key) for key, _ in self.found.events]

        def pick(kernel: PickingKernel, heads: list[Chain]) -> Chain:
            at = kernel.event + 1
            wanted = chains[at] if at < len(chains) else -1
            return next((c for c in heads if c.id == wanted), None) or kernel.default(heads)

        return self.trial.run(pick, book, Changes(plan_for(book, self.found.plan)))

    def _pairs(self, outcome: Outcome) -> list[list[Pair]]:
        """Return sets of pairs that may repeat a run, the small ones first: races that go the other way than in order 0, all
        races. What order 0 has and the run has not comes behind the end of the run."""
        assert outcome.kernel is not None
        zero = self._zero(Case(self.found.failed, (), self.found.plan, frozenset())).kernel
        assert zero is not None
        usual, events = names(zero), names(outcome.kernel)
        places = {name: place for place, name in enumerate(usual)}
        causes = Causes()
        every: list[Pair] = []
        for j, event in enumerate(outcome.kernel.done):
            every += [(events[i], events[j]) for i in causes.add(event)]
        unknown = len(places)
        turned = [(a, b) for a, b in every if places.get(a, unknown) >= places.get(b, unknown)]
        happened = set(events)
        absent = [name for name in usual if name not in happened][:MOST_ABSENT] if events else []
        behind = [(events[-1], name) for name in absent]
        near = [pair for pair in behind if receiver(pair[0]) == receiver(pair[1])]
        return [[], turned, near, turned + near, turned + behind, every, every + behind]

    def _zero(self, case: Case) -> Outcome:
        """Return order 0 with the faults and inputs of a case."""
        key = (case.plan, case.without, case.times)
        if key not in self.usual:
            self.usual[key] = run(self.trial, replace(case, pairs=()), self.observed)
        return self.usual[key]

    def _fails(self, case: Case) -> bool:
        """Return whether a case fails as the run did."""
        self.runs += 1
        if self.runs > MOST:
            return False
        outcome = run(self.trial, case, self.observed)
        if self.confluent and case.failed.kind == "order":
            zero = self._zero(case)
            fails = not outcome.failed and not zero.failed and bool(differs(zero.final, outcome.final))
        else:
            outcome.let_go()
            fails = outcome.failed is not None and outcome.failed.same == self.found.failed.same
        if fails:
            self.smallest = case
        return fails

    def _fewer_pairs(self, case: Case) -> Case:
        pairs = fewer(list(case.pairs), lambda left: self._fails(replace(case, pairs=tuple(left))))
        return replace(case, pairs=tuple(pairs))

    def _fewer_faults(self, case: Case) -> Case:
        plan = fewer(list(case.plan), lambda left: self._fails(replace(case, plan=tuple(left))))
        return replace(case, plan=tuple(plan))

    def _ends_well(self, case: Case) -> bool:
        """Return whether order 0, free of faults, ends well with the inputs and the times of a case."""
        return self._zero(replace(case, pairs=(), plan=())).failed is None

    def _fewer_inputs(self, case: Case) -> Case:
        """Leave out inputs. Without them order 0, free of faults, must end as well as with them."""
        every = frozenset(range(self.trial.inputs))
        well = self._ends_well(replace(case, without=frozenset()))

        def fails(left: list[int]) -> bool:
            fewer_of = replace(case, without=every - frozenset(left))
            return self._ends_well(fewer_of) == well and self._fails(fewer_of)

        kept = fewer(sorted(every), fails)
        return replace(case, without=every - frozenset(kept))

    def _earlier_crashes(self, case: Case) -> Case:
        """Let each crash and each kill happen in the first instant in which it still leads to the failure."""
        for at, fault in enumerate(case.plan):
            for number in range(min(fault.number, MOST_INSTANTS) if fault.kind in ("crash", KILL) else 0):
                plan = (*case.plan[:at], replace(fault, number=number), *case.plan[at + 1 :])
                if self._fails(replace(case, plan=plan)):
                    case = replace(case, plan=plan)
                    break
        return case

    def _rounder_times(self, case: Case) -> Case:
        """Let what comes at an instant come at a rounder one. Order 0, free of faults, must end as well as before."""
        well = self._ends_well(case)
        for number, (given, _) in self.trial.timed.items():
            if number in case.without:
                continue
            for instant in rounder(given):
                moved = replace(case, times=(*case.times, (number, instant)))
                if self._ends_well(moved) == well and self._fails(moved):
                    case = moved
                    break
        return case


def rounder(instant: int) -> Iterator[int]:
    """Yield instants that are rounder than one, the roundest first: 0, then the whole units below and above it."""
    if not instant:
        return
    yield 0
    for unit in UNITS:
        below = instant - instant % unit
        if below == instant:
            return
        if below:
            yield below
        yield below + unit


def fewer(items: list[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """Return a part of a list that still fails, and of which no item can be left out (delta debugging)."""
    size = max(1, len(items) // 2)
    while items:
        at, changed = 0, False
        while at < len(items):
            left = items[:at] + items[at + size :]
            if fails(left):
                items, changed = left, True
            else:
                at += size
        if size == 1 and not changed:
            return items
        size = max(1, size // 2) if not changed or size > 1 else 1
    return items
