"""Losses of a run: failures and messages to which nobody listens, restarts, dead letters, dropped messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogc.run import report
from support.cli import cogc_here
from support.sim import Sim
from support.specs import check_text

AGENT = """
model m = scripted "a.yml"
agent Clerk { model: m }
coglet Main {
  listen task: string
  transmit answer: string
  create clerk = Clerk
  link self.task -> clerk.task
  link clerk.result -> self.answer
  HEARD
}
"""
HEARD = [
    "on clerk.failed as f { answer <- f.message }",
    'on clerk.failed as f when f.kind == "x" { answer <- f.message }',
    "on task as t { let f = await clerk.failed\n answer <- f.message }",
]


def codes(text: str) -> list[str]:
    return [d.slug for d in check_text(text, "a.cog", **{"a.yml": "- reply: done\n"})[1]]


@pytest.mark.parametrize("heard", HEARD)
def test_a_reaction_or_an_await_listens_to_a_failure(heard: str) -> None:
    assert codes(AGENT.replace("HEARD", heard)) == []


def test_check_warns_where_nobody_listens_to_a_failure() -> None:
    assert codes(AGENT.replace("HEARD", "")) == ["unheard-failure"]


DESK = """
coglet Inner {
  transmit trouble: any
  create clerk = Clerk
  on start { clerk.task <- "x" }
  on clerk.result as r { log info r }
  link clerk.failed -> self.trouble
}
coglet Outer {
  transmit trouble: any
  create inner = Inner
  MIDDLE
}
coglet Main {
  transmit trouble: any
  create outer = Outer
  END
}
"""


@pytest.mark.parametrize(
    ("middle", "end", "found"),
    [
        ("link inner.trouble -> self.trouble", "link outer.trouble -> self.trouble", 0),
        ("link inner.trouble -> self.trouble", "on outer.trouble as t { log info t }", 0),
        ("link inner.trouble -> self.trouble", "", 1),
        ("on inner.trouble as t { log info t }", "", 0),
        ("", "link outer.trouble -> self.trouble", 1),
    ],
)
def test_a_link_to_a_channel_counts_where_somebody_listens_to_the_channel(middle: str, end: str, found: int) -> None:
    text = 'model m = scripted "a.yml"\nagent Clerk { model: m }\n' + DESK.replace("MIDDLE", middle).replace("END", end)
    assert codes(text).count("unheard-failure") == found


@pytest.mark.parametrize(("heard", "code"), [("", 3), (HEARD[0], 0)])
def test_a_failure_of_an_agent_is_said_and_makes_the_exit_code(tmp_path: Path, heard: str, code: int) -> None:
    (tmp_path / "a.cog").write_text(AGENT.replace("HEARD", heard))
    (tmp_path / "a.yml").write_text("- error: {message: boom, status: 400}\n")
    for quiet in ((), ("--quiet",)):
        done = cogc_here("run", "a.cog", "--input", "task=x", *quiet, cwd=tmp_path)
        assert done.returncode == code
        assert (
            "error Main/clerk: this agent failed, and nobody listens to `failed`: `Clerk`: boom" in done.stderr
        ) == (code == 3)
        assert ("dead letter: unheard 1" in done.stderr) == (code == 3 and not quiet)


RELAYS = """
model m = scripted "a.yml"
agent Clerk { model: m }
coglet Relay {
  transmit failed: any
  create clerk = Clerk
  on start { clerk.task <- "x" }
  link clerk.failed -> self.failed
  MORE
}
coglet Office {
  transmit problems: any
  create relay = Relay
  link relay.failed -> self.problems
}
coglet Deaf { create office = Office }
coglet Hearing { create office = Office
  on office.problems as p { log info "heard" } }
coglet Passing { transmit out: any
  create office = Office
  link office.problems -> self.out }
"""


@pytest.mark.parametrize(
    ("root", "more", "code"),
    [("Deaf", "", 3), ("Hearing", "", 0), ("Passing", "", 0), ("Deaf", 'on clerk.failed as f { log info "heard" }', 0)],
)
def test_a_failure_that_relays_take_to_nobody_is_said_once(tmp_path: Path, root: str, more: str, code: int) -> None:
    (tmp_path / "a.cog").write_text(RELAYS.replace("MORE", more))
    (tmp_path / "a.yml").write_text("- error: {message: boom, status: 400}\n")
    for options in ((), ("--trace=t.jsonl", "--seed", "1")):
        done = cogc_here("run", "a.cog", "--root", root, *options, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        said = "office/relay/clerk: this agent failed, and nobody listens to `failed`: `Clerk`: boom\n"
        assert done.stderr.count(said) == done.stderr.count("dead letter: unheard 1") == (code == 3)
    assert ('"reason":"unheard"' in (tmp_path / "t.jsonl").read_text()) == (code == 3)


LOSSES = """
coglet Worker {
  listen x: int { capacity: 1, overflow: drop_newest }
  listen y: int
  transmit progress: int
  transmit muttered: int
  on x as v { progress <- v }
  on y as v { if v == 0 { fail "zero" } }
}
coglet Main {
  listen go: int
  create w = Worker { restart: on_error }
  on go as v { w.x <- v
    w.x <- v
    w.y <- v
    if v == 2 { stop w
      w.y <- v } }
}
"""


def test_what_a_run_lost_is_a_line_for_each_kind() -> None:
    sim = Sim(LOSSES).send("go", 0)
    sim.run(1).send("go", 2)
    assert report.losses(sim.kernel.losses).splitlines() == [
        "cogc: lost: 1 failure handled by a restart: Main/w 1",
        "cogc: lost: 3 dead letters: stopped 3",
        "cogc: lost: 2 messages dropped by full inboxes",
        "cogc: lost: 1 message to which nobody listened: Worker.progress 1",
    ]


def test_what_stopping_leaves_behind_is_no_loss() -> None:
    sim = Sim(LOSSES.replace("stop w", "stop self"))
    sim.kernel.stop()
    sim.send("go", 1)
    assert report.losses(sim.kernel.losses) == ""
