"""Runs that are killed at random times: a queue in SQLite loses nothing and does nothing again that was done, nor does a plan, nor an
instance.

`COGC_FAULTS` says how often each run is killed. The seed is printed; `COGC_SEED` repeats it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from cogc.run.instance import status_of
from cogc.stores import open_store
from cogc.stores.plans import open_plans
from cogc.stores.values import ValueQueue
from support.cli import cogc
from support.state import state
from support.waiting import wait_for

KILLS = max(2, int(os.environ.get("COGC_FAULTS", "2")))
ITEMS = 8 + 2 * KILLS
QUEUE = """
queue q: int = sqlite "q.db" { lease: 300ms, attempts: 1_000_000 }
program work(x: int) -> int = shell ["sh", "-c", "echo {{ x }} >> ledger; sleep 0.03; echo {{ x }}"] { output: json }
coglet Work { transmit out: int
  on q as x { out <- work(x) } }
coglet Main { transmit out: int
  create w = Work * 2
  link w.out -> self.out }
"""
STEP = 'program p{0}() -> string = shell ["sh", "-c", "echo {0} >> ledger; sleep 0.03; echo {0}"]\n'


@pytest.fixture
def dice() -> random.Random:
    seed = int(os.environ.get("COGC_SEED") or random.randrange(1 << 30))
    print(f"COGC_SEED={seed}")
    return random.Random(seed)


def ledger(folder: Path) -> Counter[str]:
    """How often each piece of work was begun."""
    file = folder / "ledger"
    return Counter(file.read_text().split()) if file.exists() else Counter()


def killed(folder: Path, dice: random.Random, over: Callable[[], bool], spec: str, *words: str) -> None:
    """Start a run, let it begin some work, and kill it at a random instant after that."""
    before, wanted = ledger(folder).total(), dice.randint(1, 3)
    command = [sys.executable, "-m", "cogc", "run", spec, *words]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: ledger(folder).total() >= before + wanted or over() or process.poll() is not None)
        time.sleep(dice.uniform(0, 0.08))
        process.kill()


def test_a_queue_loses_nothing_and_does_nothing_again_that_was_done(tmp_path: Path, dice: random.Random) -> None:
    async def put() -> None:
        async with open_store(f"sqlite:{tmp_path}/q.db", "queue:") as store:
            for number in range(ITEMS):
                await ValueQueue(store, "q", 1, 1).put(number)

    async def left() -> set[str]:
        async with open_store(f"sqlite:{tmp_path}/q.db", "queue:") as store:
            return {str(item.value) for item in await ValueQueue(store, "q", 1, 1).items()}

    (tmp_path / "a.cog").write_text(QUEUE)
    trio.run(put)
    done: dict[str, int] = {}
    for _ in range(KILLS):
        killed(tmp_path, dice, lambda: not trio.run(left), "a.cog")
        begun, there = ledger(tmp_path), trio.run(left)
        for number in set(map(str, range(ITEMS))) - there - done.keys():
            assert begun[number] >= 1, f"{number} is lost"
            done[number] = begun[number]
    with subprocess.Popen(
        [sys.executable, "-m", "cogc", "run", "a.cog"], cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as last:
        wait_for(lambda: not trio.run(left))
        last.terminate()
    begun = ledger(tmp_path)
    assert set(begun) == set(map(str, range(ITEMS)))
    assert {number: begun[number] for number in done} == done, "what was done is not done again"


CALLS = """
program work(x: int) -> int = shell ["sh", "-c", "echo $COGC_CALL_ID >> ledger; sleep 0.02; echo {{ x }}"] { output: json }
coglet Work { listen x: int
  transmit out: int
  on x as v { out <- work(v) } }
coglet Main { listen go: int
  transmit out: int
  create w = Work * 2 { map: round_robin }
  link w.out -> self.out
  on go as n { for i in range(n) { w.x <- i } } }
"""


def test_an_instance_loses_nothing_and_repeats_at_most_what_was_under_way(tmp_path: Path, dice: random.Random) -> None:
    """Two calls are under way at most, so that each kill repeats two at most; each output has its number, and is the same when it comes again."""
    count, said = 6 + 2 * KILLS, tmp_path / "said"
    (tmp_path / "a.cog").write_text(CALLS)
    built = cogc("build", "a.cog", "--root", "Main", "-o", "a.json", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    line = [
        sys.executable,
        "-m",
        "cogc",
        "run",
        "a.json",
        "--instance",
        "i",
        "--input",
        f"go={count}",
        "--output",
        "json",
        "--quiet",
    ]
    kills, folder = 0, state(tmp_path) / "instances" / "i"
    while kills < KILLS:
        before, wanted = ledger(tmp_path).total(), dice.randint(1, 3)
        with (
            said.open("ab") as out,
            subprocess.Popen(line, cwd=tmp_path, stdout=out, stderr=subprocess.DEVNULL) as process,
        ):
            wait_for(lambda: ledger(tmp_path).total() >= before + wanted or process.poll() is not None)  # noqa: B023
            time.sleep(dice.uniform(0, 0.05))
            process.kill()
        kills += 1
        if status_of(folder).condition == "ended":
            break
    if status_of(folder).condition != "ended":
        with said.open("ab") as out:
            assert subprocess.run(line, cwd=tmp_path, stdout=out, stderr=subprocess.DEVNULL).returncode == 0
    found: dict[int, int] = {}
    for text in said.read_bytes().split(b"\n"):
        if text.endswith(b"}"):  # the last line before a kill may be torn
            output = json.loads(text)
            assert found.setdefault(output["seq"], output["data"]) == output["data"]
    assert sorted(found) == list(range(1, count + 1)) and sorted(found.values()) == list(range(count))
    begun = ledger(tmp_path)
    assert len(begun) == count and begun.total() - count <= 2 * kills


def test_a_plan_does_no_step_again_that_was_done(tmp_path: Path, dice: random.Random) -> None:
    names = [f"s{i}" for i in range(4 + KILLS)]
    steps = "".join(f"  step {n}{f' after {names[i - 1]}' if i else ''}: p{n}()\n" for i, n in enumerate(names))
    (tmp_path / "a.cog").write_text(
        "".join(STEP.format(n) for n in names) + 'plan P { goal: "g"\n  approve: system\n' + steps + "}\n"
    )
    store = f"sqlite:{tmp_path}/plans.db"
    built = cogc("build", "a.cog", "--root", "P", "-o", "a.json", cwd=tmp_path)  # once, not at each start
    assert built.returncode == 0, built.stderr

    async def completed() -> set[str]:
        async with open_plans(store) as plans:
            return {s["id"] for plan in await plans.list() for s in plan["steps"] if s["status"] == "completed"}

    done: dict[str, int] = {}
    for _ in range(KILLS):
        killed(tmp_path, dice, lambda: trio.run(completed) == set(names), "a.json", "--plans", store)
        begun = ledger(tmp_path)
        done |= {name: begun[name] for name in trio.run(completed) - done.keys()}
    if trio.run(completed) != set(names):
        ended = cogc("run", "a.json", "--plans", store, cwd=tmp_path)
        assert ended.returncode == 0 and trio.run(completed) == set(names), ended.stderr
    begun = ledger(tmp_path)
    assert set(begun) == set(names) and {name: begun[name] for name in done} == done
