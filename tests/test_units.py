"""A program is compiled once: kernels share its unit, and one kernel holds coglets of several units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cogc.kernel.coder import Coder
from cogc.kernel.effects import Output
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.values import Failure
from cogc.run.build import build_session
from cogc.run.people import People
from cogc.run.session import RunOptions
from cogc.run.settings import Settings
from support.orders import guest as guest_of
from support.sessions import finished
from support.sim import Sim
from support.specs import build

COUNTER = """
const STEP: int = 2
coglet Inner { listen x: int
  transmit y: int
  state n: int = 0
  on x as v { n = n + v * STEP
    y <- n } }
coglet Main(start: int = 0) { listen go: int
  transmit out: int
  transmit at: time
  create inner = Inner
  on go as v { inner.x <- v + start }
  on inner.y as v { out <- v
    at <- now() } }
"""
LOUD = """
coglet Main(word: string) { listen say: string
  transmit said: string
  state times: int = 0
  on say as s { times = times + 1
    said <- "{{ word }} {{ s }} {{ times }}" } }
"""


def started(unit: Unit, epoch: int = 0, traced: bool = False, **parameters: Any) -> Kernel:
    kernel = Kernel(unit, 0, epoch, traced)
    kernel.start(parameters)
    kernel.run()
    return kernel


def sent(kernel: Kernel, channel: str, value: Any) -> list[Any]:
    """What the root transmits for one input."""
    kernel.input(channel, value)
    kernel.run()
    effects, kernel.effects = kernel.effects, []
    return [e.value for e in effects if isinstance(e, Output)]


def test_kernels_in_turn_share_a_unit_and_nothing_else() -> None:
    unit = Unit(build(COUNTER))
    for _ in range(2):
        kernel = started(unit, start=10)
        assert [sent(kernel, "go", 1)[0], sent(kernel, "go", 1)[0]] == [22, 44]


def test_kernels_side_by_side_each_reach_their_own_services() -> None:
    unit = Unit(build(COUNTER))
    first, second = started(unit, epoch=1), started(unit, epoch=5, start=100)
    first.advance(7)
    seen = [(sent(first, "go", i), sent(second, "go", i)) for i in (1, 2)]
    assert [[a[0], b[0]] for a, b in seen] == [[2, 202], [6, 406]]
    assert [(a[1].nanos, b[1].nanos) for a, b in seen] == [(8, 5), (8, 5)]


def test_nothing_is_compiled_for_the_second_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = Unit(build(COUNTER))
    sent(started(unit), "go", 1)
    monkeypatch.setattr(Coder, "_make", lambda *_: pytest.fail("compiled again"))
    assert sent(started(unit, start=1), "go", 1)[0] == 4


def test_kernels_that_trace_and_kernels_that_do_not_share_a_unit() -> None:
    unit = Unit(build(COUNTER))
    plain, traced = started(unit), started(unit, traced=True)
    assert sent(plain, "go", 1)[0] == sent(traced, "go", 1)[0] == 2
    assert traced.trace is not None
    assert [r["data"] for r in traced.trace.records if r["kind"] == "state"] == [2]
    assert [r["kind"] for r in traced.trace.records] == [r["kind"] for r in _alone(COUNTER)]


def _alone(text: str) -> list[dict[str, Any]]:
    sim = Sim(text, traced=True).send("go", 1)
    assert sim.kernel.trace is not None
    return sim.kernel.trace.records


def test_one_kernel_holds_coglets_of_two_units() -> None:
    counter, loud = Unit(build(COUNTER)), Unit(build(LOUD))
    kernel = started(counter, traced=True)
    assert kernel.root is not None and kernel.trace is not None
    child = guest_of(kernel, loud, word="well,")
    kernel.run()
    assert kernel.units == [counter, loud]
    assert child.path == "Main/guest" and child.code.unit is loud and kernel.root.code.unit is counter
    kernel.send(kernel.root, "guest", None, "say", "hello")
    assert sent(kernel, "go", 3)[0] == 6
    assert [r["data"] for r in kernel.trace.records if r["kind"] == "transmit" and r["path"] == "Main/guest"] == [
        "well, hello 1"
    ]


BOTH = """
model m = scripted "m.yml"
queue jobs: int = memory
program f(x: int) -> string = python "m:f"
program s(x: int) -> string = shell ["echo", "shell of NAME"]
program l(x: int) -> string = llm { model: m, prompt: "say {{ x }}" }
program h(x: int) -> string = human { choices: ["NAME", "other"] }
coglet Main { transmit out: any
  on start { out <- [f(1), s(1), l(1), h(1)]
    jobs <- NUMBER }
  on jobs as n { out <- n } }
