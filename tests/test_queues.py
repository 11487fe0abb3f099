"""The language's queues: items are claimed when a coglet is free, given back when it fails, dead when that was too often."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.run import journal
from cogc.run.session import Session
from cogc.run.trace import TraceWriter
from cogc.stores.base import Tx
from cogc.stores.sqlite import SqliteStore
from support.paths import ROOT
from support.redis import RedisServer, needs_redis
from support.sessions import session
from support.specs import build
from support.waiting import DEADLINE, wait_for

SPEC = """
queue late: {{ n: int, at?: time, span?: duration }} = {backend} {{ lease: {lease}, attempts: 2 }}
coglet Work {{
  transmit out: any
  on late as a {{
    if a.n == 13 {{ fail "unlucky" }}
    out <- a.n
  }}
  {more}
}}
coglet Main {{
  listen go: int
  transmit out: any
  create w = Work {{ restart: on_error, backoff: 10ms, max_restarts: 9 }}
  link w.out -> self.out
  on go as g {{ late <- {{ n: g }} }}
}}
"""


def spec(backend: str = "memory", more: str = "", lease: str = "5m") -> str:
    return SPEC.format(backend=backend, more=more, lease=lease)


def run(text: str, *go: int, **options: Any) -> Session:
    return session(build(text, "Main"), inputs=[("go", g) for g in go], **options)


ENDING = """
queue q: int = sqlite "{file}"
coglet Work {{
  transmit out: int
  on q as x {{ out <- x }}
}}
coglet Main {{
  transmit done: string
  state n: int = 0
  create w = Work * 4
  on start {{ for i in range(5) {{ q <- i }} }}
  on w.out as x {{
    n = n + 1
    if n == 5 {{
      done <- "all"
      stop self
    }}
  }}
}}
"""


@pytest.mark.parametrize("turn", range(3))
def test_a_run_that_ends_itself_closes_its_store_after_the_last_call(turn: int, tmp_path: Path) -> None:
    made = session(build(ENDING.format(file=tmp_path / "q.db"), "Main"))
    assert made.outcome == "done" and made.outputs["done"] == ["all"]


def test_a_store_is_closed_after_the_transaction_that_waits_in_a_thread(tmp_path: Path) -> None:
    async def main() -> list[str]:
        order: list[str] = []
        other = sqlite3.connect(tmp_path / "q.db", isolation_level=None)
        store = SqliteStore(tmp_path / "q.db")

        async def work(tx: Tx) -> None:
            tx.put("a", 1)

        async def write() -> None:
            await store.transact(work)
            order.append("written")

        async def close() -> None:
            await store.aclose()
            order.append("closed")

        other.execute("begin immediate")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await wait_all_tasks_blocked()
            nursery.start_soon(close)
            await wait_all_tasks_blocked()
            other.execute("rollback")
        return order

    assert trio.run(main) == ["written", "closed"]


@pytest.mark.parametrize("sim", [False, True])
def test_items_come_one_after_the_other(sim: bool) -> None:
    made = run(spec(), *range(8), sim=sim)
    assert made.outputs["out"] == list(range(8)) and made.outcome == "done"


@pytest.mark.parametrize("sim", [False, True])
@pytest.mark.parametrize("backend", ["memory", "sqlite"])
def test_what_fails_is_given_back_and_dead_when_that_was_too_often(backend: str, sim: bool, tmp_path: Path) -> None:
    where = f'sqlite "{tmp_path}/q.db"' if backend == "sqlite" else backend
    options = {"stop_at": 6 * 10**9} if backend == "sqlite" and not sim else {}
    made = run(spec(where, 'on late.dead as d { out <- ["dead", d.n] }'), 1, 13, 2, sim=sim, **options)
    assert sorted(map(str, made.outputs["out"])) == ["1", "2", "['dead', 13]"]
    if backend == "sqlite" and not sim:  # what is done with leaves nothing behind
        with contextlib.closing(sqlite3.connect(tmp_path / "q.db")) as db:
            assert [db.execute(f"select count(*) from {t}").fetchone() for t in ("records", "members")] == [(0,), (0,)]


def test_a_handled_failure_is_done_with() -> None:
    text = spec().replace("out <- a.n\n  }", "out <- a.n\n  } else as e { out <- [e.message, e.event.n] }")
    assert run(text, 13, 1).outputs["out"] == [["unlucky", 13], 1]


def test_values_keep_their_types(tmp_path: Path) -> None:
    text = f"""
