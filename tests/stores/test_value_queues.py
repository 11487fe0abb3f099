"""Queues of values on a clock that the test moves: claims, leases, attempts, the dead, and claims that have ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
import trio

from cogc.stores import values
from cogc.stores.base import Tx
from cogc.stores.memory import MemoryStore
from cogc.stores.values import ValueQueue

T = TypeVar("T")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Queue:
    """A queue with a lease of 10 seconds and 2 attempts; its methods are called without `await`."""

    def __init__(self) -> None:
        self.clock = Clock()
        ids = iter("abcdefgh")
        self.queue = ValueQueue(MemoryStore(self.clock), "q", 10, 2, lambda: next(ids))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.queue, name)

        def call(*arguments: Any) -> Any:
            async def main() -> Any:
                return await method(*arguments)

            return trio.run(main)

        return call

    def put_all(self, *values: Any) -> None:
        for value in values:
            self.put(value)
            self.clock.now += 1

    def statuses(self) -> list[tuple[str, str, int]]:
        return [(i.id, i.status, i.tries) for i in self.items()]


@pytest.fixture
def queue() -> Queue:
    return Queue()


def test_the_first_in_is_the_first_out(queue: Queue) -> None:
    queue.put_all("x", None, {"n": [1]})
    assert [queue.take() for _ in range(4)] == [["x", "a", 1], [None, "b", 1], [{"n": [1]}, "c", 1], None]


def test_a_claim_holds_for_its_lease_and_is_made_again_with_another_token(queue: Queue) -> None:
    queue.put_all("x")
    assert queue.take() == ["x", "a", 1]
    queue.clock.now += 9.9
    assert queue.take() is None
    queue.clock.now += 0.2
    assert queue.take() == ["x", "a", 2]


def test_an_item_that_is_done_is_gone_and_is_done_once(queue: Queue) -> None:
    queue.put_all("x")
    queue.take()
    assert queue.done("a", 1) is True
    assert queue.done("a", 1) is False and queue.items() == [] and queue.take() is None


def test_an_item_keeps_its_last_failure_until_it_is_done(queue: Queue) -> None:
    queue.put_all("x")
    why = {"kind": "error", "message": "no" * 2000, "path": "Main", "at": {"$time": 5}}
    queue.take()
    queue.back("a", 1, why)
    (item,) = queue.items()
    assert (item.status, item.failure) == ("todo", {**why, "message": "no" * 1000})
    queue.take()
    queue.clock.now += 10.5
    assert queue.take() is None
    (item,), (died,) = queue.items(), queue.queue.died
    assert (
        item.status == "dead"
        and item.failure == died
        and died["kind"] == "lease"
        and item.failure["at"] == {"$time": 1011 * 10**9}
    )
    value, id, token = queue.dead("", True)
    assert value == {"item": "x", **item.failure, "attempts": 2, "redriven": 0}
    queue.back(id, token)  # whoever looked at the dead item has failed: the item died of something else
    assert queue.items()[0].failure == item.failure
    assert queue.redrive() == 1
    (again,) = queue.items()
    assert (again.status, again.tries, again.redriven, again.failure) == ("todo", 0, 1, item.failure)
    _, id, token = queue.take()
    queue.back(id, token)
    assert queue.items()[0].failure["kind"] == "returned"


def test_an_item_that_died_before_failures_were_kept_is_reported_too(queue: Queue) -> None:
    async def main() -> Any:
        async def work(tx: Any) -> None:
            tx.put("item:a", {"value": 1, "token": 3, "tries": 2, "until": 0.0, "buried": True})
            tx.add("dead:q", "a", 0)

        await queue.queue.store.transact(work)
        return await queue.queue.dead("", True)

    assert trio.run(main)[0] == {
        "item": 1, "kind": "unknown", "message": "the item died before failures were kept", "path": "", "at": {"$time": 0},
        "attempts": 2, "redriven": 0,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["done", "back", "extend"])
def test_a_claim_that_has_ended_can_do_nothing(queue: Queue, method: str) -> None:
    queue.put_all("x")
    queue.take()
    queue.clock.now += 11
    queue.take()
    assert getattr(queue, method)("a", 1) is False
    assert queue.statuses() == [("a", "in_progress", 2)]
    assert getattr(queue, method)("nothing", 1) is False


def test_an_extended_claim_holds_longer(queue: Queue) -> None:
    queue.put_all("x")
    queue.take()
    queue.clock.now += 9
    assert queue.extend("a", 1) is True
    queue.clock.now += 9
    assert queue.take() is None
    queue.clock.now += 2
    assert queue.take() == ["x", "a", 2]


def test_an_item_that_is_given_back_is_free_at_once_until_it_has_no_attempt_left(queue: Queue) -> None:
    queue.put_all("x", "y")
    queue.take()
    assert queue.back("a", 1) is True
    assert queue.take() == ["x", "a", 2]  # its place is kept
    assert queue.back("a", 2) is True
    assert queue.statuses() == [("b", "todo", 0), ("a", "dead", 2)]
    assert queue.take() == ["y", "b", 1] and queue.take() is None


def test_a_lease_that_runs_out_at_the_last_attempt_makes_an_item_dead(queue: Queue) -> None:
    queue.put_all("x", "y")
    for _ in range(2):
        queue.take()
        queue.clock.now += 11
    assert queue.take() == ["y", "b", 1]
    assert queue.statuses() == [("b", "in_progress", 1), ("a", "dead", 2)]


def test_a_dead_item_is_given_once_and_again_if_its_claim_ends(queue: Queue) -> None:
    queue.put_all("x")
    for token in (1, 2):
        queue.take()
        queue.back("a", token)
    assert queue.dead() == ["x", "a", 3] and queue.dead() is None
    queue.clock.now += 11
    assert queue.dead() == ["x", "a", 4]
    assert queue.done("a", 4) is True and queue.dead() is None


def test_a_claim_whose_caller_is_gone_is_no_attempt(queue: Queue) -> None:
    queue.put_all("x")
    queue.take()
    queue.unclaim("a", 1)
    assert queue.statuses() == [("a", "todo", 0)]
    assert queue.take() == ["x", "a", 2] and queue.statuses() == [("a", "in_progress", 1)]
    queue.unclaim("a", 1)  # of a claim that has ended
    assert queue.statuses() == [("a", "in_progress", 1)]


def test_dead_items_are_redriven_with_all_attempts(queue: Queue) -> None:
    queue.put_all("x", "y")
    for id in ("a", "b"):
        for token in (1, 2):
            queue.take()
            queue.back(id, token)
    assert [s for _, s, _ in queue.statuses()] == ["dead", "dead"]
    assert queue.redrive("b") == 1 and queue.redrive("none") == 0
    assert queue.statuses() == [("b", "todo", 0), ("a", "dead", 2)]
    assert queue.redrive() == 1 and [i for i, _, _ in queue.statuses()] in (["a", "b"], ["b", "a"])


def test_an_item_is_removed_with_its_token_or_without(queue: Queue) -> None:
    queue.put_all("x", "y")
    queue.take()
    assert queue.remove("a", 7) is False and queue.remove("a", 1) is True
    assert queue.remove("b") is True and queue.remove("b") is False and queue.items() == []


def test_two_queues_of_one_store_do_not_meet() -> None:
    store = MemoryStore(Clock())

    async def main() -> None:
        one, two = ValueQueue(store, "one", 10, 2), ValueQueue(store, "two", 10, 2)
        await one.put(1)
        assert await two.take() is None and await two.items() == []
        claimed = await one.claim()
        assert claimed is not None and claimed["value"] == 1 and set(claimed) == {"value", "id", "token"}
        await one.announce()
        await one.announce()

    trio.run(main)


class Slow:
    """A store that holds each transaction, before its answer, until `answers` is set."""

    def __init__(self) -> None:
        self.store = MemoryStore(Clock())
        self.asked = trio.Event()
        self.answers = trio.Event()

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        found = await self.store.transact(work)
        self.asked.set()
        await self.answers.wait()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@pytest.mark.parametrize("answers", [True, False])
def test_a_claim_that_is_cancelled_is_made_to_its_end_unless_the_store_is_silent(
    answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "GRACE", 60.0 if answers else 0.0)
    slow = Slow()
    queue = ValueQueue(slow, "q", 10, 2, lambda: "a")
    claimed: list[Any] = []

    async def take() -> None:
        claimed.append(await queue.take())

    async def main() -> None:
        await ValueQueue(slow.store, "q", 10, 2, lambda: "a").put("x")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            await slow.asked.wait()
            nursery.cancel_scope.cancel()
            if answers:
                slow.answers.set()

    trio.run(main)
    assert (claimed, queue.unsure) == (([["x", "a", 1]], 0) if answers else ([], 1))


def test_a_claim_that_fails_raises_what_the_store_has_raised() -> None:
    class Away(Slow):
        async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
            raise ConnectionError("away")

    with pytest.raises(ConnectionError, match="away"):
        trio.run(ValueQueue(Away(), "q", 10, 2).take)
