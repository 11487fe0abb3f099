"""The orchestrator: it makes claims of artefacts, counts bids, and grants work phase by phase.

All that it knows stands on the board: one that comes back goes on where the last one stopped. A lock sees to it that one
works at a time; each step is a transaction, so that even two would do no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trio

from cogc.sett.board import Board, get_artefact, get_claim, get_grant, offer, put_artefact, put_claim, put_grant
from cogc.sett.command import failure
from cogc.sett.model import (
    CLAIMED,
    CLOSED,
    ORCHESTRATOR,
    PHASES,
    UNWANTED,
    USER,
    Artefact,
    Claim,
    Grant,
    approves,
    new_id,
    text,
)
from cogc.stores.base import Tx

Note = Callable[..., None]
"""Hears of what happens: `note(kind, path, **fields)`."""
CONSENSUS = 45.0
TAKINGS = 3
LOCK = 10.0
PAUSE = 1.0


class Orchestrator:
    """The machine of one instance. `roles` are its agents; `consensus` is how long a claim waits for bids, in seconds."""

    def __init__(
        self, board: Board, roles: list[str], max_reviews: int, note: Note, consensus: float = CONSENSUS
    ) -> None:
        self.board = board
        self.roles = sorted(roles)
        self.max_reviews = max_reviews
        self.note = note
        self.consensus = consensus
        self.id = new_id()
        self.news: list[tuple[str, str, dict[str, Any]]] = []

    async def run(self) -> None:
        """Work until cancelled; a board that cannot be reached is waited for."""
        enlisted = False
        try:
            while True:
                try:
                    if await self.board.lock(ORCHESTRATOR, self.id, LOCK):
                        if not enlisted:
                            await self.board.enlist(self.roles)
                            enlisted = True
                        await self.step()
                    await self.board.wait(PAUSE)
                except ConnectionError as error:
                    self.note("log", ORCHESTRATOR, level="warn", data=str(error))
                    await trio.sleep(PAUSE)
        finally:
            with trio.move_on_after(2, shield=True):
                with suppress(ConnectionError):  # then its time will be over
                    await self.board.unlock(ORCHESTRATOR, self.id)

    async def step(self) -> None:
        """Take in what is new, and move every claim on as far as it goes."""
        store = self.board.store
        now = await store.now()
        for id in await store.transact(lambda tx: tx.members("new")):
            await self._in_one(lambda tx, id=id: self._take_in(tx, id, now))  # type: ignore[misc]
        for claim in await self.board.claims(open_only=True):
            await self._in_one(lambda tx, id=claim.id: self._advance(tx, id, now))  # type: ignore[misc]

    async def _in_one(self, work: Callable[[Tx], Any]) -> None:
        """A transaction whose news are told once it has held."""

        async def fresh(tx: Tx) -> None:
            self.news = []
            await work(tx)

        await self.board.store.transact(fresh)
        for kind, path, fields in self.news:
            self.note(kind, path, **fields)

    async def quiet(self) -> bool:
        """Tell whether nothing is left to do: no artefact is new, no claim open."""

        async def work(tx: Tx) -> bool:
            return not await tx.members("new") and not await tx.members("open")

        return await self.board.store.transact(work)

    def _tell(self, kind: str, path: str, **fields: Any) -> None:
        self.news.append((kind, path, fields))

    # ---- artefacts -----------------------------------------------------------------------------------------

    async def _take_in(self, tx: Tx, id: str, now: float) -> None:
        """An artefact is seen for the first time: it makes a claim, once, or ends the workflow."""
        artefact = await get_artefact(tx, id)
        made = await tx.get(f"claimof:{id}")
        tx.remove("new", id)
        if artefact is None or made is not None:
            return
        self._tell("artefact", artefact.produced_by_role, data=artefact.value())
        if artefact.structural_type == "Terminal":
            tx.put("terminal", id)
        if artefact.structural_type not in CLAIMED:
            return
        if artefact.produced_by_role == USER:  # a person starts something, after an end too
            tx.put("terminal", "")
        claim = Claim(new_id(), id, "pending_consensus", now, now + self.consensus)
        tx.put(f"claimof:{id}", claim.id)
        put_claim(tx, claim)
        self._status(claim)

    def _status(self, claim: Claim) -> None:
        fields: dict[str, Any] = {"claim": claim.id, "artefact": claim.artefact_id, "status": claim.status}
        if claim.reason:
            fields["reason"] = claim.reason
        self._tell("claim", ORCHESTRATOR, **fields)

    # ---- claims --------------------------------------------------------------------------------------------

    async def _advance(self, tx: Tx, id: str, now: float) -> None:
        claim = await get_claim(tx, id)
        if claim is None or claim.status in CLOSED:
            return
        artefact = await get_artefact(tx, claim.artefact_id)
        assert artefact is not None
        if await tx.get("terminal"):
            await self._wind_up(tx, claim, now)
        elif claim.status == "pending_consensus":
            await self._consensus(tx, claim, now)
        else:
            await self._phase(tx, claim, artefact, now)

    async def _consensus(self, tx: Tx, claim: Claim, now: float) -> None:
        """All have bid, or the time for it is over: whoever was silent ignores the claim."""
        bids = await tx.fields(f"claim:{claim.id}:bids")
        silent = [r for r in self.roles if r not in bids]
        if silent and now < claim.deadline:
            return
        claim.bids = {r: bids.get(r, "ignore") for r in self.roles}
        claim.silent = silent
        for role in silent:
            self._tell("log", role, level="warn", data=f"no bid on claim {claim.id}: it counts as ignore")
        if set(claim.bids.values()) <= {"ignore"}:
            claim.reason = UNWANTED
        self._next(tx, claim, "", now)

    def _next(self, tx: Tx, claim: Claim, after: str, now: float) -> None:
        """The next phase that somebody has bid for; behind the last one the claim is complete."""
        phases = list(PHASES)
        for status in phases[phases.index(after) + 1 if after else 0 :]:
            roles = sorted(r for r, bid in claim.bids.items() if bid == PHASES[status])
            if status == "pending_exclusive":
                roles = roles[:1]
            if roles:
                claim.status = status
                claim.grants = [self._grant(tx, claim, r, PHASES[status], now) for r in roles]
                put_claim(tx, claim)
                self._status(claim)
                return
        self._close(tx, claim, "complete", claim.reason)

    def _grant(self, tx: Tx, claim: Claim, role: str, kind: str, now: float, extra: list[str] | None = None) -> str:
        grant = Grant(new_id(), claim.id, role, kind, extra=extra or [], rework=extra is not None)
        offer(tx, grant, now)
        self._tell("grant", role, claim=claim.id, bid=kind, rework=grant.rework)
        return grant.id

    def _close(self, tx: Tx, claim: Claim, status: str, reason: str = "") -> None:
        claim.status, claim.reason = status, reason
        put_claim(tx, claim)
        self._status(claim)

    async def _phase(self, tx: Tx, claim: Claim, artefact: Artefact, now: float) -> None:
        """Work that was granted: whether it is done, and what follows from it."""
        grants = [g for g in [await get_grant(tx, id) for id in claim.grants] if g is not None]
        for grant in grants:
            if grant.state == "taken" and grant.until < now and grant.token >= TAKINGS:
                self._abandon(tx, grant, artefact, now)
        if any(g.state == "failed" for g in grants):
            self._withdraw(tx, grants)
            roles = ", ".join(g.role for g in grants if g.state == "failed")
            self._close(tx, claim, "terminated", f"{roles} failed")
            return
        if not all(g.state == "done" for g in grants):
            return
        results = [r for r in [await get_artefact(tx, g.result) for g in grants] if r is not None]
        if any(r.structural_type == "Question" for r in results):
            self._close(tx, claim, "complete", "a question was asked")
        elif claim.status == "pending_assignment":
            self._close(tx, claim, "complete", "sent back")
        elif claim.status == "pending_review" and (vetoes := [r for r in results if not approves(r.payload)]):
            self._rework(tx, claim, artefact, vetoes, now)
        else:
            self._next(tx, claim, claim.status, now)

    def _abandon(self, tx: Tx, grant: Grant, artefact: Artefact, now: float) -> None:
        """Fail work that was taken again and again, and never answered."""
        reason = f"`{grant.role}` took this {grant.token} times and never answered"
        made = _failure("ToolExecutionFailure", reason, [artefact.id], grant.role, now)
        grant.state, grant.result = "failed", made.id
        put_grant(tx, grant)
        tx.remove(f"offers:{grant.role}", grant.id)
        put_artefact(tx, made)

    def _withdraw(self, tx: Tx, grants: list[Grant]) -> None:
        """Work that nobody has taken is not to be done any more; what is under way may end."""
        for grant in grants:
            if grant.state == "offered":
                grant.state = "failed"
                put_grant(tx, grant)
                tx.remove(f"offers:{grant.role}", grant.id)

    async def _wind_up(self, tx: Tx, claim: Claim, now: float) -> None:
        """The workflow has ended: what is under way may end, nothing more is granted."""
        grants = [g for g in [await get_grant(tx, id) for id in claim.grants] if g is not None]
        self._withdraw(tx, grants)
        if not any(g.state == "taken" and g.until >= now for g in grants):
            for grant in grants:
                tx.remove(f"offers:{grant.role}", grant.id)
            failed = any(g.state == "failed" and g.result for g in grants)
            self._close(tx, claim, "terminated" if failed else "complete", "the workflow has ended")

    def _rework(self, tx: Tx, claim: Claim, artefact: Artefact, vetoes: list[Artefact], now: float) -> None:
        """A rejected artefact goes back to who made it; a person is asked; at the limit it is a failure."""
        claim.reviews = [v.id for v in vetoes]
        producer = artefact.produced_by_role
        if producer in (USER, ORCHESTRATOR):
            words = "; ".join(f"{v.produced_by_role}: {text(v.payload)}" for v in vetoes)
            asked = Artefact(
                new_id(), new_id(), 1, "Question", "Question", f"`{artefact.type}` was rejected: {words}. How should it be?",
                [artefact.id, *claim.reviews], ORCHESTRATOR, now,
            )  # fmt: skip
            put_artefact(tx, asked)
            self._close(tx, claim, "complete", "a question was asked")
        elif producer not in self.roles:
            reason = f"rejected, and the sett has no agent `{producer}`, which made it"
            self._give_up(tx, claim, artefact, "MissingAgentConfiguration", reason, now)
        elif self.max_reviews and artefact.version > self.max_reviews:
            self._give_up(tx, claim, artefact, "MaxIterationsExceeded", f"rejected {artefact.version} times", now)
        else:
            claim.status = "pending_assignment"
            claim.grants = [self._grant(tx, claim, producer, "exclusive", now, claim.reviews)]
            put_claim(tx, claim)
            self._status(claim)

    def _give_up(self, tx: Tx, claim: Claim, artefact: Artefact, type: str, reason: str, now: float) -> None:
        """Terminate the claim on an artefact that was rejected for good."""
        sources = [artefact.id, *claim.reviews]
        put_artefact(tx, _failure(type, reason, sources, ORCHESTRATOR, now))
        self._close(tx, claim, "terminated", reason)


def _failure(type: str, reason: str, sources: list[str], role: str, now: float) -> Artefact:
    return Artefact(new_id(), new_id(), 1, "Failure", type, failure(reason), sources, role, now, reason)