queue late: {{ at: time, span: duration }} = sqlite "{tmp_path}/q.db"
coglet Main {{
  transmit out: any
  on start {{ late <- {{ at: now(), span: 90s }} }}
  on late as a {{ out <- [a.span / 2, a.at + 1s > a.at] }}
}}
"""
    made = session(build(text), sim=True)
    assert [str(v) for v in made.outputs["out"][0]] == ["45s", "True"]


def test_a_pattern_takes_a_list_apart() -> None:
    text = "queue q: [int] = memory\ncoglet Main { transmit out: int\n on start { q <- [4, 5] }\n on q as [a, b] { out <- a * b } }"
    assert session(build(text), sim=True).outputs["out"] == [20]


def test_a_pipeline_feeds_a_queue_and_takes_from_it() -> None:
    text = """
queue q: int = memory
program double(x: int) -> int = expr x * 2
coglet A { listen x: int
  on x -> double -> q }
coglet Main { listen x: int
  transmit out: int
  create a = A
  link self.x -> a.x
  on q -> double -> out }
"""
    assert session(build(text, "Main"), inputs=[("x", 5)], sim=True).outputs["out"] == [20]


def test_several_coglets_share_the_work() -> None:
    text = """
queue q: int = memory
program nap(x: int) -> int = shell ["sh", "-c", "sleep 0.1; echo {{ x }}"] { output: json }
coglet Work { transmit out: any
  on q as n { out <- [self.index, nap(n)] } }
coglet Main { transmit out: any
  create w = Work * 3
  on start { for i in range(6) { q <- i } }
  on w.out as o { out <- o } }
"""
    made = session(build(text, "Main"))
    assert sorted(o[1] for o in made.outputs["out"]) == list(range(6))
    assert len({o[0] for o in made.outputs["out"]}) > 1


def test_a_store_that_cannot_be_used_fails_the_coglet(tmp_path: Path) -> None:
    (tmp_path / "q.db").write_text("this is no database, and long enough to be seen as none" * 40)
    made = run(spec(f'sqlite "{tmp_path}/q.db"').replace("restart: on_error", "restart: never"), 1)
    assert made.outcome == "failed" and made.kernel.report is not None
    assert "the queue `late`: the store" in made.kernel.report.failure.message


def test_a_replay_needs_no_queue(tmp_path: Path) -> None:
    bundle = build(spec(f'sqlite "{tmp_path}/q.db"', 'on late.dead as d { out <- ["dead", d.n] }'), "Main")
    with open(tmp_path / "j", "wb") as file, open(tmp_path / "t1", "wb") as trace:
        session(
            bundle, inputs=[("go", g) for g in (1, 13, 2)], sim=True, seed=1, epoch=1,
            journal=journal.Journal(file, {}), trace=TraceWriter(trace),
        )  # fmt: skip
    for path in tmp_path.glob("q.db*"):
        path.unlink()
    kernel, records = Kernel(Unit(bundle), 1, 1, True), []
    journal.replay(kernel, journal.read(tmp_path / "j")[1], lambda _: records.extend(kernel.trace.take()))  # type: ignore[union-attr]
    with open(tmp_path / "t2", "wb") as trace:
        TraceWriter(trace).write(records)
    assert (tmp_path / "t1").read_bytes() == (tmp_path / "t2").read_bytes() and not list(tmp_path.glob("q.db*"))


def _going(folder: Path, name: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "cogc", "run", "s.cog", "--root", name]
    return subprocess.Popen(words, cwd=folder, stdout=-1, stderr=-1, text=True)


def test_what_a_killed_run_had_claimed_comes_back(tmp_path: Path) -> None:
    (tmp_path / "s.cog").write_text("""
queue q: int = sqlite "q.db" { lease: 1s, attempts: 5 }
program hang(x: int) -> string = shell ["sh", "-c", "touch claimed; sleep 60"] { timeout: 2m }
coglet Fill { on start { q <- 7 } }
coglet Hang { on q as x { log info hang(x) } }
coglet Work { transmit out: int
  on q as x { out <- x
    stop self } }
