"""What `cogc.testing.simulate` does to a system: kills, losses, doubles, failures of calls, a clock that jumps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cogc import RunError
from cogc.testing import Simulation, delay, observed, real
from support.paths import ROOT

SHOP = """
program charge(id: string) -> string = shell ["./charge", id] { timeout: 10s }
program pay(id: string) -> string = shell ["./charge", id] { timeout: 10s, on_resume: fail }
program half(n: int) -> int = python "mine:half"
queue jobs: int = memory

coglet Worker {
  listen job: int
  transmit done: int
  state taken: int = 0
  enact note(n: int, m: int = 2) { taken = taken + n * m }
  on job as j { taken = taken + 1; done <- j * 2 }
}
coglet Main {
  listen tea: string
  listen milk: string
  listen go: int
  transmit paid: string
  transmit why: string
  transmit out: int
  transmit beat: int
  state beats: int = 0
  create w = Worker { restart: on_error, backoff: 1s }
  link self.go -> w.job
  link w.done -> self.out
  on tea as id { paid <- charge(id) } else as e { why <- e.kind }
  on milk as id { paid <- pay(id) } else as e { why <- e.kind }
  every 1s { beats = beats + 1; beat <- beats }
}
coglet Halving {
  listen n: int
  transmit halved: int
  on n as x { halved <- half(x) }
}
coglet Queued {
  listen n: int
  transmit got: int
  on n as x { jobs <- x }
  on jobs as j { got <- half(j) }
}
coglet Sums = python "mine:Sums" { listen add: int; transmit sum: int }
"""
MINE = """
from cogc.sdk import Coglet, listen


def half(n: int) -> int:
    return n // 2


class Sums(Coglet):
    def __init__(self):
        self.n = 0

    @listen("add")
    async def add(self, x):
        self.n += x
        await self.transmit("sum", self.n)

    def save(self):
        return self.n

    def load(self, state):
        self.n = state
"""


@pytest.fixture
def started(tmp_path: Path, simulate: Callable[..., Simulation]) -> Callable[..., Simulation]:
    """Return a function that simulates the shop, or another coglet of its file."""
    (tmp_path / "shop.cog").write_text(SHOP)
    (tmp_path / "mine.py").write_text(MINE)

    def begin(root: str = "Main", **script: Any) -> Simulation:
        return simulate(str(tmp_path / "shop.cog"), root=root, script=script, allow_imports=["mine"])

    return begin


Started = Callable[..., Simulation]


def test_a_kill_leaves_all_that_had_happened(started: Started) -> None:
    sim = started()
    sim.send("go", 2)
    sim.run("2500ms")
    sim.guide("Main/w", "note", n=3)
    sim.send("job", 5, to="Main/w")
    sim.kill()
    assert sim.now == 2.5 and sim.outputs["out"] == [4] and sim.outputs["beat"] == [1, 2]
    sim.run("0s")
    assert (
        sim.outputs["out"] == [4, 10]
        and sim.state("Main/w") == {"taken": 8}
        and sim.messages("Main/w", "done") == [4, 10]
    )
    sim.kill("1m")
    assert sim.now == 62.5
    sim.run("600ms")
    assert sim.outputs["beat"] == [1, 2, 3, 4]  # one tick is made up


def test_a_call_that_a_kill_cut_off_is_made_again_under_its_id(started: Started) -> None:
    sim = started(charge=[delay("5s", "receipt"), "receipt, as before"], pay=delay("5s", "never"))
    sim.send("tea", "a")
    sim.run("1s")
    sim.kill("10s")
    sim.run("1s")
    first, second = sim.calls["charge"]
    assert first["id"] == second["id"] and [first["at"], second["at"]] == [0.0, 11.0]
    assert sim.outputs["paid"] == ["receipt, as before"]
    sim.send("milk", "b")
    sim.run("1s")
    sim.kill()
    sim.run("1s")
    assert sim.outputs["why"] == ["resume"]


def test_messages_are_lost_or_doubled_and_calls_fail_also_behind_a_kill(started: Started) -> None:
    sim = started(charge="receipt")
    sim.drop("Main/w", "job")
    sim.duplicate("Main/w", "done", times=2)
    sim.fail("charge")
    sim.kill()
    for n in (1, 2, 3, 4):
        sim.send("go", n)
    sim.send("tea", "a")
    sim.send("tea", "b")
    sim.run("0s")
    assert sim.outputs["out"] == [4, 4, 6, 6, 8]
    assert sim.outputs["paid"] == ["receipt"] and sim.outputs["why"] == ["program"]
    sim.hang("charge")
    sim.send("tea", "c")
    sim.run("9s")
    assert sim.outputs["why"] == ["program"]
    sim.run("2s")
    assert sim.outputs["why"] == ["program", "timeout"]


def test_a_clock_that_jumps_fires_the_timers_before_their_messages_are_taken(started: Started) -> None:
    sim = started()
    sim.advance("5s")
    assert sim.now == 5 and sim.outputs["beat"] == [1]
    sim.crash("Main/w")
    sim.kill()
    sim.send("go", 1)
    sim.run("500ms")
    assert sim.outputs["out"] == []
    sim.run("1s")
    assert sim.outputs["out"] == [2]


def test_a_kill_under_trio_leaves_objects_and_items_of_queues(started: Started) -> None:
    sim = started("Sums")
    sim.send("add", 2)
    sim.run("1s")
    sim.kill()
    sim.send("add", 3)
    sim.run("1s")
    assert sim.outputs["sum"] == [2, 5]
    halving = started("Halving", half=real())
    halving.send("n", 9)
    halving.kill()
    halving.run("1s")
    assert halving.outputs["halved"] == [4] and len(halving.calls["half"]) == 1
    queued = started("Queued", half=[delay("5s", 1), 2])
    queued.send("n", 9)
    queued.run("1s")
    queued.kill()
    queued.run("1s")
    assert queued.outputs["got"] == [2] and len(queued.calls["half"]) == 2


def test_a_run_that_has_ended_is_not_killed_and_nonsense_is_refused(started: Started) -> None:
    sim = started()
    refused: list[tuple[Callable[[], None], str]] = [
        (lambda: sim.kill("soon"), "`soon` is no time"),
        (lambda: sim.drop("Main/w", "nothing"), "`Worker` has no channel `nothing`"),
        (lambda: sim.drop("Main/x", "job"), "there is no coglet `Main/x`"),
    ]
    for act, words in refused:
        with pytest.raises(RunError, match=words):
            act()
    for wrong in (-1, True, "2"):
        with pytest.raises(ValueError, match="a number of times"):
            sim.fail("charge", wrong)  # type: ignore[arg-type]
    sim.drop("Main/w", "job", times=0)
    sim.crash("Main")
    with pytest.raises(RunError, match="crashed by the test"):
        sim.run("1s")
    with pytest.raises(RunError, match="has ended: nothing is left to kill"):
        sim.kill()


def test_more_than_a_simulation_keeps_is_a_run_error(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "MOST", 100)
    sim = started()
    with pytest.raises(RunError, match="at most 100 records"):
        sim.run("1h")


def test_the_page_names_every_method() -> None:
    page = (ROOT / "specs" / "api.md").read_text(encoding="utf-8")
    public = [n for n in vars(Simulation) if not n.startswith("_")]
    assert [n for n in public if f"`{n}(" not in page and f"`{n}`" not in page] == []
