"""The whole exploration: order 0, all orders that differ, random orders; then the same with faults.

**Jobs.** The work is cut into jobs that know nothing of each other: the systematic search with one set of faults, and
portions of random orders. Each has its own book and its own bound on runs. The results are taken in the order of the jobs, and
the first failure in that order is the one that is reported. So the report does not depend on how many processes share the
jobs, as long as the time does not run out.

**The bound of the systematic search.** After each `LOOK` runs the search compares the runs that it expects to need with
those that it has left. It gives up where they are too few, and random orders take what is left.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations

from cogc.explore.systematic import Diverged, Systematic
from cogc.explore.trial import KILL, KINDS, Changes, Failed, Fault, Outcome, Plan, Trial
from cogc.kernel.chains import Book, Chain, Key
from cogc.kernel.picking import PickingKernel
from cogc.kernel.priorities import Priorities
from cogc.language.values import shorten
from cogc.testing import forks

LOOK = 250
"""After how many runs the systematic search looks whether it will come to its end."""
PORTION = 100
"""How many random orders are one job."""
Name = tuple[Key, int]
"""An event, for all runs: the name of its chain, and its number within the chain, from 1."""
Said = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of an exploration: runs, seconds, and how many faults a run may have."""

    runs: int = 10_000
    seconds: float = 60.0
    faults: int = 0
    kinds: tuple[str, ...] = KINDS
    seed: int = 0
    confluent: bool = False
    processes: int = 1
    observed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FoundFault:
    """A fault by names that hold in all runs."""

    kind: str
    where: Key
    number: int


@dataclass(frozen=True, slots=True)
class Found:
    """A failing run: why it failed, its faults, and its events in their order. `others` is a final state that is another one."""

    failed: Failed
    plan: tuple[FoundFault, ...]
    events: tuple[Name, ...]


@dataclass(slots=True)
class Result:
    """The result of a job. `faults` are those that its runs would have had a place for."""

    runs: int = 0
    redundant: int = 0
    complete: bool = False
    planned: int = 0
    found: Found | None = None
    faults: set[FoundFault] = field(default_factory=set)
    pairs: set[int] = field(default_factory=set)
    final: dict[str, object] | None = None
    length: int = 1
    out_of_time: bool = False
    held: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Report:
    """The result of an exploration. `held` are the conditions of `expect sometimes` that held in one of its runs."""

    complete: bool = True
    runs: int = 0
    redundant: int = 0
    random: int = 0
    pairs: int = 0
    plans: int = 0
    planned: int = 0
    found: Found | None = None
    out_of_time: bool = False
    held: set[str] = field(default_factory=set)
    cut: KeyboardInterrupt | BrokenExecutor | None = None
    """The interrupt that ended the exploration, or the death of one of its processes."""


@dataclass(frozen=True, slots=True)
class Job:
    """A part of the work: a systematic search if `random` is 0, else so many random orders from `first` on."""

    plan: tuple[FoundFault, ...]
    runs: int
    random: int = 0
    first: int = 0
    length: int = 1
    final: dict[str, object] | None = None


def names(kernel: PickingKernel) -> tuple[Name, ...]:
    """Return the events of a run, in their order."""
    taken: dict[int, int] = {}
    found = []
    for chain, *_ in kernel.done:
        number = taken[chain] = taken.get(chain, 0) + 1
        found.append((kernel.book.names[chain], number))
    return tuple(found)


def plan_for(book: Book, plan: tuple[FoundFault, ...]) -> Plan:
    """Return faults as the runs of one book take them."""
    return tuple(
        Fault(f.kind, book.chain(f.where) if f.kind in ("drop", "duplicate") else f.where[0], f.number) for f in plan
    )