"""


def test_a_session_carries_out_the_programs_of_each_unit(tmp_path: Path) -> None:
    units = {}
    for number, name in enumerate(("host", "guest")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "m.py").write_text(f"def f(x):\n    return 'python of {name}'\n")
        (folder / "m.yml").write_text(f"- model of {name}\n")
        text = BOTH.replace("NAME", name).replace("NUMBER", str(number))
        units[name] = Unit(build(text, name=str(folder / "spec.cog")))
    records: list[dict[str, Any]] = []

    def adopt(_output: Output) -> None:
        kernel = made.kernel
        if len(kernel.units) == 1:
            assert kernel.root is not None
            guest_of(kernel, units["guest"])

    options = RunOptions(on_output=adopt, on_records=records.extend)
    people = People({"h": ["1"]})
    made = build_session(units["host"], options, Settings(people=people))
    finished(made)
    said = {
        path: [r["data"] for r in records if r["kind"] == "transmit" and r["path"] == path]
        for path in ("Main", "Main/guest")
    }
    assert said == {
        "Main": [["python of host", "shell of host", "model of host", "host"], 0],
        "Main/guest": [["python of guest", "shell of guest", "model of guest", "guest"], 1],
    }


def test_a_unit_with_the_same_program_is_held_once() -> None:
    first, second = Unit(build(LOUD)), Unit(build(LOUD))
    kernel = started(first, word="a")
    assert kernel.root is not None
    child = guest_of(kernel, second, word="b")
    assert child.code.unit is first and kernel.units == [first]


def test_a_guest_that_fails_has_the_place_of_its_own_unit() -> None:
    guest = Unit(build("coglet Main { listen x: int\n on x as v { log info 1 // (v - v) } }", name="guest.cog"))
    kernel = started(Unit(build(COUNTER)), traced=True)
    assert kernel.root is not None and kernel.trace is not None
    guest_of(kernel, guest)
    kernel.send(kernel.root, "guest", None, "x", 1)
    kernel.run()
    failed = next(r for r in kernel.trace.records if r["kind"] == "fail")
    assert failed["path"] == "Main/guest" and failed["at"].startswith("guest.cog:2:")
    kernel.advance(10**9)
    kernel.run()
    kernel.send(kernel.root, "guest", None, "x", 1)  # it has been restarted, and fails again
    kernel.run()
    assert len([r for r in kernel.trace.records if r["kind"] == "fail"]) == 2


MOVED = "coglet Main { listen x: int\n on x as v { log info 1 // (v - v) } }"


def test_the_hash_of_a_program_ignores_where_its_text_stands() -> None:
    plain, moved = build(MOVED), build(f"# a comment\n\n{MOVED}", name="other.cog")
    assert plain.positions != moved.positions and plain.hash == moved.hash
    assert build(MOVED.replace("1 //", "2 //")).hash != plain.hash


def test_a_guest_with_the_same_program_at_another_place_has_its_own_places() -> None:
    kernel = started(Unit(build(MOVED)), traced=True)
    guest = Unit(build(f"# a comment\n\n{MOVED}", name="guest.cog"))
    assert kernel.root is not None and kernel.trace is not None
    child = guest_of(kernel, guest)
    assert child.code.unit is guest
    kernel.send(kernel.root, "guest", None, "x", 1)
    kernel.run()
    assert [r["at"] for r in kernel.trace.records if r["kind"] == "fail"] == ["guest.cog:4:14"]


def test_a_guest_is_refused_with_a_parameter_that_it_does_not_have() -> None:
    kernel = started(Unit(build(COUNTER)))
    assert kernel.root is not None
    with pytest.raises(Failure, match="no parameter `wrod`"):
        guest_of(kernel, Unit(build(LOUD)), wrod="x")
    assert list(kernel.root.children or {}) == ["inner"]
