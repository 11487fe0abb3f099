"""A blackboard in Redis, seen by a client that is written from the documents of the first system and knows nothing of cogc.

`Client` has the first system's keys, fields and channels. It follows a run, gives goals, and takes the part of a cub.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from cogc.sett.board import open_board, open_sett_store
from cogc.sett.echo import Echo, second
from cogc.sett.foreign import listen
from cogc.sett.model import Artefact, goal
from cogc.sett.orchestrator import Orchestrator
from cogc.stores.base import Written
from support.redis import RedisServer, needs_redis
from support.waiting import DEADLINE

NAME = "kitchen"


class Client:
    """A tool of the first system. `heard` has the messages by channel."""

    def __init__(self, redis: Any) -> None:
        self.redis = redis
        self.heard: list[tuple[str, Any]] = []
        self.more = trio.Event()

    async def listen(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with self.redis.pubsub(patterns=[f"holt:{NAME}:*"]) as messages:
            async for message in messages:
                if message["type"] == "psubscribe":
                    task_status.started()
                elif message["data"].startswith("{"):
                    self.heard.append((message["channel"].removeprefix(f"holt:{NAME}:"), json.loads(message["data"])))
                    self.more.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for messages until a condition holds."""
        with trio.fail_after(DEADLINE):
            while not holds():
                self.more = trio.Event()
                await self.more.wait()

    def events(self) -> list[str]:
        return [data["event"] for channel, data in self.heard if channel == "workflow_events"]

    def of(self, channel: str) -> list[Any]:
        return [data for heard, data in self.heard if heard == channel]

    async def hash(self, key: str) -> dict[str, str]:
        return dict(await self.redis.hgetall(f"holt:{NAME}:{key}"))

    async def claim(self, artefact_id: str) -> dict[str, str]:
        id = await self.redis.get(f"holt:{NAME}:claim_by_artefact:{artefact_id}")
        return await self.hash(f"claim:{id}")

    async def post(self, **fields: Any) -> dict[str, Any]:
        """Write an artefact and publish it, as each client of the first system does."""
        found = {
            "version": 1,
            "structural_type": "Standard",
            "source_artefacts": [],
            "created_at_ms": 1_700_000_000_000,
            **fields,
        }
        words = [w for k, v in found.items() for w in (k, v if isinstance(v, str) else json.dumps(v))]
        await self.redis.hset(f"holt:{NAME}:artefact:{found['id']}", dict(zip(words[::2], words[1::2], strict=True)))
        await self.redis.publish(f"holt:{NAME}:artefact_events", json.dumps(found))
        return found

    async def bid(self, claim_id: str, role: str, bid: str) -> None:
        await self.redis.hset(f"holt:{NAME}:claim:{claim_id}:bids", {role: bid})
        data = {"claim_id": claim_id, "agent_name": role, "bid_type": bid}
        await self.redis.publish(f"holt:{NAME}:workflow_events", json.dumps({"event": "bid_submitted", "data": data}))


@asynccontextmanager
async def opened(server: RedisServer, roles: list[str]) -> AsyncIterator[tuple[Any, list[str], Client]]:
    """A board of ours with its orchestrator at work, and a client of the first system."""
    from coredis import Redis

    said: list[str] = []
    async with (
        Redis.from_url(server.url, decode_responses=True, verify_version=False) as redis,
        open_board(server.url, NAME) as board,
        trio.open_nursery() as nursery,
    ):
        client = Client(redis)
        orchestrator = Orchestrator(board, roles, 3, lambda *a, **k: said.append(str(k.get("data"))))
        await nursery.start(client.listen)
        nursery.start_soon(orchestrator.run)
        nursery.start_soon(listen, board.store, NAME, orchestrator.note)
        with trio.fail_after(DEADLINE):
            while not (await redis.pubsub_numsub(f"holt:{NAME}:artefact_events"))[f"holt:{NAME}:artefact_events"]:
                await board.wait(0.02)
        yield board, said, client
        nursery.cancel_scope.cancel()


