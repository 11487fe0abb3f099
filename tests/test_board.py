"""Blackboards: each backend passes the one suite; Redis is a real server."""

from __future__ import annotations

import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.sett.board import Board, open_board
from cogc.sett.conformance import check_board
from cogc.sett.model import goal
from cogc.stores.memory import MemoryStore
from support.redis import RedisServer, needs_redis


def test_memory_is_a_blackboard() -> None:
    store = MemoryStore()

    @asynccontextmanager
    async def open() -> Any:
        yield Board(store)

    trio.run(check_board, open)


def test_sqlite_is_a_blackboard(tmp_path: Path) -> None:
    trio.run(check_board, partial(open_board, f"sqlite:{tmp_path}/b.db", "x"))


@needs_redis
def test_redis_is_a_blackboard(redis: RedisServer) -> None:
    trio.run(check_board, partial(open_board, redis.url, "x"))


@needs_redis
def test_redis_may_be_killed_and_come_back(redis: RedisServer) -> None:
    async def main() -> None:
        async with open_board(redis.url, "x") as board:
            made = await board.post(goal("x"))
            redis.kill()
            with pytest.raises(ConnectionError, match=r"Redis at redis://127\.0\.0\.1"):
                await board.post(goal("y"))
            redis.start()
            assert await board.artefact(made.id) == made
            assert len(await board.artefacts()) == 1

    trio.run(main)


@needs_redis
def test_the_keys_are_those_of_the_layout(redis: RedisServer) -> None:
    async def main() -> None:
        async with open_board(redis.url, "kitchen") as board:
            made = await board.post(goal("x"))
            store: Any = board.store
            client = await store._client()
            found = await client.zrange(f"sett:kitchen:thread:{made.logical_id}", 0, -1)
            assert list(found) == [made.id]
            assert '"GoalDefined"' in await client.get(f"sett:kitchen:artefact:{made.id}")

    trio.run(main)


def test_sqlite_is_shared_between_processes_and_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import sys, trio\nfrom cogc.sett.model import goal\nfrom cogc.sett.board import open_board\n"
        "async def main():\n async with open_board('sqlite:b.db', 'x') as board:\n  n = 0\n  while True:\n"
        "   made = await board.post(goal(f'{sys.argv[1]} {n}'))\n   print(made.id, flush=True)\n   n += 1\ntrio.run(main)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(i)], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for i in range(2)
    ]
    reported = [w.stdout.readline() for _ in range(3) for w in writers if w.stdout]
    for writer in writers:
        writer.kill()
    rest = [line for w in writers for line in w.communicate()[0].splitlines()]
    promised = {line for line in (*map(str.strip, reported), *rest) if len(line) == 36}

    async def main() -> None:
        async with open_board(f"sqlite:{tmp_path}/b.db", "x") as board:
            found = {a.id for a in await board.artefacts()}
            assert promised <= found and len(promised) >= 6

    trio.run(main)


@pytest.mark.parametrize(
    ("name", "said"), [("nope:x", "there is no store `nope:x`"), ("sqlite:/proc/x/y.db", "cannot be used")]
)
def test_a_board_that_is_not_there_says_so(name: str, said: str) -> None:
    async def main() -> None:
        async with open_board(name, "x"):
            pass

    with pytest.raises(ConnectionError, match=said):
        trio.run(main)
