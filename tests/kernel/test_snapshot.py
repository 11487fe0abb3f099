"""Snapshots of kernels: a kernel that goes on from one does what the first kernel does, effect for effect.

`COGC_EXAMPLES` says how many generated systems are tried; a failure prints its system.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from cogc.kernel.effects import Ask, Call, Dispatch
from cogc.kernel.machine import Kernel
from cogc.kernel.priorities import ordered
from cogc.kernel.restoring import Misfit, restore
from cogc.kernel.snapshot import obstacle, written
from cogc.kernel.trial import taken
from cogc.kernel.unit import Unit
from cogc.language.codec import decode, encode
from cogc.run.journal import digest
from support.durable import QUESTIONS, SERVICE, TREE
from support.specs import build, check_text
from support.systems import systems

EXAMPLES = int(os.environ.get("COGC_EXAMPLES", "8"))
SEED = int(os.environ.get("COGC_SEED", "0"))
STEPS = 60
PHASES = (Phase.explicit, Phase.generate)
"""The phases without shrinking: the systems are small as they are."""


def shown(effect: Any) -> Any:
    """Return an effect as what can be compared."""
    if isinstance(effect, Call | Ask | Dispatch):
        return effect.id, digest(effect), effect.path
    names = [n for c in type(effect).__mro__ for n in getattr(c, "__slots__", ())]
    return type(effect).__name__, *[getattr(effect, n) for n in names if n not in ("unit", "program")]


class Driver:
    """A kernel that gets the same events as another one: results of calls, inputs, the timers of the next instant.

    `calls` wait for a result, `claims` for an item of a queue.
    """

    def __init__(self, kernel: Kernel, inputs: list[tuple[str, Any]]) -> None:
        self.kernel = kernel
        self.inputs = list(inputs)
        self.calls: list[int] = []
        self.claims: list[int] = []
        self.items: list[Any] = []
        self.turn = 0
        self.note()

    def goes_on(self, kernel: Kernel) -> Driver:
        """Return a driver of another kernel that goes on where this one is."""
        made = Driver(kernel, self.inputs)
        made.calls, made.claims, made.items, made.turn = (
            list(self.calls),
            list(self.claims),
            list(self.items),
            self.turn,
        )
        return made

    def note(self) -> list[Any]:
        """Take the effects, and note the calls among them."""
        effects, self.kernel.effects = self.kernel.effects, []
        for effect in effects:
            if isinstance(effect, Call) and effect.program.key.endswith(".take"):
                self.claims.append(effect.id)
            elif isinstance(effect, Call):
                self.calls.append(effect.id)
                if effect.program.key.endswith(".put"):
                    self.items.append(next(iter(effect.arguments.values())))
        return [shown(effect) for effect in effects]

    def step(self) -> list[Any] | None:
        """Hand in the next event. Return what came of it, or None if nothing can come any more."""
        kernel, self.turn = self.kernel, self.turn + 1
        if kernel.ended or kernel.root is None:
            return None
        self.calls = [call for call in self.calls if call in kernel.calls]
        due = kernel.timers.next()
        if self.inputs and self.turn % 3 == 0:
            kernel.input(*self.inputs.pop(0))
        elif self.calls:
            call = self.calls.pop(0)
            kernel.result(call, call)
        elif self.items and self.claims:
            call = self.claims.pop(0)
            kernel.result(call, [self.items.pop(0), f"id-{call}", 1])
        elif due is not None:
            kernel.advance(due)
        elif not self.inputs:
            return None
        kernel.run(7 if self.turn % 5 == 0 else 150)
        return self.note()


def other(kernel: Kernel) -> Kernel:
    """Return a kernel that goes on from a snapshot of one."""
    made = kernel.twin()
    restore(made, decode(encode(written(kernel))))
    return made


def compare(text: str, inputs: list[tuple[str, Any]], every: int = 1, order: int = 0) -> int:
    """Run a system, in the order of events that follows from `order`, and at moments at which a snapshot can be written another one from there. Return the number of such moments."""
    unit = Unit(build(text, "Main"))
    kernel = ordered(order)(unit, 7, 5)
    kernel.keeps_courses = True
    kernel.start({})
    kernel.run(150)
    first = Driver(kernel, inputs)
    seen: list[list[Any]] = []
    copies: list[tuple[int, Driver]] = []
    for number in range(STEPS):
        if not obstacle(kernel) and number % every == 0:
            assert taken(kernel)[1] == ""
            copied = first.goes_on(other(kernel))
            assert encode(written(copied.kernel)) == encode(written(kernel)), (
                "a snapshot of what was restored is the same"
            )
            copies.append((len(seen), copied))
        effects = first.step()
        if effects is None:
            break
        seen.append(effects)
    for start, copied in copies:
        for number in range(start, len(seen)):
            assert copied.step() == seen[number], f"from step {start}, step {number} is another one"
        assert not obstacle(kernel) or bool(obstacle(copied.kernel))
        if not obstacle(kernel):
            assert encode(written(copied.kernel)) == encode(written(kernel))
        assert copied.kernel.losses.letters == kernel.losses.letters and copied.kernel.steps == kernel.steps
    return len(copies)


@pytest.mark.parametrize("order", [0, 5])
def test_a_tree_with_timers_pools_joins_and_modifiers(order: int) -> None:
    assert compare(TREE.replace("{x}", "{{ x }}"), [("go", 3)], order=order) > 10


def test_consumers_of_queues_that_wait() -> None:
    assert compare(SERVICE, [("put", n) for n in (1, 2, 1, 4)], order=5) > 5


def test_reactions_that_wait_for_calls() -> None:
    """Several calls, loops, a `try`, commands and messages meanwhile, several reactions at a time, items of a queue at work."""
    assert compare(QUESTIONS, [("go", n) for n in (1, 3, 2, 5)]) > 30


@seed(SEED)
@settings(max_examples=EXAMPLES, deadline=None, database=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(systems())
def test_generated_systems_go_on_from_any_moment_as_they_would_have(text: str) -> None:
    if not any(found.severity == "error" for found in check_text(text)[1]):
        compare(text, [("go", n) for n in range(3)], every=1 if EXAMPLES > 8 else 3, order=len(text) % 3)


COUNTER = """coglet Cell(k: int) { listen x: int
  transmit y: int
  state n: int = 0
  on x as v { n = n + v
    y <- n * k } }
