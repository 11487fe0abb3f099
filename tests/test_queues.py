"""The language's queues: items are claimed when a coglet is free, given back when it fails, dead when that was too often."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cogc.kernel.effects import LogLine
from cogc.kernel.machine import Kernel
from cogc.kernel.unit import Unit
from cogc.language.values import Duration
from cogc.run import journal
from cogc.run.replay import replay
from cogc.run.session import Session
from cogc.run.settings import Settings
from cogc.run.trace import TraceWriter
from cogc.stores import open_store, sqlite
from cogc.stores.base import StoreLost, Tx
from cogc.stores.sqlite import SqliteStore
from cogc.stores.values import ValueQueue
from cogc.tasks import open_queue, task
from support.cli import cogc_here
from support.paths import ROOT
from support.redis import RedisServer, needs_redis
from support.sessions import session
from support.sim import Sim
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
        other.close()
        return order

    assert trio.run(main) == ["written", "closed"]


def test_who_waits_for_the_lock_of_a_store_may_leave(tmp_path: Path) -> None:
    async def main() -> None:
        other = sqlite3.connect(tmp_path / "q.db", isolation_level=None)
        async with open_store(f"sqlite:{tmp_path}/q.db", "") as store:
            other.execute("begin immediate")
            with trio.move_on_after(0.01) as scope:
                await store.transact(_nothing)
            assert scope.cancelled_caught
        other.execute("rollback")
        other.execute("pragma locking_mode=exclusive")
        other.execute("begin exclusive")
        with trio.move_on_after(0.01) as scope:
            async with open_store(f"sqlite:{tmp_path}/q.db", ""):
                pass
        assert scope.cancelled_caught
        other.close()

    trio.run(main)


async def _nothing(tx: Tx) -> None:
    """Do nothing in a transaction."""


@pytest.mark.parametrize("what", ["removed", "replaced", "emptied"])
def test_a_store_whose_file_is_gone_is_lost(what: str, tmp_path: Path) -> None:
    file = tmp_path / "q.db"

    async def main() -> None:
        async with open_store(f"sqlite:{file}", "") as store:
            await store.transact(_nothing)
            if what == "emptied":
                os.truncate(file, 0)
            else:
                file.rename(tmp_path / "other")
            if what == "replaced":
                file.write_bytes((tmp_path / "other").read_bytes())
            with pytest.raises(StoreLost, match="q.db was removed, replaced or emptied"):
                await store.transact(_nothing)

    trio.run(main)


def test_a_store_is_a_file_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def kept(name: str) -> list[Any]:
        async with open_queue(f"sqlite:{name}", "q") as queue:
            await queue.put(task("a"))
        async with open_queue(f"sqlite:{name}", "q") as queue:
            return await queue.list()

    assert len(trio.run(kept, ":memory:")) == 1
    with pytest.raises(ConnectionError, match="cannot be used: a name of a file has no NUL character"):
        trio.run(kept, "a\0b")


HOLDING = """
queue q: int = sqlite "{file}"
coglet Main {{
  transmit begun: int
  listen more: int
  on start {{ for i in range(2) {{ q <- i }} }}
  on q as x concurrent 2 {{
    begun <- x
    let y = await more {wait}
    fail "no"
  }}
}}
"""


@pytest.mark.parametrize("end", ["stopped", "failed"])
def test_what_a_run_still_holds_at_its_end_goes_back(end: str, tmp_path: Path) -> None:
    wait = "timeout 1ms" if end == "failed" else ""
    text = HOLDING.format(file=tmp_path / "q.db", wait=wait)
    made = session(build(text, "Main"), until=lambda outputs: not wait and len(outputs.get("begun", [])) == 2)
    assert made.outcome == ("done" if end == "stopped" else "failed")

    async def left() -> list[str]:
        async with open_store(f"sqlite:{tmp_path}/q.db", "queue:") as store:
            return [item.status for item in await ValueQueue(store, "q", 300, 3).items()]

    assert trio.run(left) == ["todo", "todo"]


@contextlib.asynccontextmanager
async def opened(kind: str, tmp_path: Path, lease: float = 300, attempts: int = 3) -> AsyncIterator[ValueQueue]:
    """A queue over a store of its own connection."""
    name = f"sqlite:{tmp_path}/q.db" if kind == "sqlite" else kind
    async with open_store(name, "queue:") as store:
        yield ValueQueue(store, "q", lease, attempts)


class Day:
    """A time of day that is set while the machine runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real = time.time
        self.ahead = 0.0
        monkeypatch.setattr(time, "time", lambda: self.real() + self.ahead)