class Worker:
    """Does jobs, one after the other."""

    def __init__(self, trial: Trial, limits: Limits, until: float, said: Said | None = None) -> None:
        self.trial = trial
        self.limits = limits
        self.until = until
        self.said = said
        self.doing = Result()
        """The result of the job under way, as far as it has come."""

    def do(self, job: Job) -> Result:
        """Do one job."""
        result = self.doing = Result(final=job.final, length=job.length)
        if job.random:
            self._random(job, result)
        else:
            self._systematic(job, result)
        self.doing = Result()
        return result

    def _systematic(self, job: Job, result: Result) -> None:
        """Try all orders that differ. Where a run shows that more has to be observed, the search begins anew."""
        book = Book(self.limits.observed)
        search = Systematic(self.trial, book, plan_for(book, job.plan))
        try:
            while not search.over:
                outcome = search.step()
                if book.grown:
                    book.grown = False
                    result.runs += search.runs
                    search = Systematic(self.trial, book, plan_for(book, job.plan))
                if outcome is not None:
                    if self._judge(job, result, outcome):
                        break
                    outcome.let_go()
                made = result.runs + search.runs
                if made >= job.runs or self._late(result):
                    break
                if made % LOOK == 0 and search.share:
                    result.planned = int(search.runs / search.share)
                    self._progress(made, result.planned)
                    if result.planned - search.runs > 2 * (job.runs - made):
                        break
        finally:  # an interrupt may end it
            result.runs += search.runs
            result.redundant = search.redundant
            result.planned = max(result.planned, result.runs)
        result.complete = search.over and result.found is None and not search.causes.partial

    def _random(self, job: Job, result: Result) -> None:
        """Try random orders, d = 1, 2, 3 in turns; every other one begins like one that reversed a pair for the first time."""
        book = Book(self.limits.observed)
        plan = plan_for(book, job.plan)
        kept: list[tuple[int, ...]] = []
        for number in range(job.first, job.first + job.random):
            pick = Priorities(self.limits.seed * 1_000_003 + number + 1, 1 + number % 3, job.length)
            begun = _Begun(kept[number % len(kept)], pick) if kept and number % 2 else pick
            outcome = self.trial.run(begun, book, Changes(plan))
            result.runs += 1
            if self._judge(job, result, outcome):
                return
            kernel = outcome.kernel
            assert kernel is not None
            if _new_pairs(kernel, result.pairs):
                kept.append(tuple(event[0] for event in kernel.done))
            outcome.let_go()
            if self._late(result):
                return

    def _late(self, result: Result) -> bool:
        result.out_of_time = time.monotonic() > self.until
        return result.out_of_time

    def _progress(self, runs: int, planned: int) -> None:
        if self.said is not None:
            self.said(f"{runs:,} of about {planned:,} orders, {max(0.0, self.until - time.monotonic()):.0f}s left")

    def _judge(self, job: Job, result: Result, outcome: Outcome) -> bool:
        """Take note of what a run was like; return whether it failed."""
        kernel = outcome.kernel
        assert kernel is not None
        result.length = max(result.length, outcome.events)
        result.held |= outcome.sometimes
        if len(job.plan) < self.limits.faults:
            _faults(outcome, self.limits.kinds, result.faults)
        failed = outcome.failed
        if failed is None and self.limits.confluent and not job.plan:
            if result.final is None:
                result.final = outcome.final
            elif outcome.final != result.final:
                failed = Failed("order", differs(result.final, outcome.final), "order")
        if failed is not None:
            result.found = Found(failed, job.plan, names(kernel))
        return failed is not None


def differs(one: dict[str, object], other: dict[str, object]) -> str:
    """Say in which state two runs ended differently."""
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name):
            return f"the outcome depends on the order: `{name}` is {shorten(one.get(name), 60)} or {shorten(other.get(name), 60)}"
    return ""


def _new_pairs(kernel: PickingKernel, pairs: set[int]) -> bool:
    """Add the pairs of events that followed each other at one coglet; return whether one is new."""
    before: dict[int, int] = {}
    count = len(pairs)
    for chain, _, _, _, bit, _ in kernel.done:
        if bit:
            if bit in before:
                pairs.add(hash((before[bit], chain)))
            before[bit] = chain
    return len(pairs) > count


class _Begun:
    """Repeats the first half of a run, as far as that can be done, and goes on at random."""

    def __init__(self, chains: tuple[int, ...], then: Priorities) -> None:
        self.chains = chains[: then.random.randrange(1, max(2, len(chains)))]
        self.then = then

    def __call__(self, kernel: PickingKernel, heads: list[Chain]) -> Chain:
        at = kernel.event + 1
        chosen = self.then(kernel, heads)
        if at < len(self.chains):
            return next((c for c in heads if c.id == self.chains[at]), chosen)
        return chosen


def _faults(outcome: Outcome, kinds: tuple[str, ...], faults: set[FoundFault]) -> None:
    """Add the faults of some kinds for which a run had a place."""
    faults.update(fault for fault in _possible(outcome) if fault.kind in kinds)


