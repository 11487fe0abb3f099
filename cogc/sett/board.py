"""The blackboard of a sett: the operations of orchestrator, cubs and people, whatever store holds it.

The model
    A board holds artefacts (frozen pieces of work), claims (the work on one artefact) and grants (the part of a claim that
    one role does). `sett/model.py` has their fields. The orchestrator alone writes claims and offers grants. Cubs write
    bids, take grants and commit results. People post goals and answers.
    Every change that must be seen as a whole is one transaction (`stores/base.py`), so the rules are the same in memory,
    in SQLite and in Redis. A transaction may run several times. Ids and the time are therefore made outside of it.

The keys, which are those of the Redis layout of setts (`specs/setts.md`)
    artefact:ID          an artefact; written once
    thread:LOGICAL_ID    set: the versions of one thing, by version
    artefacts            set: all artefacts, by time
    new                  set: the artefacts that the orchestrator has not taken in yet
    questions            set: the questions that nobody has answered; answered:ID then names the answer
    claim:ID             a claim; claims and open are the sets of all claims and of those that are not closed
    claim:ID:bids        hash: the bid of each role
    claimof:ID           the claim that an artefact has made
    grant:ID             a grant; offers:ROLE is the set of grants that the role may take, grants:ID that of all grants of a claim
    log:ID, logs         what commands wrote, and the set of these entries
    roles                the agents of the present sett
    terminal             the Terminal artefact that ended the workflow, or nothing
    lock:NAME            who holds a lock, and until when

    Each change of an artefact or a claim publishes its id on `artefact_events` or `claim_events`. These messages only
    end a `wait` early. Whoever waits looks at the board again in any case.

Invariants
    An artefact is written once and never changed. A new version is a new artefact in the same thread.
    A role bids once on a claim: the first bid holds.
    A grant that is taken belongs to one owner until its lease is over. `token` counts how often it was taken. `extend`,
    `give_back` and `commit` compare the token in their transaction, so a cub that lost its lease cannot write anything.
    A result, the new state of its grant and the log of the command are one transaction: a crash leaves all or none.

A worked example: one goal and one agent that bids `exclusive`
    post(goal)                   artefact:G, and G in `new`
    orchestrator: take in        claim:C (pending_consensus), claimof:G = C, G leaves `new`
    cub: bid(C, Writer, ...)     claim:C:bids = {Writer: exclusive}
    orchestrator: advance        claim:C (pending_exclusive), grant:W (offered), W in offers:Writer
    cub: take(Writer, ...)       grant:W (taken, token 1)
    cub: commit(W, recipe)       grant:W (done, result R), artefact:R, and R in `new`
    orchestrator: advance        claim:C (complete); R is taken in next and makes a claim of its own
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from cogc.sett.echo import Echo
from cogc.sett.model import BIDS, CLOSED, CONTEXT, Artefact, Claim, Grant, new_id
from cogc.stores import open_store
from cogc.stores.base import Store, Tx

LEVELS = 10
"""How deep the context of an artefact is looked for."""


@asynccontextmanager
async def open_sett_store(name: str, instance: str) -> AsyncIterator[Store]:
    """Open the store of an instance's blackboard. In Redis it also keeps the keys of the first system."""
    async with open_store(name, f"sett:{instance}:", Echo(instance)) as store:
        yield store


@asynccontextmanager
async def open_board(name: str, instance: str) -> AsyncIterator[Board]:
    """Open the blackboard of an instance. Raise ConnectionError if there is no store of this name or it cannot be
    reached."""
    async with open_sett_store(name, instance) as store:
        yield Board(store)