@pytest.mark.parametrize("ahead", [86_400.0, -86_400.0])
def test_a_lease_does_not_move_with_the_time_of_day(
    ahead: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is set while an item is claimed; a process that opens the store afterwards sees the same time as the others."""
    day = Day(monkeypatch)

    async def main() -> None:
        async with opened("sqlite", tmp_path) as first:
            await first.put("a")
            await first.put("b")
            claimed = await first.take()
            assert claimed is not None
            before = await first.store.now()
            day.ahead = ahead
            async with opened("sqlite", tmp_path) as second:
                assert before <= await second.store.now() < before + 600
                other = await second.take()
                assert other is not None and other[0] == "b" and await second.take() is None
                assert await second.put("c") and [i.value for i in await first.items()] == ["a", "b", "c"]
            day.ahead = -ahead
            assert await first.extend(*claimed[1:]) and await first.done(*claimed[1:])

    trio.run(main)


def test_a_lease_that_is_over_is_over_after_the_time_of_day_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = Day(monkeypatch)

    async def main() -> None:
        async with opened("sqlite", tmp_path, lease=0.0) as queue:
            await queue.put("a")
            first = await queue.take()
            day.ahead = -86_400
            second = await queue.take()
            assert first is not None and second is not None and second[1:] == [first[1], first[2] + 1]

    trio.run(main)


def test_after_a_boot_the_clock_of_a_store_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hardware has forgotten the day, and the clock of the machine begins anew: an item that was claimed before is free."""
    day = Day(monkeypatch)
    booted = [1_000_000.0]
    monkeypatch.setattr(sqlite, "since_boot", lambda: booted[0])
    monkeypatch.setattr(sqlite, "boot", lambda: f"boot {booted[0] < 5000}")

    async def main() -> None:
        async with opened("sqlite", tmp_path, lease=300) as queue:
            await queue.put("a")
            booted[0] += 100
            first, before = await queue.take(), await queue.store.now()
            day.ahead, booted[0] = -86_400.0 * 365, 1.0
            async with opened("sqlite", tmp_path) as after:
                assert before <= await after.store.now() < before + 100 and await after.take() is None
                booted[0] += 301
                assert first is not None and await after.take() == ["a", first[1], 2]

    trio.run(main)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_claim_that_has_ended_settles_nothing(kind: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(kind, tmp_path, lease=0.0) as queue:
            await queue.put("a")
            first, second = await queue.take(), await queue.take()
            assert first is not None and second is not None
            assert (
                not await queue.done(*first[1:])
                and not await queue.back(*first[1:])
                and not await queue.extend(*first[1:])
            )
            await queue.unclaim(*first[1:])
            (item,) = await queue.items()
            assert (item.token, item.tries) == (2, 2)
            assert await queue.done(*second[1:]) and await queue.items() == []
            assert not await queue.done(*second[1:])

    trio.run(main)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("late", ["done", "extend", "unclaim", "back"])
def test_an_item_whose_last_lease_is_over_is_its_workers_until_somebody_takes_it(
    kind: str, late: str, tmp_path: Path
) -> None:
    """It stands among the dead ones already, but its worker is late, not dead."""

    async def main() -> None:
        async with opened(kind, tmp_path, lease=0.0, attempts=1) as queue:
            await queue.put("a")
            claimed = await queue.take()
            assert claimed is not None and await queue.take() is None
            assert [i.status for i in await queue.items()] == ["dead"] and len(queue.died) == 1
            await getattr(queue, late)(*claimed[1:])
            left = {"done": [], "extend": ["todo"], "unclaim": ["todo"], "back": ["dead"]}[late]
            assert [i.status for i in await queue.items()] == left and len(queue.died) == 1
            if late == "done":
                assert await queue.dead() is None
            if late == "back":
                dead = await queue.dead()
                assert dead is not None and dead[2] == claimed[2] + 1 and not await queue.done(*claimed[1:])

    trio.run(main)


def test_a_dead_item_whose_taker_is_gone_comes_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened("sqlite", tmp_path, lease=0.0, attempts=1) as queue:
            await queue.put("a")
            await queue.take()
            first, second = await queue.dead(), await queue.dead()
            assert first is not None and second is not None and second[:2] == first[:2]
            assert not await queue.done(*first[1:]) and await queue.done(*second[1:]) and await queue.dead() is None

    trio.run(main)


def test_the_users_of_one_file_are_apart(tmp_path: Path) -> None:
    async def main() -> None:
        name = f"sqlite:{tmp_path}/q.db"
        async with open_queue(name, "a") as a, open_queue(name, "b") as b:
            await a.put(task("one"))
            assert await b.get() is None and await a.get() is not None

    trio.run(main)


SLOW = """
queue q: int = sqlite "FILE" { lease: 300ms, attempts: 1 }
program work(x: int) -> int = python "slow:work"
coglet Work { transmit out: int
  on q as x { out <- work(x) } }
coglet Main { transmit out: int
  create w = Work
  link w.out -> self.out
  on start { q <- 7 } }
"""


def test_a_late_end_of_a_claim_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else claims the item while the reaction works, as after a sleep of the machine; the reaction's end changes nothing."""
    (tmp_path / "slow.py").write_text(
        "import sqlite3, json\n"
        "def work(x):\n"
        f"    db = sqlite3.connect({str(tmp_path / 'q.db')!r}, isolation_level=None, timeout=10)\n"
        "    key, value = db.execute(\"select key, value from records where key like 'queue:item:%'\").fetchone()\n"
        "    item = json.loads(value.partition(b'\\n')[0])\n"
        "    item['token'] += 1\n"
        "    db.execute('update records set value = ? where key = ?', (json.dumps(item).encode(), key))\n"
        "    return x\n"
    )
    logs: list[LogLine] = []
    text = SLOW.replace("FILE", str(tmp_path / "q.db")).replace("300ms", "5m")
    bundle = build(text, "Main", str(tmp_path / "a.cog"))
    made = session(bundle, Settings(str(tmp_path)), lambda _: bool(logs), on_log=logs.append)
    assert made.outputs["out"] == [7]
    assert [(line.level, line.path) for line in logs] == [("warn", "q")] and "had ended before it was worked on" in str(
        logs[0].value
    )

    async def left() -> list[Any]:
        async with opened("sqlite", tmp_path) as queue:
            return [i.token for i in await queue.items()]

    assert trio.run(left) == [2]


@pytest.mark.parametrize("listens", ["", "dead", "failed"])
def test_an_item_that_is_given_up_is_reported_unless_somebody_takes_it(listens: str, tmp_path: Path) -> None:
    text = """
    queue q: int = memory { attempts: 2 }
    coglet Work { on q as x { fail "no" } DEAD }
    coglet Main { create w = Work { restart: on_error, backoff: 1ms }
      on start { q <- 7 } }
    """.replace("DEAD", f"\n on q.{listens} as x {{ log info x }}" if listens else "")
    (tmp_path / "a.cog").write_text(text)
    done = cogc_here("run", "a.cog", cwd=tmp_path)
    assert done.returncode == (0 if listens else 3)
    words = (
        "error q: an item is given up after 2 attempts, and nobody listens to `q.dead`; the last failure was error: no"
    )
    assert (words in done.stderr) == (not listens)
    assert ("cogc: lost: 1 item given up by a queue: q 1" in done.stderr) == (not listens)


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


@pytest.mark.parametrize("backend", ["memory", "sqlite"])
def test_a_dead_item_says_why_it_is_dead(backend: str, tmp_path: Path) -> None:
    where = f'sqlite "{tmp_path}/q.db"' if backend == "sqlite" else backend
    text = f"""
    queue q: int = {where} {{ attempts: 2 }}
    program slow(x: int) -> int = shell ["sleep", "9"] {{ timeout: 10ms }}
    coglet Work {{ transmit out: any
      on q as x {{ out <- slow(x) }}
      on q.failed as f {{ out <- f }} }}
    coglet Main {{ transmit out: any
      create w = Work {{ restart: on_error, backoff: 1ms }}
      link w.out -> self.out
      on error(w) as e {{ out <- [e.kind, e.event] }}
      on start {{ q <- 7 }} }}
    """
    made = session(build(text, "Main"), Settings(str(tmp_path)), lambda out: len(out.get("out", ())) == 3)
    *failures, dead = made.outputs["out"]
    assert failures == [["timeout", 7]] * 2  # the failure that it met, for the message that it was given
    when = dead.pop("at")
    assert abs(when.nanos - time.time_ns()) < 60 * 10**9
    message = "program `slow` took longer than 0.01s"
    assert dead == {
        "item": 7, "kind": "timeout", "message": message, "path": "Main/w", "attempts": 2, "redriven": 0,
    }  # fmt: skip


def test_a_coglet_that_fails_in_its_else_leaves_its_failure_in_the_item() -> None:
    text = """
    queue q: int = memory { attempts: 1 }
    coglet Work { transmit out: any
      on q as x { fail "first" } else as e { fail "then" }
      on q.failed as f { out <- [f.item, f.message, f.at < now()] } }
    coglet Main { transmit out: any
      create w = Work { restart: on_error }
      link w.out -> self.out
      on start { q <- 7 } }
    """
    made = session(build(text, "Main"), Settings("."), None, sim=True)
    assert made.outputs["out"] == [[7, "then", True]]  # it has failed before it was taken as a dead one


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


def test_an_item_of_any_type_is_what_it_was(tmp_path: Path) -> None:
    text = f"""
queue late: any = sqlite "{tmp_path}/q.db"
coglet Main {{
  transmit out: any
  on start {{
    late <- {{ ["$duration"]: 5 }}
    late <- [90s]
  }}
  on late as a {{ out <- a }}
}}
"""
    made = session(build(text), until=lambda outputs: len(outputs.get("out", [])) == 2)
    assert made.outputs["out"] == [{"$duration": 5}, [Duration(90 * 10**9)]]


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
            journal=journal.Journal(file, {"run": "r", "seed": 0, "epoch": 0}), trace=TraceWriter(trace),
        )  # fmt: skip
    for path in tmp_path.glob("q.db*"):
        path.unlink()
    kernel, records = Kernel(Unit(bundle), 1, 1, True), []
    replay(kernel, journal.read(tmp_path / "j")[1], lambda _: records.extend(kernel.trace.take()))  # type: ignore[union-attr]
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
    ["on late as a when a.n > 1", "on late as a distinct a.n within 1s", "on late as a throttle 1 per 1s"],
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
        said = done.stdout + done.stderr
        assert (done.returncode, said.count("\n")) == (0, 1) and (
            "has no" in said or "no agents" in said or "no plan" in said
        )


def test_a_queue_is_a_root(tmp_path: Path) -> None:
    made = session(build("queue late: int = memory", "late"), inputs=[("put", 3), ("put", 4)], sim=True)
    assert made.outputs["item"] == [3, 4]


def test_a_coglet_with_children_takes_dead_items() -> None:
    text = """queue q: int = memory
    coglet C { transmit o: int
      on start { o <- 1 } }
    coglet Main { transmit y: int
      create c = C
      on c.o as v { y <- v }
      on q.dead as v { y <- v } }"""
    sim = Sim(text)
    assert sim.sent("y") == [1] and sim.kernel.report is None
