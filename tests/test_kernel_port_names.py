"""The kernel's own ports never meet a channel of a program, whatever its name is."""

from __future__ import annotations

import pytest

from cogc.run import report
from support.sim import Sim

OWN = ["later", "result", "results", "commands", "laterally"]  # the checker refuses a channel `stop`


def fast_and_traced(text: str) -> list[Sim]:
    """A traced run and one that takes the fast path must do the same."""
    return [Sim(text), Sim(text, traced=True)]


@pytest.mark.parametrize("name", OWN)
def test_the_report_of_a_failure_shows_messages_on_every_channel_of_the_program(name: str) -> None:
    sim = Sim(
        f'program slow(x: int) -> int = shell ["true"]\ncoglet Main {{ listen {name}: int\n'
        f' on {name} as v debounce 1s {{ let n = slow(v)\n fail "no" }} }}'
    )
    sim.send(name, 7).run(2).answer(1)
    shown = report.failure(sim.kernel).splitlines()
    assert [line for line in shown if line.startswith("    Main")] == [f"    Main.{name} 7"]
    assert not [line for line in shown if "function" in line or "null" in line]


@pytest.mark.parametrize("name", OWN)
def test_a_link_from_a_channel_forwards_its_messages_and_no_step_of_the_kernel(name: str) -> None:
    for sim in fast_and_traced(
        f"coglet W {{ listen x: any\n transmit y: any\n on x as v {{ y <- v }} }}\n"
        f"coglet Main {{ listen {name}: int\n listen go: int\n transmit out: any\n create w = W\n"
        f" link self.{name} -> w.x\n on w.y as v {{ out <- v }}\n on go as v debounce 1s {{ out <- [v] }} }}"
    ):
        sim.send("go", 1).run(2).send(name, 5)
        assert sim.sent("out") == [[1], 5]


@pytest.mark.parametrize("name", OWN)
def test_an_await_takes_a_message_of_its_channel_and_no_step_of_the_kernel(name: str) -> None:
    for sim in fast_and_traced(
        f"coglet Main {{ listen {name}: int\n listen go: int\n listen quiet: int\n transmit out: any\n"
        f' on go as v {{ let a = await self.{name} timeout 9s\n out <- ["awaited", a] }}\n'
        f" on quiet as v debounce 1s {{ out <- v }} }}"
    ):
        sim.send("quiet", 3).send("go", 1).run(2).send(name, 5)
        assert sim.sent("out") == [["awaited", 5], 3]


def test_a_pool_may_grow_after_a_debounced_reaction_has_run() -> None:
    for sim in fast_and_traced(
        "coglet W { listen x: int\n transmit y: int\n on x as v { y <- v } }\n"
        "coglet Main { listen quiet: int\n listen go: int\n transmit out: int\n create w = W * 0..4\n"
        " on w.y as v { out <- v }\n on quiet as v debounce 1s { out <- v }\n"
        " on go as v { create w()\n w.x <- v } }"
    ):
        sim.send("quiet", 3).run(2).send("go", 4)
        assert sim.kernel.report is None and sim.sent("out") == [3, 4]