""")
    filling = _going(tmp_path, "Fill")
    filling.communicate(timeout=DEADLINE)
    assert filling.returncode == 0
    hanging = _going(tmp_path, "Hang")
    wait_for((tmp_path / "claimed").exists)
    hanging.kill()
    hanging.communicate()
    out, err = _going(tmp_path, "Work").communicate(timeout=DEADLINE)
    assert out == "out: 7\n", err
    with contextlib.closing(sqlite3.connect(tmp_path / "q.db")) as db:
        assert db.execute("select count(*) from members where name = 'dead:q'").fetchone() == (0,)


@needs_redis
def test_a_queue_in_redis(redis: RedisServer) -> None:
    made = run(spec(f'redis "{redis.url}"', 'on late.dead as d { out <- ["dead", d.n] }'), 1, 13, 2, sim=True)
    assert sorted(map(str, made.outputs["out"])) == ["1", "2", "['dead', 13]"]


@pytest.mark.parametrize(
    "trigger",
    ["on late as a when a.n > 1", "on late as a distinct a.n within 1s", "on late as a concurrent 2"],
)
def test_what_a_queues_reaction_cannot_have_is_said(trigger: str) -> None:
    from cogc.analysis.checked import Options
    from cogc.compile import analyse
    from cogc.diagnostics.problems import Problems
    from cogc.disk.files import read

    text = spec().replace("on late as a", trigger)
    problems = Problems()
    analyse(["m.cog"], lambda p: text.encode() if p == "m.cog" else read(p), problems, Options(frozenset()))
    assert [d.slug for d in problems.found if d.severity == "error"] == ["not-yet"]


# ---- tools of agents, stores of others ---------------------------------------------------------------------------


def test_agents_put_claim_and_settle_items(tmp_path: Path) -> None:
    def use(name: str, **given: Any) -> dict[str, Any]:
        return {"tools": [{"name": name, "input": given}]}

    rules = [
        {"when": {"prompt": "work"}, **use("late_put", value={"n": 4})},
        {"when": {"prompt": '"value": {"n": 4}'}, "reply": "claimed"},
        {"when": {"prompt": "claim again"}, **use("late_claim")},
        {"when": {"prompt": "null"}, **use("late_claim")},
    ]
    (tmp_path / "m.yml").write_text(json.dumps(rules))
    text = (
        f'model m = scripted "{tmp_path}/m.yml"\nqueue late: {{ n: int }} = memory\n'
        "agent A { model: m, tools: [late], output: string }\n"
    )
    made = session(build(text, "A"), inputs=[("task", "work")], sim=True)
    assert made.outputs["result"] == ["claimed"]


def test_a_model_cannot_put_what_does_not_fit(tmp_path: Path) -> None:
    put = [{"name": "late_put", "input": {"value": {"n": "four"}}}]
    rules = [{"when": {"prompt": "work"}, "tools": put}, {"when": {"prompt": "`n`"}, "reply": "refused"}]
    (tmp_path / "m.yml").write_text(json.dumps(rules))
    text = f'model m = scripted "{tmp_path}/m.yml"\nqueue late: {{ n: int }} = memory\nagent A {{ model: m, tools: [late] }}\n'
    made = session(build(text, "A"), inputs=[("task", "work")], sim=True)
    assert made.outputs.get("result") == ["refused"], made.outputs


def test_a_package_brings_a_store_of_its_own(tmp_path: Path) -> None:
    """An entry point of the group `cogc.backends`, of a distribution that really is on the path."""
    about = tmp_path / "mystore-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mystore\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[cogc.backends]\nstore.mine = mystore:opened\n")
    (tmp_path / "mystore.py").write_text(
        "from contextlib import asynccontextmanager\nfrom pathlib import Path\nfrom cogc.stores.sqlite import SqliteStore\n"
        "@asynccontextmanager\nasync def opened(name, prefix):\n"
        "    store = SqliteStore(Path(name.partition(':')[2]))\n    yield store\n    await store.aclose()\n"
    )
    (tmp_path / "spec.cog").write_text(
        'queue late: int = store "mine:q.db"\ncoglet Main {\n listen go: int\n transmit out: int\n'
        " on go as g { late <- g }\n on late as x { out <- x * 2 }\n}\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    words = [sys.executable, "-m", "cogc"]
    ran = subprocess.run(
        [*words, "run", "spec.cog", "--input", "go=21", "--until", "len(out) == 1"], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert ran.stdout == "out: 42\n", ran.stderr
    for command in (
        ["queue", "list", "--store", "mine:t.db"],
        ["plan", "list", "--plans", "mine:p.db"],
        ["agents", "--registry", "mine:a.db"],
    ):
        done = subprocess.run(
            [*words, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "no agents\n" if command[0] == "agents" else "", "")


def test_a_queue_is_a_root(tmp_path: Path) -> None:
    made = session(build("queue late: int = memory", "late"), inputs=[("put", 3), ("put", 4)], sim=True)
    assert made.outputs["item"] == [3, 4]
