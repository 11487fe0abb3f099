"""The blackboard: what may be done to it, whatever holds it.

All that must happen at once is one transaction here, so that each store obeys the same rules. Keys are those of the Redis
layout: `artefact:ID`, `claim:ID`, `claim:ID:bids`, `thread:LOGICAL_ID`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from cogc.sett.model import BIDS, CLOSED, CONTEXT, Artefact, Claim, Grant, new_id
from cogc.stores import open_store
from cogc.stores.base import Store, Tx


@asynccontextmanager
async def open_board(name: str, instance: str) -> AsyncIterator[Board]:
    """The blackboard of an instance. ConnectionError where there is no store of this name, or it cannot be reached."""
    async with open_store(name, f"sett:{instance}:") as store:
        yield Board(store)


class Board:
    """A blackboard over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def ping(self) -> None:
        """ConnectionError if the blackboard does not answer."""
        await self.store.now()

    async def wait(self, seconds: float) -> None:
        await self.store.wait(seconds)

    # ---- artefacts -----------------------------------------------------------------------------------------

    async def post(self, artefact: Artefact) -> Artefact:
        """Put an artefact on the board; with its time. ValueError if there is one with its id."""
        made = msgspec.structs.replace(artefact, created_at=artefact.created_at or await self.store.now())

        async def work(tx: Tx) -> None:
            if await tx.get(f"artefact:{made.id}") is not None:
                raise ValueError(f"there is an artefact {made.id} already")
            put_artefact(tx, made)

        await self.store.transact(work)
        return made

    async def artefact(self, id: str) -> Artefact | None:
        return await self.store.transact(lambda tx: get_artefact(tx, id))

    async def latest(self, logical_id: str) -> Artefact | None:
        """The newest version of a thread."""

        async def work(tx: Tx) -> Artefact | None:
            versions = await tx.members(f"thread:{logical_id}")
            return await get_artefact(tx, versions[-1]) if versions else None

        return await self.store.transact(work)

    async def thread(self, logical_id: str) -> list[Artefact]:
        """All versions, the oldest first."""
        return await self.store.transact(lambda tx: _artefacts(tx, f"thread:{logical_id}"))

    async def artefacts(self) -> list[Artefact]:
        """All artefacts, the oldest first."""
        return await self.store.transact(lambda tx: _artefacts(tx, "artefacts"))

    async def context(self, start: Artefact, more: Sequence[str] = (), levels: int = 10) -> list[Artefact]:
        """Return what led to an artefact, and to the artefacts `more`: breadth first over the sources, each thread by its
        newest version, each once, the oldest first. The artefact's own thread is part of it where a source leads there."""
        found: dict[str, Artefact] = {}
        seen: set[str] = set()
        wave = [*start.source_artefacts, *more]
        for _ in range(levels):
            following: list[str] = []
            for id in wave:
                if id in seen:
                    continue
                seen.add(id)
                source = await self.artefact(id)
                newest = await self.latest(source.logical_id) if source is not None else None
                if source is None or newest is None:
                    continue
                seen.add(newest.id)
                found.setdefault(newest.logical_id, newest)
                following += newest.source_artefacts if newest.id != source.id else []
                following += source.source_artefacts
            wave = following
        shown = [a for a in found.values() if a.structural_type in CONTEXT]
        return sorted(shown, key=lambda a: (a.created_at, a.id))

    # ---- claims and bids -----------------------------------------------------------------------------------

    async def claim(self, id: str) -> Claim | None:
        return await self.store.transact(lambda tx: get_claim(tx, id))

    async def claims(self, open_only: bool = False) -> list[Claim]:
        """The oldest first."""

        async def work(tx: Tx) -> list[Claim]:
            found = [await get_claim(tx, id) for id in await tx.members("open" if open_only else "claims")]
            return [c for c in found if c is not None]

        return await self.store.transact(work)

    async def bids(self, claim_id: str) -> dict[str, str]:
        return await self.store.transact(lambda tx: tx.fields(f"claim:{claim_id}:bids"))

    async def bid(self, claim_id: str, role: str, bid: str, failed: str = "") -> bool:
        """Put down a role's bid on a claim that waits for bids, and return whether it counts: the first one holds.

        `failed` says why the agent could not decide; it stands in the role's log.
        """
        if bid not in BIDS:
            raise ValueError(f"a bid is one of {', '.join(BIDS)}, not {bid!r}")
        now = await self.store.now()

        async def work(tx: Tx) -> bool:
            claim = await get_claim(tx, claim_id)
            bids = await tx.fields(f"claim:{claim_id}:bids")
            if claim is None or claim.status != "pending_consensus" or role in bids:
                return False
            tx.set_field(f"claim:{claim_id}:bids", role, bid)
            if failed:
                log = {"stdout": "", "stderr": "", "remarks": [failed], "bid": bid}
                put_log(tx, f"{claim_id}:{role}", role, claim_id, log, now)
            tx.publish("claim_events", claim_id)
            return True

        return await self.store.transact(work)

    async def to_bid_on(self, role: str) -> list[Claim]:
        """The claims that wait for a role's bid."""

        async def work(tx: Tx) -> list[Claim]:
            found = []
            for id in await tx.members("open"):
                claim = await get_claim(tx, id)
                if claim is not None and claim.status == "pending_consensus":
                    if role not in await tx.fields(f"claim:{id}:bids"):
                        found.append(claim)
            return found

        return await self.store.transact(work)

    # ---- grants --------------------------------------------------------------------------------------------

    async def grant(self, id: str) -> Grant | None:
        return await self.store.transact(lambda tx: get_grant(tx, id))

    async def take(self, role: str, owner: str, lease: float, only: str = "") -> Grant | None:
        """The oldest work that a role was granted and nobody does, now the owner's for `lease` seconds; `only` names a claim."""
        now = await self.store.now()

        async def work(tx: Tx) -> Grant | None:
            for id in await tx.members(f"offers:{role}"):
                grant = await get_grant(tx, id)
                if grant is None or (only and grant.claim_id != only):
                    continue
                if grant.state == "offered" or (grant.state == "taken" and grant.until < now):
                    grant.state, grant.owner, grant.until = "taken", owner, now + lease
                    grant.token += 1
                    put_grant(tx, grant)
                    return grant
            return None

        return await self.store.transact(work)

    async def extend(self, grant: Grant, lease: float) -> bool:
        """Hold work for longer; False if it has become somebody else's."""
        now = await self.store.now()

        async def work(tx: Tx) -> bool:
            held = await get_grant(tx, grant.id)
            if held is None or held.state != "taken" or held.token != grant.token:
                return False
            held.until = now + lease
            put_grant(tx, held)
            return True

        return await self.store.transact(work)

    async def give_back(self, grant: Grant) -> None:
        """Work that was taken and not done may be taken again at once."""

        async def work(tx: Tx) -> None:
            held = await get_grant(tx, grant.id)
            if held is not None and held.state == "taken" and held.token == grant.token:
                held.state = "offered"
                put_grant(tx, held)
                tx.publish("claim_events", held.claim_id)

        await self.store.transact(work)

    async def commit(self, grant: Grant, artefact: Artefact, log: dict[str, Any] | None = None) -> bool:
        """Write the result of a piece of work. False, and nothing is written, if the work has become another's meanwhile."""
        made = msgspec.structs.replace(artefact, created_at=await self.store.now())

        async def work(tx: Tx) -> bool:
            held = await get_grant(tx, grant.id)
            if held is None or held.state != "taken" or held.token != grant.token:
                return False
            held.state = "failed" if made.structural_type == "Failure" else "done"
            held.result = made.id
            put_grant(tx, held)
            tx.remove(f"offers:{held.role}", held.id)
            put_artefact(tx, made)
            if log is not None:
                put_log(tx, held.id, held.role, held.claim_id, log, made.created_at)
            tx.publish("claim_events", held.claim_id)
            return True

        return await self.store.transact(work)

    async def enlist(self, roles: list[str]) -> None:
        """Put down which agents there are."""

        async def work(tx: Tx) -> None:
            if await tx.get("roles") != roles:
                tx.put("roles", roles)

        await self.store.transact(work)

    async def roles(self) -> list[str]:
        """Return the agents of whom the board knows: those of the present sett, and those that have a log."""
        present = await self.store.transact(lambda tx: tx.get("roles"))
        return list(dict.fromkeys([*(present or []), *(entry["role"] for entry in await self.logs())]))

    async def logs(self, role: str = "") -> list[dict[str, Any]]:
        """Return what commands wrote and what the cub remarked about them, the oldest first."""

        async def work(tx: Tx) -> list[dict[str, Any]]:
            found = [await tx.get(f"log:{id}") for id in await tx.members("logs")]
            return [f for f in found if f is not None and role in ("", f["role"])]

        return await self.store.transact(work)

    # ---- questions -----------------------------------------------------------------------------------------

    async def questions(self) -> list[Artefact]:
        """Those that nobody has answered, the oldest first."""
        return await self.store.transact(lambda tx: _artefacts(tx, "questions"))

    async def answer(self, question_id: str, text: str) -> Artefact | None:
        """A person's answer: it has the type of what was asked about, so that whoever bids on that bids on it. None if there is
        no such open question."""
        now = await self.store.now()

        async def work(tx: Tx) -> Artefact | None:
            question = await get_artefact(tx, question_id)
            answered = await tx.get(f"answered:{question_id}")
            if question is None or question.structural_type != "Question" or answered is not None:
                return None
            about = await get_artefact(tx, question.source_artefacts[0]) if question.source_artefacts else None
            made = Artefact(
                new_id(), new_id(), 1, "Answer", about.type if about is not None else "Answer", text,
                [question_id, *question.source_artefacts], "user", now,
            )  # fmt: skip
            tx.remove("questions", question_id)
            tx.put(f"answered:{question_id}", made.id)
            put_artefact(tx, made)
            return made

        return await self.store.transact(work)

    # ---- one at a time -------------------------------------------------------------------------------------

    async def lock(self, name: str, owner: str, seconds: float) -> bool:
        """Take or keep a lock; one whose time is over is anybody's."""
        now = await self.store.now()

        async def work(tx: Tx) -> bool:
            held = await tx.get(f"lock:{name}")
            if held is not None and held["owner"] != owner and held["until"] >= now:
                return False
            tx.put(f"lock:{name}", {"owner": owner, "until": now + seconds})
            return True

        return await self.store.transact(work)

    async def locked(self, name: str) -> bool:
        """Return whether somebody holds a lock."""
        now = await self.store.now()
        held = await self.store.transact(lambda tx: tx.get(f"lock:{name}"))
        return held is not None and bool(held["until"] >= now)

    async def unlock(self, name: str, owner: str) -> None:
        async def work(tx: Tx) -> None:
            held = await tx.get(f"lock:{name}")
            if held is not None and held["owner"] == owner:
                tx.put(f"lock:{name}", {"owner": owner, "until": 0.0})

        await self.store.transact(work)


