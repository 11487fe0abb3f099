"""The search over orders: how many there are, which are no choice, and what a picked kernel keeps of the order of a plain one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given

from cogc.explore.search import Limits, explore
from cogc.explore.shrink import Shrinker, fewer
from cogc.explore.systematic import Systematic
from cogc.explore.trial import Outcome, SpecTrial, Wanted
from cogc.kernel.chains import Book
from cogc.kernel.machine import Kernel
from cogc.kernel.picking import PickingKernel
from cogc.kernel.priorities import Priorities
from cogc.kernel.unit import Unit
from support.every_order import Naive
from support.paths import EXAMPLES
from support.specs import build
from support.systems import of_systems, systems

WRITER = "coglet W(name: int) { listen go: int\n  transmit x: int\n  on go { x <- name } }\n"
READER = "coglet R { listen x: int %s\n  state seen: [int] = []\n  on x as v { seen = seen + [v] } }\n"


def writers(count: int, inbox: str = "", readers: int = 1) -> str:
    """A system of writers, each of which sends its number to one of the readers."""
    lines = [f"create r{i} = R" for i in range(readers)]
    for i in range(count):
        lines += [f"create w{i} = W(name: {i})", f"link self.go -> w{i}.go", f"link w{i}.x -> r{i % readers}.x"]
    return WRITER + READER % inbox + "coglet Main { listen go: int\n  " + "\n  ".join(lines) + " }"


def trial(text: str, *inputs: tuple[str, Any], **wanted: Any) -> SpecTrial:
    given = [(0, channel, value) for channel, value in inputs]
    return SpecTrial(Unit(build(text, "Main")), {}, given, Wanted(**wanted), stop_at=3_000_000_000)


def ending(outcome: Outcome) -> str:
    return repr(outcome.failed.same if outcome.failed else sorted(outcome.final.items()))


def naive(of: SpecTrial, most: int) -> tuple[set[str], int] | None:
    """The endings of a system in all orders, and how many there are; None if there are more than `most`."""
    search, found = Naive(of, Book()), set()
    while not search.over:
        if search.runs == most:
            return None
        found.add(ending(search.step()))
    return found, search.runs


def systematic(of: SpecTrial) -> tuple[set[str], Systematic]:
    """The endings that the systematic search finds."""
    book = Book()
    while True:
        search, found = Systematic(of, book), set()
        while not search.over and not book.grown:
            outcome = search.step()
            if outcome is not None:
                found.add(ending(outcome))
        if not book.grown:
            return found, search
        book.grown = False


def test_six_writers_have_720_orders_and_none_is_run_twice() -> None:
    found, search = systematic(trial(writers(6), ("go", 1)))
    assert (len(found), search.runs, search.redundant) == (720, 720, 0)


def test_ten_pairs_that_share_nothing_have_one_order() -> None:
    found, search = systematic(trial(writers(10, readers=10), ("go", 1)))
    assert (len(found), search.runs, search.redundant) == (1, 1, 0)


@pytest.mark.parametrize("overflow", ["block", "drop_newest", "drop_oldest", "fail"])
def test_an_inbox_that_may_be_full_makes_its_senders_depend_on_each_other(overflow: str) -> None:
    of = trial(writers(3, f"{{ capacity: 1, overflow: {overflow} }}"), ("go", 1))
    every = naive(of, 20_000)
    assert every is not None
    assert systematic(of)[0] == every[0]


SYSTEMS = sorted((Path(__file__).parent / "systems").glob("*.cog"))
"""Systems of which the search had missed an ending."""


@pytest.mark.parametrize("path", SYSTEMS, ids=[p.stem for p in SYSTEMS])
def test_the_search_finds_each_ending_that_it_had_missed(path: Path) -> None:
    of = trial(path.read_text(encoding="utf-8"), ("go", 1))
    every = naive(of, 20_000)
    assert every is not None
    assert systematic(of)[0] == every[0]


COUNT = 6


@of_systems(COUNT)
@given(systems())
def test_the_search_finds_each_ending_of_a_small_system(text: str) -> None:
    try:
        of = trial(text, ("go", 1))
    except AssertionError:  # the check refuses it
        assume(False)
    every = naive(of, 40)
    assume(every is not None)
    assert every is not None
    assert systematic(of)[0] == every[0]


def states(kernel: Kernel) -> list[Any]:
    assert kernel.root is not None
    found, pending = [], [kernel.root]
    while pending:
        inst = pending.pop()
        found.append((inst.path, inst.states))
        pending += inst.members()
    return found


@pytest.mark.parametrize(
    "text",
    [writers(6), writers(4, "{ capacity: 1, overflow: drop_oldest }"), (EXAMPLES / "crash" / "crash.cog").read_text(),
     (EXAMPLES / "tree" / "tree.cog").read_text(), (EXAMPLES / "sensor" / "sensor.cog").read_text()],
)  # fmt: skip
def test_the_default_order_of_a_picked_kernel_is_that_of_a_plain_one(text: str) -> None:
    unit = Unit(build(text, "Main"))
    plain = Kernel(unit)
    picked = PickingKernel(unit, pick=PickingKernel.default)
    for kernel in (plain, picked):
        kernel.start({})
        if "go" in unit.bundle.coglets["Main"].listens[:1] or any(
            c.name == "go" for c in unit.bundle.coglets["Main"].listens
        ):
            kernel.input("go", 1)
        kernel.run()
        for second in range(1, 20):
            while (due := kernel.timers.next()) is not None and due <= second * 10**9:
                kernel.advance(due)
                kernel.run()
    assert states(plain) == states(picked)
    outputs = [[(e.channel, e.value) for e in k.effects if type(e).__name__ == "Output"] for k in (plain, picked)]
    assert outputs[0] == outputs[1]


RARE = """
coglet S { listen go: int
  transmit done: int
  on go as n { done <- n } }
