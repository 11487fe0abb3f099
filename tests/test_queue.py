"""The task queue: one suite for each store, and the commands, shared among processes."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.stores.memory import MemoryStore
from cogc.tasks import TaskQueue, check_queue, open_queue, task
from support.cli import cogc_here
from support.redis import RedisServer, needs_redis
from support.waiting import DEADLINE, until_given


def test_memory_holds_a_queue() -> None:
    store = MemoryStore()

    @asynccontextmanager
    async def open() -> Any:
        yield TaskQueue(store)

    trio.run(check_queue, open)


def test_sqlite_holds_a_queue(tmp_path: Path) -> None:
    trio.run(check_queue, partial(open_queue, f"sqlite:{tmp_path}/q.db", "q"))


@needs_redis
def test_redis_holds_a_queue(redis: RedisServer) -> None:
    trio.run(check_queue, partial(open_queue, redis.url, "q"))


@needs_redis
def test_queues_of_one_server_are_apart(redis: RedisServer) -> None:
    async def main() -> None:
        async with open_queue(redis.url, "a") as a, open_queue(redis.url, "b") as b:
            await a.put(task("x"))
            assert await b.get() is None and await b.list() == []
            found = await a.get()
            assert found is not None and found.title == "x"

    trio.run(main)


def test_a_priority_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="low, medium, high, critical"):
        task("x", priority="urgent")


def test_people_use_it_from_the_command_line(tmp_path: Path) -> None:
    def queue(*words: str) -> Any:
        return cogc_here("queue", *words, cwd=tmp_path)

    first = queue("put", "tidy", "--priority", "low").stdout.strip()
    second = queue("put", "mend", "--priority", "critical", "--description", "the roof").stdout.strip()
    queue("put", "paint", "--assignee", "Ann")
    assert queue("list").stdout.count("todo") == 3
    assert queue("list", "--priority", "low").stdout == f"{first}  todo  low  tidy\n"
    claimed = json.loads(queue("get", "--json").stdout)
    assert claimed["id"] == second and claimed["description"] == "the roof" and claimed["status"] == "in_progress"
    assert "Ann  paint" in queue("get", "--assignee", "Ann").stdout
    assert queue("complete", second, "--token", "7").returncode == 3
    assert queue("complete", second, "--token", "1").returncode == 0
    assert queue("complete", second).returncode == 3
    assert queue("cancel", first).returncode == 0
    assert queue("get").returncode == 3
    assert [json.loads(line)["status"] for line in queue("list", "--json").stdout.splitlines()] == [
        "cancelled", "done", "in_progress",
    ]  # fmt: skip
    for words, said in [
        (["put"], "takes [NAME] TITLE"),
        (["list", "--store", "memory"], "ends with this command"),
        (["list", "--store", "nope:1"], "there is no store `nope:1`"),
        (["get", "--lease", "soon"], "`soon` is no duration"),
        (["get", "--lease", "0s"], "`0s` is not above zero"),
    ]:
        done = queue(*words)
        assert done.returncode == 2 and said in done.stderr


def test_processes_claim_each_task_once_and_a_dead_ones_comes_back(tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/q.db"

    async def fill() -> None:
        async with open_queue(store, "q") as queue:
            for i in range(30):
                await queue.put(task(str(i)))

    trio.run(fill)
    code = (
        "import sys, trio\nfrom cogc.tasks import open_queue\n"
        f"async def main():\n async with open_queue({store!r}, 'q') as queue:\n"
        "  n = 0\n  while (found := await queue.get(owner=sys.argv[1], lease=600.0)) is not None:\n"
        "   n += 1\n   if sys.argv[1] == 'dies' and n == 1:\n    import os\n    os._exit(9)\n"
        "   print(found.id, flush=True)\n   assert await queue.complete(found.id, found.token)\ntrio.run(main)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, "dies"], timeout=DEADLINE).returncode == 9
    workers = [
        subprocess.Popen([sys.executable, "-c", code, name], stdout=subprocess.PIPE, text=True) for name in ("a", "b")
    ]
    said = [line for w in workers for line in w.communicate(timeout=DEADLINE)[0].split()]
    assert len(said) == len(set(said)) == 29

    async def rest() -> None:
        async with open_queue(store, "q") as queue:
            (held,) = [t for t in await queue.list() if t.status == "in_progress"]
            assert await queue.get() is None and await queue.extend(held, 0.01)
            left = await until_given(queue.get)
            assert left.owner == "" and left.token == 2 and left.id not in said
            assert {t.status for t in await queue.list()} == {"done", "in_progress"}

    trio.run(rest)


def test_get_claims_what_was_asked_for(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:{tmp_path}/q.db")
    for title, priority in (("urgent", "critical"), ("later", "low")):
        assert cogc_here("queue", "put", title, "--priority", priority, *store).returncode == 0
    assert "later" in cogc_here("queue", "get", "--priority", "low", *store).stdout
    assert cogc_here("queue", "get", "--priority", "low", *store).returncode == 3
    assert cogc_here("queue", "get", "--status", "in_progress", *store).returncode == 3
    assert cogc_here("queue", "get", "--status", "done", *store).returncode == 2


VALUES = """
queue bad: { n: int } = sqlite "dead.db" { attempts: 1 }
coglet Work {
  transmit out: int
  on bad as b {
    if b.n == 13 { fail "unlucky" }
    out <- b.n
  }
}
coglet Main {
  listen x: int
  transmit out: int
  create w = Work { restart: on_error, max_restarts: 9, backoff: 1ms }
  link w.out -> self.out
  on x as v { bad <- { n: v } }
}
"""


def test_the_tool_and_a_spec_share_a_queue(tmp_path: Path) -> None:
    (tmp_path / "a.cog").write_text(VALUES)

    def queue(*words: object) -> list[str]:
        done = cogc_here("queue", *words, "--store", "sqlite:dead.db", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    cogc_here("run", "a.cog", "--input", "x=13", "--for", "1s", cwd=tmp_path)
    item, why = queue("list", "bad")
    assert item.split()[1] == "dead" and why.startswith("  1 attempt, last failure at 20")
    assert why.endswith("Z: error: unlucky (Main/w)") and queue("show", "bad", item.split()[0]) == [item, why]
    shown = json.loads(queue("show", "bad", item.split()[0], "--json")[0])
    assert shown["failure"].pop("at").endswith("Z") and shown == {
        "id": item.split()[0], "status": "dead", "value": {"n": 13}, "tries": 1, "token": 1, "redriven": 0,
        "failure": {"kind": "error", "message": "unlucky", "path": "Main/w"},
    }  # fmt: skip
    assert queue("redrive", "bad") == ["1"] and queue("list", "bad", "--status", "dead") == []
    first, why = queue("get", "bad")
    assert why.startswith("  1 attempt since redrive 1, last failure at 20")
    assert '{"n": 13}' in first and queue("complete", "bad", first.split()[0], "--token", first.split()[3]) == []
    queue("put", "bad", '{"n": 4711}')
    assert "out: 4711" in cogc_here("run", "a.cog", "--until", "len(out) == 1", cwd=tmp_path).stdout
    done = cogc_here("queue", "get", "bad", "--priority", "low", "--store", "sqlite:dead.db", cwd=tmp_path)
    assert done.returncode == 2 and "queue of values" in done.stderr
