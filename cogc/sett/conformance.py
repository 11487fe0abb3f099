"""The conformance suite of blackboards: `await check_board(open)`.

`open()` returns an async context manager of a `Board`, each time on the same backend, which is empty at first. An
AssertionError names the rule that the backend breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import trio

from cogc.sett.board import Board, offer, put_claim
from cogc.sett.model import Artefact, Claim, ClaimStatus, Grant, goal, new_id

Open = Callable[[], AbstractAsyncContextManager[Board]]


async def check_board(open: Open, shared: bool = True) -> None:
    """Run all cases on a backend. `shared` says whether two boards that are open at once see each other's changes."""
    async with open() as board:
        for case in (_artefacts, _threads, _bids, _grants, _fences, _questions, _locks, _many_take):
            await case(board)
        if shared:
            async with open() as other:
                await _wakes(board, other)
                await _both_take(board, other)


async def _artefacts(board: Board) -> None:
    made = await board.post(goal("x"))
    assert made.created_at > 0, "an artefact has its time"
    assert await board.artefact(made.id) == made, "an artefact is found as it was posted"
    assert await board.artefact("nope") is None
    try:
        await board.post(made)
    except ValueError:
        pass
    else:
        raise AssertionError("an artefact is never written twice")
    odd = await board.post(Artefact(new_id(), new_id(), 1, "Standard", "T", {"a": [1, None, "ü\n"]}, [made.id], "r"))
    assert (await board.artefact(odd.id)) == odd, "a payload is any JSON"
    assert [a.id for a in await board.artefacts()][-2:] == [made.id, odd.id], "the oldest first"


async def _threads(board: Board) -> None:
    first = await board.post(goal("v1"))
    second = await board.post(Artefact(new_id(), first.logical_id, 2, "Standard", "GoalDefined", "v2", [], "user"))
    assert await board.latest(first.logical_id) == second, "the newest version of a thread"
    assert await board.thread(first.logical_id) == [first, second]
    about = await board.post(Artefact(new_id(), new_id(), 1, "Standard", "T", "", [first.id], "r"))
    assert [a.id for a in await board.context(about)] == [second.id], "context has each thread by its newest version"


async def _claim(board: Board, status: ClaimStatus = "pending_consensus") -> Claim:
    """Post an artefact and put a claim on it."""
    made = await board.post(goal("x"))
    claim = Claim(new_id(), made.id, status, made.created_at, made.created_at + 30)

    async def work(tx: object) -> None:
        put_claim(tx, claim)  # type: ignore[arg-type]

    await board.store.transact(work)
    return claim


async def _bids(board: Board) -> None:
    claim = await _claim(board)
    assert [c.id for c in await board.to_bid_on("A")] == [claim.id]
    assert await board.bid(claim.id, "A", "claim") and not await board.bid(claim.id, "A", "ignore")
    assert await board.bids(claim.id) == {"A": "claim"}, "the first bid holds"
    assert await board.to_bid_on("A") == [] and [c.id for c in await board.to_bid_on("B")] == [claim.id]
    claim.status = "complete"

    async def close(tx: object) -> None:
        put_claim(tx, claim)  # type: ignore[arg-type]

    await board.store.transact(close)
    assert not await board.bid(claim.id, "B", "claim"), "nobody bids on a claim that is closed"
    assert claim.id not in [c.id for c in await board.claims(open_only=True)]


async def _offer(board: Board, role: str) -> Grant:
    """Offer a role a grant on a new claim."""
    claim = await _claim(board, "pending_parallel")
    grant, now = Grant(new_id(), claim.id, role, "claim"), await board.store.now()

    async def work(tx: object) -> None:
        offer(tx, grant, now)  # type: ignore[arg-type]

    await board.store.transact(work)
    return grant


def _result(kind: str = "Standard") -> Artefact:
    return Artefact(new_id(), new_id(), 1, kind, "T", "done", [], "r")


async def _grants(board: Board) -> None:
    made = await _offer(board, "G")
    assert await board.take("other", "me", 30) is None, "work is a role's own"
    taken = await board.take("G", "me", 30)
    assert taken is not None and taken.id == made.id and taken.state == "taken" and taken.token == 1
    assert await board.take("G", "you", 30) is None, "what is taken is nobody else's"
    await board.give_back(taken)
    again = await board.take("G", "you", 30)
    assert again is not None and again.token == 2
    assert await board.commit(again, _result(), {"stdout": "out"})
    held = await board.grant(made.id)
    assert held is not None and held.state == "done" and held.result, "a grant knows what came of it"
    assert (await board.logs("G"))[-1]["stdout"] == "out"
    assert await board.take("G", "you", 30) is None, "what is done is done"


async def _fences(board: Board) -> None:
    await _offer(board, "F")
    frozen = await board.take("F", "frozen", -1)
    assert frozen is not None
    awake = await board.take("F", "awake", 30)
    assert awake is not None and awake.token == frozen.token + 1, "work whose lease is over is taken again"
    late = _result()
    assert not await board.commit(frozen, late), "whoever has lost the lease cannot commit"
    assert await board.artefact(late.id) is None, "and nothing of it is written"
    assert not await board.extend(frozen, 30) and await board.extend(awake, 30)
    assert await board.commit(awake, _result()) and not await board.commit(awake, _result())


async def _questions(board: Board) -> None:
    about = await board.post(goal("about"))
    asked = await board.post(Artefact(new_id(), new_id(), 1, "Question", "Question", "which?", [about.id], "r"))
    assert asked.id in [q.id for q in await board.questions()]
    answer = await board.answer(asked.id, "this")
    assert answer is not None and answer.type == "GoalDefined" and answer.source_artefacts == [asked.id, about.id]
    assert await board.answer(asked.id, "that") is None, "a question is answered once"
    assert asked.id not in [q.id for q in await board.questions()]


async def _locks(board: Board) -> None:
    assert await board.lock("l", "a", 30) and await board.lock("l", "a", 30) and not await board.lock("l", "b", 30)
    await board.unlock("l", "a")
    assert await board.lock("l", "b", -1) and await board.lock("l", "a", 30), "a stale lock is anybody's"


async def _many_take(board: Board) -> None:
    made = {(await _offer(board, "M")).id for _ in range(8)}
    taken: list[str] = []

    async def one(name: str) -> None:
        while (grant := await board.take("M", name, 30)) is not None:
            taken.append(grant.id)
            assert await board.commit(grant, _result())

    async with trio.open_nursery() as nursery:
        for name in "abcd":
            nursery.start_soon(one, name)
    assert sorted(taken) == sorted(made), "each is taken once"


async def _wakes(board: Board, other: Board) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(board.wait, 8)
            await trio.sleep(0.3)
            began = trio.current_time()
            await other.post(goal("news"))
    assert trio.current_time() - began < 3, "who waits hears of what another one does"


async def _both_take(board: Board, other: Board) -> None:
    made = {(await _offer(board, "B")).id for _ in range(10)}
    taken: list[str] = []

    async def one(of: Board) -> None:
        while (grant := await of.take("B", "x", 30)) is not None:
            taken.append(grant.id)
            assert await of.commit(grant, _result())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, board)
        nursery.start_soon(one, other)
    assert sorted(taken) == sorted(made), "each is taken once, by whichever board"