class Board:
    """A blackboard over a store. `new_id` gives the ids of new records."""

    def __init__(self, store: Store, new_id: Callable[[], str] = new_id) -> None:
        self.store = store
        self.new_id = new_id

    async def ping(self) -> None:
        """Raise ConnectionError if the blackboard does not answer."""
        await self.store.now()

    async def quiet(self) -> bool:
        """Return whether nothing is left to do: no artefact is new, and no claim is open."""

        async def work(tx: Tx) -> bool:
            return not await tx.members("new") and not await tx.members("open")

        return await self.store.transact(work)

    async def wait(self, seconds: float) -> None:
        """Return when the board has changed, at the latest after so many seconds."""
        await self.store.wait(seconds)

    # ---- artefacts -----------------------------------------------------------------------------------------

    async def post(self, artefact: Artefact) -> Artefact:
        """Put an artefact on the board and return it with its time. An `Answer` closes the question that it names first.

        Raise ValueError if its id is on the board already.
        """
        made = msgspec.structs.replace(artefact, created_at=artefact.created_at or await self.store.now())

        async def work(tx: Tx) -> None:
            if await tx.get(f"artefact:{made.id}") is not None:
                raise ValueError(f"there is an artefact {made.id} already")
            if made.structural_type == "Answer" and made.source_artefacts:
                _close_question(tx, made.source_artefacts[0], made)
            put_artefact(tx, made)

        await self.store.transact(work)
        return made

    async def artefact(self, id: str) -> Artefact | None:
        """Return an artefact by its id, or None."""
        return await self.store.transact(lambda tx: get_artefact(tx, id))

    async def latest(self, logical_id: str) -> Artefact | None:
        """Return the newest version of a thread, or None."""

        async def work(tx: Tx) -> Artefact | None:
            versions = await tx.members(f"thread:{logical_id}")
            return await get_artefact(tx, versions[-1]) if versions else None

        return await self.store.transact(work)

    async def thread(self, logical_id: str) -> list[Artefact]:
        """Return all versions of a thread, the oldest first."""
        return await self.store.transact(lambda tx: _artefacts(tx, f"thread:{logical_id}"))

    async def artefacts(self) -> list[Artefact]:
        """Return all artefacts, the oldest first."""
        return await self.store.transact(lambda tx: _artefacts(tx, "artefacts"))

    async def context(self, start: Artefact, more: Sequence[str] = ()) -> list[Artefact]:
        """Return the artefacts that led to `start` and to the artefacts `more` (ids), the oldest first.

        The search follows `source_artefacts` breadth first, at most `LEVELS` deep. Each thread is represented once, by its
        newest version. The thread of `start` itself is part of the result if a source leads there.
        """
        found: dict[str, Artefact] = {}
        seen: set[str] = set()
        wave = [*start.source_artefacts, *more]
        for _ in range(LEVELS):
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
        """Return a claim by its id, or None."""
        return await self.store.transact(lambda tx: get_claim(tx, id))

    async def claims(self, open_only: bool = False) -> list[Claim]:
        """Return all claims, or the open ones, the oldest first."""

        async def work(tx: Tx) -> list[Claim]:
            found = [await get_claim(tx, id) for id in await tx.members("open" if open_only else "claims")]
            return [c for c in found if c is not None]

        return await self.store.transact(work)

    async def bids(self, claim_id: str) -> dict[str, str]:
        """Return the bids on a claim by role."""
        return await self.store.transact(lambda tx: tx.fields(f"claim:{claim_id}:bids"))

    async def bid(self, claim_id: str, role: str, bid: str, failed: str = "") -> bool:
        """Record a role's bid on a claim. Return False if the claim waits for no bids, or the role has bid already.

        `failed` is the reason why the agent could not decide. It is kept in the role's log. Raise ValueError for an
        unknown bid.
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
        """Return the claims that wait for a role's bid, the oldest first."""

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
        """Return a grant by its id, or None."""
        return await self.store.transact(lambda tx: get_grant(tx, id))

    async def grants(self, claim_id: str) -> list[Grant]:
        """Return all grants of a claim, those of earlier phases too, the oldest first."""

        async def work(tx: Tx) -> list[Grant]:
            found = [await get_grant(tx, id) for id in await tx.members(f"grants:{claim_id}")]
            return [g for g in found if g is not None]

        return await self.store.transact(work)

    async def take(self, role: str, owner: str, lease: float, only: str = "") -> Grant | None:
        """Take the oldest grant of a role that nobody works on, for `lease` seconds. Return None if there is none.

        A grant whose lease is over is taken again, with a new token. `only` restricts the choice to the grants of one claim.
        """
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
        """Renew the lease of a grant. Return False if the grant was taken by another owner, or is done."""
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
        """Offer a grant again that was taken and not done, so that another owner can take it at once."""

        async def work(tx: Tx) -> None:
            held = await get_grant(tx, grant.id)
            if held is not None and held.state == "taken" and held.token == grant.token:
                held.state = "offered"
                put_grant(tx, held)
                tx.publish("claim_events", held.claim_id)

        await self.store.transact(work)

    async def commit(self, grant: Grant, artefact: Artefact, log: dict[str, Any] | None = None) -> bool:
        """Write the result of a grant, with ids if it has none. Return False, and write nothing, if the grant was taken by another owner meanwhile.

        The state of the grant becomes `failed` for an artefact of the kind Failure, else `done`.
        """
        made = msgspec.structs.replace(
            artefact,
            id=artefact.id or self.new_id(),
            logical_id=artefact.logical_id or self.new_id(),
            created_at=await self.store.now(),
        )

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
        """Record the roles of the present sett."""

        async def work(tx: Tx) -> None:
            if await tx.get("roles") != roles:
                tx.put("roles", roles)

        await self.store.transact(work)

    async def roles(self) -> list[str]:
        """Return the roles that the board knows: those of the present sett, and those that have a log."""
        present = await self.store.transact(lambda tx: tx.get("roles"))
        return list(dict.fromkeys([*(present or []), *(entry["role"] for entry in await self.logs())]))

    async def logs(self, role: str = "") -> list[dict[str, Any]]:
        """Return the log entries, or those of one role, the oldest first: what commands wrote, and the remarks of
        the cub."""

        async def work(tx: Tx) -> list[dict[str, Any]]:
            found = [await tx.get(f"log:{id}") for id in await tx.members("logs")]
            return [f for f in found if f is not None and role in ("", f["role"])]

        return await self.store.transact(work)

    # ---- questions -----------------------------------------------------------------------------------------

    async def questions(self) -> list[Artefact]:
        """Return the questions that nobody has answered, the oldest first."""
        return await self.store.transact(lambda tx: _artefacts(tx, "questions"))

    async def answer(self, question_id: str, text: str) -> Artefact | None:
        """Answer an open question on behalf of a person. Return None if there is no such open question.

        The answer has the type of the artefact that was asked about, so the agents that bid on that type bid on the answer.
        """
        now, id, logical_id = await self.store.now(), self.new_id(), self.new_id()

        async def work(tx: Tx) -> Artefact | None:
            question = await get_artefact(tx, question_id)
            answered = await tx.get(f"answered:{question_id}")
            if question is None or question.structural_type != "Question" or answered is not None:
                return None
            about = await get_artefact(tx, question.source_artefacts[0]) if question.source_artefacts else None
            made = Artefact(
                id, logical_id, 1, "Answer", about.type if about is not None else "Answer", text,
                [question_id, *question.source_artefacts], "user", now,
            )  # fmt: skip
            _close_question(tx, question_id, made)
            put_artefact(tx, made)
            return made

        return await self.store.transact(work)

    # ---- one at a time -------------------------------------------------------------------------------------

    async def lock(self, name: str, owner: str, seconds: float) -> bool:
        """Take a lock or renew it, for so many seconds. Return False while another owner holds it."""
        now = await self.store.now()

        async def work(tx: Tx) -> bool:
            held = await tx.get(f"lock:{name}")
            if held is not None and held["owner"] != owner and held["until"] >= now:
                return False
            tx.put(f"lock:{name}", {"owner": owner, "until": now + seconds})
            return True

        return await self.store.transact(work)

    async def locked(self, name: str) -> bool:
        """Return whether a lock is held by anybody."""
        now = await self.store.now()
        held = await self.store.transact(lambda tx: tx.get(f"lock:{name}"))
        return held is not None and bool(held["until"] >= now)

    async def unlock(self, name: str, owner: str) -> None:
        """Release a lock if this owner holds it."""

        async def work(tx: Tx) -> None:
            held = await tx.get(f"lock:{name}")
            if held is not None and held["owner"] == owner:
                tx.put(f"lock:{name}", {"owner": owner, "until": 0.0})

        await self.store.transact(work)


