"""Simulation: two runs with one seed and the same inputs give one trace, whatever the surroundings and however long calls take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.cli import cogc, cogc_here
from support.games import GAMES
from support.paths import ROOT

EXAMPLES: list[list[str]] = [
    ["counter/counter.cog", "--for", "3s"],
    ["crash/crash.cog"],
    ["sensor/sensor.cog", "--for", "12s"],
    ["tree/tree.cog", "--for", "12s"],
    ["pipeline/pipeline.cog", "--set", "items=3"],
    ["python_program/words.cog", "--input", "text=a b a"],
    ["lint/lint.cog", "--set", "folder=examples"],
    ["research/research.cog", "--workspace", "examples/research", "--input", "question=a tide mill?"],
    ["triage/triage.cog", "--input", "message=I was charged twice"],
    ["trial/trial.cog", "--root", "Trial", "--input", "motion=Tabs over spaces"],
    ["multi.cog", "--for", "4s", "--input", "number=5"],
]
SEEN = {
    "agent": 0, "step": 0, "row": 5, "col": 5, "radius": 6, "inventory": {}, "store": {},
    "things": [{"row": 5, "col": 7, "kind": "hub", "owner": "cogs"}],
}  # fmt: skip
LONGER: list[list[str]] = [
    ["chat/chat.cog", "--input", 'say={"user":"ada","text":"My name is Ada"}', "--input", 'say={"user":"bob","text":"Who am I?"} at 1m'],
    ["library/library.cog", "--root", "Librarian", "--input", "task=Something about compilers?"],
    ["notes/notes.cog"],
    ["review/review.cog"],
    ["oncall/oncall.cog", "--for", "15m", "--input", 'alert={"id":"a1","text":"disk full"}', "--input", 'ack={"id":"a1","by":"grace"} at 7m'],
    ["recipes/recipes.cog", "--workspace", "examples/recipes", "--goal", "A recipe for a classic bolognese"],
    ["feature", "--goal", "Make the failing tests pass"],
    ["cvc/policy.cog", "--root", "Policy", "--set", "agents=1", "--set", "review=1", "--input", f"seen={json.dumps(SEEN)}"],
    ["cvc/coach.cog", "--workspace", "examples/cvc", "--set", "seeds=[1, 2, 3]", "--set", "steps=10"],
]  # fmt: skip
"""The examples with servers, repositories and tools of their own. Of the player of `cvc` the games measure real time, and are not simulated."""
SURROUNDINGS: list[dict[str, str]] = [
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
]
RUNS = int(os.environ.get("COGC_REPEATS", "3"))
"""How often a campaign runs each example."""


def trace_of(folder: Path, words: list[str], surroundings: dict[str, str]) -> bytes:
    file = folder / f"{surroundings['PYTHONHASHSEED']}.jsonl"
    done = cogc("run", *words, "--sim", "--seed", "7", f"--trace={file}", **surroundings)
    assert done.returncode == 0, done.stderr
    return file.read_bytes()


@pytest.mark.parametrize("words", EXAMPLES, ids=lambda words: words[0])
def test_an_example_gives_one_trace(words: list[str], tmp_path: Path) -> None:
    first, second = (trace_of(tmp_path, [f"examples/{words[0]}", *words[1:]], s) for s in SURROUNDINGS)
    assert first == second


def test_each_example_has_its_trace_compared() -> None:
    compared = {words[0].split("/")[0] for words in (*EXAMPLES, *LONGER)}
    there = {p.name for p in (ROOT / "examples").iterdir() if p.is_dir() and p.name != "mistakes"}
    assert there - {"__pycache__"} <= compared | {"multi.cog"}


@pytest.mark.campaign
@pytest.mark.parametrize("words", [*EXAMPLES, *LONGER], ids=lambda words: words[0])
def test_an_example_gives_one_trace_at_load(words: list[str], tmp_path: Path) -> None:
    """Each run starts from the same copy of the examples, with other seeds of hashes, zones and locales, while every core is busy."""
    if words[0].startswith("notes"):
        pytest.importorskip("mcp", reason="the server of the example needs the package mcp")
    whole, place = tmp_path / "whole", tmp_path / "place"
    shutil.copytree(
        ROOT / "examples", whole / "examples", ignore=shutil.ignore_patterns("work", ".venv", "__pycache__")
    )
    (whole / "examples" / "cvc" / "games.py").write_text(GAMES)
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", "-C", str(whole), *command], check=True)
    traces = set()
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            busy = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(busy.kill)
        for i in range(RUNS):
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(whole, place)
            around = {
                "PYTHONHASHSEED": str(i * 37), "TZ": ("UTC", "Asia/Tokyo", "America/St_Johns", "Pacific/Chatham")[i % 4],
                "LC_ALL": ("C", "C.UTF-8", "de_DE.UTF-8")[i % 3], "GIT_CONFIG_GLOBAL": "/dev/null",
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "XDG_STATE_HOME": str(tmp_path / f"state{i}"),
            }  # fmt: skip
            where = f"examples/{words[0]}"
            done = cogc("run", where, *words[1:], "--sim", "--seed", "7", "--trace=t.jsonl", cwd=place, **around)
            assert done.returncode == 0, done.stderr
            traces.add((place / "t.jsonl").read_bytes())
    assert len(traces) == 1


SPEC = """
program slow(x: int) -> int = python "work:slow"
program process(x: int) -> int = shell ["sh", "-c", "sleep 0.0{{ 9 - x }}; echo {{ x }}"] { output: json }
queue jobs: int = sqlite "jobs.db"
coglet Leaf(name: string) = python "work:Leaf" { transmit said: string }
coglet Work {
  transmit out: any
  on jobs as n { out <- ["job", process(n)] }
}
coglet Main {
  transmit out: any
  listen a: int
  create leaf = Leaf(name: "n" + str(i)) for i in range(4)
  create work = Work * 3
  link leaf.said -> self.out
  link work.out -> self.out
  on start { for i in range(4) { jobs <- i } }
  on a as x concurrent 4 { out <- ["slow", slow(x), now()] }
}
"""
WORK = """
import random
import time

