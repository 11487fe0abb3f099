"""Simulation: two runs with one seed and the same inputs give one trace, whatever the surroundings and however long calls take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import cogc

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
SURROUNDINGS: list[dict[str, str]] = [
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
]


def trace_of(folder: Path, words: list[str], surroundings: dict[str, str]) -> bytes:
    file = folder / f"{surroundings['PYTHONHASHSEED']}.jsonl"
    done = cogc("run", *words, "--sim", "--seed", "7", f"--trace={file}", **surroundings)
    assert done.returncode == 0, done.stderr
    return file.read_bytes()


@pytest.mark.parametrize("words", EXAMPLES, ids=lambda words: words[0])
def test_an_example_gives_one_trace(words: list[str], tmp_path: Path) -> None:
    first, second = (trace_of(tmp_path, [f"examples/{words[0]}", *words[1:]], s) for s in SURROUNDINGS)
    assert first == second


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
    assert cogc("run", spec, "--sim").stdout == "o: 2000-01-01T00:00:00Z\n"
    assert (
        cogc("run", spec, "--sim", "--epoch", "2026-01-31T08:00:00+01:00", TZ="Asia/Tokyo").stdout
        == "o: 2026-01-31T07:00:00Z\n"
    )
    for words in (["--sim", "--epoch", "soon"], ["--epoch", "2026-01-31"]):
        done = cogc("run", spec, *words)
        assert done.returncode == 2 and "--epoch" in done.stderr


def test_the_run_is_named_after_its_inputs(tmp_path: Path) -> None:
    spec, file = tmp_path / "a.cog", tmp_path / "t.jsonl"
    spec.write_text("coglet Main {\n  listen a: int\n  transmit o: int\n  on a as x { o <- x }\n}\n")
    names = []
    for seed, value in (("1", "5"), ("1", "5"), ("2", "5"), ("1", "6")):
        cogc("run", spec, "--sim", "--seed", seed, "--input", f"a={value}", f"--trace={file}")
        names.append(json.loads(file.read_bytes().splitlines()[0])["run"])
    assert names[0] == names[1] and len(set(names)) == 3


def test_the_timeout_of_a_question_passes_on_the_virtual_clock(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(
        "program ok(what: string) -> bool = human { timeout: 3m }\ncoglet Main {\n  transmit o: string\n"
        '  on start {\n    let a = try ok("go?") else null\n    o <- "escalated" if a == null else "answered"\n  }\n}\n'
    )
    assert cogc("run", "a.cog", "--sim", "--questions", "wait", cwd=tmp_path).stdout == "o: escalated\n"
    assert cogc("run", "a.cog", "--sim", "--answer", "ok=yes", cwd=tmp_path).stdout == "o: answered\n"