coglet L { listen x: int
  transmit y: int
  on x as n { y <- n } }
coglet W { listen x: int
  listen done: int
  state n: int = 0
  on x { n = n + 1 }
  on done { if n == 0 { fail "done before x" } } }
coglet Main { listen go: int
  create q = S
  create s = S
""" + "".join(f"  create l{i} = L\n" for i in range(8)) + """
  create w = W
  link self.go -> q.go
  link self.go -> l0.x
""" + "".join(f"  link l{i}.y -> l{i + 1}.x\n" for i in range(7)) + """
  link l7.y -> s.go
  link q.done -> w.x
  link s.done -> w.done }
"""  # fmt: skip


def test_a_rare_order_is_found_at_once_and_shrunk_to_one_race() -> None:
    of = trial(RARE, ("go", 1))
    report = explore(of, Limits())
    assert report.found is not None and report.runs <= 3
    shrunk = Shrinker(of, report.found, frozenset(), False).shrink()
    assert shrunk.exact and len(shrunk.case.pairs) == 1


def test_random_orders_are_the_same_for_the_same_seed_and_find_what_priorities_can() -> None:
    of = trial(RARE, ("go", 1))
    found = [of.run(Priorities(seed, 1), Book()).failed for seed in range(200)]
    assert found == [of.run(Priorities(seed, 1), Book()).failed for seed in range(200)]
    assert any(found)


def test_the_report_does_not_depend_on_the_number_of_processes() -> None:
    of = trial(writers(5), ("go", 1), never=None)
    limits = {"runs": 300, "confluent": False, "seconds": 100, "faults": 1, "kinds": ("drop",)}
    one, two = (explore(of, Limits(processes=n, **limits)) for n in (1, 2))  # type: ignore[arg-type]
    assert one == two and one.plans > 5 and not one.complete


def test_what_can_be_left_out_is_left_out() -> None:
    assert fewer(list(range(40)), lambda left: {3, 17, 31} <= set(left)) == [3, 17, 31]
    assert fewer([1, 2, 3], lambda left: True) == []
    assert fewer([1], lambda left: bool(left)) == [1]