import trio

from cogc.sdk import Coglet, LifeLet, sleep

order = []


def slow(x):
    time.sleep(random.random() / 30)
    return x


class Leaf(Coglet, LifeLet):
    def __init__(self, name):
        self.name = name

    async def on_start(self):
        order.append(self.name)
        await self.transmit("said", " ".join(order))
        await trio.sleep(random.random() / 30)
        await sleep(1)
        order.append(self.name)
        await self.transmit("said", " ".join(order))
"""


def test_threads_processes_queues_and_methods_that_share_memory_give_one_trace(tmp_path: Path) -> None:
    (tmp_path / "main.cog").write_text(SPEC)
    (tmp_path / "work.py").write_text(WORK)
    words = [str(tmp_path / "main.cog"), *(w for x in range(4) for w in ("--input", f"a={x}"))]
    first, second = (trace_of(tmp_path, words, s) for s in SURROUNDINGS)
    assert first == second
    records: list[dict[str, Any]] = [json.loads(line) for line in first.splitlines()]
    assert {r["run"] for r in records} == {records[0]["run"]} and records[0]["run"].startswith("sim-")
    said = [r["data"] for r in records if r["kind"] == "transmit" and r["channel"] == "said"]
    assert said == [" ".join(f"n{i // 2}" for i in range(n)) for n in range(1, 9)]
    assert not (tmp_path / "jobs.db").exists()


def test_the_clock_starts_where_it_is_told(tmp_path: Path) -> None:
    spec = tmp_path / "a.cog"
    spec.write_text("coglet Main {\n  transmit o: string\n  on start { o <- str(now()) }\n}\n")
    assert cogc_here("run", spec, "--sim").stdout == "o: 2000-01-01T00:00:00Z\n"
    assert (
        cogc("run", spec, "--sim", "--epoch", "2026-01-31T08:00:00+01:00", TZ="Asia/Tokyo").stdout
        == "o: 2026-01-31T07:00:00Z\n"
    )
    for words in (["--sim", "--epoch", "soon"], ["--epoch", "2026-01-31"]):
        done = cogc_here("run", spec, *words)
        assert done.returncode == 2 and "--epoch" in done.stderr


def test_the_run_is_named_after_its_inputs(tmp_path: Path) -> None:
    spec, file = tmp_path / "a.cog", tmp_path / "t.jsonl"
    spec.write_text("coglet Main {\n  listen a: int\n  transmit o: int\n  on a as x { o <- x }\n}\n")
    names = []
    for seed, value in (("1", "5"), ("1", "5"), ("2", "5"), ("1", "6")):
        cogc_here("run", spec, "--sim", "--seed", seed, "--input", f"a={value}", f"--trace={file}")
        names.append(json.loads(file.read_bytes().splitlines()[0])["run"])
    assert names[0] == names[1] and len(set(names)) == 3


def test_the_timeout_of_a_question_passes_on_the_virtual_clock(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        "program ok(what: string) -> bool = human { timeout: 3m }\ncoglet Main {\n  transmit o: string\n"
        '  on start {\n    let a = try ok("go?") else null\n    o <- "escalated" if a == null else "answered"\n  }\n}\n'
    )
    assert cogc_here("run", "a.cog", "--sim", "--questions", "wait", cwd=tmp_path).stdout == "o: escalated\n"
    assert cogc_here("run", "a.cog", "--sim", "--answer", "ok=yes", cwd=tmp_path).stdout == "o: answered\n"