async def answer(board: Any, role: str, type: str, payload: Any, structural: str = "Standard") -> Artefact:
    """Take the next grant of a role, and answer it, as a cub of ours does."""
    with trio.fail_after(DEADLINE):
        while (grant := await board.take(role, "me", 30.0)) is None:
            await board.wait(0.05)
    claim = await board.claim(grant.claim_id)
    target = await board.artefact(claim.artefact_id)
    again = grant.rework
    made = Artefact(
        board.new_id(), target.logical_id if again else board.new_id(), target.version + 1 if again else 1, structural, type, payload,
        [target.id, *grant.extra], role,
    )  # fmt: skip
    assert await board.commit(grant, made)
    return made


async def bids(board: Any, artefact_id: str, **wanted: str) -> str:
    """Bid for roles on the claim of an artefact, and return its id."""
    with trio.fail_after(DEADLINE):
        while not (found := [c for c in await board.claims() if c.artefact_id == artefact_id]):
            await board.wait(0.05)
    for role, bid in wanted.items():
        await board.bid(found[0].id, role, bid)
    return str(found[0].id)


@needs_redis
def test_a_client_of_the_first_system_follows_a_run_with_a_rework(redis: RedisServer) -> None:
    async def main() -> None:
        async with opened(redis, ["Judge", "Writer"]) as (board, _, client):
            asked = await board.post(goal("a recipe"))
            first = await bids(board, asked.id, Writer="exclusive", Judge="ignore")
            draft = await answer(board, "Writer", "Recipe", {"steps": 1})
            claim = await bids(board, draft.id, Writer="ignore", Judge="review")
            veto = await answer(board, "Judge", "Review", {"issue": "too short"}, "Review")
            again = await answer(board, "Writer", "Recipe", "longer")
            await bids(board, again.id, Writer="ignore", Judge="review")
            await answer(board, "Judge", "Review", "{}", "Review")
            await client.until(lambda: client.events().count("review_approved") == 1)

            seen = await client.hash(f"artefact:{draft.id}")
            assert seen == {
                "id": draft.id, "logical_id": draft.logical_id, "version": "1", "structural_type": "Standard", "type": "Recipe",
                "payload": '{"steps":1}', "source_artefacts": json.dumps([asked.id]), "produced_by_role": "Writer",
                "created_at_ms": seen["created_at_ms"],
            } and len(seen["created_at_ms"]) == 13  # fmt: skip
            assert list(await client.redis.zrange(f"holt:{NAME}:thread:{draft.logical_id}", 0, -1)) == [
                draft.id,
                again.id,
            ]
            assert (await client.hash(f"claim:{first}"))["granted_exclusive_agent"] == "Writer"
            assert await client.hash(f"claim:{first}:bids") == {"Writer": "exclusive", "Judge": "ignore"}

            rejected, sent_back = await client.hash(f"claim:{claim}"), await client.claim(draft.id)
            assert rejected["status"] == "terminated" and rejected["granted_review_agents"] == '["Judge"]'
            assert (
                rejected["termination_reason"]
                == f"Terminated due to negative review feedback. See artefacts: [{veto.id}]"
            )
            assert sent_back["id"] == second(claim) != claim and sent_back["status"] == "complete"
            assert sent_back["granted_exclusive_agent"] == "Writer"
            assert json.loads(sent_back["additional_context_ids"]) == [veto.id]

            assert [a["type"] for a in client.of("artefact_events")] == [
                "GoalDefined",
                "Recipe",
                "Review",
                "Recipe",
                "Review",
            ]
            assert [c["status"] for c in client.of("claim_events")] == [
                "pending_review", "pending_review", "pending_assignment", "pending_review",
            ]  # fmt: skip
            assert [g["claim_type"] for g in client.of("agent:Judge:events")] == ["review", "review"]
            assert client.of("agent:Writer:events") == [
                {"event_type": "grant", "claim_id": first, "claim_type": "exclusive"}
            ]
            assert [e for e in client.events() if e != "bid_submitted"] == [
                "claim_granted", "claim_granted", "review_rejected", "feedback_claim_created", "artefact_reworked", "claim_granted",
                "review_approved",
            ]  # fmt: skip
            assert client.events().count("bid_submitted") == 6

    trio.run(main)