# ---- records -------------------------------------------------------------------------------------------------


async def get_artefact(tx: Tx, id: str) -> Artefact | None:
    """Return an artefact in a transaction, or None."""
    value = await tx.get(f"artefact:{id}")
    return None if value is None else msgspec.convert(value, Artefact)


async def _artefacts(tx: Tx, name: str) -> list[Artefact]:
    found = [await get_artefact(tx, id) for id in await tx.members(name)]
    return [a for a in found if a is not None]


def _close_question(tx: Tx, question_id: str, answer: Artefact) -> None:
    """Write down by which artefact a question is answered."""
    tx.remove("questions", question_id)
    tx.put(f"answered:{question_id}", answer.id)


def put_artefact(tx: Tx, artefact: Artefact) -> None:
    """Write an artefact, and add it to its thread and to the sets that it belongs to."""
    tx.put(f"artefact:{artefact.id}", artefact.value())
    tx.add(f"thread:{artefact.logical_id}", artefact.id, float(artefact.version))
    tx.add("artefacts", artefact.id, artefact.created_at)
    tx.add("new", artefact.id, artefact.created_at)
    if artefact.structural_type == "Question":
        tx.add("questions", artefact.id, artefact.created_at)
    tx.publish("artefact_events", artefact.id)


async def get_claim(tx: Tx, id: str) -> Claim | None:
    """Return a claim in a transaction, or None."""
    value = await tx.get(f"claim:{id}")
    return None if value is None else msgspec.convert(value, Claim)


def put_claim(tx: Tx, claim: Claim) -> None:
    """Write a claim, and keep it in the set of open claims until it is closed."""
    tx.put(f"claim:{claim.id}", msgspec.to_builtins(claim))
    tx.add("claims", claim.id, claim.created_at)
    if claim.status in CLOSED:
        tx.remove("open", claim.id)
    else:
        tx.add("open", claim.id, claim.created_at)
    tx.publish("claim_events", claim.id)


async def get_grant(tx: Tx, id: str) -> Grant | None:
    """Return a grant in a transaction, or None."""
    value = await tx.get(f"grant:{id}")
    return None if value is None else msgspec.convert(value, Grant)


def put_grant(tx: Tx, grant: Grant) -> None:
    """Write a grant."""
    tx.put(f"grant:{grant.id}", msgspec.to_builtins(grant))


def put_log(tx: Tx, id: str, role: str, claim_id: str, log: dict[str, Any], now: float) -> None:
    """Write a log entry: what a command of a role wrote, and what its cub remarked about it."""
    tx.put(f"log:{id}", {**log, "role": role, "claim": claim_id, "at": now})
    tx.add("logs", id, now)


def offer(tx: Tx, grant: Grant, now: float) -> None:
    """Write a grant and offer it to its role: the first owner that comes takes it."""
    put_grant(tx, grant)
    tx.add(f"offers:{grant.role}", grant.id, now)
    tx.add(f"grants:{grant.claim_id}", grant.id, now)