coglet Main { listen go: int
  transmit out: int
  create c = Cell(k: 2)
  on go as v { c.x <- v }
  on c.y as y batch 3 within 1h { out <- sum(y) } }
"""


def snapshot_of(text: str) -> Any:
    kernel = Kernel(Unit(build(text, "Main")))
    kernel.keeps_courses = True
    kernel.start({})
    kernel.input("go", 4)
    kernel.run()
    kernel.effects = []
    assert obstacle(kernel) == ""
    return decode(encode(written(kernel)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("y <- n * k", "y <- n + k"), ""),
        (("state n: int = 0", 'state n: string = ""'), "the state `n` of `Main/c`: expected string"),
        (("state n: int = 0", "state n: int = 0\n  state more: int = 1"), "the state `more` of `Main/c` is new"),
        (
            (
                "state n: int = 0\n  on x as v { n = n + v\n    y <- n * k }",
                "state m: int = 0\n  on x as v { m = m + v\n    y <- m * k }",
            ),
            "`Main/c` has no state `n`",
        ),
        (("(k: int)", "(k: string)"), "the parameter `k` of `Main/c`: expected string"),
        (
            ("create c = Cell(k: 2)", "create c = Cell(k: 2)\n  create d = Cell(k: 2)"),
            "the children of `Main` are others: `d`",
        ),
        (("batch 3 within 1h { out <- sum(y) }", "{ out <- y }"), "waits for no time of the kind `batch` any more"),
    ],
)
def test_a_snapshot_fits_a_changed_program_or_names_what_does_not(change: tuple[str, str], why: str) -> None:
    text = COUNTER.replace(*change)
    if "string" in change[1]:
        text = (
            text.replace("n = n + v", "n = n")
            .replace("y <- n * k", "y <- v")
            .replace("k: 2", 'k: "2"' if "k: s" in change[1] else "k: 2")
        )
    made = Kernel(Unit(build(text, "Main")))
    if why:
        with pytest.raises(Misfit) as refused:
            restore(made, snapshot_of(COUNTER))
        assert why in str(refused.value)
    else:
        restore(made, snapshot_of(COUNTER))
        assert made.timers.next() == 3_600_000_000_000 and made.outer.find("Main/c") is not None


@pytest.mark.parametrize(
    ("text", "drive", "why"),
    [
        (
            'program f() -> int = shell ["f"] { output: json }\ncoglet W { listen x: int\n on x { fail "no" } }\n'
            "coglet Main { listen go: int\n create w = W\n on go as v { w.x <- v }\n on error(w) { let r = f() } }",
            "go",
            "`Main` is at work",
        ),
        (
            'program f() -> int = shell ["f"] { output: json }\ncoglet W { on stop { let r = f() } }\n'
            "coglet Main { listen go: int\n create w = W\n on go { stop w } }",
            "go",
            "`Main/w` is at work: stopping",
        ),
        ("coglet Main { listen go: int\n on go { stop self } }", "go", "the system has ended"),
        (
            'coglet W { listen x: int\n on x { fail "no" } }\ncoglet Main { listen go: int\n create w = W { restart: on_error, backoff: 1h }\n on go as v { w.x <- v } }',
            "go",
            "`Main/w` is at work: failed",
        ),
    ],
)
def test_what_stands_in_the_way_is_named(text: str, drive: str, why: str) -> None:
    kernel = Kernel(Unit(build(text, "Main")))
    kernel.keeps_courses = True
    kernel.start({})
    kernel.run()
    kernel.effects = []
    assert obstacle(kernel) == ""
    kernel.input(drive, 1)
    kernel.run()
    kernel.effects = []
    assert why in obstacle(kernel)


TWICE = """
program f(x: int) -> int = shell ["echo", "{{ x }}"]
coglet Main {
  listen go: int
  transmit out: int
  on go as v {
    let r = f(v)
    out <- r
  }
  on go as v { out <- v * 10 }
}
"""


def test_the_rest_of_a_message_whose_turn_is_picked_stands_in_the_way() -> None:
    kernel = ordered(1)(Unit(build(TWICE, "Main")), 7, 5)
    kernel.keeps_courses = True
    kernel.start({})
    kernel.input("go", 1)
    kernel.run(150)
    kernel.effects.clear()
    assert obstacle(kernel) == "" and kernel.root is not None
    (call,) = kernel.calls
    kernel.result(call, 1)
    while kernel.root.gate:
        kernel.run(1)
    assert kernel.root.rest
    kernel.ready.clear()  # as where the turn of other coglets comes first
    kernel.effects.clear()
    assert obstacle(kernel) == "a step of `Main` waits for its turn"


@pytest.mark.parametrize("damage", ["form", "tree", "timers", "models"])
def test_what_is_no_snapshot_is_refused(damage: str) -> None:
    data = snapshot_of(COUNTER)
    data[damage] = 77
    with pytest.raises(Misfit):
        restore(Kernel(Unit(build(COUNTER, "Main"))), data)


ENDING = """coglet C { transmit y: int
  on stop { y <- 1
    y <- 2 } }
coglet Main { transmit out: int
  create c = C * 3
  on c.y as y { out <- y } }"""


@pytest.mark.parametrize("order", range(1, 7))
def test_a_run_with_a_seed_comes_to_its_end_with_messages_for_a_root_that_has_stopped(order: int) -> None:
    kernels = [ordered(chosen)(Unit(build(ENDING, "Main"))) for chosen in (0, order)]
    for kernel in kernels:
        kernel.start({})
        kernel.run()
        kernel.stop()
        kernel.run()
        assert kernel.ended == "stopped" and not kernel.busy
    assert kernels[0].losses.letters == kernels[1].losses.letters