# ---- records -------------------------------------------------------------------------------------------------


async def get_artefact(tx: Tx, id: str) -> Artefact | None:
    value = await tx.get(f"artefact:{id}")
    return None if value is None else msgspec.convert(value, Artefact)


async def _artefacts(tx: Tx, name: str) -> list[Artefact]:
    found = [await get_artefact(tx, id) for id in await tx.members(name)]
    return [a for a in found if a is not None]


def put_artefact(tx: Tx, artefact: Artefact) -> None:
    """Write an artefact into its thread and the sets that it belongs to."""
    tx.put(f"artefact:{artefact.id}", artefact.value())
    tx.add(f"thread:{artefact.logical_id}", artefact.id, float(artefact.version))
    tx.add("artefacts", artefact.id, artefact.created_at)
    tx.add("new", artefact.id, artefact.created_at)
    if artefact.structural_type == "Question":
        tx.add("questions", artefact.id, artefact.created_at)
    tx.publish("artefact_events", artefact.id)


async def get_claim(tx: Tx, id: str) -> Claim | None:
    value = await tx.get(f"claim:{id}")
    return None if value is None else msgspec.convert(value, Claim)


def put_claim(tx: Tx, claim: Claim) -> None:
    tx.put(f"claim:{claim.id}", msgspec.to_builtins(claim))
    tx.add("claims", claim.id, claim.created_at)
    if claim.status in CLOSED:
        tx.remove("open", claim.id)
    else:
        tx.add("open", claim.id, claim.created_at)
    tx.publish("claim_events", claim.id)


async def get_grant(tx: Tx, id: str) -> Grant | None:
    value = await tx.get(f"grant:{id}")
    return None if value is None else msgspec.convert(value, Grant)


def put_grant(tx: Tx, grant: Grant) -> None:
    tx.put(f"grant:{grant.id}", msgspec.to_builtins(grant))


def put_log(tx: Tx, id: str, role: str, claim_id: str, log: dict[str, Any], now: float) -> None:
    """Keep what a command of a role wrote, and what its cub remarked about it."""
    tx.put(f"log:{id}", {**log, "role": role, "claim": claim_id, "at": now})
    tx.add("logs", id, now)


def offer(tx: Tx, grant: Grant, now: float) -> None:
    """Grant work to a role: whoever of it comes first takes it."""
    put_grant(tx, grant)
    tx.add(f"offers:{grant.role}", grant.id, now)
