"""The store in memory, and who owns an entry of a store."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

import pytest
import trio
import trio.testing

from cogc.stores.base import Tx
from cogc.stores.memory import MemoryStore
from cogc.stores.owner import LEASE, Owner, alive, owner


def run(work: Any) -> Any:
    store = MemoryStore(lambda: 5.0)

    async def main() -> Any:
        return await work(store)

    return trio.run(main)


def test_writes_are_made_when_the_work_has_returned_and_not_if_it_fails() -> None:
    async def work(store: MemoryStore) -> None:
        async def good(tx: Tx) -> None:
            tx.put("a", {"n": 1})
            assert await tx.get("a") is None

        async def bad(tx: Tx) -> None:
            tx.put("a", 2)
            raise LookupError

        await store.transact(good)
        with pytest.raises(LookupError):
            await store.transact(bad)
        assert await store.transact(lambda tx: tx.get("a")) == {"n": 1}

    run(work)


def test_no_caller_holds_a_part_of_a_stored_value() -> None:
    async def work(store: MemoryStore) -> None:
        value = {"list": [1]}

        async def put(tx: Tx) -> None:
            tx.put("a", value)

        await store.transact(put)
        value["list"].append(2)
        found = await store.transact(lambda tx: tx.get("a"))
        found["list"].append(3)
        assert await store.transact(lambda tx: tx.get("a")) == {"list": [1]}

    run(work)


def test_a_set_is_in_the_order_of_its_scores_then_of_its_names() -> None:
    async def work(store: MemoryStore) -> None:
        async def fill(tx: Tx) -> None:
            for member, score in (("c", 1), ("a", 2), ("b", 1), ("d", 0)):
                tx.add("s", member, score)
            tx.add("s", "d", 9)
            tx.remove("s", "none")
            tx.remove("other", "none")

        await store.transact(fill)
        assert await store.transact(lambda tx: tx.members("s")) == ["b", "c", "a", "d"]
        assert await store.transact(lambda tx: tx.members("other")) == []

    run(work)


def test_who_waits_wakes_at_news_and_at_nothing_else() -> None:
    async def work(store: MemoryStore) -> None:
        woken = trio.Event()

        async def wait() -> None:
            await store.wait(10_000)
            woken.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()

            async def quiet(tx: Tx) -> None:
                tx.put("a", 1)

            await store.transact(quiet)
            await trio.testing.wait_all_tasks_blocked()
            assert not woken.is_set()

            async def loud(tx: Tx) -> None:
                tx.publish("c", "m")

            await store.transact(loud)
            await woken.wait()
        assert await store.now() == 5.0

    run(work)


# ---- owners --------------------------------------------------------------------------------------------------


def test_this_process_is_alive_whatever_its_lease_says() -> None:
    own = owner(100)
    assert own["pid"] == os.getpid() and own["until"] == 100 + LEASE
    assert alive(own, 100) and alive(own, 1e9)


def test_a_process_that_has_ended_or_whose_number_is_anothers_is_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = {**owner(0), "pid": child.pid}
    assert not alive(Owner(**born), 0)  # the number of this process, born at another time  # type: ignore[typeddict-item]
    child.communicate(b"\n")
    gone = {**owner(0), "pid": child.pid}
    assert not alive(Owner(**gone), 0)  # type: ignore[typeddict-item]
    assert not alive(None, 0)


def test_a_process_of_another_machine_is_alive_as_long_as_its_lease() -> None:
    other = Owner(host=socket.gethostname() + "-other", pid=os.getpid(), born="", until=50.0)
    assert alive(other, 49.9) and not alive(other, 50.1)
