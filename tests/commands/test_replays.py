"""Replays: what they refuse, and that they end as the recorded run did."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogc.run.journal import Journal
from support.cli import cogc_here

TICKS = "coglet Main { transmit o: int\n every 1s { o <- 1 } }"
AGENT = 'model m = scripted "s.yml"\nagent A { model: m\n system: "x" }'
KNOT = """coglet A { listen x: int { capacity: 1 }
  transmit y: int
  on x as v { y <- v
    y <- v } }
coglet Main { create a = A
  create b = A
  link a.y -> b.x
  on b.y as v { a.x <- v }
  on start { a.x <- 1 } }"""


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    (tmp_path / "a.cog").write_text(TICKS)
    assert cogc_here("run", "a.cog", "--sim", "--for", "2s", "--record", "j", cwd=tmp_path).returncode == 0
    return tmp_path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--trace=j",), "`j` is being replayed, and is not overwritten"),
        (("--record", "k"), "--record has no meaning with --replay"),
        (("--instance", "x"), "--instance has no meaning with --replay"),
        (("--fresh",), "--fresh has no meaning with --replay"),
        (("--control",), "--control has no meaning with --replay"),
        (("--registry", "memory"), "--registry has no meaning with --replay"),
        (("--token", "T"), "--token goes with --serve"),
        (("--trace=no/such/folder/t",), "cannot write `no/such/folder/t`: no such file or directory"),
    ],
)
def test_what_a_replay_refuses(recorded: Path, options: tuple[str, ...], words: str) -> None:
    before = (recorded / "j").read_bytes()
    done = cogc_here("run", "a.cog", "--replay", "j", *options, cwd=recorded)
    assert done.returncode == 2 and done.stdout == "" and words in done.stderr
    assert (recorded / "j").read_bytes() == before and not (recorded / "k").exists()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none", "no such file or directory"),
        (".", "is a directory"),
        ("a.cog", "it is not a journal, or one of another version of cogc"),
        ("runtime", "it is the recording of a runtime, not of a run of coglets"),
        ("sett", "it is the recording of a sett, not of a run of coglets"),
        ("short", "line 1: the line has no `epoch`; it takes "),
    ],
)
def test_what_is_no_recording_of_the_run_is_named(recorded: Path, path: str, words: str) -> None:
    head = {"run": "r", "seed": 1, "epoch": 0}
    heads = {"runtime": head, "sett": {**head, "program": "p", "sett": "goal"}, "short": {"run": "r", "seed": 1}}
    for name, first in heads.items():
        with open(recorded / name, "wb") as file:
            Journal(file, first).flush()
    done = cogc_here("run", "a.cog", "--replay", path, cwd=recorded)
    assert done.returncode == 2 and done.stderr.startswith(f"cogc: cannot replay `{path}`: {words}")


def test_a_runtime_replays_no_run_and_keeps_what_it_replays(recorded: Path) -> None:
    done = cogc_here("runtime", "replay", "j", cwd=recorded)
    assert done.returncode == 2 and "of a run of coglets, not of a runtime" in done.stderr
    with open(recorded / "r", "wb") as file:
        Journal(file, {"run": "r", "seed": 1, "epoch": 0}).flush()
    before = (recorded / "r").read_bytes()
    done = cogc_here("runtime", "replay", "r", "--trace", "r", cwd=recorded)
    assert done.returncode == 2 and "is being replayed" in done.stderr and (recorded / "r").read_bytes() == before


def test_a_trace_of_a_replay_that_is_lost_is_said(recorded: Path) -> None:
    done = cogc_here("run", "a.cog", "--replay", "j", "--trace=/dev/full", cwd=recorded)
    assert (done.returncode, done.stdout) == (3, "o: 1\no: 1\n") and "no space left" in done.stderr


@pytest.mark.parametrize(
    ("text", "options", "code", "words"),
    [
        (AGENT, ("--root", "A", "--goal", "hi"), 3, "the agent failed: "),
        (KNOT, (), 3, "the run is in deadlock"),
        ('coglet Main { on start { fail "no" } }', (), 3, "the run failed: no"),
        (
            'dod D { one: shell ["false"] }',
            ("--root", "D", "--input", "verify={}"),
            4,
            "the definition of done is not met",
        ),
    ],
)
def test_a_replay_ends_as_the_run_did(
    tmp_path: Path, text: str, options: tuple[str, ...], code: int, words: str
) -> None:
    (tmp_path / "a.cog").write_text(text)
    (tmp_path / "s.yml").write_text('- error: { message: "refused" }\n')
    first = cogc_here("run", "a.cog", "--record", "j", *options, cwd=tmp_path)
    again = cogc_here("run", "a.cog", "--replay", "j", *options, cwd=tmp_path)
    assert first.returncode == code and words in first.stderr, first.stderr
    assert (again.returncode, again.stdout) == (first.returncode, first.stdout) and words in again.stderr