def _possible(outcome: Outcome) -> Iterator[FoundFault]:
    """Yield all faults for which a run had a place."""
    kernel = outcome.kernel
    assert kernel is not None
    for inst in kernel.all():
        if inst.parent is not None:
            for instant in range(kernel.instant):
                yield FoundFault("crash", (inst.path,), instant)
    for path, number, kinds in outcome.requests:
        for kind in ("fail", *kinds):
            yield FoundFault(kind, (path,), number)
    for instant in outcome.kills:
        yield FoundFault(KILL, ("",), instant)
    for chain in kernel.chains.values():
        if chain.port is not None and chain.gated and not chain.port.own and chain.port.handlers:
            for number in range(1, chain.taken + 1):
                yield FoundFault("drop", kernel.book.names[chain.id], number)
                yield FoundFault("duplicate", kernel.book.names[chain.id], number)


def explore(trial: Trial, limits: Limits, said: Said | None = None) -> Report:
    """Explore, up to the first failure, the last order, or a bound."""
    report = Report()
    worker = Worker(trial, limits, time.monotonic() + limits.seconds, said)
    try:
        _explore(report, worker, limits)
    except (KeyboardInterrupt, BrokenExecutor) as end:
        report.cut, report.complete = end, False
        _add(report, worker.doing)
    return report


def _explore(report: Report, worker: Worker, limits: Limits) -> None:
    """Explore, and add to a report what comes of it."""
    faults: set[FoundFault] = set()
    with _Pool(worker, limits.processes) as pool:
        for size in range(limits.faults + 1):
            plans = list(combinations(sorted(faults, key=repr), size))
            share = max(1, limits.runs // max(1, len(plans)))
            left: list[tuple[Job, Result]] = []
            for job, result in pool.do([Job(plan, share) for plan in plans]):
                report.plans += 1
                _add(report, result)
                faults |= result.faults
                if result.found is not None or result.out_of_time:
                    report.complete = False
                    return
                if not result.complete:
                    left.append((job, result))
            report.complete = report.complete and not left
            for _, result in pool.do(list(_portions(left, share))):
                report.random += result.runs
                report.runs += result.runs
                report.found = result.found
                report.held |= result.held
                faults |= result.faults
                if result.found is not None or result.out_of_time:
                    report.out_of_time = result.out_of_time
                    return


def _portions(left: list[tuple[Job, Result]], share: int) -> Iterator[Job]:
    """Yield the jobs of random orders for the searches that did not come to their end."""
    for job, result in left:
        count = max(0, share - result.runs)
        for first in range(0, count, PORTION):
            yield Job(job.plan, share, min(PORTION, count - first), first, result.length, result.final)


def _add(report: Report, result: Result) -> None:
    """Add the result of a systematic search."""
    report.runs += result.runs
    report.redundant += result.redundant
    report.planned += result.planned
    report.held |= result.held
    report.found = result.found
    report.out_of_time = result.out_of_time


_worker: Worker | None = None


def _do(job: Job) -> Result:
    """Do a job in a process of the pool, which has got its worker by the fork."""
    assert _worker is not None
    return _worker.do(job)


class _Pool:
    """Does jobs in their order, in this process or in several."""

    def __init__(self, worker: Worker, processes: int) -> None:
        self.worker = worker
        self.processes = processes
        self.pool: ProcessPoolExecutor | None = None
        self.futures: list[Future[Result]] = []

    def __enter__(self) -> _Pool:
        if self.processes > 1:
            global _worker
            _worker = self.worker
            self.pool = ProcessPoolExecutor(
                self.processes, multiprocessing.get_context("fork"), forks.begin, (os.getpid(),)
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            if not all(future.done() for future in self.futures):  # a job may have long to go, and nobody waits for it
                forks.end()
            self.pool.shutdown(wait=True, cancel_futures=True)

    def do(self, jobs: list[Job]) -> Iterator[tuple[Job, Result]]:
        """Yield each job with its result, in the order of the jobs."""
        if self.pool is None or len(jobs) == 1:
            for job in jobs:
                yield job, self.worker.do(job)
        else:
            self.futures = [self.pool.submit(_do, job) for job in jobs]
            for job, future in zip(jobs, self.futures, strict=True):
                yield job, future.result()


__all__ = ["Diverged", "Found", "FoundFault", "Limits", "Name", "Report", "explore", "names", "plan_for"]