@needs_redis
def test_a_cub_of_the_first_system_works_beside_ours(redis: RedisServer) -> None:
    async def main() -> None:
        async with opened(redis, ["Ours", "Theirs"]) as (board, _, client):
            asked = await client.post(
                id=board.new_id(),
                logical_id=board.new_id(),
                type="GoalDefined",
                payload="build it",
                produced_by_role="user",
            )
            await client.until(lambda: bool(client.of("claim_events")))
            (claim,) = client.of("claim_events")
            assert claim["artefact_id"] == asked["id"] and claim["granted_review_agents"] == []
            await client.bid(claim["id"], "Theirs", "exclusive")
            await bids(board, asked["id"], Ours="ignore")
            await client.until(lambda: bool(client.of("agent:Theirs:events")))
            assert client.of("agent:Theirs:events")[0]["claim_id"] == claim["id"]
            made = await client.post(
                id=board.new_id(), logical_id=board.new_id(), type="Plan", payload="1. build", produced_by_role="Theirs",
                source_artefacts=[asked["id"]],
            )  # fmt: skip
            await bids(board, made["id"], Ours="claim")
            found = await board.artefact(made["id"])
            assert found.payload == "1. build" and found.produced_by_role == "Theirs"
            with trio.fail_after(DEADLINE):
                while (await client.hash(f"claim:{claim['id']}"))["status"] != "complete":
                    await board.wait(0.02)
            assert [a["id"] for a in client.of("artefact_events")] == [asked["id"], made["id"]]
            assert len(await board.artefacts()) == 2

    trio.run(main)


@needs_redis
def test_what_a_client_publishes_wrongly_is_logged_and_left_out(redis: RedisServer) -> None:
    async def main() -> None:
        async with opened(redis, ["A"]) as (board, said, client):
            for text in ("no JSON", '{"id": 1}', '{"id": "x", "structural_type": "Odd"}'):
                await client.redis.publish(f"holt:{NAME}:artefact_events", text)
            stray = {"type": "Doc", "payload": "p", "produced_by_role": "A", "source_artefacts": [board.new_id()]}
            await client.post(id=board.new_id(), logical_id=board.new_id(), **stray)
            asked = await client.post(
                id=board.new_id(), logical_id=board.new_id(), type="GoalDefined", payload="g", produced_by_role="user"
            )
            await bids(board, asked["id"], A="ignore")
            assert [a.type for a in await board.artefacts()] == ["GoalDefined"]
            assert sum("is not understood" in line for line in said) == 3
            assert any("Doc of A answers no grant, and is left out" in line for line in said)

    trio.run(main)


def test_a_claim_that_is_written_again_is_announced_once() -> None:
    echo = Echo("x")
    base = {"id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "artefact_id": "a", "created_at": 1.0, "deadline": 2.0}
    new, bidden = (
        {**base, "status": s, "bids": b} for s, b in (("pending_consensus", {}), ("pending_consensus", {"A": "claim"}))
    )
    key = f"claim:{base['id']}"
    first = echo([Written(key, new)])
    assert [c[0] for c in first] == ["HSET", "SET", "PUBLISH"]
    assert echo([Written(key, bidden, "", new)]) == []
    assert echo([Written("log:1", {}), Written("lock:x", {}), Written("roles", ["A"])]) == []


def test_a_board_elsewhere_has_no_such_keys(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_sett_store(f"sqlite:{tmp_path}/b.db", NAME) as store:
            with trio.move_on_after(0.05):
                await listen(store, NAME, pytest.fail)

    trio.run(main)
